"""The ways in: what people do with a study, and what each comes to."""

from __future__ import annotations

import contextlib
import io
import traceback
import warnings
from typing import TYPE_CHECKING, NamedTuple

from lineage_triplets import LineageTripletsError, MultiExperimentTripletDataset
from lineage_triplets.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_MOST_LINES = 250


class Said(NamedTuple):
    """What a way came to.

    Attributes
    ----------
    way : str
    outcome : str
        "works", "told" (in a sentence), or what must not be: "traceback", "silent" (it failed and
        said nothing), "raw" (control characters in what is printed), "endless" (hundreds of lines).
    text : str
    """

    way: str
    outcome: str
    text: str


def use(command: str, *arguments: object) -> Said:
    """Run a command in this process."""
    printed = io.StringIO()

    def run() -> int:
        try:
            main([command, *map(str, arguments)])
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        return 0

    return _said(command, run, printed)


def load(config: Path) -> Said:
    """Train: the first batch, as a loader asks for it."""
    printed = io.StringIO()

    def run() -> int:
        try:
            dataset = MultiExperimentTripletDataset.from_config(config, verify="off")
            dataset.__getitems__(range(min(4, len(dataset))))
        except LineageTripletsError as error:
            printed.write(str(error))
            return 1
        return 0

    return _said("load", run, printed)


def _said(way: str, run: Callable[[], int], printed: io.StringIO) -> Said:
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            code = run()
        except (Exception, RecursionError):  # noqa: BLE001 - which are what is looked for
            return Said(way, "traceback", traceback.format_exc())
    text = printed.getvalue()
    outcome = "works" if code == 0 else "told" if text.strip() else "silent"
    if "Traceback (most recent call last)" in text:
        outcome = "traceback"
    elif any(not character.isprintable() and character not in "\n\t" for character in text):
        outcome = "raw"
    elif text.count("\n") > _MOST_LINES:
        outcome = "endless"
    return Said(way, outcome, text)


def ways_of(kind: str, config: Path, out: Path, *, all_ways: bool) -> Iterator[Said]:
    """Go the ways with a study of which something is broken, or only the first and the last.

    Parameters
    ----------
    kind : str
        Of `samples.KINDS`.
    config, out : Path
        What is read, and the folder for what is written.
    all_ways : bool
        Whether to check, report and export too, which take most of the time.
    """
    out.mkdir(exist_ok=True)
    yield use("validate", config)
    if kind == "decisions":
        yield use("history", config)
        yield use("undo", config)
        yield use("reject", config, "frame", "e", "A/1/0", "5", "--reason", "dark", "--take-over")
        if all_ways:
            yield use("report", config, "--out", out / "report.html")
            yield use("export", config, "--to", out, "--draft")
        return
    yield load(config)
    if not all_ways:
        return
    yield use("index", config, "--out", out / "index.parquet")
    yield use("check", config, *(["--pixels"] if kind in {"chunks", "metadata"} else []))
    yield use("draft", config, "--out", out / "draft.yml")
    if kind == "metadata":
        tracks = config.parent / "tracks"
        options = ("--tracks", tracks, "--interval", 30, "--condition", "untreated=A/1")
        yield use("init", config.parent / "plate.zarr", *options, "--out", out / "found.yml")
    if kind == "chunks":
        yield use("stats", config, "--out", out / "statistics")
    if kind == "tables":
        yield use("links", config)
