"""The symbols of a contact sheet: kinds of relation, and the hatch of pixels without a value."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from lineage_triplets.qc.look.pictures.items import GREY, WHITE, Colour

if TYPE_CHECKING:
    from numpy.typing import NDArray

HATCH: Colour = (226, 140, 90)

# Blue, vermilion and purple stay apart for colour-blind readers and in a grey print.
RELATION_COLOURS: dict[str, Colour] = {
    "same cell": (0, 114, 178),
    "across a division": (213, 94, 0),
    "collateral": (110, 50, 120),
    "other relation": GREY,
}
_KIN = ("sister", "niece", "aunt", "cousin", "collateral")


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
