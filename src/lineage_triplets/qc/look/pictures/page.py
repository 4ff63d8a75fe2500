"""Text and items on a page: measured, placed line by line in boxes of their own, and drawn."""

from __future__ import annotations

import string
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Literal, cast

from PIL import Image, ImageDraw, ImageFont

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


# The font inside Pillow has these glyphs and no accents, arrows or Greek.
_GLYPHS = frozenset(string.ascii_letters + string.digits + string.punctuation + " ·±…")
_SPELLED = str.maketrans(
    {"µ": "u", "μ": "u", "Δ": "D", "τ": "tau", "→": "->", "ß": "ss", "ø": "o", "Ø": "O"}
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
    | {"\u00d7": "x", "æ": "ae", "Æ": "AE"}
)


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's embedded font."""
    return cast("ImageFont.FreeTypeFont", ImageFont.load_default(size=size))


def line_height(size: int) -> int:
    """Pixels from one line of text to the next at font size `size`."""
    ascent, descent = font(size).getmetrics()
    return ascent + descent + max(1, size // 8)


def text_width(text: str, size: int) -> int:
    """Pixels that the text takes as it is printed, rounded up."""
    return ceil(font(size).getlength(printable(text)))


def printable(text: str) -> str:
    """Spell text with the glyphs of the embedded font: accents go, the rest becomes escapes."""
    return "".join(_glyphs(character) for character in text.translate(_SPELLED))


def _glyphs(character: str) -> str:
    if character in _GLYPHS:
        return character
    if character.isspace():
        return " "
    base = "".join(c for c in unicodedata.normalize("NFKD", character) if c in _GLYPHS)
    return base or character.encode("unicode_escape").decode()


def shortened(text: str, width: int, size: int) -> str:
    """Text that fits `width` pixels at font size `size`, an ellipsis in its middle if need be."""
    text = printable(text)
    if font(size).getlength(text) <= width:
        return text

    def without_middle(kept: int) -> str:
        return text[: (kept + 1) // 2] + "…" + text[len(text) - kept // 2 :]

    def width_keeping(kept: int) -> int:
        return ceil(font(size).getlength(without_middle(kept)))

    fitting = bisect_right(range(len(text)), width, key=width_keeping)
    return without_middle(fitting - 1) if fitting else ""


def wrapped(text: str, width: int, size: int) -> list[str]:
    """Break text at spaces into lines of a width."""
    lines: list[str] = []
    for word in printable(text).split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def short_number(value: float) -> str:
    """Write a pixel value in at most three significant digits, or as a whole number."""
    return f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"
