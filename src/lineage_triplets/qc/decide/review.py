"""One open config under review: what a person wants to see, and what they decide."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lineage_triplets.engine.errors import ConfigError, LineageTripletsError, Problem
from lineage_triplets.engine.settings.file import read_config, with_lines
from lineage_triplets.engine.settings.model import DatasetConfig, TripletConfig
from lineage_triplets.qc.decide.decider import Decider
from lineage_triplets.qc.decide.recorder import ReviewEvents
from lineage_triplets.qc.find.run import Checks
from lineage_triplets.qc.look.lineage_table import lineage_table
from lineage_triplets.qc.look.strip import Strip, strip_of
from lineage_triplets.qc.look.tau_table import TauTable, tau_table
from lineage_triplets.qc.look.view import Intent, ReviewState, resolve
from lineage_triplets.qc.open.data import ReviewData
from lineage_triplets.qc.record import Decision, DecisionLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    import pandas as pd

    from lineage_triplets.qc.decide.settled import ReviewedFinding
    from lineage_triplets.qc.find.pixels.scan_order import PixelScan
    from lineage_triplets.qc.look.pair_list import PairList

_SETTINGS_NOTE = "dataset settings"


class Review(Decider):
    """A config, its data, and the decisions about it. `open` makes one.

    Attributes
    ----------
    config_path : Path
    data : ReviewData
        The data, as on disk, linked, and as training reads them.
    log : DecisionLog
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
        self.data = ReviewData(config)
        self.log = log
        self.checks = Checks(self.data, log)
        self.events = ReviewEvents()
        self._virtual: list[Decision] = []
        self._state: ReviewState | None = None
        self._intent = Intent(
            seed=config.dataset.seed or 0, dataset=self._kept_settings(config.dataset)
        )
        self._taken_at = self._now
        self.checks.config_problems = list(problems)
        self._import(config)

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
            if other_settings and not self.log.read_only:
                self._keep_settings(wanted.dataset)
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

    def snapshot(self) -> Review:
        """Give the review as it is now, for one other thread to read, check, plan and export.

        Later choices and decisions do not reach it, and nothing can be decided in it.
        """
        twin = copy.copy(self)
        twin.data = self.data.snapshot()
        twin.log = self.log.snapshot()
        twin.checks = self.checks.snapshot(twin.data, twin.log)
        twin.events = ReviewEvents()
        twin.__dict__.update(_virtual=list(self._virtual), _taken_at=self._now)
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
        if wanted.dataset != before.dataset and not self.log.read_only:
            self._keep_settings(wanted.dataset)
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

    def _kept_settings(self, of_config: DatasetConfig) -> DatasetConfig:
        """Settings chosen in an earlier sitting, unless the config says others since."""
        note = self.log.note(_SETTINGS_NOTE)
        if not note or note["config"] != json.loads(of_config.model_dump_json()):
            return of_config
        return DatasetConfig.model_validate(note["chosen"])

    def _keep_settings(self, chosen: DatasetConfig) -> None:
        of_config = json.loads(self.data.base.dataset.model_dump_json())
        note = {"config": of_config, "chosen": json.loads(chosen.model_dump_json())}
        self.log.set_note(_SETTINGS_NOTE, note)


def decisions_path(config: Path) -> Path:
    """Where the decisions about a config are kept, unless another place is named."""
    return config.with_name(f"{config.name}.review.db")
