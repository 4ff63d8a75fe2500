"""Plots and words of the report: bars as high as they say, labels that fit, times as recorded."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets.qc.export.report import content as report_text
from lineage_triplets.qc.export.report import page as report
from lineage_triplets.qc.export.report import plots as report_plots
from lineage_triplets.qc.export.report.content import (
    TauBars,
)
from report_page import Page


def rects(svg: str) -> list[dict[str, float | str]]:
    inside = re.sub(r"<defs>.*?</defs>", "", svg)
    return [
        {name: values[name] for name in ("x", "y", "width", "height", "fill")}
        for tag, values in Page(inside).attributes
        if tag == "rect"
    ]


def test_bars_of_tau_are_as_high_as_probable():
    bars = TauBars("fast", 10.0, (3, 4), (0.6, 0.4), (0.8, 0.2))
    svg = report_plots.tau_plot(bars, report_plots.hours_range([bars]), "k")
    drawn = [float(one["height"]) for one in rects(svg)[:4]]
    assert drawn == pytest.approx(np.array([0.6, 0.8, 0.4, 0.2]) * drawn[0] / 0.6, abs=0.02)
    assert {one["fill"] for one in rects(svg)[:4:2]} == {"url(#k-law)"}
    assert "3 frames: law 60.0\u00a0%, drawn 80.0\u00a0%" in svg
    texts = Page(svg).texts
    assert {"frames", "hours", "3", "4", "0.5", "80", "20"} <= set(texts)


def test_all_experiments_share_the_axis_in_hours():
    bars = [
        TauBars("fast", 10.0, tuple(range(3, 13)), (0.1,) * 10, (0.1,) * 10),
        TauBars("slow", 30.0, (1, 2, 3, 4), (0.25,) * 4, (0.25,) * 4),
    ]
    hours = report_plots.hours_range(bars)
    assert hours == (0.25, 2.25)
    centres = []
    for one in bars:
        law, drawn = rects(report_plots.tau_plot(one, hours, "k"))[:2]
        assert float(law["x"]) + float(law["width"]) == pytest.approx(float(drawn["x"]), abs=0.02)
        centres.append(float(drawn["x"]))
    assert centres[0] == pytest.approx(centres[1], abs=0.02)


@settings(max_examples=60, deadline=None)
@given(
    first=st.integers(1, 50),
    n_taus=st.integers(1, 300),
    interval=st.floats(0.05, 3000),
    other=st.floats(0.05, 3000),
)
def test_any_range_of_tau_is_drawn_within_the_plot(first, n_taus, interval, other):
    law = np.linspace(2, 1, n_taus) / np.linspace(2, 1, n_taus).sum()
    taus = tuple(range(first, first + n_taus))
    bars = TauBars("fast", interval, taus, tuple(law), tuple(law[::-1]))
    rows = report_plots.tau_rows(bars)
    assert len(rows) <= 32
    assert [tau for one in rows for tau in range(one.first, one.last + 1)] == list(taus)
    assert sum(one.drawn for one in rows) == pytest.approx(1)
    hours = report_plots.hours_range([bars, TauBars("other", other, (1,), (1.0,), (1.0,))])
    for one in rects(report_plots.tau_plot(bars, hours, "k")):
        assert float(one["x"]) >= 0
        assert float(one["x"]) + float(one["width"]) <= 640.1
        assert 0 <= float(one["height"]) <= 120.01


def test_no_anchors_draw_the_law_alone():
    bars = TauBars("fast", 10.0, (3,), (1.0,), (0.0,))
    law, drawn = rects(report_plots.tau_plot(bars, (0.0, 1.0), "k"))[:2]
    assert float(law["height"]) > 0
    assert float(drawn["height"]) == 0


def test_relations_are_a_bar_with_collateral_called_out():
    shares = (("same track", 0.5), ("continuation", 0.1), ("daughter", 0.1), ("sister", 0.25),
              ("cousin", 0.05))  # fmt: skip
    groups = report_plots.relation_groups(shares)
    assert groups == pytest.approx({"same cell": 0.6, "across a division": 0.1, "collateral": 0.3})
    svg = report_plots.relation_plot("fast", shares, "k")
    widths = [float(one["width"]) for one in rects(svg)]
    assert widths == pytest.approx([0.6 * 638, 0.1 * 638, 0.3 * 638], abs=0.01)
    page = Page(svg)
    bold = [values for _, values in page.attributes if values.get("font-weight") == "bold"]
    assert len(bold) == 1
    assert page.texts[-1] == "collateral 30.0\u00a0%"
    patterns = re.findall(r"<pattern.*?</pattern>", svg)
    strokes = {re.search(r'<path d="(.*?)"', one)[1] for one in patterns}
    assert len(strokes) == len(patterns) == 2


@settings(max_examples=60, deadline=None)
@given(shares=st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4).filter(lambda s: sum(s) > 0))
def test_labels_of_relations_never_overlap_or_leave_the_plot(shares):
    names = ("same track", "daughter", "cousin", "something else")
    total = sum(shares)
    named = tuple(zip(names, (one / total for one in shares), strict=True))
    svg = report_plots.relation_plot("x", named, "k")
    page = Page(svg)
    labels = [float(values["x"]) for tag, values in page.attributes if tag == "text"]
    half = [len(one) * 6.4 / 2 for one in page.texts]
    ends = [(x - h, x + h) for x, h in zip(labels, half, strict=True)]
    assert ends[0][0] >= 0
    assert ends[-1][1] <= 640
    assert all(one[1] <= two[0] for one, two in pairwise(ends))


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0"), (1, "100"), (1e-5, "< 0.1"), (0.99999, "> 99.9"), (0.061, "6.1"), (0.5, "50.0")],
)
def test_percent_never_says_nothing_of_something(share, said):
    assert report_text.percent(share) == f"{said}{' ' if said[0] in '<>' else chr(0xA0)}%"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("2026-11-22T21:05:10+00:00", "2026-11-22 21:05 UTC"),
        ("2026-11-22T21:05:10Z", "2026-11-22 21:05 UTC"),
        ("2026-11-22T21:05:10+01:00", "2026-11-22 21:05 +01:00"),
        ("2026-11-22T21:05:10", "2026-11-22 21:05"),
        ("last Tuesday, after lunch", "last Tuesday, after lunch"),
        ("", ""),
    ],
)
def test_times_are_said_as_they_were_recorded(given, said):
    assert report_text.when(given) == said


def luminance(colour: str) -> float:
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_text_is_readable_in_light_and_dark():
    css = (Path(report.__file__).parent / "templates" / "report.css").read_text("utf-8")
    palettes = [dict(re.findall(r"--(\w+): (#\w{6})", one)) for one in css.split("@media")[:2]]
    assert len(palettes) == 2
    for palette in palettes:
        for ground in ("paper", "band"):
            for name in ("ink", "soft", "good", "wait", "bad", "link"):
                pair = sorted([luminance(palette[ground]), luminance(palette[name])])
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (name, ground)
