"""One open config under review: what a person wants to see, and what they decide."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lineage_triplets.engine.errors import ConfigError, LineageTripletsError
from lineage_triplets.engine.settings.file import read_config, with_lines
from lineage_triplets.qc.decide.channels import Approval, approval_of, approval_value, remapped
from lineage_triplets.qc.decide.seen import How, seen_value
from lineage_triplets.qc.decide.settled import (
    ReviewedFinding,
    reviewed_findings,
    settlement,
    waiver,
)
from lineage_triplets.qc.decide.targets import Verdict, cuts, find_target, verdicts
from lineage_triplets.qc.find.run import Checks
from lineage_triplets.qc.look.strip import Strip, strip_of
from lineage_triplets.qc.look.tables import TauTable, lineage_table, tau_table
from lineage_triplets.qc.look.view import Intent, ReviewState, View, resolve, still_there
from lineage_triplets.qc.open.data import ReviewData
from lineage_triplets.qc.record import NewDecision
from lineage_triplets.qc.record.decision import Target
from lineage_triplets.qc.record.record import Record, ReviewEvents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Literal

    import pandas as pd

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.qc.find.pixels.frame_scan import PixelScan
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.record import Decision, DecisionKind, DecisionLog, HistoryEntry
    from lineage_triplets.qc.record.effect import Effect


class Review:
    """A config, its data, and the decisions about it. `open` makes one.

    Attributes
    ----------
    config_path : Path
    record : Record
        What was decided.
    checks : Checks
    events : ReviewEvents
    """

    def __init__(
        self, config_path: Path, config: TripletConfig, problems: Sequence[Problem], record: Record
    ) -> None:
        self.config_path = config_path
        self.record = record
        data = ReviewData(config)
        intent = Intent(seed=config.dataset.seed or 0, dataset=record.settings)
        self._view = self._taken_of = View(intent, data)
        self.checks = Checks(data, record.log)
        self.checks.config_problems = (*problems, *record.problems)
        self.events = ReviewEvents()

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
        cls, config: str | Path, read: tuple[TripletConfig | None, list[Problem]], **options: Any
    ) -> Review:
        """Open a config that was read; no decision is in effect, and no data were looked at.

        `prepare` of a snapshot does the rest in another thread, `adopt` takes it over; together
        they are `open`. What was read is what `read_config` gave, options are of `Record.open`.
        """
        path, (loaded, problems) = Path(config), read
        if loaded is None:
            raise ConfigError(*problems)
        record = Record.open(path, loaded, **options)
        try:
            return cls(path, loaded, problems, record)
        except BaseException:
            record.log.close()
            raise

    def take_effect(self) -> None:
        """Put settings and all decisions into effect."""
        self._refresh(self.data.with_settings(self.intent.dataset))

    def prepare(self, go_on: Callable[[], None] | None = None) -> None:
        """Put all decisions into effect, and make what is shown first.

        `go_on` is called before each table that is read, in any thread; what it raises ends this.
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

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def data(self) -> ReviewData:
        """The data as they are now: on disk, linked, and as training reads them."""
        return self._view.data

    @property
    def intent(self) -> Intent:
        """What a person wants to see."""
        return self._view.intent

    @property
    def state(self) -> ReviewState:
        """What is to be shown, given the data and all decisions."""
        return self._view.state

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
    def slot_labels(self) -> list[str]:
        """Names of the slots."""
        return self.data.slot_labels

    def load_problems(self) -> list[Problem]:
        """All that is wrong with the config and with loading its data, with file and line."""
        problems = [*self.checks.config_problems, *self.data.load_problems()]
        return with_lines(list(dict.fromkeys(problems)), self.config_path)

    def choose(self, **changes: Any) -> ReviewState:
        """Change what is shown.

        Parameters
        ----------
        **changes
            Fields of `Intent`, and of `DatasetConfig`: these are exported. Choosing an experiment
            or FOV lets go of a lineage, and choosing an experiment of a FOV.

        Raises
        ------
        ConfigError, UnknownNameError
            There is no such choice; nothing changed.
        """
        intent, data = self.intent.changed(changes), self.data
        if intent.dataset != self.intent.dataset:
            # Other FOVs may be read now, with tables that decisions were not compared with yet.
            data = self._in_effect(data.with_settings(intent.dataset))
        view = View(intent, data)
        state = view.state
        self._show(view)
        return state

    def pairs(self, lineage: str = "", n: int = 12, **narrowed: Any) -> PairList:
        """Give pairs as training draws them, whatever is on screen.

        Parameters
        ----------
        lineage : str
            Only its pairs; all by default.
        n : int
            At most so many of each experiment.
        **narrowed
            Other fields of `Intent`: ``experiment, fov, across_divisions, seed, epoch``.
        """
        intent = Intent(seed=self.intent.seed, dataset=self.intent.dataset)
        wanted = intent.changed({"lineage": lineage, "n_pairs": n, **narrowed})
        return resolve(wanted, self.data).pairs

    def strip(self, pairs: PairList, number: int) -> Strip:
        """Follow one of some pairs through every frame, with the sisters at divisions."""
        return strip_of(self.data, pairs, number)

    def tau_distribution(self) -> TauTable:
        """Tell what will be drawn, what the anchors allow, and the share of every relation."""
        return tau_table(self.data.training, self.data.settings, self.intent.seed)

    def lineages(self) -> pd.DataFrame:
        """List all lineages, as `lineage_table.lineage_table`."""
        return lineage_table(self.data)

    def target(self, level: Literal["lineage", "track"], name: str) -> Target:
        """Find a lineage or track by its id, as `targets.find_target`."""
        return find_target(self.data, level, name)

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
        self.checks.run(channels=channels, pixels=pixels)
        self.events.findings.emit()
        return self.findings()

    def findings(self) -> list[ReviewedFinding]:
        """Everything found so far with what became of it, worst first."""
        return reviewed_findings(self.checks, self.effect, self.data)

    def approval(self, experiment: str) -> Approval:
        """Say whether an experiment's channels are approved, or why not."""
        return approval_of(self.data, experiment)

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
        """Accept, reject or undecide several things in one step, as `targets.verdicts`."""
        return self._add(*verdicts(self.data, verdict, targets, reason))

    def cut(self, target: Target, reason: str) -> Decision:
        """Cut a wrong link; what a rejected lineage or track loses by it stays rejected."""
        return self._add(*cuts(self.data, target, reason))[0]

    def settle(self, targets: Sequence[Target], reason: str) -> tuple[Decision, ...]:
        """Cut the links and reject the rest of what settles a finding, in one step."""
        return self._add(*settlement(self.data, targets, reason))

    def waive(self, key: str, reason: str) -> Decision:
        """Say that a finding is no fault, with a reason, as `settled.waiver`."""
        return self._add(waiver(self.data, self.findings(), key, reason))[0]

    def unwaive(self, key: str, reason: str = "") -> Decision:
        """Open a waived finding again."""
        return self._add(NewDecision("unwaive", Target("finding", key=key), {}, reason))[0]

    def remap(self, experiment: str, slots: Mapping[int | str, str], reason: str = "") -> Decision:
        """Choose other channels for some slots, by number or label, as `channels.remapped`."""
        return self._add_of(experiment, "remap", remapped(self.data, experiment, slots), reason)

    def approve(self, experiment: str, reason: str = "", *, images: str = "") -> Decision:
        """Approve the channels in an experiment's slots, for the images as they are now.

        `images` is their ``images_hash``; raises as `channels.approval_value`, which reads it.
        """
        value = approval_value(self.data, experiment, images)
        return self._add_of(experiment, "approve", value, reason)

    def disapprove(self, experiment: str, reason: str = "") -> Decision:
        """Take an approval back."""
        self.data.registry.get_experiment(experiment)
        return self._add_of(experiment, "disapprove", {}, reason)

    def saw(
        self, experiment: str, n_pairs: int, *, how: How = "attested", reason: str = ""
    ) -> Decision:
        """Record that pairs across a division were looked at, as `seen.seen_value`."""
        value = seen_value(self.data, experiment, n_pairs, how, self.intent.seed)
        return self._add_of(experiment, "seen", value, reason)

    def history(self) -> list[HistoryEntry]:
        """Everything that was ever decided, undone and redone."""
        return self.record.history()

    def confirm(self, *decisions: Decision) -> tuple[Decision, ...]:
        """Put stale decisions in effect again, for tables that are still what was read."""
        hashes = {made.place: self.data.table_hash(*made.place) for made in decisions}
        return self._follow(self.record.confirm(decisions, hashes))

    def withdraw(self, *decisions: Decision, reason: str = "") -> tuple[Decision, ...]:
        """Take decisions back, whenever they were made, as `Record.withdraw`."""
        return self._follow(self.record.withdraw(decisions, reason))

    def undo(self) -> tuple[Decision, ...]:
        """Undo the last decision, as `Record.undo`."""
        return self._follow(self.record.undo())

    def redo(self) -> tuple[Decision, ...]:
        """Decide again what was undone last."""
        return self._follow(self.record.redo())

    def reload(self) -> None:
        """Read stores and tables anew; decisions about tables that changed become stale."""
        self._take(View(self.intent, self.data.read_anew()))
        self._refresh(self.data)
        shown = self._let_go()
        self.events.data.emit()
        if shown:
            self.events.intent.emit(self.intent)

    def snapshot(self) -> Review:
        """Give the review as it is now, for one other thread to read, check, plan and export.

        Later choices and decisions do not reach it, and nothing can be decided in it.
        """
        twin: Review = copy.copy(self)
        twin._taken_of = self._view
        twin.record = self.record.snapshot()
        twin.checks = self.checks.snapshot(twin.log)
        twin.events = ReviewEvents()
        return twin

    def adopt(self, snapshot: Review) -> bool:
        """Go on as a snapshot in which something was prepared or chosen since it was taken.

        Gives False, and takes nothing over, if something was chosen or decided here meanwhile.
        """
        if self._view is not snapshot._taken_of:
            return False
        self._show(snapshot._view)
        return True

    def take_up(self, snapshot: Review) -> None:
        """Keep what was found in a snapshot, as far as it holds for the review as it is now."""
        if self.checks.take_up(snapshot.checks):
            self.events.findings.emit()

    def take_pixels(self, scan: PixelScan) -> None:
        """Keep what ``checks.scan_pixels`` of a snapshot found in the images of a FOV."""
        self.checks.take_pixels(scan)
        self.events.findings.emit()

    def _add(self, *new: NewDecision) -> tuple[Decision, ...]:
        return self._follow(self.record.add(*new)) if new else ()

    def _add_of(
        self, experiment: str, kind: DecisionKind, value: Mapping[str, Any], reason: str
    ) -> Decision:
        return self._add(NewDecision(kind, Target("experiment", experiment), value, reason))[0]

    def _follow(self, decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
        """Let what is recorded take effect, and tell of it."""
        if not decisions:
            return decisions
        self._refresh(self.data)
        shown = self._let_go()
        self.events.tell(decisions)
        if shown:
            self.events.intent.emit(self.intent)
        return decisions

    def _in_effect(self, data: ReviewData) -> ReviewData:
        return data.with_effect(self.record.effect(data.table_hashes(self.record.tables)))

    def _refresh(self, data: ReviewData) -> None:
        """Put all decisions into effect."""
        self._take(View(self.intent, self._in_effect(data)))

    def _let_go(self) -> bool:
        """Show no longer what is gone, or the lineage that it is part of now."""
        intent = still_there(self.intent, self.data)
        if intent == self.intent:
            return False
        self._take(View(intent, self.data))
        return True

    def _show(self, view: View) -> None:
        """Take a view that somebody chose, keep its settings, and tell of it."""
        before = self.intent
        if view.intent.dataset != before.dataset:
            self.record.keep_settings(view.intent.dataset)
        self._take(view)
        if view.intent != before:
            self.events.intent.emit(view.intent)

    def _take(self, view: View) -> None:
        self._view = view
        self.checks.follow(view.data)
