"""Batches in an order that decodes each chunk about once, whoever drives the loop."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from torch.utils.data import Subset

from lineage_triplets.engine.dataset.dataset import MultiExperimentTripletDataset
from lineage_triplets.engine.errors import ConfigError, Problem, counted
from lineage_triplets.engine.pairs.randomness import epoch_salt
from lineage_triplets.engine.process import default_cache_bytes
from lineage_triplets.training.columns import Columns
from lineage_triplets.training.kept import KeptBatchSampler
from lineage_triplets.training.plan.epoch import (
    Anchors,
    Order,
    Reading,
    Sizes,
    batches_of_rank,
    plan_epoch,
)
from lineage_triplets.training.plan.guests import draw_guests
from lineage_triplets.training.plan.memory import ReadCosts
from lineage_triplets.training.ranks import find_rank
from lineage_triplets.training.resume import STATE_VERSION, check_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch.utils.data import Dataset

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.training.columns import Weights
    from lineage_triplets.training.plan.epoch import EpochPlan
    from lineage_triplets.training.ranks import Rank
    from lineage_triplets.training.resume import SamplerState

_log = logging.getLogger(__name__)


class TripletBatchSampler(KeptBatchSampler):
    """Batches of anchors, near each other in FOV and time for a while, and shuffled there.

    Use it as ``DataLoader(dataset, batch_sampler=sampler)``, in a
    loop of your own or in Lightning's. Every rank gets its own part of each epoch; every pass is an
    epoch of its own, which the sampler tells the dataset, also in workers that run already. The
    order never changes a pair.

    Parameters
    ----------
    dataset : MultiExperimentTripletDataset, or a Subset of one
        Batches are lists of its indices.
    batch_size : int
    order : {"near", "random"}
        "near": several FOVs are in work at once, each moving through time by its store's own
        chunks, so that an epoch decodes each chunk about once. "random": a permutation.
    memory_bytes : int, optional
        For all that reading holds in each process; by default what the dataset's reader keeps. As
        many FOVs are in work at once, and as many batches looked ahead, as it holds.
    group_by : sequence of str
        Columns of ``index.tracks`` that are the same in a whole batch.
    stratify_by : sequence of str
        Columns of which every batch has each value in the epoch's own share, as near as whole
        numbers allow; with weights for equal shares the batch is balanced.
    weights : str, dict or sequence of float, optional
        How often anchors are drawn: a column whose values shall come equally often, or
        ``{column: {value: weight}}``, or a number an anchor. An epoch has as many draws as there
        are anchors; each comes as often as expected, rounded up or down.
    leak : float
        Share of a batch that comes from outside its group, besides the group's own epoch.
    concentrate : (float, float), optional
        Centre and width in hours after the perturbation: weights are those of a bell around it.
    seed : int, optional
        The order depends on (seed, epoch) and the arguments alone; by default the dataset's seed.
        Without any, each run has another order; several ranks then use 0.
    rank, world_size : int, optional
        By default those of torch.distributed, torchrun or Slurm, looked up at each pass.
    drop_last : bool
        Leave out what fills no batch for every rank: other anchors in each epoch. Otherwise the
        last batches are smaller, so that every anchor comes.
    workers : int
        Worker processes of the ``DataLoader``, which read batches in turns: each then has FOVs of
        its own, and decodes no chunk that another one decodes.

    Raises
    ------
    ConfigError
        Arguments that cannot be, or contradict each other; no batch for every rank.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        batch_size: int,
        *,
        order: Order = "near",
        memory_bytes: int | None = None,
        group_by: Sequence[str] | str = (),
        stratify_by: Sequence[str] | str = (),
        weights: Weights = None,
        leak: float = 0.0,
        concentrate: tuple[float, float] | None = None,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = True,
        workers: int = 1,
    ) -> None:
        super().__init__(batch_size, drop_last)
        self.dataset, self._chosen = _triplets(dataset)
        _check(batch_size, order, leak, memory_bytes, workers, bool(group_by))
        kept = self.dataset.source.settings.cache_pool_bytes
        if memory_bytes is not None and kept is not None and memory_bytes > kept:
            raise _fault(
                "memory_bytes",
                f"memory_bytes is {memory_bytes:,}, and the dataset's reader keeps {kept:,} bytes.",
                "Give the dataset as much by cache_pool_bytes, or leave memory_bytes out.",
            )
        self.order = order
        self.memory_bytes = memory_bytes
        self.workers = max(1, workers)
        self._given_rank = (rank, world_size)
        if rank is not None or world_size is not None:
            find_rank(rank, world_size)
        n_guests = round(leak * batch_size)
        self._sizes = Sizes(batch_size - n_guests, n_guests, drop_last)
        index = self.dataset.index
        rows = index.anchor_rows if self.dataset.fit else np.arange(len(index))
        rows = rows if self._chosen is None else rows[self._chosen]
        columns = Columns(index, rows)
        bell, weight = columns.concentration(concentrate), columns.weights(weights)
        if bell is not None:
            weight = bell if weight is None else bell * weight
            if not weight.any():
                raise _fault("weights", "no anchor has a weight above 0 where concentrate looks.")
        self._anchors = Anchors(
            index.fov_of_row[rows],
            index.observations.t[rows],
            columns.numbers(group_by, "group_by"),
            columns.numbers(stratify_by, "stratify_by"),
            weight,
        )
        source = self.dataset.source
        chunks = ReadCosts.of_index(
            index,
            source.settings.yx_patch_size,
            ahead=self.dataset.fit and source.samples.positive == "drawn" and index.matches is None,
        )
        self._all_bytes = chunks.whole_bytes(self._anchors.fov)
        # Guests are drawn batch by batch, so that nobody can look ahead, and chunks are kept.
        self._costs = chunks if n_guests else chunks.of_frames(index)
        self._arguments_hash = _digest(
            f"{order} {self._sizes}".encode(),
            self._anchors.group,
            self._anchors.stratum,
            np.empty(0) if weight is None else weight,
        )
        self._anchors_hash = _digest(source.keys(rows))
        self._own_seed = self.dataset.seed if seed is None else seed
        self._entropy = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        self._said = ""
        self._epoch = -1
        self._given_epoch: int | None = None
        self._resumed: SamplerState | None = None
        self._passing = False
        self._n_given = 0
        self._reading: Reading | None = None
        # Made before any worker starts, so that all know it.
        self._told = self.dataset.plan
        len(self)

    def __len__(self) -> int:
        """Batches of this rank in a whole epoch, also where one is resumed in its middle."""
        return batches_of_rank(self._anchors, self._sizes, self._rank().world_size)

    @property
    def first_batch(self) -> int:
        """With which batch the next pass begins: not 0 where a state is gone on with."""
        state = self._resumed
        if state is None or self._given_epoch not in {None, state["epoch"]}:
            return 0
        return state["batches"] if state["batches"] < len(self) else 0

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be this epoch; without it, it is the one after the last."""
        if epoch == self._epoch and self._passing:
            # Loops with workers begin a pass first and say then which one it is.
            return
        self._given_epoch = epoch
        self.dataset.set_epoch(epoch)

    def __iter__(self) -> Iterator[list[int]]:
        """Begin a pass once its first batch is asked for."""
        epoch, first, reading = self._begin()
        plan = plan_epoch(self._anchors, self._sizes, reading, self._generator(epoch))
        self._say(plan, reading)
        self._epoch, self._n_given, self._reading = epoch, first, reading
        self.dataset.set_epoch(epoch)
        told = self._tell(plan, first)
        self._passing = True
        try:
            for number in range(first, len(plan)):
                batch = self._with_guests(plan, number, epoch, reading.rank)
                if self._epoch == epoch:
                    self._n_given = number + 1
                yield batch
        except GeneratorExit:
            # The loop was left: nobody reads what would follow.
            self._told.end(told)
            raise
        finally:
            if self._epoch == epoch:
                self._passing = False

    def _tell(self, plan: EpochPlan, first: int) -> int:
        """Tell the processes that read which batches will come, and give the pass's number."""
        # Chunks that all fit are kept from one epoch to the next.
        if self._sizes.guests or self._all_bytes <= self._memory():
            return 0
        anchors = plan.anchors if self._chosen is None else self._chosen[plan.anchors]
        near = self.order == "near"
        return self._told.tell(anchors, plan.starts, first, self._memory(), near=near)

    def _begin(self) -> tuple[int, int, Reading]:
        """Epoch and first batch of the next pass, and how it is read."""
        given, self._given_epoch = self._given_epoch, None
        state, self._resumed = self._resumed, None
        found = self._rank()
        reading = Reading(
            self.order,
            found.rank,
            found.world_size,
            self.workers,
            self._memory(),
            self._costs,
        )
        if state is not None and given in {None, state["epoch"]}:
            if state["batches"] < len(self):
                # The rest of an epoch is that of the plan with which it was begun.
                reading = replace(
                    reading, workers=state["workers"], memory_bytes=state["memory_bytes"]
                )
                return state["epoch"], state["batches"], reading
            given = state["epoch"] + 1
        return (self._epoch + 1 if given is None else given), 0, reading

    def _with_guests(self, plan: EpochPlan, number: int, epoch: int, rank: int) -> list[int]:
        batch = plan.batch(number)
        n_guests = round(len(batch) * self._sizes.guests / self._sizes.own)
        if n_guests:
            rng = np.random.default_rng([int(self._salt(epoch)), rank + 1, number + 1])
            guests = draw_guests(plan, number, n_guests, rng, near=self.order == "near")
            batch = rng.permutation(np.concatenate([batch, guests]))
        numbers: list[int] = batch.tolist()
        return numbers

    def state_dict(self, batches: int | None = None) -> SamplerState:
        """Say where this pass is, so that another process can go on there.

        Parameters
        ----------
        batches : int, optional
            Batches of this epoch that were used. By default those that were given out, of which
            worker processes or a prefetching thread hold some that nobody has used yet.
        """
        if self._resumed is not None and batches is None:
            return self._resumed
        found, reading = self._rank(), self._reading
        return {
            "version": STATE_VERSION,
            "epoch": max(self._epoch, 0),
            "batches": self._n_given if batches is None else batches,
            "seed": self._seed(found),
            "world_size": found.world_size,
            "workers": self.workers if reading is None else reading.workers,
            "memory_bytes": self._memory() if reading is None else reading.memory_bytes,
            "n_anchors": len(self._anchors.fov),
            "anchors": self._anchors_hash,
            "arguments": self._arguments_hash,
        }

    def load_state_dict(self, state: SamplerState) -> None:
        """Let the next pass go on where a state was taken, unless another epoch is set.

        Workers may be more or fewer than then: the rest of that epoch keeps its plan.

        Raises
        ------
        ConfigError
            The state is of other anchors, arguments, ranks or seed.
        """
        check_state(state, self.state_dict(0), any_seed=self._own_seed is None)
        self._entropy = state["seed"]
        self._resumed = state
        self._given_epoch = None
        self.dataset.set_epoch(state["epoch"])

    def _rank(self) -> Rank:
        return find_rank(*self._given_rank)

    def _seed(self, found: Rank) -> int:
        """The seed; where nobody gave one, ranks could not agree on more than 0."""
        if self._own_seed is not None:
            return self._own_seed
        return self._entropy if found.world_size == 1 else 0

    def _salt(self, epoch: int) -> np.uint64:
        return epoch_salt(self._seed(self._rank()), epoch)

    def _generator(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng(int(self._salt(epoch)))

    def _memory(self) -> int:
        """Bytes for decoded chunks in each process that reads."""
        if self.memory_bytes is not None:
            return self.memory_bytes
        kept = self.dataset.source.settings.cache_pool_bytes
        return default_cache_bytes() // self.workers if kept is None else kept

    def _say(self, plan: EpochPlan, reading: Reading) -> None:
        """Log who reads what, when that is new."""
        n_left_out = int(self._anchors.n_draws().sum())
        n_left_out -= len(plan) * self._sizes.own * reading.world_size
        of_workers = f", {reading.workers} workers" if reading.workers > 1 else ""
        how = "random order"
        if reading.order == "near":
            how = (
                f"near order, up to {counted(plan.n_lanes, 'FOV')} at once in a process within "
                f"{reading.memory_bytes / 1e6:,.0f} MB of chunks"
            )
        left_out = (
            f"; {counted(n_left_out, 'anchor')} of an epoch, others in each, fill no batch"
            if self.drop_last and n_left_out
            else ""
        )
        said = f"{self._rank()}{of_workers}: {len(plan)} batches of {self.batch_size} an epoch"
        said = f"{said} in {how}{left_out}."
        if said != self._said:
            _log.info("%s", said)
            self._warn(reading)
            self._said = said

    def _warn(self, reading: Reading) -> None:
        """Say why chunks will be decoded again and again in near order."""
        if reading.order == "random":
            return
        least = float(self._costs.lane_bytes(staggered=False)[self._anchors.fov].min())
        if least > reading.memory_bytes:
            _log.warning(
                "One FOV in work needs %.3g MB of chunks, and %.3g MB are kept: chunks will be "
                "decoded several times. Give more by cache_pool_bytes, or by memory_bytes.",
                least / 1e6,
                reading.memory_bytes / 1e6,
            )
        settings = self.dataset.source.settings
        if settings.return_negative and settings.negative_from == "experiment":
            _log.warning(
                "Negatives are drawn from the whole experiment, so that their chunks are decoded "
                "each time; negative_from='fov' keeps them near."
            )


def _triplets(
    dataset: Dataset[Any],
) -> tuple[MultiExperimentTripletDataset, Int64Array | None]:
    """Find the dataset that batches are read from, and which of its anchors are meant."""
    if isinstance(dataset, MultiExperimentTripletDataset):
        return dataset, None
    if isinstance(dataset, Subset):
        whole, chosen = _triplets(dataset.dataset)
        own = np.asarray(dataset.indices, dtype=np.int64)
        return whole, own if chosen is None else chosen[own]
    raise _fault(
        "dataset",
        f"batches are made of a {type(dataset).__name__}.",
        "Give a MultiExperimentTripletDataset, or a Subset of one. If Lightning has made the "
        "sampler anew, give Trainer(use_distributed_sampler=False).",
    )


def _check(
    batch_size: int,
    order: str,
    leak: float,
    memory_bytes: int | None,
    workers: int,
    is_grouped: bool,
) -> None:
    """Refuse arguments that cannot be."""
    if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
        raise _fault("batch_size", f"batch_size is {batch_size!r}.", "Give 1 or more.")
    if order not in get_args(Order):
        raise _fault(
            "order", f"there is no order {order!r}.", f"Choose {' or '.join(get_args(Order))}."
        )
    if not 0 <= leak < 1:
        raise _fault("leak", f"leak is {leak}.", "Give a share from 0 to below 1.")
    if leak and not is_grouped:
        raise _fault(
            "leak",
            f"a share of {leak:g} shall come from outside a batch's group, and nothing is grouped.",
            "Give group_by, or leave leak out.",
        )
    if leak and not 0 < round(leak * batch_size) < batch_size:
        raise _fault(
            "leak",
            f"a share of {leak:g} of {batch_size} is no anchor, or all of them.",
            "Choose another share, or larger batches.",
        )
    if memory_bytes is not None and memory_bytes < 0:
        raise _fault("memory_bytes", f"memory_bytes is {memory_bytes}.", "Give 0 or more.")
    if workers < 0:
        raise _fault("workers", f"workers is {workers}.", "Give the loader's num_workers.")


def _fault(field: str, message: str, remedy: str = "") -> ConfigError:
    return ConfigError(Problem("sampler", message, remedy, field=field))


def _digest(*parts: NDArray[Any] | bytes) -> str:
    """Hash some arrays or bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).data)
    return digest.hexdigest()
