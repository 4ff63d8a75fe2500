"""The cells of a link and of what may have been instead: some frames of each, and around them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.reading.patches import PatchReader
from lineage_triplets.qc.look.pictures.grey import projected
from lineage_triplets.qc.look.shown_pixels import read_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import Float32Array, Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.open.patches import IndexPatches

    Links = tuple[tuple[int, int], ...]
    Read = Float32Array | str

REACH = 3
_SIDES = (2, 3, 4, 6, 8, 12, 16)
_MOST_FIELD_PX = 1024


@dataclass(frozen=True, eq=False)
class LinkLane:
    """A cell up to where a link begins, or from where one ends.

    Attributes
    ----------
    name : str
        ``"a"`` and ``"a'"`` before the link, ``"b"`` and ``"b'"`` after it.
    rows : ndarray of int64, shape (cells,)
        In the order of frames; of one before the last is where the link begins, of one after the
        first is where it ends.
    t : ndarray of int64, shape (cells,)
        Frames.
    track : str
        Of the cell at the link, as in the table, with ``@t`` after a cut.
    limit : {"", "begins", "ends", "divides"}
        Why there are no more cells away from the link; empty where there are.
    """

    name: str
    rows: Int64Array
    t: Int64Array
    track: str
    limit: str


@dataclass(frozen=True, eq=False)
class LinkView:
    """What is to be seen of a link, and of what may have been instead.

    Attributes
    ----------
    patches : IndexPatches
        Rows are of its index.
    before, after : tuple of LinkLane
        Cells that links begin at, and end at; the first of each is of the link that is asked about.
    now, instead : tuple of (int, int)
        Which of `before` the table links to which of `after`; and what would be linked instead.
    frames : (int, int)
        Of the link.
    corner : (int, int)
        First row and column of the pictures around the cells.
    side : int
        Their rows and columns.
    """

    patches: IndexPatches
    before: tuple[LinkLane, ...]
    after: tuple[LinkLane, ...]
    now: Links
    instead: Links
    frames: tuple[int, int]
    corner: tuple[int, int]
    side: int

    @classmethod
    def of(
        cls,
        patches: IndexPatches,
        now: Links,
        instead: Links,
        *,
        asked: tuple[int, int] | None = None,
        reach: int = REACH,
    ) -> LinkView:
        """Collect the cells.

        Parameters
        ----------
        patches : IndexPatches
        now, instead : tuple of (int, int)
            Linked rows, and rows that would be linked instead; two of each end at most.
        asked : (int, int), optional
            The link that is asked about, of either; the first of `now` by default.
        reach : int
            How many frames of each cell.
        """
        index = patches.index
        asked = now[0] if asked is None else asked
        links = (asked, *now, *instead)
        sources = list(dict.fromkeys(source for source, _ in links))
        targets = list(dict.fromkeys(target for _, target in links))
        before = [
            _lane_before(index, row, name, reach)
            for row, name in zip(sources, ("a", "a'"), strict=False)
        ]
        after = [
            _lane_after(index, row, name, reach)
            for row, name in zip(targets, ("b", "b'"), strict=False)
        ]

        def numbered(rows: Links) -> Links:
            return tuple((sources.index(one), targets.index(other)) for one, other in rows)

        corner, side = _field(patches, np.array(sources + targets, dtype=np.int64))
        t = index.observations.t
        return cls(
            patches,
            tuple(before),
            tuple(after),
            numbered(now),
            numbered(instead),
            (int(t[asked[0]]), int(t[asked[1]])),
            corner,
            side,
        )

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        index = self.patches.index
        return index.fovs[int(index.fov_of_row[self.before[0].rows[0]])].experiment

    @property
    def fov(self) -> str:
        """Name of the FOV."""
        index = self.patches.index
        return index.fovs[int(index.fov_of_row[self.before[0].rows[0]])].fov.name

    @property
    def asks_back(self) -> bool:
        """Whether it is asked where b comes from, and not where a goes."""
        new = [link for link in self.instead if link not in self.now]
        return (1, 0) in new and (0, 1) not in new

    def place(self, lane: LinkLane) -> tuple[float, float]:
        """Give the (y, x) of a lane's cell at the link, in pixels of the pictures around it."""
        row = lane.rows[-1 if lane in self.before else 0]
        cells, (top, left) = self.patches.index.observations, self.corner
        return float(cells.y[row]) - top, float(cells.x[row]) - left

    def position(self, lane: LinkLane) -> tuple[float, float, float]:
        """Give the (z, y, x) of a lane's cell at the link in its image."""
        row = lane.rows[-1 if lane in self.before else 0]
        cells = self.patches.index.observations
        return float(np.nan_to_num(cells.z[row])), float(cells.y[row]), float(cells.x[row])


@dataclass(frozen=True, eq=False)
class ShownLink:
    """The pixels of a link: (C, Y, X) float32, maximum over z; a str where they cannot be read.

    Attributes
    ----------
    lanes : dict of str to list
        By a lane's name, of each of its cells.
    centres : dict of str to list of (float, float)
        The (y, x) of each cell inside its patch.
    around : tuple
        The field around all cells, in the frame before the link and in that after it.
    outlines : dict of str to list
        By a lane's name, the outline of each of its cells by its mask, or None; empty if none
        were asked for.
    """

    lanes: dict[str, list[Read]]
    centres: dict[str, list[tuple[float, float]]]
    around: tuple[Read, Read]
    outlines: dict[str, list[Float32Array | None]] = field(default_factory=dict)

    @property
    def whole(self) -> list[Float32Array]:
        """All pictures that could be read; the fields first."""
        found = [*self.around, *(patch for lane in self.lanes.values() for patch in lane)]
        return [values for values in found if not isinstance(values, str)]


@dataclass(frozen=True, eq=False)
class LinkReader:
    """Reads links of one index, one after the other; it keeps what their stores need open."""

    _of_side: dict[int, PatchReader] = field(default_factory=dict)

    def read(self, view: LinkView, *, outlined: bool = False) -> ShownLink:
        """Read a link's patches, with the cells' masks if asked, and what is around them."""
        lanes = (*view.before, *view.after)
        rows = np.concatenate([lane.rows for lane in lanes])

        def patches(chosen: Sequence[int]) -> list[Float32Array]:
            read = view.patches.read(rows[np.asarray(chosen, dtype=np.int64)])
            return [projected(patch) for patch in read]

        def around(chosen: Sequence[int]) -> list[Float32Array]:
            ends = np.array([view.before[0].rows[-1], view.after[0].rows[0]])
            return self._around(view, ends[np.asarray(chosen, dtype=np.int64)])

        values = iter(read_each(patches, range(len(rows))))
        centres = iter(view.patches.centres(rows))
        first, second = read_each(around, range(2))
        found = iter(view.patches.outlines(rows) if outlined else ())
        return ShownLink(
            {lane.name: [next(values) for _ in lane.rows] for lane in lanes},
            {lane.name: [next(centres) for _ in lane.rows] for lane in lanes},
            (first, second),
            {lane.name: [next(found) for _ in lane.rows] for lane in lanes if outlined},
        )

    def _around(self, view: LinkView, rows: Int64Array) -> list[Float32Array]:
        reader = self._of_side.get(view.side)
        if reader is None:
            size = {"yx_patch_size": (view.side, view.side)}
            known = view.patches.reader
            reader = PatchReader(known.sources, known.settings.model_copy(update=size))
            self._of_side[view.side] = reader
        cells = view.patches.index.observations.take(rows)
        middle = np.array(view.corner) + view.side // 2
        y, x = (np.full(len(rows), float(at)) for at in middle)
        here = replace(cells, y_clamp=y, x_clamp=x)
        read = reader.read(here, view.patches.fov_numbers(rows))
        return [projected(picture) for picture in read]


def _field(patches: IndexPatches, rows: Int64Array) -> tuple[tuple[int, int], int]:
    """Give corner and side of the square around some cells: whole patches wide, in the image."""
    index = patches.index
    cells = index.observations.take(rows)
    *_, height, width = index.fovs[int(index.fov_of_row[rows[0]])].fov.shape
    patch = max(patches.reader.settings.yx_patch_size)
    span = max(float(np.ptp(cells.y)), float(np.ptp(cells.x)))
    most = min(_MOST_FIELD_PX, max(height, width))
    side = next((n * patch for n in _SIDES if n * patch >= span + 1.5 * patch), _SIDES[-1] * patch)
    side = min(side, max(most, patch))
    corner = []
    for values, length in ((cells.y, height), (cells.x, width)):
        middle = (float(values.min()) + float(values.max())) / 2
        first = round(middle - side / 2)
        # What is smaller than the field lies in its middle.
        least, last = sorted((0, length - side)) if length >= side else ((length - side) // 2,) * 2
        corner.append(min(max(first, least), last))
    return (corner[0], corner[1]), side


def _lane_before(index: MultiExperimentIndex, row: int, name: str, reach: int) -> LinkLane:
    """Follow a cell back, into its mother."""
    track_of, rows, limit = index.observations.track, [row], ""
    while len(rows) < reach and not limit:
        track, before = int(track_of[rows[0]]), rows[0] - 1
        if before < 0 or track_of[before] != track:
            mother = int(index.forest.parent[track])
            before = -1 if mother < 0 else int(np.searchsorted(track_of, mother, "right")) - 1
            if before < 0 or track_of[before] != mother:
                limit = "begins"
                continue
        rows.insert(0, before)
    return _lane(index, name, rows, row, limit)


def _lane_after(index: MultiExperimentIndex, row: int, name: str, reach: int) -> LinkLane:
    """Follow a cell on, up to where it divides."""
    track_of, rows, limit = index.observations.track, [row], ""
    while len(rows) < reach and not limit:
        track, after = int(track_of[rows[-1]]), rows[-1] + 1
        if after >= len(track_of) or track_of[after] != track:
            daughters = np.flatnonzero(index.forest.parent == track)
            after = len(track_of)
            if len(daughters) == 1:
                after = int(np.searchsorted(track_of, daughters[0]))
            if after >= len(track_of) or track_of[after] != daughters[0]:
                limit = "divides" if len(daughters) > 1 else "ends"
                continue
        rows.append(after)
    return _lane(index, name, rows, row, limit)


def _lane(
    index: MultiExperimentIndex, name: str, rows: list[int], row: int, limit: str
) -> LinkLane:
    found = np.array(rows, dtype=np.int64)
    word = index.names.word(int(index.observations.track[row]))
    return LinkLane(name, found, index.observations.t[found], word, limit)
