"""Where a person is in a lineage, what a decision there is about, and where its link is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.index.names import whole_track
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from lineage_triplets.qc.look.view import LineageView

    End = tuple[float, float, float]

LEVELS = ("lineage", "track", "cell", "frame", "FOV")


@dataclass(frozen=True)
class Spot:
    """Where a person is.

    Attributes
    ----------
    experiment, fov : str
        Empty where none is chosen.
    lineage, track : str
        Numbers of the root and of the chosen track, with ``@t`` after a cut; empty for none.
    t : int or None
        Frame chosen in the track.
    frame : int or None
        Frame that the viewer shows of this FOV.
    first_t : int or None
        First frame of the chosen track.
    mother : str
        Number of its mother; empty for a root.
    """

    experiment: str = ""
    fov: str = ""
    lineage: str = ""
    track: str = ""
    t: int | None = None
    frame: int | None = None
    first_t: int | None = None
    mother: str = ""

    def target(self, level: str) -> Target | None:
        """What a verdict at one of `LEVELS` is about; None where nothing is chosen for it."""
        place = (self.experiment, self.fov)
        if not all(place):
            return None
        match level:
            case "lineage" if self.lineage:
                return Target("lineage", *place, track=self.lineage)
            case "track" if self.track:
                return Target("track", *place, track=self.track)
            case "cell" if self.track and self.t is not None:
                return Target("observation", *place, track=self.track, t=self.t)
            case "frame":
                t = self.t if self.frame is None else self.frame
                return None if t is None else Target("frame", *place, t=t)
            case "FOV":
                return Target("fov", *place)
        return None

    @property
    def link(self) -> Target | None:
        """Link before the chosen cell: inside its track, or to its mother; None at a root."""
        if not self.track or self.t is None or self.first_t is None:
            return None
        number = whole_track(self.track)
        if self.t > self.first_t:
            return Target("link", self.experiment, self.fov, track=number, t=self.t)
        if self.mother and "@" not in self.track:
            mother = whole_track(self.mother)
            return Target("link", self.experiment, self.fov, track=mother, daughter=int(self.track))
        return None

    @property
    def cut_words(self) -> str:
        """What cutting `link` does; empty where there is none."""
        link = self.link
        if link is None:
            return ""
        return "Cut the link to the frame before" if link.t else f"Cut from mother {link.track}"

    def missing(self, level: str) -> str:
        """What to do so that a level can be decided."""
        return {
            "lineage": "Select a lineage in the table",
            "track": "Click a track in the tree",
            "cell": "Click a track at a frame in the tree",
            "frame": "Click a frame in the tree, or show the FOV in the viewer",
            "FOV": "Choose a FOV, or select a lineage",
        }[level]


@dataclass(frozen=True)
class CutPlace:
    """The two cells that a link joins.

    Attributes
    ----------
    experiment, fov : str
    frames : (int, int)
    cells : tuple of (float, float, float)
        (z, y, x) in pixels.
    """

    experiment: str
    fov: str
    frames: tuple[int, int]
    cells: tuple[End, End]


def cut_place(view: LineageView, spot: Spot) -> CutPlace | None:
    """Give the cells that the link of a `Spot` joins; None where it has no link."""
    names = view.tracks["track"].tolist()
    if spot.link is None or spot.t is None or spot.track not in names:
        return None
    of_row = view.part.whole.observations.track
    own = view.cells[of_row == names.index(spot.track)]
    after, before = own[own["t"] >= spot.t], own[own["t"] < spot.t]
    if before.empty and spot.mother in names:
        before = view.cells[of_row == names.index(spot.mother)]
    if after.empty or before.empty:
        return None
    ends = [before.iloc[int(np.argmax(before["t"]))], after.iloc[int(np.argmin(after["t"]))]]
    first, second = ((float(end["z"]), float(end["y"]), float(end["x"])) for end in ends)
    frames = (int(ends[0]["t"]), int(ends[1]["t"]))
    return CutPlace(spot.experiment, spot.fov, frames, (first, second))
