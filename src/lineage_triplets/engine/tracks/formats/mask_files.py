"""Files of masks: one TIFF a frame, one TIFF, or a zarr array; which frame each is, and labels."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import TrackTableError, choices
from lineage_triplets.engine.plates.tiff_claims import claims_fault
from lineage_triplets.engine.tracks.formats.glimpse import Glimpse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from lineage_triplets.engine.tracks.formats.base import TrackSource

TIFF_ENDINGS = (".tif", ".tiff")
WHAT = "masks of labelled cells"
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
    numbers = frame_numbers(source, files) if len(files) > 1 else [0]
    form: tuple[int, ...] = ()
    for t, file in zip(numbers, files, strict=True):
        mask = read_tiff(source, file)
        if len(files) == 1:
            yield from enumerate(checked(source, file, mask, has_frames=True))
        else:
            mask = checked(source, file, mask, has_frames=False)
            form = form or mask.shape
            if mask.shape != form:
                reason = f"it is {mask.shape}, and {files[0].name} {form}"
                raise source.damaged(f"the mask {file.name}", reason)
            yield t, mask


def read_tiff(source: TrackSource, file: Path, pages: range | None = None) -> NDArray[Any]:
    """Read a TIFF, or some of its pages, if they fit into memory; raises as `of_tiffs`."""
    tifffile = source.library("tifffile", WHAT)
    try:
        with tifffile.TiffFile(str(file)) as opened:
            refuse_claims(source, file, opened)
            read = opened.series[:1] if pages is None else [opened.pages[page] for page in pages]
            n_bytes = sum(math.prod(part.shape) * part.dtype.itemsize for part in read)
            source.refuse_claim(f"the mask {file.name}", n_bytes)
            return np.asarray(opened.asarray(key=pages))
    except TrackTableError:
        raise
    # What tifffile and its codecs raise for damaged files.
    except (
        ValueError, TypeError, RuntimeError, IndexError, AttributeError, tifffile.TiffFileError,
    ) as error:  # fmt: skip
        hint = " (pip install imagecodecs)" if "imagecodecs" in str(error) else ""
        raise source.damaged(f"the mask {file.name}", f"{error}{hint}") from error


def refuse_claims(source: TrackSource, file: Path, opened: Any) -> None:
    """Refuse sizes beyond reason in the metadata of an open TIFF; raises as `of_tiffs`."""
    problem = claims_fault(opened, str(file))
    if problem is not None:
        raise source.damaged(f"the mask {file.name}", problem.message.rstrip("."))


def of_zarr(source: TrackSource, folder: Path) -> Iterator[tuple[int, NDArray[Any]]]:
    """Read a zarr array, frames first; raises as `of_tiffs`."""
    zarr = source.library("zarr", WHAT)
    what = f"the masks {folder.name}"
    try:
        array = zarr.open_array(str(folder), mode="r")
        for n_pixels in (math.prod(array.shape[1:]), math.prod(array.chunks)):
            source.refuse_claim(what, n_pixels * array.dtype.itemsize)
        for t in range(array.shape[0]):
            yield t, checked(source, folder, np.asarray(array[t]), has_frames=False)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, TrackTableError):
            raise
        raise source.damaged(what, error) from error


def checked(
    source: TrackSource, file: Path, mask: NDArray[Any], *, has_frames: bool
) -> NDArray[Any]:
    """Return a mask without axes of length 1, if it is one; raises as `of_tiffs`."""
    while mask.ndim > 2 + has_frames and 1 in mask.shape[has_frames:-2]:
        mask = mask.squeeze(has_frames + mask.shape[has_frames:].index(1))
    if (
        mask.dtype.kind not in "iu"
        or mask.ndim - has_frames not in {2, 3}
        or mask.min(initial=0) < 0
    ):
        raise source.damaged(
            f"the mask {file.name}", f"labels are whole numbers, it has {mask.dtype} {mask.shape}"
        )
    return mask


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
