"""Seeded patches: what their pixels are, and whether they stay so while training reads.

Metadata and times of files tell most changes of a store, and are compared at every read. Pixels
that change below them are told by these patches alone.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
import subprocess
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from lineage_triplets.engine.errors import (
    LineageTripletsError,
    Problem,
    StoreError,
    VerificationError,
)
from lineage_triplets.engine.pairs.randomness import epoch_salt, observation_keys, streams
from lineage_triplets.engine.process import has_read
from lineage_triplets.engine.reading.patches import PatchReader

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Int64Array, Pixels
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.index.rows import Observations

_log = logging.getLogger(__name__)

N_PATCHES = 32
"""Of an experiment."""
SHARE = 0.01
"""Of the time that reading takes, at most, for comparing."""
_SEED = 20_260_101


class SeededPatches(NamedTuple):
    """Hashes of the seeded patches of one experiment.

    Attributes
    ----------
    rows : ndarray of int64
        Which observations of the index they are around.
    together : str
        Of all of them; empty if there are none.
    each : list of bytes
    """

    rows: Int64Array
    together: str
    each: list[bytes]


class KnownPixels(NamedTuple):
    """What pixels were when a dataset was made.

    Attributes
    ----------
    rows : ndarray of int64
        Observations of the index.
    hashes : list of bytes
        Of the patch around each.
    on_change : {"error", "warn"}
        What follows if one changes.
    """

    rows: Int64Array
    hashes: list[bytes]
    on_change: Literal["error", "warn"]


def read_seeded(index: MultiExperimentIndex) -> list[SeededPatches]:
    """Read the seeded patches of each experiment of an index.

    They are read in a process of their own unless this one has read images already, so that
    workers can still be forked.

    Raises
    ------
    StoreError
        Pixels cannot be read.
    """
    keys = observation_keys(
        np.array([source.key for source in index.fovs], dtype=np.uint64)[index.fov_of_row],
        index.track_id_of_row,
        index.observations.t,
    )
    number = streams(keys, epoch_salt(_SEED, 0))
    chosen = []
    for experiment in range(len(index.registry.experiments)):
        rows = np.flatnonzero(index.experiment_of_row == experiment)
        chosen.append(rows[np.argsort(number[rows], kind="stable")[:N_PATCHES]])
    jobs = [(index.observations.take(rows), index.fov_of_row[rows]) for rows in chosen]
    read = _hashes if has_read() else _hashes_from_a_child
    hashes = read(_reader(index), jobs)
    return [SeededPatches(rows, *found) for rows, found in zip(chosen, hashes, strict=True)]


class PixelWatch:
    """Reads seeded patches again, one after the other, and says if one is not what it was.

    Every process that reads has a watch, and an order of its own. It compares between two batches,
    and takes at most `SHARE` of the time that they took.

    Parameters
    ----------
    index : MultiExperimentIndex
    known : KnownPixels
    """

    def __init__(self, index: MultiExperimentIndex, known: KnownPixels) -> None:
        self._index = index
        self._known = known
        self._left = deque(np.random.default_rng().permutation(len(known.rows)).tolist())
        self._reader = _reader(index)
        self._unspent_seconds = 0.0
        self._cost_seconds: float | None = None

    def after_reading(self, seconds: float) -> None:
        """Compare the next patch, if reading took long enough since the last one.

        Parameters
        ----------
        seconds : float
            That a batch took.

        Raises
        ------
        VerificationError
            The patch is another one.
        ChunkError, StoreError
            It cannot be read.
        """
        self._unspent_seconds += SHARE * seconds
        # A batch takes longer than one of its patches.
        expected = seconds if self._cost_seconds is None else self._cost_seconds
        if not self._left or self._unspent_seconds < expected:
            return
        begun = time.perf_counter()
        self._compare(self._left.popleft())
        self._cost_seconds = time.perf_counter() - begun
        self._unspent_seconds -= self._cost_seconds

    def _compare(self, number: int) -> None:
        index, row = self._index, self._known.rows[number : number + 1]
        rows, fov = index.observations.take(row), index.fov_of_row[row]
        (now,) = _each(self._reader.read(rows, fov))
        if now == self._known.hashes[number]:
            self._left.append(number)
            return
        source = index.fovs[int(fov[0])]
        problem = Problem(
            "pixels-changed",
            f"the pixels of frame {int(rows.t[0])} are not what they were when the dataset was "
            f"made (around y = {float(rows.y[0]):.0f}, x = {float(rows.x[0]):.0f}).",
            "Find out what writes to the store, or whether its disk fails; then load the config "
            "anew, and review it again if that says that the data changed. verify='off' compares "
            "nothing.",
            experiment=source.experiment,
            fov=source.fov.name,
            file=source.fov.path,
        )
        if self._known.on_change == "error":
            raise VerificationError(problem)
        _log.warning("%s", problem)


def _reader(index: MultiExperimentIndex) -> PatchReader:
    """What reads every store alike, and keeps nothing that would be read in its place."""
    plain = {"dtype": "float64", "missing_chunks": "fill", "cache_pool_bytes": 0}
    settings = index.settings.model_copy(update={**plain, "read_strategy": "auto"})
    return PatchReader(index.fovs, settings)


def _hashes(
    reader: PatchReader, jobs: list[tuple[Observations, Int64Array]]
) -> list[tuple[str, list[bytes]]]:
    found = []
    for rows, fov in jobs:
        patches = reader.read(rows, fov)
        together = hashlib.sha256(patches.tobytes()).hexdigest() if len(rows) else ""
        found.append((together, _each(patches)))
    return found


def _each(patches: Pixels) -> list[bytes]:
    return [hashlib.blake2b(patch.tobytes(), digest_size=16).digest() for patch in patches]


def _hashes_from_a_child(
    reader: PatchReader, jobs: list[tuple[Observations, Int64Array]]
) -> list[tuple[str, list[bytes]]]:
    answer = subprocess.run(
        [sys.executable, "-m", "lineage_triplets.engine.dataset.seeded"],
        input=pickle.dumps((reader, jobs)),
        capture_output=True,
        check=False,
    )
    if answer.returncode or not answer.stdout:
        raise StoreError(
            Problem(
                "fingerprint-failed",
                f"reading patches for the fingerprint failed: {answer.stderr.decode()[-500:]}",
            )
        )
    hashes: list[tuple[str, list[bytes]]] | LineageTripletsError = pickle.loads(answer.stdout)
    if isinstance(hashes, LineageTripletsError):
        raise hashes
    return hashes


def _main() -> None:
    """Answer a request of `_hashes_from_a_child` from standard input."""
    answer: list[tuple[str, list[bytes]]] | LineageTripletsError
    try:
        answer = _hashes(*pickle.loads(sys.stdin.buffer.read()))
    except LineageTripletsError as error:
        answer = error
    sys.stdout.buffer.write(pickle.dumps(answer))


if __name__ == "__main__":
    _main()
