"""Anchors of train, validation and test: by share or by name, with no lineage on two sides."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from lineage_triplets.engine.errors import (
    ConfigError,
    Problem,
    UnknownNameError,
    choices,
    counted,
    nearest,
    shown,
)
from lineage_triplets.engine.pairs.randomness import epoch_salt, streams, text_key

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Int64Array, UInt64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex

_log = logging.getLogger(__name__)

SplitBy = Literal["lineage", "fov", "well", "condition", "experiment"]
Side = Literal["train", "val", "test"]
SIDES: tuple[Side, ...] = get_args(Side)
_NOBODY = -1
_SALT = 0


@dataclass(frozen=True, eq=False)
class Split:
    """Which anchors are for what.

    Attributes
    ----------
    train, val, test : ndarray of int64
        Numbers of anchors, in ascending order: rows of ``index.valid_anchors``, which are the
        numbers of the dataset.
    side_of_row : ndarray of int64, shape (rows of ``index.tracks``,)
        0, 1, 2 for train, val, test; -1 for none. Rows that are no anchors have one too.
    words : str
        What was asked for and what was reached.
    """

    train: Int64Array
    val: Int64Array
    test: Int64Array
    side_of_row: Int64Array
    words: str

    def anchors(self, side: Side) -> Int64Array:
        """Give the anchors of one side."""
        return (self.train, self.val, self.test)[SIDES.index(side)]

    def rows(self, side: Side) -> BoolArray:
        """Tell which rows of ``index.tracks`` are of one side."""
        of_side: BoolArray = self.side_of_row == SIDES.index(side)
        return of_side


def split_anchors(
    index: MultiExperimentIndex,
    by: SplitBy = "lineage",
    *,
    train: float | Sequence[str] | None = None,
    val: float | Sequence[str] | None = 0.2,
    test: float | Sequence[str] | None = None,
    seed: int = 0,
) -> Split:
    """Split the anchors of an index, whole groups to each side.

    A lineage lies within a FOV, a FOV within a well, and so on: none is ever on two sides, nor are
    an anchor and its positives. What is drawn follows from the seed and the groups' names alone.

    Parameters
    ----------
    index : MultiExperimentIndex
    by : {"lineage", "fov", "well", "condition", "experiment"}
        What stays together.
    train, val, test : float or sequence of str, optional
        A share of all anchors, met as nearly as the groups allow; or the groups by name, a FOV or
        well as ``"A/1/0"`` in all experiments or ``"experiment/A/1/0"`` in one. `train` is by
        default all that is left; the others are not made where they are None or 0.
    seed : int
        Which groups are drawn.

    Raises
    ------
    ConfigError
        A side would be empty, shares are more than all, a group is named for two sides.
    UnknownNameError
        There is no such group.

    Examples
    --------
    >>> from lineage_triplets import MultiExperimentIndex
    >>> from lineage_triplets.training import split_anchors
    >>> index = MultiExperimentIndex.from_config("experiments.yml")
    >>> split = split_anchors(index, by="experiment", val=["late"])
    >>> len(split.train) + len(split.val) == len(index.anchor_rows)
    True
    >>> set(index.valid_anchors.experiment[split.val])
    {'late'}
    """
    if by not in get_args(SplitBy):
        raise _refused("by", f"nothing is split by {by!r}.", f"By: {choices(get_args(SplitBy))}.")
    groups = _Groups.build(index, by)
    asked = dict(zip(SIDES, (train, val, test), strict=True))
    side_of_group = np.full(len(groups.names), _NOBODY, dtype=np.int64)
    shares: dict[int, float] = {}
    for number, (side, given) in enumerate(asked.items()):
        if given is None:
            continue
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            if not 0 <= given <= 1:
                raise _refused(side, f"{given:g} is no share.", "Give a number from 0 to 1.")
            if given:
                shares[number] = float(given)
        else:
            _name(side_of_group, groups, number, _checked_names(side, given))
    _add_rest(shares, asked, side_of_group, groups)
    wanted = [
        number
        for number, given in enumerate(asked.values())
        if (number == 0 if given is None else given not in (0, 0.0))
    ]
    _draw(side_of_group, groups, shares, seed)
    side_of_anchor = side_of_group[groups.of_anchor]
    of_train, of_val, of_test = (np.flatnonzero(side_of_anchor == side) for side in range(3))
    for number, anchors in enumerate((of_train, of_val, of_test)):
        if number in wanted and not len(anchors):
            raise _empty(index, by, SIDES[number], groups, len(wanted), shares)
    # Groups without anchors are in nobody's way: what negatives are drawn from may have them.
    if asked["train"] is None:
        side_of_group[(side_of_group == _NOBODY) & (groups.n_anchors == 0)] = 0
    words = _words(by, groups, side_of_group, wanted, shares, rest=asked["train"] is None)
    _log.info("%s", words)
    return Split(of_train, of_val, of_test, side_of_group[groups.of_row], words)


@dataclass(frozen=True, eq=False)
class _Groups:
    """What stays together.

    Attributes
    ----------
    names : list of str
    also : dict of str to list of int
        Names that stand for several groups: of a FOV or well, without the experiment.
    of_row : ndarray of int64, shape (rows,)
    of_anchor : ndarray of int64, shape (anchors,)
    n_anchors : ndarray of int64, shape (groups,)
    """

    names: list[str]
    also: dict[str, list[int]]
    of_row: Int64Array
    of_anchor: Int64Array
    n_anchors: Int64Array

    @classmethod
    def build(cls, index: MultiExperimentIndex, by: SplitBy) -> _Groups:
        """Group the rows of an index."""
        also: dict[str, list[int]] = {}
        if by == "lineage":
            names = index.names.of_tracks(np.flatnonzero(index.forest.parent < 0))
            of_row = index.forest.lineage[index.observations.track]
        else:
            own = [
                {
                    "fov": source.fov.name,
                    "well": source.fov.well_name,
                    "condition": source.condition,
                    "experiment": source.experiment,
                }[by]
                for source in index.fovs
            ]
            in_one = by in {"fov", "well"}
            full = [
                f"{source.experiment}/{name}" if in_one else name
                for source, name in zip(index.fovs, own, strict=True)
            ]
            names = list(dict.fromkeys(full))
            place = {name: number for number, name in enumerate(names)}
            of_fov = np.array([place[name] for name in full], dtype=np.int64)
            of_row = of_fov[index.fov_of_row]
            if in_one:
                for name, whole in zip(own, full, strict=True):
                    numbers = also.setdefault(name, [])
                    if place[whole] not in numbers:
                        numbers.append(place[whole])
        of_anchor = of_row[index.anchor_rows]
        return cls(names, also, of_row, of_anchor, np.bincount(of_anchor, minlength=len(names)))

    def find(self, name: str, side: str) -> list[int]:
        """Numbers of the groups that a name stands for."""
        found = [number for number, known in enumerate(self.names) if known == name]
        found = found or self.also.get(name, [])
        if not found:
            known = [*self.names, *self.also]
            raise UnknownNameError(
                Problem("unknown-group", f"there is no {name!r}.", nearest(name, known), field=side)
            )
        return found


def _checked_names(side: str, given: object) -> list[str]:
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Sequence) or not all(isinstance(name, str) for name in given):
        raise _refused(side, f"{shown(given)} is neither a share nor names.", "Give one of them.")
    return list(given)


def _name(side_of_group: Int64Array, groups: _Groups, side: int, names: list[str]) -> None:
    for name in names:
        for number in groups.find(name, SIDES[side]):
            taken = side_of_group[number]
            if taken not in {_NOBODY, side}:
                raise _refused(
                    SIDES[side],
                    f"{groups.names[number]!r} is named for {SIDES[taken]} too.",
                    "Name it once.",
                )
            side_of_group[number] = side


def _add_rest(
    shares: dict[int, float],
    asked: dict[Side, float | Sequence[str] | None],
    side_of_group: Int64Array,
    groups: _Groups,
) -> None:
    """Check that shares are not more than what is left, and give `train` the rest."""
    total = max(int(groups.n_anchors.sum()), 1)
    left = float(groups.n_anchors[side_of_group == _NOBODY].sum()) / total
    asked_for = sum(shares.values())
    # Shares that are given beside names are of all anchors; rounding is no reason to refuse.
    if asked_for > left + 1e-9:
        listed = ", ".join(f"{SIDES[number]} {share:g}" for number, share in shares.items())
        raise _refused(
            SIDES[min(shares)],
            f"{listed} is more than the {left:.3g} of all anchors that there is to share.",
            "Lower a share.",
        )
    if asked["train"] is None and left > asked_for:
        shares[0] = left - asked_for


def _draw(side_of_group: Int64Array, groups: _Groups, shares: dict[int, float], seed: int) -> None:
    """Give the groups that are not named to the sides that have shares."""
    free = np.flatnonzero((side_of_group == _NOBODY) & (groups.n_anchors > 0))
    keys: UInt64Array = np.array([text_key(groups.names[number]) for number in free], np.uint64)
    order = free[np.argsort(streams(keys, epoch_salt(seed, _SALT)), kind="stable")]
    sizes = groups.n_anchors[order]
    sides = sorted(shares)
    total = int(groups.n_anchors.sum())
    wanted = np.array([shares[side] * total for side in sides])
    spare = float(sizes.sum()) - wanted.sum()
    # What no side asks for is a side of its own while groups are drawn.
    if spare > 0.5:
        sides, wanted = [*sides, _NOBODY], np.append(wanted, spare)
    if not sides:
        return
    given = np.zeros(len(sides))
    drawn = np.zeros(len(order), dtype=np.int64)
    for place, size in enumerate(sizes.tolist()):
        # The side that is emptiest for its share, once this group is in it.
        drawn[place] = int(np.argmin((given + size) / wanted))
        given[drawn[place]] += size
    _fill_empty(drawn, sizes, len(sides))
    _even_out(drawn, sizes, wanted)
    side_of_group[order] = np.array(sides, dtype=np.int64)[drawn]


def _fill_empty(drawn: Int64Array, sizes: Int64Array, n_sides: int) -> None:
    """Give every side a group while there are sides with several."""
    for side in range(n_sides):
        n_groups = np.bincount(drawn, minlength=n_sides)
        if n_groups[side]:
            continue
        can_give = np.flatnonzero(n_groups[drawn] > 1)
        if len(can_give):
            drawn[can_give[np.argmin(sizes[can_give])]] = side


def _even_out(drawn: Int64Array, sizes: Int64Array, wanted: np.ndarray) -> None:
    """Move and exchange groups between sides while that brings the sides nearer to their shares."""
    n_sides = len(wanted)
    while True:
        excess = np.bincount(drawn, weights=sizes, minlength=n_sides) - wanted
        n_groups = np.bincount(drawn, minlength=n_sides)
        best: tuple[float, int, int, int, int] | None = None
        for giver in range(n_sides):
            for taker in range(n_sides):
                if giver == taker or excess[giver] <= excess[taker]:
                    continue
                gain, give, take = _best_exchange(
                    np.flatnonzero(drawn == giver),
                    np.flatnonzero(drawn == taker),
                    sizes,
                    (excess[giver], excess[taker]),
                    may_move=n_groups[giver] > 1,
                )
                if gain > 1e-6 and (best is None or gain > best[0]):
                    best = (gain, give, take, giver, taker)
        if best is None:
            return
        _, give, take, giver, taker = best
        drawn[give] = taker
        if take >= 0:
            drawn[take] = giver


def _best_exchange(
    of_giver: Int64Array,
    of_taker: Int64Array,
    sizes: Int64Array,
    excess: tuple[float, float],
    *,
    may_move: bool,
) -> tuple[float, int, int]:
    """Find the group to give, and the one to take for it (-1: none), that gain most.

    The gain is how much nearer both sides come to their shares together.
    """
    if not len(of_giver):
        return 0.0, -1, -1
    takers = of_taker[np.argsort(sizes[of_taker], kind="stable")]
    candidates = np.concatenate([[-1], takers]) if may_move else takers
    if not len(candidates):
        return 0.0, -1, -1
    taken = np.where(candidates >= 0, sizes[candidates], 0)
    ideal = (excess[0] - excess[1]) / 2
    near = np.searchsorted(taken, sizes[of_giver] - ideal)
    best = (0.0, -1, -1)
    before = abs(excess[0]) + abs(excess[1])
    for side in (-1, 0):
        place = np.clip(near + side, 0, len(taken) - 1)
        moved = sizes[of_giver] - taken[place]
        gain = before - np.abs(excess[0] - moved) - np.abs(excess[1] + moved)
        top = int(np.argmax(gain))
        if gain[top] > best[0]:
            best = (float(gain[top]), int(of_giver[top]), int(candidates[place[top]]))
    return best


def _words(
    by: SplitBy,
    groups: _Groups,
    side_of_group: Int64Array,
    wanted: list[int],
    shares: dict[int, float],
    *,
    rest: bool,
) -> str:
    total = int(groups.n_anchors.sum())
    has_anchors = groups.n_anchors > 0
    parts = []
    for number in wanted:
        of_side = has_anchors & (side_of_group == number)
        n_anchors = int(groups.n_anchors[of_side].sum())
        asked = f", {shares[number]:.1%} asked for" if number in shares else ", by name"
        if rest and number == 0:
            asked = ""
        parts.append(
            f"{SIDES[number]} {counted(n_anchors, 'anchor')} of {_plural(int(of_side.sum()), by)} "
            f"({n_anchors / total:.1%}{asked})"
        )
    left = has_anchors & (side_of_group == _NOBODY)
    if left.any():
        n_left = int(groups.n_anchors[left].sum())
        parts.append(f"on no side {counted(n_left, 'anchor')} of {_plural(int(left.sum()), by)}")
    return f"split by {by}: {'; '.join(parts)}"


def _plural(number: int, by: str) -> str:
    return counted(number, "FOV" if by == "fov" else by)


def _empty(
    index: MultiExperimentIndex,
    by: SplitBy,
    side: Side,
    groups: _Groups,
    n_sides: int,
    shares: dict[int, float],
) -> ConfigError:
    with_anchors = [
        name for name, n in zip(groups.names, groups.n_anchors.tolist(), strict=True) if n
    ]
    found = f"anchors lie in {_plural(len(with_anchors), by)} ({choices(with_anchors)})"
    if len(with_anchors) >= n_sides:
        remedy = "Name other groups, or change the shares."
    else:
        n_groups = {
            other: int((_Groups.build(index, other).n_anchors > 0).sum())
            for other in get_args(SplitBy)
        }
        remedy = _other_ways({other: n for other, n in n_groups.items() if n >= n_sides}, shares)
    return _refused(side, f"split by {by}, {side} has no anchor: {found}.", remedy)


def _other_ways(n_groups: dict[SplitBy, int], shares: dict[int, float]) -> str:
    """Say what can be split by, which has so many groups, and how that is written."""
    if not n_groups:
        return "No way to split gives each side a group: leave a side out, as by val=0."
    held = {SIDES[number]: share for number, share in shares.items() if number}
    if not held or sum(held.values()) >= 1:
        held = {"val": 0.2}
    finest = next(iter(n_groups))
    arguments = ", ".join(f"{name}={share:g}" for name, share in held.items())
    keys = ", ".join(f'"{name}": {share:g}' for name, share in held.items())
    ways = " or ".join(f"{by} ({n})" for by, n in n_groups.items())
    return (
        f'Split by {ways}: split_anchors(index, by="{finest}", {arguments}), or in the data '
        f'module split={{"by": "{finest}", {keys}}}.'
    )


def _refused(field: str, message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem("split", message, remedy, field=field))
