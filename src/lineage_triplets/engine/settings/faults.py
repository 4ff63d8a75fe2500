"""Arguments as a config has them, and what is wrong with values by themselves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from lineage_triplets.engine.errors import ConfigError, Problem, choices, nearest, shown
from lineage_triplets.engine.settings.model import DatasetConfig, ExperimentConfig
from lineage_triplets.engine.settings.track_transform import TrackTransform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

Section = TypeVar("Section", bound=Any)


def distinct_faults(error: ValidationError) -> list[ErrorDetails]:
    """Give pydantic's faults, where a value fits no type of a union those of the nearest type."""
    nearest_type: dict[tuple[str | int, ...], tuple[str | int, ...]] = {}
    for fault in error.errors():
        loc = fault["loc"]
        place = tuple(itertools.takewhile(lambda part: not is_branch(part), loc))
        if len(loc) > len(nearest_type.get(place, ())):
            nearest_type[place] = loc
    kept = []
    for fault in error.errors():
        loc = fault["loc"]
        place = tuple(itertools.takewhile(lambda part: not is_branch(part), loc))
        branch = len(place) + 1
        if loc[:branch] == nearest_type[place][:branch]:
            kept.append(fault)
    return kept


def is_branch(part: str | int) -> bool:
    """Whether pydantic put a union's branch into the place of a fault."""
    return isinstance(part, str) and (part.startswith(("tuple[", "dict[", "list[", "constrained-")))


def experiment_faults(config: ExperimentConfig) -> list[Problem]:
    """Collect what is wrong in an experiment's own fields."""
    faults = []
    absent = [name for name in config.source_channel if name not in config.channel_names]
    if absent:
        faults.append(
            field_fault(
                config,
                "source_channel",
                "source-channel",
                f"{absent[0]!r} is not among the channel_names {config.channel_names}.",
                nearest(absent[0], config.channel_names),
            )
        )
    if not config.source_channel:
        faults.append(
            field_fault(
                config,
                "source_channel",
                "source-channel",
                "it is empty.",
                f"Name the channels for the model: {choices(config.channel_names)}.",
            )
        )
    repeated = [name for name in config.source_channel if config.channel_names.count(name) > 1]
    if repeated:
        faults.append(
            field_fault(
                config,
                "channel_names",
                "ambiguous-channel",
                f"{repeated[0]!r} names two channels of {config.channel_names}.",
                "Rename one in the store and in the config.",
            )
        )
    if not (math.isfinite(config.interval_minutes) and config.interval_minutes > 0):
        faults.append(
            field_fault(
                config,
                "interval_minutes",
                "bad-interval",
                f"it is {config.interval_minutes:g}.",
                "Give the minutes between frames, above 0.",
            )
        )
    if not any(config.condition_wells.values()):
        faults.append(
            field_fault(
                config,
                "condition_wells",
                "no-conditions",
                "it is empty.",
                "Name at least one condition and its wells: {untreated: [A/1]}.",
            )
        )
    wells = [well for wells in config.condition_wells.values() for well in wells]
    twice = [well for well in wells if wells.count(well) > 1]
    if twice:
        faults.append(
            field_fault(
                config,
                "condition_wells",
                "ambiguous-condition",
                f"the well {twice[0]} is listed twice.",
                "Give each well one condition.",
            )
        )
    return faults


def unset_variable(error: ValueError, **where: str) -> Problem:
    """Say of a path that a variable in it has no value; `where` are fields of `Problem`."""
    return Problem("missing-path", f"{error}.", "Set it, or write the path out.", **where)  # type: ignore[arg-type]


def field_fault(
    config: ExperimentConfig,
    field: str,
    kind: str,
    message: str,
    remedy: str,
    severity: str = "error",
) -> Problem:
    """Say what is wrong with a field of an experiment."""
    return Problem(
        kind,
        message,
        remedy,
        severity="warning" if severity == "warning" else "error",
        experiment=config.name,
        field=field,
    )


def plain_z_range(z_range: object) -> object:
    """Give slices as a config has them."""
    if isinstance(z_range, bool):
        return z_range
    if isinstance(z_range, Integral):
        return int(z_range)
    return dict(z_range.items()) if hasattr(z_range, "items") else z_range


def plain_names(names: Sequence[str] | Mapping[str, Sequence[str]] | None) -> object:
    """Give names of wells or FOVs as a config has them."""
    if names is None or isinstance(names, str):
        return names
    if hasattr(names, "items"):
        return {name: list(listed) for name, listed in names.items()}
    return list(names)


def checked_settings(**arguments: object) -> DatasetConfig:
    """Check arguments as a config's are checked.

    Raises
    ------
    ConfigError
        Names the argument and what was found.
    """
    try:
        return DatasetConfig.model_validate(arguments)
    except ValidationError as error:
        raise _in_words(error) from None


def checked_transform(
    transform: TrackTransform | Mapping[str, object] | None, experiment: str
) -> TrackTransform:
    """Check a transform as a config's is checked; None changes nothing.

    Raises
    ------
    ConfigError
        Names the key and what was found.
    """
    try:
        return TrackTransform.model_validate({} if transform is None else transform)
    except ValidationError as error:
        raise _in_words(error, experiment, "track_transform") from None


def checked_section(kind: type[Section], given: object, field: str) -> Section:
    """Make a dataclass of a section's keys, checked as a config's are, but strict in types.

    Parameters
    ----------
    kind : type
        Its annotations say what a key may be.
    given : object
        A mapping, as YAML gives it, or an instance.
    field : str
        What the section is called.

    Raises
    ------
    ConfigError
        Names the key, what was found, and what there is.
    """
    if isinstance(given, kind):
        given = vars(given)
    kinds = get_type_hints(kind, include_extras=True)
    if not isinstance(given, Mapping):
        message = f"keys and values are expected, found {shown(given)}."
        remedy = f"There is: {choices(kinds)}."
        raise ConfigError(Problem("bad-value", message, remedy, field=field))
    problems = []
    for key, value in given.items():
        if key not in kinds:
            message, remedy = f"unknown key {shown(key)}.", nearest(str(key), list(kinds))
            problems.append(Problem("unknown-key", message, remedy, field=field))
            continue
        try:
            TypeAdapter(kinds[key]).validate_python(value, strict=True)
        except ValidationError as error:
            message = f"{_expected(error)}, found {shown(value)}."
            problems.append(Problem("bad-value", message, field=f"{field}.{key}"))
    if problems:
        raise ConfigError(*problems)
    made: Section = kind(**given)
    return made


def _expected(error: ValidationError) -> str:
    """Say what a value could be, of all types that it was tried as."""
    begins = "Input should be "
    told = dict.fromkeys(fault["msg"].removeprefix(begins) for fault in error.errors())
    return f"{begins}{' or '.join(told)}"


def _in_words(error: ValidationError, experiment: str = "", field: str = "") -> ConfigError:
    return ConfigError(
        *(
            Problem(
                "bad-value",
                f"{fault['msg'].removeprefix('Value error, ')}, found {shown(fault['input'])}.",
                experiment=experiment,
                field=".".join(map(str, filter(None, (field, *fault["loc"][:1])))),
            )
            for fault in distinct_faults(error)
        )
    )
