"""The main job on a simulated sample: by the engine alone, then in napari."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress
from torch.utils.data import DataLoader

from lineage_triplets import MultiExperimentTripletDataset, __version__, load_config, save_config
from lineage_triplets.engine.dataset.verification import draft_of
from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.plugin.common.remembered import SETTINGS
from lineage_triplets.plugin.demo.certify import bound_lines, certified
from lineage_triplets.plugin.demo.truth import TrueLineages
from lineage_triplets.plugin.start.sample import make_sample
from lineage_triplets.qc.look.pairs import preview_sheet, sample_pairs
from lineage_triplets.simulate import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_NO_NAPARI = 'napari is not installed: pip install "lineage-triplets[all]" adds the widget.'
_NO_SCREEN = "There is no screen, and no Xvfb to do without one: the widget is left out."
_PATCH_SIZE = (96, 96)
_TAU_HOURS = (0.5, 3.0)
_SIZE = "1920x1080x24"


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
    config = _sample(folder, console)
    _remember_in(folder)
    console.print("The review of a sample with planted faults opens in napari.")
    from lineage_triplets.plugin.demo.walk import show_config

    show_config(config)


def _walk(folder: Path, console: Console) -> None:
    config = _sample(folder, console)
    pictures = folder / "walk"
    if pictures.exists():
        shutil.rmtree(pictures)
    _remember_in(folder)
    # Napari's own, too: pictures are those of its usual window.
    os.environ["NAPARI_CONFIG"] = str(folder / "napari.yaml")
    console.print("A walk through the review of a sample with planted faults, in napari …")
    with nullcontext() if has_screen() else virtual_screen():
        from lineage_triplets.plugin.demo.walk import walk_through_sample

        taken, exported = walk_through_sample(config, pictures)
    for path in taken:
        console.print(f"{path.stem.replace('_', ' ')}: {path}", highlight=False, soft_wrap=True)
    _say_bounds(exported, console)
    console.print(f"The validated config: {exported}", highlight=False, soft_wrap=True)


def _remember_in(folder: Path) -> None:
    """Keep what the widget remembers of the demo apart from what it remembers of real work."""
    os.environ[SETTINGS] = str((folder / "widget.ini").absolute())


def _say_bounds(config: Path, console: Console) -> None:
    for line in bound_lines(config):
        console.print(line, highlight=False)


def _sample(folder: Path, console: Console) -> Path:
    with simulating(console) as progress:
        return make_sample(folder / "faulty_sample", progress)


def run_demo(folder: Path, console: Console) -> dict[str, Path]:
    """Simulate three experiments and take them through the whole engine.

    Parameters
    ----------
    folder : Path
        Where everything is written; what is there of an earlier run is replaced.
    console : Console
        Where it is said.

    Returns
    -------
    dict of str to Path
        What was written, by what it is.
    """
    with simulating(console) as progress:
        simulation = sample(folder / "sample", overwrite=True, progress=progress)
    config = load_config(simulation.config_path)
    settings = {"yx_patch_size": _PATCH_SIZE, "tau_range_hours": _TAU_HOURS, "seed": 0}
    config = config.model_copy(update={"dataset": config.dataset.model_copy(update=settings)})
    index = MultiExperimentIndex.from_config(config)
    console.print(index.summary(), highlight=False)

    written = {"the experiments": simulation.config_path}
    written["the draft config"] = folder / "draft.yml"
    save_config(draft_of(config, index, __version__), folder / "draft.yml", overwrite=True)

    dataset = MultiExperimentTripletDataset.from_config(folder / "draft.yml")
    batch = next(iter(DataLoader(dataset, batch_size=32, shuffle=True)))
    console.print(
        f"A batch from the draft: anchor {tuple(batch['anchor'].shape)}, positive "
        f"{tuple(batch['positive'].shape)}, {batch['anchor'].dtype}",
        highlight=False,
    )
    for name, across in (("pairs", False), ("pairs across divisions", True)):
        pairs = sample_pairs(dataset.source, 6, across_divisions=across)
        path = folder / f"{name.replace(' ', '_')}.png"
        preview_sheet(dataset.source, pairs, f"The sample: {name}").save(path)
        written[f"a contact sheet of {name}"] = path
    truth = TrueLineages(simulation.config_path.parent)
    written["the validated config"] = certified(folder / "draft.yml", truth, folder)
    _say_bounds(written["the validated config"], console)
    return written


@contextmanager
def simulating(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show how far a simulation is; gives what is to be called with frames done and total."""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Simulating three experiments", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def has_screen() -> bool:
    """Whether windows can be opened here."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def can_pretend() -> bool:
    """Whether `virtual_screen` works here."""
    return sys.platform == "linux" and shutil.which("Xvfb") is not None


@contextmanager
def virtual_screen() -> Iterator[None]:
    """Let windows open on a screen that nobody sees (Xvfb); before Qt is imported.

    Raises
    ------
    OSError
        The screen did not start.
    """
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", _SIZE, "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(writing,), stderr=subprocess.DEVNULL)
    os.close(writing)
    before = os.environ.get("DISPLAY")
    try:
        with os.fdopen(reading) as said:
            number = said.readline().strip()
        if not number:
            raise OSError(f"Xvfb did not start (exit code {server.wait()})")
        os.environ["DISPLAY"] = f":{number}"
        yield
    finally:
        if before is None:
            os.environ.pop("DISPLAY", None)
        else:
            os.environ["DISPLAY"] = before
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
