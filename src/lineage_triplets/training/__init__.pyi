from .sampler import TripletBatchSampler as TripletBatchSampler
from .split import Split as Split
from .split import split_anchors as split_anchors
from .transforms import Augmentation as Augmentation
from .transforms import BatchTransform as BatchTransform

__all__: list[str]
