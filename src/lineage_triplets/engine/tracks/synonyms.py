"""How people and tools name the columns of a table of tracks; knows names only, no values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_AXIS_FORMS = (
    *("position{}", "{}position", "pos{}", "{}pos", "location{}", "{}location"),
    *("center{}", "centre{}", "{}center", "{}centre", "centroid{}", "{}centroid", "c{}", "{}c"),
    *("locationcenter{}", "areashapecenter{}", "centerofmass{}", "coord{}", "{}coord"),
    *("{}coordinate", "coordinate{}", "cell{}", "nucleus{}", "nuclei{}", "spot{}", "mean{}"),
    *("{}mean", "{}m", "loc{}", "centermass{}"),
)
_FRAMES = (
    *("frame", "frames", "framenumber", "frameindex", "frameid", "frameno", "framei", "framenr"),
    *("timepoint", "timepoints", "timeindex", "timeframe", "timeid", "timestep", "timenumber"),
    *("tp", "imagenumber", "imageindex", "metadatat", "metadataframe", "tframe", "indextime"),
)
_OF_A_TRACK = (
    *("track", "tracknumber", "trackno", "trackindex", "tracknr", "trackn", "trackname"),
    *("tracklet", "trackletid", "trackletnumber", "particle", "particleid", "trajectory"),
    *("trajectoryid", "traj", "trajid", "celltrack", "celltrackid", "trackedid", "branch"),
    *("branchid", "trackobjectslabel"),
)
_OF_A_CELL = (
    *("cell", "cellid", "cellno", "cellnumber", "cellindex", "celllabel", "label", "labelid"),
    *("object", "objectid", "objectnumber", "nucleus", "nucleusid", "uniqueid"),
)
_NODES = (
    *("id", "nodeid", "node", "spotid", "spot", "detectionid", "detection", "observationid"),
    *("uid", "pointid", "rowid", "index", "row", "unnamed0", "", "cellid", "objectid", "uniqueid"),
)
_MOTHERS = ("parent", "mother", "predecessor", "previous", "prev", "ancestor", "source")
_MOTHER_OF = (
    *("", "id", "track", "trackid", "tracklet", "trackletid", "tracknumber", "cell", "cellid"),
    *("label", "node", "nodeid", "spot", "spotid", "particle", "number", "index", "object"),
    *("objectid", "objectnumber", "no", "nr"),
)

_RANKS: dict[str, tuple[Iterable[str], ...]] = {
    "t": (("t",), _FRAMES, ("slice", "time", "positiont")),
    "track_id": (("trackid",), _OF_A_TRACK, _OF_A_CELL, ("id",)),
    "id": (("id",), _NODES),
    "parent": (
        ("parenttrackid",),
        tuple(mother + of for mother in _MOTHERS for of in _MOTHER_OF),
        ("dividedfrom", "from"),
    ),
    **{
        axis: ((axis,), tuple(form.format(axis) for form in _AXIS_FORMS), other)
        for axis, other in (("z", ("slice", "plane")), ("y", ("row",)), ("x", ("col", "column")))
    },
}
_UNITS: dict[str, str] = {
    **dict.fromkeys(("um", "µm", "\u03bcm", "micron", "microns", "micrometer", "micrometre"), "um"),
    **dict.fromkeys(("micrometers", "micrometres"), "um"),
    **dict.fromkeys(("px", "pixel", "pixels", "pix"), "pixel"),
    **dict.fromkeys(("nm", "mm", "cm", "inch"), "other"),
}
_UNIT = re.compile(rf"(?:^|[\s_\-.(\[]+)({'|'.join(_UNITS)})[)\]]?$")
_BRACKETS = re.compile(r"[(\[].*?[)\]]")
_NO_WORD = re.compile(r"[\s_\-.:#%]+")
_NUMBERED = re.compile(r"(.*centroid)[\s_\-.]?([012])$")


class Meaning(NamedTuple):
    """What a column may be by its name.

    Attributes
    ----------
    ours : str
        ``track_id``, ``t``, ``z``, ``y``, ``x``, ``id``, or ``parent`` of either kind.
    rank : int
        0 for the plainest name.
    """

    ours: str
    rank: int


_MEANINGS: dict[str, list[Meaning]] = {}
for _ours, _ranks in _RANKS.items():
    for _rank, _names in enumerate(_ranks):
        for _name in dict.fromkeys(_names):
            _MEANINGS.setdefault(_name, []).append(Meaning(_ours, _rank))


def unit_of(name: str) -> str:
    """Unit at the end of a name: "um", "pixel", "other"; empty if there is none."""
    match = _UNIT.search(name.strip().lower())
    return _UNITS[match[1]] if match else ""


def plain(name: str) -> str:
    """Name without case, unit, brackets, blanks and marks."""
    text = _BRACKETS.sub("", _UNIT.sub("", name.strip().lower()))
    return _NO_WORD.sub("", text)


def meanings(found: Sequence[str]) -> list[list[Meaning]]:
    """Say of each column what it may be; of most nothing."""
    numbered: dict[str, list[str]] = {}
    for name in found:
        match = _NUMBERED.match(name.strip().lower())
        if match:
            numbered.setdefault(match[1], []).append(match[2])
    listed = []
    for name in found:
        match = _NUMBERED.match(name.strip().lower())
        if match:
            # As scikit-image numbers the axes of an image.
            axes = "zyx"[-len(numbered[match[1]]) :]
            place = int(match[2])
            rank = 1 if match[1] == "centroid" else 2
            listed.append([Meaning(axes[place], rank)] if place < len(axes) else [])
            continue
        listed.append(_MEANINGS.get(plain(name), []))
    return listed


def is_synonym(name: str) -> bool:
    """Say whether a name may be one of ours."""
    return bool(name) and bool(meanings([name])[0] or _NUMBERED.match(name))


def suffices(names: Sequence[str]) -> bool:
    """Say whether a line's cells name frame and place of cells."""
    known = {meaning.ours for of_name in meanings(names) for meaning in of_name}
    return {"t", "y", "x"} <= known
