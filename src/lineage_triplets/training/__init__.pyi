from .datamodule import SplitChoice as SplitChoice
from .datamodule import TripletDataModule as TripletDataModule
from .example.demo import Demo as Demo
from .example.demo import train_demo as train_demo
from .example.encoder import Encoder as Encoder
from .example.encoder import nt_xent as nt_xent
from .example.judge import Retrieval as Retrieval
from .example.judge import find_lineages as find_lineages
from .example.run import embed as embed
from .loader import TripletLoader as TripletLoader
from .loader import WorkerError as WorkerError
from .sampler import TripletBatchSampler as TripletBatchSampler
from .split import Split as Split
from .split import split_anchors as split_anchors
from .statistics.folder import StatisticsInUseError as StatisticsInUseError
from .statistics.run import StatisticsReport as StatisticsReport
from .statistics.run import compute_statistics as compute_statistics
from .transforms import Augmentation as Augmentation
from .transforms import BatchTransform as BatchTransform

__all__: list[str]
