"""The simulated sample: three experiments with planted faults, made once and kept."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets import __version__
from lineage_triplets.simulate import SAMPLE_FAULTS, sample
from lineage_triplets.simulate.movies import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.plugin.common.work import Job

    Progress = Callable[[int, int], None]

JOB_NAME = "Simulating the sample"


class SampleStopped(Exception):  # noqa: N818 - the outcome of a wish, no error
    """Nobody waits for the sample any more."""


def sample_folder() -> Path:
    """Where the sample is kept: ``LINEAGE_TRIPLETS_CACHE``, or the user's cache folder."""
    given = os.environ.get("LINEAGE_TRIPLETS_CACHE")
    if given:
        return Path(given) / f"sample-{__version__}"
    # The demo gets here without what the widget needs.
    from platformdirs import user_cache_path

    return user_cache_path("lineage-triplets", appauthor=False) / f"sample-{__version__}"


def make_sample(folder: Path, progress: Progress | None = None) -> Path:
    """Simulate the sample with its faults, unless it is there already.

    Parameters
    ----------
    folder : Path
        Appears once the sample is whole; an interrupted one is never mistaken for it.
    progress : callable, optional
        Called with the frames done and their total; what it raises ends the simulation.

    Returns
    -------
    Path
        The config.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    config = folder / CONFIG_NAME
    if config.is_file():
        return config
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        sample(unfinished, faults=SAMPLE_FAULTS, progress=progress)
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return config


def sample_job(folder: Path) -> Callable[[Job], Path]:
    """Give the job that makes the sample, unless it is there, and returns its config."""

    def run(job: Job) -> Path:
        def progress(done: int, total: int) -> None:
            if job.stopped():
                raise SampleStopped
            job.progress(done, total)

        return make_sample(folder, progress)

    return run
