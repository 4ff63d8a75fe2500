"""Batches made ahead, in one thread, while the consumer works on the batch before."""

from __future__ import annotations

import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lineage_triplets.engine.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

Batch = TypeVar("Batch")

_OF_ONE_PROCESS = (
    "RandomSampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
)


class PrefetchLoader(Generic[Batch]):
    """Makes the next batches of a loader in a thread while the consumer works on one.

    Use it around a ``DataLoader`` with ``num_workers=0``. Batches, their order and their errors
    are those of the loader. The first batch of each iteration is made in the consumer's thread, so
    that samplers draw their seed from global random generators at the moment that they always do.
    What draws from global generators for every batch (a transform in ``collate_fn``, say) shares
    them with the consumer, and needs a generator of its own to be repeatable.

    In a distributed job the loader's sampler has to know the ranks, as `TripletBatchSampler` and
    torch's `DistributedSampler` do: nobody puts one into this loader as Lightning does elsewhere.

    Iterate it once at a time: a new iteration ends the one before, which then raises
    ``RuntimeError`` if it is used. Leaving a loop early stops the thread; so does the end of the
    program. Other attributes are the loader's.

    Parameters
    ----------
    loader : iterable
        A ``DataLoader``, or any iterable of batches.
    n_batches : int
        How many batches are made, or kept ready, ahead of the one in use.

    Raises
    ------
    ConfigError
        `n_batches` is below 1; an iteration begins in a distributed job, with a sampler of torch's
        that gives every rank all of the data.

    Examples
    --------
    >>> from lineage_triplets import PrefetchLoader
    >>> [sum(batch) for batch in PrefetchLoader([[1, 2], [3, 4]])]
    [3, 7]
    """

    def __init__(self, loader: Iterable[Batch], n_batches: int = 2) -> None:
        if n_batches < 1:
            raise ConfigError(
                Problem(
                    "bad-value",
                    f"n_batches is {n_batches}, and at least one batch is made ahead.",
                    "Give 1 or more, or use the loader by itself.",
                    field="n_batches",
                )
            )
        self.loader = loader
        self.n_batches = n_batches
        self._ahead: _Ahead[Batch] | None = None

    def __len__(self) -> int:
        """Number of batches."""
        return len(self.loader)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Batch]:
        """Begin an iteration; the one before ends."""
        _refuse_same_for_all_ranks(self.loader)
        if self._ahead is not None:
            self._ahead.outdate()
        self._ahead = _Ahead(iter(self.loader), self.n_batches)
        return _Batches(self._ahead)

    def __getattr__(self, name: str) -> Any:
        if name in {"loader", "_ahead"} or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.loader, name)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_ahead": None}


def _refuse_same_for_all_ranks(loader: object) -> None:
    """Raise if this is one of several ranks, and the loader's sampler knows no ranks."""
    # A process that has not imported torch is no rank.
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not (distributed.is_available() and distributed.is_initialized()):
        return
    data = sys.modules["torch.utils.data"]
    n_ranks = distributed.get_world_size()
    batch_sampler = getattr(loader, "batch_sampler", None)
    sampler = getattr(batch_sampler, "sampler", None)
    of_one_process = type(batch_sampler) is data.BatchSampler and type(sampler) in {
        getattr(data, name) for name in _OF_ONE_PROCESS
    }
    if n_ranks > 1 and of_one_process:
        raise ConfigError(
            Problem(
                "ranks-read-all",
                f"this is one of {n_ranks} ranks, and the loader's {type(sampler).__name__} gives "
                "every rank all anchors.",
                "Give the DataLoader a TripletBatchSampler as batch_sampler, or a torch "
                "DistributedSampler as sampler.",
                field="loader",
            )
        )


class _Batches(Generic[Batch]):
    """One iteration, as the consumer holds it; forgetting it stops the thread."""

    def __init__(self, ahead: _Ahead[Batch]) -> None:
        self._ahead = ahead

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        return self._ahead.next()

    def close(self) -> None:
        """Stop making batches, and wait for the one that is being made."""
        self._ahead.stop(wait=True)

    def __del__(self) -> None:
        # The last reference may go away inside the thread itself, which cannot wait for itself.
        self._ahead.stop(wait=False)


class _End:
    """What stands after the last batch."""


_END = _End()


class _Ahead(Generic[Batch]):
    """The thread and the batches that are made ahead."""

    def __init__(self, batches: Iterator[Batch], n_batches: int) -> None:
        self._batches = batches
        self._n_batches = n_batches
        self._pending: deque[Future[Batch | _End]] = deque()
        self._thread: ThreadPoolExecutor | None = None
        self._exhausted = self._stopped = self._outdated = False
        self._one_at_a_time = threading.Lock()

    def next(self) -> Batch:
        with self._one_at_a_time:
            if self._outdated:
                raise RuntimeError("another iteration of this PrefetchLoader has begun since")
            if self._stopped:
                raise StopIteration
            if self._thread is None:
                made = self._make()
                # The executor ends its thread when the program ends, whatever is pending.
                self._thread = ThreadPoolExecutor(1, "lineage-triplets-prefetch")
                self._fill(self._thread)
            else:
                # An interrupted wait leaves the batch where it is, for the next call.
                self._pending[0].exception()
                ready = self._pending.popleft()
                self._fill(self._thread)
                made = ready.result()
        if isinstance(made, _End):
            self.stop(wait=True)
            raise StopIteration
        return made

    def _make(self) -> Batch | _End:
        if not self._exhausted:
            try:
                return next(self._batches)
            except StopIteration:
                self._exhausted = True
        return _END

    def _fill(self, thread: ThreadPoolExecutor) -> None:
        while len(self._pending) < self._n_batches:
            self._pending.append(thread.submit(self._make))

    def outdate(self) -> None:
        """Stop, and tell whoever still uses this iteration."""
        self._outdated = not self._stopped
        self.stop(wait=True)

    def stop(self, wait: bool) -> None:
        """Make no more batches, forget those that were made."""
        self._stopped = True
        if self._thread is not None:
            self._thread.shutdown(wait=wait, cancel_futures=True)
        self._pending.clear()
