"""Options of the commands that take part in a review, and how they open it."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from rich.console import Console

from lineage_triplets.cli.options import Config, PathMap, parse_path_map
from lineage_triplets.cli.output import quiet_log

if TYPE_CHECKING:
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.record import Decision

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
    from lineage_triplets.qc.decide.review import Review

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


def deciding(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function that takes an open review and its own parameters.

    The command takes the config in the review's place, and the options of every command that
    decides after its own.
    """
    own = inspect.signature(command)
    # Review itself takes a second to import, and no command line parses one.
    hints = get_type_hints(command, include_extras=True, localns={"Review": object})

    @functools.wraps(command)
    def run(
        config: Config,
        by: By = None,
        decisions: Decisions = None,
        take_over: TakeOver = False,
        path_map: PathMap = None,
        **parameters: Any,
    ) -> None:
        with opened(
            config, by=by, decisions=decisions, take_over=take_over, path_map=path_map
        ) as review:
            command(review, **parameters)

    of_run = inspect.signature(run, follow_wrapped=False)
    config, *shared, _ = of_run.parameters.values()
    hints |= {"config": Config, "by": By, "decisions": Decisions, "take_over": TakeOver}
    hints |= {"path_map": PathMap}
    parameters = [
        one.replace(annotation=hints[one.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for one in (config, *list(own.parameters.values())[1:], *shared)
    ]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    vars(run)["__signature__"] = inspect.Signature(parameters)
    return run


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
