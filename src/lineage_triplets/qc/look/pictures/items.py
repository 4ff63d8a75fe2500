"""What a contact sheet consists of: a layout of items, each in a box of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

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
    """A small RGB picture, (height, width, 3) uint8, that fills its box: a legend's symbol."""

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
