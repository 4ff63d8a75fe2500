"""Plots of a report as SVG, to stand inside HTML: legible without colour and in print."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from lineage_triplets.qc.export.report.content import cleaned, number, percent
from lineage_triplets.qc.look.pictures import RELATION_COLOURS, relation_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lineage_triplets.engine.arrays import Float64Array
    from lineage_triplets.qc.export.report.content import AuditRow, TauBars


_WIDTH = 640.0
_INK, _GREY, _LINE, _DRAWN = "#1d2125", "#4d555c", "#d5d9dc", "#3f6d8a"
_CHARACTER = 6.4
_MOST_BARS = 32
_LEFT, _RIGHT, _TOP, _PLOT = 56.0, 8.0, 34.0, 120.0


@dataclass(frozen=True, slots=True)
class TauRow:
    """One bar: the taus from first to last, in frames.

    Attributes
    ----------
    first, last : int
    law, drawn : float
        Probability of all of them together.
    allowed : float or None
        Share of anchors with somebody there, the mean over the taus.
    """

    first: int
    last: int
    law: float
    drawn: float
    allowed: float | None

    @property
    def frames(self) -> str:
        """``"3"`` or ``"30 to 32"``."""
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    def hours(self, interval_minutes: float) -> str:
        """``"0.5"`` or ``"0.5 to 0.533"``."""
        ends = [number(frames * interval_minutes / 60) for frames in (self.first, self.last)]
        return ends[0] if self.first == self.last else " to ".join(ends)


def hours_range(taus: Iterable[TauBars]) -> tuple[float, float]:
    """Give the axis on which the taus of all experiments fit, in hours."""
    ends = [
        ((frames - 0.5) * bars.interval_minutes / 60, (frames + 0.5) * bars.interval_minutes / 60)
        for bars in taus
        for frames in (bars.tau_frames[:1] + bars.tau_frames[-1:])
    ]
    if not ends:
        return 0.0, 1.0
    return max(0.0, min(low for low, _ in ends)), max(high for _, high in ends)


def tau_rows(bars: TauBars) -> list[TauRow]:
    """Give the bars of one experiment; neighbouring taus share one where they are many."""
    frames = np.array(bars.tau_frames, dtype=np.int64)
    together = max(1, -(-len(frames) // _MOST_BARS))
    rows = []
    for start in range(0, len(frames), together):
        some = slice(start, start + together)
        allowed = float(np.mean(bars.allowed[some])) if bars.allowed else None
        first, last = int(frames[some][0]), int(frames[some][-1])
        rows.append(TauRow(first, last, sum(bars.law[some]), sum(bars.drawn[some]), allowed))
    return rows


def tau_plot(bars: TauBars, hours: tuple[float, float], key: str) -> Markup:
    """Draw the law of tau in one experiment beside what is drawn of it.

    Parameters
    ----------
    bars : TauBars
        With at least one tau.
    hours : (float, float)
        Ends of the axis, from `hours_range`.
    key : str
        Unique in the page.
    """
    rows = tau_rows(bars)
    hour = bars.interval_minutes / 60
    low, high = hours
    per_hour = (_WIDTH - _LEFT - _RIGHT) / max(high - low, 1e-9)
    left = _LEFT + (np.array([row.first - 0.5 for row in rows]) * hour - low) * per_hour
    right = _LEFT + (np.array([row.last + 0.5 for row in rows]) * hour - low) * per_hour
    largest = max(1e-9, *(max(row.law, row.drawn) for row in rows))
    step = _step(largest, 4)
    top = step * float(np.ceil(largest / step - 1e-9))
    base = _TOP + _PLOT
    law = f"url(#{key}-law)"
    parts = [_hatched(f"{key}-law", _GREY, "none")]
    for level in np.arange(0, top + step / 2, step):
        y = base - level / top * _PLOT
        parts.append(_line(_LEFT, y, _WIDTH - _RIGHT, y, _LINE if level else _GREY))
        parts.append(_text(_LEFT - 6, y + 4, f"{number(level * 100)} %", "end", _GREY))
    gap = np.minimum((right - left) * 0.1, 6)
    half = (right - left) / 2 - gap
    for row, x, wide, beside in zip(rows, left + gap, half, gap, strict=True):
        y = base - row.drawn / top * _PLOT
        parts.append(_bar(x, base, wide, row.law / top * _PLOT, law))
        parts.append(_bar(x + wide, base, wide, base - y, _DRAWN))
        label = _fitting_percent(row.drawn, wide + 2 * beside)
        parts.append(_text(x + 1.5 * wide, y - 4, label, "middle"))
    parts.extend(_axis("frames", [row.frames for row in rows], (left + right) / 2, base + 16))
    ticks = _ticks(low, high)
    places = _LEFT + (ticks - low) * per_hour
    parts.extend(_line(x, base, x, base + 4, _GREY) for x in places)
    parts.extend(_axis("hours", [number(tick) for tick in ticks], places, base + 31))
    for x, fill, name in ((_LEFT, law, "the law"), (_LEFT + 96, _DRAWN, "what is drawn")):
        parts.extend([_bar(x, 15, 14, 12, fill), _text(x + 20, 13, name, "start")])
    said = ", ".join(
        f"{row.frames} frames: law {percent(row.law)}, drawn {percent(row.drawn)}" for row in rows
    )
    return _svg(base + 38, f"Probability of each tau in {bars.experiment}. {said}.", parts)


def relation_groups(shares: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Sum shares of relations by their kind, in the order in which they are drawn."""
    sums = dict.fromkeys(RELATION_COLOURS, 0.0)
    for name, share in shares:
        sums[relation_kind(name)] += share
    return {kind: share for kind, share in sums.items() if share > 0}


def relation_plot(experiment: str, shares: Iterable[tuple[str, float]], key: str) -> Markup:
    """Draw the shares of the kinds of relation in one experiment as one bar, each with its label.

    Parameters
    ----------
    experiment : str
    shares : iterable of (str, float)
        Relations, and their shares of the positives.
    key : str
        Unique in the page.
    """
    groups = relation_groups(shares)
    total = sum(groups.values()) or 1.0
    parts, labels, middles = [], [], []
    start = 1.0
    for place, (kind, share) in enumerate(groups.items()):
        wide = share / total * (_WIDTH - 2)
        colour = "#{:02x}{:02x}{:02x}".format(*RELATION_COLOURS[kind])
        fill = colour if kind == "same cell" else f"url(#{key}-{place})"
        if kind != "same cell":
            parts.append(_hatched(f"{key}-{place}", "#ffffff", colour, kind == "collateral"))
        parts.append(_bar(start, 25, max(wide, 1.5), 24, fill))
        labels.append(f"{kind} {percent(share)}")
        middles.append(start + wide / 2)
        start += wide
    widths = np.array([len(label) * _CHARACTER + 10 for label in labels])
    centres = _apart(np.array(middles), widths, _WIDTH)
    for label, middle, centre in zip(labels, middles, centres, strict=True):
        parts.append(_line(middle, 26, centre, 34, _GREY))
        weight = "bold" if label.startswith("collateral") else "normal"
        parts.append(_text(centre, 46, label, "middle", _INK, weight))
    said = f"Relations of positives to anchors in {experiment}: {', '.join(labels)}."
    return _svg(52, said, parts)


def audit_plot(row: AuditRow) -> Markup:
    """Draw the bound on wrong pairs of one experiment beside what was asked for.

    Parameters
    ----------
    row : AuditRow
        With a bound.
    """
    audit = row.audit
    bound = audit.bound or 0.0
    step = _step(max(bound, audit.max_wrong) * 1.1, 6)
    high = min(1.0, step * float(np.ceil(max(bound, audit.max_wrong) * 1.1 / step)))
    per_share = (_WIDTH - _LEFT - _RIGHT) / high
    base, limit = 40.0, _LEFT + audit.max_wrong * per_share
    not_right = (audit.wrong + audit.cannot_tell) / max(audit.judged, 1)
    parts = [_bar(_LEFT, base, bound * per_share, 18, "#c9d6de")]
    parts.append(_bar(_LEFT, base, not_right * per_share, 18, _DRAWN))
    parts.append(_line(limit, base - 26, limit, base + 4, _INK))
    ticks = np.arange(0, high + step / 2, step)
    places = _LEFT + ticks * per_share
    parts.extend(_line(x, base, x, base + 4, _GREY) for x in places)
    parts.extend(_axis("wrong", [percent(tick) for tick in ticks], places, base + 16))
    said = f"asked: at most {percent(audit.max_wrong)}"
    room = len(said) * _CHARACTER
    anchor = "end" if limit + room > _WIDTH else "start"
    parts.append(_text(limit + (-4 if anchor == "end" else 4), 12, said, anchor))
    about = f"At most {percent(bound)} of pairs of {row.experiment} are wrong; {said}."
    return _svg(base + 22, about, parts)


def _step(largest: float, most: int) -> float:
    """Give a round step of which at most `most` reach the largest value."""
    power = 10.0 ** np.floor(np.log10(largest / most))
    return float(
        next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor * most >= largest)
    )


def _ticks(low: float, high: float) -> Float64Array:
    step = _step(high - low, 8)
    return np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step


def _axis(name: str, labels: Sequence[str], x: Float64Array, y: float) -> list[str]:
    """Write every label, or every second, third, …, so that none touches another or the edge."""
    half = np.array([len(label) for label in labels]) * _CHARACTER / 2
    apart = float(np.diff(x).min()) if len(x) > 1 else np.inf
    every = max(1, int(np.ceil((2 * half.max(initial=0) + 8) / apart)))
    inside = (x - half >= _LEFT) & (x + half <= _WIDTH)
    shown = [place for place in range(0, len(labels), every) if inside[place]]
    return [
        _text(_LEFT - 6, y, name, "end"),
        *(_text(x[place], y, labels[place], "middle") for place in shown),
    ]


def _apart(middles: Float64Array, widths: Float64Array, room: float) -> Float64Array:
    """Move labels as little as it takes, so that they stay in the room and do not overlap."""
    centres: Float64Array = np.clip(middles, widths / 2, room - widths / 2)
    for place in range(1, len(centres)):
        least = centres[place - 1] + (widths[place - 1] + widths[place]) / 2
        centres[place] = max(centres[place], least)
    most = room
    for place in reversed(range(len(centres))):
        centres[place] = min(centres[place], most - widths[place] / 2)
        most = centres[place] - widths[place] / 2
    return centres


def _fitting_percent(share: float, room: float) -> str:
    """The number of per cent with as many digits as the room allows; empty if there is none."""
    if room < 2.5 * _CHARACTER:
        return ""
    digits = [f"{share * 100:.1f}", f"{share * 100:.0f}"][int(share >= 0.1) :]
    return next((text for text in digits if len(text) * _CHARACTER <= room), "")


def _svg(height: float, description: str, parts: Iterable[str]) -> Markup:
    label = escape(cleaned(description), quote=True)
    body = "".join(parts)
    return Markup(
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {_WIDTH:g} {height:g}" '
        f'font-size="12">{body}</svg>'
    )


def _hatched(name: str, line: str, ground: str, crossed: bool = False) -> str:
    """Stripes; crossed ones for a second kind that is told from the first without colour."""
    across = f'<path d="M0 0V6M0 0H6" stroke="{line}" stroke-width="1.6"/>'
    stripes = across if crossed else f'<path d="M0 0V6" stroke="{line}" stroke-width="1.6"/>'
    return (
        f'<defs><pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><rect width="6" height="6" fill="{ground}"/>{stripes}'
        "</pattern></defs>"
    )


def _bar(x: float, base: float, width: float, height: float, fill: str) -> str:
    return (
        f'<rect x="{x:.2f}" y="{base - height:.2f}" width="{width:.2f}" height="{height:.2f}" '
        f'fill="{fill}" stroke="{_INK}" stroke-width="0.7"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    ends = f'x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="1"/>'


def _text(
    x: float, y: float, text: str, anchor: str, colour: str = _INK, weight: str = "normal"
) -> str:
    style = "" if weight == "normal" else f' font-weight="{weight}"'
    place = f'x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}"{style}>{escape(cleaned(text))}</text>'
