"""Contact sheets: where everything on one goes, and the picture."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.look.pictures.grey import (
    RELATION_COLOURS,
    hatch,
    relation_icon,
    relation_kind,
)
from lineage_triplets.qc.look.pictures.page import (
    GREY,
    HAIRLINE,
    INK,
    Page,
    Role,
    SheetLayout,
    drawn,
    line_height,
    text_width,
)
from lineage_triplets.qc.look.pictures.sections import ExperimentInputs, Section, check_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from lineage_triplets.qc.look.pictures.sections import Limits, PairPicture

_SHEET_ASPECT = 1.5
_WIDEST_SHEET_IN_LETTERS = 125


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
    return drawn(layout)


def lay_out(
    pairs: Sequence[PairPicture],
    *,
    slot_labels: Sequence[str],
    channel_names: Mapping[str, Sequence[str]] | None = None,
    title: str = "",
    columns: int | None = None,
    patch_pixels: int = 96,
    limits: Mapping[str, Sequence[Limits | None]] | None = None,
    pixel_size_um: Mapping[str, float | None] | None = None,
) -> SheetLayout:
    """Place everything that `contact_sheet` draws; parameters and errors are the same."""
    check_pairs(pairs, slot_labels, columns, patch_pixels)
    grouped: dict[str, dict[int, PairPicture]] = {}
    for number, pair in enumerate(pairs):
        grouped.setdefault(pair.experiment, {})[number] = pair
    sections = []
    for name, group in grouped.items():
        inputs = ExperimentInputs.select(name, slot_labels, channel_names, limits, pixel_size_um)
        sections.append(Section.build(name, group, slot_labels, inputs, patch_pixels))
    return _Composer(sections, _Style(max(13, patch_pixels // 9))).compose(title, columns)


@dataclass(frozen=True)
class _Style:
    """Font sizes and distances, all in pixels and in proportion to the body text."""

    text: int

    @property
    def small(self) -> int:
        return round(self.text * 12 / 13)

    @property
    def heading(self) -> int:
        return round(self.text * 1.5)

    @property
    def title(self) -> int:
        return round(self.text * 1.75)

    @property
    def tick(self) -> int:
        return max(4, self.text // 3)

    @property
    def gap(self) -> int:
        return self.text * 2


class _Composer:
    """Places sections below each other, in columns that are the same in all of them."""

    def __init__(self, sections: list[Section], style: _Style) -> None:
        self.sections = sections
        self.style = style
        self.page = Page()
        self.pairs = [pair for section in sections for pair in section.pairs.values()]
        self.margin = style.gap
        longest_time = max(
            text_width(caption, style.text)
            for pair in self.pairs
            for caption in _time_captions(pair)
        )
        widest = max(section.width for section in sections)
        self.cell_width = style.tick + max(widest + style.tick, longest_time)
        self.block_width = 2 * self.cell_width + style.tick
        longest_label = max(
            text_width(line, style.text)
            for section in sections
            for lines in section.slot_lines
            for line in lines
        )
        self.gutter = min(longest_label, 11 * style.text) + style.text

    def compose(self, title: str, columns: int | None) -> SheetLayout:
        style = self.style
        most = max(len(section.pairs) for section in self.sections)
        columns = min(columns, most) if columns else self._handy_columns(most)
        width = self._width(columns)
        right = width - self.margin
        top = self.margin
        if title:
            top = self.page.text(self.margin, top, right, title, style.title)
        top = self._legend(top, right)
        for section in self.sections:
            top = self._section(section, top + style.text, right, columns)
        return self.page.layout(width, top + self.margin - style.gap)

    def _width(self, columns: int) -> int:
        blocks = columns * self.block_width + (columns - 1) * self.style.gap
        return 2 * self.margin + self.gutter + blocks

    def _handy_columns(self, most: int) -> int:
        """Columns for which the sheet is near to 3:2, and no wider than a page can show."""

        def awkwardness(columns: int) -> float:
            heights = (
                ceil(len(s.pairs) / columns) * self._block_height(s) + 5 * self.style.text
                for s in self.sections
            )
            places = sum(ceil(len(s.pairs) / columns) * columns for s in self.sections)
            filled = len(self.pairs) / places
            return abs(log(self._width(columns) / sum(heights) / _SHEET_ASPECT)) - log(filled)

        widest = _WIDEST_SHEET_IN_LETTERS * self.style.text
        fitting = [n for n in range(1, most + 1) if n == 1 or self._width(n) <= widest]
        return min(fitting, key=awkwardness)

    def _slot_height(self, section: Section) -> int:
        style = self.style
        most_lines = max(len(lines) for lines in section.slot_lines)
        labels = line_height(style.text) + (most_lines - 1) * line_height(style.small)
        return max(section.height, labels) + 2 * style.tick

    def _block_height(self, section: Section) -> int:
        style = self.style
        captions = 2 * line_height(style.text) + 2 * line_height(style.small) + style.tick
        return captions + len(section.slot_lines) * self._slot_height(section) + style.gap

    def _legend(self, top: int, right: int) -> int:
        style = self.style
        kinds = [relation_kind(pair.relation) for pair in self.pairs]
        entries: list[tuple[NDArray[np.uint8] | None, str]] = [
            (relation_icon(kind, style.text), f"{kind} ({kinds.count(kind)})")
            for kind in RELATION_COLOURS
            if kind in kinds
        ]
        entries.append((None, "left anchor, right positive"))
        entries.append((None, "ticks point at the cell's centre"))
        if any(np.isnan(image).any() for s in self.sections for image in s.images.values()):
            entries.append((hatch(style.text, 2 * style.text), "not a number (NaN)"))
        left = self.margin
        for icon, text in entries:
            icon_width = 0 if icon is None else icon.shape[1] + style.text // 2
            wanted = icon_width + text_width(text, style.text)
            if left > self.margin and left + wanted > right:
                left, top = self.margin, top + line_height(style.text)
            if icon is not None:
                self._icon(icon, left, top)
            end = min(left + wanted, right)
            self.page.text(left + icon_width, top, end, text, style.text, GREY)
            left = end + style.gap
        return top + line_height(style.text)

    def _icon(self, icon: NDArray[np.uint8], left: int, top: int) -> None:
        self.page.image(left, top + (line_height(self.style.text) - len(icon)) // 2, icon)

    def _section(self, section: Section, top: int, right: int, columns: int) -> int:
        style = self.style
        top = self.page.text(self.margin, top, right, section.experiment, style.heading)
        top = self._detail(section, top, right) + style.tick
        self.page.rule(self.margin, top, right - self.margin, 1, HAIRLINE)
        top += style.text
        slots_top = 2 * line_height(style.text) + line_height(style.small) + style.tick
        for order, number in enumerate(section.pairs):
            row, column = divmod(order, columns)
            block_top = top + row * self._block_height(section)
            if column == 0:
                self._slot_labels(section, block_top + slots_top + style.tick)
            pitch = self.block_width + style.gap
            left = self.margin + self.gutter + column * pitch
            self._block(section, number, left, block_top)
        return top + ceil(len(section.pairs) / columns) * self._block_height(section)

    def _detail(self, section: Section, top: int, right: int) -> int:
        """Place the line below the heading: what the pairs have in common, and the scale bar."""
        style, bar = self.style, section.scale_bar
        if bar is None:
            return self.page.text(self.margin, top, right, section.detail, style.small, GREY)
        space = style.text // 2
        label_width = text_width(bar.label, style.small)
        bar_left = min(
            self.margin + text_width(section.detail, style.small) + style.gap,
            right - label_width - space - bar.width,
        )
        thickness = max(3, style.text // 4)
        bar_top = top + (line_height(style.small) - thickness) // 2
        label_left = bar_left + bar.width + space
        self.page.text(self.margin, top, bar_left - style.text, section.detail, style.small, GREY)
        self.page.rule(bar_left, bar_top, bar.width, thickness, INK)
        return self.page.text(label_left, top, label_left + label_width, bar.label, style.small)

    def _slot_labels(self, section: Section, top: int) -> None:
        style = self.style
        right = self.margin + self.gutter - style.text
        for lines in section.slot_lines:
            line_top = self.page.text(self.margin, top, right, lines[0], style.text)
            for line in lines[1:]:
                line_top = self.page.text(self.margin, line_top, right, line, style.small, GREY)
            top += self._slot_height(section)

    def _block(self, section: Section, number: int, left: int, top: int) -> None:
        style, pair = self.style, section.pairs[number]
        kind = relation_kind(pair.relation)
        x, right = left + style.tick, left + self.block_width
        self.page.rule(x, top, right - x, 2, RELATION_COLOURS[kind])
        top += style.tick
        icon = relation_icon(kind, style.text)
        self._icon(icon, x, top)
        after_icon = x + icon.shape[1] + style.text // 2
        top = self.page.text(after_icon, top, right, pair.relation, style.text)
        frames = "1 frame later" if pair.tau_frames == 1 else f"{pair.tau_frames} frames later"
        frames_left = right - text_width(frames, style.small)
        self.page.text(x, top, frames_left - style.text, pair.fov, style.small, GREY)
        top = self.page.text(frames_left, top, right, frames, style.small, GREY)
        anchor_time, positive_time = _time_captions(pair)
        sides: tuple[tuple[Role, str, str], ...] = (
            ("anchor", anchor_time, pair.anchor_track),
            ("positive", positive_time, pair.positive_track),
        )
        for role, time, track in sides:
            end = x + self.cell_width - style.tick
            slot_top = self.page.text(x, top, end, time, style.text)
            for slot in range(len(section.slot_lines)):
                patch_top = slot_top + style.tick
                self.page.items.append(
                    section.patch_item(number, slot, role, x, patch_top, style.tick)
                )
                slot_top += self._slot_height(section)
            self.page.text(x, slot_top, end, f"track {track}", style.small, GREY)
            x += self.cell_width + style.tick


def _time_captions(pair: PairPicture) -> tuple[str, str]:
    hours = f"{pair.tau_hours:+.2f}".removesuffix("0")
    return f"t = {pair.anchor_t}", f"t = {pair.positive_t} ({hours} h)"
