"""The commands, and how their errors reach people: as messages, never as tracebacks."""

from __future__ import annotations

import logging
import sys

import typer
from rich.console import Console
from rich.logging import RichHandler

from lineage_triplets import __version__
from lineage_triplets.cli import check, conclude, decide, draft, make
from lineage_triplets.cli.output import print_problems
from lineage_triplets.engine.problems import LineageTripletsError

app = typer.Typer(
    name="lineage-triplets",
    help="Anchor/positive pairs of live cells through divisions: check them before training.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("init")(draft.init)
app.command("simulate")(make.simulate_sample)
app.command("validate")(check.validate)
app.command("preview")(check.preview)
app.command("draft")(make.draft)
app.command("index")(make.index_table)
app.command("check")(conclude.check)
app.command("approve")(decide.approve)
app.command("remap")(decide.remap)
app.command("reject")(decide.reject)
app.command("accept")(decide.accept)
app.command("undecide")(decide.undecide)
app.command("cut")(decide.cut)
app.command("waive")(decide.waive)
app.command("seen")(decide.seen)
app.command("disapprove")(decide.disapprove)
app.command("unwaive")(decide.unwaive)
app.command("confirm")(decide.confirm)
app.command("withdraw")(decide.withdraw)
app.command("undo")(decide.undo)
app.command("redo")(decide.redo)
app.command("history")(decide.history)
app.command("export")(conclude.export)
app.command("report")(conclude.report)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"lineage-triplets {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Say the version and stop."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Print no warnings while working."),
) -> None:
    del version
    package_log = logging.getLogger("lineage_triplets")
    package_log.handlers = [
        RichHandler(console=Console(stderr=True), show_time=False, show_path=False, markup=False)
    ]
    package_log.setLevel(logging.ERROR if quiet else logging.WARNING)
    package_log.propagate = False


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exit with 0, 1 (something is wrong) or 2 (wrong usage)."""
    try:
        app(arguments)
    except LineageTripletsError as error:
        print_problems(error.problems, Console(stderr=True))
        sys.exit(1)
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped; nothing was left half written.")
        sys.exit(130)
