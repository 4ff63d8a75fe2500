"""What commands share: options, a review opened by them, tables and messages."""

from __future__ import annotations

import contextlib
import csv
import functools
import inspect
import itertools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from lineage_triplets.cli.lists import first_of, in_full, limit, print_more
from lineage_triplets.cli.path_maps import fitting_path_map
from lineage_triplets.engine.errors import first_of_kinds, visible
from lineage_triplets.engine.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.engine.settings.tau import TauFrames
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.record import Decision

_STYLE = {"error": "bold red", "warning": "yellow", "note": "cyan"}

Config = Annotated[
    Path, typer.Argument(help="A config, a list of experiments, or a collection.yml.")
]
PatchSize = Annotated[
    tuple[int, int] | None,
    typer.Option("--patch-size", help="Rows and columns of a patch, in pixels.", metavar="Y X"),
]
TauHours = Annotated[
    tuple[float, float] | None,
    typer.Option("--tau-hours", help="Least and largest tau, in hours.", metavar="MIN MAX"),
]
ZSlices = Annotated[
    int | None, typer.Option("--z-slices", help="How many slices around each cell.", min=1)
]
BorderOption = Annotated[
    str | None, typer.Option("--border", help="clamp, pad or exclude cells near the border.")
]
RelationOption = Annotated[
    str | None,
    typer.Option("--relation", help="Who may be a positive: lineage, descendant or same_track."),
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", help="A dask scheduler whose workers read.", metavar="ADDRESS"),
]
PathMap = Annotated[
    list[str] | None,
    typer.Option(
        "--path-map", help="Replace a leading folder; may be repeated.", metavar="OLD=NEW"
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="With which training draws, in place of the config's."),
]


def read_with_options(
    path: Path,
    patch_size: tuple[int, int] | None,
    tau_hours: tuple[float, float] | None,
    z_slices: int | None,
    border: str | None,
    relation: str | None,
    path_map: list[str] | None,
    *,
    seed: int | None = None,
) -> tuple[TripletConfig | None, list[Problem]]:
    """Read a config; options replace what it says.

    Raises
    ------
    ConfigError
        An option's value cannot be.
    """
    from lineage_triplets.engine.settings.file import read_config

    config, problems = read_config(path, fitting_path_map(path_map, path))
    if config is None:
        return config, problems
    options = patch_size, tau_hours, z_slices, border, relation
    return with_options(config, *options, seed=seed), problems


def with_options(
    config: TripletConfig,
    patch_size: tuple[int, int] | None,
    tau_hours: tuple[float, float] | None,
    z_slices: int | None,
    border: str | None,
    relation: str | None,
    *,
    seed: int | None = None,
) -> TripletConfig:
    """Give a config in which options replace what it says; raises as `read_with_options`."""
    from lineage_triplets.engine.settings.faults import checked_settings

    given: dict[str, Any] = {
        "yx_patch_size": patch_size,
        "tau_range_hours": tau_hours,
        "z_range": z_slices,
        "border": border,
        "positive_relation": relation,
        "seed": seed,
    }
    changed = {key: value for key, value in given.items() if value is not None}
    if not changed:
        return config
    settings = checked_settings(**{**config.dataset.model_dump(), **changed})
    return config.model_copy(update={"dataset": settings})


def share_or_names(text: str) -> float | list[str]:
    """Read a side of a split: a share, or names with commas between them."""
    try:
        return float(text)
    except ValueError:
        return text.split(",")


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
    other: Path | None = None,
) -> Iterator[Review]:
    """Open a review for one command; `path_map` is for the config `other` too."""
    from lineage_triplets.qc.decide.review import Review

    fitting = fitting_path_map(path_map, config, other)
    with quiet_log(), terminal(stderr=True).status("Opening plates and reading tables"):
        review = Review.open(
            config,
            by=by,
            decisions=decisions,
            read_only=read_only,
            take_over=take_over,
            path_map=fitting,
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
        parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in (config, *list(own.parameters.values())[1:], *shared)
    ]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    vars(run)["__signature__"] = inspect.Signature(parameters)
    return run


def say(*decisions: Decision) -> None:
    """Print what was decided, one line a decision."""
    console = terminal()
    for decision in first_of(decisions):
        because = f": {decision.reason}" if decision.reason else ""
        line = f"{decision.number}  {decision.words}{because}  ({decision.by})"
        console.print(visible(line), soft_wrap=True)
    print_more(decisions, console, "of this step", in_full("history CONFIG"))


def ways_words(finding: Finding) -> str:
    """Say what each way of `settle` would do: ``"way 1: cut link …; way 2: reject track …"``."""
    verbs = {"link": "cut ", "join": "make "}
    ways = []
    for number, targets in enumerate(finding.settled_by, 1):
        named = [f"{verbs.get(target.level, 'reject ')}{target}" for target in targets[:4]]
        more = f" and {len(targets) - 4} more" if len(targets) > 4 else ""
        ways.append(f"way {number}: {', '.join(named)}{more}")
    return "; ".join(ways)


class _Terminal(Console):
    """A console on which no text that it is given can do anything but be read."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Make a line or a cell of a table."""
        return super().render_str(visible(text, lines=True), **options)

    def render(self, renderable: Any, options: Any = None) -> Iterator[Segment]:
        """Make pieces of a line; texts with a style, and all that was made of them, come here."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield segment._replace(text=visible(segment.text, lines=True))


def terminal(*, stderr: bool = False) -> Console:
    """Give a console that prints text as it is: ``[nm]`` and ``:mouse:`` may be in any name.

    What has a style is a `Text`, and what came from a file is made `visible` in it.
    """
    return _Terminal(stderr=stderr, markup=False, emoji=False, highlight=False)


def severity_text(severity: str) -> Text:
    """Return the word in its colour."""
    return Text(severity, _STYLE[severity])


def print_problems(
    problems: Sequence[Problem], console: Console, has_all: str | None = None
) -> None:
    """Print what is wrong: one paragraph a problem, with where it is and what to do.

    Of one kind at most 20 are printed, how many more there are, and what has all: this command
    with ``--full`` by default. What is to be done about several in a row is said once, after them.
    """
    printed, more = first_of_kinds(problems, has_all or in_full(), limit())
    for problem, following in itertools.zip_longest(printed, printed[1:]):
        where = f"{visible(problem.where)}\n  " if problem.where else ""
        is_said_later = following is not None and following.remedy == problem.remedy
        remedy = f"\n  {visible(problem.remedy)}" if problem.remedy and not is_said_later else ""
        said = Text.assemble(
            severity_text(problem.severity),
            " ",
            (f"[{problem.kind}]", "dim"),
            f" {where}{visible(problem.message)}",
            (remedy, "dim"),
        )
        console.print(said, soft_wrap=True)
    for line in more:
        console.print(line, soft_wrap=True)


def print_index(index: MultiExperimentIndex, console: Console) -> None:
    """Print counts and tau of every experiment, its slots, and where its tables are placed."""
    registry = index.registry
    hours, matched = index.settings.tau_range_hours, index.settings.positive_match
    law = f"tau {hours[0]:g} to {hours[1]:g} h"
    counts = _table(law if matched is None else f"positives of equal {', '.join(matched)}")
    counts.add_column("experiment", overflow="fold", min_width=14)
    for title in (
        "min/\nframe",
        "tau\nframes",
        "FOVs",
        "cells",
        "lineages",
        "divisions",
        "anchors",
    ):
        counts.add_column(title, justify="right", no_wrap=True)
    of_experiments = index.counts().set_index("experiment").astype(int).iterrows()
    for (name, of_experiment), frames in zip(of_experiments, index.tau_range_frames, strict=True):
        opened = registry.get_opened(str(name))
        kinds = ["fovs", "observations", "lineages", "divisions", "valid_anchors"]
        counts.add_row(
            str(name),
            f"{opened.config.interval_minutes:g}",
            _tau_words(frames) if matched is None else "-",
            *(f"{of_experiment[kind]:,}" for kind in kinds),
        )
    channels = _table("channel in each slot (zarr index)")
    channels.add_column("experiment", overflow="fold")
    for slot, label in enumerate(registry.slot_labels):
        channels.add_column(f"slot {slot}: {label}", overflow="fold")
    for opened in registry.opened:
        channels.add_row(
            opened.config.name,
            *(
                f"{opened.channel_names[channel]} ({channel})"
                for channel in opened.channel_map.values()
            ),
        )
    console.print(counts)
    console.print(channels)
    for title, key in (
        ("how tables are read (tracks)", "tracks"),
        ("where tables are in the images (track_transform)", "track_transform"),
    ):
        listed = _table(title)
        listed.add_column("experiment", overflow="fold")
        listed.add_column("", overflow="fold")
        for opened in registry.opened:
            said = getattr(opened.config, key)
            if said is not None:
                listed.add_row(visible(opened.config.name), visible(said.words))
        if listed.row_count:
            console.print(listed)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))


def _tau_words(frames: TauFrames) -> Text:
    if frames.is_empty:
        return Text(frames.words, "bold red")
    words = f"{frames.words} only" if frames.is_single else frames.words
    if frames.low < 1:
        return Text(f"{words}, not 0", "yellow")
    return Text(words, "yellow" if frames.is_single else "")


@contextlib.contextmanager
def quiet_log() -> Iterator[None]:
    """Keep the log silent where the same problems are printed as a list."""
    log = logging.getLogger("lineage_triplets")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def print_listed(rows: Sequence[Mapping[str, str]], columns: Sequence[str], below: str) -> None:
    """Print a line of columns for each row, and one of its texts below it; see `first_of`."""
    console = terminal()
    widths = {name: max(map(len, (name, *(row[name] for row in rows)))) for name in columns}
    for row in ({name: name for name in columns}, *rows):
        line = "  ".join(row[name].rjust(widths[name]) for name in columns)
        console.print(visible(line), soft_wrap=True)
        if below in row:
            indent = " " * (widths[columns[0]] + 2)
            console.print(f"{indent}{visible(row[below])}", style="dim", soft_wrap=True)


def write_listed(
    file: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str], *, overwrite: bool
) -> None:
    """Write rows as CSV, the whole file or none."""
    with (
        whole_file(file, overwrite=overwrite) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        written = csv.writer(stream, lineterminator="\n")
        written.writerow(columns)
        written.writerows([row[name] for name in columns] for row in rows)
