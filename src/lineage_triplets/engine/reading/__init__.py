"""Rows to pixels.

- `patches`: `PatchReader`, from rows to one array, by one of the ways to read.
- `plan`: which chunks the windows of a batch touch, and which bytes of each go where.
- `local`: blosc and plain chunks of local stores, only what is touched; `blosc` opens containers.
- `threads`: work for all CPUs.
- `tensorstore`: everything else, and its verdict where something cannot be read.
- `masks`: labels of cells that lie beside images, window by window.
- `ahead`: patches of batches that are told in advance, cut as soon as their chunk is decoded.
- `cache`: decoded parts of chunks, for batches that come back to them.
"""
