"""Batches of a sampler by torch's loader, counted as they are used, so that a run can go on."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
from typing import TYPE_CHECKING, Any, Literal, get_args

from torch.utils.data import DataLoader

from lineage_triplets.engine.dataset.prefetch import PrefetchLoader
from lineage_triplets.engine.errors import (
    ChunkError,
    ConfigError,
    LineageTripletsError,
    Problem,
    StoreError,
    choices,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from torch.utils.data import Dataset

    from lineage_triplets.engine.dataset.batch import Batch
    from lineage_triplets.training.resume import SamplerState
    from lineage_triplets.training.sampler import TripletBatchSampler

_log = logging.getLogger(__name__)

IfChanged = Literal["error", "new-epoch"]
_WITHOUT_FOV = (
    "To go on without that FOV: list it in exclude_fovs of the config's dataset, load it with "
    "verify='warn', and resume from the last checkpoint with if_changed='new-epoch'."
)
_OUT_OF_MEMORY = (
    "Where the system was out of memory, lower memory_bytes, cache_pool_bytes or num_workers; then "
    "resume from the last checkpoint, which goes on at its batch with any number of workers."
)
_AT_ONCE = (
    "It made no batch: what a worker process says above tells why. A script that starts workers "
    'needs `if __name__ == "__main__":` around what it does. Where the system was out of memory, '
    "lower memory_bytes, cache_pool_bytes or num_workers."
)


_ENDING = "lineage_triplets.training.ending"


class WorkerError(LineageTripletsError, RuntimeError):
    """A worker process of a loader ended by itself, or was killed."""


class TripletLoader:
    """Batches of a `TripletBatchSampler`, which know how many of them were used.

    Its state resumes at the batch after the last one that was handed out, however many worker
    processes or a prefetching thread have made meanwhile. Lightning saves and loads that state with
    its checkpoints, and puts no sampler of its own into it.

    Parameters
    ----------
    dataset : Dataset
        What `sampler` was made of.
    sampler : TripletBatchSampler
    collate_fn : callable, optional
    num_workers : int
        Worker processes; they stay from one epoch to the next.
    prefetch : int
        Batches that each worker makes ahead; without workers a thread makes them, or nobody (0).
    multiprocessing_context : str, optional
        How workers are started: "forkserver" where there is one and else "spawn", by default.
    pin_memory : bool
    if_changed : {"error", "new-epoch"}
        What happens to a state of other anchors or arguments: it is refused, or the next epoch
        begins and a warning says so.
    epoch : int, optional
        Whose pairs every pass has, as validation wants it; by default each pass is an epoch.

    Raises
    ------
    ConfigError
        `if_changed` is none of these.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        sampler: TripletBatchSampler,
        collate_fn: Callable[[Any], Batch] | None = None,
        *,
        num_workers: int = 0,
        prefetch: int = 2,
        multiprocessing_context: str | None = None,
        pin_memory: bool = False,
        if_changed: IfChanged = "error",
        epoch: int | None = None,
    ) -> None:
        if if_changed not in get_args(IfChanged):
            raise ConfigError(
                Problem(
                    "bad-value",
                    f"there is no {shown(if_changed)}.",
                    f"There is: {choices(get_args(IfChanged))}.",
                    field="if_changed",
                )
            )
        self.dataset = dataset
        self.batch_sampler = sampler
        self.sampler = sampler.sampler
        self._options = {
            "collate_fn": collate_fn,
            "pin_memory": pin_memory,
            **worker_options(num_workers, prefetch, multiprocessing_context),
        }
        self._n_ahead = 0 if num_workers else prefetch
        self._batches: Iterable[Batch] | None = None
        self._pass: Generator[Batch] | None = None
        self._used = 0
        # A loaded state, until the pass that it is for begins.
        self._loaded: SamplerState | None = None
        self._if_changed = if_changed
        self._fixed_epoch = epoch

    def __len__(self) -> int:
        """Batches of a whole epoch, also where one is resumed in its middle."""
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[Batch]:
        """Begin a pass, or go on where a loaded state was taken.

        Raises
        ------
        ChunkError, StoreError
            Pixels cannot be read; the message names the FOV, and how to go on.
        WorkerError
            A worker process is gone.
        """
        self._pass = self._begun()
        return self._pass

    def _begun(self) -> Generator[Batch]:
        """Begin once the first batch is asked for: until then loops choose the epoch."""
        if self._fixed_epoch is not None:
            self.batch_sampler.set_epoch(self._fixed_epoch)
        first = self.batch_sampler.first_batch
        self._used, self._loaded = first, None
        if self._batches is None:
            loader: DataLoader[Any] = DataLoader(
                self.dataset, batch_sampler=self.batch_sampler, **self._options
            )
            self._batches = PrefetchLoader(loader, self._n_ahead) if self._n_ahead else loader
        try:
            for batch in self._batches:
                self._used += 1
                yield batch
        except KeyboardInterrupt:
            end_soon()
            raise
        except (ChunkError, StoreError) as error:
            error.add_note(_WITHOUT_FOV)
            raise
        except RuntimeError as error:
            # Torch has no class of its own for it.
            if not str(error).startswith("DataLoader worker"):
                raise
            raise WorkerError(
                Problem(
                    "worker-gone",
                    f"a worker process ended; batches of this epoch that were used: {self._used}. "
                    f"{error}",
                    _AT_ONCE if self._used == first else _OUT_OF_MEMORY,
                )
            ) from error

    def close(self) -> None:
        """End the pass, worker processes and the thread; the next pass starts them anew."""
        if self._pass is not None:
            self._pass.close()
        self._pass = self._batches = None

    def state_dict(self) -> SamplerState:
        """Say where this pass is: after the batches that were handed out."""
        if self._loaded is not None:
            return self._loaded
        return self.batch_sampler.state_dict(self._used)

    def load_state_dict(self, state: SamplerState) -> None:
        """Let the next pass go on where a state was taken.

        Raises
        ------
        ConfigError
            The state is of other anchors, arguments, ranks or seed, and `if_changed` is "error".
        """
        try:
            self.batch_sampler.load_state_dict(state)
        except ConfigError as error:
            if self._if_changed == "error":
                error.add_note("Or give if_changed='new-epoch', which begins the next epoch.")
                raise
            following = state["epoch"] + 1
            _log.warning("%s Epoch %d begins.", error.problems[0].message, following)
            self.batch_sampler.set_epoch(following)
            return
        self._loaded = state


def worker_options(
    num_workers: int, prefetch: int, multiprocessing_context: str | None = None
) -> dict[str, Any]:
    """Give a `DataLoader`'s arguments for some workers; none for none."""
    if not num_workers:
        return {}
    return {
        "num_workers": num_workers,
        "prefetch_factor": max(1, prefetch),
        "persistent_workers": True,
        "worker_init_fn": end_soon,
        "multiprocessing_context": multiprocessing_context or _default_context(),
    }


def _default_context() -> str:
    """The start method that works whatever this process has read and whatever threads it has."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return "spawn"
    # Workers are then forked from a process that has imported torch, which takes seconds each.
    multiprocessing.set_forkserver_preload(
        ["__main__", "lineage_triplets.engine.dataset.dataset", _ENDING]
    )
    return "forkserver"


def end_soon(_: int = 0) -> None:
    """Let this process look for no garbage when it ends."""
    importlib.import_module(_ENDING)
