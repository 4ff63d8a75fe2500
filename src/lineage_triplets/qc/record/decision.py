"""What a decision is, before and after it is recorded: its kind, and its target."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from lineage_triplets.engine.errors import ConfigError, Problem, choices, counted, nearest, shown
from lineage_triplets.engine.index.names import global_id

if TYPE_CHECKING:
    from collections.abc import Mapping

Level = Literal[
    "experiment",
    "well",
    "fov",
    "frame",
    "lineage",
    "track",
    "observation",
    "link",
    "join",
    "pair",
    "finding",
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
    "join": ("experiment", "fov", "track", "t", "daughter", "to_t"),
    "pair": ("experiment", "fov", "track", "t", "daughter", "to_t"),
    "finding": ("key",),
}
_OF_A_TABLE = frozenset({"lineage", "track", "observation", "link", "join", "pair"})

DecisionKind = Literal[
    "accept",
    "reject",
    "undecided",
    "cut",
    "link",
    "unlink",
    "keep",
    "waive",
    "unwaive",
    "remap",
    "place",
    "approve",
    "disapprove",
    "seen",
    "audit_plan",
    "audit",
    "judge",
    "confirm",
    "withdraw",
]
What = Literal["decided", "undone", "redone"]
DECISION_KINDS: tuple[str, ...] = get_args(DecisionKind)


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One thing that can be accepted, rejected, cut, judged, waived or approved.

    Attributes
    ----------
    level : str
        One of `Level`.
    experiment : str
    fov : str
        ``"A/1/0"``; of a well its name, ``"A/1"``.
    track : str
        The table's ``track_id``, with ``@t`` for what follows a cut inside a track; of a lineage
        its root's; of a link the mother's, or the track that is cut; of a join, which is a link
        that the table lacks, the table's ``track_id`` of the cell that is followed; of a pair the
        anchor's in the table.
    t : int or None
        Frame; of a link the first frame after a cut inside the track.
    daughter : int or None
        Of a link to a daughter; of a join the table's ``track_id`` of the cell that follows, of a
        pair the positive's.
    to_t : int or None
        Of a join the frame of the cell that follows, of a pair the positive's.
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
    to_t: int | None = None

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
        return global_id(self.experiment, self.fov, self.track) if self.track else ""

    @property
    def of_table(self) -> bool:
        """Whether it means something only together with its FOV's table of tracks."""
        return self.level in _OF_A_TABLE

    @property
    def names_frame(self) -> bool:
        """Whether it is, or is called after, a frame of the image."""
        return self.t is not None or "@" in self.track

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
            case "join":
                after = f"track {self.daughter} at t = {self.to_t}"
                return f"link of {self.experiment} {self.fov} track {self.track}{at} to {after}"
            case "pair":
                positive = f"track {self.daughter} at t = {self.to_t}"
                return f"pair {self.experiment} {self.fov} track {self.track}{at}, {positive}"
            case "well" | "fov" | "frame":
                word = {"well": "well", "fov": "FOV", "frame": "FOV"}[self.level]
                return f"{word} {self.experiment} {self.fov}{at}"
            case _:
                return f"{self.level} {self.id}{at}"


@dataclass(frozen=True)
class NewDecision:
    """What somebody decides.

    Attributes
    ----------
    kind : str
        One of `DecisionKind`.
    target : Target
        What it is about.
    value : mapping
        What the kind needs besides, as JSON has it.
    reason : str
    table_hash : str
        Hash of the table that the target was seen in; empty where it depends on none.

    Raises
    ------
    ConfigError
        There is no such kind.
    """

    kind: DecisionKind
    target: Target
    value: Mapping[str, Any] = field(default_factory=dict, hash=False)
    reason: str = ""
    table_hash: str = ""

    def __post_init__(self) -> None:
        if self.kind not in DECISION_KINDS:
            message = f"there is no decision {shown(self.kind)}."
            raise ConfigError(
                Problem("bad-decision", message, nearest(str(self.kind), DECISION_KINDS))
            )

    @property
    def place(self) -> tuple[str, str]:
        """Experiment and FOV that it is about; of a waiver those of the finding."""
        experiment, fov = self.target.experiment, self.target.fov
        return experiment or self.value.get("experiment", ""), fov or self.value.get("fov", "")

    @property
    def words(self) -> str:
        """What was decided about what, without the reason; of an audit how many, or the answer."""
        said, value = f"{self.kind} {self.target}", self.value
        match self.kind:
            case "link" | "unlink":
                return f"{self.kind} {str(self.target).removeprefix('link of ')}"
            case "audit_plan" if "n" in value:
                return f"{said}: {counted(value['n'], 'pair')}"
            case "audit" if "number" in value:
                sign = "D" if value.get("queue") == "divisions" else ""
                return f"{said} pair {sign}{value['number']}: {value.get('verdict', '')}"
            case "judge" if "verdict" in value:
                return f"{said}: {value['verdict']}"
        return said

    @property
    def is_deliberate(self) -> bool:
        """Whether somebody decided it; that pairs were on screen is recorded by itself."""
        return self.kind != "seen" or self.value.get("how") != "painted"


@dataclass(frozen=True)
class Decision(NewDecision):
    """What was decided, and recorded.

    Attributes
    ----------
    number : int
        Counts decisions from 1; gives their order.
    group : int
        Counts what was recorded together from 1, and is undone together.
    by : str
    at : str
        UTC, ISO, by the clock of whoever decided.
    state : {"active", "undone"}
    """

    number: int = field(kw_only=True)
    group: int = field(kw_only=True)
    by: str = field(kw_only=True)
    at: str = field(kw_only=True)
    state: Literal["active", "undone"] = field(default="active", kw_only=True)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One decision that was made, undone or redone.

    Attributes
    ----------
    number : int
        Counts what happened from 1; the same for decisions of one group.
    at, by : str
        When and by whom this happened.
    what : {"decided", "undone", "redone"}
    decision : Decision
        In its present state.
    clock_back : bool
        Whether the clock was behind the entry before.
    """

    number: int
    at: str
    by: str
    what: What
    decision: Decision
    clock_back: bool = False


def _bad(message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem("bad-target", message, remedy))


def to_json(value: object) -> str:
    """Write plain values, numpy's among them, as JSON.

    Raises
    ------
    ConfigError
        Something else is in it.
    """

    def plain(item: Any) -> Any:
        if hasattr(item, "tolist"):
            return item.tolist()
        raise TypeError(f"{type(item).__name__} {shown(item)} is no JSON")

    try:
        return json.dumps(value, default=plain, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        message = f"this cannot be kept: {error}."
        remedy = "Give texts, numbers, lists and mappings."
        raise ConfigError(Problem("bad-value", message, remedy)) from error


def as_json_has_it(new: NewDecision) -> NewDecision:
    """Give a decision as it will be read back after a restart.

    Raises
    ------
    ConfigError
        A value cannot be written as JSON.
    """
    return NewDecision(
        new.kind,
        Target.of_dict(json.loads(to_json(new.target.as_dict()))),
        json.loads(to_json(dict(new.value))),
        storable(new.reason),
        storable(new.table_hash),
    )


def storable(text: str) -> str:
    """Give a text as a database can hold it."""
    # A file name of unknown encoding may hold half characters.
    return text.encode("utf-8", "replace").decode()


def row_of(made: Decision) -> tuple[int | str, ...]:
    """Give a decision as a row of the table ``decision``."""
    target, value = to_json(made.target.as_dict()), to_json(made.value)
    return (made.number, made.group, made.kind, target, value, made.reason, made.table_hash)
