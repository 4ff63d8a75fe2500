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
_N_PATCHES = 5
_GAP = 14
_SHARE = 1 / 12
_TEXT, _SMALL = 14, 12
# Orange and blue stay apart for colour-blind readers.
_AS_IS, _BETTER = (230, 159, 0), (86, 180, 233)


def placement_picture(source: FovSource, table: TrackTable, placement: Placement) -> Image.Image:
    """Draw a table's places on one frame, and patches around them, for each reading of it.

    Parameters
    ----------
    source : FovSource
    table : TrackTable
        As it is on disk.
    placement : Placement
        What was found about it.

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
    frames = placement.frames or tuple(range(source.fov.shape[0]))
    n_rows = [sum((read.t == t).sum() for _, read, _ in readings) for t in frames]
    t = frames[int(np.argmax(n_rows))]
    channels = tuple(dict.fromkeys(source.channels))
    image = SceneReader(source, table).stack(t, channels[:1], source.fov.shape[2])[0].max(axis=0)
    scale = measured_scale([image])
    page = Page()
    width = len(readings) * (_COLUMN_PX + _GAP) + _GAP
    top = _GAP
    for line in wrapped(f"{placement.experiment} {placement.fov}, frame {t}. {placement.sentence}",
                        width - 2 * _GAP, _TEXT):  # fmt: skip
        top = page.text(_GAP, top, width - _GAP, line, _TEXT)
    top += _GAP // 2
    n_lines = max(len(wrapped(words, _COLUMN_PX, _TEXT)) for words, _, _ in readings)
    bottom = top
    for number, (words, read, colour) in enumerate(readings):
        left = _GAP + number * (_COLUMN_PX + _GAP)
        here = read.t == t
        y, x = read.y[here], read.x[here]
        at = top
        for line in wrapped(words[:1].upper() + words[1:], _COLUMN_PX, _TEXT):
            at = page.text(left, at, left + _COLUMN_PX, line, _TEXT)
        at = top + n_lines * line_height(_TEXT) + 4
        at = page.image(left, at, _ringed(image, scale, y, x, colour)) + 6
        inside = (y >= 0) & (y < image.shape[0]) & (x >= 0) & (x < image.shape[1])
        said = (
            f"{inside.sum()} of {len(y)} rows of this frame in the image; all on average, and some:"
        )
        at = page.text(left, at, left + _COLUMN_PX, said, _SMALL)
        bottom = max(bottom, _patches(page, left, at, image, scale, y[inside], x[inside]))
    return drawn(page.layout(width, bottom + _GAP))


def _ringed(
    image: Float32Array,
    scale: GreyScale,
    y: Float64Array,
    x: Float64Array,
    colour: tuple[int, int, int],
) -> NDArray[np.uint8]:
    factor = _COLUMN_PX / image.shape[1]
    # A frame far taller than wide is no taller than a column is wide.
    factor = min(factor, _COLUMN_PX / image.shape[0])
    picture = Image.fromarray(rendered(image, scale, factor))
    draw = ImageDraw.Draw(picture)
    radius = max(3.0, min(9.0, 0.02 * max(picture.size)))
    for row, column in zip((y + 0.5) * factor, (x + 0.5) * factor, strict=True):
        box = (column - radius, row - radius, column + radius, row + radius)
        draw.ellipse(box, outline=colour, width=2)
    return np.asarray(picture)


def _patches(
    page: Page,
    left: int,
    top: int,
    image: Float32Array,
    scale: GreyScale,
    y: Float64Array,
    x: Float64Array,
) -> int:
    """The mean of all patches, and some of them; give the first row below."""
    half = max(6, round(_SHARE * min(image.shape)))
    padded = np.pad(image, half, constant_values=np.nan)
    places = zip(np.floor(y).astype(int), np.floor(x).astype(int), strict=True)
    around = [padded[r : r + 2 * half + 1, c : c + 2 * half + 1] for r, c in places]
    if not around:
        return top
    with np.errstate(invalid="ignore"):
        mean: Float32Array = np.nanmean(np.stack(around), axis=0)
    chosen = np.unique(np.linspace(0, len(around) - 1, _N_PATCHES).astype(int))
    factor = _PATCH_PX / (2 * half + 1)
    own = measured_scale([mean])
    shown = [rendered(mean, own, factor), *(rendered(around[k], scale, factor) for k in chosen)]
    bottom = top
    for number, pixels in enumerate(shown):
        bottom = page.image(left + number * (_PATCH_PX + 5), top, pixels)
    return bottom
