"""What each kind of decision has to say, and about what, looked at before anybody relies on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.qc.record.decision import NewDecision

    Fits = Callable[[Any], bool]

_MOST = 2**63
_EXPERIMENT = frozenset({"experiment"})
_LEFT_OUT = frozenset({"well", "fov", "frame", "lineage", "track", "observation"})
_LEVELS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("accept", "reject"), _LEFT_OUT),
    **dict.fromkeys(("link", "unlink"), frozenset({"join"})),
    **dict.fromkeys(("waive", "unwaive"), frozenset({"finding"})),
    **dict.fromkeys(
        ("remap", "place", "approve", "disapprove", "seen", "audit_plan", "audit"), _EXPERIMENT
    ),
    "cut": frozenset({"link"}),
    "keep": frozenset({"link", "join"}),
    "judge": frozenset({"pair"}),
}
_NEEDED: dict[str, tuple[str, ...]] = {
    "remap": ("source_channel", "channel_names"),
    "approve": ("source_channel", "channel_names", "zarr_index", "slot_labels", "images"),
    "seen": ("n_pairs", "how", "tau_range_hours", "positive_relation", "source_channel"),
    "audit_plan": ("n", "population", "parts", "images"),
    "audit": (
        "population", "queue", "n", "number", "times", "verdict", "across", "anchor", "positive",
        "shown",
    ),
    "judge": ("verdict", "relation", "across", "shown"),
    "confirm": ("decision", "table_hash"),
    "withdraw": ("decision",),
}  # fmt: skip
_OF_NUMBERED_TRACKS = frozenset({"link", "join", "pair"})


def require_values(said: NewDecision, name: str) -> None:
    """Raise where a decision lacks what its kind needs, or says something that cannot be.

    Parameters
    ----------
    said : NewDecision
    name : str
        What messages call it: ``"decision 7"``.

    Raises
    ------
    ValueError
        It says what is odd.
    """
    kind, target, value = said.kind, said.target, said.value
    if target.level not in _LEVELS.get(kind, {target.level}):
        raise ValueError(f"{name} is to {kind} a {target.level}")
    if target.level in _OF_NUMBERED_TRACKS and not _is_number(target.track):
        raise ValueError(f"track of the target of {name} is {shown(target.track)}, and no number")
    for key in _NEEDED.get(kind, ()):
        if key not in value:
            raise ValueError(f"{name} ({kind}) says nothing of {key!r}")
    # The keys of a place are those of the transform.
    for key, found in () if kind == "place" else value.items():
        fits = _FITS.get(key)
        if fits is not None and not fits(found):
            raise ValueError(f"{key} of {name} is {shown(found)}")
    if kind == "place" and not _is_transform(value):
        raise ValueError(f"what {name} says is {shown(value)}, and no track_transform")
    if kind == "approve" and len(value["source_channel"]) != len(value["zarr_index"]):
        raise ValueError(f"source_channel and zarr_index of {name} are of unlike length")


def is_whole(value: Any) -> bool:
    """Whether it is a number that SQLite and numpy can hold."""
    return type(value) is int and -_MOST <= value < _MOST


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 20


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_one_of(*words: str) -> Fits:
    return lambda value: isinstance(value, str) and value in words


def _is_from(lowest: int) -> Fits:
    return lambda value: is_whole(value) and value >= lowest


def _is_list_of(fits: Fits, n: int | None = None) -> Fits:
    return lambda value: (
        isinstance(value, list) and n in {None, len(value)} and all(map(fits, value))
    )


def _is_hours(value: Any) -> bool:
    return type(value) in {int, float} and math.isfinite(value)


def _is_transform(value: Any) -> bool:
    # Takes pydantic, which decisions of other kinds are read without.
    from lineage_triplets.engine.settings.track_transform import TrackTransform

    try:
        return isinstance(value, dict) and bool(TrackTransform.model_validate(value))
    except ValueError:
        return False


def _is_mapping_of_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_cell(value: Any) -> bool:
    return isinstance(value, list) and [*map(type, value)] == [str, int] and is_whole(value[1])


# What names mean in whatever decision has them; other names nobody asks for.
_FITS: dict[str, Fits] = {
    **dict.fromkeys(("decision", "n_pairs", "number"), _is_from(1)),
    # Pairs across a division are judged without a plan too.
    **dict.fromkeys(("n", "times"), _is_from(0)),
    **dict.fromkeys(
        ("population", "relation", "images", "positive_relation", "table_hash", "from",
         "experiment", "fov"),
        _is_text,
    ),
    **dict.fromkeys(("channel_names", "slot_labels", "source_channel"), _is_list_of(_is_text)),
    **dict.fromkeys(("anchor", "positive"), _is_cell),
    "how": _is_one_of("attested", "painted"),
    "queue": _is_one_of("sample", "divisions"),
    "verdict": _is_one_of("same", "wrong", "cannot tell"),
    "zarr_index": _is_list_of(_is_from(0)),
    "tau_range_hours": _is_list_of(_is_hours, 2),
    "track_transform": _is_transform,
    "shown": lambda value: isinstance(value, dict),
    "parts": _is_mapping_of_texts,
    "across": lambda value: isinstance(value, bool),
}  # fmt: skip
