"""What the entries of a review's log come to: what is active, what can be undone and redone."""

from __future__ import annotations

import bisect
import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage_triplets.qc.record.decision import Decision, HistoryEntry, Target, What

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Event(NamedTuple):
    """One row of the table ``event``: a group of decisions was made, undone or redone."""

    number: int
    what: What
    group: int
    by: str
    at: str
    clock_back: int


class Ledger:
    """The log as far as it is on disk, by group.

    Parameters
    ----------
    events, decisions : iterable of tuple
        Rows of the two tables, in any order.

    Raises
    ------
    ValueError, TypeError, KeyError, IndexError
        The rows do not fit together.
    """

    def __init__(
        self, events: Iterable[tuple[Any, ...]], decisions: Iterable[tuple[Any, ...]]
    ) -> None:
        self.events: list[Event] = []
        self.groups: dict[int, tuple[Decision, ...]] = {}
        self.done: list[int] = []
        self.undone: list[int] = []
        self.last_decision = 0
        self._active: tuple[Decision, ...] | None = None
        by_group: dict[int, list[tuple[Any, ...]]] = {}
        for row in sorted(decisions):
            by_group.setdefault(row[1], []).append(row)
        for values in sorted(events):
            event = Event(*values)
            if event.number != len(self.events) + 1:
                raise ValueError(f"entry {len(self.events) + 1} is missing")
            if event.what == "decided":
                made = [_decision(row, event) for row in by_group.pop(event.group)]
                self.follow(event, made)
            else:
                self.follow(event)
        if by_group:
            raise ValueError(f"nobody decided group {min(by_group)}")

    def follow(self, event: Event, made: Sequence[Decision] = ()) -> None:
        """Let an event that is on disk take effect, with the decisions that it made."""
        if event.what == "decided":
            self.groups[event.group] = tuple(made)
            self.last_decision = made[-1].number
            self.done.append(event.group)
            if self._is_step(event.group):
                self.undone.clear()
        elif event.what == "undone":
            self.done.remove(event.group)
            self.undone.append(event.group)
        else:
            self.undone.remove(event.group)
            bisect.insort(self.done, event.group)
        self.events.append(event)
        self._active = None

    @property
    def to_undo(self) -> int | None:
        """The group to undo next: the last that somebody decided; None if there is none."""
        return next((one for one in reversed(self.done) if self._is_step(one)), None)

    @property
    def to_redo(self) -> int | None:
        """The group to redo next; None if there is none."""
        return self.undone[-1] if self.undone else None

    def _is_step(self, group: int) -> bool:
        return any(one.is_deliberate for one in self.groups[group])

    @property
    def active(self) -> tuple[Decision, ...]:
        """The decisions that were not undone, in order."""
        if self._active is None:
            self._active = tuple(one for group in self.done for one in self.groups[group])
        return self._active

    def copy(self) -> Ledger:
        """Give the same log, which later events do not reach."""
        twin = copy.copy(self)
        twin.events, twin.groups = list(self.events), dict(self.groups)
        twin.done, twin.undone = list(self.done), list(self.undone)
        return twin

    def of_group(self, group: int) -> tuple[Decision, ...]:
        """The decisions of a group, in their present state."""
        if group in self.done:
            return self.groups[group]
        return tuple(replace(one, state="undone") for one in self.groups[group])

    def history(self) -> list[HistoryEntry]:
        """Everything that happened, in order."""
        present = dict(self.groups)
        for group in present.keys() - set(self.done):
            present[group] = self.of_group(group)
        return [
            HistoryEntry(
                event.number, event.at, event.by, event.what, one, bool(event.clock_back)
            )
            for event in self.events
            for one in present[event.group]
        ]  # fmt: skip


def _decision(row: tuple[Any, ...], event: Event) -> Decision:
    number, group, kind, target, value, reason, table_hash = row
    return Decision(
        kind, Target.of_dict(json.loads(target)), json.loads(value), reason, table_hash,
        number=number, group=group, by=event.by, at=event.at,
    )  # fmt: skip
