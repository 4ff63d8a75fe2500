"""What a contact sheet is made of, and its sections: the pairs of one experiment, checked."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.qc.look.pictures.grey import (
    GreyScale,
    blank_note,
    drawn_length,
    measured_scale,
    projected,
    rendered,
)
from lineage_triplets.qc.look.pictures.page import Box, PatchItem, Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Float32Array

Limits = tuple[float, float]


@dataclass(frozen=True, eq=False)
class PairPicture:
    """One anchor/positive pair: its pixels, and what the caption says.

    Attributes
    ----------
    anchor, positive : ndarray
        Patches (C, Z, Y, X) of a real dtype; C as many as there are slots.
    experiment, fov : str
        Where the pair is from; pairs are grouped by experiment.
    anchor_track, positive_track : str
        Track ids as they are to be shown.
    anchor_t, positive_t : int
        Frames.
    tau_frames : int
        Frames from the anchor to the positive.
    tau_hours : float
        The same in hours.
    relation : str
        What the positive is to the anchor: ``"same track"``, ``"daughter"``, ``"sister"``, ...
    anchor_yx, positive_yx : tuple of float
        The cell's centre inside the patch, in patch pixels: (0, 0) is the middle of the first.
    """

    anchor: NDArray[Any]
    positive: NDArray[Any]
    experiment: str
    fov: str
    anchor_track: str
    positive_track: str
    anchor_t: int
    positive_t: int
    tau_frames: int
    tau_hours: float
    relation: str
    anchor_yx: tuple[float, float]
    positive_yx: tuple[float, float]


def check_pairs(
    pairs: Sequence[PairPicture],
    slot_labels: Sequence[str],
    columns: int | None,
    patch_pixels: int,
) -> None:
    """Raise `ConfigError` if the pairs cannot be drawn so."""
    if not len(pairs):
        raise _problem(
            "there are no pairs to draw.",
            "Give at least one; a lineage has pairs only if it spans the tau range, so choose "
            "another lineage or a wider tau_range_hours.",
        )
    if not len(slot_labels):
        raise _problem("slot_labels is empty.", "Give one name for each slot of the patches.")
    if columns is not None and columns < 1:
        raise _problem(f"columns is {columns}.", "Give 1 or more, or None to have it chosen.")
    if patch_pixels < 16:
        raise _problem(f"patch_pixels is {patch_pixels}.", "Give 16 or more.")
    for number, pair in enumerate(pairs):
        for role, patch in (("anchor", pair.anchor), ("positive", pair.positive)):
            if patch.ndim != 4 or patch.shape[0] != len(slot_labels) or 0 in patch.shape:
                raise _problem(
                    f"the {role} of pair {number} has shape {tuple(patch.shape)}.",
                    f"Give arrays (C, Z, Y, X) with C = {len(slot_labels)}, one for each of the "
                    f"slot labels {list(slot_labels)}, and no side of length 0.",
                    pair.experiment,
                )


@dataclass(frozen=True)
class ExperimentInputs:
    """What the caller says about one experiment; lists have one entry a slot."""

    channels: list[str]
    limits: list[Limits | None]
    pixel_size_um: float | None

    @classmethod
    def select(
        cls,
        experiment: str,
        slot_labels: Sequence[str],
        channel_names: Mapping[str, Sequence[str]] | None,
        limits: Mapping[str, Sequence[Limits | None]] | None,
        pixel_size_um: Mapping[str, float | None] | None,
    ) -> ExperimentInputs:
        """Take an experiment's entries, raising `ConfigError` if they do not fit."""
        slots = len(slot_labels)
        own_channels = list((channel_names or {}).get(experiment, [""] * slots))
        own_limits = list((limits or {}).get(experiment, [None] * slots))
        for name, values in (("channel_names", own_channels), ("limits", own_limits)):
            if len(values) != slots:
                raise _problem(
                    f"{name} has {len(values)} entries for {slots} slots.",
                    f"Give one for each of {list(slot_labels)}.",
                    experiment,
                )
        for low, high in filter(None, own_limits):
            if not (isfinite(low) and isfinite(high) and low < high):
                raise _problem(
                    f"limits {low} and {high} leave nothing to show.",
                    "Give (black, white) with black below white, or None to have them measured.",
                    experiment,
                )
        own_size = (pixel_size_um or {}).get(experiment)
        if own_size is not None and not (isfinite(own_size) and own_size > 0):
            raise _problem(
                f"pixel_size_um is {own_size}.",
                "Give the width of a pixel in micrometers, or None for no scale bar.",
                experiment,
            )
        return cls(own_channels, own_limits, own_size)


def _problem(message: str, remedy: str, experiment: str = "") -> ConfigError:
    return ConfigError(Problem("contact-sheet", message, remedy, experiment=experiment))


@dataclass(frozen=True)
class ScaleBar:
    """A bar of `width` pixels of the sheet, and the length in micrometers that it stands for."""

    width: int
    label: str

    @classmethod
    def at_most(cls, most: float, um_per_pixel: float) -> ScaleBar:
        """Longest bar of 1, 2 or 5 times a power of ten within `most` pixels of the sheet."""
        most_um = most * um_per_pixel
        decade = 10.0 ** floor(log10(most_um))
        length_um = next((n * decade for n in (5, 2) if n * decade <= most_um), decade)
        return cls(round(length_um / um_per_pixel), f"{length_um:g} um")


@dataclass(frozen=True, eq=False)
class Section:
    """The pairs of one experiment, projected, with what they have in common.

    Attributes
    ----------
    pairs : dict of int to PairPicture
        By their number in the sequence that was given.
    images : dict of (int, Role) to ndarray
        Their patches (C, Y, X) float32, NaN where there is no value.
    scales : list of GreyScale
        One a slot.
    slot_lines : list of tuple of str
        What is written beside each slot: its label, channel and scale.
    detail : str
        What is written under the experiment's name.
    factor : float
        By how much patches are enlarged.
    width, height : int
        Sides of the widest and of the highest patch, in pixels of the sheet.
    scale_bar : ScaleBar or None
        None where the pixel size is unknown.
    """

    experiment: str
    pairs: dict[int, PairPicture]
    images: dict[tuple[int, Role], Float32Array]
    scales: list[GreyScale]
    slot_lines: list[tuple[str, ...]]
    detail: str
    factor: float
    width: int
    height: int
    scale_bar: ScaleBar | None

    @classmethod
    def build(
        cls,
        experiment: str,
        pairs: dict[int, PairPicture],
        slot_labels: Sequence[str],
        inputs: ExperimentInputs,
        patch_pixels: int,
    ) -> Section:
        """Project the pairs, and measure the grey scales that are not given."""
        images: dict[tuple[int, Role], Float32Array] = {}
        for number, pair in pairs.items():
            images[number, "anchor"] = projected(pair.anchor)
            images[number, "positive"] = projected(pair.positive)
        scales = [
            GreyScale(*limits) if limits else measured_scale([i[slot] for i in images.values()])
            for slot, limits in enumerate(inputs.limits)
        ]
        shapes = {image.shape[1:] for image in images.values()}
        ratio = patch_pixels / max(max(shape) for shape in shapes)
        factor = float(int(ratio)) if ratio >= 3 else ratio
        width = max(drawn_length(x, factor) for _, x in shapes)
        height = max(drawn_length(y, factor) for y, _ in shapes)
        return cls(
            experiment=experiment,
            pairs=pairs,
            images=images,
            scales=scales,
            slot_lines=[
                (label, *([channel] if channel not in ("", label) else []), *scale.lines)
                for label, channel, scale in zip(slot_labels, inputs.channels, scales, strict=True)
            ],
            detail=_detail(pairs, shapes),
            factor=factor,
            width=width,
            height=height,
            scale_bar=ScaleBar.at_most(max(width, height) / 2, inputs.pixel_size_um / factor)
            if inputs.pixel_size_um is not None
            else None,
        )

    def patch_item(
        self, number: int, slot: int, role: Role, left: int, top: int, tick: int
    ) -> PatchItem:
        """Render one patch with its corner at (left, top), and find the cell's centre in it."""
        pair = self.pairs[number]
        values = self.images[number, role][slot]
        pixels = rendered(values, self.scales[slot], self.factor)
        height, width, _ = pixels.shape
        centre = pair.anchor_yx if role == "anchor" else pair.positive_yx
        # The middle of pixel 0 is half a pixel inside the patch.
        y = (float(centre[0]) + 0.5) * height / values.shape[0]
        x = (float(centre[1]) + 0.5) * width / values.shape[1]
        inside = 0 <= y <= height and 0 <= x <= width
        return PatchItem(
            box=Box(left - tick, top - tick, width + 2 * tick, height + 2 * tick),
            image=Box(left, top, width, height),
            pixels=pixels,
            pair=number,
            slot=slot,
            role=role,
            centre_yx=(top + y, left + x) if inside else None,
            note=blank_note(values),
        )


def _detail(pairs: dict[int, PairPicture], shapes: set[tuple[int, ...]]) -> str:
    depths = sorted({p.shape[1] for pair in pairs.values() for p in (pair.anchor, pair.positive)})
    parts = ["1 pair" if len(pairs) == 1 else f"{len(pairs)} pairs"]
    parts.append("patch " + " or ".join(f"{y} x {x} px" for y, x in sorted(shapes)))
    if depths[-1] > 1:
        parts.append("max of " + " or ".join(str(depth) for depth in depths) + " z")
    return " · ".join(parts)
