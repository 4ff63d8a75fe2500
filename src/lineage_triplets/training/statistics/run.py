"""Statistics of all FOVs of an index, into a folder beside the config."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.cluster import cpus_of_task, on_cluster
from lineage_triplets.engine.errors import Problem, StoppedError, StoreError, choices, counted
from lineage_triplets.engine.plates.statistics import StatisticsFolder
from lineage_triplets.engine.process import usable_cpus
from lineage_triplets.training.statistics.blocks import FovReader, blocks_of
from lineage_triplets.training.statistics.counts import Tally, counting_threads
from lineage_triplets.training.statistics.folder import WrittenStatistics, one_writer
from lineage_triplets.training.statistics.frames import Block, Counted, Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import MissingChunks

    Progress = Callable[[int, int], None]
    Stop = Callable[[], bool]
    FovAnswers = Iterator[tuple[int, Counted | StoreError]]

_IN_FLIGHT = 3


@dataclass(frozen=True)
class StatisticsReport:
    """What a run gave.

    Attributes
    ----------
    folder : Path
    n_read, n_known : int
        FOVs whose images were read, and that were finished before.
    plates : dict of str to int
        Experiments whose statistics are there, and how many FOVs are in them.
    problems : tuple of Problem
        FOVs that cannot be read (errors); what was read again, absent chunks, pixels that are no
        numbers, frames of one value (warnings).
    is_stopped : bool
        Whether somebody stopped it; what was finished is kept.
    """

    folder: Path
    n_read: int
    n_known: int
    plates: dict[str, int]
    problems: tuple[Problem, ...]
    is_stopped: bool


def compute_statistics(
    index: MultiExperimentIndex,
    folder: str | Path,
    *,
    in_plate: Sequence[int] | None = None,
    anew: bool = False,
    scheduler: str | None = None,
    n_threads: int | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> StatisticsReport:
    """Compute statistics of each FOV's channels that are in slots, its frames, and each plate.

    A FOV that is finished is on disk, and is not read again by another run unless its image's
    metadata changed. `DatasetConfig.statistics_path` names the folder for training.

    Parameters
    ----------
    index : MultiExperimentIndex
    folder : str or Path
        Made if absent.
    in_plate : sequence of int, optional
        Numbers in ``index.fovs`` of those that the statistics of plates are of, such as the FOVs
        of the training cells; all by default.
    anew : bool
        Whether to read again what is finished: pixels may change under the same metadata.
    scheduler : str, optional
        Address of a dask scheduler whose workers read; threads of this process by default.
    n_threads : int, optional
        The CPUs that this process may use by default.
    progress : callable, optional
        Called with how much is done, and of how much.
    stop : callable, optional
        Asked between blocks of frames; what is not finished starts over another time.

    Raises
    ------
    StatisticsInUseError
        Another program writes into the folder.
    OutputError
        It cannot be written.

    Examples
    --------
    >>> from lineage_triplets import MultiExperimentIndex
    >>> from lineage_triplets.training import compute_statistics
    >>> index = MultiExperimentIndex.from_config("experiments.yml")
    >>> report = compute_statistics(index, "experiments.statistics")
    >>> report.n_read == len(index.fovs), report.problems
    (True, ())
    """
    chosen = set(range(len(index.fovs)) if in_plate is None else in_plate)
    files = StatisticsFolder(folder)
    with one_writer(files.path):
        run = _Run(index, WrittenStatistics(files))
        missing = run.recall(anew)
        sources = [index.fovs[number] for number in missing]
        missing_chunks = index.settings.missing_chunks
        if scheduler is None:
            answers = count_fovs(sources, missing_chunks, n_threads, progress, stop)
        else:
            tasks = [(source, missing_chunks) for source in sources]
            answers = on_cluster(scheduler, _count_fov, tasks, progress, stop)
        for place, answer in answers:
            run.finish(missing[place], answer)
        plates = run.put_plates(chosen)
    return StatisticsReport(
        files.path,
        n_read=len(run.read),
        n_known=len(index.fovs) - len(missing),
        plates=plates,
        problems=tuple(run.problems),
        is_stopped=len(run.read) + len(run.failed) < len(missing),
    )


class _Run:
    """One run: what is known of each FOV, and what is to be said of it."""

    def __init__(self, index: MultiExperimentIndex, written: WrittenStatistics) -> None:
        self._index = index
        self._written = written
        self._known: dict[int, Counted] = {}
        self.read: set[int] = set()
        self.failed: set[int] = set()
        self.problems: list[Problem] = []

    def channels(self, number: int) -> dict[int, str]:
        """Zarr index and name of the channels that are in slots."""
        source = self._index.fovs[number]
        names = self._index.registry.experiments[source.experiment_number].source_channel
        return dict(zip(source.channels, names, strict=True))

    def recall(self, anew: bool) -> list[int]:
        """Look up what is finished, and give the numbers of the others."""
        missing = []
        for number, source in enumerate(self._index.fovs):
            found, reason = (
                (None, "") if anew else self._written.known(source, self.channels(number))
            )
            if found is not None:
                self._known[number] = found
                continue
            missing.append(number)
            if reason:
                self._say(number, "read-again", "note", f"it is read again: {reason}.", "")
        for experiment in {self._index.fovs[number].experiment for number in missing}:
            self._written.forget_plate(experiment)
        return missing

    def finish(self, number: int, answer: Counted | StoreError) -> None:
        """Put a FOV on disk, or say why it cannot be read."""
        source = self._index.fovs[number]
        if isinstance(answer, StoreError):
            self.failed.add(number)
            self.problems += [
                replace(problem, experiment=source.experiment, fov=source.fov.name)
                for problem in answer.problems
            ]
            return
        channels = self.channels(number)
        self._written.put(source, channels, answer)
        self.read.add(number)
        self._judge(number, answer)
        # Frames are on disk, and nothing asks for them again.
        self._known[number] = Counted({}, answer.tallies, answer.focus, answer.absent)

    def _judge(self, number: int, found: Counted) -> None:
        """Say what training should know of a FOV's pixels."""
        if found.absent:
            self._say(
                number,
                "missing-chunks",
                "warning",
                f"{counted(len(found.absent), 'frame')} with chunks that were never written: they "
                "count as the format's fill value.",
                "Exclude these frames, or the FOV, if they are no images.",
            )
        for channel, name in self.channels(number).items():
            tally = found.tallies[channel]
            if tally.n_left_out:
                self._say(
                    number,
                    "not-finite",
                    "warning",
                    f"{counted(tally.n_left_out, 'pixel')} of {name!r} are NaN or infinite; the "
                    "statistics leave them out.",
                    "Training reads them as they are.",
                )
            of_frames = found.frames.get(channel, {})
            flat = [t for t, values in of_frames.items() if values["std"] == 0]
            empty = sorted(set(range(self._index.fovs[number].fov.shape[0])) - of_frames.keys())
            if flat or empty:
                self._say(
                    number,
                    "flat-frames",
                    "warning",
                    f"frames {choices(sorted([*flat, *empty]))} of {name!r} have one value only, "
                    "or none: their deviation divides nothing.",
                    "Exclude them, or normalize by the statistics of FOVs.",
                )

    def _say(self, number: int, kind: str, severity: str, message: str, remedy: str) -> None:
        source = self._index.fovs[number]
        self.problems.append(
            Problem(
                kind,
                message,
                remedy,
                severity=severity,  # type: ignore[arg-type]
                experiment=source.experiment,
                fov=source.fov.name,
            )
        )

    def put_plates(self, chosen: set[int]) -> dict[str, int]:
        """Write the statistics of each experiment whose chosen FOVs are all finished."""
        plates = {}
        for experiment in self._index.registry.experiments:
            numbers = [
                number
                for number, source in enumerate(self._index.fovs)
                if source.experiment == experiment.name and number in chosen
            ]
            if not numbers or not set(numbers) <= self._known.keys():
                continue
            dtypes = {self._index.fovs[number].fov.dtype for number in numbers}
            if len(dtypes) > 1:
                self.problems.append(_unlike(experiment.name, dtypes))
                continue
            tallies: dict[str, Tally] = {}
            focus: dict[str, list[int]] = {}
            for number in numbers:
                found = self._known[number]
                for channel, name in self.channels(number).items():
                    tally = found.tallies[channel]
                    tallies.setdefault(name, Tally(tally.dtype)).merge(tally)
                    focus.setdefault(name, []).extend(found.focus.get(channel, {}).values())
            names = [self._index.fovs[number].fov.name for number in numbers]
            self._written.put_plate(experiment.name, names, tallies, focus)
            plates[experiment.name] = len(numbers)
        return plates


def _unlike(experiment: str, dtypes: set[str]) -> Problem:
    return Problem(
        "unlike-images",
        f"its FOVs are of {choices(sorted(dtypes))}, whose values are not counted together: there "
        "are no statistics of the plate.",
        "Normalize by the statistics of FOVs or frames.",
        severity="warning",
        experiment=experiment,
    )


def count_fovs(
    sources: Sequence[FovSource],
    missing_chunks: MissingChunks,
    n_threads: int | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> FovAnswers:
    """Count FOVs by threads, one after another; the next one begins while the last one ends.

    Yields
    ------
    place : int
        In `sources`, in order; fewer where it was stopped.
    answer : Counted or StoreError
    """
    stopping = threading.Event()
    n_threads = n_threads or usable_cpus()
    blocks = [blocks_of(source) for source in sources]
    total, done = sum(map(len, blocks)), 0
    waiting: deque[tuple[int, Future[Counted]]] = deque()
    left = _jobs(sources, blocks, Shared(missing_chunks, stopping))
    answer: Counted | StoreError = Counted()
    n_answered = 0
    try:
        with _threads(n_threads, stopping) as pool:
            while True:
                while len(waiting) < n_threads * _IN_FLIGHT and (job := next(left, None)):
                    place, reader, block = job
                    waiting.append((place, pool.submit(reader.count, block)))
                if not waiting or (stop is not None and stop()):
                    return
                place, future = waiting.popleft()
                try:
                    of_block = future.result()
                    if isinstance(answer, Counted):
                        answer.merge(of_block)
                except StoreError as error:
                    answer = error
                done += 1
                n_answered += 1
                if progress is not None:
                    progress(done, total)
                if n_answered == len(blocks[place]):
                    yield place, answer
                    answer, n_answered = Counted(), 0
    except StoppedError:
        return


@contextlib.contextmanager
def _threads(n_threads: int, stopping: threading.Event) -> Iterator[ThreadPoolExecutor]:
    """Threads that count; in the end they stop, with what they are at."""
    with counting_threads() as begin:
        pool = ThreadPoolExecutor(n_threads, "statistics", begin)
        try:
            yield pool
        finally:
            stopping.set()
            pool.shutdown(cancel_futures=True)


def _count_fov(source: FovSource, missing_chunks: MissingChunks) -> Counted | StoreError:
    """Count one FOV on a worker, by as many threads as are its part of the machine."""
    ((_, answer),) = count_fovs([source], missing_chunks, cpus_of_task())
    return answer


def _jobs(
    sources: Sequence[FovSource], blocks: Sequence[Sequence[Block]], shared: Shared
) -> Iterator[tuple[int, FovReader, Block]]:
    for place, source in enumerate(sources):
        reader = FovReader(source, shared)
        for block in blocks[place]:
            yield place, reader, block


def fovs_with_anchors(index: MultiExperimentIndex, anchors: Int64Array | None = None) -> list[int]:
    """Give the numbers of the FOVs that have an anchor, or one of some anchors."""
    rows = index.anchor_rows if anchors is None else index.anchor_rows[anchors]
    numbers: list[int] = np.unique(index.fov_of_row[rows]).tolist()
    return numbers
