"""One open config under review: what a person wants to see, and what they decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from psygnal import Signal, SignalGroup

from lineage_triplets.engine.config import DatasetConfig, TripletConfig
from lineage_triplets.engine.configfile import read_config
from lineage_triplets.engine.problems import ConfigError, Problem, nearest
from lineage_triplets.qc.applied import Applied, apply_decisions
from lineage_triplets.qc.board import FindingsBoard, ReviewedFinding
from lineage_triplets.qc.decisions import Decision, DecisionLog, NewDecision
from lineage_triplets.qc.imported import import_key, imported_decisions
from lineage_triplets.qc.lineage_table import lineage_table
from lineage_triplets.qc.mapping import Approval, approval_of, approval_value, remapped
from lineage_triplets.qc.state import Intent, ReviewState, resolve
from lineage_triplets.qc.strip import Strip, strip_of
from lineage_triplets.qc.target_check import (
    cut_off_by,
    find_target,
    require_target,
    require_verdict_target,
)
from lineage_triplets.qc.targets import Target
from lineage_triplets.qc.tau_table import TauTable, tau_table
from lineage_triplets.qc.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    import pandas as pd

    from lineage_triplets.qc.decisions import HistoryEntry
    from lineage_triplets.qc.pair_list import PairList

How = Literal["painted", "attested"]
Verdict = Literal["accept", "reject", "undecided"]
_SETTINGS_NOTE = "dataset settings"


class ReviewEvents(SignalGroup):
    """What changed; views read it from the review again.

    Attributes
    ----------
    intent
        Gets the new `Intent`.
    decisions
        Gets the decisions that were made, undone or redone.
    channels
        Gets the experiment whose slots show other channels now.
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


class Review:
    """A config, its data, and the decisions about it. `open` makes one.

    Attributes
    ----------
    config_path : Path
    workspace : Workspace
        The data, as on disk, linked, and as training reads them.
    log : DecisionLog
    board : FindingsBoard
    events : ReviewEvents
    """

    def __init__(
        self,
        config_path: Path,
        config: TripletConfig,
        problems: Sequence[Problem],
        log: DecisionLog,
    ) -> None:
        self.config_path = config_path
        self.workspace = Workspace(config)
        self.log = log
        self.board = FindingsBoard(self.workspace, log)
        self.events = ReviewEvents()
        self._virtual: list[Decision] = []
        self._state: ReviewState | None = None
        self._intent = Intent(
            seed=config.dataset.seed or 0, dataset=self._kept_settings(config.dataset)
        )
        self.board.config_problems = list(problems)
        self._import(config)
        self._refresh()
        self.workspace.choose(self._intent.dataset)

    @classmethod
    def open(
        cls,
        config: str | Path,
        *,
        by: str | None = None,
        decisions: str | Path | None = None,
        read_only: bool = False,
        take_over: bool = False,
        path_map: Mapping[str, str] | None = None,
    ) -> Review:
        """Open a config for review, with the decisions made about it before.

        Parameters
        ----------
        config : str or Path
            A config, a list of experiments, or a ``collection.yml``.
        by : str, optional
            Who decides; the login name by default.
        decisions : str or Path, optional
            The file of decisions; ``{config}.review.db`` beside the config by default.
        read_only : bool
            Whether nothing will be decided.
        take_over : bool
            Whether a stale lease of another reviewer is taken over.
        path_map : dict, optional
            Leading folders to replace, ``{old: new}``.

        Raises
        ------
        ConfigError
            The config cannot be read.
        DecisionsError
            The decisions cannot be kept, or are of another config or a newer program.
        ReviewInUseError
            Somebody else reviews this config.
        """
        path = Path(config)
        loaded, problems = read_config(path, path_map)
        if loaded is None:
            raise ConfigError(*problems)
        log = DecisionLog.open(
            decisions_path(path) if decisions is None else Path(decisions),
            experiments=[one.name for one in loaded.experiments],
            by=by or "",
            read_only=read_only,
            take_over=take_over,
        )
        try:
            return cls(path, loaded, problems, log)
        except BaseException:
            log.close()
            raise

    def close(self) -> None:
        """Let others review this config."""
        self.log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # What is shown.

    @property
    def intent(self) -> Intent:
        """What a person wants to see."""
        return self._intent

    def choose(self, **changes: Any) -> ReviewState:
        """Change what is shown.

        Parameters
        ----------
        **changes
            Fields of `Intent`, and of `DatasetConfig`: these are exported. Choosing an experiment
            or FOV lets go of a lineage, and choosing an experiment of a FOV.

        Returns
        -------
        ReviewState

        Raises
        ------
        ConfigError, UnknownNameError
            There is no such choice; nothing changed.
        """
        before = self._intent
        wanted = before.changed(changes)
        try:
            self._state = resolve(wanted, self.workspace)
        except BaseException:
            self.workspace.choose(before.dataset)
            raise
        self._intent = wanted
        if wanted.dataset != before.dataset:
            self.board.settings_changed()
            if not self.log.read_only:
                self._keep_settings(wanted.dataset)
        if wanted != before:
            self.events.intent.emit(wanted)
        return self._state

    @property
    def state(self) -> ReviewState:
        """What is to be shown, given the data and all decisions."""
        if self._state is None:
            self._state = resolve(self._intent, self.workspace)
        return self._state

    def pairs(
        self,
        lineage: str = "",
        n: int = 12,
        *,
        experiment: str = "",
        fov: str = "",
        across_divisions: bool = False,
        seed: int | None = None,
        epoch: int = 0,
    ) -> PairList:
        """Give pairs as training draws them with this seed and epoch.

        Parameters
        ----------
        lineage, experiment, fov : str
            Narrow them; all by default.
        n : int
            At most so many of each experiment.
        across_divisions : bool
            Only pairs with a division between anchor and positive.
        seed : int, optional
            The intent's by default.
        epoch : int
        """
        return resolve(
            Intent(
                experiment=experiment,
                fov=fov,
                lineage=lineage,
                across_divisions=across_divisions,
                n_pairs=n,
                seed=self._intent.seed if seed is None else seed,
                epoch=epoch,
                dataset=self._intent.dataset,
            ),
            self.workspace,
        ).pairs

    def strip(self, pairs: PairList, number: int) -> Strip:
        """Follow one of some pairs through every frame, with the sisters at divisions."""
        return strip_of(self.workspace, pairs, number)

    def tau_distribution(self) -> TauTable:
        """Tell what will be drawn, what the anchors allow, and the share of every relation."""
        return tau_table(self.workspace.training, self.workspace.settings, self._intent.seed)

    def lineages(self) -> pd.DataFrame:
        """List all lineages, as `lineage_table.lineage_table`."""
        return lineage_table(self.workspace)

    # What was found.

    def check(self, *, channels: bool = True, pixels: bool = False) -> list[ReviewedFinding]:
        """Run checks that were not run yet, and give everything found so far, worst first.

        Parameters
        ----------
        channels : bool
            Whether to look at what is in each slot: reads some patches of each experiment.
        pixels : bool
            Whether to scan all images; ``board.check_pixels`` does it with progress.
        """
        self.board.check_settings()
        self.board.check_tables()
        if channels:
            self.board.check_channels()
        if pixels:
            self.board.check_pixels()
        self.events.findings.emit()
        return self.findings()

    def findings(self) -> list[ReviewedFinding]:
        """Everything found so far with what became of it, worst first."""
        return self.board.reviewed(self.applied)

    # What is decided.

    @property
    def applied(self) -> Applied:
        """The decisions in effect."""
        return self.workspace.applied

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All active decisions in order, stale ones too."""
        return (*self._virtual, *self.log.active)

    def history(self) -> list[HistoryEntry]:
        """Everything that was ever decided, undone and redone."""
        return self.log.history()

    def target(self, level: Literal["lineage", "track"], name: str) -> Target:
        """Find a lineage or track by its ``lineage_id`` or ``global_track_id``.

        Raises
        ------
        ConfigError
            There is none.
        """
        return find_target(self.workspace, level, name)

    def accept(self, target: Target, reason: str = "") -> Decision:
        """Say that something is good."""
        return self.decide("accept", [target], reason)[0]

    def reject(self, target: Target, reason: str) -> Decision:
        """Leave something out of training, with a reason."""
        return self.decide("reject", [target], reason)[0]

    def undecide(self, target: Target, reason: str = "") -> Decision:
        """Take an accept or reject back; the history keeps it."""
        return self.decide("undecided", [target], reason)[0]

    def decide(
        self, verdict: Verdict, targets: Sequence[Target], reason: str = ""
    ) -> tuple[Decision, ...]:
        """Accept, reject or undecide several things in one step, undone in one step.

        Parameters
        ----------
        verdict : {"accept", "reject", "undecided"}
        targets : sequence of Target
            Wells, FOVs, frames, lineages, tracks, observations.
        reason : str
            Needed to reject.

        Raises
        ------
        ConfigError, UnknownNameError
            One is not there, or no reason is given; nothing is recorded.
        TableChangedError
            A table changed since the review read it.
        """
        if verdict == "reject":
            reason = _given(reason, "reject")
        for target in targets:
            require_verdict_target(self.workspace, target)
        return self._record(*(self._new(verdict, one, reason) for one in targets))

    def cut(self, target: Target, reason: str) -> Decision:
        """Cut a wrong link; what a rejected lineage or track loses by it stays rejected.

        Raises
        ------
        ConfigError
            There is no such link, or no reason is given.
        """
        require_target(self.workspace, target)
        reason = _given(reason, "cut")
        also = [
            self._new("reject", one, f"cut off from what was rejected: {before.reason}")
            for one, before in cut_off_by(self.workspace, target)
        ]
        return self._record(self._new("cut", target, reason), *also)[0]

    def waive(self, key: str, reason: str) -> Decision:
        """Say that a finding is no fault, with a reason.

        Raises
        ------
        ConfigError
            No such finding, or training could not load the data with it.
        """
        reason = _given(reason, "waive")
        found = {one.finding.key: one for one in self.findings()}
        if key not in found:
            raise ConfigError(
                Problem(
                    "unknown-finding",
                    f"the checks run so far found no {key!r}.",
                    nearest(key, list(found)) if found else "Run the checks first.",
                )
            )
        if not found[key].can_be_waived:
            raise ConfigError(
                Problem(
                    "not-waivable",
                    f"{found[key].finding.sentence} Training could not load this.",
                    f"Mend it, or leave it out. {found[key].finding.remedy}",
                )
            )
        finding = found[key].finding
        place = {"experiment": finding.experiment, "fov": finding.fov}
        table_hash = self._table_hash(finding.experiment, finding.fov) if finding.tracks else ""
        new = NewDecision("waive", Target("finding", key=key), place, reason, table_hash)
        return self._record(new)[0]

    def unwaive(self, key: str, reason: str = "") -> Decision:
        """Open a waived finding again."""
        return self._record(NewDecision("unwaive", Target("finding", key=key), {}, reason))[0]

    def remap(self, experiment: str, slots: Mapping[int | str, str], reason: str = "") -> Decision:
        """Choose other channels for some slots of an experiment, at once and everywhere.

        Parameters
        ----------
        experiment : str
        slots : dict
            Slot number or label to the name of a channel in the store.
        reason : str

        Raises
        ------
        UnknownNameError, ConfigError
            No such experiment, slot or channel; a channel in two slots.
        """
        require_target(self.workspace, Target("experiment", experiment))
        config = next(one for one in self.workspace.experiments if one.name == experiment)
        value = remapped(config, self.slot_labels, slots)
        return self._record(NewDecision("remap", Target("experiment", experiment), value, reason))[
            0
        ]

    @property
    def slot_labels(self) -> list[str]:
        """Names of the slots."""
        return list(self.workspace.registry.slot_labels)

    def approve(self, experiment: str, reason: str = "") -> Decision:
        """Approve the channels that an experiment's slots have now, for the images as they are."""
        value = approval_value(self.workspace, experiment)
        return self._record(
            NewDecision("approve", Target("experiment", experiment), value, reason)
        )[0]

    def disapprove(self, experiment: str, reason: str = "") -> Decision:
        """Take an approval back."""
        self.workspace.registry.get_experiment(experiment)
        return self._record(
            NewDecision("disapprove", Target("experiment", experiment), {}, reason)
        )[0]

    def approval(self, experiment: str) -> Approval:
        """Say whether an experiment's channels are approved, or why not."""
        return approval_of(self.workspace, experiment)

    def saw(
        self, experiment: str, n_pairs: int, *, how: How = "attested", reason: str = ""
    ) -> Decision:
        """Record that pairs across a division of an experiment were looked at.

        Parameters
        ----------
        experiment : str
        n_pairs : int
        how : {"painted", "attested"}
            On screen, or as somebody says.
        reason : str
        """
        opened = self.workspace.registry.get_opened(experiment)
        settings = self.workspace.settings
        value = {
            "n_pairs": n_pairs,
            "how": how,
            "tau_range_hours": list(settings.tau_range_hours),
            "positive_relation": settings.positive_relation,
            "source_channel": list(opened.config.source_channel),
            "seed": self._intent.seed,
        }
        return self._record(NewDecision("seen", Target("experiment", experiment), value, reason))[0]

    def confirm(self, decision: Decision) -> Decision:
        """Put a stale decision in effect again, for its table as it is now."""
        place = decision.target if decision.target.experiment else None
        experiment = place.experiment if place else str(decision.value.get("experiment", ""))
        fov = place.fov if place else str(decision.value.get("fov", ""))
        value = {
            "decision": decision.number,
            "table_hash": self._table_hash(experiment, fov),
        }
        return self._record(NewDecision("confirm", decision.target, value))[0]

    def undo(self) -> tuple[Decision, ...]:
        """Undo the last decision; gives what was undone, nothing if there is nothing."""
        return self._after(self.log.undo())

    def redo(self) -> tuple[Decision, ...]:
        """Decide again what was undone last."""
        return self._after(self.log.redo())

    def reload(self) -> None:
        """Read stores and tables anew; decisions about tables that changed become stale."""
        self.workspace.reload()
        self.board.data_changed()
        self._refresh()
        self.events.data.emit()

    # Inside.

    def _new(self, kind: Any, target: Target, reason: str) -> NewDecision:
        table_hash = self._table_hash(target.experiment, target.fov) if target.of_table else ""
        return NewDecision(kind, target, {}, reason, table_hash)

    def _table_hash(self, experiment: str, fov: str) -> str:
        table = self.workspace.table_of(experiment, fov) if fov else None
        if table is None:
            return ""
        self.workspace.tables.require_unchanged([table])
        return self.workspace.tables.hash_of(table)

    def _record(self, *new: NewDecision) -> tuple[Decision, ...]:
        return self._after(self.log.record(*new))

    def _after(self, decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
        if not decisions:
            return decisions
        self._refresh()
        for experiment in dict.fromkeys(
            one.target.experiment for one in decisions if one.kind in {"remap", "approve"}
        ):
            self.board.channels_changed()
            self.events.channels.emit(experiment)
        self.board.settings_changed()
        self.events.decisions.emit(decisions)
        return decisions

    def _refresh(self) -> None:
        self.workspace.apply(apply_decisions(self.decisions, self.workspace.table_hash))
        self._state = None

    def _import(self, config: TripletConfig) -> None:
        said = [one.decision for one in self.log.history()]
        known = [import_key(one) for one in said if one.value.get("from") == "config"]
        new, problems = imported_decisions(config, known)
        self.board.config_problems += problems
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

    def _kept_settings(self, of_config: DatasetConfig) -> DatasetConfig:
        """Settings chosen in an earlier sitting, unless the config says others since."""
        note = self.log.note(_SETTINGS_NOTE)
        if not note or note["config"] != json.loads(of_config.model_dump_json()):
            return of_config
        return DatasetConfig.model_validate(note["chosen"])

    def _keep_settings(self, chosen: DatasetConfig) -> None:
        of_config = json.loads(self.workspace.base.dataset.model_dump_json())
        note = {"config": of_config, "chosen": json.loads(chosen.model_dump_json())}
        self.log.set_note(_SETTINGS_NOTE, note)


def decisions_path(config: Path) -> Path:
    """Where the decisions about a config are kept, unless another place is named."""
    return config.with_name(f"{config.name}.review.db")


def _given(reason: str, verb: str) -> str:
    if not reason.strip():
        raise ConfigError(
            Problem("no-reason", f"no reason is given to {verb}.", "Say why, in a few words.")
        )
    return reason.strip()
