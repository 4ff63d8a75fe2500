"""Whole chunks of a local store, decoded one after another to where they go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.plates.chunks import read_shard_index
from lineage_triplets.engine.reading.blosc import FileRange
from lineage_triplets.engine.reading.codecs import CODECS
from lineage_triplets.engine.reading.local import OPENING, chunk_in_shard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import UInt64Array
    from lineage_triplets.engine.plates.chunks import ChunkStorage


class ChunkDecoder:
    """Decodes chunks of an array in any order; a shard stays open for the next one. Of one thread.

    Parameters
    ----------
    array_path : str
    storage : ChunkStorage
    """

    def __init__(self, array_path: str, storage: ChunkStorage) -> None:
        self._array_path = array_path
        self._storage = storage
        self._path = ""
        self._file: int | None = None
        self._n_bytes = 0
        self._index: UInt64Array | None = None

    def decode(self, chunk: Sequence[int], target: NDArray[np.uint8]) -> None:
        """Decode a chunk to where it goes; the target is as long as it shall be.

        Parameters
        ----------
        chunk : sequence of int
            Its place in the grid of chunks, in the array's own order.
        target : ndarray of uint8

        Raises
        ------
        OSError, RuntimeError, ValueError
            It is absent, damaged or odd, which tensorstore shall judge.
        """
        shards, number = self._storage.shards, 0
        if shards is not None:
            inside = [at % size for at, size in zip(chunk, shards.n_chunks, strict=True)]
            number = int(np.ravel_multi_index(inside, shards.n_chunks))
            chunk = [at // size for at, size in zip(chunk, shards.n_chunks, strict=True)]
        file = self._opened(f"{self._array_path}/{self._storage.key(chunk)}")
        place = (0, self._n_bytes)
        if self._index is not None:
            place = chunk_in_shard(self._index, number, self._n_bytes)
        CODECS[self._storage.compressor].decode_into(FileRange(file, *place), target)

    def _opened(self, path: str) -> int:
        if self._file is not None and path == self._path:
            return self._file
        self.close()
        file = self._file = os.open(path, OPENING)
        self._n_bytes = os.fstat(file).st_size
        shards = self._storage.shards
        self._index = read_shard_index(file, self._n_bytes, shards) if shards else None
        self._path = path
        return file

    def close(self) -> None:
        """Close what is open."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
