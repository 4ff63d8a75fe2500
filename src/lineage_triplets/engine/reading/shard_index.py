"""The index of a zarr v3 shard: where each of its chunks is."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import google_crc32c
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.plates.zarr_json import Shards

_CHECKSUM_BYTES = 4
_ENTRY_BYTES = 16


class ShardIndexError(ValueError):
    """An index that is cut short, whose checksum is another, or that lies; or an absent chunk."""


def read_shard_index(file: int, file_bytes: int, shards: Shards) -> NDArray[np.uint64]:
    """Read where the chunks of a shard are.

    Parameters
    ----------
    file : int
        Descriptor of the shard.
    file_bytes : int
        Its size.
    shards : Shards

    Returns
    -------
    ndarray of uint64, shape (N, 2)
        Start and number of bytes; both 2**64 - 1 for a chunk that was never written.

    Raises
    ------
    ShardIndexError
        The file is too short, or the checksum another.
    """
    n_bytes = math.prod(shards.n_chunks) * _ENTRY_BYTES
    length = n_bytes + shards.has_checksum * _CHECKSUM_BYTES
    if file_bytes < length:
        raise ShardIndexError("the file is shorter than its index")
    content = os.pread(file, length, file_bytes - length if shards.index_at_end else 0)
    if len(content) < length:
        raise ShardIndexError("the file is shorter than its index")
    entries, checksum = content[:n_bytes], content[n_bytes:]
    if checksum and google_crc32c.value(entries) != int.from_bytes(checksum, "little"):
        raise ShardIndexError("the checksum of its index is another")
    return np.frombuffer(entries, "<u8").reshape(-1, 2)


def chunk_in_shard(index: NDArray[np.uint64], number: int, file_bytes: int) -> tuple[int, int]:
    """Start and number of bytes of one chunk.

    Raises
    ------
    ShardIndexError
        It was never written, or would lie beyond the file.
    """
    start, n_bytes = index[number].tolist()
    if start + n_bytes > file_bytes:
        raise ShardIndexError("the chunk is absent, or ends beyond the file")
    return start, n_bytes
