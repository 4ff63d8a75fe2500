"""Where the other's tables are, and what they come to in this review's frames and pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lineage_triplets.engine.errors import (
    ConfigError,
    LineageTripletsError,
    Problem,
    TrackTableError,
    choices,
    counted,
)
from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.plates.experiments import ExperimentRegistry
from lineage_triplets.engine.settings.file import read_config
from lineage_triplets.engine.settings.model import Cut, Exclusions, FovExclusion, Link
from lineage_triplets.engine.tracks.read import (
    FovTables,
    is_track_table,
    read_track_table,
    reading_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.settings.model import ExperimentConfig
    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.engine.settings.track_transform import TrackTransform
    from lineage_triplets.engine.tracks.table import TrackTable
    from lineage_triplets.qc.open.data import ReviewData

    Place = tuple[str, str]


Named = TypeVar("Named", Cut, Link)

ORIGIN_NAME = "track_ids.csv"
"""The file by which a folder of mended tracks is known."""
_ORIGIN_BEGINS = "experiment,fov_name,track_id,"


@dataclass(frozen=True)
class OtherTables:
    """Another's tables for FOVs of a review.

    Attributes
    ----------
    name : str
        What was given.
    tables : mapping of (str, str) to Path
        By experiment and FOV of the review.
    transforms : mapping of str to TrackTransform or None
        Where they are in the images, by experiment.
    readings : mapping of str to TrackReading or None
        How they are read, by experiment.
    cuts, links : tuple of Cut, tuple of Link
        What their config cuts and links, by the review's names.
    problems : tuple of Problem
        What is not compared.
    """

    name: str
    tables: Mapping[Place, Path]
    transforms: Mapping[str, TrackTransform | None]
    readings: Mapping[str, TrackReading | None]
    cuts: tuple[Cut, ...] = ()
    links: tuple[Link, ...] = ()
    problems: tuple[Problem, ...] = ()

    def index(self, data: ReviewData) -> MultiExperimentIndex:
        """Read the tables as an index of the review's experiments.

        What cannot be read or lies outside the images is among its problems.
        """
        opened = [
            replace(
                experiment,
                config=experiment.config.model_copy(
                    update={"track_transform": self.transforms[experiment.config.name]}
                ),
            )
            for experiment in data.opened
            if experiment.config.name in {name for name, _ in self.tables}
        ]
        left_out = [
            FovExclusion(experiment=source.experiment, fov=source.fov.name)
            for source in data.raw.fovs
            if (source.experiment, source.fov.name) not in self.tables
            and source.experiment in self.transforms
        ]

        def read(
            _: Path, /, *, experiment: str, fov: str, reading: TrackReading | None
        ) -> TrackTable:
            del reading
            if (experiment, fov) not in self.tables:
                # A FOV whose own table could not be read is none of the review's.
                raise TrackTableError
            table = self.tables[experiment, fov]
            theirs = reading_of(table, self.readings[experiment])
            return read_track_table(table, experiment=experiment, fov=fov, reading=theirs)

        return MultiExperimentIndex.of_what_loads(
            ExperimentRegistry.of_opened(opened, slot_labels=data.slot_labels),
            data.raw.settings,
            Exclusions(fovs=left_out),
            self.cuts,
            self.links,
            read=read,
        )

    def said(self, problems: Sequence[Problem]) -> tuple[Problem, ...]:
        """Keep of an index's problems those of tables, each with the file that it is of."""
        return tuple(
            replace(problem, file=str(self.tables[problem.experiment, problem.fov]))
            for problem in problems
            if (problem.experiment, problem.fov) in self.tables and problem.severity != "note"
        )


def find_other(
    data: ReviewData,
    other: Path,
    experiment: str | None = None,
    fov: str | None = None,
    path_map: Mapping[str, str] | None = None,
) -> OtherTables:
    """Find the other's table for each FOV of a review.

    Parameters
    ----------
    data : ReviewData
    other : Path
        A folder laid out as ``tracks_path``, or with one such folder for each experiment by its
        name; one table; or another config of the same plates.
    experiment, fov : str, optional
        Compare these alone.
    path_map : mapping, optional
        Leading folders to replace in another config.

    Raises
    ------
    ConfigError, UnknownNameError
        There is nothing there, no FOV has a table in both, or it is not clear whose table it is.
    """
    if experiment is not None:
        data.registry.get_experiment(experiment)
    wanted = [
        (source.experiment, source.fov.name)
        for source in data.raw.fovs
        if experiment in (None, source.experiment) and fov in (None, source.fov.name)
    ]
    if not wanted:
        faults = [problem for problem in data.load_problems() if problem.severity == "error"]
        problem = Problem(
            "nothing-to-compare",
            f"the review has no FOV {fov or ''}{' ' if fov else ''}with a table that can be read.",
            "Mend what keeps it from being loaded, or name another.",
            experiment=experiment or "",
        )
        raise ConfigError(*faults, problem)
    if not other.exists():
        raise _fault("no-other", "there is no such file or folder to compare with.", other)
    if is_config(other):
        return _of_config(data, other, wanted, path_map)
    transforms = {config.name: config.track_transform for config in data.experiments}
    readings = {config.name: config.tracks for config in data.experiments}
    if _is_mended(other):
        # They lie in the images as they are, wherever the review's own tables do.
        transforms, readings = dict.fromkeys(transforms), dict.fromkeys(readings)
    if is_track_table(other):
        return OtherTables(str(other), _of_one_table(other, wanted), transforms, readings)
    names = list(dict.fromkeys(name for name, _ in wanted))
    roots = {name: other / name for name in names if (other / name).is_dir()}
    if not roots and len(names) > 1:
        raise _fault(
            "whose-tables",
            f"the tables may be those of {choices(names)}.",
            other,
            remedy="Name the experiment, or give a folder with a folder for each, by its name.",
        )
    roots = roots or {names[0]: other}
    tables, problems = _of_folders(data, roots, wanted, readings)
    found = OtherTables(str(other), tables, transforms, readings, problems=tuple(problems))
    return _found(found, wanted)


def is_config(other: Path) -> bool:
    """Whether the other is a config, and no table or folder of tables."""
    return other.is_file() and other.suffix.lower() in {".yml", ".yaml"}


def _is_mended(other: Path) -> bool:
    """Whether mended tracks were written there: a whole folder of them, or an experiment's."""
    for folder in (other, other.absolute().parent):
        origin = folder / ORIGIN_NAME
        if origin.is_file():
            with origin.open(encoding="utf-8", errors="replace") as file:
                return file.readline(len(_ORIGIN_BEGINS) + 1).startswith(_ORIGIN_BEGINS)
    return False


def _of_one_table(other: Path, wanted: Sequence[Place]) -> dict[Place, Path]:
    if len(wanted) > 1:
        raise _fault(
            "whose-table",
            f"it is one table, and {counted(len(wanted), 'FOV')} of the review have one: "
            f"{choices(f'{name} {fov}' for name, fov in wanted)}.",
            other,
            remedy="Name the experiment and the FOV.",
        )
    return {wanted[0]: other}


def _of_config(
    data: ReviewData, other: Path, wanted: Sequence[Place], path_map: Mapping[str, str] | None
) -> OtherTables:
    config, problems = read_config(other, path_map)
    if config is None:
        raise ConfigError(*problems)
    theirs = _same_experiments(data.experiments, config.experiments)
    if not theirs:
        raise _fault(
            "other-plates",
            f"none of its experiments has the name or the plate of one here: "
            f"{choices(found.name for found in config.experiments)}.",
            other,
            remedy="Give a config of the same plates, or a folder of tables.",
        )
    roots = {name: Path(found.tracks_path) for name, found in theirs.items()}
    readings = {name: found.tracks for name, found in theirs.items()}
    tables, faults = _of_folders(data, roots, wanted, readings)
    mine = {found.name: name for name, found in theirs.items()}

    def by_my_names(theirs: Sequence[Named]) -> tuple[Named, ...]:
        return tuple(
            named.model_copy(update={"experiment": mine[named.experiment]})
            for named in theirs
            if named.experiment in mine and (mine[named.experiment], named.fov) in tables
        )

    transforms = {name: found.track_transform for name, found in theirs.items()}
    cuts, links = by_my_names(config.cut), by_my_names(config.link)
    found = OtherTables(str(other), tables, transforms, readings, cuts, links, (*problems, *faults))
    return _found(found, wanted)


def _same_experiments(
    mine: Sequence[ExperimentConfig], theirs: Sequence[ExperimentConfig]
) -> dict[str, ExperimentConfig]:
    """Experiments of another config, by this one's names: of the same name, or the same plate."""
    by_name = {config.name: config for config in theirs}
    same = {config.name: by_name[config.name] for config in mine if config.name in by_name}
    taken = set(same)
    for config in mine:
        of_plate = [
            found
            for found in theirs
            if found.data_path == config.data_path and found.name not in taken
        ]
        if config.name not in same and len(of_plate) == 1:
            same[config.name] = of_plate[0]
    return same


def _of_folders(
    data: ReviewData,
    roots: Mapping[str, Path],
    wanted: Sequence[Place],
    readings: Mapping[str, TrackReading | None],
) -> tuple[dict[Place, Path], list[Problem]]:
    plates = {opened.config.name: opened.plate for opened in data.opened}
    below = {
        experiment: FovTables(plates[experiment], root, readings[experiment])
        for experiment, root in roots.items()
        if experiment in plates
    }
    tables: dict[Place, Path] = {}
    problems: list[Problem] = []
    for experiment, fov in wanted:
        if experiment not in below:
            continue
        try:
            table = below[experiment].find(fov)
        except LineageTripletsError as error:
            problems += [replace(found, severity="warning") for found in error.problems]
            continue
        if table is not None:
            tables[experiment, fov] = table
    return tables, problems


def _found(found: OtherTables, wanted: Sequence[Place]) -> OtherTables:
    """Say for which FOVs there is no table; raise where there is none at all."""
    if not found.tables:
        if found.problems:
            raise ConfigError(*found.problems)
        raise _fault(
            "no-other-tables",
            "no table is there for any FOV of the review.",
            Path(found.name),
            remedy="Tables are expected at {row}/{column}/{fov}/ in it, as in tracks_path.",
        )
    without = [place for place in wanted if place not in found.tables]
    if not without:
        return found
    words = choices(f"{experiment} {fov}" for experiment, fov in without)
    problem = Problem(
        "no-other-table",
        f"The other has no table for {counted(len(without), 'FOV')}, and they are not compared: "
        f"{words}.",
        severity="warning",
        count=len(without),
    )
    return replace(found, problems=(*found.problems, problem))


def _fault(
    kind: str, message: str, other: Path, experiment: str | None = None, remedy: str = ""
) -> ConfigError:
    return ConfigError(
        Problem(
            kind,
            message,
            remedy or "Give a folder of tables, one table, or another config of the same plates.",
            experiment=experiment or "",
            file=str(other),
        )
    )
