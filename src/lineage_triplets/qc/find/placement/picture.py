"""A picture of a table on its images: as it is, and as it would lie where that fits better."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from lineage_triplets.engine.tracks.transform import place_table
from lineage_triplets.qc.find.placement.scene import SceneReader
from lineage_triplets.qc.look.pictures.grey import GreyScale, measured_scale, rendered
from lineage_triplets.qc.look.pictures.page import Page, drawn, line_height, wrapped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Float32Array, Float64Array
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.tracks.table import TrackTable
    from lineage_triplets.qc.find.placement.verdict import Placement

_COLUMN_PX = 460
_PATCH_PX = 72
_N_PATCHES = 6
_GAP, _SMALL_GAP, _PATCH_GAP = 14, 6, 5
_SMALL_BELOW_PX = 600
_THIN_BELOW_PX = 300
_SHARE = 1 / 12
_TEXT, _SMALL = 14, 12
# Orange and blue stay apart for colour-blind readers.
_AS_IS, _BETTER = (230, 159, 0), (86, 180, 233)


def placement_picture(
    source: FovSource,
    table: TrackTable,
    placement: Placement,
    *,
    width_px: int | None = None,
    headed: bool = True,
) -> Image.Image:
    """Draw a table's places on one frame, and patches around them, for each reading of it.

    Parameters
    ----------
    source : FovSource
    table : TrackTable
        As it is on disk.
    placement : Placement
        What was found about it.
    width_px : int, optional
        As wide as this, or narrower where there is one reading; wide enough to see by default.
    headed : bool
        Whether what was found is written over it.

    Returns
    -------
    Image
        RGB. On the left the table as it is taken now; on the right, for a misfit that something
        mends, the table mended.

    Raises
    ------
    StoreError, ChunkError
        The frame cannot be read.
    """
    readings = [("as it is", place_table(table, source.track_transform), _AS_IS)]
    if placement.transform is not None:
        readings.append((placement.words, place_table(table, placement.transform), _BETTER))
    n, is_small = len(readings), width_px is not None and width_px < _SMALL_BELOW_PX
    gap, size = (_SMALL_GAP, _SMALL) if is_small else (_GAP, _TEXT)
    column = _COLUMN_PX
    if width_px is not None:
        column = max(2 * gap, min(_COLUMN_PX, (width_px - gap) // n - gap))
    frames = placement.frames or tuple(range(source.fov.shape[0]))
    n_rows = [sum((read.t == t).sum() for _, read, _ in readings) for t in frames]
    t = frames[int(np.argmax(n_rows))]
    channels = tuple(dict.fromkeys(source.channels))
    image = SceneReader(source, table).stack(t, channels[:1], source.fov.shape[2])[0].max(axis=0)
    scale = measured_scale([image])
    page = Page()
    width = n * (column + gap) + gap
    top = gap
    if headed:
        said = f"{placement.experiment} {placement.fov}, frame {t}. {placement.sentence}"
        top = _lines(page, gap, top, width - 2 * gap, said, _TEXT) + gap // 2
    titles = [words[:1].upper() + words[1:] for words, _, _ in readings]
    if not headed:
        titles[0] += f", frame {t}"
    n_lines = max(len(wrapped(title, column, size)) for title in titles)
    bottom = top
    for number, (title, (_, read, colour)) in enumerate(zip(titles, readings, strict=True)):
        left = gap + number * (column + gap)
        here = read.t == t
        y, x = read.y[here], read.x[here]
        _lines(page, left, top, column, title, size)
        at = top + n_lines * line_height(size) + 4
        at = page.image(left, at, _ringed(image, scale, y, x, colour, column)) + 6
        inside = (y >= 0) & (y < image.shape[0]) & (x >= 0) & (x < image.shape[1])
        said = f"{inside.sum()} of {len(y)} rows in the image; all on average, and some:"
        at = _lines(page, left, at, column, said, _SMALL)
        patches = _patches(image, scale, y[inside], x[inside], column)
        bottom = max(bottom, at)
        for place, pixels in enumerate(patches):
            step = pixels.shape[1] + _PATCH_GAP
            bottom = max(bottom, page.image(left + place * step, at, pixels))
    return drawn(page.layout(width, bottom + gap))


def _lines(page: Page, left: int, top: int, width: int, text: str, size: int) -> int:
    """Place text in as many lines as it needs; give where the next begins."""
    for line in wrapped(text, width, size):
        top = page.text(left, top, left + width, line, size)
    return top


def _ringed(
    image: Float32Array,
    scale: GreyScale,
    y: Float64Array,
    x: Float64Array,
    colour: tuple[int, int, int],
    column: int,
) -> NDArray[np.uint8]:
    # A frame far taller than wide is no taller than a column is wide.
    factor = column / max(image.shape)
    picture = Image.fromarray(rendered(image, scale, factor))
    draw = ImageDraw.Draw(picture)
    radius = max(3.0, min(9.0, 0.02 * max(picture.size)))
    for row, column in zip((y + 0.5) * factor, (x + 0.5) * factor, strict=True):
        box = (column - radius, row - radius, column + radius, row + radius)
        draw.ellipse(box, outline=colour, width=2 if column >= _THIN_BELOW_PX else 1)
    return np.asarray(picture)


def _patches(
    image: Float32Array, scale: GreyScale, y: Float64Array, x: Float64Array, column: int
) -> list[NDArray[np.uint8]]:
    """Draw the mean of all patches, and as many of them as a column has room for."""
    half = max(6, round(_SHARE * min(image.shape)))
    padded = np.pad(image, half, constant_values=np.nan)
    places = zip(np.floor(y).astype(int), np.floor(x).astype(int), strict=True)
    around = [padded[r : r + 2 * half + 1, c : c + 2 * half + 1] for r, c in places]
    if not around:
        return []
    stacked = np.stack(around)
    # Where all patches reach over the frame there is none; nanmean would warn of that.
    with np.errstate(invalid="ignore"):
        mean: Float32Array = np.nansum(stacked, axis=0) / np.float32((~np.isnan(stacked)).sum(0))
    # A narrow column has room for the mean and one more.
    size = min(_PATCH_PX, (column - _PATCH_GAP) // 2)
    n = min(_N_PATCHES, (column + _PATCH_GAP) // (size + _PATCH_GAP)) - 1
    # Not the first and last: tables are often sorted, and these lie at the edge.
    chosen = np.unique(np.linspace(0, len(around) - 1, n + 2).astype(int)[1:-1])
    factor = size / (2 * half + 1)
    shown = [rendered(around[k], scale, factor) for k in chosen]
    return [rendered(mean, measured_scale([mean]), factor), *shown]
