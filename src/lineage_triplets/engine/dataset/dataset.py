"""Pairs as torch tensors: the dataset that training reads."""

from __future__ import annotations

import operator
import os
import pickle
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from lineage_triplets.engine.dataset.batch import Batch
from lineage_triplets.engine.dataset.coming import BatchPlan, ComingBatches, shared
from lineage_triplets.engine.dataset.samples import Labels
from lineage_triplets.engine.dataset.seeded import PixelWatch
from lineage_triplets.engine.dataset.source import (
    PairSource,
    observation_meta,
    positive_meta,
    prediction_index,
)
from lineage_triplets.engine.dataset.verification import log_standing, verify_config
from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.plates.normalization import NormalizationCache
from lineage_triplets.engine.plates.statistics import StatisticsFolder
from lineage_triplets.engine.settings.faults import checked_settings
from lineage_triplets.engine.settings.file import given_config
from lineage_triplets.engine.settings.model import TripletConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lineage_triplets.engine.arrays import BoolArray, Int64Array, Pixels
    from lineage_triplets.engine.dataset.samples import Samples
    from lineage_triplets.engine.dataset.seeded import KnownPixels
    from lineage_triplets.engine.dataset.source import Pairs
    from lineage_triplets.engine.dataset.verification import VerifyMode
    from lineage_triplets.engine.plates.image import Fov
    from lineage_triplets.engine.settings.model import (
        DtypeName,
        MissingChunks,
        NegativeFrom,
        ReadStrategyName,
        TauFallback,
    )

_ALIGNMENT = 64
# Keys of a config that are arguments here; the others are the index's.
_ARGUMENTS = {
    "tau_range_hours",
    "tau_decay_rate",
    "return_negative",
    "cache_pool_bytes",
    "tau_fallback",
    "negative_from",
    "dtype",
    "seed",
    "missing_chunks",
    "read_strategy",
    "statistics_path",
}


class MultiExperimentTripletDataset(Dataset[Batch]):
    """Batches of anchor and positive patches from all experiments of an index.

    Use it with ``DataLoader(dataset, batch_size=…)``: `__getitems__` gives whole batches, which
    the loader hands on as they are.

    Parameters
    ----------
    index : MultiExperimentIndex
    fit : bool
        True gives pairs of the valid anchors; False (predict) gives every row of ``index.tracks``
        by itself, whatever tau is.
    tau_range_hours : (float, float), optional
        The index's; another one is an error.
    tau_decay_rate : float
        Decay of the law of tau; 0 is uniform.
    return_negative : bool
        Whether batches have negatives.
    cache_pool_bytes : int, optional
        Memory for decoded chunks in each process; 0 keeps none. By default a quarter of what the
        process may use, 4 GiB at most, for all datasets of the process together.
    tau_fallback : {"scan", "renormalize"}
        Where the lineage has nobody at the drawn tau: the smallest tau with somebody, or a new
        draw among the taus that have.
    negative_from : {"experiment", "fov"}
        Negatives are of another lineage: uniform over the experiment, or of the same FOV in the
        nearest frame.
    dtype : str
        Data type of the patches.
    seed : int, optional
        Pairs depend on (seed, epoch, anchor) alone; None draws differently in every worker and run.
    missing_chunks : {"warn", "error", "fill"}
        What a chunk that was never written means.
    read_strategy : {"auto", "blosc-blocks", "tensorstore"}
        How pixels are read; they are the same in each way.
    samples : Samples, optional
        Another kind of sample than a pair of all slots; labels; a margin.
    among : ndarray of bool, optional
        Which rows of ``index.tracks``, whole lineages, negatives, and positives by equal columns,
        are drawn from.
    statistics_path : str, optional
        Folder of the statistics for ``*_norm_meta``, as ``lineage-triplets stats`` writes it; the
        index's by default, else the attributes of the plates.

    Raises
    ------
    ConfigError
        An argument that cannot be, or contradicts the index.
    NoAnchorsError
        `fit`, and there is no valid anchor.

    Examples
    --------
    >>> from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
    >>> from lineage_triplets import MultiExperimentTripletDataset
    >>> registry = ExperimentRegistry.from_yaml("experiments.yml")
    >>> index = MultiExperimentIndex(registry, z_range=1, yx_patch_size=(16, 16))
    >>> dataset = MultiExperimentTripletDataset(index, seed=0)
    >>> batch = dataset.__getitems__([0, 5, 9])
    >>> batch["anchor"].shape, batch["positive"].dtype
    (torch.Size([3, 2, 1, 16, 16]), torch.float32)
    >>> all(meta["tau_frames"] > 0 for meta in batch["positive_meta"])
    True
    """

    def __init__(
        self,
        index: MultiExperimentIndex,
        fit: bool = True,
        tau_range_hours: tuple[float, float] | None = None,
        tau_decay_rate: float = 2.0,
        return_negative: bool = False,
        cache_pool_bytes: int | None = None,
        *,
        tau_fallback: TauFallback = "scan",
        negative_from: NegativeFrom = "experiment",
        dtype: DtypeName = "float32",
        seed: int | None = None,
        missing_chunks: MissingChunks = "warn",
        read_strategy: ReadStrategyName = "auto",
        samples: Samples | None = None,
        among: BoolArray | None = None,
        statistics_path: str | None = None,
    ) -> None:
        given = index.settings.tau_range_hours if tau_range_hours is None else tau_range_hours
        own = {
            "tau_range_hours": given,
            "tau_decay_rate": tau_decay_rate,
            "return_negative": return_negative,
            "cache_pool_bytes": cache_pool_bytes,
            "tau_fallback": tau_fallback,
            "negative_from": negative_from,
            "dtype": dtype,
            "seed": seed,
            "missing_chunks": missing_chunks,
            "read_strategy": read_strategy,
            "statistics_path": statistics_path or index.settings.statistics_path,
        }
        settings = checked_settings(**{**index.settings.model_dump(), **own})
        if settings.tau_range_hours != index.settings.tau_range_hours:
            raise ConfigError(
                Problem(
                    "tau-mismatch",
                    f"the dataset's tau range {settings.tau_range_hours} is not the index's "
                    f"{index.settings.tau_range_hours}.",
                    "Leave it out, or build the index with it.",
                    field="tau_range_hours",
                )
            )
        self.fit = fit
        self.seed = settings.seed
        drawn = settings.model_copy(update={"return_negative": settings.return_negative and fit})
        self.source = PairSource(index, drawn, among, samples)
        if fit:
            self.source.require_anchors()
        if settings.statistics_path is not None:
            StatisticsFolder(settings.statistics_path).require(self._named_fovs())
        self._epoch = shared(torch.zeros(1, dtype=torch.int64))
        self._packed: tuple[bytes, list[tuple[int, int]], torch.Tensor] | None = None
        self._plan: BatchPlan | None = None
        self._coming: ComingBatches | None = None
        self.known_pixels: KnownPixels | None = None
        self._pixel_watch: PixelWatch | None = None
        self._forget_process()

    @classmethod
    def from_config(
        cls,
        path: str | Path | TripletConfig,
        fit: bool = True,
        *,
        verify: VerifyMode = "error",
        path_map: Mapping[str, str] | None = None,
        seed: int | None = None,
        samples: Samples | None = None,
    ) -> MultiExperimentTripletDataset:
        """Build from a config file: experiments, settings, exclusions, cuts and links.

        Parameters
        ----------
        path : str, Path or TripletConfig
        fit : bool
            Pairs, or every row by itself.
        verify : {"error", "warn", "off"}
            What happens if a validated config's data or text changed since, or if pixels change
            while they are read.
        path_map : dict, optional
            Leading folders of a file's paths to replace, ``{old: new}``.
        seed : int, optional
            In place of the config's, which stays what was validated.
        samples : Samples, optional
            Another kind of sample than a pair of all slots; labels; a margin.

        Raises
        ------
        ConfigError, TrackTableError, StoreError, NoAnchorsError
            The config or its data cannot be used.
        VerificationError
            It was validated, and changed since.
        """
        config = given_config(path, path_map)
        index = MultiExperimentIndex.from_config(config)
        known = verify_config(config, index, verify)
        log_standing(config, None if isinstance(path, TripletConfig) else Path(path))
        arguments = config.dataset.model_dump(include=_ARGUMENTS)
        if seed is not None:
            arguments["seed"] = seed
        dataset = cls(index, fit, **arguments, samples=samples)
        dataset.known_pixels = known
        return dataset

    def part(
        self, among: BoolArray | None = None, *, fit: bool = True, **changed: Any
    ) -> MultiExperimentTripletDataset:
        """Make a dataset of the same index, with an epoch of its own.

        Parameters
        ----------
        among : ndarray of bool, optional
            Which rows of ``index.tracks``, whole lineages, negatives, and positives by equal
            columns, are drawn from.
        fit : bool
            Pairs, or every row by itself.
        changed
            Arguments of the constructor that are not this dataset's.
        """
        arguments = {**self.source.settings.model_dump(include=_ARGUMENTS), **changed}
        part = type(self)(self.index, fit, **arguments, samples=self.source.samples, among=among)
        part.known_pixels = self.known_pixels
        return part

    @property
    def index(self) -> MultiExperimentIndex:
        """The index that pairs are drawn from."""
        return self.source.index

    @property
    def epoch(self) -> int:
        """The epoch that is drawn."""
        return int(self._epoch[0])

    @cached_property
    def labels(self) -> Labels:
        """Codes of the columns that samples have labels of, and ``labels.classes``, their words."""
        return Labels(self.index, self.source.samples.labels)

    def set_epoch(self, epoch: int) -> None:
        """Draw the pairs of another epoch from now on, also in workers that run already."""
        self._epoch[0] = epoch

    @property
    def plan(self) -> BatchPlan:
        """Where samplers tell the batches of a pass; workers started before it was made know none.

        Pairs and pixels are the same without it. With it chunks are decoded for many batches.
        """
        if self._plan is None:
            self._plan = BatchPlan(len(self))
        return self._plan

    def __len__(self) -> int:
        return len(self.index.anchor_rows) if self.fit else len(self.index)

    def __getitem__(self, index: int | Sequence[int]) -> Batch:
        """Give a batch of one, or of the numbers that a sampler of batches gives."""
        return self.__getitems__(index if isinstance(index, Sequence) else [index])

    def __getitems__(self, indices: Iterable[int]) -> Batch:
        """Give one batch.

        Parameters
        ----------
        indices : iterable of int
            Row numbers of ``index.valid_anchors`` (fit) or ``index.tracks`` (predict).

        Returns
        -------
        Batch
            A dict: ``anchor``, ``positive``, ``negative``: Tensor (B, C, Z, Y, X), C in slot order;
            ``*_norm_meta`` and ``*_meta``: lists of B dicts; ``index`` in predict mode; where
            `samples` ask for them ``slot`` (B,), and ``labels``, a dict of codes (B,).

        Raises
        ------
        IndexError
            An index is outside the dataset.
        ChunkError, StoreError, VerificationError
            Pixels cannot be read, or changed since `from_config`; the message says where.
        """
        chosen = self._checked(indices)
        begun = time.perf_counter()
        batch = self._pairs(chosen) if self.fit else self._single(chosen)
        if self.known_pixels is not None:
            self._watch(self.known_pixels).after_reading(time.perf_counter() - begun)
        return batch

    def _checked(self, indices: Iterable[int]) -> Int64Array:
        chosen = np.array([operator.index(number) for number in indices], dtype=np.int64)
        chosen = np.where(chosen < 0, chosen + len(self), chosen)
        if len(chosen) and (chosen.min() < 0 or chosen.max() >= len(self)):
            raise IndexError(
                f"index outside the dataset of {len(self)} "
                f"{'anchors' if self.fit else 'observations'}"
            )
        return chosen

    def _pairs(self, anchors: Int64Array) -> Batch:
        planned = self._planned(anchors)
        if planned is None:
            pairs = self._draw(anchors)
            planned = pairs, self.source.read(pairs.rows, pairs.slots)
        pairs, pixels = planned
        rows, parts, patches = pairs.anchor, pairs.parts, torch.from_numpy(pixels)
        batch = Batch()
        for number, part in enumerate(parts):
            batch[part] = patches[number * len(rows) : (number + 1) * len(rows)]
        for part, part_rows in parts.items():
            batch[f"{part}_norm_meta"] = self._norm_meta(part_rows)
        batch["anchor_meta"] = observation_meta(self.index, pairs.anchor)
        batch["positive_meta"] = positive_meta(self.source, pairs)
        if pairs.negative is not None:
            batch["negative_meta"] = observation_meta(self.index, pairs.negative)
        if pairs.slot is not None:
            batch["slot"] = torch.from_numpy(pairs.slot)
        return self._labelled(batch, rows)

    def _draw(self, anchors: Int64Array) -> Pairs:
        return self.source.draw(self.index.anchor_rows[anchors], *self._seed_and_epoch())

    def _watch(self, known: KnownPixels) -> PixelWatch:
        if self._process != os.getpid():
            self._forget_process()
        if self._pixel_watch is None:
            self._pixel_watch = PixelWatch(self.index, known)
        return self._pixel_watch

    def _planned(self, anchors: Int64Array) -> tuple[Pairs, Pixels] | None:
        """Pairs and patches of a batch that a sampler has told, else None."""
        if self._plan is None:
            return None
        if self._process != os.getpid():
            self._forget_process()
        if self._coming is None:
            self._coming = ComingBatches(self.source, self._plan, self._draw)
        return self._coming.take(anchors, self.epoch)

    def _single(self, rows: Int64Array) -> Batch:
        batch = Batch(
            anchor=torch.from_numpy(self.source.read(rows)),
            anchor_norm_meta=self._norm_meta(rows),
            anchor_meta=observation_meta(self.index, rows),
            index=prediction_index(self.index, rows),
        )
        return self._labelled(batch, rows)

    def _labelled(self, batch: Batch, rows: Int64Array) -> Batch:
        if self.source.samples.labels:
            codes = self.labels.of_rows(rows)
            batch["labels"] = {column: torch.from_numpy(found) for column, found in codes.items()}
        return batch

    def _norm_meta(self, rows: Int64Array) -> list[dict[str, Any] | None]:
        return self._normalization.of_fovs(self.index.fov_of_row[rows])

    def _named_fovs(self) -> list[tuple[str, Fov]]:
        return [(source.experiment, source.fov) for source in self.index.fovs]

    def _seed_and_epoch(self) -> tuple[int, int]:
        """The seed; without one, a new number for every batch of every process."""
        if self.seed is not None:
            return self.seed, self.epoch
        if self._process != os.getpid():
            self._forget_process()
        return int(self._entropy.integers(2**63)), self.epoch

    def _forget_process(self) -> None:
        """Start with nothing that belongs to one process."""
        self._process: int = os.getpid()
        self._entropy = np.random.default_rng()
        self._coming = None
        self._pixel_watch = None
        self._normalization = NormalizationCache(
            self.source.settings.statistics_path,
            self._named_fovs(),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Give the arrays as one block of memory that all workers share, the rest as few bytes."""
        if self._packed is None:
            buffers: list[pickle.PickleBuffer] = []
            small = pickle.dumps(self.source, protocol=5, buffer_callback=buffers.append)
            places, end = [], 0
            for buffer in buffers:
                size = buffer.raw().nbytes
                places.append((end, size))
                end += -(-size // _ALIGNMENT) * _ALIGNMENT
            block = shared(torch.empty(end, dtype=torch.uint8))
            memory = block.numpy()
            for (start, size), buffer in zip(places, buffers, strict=True):
                memory[start : start + size] = np.frombuffer(buffer.raw(), np.uint8)
            self._packed = (small, places, block)
        return {
            "packed": self._packed,
            "epoch": self._epoch,
            "plan": self._plan,
            "fit": self.fit,
            "seed": self.seed,
            "known_pixels": self.known_pixels,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        small, places, block = state["packed"]
        memory = block.numpy()
        buffers = [memory[start : start + size] for start, size in places]
        self.source = pickle.loads(small, buffers=buffers)
        self._packed, self._epoch = state["packed"], state["epoch"]
        self._plan = state["plan"]
        self.fit, self.seed = state["fit"], state["seed"]
        self.known_pixels = state["known_pixels"]
        self._forget_process()
