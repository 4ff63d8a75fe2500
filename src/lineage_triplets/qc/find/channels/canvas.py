"""A page that grows downward, for the channel grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from lineage_triplets.qc.look.pictures.items import INK, WHITE, Colour
from lineage_triplets.qc.look.pictures.text import (
    font,
    line_height,
    printable,
    shortened,
    text_width,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MARGIN = 28


class Canvas:
    """A page that grows downward; things are placed below a line that moves down."""

    def __init__(self, width: int) -> None:
        self.width, self.top = width, MARGIN
        self._image = Image.new("RGB", (width, 2000), WHITE)
        self._draw = ImageDraw.Draw(self._image)

    def down(self, height: int) -> None:
        """Move the line down; the page grows with it."""
        self.top += height
        if self.top + 1000 > self._image.height:
            longer = Image.new("RGB", (self.width, self._image.height + 2000), WHITE)
            longer.paste(self._image, (0, 0))
            self._image, self._draw = longer, ImageDraw.Draw(longer)

    def back(self, height: int) -> None:
        """Move the line up."""
        self.top -= height

    def text(
        self, left: int, below: int, text: str, size: int, width: int, colour: Colour = INK
    ) -> int:
        """Write one line, cut to its width; give its height."""
        face = font(size)
        baseline = self.top + below + face.getmetrics()[0]
        self._draw.text((left, baseline), shortened(text, width, size), colour, face, anchor="ls")
        return line_height(size)

    def box(self, left: int, below: int, width: int, height: int, colour: Colour) -> None:
        """Fill a box."""
        top = self.top + below
        self._draw.rectangle((left, top, left + width - 1, top + height - 1), colour)

    def paste(self, left: int, below: int, pixels: NDArray[np.uint8]) -> None:
        """Place a small picture."""
        self._image.paste(Image.fromarray(pixels), (left, self.top + below))

    def image(self) -> Image.Image:
        """Give the page down to the line."""
        return self._image.crop((0, 0, self.width, self.top + MARGIN // 2))


def wrapped(text: str, width: int, size: int) -> list[str]:
    """Break text at spaces into lines of a width."""
    lines: list[str] = []
    for word in printable(text).split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
