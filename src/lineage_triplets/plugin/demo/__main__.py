"""The main job on a simulated sample: by the engine alone, then in napari."""

from __future__ import annotations

import argparse
import shutil
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from lineage_triplets.plugin.demo.without_screen import (
    can_pretend,
    has_screen,
    run_demo,
    simulating,
    virtual_screen,
)
from lineage_triplets.plugin.start.sample import make_sample

if TYPE_CHECKING:
    from collections.abc import Sequence

_NO_NAPARI = 'napari is not installed: pip install "lineage-triplets[all]" adds the widget.'
_NO_SCREEN = "There is no screen, and no Xvfb to do without one: the widget is left out."


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the demo in a folder."""
    parser = argparse.ArgumentParser(
        prog="python -m lineage_triplets.plugin.demo",
        description="Simulates a sample and takes it from plates to a batch; then opens its review "
        "in napari, or, without a screen, walks through it and takes pictures.",
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo"))
    parser.add_argument(
        "--pictures", action="store_true", help="walk and take pictures although there is a screen"
    )
    options = parser.parse_args(arguments)
    console = Console()
    written = run_demo(options.folder, console)
    for what, path in written.items():
        console.print(f"{what[0].upper()}{what[1:]}: {path}", highlight=False, soft_wrap=True)
    if find_spec("napari") is None:
        console.print(_NO_NAPARI, markup=False)
    elif has_screen() and not options.pictures:
        _review(options.folder, console)
    elif has_screen() or can_pretend():
        _walk(options.folder, console)
    else:
        console.print(_NO_SCREEN)


def _review(folder: Path, console: Console) -> None:
    from lineage_triplets.plugin.demo.walk import show_config

    config = _sample(folder, console)
    console.print("The review of a sample with planted faults opens in napari.")
    show_config(config)


def _walk(folder: Path, console: Console) -> None:
    config = _sample(folder, console)
    pictures = folder / "walk"
    if pictures.exists():
        shutil.rmtree(pictures)
    console.print("A walk through the review of a sample with planted faults, in napari …")
    with nullcontext() if has_screen() else virtual_screen():
        from lineage_triplets.plugin.demo.walk import walk_through_sample

        taken, exported = walk_through_sample(config, pictures)
    for path in taken:
        console.print(f"{path.stem.replace('_', ' ')}: {path}", highlight=False, soft_wrap=True)
    console.print(f"The validated config: {exported}", highlight=False, soft_wrap=True)


def _sample(folder: Path, console: Console) -> Path:
    with simulating(console) as progress:
        return make_sample(folder / "faulty_sample", progress)


if __name__ == "__main__":
    main()
