"""Tables and messages that the commands share."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.tau import TauFrames

_STYLE = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def print_problems(problems: Sequence[Problem], console: Console) -> None:
    """Print what is wrong: one paragraph a problem, with where it is and what to do."""
    for problem in problems:
        where = f"{escape(problem.where)}\n  " if problem.where else ""
        remedy = f"\n  [dim]{escape(problem.remedy)}[/dim]" if problem.remedy else ""
        console.print(
            f"[{_STYLE[problem.severity]}]{problem.severity}[/] "
            f"[dim]{escape(f'[{problem.kind}]')}[/dim] {where}{escape(problem.message)}"
            f"{remedy}",
            highlight=False,
            soft_wrap=True,
        )


def print_index(index: MultiExperimentIndex, console: Console) -> None:
    """Print counts and tau of every experiment, its slots, and where its tables are placed."""
    registry = index.registry
    hours = index.settings.tau_range_hours
    counts = _table(f"tau {hours[0]:g} to {hours[1]:g} h")
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
            escape(str(name)),
            f"{opened.config.interval_minutes:g}",
            _tau_words(frames),
            *(f"{of_experiment[kind]:,}" for kind in kinds),
        )
    channels = _table("channel in each slot (zarr index)")
    channels.add_column("experiment", overflow="fold")
    for slot, label in enumerate(registry.slot_labels):
        channels.add_column(f"slot {slot}: {escape(label)}", overflow="fold")
    for opened in registry.opened:
        channels.add_row(
            escape(opened.config.name),
            *(
                f"{escape(opened.channel_names[channel])} ({channel})"
                for channel in opened.channel_map.values()
            ),
        )
    console.print(counts)
    console.print(channels)
    placed = _table("where tables are in the images (track_transform)")
    placed.add_column("experiment", overflow="fold")
    placed.add_column("", overflow="fold")
    for opened in registry.opened:
        if opened.config.track_transform is not None:
            placed.add_row(escape(opened.config.name), escape(opened.config.track_transform.words))
    if placed.row_count:
        console.print(placed)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))


def _tau_words(frames: TauFrames) -> str:
    if frames.is_empty:
        return f"[bold red]{frames.words}[/]"
    words = f"{frames.words} only" if frames.is_single else frames.words
    if frames.low < 1:
        return f"[yellow]{words}, not 0[/]"
    return f"[yellow]{words}[/]" if frames.is_single else words


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
