"""Every frame of a FOV, read once and in order; and what reading meets, as findings."""

from __future__ import annotations

import itertools
import math
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ChunkError, Problem, StoreError, counted
from lineage_triplets.engine.plates.limits import require_room
from lineage_triplets.engine.plates.zarr_json import describing_file
from lineage_triplets.engine.process import note_read
from lineage_triplets.engine.reading.plan import Window, array_error
from lineage_triplets.engine.reading.tensorstore import TensorStoreStrategy
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.pixels.frames import FrameFault, at_frames, frame_words
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Generator

    from lineage_triplets.engine.arrays import Pixels
    from lineage_triplets.engine.errors import Severity
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.settings.model import MissingChunks
    from lineage_triplets.qc.find.checks import ScannedFov

_BYTES_AHEAD = 256_000_000
_MOST_AHEAD = 4
_MOST_POOL_BYTES = 1_000_000_000
_ABSENT_SEVERITY: dict[MissingChunks, Severity] = {
    "warn": "warning",
    "error": "error",
    "fill": "note",
}


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame, or why it cannot be read.

    Attributes
    ----------
    t : int
    image : ndarray, shape (C, Z, Y, X), or None
        C in slot order, all slices, as stored.
    problem : Problem or None
        Damage, where there is no image.
    has_absent_chunks : bool
        Whether some of it was never written, and is the fill value.
    """

    t: int
    image: Pixels | None
    problem: Problem | None = None
    has_absent_chunks: bool = False


class FrameReader:
    """Reads the slots' channels of one FOV, frame by frame.

    Parameters
    ----------
    source : FovSource

    Attributes
    ----------
    n_absent_chunks : int
        Chunks of the slots' channels that were never written, among the frames read so far.
    """

    def __init__(self, source: FovSource) -> None:
        self._source = source
        self._shape = (len(source.channels), *source.fov.shape[2:])
        frame_bytes = math.prod(self._shape) * source.fov.form.item_bytes
        self._n_ahead = min(_MOST_AHEAD, _BYTES_AHEAD // max(frame_bytes, 1))
        # A chunk of several frames is decoded once, where memory allows.
        pool = int(1.5 * frame_bytes * source.fov.chunk_shape[0])
        pool = pool if source.fov.chunk_shape[0] > 1 and pool <= _MOST_POOL_BYTES else 0
        self._strict = TensorStoreStrategy("error", pool)
        self._filling = TensorStoreStrategy("fill", pool)
        self._absent: dict[int, int] = {}

    @property
    def n_absent_chunks(self) -> int:
        """Chunks that were never written, so far."""
        return sum(self._absent.values())

    def frames(self) -> Generator[Frame]:
        """Give all frames, in order.

        Raises
        ------
        StoreError
            The store is not there any more, or cannot be opened; a frame is larger than memory
            allows.
        ForkedReadError
            This process was forked from one that had read.
        """
        note_read()
        fov = self._source.fov
        require_room(self._shape, fov.form.item_bytes, fov.array_path)
        n_frames = fov.shape[0]
        if self._n_ahead < 1:
            yield from map(self._read, range(n_frames))
            return
        pool = ThreadPoolExecutor(min(2, self._n_ahead), thread_name_prefix="frames")
        waiting: deque[Future[Frame]] = deque()
        try:
            for t in range(n_frames):
                waiting.append(pool.submit(self._read, t))
                if len(waiting) > self._n_ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _read(self, t: int) -> Frame:
        source = self._source
        image = np.empty(self._shape, dtype=source.fov.dtype)
        depth, height, width = self._shape[1:]
        whole = Window(source, t, slice(0, depth), slice(0, height), slice(0, width), image)
        absent = False
        try:
            try:
                self._strict.read([whole])
            except ChunkError as error:
                if error.problems[0].kind != "missing-chunk":
                    raise
                absent = True
                self._filling.read([whole])
        except ChunkError as error:
            self._require_store()
            return Frame(t, None, error.problems[0])
        if absent:
            self._require_store()
            self._count_absent(t)
        return Frame(t, image, has_absent_chunks=absent)

    def _require_store(self) -> None:
        """Raise if the whole array is gone: its chunks would pass for ones never written."""
        source = self._source
        try:
            there = describing_file(source.fov.array_path) is not None
        except StoreError:
            there = False
        if not there:
            raise array_error(
                source,
                "missing-path",
                "the array is not there any more.",
                "Connect the disk, or restore the store.",
            )

    def _count_absent(self, t: int) -> None:
        """Ask for one pixel of each chunk of a frame."""
        fov = self._source.fov
        number = t // fov.chunk_shape[0]
        if number in self._absent:
            return
        first_of_chunk = {c // fov.chunk_shape[1]: c for c in self._source.channels}
        starts = [
            range(0, size, step)
            for size, step in zip(fov.shape[2:], fov.chunk_shape[2:], strict=True)
        ]
        pixel = np.empty((1, 1, 1, 1), dtype=fov.dtype)
        count = 0
        for c in first_of_chunk.values():
            source = replace(self._source, channels=(c,))
            for z, y, x in itertools.product(*starts):
                place = (slice(z, z + 1), slice(y, y + 1), slice(x, x + 1))
                try:
                    self._strict.read([Window(source, t, *place, pixel)])
                except ChunkError as error:
                    count += error.problems[0].kind == "missing-chunk"
        self._absent[number] = count


def damage(t: int, problem: Problem | None) -> FrameFault:
    """A frame that cannot be read."""
    why = "" if problem is None else f": {problem.message.rstrip('.')}"
    return FrameFault(t, "error", f"it cannot be read{why}", "they cannot be read")


def unreadable_store(source: FovSource, error: StoreError) -> Finding:
    """One finding for a FOV whose store is gone."""
    problem = error.problems[0]
    return Finding(
        kind="unreadable-store",
        severity="error",
        sentence=f"The images of FOV {source.fov.name} cannot be read: {problem.message}",
        remedy=problem.remedy,
        experiment=source.experiment,
        fov=source.fov.name,
        settled_by=((Target("fov", source.experiment, source.fov.name),),),
    )


def missing_chunks_finding(
    scanned: ScannedFov, frames: list[int], n_chunks: int, missing_chunks: MissingChunks
) -> Finding:
    """One finding a FOV: what was never written reads as the fill value."""
    n_cells = int(np.isin(scanned.t, frames).sum())
    severity = _ABSENT_SEVERITY[missing_chunks] if n_cells else "note"
    return replace(
        at_frames(scanned.source, "missing-chunks", frames),
        severity=severity,
        sentence=(
            f"{frame_words(frames)}: {counted(n_chunks, 'chunk')} of the slots' channels "
            f"{'was' if n_chunks == 1 else 'were'} never written; the format's fill value is read "
            "there."
        ),
        remedy=(
            "Reject these frames if they were lost; choose missing_chunks='fill' if empty chunks "
            "were left out on purpose."
        ),
        evidence=(
            Evidence("chunks never written", float(n_chunks)),
            Evidence("frames", float(len(frames))),
        ),
        detail="",
        t=None,
        count=n_cells,
    )
