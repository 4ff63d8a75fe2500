"""Options of the commands that take part in a review, and how they open it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lineage_triplets.cli.options import parse_path_map
from lineage_triplets.cli.output import quiet_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.qc.decisions import Decision
    from lineage_triplets.qc.review import Review

By = Annotated[str | None, typer.Option("--by", help="Who decides; your login name by default.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why, in a few words.")]
Decisions = Annotated[
    Path | None,
    typer.Option(
        "--decisions", help="The file of decisions; CONFIG.review.db beside the config by default."
    ),
]
TakeOver = Annotated[
    bool, typer.Option("--take-over", help="Take over what a dead review left locked.")
]


@contextlib.contextmanager
def opened(
    config: Path,
    *,
    by: str | None = None,
    decisions: Path | None = None,
    take_over: bool = False,
    read_only: bool = False,
    path_map: list[str] | None = None,
) -> Iterator[Review]:
    """Open a review for one command."""
    from lineage_triplets.qc.review import Review

    with quiet_log(), Console(stderr=True).status("Opening plates and reading tables"):
        review = Review.open(
            config,
            by=by,
            decisions=decisions,
            read_only=read_only,
            take_over=take_over,
            path_map=parse_path_map(path_map),
        )
    with review, quiet_log():
        yield review


def say(*decisions: Decision) -> None:
    """Print what was decided, one line a decision."""
    console = Console()
    for one in decisions:
        because = f": {one.reason}" if one.reason else ""
        console.print(
            f"{one.number}  {one.kind} {one.target}{because}  ({one.by})",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
