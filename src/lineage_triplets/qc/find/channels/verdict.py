"""Which slot each channel looks like, beside the other experiments: a pure function of signatures.

Every way of putting the slots of all experiments into correspondence has a cost: how unlike the
channels are that it puts together, in units of how unlike experiments of one stain are. The
posterior over these ways gives the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Literal

import numpy as np

from lineage_triplets.qc.find.channels.signature import FEATURES, ChannelSignature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.arrays import Float64Array, Int64Array


Status = Literal["same", "swapped", "differs", "unlike", "cannot-tell", "blank", "alone"]
SURE = 0.9
LIKELY = 0.75
EACH_WRONG = 0.02

_WITHIN = 0.5
_TEMPER = 0.5
_TAIL = 16.0
# Pairs of one stain lie at squared distances of 0.1 to 8, the most unlike cultures at 15 to 30;
# pairs of two that a person tells apart mostly at 15 to 60.
_EVEN_DISTANCE, _ODDS_SLOPE = 16.0, 0.2
_ALIKE, _UNLIKE, _UNLIKE_AMONG_SLOTS = 0.85, 0.9, 0.99
_MOST_JOINT_ORDERS = 20_000
_MOST_SLOTS_PERMUTED = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a slot of an experiment looks like.

    Attributes
    ----------
    status : str
        "same": like this slot elsewhere; "swapped": like another slot of the others; "differs":
        not the same as in some others, and nothing tells which is wrong; "unlike": like no slot
        of the others; "cannot-tell": slots look alike; "blank": nothing to see; "alone": no other
        experiment to compare with.
    sure : float
        From 0 to 1, how sure that is; of "cannot-tell" how likely the likeliest is.
    looks_like : int or None
        Of "swapped" and "differs" the slot of the others that it looks like.
    others : tuple of str
        The experiments that it is like; of "differs" and "unlike" those that it is unlike.
    better : int or None
        Zarr index of a channel in no slot that looks more like this slot than the chosen one.
    better_sure : float
    likeness : tuple of float
        Probability that it shows what each slot shows elsewhere.
    """

    status: Status
    sure: float
    looks_like: int | None = None
    others: tuple[str, ...] = ()
    better: int | None = None
    better_sure: float = 0.0
    likeness: tuple[float, ...] = ()


def verdicts(
    signatures: Mapping[str, Sequence[ChannelSignature]],
    channel_maps: Mapping[str, Mapping[int, int]],
) -> dict[tuple[str, int], Verdict]:
    """Judge every slot of every experiment.

    Parameters
    ----------
    signatures : mapping of str to sequence of ChannelSignature
        For an experiment, all channels of its store.
    channel_maps : mapping of str to mapping of int to int
        For an experiment, the zarr index of every slot.
    """
    chosen = {
        name: [signatures[name][channel_map[slot]] for slot in sorted(channel_map)]
        for name, channel_map in channel_maps.items()
        if signatures.get(name)
    }
    names = [name for name in chosen if any(channel.usable for channel in chosen[name])]
    panel = _Panel(names, signatures, chosen)
    result: dict[tuple[str, int], Verdict] = {}
    for name, channel_map in channel_maps.items():
        for place, slot in enumerate(sorted(channel_map)):
            result[name, slot] = panel.verdict(name, place)
    return result


class _Panel:
    """All experiments beside each other.

    Parameters
    ----------
    names : list of str
        Experiments in which there is something to see.
    signatures : mapping
        All channels of all experiments.
    chosen : mapping
        The channels in the slots.
    """

    def __init__(
        self,
        names: list[str],
        signatures: Mapping[str, Sequence[ChannelSignature]],
        chosen: Mapping[str, Sequence[ChannelSignature]],
    ) -> None:
        self.names, self.signatures, self.chosen = names, signatures, chosen
        if len(names) < 2:
            return
        self.metric = Metric.of([c for name in names for c in chosen[name] if c.usable])
        n, n_slots = len(names), len(chosen[names[0]])
        cost = np.zeros((n, n, n_slots, n_slots))
        for a, b in combinations(range(n), 2):
            cost[a, b] = self.metric.costs(chosen[names[a]], chosen[names[b]])
            cost[b, a] = cost[a, b].T
        self.match = match_slots(cost / np.sqrt(n - 1))
        # odds[slot, a, b]: that two experiments show one stain there.
        self.odds = np.stack(
            [
                self.metric.log_odds_of_same([chosen[name][slot] for name in names])
                for slot in range(n_slots)
            ]
        )

    def verdict(self, name: str, slot: int) -> Verdict:
        """Judge one slot."""
        if name not in self.chosen:
            return Verdict("cannot-tell", 0.0)
        own = self.chosen[name][slot]
        if not own.usable:
            return Verdict("blank" if own.n_patches else "cannot-tell", float(own.n_patches > 0))
        others = [
            experiment
            for experiment in self.names
            if experiment != name and self.chosen[experiment][slot].usable
        ]
        if not others:
            return Verdict("alone", 0.0)
        by_order = self._by_order(name, slot, others)
        # Where another experiment is swapped, its slot is no measure of this one.
        like = list(by_order.others)
        return self._with_better(self._by_itself(by_order, name, slot, like), name, slot, like)

    def _by_order(self, name: str, slot: int, others: list[str]) -> Verdict:
        """Judge by how the slots of all experiments fit together best."""
        number = self.names.index(name)
        likeness = tuple(float(p) for p in self.match.likeness[number, slot])
        best = int(np.argmax(likeness))
        numbers = {other: self.names.index(other) for other in others}
        to_others = {other: self.match.together[number, numbers[other], slot] for other in others}
        # Of those that differ, a third that is like both would be on the side of the more.
        alike = max(float(there[best]) for there in to_others.values())
        if likeness[best] >= LIKELY and alike >= LIKELY:
            status: Status = "same" if best == slot else "swapped"
            looks_like = None if best == slot else best
            like = tuple(other for other, there in to_others.items() if there[best] > 0.5)
            sure = min(likeness[best], alike)
            return Verdict(status, sure, looks_like, like, likeness=likeness)
        unlike = tuple(other for other, there in to_others.items() if there[slot] <= 1 - LIKELY)
        if not unlike:
            sure = max(float(there.max()) for there in to_others.values())
            return Verdict("cannot-tell", sure, None, tuple(others), likeness=likeness)
        sure = 1 - min(float(to_others[other][slot]) for other in unlike)
        theirs = int(to_others[unlike[0]].argmax())
        return Verdict("differs", sure, theirs, unlike, likeness=likeness)

    def _by_itself(self, verdict: Verdict, name: str, slot: int, others: list[str]) -> Verdict:
        """Judge whether it shows the others' stain at all; with one slot this is all there is."""
        alone = len(verdict.likeness) == 1
        if verdict.status not in {"same", "cannot-tell"}:
            return verdict
        number, numbers = self.names.index(name), [self.names.index(other) for other in others]
        to_others = self.odds[slot, number, numbers]
        same = _probability(to_others.sum() / np.sqrt(len(others)))
        if same <= 1 - (_UNLIKE if alone else _UNLIKE_AMONG_SLOTS):
            among = self.odds[slot][np.ix_(numbers, numbers)][np.triu_indices(len(others), 1)]
            if among.size and np.median(among) > 0:
                return replace(verdict, status="unlike", sure=1 - same)
            unlike = tuple(other for other, odds in zip(others, to_others, strict=True) if odds < 0)
            return replace(verdict, status="differs", sure=1 - same, others=unlike)
        if alone:
            status: Status = "same" if same >= _ALIKE else "cannot-tell"
            return replace(verdict, status=status, sure=same)
        return verdict

    def _with_better(self, verdict: Verdict, name: str, slot: int, others: list[str]) -> Verdict:
        """Add a channel in no slot that looks more like this slot, if there is one."""
        if verdict.looks_like is not None:
            return verdict
        own = self.chosen[name][slot]
        in_slots = {channel.zarr_index for channel in self.chosen[name]}
        candidates = [own, *(c for c in self.signatures[name] if c.usable and c is not own)]
        reference = [self.chosen[other][slot] for other in others]
        cost = self.metric.costs(candidates, reference).sum(axis=1) / np.sqrt(len(others))
        best = int(np.argmin(cost))
        sure = _probability(cost[0] - cost[best])
        if candidates[best].zarr_index in in_slots or sure < SURE:
            return verdict
        return replace(verdict, better=candidates[best].zarr_index, better_sure=sure)


@dataclass(frozen=True, eq=False)
class Metric:
    """How unlike two channels are, beside what experiments of one stain differ by.

    Attributes
    ----------
    inverse : ndarray of float64, shape (features, features)
        Inverse covariance of the difference of two experiments that show one stain.
    """

    inverse: Float64Array

    @classmethod
    def of(cls, channels: Sequence[ChannelSignature], *, between: float = 1.0) -> Metric:
        """Take what is expected, and widen it by how cells of one experiment differ.

        Where cells differ much, experiments may hold them in other shares: a stain that comes
        and goes with the cell cycle says less than one that every cell has.

        Parameters
        ----------
        channels : sequence of ChannelSignature
        between : float
            How much what is compared differs, as a share of what experiments do.
        """
        tau = between * np.array([feature.between_experiments for feature in FEATURES])
        within = np.mean([channel.covariance for channel in channels], axis=0)
        few = np.mean(
            [channel.covariance / (channel.n_patches - channel.n_blank) for channel in channels],
            axis=0,
        )
        same: Float64Array = 2 * (np.diag(tau**2) + _WITHIN**2 * within + few)
        inverse: Float64Array = np.linalg.inv(same).astype(np.float64)
        return cls(inverse)

    def costs(
        self, some: Sequence[ChannelSignature], others: Sequence[ChannelSignature]
    ) -> Float64Array:
        """Cost of taking each of some for each of the others; 0 where there is nothing to see."""
        squared = self._squared_distance(some, others)
        usable = np.outer([c.usable for c in some], [c.usable for c in others])
        # Far out, more distance says little more: the tail is that of Student's distribution.
        return np.where(usable, _TEMPER * _TAIL / 2 * np.log1p(squared / _TAIL), 0.0)

    def log_odds_of_same(self, channels: Sequence[ChannelSignature]) -> Float64Array:
        """Log odds that two channels show one stain, as a matrix."""
        return _ODDS_SLOPE * (_EVEN_DISTANCE - self._squared_distance(channels, channels))

    def _squared_distance(
        self, some: Sequence[ChannelSignature], others: Sequence[ChannelSignature]
    ) -> Float64Array:
        means = (
            np.stack([channel.mean for channel in some]),
            np.stack([other.mean for other in others]),
        )
        apart = np.nan_to_num(means[0][:, None] - means[1])
        squared: Float64Array = np.einsum("abf,fg,abg->ab", apart, self.inverse, apart)
        return squared


def _probability(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(log_odds, -30, 30))))


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
    orders = slot_orders(n_slots)
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


def slot_orders(n_slots: int) -> Int64Array:
    """Orders of some slots, (orders, slots); the first is the one they are in."""
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
        [[number_of[tuple(order[other])] for other in orders] for order in orders], dtype=np.int64
    )
    joint = renamed[classes].transpose(0, 2, 1)
    by_number = EACH_WRONG ** (joint != 0).sum(axis=2)
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
