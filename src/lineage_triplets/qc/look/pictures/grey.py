"""Pixels: patches in grey between black and white values, and the symbols beside them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image, ImageDraw

from lineage_triplets.qc.look.pictures.page import GREY, WHITE, Colour, short_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Float32Array

_PERCENTILES = (0.2, 50, 99.8)
_GAMMA_FOR_DIM = 0.5
HATCH: Colour = (226, 140, 90)
# Blue, vermilion and purple stay apart for colour-blind readers and in a grey print.
RELATION_COLOURS: dict[str, Colour] = {
    "same cell": (0, 114, 178),
    "across a division": (213, 94, 0),
    "collateral": (110, 50, 120),
    "other relation": GREY,
}
_KIN = ("sister", "niece", "aunt", "cousin", "collateral")


@dataclass(frozen=True)
class GreyScale:
    """Which values are black and white, and ``shown = ((value - low) / (high - low)) ** gamma``."""

    low: float
    high: float
    gamma: float = 1.0

    @property
    def lines(self) -> list[str]:
        """The scale in words, a line each."""
        if not isfinite(self.low):
            return ["no values"]
        if self.low == self.high:
            return [f"all {short_number(self.low)}"]
        ends = f"{short_number(self.low)} to {short_number(self.high)}"
        return [ends] if self.gamma == 1 else [ends, f"gamma {self.gamma:g}"]


def projected(patch: NDArray[Any]) -> Float32Array:
    """Maximum over z of the finite values, (C, Y, X); NaN where there is none."""
    values = np.asarray(patch).astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    return cast("Float32Array", np.fmax.reduce(values, axis=1))


def measured_scale(images: Sequence[Float32Array]) -> GreyScale:
    """Percentiles of all finite pixels, or the extremes where the percentiles are equal."""
    finite = [image[~np.isnan(image)] for image in images]
    # A blank patch among others is a gap in the data and would stretch the scale down to it.
    varied = [values for values in finite if values.size and values.min() < values.max()]
    pooled = np.concatenate(varied or finite)
    if not pooled.size:
        return GreyScale(float("nan"), float("nan"))
    low, middle, high = np.percentile(pooled, _PERCENTILES)
    if low == high:
        low, high = pooled.min(), pooled.max()
    return GreyScale(float(low), float(high), gamma_for(low, middle, high))


def gamma_for(low: float, middle: float, high: float) -> float:
    """Gamma for pixels between two limits, of which half are below `middle`.

    Fluorescence is mostly dark, and dim cells vanish beside bright ones; phase is even.
    """
    return _GAMMA_FOR_DIM if middle - low < 0.2 * (high - low) else 1.0


def drawn_length(length: int, factor: float) -> int:
    """Pixels of the sheet for `length` pixels of a patch enlarged by `factor`."""
    return max(1, round(length * factor))


def rendered(values: Float32Array, scale: GreyScale, factor: float) -> NDArray[np.uint8]:
    """Grey values between the limits, resized, with NaN hatched: (height, width, 3) uint8."""
    height, width = (drawn_length(length, factor) for length in values.shape)
    missing = np.isnan(values)
    span = scale.high - scale.low
    # Clipped before resizing, so that one hot pixel gets no ringing around it.
    grey = (
        np.clip((values - scale.low) / span, 0, 1) ** scale.gamma
        if span > 0
        else np.full(values.shape, 0.5)
    )
    grey = np.where(missing, 0, grey).astype(np.float32)
    if factor < 1:
        method = Image.Resampling.LANCZOS
    else:
        method = Image.Resampling.BICUBIC if factor < 3 else Image.Resampling.NEAREST
    resized = np.asarray(Image.fromarray(grey).resize((width, height), method))
    shown = np.rint(np.clip(resized, 0, 1) * 255).astype(np.uint8)
    rgb = np.repeat(shown[:, :, None], 3, axis=2)
    if not missing.any():
        return rgb
    holes = Image.fromarray(missing).resize((width, height), Image.Resampling.NEAREST)
    return np.where(np.asarray(holes)[:, :, None], hatch(height, width), rgb)


def blank_note(values: Float32Array) -> str:
    """Say what a patch is that has one value alone, or none; empty for others."""
    finite = values[~np.isnan(values)]
    if not finite.size:
        return "all NaN"
    return f"all {short_number(float(finite[0]))}" if finite.min() == finite.max() else ""


def relation_kind(relation: str) -> str:
    """Which key of `RELATION_COLOURS` a relation's name belongs to."""
    name = relation.lower()
    if any(word in name for word in _KIN):
        return "collateral"
    if "daughter" in name or "descendant" in name:
        return "across a division"
    if "same track" in name or "continuation" in name:
        return "same cell"
    return "other relation"


@cache
def relation_icon(kind: str, height: int) -> NDArray[np.uint8]:
    """Draw a small lineage tree with a dot at the anchor and one at the positive, RGB uint8."""
    scale = 4
    unit = height * scale
    stem, fork, upper, lower, end = (
        (0.2 * unit, 0.5 * unit),
        (0.75 * unit, 0.5 * unit),
        (1.45 * unit, 0.2 * unit),
        (1.45 * unit, 0.8 * unit),
        (1.45 * unit, 0.5 * unit),
    )
    lines, dots = {
        "same cell": ([(stem, end)], [stem, end]),
        "across a division": ([(stem, fork), (fork, upper), (fork, lower)], [stem, upper]),
        "collateral": ([(stem, fork), (fork, upper), (fork, lower)], [upper, lower]),
        "other relation": ([], [stem, end]),
    }[kind]
    icon = Image.new("RGB", (round(1.65 * unit), unit), WHITE)
    draw = ImageDraw.Draw(icon)
    colour = RELATION_COLOURS[kind]
    for line in lines:
        draw.line(line, fill=colour, width=unit // 9)
    for x, y in dots:
        draw.circle((x, y), 0.18 * unit, fill=colour)
    small = icon.resize((icon.width // scale, height), Image.Resampling.LANCZOS)
    return np.asarray(small)


def hatch(height: int, width: int) -> NDArray[np.uint8]:
    """Diagonal stripes for pixels that are not finite: (height, width, 3) uint8."""
    stripes = (np.add.outer(np.arange(height), np.arange(width)) // 3) % 2 == 0
    return np.where(stripes[:, :, None], np.array(HATCH, np.uint8), np.array(WHITE, np.uint8))
