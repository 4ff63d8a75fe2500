"""Sheets of pairs to judge: numbered, from anchor to positive, and nothing that says which cell."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from lineage_triplets.qc.look.pictures.grey import (
    GreyScale,
    blank_note,
    drawn_length,
    measured_scale,
    projected,
    rendered,
)
from lineage_triplets.qc.look.pictures.page import (
    GREY,
    HAIRLINE,
    Box,
    Page,
    PatchItem,
    SheetLayout,
    line_height,
    text_width,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Float32Array

_TEXT, _SMALL, _TITLE = 19, 13, 20
_TICK, _GAP, _MARGIN = 5, 6, 24


@dataclass(frozen=True, eq=False)
class BlindPair:
    """One pair to judge.

    Attributes
    ----------
    name : str
        Its number.
    frames : sequence of ndarray
        Patches (C, Z, Y, X): the anchor, some on the way, the positive.
    centres_yx : sequence of (float, float)
        The cell's centre inside each patch.
    steps : sequence of int
        Frames since the anchor, of each patch.
    is_kin : bool
        Whether the positive is said to be of another branch of the lineage: no judge can see that.
    """

    name: str
    frames: Sequence[NDArray[Any]]
    centres_yx: Sequence[tuple[float, float]]
    steps: Sequence[int]
    is_kin: bool = False


def blind_sheet(
    pairs: Sequence[BlindPair],
    *,
    slot_labels: Sequence[str],
    title: str,
    columns: int = 2,
    patch_pixels: int = 80,
) -> SheetLayout:
    """Place pairs in numbered blocks: a row a slot, anchor left, positive right.

    All patches of one slot share a grey scale, as in `contact_sheet`.

    Parameters
    ----------
    pairs : sequence of BlindPair
        At least one.
    slot_labels : sequence of str
    title : str
    columns : int
        Blocks beside each other.
    patch_pixels : int
        Length at which the longer side of a patch is drawn.
    """
    images = [[projected(frame) for frame in pair.frames] for pair in pairs]
    scales = [
        measured_scale([image[slot] for listed in images for image in listed])
        for slot in range(len(slot_labels))
    ]
    shape = images[0][0].shape[1:]
    factor = patch_pixels / max(shape)
    factor = float(int(factor)) if factor >= 3 else factor
    height, width = (drawn_length(length, factor) for length in shape)
    cell_width, cell_height = width + 2 * _TICK + _GAP, height + 2 * _TICK + _GAP
    most = max(len(pair.frames) for pair in pairs)
    label_width = max(text_width(label, _SMALL) for label in slot_labels) + 2 * _GAP
    block_width = label_width + most * cell_width + _MARGIN
    block_height = (
        line_height(_TEXT) + len(slot_labels) * cell_height + line_height(_SMALL) + _MARGIN
    )
    page = Page()
    columns = min(columns, len(pairs))
    right = 2 * _MARGIN + columns * block_width
    top = page.text(_MARGIN, _MARGIN, right - _MARGIN, title, _TITLE) + _GAP
    for place, (pair, listed) in enumerate(zip(pairs, images, strict=True)):
        row, column = divmod(place, columns)
        left = _MARGIN + column * block_width
        page.rule(left, top + row * block_height, block_width - _MARGIN, 1, HAIRLINE)
        block = _Block(page, pair, listed, scales, factor, left + label_width, cell_width)
        block.place(slot_labels, left, top + row * block_height, cell_height)
    return page.layout(right, top + ceil(len(pairs) / columns) * block_height)


@dataclass(frozen=True)
class _Block:
    """One pair on the page."""

    page: Page
    pair: BlindPair
    images: list[Float32Array]
    scales: list[GreyScale]
    factor: float
    left: int
    cell_width: int

    def place(self, slot_labels: Sequence[str], left: int, top: int, cell_height: int) -> None:
        """Place number, slots and steps."""
        end = self.left + len(self.images) * self.cell_width
        top = self.page.text(left, top + 2, end, self.pair.name, _TEXT)
        for slot, label in enumerate(slot_labels):
            self.page.text(left, top + _TICK, self.left - _GAP, label, _SMALL, GREY)
            for frame in range(len(self.images)):
                self._patch(slot, frame, self.left + frame * self.cell_width + _TICK, top + _TICK)
            top += cell_height
        for frame, step in enumerate(self.pair.steps):
            first = self.left + frame * self.cell_width
            is_last = frame == len(self.images) - 1
            said = "anchor" if frame == 0 else f"+{step}{' kin' * (is_last and self.pair.is_kin)}"
            self.page.text(first, top, first + self.cell_width, said, _SMALL, GREY)

    def _patch(self, slot: int, frame: int, left: int, top: int) -> None:
        values = self.images[frame][slot]
        pixels = rendered(values, self.scales[slot], self.factor)
        height, width, _ = pixels.shape
        centre = self.pair.centres_yx[frame]
        # The middle of pixel 0 is half a pixel inside the patch.
        y = (float(centre[0]) + 0.5) * height / values.shape[0]
        x = (float(centre[1]) + 0.5) * width / values.shape[1]
        inside = 0 <= y <= height and 0 <= x <= width
        self.page.items.append(
            PatchItem(
                box=Box(left - _TICK, top - _TICK, width + 2 * _TICK, height + 2 * _TICK),
                image=Box(left, top, width, height),
                pixels=pixels,
                pair=0,
                slot=slot,
                role="anchor" if frame == 0 else "positive",
                centre_yx=(top + y, left + x) if inside else None,
                note=blank_note(values),
            )
        )
