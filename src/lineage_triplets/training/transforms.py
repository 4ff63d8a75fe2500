"""Normalization and augmentation of whole batches, wherever their tensors are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch

from lineage_triplets.engine.dataset.batch import Batch, joined
from lineage_triplets.engine.errors import ConfigError, Problem, choices, shown
from lineage_triplets.engine.pairs.randomness import text_key
from lineage_triplets.training.norm_statistics import SlotStatistics
from lineage_triplets.training.pixel_size import ReferencePixels

if TYPE_CHECKING:
    from lineage_triplets.engine.index.index import MultiExperimentIndex

Normalize = Literal["patch", "fov_statistics", "dataset_statistics", "timepoint_statistics"]
NormalizeBy = Literal["mean", "median"]
PARTS = ("anchor", "positive", "negative")
_STATISTICS: dict[NormalizeBy, tuple[str, str]] = {
    "mean": ("mean", "std"),
    "median": ("median", "iqr"),
}


@dataclass(frozen=True)
class Augmentation:
    """What is done to each patch of a training batch, drawn anew for every patch.

    Attributes
    ----------
    flip : bool
        Mirror rows, and columns, each with probability 1/2.
    rotate : bool
        Turn by a multiple of 90°, all alike likely; patches have to be square.
    shift_pixels : int
        Move the cell by up to so many pixels along y and x; at most the margin that is read.
    contrast : float
        Multiply each slot by a factor from ``1 - contrast`` to ``1 + contrast``.
    noise : float
        Standard deviation of noise that is added, in units of the normalized patch.

    Raises
    ------
    ConfigError
        A value that cannot be.
    """

    flip: bool = True
    rotate: bool = True
    shift_pixels: int = 0
    contrast: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        if self.shift_pixels < 0:
            raise _refused("shift_pixels", f"{self.shift_pixels} is no shift.", "Give 0 or more.")
        if not 0 <= self.contrast < 1:
            raise _refused("contrast", f"{self.contrast:g} is no contrast.", "Give 0 to below 1.")
        if not 0 <= self.noise < float("inf"):
            raise _refused("noise", f"{self.noise:g} is no deviation.", "Give 0 or more.")


class BatchTransform:
    """Normalizes batches, and augments those of training, on the device that they are on.

    Parameters
    ----------
    index : MultiExperimentIndex
    normalize : {"patch", "fov_statistics", "dataset_statistics", "timepoint_statistics"}, optional
        By each patch's own pixels, or by the statistics that the plates hold of each FOV, plate or
        frame; None leaves pixels as they are.
    normalize_by : {"mean", "median"}
        Mean and standard deviation, or median and interquartile range.
    augment : Augmentation, optional
    channel_dropout : float
        Probability with which a slot of a patch becomes 0; one slot of each patch always stays.
    margin_pixels : int
        How far patches reach beyond their size; it is cut off, where nothing shifts evenly.
    reference_pixel_size_um : (float, float) or (float, float, float), optional
        Size of pixels along y and x, or z, y and x, that all patches are resampled to, out of what
        the margin has besides, and of the slices that are read; they stay as they are stored by
        default.
    seed : int, optional
        With one, what is drawn follows from it, the epoch and the batch's first anchor; without,
        from torch's global generator.

    Raises
    ------
    ConfigError
        Arguments that cannot be, or do not fit the patches; statistics that are absent.
    """

    def __init__(
        self,
        index: MultiExperimentIndex,
        normalize: Normalize | None = "patch",
        *,
        normalize_by: NormalizeBy = "mean",
        augment: Augmentation | None = None,
        channel_dropout: float = 0.0,
        margin_pixels: int = 0,
        reference_pixel_size_um: tuple[float, ...] | None = None,
        seed: int | None = None,
    ) -> None:
        for field, value, known in (
            ("normalize", normalize, (*get_args(Normalize), None)),
            ("normalize_by", normalize_by, get_args(NormalizeBy)),
        ):
            if value not in known:
                raise _refused(field, f"there is no {shown(value)}.", f"Of: {choices(known)}.")
        if not 0 <= channel_dropout < 1:
            raise _refused(
                "channel_dropout", f"{channel_dropout:g} is no probability.", "Give 0 to below 1."
            )
        if augment is not None and augment.shift_pixels > margin_pixels:
            raise _refused(
                "shift_pixels",
                f"patches shift by {augment.shift_pixels} pixels, and the margin that is read has "
                f"{margin_pixels}.",
                "Raise margin_pixels.",
            )
        height, width = index.settings.yx_patch_size
        if augment is not None and augment.rotate and height != width:
            raise _refused(
                "rotate",
                f"patches of {height} x {width} pixels cannot be turned by 90°.",
                "Set rotate to false, or choose square patches.",
            )
        self._size = (height, width)
        self._normalize = normalize
        self._statistics_names = _STATISTICS[normalize_by]
        self._augment = augment
        self._channel_dropout = channel_dropout
        self._margin = margin_pixels
        self._reference: ReferencePixels | None = None
        if reference_pixel_size_um is not None:
            # What is left to be cut is what patches shift by.
            self._margin = 0 if augment is None else augment.shift_pixels
            wanted = (height + 2 * self._margin, width + 2 * self._margin)
            self._reference = ReferencePixels(index, reference_pixel_size_um, wanted, margin_pixels)
        self._seed = seed
        self.collate = Collate(
            None
            if normalize in {None, "patch"}
            else SlotStatistics(index, normalize, self._statistics_names)
        )

    def __call__(self, batch: Batch, *, training: bool = True, epoch: int = 0) -> Batch:
        """Transform a batch; what is drawn for its patches is drawn one after the other.

        Parameters
        ----------
        batch : Batch
            As `collate` made it; with ``normalize="patch"`` or None also as the dataset did.
        training : bool
            Whether patches are augmented.
        epoch : int
            For the seed.

        Returns
        -------
        Batch
            The same one; patches are float32 where they are normalized.

        Raises
        ------
        ConfigError
            Normalization is by statistics, and `collate` did not make the batch.
        """
        generator = self._generator(batch, epoch) if training else None
        for part in PARTS:
            if part in batch:
                batch[part] = self._transformed(batch, part, generator)
        return batch

    def _transformed(
        self, batch: Batch, part: str, generator: torch.Generator | None
    ) -> torch.Tensor:
        augment = self._augment if generator is not None else None
        patches: torch.Tensor = batch[part]
        if self._reference is not None:
            patches = self._reference(patches, _columns(batch[f"{part}_meta"]))
        patches = _cropped(patches, self._size, self._margin, augment, generator)
        if augment is not None:
            patches = _turned(patches, augment, generator)
        if self._normalize == "patch":
            patches = _by_own_pixels(patches.to(torch.float32), self._statistics_names)
        elif self._normalize is not None:
            found = batch.get(f"{part}_norm_meta")
            if not isinstance(found, dict):
                raise _refused(
                    "normalize",
                    f"this batch has no {self._normalize} by slot: `collate` of this transform "
                    "adds them, and did not make it.",
                    "Give the loader collate_fn=transform.collate.",
                )
            centre, scale = (found[name][:, :, None, None, None] for name in self._statistics_names)
            patches = (patches.to(torch.float32) - centre) / scale
        if augment is not None:
            patches = _in_other_light(patches, augment, generator)
        if generator is not None and self._channel_dropout:
            patches = patches * _kept_slots(patches, self._channel_dropout, generator)
        return patches

    def _generator(self, batch: Batch, epoch: int) -> torch.Generator:
        """A generator of this batch alone, so that a resumed run draws what it would have drawn."""
        # Drawn on the CPU, so that a seed means the same on every device.
        generator = torch.Generator()
        if self._seed is None:
            seed = int(torch.randint(2**62, ()))
        else:
            meta = batch["anchor_meta"]
            meta = meta if isinstance(meta, dict) else _columns(meta[:1])
            place = f"{meta['global_track_id'][0]} {int(meta['t'][0])}"
            seed = text_key(str(self._seed), str(epoch), place) >> 1
        return generator.manual_seed(seed)


class Collate:
    """Makes a batch's metas columns: arrays, and tensors of what normalizes each patch and slot.

    ``*_meta`` become dicts of arrays; ``*_norm_meta``, with statistics, dicts of tensors (B, C).

    Parameters
    ----------
    statistics : SlotStatistics, optional
        What normalizes; None leaves ``*_norm_meta`` out.
    """

    def __init__(self, statistics: SlotStatistics | None) -> None:
        self._statistics = statistics

    def __call__(self, batches: Any) -> Batch:
        """Collate what a loader collected."""
        batch = joined(batches)
        slot = batch["slot"].numpy() if "slot" in batch else None
        for part in PARTS:
            if part not in batch:
                continue
            found = batch.pop(f"{part}_norm_meta")
            meta = _columns(batch[f"{part}_meta"])
            if self._statistics is not None:
                batch[f"{part}_norm_meta"] = self._statistics.of(meta, found, slot)
            batch[f"{part}_meta"] = meta
        return batch


def moved(value: Any, device: torch.device) -> Any:
    """Move the tensors of a batch, at any depth of its dicts; arrays and lists stay."""
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return type(value)({key: moved(entry, device) for key, entry in value.items()})
    return value


def _columns(meta: Any) -> dict[str, Any]:
    """Dicts by sample as one dict of arrays."""
    if isinstance(meta, dict):
        return meta
    names = meta[0].keys() if meta else ()
    return {name: np.array([entry[name] for entry in meta]) for name in names}


def _cropped(
    patches: torch.Tensor,
    size: tuple[int, int],
    margin: int,
    augment: Augmentation | None,
    generator: torch.Generator | None,
) -> torch.Tensor:
    """Cut the margin off, evenly or shifted."""
    if not margin:
        return patches
    if augment is None or not augment.shift_pixels:
        return patches[..., margin : margin + size[0], margin : margin + size[1]]
    shift = augment.shift_pixels
    low, high = margin - shift, margin + shift + 1
    corner = torch.randint(low, high, (2, len(patches), 1), generator=generator)
    rows = (corner[0] + torch.arange(size[0])).to(patches.device)
    columns = (corner[1] + torch.arange(size[1])).to(patches.device)
    n_slots, depth = patches.shape[1:3]
    rows = rows[:, None, None, :, None].expand(-1, n_slots, depth, -1, patches.shape[-1])
    columns = columns[:, None, None, None, :].expand(-1, n_slots, depth, size[0], -1)
    return patches.gather(3, rows).gather(4, columns)


def _turned(
    patches: torch.Tensor, augment: Augmentation, generator: torch.Generator | None
) -> torch.Tensor:
    if augment.flip:
        for axis in (-2, -1):
            is_flipped = _per_patch(torch.rand(len(patches), generator=generator) < 0.5, patches)
            patches = torch.where(is_flipped, patches.flip(axis), patches)
    if augment.rotate:
        quarters = _per_patch(torch.randint(4, (len(patches),), generator=generator), patches)
        original = patches
        for quarter in (1, 2, 3):
            turned = torch.rot90(original, quarter, (-2, -1))
            patches = torch.where(quarters == quarter, turned, patches)
    return patches


def _in_other_light(
    patches: torch.Tensor, augment: Augmentation, generator: torch.Generator | None
) -> torch.Tensor:
    if augment.contrast:
        drawn = torch.rand(patches.shape[:2], generator=generator) * 2 - 1
        factor = 1 + augment.contrast * drawn[:, :, None, None, None].to(patches.device)
        patches = patches * factor
    if augment.noise:
        # Noise has as many numbers as the batch: they are drawn where it is.
        seed = int(torch.randint(2**62, (), generator=generator))
        there = torch.Generator(patches.device).manual_seed(seed)
        noise = torch.randn(patches.shape, generator=there, device=patches.device)
        patches = patches + augment.noise * noise
    return patches


def _kept_slots(
    patches: torch.Tensor, probability: float, generator: torch.Generator
) -> torch.Tensor:
    """1 for each slot that stays, 0 for the others: shape (B, C, 1, 1, 1)."""
    drawn = torch.rand(patches.shape[:2], generator=generator)
    kept = drawn >= probability
    kept[torch.arange(len(kept)), drawn.argmax(1)] = True
    return kept[:, :, None, None, None].to(patches)


def _per_patch(values: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
    return values.to(patches.device)[:, None, None, None, None]


def _by_own_pixels(patches: torch.Tensor, names: tuple[str, str]) -> torch.Tensor:
    """Normalize each slot of each patch by its own pixels; an even one becomes 0."""
    flat = patches.flatten(2)
    if names[0] == "mean":
        centre, scale = flat.mean(2), flat.std(2, correction=0)
    else:
        ordered = flat.sort(2).values
        low, centre, high = (_quantile(ordered, share) for share in (0.25, 0.5, 0.75))
        scale = high - low
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    centre, scale = (values[:, :, None, None, None] for values in (centre, scale))
    return (patches - centre) / scale


def _quantile(ordered: torch.Tensor, share: float) -> torch.Tensor:
    """Interpolate as numpy does; torch's own quantile refuses large batches."""
    place = share * (ordered.shape[2] - 1)
    low = int(place)
    high = min(low + 1, ordered.shape[2] - 1)
    return ordered[:, :, low].lerp(ordered[:, :, high], place - low)


def _refused(field: str, message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem("bad-value", message, remedy, field=field))
