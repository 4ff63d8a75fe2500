"""The record of a review at work: decisions that are made, undone or confirmed take effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal, SignalGroup

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.qc.look.view import still_there
from lineage_triplets.qc.record import Decision, DecisionLog, NewDecision
from lineage_triplets.qc.record.effect import Effect, apply_decisions
from lineage_triplets.qc.record.imported import import_key, imported_decisions

if TYPE_CHECKING:
    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.qc.find.run import Checks
    from lineage_triplets.qc.look.view import Intent, ReviewState
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record import HistoryEntry


class ReviewEvents(SignalGroup):
    """What changed; views read it from the review again.

    Attributes
    ----------
    intent
        Gets the new `Intent`.
    decisions
        Gets the decisions that were made, undone or redone.
    channels
        Gets the experiment whose slots show other channels now, or whose approval changed.
    findings
        Checks found something, or something became of a finding.
    data
        Stores and tables were read anew.
    """

    intent = Signal(object)
    decisions = Signal(object)
    channels = Signal(str)
    findings = Signal()
    data = Signal()


class Recorder:
    """Keeps the decisions of a review, puts them into effect, and tells of them.

    Attributes
    ----------
    data : ReviewData
    log : DecisionLog
    checks : Checks
    events : ReviewEvents
    """

    data: ReviewData
    log: DecisionLog
    checks: Checks
    events: ReviewEvents
    _intent: Intent
    _state: ReviewState | None
    _virtual: list[Decision]

    @property
    def effect(self) -> Effect:
        """The decisions in effect."""
        return self.data.effect

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All active decisions in order, stale ones too; not those that were withdrawn."""
        active = self.log.active
        withdrawn = {one.value["decision"] for one in active if one.kind == "withdraw"}
        return (*self._virtual, *(one for one in active if one.number not in withdrawn))

    def history(self) -> list[HistoryEntry]:
        """Everything that was ever decided, undone and redone."""
        return self.log.history()

    def confirm(self, *decisions: Decision) -> tuple[Decision, ...]:
        """Put stale decisions in effect again, for their tables as they are now, in one step.

        Raises
        ------
        TableChangedError
            A table changed since the review read it.
        """
        return self._record(*(self._confirmation(one) for one in decisions))

    def withdraw(self, *decisions: Decision, reason: str = "") -> tuple[Decision, ...]:
        """Take decisions back, whenever they were made, as if they never had been, in one step.

        Raises
        ------
        ConfigError
            One is not recorded, or was undone or withdrawn before; nothing is recorded.
        """
        there = {one.number for one in self.decisions if one.kind != "withdraw"}
        for one in decisions:
            if one.number not in there or one.number < 1:
                raise ConfigError(
                    Problem(
                        "unknown-decision",
                        f"there is no decision {one.number} to take back.",
                        "`history` lists what was decided, undone and withdrawn.",
                    )
                )
        return self._record(
            *(
                NewDecision("withdraw", one.target, {"decision": one.number}, reason)
                for one in decisions
            )
        )

    def _confirmation(self, decision: Decision) -> NewDecision:
        place = decision.target if decision.target.experiment else None
        experiment = place.experiment if place else str(decision.value.get("experiment", ""))
        fov = place.fov if place else str(decision.value.get("fov", ""))
        value = {
            "decision": decision.number,
            "table_hash": self._table_hash(experiment, fov),
        }
        return NewDecision("confirm", decision.target, value)

    def undo(self) -> tuple[Decision, ...]:
        """Undo the last decision; gives what was undone, nothing if there is nothing.

        That pairs were on screen is no decision, and stays recorded.
        """
        return self._after(self.log.undo())

    def redo(self) -> tuple[Decision, ...]:
        """Decide again what was undone last."""
        return self._after(self.log.redo())

    def _table_hash(self, experiment: str, fov: str) -> str:
        table = self.data.table_of(experiment, fov) if fov else None
        if table is None:
            return ""
        self.data.tables.require_unchanged([table])
        return self.data.tables.hash_of(table)

    def _record(self, *new: NewDecision) -> tuple[Decision, ...]:
        return self._after(self.log.record(*new))

    def _after(self, decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
        if not decisions:
            return decisions
        if self._refresh():
            self.checks.channels_changed()
        self.checks.settings_changed()
        shown = self._let_go()
        kinds = {"remap", "approve", "disapprove", "withdraw"}
        of_channels = [
            one for one in decisions if one.kind in kinds and one.target.level == "experiment"
        ]
        for experiment in dict.fromkeys(one.target.experiment for one in of_channels):
            self.events.channels.emit(experiment)
        self.events.decisions.emit(decisions)
        if shown:
            self.events.intent.emit(self._intent)
        return decisions

    def _refresh(self) -> bool:
        """Put all decisions into effect; True if a slot shows another channel by that."""
        before = self.data.experiments
        self.data.apply(apply_decisions(self.decisions, self.data.table_hash))
        self._state = None
        return before != self.data.experiments

    def _let_go(self) -> bool:
        """Show no longer what is gone, or the lineage that it is part of now."""
        intent = still_there(self._intent, self.data)
        changed = intent != self._intent
        self._intent = intent
        return changed

    def _import(self, config: TripletConfig) -> None:
        said = [one.decision for one in self.log.history()]
        known = [import_key(one) for one in said if one.value.get("from") == "config"]
        new, problems = imported_decisions(config, known)
        self.checks.config_problems += problems
        if not new:
            return
        if self.log.read_only:
            self._virtual = [
                Decision(
                    kind=one.kind,
                    target=one.target,
                    value=one.value,
                    reason=one.reason,
                    table_hash="",
                    number=-1 - k,
                    group=-1,
                    by="",
                    at="",
                    state="active",
                )
                for k, one in enumerate(new)
            ]
        else:
            self.log.record(*new)
