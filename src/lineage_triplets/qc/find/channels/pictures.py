"""The channel grid: what is in each slot of each experiment, and in all channels of its store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.look.pictures.grey import GreyScale, measured_scale, rendered
from lineage_triplets.qc.look.pictures.page import (
    GREY,
    HAIRLINE,
    INK,
    Colour,
    Page,
    SheetLayout,
    drawn,
    line_height,
    short_number,
    text_width,
    wrapped,
)

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
_GAP, _SPACE, _HISTOGRAM = 28, 4, 44
_BAR = (120, 130, 145)
_MOST_BESIDE = 4
_KEY = (
    "Blue: looks right · orange: looks wrong · grey: cannot tell. Patches of one row share a grey "
    "scale; its values are printed. Histograms: log counts of the pixels around the cells looked "
    "at, 0.1 to 99.9 percentile."
)


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
    return drawn(_Grid(inspection, patch_pixels).layout(title))


@dataclass(frozen=True, eq=False)
class _Cell:
    head: str
    zarr_index: int
    experiment: str
    view: SlotView | None = None


class _Grid:
    """Places rows of cells below each other, in columns of one width; each gives its bottom."""

    def __init__(self, inspection: ChannelInspection, patch_pixels: int) -> None:
        self.inspection, self.patch_pixels = inspection, patch_pixels
        self.page = Page()
        names = list(inspection.channel_maps)
        self.bands = [names[k : k + _MOST_BESIDE] for k in range(0, len(names), _MOST_BESIDE)]
        widest = max((len(t.pixels) for t in inspection.thumbnails.values()), default=1)
        self.cell_width = max(widest * (patch_pixels + _SPACE), 300)
        labels = [*inspection.slot_labels, "of the stores"]
        longest = max(text_width(label, _TEXT) for label in labels)
        self.gutter = min(180, longest) + _GAP // 2
        columns = max(map(len, self.bands), default=1)
        self.width = 2 * _GAP + self.gutter + columns * (self.cell_width + _GAP)
        self.right = self.width - _GAP

    def layout(self, title: str) -> SheetLayout:
        top = _GAP
        if title:
            top = self.page.text(_GAP, top, self.right, title, _TITLE)
        for line in wrapped(_KEY, self.right - _GAP, _SMALL):
            top = self.page.text(_GAP, top, self.right, line, _SMALL, GREY)
        top += _SPACE
        for band in self.bands:
            top = self._band(top, band)
        return self.page.layout(self.width, top + _GAP // 2)

    def _left(self, column: int) -> int:
        return _GAP + self.gutter + column * (self.cell_width + _GAP)

    def _label(self, top: int, first: str, second: str, colour: Colour) -> None:
        end = _GAP + self.gutter - _SPACE
        top = self.page.text(_GAP, top, end, first, _TEXT)
        self.page.text(_GAP, top, end, second, _TEXT, colour)

    def _band(self, top: int, band: list[str]) -> int:
        """Place the experiments that are beside each other."""
        inspection = self.inspection
        for column, name in enumerate(band):
            left = self._left(column)
            below = self.page.text(left, top, left + self.cell_width, name, _HEADING)
            self.page.text(
                left, below, left + self.cell_width, _detail(inspection, name), _SMALL, GREY
            )
        top += line_height(_HEADING) + line_height(_SMALL) + _SPACE
        self.page.rule(_GAP, top, self.right - _GAP, 1, HAIRLINE)
        top += 3 * _SPACE
        for slot, label in enumerate(inspection.slot_labels):
            self._label(top, f"slot {slot}", label, GREY)
            views = [inspection.view(name, slot) for name in band]
            top = self._row(top, [_slot_cell(view) for view in views])
        self._label(top, "all channels", "of the stores", INK)
        for channel in range(max(len(inspection.channel_names[name]) for name in band)):
            top = self._row(top, [_channel_cell(inspection, name, channel) for name in band])
        return top

    def _row(self, top: int, cells: Sequence[_Cell | None]) -> int:
        """Place one row of cells, each as wide as the others; it is as high as the highest."""
        bottoms = [top + 2 * line_height(_TEXT)]
        for column, cell in enumerate(cells):
            if cell is not None:
                bottoms.append(self._cell(cell, self._left(column), top))
        return max(bottoms) + _GAP // 2

    def _cell(self, cell: _Cell, left: int, top: int) -> int:
        page, right = self.page, left + self.cell_width
        top = page.text(left, top, right, cell.head, _TEXT) + _SPACE
        row = thumbnail_row(self.inspection, cell.experiment, cell.zarr_index, self.patch_pixels)
        for number, image in enumerate(row.images):
            page.image(left + number * (self.patch_pixels + _SPACE), top, image)
        top += max((len(image) for image in row.images), default=0) + _SPACE
        if row.scale:
            top = page.text(left, top, right, f"grey: {row.scale}", _SMALL, GREY)
        top = self._histogram(cell, left, top) + _SPACE
        if cell.view is None:
            return top
        verdict = cell.view.verdict
        colour = _COLOURS.get(verdict.status, OPEN) if verdict.better is None else WRONG
        start, inset = top, left + 3 * _SPACE
        for line in wrapped(cell.view.sentence, right - inset, _SMALL):
            top = page.text(inset, top, right, line, _SMALL)
        page.rule(left, start, _SPACE, top - start, colour)
        return top

    def _histogram(self, cell: _Cell, left: int, top: int) -> int:
        """Place log counts over pixel values, with the ends' values."""
        page, right = self.page, left + self.cell_width
        looks = self.inspection.signatures.get(cell.experiment, ())
        if not looks or not looks[cell.zarr_index].counts.any():
            return page.text(left, top, right, "nothing could be read", _SMALL, GREY)
        signature = looks[cell.zarr_index]
        heights = np.log1p(signature.counts)
        heights = np.rint(heights / heights.max() * _HISTOGRAM).astype(int)
        edges = np.linspace(left, right, len(heights) + 1).astype(int)
        for start, end, height in zip(edges[:-1], edges[1:], heights, strict=True):
            if height:
                bar_top = top + _HISTOGRAM - int(height)
                page.rule(int(start), bar_top, int(end - start), int(height), _BAR)
        below = page.rule(left, top + _HISTOGRAM, self.cell_width, 1, HAIRLINE)
        low, high = (short_number(float(signature.edges[k])) for k in (0, -1))
        page.text(left, below, left + self.cell_width // 2, low, _SMALL, GREY)
        return page.text(right - text_width(high, _SMALL), below, right, high, _SMALL, GREY)


def _slot_cell(view: SlotView) -> _Cell:
    head = f"{view.channel_name} (zarr {view.zarr_index})"
    return _Cell(head, view.zarr_index, view.experiment, view)


def _channel_cell(inspection: ChannelInspection, experiment: str, channel: int) -> _Cell | None:
    """None where an experiment's store has fewer channels."""
    names = inspection.channel_names[experiment]
    if channel >= len(names):
        return None
    slots = [k for k, c in inspection.channel_maps[experiment].items() if c == channel]
    place = f"slot {slots[0]}" if slots else "in no slot"
    return _Cell(f"{names[channel]} (zarr {channel}) · {place}", channel, experiment)


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
