"""What a file of decisions holds, as values: events in order, and the decisions that they made."""

from __future__ import annotations

import bisect
from dataclasses import replace
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from lineage_triplets.qc.record.decision import Decision, HistoryEntry
from lineage_triplets.qc.record.rows import Event, decision_of, event_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Ledger:
    """The log as far as it is on disk, by group; it never changes, `follow` gives the next one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.groups: dict[int, tuple[Decision, ...]] = {}
        self.done: list[int] = []
        self.undone: list[int] = []

    @classmethod
    def of_rows(
        cls, events: Iterable[tuple[Any, ...]], decisions: Iterable[tuple[Any, ...]]
    ) -> Ledger:
        """Make it from the rows of the two tables, in any order.

        Raises
        ------
        ValueError, TypeError, KeyError, IndexError
            The rows do not fit together.
        """
        ledger = cls()
        by_group: dict[int, list[tuple[Any, ...]]] = {}
        for row in sorted(decisions, key=itemgetter(0)):
            by_group.setdefault(row[1], []).append(row)
        for values in sorted(events, key=itemgetter(0)):
            event = event_of(values)
            if event.number != len(ledger.events) + 1:
                raise ValueError(f"entry {len(ledger.events) + 1} is missing")
            rows = by_group.pop(event.group) if event.what == "decided" else []
            ledger._enter(event, [decision_of(row, event) for row in rows])
        if by_group:
            raise ValueError(f"nobody decided group {min(by_group)}")
        return ledger

    def follow(self, event: Event, made: Sequence[Decision] = ()) -> Ledger:
        """Give the log after an event that is on disk, with the decisions that it made."""
        later = Ledger()
        later.events, later.groups = list(self.events), dict(self.groups)
        later.done, later.undone = list(self.done), list(self.undone)
        later._enter(event, made)
        if event.what == "decided" and "active" in vars(self):
            vars(later)["active"] = (*self.active, *made)
        return later

    def decided_since(self, n_events: int) -> tuple[Decision, ...] | None:
        """Give what was decided after the first events; None if something was undone or redone."""
        since = self.events[n_events:]
        if any(event.what != "decided" for event in since):
            return None
        return tuple(made for event in since for made in self.groups[event.group])

    def _enter(self, event: Event, made: Sequence[Decision]) -> None:
        if event.what == "decided":
            self.groups[event.group] = tuple(made)
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

    @property
    def last_decision(self) -> int:
        """Number of the last decision; 0 before the first."""
        return self.groups[next(reversed(self.groups))][-1].number if self.groups else 0

    @property
    def to_undo(self) -> int | None:
        """The group to undo next: the last that somebody decided; None if there is none."""
        return next((group for group in reversed(self.done) if self._is_step(group)), None)

    @property
    def to_redo(self) -> int | None:
        """The group to redo next; None if there is none."""
        return self.undone[-1] if self.undone else None

    def _is_step(self, group: int) -> bool:
        return any(made.is_deliberate for made in self.groups[group])

    @cached_property
    def active(self) -> tuple[Decision, ...]:
        """The decisions that were not undone, in order."""
        return tuple(made for group in self.done for made in self.groups[group])

    def of_group(self, group: int) -> tuple[Decision, ...]:
        """The decisions of a group, in their present state."""
        if group in self.done:
            return self.groups[group]
        return tuple(replace(made, state="undone") for made in self.groups[group])

    def history(self) -> list[HistoryEntry]:
        """Everything that happened, in order."""
        present = dict(self.groups)
        for group in present.keys() - set(self.done):
            present[group] = self.of_group(group)
        return [
            HistoryEntry(
                event.number, event.at, event.by, event.what, made, bool(event.clock_back)
            )
            for event in self.events
            for made in present[event.group]
        ]  # fmt: skip
