"""The memory for decoded chunks of one reader, or of all readers that did not choose."""

from __future__ import annotations

import os
import threading

import tensorstore as ts

from lineage_triplets.engine.process import default_cache_bytes, usable_cpus
from lineage_triplets.engine.reading.cache import PartCache


class CachePools:
    """One bound for the parts of chunks decoded here and for tensorstore's chunks.

    All of it is for parts until tensorstore reads something; then each has a half.

    Parameters
    ----------
    limit_bytes : int
        Memory for decoded chunks; 0 keeps none.

    Attributes
    ----------
    limit_bytes : int
    parts : PartCache
        Parts of chunks that were decoded without tensorstore.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.parts = PartCache(limit_bytes)
        self._contexts: list[ts.Context] = []
        self._one_at_a_time = threading.Lock()

    @classmethod
    def of(cls, cache_pool_bytes: int | CachePools | None) -> CachePools:
        """Pools of a reader's own; with None those of the process, as large as its memory allows.

        Parameters
        ----------
        cache_pool_bytes : int, CachePools or None
            0 keeps nothing; pools are given back as they are.
        """
        if isinstance(cache_pool_bytes, CachePools):
            return cache_pool_bytes
        if cache_pool_bytes is not None:
            return cls(cache_pool_bytes)
        # Pools of a parent process are left alone: a forked child must not touch tensorstore.
        own = _OF_PROCESS.get(os.getpid())
        return own or _OF_PROCESS.setdefault(os.getpid(), cls(default_cache_bytes()))

    def context(self) -> ts.Context:
        """Tensorstore's context with its half of the memory."""
        with self._one_at_a_time:
            if not self._contexts:
                self.parts.limit_bytes = self.limit_bytes - self.limit_bytes // 2
                self._contexts.append(self._new_context())
            return self._contexts[0]

    def _new_context(self) -> ts.Context:
        return ts.Context(
            {
                "cache_pool": {"total_bytes_limit": self.limit_bytes // 2},
                "data_copy_concurrency": {"limit": usable_cpus()},
                "file_io_concurrency": {"limit": max(4, usable_cpus())},
            }
        )


_OF_PROCESS: dict[int, CachePools] = {}
