"""Rows of the file of decisions made values again; what they hold is looked at, type by type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from lineage_triplets.engine.errors import ConfigError, shown
from lineage_triplets.qc.record.decision import Decision, Target, What
from lineage_triplets.qc.record.values import is_whole, require_values

if TYPE_CHECKING:
    from collections.abc import Sequence

_EVENT = (int, str, int, str, str, int)
_DECISION = (int, int, str, str, str, str, str)
_NUMBERS_OF_TARGET = frozenset({"t", "daughter", "to_t"})


class Event(NamedTuple):
    """One row of the table ``event``: a group of decisions was made, undone or redone."""

    number: int
    what: What
    group: int
    by: str
    at: str
    clock_back: int


def event_of(row: Sequence[Any]) -> Event:
    """Make an event of its row.

    Raises
    ------
    ValueError
        It is none.
    """
    _require_types(row, _EVENT, "entry")
    if row[1] not in get_args(What):
        raise ValueError(f"an entry says {shown(row[1])}")
    return Event(*row)


def decision_of(row: Sequence[Any], event: Event) -> Decision:
    """Make a decision of its row, and of the event that it was made by.

    Raises
    ------
    ValueError
        It is none.
    """
    _require_types(row, _DECISION, "decision")
    number, group, kind, target, value, reason, table_hash = row
    values = read_json(value)
    if not isinstance(values, dict):
        raise ValueError(f"what decision {number} says is {shown(values)}")
    try:
        made = Decision(
            kind, _target_of(read_json(target), number), values, reason, table_hash,
            number=number, group=group, by=event.by, at=event.at,
        )  # fmt: skip
    except ConfigError as error:
        raise ValueError(f"decision {number}: {error.problems[0].message}") from None
    require_values(made, f"decision {number}")
    return made


def read_json(text: Any) -> Any:
    """Read JSON that was kept.

    Raises
    ------
    ValueError
        It is none.
    """
    try:
        return json.loads(text)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"{shown(text)} is no JSON ({error})") from None


def _require_types(row: Sequence[Any], types: Sequence[type], noun: str) -> None:
    for value, kept in zip(row, types, strict=True):
        if type(value) is not kept:
            raise ValueError(f"{shown(value)} stands in {noun} {shown(row[0])}")


def _target_of(values: Any, number: int) -> Target:
    if not isinstance(values, dict):
        raise ValueError(f"the target of decision {number} is {shown(values)}")
    for name, value in values.items():
        fits = is_whole(value) if name in _NUMBERS_OF_TARGET else isinstance(value, str)
        if not fits:
            raise ValueError(f"{name} of the target of decision {number} is {shown(value)}")
    return Target.of_dict(values)
