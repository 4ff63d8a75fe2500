"""The command that makes plates of other images: import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from lineage_triplets.cli import tables
from lineage_triplets.cli.asked import ask, check_conditions, conditions_of
from lineage_triplets.cli.common import print_problems, terminal
from lineage_triplets.cli.lists import first_of, in_full, print_more
from lineage_triplets.engine.errors import MOST_LISTED, choices, counted, visible
from lineage_triplets.engine.files import refuse_existing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from lineage_triplets.imports import ImportPlan, Question


def import_images(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="TIFF, ND2, CZI and LIF files, folders of TIFFs, or of the Cell Tracking "
            "Challenge; B/2/0=PATH says which FOV one becomes.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The plate's folder, to be made.")],
    tracks: Annotated[
        list[Path] | None,
        typer.Option(
            "--tracks",
            help="Track table of the FOV, or folder of all tables; or one a FOV, in this order.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="The YAML to write; by default the plate's name with .yml."),
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option("--axes", help="What the files' axes are, as in TCYX.", metavar="AXES"),
    ] = None,
    gaps: Annotated[
        str | None,
        typer.Option(
            "--gaps",
            help="Planes that are not there: left absent, or their frames dropped.",
            metavar="absent|drop",
        ),
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", help="Name of each channel, in order; repeatable."),
    ] = None,
    pixel_size: Annotated[
        str | None,
        typer.Option(
            "--pixel-size-um", help="Size of a pixel, in micrometres.", metavar="[[Z,]Y,]X"
        ),
    ] = None,
    interval: Annotated[
        float | None, typer.Option("--interval-minutes", help="Minutes between frames.")
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--condition",
            help="What wells were treated with; repeatable.",
            metavar="NAME=WELL,WELL",
        ),
    ] = None,
    columns: tables.Columns = None,
    parent: tables.Parent = None,
    tracks_format: tables.Format = None,
    unit: tables.Unit = None,
    first_frame: tables.FirstFrame = None,
    guess: tables.Guess = False,
    rechunk: Annotated[
        bool, typer.Option("--rechunk", help="Write an OME-Zarr store anew, for reading patches.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep what is written if it stops, and go on from there."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what was recognised, and write nothing.")
    ] = False,
) -> None:
    """Make a plate of images that are no OME-Zarr, and the config of a plate and its tables.

    What files do not say, or not surely, is asked for, or given as options.
    """
    from lineage_triplets.imports import run_import
    from lineage_triplets.imports.tables import (
        first_table,
        plate_stem,
        refuse_tables,
        refuse_unknown_size,
    )

    if gaps not in (None, "absent", "drop"):
        raise typer.BadParameter(f"{gaps!r} is neither absent nor drop", param_hint="--gaps")
    answers: dict[str, Any] = {
        "axes": axes,
        "gaps": gaps,
        "channel_names": channel or [],
        "pixel_size_um": _sizes(pixel_size),
        "interval_minutes": interval,
    }
    plan = _planned(sources, answers, rechunk=rechunk, dry_run=dry_run)
    console = terminal()
    said = tables.said_of_tables(columns, parent, tracks_format, unit, first_frame, guess=guess)
    given = list(tracks or plan.tables)
    yaml = config or out.with_name(plate_stem(out) + ".yml")
    wells = list(dict.fromkeys(fov.name.rpartition("/")[0] for fov in plan.fovs))
    check_conditions({plate_stem(out): wells}, condition or [])
    if given and not rechunk:
        refuse_existing(yaml, overwrite=False)
        refuse_tables(given, plan, out, said.reading)
        _refuse_count(given, plan)
        said = tables.settle(
            said, first_table(given, plan, said.reading), n_frames=plan.fovs[0].shape[0]
        )
        refuse_unknown_size(given, plan, said.reading, said.transform)
    if dry_run:
        return
    conditions = {}
    if given and not rechunk:
        conditions = conditions_of(plate_stem(out), wells, condition or [], unless_asked="unknown")
    with _progress() as progress:
        task = progress.add_task("Writing", total=plan.n_bytes)
        run_import(
            plan,
            out,
            progress=lambda step: progress.update(task, completed=step.n_bytes_done),
            resume=resume,
        )
    console.print(f"{out} is written.", soft_wrap=True)
    if rechunk:
        console.print("Let data_path of its config name it.")
    elif given:
        _write_config(yaml, out, plan, given, conditions, said, own=not tracks)
        if "unknown" in conditions and not condition:
            console.print(
                "All wells are of the condition 'unknown': give --condition, or edit it.",
                soft_wrap=True,
            )
        console.print(
            f"{yaml} is written. Next: lineage-triplets validate {yaml}",
            soft_wrap=True,
        )
    else:
        console.print(f"Next: lineage-triplets init {out} --tracks TABLES", soft_wrap=True)


def _sizes(text: str | None) -> list[float]:
    try:
        return [float(part) for part in text.split(",")] if text else []
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no list of sizes, as in 0.5 or 2,0.5,0.5", param_hint="--pixel-size-um"
        ) from None


def _planned(
    sources: Sequence[str], answers: dict[str, Any], *, rechunk: bool, dry_run: bool
) -> ImportPlan:
    """Recognise the sources, say what was, and ask for the rest; an error where nobody is there."""
    from lineage_triplets.imports import plan_import

    console, errors = terminal(), terminal(stderr=True)
    with errors.status("Looking at the files"):
        plan = plan_import(sources, **answers, rewrite=rechunk)
    has_all = in_full(options="" if dry_run else "--dry-run")
    while True:
        _print(plan, console, has_all)
        print_problems(plan.warnings, errors, has_all)
        if not plan.questions:
            return plan
        if dry_run or not sys.stdin.isatty():
            plan.refuse_questions()
        for question in plan.questions:
            answers[question.field] = _answer(question)
        with errors.status("Looking at the files"):
            plan = plan_import(sources, **answers, rewrite=rechunk)


def _answer(question: Question) -> Any:
    listed = f" [{choices(question.choices)}]" if question.choices else ""
    text = ask(f"{question.text}{listed}", question.option)
    if question.field == "interval_minutes":
        try:
            return float(text)
        except ValueError:
            raise typer.BadParameter(
                f"{text!r} is no number of minutes", param_hint=question.option
            ) from None
    if question.field == "channel_names":
        return [part.strip() for part in text.split(",")]
    if question.choices and question.field == "gaps" and text not in question.choices:
        raise typer.BadParameter(f"{text!r} is none of {listed}", param_hint=question.option)
    return text


def _print(plan: ImportPlan, console: Console, has_all: str) -> None:
    """Print each FOV with its source and form, and what is known of the scale."""
    asked = {question.field for question in plan.questions}
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for title in ("FOV", "source", "kind"):
        table.add_column(title, overflow="fold")
    for title in ("axes", "T", "C", "Z", "Y", "X", "pixels"):
        table.add_column(title, justify="right", no_wrap=True)
    for fov in first_of(plan.fovs):
        unsure = "?" if "axes" in asked and fov.image.doubt else ""
        table.add_row(
            fov.name,
            fov.image.name,
            fov.image.kind,
            f"{fov.letters}YX{unsure}",
            *map(str, fov.shape),
            fov.image.dtype.name,
        )
    console.print(table)
    print_more(plan.fovs, console, "FOVs", has_all)
    z, y, x = plan.pixel_size_um
    pixel = f"{y:g} x {x:g} um" if y and x else "unknown (--pixel-size-um)"
    slices = "" if plan.fovs[0].shape[2] == 1 else f", slices {f'{z:g} um' if z else 'unknown'}"
    interval = plan.interval_minutes
    names = [
        name or f"{number}: no name (--channel)" for number, name in enumerate(plan.channel_names)
    ]
    for word, text in (
        ("channels", choices(names, limit=MOST_LISTED)),
        ("pixel size", pixel + slices),
        ("interval", f"{interval:g} min" if interval else "unknown (--interval-minutes)"),
        ("size", f"{plan.n_bytes / 1e9:,.3g} GB of pixels"),
    ):
        console.print(f"{word + ':':<12}{visible(text)}", soft_wrap=True)


def _progress() -> Progress:
    return Progress(
        "{task.description}",
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=terminal(stderr=True),
        transient=True,
    )


def _refuse_count(tables: Sequence[Path], plan: ImportPlan) -> None:
    if len(tables) not in (1, len(plan.fovs)):
        raise typer.BadParameter(
            f"{len(tables)} tables for {counted(len(plan.fovs), 'FOV')}: give one a FOV, or a "
            "folder of all",
            param_hint="--tracks",
        )


def _write_config(
    yaml: Path,
    out: Path,
    plan: ImportPlan,
    given: Sequence[Path],
    conditions: dict[str, list[str]],
    said: tables.OfTables,
    *,
    own: bool,
) -> None:
    from lineage_triplets.engine.first_config import find_tracks, inspect_plate, save_draft
    from lineage_triplets.imports.tables import place_tables, transform_of_own

    found = inspect_plate(out)
    transform = said.transform or (transform_of_own(plan) if own else None)
    save_draft(
        yaml,
        [found],
        [find_tracks(found, place_tables(out, plan, given, said.reading), said.reading)],
        source_channel=found.channel_names,
        interval_minutes={found.name: plan.interval_minutes or 1.0},
        conditions={found.name: conditions},
        readings={found.name: said.reading},
        track_transforms={found.name: transform},
    )
