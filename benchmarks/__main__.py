"""Run the benchmarks and print their tables: ``python -m benchmarks [index] [draw] [read] …``."""

from __future__ import annotations

import argparse
import logging
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from benchmarks import (
    decisions,
    draw,
    faults_channels,
    faults_pixels,
    faults_tables,
    formats,
    gpu,
    image_statistics,
    imports,
    index,
    judging,
    learning,
    links,
    opening,
    peer,
    placement,
    ranks,
    read,
    remote,
    repair,
    review,
    soak,
    trackers,
    training,
    tree,
    watch,
    widget,
)
from benchmarks.trouble import tables as trouble
from lineage_triplets import __version__
from lineage_triplets.engine.process import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

BENCHMARKS = {
    "index": index.tables,
    "draw": draw.tables,
    "read": read.tables,
    "statistics": image_statistics.tables,
    "links": links.tables,
    "review": review.tables,
    "decisions": decisions.tables,
    "faults-channels": faults_channels.tables,
    "faults-pixels": faults_pixels.tables,
    "faults-tables": faults_tables.tables,
    "formats": formats.tables,
    "import": imports.tables,
    "judging": judging.tables,
    "placement": placement.tables,
    "remote": remote.tables,
    "training": training.tables,
    "tree": tree.tables,
    "widget": widget.tables,
}
# Minutes long, and run by name alone.
LONG = {
    "gpu": gpu.tables,
    "soak": soak.tables,
    "opening": opening.tables,
    "ranks": ranks.tables,
    "trackers": trackers.tables,
    "repair": repair.tables,
    "learning": learning.tables,
    "peer": peer.tables,
    "watch": watch.tables,
}
# With options of its own.
TROUBLE = "trouble"
NAMES = (*BENCHMARKS, *LONG, TROUBLE)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which to run, of {', '.join(NAMES)}"
    )
    parser.add_argument(
        "--large", action="store_true", help="also build an index of 10 million observations"
    )
    parser.add_argument("--folder", type=Path, help="where the temporary data go (about 1.5 GB)")
    trouble.add_options(parser)
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(NAMES)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    # Warnings about the simulated data would stand between the tables.
    logging.getLogger("lineage_triplets").setLevel(logging.ERROR)
    console = Console()
    console.print(
        f"lineage-triplets {__version__}, Python {platform.python_version()}, numpy "
        f"{np.__version__}, tensorstore {version('tensorstore')}, {usable_cpus()} CPUs",
        highlight=False,
    )
    for name in arguments.names or BENCHMARKS:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            for table in _tables(name, Path(folder), arguments):
                console.print(table)


def _tables(name: str, folder: Path, arguments: argparse.Namespace) -> Iterator[Table]:
    if name == TROUBLE:
        return trouble.tables(folder, arguments)
    return (BENCHMARKS | LONG)[name](folder, large=arguments.large)


if __name__ == "__main__":
    main()
