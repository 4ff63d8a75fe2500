"""Decoded parts of chunks: bounded, the least recently used go first, never of a changed file."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets.engine.reading.cache import FileStamp, Part, PartCache

CHUNK_BYTES = 64
PATHS = ("a", "b", "c")
OLD = FileStamp(1, 2, 3, 4, 5)


def decoded(path: str, stamp: FileStamp = OLD) -> np.ndarray:
    """What a chunk holds: another content for each path and file."""
    rng = np.random.default_rng([PATHS.index(path), stamp.inode])
    return rng.integers(0, 256, CHUNK_BYTES, dtype=np.uint8)


def part_of(path: str, start: int, end: int, stamp: FileStamp = OLD) -> Part:
    return Part(start, decoded(path, stamp)[start:end].copy())


class SlowReference:
    """The same by whole lists: parts as (path, stamp, first byte, one after last), oldest first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.parts: list[tuple[str, FileStamp, int, int]] = []

    def _forget_other_files(self, path, stamp):
        self.parts = [one for one in self.parts if one[0] != path or one[1] == stamp]

    def find(self, path, stamp, start, end):
        self._forget_other_files(path, stamp)
        found = sorted(p for p in self.parts if p[0] == path and p[2] < end and p[3] > start)
        self.parts = [one for one in self.parts if one not in found] + found
        return [(first, last) for _, _, first, last in found]

    def keep(self, path, stamp, start, end):
        if end - start > self.limit:
            return
        self._forget_other_files(path, stamp)
        known = {b for p in self.parts if p[0] == path for b in range(p[2], p[3])}
        new = [byte for byte in range(start, end) if byte not in known]
        breaks = [0, *(k + 1 for k, (a, b) in enumerate(pairwise(new)) if b != a + 1), len(new)]
        for a, b in pairwise(breaks):
            if a < b:
                self.parts.append((path, stamp, new[a], new[b - 1] + 1))
        while sum(p[3] - p[2] for p in self.parts) > self.limit:
            self.parts.pop(0)


ranges = st.tuples(st.integers(0, CHUNK_BYTES - 1), st.integers(1, 24)).map(
    lambda drawn: (drawn[0], min(CHUNK_BYTES, sum(drawn)))
)
calls = st.lists(
    st.tuples(
        st.sampled_from(["find", "keep", "keep"]),
        st.sampled_from(PATHS),
        st.sampled_from([OLD] * 9 + [OLD._replace(inode=9)]),
        ranges,
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(limit=st.integers(0, 100), calls=calls)
def test_as_a_slow_reference_keeps_it(limit, calls):
    cache, reference = PartCache(limit), SlowReference(limit)
    for call, path, stamp, (start, end) in calls:
        if call == "keep":
            cache.keep(path, stamp, part_of(path, start, end, stamp))
            reference.keep(path, stamp, start, end)
        else:
            found = cache.find(path, stamp, start, end)
            assert [(one.start, one.end) for one in found] == reference.find(
                path, stamp, start, end
            )
            for one in found:
                assert (one.content == decoded(path, stamp)[one.start : one.end]).all()
        held = [last - first for _, _, first, last in reference.parts]
        assert (cache.n_bytes, len(cache)) == (sum(held), len(held))
        assert cache.n_bytes <= limit


@settings(max_examples=100, deadline=None)
@given(kept=st.lists(ranges, max_size=5), asked=st.lists(ranges, min_size=1, max_size=5))
def test_what_is_kept_is_given_and_the_rest_is_told(kept, asked):
    cache = PartCache(10 * CHUNK_BYTES)
    for start, end in kept:
        cache.keep("a", OLD, part_of("a", start, end))
    parts, missing = cache.take("a", OLD, asked)
    given = [(part.start, part.end) for part in parts]
    is_kept, is_asked, is_missing, is_given = (np.zeros(CHUNK_BYTES, bool) for _ in range(4))
    for one, spans in (
        (is_kept, kept), (is_asked, asked), (is_missing, missing), (is_given, given)
    ):  # fmt: skip
        for start, end in spans:
            one[start:end] = True
    assert (is_missing == (is_asked & ~is_kept)).all()
    assert ((is_given & is_asked) == (is_kept & is_asked)).all()
    for spans in (given, missing):
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
    for part in parts:
        assert (part.content == decoded("a")[part.start : part.end]).all()


def test_what_is_counted_is_what_is_held():
    """No part is a view that keeps more memory alive than its own."""
    cache = PartCache(1000)
    cache.keep("a", OLD, part_of("a", 10, 20))
    cache.keep("a", OLD, part_of("a", 30, 40))
    cache.keep("a", OLD, part_of("a", 0, CHUNK_BYTES))
    parts = cache.find("a", OLD, 0, CHUNK_BYTES)
    assert [(one.start, one.end) for one in parts] == [
        (0, 10), (10, 20), (20, 30), (30, 40), (40, CHUNK_BYTES)
    ]  # fmt: skip
    assert all(one.content.base is None for one in parts)
    assert cache.n_bytes == CHUNK_BYTES


def test_a_smaller_limit_lets_go_at_once():
    cache = PartCache(60)
    for path in PATHS:
        cache.keep(path, OLD, part_of(path, 0, 20))
    cache.limit_bytes = 40
    assert (cache.n_bytes, cache.limit_bytes) == (40, 40)
    assert not cache.find("a", OLD, 0, 20)
    assert cache.find("b", OLD, 0, 20)


class TestChangedFiles:
    @pytest.fixture
    def file(self, tmp_path):
        file = tmp_path / "chunk"
        file.write_bytes(b"12345678")
        os.utime(file, ns=(10**9, 10**9))
        return file

    @pytest.mark.parametrize(
        "change",
        [
            lambda file: file.write_bytes(b"1234567"),
            lambda file: os.utime(file, ns=(10**9, 2 * 10**9)),
            lambda file: (file.rename(f"{file}.old"), file.write_bytes(b"87654321"),
                          os.utime(file, ns=(10**9, 10**9))),
        ],
        ids=["size", "time", "another file"],
    )  # fmt: skip
    def test_is_not_found(self, file, change):
        cache = PartCache(100)
        before = FileStamp.of(file.stat())
        cache.keep(str(file), before, part_of("a", 0, 8))
        assert cache.find(str(file), FileStamp.of(file.stat()), 0, 8)
        change(file)
        assert not cache.find(str(file), FileStamp.of(file.stat()), 0, 8)
        assert cache.n_bytes == 0

    def test_written_just_now_is_not_kept(self, file):
        """It may be written to again within one tick of the clock."""
        cache = PartCache(100)
        os.utime(file)
        cache.keep(str(file), FileStamp.of(file.stat()), part_of("a", 0, 8))
        assert len(cache) == 0
        a_minute_ago = time.time_ns() - 60 * 10**9
        os.utime(file, ns=(a_minute_ago, a_minute_ago))
        cache.keep(str(file), FileStamp.of(file.stat()), part_of("a", 0, 8))
        assert len(cache) == 1


def test_many_threads():
    cache = PartCache(150)

    def use(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(1500):
            path, start = PATHS[rng.integers(3)], int(rng.integers(0, 50))
            end = start + int(rng.integers(1, 14))
            for one in cache.find(path, OLD, start, end):
                assert (one.content == decoded(path)[one.start : one.end]).all()
            cache.keep(path, OLD, part_of(path, start, end))
            assert cache.n_bytes <= 150

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(4)))
    kept = [one for path in PATHS for one in cache.find(path, OLD, 0, CHUNK_BYTES)]
    assert sum(len(one.content) for one in kept) == cache.n_bytes > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_begins_with_an_empty_one():
    cache = PartCache(100)
    cache.keep("a", OLD, part_of("a", 0, 20))
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with cache._lock:
            held.set()
            release.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        empty = not cache.find("a", OLD, 0, 20) and cache.n_bytes == 0
        cache.keep("a", OLD, part_of("a", 0, 20))
        os._exit(0 if empty and cache.n_bytes == 20 else 1)
    release.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert cache.n_bytes == 20
