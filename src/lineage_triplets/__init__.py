"""Anchor/positive pairs of live cells through divisions.

Names are imported when they are first used: importing the package pulls in neither torch nor any
screen.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from lineage_triplets.engine.lazy import lazy_names

if TYPE_CHECKING:
    from lineage_triplets.engine import (
        DatasetConfig,
        ExperimentConfig,
        ExperimentRegistry,
        LineageTripletsError,
        MultiExperimentIndex,
        MultiExperimentTripletDataset,
        PrefetchLoader,
        TripletConfig,
        diagnose,
        load_config,
        sample_tau,
        save_config,
    )

try:
    __version__ = version("lineage-triplets")
except PackageNotFoundError:
    __version__ = "0+unknown"

__all__ = [
    "DatasetConfig",
    "ExperimentConfig",
    "ExperimentRegistry",
    "LineageTripletsError",
    "MultiExperimentIndex",
    "MultiExperimentTripletDataset",
    "PrefetchLoader",
    "TripletConfig",
    "diagnose",
    "load_config",
    "sample_tau",
    "save_config",
]

__getattr__ = lazy_names(__name__, dict.fromkeys(__all__, "lineage_triplets.engine"))


def __dir__() -> list[str]:
    return __all__
