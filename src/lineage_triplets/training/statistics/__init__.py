"""Statistics of images for normalization: of frames, FOVs and plates, each chunk decoded once.

- `counts`: values counted in bins that can be added up, and the statistics of them.
- `focus`: how sharp the slices of a stack are.
- `memory`: what threads read and count into.
- `frames`: what frames give while they are read, part by part.
- `chunks`: chunks of local stores, counted by the thread that decoded them.
- `blocks`: frames of a FOV that are read together, chunk by chunk or by tensorstore.
- `folder`: finished FOVs on disk, by one writer at a time.
- `run`: all FOVs of an index, by threads or by a dask scheduler.
- `attributes`: the same statistics in the plate's own metadata.
"""
