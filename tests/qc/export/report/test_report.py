"""The report of a review: complete, self-contained, readable, and safe with any text."""

from __future__ import annotations

import base64
import re
from dataclasses import fields, is_dataclass, replace
from io import BytesIO
from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from lineage_triplets.qc.audit.judged import PairsJudged
from lineage_triplets.qc.decide.channels import Approval
from lineage_triplets.qc.decide.seen import DivisionsSeen
from lineage_triplets.qc.decide.settled import ReviewedFinding
from lineage_triplets.qc.export.report import content as report_text
from lineage_triplets.qc.export.report import page as report
from lineage_triplets.qc.export.report.content import (
    ChecksRun,
    ExperimentRow,
    PlacementRow,
    ReportContent,
    Sheet,
    TauBars,
    Verdict,
)
from lineage_triplets.qc.export.report.page import (
    Limits,
    encoded_picture,
    finding_groups,
    render_report,
)
from lineage_triplets.qc.find import SEVERITIES, Finding
from lineage_triplets.qc.find.channels import SlotView
from lineage_triplets.qc.find.channels.proof import Proof
from lineage_triplets.qc.find.channels.verdict import Verdict as ChannelVerdict
from lineage_triplets.qc.record import Decision
from lineage_triplets.qc.record.decision import Target
from report_page import Page

VOID = {"meta", "img", "br", "link", "input", "hr"}
BLOCKS = {"p", "div", "table", "ul", "ol", "dl", "figure", "pre", "section", "details"}
NO_TEXT_OF_PEOPLE = {"severity", "status", "detail", "level", "state"}
# Of what belongs to one experiment or finding, the page says its name once, and no more than this.
SAID = {
    Approval: {"decision", "why_not"},
    DivisionsSeen: {"decision"},
    ReviewedFinding: {"finding", "decision"},
    SlotView: {"experiment", "label", "channel_name", "proof", "sentence"},
}
AT = "2026-11-22T21:05:10+00:00"


def png(width: int = 6, height: int = 4) -> bytes:
    return encoded_picture(Image.new("RGB", (width, height), "white"))


def finding(severity="warning", kind="jump", **more) -> Finding:
    given = {
        "sentence": "Track 12 jumps 48 px",
        "remedy": "Cut the link.",
        "experiment": "fast",
        "fov": "A/1/0",
        "tracks": (12,),
        "t": 34,
    }
    return Finding(kind, severity, **given | more)


def decision(kind="reject", number=1, *, level="lineage", by="Ada", **more) -> Decision:
    """A decision about track 7 of fast, A/1/0, or of what it is in."""
    parts = {"experiment": {}, "frame": {"fov": "A/1/0", "t": 34}, "finding": {"key": "jump"}}
    place = parts.get(level, {"fov": "A/1/0", "track": "7"})
    if level == "link":
        place["daughter"] = 9
    target = Target(level, experiment="fast", **place)
    return Decision(kind, target, number=number, group=number, by=by, at=AT, **more)


def rich_content() -> ReportContent:
    """Say something in every field."""
    seen = decision("seen", level="experiment", value={"n_pairs": 12, "how": "painted"})
    cut = decision("cut", 2, level="link", by="Grace", reason="another cell")
    return ReportContent(
        title="plates.yml",
        verdict=Verdict(True, "Ada", AT, ("a warning is open",)),
        config_path="/data/validated.yaml",
        decisions_path="/data/plates.yml.review.db",
        program_version="0.1.0",
        config_hash="9f2c",
        written_at=AT,
        experiments=(
            ExperimentRow(
                "fast", "/data/fast.zarr", "/data/fast_tracks", (("untreated", ("A/1", "A/2")),),
                10.0, 4.0, 2, 1472, 60, 30, 15, 1400, 1350, "3 to 12 frames",
                (("images", "0123456789abcdef"),),
                (("same track", 0.75), ("sister", 0.25)), 400,
                DivisionsSeen("fast", True, True, seen, ""),
                PairsJudged(9, 2, 1, 1, ("Ada", "Grace"), AT),
                Approval("fast", False, decision("approve", level="experiment", by="Grace"),
                         "the mapping changed"),
            ),
            ExperimentRow("gone", "/data/gone.zarr", "/data/gone_tracks", problem="No plate"),
        ),
        settings={"seed": None, "read_strategy": "auto"},
        placements=(
            PlacementRow(
                "fast", 5, 2, 2, 1, 1, (4.25, 28.0), 1, "scale: [1, 2, 2]",
                Sheet("fast", png(9, 7), "FOV A/1/0. The table lies", "Rows of one frame"),
            ),
        ),
        taus=(
            TauBars("fast", 10.0, (3, 4), (0.6, 0.4), (0.8, 0.2), (0.9, 0.8), "rounded"),
            TauBars("daily", 1440.0, note="no frame"),
        ),
        sheets=(Sheet("fast", png(), "8 pairs", "Pairs of fast"),),
        channels=Sheet("", png(8, 8), "A row an experiment", "Channels of fast"),
        slots=(
            SlotView(
                "fast", 0, "Phase", "Phase2D", 1,
                Proof("Phase2D", 48, 46, 1, 0, "row 3 is 7 and 8", "a damaged chunk"),
                None, ChannelVerdict("same", 0.9), "as elsewhere",
            ),
        ),
        checks=(ChecksRun("images", "1 of 2 FOVs", complete=False),),
        findings=(
            ReviewedFinding(finding(), "open"),
            ReviewedFinding(
                finding(kind="blank", remedy=""),
                "settled",
                decision(level="frame", reason="lamp"),
            ),
        ),
        exclusions=(decision(reason="apoptotic"), cut),
        stale={1},
        history=(decision(reason="apoptotic", state="undone"), cut),
        loses={"collection": ("lineages",)},
        commands=("lineage-triplets check plates.yml",),
    )  # fmt: skip


def with_texts(value, text, *, about=True):
    """Put other texts into every filled field that holds what people wrote.

    Of a decision its target is among these where `about` is true: where the page says what it is
    about.
    """
    if isinstance(value, str):
        return text() if value else ""
    if isinstance(value, tuple):
        return tuple(with_texts(one, text, about=about) for one in value)
    if isinstance(value, Decision):
        names = ["by", "at", "reason", *(["target"] if about else [])]
        return replace(value, **{name: with_texts(getattr(value, name), text) for name in names})
    if is_dataclass(value):
        said = SAID.get(type(value), {one.name for one in fields(value)}) - NO_TEXT_OF_PEOPLE
        names = [one.name for one in fields(value) if one.name in said]
        own = {
            name: with_texts(getattr(value, name), text, about=type(value) not in SAID)
            for name in names
        }
        return replace(value, **own)
    if isinstance(value, dict):
        return {key: with_texts(one, text) for key, one in value.items()}
    return value


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_report(rich_content()))


def test_the_page_needs_nothing_from_outside(page):
    html = render_report(rich_content())
    for tag, values in page.attributes:
        assert tag not in {"script", "link", "iframe", "object", "base"}
        for name, value in values.items():
            assert name not in {"srcset", "background", "onclick", "onload"}
            if name == "src":
                assert value.startswith("data:image/")
            if name in {"href", "xlink:href"}:
                assert value.startswith("#")
    assert "default-src 'none'" in page.of("meta")[2]["content"]
    assert not re.search(r"url\((?!#)|@import|https?:", html)


def test_pictures_are_inside_with_their_size_and_words(page):
    images = page.of("img")
    assert [one["alt"] for one in images] == [
        "Rows of one frame", "Pairs of fast", "Channels of fast",
    ]  # fmt: skip
    for one, size in zip(images, [(9, 7), (6, 4), (8, 8)], strict=True):
        data = base64.b64decode(one["src"].removeprefix("data:image/png;base64,"), validate=True)
        with Image.open(BytesIO(data)) as image:
            assert image.size == size == (int(one["width"]), int(one["height"]))


def test_headings_tables_and_links_are_accessible(page):
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(one.get("scope") in {"col", "row", "rowgroup"} for one in page.of("th"))
    assert all(one["aria-label"] for one in page.of("svg"))
    ids = [values["id"] for _, values in page.attributes if "id" in values]
    assert len(ids) == len(set(ids))
    named = [one["href"][1:] for one in page.of("a")]
    named += [one["aria-labelledby"] for one in page.of("section")]
    fills = [values.get("fill", "") for _, values in page.attributes]
    named += [one[5:-1] for one in fills if one.startswith("url(#")]
    assert set(named) <= set(ids)
    assert len(page.of("a")) == page.tags.count("section")
    assert page.of("html")[0]["lang"] == "en"


def test_every_field_is_said_once_it_is_filled_and_every_text_is_escaped(page):
    numbers = count()
    hostile = [f"<script>x({n})</script><b \"'&amp;&lt;" for n in range(200)]
    other = Page(render_report(with_texts(rich_content(), lambda: hostile[next(numbers)])))
    n_used = next(numbers)
    assert n_used > 80
    assert [one for one in hostile[:n_used] if one not in other.everything] == []
    names = count()
    plain = with_texts(rich_content(), lambda: f"name{next(names)}")
    assert other.tags == Page(render_report(plain)).tags


# What may not be written as it is: controls, lone surrogates, marks of direction.
@settings(max_examples=60, deadline=None)
@example(text="<b>&lt;")
@example(text='\' onload="x" ')
@given(text=st.text(st.characters(codec=None), max_size=30))
def test_any_text_comes_out_as_text(text):
    text = f"x{text}x"
    html = render_report(with_texts(rich_content(), lambda: text))
    html.encode("utf-8")
    other = Page(html)
    assert other.tags == Page(render_report(with_texts(rich_content(), lambda: "name"))).tags
    assert other.text.count(report_text.cleaned(text)) > 60
    kept = [one for one in other.text if one == "\u202e" or (ord(one) < 32 and one not in "\n\t")]
    assert kept == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a\x00b", "a\ufffdb"),
        ("a\r\nb", "a\nb"),
        ("\ud800", "\ufffd"),
        ("µ → 漢字 é", "µ → 漢字 é"),
    ],
)
def test_cleaning_keeps_what_can_be_written(given, expected):
    assert report_text.cleaned(given) == expected


def test_an_empty_review_is_said_in_words():
    page = Page(render_report(ReportContent("plates.yml", Verdict(False), "plates.yml")))
    for words in (
        "Draft", "No open point is recorded", "Nobody has decided anything yet.",
        "The config has no experiments.", "No settings are recorded",
        "The distribution of tau was not worked out.", "The relations were not counted.",
        "It is not recorded whether anybody looked", "There is no contact sheet",
        "There is no picture of the channels.", "Nobody has approved any channels.",
        "No finding is recorded.", "Nothing is excluded, and no link is cut or made.",
        "No decision was made.", "No other files were exported.",
    ):  # fmt: skip
        assert words in page.text
    assert "td" not in page.tags
    assert page.of("img") == page.of("svg") == []


def test_a_draft_says_that_it_is_one_and_lists_what_is_open():
    points = ("channels of slow are not approved", "1 error is open.")
    page = Page(render_report(replace(rich_content(), verdict=Verdict(False, open_points=points))))
    assert "Not validated" in page.text
    assert "2 points are open" in page.text
    assert "channels of slow are not approved." in page.text
    assert "1 error is open.." not in page.text
    assert "✓ Validated" not in page.text
    assert "This is a draft" in page.text


def test_a_validated_config_says_by_whom_and_when(page):
    assert "✓ Validated" in page.text
    assert "By Ada, 2026-11-22 21:05 UTC." in page.text
    assert "draft" not in page.text.lower()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (ReviewedFinding(finding(), "open"), "Open"),
        (
            ReviewedFinding(
                finding(),
                "waived",
                decision("waive", level="finding", reason="mitosis, looks right"),
            ),
            "Waived by Ada on 2026-11-22: mitosis, looks right",
        ),
        (
            ReviewedFinding(finding(), "settled", decision("cut", level="link", by="Grace")),
            "Settled: link cut by Grace on 2026-11-22",
        ),
        (ReviewedFinding(finding(), "settled"), "Settled"),
    ],
)
def test_what_became_of_a_finding(line, expected):
    page = Page(render_report(replace(rich_content(), findings=(line,))))
    (row,) = page.rows_of("finding")
    assert row.endswith(expected)
    assert ("Cut the link." in row) == (line.status == "open")
    assert row.startswith("fast, A/1/0, track 12, frame 34")


def test_a_finding_of_many_tracks_names_some_and_counts_the_rest():
    many = finding(tracks=tuple(range(20)), t=None)
    assert report.place_of(many) == "fast, A/1/0, tracks 0, 1, 2, 3, 4, 5 and 14 more"
    assert report.place_of(Finding("tau", "error", "Zero.")) == "the whole config"


LINES = st.builds(
    lambda severity, kind, status: ReviewedFinding(finding(severity, kind), status),
    st.sampled_from(SEVERITIES),
    st.sampled_from(["jump", "blank-frame", "swap"]),
    st.sampled_from(report.STATUSES),
)


@settings(max_examples=40, deadline=None)
@given(lines=st.lists(LINES, max_size=40), most=st.integers(1, 5))
def test_every_finding_is_shown_or_counted(lines, most):
    groups = finding_groups(lines, most)
    for status in report.STATUSES:
        n_lines = sum(one.status == status for one in lines)
        assert sum(one.counts[status] for one in groups) == n_lines
        shown = sum(line.status == status for group in groups for line in group.shown)
        assert shown + sum(group.more[status] for group in groups) == n_lines
    order = [SEVERITIES.index(one.severity) for one in groups]
    assert order == sorted(order)
    assert [(one.severity, one.kind) for one in groups] == list(
        dict.fromkeys((one.severity, one.kind) for one in groups)
    )
    page = Page(render_report(replace(rich_content(), findings=tuple(lines)), Limits(most)))
    more = [int(re.match(r"and (\d+) more", one)[1]) for one in page.rows_of("more")]
    assert len(page.rows_of("finding")) + sum(more) == len(lines)


def test_open_findings_come_before_those_that_were_dealt_with():
    lines = [ReviewedFinding(finding(t=t), "waived") for t in range(20)]
    lines.append(ReviewedFinding(finding(), "open"))
    (group,) = finding_groups(lines, 3)
    assert [one.status for one in group.shown] == ["open", "waived", "waived"]
    assert group.more == {"waived": 18}
    dealt_with = ReviewedFinding(finding("error", "nan"), "settled")
    still_open = ReviewedFinding(finding("error", "swap"), "open")
    kinds = [one.kind for one in finding_groups([*lines, dealt_with, still_open], 3)]
    assert kinds == ["swap", "nan", "jump"]


def test_every_exclusion_and_decision_is_shown_or_counted():
    exclusions = tuple(decision(number=n) for n in range(1, 10))
    exclusions = (*exclusions[:8], replace(exclusions[8], target=Target("fov", "slow", "B/2/0")))
    history = tuple(decision(number=n + 1, state="undone" if n < 2 else "active") for n in range(7))
    content = replace(rich_content(), exclusions=exclusions, stale={9}, history=history)
    page = Page(render_report(content, Limits(exclusions=4, history=5)))
    assert len(page.rows_of("exclusion")) == 4
    assert page.rows_of("exclusion")[0].startswith("FOV slow B/2/0 rejected stale none given")
    assert [int(one[0]) for one in page.rows_of("decision")] == [3, 4, 5, 6, 7]
    assert page.rows_of("more") == [
        "and 5 more. The config lists them all.",
        "2 earlier ones are in the file of decisions.",
    ]
    assert "7 decisions, 2 of them undone." in page.text
    assert "open" not in page.of("details")[1]


def test_the_path_to_train_on_is_python():
    path = 'C:\\data\\Ada\'s "new" set\\validated.yaml'
    page = Page(render_report(replace(rich_content(), config_path=path)))
    code = re.search(r"(from lineage_triplets import .*?)\n\s*anchor", page.text, re.DOTALL)[1]
    call = re.search(r"from_config\((.*)\)\n", code)[1]
    assert eval(call) == path


def test_costs_are_anchors_lost():
    page = Page(render_report(rich_content()))
    rows = [" ".join(text.split()) for _, text in page.rows]
    assert "fast 1,400 1,350 50 3.6 %" in rows
    assert "gone 0 0 0 no anchors" in rows


def test_tables_on_their_images_are_counted(page):
    (row,) = [" ".join(text.split()) for _, text in page.rows if "scale: [1, 2, 2]" in text]
    assert row.startswith("fast 5 2 2 1 left out 1 4.25 to 28 sure in 1 of 2")
    assert "It was not looked at" not in page.text
    empty = Page(render_report(ReportContent("c.yml", Verdict(False), "/c.yaml")))
    assert "It was not looked at whether the tables lie on their images." in empty.text


def test_a_picture_of_another_kind_is_refused():
    file = BytesIO()
    Image.new("RGB", (2, 2)).save(file, "GIF")
    with pytest.raises(ValueError, match="GIF; give PNG or JPEG"):
        render_report(replace(rich_content(), sheets=(Sheet("fast", file.getvalue(), "", ""),)))


def test_large_pictures_become_jpeg_and_stay_what_they_are():
    noise = np.random.default_rng(0).integers(0, 256, (500, 400, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(noise).resize((400, 500), box=(0, 0, 40, 50)))
    with Image.open(BytesIO(encoded_picture(Image.fromarray(noise)))) as image:
        assert (image.format, image.size) == ("JPEG", (400, 500))
    with Image.open(BytesIO(encoded_picture(Image.fromarray(smooth[:40, :40])))) as image:
        assert image.format == "PNG"
        assert np.array_equal(np.asarray(image), smooth[:40, :40])
