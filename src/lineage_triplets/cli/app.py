"""The commands, and how their errors reach people: as messages, never as tracebacks."""

from __future__ import annotations

import functools
import logging
import sys
from typing import TYPE_CHECKING

import typer
from rich.logging import RichHandler

from lineage_triplets.cli import (
    against,
    audit,
    data,
    export,
    findings,
    imports,
    look,
    review,
    stats,
    tracks,
    train_demo,
)
from lineage_triplets.cli import data as init
from lineage_triplets.cli.common import print_problems, terminal
from lineage_triplets.cli.lists import begin_command
from lineage_triplets.engine import waiting
from lineage_triplets.engine.errors import LineageTripletsError

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    name="lineage-triplets",
    help="Anchor/positive pairs of live cells through divisions: check them before training.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("init")(init.init)
app.command("import")(imports.import_images)
app.command("simulate")(data.simulate_sample)
app.command("validate")(look.validate)
app.command("preview")(look.preview)
app.command("draft")(data.draft)
app.command("index")(data.index_table)
app.command("stats")(stats.stats)
app.command("train-demo")(train_demo.train_demo)
app.command("check")(export.check)
app.command("links")(look.links)
app.command("placement")(export.placement)
app.command("approve")(review.approve)
app.command("remap")(review.remap)
app.command("place")(review.place)
app.command("reject")(review.reject)
app.command("accept")(review.accept)
app.command("undecide")(review.undecide)
app.command("cut")(review.cut)
app.command("link")(review.link)
app.command("unlink")(review.unlink)
app.command("swap")(review.swap)
app.command("keep")(review.keep)
app.command("take")(against.take)
app.command("settle")(findings.settle)
app.command("waive")(findings.waive)
app.command("seen")(review.seen)
app.command("judge")(review.judge)
app.command("audit")(audit.audit)
app.command("disapprove")(review.disapprove)
app.command("unwaive")(findings.unwaive)
app.command("confirm")(review.confirm)
app.command("withdraw")(review.withdraw)
app.command("undo")(review.undo)
app.command("redo")(review.redo)
app.command("history")(review.history)
app.command("export")(export.export)
app.command("report")(export.report)
app.command("tracks")(tracks.tracks)


def _print_version(asked: bool) -> None:
    if asked:
        from lineage_triplets import __version__

        typer.echo(f"lineage-triplets {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Say the version and stop."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Print no warnings while working."),
    full: bool = typer.Option(False, "--full", help="Print lists whole, not the first 20."),
) -> None:
    del version
    begin_command(context.invoked_subcommand or "COMMAND", in_full=full)
    package_log = logging.getLogger("lineage_triplets")
    package_log.handlers = [
        RichHandler(console=terminal(stderr=True), show_time=False, show_path=False)
    ]
    for log in (package_log, waiting.LOG):
        log.setLevel(logging.ERROR if quiet else logging.WARNING)
    package_log.propagate = False


@functools.cache
def _command() -> Callable[..., object]:
    """Make the command once in a process: a script may call `main` many times."""
    return typer.main.get_command(app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exit with 0, 1 (something is wrong) or 2 (wrong usage)."""
    try:
        _command()(arguments)
    except LineageTripletsError as error:
        print_problems(error.problems, terminal(stderr=True))
        sys.exit(1)
    except KeyboardInterrupt:
        terminal(stderr=True).print("Stopped; nothing was left half written.")
        sys.exit(130)
