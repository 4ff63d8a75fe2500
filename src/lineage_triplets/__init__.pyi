from .engine import DatasetConfig as DatasetConfig
from .engine import ExperimentConfig as ExperimentConfig
from .engine import ExperimentRegistry as ExperimentRegistry
from .engine import LineageTripletsError as LineageTripletsError
from .engine import MultiExperimentIndex as MultiExperimentIndex
from .engine import MultiExperimentTripletDataset as MultiExperimentTripletDataset
from .engine import PrefetchLoader as PrefetchLoader
from .engine import TrackReading as TrackReading
from .engine import TrackTransform as TrackTransform
from .engine import TripletConfig as TripletConfig
from .engine import diagnose as diagnose
from .engine import load_config as load_config
from .engine import sample_tau as sample_tau
from .engine import save_config as save_config

__version__: str
__all__: list[str]
