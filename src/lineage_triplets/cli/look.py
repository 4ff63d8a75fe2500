"""Commands that look: validate, preview and links."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from lineage_triplets.cli import common
from lineage_triplets.cli.common import (
    Decisions,
    opened,
    print_index,
    print_listed,
    print_problems,
    quiet_log,
    terminal,
    write_listed,
)
from lineage_triplets.cli.lists import begin_command, first_of, print_more
from lineage_triplets.cli.path_maps import fitting_path_map
from lineage_triplets.engine.errors import ConfigError, Problem, counted, visible
from lineage_triplets.engine.files import refuse_existing, whole_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from lineage_triplets.engine.diagnosis import Diagnosis
    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.qc.find.doubt.links import DoubtedLink

_LINK_COLUMNS = (
    "rank", "experiment", "fov_name", "track_id", "t", "to_track_id", "to_t", "doubt", "pairs",
    "reason",
)  # fmt: skip


def diagnosed(
    path: Path,
    config: TripletConfig | None,
    problems: list[Problem],
    console: Console,
    scheduler: str | None = None,
) -> Diagnosis:
    """Diagnose a config that was read from a file, with some problems already."""
    from lineage_triplets.engine.diagnosis import Diagnosis, diagnose
    from lineage_triplets.engine.settings.file import with_lines

    if config is None:
        return Diagnosis(tuple(problems), None, None)
    doing = "Opening plates and reading tables"
    with quiet_log(), console.status(doing) as status:
        found = diagnose(
            config,
            scheduler=scheduler,
            progress=lambda done, total: status.update(f"{doing}: {done} of {total} plates"),
        )
    return replace(found, problems=(*problems, *with_lines(found.problems, path)))


def validate(
    config: common.Config,
    patch_size: common.PatchSize = None,
    tau_hours: common.TauHours = None,
    z_slices: common.ZSlices = None,
    border: common.BorderOption = None,
    relation: common.RelationOption = None,
    path_map: common.PathMap = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Print every problem, not the first 20 of each kind.")
    ] = False,
) -> None:
    """Show what a config gives, and everything that is wrong with it and its data.

    Exits with 1 if there is an error.
    """
    from lineage_triplets.qc.export.cell_index import numbers_too_large

    if show_all:
        begin_command("validate", in_full=True)
    console = terminal()
    read = common.read_with_options(
        config, patch_size, tau_hours, z_slices, border, relation, path_map
    )
    found = diagnosed(config, *read, terminal(stderr=True))
    if found.index is not None:
        print_index(found.index, console)
        too_large = numbers_too_large(found.index)
        if too_large is not None:
            note = replace(too_large, severity="note")
            found = replace(found, problems=(*found.problems, note))
    print_problems(found.problems, console, "`validate CONFIG --all` prints all")
    n_errors = len(found.errors)
    counts = {
        word: sum(problem.severity == word for problem in found.problems)
        for word in ("error", "warning", "note")
    }
    said = ", ".join(f"{n} {word}{'s' * (n != 1)}" for word, n in counts.items() if n)
    verdict = ("not usable", "bold red") if n_errors else ("usable", "bold green")
    said = f" ({said or 'nothing to complain about'})"
    console.print(Text.assemble(f"{visible(str(config))}: ", verdict, said), soft_wrap=True)
    if n_errors:
        raise typer.Exit(1)


def preview(
    config: common.Config,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture: .png, .jpg or .pdf.")],
    n_pairs: Annotated[
        int, typer.Option("--pairs", "-n", min=1, max=500, help="Pairs of each experiment.")
    ] = 8,
    across_divisions: Annotated[
        bool, typer.Option("--across-divisions", help="Only pairs with a division between them.")
    ] = False,
    experiment: Annotated[
        list[str] | None, typer.Option("--experiment", "-e", help="Only this one; repeatable.")
    ] = None,
    lineage: Annotated[str | None, typer.Option("--lineage", help="Only this lineage_id.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="The config's by default, else 0.")
    ] = None,
    epoch: Annotated[int, typer.Option("--epoch", min=0, help="Whose pairs to show.")] = 0,
    patch_size: common.PatchSize = None,
    tau_hours: common.TauHours = None,
    z_slices: common.ZSlices = None,
    border: common.BorderOption = None,
    relation: common.RelationOption = None,
    decisions: Decisions = None,
    path_map: common.PathMap = None,
    overwrite: common.Overwrite = False,
) -> None:
    """Draw pairs as training draws them: anchor and positive in every slot, tau, relation.

    With what a review of the config decided, and the tau, relation and other settings chosen in
    it. Options of this command go before both.
    """
    from lineage_triplets.engine.dataset.source import PairSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.file import read_config
    from lineage_triplets.qc.look.pairs import preview_sheet, sample_pairs

    if out.suffix.lower() not in {".png", ".jpg", ".jpeg", ".pdf", ".tif", ".tiff"}:
        raise typer.BadParameter(
            f"{out.name!r} has no ending of a picture: .png, .jpg, .pdf or .tif", param_hint="--out"
        )
    refuse_existing(out, overwrite)
    fitting = fitting_path_map(path_map, config)
    read, problems = read_config(config, fitting)
    if read is None or problems:
        raise ConfigError(*problems)
    console = terminal(stderr=True)
    reviewed, n_decisions = _as_decided(config, read, decisions, fitting)
    loaded = common.with_options(reviewed, patch_size, tau_hours, z_slices, border, relation)
    with console.status("Opening plates, reading tables and patches"):
        index = MultiExperimentIndex.from_config(loaded)
        settings = loaded.dataset
        source = PairSource(index, settings)
        chosen_seed = (settings.seed or 0) if seed is None else seed
        pairs = sample_pairs(
            source,
            n_pairs,
            seed=chosen_seed,
            epoch=epoch,
            across_divisions=across_divisions,
            experiments=experiment,
            lineage_id=lineage,
        )
        low, high = settings.tau_range_hours
        law = f"tau {low:g} to {high:g} h, {settings.positive_relation}"
        if settings.positive_match is not None:
            law = f"equal {', '.join(settings.positive_match)}"
        sheet = preview_sheet(
            source,
            pairs,
            f"{config.name}: {law}, seed {chosen_seed}, epoch {epoch}",
        )
    with whole_file(out, overwrite=overwrite) as temporary:
        sheet.save(temporary)
    said = f", {counted(n_decisions, 'decision')} applied" if n_decisions else ""
    if reviewed.dataset != read.dataset:
        said += ", settings as chosen in the review"
    terminal().print(
        f"{len(pairs.anchor)} pairs of seed {chosen_seed}, epoch {epoch}{said}: {out}",
    )


def _as_decided(
    path: Path, config: TripletConfig, decisions: Path | None, path_map: Mapping[str, str]
) -> tuple[TripletConfig, int]:
    """Give a config as a review of it made it, and how many decisions there are."""
    from lineage_triplets.engine.settings.paths import decisions_path

    if decisions is None and not decisions_path(path).exists():
        return config, 0
    pairs = [f"{old}={new}" for old, new in path_map.items()]
    with opened(path, decisions=decisions, read_only=True, path_map=pairs) as review:
        return review.data.config, len(review.decisions) - len(review.effect.stale)


def links(
    config: common.Config,
    top: Annotated[
        str, typer.Option("--top", help="How many, as a number or as a share.", metavar="N|P%")
    ] = "5%",
    experiment: Annotated[
        str | None, typer.Option("--experiment", "-e", help="Only of this one. All by default.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write them to this file instead.")
    ] = None,
    decisions: Decisions = None,
    path_map: common.PathMap = None,
    overwrite: common.Overwrite = False,
) -> None:
    """List the links of the tables that are worth a look, the worst first."""
    from lineage_triplets.qc.find.doubt.links import link_queue
    from lineage_triplets.qc.open.data import unread_problems

    wanted = _number_or_share(top)
    if csv_file is not None:
        refuse_existing(csv_file, overwrite)
    with (
        opened(config, decisions=decisions, read_only=True, path_map=path_map) as review,
        terminal(stderr=True).status("Weighing links"),
    ):
        found = review.links(wanted, experiment)
        n_links = link_queue(review.data).n_links(experiment)
        unread = unread_problems(review.data)
    print_problems(
        [met for met in unread if experiment in (None, met.experiment)], terminal(stderr=True)
    )
    rows = [_link_words(link) for link in found]
    console = terminal()
    if csv_file is None:
        *columns, reason = _LINK_COLUMNS
        # Who says a number sees that many.
        is_share = top.rstrip().endswith("%")
        print_listed(first_of(rows) if is_share else rows, columns, reason)
        if is_share:
            print_more(rows, console)
        console.print(f"{len(found)} of {n_links} links")
        return
    write_listed(csv_file, rows, _LINK_COLUMNS, overwrite=overwrite)
    console.print(f"wrote {len(found)} of {n_links} links to {csv_file}", soft_wrap=True)


def _number_or_share(text: str) -> float:
    """Read ``200`` or ``5%``."""
    number, is_share = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    # 100 % is all of them: a number that no table has, since 1 is one link.
    if is_share and 0 <= value <= 100:
        return value / 100 if value < 100 else float(2**53)
    if not is_share and math.isfinite(value) and value >= 0 and value == int(value):
        return value
    raise typer.BadParameter(f"{text!r} is neither a number nor a share", param_hint="--top")


def _link_words(link: DoubtedLink) -> dict[str, str]:
    values = {name: str(getattr(link, name)) for name in _LINK_COLUMNS}
    return values | {"doubt": f"{link.doubt:.4f}", "pairs": f"{link.pairs:.2f}"}
