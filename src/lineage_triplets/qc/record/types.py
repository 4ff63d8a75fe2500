"""What a decision is, before and after it is recorded, and how it is written down."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from lineage_triplets.engine.errors import ConfigError, Problem, nearest, shown
from lineage_triplets.qc.record.targets import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

DecisionKind = Literal[
    "accept",
    "reject",
    "undecided",
    "cut",
    "waive",
    "unwaive",
    "remap",
    "approve",
    "disapprove",
    "seen",
    "confirm",
    "withdraw",
]
What = Literal["decided", "undone", "redone"]
DECISION_KINDS: tuple[str, ...] = get_args(DecisionKind)


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


def to_json(value: object) -> str:
    """Write plain values, numpy's among them, as JSON.

    Raises
    ------
    ConfigError
        Something else is in it.
    """

    def plain(one: Any) -> Any:
        if hasattr(one, "tolist"):
            return one.tolist()
        raise TypeError(f"{type(one).__name__} {shown(one)} is no JSON")

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


def row_of(one: Decision) -> tuple[int | str, ...]:
    """Give a decision as a row of the table ``decision``."""
    target, value = to_json(one.target.as_dict()), to_json(one.value)
    return (one.number, one.group, one.kind, target, value, one.reason, one.table_hash)
