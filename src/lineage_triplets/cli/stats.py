"""The command ``stats``: statistics of images for normalization."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.progress import Progress
from rich.table import Table

from lineage_triplets.cli import common
from lineage_triplets.cli.common import print_problems, quiet_log, share_or_names, terminal
from lineage_triplets.cli.data import usable
from lineage_triplets.cli.lists import in_full
from lineage_triplets.engine.errors import counted

if TYPE_CHECKING:
    from lineage_triplets.engine.plates.statistics import StatisticsFolder
    from lineage_triplets.training.statistics.run import StatisticsReport

_SHOWN = ("mean", "std", "p1", "median", "p99", "max")


def stats(
    config: common.Config,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="The folder; CONFIG.statistics beside the config by default."
        ),
    ] = None,
    only_anchors: Annotated[
        bool,
        typer.Option("--only-anchors", help="Plates' statistics are of FOVs with anchors alone."),
    ] = False,
    split_by: Annotated[
        str | None,
        typer.Option(
            "--split-by",
            help="Plates' statistics are of FOVs with anchors of the train side alone, split by "
            "lineage, fov, well, condition or experiment.",
        ),
    ] = None,
    val: Annotated[
        str, typer.Option("--val", help="Share of the validation side, or its names.")
    ] = "0.2",
    test: Annotated[
        str | None, typer.Option("--test", help="Share of the test side, or its names.")
    ] = None,
    split_seed: Annotated[
        int, typer.Option("--split-seed", min=0, help="Which groups are drawn.")
    ] = 0,
    anew: Annotated[
        bool, typer.Option("--anew", help="Read again what is finished: pixels changed.")
    ] = False,
    into_plate: Annotated[
        bool, typer.Option("--into-plate", help="Write them into the plates' attributes too.")
    ] = False,
    scheduler: common.Scheduler = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", min=1, help="As many as this process has CPUs by default."),
    ] = None,
    path_map: common.PathMap = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace statistics that plates have already.")
    ] = False,
) -> None:
    """Compute statistics of all FOVs, frames and plates, for normalization in training.

    What is finished is kept when it is stopped, and is not read again the next time. Exits with 1
    if a FOV cannot be read.
    """
    from lineage_triplets.engine.plates.statistics import SUFFIX, StatisticsFolder
    from lineage_triplets.training.split import split_anchors
    from lineage_triplets.training.statistics.attributes import write_into_plates
    from lineage_triplets.training.statistics.run import compute_statistics, fovs_with_anchors

    if split_by is None and (val, test) != ("0.2", None):
        raise typer.BadParameter(
            "it is of a split", param_hint="--val or --test without --split-by"
        )
    read, problems = common.read_with_options(config, None, None, None, None, None, path_map)
    if read is not None:
        # What is in focus is known afterwards.
        anywhere = read.dataset.model_copy(update={"z_centre": "cell"})
        read = read.model_copy(update={"dataset": anywhere})
    loaded, index = usable(config, read, problems, scheduler)
    folder = out or config.with_suffix(SUFFIX)
    in_plate = fovs_with_anchors(index) if only_anchors else None
    if split_by is not None:
        sides = split_anchors(
            index,
            split_by,  # type: ignore[arg-type]
            val=share_or_names(val),
            test=None if test is None else share_or_names(test),
            seed=split_seed,
        )
        in_plate = fovs_with_anchors(index, sides.train)
    console, messages = terminal(), terminal(stderr=True)
    with quiet_log(), Progress(console=messages, transient=True) as progress:
        task = progress.add_task("Reading images", total=None)
        report = compute_statistics(
            index,
            folder,
            in_plate=in_plate,
            anew=anew,
            scheduler=scheduler,
            n_threads=threads,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    # Of a FOV that is finished, nothing is said again.
    print_problems(report.problems, messages, in_full(options="--anew"))
    console.print(_table(StatisticsFolder(folder), report))
    console.print(
        f"{counted(report.n_read, 'FOV')} read, {report.n_known} finished before: {folder}",
        soft_wrap=True,
    )
    if any(problem.severity == "error" for problem in report.problems):
        raise typer.Exit(1)
    if into_plate:
        n_written, problems = write_into_plates(index, folder, overwrite=overwrite)
        print_problems(problems, messages, in_full(options="" if overwrite else "--overwrite"))
        console.print(f"The attributes of {counted(n_written, 'FOV')} have them too.")
    if loaded.dataset.statistics_path != str(folder.absolute()):
        console.print(
            f"For training, say in {config.name}, under dataset:\n  statistics_path: {folder.name}"
            if out is None
            else f"For training, say in {config.name}, under dataset:\n  statistics_path: {folder}",
            soft_wrap=True,
        )


def _table(files: StatisticsFolder, report: StatisticsReport) -> Table:
    table = Table(title="statistics of plates", title_justify="left", box=SIMPLE_HEAD)
    for title in ("experiment", "channel", "FOVs", *_SHOWN):
        is_text = title in {"experiment", "channel"}
        table.add_column(title, justify="left" if is_text else "right", overflow="fold")
    for experiment, n_fovs in report.plates.items():
        content = files.read(files.plate_file(experiment)) or {}
        for channel, levels in content.get("normalization", {}).items():
            values = levels["dataset_statistics"]
            table.add_row(
                experiment, channel, str(n_fovs), *(f"{values[name]:.5g}" for name in _SHOWN)
            )
    return table
