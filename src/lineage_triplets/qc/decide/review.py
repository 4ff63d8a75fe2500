"""One open config under review: what a person wants to see, and what they decide."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from psygnal import Signal, SignalGroup

from lineage_triplets.engine.errors import ConfigError, LineageTripletsError, Problem
from lineage_triplets.engine.settings.file import read_config, with_lines
from lineage_triplets.qc.decide.channels import Approval, approval_of, approval_value, remapped
from lineage_triplets.qc.decide.seen import How, seen_value
from lineage_triplets.qc.decide.settled import (
    ReviewedFinding,
    reviewed_findings,
    settlement,
    waiver,
)
from lineage_triplets.qc.decide.targets import (
    about,
    cut_of,
    find_target,
    reason_given,
    require_target,
    require_verdict_target,
)
from lineage_triplets.qc.find.run import Checks
from lineage_triplets.qc.look.lineage_table import lineage_table
from lineage_triplets.qc.look.strip import Strip, strip_of
from lineage_triplets.qc.look.tau_table import TauTable, tau_table
from lineage_triplets.qc.look.view import Intent, ReviewState, resolve, still_there
from lineage_triplets.qc.open.data import ReviewData
from lineage_triplets.qc.record import Decision, DecisionLog, NewDecision
from lineage_triplets.qc.record.decision import DecisionKind, HistoryEntry, Target
from lineage_triplets.qc.record.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    import pandas as pd

    from lineage_triplets.engine.settings.model import DatasetConfig, TripletConfig
    from lineage_triplets.qc.find.pixels.frame_scan import PixelScan
    from lineage_triplets.qc.look.pair_list import PairList
    from lineage_triplets.qc.record.effect import Effect


Verdict = Literal["accept", "reject", "undecided"]


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


class Review:
    """A config, its data, and the decisions about it. `open` makes one.

    Attributes
    ----------
    config_path : Path
    record : Record
        What was decided.
    data : ReviewData
        The data, as on disk, linked, and as training reads them.
    checks : Checks
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
        self.record = Record(log, config)
        self.data = ReviewData(config)
        self.checks = Checks(self.data, log)
        self.checks.config_problems = [*problems, *self.record.problems]
        self.events = ReviewEvents()
        self._intent = Intent(seed=config.dataset.seed or 0, dataset=self.record.settings)
        self._state: ReviewState | None = None
        self._taken_at = self._now

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
        read = read_config(config, path_map)
        review = cls.begin(
            config, read, by=by, decisions=decisions, read_only=read_only, take_over=take_over
        )
        try:
            review.take_effect()
        except BaseException:
            review.close()
            raise
        return review

    @classmethod
    def begin(
        cls,
        config: str | Path,
        read: tuple[TripletConfig | None, list[Problem]],
        *,
        by: str | None = None,
        decisions: str | Path | None = None,
        read_only: bool = False,
        take_over: bool = False,
    ) -> Review:
        """Open a config that was read; no decision is in effect, and no data were looked at.

        `prepare` of a snapshot does the rest in another thread, `adopt` takes it over; together
        they are `open`.

        Parameters
        ----------
        config : str or Path
        read : tuple
            What `read_config` gave.
        by, decisions, read_only, take_over
            As of `open`, with its errors.
        """
        path, (loaded, problems) = Path(config), read
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

    def load_problems(self) -> list[Problem]:
        """All that is wrong with the config and with loading its data, with file and line."""
        problems = [*self.checks.config_problems, *self.data.load_problems()]
        return with_lines(list(dict.fromkeys(problems)), self.config_path)

    def take_effect(self) -> None:
        """Put settings and all decisions into effect."""
        self._use(self._intent.dataset)

    def prepare(self, go_on: Callable[[], None] | None = None) -> None:
        """Put all decisions into effect, and make what is shown first.

        Parameters
        ----------
        go_on : callable, optional
            Called before each table that is read, in any thread; what it raises ends this.
        """
        tables = self.data.tables
        tables.go_on = go_on
        try:
            self.take_effect()
            with contextlib.suppress(LineageTripletsError):
                # Where nothing could be opened, whoever asks for the state hears why.
                _ = self.data.exclusions, self.data.linked, self.state
        finally:
            tables.go_on = None

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

    @property
    def log(self) -> DecisionLog:
        """The decisions on disk."""
        return self.record.log

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All active decisions in order, stale ones too; not those that were withdrawn."""
        return self.record.decisions

    @property
    def effect(self) -> Effect:
        """The decisions in effect."""
        return self.data.effect

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
        other_settings = wanted.dataset != before.dataset
        try:
            if other_settings:
                self._use(wanted.dataset)
            state = resolve(wanted, self.data)
            if other_settings:
                self.record.keep_settings(wanted.dataset)
        except BaseException:
            if other_settings:
                self._use(before.dataset)
            raise
        self._intent, self._state = wanted, state
        if other_settings:
            self.checks.settings_changed()
        if wanted != before:
            self.events.intent.emit(wanted)
        return state

    def _use(self, settings: DatasetConfig) -> None:
        self.data.choose(settings)
        # Other FOVs may be read now, with tables that decisions were not compared with yet.
        self._refresh()

    @property
    def state(self) -> ReviewState:
        """What is to be shown, given the data and all decisions."""
        if self._state is None:
            self._state = resolve(self._intent, self.data)
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
            self.data,
        ).pairs

    def strip(self, pairs: PairList, number: int) -> Strip:
        """Follow one of some pairs through every frame, with the sisters at divisions."""
        return strip_of(self.data, pairs, number)

    def tau_distribution(self) -> TauTable:
        """Tell what will be drawn, what the anchors allow, and the share of every relation."""
        return tau_table(self.data.training, self.data.settings, self._intent.seed)

    def lineages(self) -> pd.DataFrame:
        """List all lineages, as `lineage_table.lineage_table`."""
        return lineage_table(self.data)

    def check(self, *, channels: bool = True, pixels: bool = False) -> list[ReviewedFinding]:
        """Run checks that were not run yet, and give everything found so far, worst first.

        Parameters
        ----------
        channels : bool
            Whether to look at what is in each slot: reads some patches of each experiment.
        pixels : bool
            Whether to scan all images; ``checks.check_pixels`` does it with progress. What an
            earlier scan of them found counts either way.
        """
        self.checks.check_settings()
        self.checks.check_tables()
        if channels:
            self.checks.check_channels()
        if pixels:
            self.checks.check_pixels()
        else:
            self.checks.recall_pixels()
        self.events.findings.emit()
        return self.findings()

    def findings(self) -> list[ReviewedFinding]:
        """Everything found so far with what became of it, worst first."""
        return reviewed_findings(self.checks, self.effect, self.data)

    def target(self, level: Literal["lineage", "track"], name: str) -> Target:
        """Find a lineage or track by its ``lineage_id`` or ``global_track_id``.

        Raises
        ------
        ConfigError
            There is none.
        """
        return find_target(self.data, level, name)

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
            reason = reason_given(reason, "reject")
        for target in targets:
            require_verdict_target(self.data, target)
        return self._add(*(about(self.data, verdict, target, reason) for target in targets))

    def cut(self, target: Target, reason: str) -> Decision:
        """Cut a wrong link; what a rejected lineage or track loses by it stays rejected.

        Raises
        ------
        ConfigError
            There is no such link, or no reason is given.
        """
        require_target(self.data, target)
        return self._add(*cut_of(self.data, target, reason_given(reason, "cut")))[0]

    def settle(self, targets: Sequence[Target], reason: str) -> tuple[Decision, ...]:
        """Cut the links and reject the rest of what settles a finding, undone in one step.

        Parameters
        ----------
        targets : sequence of Target
            One alternative of ``Finding.settled_by``; what was decided already is left out.
        reason : str

        Raises
        ------
        ConfigError, UnknownNameError
            One is not there, or no reason is given; nothing is recorded.
        """
        new = settlement(self.data, targets, reason_given(reason, "settle a finding"))
        return self._add(*new) if new else ()

    def waive(self, key: str, reason: str) -> Decision:
        """Say that a finding is no fault, with a reason.

        Raises
        ------
        ConfigError
            No such finding, or training could not load the data with it.
        """
        reason = reason_given(reason, "waive")
        return self._add(waiver(self.data, self.findings(), key, reason))[0]

    def unwaive(self, key: str, reason: str = "") -> Decision:
        """Open a waived finding again."""
        return self._add(NewDecision("unwaive", Target("finding", key=key), {}, reason))[0]

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
        require_target(self.data, Target("experiment", experiment))
        config = next(of_it for of_it in self.data.experiments if of_it.name == experiment)
        value = remapped(config, self.slot_labels, slots)
        return self._add_of(experiment, "remap", value, reason)

    @property
    def slot_labels(self) -> list[str]:
        """Names of the slots."""
        return self.data.slot_labels

    def approve(self, experiment: str, reason: str = "", *, images: str = "") -> Decision:
        """Approve the channels that an experiment's slots have now, for the images as they are.

        Parameters
        ----------
        experiment : str
        reason : str
        images : str
            What `mapping.images_hash` gave just now; read here by default.

        Raises
        ------
        ConfigError, UnknownNameError, StoreError
            No such experiment could be opened, or its images cannot be read.
        """
        value = approval_value(self.data, experiment, images)
        return self._add_of(experiment, "approve", value, reason)

    def disapprove(self, experiment: str, reason: str = "") -> Decision:
        """Take an approval back."""
        self.data.registry.get_experiment(experiment)
        return self._add_of(experiment, "disapprove", {}, reason)

    def approval(self, experiment: str) -> Approval:
        """Say whether an experiment's channels are approved, or why not."""
        return approval_of(self.data, experiment)

    def saw(
        self, experiment: str, n_pairs: int, *, how: How = "attested", reason: str = ""
    ) -> Decision:
        """Record that pairs across a division of an experiment were looked at.

        Parameters
        ----------
        experiment : str
        n_pairs : int
        how : {"painted", "attested"}
            On screen, which no undo takes back; or as somebody says.
        reason : str

        Raises
        ------
        ConfigError, UnknownNameError
            No pair was seen; no such experiment could be opened.
        """
        value = seen_value(self.data, experiment, n_pairs, how, self._intent.seed)
        return self._add_of(experiment, "seen", value, reason)

    def history(self) -> list[HistoryEntry]:
        """Everything that was ever decided, undone and redone."""
        return self.record.history()

    def confirm(self, *decisions: Decision) -> tuple[Decision, ...]:
        """Put stale decisions in effect again, for their tables as they are now, in one step.

        Raises
        ------
        TableChangedError
            A table changed since the review read it.
        """
        hashes = {made.place: self.data.table_hash(*made.place) for made in decisions}
        return self._follow(self.record.confirm(decisions, hashes))

    def withdraw(self, *decisions: Decision, reason: str = "") -> tuple[Decision, ...]:
        """Take decisions back, whenever they were made; as `Record.withdraw`."""
        return self._follow(self.record.withdraw(decisions, reason))

    def undo(self) -> tuple[Decision, ...]:
        """Undo the last decision; as `Record.undo`."""
        return self._follow(self.record.undo())

    def redo(self) -> tuple[Decision, ...]:
        """Decide again what was undone last."""
        return self._follow(self.record.redo())

    def _add(self, *new: NewDecision) -> tuple[Decision, ...]:
        return self._follow(self.record.add(*new))

    def _add_of(
        self, experiment: str, kind: DecisionKind, value: Mapping[str, Any], reason: str
    ) -> Decision:
        return self._add(NewDecision(kind, Target("experiment", experiment), value, reason))[0]

    def _follow(self, decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
        """Let what is recorded take effect, and tell of it."""
        if not decisions:
            return decisions
        if self._refresh():
            self.checks.channels_changed()
        self.checks.settings_changed()
        shown = self._let_go()
        kinds = {"remap", "approve", "disapprove", "withdraw"}
        of_channels = [
            made for made in decisions if made.kind in kinds and made.target.level == "experiment"
        ]
        for experiment in dict.fromkeys(made.target.experiment for made in of_channels):
            self.events.channels.emit(experiment)
        self.events.decisions.emit(decisions)
        if shown:
            self.events.intent.emit(self._intent)
        return decisions

    def _refresh(self) -> bool:
        """Put all decisions into effect; True if a slot shows another channel by that."""
        before = self.data.experiments
        self.data.apply(self.record.effect(self.data.table_hashes(self.record.tables)))
        self._state = None
        return before != self.data.experiments

    def _let_go(self) -> bool:
        """Show no longer what is gone, or the lineage that it is part of now."""
        intent = still_there(self._intent, self.data)
        changed = intent != self._intent
        self._intent = intent
        return changed

    def snapshot(self) -> Review:
        """Give the review as it is now, for one other thread to read, check, plan and export.

        Later choices and decisions do not reach it, and nothing can be decided in it.
        """
        twin = copy.copy(self)
        twin.data = self.data.snapshot()
        twin.record = self.record.snapshot()
        twin.checks = self.checks.snapshot(twin.data, twin.log)
        twin.events = ReviewEvents()
        twin.__dict__.update(_taken_at=self._now)
        return twin

    def adopt(self, snapshot: Review) -> bool:
        """Go on as a snapshot in which something was prepared or chosen since it was taken.

        The snapshot is used up by that.

        Returns
        -------
        bool
            False if something was chosen or decided here meanwhile: nothing is taken over then.
        """
        if self._now != snapshot._taken_at:
            return False
        before, wanted = self._intent, snapshot.intent
        if wanted.dataset != before.dataset:
            self.record.keep_settings(wanted.dataset)
        self.data.become(snapshot.data)
        self._intent, self._state = wanted, snapshot._state
        if wanted.dataset != before.dataset:
            self.checks.settings_changed()
        if wanted != before:
            self.events.intent.emit(wanted)
        return True

    @property
    def _now(self) -> tuple[int, int, Intent]:
        return self.data.version, self.data.data_version, self._intent

    def take_up(self, snapshot: Review) -> None:
        """Keep what a snapshot found and made, as far as it holds for the review as it is now."""
        here, there = self.data, snapshot.data
        if here.data_version != there.data_version:
            return
        same = here.version == there.version
        if same:
            here.take_up(there)
        if self.checks.take_up(snapshot.checks, with_settings=same):
            self.events.findings.emit()

    def take_pixels(self, scan: PixelScan) -> None:
        """Keep what ``checks.scan_pixels`` of a snapshot found in the images of a FOV."""
        self.checks.take_pixels(scan)
        self.events.findings.emit()

    def reload(self) -> None:
        """Read stores and tables anew; decisions about tables that changed become stale."""
        self.data.reload()
        self.checks.data_changed()
        self._refresh()
        shown = self._let_go()
        self.events.data.emit()
        if shown:
            self.events.intent.emit(self._intent)


def decisions_path(config: Path) -> Path:
    """Where the decisions about a config are kept, unless another place is named."""
    return config.with_name(f"{config.name}.review.db")
