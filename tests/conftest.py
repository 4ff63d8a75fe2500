"""Fixtures that several tests share. Test modules take plain functions from ``stores.py``."""

from __future__ import annotations

import functools
import gc
import logging
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

import stores
from lineage_triplets.engine.process import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lineage_triplets import ExperimentConfig

settings.register_profile(
    "lineage-triplets",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("lineage-triplets")


def pytest_xdist_auto_num_workers() -> int:
    """One more process than CPUs: many tests wait, for a window or for another process."""
    return usable_cpus() + 1


def pytest_collection_finish() -> None:
    """Let the many collections of garbage pass over what modules hold, which never is any."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def package_log() -> Iterator[None]:
    """Keep what a command makes of the package's log within its test."""
    log = logging.getLogger("lineage_triplets")
    handlers, level, propagate = log.handlers, log.level, log.propagate
    yield
    log.handlers, log.propagate = handlers, propagate
    log.setLevel(level)


@pytest.fixture
def make_experiment(tmp_path: Path) -> Callable[..., ExperimentConfig]:
    """Write a plate with tables into the test's folder: ``make_experiment(name, tables, ...)``.

    See `stores.make_experiment` for its arguments.
    """
    return functools.partial(stores.make_experiment, tmp_path)


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> stores.Plates:
    """Two plates whose tables tests write anew at will: ``plates.index(tables, ...)``."""
    return stores.Plates(tmp_path_factory.mktemp("plates"))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Have SIGINT raise, in processes of the test too, also where the tests' starter ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
