"""What links between rows are called, and what would mend one: links to cut, links to make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex

    Cells = tuple[int, int]


class LinkNames:
    """Names the links of an index by its tables' cells, and finds them by their names.

    Parameters
    ----------
    index : MultiExperimentIndex
        With links cut and joined, and nothing excluded.
    joined : iterable of Target
        The links that its tables lack.
    """

    def __init__(self, index: MultiExperimentIndex, joined: Iterable[Target]) -> None:
        self._index = index
        self._joined = frozenset(joined)

    def join(self, source: int, target: int) -> Target:
        """Name a link from row to row as one that the table lacks."""
        t = self._index.observations.t
        return Target(
            "join", *self._place(target), track=str(self._track_id(source)), t=int(t[source]),
            daughter=self._track_id(target), to_t=int(t[target]),
        )  # fmt: skip

    def link(self, source: int, target: int) -> Target:
        """Name the link that there is from row to row: the table's, or a join."""
        join = self.join(source, target)
        if join in self._joined:
            return join
        track, into = self._track_id(source), self._track_id(target)
        return Target(
            "link", *self._place(target), track=str(track),
            t=join.to_t if track == into else None,
            daughter=None if track == into else into,
        )  # fmt: skip

    def row_into(self, link: Target) -> int:
        """Find the row where a link ends; -1 where there is none."""
        index = self._index
        fov = index.fov_number(link.experiment, link.fov)
        track_id = int(link.track) if link.daughter is None else link.daughter
        t = link.t if link.daughter is None else link.to_t
        parts = index.track_columns.parts
        own = parts.of_track(fov, track_id) if fov >= 0 else slice(0, 0)
        rows = [self._rows(int(track), track_id) for track in dict.fromkeys(parts.track[own])]
        found = np.concatenate([np.empty(0, dtype=np.int64), *rows])
        if t is not None:
            found = found[index.observations.t[found] == t]
        return int(found[np.argmin(index.observations.t[found])]) if len(found) else -1

    def repair(self, now: Sequence[Cells], instead: Sequence[Cells]) -> tuple[Target, ...]:
        """Name what links some cells instead of others: what is cut, then what is made.

        Parameters
        ----------
        now, instead : sequence of (int, int)
            Rows of the cells that are linked, and that would be; the first of `now` is doubted.

        Returns
        -------
        tuple of Target
            As `Review.settle` takes it. The cut alone where the other link is one that somebody
            made; nothing where the doubted one is.
        """
        cut = tuple(self.link(*cells) for cells in now if cells not in instead)
        if any(link.level == "join" for link in cut):
            return () if cut[0].level == "join" else cut[:1]
        return *cut, *(self.join(*cells) for cells in instead if cells not in now)

    def _rows(self, track: int, track_id: int) -> Int64Array:
        first, end = np.searchsorted(self._index.observations.track, [track, track + 1])
        rows = np.arange(int(first), int(end))
        own: Int64Array = rows[self._index.track_id_of_row[rows] == track_id]
        return own

    def _track_id(self, row: int) -> int:
        return int(self._index.track_id_of_row[row])

    def _place(self, row: int) -> tuple[str, str]:
        source = self._index.fovs[int(self._index.fov_of_row[row])]
        return source.experiment, source.fov.name
