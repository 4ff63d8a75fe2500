"""Links: where another's tables differ, gone through by keys alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QPushButton, QWidget

from lineage_triplets.plugin.links.panel import LinksPanel
from lineage_triplets.qc import Target
from reviews import SHAPE, field, save
from stores import make_experiment, numbered_pixels, write_tables

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from pytestqt.qtbot import QtBot

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc import Disagreement

Key = Qt.Key
FOV = "A/1/0"
CONTROL = Qt.KeyboardModifier.ControlModifier


def spoilt() -> pd.DataFrame:
    """12 and 21 exchange cells, the mother of 3 is lost, and 13 ends early: 99 goes on."""
    table = field()
    own, t = table["track_id"], table["t"]
    exchanged = own.mask((own == 12) & (t >= 10), 21).mask((own == 21) & (t >= 10), 12)
    broken = exchanged.mask((own == 13) & (t >= 11), 99)
    mother = table["parent_track_id"].mask((own == 3) | (broken == 99), -1)
    table = table.assign(track_id=broken, parent_track_id=mother).sort_values(["track_id", "t"])
    first = table.groupby("track_id")["parent_track_id"].transform("first")
    return table.assign(parent_track_id=first)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("against")
    listed = [make_experiment(made, "one", {FOV: spoilt()}, pixels=numbered_pixels(SHAPE))]
    save(made / "experiments.yml", listed)
    write_tables(made / "truth", {FOV: field()})
    write_tables(made / "before", {FOV: spoilt()})
    write_tables(made / "elsewhere", {FOV: field().assign(x=lambda table: 63 - table["x"])})
    write_tables(made / "absent", {"A/1/7": field()})
    return made


@pytest.fixture
def panel(qtbot: QtBot, session: Session, root: Path, tmp_path: Path) -> LinksPanel:
    made = LinksPanel(session)
    qtbot.addWidget(made)
    made.resize(330, 760)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    session.open(root / "experiments.yml", by="ada", decisions=tmp_path / "decisions.db")
    qtbot.waitUntil(made.order.isEnabled)
    made.looking.setFocus()
    return made


def choose(qtbot: QtBot, panel: LinksPanel, other: Path, monkeypatch: Any) -> None:
    """Choose a folder to compare with, as by its dialog."""
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(other))
    panel.order.activated.emit(1)
    qtbot.waitUntil(lambda: not panel._session.work.running)


def press(qtbot: QtBot, panel: LinksPanel, key: Key, modifier: Any = None) -> None:
    """Press a key where the focus is, once what is on screen was drawn."""
    qtbot.waitUntil(lambda: panel.looking.picture.painted == panel._number)
    focus = panel.window().focusWidget()
    assert focus is not None
    qtbot.keyClick(focus, key, modifier or Qt.KeyboardModifier.NoModifier)


def on_screen(panel: LinksPanel) -> Disagreement:
    return panel._links.found[panel._number]


def text(panel: LinksPanel, name: str) -> str:
    found = panel.findChild(QWidget, name)
    assert found is not None, name
    return found.text()


def go_to(qtbot: QtBot, panel: LinksPanel, kind: str) -> Disagreement:
    for _ in range(len(panel._links)):
        if on_screen(panel).kind == kind:
            break
        press(qtbot, panel, Key.Key_C)
    assert on_screen(panel).kind == kind
    return on_screen(panel)


def left(session: Session, other: Path) -> set[tuple[str, int, int]]:
    found = session.review.against(other).disagreements
    return {(one.kind, one.to_track_id, one.to_t) for one in found}


def test_taking_the_others_links_by_one_key_leaves_no_difference(
    qtbot: QtBot, session: Session, panel: LinksPanel, root: Path, monkeypatch: Any
) -> None:
    choose(qtbot, panel, root / "truth", monkeypatch)
    assert len(panel._links) == 4
    assert panel.order.currentText() == "against truth"
    n_asked = 0
    while panel._links.is_open.any():
        n_asked += 1
        press(qtbot, panel, Key.Key_G)
    # Both links of the exchange were taken at once.
    assert n_asked == 3
    assert left(session, root / "truth") == set()
    assert text(panel, "link_words") == "All 4 links that differed are looked at."
    assert session.said == []


def test_each_is_shown_as_here_and_as_the_other_has_it(
    qtbot: QtBot, panel: LinksPanel, root: Path, monkeypatch: Any
) -> None:
    choose(qtbot, panel, root / "truth", monkeypatch)
    asked = {}
    for _ in range(4):
        view = panel._links.view(panel._number)
        asked[on_screen(panel).kind] = text(panel, "link_question"), view.now, view.instead
        press(qtbot, panel, Key.Key_C)
    words, now, instead = asked["wrong"]
    assert words.startswith("Straight on")
    assert (set(now), set(instead)) == ({(0, 0), (1, 1)}, {(0, 1), (1, 0)})
    words, now, instead = asked["division missed"]
    assert words.startswith("Does a divide into b' and b (orange)")
    assert (now, set(instead)) == (((0, 1),), {(0, 0), (0, 1)})
    assert asked["missed"] == (
        "Does a go on as b (orange), or does b begin there, as the table has it?",
        (),
        ((0, 0),),
    )
    missed = go_to(qtbot, panel, "missed")
    assert text(panel, "link_doubt").startswith("Missed; ")
    assert (missed.track_id, missed.to_track_id) == (13, 99)
    assert not panel.findChild(QPushButton, "link_wrong").isEnabled()


def test_a_link_is_kept_or_cut_and_a_missed_one_is_passed_until_it_is_undone(
    qtbot: QtBot, session: Session, panel: LinksPanel, root: Path, monkeypatch: Any
) -> None:
    choose(qtbot, panel, root / "truth", monkeypatch)
    kept = go_to(qtbot, panel, "wrong")
    press(qtbot, panel, Key.Key_S)
    assert set(session.review.effect.kept) == {kept.cells.link}
    cut = go_to(qtbot, panel, "wrong")
    press(qtbot, panel, Key.Key_W)
    assert set(session.review.effect.cuts) == {cut.cells.link} != {kept.cells.link}
    n_decisions = len(session.review.decisions)
    passed = go_to(qtbot, panel, "missed")
    press(qtbot, panel, Key.Key_S)
    assert len(session.review.decisions) == n_decisions
    (still_open,) = panel._links.is_open.nonzero()[0]
    assert panel._links.found[still_open].kind == "division missed"
    press(qtbot, panel, Key.Key_Z, CONTROL)
    assert on_screen(panel) == passed
    assert len(session.review.decisions) == n_decisions
    press(qtbot, panel, Key.Key_Z, CONTROL)
    assert on_screen(panel) == cut
    assert not session.review.effect.cuts


def test_a_link_that_somebody_made_is_taken_back_where_the_other_lacks_it(
    qtbot: QtBot, session: Session, panel: LinksPanel, root: Path, monkeypatch: Any
) -> None:
    made = Target("join", "one", FOV, track="13", t=10, daughter=99, to_t=11)
    session.decide(lambda review: review.link(made, "one cell"))
    choose(qtbot, panel, root / "before", monkeypatch)
    assert on_screen(panel).kind == "wrong"
    press(qtbot, panel, Key.Key_W)
    assert not session.review.effect.links
    panel.looking.undo.click()
    assert set(session.review.effect.links) == {made}
    assert on_screen(panel).cells.link == made
    press(qtbot, panel, Key.Key_G)
    assert left(session, root / "before") == set()
    assert session.said == []


def test_what_is_decided_elsewhere_is_followed_and_doubt_comes_back(
    qtbot: QtBot, session: Session, panel: LinksPanel, root: Path, monkeypatch: Any
) -> None:
    by_doubt = panel._links.entry(0).key
    choose(qtbot, panel, root / "truth", monkeypatch)
    found = next(one for one in panel._links.found if one.kind == "missed")
    session.decide(lambda review: review.link(found.repair[-1], "elsewhere"))
    assert panel._links.is_open.sum() == 3
    session.decide(lambda review: review.undo())
    assert panel._links.is_open.sum() == 4
    panel.order.setCurrentIndex(0)
    panel.order.activated.emit(0)
    qtbot.waitUntil(lambda: panel._links is not None and not panel._stale)
    assert panel._links.entry(0).key == by_doubt
    assert "Doubt" in text(panel, "link_doubt")


def test_a_table_of_other_cells_and_one_that_cannot_be_read_are_said(
    qtbot: QtBot, session: Session, panel: LinksPanel, root: Path, monkeypatch: Any
) -> None:
    choose(qtbot, panel, root / "elsewhere", monkeypatch)
    words = text(panel, "link_words")
    assert "are found in the other's table" in words
    assert "See if both are in the same frames and pixels" in words
    choose(qtbot, panel, root / "absent", monkeypatch)
    assert "no table is there for any FOV" in session.said[0]
    # What was compared before stays.
    assert panel.order.currentText() == "against elsewhere"
