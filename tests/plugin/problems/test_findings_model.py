"""The list of findings as a model: order, filters, words."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import Qt

from lineage_triplets.plugin.problems.model import (
    FindingFilter,
    FindingModel,
    FindingRows,
    settle_words,
)
from lineage_triplets.qc.decide.settled import ReviewedFinding
from lineage_triplets.qc.find import Finding
from lineage_triplets.qc.record.decision import Target

PLACE = ("early", "A/1/0")


def reviewed(kind: str, severity: str, status: str = "open", **more: Any) -> ReviewedFinding:
    place = {"experiment": PLACE[0], "fov": PLACE[1], **more}
    sentence = place.pop("sentence", f"A {kind}.")
    return ReviewedFinding(Finding(kind, severity, sentence, **place), status)


FOUND = [
    reviewed("short-track", "note"),
    reviewed("jump", "warning", t=4, tracks=(7,), sentence="Track 7 jumps 50 px."),
    reviewed("blank-frame", "error", t=3),
    reviewed("blank-frame", "error", "settled", t=9),
    reviewed("jump", "warning", "waived", t=5, tracks=(8,)),
    reviewed("channel-swapped", "error", experiment="late", fov="", detail="slot0"),
]


@pytest.fixture
def model() -> FindingModel:
    made = FindingModel()
    made.show(FindingRows.of(FOUND), FindingFilter())
    return made


def shown(model: FindingModel) -> list[str]:
    return [
        model.index(row, 0).data(Qt.ItemDataRole.UserRole).finding.key
        for row in range(model.rowCount())
    ]


def test_open_findings_come_the_worst_first_in_the_order_of_the_checks(model):
    assert shown(model) == [
        "blank-frame:early:A/1/0:t3",
        "channel-swapped:late:slot0",
        "jump:early:A/1/0:7:t4",
        "short-track:early:A/1/0",
    ]


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (FindingFilter(status=""), 6),
        (FindingFilter(severity="error"), 2),
        (FindingFilter(severity="error", status=""), 3),
        (FindingFilter(kind="jump", status="waived"), 1),
        (FindingFilter(experiment="late"), 1),
        (FindingFilter(text="JUMPS px"), 1),
        (FindingFilter(text="jumps swapped"), 0),
        (FindingFilter(text="a/1/0 t"), 3),
        (FindingFilter(text="channel swapped"), 1),
    ],
)
def test_filters_narrow_the_list_together(model, wanted, keys):
    model.show(model.rows, wanted)
    assert model.rowCount() == keys


def test_a_finding_that_is_kept_stays_in_its_place(model):
    model.show(model.rows, FindingFilter(), kept="blank-frame:early:A/1/0:t9")
    assert shown(model)[:2] == ["blank-frame:early:A/1/0:t3", "blank-frame:early:A/1/0:t9"]
    assert model.row_of("blank-frame:early:A/1/0:t9") == 1
    model.show(model.rows, FindingFilter())
    assert model.row_of("blank-frame:early:A/1/0:t9") == -1
    assert model.row_of("no such key") == -1
    assert model.row_of("short-track:early:A/1/0") == 3


def test_a_row_says_what_where_and_what_became_of_it(model, qtmodeltester):
    model.show(model.rows, FindingFilter(status=""))
    qtmodeltester.check(model)
    texts = [[model.index(row, column).data() for column in range(5)] for row in range(6)]
    assert ["▲", "jump", "early A/1/0 t 4", "Track 7 jumps 50 px.", ""] in texts
    assert ["✕", "channel swapped", "late", "A channel-swapped.", ""] in texts
    assert [row[4] for row in texts].count("✓ settled") == 1
    spoken = model.index(0, 3).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "error, blank frame, early A/1/0 t 3: A blank-frame. (open)"


def test_what_is_open_is_counted_by_severity(model):
    assert model.rows.counts() == {"error": 2, "warning": 1, "note": 1}
    assert model.rows.counts("waived") == {"error": 0, "warning": 1, "note": 0}
    assert FindingRows().counts() == {"error": 0, "warning": 0, "note": 0}


def join(track: int, other: int) -> Target:
    return Target("join", *PLACE, track=str(track), t=3, daughter=other, to_t=4)


def link(track: int, **more: int) -> Target:
    return Target("link", *PLACE, track=str(track), **more)


def frames(n: int) -> list[Target]:
    return [Target("frame", *PLACE, t=t) for t in range(n)]


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([link(7, daughter=9)], "Cut link 7 to 9"),
        ([link(7, t=5), link(8, t=5)], "Cut track 7 at t 5 and track 8 at t 5"),
        ([Target("track", *PLACE, track="7")], "Reject track 7"),
        ([Target("track", *PLACE, track=k) for k in "789"], "Reject tracks 7, 8 and 9"),
        (frames(1), "Reject frame 0"),
        (frames(12), "Reject 12 frames"),
        ([Target("fov", *PLACE)], "Reject FOV A/1/0"),
        ([Target("observation", *PLACE, track="7", t=3)], "Reject cell 7 at t 3"),
        ([Target("lineage", *PLACE, track="7")], "Reject lineage 7"),
        ([link(7, t=5), *frames(1)], "Cut track 7 at t 5 and reject frame 0"),
        (
            (
                Target("link", *PLACE, track="7", t=4),
                Target("join", *PLACE, track="7", t=3, daughter=9, to_t=5),
            ),
            "Cut track 7 at t 4 and link 7 at t 3 to 9 at t 5",
        ),
        ([link(7, t=4), join(7, 9), join(8, 7)], "Cut it, and link 7 to 9 and 8 to 7"),
        (
            [link(7, t=4), link(8, t=4), join(7, 8), join(8, 7)],
            "Cut both links, and link 7 to 8 and 8 to 7",
        ),
    ],
)
def test_an_alternative_is_said_in_words(targets, words):
    assert settle_words(targets) == words
