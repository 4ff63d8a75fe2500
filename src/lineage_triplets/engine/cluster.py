"""Tasks for the workers of a dask scheduler, which read plates and tables themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from lineage_triplets.engine.errors import ConfigError, Problem, StoreError
from lineage_triplets.engine.process import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from distributed import Client

Answer = TypeVar("Answer")

_CONNECT_SECONDS = 20
_ASK_EVERY_SECONDS = 0.5


class LostWorkersError(StoreError):
    """The workers that had a task died of it, one after another."""


def on_cluster(
    address: str,
    work: Callable[..., Answer],
    tasks: Sequence[tuple[Any, ...]],
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[tuple[int, Answer | LostWorkersError]]:
    """Do tasks on a cluster; what a lost worker had begun starts over on another.

    Whoever stops iterating takes back what is not done.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``"tcp://node7:8786"``. Its workers need this package, and plates
        and tables under the same paths.
    work : callable
        A function of a module.
    tasks : sequence of tuple
        Its arguments, for each task.
    progress : callable, optional
        Called with how many tasks are done, and how many there are.
    stop : callable, optional
        Asked some times a second.

    Yields
    ------
    place : int
        In `tasks`, as they become ready; fewer where it was stopped.
    answer : Answer or LostWorkersError

    Raises
    ------
    ConfigError
        There is no such scheduler, or dask.distributed is not installed.
    """
    with _client(address) as client:
        from distributed import KilledWorker, wait

        place_of = {
            client.submit(work, *task, pure=False): place for place, task in enumerate(tasks)
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
                        answer = _lost()
                    if progress is not None:
                        progress(len(tasks) - len(pending), len(tasks))
                    yield place, answer
        finally:
            client.cancel(list(pending), force=True)


def cpus_of_task() -> int:
    """CPUs for the task that a worker is at: its threads share those that it may use."""
    from distributed import get_worker

    return max(1, usable_cpus() // get_worker().state.nthreads)


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


def _lost() -> LostWorkersError:
    return LostWorkersError(
        Problem(
            "killed-workers",
            "the workers that read it died, one after another.",
            "Give workers more memory, or leave it out (exclude: fovs).",
        )
    )
