"""A first config from plates: what their stores say, and what a person has to add."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lineage_triplets.engine.errors import ConfigError, Problem, StoreError, choices, counted
from lineage_triplets.engine.files import whole_file
from lineage_triplets.engine.plates.channels import placeholder_names
from lineage_triplets.engine.plates.plate import Plate, only_plate_inside, open_plate
from lineage_triplets.engine.plates.stores import join, last_name, location
from lineage_triplets.engine.settings.file import locate_experiment, written_experiment
from lineage_triplets.engine.settings.model import DatasetConfig, ExperimentConfig
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.engine.settings.yaml import write_yaml_text
from lineage_triplets.engine.tracks.read import FovTables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.plates.image import Fov
    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.engine.settings.track_transform import TrackTransform


@dataclass(frozen=True)
class FoundPlate:
    """What a plate's store says about itself.

    Attributes
    ----------
    name : str
        The folder's name without its ending, for the experiment.
    plate : Plate
    fov_names : list of str
    first_fov : Fov
    channel_names : list of str
        ``channel 0``, … where the store has no name.
    inside : str
        Where it lies below the path that was given; empty where that is the plate.
    """

    name: str
    plate: Plate
    fov_names: list[str]
    first_fov: Fov
    channel_names: list[str]
    inside: str = ""

    @property
    def path(self) -> str:
        """Folder or URL of the store."""
        return self.plate.path

    @property
    def wells(self) -> tuple[str, ...]:
        """Wells of the plate."""
        return self.plate.wells

    @property
    def n_frames(self) -> int:
        """Frames of the first FOV."""
        return self.first_fov.shape[0]

    @property
    def interval_minutes(self) -> float | None:
        """The store's own interval, often wrong; None where it has none."""
        return self.first_fov.interval_minutes

    def description(self) -> str:
        """One line on wells, FOVs, frames, size, pixel size and the store's own interval."""
        fov = self.first_fov
        t, c, z, y, x = fov.shape
        pixel = "pixel size unknown"
        # 1 along all axes is what writers put down that know none.
        if fov.pixel_size_um is not None and fov.pixel_size_um != (1.0, 1.0, 1.0):
            size_z, size_y, size_x = fov.pixel_size_um
            pixel = f"{size_y:g} x {size_x:g} um pixels"
            pixel += f", {size_z:g} um between slices" if z > 1 else ""
        interval = ""
        if fov.interval_minutes is not None:
            minutes = fov.interval_minutes
            said = f"{minutes:g} min" if minutes >= 1 else f"{minutes * 60:g} s"
            interval = f", {said} between frames by the store"
        n_named = sum(label is not None for label in fov.channel_labels[:c])
        unnamed = f", {n_named} of them named" if n_named else " without names"
        unnamed = unnamed if n_named < c else ""
        below = f"it lies in the group {self.inside}; " if self.inside else ""
        n_wells = len(self.plate.wells)
        wells = f"{n_wells} series" if self.plate.series else counted(n_wells, "well")
        return (
            f"{below}{counted(len(self.fov_names), 'FOV')} in {wells} "
            f"({choices(self.plate.wells)}); {counted(t, 'frame')}, {counted(c, 'channel')}"
            f"{unnamed}, {counted(z, 'slice')} of {y} x {x}; {pixel}{interval}"
        )


def inspect_plate(path: str | Path) -> FoundPlate:
    """Read what a plate, collection or image says about itself.

    A group that is none of these stands for the one that it holds.

    Raises
    ------
    StoreError
        It is none, and does not hold just one; or it has no FOV.
    """
    plate, inside = _open_at_or_below(path)
    fov_names, fov = plate.fov_names(), plate.first_fov()
    channels = placeholder_names(fov.channel_labels, fov.shape[1])
    stem = last_name(path).removesuffix(".zarr").removesuffix(".ome")
    return FoundPlate(stem, plate, fov_names, fov, list(channels), inside)


def _open_at_or_below(path: str | Path) -> tuple[Plate, str]:
    """A plate, and where it lies below a group that holds it alone."""
    try:
        return open_plate(path), ""
    except StoreError as error:
        inside = only_plate_inside(path) if error.problems[0].kind == "not-a-plate" else None
        if inside is None:
            raise
    return open_plate(join(location(path), inside)), inside


def find_tracks(found: FoundPlate, folder: str | Path, reading: TrackReading | None = None) -> Path:
    """Find a plate's tables: in `folder`, or in ``{plate}`` or ``{plate}_tracks`` there.

    Parameters
    ----------
    reading : TrackReading, optional
        How they are read, where their content does not say it.

    Raises
    ------
    ConfigError
        None of these has a table for any FOV of the plate.
    """
    root = Path(folder)
    places = [root / f"{found.name}_tracks", root / found.name, root]
    for place in places:
        if first_table(found, place, reading) is not None:
            return place
    raise ConfigError(
        Problem(
            "no-table",
            f"no track table for any FOV of {found.name} in {choices(places)}.",
            f"Tables are expected at {{tracks}}/{found.plate.folder_pattern}/."
            if root.exists()
            else f"There is no {root}: name the folder that has the tables.",
            experiment=found.name,
            field="tracks_path",
        )
    )


def first_table(found: FoundPlate, place: Path, reading: TrackReading | None = None) -> Path | None:
    """Return the table of the first FOV that has one below `place`.

    Raises
    ------
    TrackTableError, StoreError
        As of `FovTables`.
    """
    tables = map(FovTables(found.plate, place, reading).find, found.fov_names)
    return next((table for table in tables if table is not None), None)


class NamedChannels(Protocol):
    """A plate, or what becomes one."""

    @property
    def name(self) -> str:
        """The experiment's name."""

    @property
    def channel_names(self) -> list[str]:
        """A name for each channel."""


def shared_channels(plates: Sequence[NamedChannels]) -> list[str]:
    """Channels that all plates have, in the first one's order.

    Raises
    ------
    ConfigError
        There is none.
    """
    shared = [
        name
        for name in plates[0].channel_names
        if all(name in plate.channel_names for plate in plates)
    ]
    if shared:
        return shared
    listed = "; ".join(f"{plate.name}: {choices(plate.channel_names)}" for plate in plates[:12])
    listed += f"; … ({len(plates)} in all)" if len(plates) > 12 else ""
    raise ConfigError(
        Problem(
            "source-channel",
            f"no channel name is in all plates ({listed}).",
            "Write one config a plate, put them together, and choose source_channel in each.",
            field="source_channel",
        )
    )


def save_draft(
    path: str | Path,
    plates: Sequence[FoundPlate],
    tracks: Sequence[Path],
    *,
    source_channel: Sequence[str],
    interval_minutes: Mapping[str, float],
    conditions: Mapping[str, Mapping[str, Sequence[str]]],
    readings: Mapping[str, TrackReading | None] | None = None,
    track_transforms: Mapping[str, TrackTransform | None] | None = None,
    overwrite: bool = False,
) -> None:
    """Write an experiments YAML, what the stores say in comments above each entry.

    Where the usual patches do not fit into the images, it has a size that does.

    Parameters
    ----------
    path : str or Path
        The file; plates and tables are written relative to it.
    plates : sequence of FoundPlate
    tracks : sequence of Path
        Folder of the tables of each plate.
    source_channel : sequence of str
        One channel a slot, of every plate.
    interval_minutes : dict of str to float
        By plate name.
    conditions : dict
        By plate name: condition to wells.
    readings : dict of str to TrackReading, optional
        By plate name, how its tables are read, where their content does not say it.
    track_transforms : dict of str to TrackTransform, optional
        By plate name, where its tables are not in the images' frames and pixels.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    ConfigError
        A channel or well that a plate does not have, or a channel's name that it has twice.
    OutputExistsError, OutputError
        Nothing is left half written.
    """
    target = Path(path).absolute()
    parts = []
    for found, folder in zip(plates, tracks, strict=True):
        check_channels(found, source_channel)
        _check_wells(found, conditions[found.name])
        config = ExperimentConfig(
            name=found.name,
            data_path=_relative(found.plate.path, target.parent),
            tracks_path=_relative(folder, target.parent),
            channel_names=found.channel_names,
            source_channel=list(source_channel),
            condition_wells={name: list(wells) for name, wells in conditions[found.name].items()},
            interval_minutes=interval_minutes[found.name],
            tracks=(readings or {}).get(found.name),
            track_transform=(track_transforms or {}).get(found.name),
        )
        entry = written_experiment(locate_experiment(config, target.parent), target.parent)
        optional = {"organelle", "date", "moi"}
        entry = {key: value for key, value in entry.items() if key not in optional}
        body = write_yaml_text({"experiments": [entry]}).removeprefix("experiments:\n")
        parts.append(f"# {found.name}: {found.description()}\n{body}")
    written = "experiments:\n" + "".join(parts) + _patches_that_fit(plates)
    with whole_file(target, overwrite=overwrite) as temporary:
        temporary.write_text(written, encoding="utf-8")


def _patches_that_fit(plates: Sequence[FoundPlate]) -> str:
    """Settings for images that are smaller than the usual patch; nothing for larger ones."""
    usual = min(DatasetConfig().yx_patch_size)
    height, width = (min(found.first_fov.shape[axis] for found in plates) for axis in (3, 4))
    smallest = min(height, width)
    if smallest >= usual:
        return ""
    side = min(smallest, max(16, smallest // 2 // 16 * 16))
    return (
        f"# The usual patches, {usual} x {usual}, do not fit into {height} x {width} pixels: give "
        f"the size that your model takes.\ndataset:\n  yx_patch_size: [{side}, {side}]\n"
    )


def _relative(path: str | Path, folder: Path) -> str:

    return str(path) if is_url(str(path)) else os.path.relpath(Path(path).absolute(), folder)


def check_channels(found: FoundPlate, source_channel: Sequence[str]) -> None:
    """Refuse slots' channels that a plate does not have, or has twice.

    Raises
    ------
    ConfigError
        The first of them.
    """
    absent = [name for name in source_channel if name not in found.channel_names]
    if absent:
        raise ConfigError(
            Problem(
                "source-channel",
                f"the plate has no channel {absent[0]!r}.",
                f"It has: {choices(found.channel_names)}.",
                experiment=found.name,
                field="source_channel",
            )
        )
    twice = [name for name in source_channel if found.channel_names.count(name) > 1]
    if twice:
        raise ConfigError(
            Problem(
                "ambiguous-channel",
                f"{twice[0]!r} names {found.channel_names.count(twice[0])} channels of "
                f"{found.channel_names}.",
                "Leave it out (--source-channel), or write the store anew with a name for each: "
                f"`lineage-triplets import {found.plate.path} --rechunk --channel NAME "
                "--channel NAME … --out NEW.zarr`.",
                experiment=found.name,
                field="source_channel",
            )
        )


def _check_wells(found: FoundPlate, conditions: Mapping[str, Sequence[str]]) -> None:
    for wells in conditions.values():
        for well in wells:
            if well not in found.plate.wells:
                raise ConfigError(
                    Problem(
                        "unknown-well",
                        f"the plate has no well {well!r}.",
                        f"It has: {choices(found.plate.wells)}.",
                        experiment=found.name,
                        field="condition_wells",
                    )
                )
