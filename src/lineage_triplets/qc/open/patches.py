"""Patches of the rows of an index, read as training reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.masks.cells import labels_at, outline

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float32Array, Float64Array, Int64Array, Pixels
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.reading.masks import MaskReaders
    from lineage_triplets.engine.reading.patches import PatchReader


@dataclass(frozen=True, eq=False)
class IndexPatches:
    """Reads the patches of an index; what a review chooses afterwards changes neither.

    Attributes
    ----------
    index : MultiExperimentIndex
    reader : PatchReader
        Has the FOVs of the index, and maybe others.
    masks : MaskReaders
        Of the reader's FOVs.
    """

    index: MultiExperimentIndex
    reader: PatchReader
    masks: MaskReaders

    def read(self, rows: Int64Array) -> Pixels:
        """Read the patches of some rows: (B, C, Z, Y, X).

        Raises
        ------
        StoreError, ChunkError
            Pixels cannot be read.
        """
        return self.reader.read(self.index.observations.take(rows), self.fov_numbers(rows))

    def centres(self, rows: Int64Array) -> list[tuple[float, float]]:
        """Give the (y, x) of each row's cell inside its patch, in pixels of the patch."""
        observations = self.index.observations.take(rows)
        _, top, left = self.reader.corners(observations, self.fov_numbers(rows))
        inside = zip(observations.y - top, observations.x - left, strict=True)
        return [(float(y), float(x)) for y, x in inside]

    def outlines(self, rows: Int64Array) -> list[Float32Array | None]:
        """Give the outline of each row's cell in its patch, as `outline` does.

        Of a stack it is that of all its slices, seen from above. None where there are no masks,
        none of this cell, or where they cannot be read.
        """
        cells, fovs = self.index.observations.take(rows), self.fov_numbers(rows)
        corners = np.stack(self.reader.corners(cells, fovs), axis=1)
        _, *size = self.reader.patch_shape
        places = np.stack([np.nan_to_num(cells.z), cells.y, cells.x], axis=1)
        return [
            self._outline(fov, t, corner, size, place)
            for fov, t, corner, place in zip(
                fovs.tolist(), cells.t.tolist(), corners, places, strict=True
            )
        ]

    def _outline(
        self, fov: int, t: int, corner: Int64Array, size: list[int], place: Float64Array
    ) -> Float32Array | None:
        masks = self.masks.of(fov)
        if masks is None:
            return None
        low = np.maximum(corner, 0)
        high = np.minimum(corner + size, self.reader.sources[fov].fov.shape[2:])
        try:
            window = masks.read(t, *map(slice, low.tolist(), high.tolist()))
        except StoreError:
            return None
        label = labels_at(window, place - low)[0]
        if not label:
            return None
        inside = (low - corner)[1:]
        found = outline((window == label).any(axis=0))
        return found + np.tile(inside, 2).astype(np.float32)

    def fov_numbers(self, rows: Int64Array) -> Int64Array:
        """Give the number of each row's FOV in the reader."""
        number = {source.key: k for k, source in enumerate(self.reader.sources)}
        of_index = np.array([number[source.key] for source in self.index.fovs], dtype=np.int64)
        fov: Int64Array = of_index[self.index.fov_of_row[rows]]
        return fov
