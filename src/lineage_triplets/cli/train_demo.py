"""The command ``train-demo``: a small encoder that learns from a config's pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.progress import Progress
from rich.table import Table

from lineage_triplets.cli import common
from lineage_triplets.cli.common import share_or_names, terminal
from lineage_triplets.engine.errors import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.training.example.run import Judged


def train_demo(
    config: Annotated[
        Path | None,
        typer.Argument(help="A config to train on; by default movies are simulated."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The folder of the result, and of the movies.")
    ] = Path("train-demo"),
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Passes over the anchors.")] = 8,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of movies, pairs, order, weights.")
    ] = 0,
    order: Annotated[
        str, typer.Option("--order", help="How an epoch is read: near or random.")
    ] = "near",
    split_by: Annotated[
        str | None,
        typer.Option(
            "--split-by",
            help="What is held out whole: lineage, fov, well, condition or experiment. By default "
            "lineages; of simulated movies FOVs.",
        ),
    ] = None,
    val: Annotated[
        str | None,
        typer.Option("--val", help="Share that is held out, or its names; a quarter by default."),
    ] = None,
    normalize: Annotated[
        str | None,
        typer.Option(
            "--normalize",
            help="patch, fov_statistics, dataset_statistics or timepoint_statistics. By default "
            "patch; of simulated movies fov_statistics.",
        ),
    ] = None,
    overwrite: common.Overwrite = False,
) -> None:
    """Train a small contrastive encoder on the CPU in minutes, and judge it on held-out lineages.

    It is an example of a loop and a first look at a config, no model to keep. Without CONFIG it
    simulates movies of dividing cells, in which two conditions differ by a reporter.
    """
    from lineage_triplets.training.example.demo import train_demo as run

    with Progress(console=terminal(stderr=True), transient=True) as shown:
        task = shown.add_task("Reading the config", total=None)
        made = run(
            config,
            out,
            epochs=epochs,
            seed=seed,
            order=order,  # type: ignore[arg-type]
            split_by=split_by,  # type: ignore[arg-type]
            val=None if val is None else share_or_names(val),
            normalize=normalize,  # type: ignore[arg-type]
            overwrite=overwrite,
            progress=lambda words, done, total: shown.update(
                task, description=words, completed=done, total=total
            ),
        )
    console = terminal()
    console.print(f"{made.config_path}: {made.split_words}", soft_wrap=True)
    losses = ", ".join(f"{loss:.2f}" for loss in made.losses)
    console.print(f"Mean loss of each epoch: {losses}", soft_wrap=True)
    table = Table(title="on what was held out", title_justify="left", box=SIMPLE_HEAD)
    for column in ("", "cells", "chance", "untrained", "trained"):
        table.add_column(column, justify="right" if column else "left")
    for row in _rows(made.untrained, made.trained):
        table.add_row(*row)
    console.print(table)
    for what, file in made.files.items():
        console.print(f"{what}: {visible(str(file))}", soft_wrap=True)


def _rows(before: Judged, after: Judged) -> Iterator[tuple[str, ...]]:
    """A row for each thing that was judged; what could not be asked is left empty."""
    for title, found, later in (
        ("nearest cell is of the lineage", before.lineages, after.lineages),
        ("nearest other track is of the lineage", before.relatives, after.relatives),
    ):
        if found.n_asked:
            figures = (f"{share:.1%}" for share in (found.chance, found.recall, later.recall))
            yield title, f"{found.n_asked:,}", *figures
        else:
            yield title, "0", "", "", ""
    for title, first, then in (
        ("condition, by a linear probe", before.condition, after.condition),
        ("divides within 2 h, by a linear probe", before.fate, after.fate),
    ):
        if first is None or then is None:
            yield title, "0", "", "", ""
        else:
            shares = (first.chance, first.balanced_accuracy, then.balanced_accuracy)
            yield title, f"{first.n_judged:,}", *(f"{share:.1%}" for share in shares)
