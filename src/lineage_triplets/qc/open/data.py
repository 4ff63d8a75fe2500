"""One config's data under review: as on disk, with links cut, and as training will read it."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from lineage_triplets.engine.errors import ConfigError, NoAnchorsError, Problem
from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.index.one_lineage import LineagePart, LineageParts
from lineage_triplets.engine.plates.experiments import (
    ExperimentRegistry,
    OpenedExperiment,
    open_experiments,
)
from lineage_triplets.engine.reading.masks import MaskReaders
from lineage_triplets.engine.reading.patches import PatchReader
from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions, TripletConfig
from lineage_triplets.qc.open.derived import Derived
from lineage_triplets.qc.open.linked import parts_in
from lineage_triplets.qc.open.patches import IndexPatches
from lineage_triplets.qc.open.population import Population, population_of
from lineage_triplets.qc.open.tables import TableChangedError, TableMemory
from lineage_triplets.qc.record.decision import Target
from lineage_triplets.qc.record.effect import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence
    from pathlib import Path

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.settings.model import Cut, ExperimentConfig, Link


MadeOfTraining = TypeVar("MadeOfTraining")

_NOTHING_DECIDED = Effect()
_numbers = itertools.count()


class ReviewData:
    """What a config's data are under some settings and decisions: a value, which never changes.

    Its indices are made when they are first asked for, in any thread: two that ask at once may
    both make one, and either is right.

    Parameters
    ----------
    config : TripletConfig
        With absolute paths; its own ``exclude``, ``cut`` and ``link`` are not looked at.
    settings : DatasetConfig, optional
        The config's by default.
    effect : Effect
        The decisions in effect.
    tables : TableMemory, optional
        The tables that were read; a new memory reads all anew.

    Attributes
    ----------
    base : TripletConfig
        The config that was given.
    version : int
        Another one for any two values.
    data_version : int
        The same while `raw` is.
    """

    def __init__(
        self,
        config: TripletConfig,
        settings: DatasetConfig | None = None,
        effect: Effect = _NOTHING_DECIDED,
        tables: TableMemory | None = None,
    ) -> None:
        self.base = config
        self.settings = config.dataset if settings is None else settings
        self.effect = effect
        self.tables = TableMemory() if tables is None else tables
        self.version = self.data_version = next(_numbers)

    def with_effect(self, effect: Effect) -> ReviewData:
        """Give the data under other decisions."""
        other = ReviewData(self.base, self.settings, effect, self.tables)
        if other.experiments == self.experiments:
            self._hand(other, {"_opening", "raw", "plain", "pixels", "masks"})
            before = self.effect
            relinked = [(effect.cuts, before.cuts), (effect.links, before.links)]
            if all(now is then or now.keys() == then.keys() for now, then in relinked):
                self._hand(other, {"linked", "_parts"})
            if all(
                now is then or now == then
                for now, then in ((effect.rejected, before.rejected), *relinked)
            ):
                self._hand(other, {"exclusions", "training", "_of_training"})
            other.data_version = self.data_version
        return other

    def with_settings(self, settings: DatasetConfig) -> ReviewData:
        """Give the data under other dataset settings."""
        if settings == self.settings:
            return self
        law = {"tau_decay_rate", "tau_fallback", "seed", "return_negative", "negative_from"}
        drawn = {"tau_range_hours", "positive_relation"} | law
        old, new = self.settings.model_dump(), settings.model_dump()
        changed = {key for key in new if new[key] != old[key]}
        other = ReviewData(self.base, settings, self.effect, self.tables)
        self._hand(other, {"exclusions"})
        if "slot_labels" not in changed:
            self._hand(other, {"_opening"})
        if changed <= drawn:
            self._hand(other, {"raw", "linked", "_parts", "pixels", "masks"})
            other.data_version = self.data_version
        return other

    def read_anew(self) -> ReviewData:
        """Give the data as stores and tables are now."""
        return ReviewData(self.base, self.settings, self.effect)

    def _hand(self, other: ReviewData, names: set[str]) -> None:
        """Hand on what was made already and holds under other settings and decisions too."""
        made = vars(self)
        vars(other).update({name: made[name] for name in names if name in made})

    @Derived
    def experiments(self) -> list[ExperimentConfig]:
        """All experiments of the config, with the channels and transforms that were chosen."""
        return [self.effect.experiment(config) for config in self.base.experiments]

    @Derived
    def _opening(self) -> tuple[list[OpenedExperiment], list[Problem]]:
        return open_experiments(self.experiments)

    @property
    def opened(self) -> list[OpenedExperiment]:
        """The experiments that could be opened."""
        return self._opening[0]

    @property
    def open_problems(self) -> list[Problem]:
        """What opening met: plates, channels, fields of the config."""
        return self._opening[1]

    @Derived
    def registry(self) -> ExperimentRegistry:
        """The opened experiments.

        Raises
        ------
        ConfigError
            None could be opened.
        """
        if not self.opened:
            raise ConfigError(
                *(self.open_problems or [Problem("no-experiments", "there is no experiment.")])
            )
        return ExperimentRegistry.of_opened(self.opened, slot_labels=self.slot_labels)

    @property
    def slot_labels(self) -> list[str]:
        """Names of the slots, whether an experiment could be opened or not."""
        configs = [experiment.config for experiment in self.opened] or self.experiments
        labels = self.settings.slot_labels or self.base.experiments[0].source_channel
        if len(labels) != len(configs[0].source_channel):
            labels = configs[0].source_channel
        return list(labels)

    def _index(
        self,
        settings: DatasetConfig,
        exclude: Exclusions,
        cut: Sequence[Cut] = (),
        link: Sequence[Link] = (),
    ) -> MultiExperimentIndex:
        return MultiExperimentIndex.of_what_loads(
            self.registry, settings, exclude, cut, link, read=self.tables
        )

    @Derived
    def raw(self) -> MultiExperimentIndex:
        """All that is on disk: nothing cut, nothing excluded, cells near the border included."""
        return self._index(every_cell(self.settings), Exclusions())

    @Derived
    def linked(self) -> MultiExperimentIndex:
        """Nothing excluded, links cut and joined."""
        cuts, links = self.effect.cut_list(), self.effect.link_list()
        if not cuts and not links:
            return self.plain
        return self._index(self.settings, Exclusions(), cuts, links)

    @Derived
    def plain(self) -> MultiExperimentIndex:
        """What training would read, had nobody decided anything."""
        as_chosen = self.raw.settings == self.settings
        return self.raw if as_chosen else self._index(self.settings, Exclusions())

    def index_of(self, config: TripletConfig) -> MultiExperimentIndex:
        """Give what training reads of a config with this one's experiments."""
        relinked = config.cut == self.effect.cut_list() and config.link == self.effect.link_list()
        if relinked and config.exclude == self.exclusions:
            return self.training
        return self._index(config.dataset, config.exclude, config.cut, config.link)

    @Derived
    def training(self) -> MultiExperimentIndex:
        """What training reads: the index of `config`, FOVs that cannot be loaded left out."""
        if self.exclusions == Exclusions() and self.linked.settings == self.settings:
            return self.linked
        effect = self.effect
        return self._index(self.settings, self.exclusions, effect.cut_list(), effect.link_list())

    @Derived
    def _of_training(self) -> dict[Hashable, Any]:
        return {}

    def of_training(
        self, key: Hashable, make: Callable[[MultiExperimentIndex], MadeOfTraining]
    ) -> MadeOfTraining:
        """Give what is made of `training`, made once for as long as that stays the same."""
        made = self._of_training
        if key not in made:
            made[key] = make(self.training)
        value: MadeOfTraining = made[key]
        return value

    def population(self, experiment: str) -> Population:
        """What training draws an experiment's pairs from; raises as `population_of`."""
        return self.of_training(
            ("population", experiment), lambda index: population_of(index, experiment)
        )

    @property
    def has_training(self) -> bool:
        """Whether `training` need not be made first."""
        return "training" in vars(self)

    @property
    def has_linked(self) -> bool:
        """Whether `linked` need not be made first."""
        return "linked" in vars(self)

    @property
    def n_observations(self) -> int:
        """Number of cells and frames in the tables, as far as these were read."""
        return len(self.raw) if "raw" in vars(self) else 0

    @Derived
    def exclusions(self) -> Exclusions:
        """All rejections, as a config has them."""
        return self.effect.exclusions()

    @property
    def config(self) -> TripletConfig:
        """The config as the decisions make it."""
        return self.base.model_copy(
            update={
                "experiments": self.experiments,
                "dataset": self.settings,
                "exclude": self.exclusions,
                "cut": self.effect.cut_list(),
                "link": self.effect.link_list(),
                "verification": type(self.base.verification)(),
            }
        )

    @Derived
    def _parts(self) -> LineageParts:
        return LineageParts(self.linked)

    def part(self, root: int) -> LineagePart:
        """One lineage of `linked`, with the present tau, relation and exclusions."""
        source = self.linked.fovs[int(self.linked.fov_of_track[root])]
        near = self.effect.exclusions_near(source.experiment, source.fov.name)
        return self._parts.part(root, near, self.settings)

    def source_of(self, experiment: str, fov: str) -> FovSource | None:
        """The FOV as it is read; None where there is no such FOV with a table."""
        number = self.raw.fov_number(experiment, fov)
        return None if number < 0 else self.raw.fovs[number]

    @Derived
    def pixels(self) -> PatchReader:
        """Reads patches of any FOV, by its number in `raw`."""
        return PatchReader(self.raw.fovs, self.settings)

    @Derived
    def masks(self) -> MaskReaders:
        """Reads the masks of any FOV, by its number in `raw`."""
        return MaskReaders(self.raw.fovs)

    def patches_of(self, index: MultiExperimentIndex) -> IndexPatches:
        """Give what reads the patches of one of the indices, as settings and channels are now."""
        return IndexPatches(index, self.pixels, self.masks)

    def table_hash(self, experiment: str, fov: str) -> str:
        """Hash of a FOV's table, to decide about what was read; empty where there is none.

        Raises
        ------
        TableChangedError
            The file is no longer what was read.
        """
        source = self.source_of(experiment, fov) if fov else None
        if source is None:
            return ""
        self.tables.require_unchanged([source.table_as])
        return self._hash_of(source)

    def _hash_of(self, source: FovSource) -> str:
        """Hash of a FOV's table and of what the config says of it, which is edited by hand."""
        written = self.tables.hash_of(source.table_as)
        of_config = {config.name: config for config in self.base.experiments}
        config = of_config[source.experiment]
        for said in (config.track_transform, config.tracks):
            if written and said is not None:
                text = said.model_dump_json(exclude_none=True).encode()
                written = f"{written}+{hashlib.sha256(text).hexdigest()[:8]}"
        return written

    def table_hashes(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Hash of each FOV's table as it was read; those that have none are left out.

        Another word where the file is no longer what was read, so that no decision fits it.
        """
        hashes = {}
        for experiment, fov in places if self.opened else ():
            source = self.source_of(experiment, fov)
            if source is not None:
                try:
                    hashes[experiment, fov] = self._hash_of(source)
                except TableChangedError:
                    hashes[experiment, fov] = "changed"
        return hashes

    def parts_of(self, target: Target) -> list[int]:
        """Give the tracks of `linked` that a track, link or cell of the table is now.

        A track may be several, and one that links joined to others is theirs; of a link it is the
        one before it inside the track, or the daughter, or the one that a join leads to; of a cell
        the one that has its frame. None if it is gone.
        """
        return parts_in(self.linked, target)

    def track_target(self, level: Literal["lineage", "track"], track: int) -> Target:
        """Name a track of `linked`, or the lineage that it belongs to."""
        index = self.linked
        track = int(index.forest.root[track]) if level == "lineage" else track
        source = index.fovs[int(index.fov_of_track[track])]
        return Target(level, source.experiment, source.fov.name, track=index.names.word(track))

    def table_of(self, experiment: str, fov: str) -> Path | None:
        """Where a FOV's table is."""
        source = self.source_of(experiment, fov)
        return None if source is None else source.table

    def load_problems(self) -> list[Problem]:
        """Everything that loading the data as they are on disk met, and links that cannot be."""
        problems = list(self.open_problems)
        try:
            problems += self.raw.problems
            if self.effect.links:
                problems += [
                    replace(met, remedy="Unlink it, or cut the link that is in its way.")
                    for met in self.linked.problems
                    if met.field == "link"
                ]
        except (ConfigError, NoAnchorsError) as error:
            problems += [problem for problem in error.problems if problem not in problems]
        # Whether there are anchors is a matter of the settings, and is checked with them.
        kept = [
            problem for problem in problems if problem.kind not in {"no-anchors", "few-tau-frames"}
        ]
        return [replace(problem) for problem in dict.fromkeys(kept)]


def unread_problems(data: ReviewData) -> list[Problem]:
    """Give the errors that keep FOVs and experiments from being read, so that they are in nothing.

    As warnings, since what can be read is used.
    """
    read = {(source.experiment, source.fov.name) for source in data.raw.fovs}
    return [
        replace(met, severity="warning")
        for met in data.load_problems()
        if met.severity == "error" and (met.experiment, met.fov) not in read
    ]


def every_cell(settings: DatasetConfig) -> DatasetConfig:
    """Settings that leave no cell out."""
    if settings.border == "exclude":
        return settings.model_copy(update={"border": "pad"})
    return settings
