"""FOVs counted by the workers of a dask scheduler, which read the plates themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import ConfigError, Problem, StoreError
from lineage_triplets.engine.process import usable_cpus
from lineage_triplets.training.statistics.run import count_fovs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distributed import Client

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.settings.model import MissingChunks
    from lineage_triplets.training.statistics.blocks import Counted
    from lineage_triplets.training.statistics.run import FovAnswers, Progress, Stop

_CONNECT_SECONDS = 20
_ASK_EVERY_SECONDS = 0.5


def count_on_cluster(
    address: str,
    sources: Sequence[FovSource],
    missing_chunks: MissingChunks,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> FovAnswers:
    """Count FOVs on a cluster, a task each; what a lost worker had begun starts over on another.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``"tcp://node7:8786"``. Its workers need this package, and the
        plates under the same paths.
    sources, missing_chunks, progress, stop
        As for `count_fovs`; progress is in FOVs.

    Yields
    ------
    place : int
        In `sources`, as they become ready.
    answer : Counted or StoreError

    Raises
    ------
    ConfigError
        There is no such scheduler, or dask.distributed is not installed.
    """
    with _client(address) as client:
        from distributed import KilledWorker, wait

        place_of = {
            client.submit(_count_fov, source, missing_chunks, pure=False): place
            for place, source in enumerate(sources)
        }
        pending = set(place_of)
        try:
            while pending and not (stop is not None and stop()):
                try:
                    ready, _ = wait(  # type: ignore[no-untyped-call]
                        pending, timeout=_ASK_EVERY_SECONDS, return_when="FIRST_COMPLETED"
                    )
                except TimeoutError:
                    continue
                for future in ready:
                    pending.discard(future)
                    place = place_of.pop(future)
                    try:
                        answer = future.result()
                    except KilledWorker:
                        answer = _killed(sources[place])
                    if progress is not None:
                        progress(len(sources) - len(pending), len(sources))
                    yield place, answer
        finally:
            client.cancel(list(pending), force=True)


def _client(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError(
            Problem(
                "no-distributed",
                "a scheduler needs dask.distributed, which is not installed.",
                'Install it: pip install "lineage-triplets[distributed]".',
            )
        ) from None
    try:
        return Client(address, timeout=_CONNECT_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise ConfigError(
            Problem(
                "no-scheduler",
                f"no dask scheduler answers at {address!r} ({error}).",
                "Start one (`dask scheduler`) and its workers, and give its address.",
            )
        ) from None


def _count_fov(source: FovSource, missing_chunks: MissingChunks) -> Counted | StoreError:
    """Count one FOV on a worker, by as many threads as are its part of the machine."""
    from distributed import get_worker

    n_threads = max(1, usable_cpus() // get_worker().state.nthreads)
    ((_, answer),) = count_fovs([source], missing_chunks, n_threads)
    return answer


def _killed(source: FovSource) -> StoreError:
    return StoreError(
        Problem(
            "killed-workers",
            "the workers that read it died, one after another.",
            "Give workers more memory, or exclude this FOV (exclude: fovs).",
            file=source.fov.path,
        )
    )
