"""How the draws of each group fall into batches, as many for every rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem, counted

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Int64Array


class Batches(NamedTuple):
    """Batches on the tape, those of a group in a row.

    Attributes
    ----------
    group : ndarray of int64, shape (M,)
        Number of each batch's group.
    size : ndarray of int64, shape (M,)
        How many draws of its group each holds.
    """

    group: Int64Array
    size: Int64Array


def count_batches(n_draws: Int64Array, size: int, world_size: int, drop_last: bool) -> int:
    """Count the batches of an epoch of all ranks together.

    Parameters
    ----------
    n_draws : ndarray of int64, shape (groups,)
        Draws of each group.
    size : int
        Draws of its group that a batch holds.
    world_size : int
        The number is a multiple of it.
    drop_last : bool
        Whether draws that fill no batch are left out.

    Raises
    ------
    ConfigError
        There is no batch for every rank.
    """
    if drop_last:
        found = int((n_draws // size).sum())
        n_batches = found // world_size * world_size
    else:
        found = int((-(-n_draws // size)).sum())
        n_batches = -(-found // world_size) * world_size
        n_batches = n_batches if n_draws.sum() >= n_batches else 0
    if n_batches == 0:
        raise ConfigError(
            Problem(
                "no-batches",
                f"{counted(int(n_draws.sum()), 'anchor')} in {counted(len(n_draws), 'group')} make "
                f"{counted(found, 'batch') if found == 1 else f'{found} batches'} of {size}, and "
                f"each of {counted(world_size, 'rank')} needs one.",
                "Choose a smaller batch_size, fewer ranks or wider groups"
                f"{', or drop_last=False' if drop_last else ''}.",
                field="batch_size",
            )
        )
    return n_batches


def lay_batches(
    n_draws: Int64Array, size: int, world_size: int, drop_last: bool, rng: np.random.Generator
) -> Batches:
    """Divide the draws of an epoch into batches; groups come in random order.

    Parameters are those of `count_batches`.
    """
    n_batches = count_batches(n_draws, size, world_size, drop_last)
    order = rng.permutation(len(n_draws))
    if drop_last:
        per_group = n_draws // size
        surplus = int(per_group.sum()) - n_batches
        left_out = rng.permutation(np.repeat(np.arange(len(n_draws)), per_group))[:surplus]
        per_group = per_group - np.bincount(left_out, minlength=len(n_draws))
        group = np.repeat(order, per_group[order])
        return Batches(group, np.full(len(group), size, dtype=np.int64))
    per_group = -(-n_draws // size)
    for _ in range(n_batches - int(per_group.sum())):
        # The group whose batches can best spare draws for one more.
        per_group[np.argmax(n_draws / (per_group + 1) - (n_draws <= per_group) * size)] += 1
    sizes = [_sizes(int(n_draws[number]), int(per_group[number]), size) for number in order]
    return Batches(np.repeat(order, per_group[order]), np.concatenate(sizes))


def _sizes(n_draws: int, n_batches: int, size: int) -> Int64Array:
    """Full batches first; the last ones share the rest evenly."""
    n_last = n_batches - max(0, -(-n_draws // size) - 1)
    while n_last < n_batches and n_draws - size * (n_batches - n_last) < n_last:
        n_last += 1
    full = n_batches - n_last
    rest = n_draws - size * full
    last = np.arange(n_last) < rest % max(n_last, 1)
    last_sizes = rest // max(n_last, 1) + last.astype(np.int64)
    return np.concatenate([np.full(full, size, dtype=np.int64), last_sizes])
