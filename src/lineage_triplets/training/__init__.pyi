from .sampler import TripletBatchSampler as TripletBatchSampler

__all__: list[str]
