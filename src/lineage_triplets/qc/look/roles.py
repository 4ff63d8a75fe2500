"""Who is who: one colour, letter, ring and line for each role, wherever cells are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.qc.look.pictures.page import Colour

Role = Literal[
    "cell", "anchor", "positive", "mother", "daughter", "sister", "table", "instead"
]  # fmt: skip


@dataclass(frozen=True)
class RoleMark:
    """How a role is drawn.

    Attributes
    ----------
    colour : (int, int, int)
        RGB, 0 to 255; light enough for rings on dark images.
    letter : str
        Beside what has no room for a word.
    ring : str
        napari's name of the symbol around the cell.
    line : {"solid", "dash", "dot", "dash dot"}
    """

    colour: Colour
    letter: str
    ring: str
    line: str

    @property
    def hex(self) -> str:
        """The colour as ``"#rrggbb"``."""
        return "#{:02x}{:02x}{:02x}".format(*self.colour)

    @property
    def rgba(self) -> tuple[float, float, float, float]:
        """The colour from 0 to 1, opaque."""
        red, green, blue = (value / 255 for value in self.colour)
        return red, green, blue, 1.0


# Found by a search for the largest least distance in CIELAB, also as protanopes, deuteranopes and
# tritanopes see them.
ROLES: dict[Role, RoleMark] = {
    "cell": RoleMark((255, 255, 255), "", "disc", "solid"),
    "anchor": RoleMark((255, 225, 0), "A", "disc", "solid"),
    "positive": RoleMark((255, 60, 170), "P", "square", "dash"),
    "mother": RoleMark((175, 100, 255), "M", "triangle_up", "dash dot"),
    "daughter": RoleMark((170, 250, 130), "D", "triangle_down", "dot"),
    "sister": RoleMark((160, 180, 130), "S", "diamond", "dash dot"),
    "table": RoleMark((86, 180, 233), "b", "disc", "solid"),
    "instead": RoleMark((240, 150, 40), "b'", "disc", "dash"),
}
"""The cell that is looked at, those of a pair, its kin, and where a link goes or might go."""


def kin_of(parent: Int64Array, track: int) -> list[int]:
    """Give a track's mother, daughters and sisters.

    Parameters
    ----------
    parent : ndarray of int64, shape (tracks,)
        Each track's mother; -1 for a root.
    track : int
    """
    mother = int(parent[track])
    near = parent == track
    if mother >= 0:
        near = near | (parent == mother)
        near[mother] = True
    return [kin for kin in np.flatnonzero(near).tolist() if kin != track]


def kin_role(parent: Int64Array, track: int, of: int) -> Role | None:
    """Say what a track is to another: its mother, a daughter or a sister; None for others.

    Parameters
    ----------
    parent : ndarray of int64, shape (tracks,)
        Each track's mother; -1 for a root.
    track, of : int
    """
    if parent[of] == track:
        return "mother"
    if parent[track] == of:
        return "daughter"
    if track != of and parent[of] >= 0 and parent[track] == parent[of]:
        return "sister"
    return None
