"""A validated config as a data module of Lightning: splits, loaders, transforms, resumption."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch.utils.data import DataLoader, Subset

from lineage_triplets.engine.dataset.dataset import MultiExperimentTripletDataset
from lineage_triplets.engine.dataset.samples import PositiveKind, Samples, SlotsKind
from lineage_triplets.engine.dataset.verification import VerifyMode
from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.engine.settings.faults import checked_section
from lineage_triplets.training.loader import IfChanged, TripletLoader, end_soon, worker_options
from lineage_triplets.training.plan.epoch import Order
from lineage_triplets.training.sampler import TripletBatchSampler
from lineage_triplets.training.split import Split, SplitBy, split_anchors
from lineage_triplets.training.transforms import (
    Augmentation,
    BatchTransform,
    Normalize,
    NormalizeBy,
    moved,
)

try:
    from lightning.pytorch import LightningDataModule
except ImportError as error:
    raise ImportError(
        "TripletDataModule needs Lightning: pip install 'lineage-triplets[training]'. A loop "
        "without it needs TripletBatchSampler and torch's DataLoader alone."
    ) from error

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.dataset.batch import Batch
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.training.split import Side


@dataclass(frozen=True)
class SplitChoice:
    """Which anchors are for what; see `split_anchors`.

    Attributes
    ----------
    by : str
        "lineage", "fov", "well", "condition" or "experiment".
    train, val, test : float, str, list of str or None
    seed : int
    """

    by: SplitBy = "fov"
    train: float | str | list[str] | None = None
    val: float | str | list[str] | None = 0.2
    test: float | str | list[str] | None = None
    seed: int = 0


@dataclass(frozen=True)
class _SamplerChoice:
    """What the section ``sampler`` may say; see `TripletBatchSampler`."""

    group_by: list[str] | tuple[str, ...] | str = ()
    stratify_by: list[str] | tuple[str, ...] | str = ()
    # An array too, which the sampler looks at.
    weights: Any = None
    leak: float = 0.0
    concentrate: (
        tuple[float, float] | Annotated[list[float], Field(min_length=2, max_length=2)] | None
    ) = None
    seed: int | None = None
    drop_last: bool = True


class TripletDataModule(LightningDataModule):
    """Loaders of a config's train, validation and test anchors, and of all cells to predict.

    Batches reach the model on its device, normalized and, in training, augmented: ``anchor``,
    ``positive`` and ``negative`` are Tensor (B, C, Z, Y, X); ``*_meta`` are dicts of arrays; and
    there are ``labels`` and ``slot`` where they were asked for. Validation and test have the same
    pairs in every epoch. A checkpoint from the middle of an epoch is gone on with at its batch.

    Parameters
    ----------
    config : str or Path
        What a review exported, or a draft.
    batch_size : int
        Anchors a batch and rank.
    order : {"near", "random"}
        See `TripletBatchSampler`.
    memory_bytes : int, optional
        For all that reading holds in each process; by default what the config says.
    split : SplitChoice or dict, optional
        By FOV, a fifth for validation, by default.
    normalize, normalize_by, channel_dropout, reference_pixel_size_um
        See `BatchTransform`.
    augment : Augmentation or dict, optional
    margin_pixels, positive, slots, labels
        See `Samples`.
    sampler : dict, optional
        More arguments of the `TripletBatchSampler` of training: ``group_by``, ``weights``, …
    num_workers, prefetch, multiprocessing_context, if_changed
        See `TripletLoader`.
    pin_memory : bool, optional
        Where CUDA is there, by default.
    seed : int, optional
        In place of the config's.
    verify, path_map
        See `MultiExperimentTripletDataset.from_config`.

    Attributes
    ----------
    split, transform, index, classes
        See each; `setup` makes them.

    Raises
    ------
    ConfigError
        Arguments that cannot be.
    """

    def __init__(
        self,
        config: str | Path,
        *,
        batch_size: int = 64,
        order: Order = "near",
        memory_bytes: int | None = None,
        split: SplitChoice | None = None,
        normalize: Normalize | None = "patch",
        normalize_by: NormalizeBy = "mean",
        augment: Augmentation | None = None,
        channel_dropout: float = 0.0,
        reference_pixel_size_um: tuple[float, ...] | None = None,
        margin_pixels: int = 0,
        positive: PositiveKind = "drawn",
        slots: SlotsKind = "all",
        labels: list[str] | None = None,
        sampler: dict[str, Any] | None = None,
        num_workers: int = 0,
        prefetch: int = 2,
        multiprocessing_context: str | None = None,
        pin_memory: bool | None = None,
        if_changed: IfChanged = "error",
        seed: int | None = None,
        verify: VerifyMode = "error",
        path_map: dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        self._config = config
        self._split_choice = checked_section(SplitChoice, split or {}, "split")
        self._augment = (
            None if augment is None else checked_section(Augmentation, augment, "augment")
        )
        self._samples = Samples(
            positive=positive,
            slots=slots,
            labels=tuple(labels or ()),
            margin_pixels=margin_pixels,
        )
        self._sampling: dict[str, Any] = {
            "batch_size": batch_size,
            "order": order,
            "memory_bytes": memory_bytes,
            "workers": num_workers,
        }
        self._of_training = {
            key: getattr(checked_section(_SamplerChoice, sampler, "sampler"), key)
            for key in sampler or ()
        }
        self._transforming: dict[str, Any] = {
            "normalize": normalize,
            "normalize_by": normalize_by,
            "channel_dropout": channel_dropout,
            "reference_pixel_size_um": reference_pixel_size_um,
        }
        self._workers: dict[str, Any] = {
            "num_workers": num_workers,
            "prefetch": prefetch,
            "multiprocessing_context": multiprocessing_context,
        }
        self._pin_memory = torch.cuda.is_available() if pin_memory is None else pin_memory
        self._if_changed: IfChanged = if_changed
        self._opening: dict[str, Any] = {"verify": verify, "path_map": path_map, "seed": seed}
        self._whole: MultiExperimentTripletDataset | None = None
        self._split: Split | None = None
        self._transform: BatchTransform | None = None
        self._loaders: list[TripletLoader] = []

    def setup(self, stage: str | None = None) -> None:
        """Open the plates, read the tables, split the anchors; once, in every rank.

        Raises
        ------
        ConfigError, TrackTableError, StoreError, NoAnchorsError, VerificationError
            The config or its data cannot be used, or a side of the split is empty.
        """
        for_pairs = stage != "predict"
        if self._whole is None or (for_pairs and not self._whole.fit):
            self._whole = MultiExperimentTripletDataset.from_config(
                self._config, for_pairs, samples=self._samples, **self._opening
            )
            self._transform = BatchTransform(
                self._whole.index,
                **self._transforming,
                augment=self._augment,
                margin_pixels=self._samples.margin_pixels,
                seed=self._whole.seed,
            )
        if for_pairs and self._split is None:
            choice: dict[str, Any] = asdict(self._split_choice)
            self._split = split_anchors(self._whole.index, **choice)

    def train_dataloader(self) -> TripletLoader:
        """Give the loader of training; its state resumes in the middle of an epoch."""
        return self._loader("train", **self._of_training)

    def val_dataloader(self) -> TripletLoader | list[Any]:
        """Give the loader of validation; none where the split has no such side."""
        return self._loader("val", drop_last=False) if len(self.split.val) else []

    def test_dataloader(self) -> TripletLoader:
        """Give the loader of test.

        Raises
        ------
        ConfigError
            The split has no such side.
        """
        if not len(self.split.test):
            raise ConfigError(
                Problem(
                    "split",
                    f"there are no anchors for test: {self.split.words}.",
                    "Give `split` a share for test, or names.",
                    field="split",
                )
            )
        return self._loader("test", drop_last=False)

    def predict_dataloader(self) -> DataLoader[Any]:
        """Give a loader of every observation by itself, FOV by FOV and frame by frame."""
        dataset = self._opened().part(fit=False, **self._cache())
        rows = dataset.index.observations
        order = np.lexsort((rows.t, dataset.index.fov_of_row))
        return DataLoader(
            _subset(dataset, order),
            batch_size=self._sampling["batch_size"],
            collate_fn=self.transform.collate,
            pin_memory=self._pin_memory,
            **worker_options(**self._workers),
        )

    def transfer_batch_to_device(
        self,
        batch: Batch,
        device: torch.device,
        dataloader_idx: int,  # noqa: ARG002
    ) -> Batch:
        """Move tensors; arrays and words stay."""
        there: Batch = moved(batch, device)
        return there

    def on_after_batch_transfer(
        self,
        batch: Batch,
        dataloader_idx: int,  # noqa: ARG002
    ) -> Batch:
        """Normalize, and augment in training, on the device."""
        trainer = self.trainer
        training = trainer is not None and trainer.training
        epoch = trainer.current_epoch if trainer is not None else 0
        return self.transform(batch, training=training, epoch=epoch)

    def teardown(self, stage: str) -> None:  # noqa: ARG002
        """End workers."""
        for loader in self._loaders:
            loader.close()
        self._loaders = []

    def on_exception(self, exception: BaseException) -> None:
        """End workers: nobody else does before the program ends."""
        self.teardown("")
        if isinstance(exception, KeyboardInterrupt):
            end_soon()

    @property
    def split(self) -> Split:
        """Which anchors are for what."""
        if self._split is None:
            self.setup()
        assert self._split is not None
        return self._split

    @property
    def transform(self) -> BatchTransform:
        """What normalizes and augments."""
        self._opened()
        assert self._transform is not None
        return self._transform

    @property
    def index(self) -> MultiExperimentIndex:
        """The index that pairs are drawn from."""
        return self._opened().index

    @property
    def classes(self) -> dict[str, list[str]]:
        """The words by code, of each column of ``labels``."""
        return self._opened().labels.classes

    def _opened(self) -> MultiExperimentTripletDataset:
        if self._whole is None:
            self.setup()
        assert self._whole is not None
        return self._whole

    def _cache(self) -> dict[str, Any]:
        """What the reader keeps is what the order counts on."""
        memory_bytes = self._sampling["memory_bytes"]
        return {} if memory_bytes is None else {"cache_pool_bytes": memory_bytes}

    def _loader(self, side: Side, **options: Any) -> TripletLoader:
        whole, split = self._opened(), self.split
        changed = self._cache()
        if side != "train" and whole.seed is None:
            # Without a seed validation would compare other pairs each time.
            changed["seed"] = 0
        dataset = _subset(whole.part(split.rows(side), **changed), split.anchors(side))
        loader = TripletLoader(
            dataset,
            TripletBatchSampler(dataset, **{**self._sampling, **options}),
            self.transform.collate,
            **self._workers,
            pin_memory=self._pin_memory,
            if_changed=self._if_changed,
            epoch=None if side == "train" else 0,
        )
        self._loaders.append(loader)
        return loader


def _subset(dataset: MultiExperimentTripletDataset, numbers: Int64Array) -> Subset[Any]:
    return Subset(dataset, numbers)  # type: ignore[arg-type]
