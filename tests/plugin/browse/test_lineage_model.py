"""The table of lineages, and what a decision at a spot is about; without a viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import QModelIndex, QPersistentModelIndex, Qt

from lineage_triplets.plugin.browse.model import COLUMNS, LineageFilter, LineageModel, LineageRows
from lineage_triplets.plugin.common.reason import LEVELS, Spot
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.decide.targets import require_target, require_verdict_target
from lineage_triplets.qc.find import Finding
from lineage_triplets.qc.record.decision import Target
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOWN, UP = Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder
CELLS, DIVISIONS, PROBLEMS, DECISION = 1, 2, 5, 6
IN_ORDER = [
    f"{place}_{root}"
    for place in ("early_A/1/0", "early_B/2/0", "late_A/1/0")
    for root in (1, 11, 21)
]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("config"))


@pytest.fixture
def review(config: Path, tmp_path: Path) -> Iterator[Review]:
    with Review.open(config, by="tester", decisions=tmp_path / "decisions.db") as opened:
        yield opened


def finding(*tracks: int, kind: str = "jump") -> Finding:
    return Finding(kind, "warning", "It jumps.", experiment="early", fov="A/1/0", tracks=tracks)


@pytest.fixture
def model(review: Review) -> LineageModel:
    """All lineages; two findings about tracks of the first one, one about both families."""
    found = [finding(2, 3), finding(1, 12, kind="drift")]
    made = LineageModel()
    made.set_rows(LineageRows.of(review.data, found))
    return made


def shown(model: LineageModel) -> list[str]:
    rows = range(model.rowCount())
    return [model.data(model.index(row, 0), Qt.ItemDataRole.UserRole) for row in rows]


def texts(model: LineageModel, column: int) -> list[str]:
    return [model.data(model.index(row, column)) for row in range(model.rowCount())]


def test_a_row_says_what_is_known_of_a_lineage(model: LineageModel) -> None:
    assert shown(model) == IN_ORDER
    row = [model.data(model.index(0, column)) for column in range(len(COLUMNS))]
    assert row[:4] == ["early_A/1/0_1", "22", "1", "14"]
    assert row[5:] == ["2", ""]
    assert texts(model, PROBLEMS)[:3] == ["2", "1", ""]
    words = model.data(model.index(0, 0), Qt.ItemDataRole.ToolTipRole)
    assert "well A/1" in words
    assert "frames 0 to 13" in words
    titles = [model.headerData(k, Qt.Orientation.Horizontal) for k in range(len(COLUMNS))]
    assert titles == ["Lineage", "Cells", "Div.", "Frames", "Anch.", "Prob.", "Dec."]


def test_qt_finds_no_fault(model: LineageModel, qtmodeltester: Any) -> None:
    qtmodeltester.check(model)
    model.sort(CELLS, DOWN)
    model.set_filter(LineageFilter(has_divisions=True))
    model.set_decision("early_A/1/0_1", "rejected", 0)
    model.set_rows(LineageRows())
    assert model.rowCount() == 0


def test_sorting_is_by_number_and_keeps_equal_ones_in_order(model: LineageModel) -> None:
    model.sort(DIVISIONS, DOWN)
    assert shown(model) == sorted(IN_ORDER, key=lambda one: one.endswith("_21"))
    model.sort(0, DOWN)
    assert shown(model) == IN_ORDER[::-1]
    model.sort(0, UP)
    assert shown(model) == IN_ORDER


def test_an_index_that_is_kept_follows_its_lineage_through_sorting(model: LineageModel) -> None:
    kept = QPersistentModelIndex(model.index(1, 3))
    model.sort(0, DOWN)
    assert kept.row() == len(IN_ORDER) - 2
    assert kept.column() == 3


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (LineageFilter(text="LATE"), IN_ORDER[6:]),
        (LineageFilter(text="_21 b/2"), ["early_B/2/0_21"]),
        (LineageFilter(text="nowhere"), []),
        (LineageFilter(experiment="early", fov="A/1/0"), IN_ORDER[:3]),
        (LineageFilter(has_divisions=True, experiment="late"), IN_ORDER[6:8]),
        (LineageFilter(has_problems=True), IN_ORDER[:2]),
    ],
)
def test_filters_leave_what_matches_all_of_them(
    model: LineageModel, wanted: LineageFilter, left: list[str]
) -> None:
    model.set_filter(wanted)
    assert shown(model) == left


def test_the_experiment_is_seen_beside_a_number_also_within_one_fov(model: LineageModel) -> None:
    model.set_filter(LineageFilter(experiment="early", fov="A/1/0"))
    assert texts(model, 0) == IN_ORDER[:3]
    assert shown(model) == IN_ORDER[:3]


def test_the_lineage_that_is_selected_is_shown_though_it_does_not_match(
    model: LineageModel,
) -> None:
    model.set_filter(LineageFilter(text="late"), kept="early_B/2/0_11")
    assert shown(model) == ["early_B/2/0_11", *IN_ORDER[6:]]
    model.set_filter(LineageFilter(text="late"))
    assert model.row_of("early_B/2/0_11") == -1


def test_decisions_are_shown_and_filtered(review: Review, model: LineageModel) -> None:
    review.accept(review.target("lineage", "early_A/1/0_11"))
    review.reject(review.target("lineage", "early_A/1/0_1"), "out of focus")
    review.reject(review.target("track", "early_B/2/0_2"), "dies")
    model.set_rows(LineageRows.of(review.data, []))
    assert texts(model, DECISION)[:4] == ["✕ rejected", "✓ accepted", "", "◐ partly"]
    model.set_filter(LineageFilter(undecided=True, experiment="early"))
    assert shown(model) == ["early_A/1/0_21", "early_B/2/0_11", "early_B/2/0_21"]


def test_one_decision_changes_one_row_at_once(model: LineageModel) -> None:
    changed: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda one, other, _: changed.append((one.row(), other.row())))
    model.sort(0, DOWN)
    model.set_decision("late_A/1/0_21", "rejected", 0)
    assert texts(model, DECISION) == ["✕ rejected", *[""] * 8]
    assert changed == [(0, 0)]


def test_the_next_undecided_is_below_or_from_the_top(model: LineageModel) -> None:
    model.set_decision("early_A/1/0_21", "accepted", 3)
    assert model.next_undecided("early_A/1/0_11") == "early_B/2/0_1"
    assert model.next_undecided(IN_ORDER[-1]) == IN_ORDER[0]
    model.set_filter(LineageFilter(text="early_a _11"))
    assert model.next_undecided("early_A/1/0_11") == ""


def test_there_is_nothing_below_a_row(model: LineageModel) -> None:
    assert model.rowCount(model.index(0, 0)) == 0
    assert model.data(QModelIndex()) is None


AT = Spot("early", "A/1/0", lineage="1", track="3", t=9, frame=4, first_t=6, mother="1")


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("lineage", "lineage early_A/1/0_1"),
        ("track", "track early_A/1/0_3"),
        ("cell", "observation early_A/1/0_3 at t = 9"),
        ("frame", "FOV early A/1/0 at t = 4"),
        ("FOV", "FOV early A/1/0"),
    ],
)
def test_a_decision_is_about_something_that_is_there(
    review: Review, level: str, words: str
) -> None:
    target = AT.target(level)
    assert target is not None
    assert str(target) == words
    require_verdict_target(review.data, target)


def test_without_a_choice_there_is_no_target_but_a_way_to_one() -> None:
    assert [Spot().target(level) for level in LEVELS] == [None] * len(LEVELS)
    of_fov = Spot("early", "A/1/0")
    assert [of_fov.target(level) is None for level in LEVELS] == [True, True, True, True, False]
    assert all(Spot().missing(level) for level in LEVELS)


@pytest.mark.parametrize(
    ("spot", "link"),
    [
        (AT, Target("link", "early", "A/1/0", track="3", t=9)),
        (
            Spot("early", "A/1/0", "1", track="3", t=6, first_t=6, mother="1"),
            Target("link", "early", "A/1/0", track="1", daughter=3),
        ),
        (Spot("early", "A/1/0", "1", track="1", t=0, first_t=0), None),
    ],
)
def test_the_link_before_a_cell(review: Review, spot: Spot, link: Target | None) -> None:
    assert spot.link == link
    if link is not None:
        require_target(review.data, link)


def test_after_a_cut_links_are_named_as_the_table_has_them(review: Review) -> None:
    review.cut(Target("link", "early", "A/1/0", track="1", t=3), "another cell")
    inside = Spot("early", "A/1/0", "1@3", track="1@3", t=4, first_t=3)
    below = Spot("early", "A/1/0", "1@3", track="2", t=6, first_t=6, mother="1@3")
    assert inside.link == Target("link", "early", "A/1/0", track="1", t=4)
    assert below.link == Target("link", "early", "A/1/0", track="1", daughter=2)
    for one in (inside, below):
        assert one.link is not None
        require_target(review.data, one.link)


def test_the_first_to_be_gone_to_gives_pairs_or_is_the_largest(model: LineageModel) -> None:
    assert model.first_with_pairs == 0
    for lineage in IN_ORDER[:2]:
        model.set_decision(lineage, "", 0)
    assert model.first_with_pairs == 2
    for lineage in IN_ORDER:
        model.set_decision(lineage, "", 0)
    n_cells = [int(text) for text in texts(model, CELLS)]
    assert n_cells[model.first_with_pairs] == max(n_cells)
    model.set_filter(LineageFilter("nowhere"))
    assert model.first_with_pairs == -1
