"""Which slot of each experiment corresponds to which of the others: posterior over all orders."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64Array = NDArray[np.float64]
    Int64Array = NDArray[np.int64]

_EACH_WRONG = 0.02
_MOST_JOINT_ORDERS = 20_000
_MOST_SLOTS_PERMUTED = 5


@dataclass(frozen=True, eq=False)
class SlotMatch:
    """What the slots really hold.

    Attributes
    ----------
    likeness : ndarray, shape (experiments, slots, slots)
        Probability that a slot of an experiment holds what each slot holds by right. By right is
        what most experiments have; of two experiments that differ either may be wrong.
    together : ndarray, shape (experiments, experiments, slots, slots)
        Probability that a slot of the first holds what a slot of the second does.
    """

    likeness: Float64Array
    together: Float64Array


def match_slots(cost: Float64Array) -> SlotMatch:
    """Weigh all orders of the slots of all experiments.

    Parameters
    ----------
    cost : ndarray, shape (experiments, experiments, slots, slots)
        Minus log likelihood that a slot of the first holds what a slot of the second does.
    """
    n, n_slots = cost.shape[0], cost.shape[2]
    orders = _orders(n_slots)
    # cost_of[a, b, p, q]: experiments a and b in orders p and q.
    cost_of = np.zeros((n, n, len(orders), len(orders)))
    for content in range(n_slots):
        cost_of += cost[:, :, orders[:, content][:, None], orders[:, content][None]]
    if n_slots <= _MOST_SLOTS_PERMUTED and len(orders) ** n <= _MOST_JOINT_ORDERS:
        joint, weight = _all_joint_orders(cost_of, orders)
    else:
        joint, weight = _near_the_best(cost_of, orders)
    holds = np.eye(n_slots)[np.argsort(orders, axis=1)[joint]]
    together = np.einsum("h,haik,hbjk->abij", weight, holds, holds, optimize=True)
    return SlotMatch(np.einsum("h,haik->aik", weight, holds), together)


def _orders(n_slots: int) -> Int64Array:
    """Orders of the slots, (orders, contents); the first is the one they are in."""
    if n_slots <= _MOST_SLOTS_PERMUTED:
        return np.array(list(permutations(range(n_slots))), dtype=np.int64)
    orders = [np.arange(n_slots)]
    for pair in combinations(range(n_slots), 2):
        order = np.arange(n_slots)
        order[list(pair)] = pair[::-1]
        orders.append(order)
    return np.array(orders, dtype=np.int64)


def _all_joint_orders(cost_of: Float64Array, orders: Int64Array) -> tuple[Int64Array, Float64Array]:
    """Every joint order, (joint orders, experiments), with its probability.

    Costs tell which experiments agree; which of them are right follows from their number.
    """
    n, n_orders = len(cost_of), len(orders)
    # With the first experiment as it is, each way to agree and differ is there once.
    free = np.indices((n_orders,) * (n - 1)).reshape(n - 1, -1)
    classes = np.concatenate([np.zeros((1, free.shape[1]), dtype=np.int64), free]).T
    cost = np.zeros(len(classes))
    for a, b in combinations(range(n), 2):
        cost += cost_of[a, b][classes[:, a], classes[:, b]]
    likely = np.exp(cost.min() - cost)
    likely /= likely.sum()
    number_of = {order: number for number, order in enumerate(map(tuple, orders.tolist()))}
    renamed = np.array(
        [[number_of[tuple(one[other])] for other in orders] for one in orders], dtype=np.int64
    )
    joint = renamed[classes].transpose(0, 2, 1)
    by_number = _EACH_WRONG ** (joint != 0).sum(axis=2)
    weight = likely[:, None] * by_number / by_number.sum(axis=1, keepdims=True)
    return joint.reshape(-1, n), weight.reshape(-1)


def _near_the_best(cost_of: Float64Array, orders: Int64Array) -> tuple[Int64Array, Float64Array]:
    """The best joint order, and those in which one experiment is otherwise."""
    n, n_orders = len(cost_of), len(orders)
    others = ~np.eye(n, dtype=bool)
    best = np.zeros(n, dtype=np.int64)
    for _ in range(2 * n):
        # Cost of each experiment in each order, the others as they are.
        cost = np.stack([cost_of[a, others[a], :, best[others[a]]].sum(axis=0) for a in range(n)])
        gain = cost[np.arange(n), best] - cost.min(axis=1)
        worst = int(np.argmax(gain))
        if gain[worst] <= 0:
            break
        best[worst] = cost[worst].argmin()
    joint = np.repeat(best[None], n * n_orders, axis=0)
    joint[np.arange(n * n_orders), np.repeat(np.arange(n), n_orders)] = np.tile(
        np.arange(n_orders), n
    )
    cost = np.stack([cost_of[a, others[a], :, best[others[a]]].sum(axis=0) for a in range(n)])
    likely = np.exp(cost.min(axis=1, keepdims=True) - cost)
    likely /= likely.sum(axis=1, keepdims=True)
    share = likely / np.maximum(likely[np.arange(n), best][:, None], 1e-300)
    weight = np.where(np.arange(n_orders)[None] == best[:, None], 1 / n, share).ravel()
    return joint, weight / weight.sum()
