"""Cells to look at, spread over FOVs and time, and pictures of all channels around them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.reading.patches import PatchReader
from lineage_triplets.engine.settings.model import DatasetConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lineage_triplets.engine.arrays import Float32Array, Float64Array, Int64Array
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex


WINDOW_UM = 42.0
GRID_UM = 0.75
ASSUMED_PIXEL_UM = 0.5
_MOST_GRID = 56
_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Surroundings:
    """All channels of a store around one cell, on a grid of `GRID_UM` micrometers.

    Attributes
    ----------
    row : int
        The observation's row in the index.
    pixels : ndarray of float32, shape (C, height, width)
        C in the store's order; values as stored, averaged or interpolated to the grid.
    centre : (float, float)
        The cell's (y, x) on the grid; (0, 0) is the middle of the first pixel.
    regions : ndarray of float64, shape (C,)
        Share of the brighter pixels that equal their neighbours, near 1 in a mask of labels.
    field : (float, float, float, float) or None
        The (y, x) of the first pixel's middle, and the steps from pixel to pixel, in halves of the
        field's sides from its middle; None where that is not known.
    """

    row: int
    pixels: Float32Array
    centre: tuple[float, float]
    regions: Float64Array
    field: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """Patches of one experiment as training reads them, of all channels of its store.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Rows of the index.
    pixels : ndarray of float32, shape (n, C, Y, X)
        C in the store's order; the maximum over the slices; NaN where it cannot be read.
    centres : list of (float, float)
        The cell's (y, x) in each patch; (0, 0) is the middle of the first pixel.
    pixel_size_um : float or None
    """

    rows: Int64Array
    pixels: Float32Array
    centres: list[tuple[float, float]]
    pixel_size_um: float | None


def sample_rows(
    index: MultiExperimentIndex, experiment: int, n_rows: int, seed: int = 0
) -> Int64Array:
    """Choose rows of one experiment: its anchors, or any observations where it has none.

    FOVs get equal numbers, and so do equal stretches of time in each; the same seed gives the
    same rows.
    """
    rows = index.anchor_rows[index.experiment_of_row[index.anchor_rows] == experiment]
    if not len(rows):
        rows = np.flatnonzero(index.experiment_of_row == experiment)
    if not len(rows) or n_rows < 1:
        return np.empty(0, dtype=np.int64)
    rng = np.random.default_rng([seed, experiment])
    order = np.lexsort((rng.random(len(rows)), index.observations.t[rows], index.fov_of_row[rows]))
    rows = rows[order]
    fovs, start, count = np.unique(index.fov_of_row[rows], return_index=True, return_counts=True)
    asked = min(n_rows, len(rows))
    share = np.zeros(len(fovs), dtype=np.int64)
    share[_spread(len(fovs), min(asked, len(fovs)))] = 1
    while share.sum() < asked:
        room = np.flatnonzero((share < count) & (share > 0 if asked <= len(fovs) else True))
        fewest = room[np.argsort(share[room], kind="stable")]
        share[fewest[: asked - share.sum()]] += 1
    return np.concatenate(
        [
            rows[first + _spread(of, n)]
            for first, of, n in zip(start, count.tolist(), share.tolist(), strict=True)
        ]
    )


def _spread(length: int, n: int) -> Int64Array:
    """`n` different numbers below `length`, evenly apart."""
    places: Int64Array = np.floor((np.arange(n) + 0.5) * length / max(n, 1)).astype(np.int64)
    return places


def pixel_size_um(source: FovSource) -> float | None:
    """Width of a pixel; None where the store does not tell (1 in all axes is what writers put)."""
    size = source.fov.pixel_size_um
    if size is None or size == (1.0, 1.0, 1.0) or not 0.01 < size[2] < 20:
        return None
    return float(size[2])


def read_surroundings(
    index: MultiExperimentIndex,
    rows: Int64Array,
    *,
    unreadable: dict[int, str] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Surroundings]:
    """Read all channels of the store around some rows of one experiment.

    Parameters
    ----------
    index : MultiExperimentIndex
    rows : ndarray of int64
    unreadable : dict, optional
        Gets row to reason for what cannot be read.
    stop : callable, optional
        Asked between reads.
    """
    failures: dict[int, str] = {} if unreadable is None else unreadable
    groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for row in rows.tolist():
        fov = int(index.fov_of_row[row])
        size = pixel_size_um(index.fovs[fov]) or ASSUMED_PIXEL_UM
        side = min(int(np.ceil(WINDOW_UM / size)) + 2, *index.fovs[fov].fov.shape[3:])
        groups[fov, side].append(row)
    for (fov, side), members in groups.items():
        source = index.fovs[fov]
        reader = _reader_of_all(source, (side, side))
        for start in range(0, len(members), _AT_ONCE):
            if stop is not None and stop():
                return
            some = np.array(members[start : start + _AT_ONCE], dtype=np.int64)
            yield from _read(index, source, reader, some, failures)


def _reader_of_all(source: FovSource, yx_patch_size: tuple[int, int]) -> PatchReader:
    every = tuple(range(source.fov.shape[1]))
    settings = DatasetConfig(yx_patch_size=yx_patch_size, missing_chunks="fill", cache_pool_bytes=0)
    return PatchReader([replace(source, channels=every)], settings)


def _read(
    index: MultiExperimentIndex,
    source: FovSource,
    reader: PatchReader,
    rows: Int64Array,
    failures: dict[int, str],
) -> Iterator[Surroundings]:
    side = reader.settings.yx_patch_size[0]
    height, width = source.fov.shape[3:]
    here = index.observations.take(rows)
    half = side // 2
    here = replace(
        here,
        y_clamp=np.clip(here.y, half, height - side + half),
        x_clamp=np.clip(here.x, half, width - side + half),
    )
    fov = np.zeros(len(rows), dtype=np.int64)
    try:
        patches = reader.read(here, fov)
    except StoreError as error:
        if len(rows) == 1:
            failures[int(rows[0])] = str(error)
            return
        for row in rows:
            yield from _read(index, source, reader, np.array([row]), failures)
        return
    _, top, left = reader.corners(here, fov)
    size = pixel_size_um(source) or ASSUMED_PIXEL_UM
    middle = patches.shape[2] // 2
    for number, row in enumerate(rows.tolist()):
        centre = float(here.y[number] - top[number]), float(here.x[number] - left[number])
        corner = float(top[number]), float(left[number])
        patch = patches[number, :, middle].astype(np.float32)
        yield _on_grid(row, patch, centre, size, corner, (height, width))


def _on_grid(
    row: int,
    pixels: Float32Array,
    centre: tuple[float, float],
    size_um: float,
    corner: tuple[float, float],
    image: tuple[int, int],
) -> Surroundings:
    """Resample to the grid, inside the patch and as near to the cell as it allows."""
    shape = pixels.shape[1:]
    grid = [min(_MOST_GRID, max(1, int(length * size_um / GRID_UM))) for length in shape]
    step = GRID_UM / size_um
    span = [n * step for n in grid]
    low = [
        float(np.clip(c + 0.5 - s / 2, 0, max(0.0, n - s)))
        for c, s, n in zip(centre, span, shape, strict=True)
    ]
    high = [min(a + s, n) for a, s, n in zip(low, span, shape, strict=True)]
    box = (low[1], low[0], high[1], high[0])
    # Of infinities differences cannot be had, and a plane with one is told to be none anyway.
    pixels = np.where(np.isfinite(pixels), pixels, np.float32(np.nan))
    # BOX averages whole areas, so that camera noise shrinks as it would in a coarser pixel.
    method = Image.Resampling.HAMMING if step > 1 else Image.Resampling.BICUBIC
    # Offsets of the whole patch are taken off first: float32 keeps the differences.
    base = pixels.reshape(len(pixels), -1).mean(axis=1, dtype=np.float64)
    resized = np.stack(
        [
            np.asarray(
                Image.fromarray((plane - mean).astype(np.float32)).resize(
                    (grid[1], grid[0]), method, box=box
                ),
                dtype=np.float32,
            )
            for plane, mean in zip(pixels, base, strict=True)
        ]
    )
    resized += base[:, None, None].astype(np.float32)
    inside = [(c + 0.5 - a) / step - 0.5 for c, a in zip(centre, low, strict=True)]
    half = [length / 2 for length in image]
    first = [(at + a + step / 2 - h) / h for at, a, h in zip(corner, low, half, strict=True)]
    field = (first[0], first[1], step / half[0], step / half[1])
    return Surroundings(row, resized, (inside[0], inside[1]), _regions(pixels), field)


def _regions(pixels: Float32Array) -> Float64Array:
    """Share of pixels above the least value that equal the next ones below and right."""
    here = pixels[:, :-1, :-1]
    bright = here > pixels.min(axis=(1, 2), keepdims=True)
    equal = (here == pixels[:, 1:, :-1]) & (here == pixels[:, :-1, 1:]) & bright
    shares: Float64Array = equal.sum(axis=(1, 2)) / np.maximum(bright.sum(axis=(1, 2)), 1)
    return shares


def read_thumbnails(
    index: MultiExperimentIndex,
    rows: Int64Array,
    n_channels: int,
    stop: Callable[[], bool] | None = None,
) -> Thumbnails:
    """Read patches of the index's own size, of all channels, around rows of one experiment.

    Those left where `stop` says so are NaN, as are those that cannot be read.
    """
    size = index.settings.yx_patch_size
    pixels = np.full((len(rows), n_channels, *size), np.nan, dtype=np.float32)
    centres = []
    for number, row in enumerate(rows):
        source = index.fovs[index.fov_of_row[row]]
        reader = _reader_of_all(source, size)
        here, fov = index.observations.take(row[None]), np.zeros(1, dtype=np.int64)
        _, top, left = reader.corners(here, fov)
        centres.append((float(here.y[0] - top[0]), float(here.x[0] - left[0])))
        if stop is not None and stop():
            continue
        try:
            pixels[number] = reader.read(here, fov)[0].max(axis=1)
        except StoreError:
            continue
    sizes = {pixel_size_um(index.fovs[fov]) for fov in index.fov_of_row[rows].tolist()}
    return Thumbnails(rows, pixels, centres, sizes.pop() if len(sizes) == 1 else None)
