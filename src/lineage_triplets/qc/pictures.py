"""Contact sheets: anchor/positive pairs of patches in one picture, for a person to judge.

Arrays and captions in, an image out. `lay_out` places everything in boxes that do not overlap,
and `contact_sheet` draws them.
"""

from __future__ import annotations

import string
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from math import ceil, isfinite, log
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lineage_triplets.engine.problems import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Role = Literal["anchor", "positive"]
Colour = tuple[int, int, int]
Limits = tuple[float, float]

WHITE: Colour = (255, 255, 255)
INK: Colour = (25, 25, 25)
GREY: Colour = (100, 100, 100)
HAIRLINE: Colour = (200, 200, 200)
HATCH: Colour = (226, 140, 90)

# Blue, vermilion and purple stay apart for colour-blind readers and in a grey print.
RELATION_COLOURS: dict[str, Colour] = {
    "same cell": (0, 114, 178),
    "across a division": (213, 94, 0),
    "collateral": (110, 50, 120),
    "other relation": GREY,
}
_KIN = ("sister", "niece", "nephew", "aunt", "cousin", "collateral")

# The font inside Pillow has these glyphs and no accents, arrows or Greek.
_GLYPHS = frozenset(string.ascii_letters + string.digits + string.punctuation + " ·±…")
_SPELLED = str.maketrans(
    {"µ": "u", "μ": "u", "Δ": "D", "τ": "tau", "→": "->", "ß": "ss", "ø": "o", "Ø": "O"}
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
    | {"\u00d7": "x", "æ": "ae", "Æ": "AE"}
)

_PERCENTILES = (0.2, 99.8)
_GAMMA_FOR_DIM = 0.5
_SHEET_ASPECT = 1.5
_WIDEST_SHEET_IN_LETTERS = 125


@dataclass(frozen=True, eq=False)
class PairPicture:
    """One anchor/positive pair: its pixels, and what the caption says.

    Attributes
    ----------
    anchor, positive : ndarray
        Patches (C, Z, Y, X) of a real dtype; C as many as there are slots.
    experiment, fov : str
        Where the pair is from; pairs are grouped by experiment.
    anchor_track, positive_track : str
        Track ids as they are to be shown.
    anchor_t, positive_t : int
        Frames.
    tau_frames : int
        Frames from the anchor to the positive.
    tau_hours : float
        The same in hours.
    relation : str
        What the positive is to the anchor: ``"same track"``, ``"daughter"``, ``"sister"``, ...
    anchor_yx, positive_yx : tuple of float
        The cell's centre inside the patch, in patch pixels: (0, 0) is the middle of the first.
    """

    anchor: NDArray[Any]
    positive: NDArray[Any]
    experiment: str
    fov: str
    anchor_track: str
    positive_track: str
    anchor_t: int
    positive_t: int
    tau_frames: int
    tau_hours: float
    relation: str
    anchor_yx: tuple[float, float]
    positive_yx: tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle of the sheet, in its pixels; right and bottom are exclusive."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column right of the box."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """First row below the box."""
        return self.top + self.height


@dataclass(frozen=True)
class TextItem:
    """One line of text, already short enough for its box."""

    box: Box
    text: str
    size: int
    colour: Colour


@dataclass(frozen=True)
class RuleItem:
    """A box filled with one colour."""

    box: Box
    colour: Colour


@dataclass(frozen=True, eq=False)
class ImageItem:
    """A small RGB picture, (height, width, 3) uint8, that fills its box: a legend's symbol."""

    box: Box
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PatchItem:
    """One patch as drawn.

    Attributes
    ----------
    box : Box
        The patch and the margin in which its centre ticks are.
    image : Box
        The patch alone.
    pixels : ndarray
        (height, width, 3) uint8, what is drawn in `image`.
    pair, slot, role : int, int, {"anchor", "positive"}
        Whose patch it is; `pair` counts in the sequence that was given.
    centre_yx : tuple of float or None
        The cell's centre in pixels of the sheet; None if it is not inside the patch.
    note : str
        Written over a patch that has nothing to see; empty for others.
    """

    box: Box
    image: Box
    pixels: NDArray[np.uint8]
    pair: int
    slot: int
    role: Role
    centre_yx: tuple[float, float] | None
    note: str


Item = TextItem | RuleItem | ImageItem | PatchItem


@dataclass(frozen=True)
class SheetLayout:
    """Everything on a sheet, each thing in a box of its own; no two boxes overlap."""

    width: int
    height: int
    items: tuple[Item, ...]

    @property
    def patches(self) -> tuple[PatchItem, ...]:
        """The patches among the items."""
        return tuple(item for item in self.items if isinstance(item, PatchItem))


@dataclass(frozen=True)
class _GreyScale:
    """Which values are black and white, and ``shown = ((value - low) / (high - low)) ** gamma``."""

    low: float
    high: float
    gamma: float = 1.0


@dataclass(frozen=True, eq=False)
class _Section:
    """The pairs of one experiment, projected, with what they have in common."""

    experiment: str
    pairs: dict[int, PairPicture]
    images: dict[tuple[int, Role], NDArray[np.float32]]
    scales: list[_GreyScale]
    slot_lines: list[tuple[str, ...]]
    detail: str
    factor: float
    width: int
    height: int


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
    def tick(self) -> int:
        return max(4, self.text // 3)

    @property
    def gap(self) -> int:
        return self.text * 2

    def line(self, size: int) -> int:
        ascent, descent = _font(size).getmetrics()
        return ascent + descent + max(1, size // 8)


def contact_sheet(
    pairs: Sequence[PairPicture],
    *,
    slot_labels: Sequence[str],
    channel_names: Mapping[str, Sequence[str]] | None = None,
    title: str = "",
    columns: int | None = None,
    patch_pixels: int = 96,
    limits: Mapping[str, Sequence[Limits | None]] | None = None,
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

    Returns
    -------
    PIL.Image.Image
        RGB, dark text on white.

    Raises
    ------
    ConfigError
        A `ValueError`: no pairs, or arrays, names or limits that do not fit each other.
    """
    layout = lay_out(
        pairs,
        slot_labels=slot_labels,
        channel_names=channel_names,
        title=title,
        columns=columns,
        patch_pixels=patch_pixels,
        limits=limits,
    )
    sheet = Image.new("RGB", (layout.width, layout.height), WHITE)
    draw = ImageDraw.Draw(sheet)
    for item in layout.items:
        if isinstance(item, TextItem):
            baseline = item.box.top + _font(item.size).getmetrics()[0]
            draw.text(
                (item.box.left, baseline), item.text, item.colour, _font(item.size), anchor="ls"
            )
        elif isinstance(item, RuleItem):
            draw.rectangle(_corners(item.box), fill=item.colour)
        elif isinstance(item, ImageItem):
            sheet.paste(Image.fromarray(item.pixels), (item.box.left, item.box.top))
        else:
            _draw_patch(sheet, draw, item)
    return sheet


def lay_out(
    pairs: Sequence[PairPicture],
    *,
    slot_labels: Sequence[str],
    channel_names: Mapping[str, Sequence[str]] | None = None,
    title: str = "",
    columns: int | None = None,
    patch_pixels: int = 96,
    limits: Mapping[str, Sequence[Limits | None]] | None = None,
) -> SheetLayout:
    """Place everything that `contact_sheet` draws; parameters and errors are the same."""
    _check(pairs, slot_labels, columns, patch_pixels)
    grouped: dict[str, dict[int, PairPicture]] = {}
    for number, pair in enumerate(pairs):
        grouped.setdefault(pair.experiment, {})[number] = pair
    sections = [
        _section(name, group, slot_labels, channel_names or {}, limits or {}, patch_pixels)
        for name, group in grouped.items()
    ]
    return _Composer(sections, _Style(max(13, patch_pixels // 9))).compose(title, columns)


class _Composer:
    """Places sections below each other, in columns that are the same in all of them."""

    def __init__(self, sections: list[_Section], style: _Style) -> None:
        self.sections = sections
        self.style = style
        self.items: list[Item] = []
        self.margin = style.gap
        times = [
            _font(style.text).getlength(caption)
            for section in sections
            for pair in section.pairs.values()
            for caption in _time_captions(pair)
        ]
        widest = max(section.width for section in sections)
        self.cell_width = style.tick + max(widest + style.tick, ceil(max(times)))
        self.block_width = 2 * self.cell_width + style.tick
        lines = [line for s in sections for lines in s.slot_lines for line in lines]
        longest = max(_font(style.text).getlength(printable(line)) for line in lines)
        self.gutter = min(ceil(longest), 11 * style.text) + style.text

    def compose(self, title: str, columns: int | None) -> SheetLayout:
        style = self.style
        most = max(len(section.pairs) for section in self.sections)
        columns = min(columns, most) if columns else self._handy_columns(most)
        width = self._width(columns)
        right = width - self.margin
        top = self.margin
        if title:
            top = self._text(self.margin, top, right, title, round(style.text * 1.75))
        top = self._legend(top, right)
        for section in self.sections:
            top = self._place_section(section, top + style.text, right, columns)
        return SheetLayout(width, top + self.margin - style.gap, tuple(self.items))

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
            filled = sum(len(s.pairs) for s in self.sections) / places
            return abs(log(self._width(columns) / sum(heights) / _SHEET_ASPECT)) - log(filled)

        widest = _WIDEST_SHEET_IN_LETTERS * self.style.text
        fitting = [n for n in range(1, most + 1) if n == 1 or self._width(n) <= widest]
        return min(fitting, key=awkwardness)

    def _slot_height(self, section: _Section) -> int:
        style = self.style
        labels = max(
            style.line(style.text) + (len(lines) - 1) * style.line(style.small)
            for lines in section.slot_lines
        )
        return max(section.height, labels) + 2 * style.tick

    def _block_height(self, section: _Section) -> int:
        style = self.style
        captions = 2 * style.line(style.text) + 2 * style.line(style.small) + style.tick
        return captions + len(section.slot_lines) * self._slot_height(section) + style.gap

    def _text(
        self, left: int, top: int, right: int, text: str, size: int, colour: Colour = INK
    ) -> int:
        """Place one line between left and right, and return where the next one begins."""
        height = self.style.line(size)
        box = Box(left, top, right - left, height)
        self.items.append(TextItem(box, shortened(text, box.width, size), size, colour))
        return top + height

    def _legend(self, top: int, right: int) -> int:
        style = self.style
        pairs = [pair for section in self.sections for pair in section.pairs.values()]
        kinds = [relation_kind(pair.relation) for pair in pairs]
        entries: list[tuple[NDArray[np.uint8] | None, str]] = [
            (relation_icon(kind, style.text), f"{kind} ({kinds.count(kind)})")
            for kind in RELATION_COLOURS
            if kind in kinds
        ]
        entries.append((None, "left anchor, right positive"))
        entries.append((None, "ticks point at the cell's centre"))
        if any(np.isnan(image).any() for s in self.sections for image in s.images.values()):
            entries.append((_hatch(style.text, 2 * style.text), "not a number (NaN)"))
        left = self.margin
        for icon, text in entries:
            icon_width = 0 if icon is None else icon.shape[1] + style.text // 2
            wanted = icon_width + ceil(_font(style.text).getlength(text))
            if left > self.margin and left + wanted > right:
                left, top = self.margin, top + style.line(style.text)
            self._icon(icon, left, top)
            end = min(left + wanted, right)
            self._text(left + icon_width, top, end, text, style.text, GREY)
            left = end + style.gap
        return top + style.line(style.text)

    def _icon(self, icon: NDArray[np.uint8] | None, left: int, top: int) -> None:
        if icon is not None:
            height, width, _ = icon.shape
            top += (self.style.line(self.style.text) - height) // 2
            self.items.append(ImageItem(Box(left, top, width, height), icon))

    def _place_section(self, section: _Section, top: int, right: int, columns: int) -> int:
        style = self.style
        top = self._text(self.margin, top, right, section.experiment, style.heading)
        top = self._text(self.margin, top, right, section.detail, style.small, GREY)
        top += style.tick
        self.items.append(RuleItem(Box(self.margin, top, right - self.margin, 1), HAIRLINE))
        top += style.text
        slots_top = 2 * style.line(style.text) + style.line(style.small) + style.tick
        for order, number in enumerate(section.pairs):
            row, column = divmod(order, columns)
            block_top = top + row * self._block_height(section)
            if column == 0:
                self._slot_labels(section, block_top + slots_top + style.tick)
            pitch = self.block_width + style.gap
            left = self.margin + self.gutter + column * pitch
            self._place_block(section, number, left, block_top)
        return top + ceil(len(section.pairs) / columns) * self._block_height(section)

    def _slot_labels(self, section: _Section, top: int) -> None:
        style = self.style
        right = self.margin + self.gutter - style.text
        for lines in section.slot_lines:
            line_top = self._text(self.margin, top, right, lines[0], style.text)
            for line in lines[1:]:
                line_top = self._text(self.margin, line_top, right, line, style.small, GREY)
            top += self._slot_height(section)

    def _place_block(self, section: _Section, number: int, left: int, top: int) -> None:
        style, pair = self.style, section.pairs[number]
        kind = relation_kind(pair.relation)
        x, right = left + style.tick, left + self.block_width
        self.items.append(RuleItem(Box(x, top, right - x, 2), RELATION_COLOURS[kind]))
        top += style.tick
        icon = relation_icon(kind, style.text)
        self._icon(icon, x, top)
        after_icon = x + icon.shape[1] + style.text // 2
        top = self._text(after_icon, top, right, pair.relation, style.text)
        frames = "1 frame later" if pair.tau_frames == 1 else f"{pair.tau_frames} frames later"
        frames_width = ceil(_font(style.small).getlength(frames))
        self._text(x, top, right - frames_width - style.text, pair.fov, style.small, GREY)
        top = self._text(right - frames_width, top, right, frames, style.small, GREY)
        sides: tuple[tuple[Role, str, tuple[float, float]], ...] = (
            ("anchor", pair.anchor_track, pair.anchor_yx),
            ("positive", pair.positive_track, pair.positive_yx),
        )
        captions = _time_captions(pair)
        slots_top = top + style.line(style.text)
        slot_height = self._slot_height(section)
        for side, (role, track, yx) in enumerate(sides):
            x = left + side * (self.cell_width + style.tick) + style.tick
            end = x + self.cell_width - style.tick
            self._text(x, top, end, captions[side], style.text)
            for slot in range(len(section.slot_lines)):
                origin = (x, slots_top + slot * slot_height + style.tick)
                self.items.append(_patch_item(section, (number, slot, role), yx, origin, style))
            bottom = slots_top + len(section.slot_lines) * slot_height
            self._text(x, bottom, end, f"track {track}", style.small, GREY)


def _check(
    pairs: Sequence[PairPicture],
    slot_labels: Sequence[str],
    columns: int | None,
    patch_pixels: int,
) -> None:
    if not len(pairs):
        raise _problem(
            "there are no pairs to draw.",
            "Give at least one; a lineage has pairs only if it spans the tau range, so choose "
            "another lineage or a wider tau_range_hours.",
        )
    if not len(slot_labels):
        raise _problem("slot_labels is empty.", "Give one name for each slot of the patches.")
    if columns is not None and columns < 1:
        raise _problem(f"columns is {columns}.", "Give 1 or more, or None to have it chosen.")
    if patch_pixels < 16:
        raise _problem(f"patch_pixels is {patch_pixels}.", "Give 16 or more.")
    for number, pair in enumerate(pairs):
        for role, patch in (("anchor", pair.anchor), ("positive", pair.positive)):
            if patch.ndim != 4 or patch.shape[0] != len(slot_labels) or 0 in patch.shape:
                raise _problem(
                    f"the {role} of pair {number} has shape {tuple(patch.shape)}.",
                    f"Give arrays (C, Z, Y, X) with C = {len(slot_labels)}, one for each of the "
                    f"slot labels {list(slot_labels)}, and no side of length 0.",
                    pair.experiment,
                )


def _problem(message: str, remedy: str, experiment: str = "") -> ConfigError:
    return ConfigError(Problem("contact-sheet", message, remedy, experiment=experiment))


def _section(
    name: str,
    pairs: dict[int, PairPicture],
    slot_labels: Sequence[str],
    channel_names: Mapping[str, Sequence[str]],
    limits: Mapping[str, Sequence[Limits | None]],
    patch_pixels: int,
) -> _Section:
    slots = len(slot_labels)
    channels = list(channel_names.get(name, [""] * slots))
    given = list(limits.get(name, [None] * slots))
    for what, values in (("channel_names", channels), ("limits", given)):
        if len(values) != slots:
            raise _problem(
                f"{what} has {len(values)} entries for {slots} slots.",
                f"Give one for each of {list(slot_labels)}.",
                name,
            )
    images: dict[tuple[int, Role], NDArray[np.float32]] = {}
    for number, pair in pairs.items():
        images[number, "anchor"] = _projected(pair.anchor)
        images[number, "positive"] = _projected(pair.positive)
    scales = [
        _given_scale(own, name) if own else _measured_scale([i[slot] for i in images.values()])
        for slot, own in enumerate(given)
    ]
    shapes = {image.shape[1:] for image in images.values()}
    ratio = patch_pixels / max(max(shape) for shape in shapes)
    factor = float(int(ratio)) if ratio >= 3 else ratio
    depths = sorted({p.shape[1] for pair in pairs.values() for p in (pair.anchor, pair.positive)})
    detail = ["1 pair" if len(pairs) == 1 else f"{len(pairs)} pairs"]
    detail.append("patch " + " or ".join(f"{y} x {x} px" for y, x in sorted(shapes)))
    if depths[-1] > 1:
        detail.append("max of " + " or ".join(str(depth) for depth in depths) + " z")
    return _Section(
        experiment=name,
        pairs=pairs,
        images=images,
        scales=scales,
        slot_lines=[
            (label, *([channel] if channel not in ("", label) else []), *_scale_lines(scale))
            for label, channel, scale in zip(slot_labels, channels, scales, strict=True)
        ],
        detail=" · ".join(detail),
        factor=factor,
        width=max(_drawn(x, factor) for _, x in shapes),
        height=max(_drawn(y, factor) for y, _ in shapes),
    )


def _drawn(length: int, factor: float) -> int:
    return max(1, round(length * factor))


def _projected(patch: NDArray[Any]) -> NDArray[np.float32]:
    """Maximum over z of the finite values, (C, Y, X); NaN where there is none."""
    values = np.asarray(patch).astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    return cast("NDArray[np.float32]", np.fmax.reduce(values, axis=1))


def _measured_scale(images: Sequence[NDArray[np.float32]]) -> _GreyScale:
    """Percentiles of all finite pixels, or the extremes where the percentiles are equal."""
    finite = [image[~np.isnan(image)] for image in images]
    # A blank patch among others is a gap in the data and would stretch the scale down to it.
    varied = [values for values in finite if values.size and values.min() < values.max()]
    pooled = np.concatenate(varied or finite)
    if not pooled.size:
        return _GreyScale(float("nan"), float("nan"))
    low, middle, high = np.percentile(pooled, (_PERCENTILES[0], 50, _PERCENTILES[1]))
    if low == high:
        low, high = pooled.min(), pooled.max()
    # Fluorescence is mostly dark, and dim cells vanish beside bright ones; phase is even.
    dim = middle - low < 0.2 * (high - low)
    return _GreyScale(float(low), float(high), _GAMMA_FOR_DIM if dim else 1.0)


def _given_scale(limits: Limits, experiment: str) -> _GreyScale:
    low, high = limits
    if not (isfinite(low) and isfinite(high) and low < high):
        raise _problem(
            f"limits {low} and {high} leave nothing to show.",
            "Give (black, white) with black below white, or None to have them measured.",
            experiment,
        )
    return _GreyScale(float(low), float(high))


def _scale_lines(scale: _GreyScale) -> list[str]:
    if not isfinite(scale.low):
        return ["no values"]
    if scale.low == scale.high:
        return [f"all {_number(scale.low)}"]
    ends = f"{_number(scale.low)} to {_number(scale.high)}"
    return [ends] if scale.gamma == 1 else [ends, f"gamma {scale.gamma:g}"]


def _number(value: float) -> str:
    return f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"


def _time_captions(pair: PairPicture) -> tuple[str, str]:
    hours = f"{pair.tau_hours:+.2f}".removesuffix("0")
    return f"t = {pair.anchor_t}", f"t = {pair.positive_t} ({hours} h)"


def _patch_item(
    section: _Section,
    whose: tuple[int, int, Role],
    yx: tuple[float, float],
    origin: tuple[int, int],
    style: _Style,
) -> PatchItem:
    number, slot, role = whose
    values = section.images[number, role][slot]
    pixels = _rendered(values, section.scales[slot], section.factor)
    height, width, _ = pixels.shape
    left, top = origin
    tick = style.tick
    # The middle of pixel 0 is half a pixel inside the patch.
    y, x = (
        (float(v) + 0.5) * n / m for v, n, m in zip(yx, pixels.shape, values.shape, strict=False)
    )
    inside = 0 <= y <= height and 0 <= x <= width
    finite = values[~np.isnan(values)]
    note = ""
    if not finite.size:
        note = "all NaN"
    elif finite.min() == finite.max():
        note = f"all {_number(float(finite[0]))}"
    return PatchItem(
        box=Box(left - tick, top - tick, width + 2 * tick, height + 2 * tick),
        image=Box(left, top, width, height),
        pixels=pixels,
        pair=number,
        slot=slot,
        role=role,
        centre_yx=(top + y, left + x) if inside else None,
        note=note,
    )


def _rendered(values: NDArray[np.float32], scale: _GreyScale, factor: float) -> NDArray[np.uint8]:
    """Grey values between the limits, resized, with NaN hatched: (height, width, 3) uint8."""
    height, width = (_drawn(length, factor) for length in values.shape)
    missing = np.isnan(values)
    span = scale.high - scale.low
    # Clipped before resizing, so that one hot pixel gets no ringing around it.
    grey = (
        np.clip((values - scale.low) / span, 0, 1) ** scale.gamma
        if span > 0
        else np.full(values.shape, 0.5)
    )
    grey = np.where(missing, 0, grey).astype(np.float32)
    if factor < 1:
        method = Image.Resampling.LANCZOS
    else:
        method = Image.Resampling.BICUBIC if factor < 3 else Image.Resampling.NEAREST
    resized = np.asarray(Image.fromarray(grey).resize((width, height), method))
    shown = np.rint(np.clip(resized, 0, 1) * 255).astype(np.uint8)
    holes = Image.fromarray(missing.astype(np.uint8)).resize(
        (width, height), Image.Resampling.NEAREST
    )
    rgb = np.repeat(shown[:, :, None], 3, axis=2)
    return np.where(np.asarray(holes)[:, :, None] > 0, _hatch(height, width), rgb)


def _hatch(height: int, width: int) -> NDArray[np.uint8]:
    stripes = (np.add.outer(np.arange(height), np.arange(width)) // 3) % 2 == 0
    return np.where(stripes[:, :, None], np.array(HATCH, np.uint8), np.array(WHITE, np.uint8))


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
    font = _font(11)
    length = font.getlength(item.note)
    if item.note and length + 6 <= image.width and image.height >= 17:
        middle = (image.left + image.width / 2, image.top + image.height / 2)
        half = ceil(length / 2) + 3
        plate = (middle[0] - half, middle[1] - 8, middle[0] + half - 1, middle[1] + 7)
        draw.rectangle(plate, fill=WHITE)
        draw.text(middle, item.note, INK, font, anchor="mm")


def relation_kind(relation: str) -> str:
    """Which key of `RELATION_COLOURS` a relation's name belongs to."""
    name = relation.lower()
    if any(word in name for word in _KIN):
        return "collateral"
    if "daughter" in name or "descendant" in name:
        return "across a division"
    if "same track" in name or "continuation" in name:
        return "same cell"
    return "other relation"


@cache
def relation_icon(kind: str, height: int) -> NDArray[np.uint8]:
    """Draw a small lineage tree with a dot at the anchor and one at the positive, RGB uint8."""
    scale = 4
    unit = height * scale
    stem, fork, upper, lower, end = (
        (0.2 * unit, 0.5 * unit),
        (0.75 * unit, 0.5 * unit),
        (1.45 * unit, 0.2 * unit),
        (1.45 * unit, 0.8 * unit),
        (1.45 * unit, 0.5 * unit),
    )
    lines, dots = {
        "same cell": ([(stem, end)], [stem, end]),
        "across a division": ([(stem, fork), (fork, upper), (fork, lower)], [stem, upper]),
        "collateral": ([(stem, fork), (fork, upper), (fork, lower)], [upper, lower]),
    }.get(kind, ([], [stem, end]))
    icon = Image.new("RGB", (round(1.65 * unit), unit), WHITE)
    draw = ImageDraw.Draw(icon)
    colour = RELATION_COLOURS[kind]
    for line in lines:
        draw.line(line, fill=colour, width=unit // 9)
    for x, y in dots:
        draw.circle((x, y), 0.18 * unit, fill=colour)
    small = icon.resize((icon.width // scale, height), Image.Resampling.LANCZOS)
    return np.asarray(small)


def printable(text: str) -> str:
    """Spell text with the glyphs of the embedded font: accents go, the rest becomes escapes."""
    return "".join(_glyphs(character) for character in text.translate(_SPELLED))


def _glyphs(character: str) -> str:
    if character in _GLYPHS:
        return character
    if character.isspace():
        return " "
    base = "".join(c for c in unicodedata.normalize("NFKD", character) if c in _GLYPHS)
    return base or character.encode("unicode_escape").decode()


def shortened(text: str, width: int, size: int) -> str:
    """Text that fits `width` pixels at font size `size`, an ellipsis in its middle if need be."""
    text = printable(text)
    font = _font(size)
    if font.getlength(text) <= width:
        return text

    def without_middle(kept: int) -> str:
        return text[: (kept + 1) // 2] + "…" + text[len(text) - kept // 2 :]

    def width_keeping(kept: int) -> int:
        return ceil(font.getlength(without_middle(kept)))

    fitting = bisect_right(range(len(text)), width, key=width_keeping)
    return without_middle(fitting - 1) if fitting else ""


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return cast("ImageFont.FreeTypeFont", ImageFont.load_default(size=size))


def _corners(box: Box) -> tuple[int, int, int, int]:
    return box.left, box.top, box.right - 1, box.bottom - 1
