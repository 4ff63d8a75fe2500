"""How large arrays, chunks and patches may be, looked at before anything is handed on.

Metadata may claim any size, and what lies below would run out of memory, or end the process.
"""

from __future__ import annotations

import functools
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import Problem, StoreError, shown
from lineage_triplets.engine.process import SHARE, usable_memory_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.plates.zarr_json import ArrayForm

MOST_ALONG_AXIS = 2**31 - 1
"""Pixels along one axis of an array."""
MOST_ARRAY_BYTES = 2**60
MOST_METADATA_BYTES = 16_000_000
"""Of one file of JSON."""
MOST_CONSOLIDATED_BYTES = 64_000_000
"""Of ``zarr.json``, which may hold what is in all other ones of a plate too."""
MOST_FRAMES = 10**6
"""Frames of a movie, and as many channels and slices: there are tables with a row for each."""
UNASKED_BYTES = 2**28
"""What always may be held at once; for more, the memory of this process is asked for."""

_ENTRY_BYTES = 16
# What it takes to list a plane.
_LISTED_BYTES = 500
_WRONG = "Mend or restore its metadata, if that is not so."


def is_too_large(n_bytes: int, share: float = SHARE) -> bool:
    """Whether something is more than a share of the memory that this process may use."""
    if n_bytes <= UNASKED_BYTES:
        return False
    return n_bytes > memory_bytes() * share


def most_metadata_bytes(name: str) -> int:
    """How long the JSON of a node may be, by the name of its file."""
    return MOST_CONSOLIDATED_BYTES if name == "zarr.json" else MOST_METADATA_BYTES


@functools.cache
def memory_bytes() -> int:
    """Memory that this process may use, as it was when a limit was first looked at."""
    return usable_memory_bytes(Path("/"), os.environ)


def in_words(n_bytes: int) -> str:
    """``1.5 GB``, ``300 TB``."""
    units = ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12)
    unit, size = next((known for known in units if n_bytes < 1000 * known[1]), units[-1])
    return f"{min(n_bytes, 10**30) / size:.3g} {unit}"


def size_fault(shape: Sequence[Any], chunk_shape: Sequence[Any], file_shape: Sequence[Any]) -> str:
    """Say which lengths of an array cannot be, in a clause; empty where all can.

    Parameters
    ----------
    shape, chunk_shape, file_shape : sequence
        As the JSON has them: of the array, of what is decoded at once, and of what a file holds.
    """
    for name, lengths in (("shape", shape), ("chunks", chunk_shape), ("chunks", file_shape)):
        if not all(type(length) is int and length > 0 for length in lengths):
            return f"its {name} are {shown(list(lengths))}, where whole numbers from 1 on belong"
        if len(lengths) != len(shape):
            return f"its chunks have {len(lengths)} axes and its shape has {len(shape)}"
    return ""


def array_fault(form: ArrayForm, path: str) -> Problem | None:
    """Say why an array is too large to be read, if it is.

    Parameters
    ----------
    form : ArrayForm
    path : str
        Folder or URL of the array.
    """
    n_bytes = math.prod(form.shape) * form.item_bytes
    if max(form.shape, default=0) > MOST_ALONG_AXIS or n_bytes > MOST_ARRAY_BYTES:
        return _shape_fault(f"its metadata say {shown(form.shape)}, {in_words(n_bytes)}", path)
    chunk_bytes = math.prod(form.chunk_shape) * form.item_bytes
    if is_too_large(chunk_bytes):
        return Problem(
            "chunk-too-large",
            f"one chunk of {form.chunk_shape} is {in_words(chunk_bytes)}, more than {_share()}.",
            f"Write the store anew with smaller chunks, or read it with more memory. {_WRONG}",
            file=path,
        )
    chunks_of_file = zip(form.file_shape, form.chunk_shape, strict=True)
    n_inside = math.prod(-(-whole // chunk) for whole, chunk in chunks_of_file)
    if is_too_large(n_inside * _ENTRY_BYTES):
        return Problem(
            "chunk-too-large",
            f"one shard of {form.file_shape} lists {n_inside:,} chunks, more than {_share()} "
            "holds.",
            f"Write the store anew with smaller shards. {_WRONG}",
            file=path,
        )
    return None


def image_fault(tczyx: Sequence[int], path: str) -> Problem | None:
    """Say that an image has more frames, channels or slices than is believed, if it has."""
    for length, noun in zip(tczyx, ("frames", "channels", "slices"), strict=False):
        if length > MOST_FRAMES:
            return _shape_fault(f"its metadata say {length:,} {noun}", path)
    return None


def claim_fault(shape: Sequence[int], item_bytes: int, path: str) -> Problem | None:
    """Say that an image that is to be imported claims more than is believed, if it does.

    Parameters
    ----------
    shape : sequence of int
        Rows and columns last; all planes are listed, and one is held at a time.
    item_bytes : int
    path : str
    """
    *sizes, rows, columns = shape
    n_bytes = math.prod(shape) * item_bytes
    if min(shape) < 1:
        return _shape_fault(f"its metadata say {shown(list(shape))}", path)
    if max(shape) > MOST_ALONG_AXIS or n_bytes > MOST_ARRAY_BYTES:
        return _shape_fault(f"its metadata say {shown(list(shape))}, {in_words(n_bytes)}", path)
    if max(sizes, default=0) > MOST_FRAMES or is_too_large(math.prod(sizes) * _LISTED_BYTES):
        return _shape_fault(f"its metadata say {math.prod(sizes):,} planes", path)
    if is_too_large(rows * columns * item_bytes):
        size = in_words(rows * columns * item_bytes)
        what = f"one plane of {rows:,} x {columns:,} pixels is {size}, more than {_share()}."
        return Problem("shape-too-large", what, f"Read it with more memory. {_WRONG}", file=path)
    return None


def patch_fault(patch_shape: Sequence[int], item_bytes: int, n_patches: int = 1) -> Problem | None:
    """Say that patches are more than the memory can hold, if they are.

    Parameters
    ----------
    patch_shape : sequence of int
        (C, Z, Y, X).
    item_bytes : int
        Of one pixel.
    n_patches : int
        So many are held together; together they may fill the memory, one alone a share.
    """
    n_bytes = math.prod(map(int, patch_shape)) * item_bytes * n_patches
    if not is_too_large(n_bytes, SHARE if n_patches == 1 else 1.0):
        return None
    size = " x ".join(map(str, patch_shape))
    what = "one patch" if n_patches == 1 else f"a batch of {n_patches:,} patches"
    return Problem(
        "patch-too-large",
        f"{what} of {size} (c, z, y, x) is {in_words(n_bytes)}, more than "
        f"{_share() if n_patches == 1 else 'the memory that this process may use'}.",
        "Choose a smaller yx_patch_size or z_range, or smaller batches.",
        field="yx_patch_size",
    )


def require_room(shape: Sequence[int], item_bytes: int, path: str) -> None:
    """Make sure that what is read of an image at once fits into memory.

    Parameters
    ----------
    shape : sequence of int
        Of what is read.
    item_bytes : int
    path : str
        Folder or URL of the array.

    Raises
    ------
    StoreError
        It does not.
    """
    problem = room_fault(shape, item_bytes, path)
    if problem is not None:
        raise StoreError(problem)


def room_fault(
    shape: Sequence[int], item_bytes: int, path: str, what: str = "what is read of it at once"
) -> Problem | None:
    """Say that what is read at once does not fit into memory, if it does not."""
    n_bytes = math.prod(map(int, shape)) * item_bytes
    if not is_too_large(n_bytes):
        return None
    return Problem(
        "shape-too-large",
        f"{what} is {in_words(n_bytes)}, more than {_share()}.",
        f"Read it with more memory. {_WRONG}",
        file=path,
    )


def _shape_fault(what: str, path: str) -> Problem:
    return Problem(
        "shape-too-large",
        f"{what}, and nobody has such an image.",
        f"At most {MOST_ALONG_AXIS:,} pixels along an axis, {MOST_FRAMES:,} frames, channels and "
        f"slices, and {in_words(MOST_ARRAY_BYTES)} are read. {_WRONG}",
        file=path,
    )


def _share() -> str:
    return f"{SHARE:.0%} of the memory that this process may use"
