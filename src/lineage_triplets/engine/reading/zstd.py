"""Chunks that are one zstd frame each, decoded whole.

What a frame says of its size is looked at first, so that a damaged one asks for no more memory than
its chunk (https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numcodecs import zstd

from lineage_triplets.engine.reading.blosc import UnknownContainerError
from lineage_triplets.engine.reading.cache import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from lineage_triplets.engine.reading.blosc import FileRange

_MAGIC = bytes.fromhex("28b52ffd")
_MOST_HEADER_BYTES = 18
_DICTIONARY_BYTES = (0, 1, 2, 4)
_SIZE_BYTES = (0, 2, 4, 8)
# A size of two bytes is that of at least so many.
_LEAST_OF_TWO_BYTES = 256


def decode_frame(
    container: FileRange,
    n_bytes: int,
    ranges: Iterable[tuple[int, int]],  # noqa: ARG001
) -> list[Part]:
    """Decode a chunk, of which no part can be had by itself.

    Parameters
    ----------
    container : FileRange
    n_bytes : int
        Size of the decoded chunk; a frame of another size, or that does not tell it, is refused.
    ranges : iterable of (int, int)
        What is wanted of it.

    Returns
    -------
    list of Part
        The whole chunk.

    Raises
    ------
    UnknownContainerError
        It is not one frame of that size.
    OSError, RuntimeError
        The file cannot be read, or the frame not be decoded.
    """
    decoded = zstd.decompress(_checked(container, n_bytes))
    if len(decoded) != n_bytes:
        raise UnknownContainerError("it decoded to another size")
    return [Part(0, np.frombuffer(decoded, dtype=np.uint8))]


def decode_frame_into(container: FileRange, target: NDArray[np.uint8]) -> None:
    """Decode a chunk to where it goes; the target is as long as it shall be.

    Raises
    ------
    UnknownContainerError, OSError, RuntimeError
        As `decode_frame`.
    """
    zstd.decompress(_checked(container, len(target)), target)


def _checked(container: FileRange, n_bytes: int) -> bytes:
    content = container.read(0, container.n_bytes)
    if _size_in_header(content[:_MOST_HEADER_BYTES]) != n_bytes:
        raise UnknownContainerError("its header is not that of the chunk")
    return content


def _size_in_header(header: bytes) -> int | None:
    """Bytes of the decoded frame; None where it does not say."""
    if len(header) <= len(_MAGIC) or header[: len(_MAGIC)] != _MAGIC:
        return None
    flags = header[len(_MAGIC)]
    is_one_segment = bool(flags & 0x20)
    n_bytes = _SIZE_BYTES[flags >> 6] or int(is_one_segment)
    start = len(_MAGIC) + 1 + (not is_one_segment) + _DICTIONARY_BYTES[flags & 3]
    if not n_bytes or len(header) < start + n_bytes:
        return None
    size = int.from_bytes(header[start : start + n_bytes], "little")
    return size + _LEAST_OF_TWO_BYTES if n_bytes == 2 else size
