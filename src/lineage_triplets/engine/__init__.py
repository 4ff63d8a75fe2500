"""The headless engine: from experiments.yml to batches. Knows nothing of review and screens.

Names are imported when they are first used; torch with `MultiExperimentTripletDataset` alone.
"""

from typing import TYPE_CHECKING

from lineage_triplets.engine.lazy import lazy_names

if TYPE_CHECKING:
    from lineage_triplets.engine.config import (
        DatasetConfig,
        ExperimentConfig,
        TripletConfig,
    )
    from lineage_triplets.engine.configfile import load_config, save_config
    from lineage_triplets.engine.dataset import MultiExperimentTripletDataset
    from lineage_triplets.engine.diagnosis import Diagnosis, diagnose
    from lineage_triplets.engine.index import MultiExperimentIndex
    from lineage_triplets.engine.lineage import Relation
    from lineage_triplets.engine.pairs import Pairs, PairSource
    from lineage_triplets.engine.prefetch import PrefetchLoader
    from lineage_triplets.engine.problems import LineageTripletsError, Problem
    from lineage_triplets.engine.registry import ExperimentRegistry
    from lineage_triplets.engine.tau import sample_tau, tau_distribution

_ENGINE = "lineage_triplets.engine"
_HOMES = {
    "DatasetConfig": f"{_ENGINE}.config",
    "Diagnosis": f"{_ENGINE}.diagnosis",
    "ExperimentConfig": f"{_ENGINE}.config",
    "ExperimentRegistry": f"{_ENGINE}.registry",
    "LineageTripletsError": f"{_ENGINE}.problems",
    "MultiExperimentIndex": f"{_ENGINE}.index",
    "MultiExperimentTripletDataset": f"{_ENGINE}.dataset",
    "PairSource": f"{_ENGINE}.pairs",
    "Pairs": f"{_ENGINE}.pairs",
    "PrefetchLoader": f"{_ENGINE}.prefetch",
    "Problem": f"{_ENGINE}.problems",
    "Relation": f"{_ENGINE}.lineage",
    "TripletConfig": f"{_ENGINE}.config",
    "diagnose": f"{_ENGINE}.diagnosis",
    "load_config": f"{_ENGINE}.configfile",
    "sample_tau": f"{_ENGINE}.tau",
    "save_config": f"{_ENGINE}.configfile",
    "tau_distribution": f"{_ENGINE}.tau",
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
