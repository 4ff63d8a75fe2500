"""A page: items in boxes of their own, placed line by line, and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Literal

from PIL import Image, ImageDraw

from lineage_triplets.qc.look.pictures.text import font, line_height, shortened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Role = Literal["anchor", "positive"]
Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
INK: Colour = (25, 25, 25)
GREY: Colour = (100, 100, 100)
HAIRLINE: Colour = (200, 200, 200)


@dataclass(frozen=True)
class Box:
    """A rectangle of the sheet, in its pixels; right and bottom are exclusive."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column right of the box."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """First row below the box."""
        return self.top + self.height


@dataclass(frozen=True)
class TextItem:
    """One line of text, already short enough for its box."""

    box: Box
    text: str
    size: int
    colour: Colour


@dataclass(frozen=True)
class RuleItem:
    """A box filled with one colour: a line, or a scale bar."""

    box: Box
    colour: Colour


@dataclass(frozen=True, eq=False)
class ImageItem:
    """A small RGB picture, (height, width, 3) uint8, that fills its box."""

    box: Box
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PatchItem:
    """One patch as drawn.

    Attributes
    ----------
    box : Box
        The patch and the margin in which its centre ticks are.
    image : Box
        The patch alone.
    pixels : ndarray
        (height, width, 3) uint8, what is drawn in `image`.
    pair, slot, role : int, int, {"anchor", "positive"}
        Whose patch it is; `pair` counts in the sequence that was given.
    centre_yx : tuple of float or None
        The cell's centre in pixels of the sheet; None if it is not inside the patch.
    note : str
        Written over a patch that has nothing to see; empty for others.
    """

    box: Box
    image: Box
    pixels: NDArray[np.uint8]
    pair: int
    slot: int
    role: Role
    centre_yx: tuple[float, float] | None
    note: str


Item = TextItem | RuleItem | ImageItem | PatchItem


@dataclass(frozen=True)
class SheetLayout:
    """Everything on a sheet, each thing in a box of its own; no two boxes overlap."""

    width: int
    height: int
    items: tuple[Item, ...]

    @property
    def patches(self) -> tuple[PatchItem, ...]:
        """The patches among the items."""
        return tuple(item for item in self.items if isinstance(item, PatchItem))


class Page:
    """Places items one by one; how large the page is, is said at the end."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def text(
        self, left: int, top: int, right: int, text: str, size: int, colour: Colour = INK
    ) -> int:
        """Place one line, shortened to fit between left and right; give where the next begins."""
        box = Box(left, top, right - left, line_height(size))
        self.items.append(TextItem(box, shortened(text, box.width, size), size, colour))
        return box.bottom

    def rule(self, left: int, top: int, width: int, height: int, colour: Colour) -> int:
        """Place a box of one colour; give the first row below it."""
        self.items.append(RuleItem(Box(left, top, width, height), colour))
        return top + height

    def image(self, left: int, top: int, pixels: NDArray[np.uint8]) -> int:
        """Place a small picture; give the first row below it."""
        height, width, _ = pixels.shape
        box = Box(left, top, width, height)
        self.items.append(ImageItem(box, pixels))
        return box.bottom

    def layout(self, width: int, height: int) -> SheetLayout:
        """Give what was placed."""
        return SheetLayout(width, height, tuple(self.items))


def drawn(layout: SheetLayout) -> Image.Image:
    """Draw a layout, dark on white."""
    sheet = Image.new("RGB", (layout.width, layout.height), WHITE)
    draw = ImageDraw.Draw(sheet)
    for item in layout.items:
        left, top = item.box.left, item.box.top
        if isinstance(item, TextItem):
            face = font(item.size)
            baseline = top + face.getmetrics()[0]
            draw.text((left, baseline), item.text, item.colour, face, anchor="ls")
        elif isinstance(item, RuleItem):
            draw.rectangle((left, top, item.box.right - 1, item.box.bottom - 1), item.colour)
        elif isinstance(item, ImageItem):
            sheet.paste(Image.fromarray(item.pixels), (left, top))
        else:
            _draw_patch(sheet, draw, item)
    return sheet


def _draw_patch(sheet: Image.Image, draw: ImageDraw.ImageDraw, item: PatchItem) -> None:
    image, box = item.image, item.box
    sheet.paste(Image.fromarray(item.pixels), (image.left, image.top))
    if item.centre_yx is not None:
        y = min(int(item.centre_yx[0]), image.bottom - 1)
        x = min(int(item.centre_yx[1]), image.right - 1)
        draw.line((x, box.top, x, image.top - 2), fill=INK)
        draw.line((x, image.bottom + 1, x, box.bottom - 1), fill=INK)
        draw.line((box.left, y, image.left - 2, y), fill=INK)
        draw.line((image.right + 1, y, box.right - 1, y), fill=INK)
    face = font(11)
    length = face.getlength(item.note)
    if item.note and length + 6 <= image.width and image.height >= 17:
        middle = (image.left + image.width / 2, image.top + image.height / 2)
        half = ceil(length / 2) + 3
        plate = (middle[0] - half, middle[1] - 8, middle[0] + half - 1, middle[1] + 7)
        draw.rectangle(plate, fill=WHITE)
        draw.text(middle, item.note, INK, face, anchor="mm")
