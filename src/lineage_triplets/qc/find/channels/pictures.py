"""The channel grid: what is in each slot of each experiment, and in all channels of its store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.channels.canvas import MARGIN, Canvas, wrapped
from lineage_triplets.qc.look.pictures.grey import GreyScale, measured_scale, rendered
from lineage_triplets.qc.look.pictures.items import GREY, HAIRLINE, Colour
from lineage_triplets.qc.look.pictures.text import line_height, short_number, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from lineage_triplets.qc.find.channels.inspection import ChannelInspection, SlotView
    from lineage_triplets.qc.find.channels.verdict import Status

RIGHT: Colour = (0, 114, 178)
WRONG: Colour = (213, 94, 0)
OPEN: Colour = (140, 140, 140)
_COLOURS: dict[Status, Colour] = {"same": RIGHT, "swapped": WRONG, "differs": WRONG}
_COLOURS |= {"unlike": WRONG, "blank": WRONG}
_TEXT, _SMALL, _HEADING, _TITLE = 14, 12, 18, 22
_GAP, _SPACE, _HISTOGRAM = MARGIN, 4, 44
_BAR = (120, 130, 145)
_MOST_BESIDE = 4


@dataclass(frozen=True, eq=False)
class ThumbnailRow:
    """Patches of one channel of one experiment on one grey scale, ready to show.

    Attributes
    ----------
    images : tuple of ndarray
        (height, width, 3) uint8; pixels that are not numbers, or not readable, are hatched.
    scale : str
        The values shown black and white, in the store's units, and the gamma.
    """

    images: tuple[NDArray[np.uint8], ...]
    scale: str


def thumbnail_row(
    inspection: ChannelInspection, experiment: str, zarr_index: int, patch_pixels: int = 80
) -> ThumbnailRow:
    """Draw the patches of one channel, whether it is in a slot or not.

    Parameters
    ----------
    inspection : ChannelInspection
    experiment : str
    zarr_index : int
    patch_pixels : int
        Length at which the longer side of a patch is drawn.
    """
    thumbnails = inspection.thumbnails.get(experiment)
    if thumbnails is None or not len(thumbnails.pixels):
        return ThumbnailRow((), "")
    pixels = thumbnails.pixels[:, zarr_index]
    pixels = np.where(np.isfinite(pixels), pixels, np.nan)
    scale: GreyScale = measured_scale(list(pixels))
    factor = patch_pixels / max(pixels.shape[1:])
    images = tuple(rendered(image, scale, factor) for image in pixels)
    return ThumbnailRow(images, ", ".join(scale.lines))


def channel_grid(
    inspection: ChannelInspection, *, title: str = "Channels", patch_pixels: int = 80
) -> Image.Image:
    """Draw slots down and experiments across, then all channels of every store.

    A cell has patches as training reads them, on one scale whose values are printed; the histogram
    of the pixels around the cells looked at, log counts upward; and for slots the verdict.

    Parameters
    ----------
    inspection : ChannelInspection
    title : str
        Printed on top; empty for none.
    patch_pixels : int
        Length at which the longer side of a patch is drawn.
    """
    names = list(inspection.channel_maps)
    bands = [names[k : k + _MOST_BESIDE] for k in range(0, len(names), _MOST_BESIDE)]
    widest = max((len(t.pixels) for t in inspection.thumbnails.values()), default=1)
    cell_width = max(widest * (patch_pixels + _SPACE), 300)
    gutter = _gutter(inspection)
    width = 2 * _GAP + gutter + max(map(len, bands), default=1) * (cell_width + _GAP)
    canvas = Canvas(width)
    if title:
        canvas.down(canvas.text(_GAP, 0, title, _TITLE, width - 2 * _GAP))
    for line in wrapped(_KEY, width - 2 * _GAP, _SMALL):
        canvas.down(canvas.text(_GAP, 0, line, _SMALL, width - 2 * _GAP, GREY))
    canvas.down(_SPACE)
    for band in bands:
        _headings(canvas, inspection, band, gutter, cell_width)
        for slot, label in enumerate(inspection.slot_labels):
            cells: list[_Cell | None] = [
                _Cell(_slot_head(view), view.zarr_index, view.experiment, view)
                for view in (inspection.view(name, slot) for name in band)
            ]
            _row(canvas, inspection, (f"slot {slot}", label), cells, (cell_width, patch_pixels))
        canvas.text(_GAP, 0, "all channels", _TEXT, gutter)
        canvas.down(canvas.text(_GAP, line_height(_TEXT), "of the stores", _TEXT, gutter))
        most = max(len(inspection.channel_names[name]) for name in band)
        canvas.back(line_height(_TEXT))
        for channel in range(most):
            cells = [
                _Cell(_channel_head(inspection, name, channel), channel, name)
                if channel < len(inspection.channel_names[name])
                else None
                for name in band
            ]
            _row(canvas, inspection, ("", ""), cells, (cell_width, patch_pixels))
    return canvas.image()


_KEY = (
    "Blue: looks right · orange: looks wrong · grey: cannot tell. Patches of one row share a grey "
    "scale; its values are printed. Histograms: log counts of the pixels around the cells looked "
    "at, 0.1 to 99.9 percentile."
)


@dataclass(frozen=True, eq=False)
class _Cell:
    head: str
    zarr_index: int
    experiment: str
    view: SlotView | None = None


def _slot_head(view: SlotView) -> str:
    return f"{view.channel_name} (zarr {view.zarr_index})"


def _channel_head(inspection: ChannelInspection, experiment: str, channel: int) -> str:
    slots = [k for k, c in inspection.channel_maps[experiment].items() if c == channel]
    place = f"slot {slots[0]}" if slots else "in no slot"
    return f"{inspection.channel_names[experiment][channel]} (zarr {channel}) · {place}"


def _gutter(inspection: ChannelInspection) -> int:
    labels = [*inspection.slot_labels, "of the stores"]
    return min(180, max(text_width(label, _TEXT) for label in labels)) + _GAP // 2


def _headings(
    canvas: Canvas, inspection: ChannelInspection, band: list[str], gutter: int, cell_width: int
) -> None:
    for number, name in enumerate(band):
        left = _GAP + gutter + number * (cell_width + _GAP)
        below = canvas.text(left, 0, name, _HEADING, cell_width)
        canvas.text(left, below, _detail(inspection, name), _SMALL, cell_width, GREY)
    canvas.down(line_height(_HEADING) + line_height(_SMALL) + _SPACE)
    canvas.box(_GAP, 0, canvas.width - 2 * _GAP, 1, HAIRLINE)
    canvas.down(3 * _SPACE)


def _detail(inspection: ChannelInspection, name: str) -> str:
    looks, thumbnails = inspection.signatures.get(name, ()), inspection.thumbnails.get(name)
    failures = len(inspection.unreadable.get(name, ()))
    parts = [f"{counted(looks[0].n_patches if looks else 0, 'cell')} looked at"]
    if thumbnails is not None and len(thumbnails.pixels):
        height, width = thumbnails.pixels.shape[2:]
        size = thumbnails.pixel_size_um
        parts.append(
            f"patch {height} x {width} px"
            + (f", {width * size:.3g} um wide" if size else ", pixel size unknown")
        )
    if failures:
        parts.append("some unreadable")
    return " · ".join(parts)


def _row(
    canvas: Canvas,
    inspection: ChannelInspection,
    label: tuple[str, str],
    cells: Sequence[_Cell | None],
    sizes: tuple[int, int],
) -> None:
    """Draw one row of cells, each as wide as the others, as high as the highest."""
    gutter, (cell_width, patch_pixels) = _gutter(inspection), sizes
    if label[0]:
        below = canvas.text(_GAP, 0, label[0], _TEXT, gutter - _SPACE)
        canvas.text(_GAP, below, label[1], _TEXT, gutter - _SPACE, GREY)
    heights = [2 * line_height(_TEXT)]
    for number, cell in enumerate(cells):
        if cell is not None:
            left = _GAP + gutter + number * (cell_width + _GAP)
            heights.append(_draw_cell(canvas, inspection, cell, left, cell_width, patch_pixels))
    canvas.down(max(heights) + _GAP // 2)


def _draw_cell(
    canvas: Canvas,
    inspection: ChannelInspection,
    cell: _Cell,
    left: int,
    width: int,
    patch_pixels: int,
) -> int:
    """Draw one cell; give its height."""
    below = canvas.text(left, 0, cell.head, _TEXT, width)
    row = thumbnail_row(inspection, cell.experiment, cell.zarr_index, patch_pixels)
    below += _SPACE
    for number, image in enumerate(row.images):
        canvas.paste(left + number * (patch_pixels + _SPACE), below, image)
    below += max((image.shape[0] for image in row.images), default=0) + _SPACE
    if row.scale:
        below += canvas.text(left, below, f"grey: {row.scale}", _SMALL, width, GREY)
    below += _draw_histogram(canvas, inspection, cell, left, below, width)
    if cell.view is not None:
        colour = _COLOURS.get(cell.view.verdict.status, OPEN)
        if cell.view.verdict.better is not None:
            colour = WRONG
        start = below
        for line in wrapped(cell.view.sentence, width - 3 * _SPACE, _SMALL):
            below += canvas.text(left + 3 * _SPACE, below, line, _SMALL, width - 3 * _SPACE)
        canvas.box(left, start, _SPACE, below - start, colour)
    return below


def _draw_histogram(
    canvas: Canvas,
    inspection: ChannelInspection,
    cell: _Cell,
    left: int,
    below: int,
    width: int,
) -> int:
    """Draw log counts over pixel values, with the ends' values; give the height."""
    looks = inspection.signatures.get(cell.experiment, ())
    if not looks or not looks[cell.zarr_index].counts.any():
        return canvas.text(left, below, "nothing could be read", _SMALL, width, GREY) + _SPACE
    signature = looks[cell.zarr_index]
    heights = np.log1p(signature.counts)
    heights = np.rint(heights / heights.max() * _HISTOGRAM).astype(int)
    edges = np.linspace(0, width, len(heights) + 1).astype(int)
    for a, b, height in zip(edges[:-1], edges[1:], heights, strict=True):
        if height:
            canvas.box(
                left + int(a), below + _HISTOGRAM - int(height), int(b - a), int(height), _BAR
            )
    canvas.box(left, below + _HISTOGRAM, width, 1, HAIRLINE)
    low, high = (short_number(float(signature.edges[k])) for k in (0, -1))
    below += _HISTOGRAM + 1
    canvas.text(left, below, low, _SMALL, width // 2, GREY)
    end = left + width - text_width(high, _SMALL)
    return _HISTOGRAM + 1 + canvas.text(end, below, high, _SMALL, width // 2, GREY) + _SPACE
