"""Sections of a contact sheet: the pairs of one experiment and what they have in common."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING

from lineage_triplets.qc.look.pictures.grey import (
    GreyScale,
    blank_note,
    drawn_length,
    measured_scale,
    projected,
    rendered,
)
from lineage_triplets.qc.look.pictures.items import Box, PatchItem, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lineage_triplets.qc.look.pictures.inputs import ExperimentInputs, PairPicture


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
    images: dict[tuple[int, Role], NDArray[np.float32]]
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
        images: dict[tuple[int, Role], NDArray[np.float32]] = {}
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
