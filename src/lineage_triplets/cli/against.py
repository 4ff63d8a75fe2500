"""Tables held against another's: what `check --against` prints, and the command take."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineage_triplets.cli import common
from lineage_triplets.cli.common import (
    By,
    Decisions,
    Reason,
    TakeOver,
    opened,
    print_listed,
    print_problems,
    say,
    terminal,
    write_listed,
)
from lineage_triplets.cli.lists import in_full, limit
from lineage_triplets.cli.path_maps import parse_path_map

if TYPE_CHECKING:
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find.against.agreement import Agreement
    from lineage_triplets.qc.find.against.compare import Comparison
    from lineage_triplets.qc.find.against.disagreements import Disagreement

_COLUMNS = (
    "rank", "experiment", "fov_name", "kind", "track_id", "t", "to_track_id", "to_t", "pairs",
    "reason",
)  # fmt: skip

_OTHER = "a folder of tables, one table, or another config of the same plates."
Within = Annotated[
    float | None,
    typer.Option(
        "--within", help="Cells nearer than this may be one, in px. By default half the spacing."
    ),
]
Experiment = Annotated[
    str | None, typer.Option("--experiment", "-e", help="Compare this one. All by default.")
]
Fov = Annotated[str | None, typer.Option("--fov", help="Compare this FOV, as in A/1/0.")]
Against = Annotated[Path | None, typer.Option("--against", help=f"Compare with {_OTHER}")]


def take(
    config: common.Config,
    against: Annotated[Path, typer.Option("--against", help=f"The other's tables: {_OTHER}")],
    reason: Reason,
    rank: Annotated[
        str, typer.Option("--rank", help="Which, by their ranks.", metavar="1,2,5-9")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="Take all of the other's links.")] = (
        False
    ),
    within: Within = None,
    experiment: Experiment = None,
    fov: Fov = None,
    by: By = None,
    decisions: Decisions = None,
    take_over: TakeOver = False,
    path_map: common.PathMap = None,
) -> None:
    """Take another table's links where ``check --against`` found that they differ."""
    ranks = None if everything else _ranks(rank)
    if bool(rank) == everything:
        raise typer.BadParameter("name ranks, or --all", param_hint="--rank")
    with opened(
        config,
        by=by,
        decisions=decisions,
        take_over=take_over,
        path_map=path_map,
        other=config_against(against),
    ) as review:
        found = compared(review, against, within, experiment, fov, path_map)
        # Who takes changes what there is to take; the comparison stays.
        has_all = in_full("check CONFIG --against OTHER")
        print_problems(found.problems, terminal(stderr=True), has_all)
        say(*review.take(found, reason, ranks))
    if not found.disagreements:
        terminal().print("The tables agree: there is nothing to take.")


def config_against(other: Path | None) -> Path | None:
    """Give what tables are held against if it is a config, which has paths of its own."""
    from lineage_triplets.qc.find.against.other import is_config

    return other if other is not None and is_config(other) else None


def compared(
    review: Review,
    other: Path,
    within: float | None,
    experiment: str | None,
    fov: str | None,
    pairs: list[str] | None,
) -> Comparison:
    """Hold a review's tables against another's, and say that it takes a while."""
    from lineage_triplets.engine.settings.file import path_map_faults

    path_map = parse_path_map(pairs)
    if path_map and config_against(other) is not None:
        for old in path_map_faults(other, path_map):
            del path_map[old]
    with terminal(stderr=True).status("Comparing tables"):
        return review.against(
            other,
            within=within,
            experiment=experiment,
            fov=fov,
            path_map=path_map,
        )


def print_comparison(found: Comparison, top: int) -> None:
    """Print what was compared, and the worst of what differs."""
    console = terminal()
    console.print(f"Against {found.other}", soft_wrap=True)
    print_problems(found.problems, console)
    for agreement in found.agreements:
        for line in _agreement_lines(agreement):
            console.print(line, soft_wrap=True)
    rows = [_words(one) for one in found.disagreements]
    n_shown = len(rows) if limit() is None else min(top, len(rows))
    if n_shown:
        *columns, reason = _COLUMNS
        print_listed(rows[:n_shown], columns, reason)
    has_all = f": --top {len(rows)} prints all" if n_shown < len(rows) else ""
    console.print(f"{n_shown} of {len(rows)} that differ{has_all}")


def write_comparison(found: Comparison, file: Path, *, overwrite: bool) -> None:
    """Write all that differs as CSV, and say so where it does not spoil JSON."""
    rows = [_words(one) for one in found.disagreements]
    write_listed(file, rows, _COLUMNS, overwrite=overwrite)
    terminal(stderr=True).print(f"wrote {len(rows)} that differ to {file}", soft_wrap=True)


def comparison_as_dict(found: Comparison) -> dict[str, Any]:
    """Plain values, for JSON."""
    listed = []
    for one in found.disagreements:
        values = {name: getattr(one, name) for name in _COLUMNS}
        listed.append(values | {"repair": [target.as_dict() for target in one.repair]})
    return {
        "other": found.other,
        "agreements": [
            {**asdict(agreement), "share": agreement.share if agreement.share >= 0 else None}
            for agreement in found.agreements
        ],
        "disagreements": listed,
        "problems": [str(problem) for problem in found.problems],
    }


def _agreement_lines(of_one: Agreement) -> list[str]:
    n_compared = of_one.agreed + of_one.wrong + of_one.missed
    if n_compared:
        sure = f"95 %: {of_one.low:.1%} to {of_one.high:.1%} by {of_one.n_units} {of_one.unit}"
        if of_one.n_units == 1:
            sure = f"one of the {of_one.unit} alone tells nothing of others"
        head = f"{of_one.share:.2%} of {n_compared:,} links agree ({sure})"
    else:
        head = "no link can be compared"

    def both(here: int, there: int) -> str:
        return f"{here:,} here, {there:,} there"

    rows = {
        "cells": f"{both(of_one.cells, of_one.other_cells)}: {of_one.matched:,} the same, within "
        f"{of_one.within_px:.3g} px",
        "without partner": both(of_one.unmatched, of_one.other_unmatched),
        "links": f"{both(of_one.links, of_one.other_links)}: {of_one.agreed:,} agree, "
        f"{of_one.wrong:,} wrong, {of_one.missed:,} missed",
        "not comparable": both(of_one.not_comparable, of_one.other_not_comparable),
        "divisions": f"{both(of_one.divisions, of_one.other_divisions)}: "
        f"{of_one.divisions_agreed:,} the same",
    }
    width = max(map(len, rows))
    return [
        f"{of_one.experiment}: {head}",
        *(f"  {name.ljust(width)}  {said}" for name, said in rows.items()),
    ]


def _words(found: Disagreement) -> dict[str, str]:
    values = {name: str(getattr(found, name)) for name in _COLUMNS}
    return values | {"pairs": f"{found.pairs:.2f}"}


def _ranks(text: str) -> list[int]:
    """Read ``1,2,5-9``."""
    ranks: list[int] = []
    for part in filter(None, re.split(r"[,\s]+", text)):
        span = re.fullmatch(r"(\d{1,7})(?:-(\d{1,7}))?", part)
        low, high = (int(span[1]), int(span[2] or span[1])) if span else (1, 0)
        if high < low:
            raise typer.BadParameter(f"{part!r} is no rank, nor 5-9", param_hint="--rank")
        ranks += range(low, high + 1)
    return ranks
