"""Chunks that are pipes: tensorstore would wait for somebody to write into them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lineage_triplets.engine.files import odd_kind
from lineage_triplets.engine.plates.coordinates import CANONICAL_AXES
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.plates.zarr_json import ArrayForm

    Side = range | tuple[int, ...]

_MOST_KEPT = 100_000


class PipeWatch:
    """Looks at the files that boxes touch, before they are read; at those of a place once."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, tuple[Side, ...]]] = set()

    def find(
        self, path: str, form: ArrayForm, axes: Sequence[str], box: Sequence[slice | Sequence[int]]
    ) -> str:
        """Name the first file that is a pipe; empty where none is. A device counts as absent.

        Parameters
        ----------
        path : str
            Folder or URL of the array.
        form : ArrayForm
        axes : sequence of str
            The array's own.
        box : sequence of slice or of int
            Of (t, c, z, y, x).
        """
        files = form.files
        if files is None or is_url(path):
            return ""
        asked = dict(zip(CANONICAL_AXES, box, strict=True))
        sides = tuple(
            _touched(asked[axis], size) for axis, size in zip(axes, files.shape, strict=True)
        )
        if (path, sides) in self._seen:
            return ""
        for place in itertools.product(*sides):
            file = f"{path}/{files.key(place)}"
            if odd_kind(file) == "a pipe":
                return file
        if len(self._seen) >= _MOST_KEPT:
            self._seen.clear()
        self._seen.add((path, sides))
        return ""


def _touched(asked: slice | Sequence[int], size: int) -> Side:
    """Files that a part of an axis touches."""
    if isinstance(asked, slice):
        return range(asked.start // size, (asked.stop - 1) // size + 1)
    return tuple(sorted({number // size for number in asked}))
