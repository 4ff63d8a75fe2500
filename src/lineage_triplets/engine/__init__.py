"""The headless engine: from experiments.yml to batches. Knows nothing of review and screens.

Names are imported when they are first used; torch with `MultiExperimentTripletDataset` alone.
"""

from typing import TYPE_CHECKING

from lineage_triplets.engine.lazy import lazy_names

if TYPE_CHECKING:
    from lineage_triplets.engine.dataset.dataset import MultiExperimentTripletDataset
    from lineage_triplets.engine.dataset.prefetch import PrefetchLoader
    from lineage_triplets.engine.dataset.source import Pairs, PairSource
    from lineage_triplets.engine.diagnosis import Diagnosis, diagnose
    from lineage_triplets.engine.errors import LineageTripletsError, Problem
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.pairs.forest import Relation
    from lineage_triplets.engine.pairs.tau import sample_tau, tau_distribution
    from lineage_triplets.engine.plates.experiments import ExperimentRegistry
    from lineage_triplets.engine.settings.file import load_config, save_config
    from lineage_triplets.engine.settings.model import (
        DatasetConfig,
        ExperimentConfig,
        TripletConfig,
    )

_ENGINE = "lineage_triplets.engine"
_HOMES = {
    "DatasetConfig": f"{_ENGINE}.settings.model",
    "Diagnosis": f"{_ENGINE}.diagnosis",
    "ExperimentConfig": f"{_ENGINE}.settings.model",
    "ExperimentRegistry": f"{_ENGINE}.plates.experiments",
    "LineageTripletsError": f"{_ENGINE}.errors",
    "MultiExperimentIndex": f"{_ENGINE}.index.index",
    "MultiExperimentTripletDataset": f"{_ENGINE}.dataset.dataset",
    "PairSource": f"{_ENGINE}.dataset.source",
    "Pairs": f"{_ENGINE}.dataset.source",
    "PrefetchLoader": f"{_ENGINE}.dataset.prefetch",
    "Problem": f"{_ENGINE}.errors",
    "Relation": f"{_ENGINE}.pairs.forest",
    "TripletConfig": f"{_ENGINE}.settings.model",
    "diagnose": f"{_ENGINE}.diagnosis",
    "load_config": f"{_ENGINE}.settings.file",
    "sample_tau": f"{_ENGINE}.pairs.tau",
    "save_config": f"{_ENGINE}.settings.file",
    "tau_distribution": f"{_ENGINE}.pairs.tau",
}

__all__ = [
    "DatasetConfig",
    "Diagnosis",
    "ExperimentConfig",
    "ExperimentRegistry",
    "LineageTripletsError",
    "MultiExperimentIndex",
    "MultiExperimentTripletDataset",
    "PairSource",
    "Pairs",
    "PrefetchLoader",
    "Problem",
    "Relation",
    "TripletConfig",
    "diagnose",
    "load_config",
    "sample_tau",
    "save_config",
    "tau_distribution",
]

__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
