"""What a decision or a finding is about: a well, FOV, frame, lineage, track, cell, or link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from lineage_triplets.engine.errors import ConfigError, Problem, choices

if TYPE_CHECKING:
    from collections.abc import Mapping

Level = Literal[
    "experiment", "well", "fov", "frame", "lineage", "track", "observation", "link", "finding"
]

_NEEDED: dict[str, tuple[str, ...]] = {
    "experiment": ("experiment",),
    "well": ("experiment", "fov"),
    "fov": ("experiment", "fov"),
    "frame": ("experiment", "fov", "t"),
    "lineage": ("experiment", "fov", "track"),
    "track": ("experiment", "fov", "track"),
    "observation": ("experiment", "fov", "track", "t"),
    "link": ("experiment", "fov", "track"),
    "finding": ("key",),
}
_OF_A_TABLE = frozenset({"lineage", "track", "observation", "link"})


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One thing that can be accepted, rejected, cut, waived or approved.

    Attributes
    ----------
    level : str
        One of `Level`.
    experiment : str
    fov : str
        ``"A/1/0"``; of a well its name, ``"A/1"``.
    track : str
        The table's ``track_id``, with ``@t`` for what follows a cut inside a track; of a lineage
        its root's; of a link the mother's, or the track that is cut.
    t : int or None
        Frame; of a link the first frame after a cut inside the track.
    daughter : int or None
        Of a link to a daughter.
    key : str
        Of a finding.

    Raises
    ------
    ConfigError
        A part is missing, or a link names neither or both of daughter and frame.
    """

    level: Level
    experiment: str = ""
    fov: str = ""
    track: str = ""
    t: int | None = None
    daughter: int | None = None
    key: str = ""

    def __post_init__(self) -> None:
        if self.level not in _NEEDED:
            raise _bad(f"there is no level {self.level!r}.", f"There is: {choices(_NEEDED)}.")
        missing = [name for name in _NEEDED[self.level] if getattr(self, name) in ("", None)]
        if missing:
            raise _bad(f"a {self.level} needs {choices(missing)}.", "Name it.")
        if self.level == "link" and (self.t is None) == (self.daughter is None):
            raise _bad("a link is to a daughter, or at a frame t.", "Name one of the two.")

    @property
    def id(self) -> str:
        """``global_track_id`` or ``lineage_id``; empty for what is no track."""
        return f"{self.experiment}_{self.fov}_{self.track}" if self.track else ""

    @property
    def of_table(self) -> bool:
        """Whether it means something only together with its FOV's table of tracks."""
        return self.level in _OF_A_TABLE

    def as_dict(self) -> dict[str, Any]:
        """Plain values, without what is empty."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if value not in ("", None)}

    @classmethod
    def of_dict(cls, values: Mapping[str, Any]) -> Target:
        """Make it from `as_dict`; raises as the constructor."""
        unknown = sorted(set(values) - set(cls.__slots__))
        if unknown or "level" not in values:
            raise _bad(f"a target cannot have {choices(unknown)}.", "Name its level and parts.")
        return cls(**values)

    def __str__(self) -> str:
        at = "" if self.t is None else f" at t = {self.t}"
        match self.level:
            case "finding":
                return f"finding {self.key}"
            case "experiment":
                return f"experiment {self.experiment}"
            case "link" if self.daughter is not None:
                return f"link of {self.experiment} {self.fov} track {self.track} to {self.daughter}"
            case "link":
                return f"link inside {self.experiment} {self.fov} track {self.track}{at}"
            case "well" | "fov" | "frame":
                word = {"well": "well", "fov": "FOV", "frame": "FOV"}[self.level]
                return f"{word} {self.experiment} {self.fov}{at}"
            case _:
                return f"{self.level} {self.id}{at}"


LEVELS: tuple[str, ...] = get_args(Level)


def _bad(message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem("bad-target", message, remedy))
