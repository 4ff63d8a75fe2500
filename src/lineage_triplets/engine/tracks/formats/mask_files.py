"""Files of masks: one TIFF a frame, one TIFF, or a zarr array; which frame each is, and labels."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import TrackTableError, choices
from lineage_triplets.engine.tracks.formats.glimpse import Glimpse
from lineage_triplets.engine.tracks.formats.mask_tiff import WHAT, MaskTiff

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from lineage_triplets.engine.tracks.formats.base import TrackSource

TIFF_ENDINGS = (".tif", ".tiff")
_NUMBER = re.compile(r"\d+")


def mask_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Give the TIFFs in a folder, and the zarr arrays and groups."""
    entries = Glimpse(folder).entries
    tiffs = [entry for entry in entries if entry.name.lower().endswith(TIFF_ENDINGS)]
    zarrs = [entry for entry in entries if Glimpse(entry).attributes is not None]
    return tiffs, zarrs


def of_tiffs(source: TrackSource, files: list[Path]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Read one TIFF a frame, or all frames of one TIFF.

    Raises
    ------
    TrackTableError
        A file is damaged, of another size or has no labels; names do not say the frame.
    """
    if len(files) == 1:
        yield from _of_one_tiff(source, files[0])
        return
    form: tuple[int, ...] = ()
    for t, file in zip(frame_numbers(source, files), files, strict=True):
        tiff = MaskTiff(source, file)
        mask = checked(source, file, tiff.read().reshape(tiff.shape))
        form = form or mask.shape
        if mask.shape != form:
            reason = f"it is {mask.shape}, and {files[0].name} {form}"
            raise source.damaged(f"the mask {file.name}", reason)
        yield t, mask


def _of_one_tiff(source: TrackSource, file: Path) -> Iterator[tuple[int, NDArray[Any]]]:
    with MaskTiff(source, file) as tiff:
        n_frames, *shape = tiff.shape
        if len(shape) < 2:
            raise _no_labels(source, file, tiff.dtype, tiff.shape)
        size = math.prod(shape)
        for t in range(n_frames):
            mask = tiff.read(t * size, (t + 1) * size).reshape(shape)
            yield t, checked(source, file, mask)


def of_zarr(source: TrackSource, folder: Path) -> Iterator[tuple[int, NDArray[Any]]]:
    """Read a zarr array, frames first; raises as `of_tiffs`."""
    zarr = source.library("zarr", WHAT)
    what = f"the masks {folder.name}"
    try:
        array = zarr.open_array(str(folder), mode="r")
        for n_pixels in (math.prod(array.shape[1:]), math.prod(array.chunks)):
            source.refuse_claim(what, n_pixels * array.dtype.itemsize)
        for t in range(array.shape[0]):
            yield t, checked(source, folder, np.asarray(array[t]))
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, TrackTableError):
            raise
        raise source.damaged(what, error) from error


def checked(source: TrackSource, file: Path, mask: NDArray[Any]) -> NDArray[Any]:
    """Return a frame's mask without axes of length 1, if it is one; raises as `of_tiffs`."""
    while mask.ndim > 2 and 1 in mask.shape[:-2]:
        mask = mask.squeeze(mask.shape.index(1))
    if mask.dtype.kind not in "iu" or mask.ndim not in {2, 3} or mask.min(initial=0) < 0:
        raise _no_labels(source, file, mask.dtype, mask.shape)
    return mask


def _no_labels(
    source: TrackSource, file: Path, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> TrackTableError:
    reason = f"labels are whole numbers, it has {dtype} {shape}"
    return source.damaged(f"the mask {file.name}", reason)


def frame_numbers(source: TrackSource, files: list[Path]) -> list[int]:
    """Return the frame in each name: the last number in it that is not in all of them alike.

    Raises
    ------
    TrackTableError
        Names do not say the frame.
    """
    found = [[int(number) for number in _NUMBER.findall(file.stem)] for file in files]
    counts = {len(numbers) for numbers in found}
    if len(counts) == 1:
        columns = list(zip(*found, strict=True))
        varying = [list(column) for column in columns if len(set(column)) > 1]
        if varying and len(set(varying[-1])) == len(files):
            return varying[-1]
    names = choices(file.name for file in files)
    raise TrackTableError(
        source.problem(
            "unknown-frames",
            f"The names of the masks do not say the frame, one each: {names}.",
            "Name them by the number of their frame, as in mask007.tif, and put others elsewhere.",
            count=len(files),
        )
    )
