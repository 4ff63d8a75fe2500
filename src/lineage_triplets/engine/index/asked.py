"""What settings and exclusions name: experiments, wells and FOVs, some of them in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import Problem, choices, nearest

if TYPE_CHECKING:
    from lineage_triplets.engine.plates.experiments import ExperimentRegistry
    from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions

    NamesPerExperiment = list[str] | dict[str, list[str]] | None


def names_for(names: NamesPerExperiment, experiment: str) -> list[str] | None:
    """The names that hold in an experiment; None where nothing is said."""
    if isinstance(names, dict):
        return names.get(experiment)
    return names


def unknown_names(
    registry: ExperimentRegistry, settings: DatasetConfig, exclude: Exclusions
) -> list[Problem]:
    """Collect the experiments, wells and FOVs that settings and exclusions name in vain."""
    problems = []
    experiments = [config.name for config in registry.experiments]
    for field in ("z_range", "include_wells", "exclude_fovs"):
        value = getattr(settings, field)
        if isinstance(value, dict):
            problems += [
                Problem(
                    "unknown-experiment",
                    f"there is no experiment {name!r}.",
                    nearest(name, experiments),
                    field=field,
                )
                for name in value
                if name not in experiments
            ]
    plates = {opened.config.name: opened.plate for opened in registry.opened}
    for well, where in _with_experiments(settings.include_wells, list(plates)):
        wells = {known_well for experiment in where for known_well in plates[experiment].wells}
        if well not in wells:
            problems.append(
                Problem(
                    "unknown-well",
                    f"there is no well {well!r} in {choices(where)}.",
                    f"There is: {choices(sorted(wells))}.",
                    field="include_wells",
                )
            )
    for name, where in _with_experiments(settings.exclude_fovs, list(plates)):
        if not any(plates[experiment].has_fov(name) for experiment in where):
            problems.append(
                Problem(
                    "unknown-fov",
                    f"there is no FOV {name!r} in {choices(where)}.",
                    "Mend the name, or remove it.",
                    field="exclude_fovs",
                )
            )
    excluded = [(exclusion.experiment, "wells", exclusion.well) for exclusion in exclude.wells]
    excluded += [(exclusion.experiment, "fovs", exclusion.fov) for exclusion in exclude.fovs]
    for experiment, field, name in excluded:
        plate = plates.get(experiment)
        if plate is None or not (name in plate.wells if field == "wells" else plate.has_fov(name)):
            problems.append(
                Problem(
                    "unmatched-exclusion",
                    f"there is no {name!r} to exclude.",
                    "Remove it from the config, or mend the name.",
                    severity="warning",
                    experiment=experiment,
                    field=f"exclude.{field}",
                )
            )
    return problems


def _with_experiments(
    names: NamesPerExperiment, experiments: list[str]
) -> list[tuple[str, list[str]]]:
    """Give each name with the experiments that may have it."""
    if isinstance(names, dict):
        return [
            (name, [experiment])
            for experiment, listed in names.items()
            if experiment in experiments
            for name in listed
        ]
    return [(name, experiments) for name in names or []]
