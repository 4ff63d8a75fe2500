"""Patches of the rows of an index, read as training reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Int64Array, Pixels
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.reading.patches import PatchReader


@dataclass(frozen=True, eq=False)
class IndexPatches:
    """Reads the patches of an index; what a review chooses afterwards changes neither.

    Attributes
    ----------
    index : MultiExperimentIndex
    reader : PatchReader
        Has the FOVs of the index, and maybe others.
    """

    index: MultiExperimentIndex
    reader: PatchReader

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

    def fov_numbers(self, rows: Int64Array) -> Int64Array:
        """Give the number of each row's FOV in the reader."""
        number = {source.key: k for k, source in enumerate(self.reader.sources)}
        of_index = np.array([number[source.key] for source in self.index.fovs], dtype=np.int64)
        fov: Int64Array = of_index[self.index.fov_of_row[rows]]
        return fov
