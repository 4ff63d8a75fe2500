"""Drawing: a layout as an image."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from lineage_triplets.qc.look.pictures.items import (
    INK,
    WHITE,
    ImageItem,
    PatchItem,
    RuleItem,
    TextItem,
)
from lineage_triplets.qc.look.pictures.layout import lay_out
from lineage_triplets.qc.look.pictures.text import font

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.qc.look.pictures.inputs import Limits, PairPicture


def contact_sheet(
    pairs: Sequence[PairPicture],
    *,
    slot_labels: Sequence[str],
    channel_names: Mapping[str, Sequence[str]] | None = None,
    title: str = "",
    columns: int | None = None,
    patch_pixels: int = 96,
    limits: Mapping[str, Sequence[Limits | None]] | None = None,
    pixel_size_um: Mapping[str, float | None] | None = None,
) -> Image.Image:
    """Draw pairs of patches, anchor left and positive right, a row a slot.

    Depth is shown as a maximum projection. All patches of one experiment and slot share one
    grey scale, printed beside them, so that anchor and positive can be compared; where most of
    what is shown is dark, as in fluorescence, it has a gamma of 0.5 that brings out dim cells.
    Ticks around a patch point at the cell's centre. Pixels that are not finite are hatched.

    Parameters
    ----------
    pairs : sequence of PairPicture
        At least one; grouped by experiment in the order of first appearance.
    slot_labels : sequence of str
        One name a slot, the same for all experiments.
    channel_names : mapping of str to sequence of str, optional
        For an experiment, its own channel's name in each slot.
    title : str
        Printed on top; empty for none.
    columns : int, optional
        Pairs beside each other; by default what gives a sheet of a handy shape.
    patch_pixels : int
        Length at which the longer side of an experiment's largest patch is drawn, at least 16.
        Patches three or more times smaller are enlarged by a whole factor, their pixels visible.
    limits : mapping of str to sequence of (float, float) or None, optional
        For an experiment, the black and white value of each slot, shown linearly; where there
        is none, the 0.2 and 99.8 percentiles of what is shown.
    pixel_size_um : mapping of str to float or None, optional
        For an experiment, the width of a patch's pixel in micrometers, from which a scale bar
        is drawn under the experiment's name; none where the size is None or not given.

    Returns
    -------
    PIL.Image.Image
        RGB, dark text on white.

    Raises
    ------
    ConfigError
        A `ValueError`: no pairs, or arrays, names, limits or sizes that do not fit.
    """
    layout = lay_out(
        pairs,
        slot_labels=slot_labels,
        channel_names=channel_names,
        title=title,
        columns=columns,
        patch_pixels=patch_pixels,
        limits=limits,
        pixel_size_um=pixel_size_um,
    )
    sheet = Image.new("RGB", (layout.width, layout.height), WHITE)
    draw = ImageDraw.Draw(sheet)
    for item in layout.items:
        left, top = item.box.left, item.box.top
        if isinstance(item, TextItem):
            face = font(item.size)
            baseline = top + face.getmetrics()[0]
            draw.text((left, baseline), item.text, item.colour, face, anchor="ls")
        elif isinstance(item, RuleItem):
            draw.rectangle((left, top, item.box.right - 1, item.box.bottom - 1), item.colour)
        elif isinstance(item, ImageItem):
            sheet.paste(Image.fromarray(item.pixels), (left, top))
        else:
            _draw_patch(sheet, draw, item)
    return sheet


def _draw_patch(sheet: Image.Image, draw: ImageDraw.ImageDraw, item: PatchItem) -> None:
    image, box = item.image, item.box
    sheet.paste(Image.fromarray(item.pixels), (image.left, image.top))
    if item.centre_yx is not None:
        y = min(int(item.centre_yx[0]), image.bottom - 1)
        x = min(int(item.centre_yx[1]), image.right - 1)
        draw.line((x, box.top, x, image.top - 2), fill=INK)
        draw.line((x, image.bottom + 1, x, box.bottom - 1), fill=INK)
        draw.line((box.left, y, image.left - 2, y), fill=INK)
        draw.line((image.right + 1, y, box.right - 1, y), fill=INK)
    face = font(11)
    length = face.getlength(item.note)
    if item.note and length + 6 <= image.width and image.height >= 17:
        middle = (image.left + image.width / 2, image.top + image.height / 2)
        half = ceil(length / 2) + 3
        plate = (middle[0] - half, middle[1] - 8, middle[0] + half - 1, middle[1] + 7)
        draw.rectangle(plate, fill=WHITE)
        draw.text(middle, item.note, INK, face, anchor="mm")
