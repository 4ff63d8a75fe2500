"""Findings in groups: which lines a list has, of heads and of what is in open groups; no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Int64Array

    GroupKey = tuple[str, ...]

GROUPINGS: dict[str, tuple[str, ...]] = {
    "not grouped": (),
    "by kind": ("kind",),
    "by kind, experiment": ("kind", "experiment"),
    "by kind, experiment, FOV": ("kind", "experiment", "fov"),
    "by experiment, FOV": ("experiment", "fov"),
}


def kind_words(kind: str) -> str:
    """``"channel swapped"`` for ``"channel-swapped"``."""
    return kind.replace("-", " ")


@dataclass(frozen=True, eq=False)
class FindingGroup:
    """Findings that have something in common.

    Attributes
    ----------
    key : tuple of str
        What they have in common, the outermost first.
    rows : ndarray of int64
        Of all findings in it, in their order.
    names : tuple of str
        Columns that `key` is of.
    """

    key: GroupKey
    rows: Int64Array
    names: tuple[str, ...]

    @property
    def depth(self) -> int:
        """How many groups it is in."""
        return len(self.key) - 1

    @property
    def label(self) -> str:
        """What tells it from the others of its group."""
        return self.key[-1]

    @property
    def n(self) -> int:
        """How many findings are in it."""
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class GroupedLines:
    """The lines of a list, from the top.

    Attributes
    ----------
    rows : ndarray of int64
        Of the finding in each line; -1 where it is a group's head.
    groups : dict of int to FindingGroup
        By their lines.
    line_of : dict of int to int
        Line of each finding that is shown, by its row.
    """

    rows: Int64Array = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    groups: Mapping[int, FindingGroup] = field(default_factory=dict)
    line_of: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, shown: Int64Array, columns: Mapping[str, NDArray[Any]], opened: Collection[GroupKey]
    ) -> GroupedLines:
        """Arrange findings in groups within groups.

        Parameters
        ----------
        shown : ndarray of int64
            Their rows, in order; groups come in the order of their first.
        columns : mapping of str to ndarray of str
            By what they are grouped, of all rows.
        opened : collection of tuple of str
            Keys of the groups that are open.
        """
        parts: list[Int64Array] = []
        groups: dict[int, FindingGroup] = {}
        n_lines = 0
        for part in _parts(shown, columns, opened, (), ()):
            if isinstance(part, FindingGroup):
                groups[n_lines] = part
                parts.append(np.array([-1], dtype=np.int64))
            else:
                parts.append(part)
            n_lines += len(parts[-1])
        rows = np.concatenate([np.empty(0, dtype=np.int64), *parts])
        lines = np.flatnonzero(rows >= 0)
        return cls(rows, groups, dict(zip(rows[lines].tolist(), lines.tolist(), strict=True)))

    def __len__(self) -> int:
        return len(self.rows)

    def row_at(self, line: int) -> int:
        """Row of the finding in a line; -1 where there is none."""
        return int(self.rows[line]) if 0 <= line < len(self.rows) else -1


def _parts(
    shown: Int64Array,
    columns: Mapping[str, NDArray[Any]],
    opened: Collection[GroupKey],
    key: GroupKey,
    names: tuple[str, ...],
) -> Iterator[FindingGroup | Int64Array]:
    left = [name for name in columns if name not in names]
    if not left:
        yield shown
        return
    name = left[0]
    values, first, code = np.unique(columns[name][shown], return_index=True, return_inverse=True)
    order = np.argsort(code.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(code.ravel(), minlength=len(values)))
    for number in np.argsort(first):
        own = shown[np.sort(order[ends[number - 1] if number else 0 : ends[number]])]
        group = FindingGroup((*key, str(values[number])), own, (*names, name))
        yield group
        if group.key in opened:
            yield from _parts(own, columns, opened, group.key, group.names)
