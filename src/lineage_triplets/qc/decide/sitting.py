"""A review that is open: its data under all decisions, and what follows when one is made."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lineage_triplets.engine.errors import ConfigError, LineageTripletsError
from lineage_triplets.engine.settings.file import read_config, with_lines
from lineage_triplets.qc.decide.links import withdrawn
from lineage_triplets.qc.find.run import Checks
from lineage_triplets.qc.look.view import Intent, ReviewState, View, still_there
from lineage_triplets.qc.open.data import ReviewData
from lineage_triplets.qc.record import NewDecision
from lineage_triplets.qc.record.decision import Target
from lineage_triplets.qc.record.record import Record, ReviewEvents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.qc.find.pixels.index_scan import PixelScan
    from lineage_triplets.qc.record import Decision, DecisionKind, DecisionLog, HistoryEntry
    from lineage_triplets.qc.record.effect import Effect


class Sitting:
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
    ) -> Self:
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
    ) -> Self:
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
    def has_state(self) -> bool:
        """Whether `state` need not be made first."""
        return "state" in vars(self._view)

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

    def history(self) -> list[HistoryEntry]:
        """Everything that was ever decided, undone and redone."""
        return self.record.history()

    def confirm(self, *decisions: Decision) -> tuple[Decision, ...]:
        """Put stale decisions in effect again, for tables that are still what was read."""
        hashes = {made.place: self.data.table_hash(*made.place) for made in decisions}
        return self._follow(self.record.confirm(decisions, hashes))

    def withdraw(self, *decisions: Decision, reason: str = "") -> tuple[Decision, ...]:
        """Take decisions back, whenever they were made, as `Record.withdraw`.

        What was rejected stays so if cuts and links are among them, as of `links.withdrawn`.
        """
        also: list[NewDecision] = []
        if any(made.kind in {"cut", "link", "unlink"} for made in decisions):
            data = self.data
            after = self.record.effect(data.table_hashes, data.data_version, without=decisions)
            also = withdrawn(self.data, after, decisions, reason)
        return self._follow(self.record.withdraw(decisions, reason, also))

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

    def snapshot(self) -> Self:
        """Give the review as it is now, for one other thread to read, check, plan and export.

        Later choices and decisions do not reach it, and nothing can be decided in it.
        """
        twin = copy.copy(self)
        vars(twin)["_taken_of"] = self._view
        twin.record = self.record.snapshot()
        twin.checks = self.checks.snapshot(twin.log)
        twin.events = ReviewEvents()
        return twin

    def adopt(self, snapshot: Sitting) -> bool:
        """Go on as a snapshot in which something was prepared or chosen since it was taken.

        Gives False, and takes nothing over, if something was chosen or decided here meanwhile.
        """
        if self._view is not snapshot._taken_of:
            return False
        self._show(snapshot._view)
        return True

    def take_up(self, snapshot: Sitting) -> None:
        """Keep what was found in a snapshot, as far as it holds for the review as it is now."""
        if self.checks.take_up(snapshot.checks):
            self.events.findings.emit()

    def take_pixels(self, scan: PixelScan) -> None:
        """Keep what ``checks.scan_pixels`` of a snapshot found in the images of a FOV."""
        self.checks.take_pixels(scan)
        self.events.findings.emit()

    def carry_out(self, *new: NewDecision) -> tuple[Decision, ...]:
        """Record decisions in one step, and let them take effect.

        They were made of the data as they are now, here or in a snapshot.
        """
        return self._follow(self.record.add(*new)) if new else ()

    def _add_of(
        self, experiment: str, kind: DecisionKind, value: Mapping[str, Any], reason: str
    ) -> Decision:
        return self.carry_out(NewDecision(kind, Target("experiment", experiment), value, reason))[0]

    def _follow(self, decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
        """Let what is recorded take effect, and tell of it."""
        if not decisions:
            return decisions
        before = self.data.experiments
        self._refresh(self.data)
        shown = self._let_go()
        self.events.tell(decisions)
        if any(
            then.track_transform != now.track_transform
            for then, now in zip(before, self.data.experiments, strict=True)
        ):
            self.events.data.emit()
        if shown:
            self.events.intent.emit(self.intent)
        return decisions

    def _in_effect(self, data: ReviewData) -> ReviewData:
        return data.with_effect(self.record.effect(data.table_hashes, data.data_version))

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
