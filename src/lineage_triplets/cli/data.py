"""Commands that write: draft, index and simulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from lineage_triplets.cli import options
from lineage_triplets.cli.look import diagnosed
from lineage_triplets.cli.output import print_problems
from lineage_triplets.engine.files import refuse_existing, whole_file

if TYPE_CHECKING:
    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import TripletConfig


def draft(
    config: options.Config,
    out: Annotated[Path, typer.Option("--out", "-o", help="The YAML file to write.")],
    patch_size: options.PatchSize = None,
    tau_hours: options.TauHours = None,
    z_slices: options.ZSlices = None,
    border: options.BorderOption = None,
    relation: options.RelationOption = None,
    path_map: options.PathMap = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write the whole config that training reads as a draft, without a review.

    Nothing is written while the config or its data have errors; all of them are listed.
    """
    from lineage_triplets import __version__
    from lineage_triplets.engine.dataset.verification import draft_of
    from lineage_triplets.engine.settings.file import save_config

    refuse_existing(out, overwrite)
    read = options.read_with_options(
        config, patch_size, tau_hours, z_slices, border, relation, path_map
    )
    loaded, index = _usable(config, *read)
    with Console(stderr=True).status("Reading patches for the fingerprints"):
        written = draft_of(loaded, index, __version__)
    save_config(written, out, overwrite=overwrite)
    Console().print(
        f"Draft of {len(index.registry.experiments)} experiments with "
        f"{len(index.anchor_rows):,} anchors: {out}\nTrain on it: "
        f'MultiExperimentTripletDataset.from_config("{out}")',
        highlight=False,
        soft_wrap=True,
    )


def index_table(
    config: options.Config,
    out: Annotated[Path, typer.Option("--out", "-o", help="The Parquet file to write.")],
    patch_size: options.PatchSize = None,
    tau_hours: options.TauHours = None,
    z_slices: options.ZSlices = None,
    border: options.BorderOption = None,
    relation: options.RelationOption = None,
    path_map: options.PathMap = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write the index as a table: one row an observation, and whether it can be an anchor."""
    if out.suffix.lower() not in {".parquet", ".pq"}:
        raise typer.BadParameter(f"{out.name!r} does not end in .parquet", param_hint="--out")
    refuse_existing(out, overwrite)
    read = options.read_with_options(
        config, patch_size, tau_hours, z_slices, border, relation, path_map
    )
    _, index = _usable(config, *read)
    table = index.tracks
    is_anchor = table.index.isin(index.anchor_rows)
    with whole_file(out, overwrite=overwrite) as temporary:
        table.assign(is_valid_anchor=is_anchor).to_parquet(temporary, index=False)
    Console().print(
        f"{len(table):,} observations, {len(index.anchor_rows):,} of them valid anchors: {out}",
        highlight=False,
        soft_wrap=True,
    )


def simulate_sample(
    out: Annotated[Path, typer.Argument(help="The folder to write.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same bytes.")] = 0,
    faults: Annotated[
        bool, typer.Option("--faults", help="Plant faults, and list them in planted.json.")
    ] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Write simulated movies of dividing cells: three experiments, plates, tables, a config."""
    from lineage_triplets.simulate import SAMPLE_FAULTS, sample

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Simulating", total=None)
        result = sample(
            out,
            seed=seed,
            faults=SAMPLE_FAULTS if faults else None,
            overwrite=overwrite,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    Console().print(f"Simulated sample: {result.config_path}", highlight=False, soft_wrap=True)
    if faults:
        Console().print(f"{len(result.planted)} planted faults: {out / 'planted.json'}")


def _usable(
    path: Path, config: TripletConfig | None, problems: list[Problem]
) -> tuple[TripletConfig, MultiExperimentIndex]:
    """The config and its index; lists every problem and exits with 1 if it has errors."""
    found = diagnosed(path, config, problems, Console(stderr=True))
    print_problems(found.problems, Console(stderr=True))
    if found.errors or found.config is None or found.index is None:
        raise typer.Exit(1)
    return found.config, found.index
