"""What was decided about a config: made, undone, confirmed; what of it holds, and what is told."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from psygnal import Signal, SignalGroup

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.engine.settings.model import DatasetConfig
from lineage_triplets.engine.settings.paths import decisions_path
from lineage_triplets.qc.record.decision import Decision, NewDecision
from lineage_triplets.qc.record.effect import Effect, import_key, imported_decisions
from lineage_triplets.qc.record.frames import of_other_frames
from lineage_triplets.qc.record.log import DecisionLog
from lineage_triplets.qc.record.standing import apply_decisions, apply_more

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.qc.record.decision import HistoryEntry
    from lineage_triplets.qc.record.effect import Place

_SETTINGS_NOTE = "dataset settings"


class _Held(NamedTuple):
    """What was in effect after so many events."""

    n_events: int
    data_version: int
    effect: Effect


class Record:
    """The decisions about one config; it needs none of the config's data.

    Parameters
    ----------
    log : DecisionLog
    config : TripletConfig
        Its ``exclude``, ``cut`` and ``link`` become decisions, but for those that were before.
        Where nothing can be recorded they hold all the same.

    Attributes
    ----------
    log : DecisionLog
        What is on disk.
    problems : tuple of Problem
        Exclusions, cuts and links that name no experiment of the config.
    """

    def __init__(self, log: DecisionLog, config: TripletConfig) -> None:
        self.log = log
        self._of_config = config.dataset
        self._first_frames = {
            experiment.name: experiment.track_transform.first_frame
            for experiment in config.experiments
            if experiment.track_transform is not None
        }
        self._unrecorded: tuple[Decision, ...] = ()
        self._held: _Held | None = None
        before = [entry.decision for entry in log.history()]
        known = [import_key(made) for made in before if made.value.get("from") == "config"]
        new, problems = imported_decisions(config, known)
        self.problems = tuple(problems)
        if log.read_only:
            self._unrecorded = tuple(
                Decision(
                    said.kind, said.target, said.value, said.reason,
                    number=-1 - k, group=-1, by="", at="",
                )
                for k, said in enumerate(new)
            )  # fmt: skip
        elif new:
            log.record(*new)

    @classmethod
    def open(
        cls,
        config_path: Path,
        config: TripletConfig,
        *,
        by: str | None = None,
        decisions: str | Path | None = None,
        read_only: bool = False,
        take_over: bool = False,
    ) -> Record:
        """Open or create the file of decisions about a config.

        Parameters
        ----------
        config_path : Path
        config : TripletConfig
        by : str, optional
            Who decides; the login name by default.
        decisions : str or Path, optional
            The file; ``{config_path}.review.db`` by default.
        read_only, take_over : bool
            As of `DecisionLog.open`, with its errors.
        """
        log = DecisionLog.open(
            decisions_path(config_path) if decisions is None else Path(decisions),
            experiments=[experiment.name for experiment in config.experiments],
            by=by or "",
            read_only=read_only,
            take_over=take_over,
        )
        try:
            return cls(log, config)
        except BaseException:
            log.close()
            raise

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All active decisions in order, stale ones too; not those that were withdrawn."""
        active = self.log.active
        withdrawn = {made.value["decision"] for made in active if made.kind == "withdraw"}
        return (*self._unrecorded, *(made for made in active if made.number not in withdrawn))

    def effect(
        self,
        hashes_of: Callable[[Iterable[Place]], Mapping[Place, str]],
        data_version: int,
        without: Collection[Decision] = (),
    ) -> Effect:
        """Say which decisions hold, or would without some.

        Parameters
        ----------
        hashes_of : callable
            Hashes of the tables of experiments and FOVs as they are now.
        data_version : int
            Another one where they may be other hashes.
        without : collection of Decision
        """
        if without:
            return self._effect_of_all(hashes_of, without)
        ledger, before = self.log.ledger, self._held
        effect = None
        if before is not None and before.data_version == data_version:
            new = ledger.decided_since(before.n_events)
            if new is not None:
                effect = apply_more(before.effect, new, hashes_of(_places_of(new)))
        if effect is None:
            effect = self._effect_of_all(hashes_of)
        self._held = _Held(len(ledger.events), data_version, effect)
        return effect

    def _effect_of_all(
        self,
        hashes_of: Callable[[Iterable[Place]], Mapping[Place, str]],
        without: Collection[Decision] = (),
    ) -> Effect:
        other_frames = of_other_frames((*self._unrecorded, *self.log.active), self._first_frames)
        numbers = {made.number for made in without}
        decisions = self.decisions
        left = [made for made in decisions if made.number not in numbers]
        return apply_decisions(left, hashes_of(_places_of(decisions)), other_frames)

    def history(self) -> list[HistoryEntry]:
        """Everything that was ever decided, undone and redone."""
        return self.log.history()

    def add(self, *new: NewDecision) -> tuple[Decision, ...]:
        """Record decisions as one step of undo; raises as `DecisionLog.record`."""
        return self.log.record(*new)

    def undo(self) -> tuple[Decision, ...]:
        """Undo the last decision; gives what was undone, nothing if there is nothing.

        That pairs were on screen is no decision, and stays recorded.
        """
        return self.log.undo()

    def redo(self) -> tuple[Decision, ...]:
        """Decide again what was undone last."""
        return self.log.redo()

    def confirm(
        self, decisions: Sequence[Decision], table_hashes: Mapping[Place, str]
    ) -> tuple[Decision, ...]:
        """Put stale decisions in effect again, for tables of these hashes, in one step."""
        return self.add(
            *(
                NewDecision(
                    "confirm",
                    made.target,
                    {"decision": made.number, "table_hash": table_hashes[made.place]},
                )
                for made in decisions
            )
        )

    def withdraw(
        self, decisions: Sequence[Decision], reason: str = "", also: Sequence[NewDecision] = ()
    ) -> tuple[Decision, ...]:
        """Take decisions back, whenever they were made, as if they never had been, in one step.

        `also` is decided with it.

        Raises
        ------
        ConfigError
            One is not recorded, or was undone or withdrawn before; nothing is recorded.
        """
        there = {made.number for made in self.decisions if made.kind != "withdraw"}
        for made in decisions:
            if made.number not in there or made.number < 1:
                raise ConfigError(
                    Problem(
                        "unknown-decision",
                        f"there is no decision {made.number} to take back.",
                        "`history` lists what was decided, undone and withdrawn.",
                    )
                )
        return self.add(
            *(
                NewDecision("withdraw", made.target, {"decision": made.number}, reason)
                for made in decisions
            ),
            *also,
        )

    @property
    def settings(self) -> DatasetConfig:
        """The dataset's settings chosen last, unless the config says others since."""
        note = self.log.note(_SETTINGS_NOTE)
        if not note or note["config"] != _as_json(self._of_config):
            return self._of_config
        return DatasetConfig.model_validate(note["chosen"])

    def keep_settings(self, chosen: DatasetConfig) -> None:
        """Keep settings for the next sitting; nothing is kept of a review that is read-only."""
        if not self.log.read_only:
            note = {"config": _as_json(self._of_config), "chosen": _as_json(chosen)}
            self.log.set_note(_SETTINGS_NOTE, note)

    def snapshot(self) -> Record:
        """Give what is recorded now, for another thread to read; nothing can be recorded there."""
        twin = copy.copy(self)
        twin.log = self.log.snapshot()
        return twin


def _places_of(decisions: Iterable[Decision]) -> set[Place]:
    """Experiments and FOVs whose tables some decisions were made about."""
    return {made.place for made in decisions if made.table_hash}


def _as_json(settings: DatasetConfig) -> object:
    return json.loads(settings.model_dump_json())


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
        Stores and tables were read anew, or tables are elsewhere in their images.
    """

    intent = Signal(object)
    decisions = Signal(object)
    channels = Signal(str)
    findings = Signal()
    data = Signal()

    def tell(self, decisions: Sequence[Decision]) -> None:
        """Tell of decisions that were made, undone or redone, and whose channels they concern."""
        kinds = {"remap", "approve", "disapprove", "withdraw"}
        of_channels = [
            made for made in decisions if made.kind in kinds and made.target.level == "experiment"
        ]
        for experiment in dict.fromkeys(made.target.experiment for made in of_channels):
            self.channels.emit(experiment)
        self.decisions.emit(decisions)
