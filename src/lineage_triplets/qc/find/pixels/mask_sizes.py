"""Masks against the table, frame by frame: cells without a mask, and cells that halve for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import StoreError, counted
from lineage_triplets.engine.masks.cells import labels_at
from lineage_triplets.engine.reading.masks import masks_stamp, open_masks
from lineage_triplets.engine.tracks.formats.masks import label_cells
from lineage_triplets.qc.find.checks import PixelCheck, ScannedFov, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array, Pixels

# A cell rounds up as it divides: what is around the link is not compared.
_ROUNDED_MINUTES, _COMPARED_MINUTES = 60.0, 90.0
_LEAST_COMPARED = 3
_MOST_SHARE = 0.75
_LEAST_DEVIATIONS = 4.0
_FEWEST_LINKS = 30
# Masks that are simply not all tracked, or cells that nobody outlined, are no fault.
_MANY_WITHOUT = 0.02


class MaskScan:
    """Measures each cell by its mask in every frame; without masks it does nothing."""

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        self._fault: StoreError | None = None
        try:
            self._masks = open_masks(fov.source)
        except StoreError as error:
            self._masks = None
            # Of masks that the config names, loading says it.
            if not fov.source.labels_path and not fov.source.labels_name:
                self._fault = error
        self._size = np.full(len(fov.t), np.nan)
        self._is_whole = np.zeros(len(fov.t), dtype=bool)
        self._n_unnamed = 0

    def see(self, t: int, _image: Pixels) -> None:
        """Read the masks of a frame."""
        fov, masks = self._fov, self._masks
        if masks is None or not masks.masks.has(t):
            return
        try:
            mask = masks.frame(t)
        except StoreError as error:
            self._fault = self._fault or error
            return
        first, last = np.searchsorted(fov.t, [t, t + 1])
        places = np.stack([np.nan_to_num(fov.z), fov.y, fov.x], axis=1)[first:last]
        known = label_cells([(t, mask)])
        own = labels_at(mask, places, known).astype(np.int64)
        # Labels are sorted; a cell without one has no size.
        labels, sizes = np.append(0, known.label), np.append(0, known.n_pixels)
        self._size[first:last] = sizes[np.searchsorted(labels, own)]
        rim = [side.ravel() for end in (0, -1) for side in (mask[:, end], mask[..., end])]
        self._is_whole[first:last] = ~np.isin(own, np.concatenate(rim))
        self._n_unnamed += int((~np.isin(known.label, own)).sum())

    def findings(self) -> Iterator[Finding]:
        """Give what masks that cannot be used are, cells without one, and cells that halve."""
        if self._fault is not None:
            yield self._unusable(self._fault)
        if np.isfinite(self._size).any():
            yield from self._without()
            yield from self._halved()

    def _unusable(self, error: StoreError) -> Finding:
        problem = error.problems[0]
        return Finding(
            kind="unusable-masks",
            severity="note",
            sentence=f"Masks are not used: {problem.message}",
            remedy=problem.remedy,
            **self._where(),
        )

    def _without(self) -> Iterator[Finding]:
        fov = self._fov
        known = np.isfinite(self._size)
        bare = np.flatnonzero(known & (self._size == 0))
        if not len(bare):
            return
        share = len(bare) / int(known.sum())
        first = ", ".join(f"track {fov.track_id[row]} in frame {fov.t[row]}" for row in bare[:3])
        yield Finding(
            kind="cell-without-mask",
            severity="warning" if share > _MANY_WITHOUT else "note",
            sentence=f"{counted(len(bare), 'cell')} of {int(known.sum()):,} lie in no mask: {first}"
            f"{', …' if len(bare) > 3 else ''}; {counted(self._n_unnamed, 'label')} of masks are "
            "no cell's.",
            remedy="A few may be lost between tools; many mean that these masks are of another "
            "movie, or that positions are no pixels: look at the outlines.",
            tracks=tuple(dict.fromkeys(fov.track_id[bare].tolist())),
            evidence=(
                Evidence("cells without a mask", float(len(bare))),
                Evidence("labels without a cell", float(self._n_unnamed)),
            ),
            count=len(bare),
            **self._where(),
        )

    def _halved(self) -> Iterator[Finding]:
        """Tracks whose cell is much smaller from a frame on: it divided, or is another cell."""
        fov = self._fov
        row, change, is_clear = self._changes()
        if len(row) < _FEWEST_LINKS:
            return
        middle = float(np.median(change))
        usual = middle - float(np.quantile(change, 0.16))
        most = min(np.log(_MOST_SHARE), middle - _LEAST_DEVIATIONS * usual)
        taken: set[int] = set()
        for place in np.argsort(change, kind="stable").tolist():
            if change[place] > most:
                return
            near = (fov.track_id[row] == fov.track_id[row[place]]) & (
                np.abs(fov.t[row] - fov.t[row[place]]) <= self._skip + self._compared
            )
            if is_clear[place] and not taken & set(np.flatnonzero(near).tolist()):
                taken.add(place)
                yield self._smaller(int(row[place]), float(np.exp(change[place])))

    @property
    def _skip(self) -> int:
        return max(1, round(_ROUNDED_MINUTES / self._fov.interval_minutes))

    @property
    def _compared(self) -> int:
        return max(_LEAST_COMPARED, round(_COMPARED_MINUTES / self._fov.interval_minutes))

    def _changes(self) -> tuple[Int64Array, Float64Array, BoolArray]:
        """Rows of cells inside tracks; how their size changes there, in logarithms; how clearly.

        Of masks that come and go no change is clear: a cell is once as large again.
        """
        fov, skip, width = self._fov, self._skip, self._compared
        # What lies at the border may be larger than it is seen.
        seen = np.flatnonzero((self._size > 0) & self._is_whole)
        order = seen[np.lexsort((fov.t[seen], fov.track_id[seen]))]
        size, track = np.log(self._size[order]), fov.track_id[order]
        reach = skip + width
        link = np.arange(reach - 1, len(order) - reach + 1)
        if not len(link):
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool)
        first, last = link - reach + 1, link + reach - 1
        whole = (track[first] == track[last]) & (
            fov.t[order[last]] - fov.t[order[first]] < 4 * reach
        )
        link = link[whole]
        after = np.array([size[link + skip + k] for k in range(width)])
        before = np.array([size[link - skip - k] for k in range(width)])
        change = np.median(after, axis=0) - np.median(before, axis=0)
        is_clear: BoolArray = after.max(axis=0) < before.min(axis=0)
        # The link is where it shrinks at once, near there.
        steps = np.diff(size, prepend=size[:1])
        near = np.array([steps[link + k] for k in range(1 - skip, skip + 1)])
        at = link + near.argmin(axis=0) + 1 - skip if len(link) else link
        return order[at], change, is_clear

    def _smaller(self, row: int, share: float) -> Finding:
        fov = self._fov
        track, t = int(fov.track_id[row]), int(fov.t[row])
        where = self._where()
        target = Target("link", where["experiment"], where["fov"], str(track), t=t)
        return Finding(
            kind="halved-cell",
            severity="warning",
            sentence=f"The cell of track {track} is {100 * share:.0f} % as large from frame {t} on "
            "as it was, by its masks, and stays so.",
            remedy="Look at both frames: if it divided, link the other daughter or cut here; cut "
            "if the tracker took another cell.",
            tracks=(track,),
            t=t,
            evidence=(Evidence("size after", 100 * share, "%"),),
            settled_by=(
                (target,),
                (Target("track", where["experiment"], where["fov"], str(track)),),
            ),
            **where,
        )

    def _where(self) -> dict[str, Any]:
        source = self._fov.source
        return {"experiment": source.experiment, "fov": source.fov.name}


KINDS = ("halved-cell", "cell-without-mask", "unusable-masks")
register(PixelCheck("mask-sizes", KINDS, 1, MaskScan, masks_stamp))
