"""Commands that write: init, draft, index and simulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.text import Text

from lineage_triplets.cli import common, tables
from lineage_triplets.cli.asked import ask_interval, check_conditions, conditions_of, intervals_of
from lineage_triplets.cli.common import print_problems, terminal
from lineage_triplets.cli.look import diagnosed
from lineage_triplets.engine.errors import MOST_LISTED, choices, counted, visible
from lineage_triplets.engine.files import refuse_existing, whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.first_config import FoundPlate
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.engine.settings.track_reading import TrackReading


def draft(
    config: common.Config,
    out: Annotated[Path, typer.Option("--out", "-o", help="The YAML file to write.")],
    patch_size: common.PatchSize = None,
    tau_hours: common.TauHours = None,
    z_slices: common.ZSlices = None,
    border: common.BorderOption = None,
    relation: common.RelationOption = None,
    seed: common.Seed = None,
    path_map: common.PathMap = None,
    overwrite: common.Overwrite = False,
) -> None:
    """Write the whole config that training reads as a draft, without a review.

    Nothing is written while the config or its data have errors; all of them are listed.
    """
    from lineage_triplets import __version__
    from lineage_triplets.engine.dataset.verification import draft_of
    from lineage_triplets.engine.settings.file import save_config

    refuse_existing(out, overwrite)
    read = common.read_with_options(
        config, patch_size, tau_hours, z_slices, border, relation, path_map, seed=seed
    )
    loaded, index = usable(config, *read)
    with terminal(stderr=True).status("Reading patches for the fingerprints"):
        written = draft_of(loaded, index, __version__)
    save_config(written, out, overwrite=overwrite)
    terminal().print(
        f"Draft of {counted(len(index.registry.experiments), 'experiment')} with "
        f"{len(index.anchor_rows):,} anchors: {out}\nTrain on it: "
        f'MultiExperimentTripletDataset.from_config("{out}")',
        soft_wrap=True,
    )


def index_table(
    config: common.Config,
    out: Annotated[Path, typer.Option("--out", "-o", help="The Parquet file to write.")],
    patch_size: common.PatchSize = None,
    tau_hours: common.TauHours = None,
    z_slices: common.ZSlices = None,
    border: common.BorderOption = None,
    relation: common.RelationOption = None,
    scheduler: common.Scheduler = None,
    path_map: common.PathMap = None,
    overwrite: common.Overwrite = False,
) -> None:
    """Write the index as a table: one row an observation, and whether it can be an anchor."""
    if out.suffix.lower() not in {".parquet", ".pq"}:
        raise typer.BadParameter(f"{out.name!r} does not end in .parquet", param_hint="--out")
    refuse_existing(out, overwrite)
    read = common.read_with_options(
        config, patch_size, tau_hours, z_slices, border, relation, path_map
    )
    _, index = usable(config, *read, scheduler)
    table = index.tracks
    is_anchor = table.index.isin(index.anchor_rows)
    with whole_file(out, overwrite=overwrite) as temporary:
        table.assign(is_valid_anchor=is_anchor).to_parquet(temporary, index=False)
    terminal().print(
        f"{len(table):,} observations, {len(index.anchor_rows):,} of them valid anchors: {out}",
        soft_wrap=True,
    )


def simulate_sample(
    out: Annotated[Path, typer.Argument(help="The folder to write.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same bytes.")] = 0,
    faults: Annotated[
        bool, typer.Option("--faults", help="Plant faults, and list them in planted.json.")
    ] = False,
    overwrite: common.Overwrite = False,
) -> None:
    """Write simulated movies of dividing cells: three experiments, plates, tables, a config."""
    from lineage_triplets.simulate import SAMPLE_FAULTS, sample

    with Progress(console=terminal(stderr=True), transient=True) as progress:
        task = progress.add_task("Simulating", total=None)
        result = sample(
            out,
            seed=seed,
            faults=SAMPLE_FAULTS if faults else None,
            overwrite=overwrite,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    terminal().print(f"Simulated sample: {result.config_path}", soft_wrap=True)
    if faults:
        terminal().print(f"{len(result.planted)} planted faults: {out / 'planted.json'}")


def usable(
    path: Path,
    config: TripletConfig | None,
    problems: list[Problem],
    scheduler: str | None = None,
) -> tuple[TripletConfig, MultiExperimentIndex]:
    """The config and its index; lists every problem and exits with 1 if it has errors."""
    found = diagnosed(path, config, problems, terminal(stderr=True), scheduler)
    # Of some that call this, a second run is refused: what the first one wrote is there.
    has_all = "`validate CONFIG --all`, with the same options, prints all"
    print_problems(found.problems, terminal(stderr=True), has_all)
    if found.errors or found.config is None or found.index is None:
        raise typer.Exit(1)
    return found.config, found.index


def init(
    plates: Annotated[
        list[str],
        typer.Argument(
            help="OME-Zarr plates or single images: folders or URLs.",
            # Before options are missed: what images need is another command.
            callback=_refuse_images,
            is_eager=True,
        ),
    ],
    tracks: Annotated[
        list[Path],
        typer.Option(
            "--tracks",
            help="Folder of the track tables: one a plate in the same order, or one for all that "
            "has {plate} or {plate}_tracks.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The YAML to write.")] = Path(
        "experiments.yml"
    ),
    interval: Annotated[
        list[str] | None,
        typer.Option(
            "--interval",
            help="Minutes between frames, for all plates or for one; repeatable.",
            metavar="[PLATE=]MINUTES",
        ),
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--condition",
            help="What wells were treated with, in all plates or in one; repeatable.",
            metavar="[PLATE:]NAME=WELL,WELL",
        ),
    ] = None,
    source_channel: Annotated[
        list[str] | None,
        typer.Option(
            "--source-channel",
            help="Channel of each slot, in order; repeatable. All that the plates share by "
            "default.",
        ),
    ] = None,
    columns: tables.Columns = None,
    parent: tables.Parent = None,
    tracks_format: tables.Format = None,
    unit: tables.Unit = None,
    first_frame: tables.FirstFrame = None,
    guess: tables.Guess = False,
    overwrite: common.Overwrite = False,
) -> None:
    """Write an experiments YAML from plates: channels, wells, FOVs and sizes are read from them.

    What stores do not know (true interval, conditions) is asked for, or given as options.
    """
    from lineage_triplets.engine.first_config import (
        check_channels,
        first_table,
        inspect_plate,
        save_draft,
        shared_channels,
    )

    refuse_existing(out, overwrite)
    console = terminal()
    found = [inspect_plate(path) for path in plates]
    names = [plate.name for plate in found]
    if len(set(names)) < len(names):
        raise typer.BadParameter(f"two plates have the same name: {choices(names)}")
    wells = {plate.name: plate.plate.wells for plate in found}
    check_conditions(wells, condition or [])
    minutes = intervals_of(names, interval or [])
    said = tables.said_of_tables(columns, parent, tracks_format, unit, first_frame, guess=guess)
    folders = _folders(found, tracks, said.reading)
    for plate in found:
        console.print(
            Text.assemble((visible(plate.name), "bold"), f": {visible(plate.description())}"),
            soft_wrap=True,
        )
        channels_found = visible(choices(plate.channel_names, limit=MOST_LISTED))
        console.print(f"  channels: {channels_found}", soft_wrap=True)
    settled = {
        plate.name: tables.settle(
            said,
            first_table(plate, folder, said.reading),
            n_frames=plate.first_fov.shape[0],
            experiment=plate.name,
        )
        for plate, folder in zip(found, folders, strict=True)
    }
    channels = source_channel or shared_channels(found)
    for plate in found:
        check_channels(plate, channels)
    intervals = {
        plate.name: minutes.get(plate.name) or ask_interval(plate.name, plate.first_fov)
        for plate in found
    }
    conditions = {name: conditions_of(name, wells[name], condition or []) for name in names}
    save_draft(
        out,
        found,
        folders,
        source_channel=channels,
        interval_minutes=intervals,
        conditions=conditions,
        readings={name: of_plate.reading for name, of_plate in settled.items()},
        track_transforms={name: of_plate.transform for name, of_plate in settled.items()},
        overwrite=overwrite,
    )
    slots = ", ".join(f"{slot}: {channel}" for slot, channel in enumerate(channels))
    console.print(
        f"Slots {slots}\n{out} is written. Next: lineage-triplets validate {out}",
        soft_wrap=True,
    )


def _refuse_images(plates: list[str]) -> list[str]:
    """Say where images go that are no plates yet; give the plates back."""
    from lineage_triplets.engine.errors import ConfigError, Problem
    from lineage_triplets.engine.plates.stores import NODE_FILES
    from lineage_triplets.engine.settings.paths import is_url
    from lineage_triplets.imports.sources import is_importable
    from lineage_triplets.imports.sources.ctc import brings_tables

    for path in plates:
        if is_url(path) or any(Path(path, name).exists() for name in NODE_FILES):
            continue
        if is_importable(path):
            tables = "" if brings_tables(Path(path)) else " --tracks TABLE"
            raise ConfigError(
                Problem(
                    "not-zarr",
                    "these are images, and no OME-Zarr plate.",
                    f"`lineage-triplets import {path} --out PLATE.zarr{tables}` makes a plate of "
                    "them, and its config.",
                    file=path,
                )
            )
    return plates


def _folders(
    found: Sequence[FoundPlate], tracks: Sequence[Path], reading: TrackReading | None
) -> list[Path]:
    from lineage_triplets.engine.first_config import find_tracks

    if len(tracks) not in (1, len(found)):
        raise typer.BadParameter(
            f"{len(tracks)} folders for {len(found)} plates: give one for all, or one a plate",
            param_hint="--tracks",
        )
    folders = list(tracks) * len(found) if len(tracks) == 1 else list(tracks)
    return [
        find_tracks(plate, folder, reading) for plate, folder in zip(found, folders, strict=True)
    ]
