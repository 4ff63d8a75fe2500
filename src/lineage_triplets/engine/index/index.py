"""One index over all experiments: every observation, and those that can be anchors."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from lineage_triplets.engine.errors import (
    ConfigError,
    Problem,
    choices,
    counted,
    first_of_kinds,
    raise_errors,
)
from lineage_triplets.engine.index.anchors import anchor_problems, match_pool, second_channels
from lineage_triplets.engine.index.assemble import Assembly, assemble
from lineage_triplets.engine.index.fovs import fov_numbers
from lineage_triplets.engine.index.names import TrackNames, text_column
from lineage_triplets.engine.pairs.positives import PositiveLookup
from lineage_triplets.engine.plates.experiments import ExperimentRegistry
from lineage_triplets.engine.settings.faults import checked_settings, plain_names, plain_z_range
from lineage_triplets.engine.settings.file import given_config
from lineage_triplets.engine.settings.model import (
    Border,
    Cut,
    DatasetConfig,
    Exclusions,
    Link,
    MatchColumn,
    PositiveRelation,
    TripletConfig,
    ZCentre,
)
from lineage_triplets.engine.settings.tau import tau_ranges
from lineage_triplets.engine.tracks.read import read_track_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.index.gather import Progress, TableReader
    from lineage_triplets.engine.pairs.matches import MatchPool
    from lineage_triplets.engine.plates.image import Fov

    NamesPerExperiment = Sequence[str] | Mapping[str, Sequence[str]] | None

_log = logging.getLogger(__name__)


class MultiExperimentIndex:
    """The observations of all experiments, their lineages, and which of them can be anchors.

    Building reads the tables and the stores' JSON, no pixels.

    Parameters
    ----------
    registry : ExperimentRegistry
    z_range : slice, int, (int, int), or dict of str to slice
        Slices for all or for each experiment (of equal depth), or how many slices around each
        observation's own z, moved inward.
    yx_patch_size : (int, int)
        Rows and columns of a patch, in pixels.
    tau_range_hours : (float, float)
        Least and largest time from anchor to positive.
    include_wells : sequence of str or dict, optional
        Wells to take, by name in every experiment or for each experiment; all by default.
    exclude_fovs : sequence of str or dict, optional
        FOVs to leave out, likewise.
    positive_relation : {"lineage", "descendant", "same_track"}
        Who may be a positive.
    z_centre : {"cell", "fov_focus", "frame_focus"}
        What a number of slices is taken around: each observation's own z, or the slice in focus of
        its FOV, or of its frame.
    statistics_path : str, optional
        Folder of the statistics that say what is in focus; attributes of the plates by default.
    positive_match : sequence of str, optional
        Columns of `tracks` that are equal in anchor and positive, in place of the lineage: of
        ``experiment, condition, well_name, fov_name, fluorescence_channel``. Tau is not looked at.
    border : {"clamp", "pad", "exclude"}
        What happens to cells whose patch does not fit into the image.
    exclude : Exclusions, optional
        What is neither anchor nor positive nor negative.
    cut : sequence of Cut, optional
        Links that are wrong.
    link : sequence of Link, optional
        Links that the tables lack.

    Attributes
    ----------
    problems : tuple of Problem
        Warnings and notes: what was left out or repaired, with counts.

    Raises
    ------
    ConfigError
        An argument that cannot be, or does not fit the images; a ``tracks_path`` that is absent.
    TrackTableError
        A table whose faults make its lineages meaningless.
    StoreError
        A FOV that cannot be opened.

    Examples
    --------
    >>> from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
    >>> registry = ExperimentRegistry.from_yaml("experiments.yml")
    >>> index = MultiExperimentIndex(registry, z_range=1, yx_patch_size=(16, 16))
    >>> sorted(index.experiment_groups)
    ['early', 'late']
    >>> len(index.valid_anchors) < len(index.tracks)
    True
    """

    def __init__(
        self,
        registry: ExperimentRegistry,
        z_range: slice | int | tuple[int, int] | Mapping[str, slice | tuple[int, int]],
        yx_patch_size: tuple[int, int],
        tau_range_hours: tuple[float, float] = (0.5, 2.0),
        include_wells: NamesPerExperiment = None,
        exclude_fovs: NamesPerExperiment = None,
        *,
        positive_relation: PositiveRelation = "lineage",
        positive_match: Sequence[MatchColumn] | None = None,
        z_centre: ZCentre = "cell",
        statistics_path: str | None = None,
        border: Border = "clamp",
        exclude: Exclusions | None = None,
        cut: Sequence[Cut] = (),
        link: Sequence[Link] = (),
    ) -> None:
        matched = positive_match if positive_match is None else list(positive_match)
        settings = checked_settings(
            z_range=plain_z_range(z_range),
            yx_patch_size=yx_patch_size,
            tau_range_hours=tau_range_hours,
            include_wells=plain_names(include_wells),
            exclude_fovs=plain_names(exclude_fovs),
            positive_relation=positive_relation,
            positive_match=matched,
            z_centre=z_centre,
            statistics_path=statistics_path,
            border=border,
        )
        assembly = assemble(registry, settings, exclude or Exclusions(), cut, link)
        self._adopt(registry, settings, assembly)
        _raise_or_log(self.problems)

    @classmethod
    def of_what_loads(
        cls,
        registry: ExperimentRegistry,
        settings: DatasetConfig,
        exclude: Exclusions,
        cut: Sequence[Cut],
        link: Sequence[Link] = (),
        *,
        read: TableReader = read_track_table,
    ) -> MultiExperimentIndex:
        """Make an index of what can be loaded; what is wrong is among its problems, never raised.

        Parameters are those of `assemble`.
        """
        return cls.of_assembly(
            registry, settings, assemble(registry, settings, exclude, cut, link, read=read)
        )

    @classmethod
    def of_assembly(
        cls, registry: ExperimentRegistry, settings: DatasetConfig, assembly: Assembly
    ) -> MultiExperimentIndex:
        """Make an index of what was put together; nothing is raised or logged."""
        index = cls.__new__(cls)
        index._adopt(registry, settings, assembly)
        return index

    @classmethod
    def from_config(
        cls,
        config: TripletConfig | str | Path,
        *,
        path_map: Mapping[str, str] | None = None,
        scheduler: str | None = None,
        progress: Progress | None = None,
    ) -> MultiExperimentIndex:
        """Build from a config or its file, with its exclusions, cuts and links.

        Parameters
        ----------
        config : TripletConfig, str or Path
        path_map : dict, optional
            Leading folders of a file's paths to replace, ``{old: new}``.
        scheduler : str, optional
            Address of a dask scheduler whose workers open the plates and read the tables, under
            the same paths; threads of this process by default.
        progress : callable, optional
            Called with how many plates workers have read, and how many there are.

        Raises
        ------
        ConfigError, TrackTableError, StoreError
            As the constructor.
        """
        loaded = given_config(config, path_map)
        registry = ExperimentRegistry(loaded.experiments, slot_labels=loaded.dataset.slot_labels)
        parts = (loaded.dataset, loaded.exclude, loaded.cut, loaded.link)
        assembly = assemble(registry, *parts, scheduler=scheduler, progress=progress)
        index = cls.of_assembly(registry, loaded.dataset, assembly)
        _raise_or_log(index.problems)
        return index

    def _adopt(
        self, registry: ExperimentRegistry, settings: DatasetConfig, assembly: Assembly
    ) -> None:
        self.registry = registry
        self.settings = settings
        self.fovs = assembly.fovs
        self.forest = assembly.forest
        self.track_columns = assembly.tracks
        self.observations = assembly.observations
        self.pool_row = assembly.pool_row
        self.pool_lineage_start = assembly.pool_lineage_start
        rows = assembly.observations
        self.positives = PositiveLookup.build(
            rows.track, rows.t, assembly.forest, settings.positive_relation
        )
        self.experiment_of_fov = np.array(
            [source.experiment_number for source in self.fovs], dtype=np.int64
        )
        self.fov_of_track = assembly.tracks.fov
        self.fov_of_row = assembly.tracks.fov[rows.track]
        self.track_id_of_row = rows.track_id
        self.experiment_of_row = self.experiment_of_fov[self.fov_of_row]
        self.tau_range_frames, tau_problems = tau_ranges(
            registry.experiments, settings.tau_range_hours
        )
        self.matches: MatchPool | None = None
        if settings.positive_match is not None:
            self.matches = match_pool(settings.positive_match, assembly, registry.experiments)
            has_positive = self.matches.n_candidates(np.arange(len(rows))) > 0
            tau_problems = []
        else:
            first = np.array([frames.first for frames in self.tau_range_frames], dtype=np.int64)
            last = np.array([frames.last for frames in self.tau_range_frames], dtype=np.int64)
            has_positive = self.positives.have_positive(
                first[self.experiment_of_row], last[self.experiment_of_row]
            )
        self.anchor_rows: Int64Array = np.flatnonzero(has_positive)
        self.problems = (*assembly.problems, *tau_problems, *anchor_problems(self))

    def __getstate__(self) -> dict[str, Any]:
        derived = {"tracks", "valid_anchors", "names"}
        return {key: value for key, value in self.__dict__.items() if key not in derived}

    def __len__(self) -> int:
        return len(self.observations)

    @cached_property
    def tracks(self) -> pd.DataFrame:
        """One row an observation, sorted by experiment, FOV, track and frame.

        Columns: ``experiment, condition, well_name, fov_name, position, track_id,
        global_track_id, parent_track_id, lineage_id, generation, t, id, parent_id, z, y, x,
        y_clamp, x_clamp, hours_post_infection, fluorescence_channel``. ``position`` is the FOV's
        number in `positions`; coordinates are in pixels; -1 stands for no parent, and for the ids
        that a table does not have.
        """
        return self.describe(np.arange(len(self.observations)))

    @cached_property
    def valid_anchors(self) -> pd.DataFrame:
        """The rows of `tracks` that have a positive, renumbered from 0."""
        return self.describe(self.anchor_rows)

    def describe(self, row_numbers: Int64Array) -> pd.DataFrame:
        """Give some rows of `tracks`, in the order asked for, without building the others."""
        rows, tracks = self.observations.take(row_numbers), self.track_columns
        fov = self.fov_of_row[row_numbers]

        def by_fov(words: list[str]) -> pd.arrays.ArrowStringArray:
            return text_column(pa.array(words, pa.large_string()), fov)

        experiments = [self.registry.experiments[source.experiment_number] for source in self.fovs]
        start_hpi = np.array([config.start_hpi for config in experiments], dtype=np.float64)
        interval_minutes = np.array(
            [config.interval_minutes for config in experiments], dtype=np.float64
        )
        names = self.names.words
        second = second_channels(experiments)
        return pd.DataFrame(
            {
                "experiment": by_fov([source.experiment for source in self.fovs]),
                "condition": by_fov([source.condition for source in self.fovs]),
                "well_name": by_fov([source.fov.well_name for source in self.fovs]),
                "fov_name": by_fov([source.fov.name for source in self.fovs]),
                "position": fov,
                "track_id": rows.track_id,
                "global_track_id": text_column(names, rows.track),
                "parent_track_id": tracks.parent_track_id[rows.track],
                "lineage_id": text_column(names, self.forest.root[rows.track]),
                "generation": self.forest.generation[rows.track],
                "t": rows.t,
                "id": rows.id,
                "parent_id": rows.parent_id,
                "z": rows.z,
                "y": rows.y,
                "x": rows.x,
                "y_clamp": rows.y_clamp,
                "x_clamp": rows.x_clamp,
                "hours_post_infection": start_hpi[fov] + rows.t * interval_minutes[fov] / 60,
                "fluorescence_channel": by_fov(second),
            },
            copy=False,
        )

    @cached_property
    def names(self) -> TrackNames:
        """The tracks by the ids that people see."""
        return TrackNames(self.track_columns, [source.id_prefix for source in self.fovs])

    @cached_property
    def _fov_numbers(self) -> dict[tuple[str, str], int]:
        return fov_numbers(self.fovs)

    def fov_number(self, experiment: str, fov: str) -> int:
        """Give the number of a FOV by its name; -1 where there is no such FOV with a table."""
        return self._fov_numbers.get((experiment, fov), -1)

    def find_lineage(self, lineage_id: str) -> int:
        """Give the number of a lineage's root track.

        Raises
        ------
        ConfigError
            There is no such lineage; of a track that is no root the lineage is named.
        """
        track = self.names.find(lineage_id)
        root = int(self.forest.root[track]) if track >= 0 else -1
        if track >= 0 and root == track:
            return track
        if track >= 0:
            remedy = f"It is a track of the lineage {self.names.of(root)!r}."
        else:
            roots = np.flatnonzero(self.forest.parent < 0)[:5]
            remedy = f"Lineages are named by their root: {choices(self.names.of_tracks(roots))}, …"
        raise ConfigError(
            Problem("unknown-lineage", f"there is no lineage {lineage_id!r}.", remedy)
        )

    @property
    def positions(self) -> list[Fov]:
        """The FOVs that are read, in the order of `tracks`."""
        return [source.fov for source in self.fovs]

    @cached_property
    def experiment_groups(self) -> dict[str, Int64Array]:
        """Row numbers of `tracks` of each experiment that has any."""
        names = [config.name for config in self.registry.experiments]
        return _groups(names, self.experiment_of_row)

    @cached_property
    def condition_groups(self) -> dict[str, Int64Array]:
        """Row numbers of `tracks` of each condition that has any."""
        names = list(dict.fromkeys(source.condition for source in self.fovs))
        number = np.array([names.index(source.condition) for source in self.fovs], dtype=np.int64)
        return _groups(names, number[self.fov_of_row])

    def counts(self) -> pd.DataFrame:
        """Count what there is, one row an experiment."""
        n = len(self.registry.experiments)
        experiment = self.experiment_of_row

        def unique(numbers: Int64Array, size: int) -> Int64Array:
            present = np.zeros(size, dtype=bool)
            present[numbers] = True
            return np.flatnonzero(present)

        tracks = unique(self.observations.track, len(self.forest.parent))
        roots = unique(self.forest.root[self.observations.track], len(self.forest.parent))
        of_track = self.experiment_of_fov[self.track_columns.fov]
        dividing = np.unique(self.forest.parent[tracks[self.forest.parent[tracks] >= 0]])
        dividing = dividing[self.forest.is_division[dividing]]
        low, high = np.array(self.tau_range_frames, dtype=np.int64).reshape(-1, 2).T
        return pd.DataFrame(
            {
                "experiment": [config.name for config in self.registry.experiments],
                "fovs": np.bincount(self.experiment_of_fov, minlength=n),
                "observations": np.bincount(experiment, minlength=n),
                "tracks": np.bincount(of_track[tracks], minlength=n),
                "lineages": np.bincount(of_track[roots], minlength=n),
                "divisions": np.bincount(of_track[dividing], minlength=n),
                "valid_anchors": np.bincount(experiment[self.anchor_rows], minlength=n),
                "tau_min_frames": low,
                "tau_max_frames": high,
            }
        )

    def summary(self) -> str:
        """Say how much there is: totals, then a line an experiment with its conditions."""
        totals = [
            counted(len(self.registry.experiments), "experiment"),
            f"{len(self.observations)} total observations",
            f"{len(self.anchor_rows)} valid anchors",
        ]
        lines = [", ".join(totals)]
        lines += [
            f"  {row.experiment}: {row.observations} observations in {row.fovs} FOVs, "
            f"{row.lineages} lineages, {row.divisions} divisions, {row.valid_anchors} valid "
            f"anchors, tau {row.tau_min_frames} to {row.tau_max_frames} frames, conditions: "
            f"{self._condition_words(str(row.experiment))}"
            for row in self.counts().itertuples(index=False)
        ]
        return "\n".join(lines)

    def _condition_words(self, experiment: str) -> str:
        """Name the conditions of one experiment with their numbers of observations."""
        n_of_fov = np.bincount(self.fov_of_row, minlength=len(self.fovs))
        n_of_condition: dict[str, int] = {}
        for fov, n in zip(self.fovs, n_of_fov, strict=True):
            if fov.experiment == experiment and n:
                n_of_condition[fov.condition] = n_of_condition.get(fov.condition, 0) + int(n)
        return ", ".join(f"{name} ({n})" for name, n in n_of_condition.items()) or "none"


def _raise_or_log(problems: Sequence[Problem]) -> None:
    raise_errors(problems)
    first, more = first_of_kinds(problems, "`problems` of the index has all")
    for problem in first:
        level = logging.INFO if problem.severity == "note" else logging.WARNING
        _log.log(level, "%s", problem)
    for line in more:
        _log.warning("%s", line)


def _groups(names: Sequence[str], number: Int64Array) -> dict[str, Int64Array]:
    order = np.argsort(number, kind="stable")
    start = np.searchsorted(number[order], np.arange(len(names) + 1))
    groups = {name: order[start[k] : start[k + 1]] for k, name in enumerate(names)}
    return {name: rows for name, rows in groups.items() if len(rows)}
