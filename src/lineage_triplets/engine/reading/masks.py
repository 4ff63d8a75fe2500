"""Masks read window by window, through tensorstore or tifffile; opened when they are first read."""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import Problem, StoreError, TrackTableError
from lineage_triplets.engine.plates.remote import answer, first_line
from lineage_triplets.engine.plates.zarr_json import array_form
from lineage_triplets.engine.reading.cache import CachePools
from lineage_triplets.engine.reading.pipes import PipeWatch
from lineage_triplets.engine.reading.tensorstore import canonical_view, open_array
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.engine.tracks.formats.base import TrackSource
from lineage_triplets.engine.tracks.formats.mask_tiff import MaskTiff

if TYPE_CHECKING:
    from collections.abc import Sequence

    import tensorstore as ts
    from numpy.typing import NDArray

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.masks.find import Masks
    from lineage_triplets.engine.plates.zarr_json import ArrayForm

_CACHE_BYTES = 64 * 2**20


class MaskReader:
    """Reads the labels of a FOV's cells; for any thread.

    Parameters
    ----------
    masks : Masks
    """

    def __init__(self, masks: Masks) -> None:
        self.masks = masks
        self._lock = threading.Lock()
        self._store: ts.TensorStore | None = None
        self._form: ArrayForm
        self._pipes = PipeWatch()
        self._frames: OrderedDict[int, NDArray[Any]] = OrderedDict()
        self._tiff_lock = threading.Lock()
        self._tiff: tuple[tuple[int, int], MaskTiff] | None = None

    def __getstate__(self) -> dict[str, object]:
        return {"masks": self.masks}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["masks"])  # type: ignore[misc]

    def read(self, t: int, z: slice, y: slice, x: slice) -> NDArray[Any]:
        """Read a window of one frame of the image.

        Parameters
        ----------
        t : int
        z, y, x : slice
            Inside the image. Masks of one slice are those of all slices.

        Returns
        -------
        ndarray of uint32 or uint64, shape (Z, Y, X)
            Labels; 0 where there is no cell, and in frames without masks.

        Raises
        ------
        StoreError
            They are damaged, absent or not what they were.
        """
        masks = self.masks
        shape = [part.stop - part.start for part in (z, y, x)]
        if not masks.has(t):
            return np.zeros(shape, masks.dtype)
        own = t + masks.first_frame
        depth = z if masks.depth > 1 else slice(0, 1)
        if masks.axes:
            return np.broadcast_to(self._of_zarr(own, depth, y, x), shape)
        return np.broadcast_to(self._of_tiff(own)[depth, y, x], shape)

    def frame(self, t: int) -> NDArray[Any]:
        """Read all of a frame, (Z, Y, X), of the masks' own depth; raises as `read`."""
        _, depth, height, width = self.masks.shape
        slices = min(depth, self.masks.depth)
        return self.read(t, slice(0, slices), slice(0, height), slice(0, width))

    def _of_zarr(self, t: int, z: slice, y: slice, x: slice) -> NDArray[Any]:
        masks = self.masks
        try:
            with self._lock:
                if self._store is None:
                    self._form = array_form(masks.path)
                    opening = open_array(
                        masks.path,
                        masks.zarr_format,
                        CachePools.of(_CACHE_BYTES).context(),
                        fill_absent=True,
                    )
                    view = canonical_view(answer(opening), masks.axes)
                    if tuple(view.shape[2:]) != (masks.depth, *masks.shape[2:]):
                        raise ValueError(f"their shape is {view.shape} now")
                    self._store = view
            whole = slice(t, t + 1), slice(0, 1), z, y, x
            pipe = self._pipes.find(masks.path, self._form, masks.axes, whole)
            if pipe:
                raise ValueError(f"{pipe} is a pipe, and no file")
            return np.asarray(answer(self._store[t, 0, z, y, x].read())).astype(masks.dtype)
        except (ValueError, OSError) as error:
            raise self._fault(t, first_line(error)) from error

    def _of_tiff(self, t: int) -> NDArray[Any]:
        """A frame, decoded now or lately."""
        with self._lock:
            if t in self._frames:
                self._frames.move_to_end(t)
                return self._frames[t]
        masks = self.masks
        shape = masks.depth, *masks.shape[2:]
        try:
            if masks.frames:
                file = masks.frames[t]
                found = MaskTiff(TrackSource(file), file).read()
            else:
                found = self._of_one_tiff(t * math.prod(shape), (t + 1) * math.prod(shape))
            frame = found.reshape(shape).astype(masks.dtype)
        except (TrackTableError, OSError, ValueError) as error:
            told = error.problems[0].message if isinstance(error, TrackTableError) else error
            raise self._fault(t, told) from error
        with self._lock:
            self._frames[t] = frame
            while len(self._frames) > 1 and self._held_bytes() > _CACHE_BYTES:
                self._frames.popitem(last=False)
        return frame

    def _of_one_tiff(self, begin: int, end: int) -> NDArray[Any]:
        """Pixels of the TIFF that has all frames; where its pages are is looked up once."""
        file = Path(self.masks.path)
        with self._tiff_lock:
            status = file.stat()
            stamp = status.st_mtime_ns, status.st_size
            if self._tiff is None or self._tiff[0] != stamp:
                self._tiff = stamp, MaskTiff(TrackSource(file), file)
            return self._tiff[1].read(begin, end)

    def _held_bytes(self) -> int:
        return sum(frame.nbytes for frame in self._frames.values())

    def _fault(self, t: int, why: object) -> StoreError:
        return StoreError(
            Problem(
                "unusable-masks",
                f"the masks of frame {t} cannot be read: {why}.",
                "Restore them; nothing else needs them.",
                "warning",
                file=self.masks.path,
            )
        )


class MaskReaders:
    """The masks of some FOVs, each found when it is first asked for; for any thread.

    Parameters
    ----------
    sources : sequence of FovSource
    """

    def __init__(self, sources: Sequence[FovSource]) -> None:
        self._sources = tuple(sources)
        self._found: dict[int, MaskReader | Problem | None] = {}

    def of(self, number: int) -> MaskReader | None:
        """Give the masks of a FOV by its number; None where there are none that can be used."""
        found = self._look(number)
        return found if isinstance(found, MaskReader) else None

    def fault(self, number: int) -> Problem | None:
        """Say why there are masks that cannot be used; None where that is not so."""
        found = self._look(number)
        return found if isinstance(found, Problem) else None

    def _look(self, number: int) -> MaskReader | Problem | None:
        if number not in self._found:
            self._found[number] = _open(self._sources[number])
        return self._found[number]


def open_masks(source: FovSource) -> MaskReader | None:
    """Give what reads the masks of a FOV; None where there are none, raises as its `masks`."""
    masks = source.masks()
    return None if masks is None else MaskReader(masks)


def masks_stamp(source: FovSource) -> str:
    """Say which masks a FOV has, so that others are told from them; nothing remote is asked."""
    named = [source.labels_path, source.labels_name]
    if is_url(source.fov.path) or is_url(source.labels_path):
        return json.dumps(named)
    try:
        masks = source.masks()
        if masks is None:
            return json.dumps(named)
        place = Path(masks.path).stat()
    except OSError as error:
        return json.dumps([*named, str(error)])
    told = [masks.path, masks.n_frames, masks.depth, place.st_mtime_ns, place.st_size]
    return json.dumps([*named, *told])


def _open(source: FovSource) -> MaskReader | Problem | None:
    try:
        return open_masks(source)
    except StoreError as error:
        return error.problems[0]
