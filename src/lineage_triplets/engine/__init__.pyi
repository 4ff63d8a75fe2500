from .dataset.dataset import MultiExperimentTripletDataset as MultiExperimentTripletDataset
from .dataset.prefetch import PrefetchLoader as PrefetchLoader
from .dataset.source import Pairs as Pairs
from .dataset.source import PairSource as PairSource
from .diagnosis import Diagnosis as Diagnosis
from .diagnosis import diagnose as diagnose
from .errors import LineageTripletsError as LineageTripletsError
from .errors import Problem as Problem
from .index.index import MultiExperimentIndex as MultiExperimentIndex
from .pairs.forest import Relation as Relation
from .pairs.tau import sample_tau as sample_tau
from .pairs.tau import tau_distribution as tau_distribution
from .plates.experiments import ExperimentRegistry as ExperimentRegistry
from .settings.file import load_config as load_config
from .settings.file import save_config as save_config
from .settings.model import DatasetConfig as DatasetConfig
from .settings.model import ExperimentConfig as ExperimentConfig
from .settings.model import TripletConfig as TripletConfig

__all__: list[str]
