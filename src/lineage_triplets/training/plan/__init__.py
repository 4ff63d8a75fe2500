"""The order in which an epoch is read, by the stores' own chunks and a bound of memory.

- `memory`: bytes that a lane keeps, by each store's grid of chunks.
- `draws`: which anchors an epoch draws, and how often.
- `batches`: how draws of groups fall into batches that all ranks can share.
- `lanes`: several FOVs at once, each moving through time.
- `epoch`: the batches of one rank, in order.
"""
