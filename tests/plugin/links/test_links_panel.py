"""Links: looked at and answered by keys alone, on a small field with some wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QPushButton, QWidget

from lineage_triplets.plugin.common.said import CountBar
from lineage_triplets.plugin.links.model import LinkList
from lineage_triplets.plugin.links.panel import LinksPanel
from reviews import save
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.viewer.marks import CutPlace
    from lineage_triplets.qc.find.doubt.links import DoubtedLink

Key = Qt.Key
FRAMES, CELLS, APART, FOV = 10, 5, 40, "A/1/0"
SHAPE = (FRAMES, 2, 1, 240, 240)


def crowd() -> pd.DataFrame:
    """Cells on a grid that walk at random. 7 and 8 exchange cells; of 13 a daughter is missed."""
    rng = np.random.default_rng(3)
    grid = 40 + APART * np.arange(CELLS)
    start = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    way = start + np.cumsum(rng.normal(0, 1.5, (FRAMES, len(start), 2)), axis=0)
    rows = [(cell + 1, t, -1, *way[t, cell]) for cell in range(len(start)) for t in range(FRAMES)]
    rows += [(100, t, -1, *(way[t, 12] + (6.0, 0.0))) for t in range(6, FRAMES)]
    table = pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id", "y", "x"])
    own, later = table["track_id"], table["t"] >= 5
    exchanged = own.mask(later & (own == 7), 8).mask(later & (own == 8), 7)
    return table.assign(track_id=exchanged, z=0.0).sort_values(["track_id", "t"])


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("links")
    listed = [
        make_experiment(root, name, {FOV: crowd()}, pixels=numbered_pixels(SHAPE, seed=number))
        for number, name in enumerate(("one", "two"))
    ]
    return save(root / "experiments.yml", listed)


@pytest.fixture
def panel(qtbot: QtBot, session: Session, config: Path, tmp_path: Path) -> LinksPanel:
    made = LinksPanel(session)
    qtbot.addWidget(made)
    made.resize(330, 760)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    session.open(config, by="ada", decisions=tmp_path / "decisions.db")
    made.setFocus()
    weighed(qtbot, made)
    made.looking.setFocus()
    return made


def weighed(qtbot: QtBot, panel: LinksPanel) -> None:
    qtbot.waitUntil(lambda: panel._links is not None and not panel._stale)


def press(qtbot: QtBot, panel: LinksPanel, key: Key, modifier: Any = None) -> None:
    """Press a key where the focus is, once the link on screen was drawn."""
    qtbot.waitUntil(lambda: panel.looking.picture.painted == panel._number)
    focus = panel.window().focusWidget()
    assert focus is not None
    qtbot.keyClick(focus, key, modifier or Qt.KeyboardModifier.NoModifier)


def on_screen(panel: LinksPanel) -> DoubtedLink:
    assert panel._links is not None
    return panel._links.link(panel._number)


def text(panel: LinksPanel, name: str) -> str:
    found = panel.findChild(QWidget, name)
    assert found is not None, name
    return found.text()


def kinds(session: Session) -> list[str]:
    assert session.review is not None
    return [made.kind for made in session.review.decisions]


def test_links_are_answered_by_keys_alone_and_the_next_comes_by_itself(
    qtbot: QtBot, session: Session, panel: LinksPanel
) -> None:
    first = on_screen(panel)
    assert (first.experiment, first.to_t, first.track_id) == ("one", 5, 8)
    assert text(panel, "link_question").startswith("Straight on")
    press(qtbot, panel, Key.Key_G)
    assert kinds(session) == ["cut", "cut", "link", "link"]
    assert text(panel, "link_status").startswith("2 links settled")
    # The partner of the exchange is settled with it, and is not asked about.
    assert on_screen(panel).experiment == "two"
    press(qtbot, panel, Key.Key_S)
    assert kinds(session)[4:] == ["keep", "keep"]
    missed = on_screen(panel)
    assert (missed.experiment, missed.track_id, missed.to_t) == ("one", 13, 6)
    press(qtbot, panel, Key.Key_D)
    assert sorted(kinds(session)[6:]) == ["keep", "link"]
    assert on_screen(panel).experiment == "two"
    press(qtbot, panel, Key.Key_W)
    assert kinds(session)[8:] == ["cut"]
    assert session.said == []
    session.close()
    assert not text(panel, "link_status"), "it is of the config in which it was said"


def test_what_was_settled_does_not_come_back_when_links_are_weighed_anew(
    qtbot: QtBot, session: Session, panel: LinksPanel
) -> None:
    before = panel._links
    assert before is not None
    for key in (Key.Key_G, Key.Key_S, Key.Key_D, Key.Key_W):
        press(qtbot, panel, key)
    harm = panel._links.harm_left
    # Links that were weighed before the answers came are settled all the same.
    late = LinkList.of(before.queue, before.patches, answered=panel._answered.harm_of)
    assert (late.harm_left, late.harm) == pytest.approx((harm, before.harm), abs=0.05)
    weighed(qtbot, panel)
    links = panel._links
    assert links.queue is not before.queue
    assert links.harm_left == pytest.approx(harm, abs=0.1)
    left = [
        links.link(number)
        for number in range(len(links))
        if not links.settled[links.places[number]]
    ]
    assert all(link.doubt < 0.1 for link in left)
    # Of the pairs that were expected to be wrong those of the links that are gone are remembered.
    assert links.harm == pytest.approx(before.harm, rel=0.05)
    assert text(panel, "link_doubt").startswith("Doubt below 0.01; ")


def test_the_counter_goes_on_when_repaired_links_are_gone(
    qtbot: QtBot, session: Session, panel: LinksPanel
) -> None:
    choose(qtbot, panel, "one")
    count = panel.findChild(CountBar, "link_count")
    assert count.done == 1
    # Both links of the exchange are cut by it, and are no more once all are weighed anew.
    press(qtbot, panel, Key.Key_G)
    qtbot.waitUntil(lambda: panel._links.n_gone == 2)
    assert count.done == 2 + panel._number + 1
    assert count.total == 2 + len(panel._links)
    press(qtbot, panel, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: panel._links.n_gone == 0 and not panel.is_weighing)
    assert count.done == 1


def test_what_cannot_be_decided_is_asked_again(
    qtbot: QtBot, session: Session, panel: LinksPanel
) -> None:
    link = on_screen(panel)
    session.decide(lambda review: review.cut(link.link, "elsewhere"))
    press(qtbot, panel, Key.Key_S)
    assert kinds(session) == ["cut"]
    assert "is cut" in session.said[0]
    assert panel._links.harm_left == panel._links.harm
    assert on_screen(panel).link == link.link
    weighed(qtbot, panel)
    assert on_screen(panel).link != link.link


def test_that_a_link_is_right_has_no_other_panel_read_anything(
    qtbot: QtBot, session: Session, panel: LinksPanel
) -> None:
    told: list[str] = []
    session.state_changed.connect(lambda _: told.append("state"))
    session.findings_changed.connect(lambda: told.append("findings"))
    press(qtbot, panel, Key.Key_S)
    assert (kinds(session), told) == (["keep", "keep"], [])
    assert not panel.is_weighing
    press(qtbot, panel, Key.Key_W)
    assert told == ["findings", "state"]


def test_buttons_do_only_what_there_is_to_do(qtbot: QtBot, panel: LinksPanel) -> None:
    instead, both = (panel.findChild(QPushButton, name) for name in ("link_instead", "link_both"))
    assert (instead.text(), both.isEnabled()) == ("Exchange", False)
    press(qtbot, panel, Key.Key_D)
    assert on_screen(panel).rank == 1
    for _ in range(4):
        press(qtbot, panel, Key.Key_C)
    assert on_screen(panel).track_id == 13
    assert (instead.text(), both.isEnabled()) == ("To b'", True)


def test_a_link_that_was_put_off_is_asked_about_after_all_others(
    qtbot: QtBot, session: Session, panel: LinksPanel
) -> None:
    choose(qtbot, panel, "two")
    first = on_screen(panel)
    assert first.experiment == "two"
    press(qtbot, panel, Key.Key_C)
    # Its partner, by which it would be settled.
    press(qtbot, panel, Key.Key_C)
    assert kinds(session) == []
    asked = []
    for _ in range(len(panel._links)):
        if on_screen(panel).link == first.link:
            break
        asked.append(on_screen(panel).experiment)
        press(qtbot, panel, Key.Key_S)
    assert on_screen(panel).link == first.link
    assert set(asked) == {"two"}
    assert len(asked) >= 3


def test_one_undo_takes_all_of_an_answer_back_and_shows_the_link(
    qtbot: QtBot, session: Session, panel: LinksPanel
) -> None:
    link, harm = on_screen(panel), panel._links.harm_left
    press(qtbot, panel, Key.Key_G)
    assert panel._links.harm_left < harm
    press(qtbot, panel, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert kinds(session) == []
    assert on_screen(panel) == link
    assert panel._links.harm_left == pytest.approx(harm)
    session.decide(lambda review: review.approve("one"))
    press(qtbot, panel, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert kinds(session) == ["approve"]
    assert session.said == ["Your last decision is about no link: undo it in Browse."]


def test_another_answer_replaces_the_one_before(
    qtbot: QtBot, session: Session, panel: LinksPanel
) -> None:
    link = on_screen(panel)
    press(qtbot, panel, Key.Key_S)
    press(qtbot, panel, Key.Key_B)
    assert on_screen(panel) == link
    assert text(panel, "link_question").startswith("You said: right")
    press(qtbot, panel, Key.Key_W)
    effect = session.review.effect
    assert link.link in effect.cuts
    assert link.link not in effect.kept


def test_nothing_is_answered_before_it_was_seen(
    qtbot: QtBot, session: Session, panel: LinksPanel
) -> None:
    qtbot.waitUntil(lambda: panel.looking.picture.painted == panel._number)
    panel.looking.picture.painted = -1
    qtbot.keyClick(panel.looking, Key.Key_S)
    assert kinds(session) == []


def test_an_answer_that_is_undone_elsewhere_is_open_again(
    qtbot: QtBot, session: Session, panel: LinksPanel
) -> None:
    link = on_screen(panel)
    press(qtbot, panel, Key.Key_S)
    session.decide(lambda review: review.undo())
    assert panel._links.harm_left == pytest.approx(panel._links.harm)
    panel.looking.back.click()
    assert on_screen(panel).link == link.link
    assert not text(panel, "link_question").startswith("You said")


def test_an_answer_that_is_withdrawn_is_open_again(
    qtbot: QtBot, session: Session, panel: LinksPanel
) -> None:
    harm = panel._links.harm_left
    press(qtbot, panel, Key.Key_S)
    assert panel._links.harm_left < harm
    session.decide(lambda review: review.withdraw(*review.decisions))
    assert panel._links.harm_left == pytest.approx(harm)


def test_the_list_goes_on_with_more(qtbot: QtBot, session: Session, panel: LinksPanel) -> None:
    choose(qtbot, panel, "one")
    n_listed = len(panel._links)
    every = [panel._links.link(number).link for number in range(n_listed)]
    session.decide(lambda review: review.keep(every))
    words, more = panel.findChild(QWidget, "link_words"), panel.findChild(QPushButton, "link_more")
    qtbot.waitUntil(more.isVisible)
    assert words.text().startswith(f"The first {n_listed} of 228 links are looked at.")
    qtbot.keyClick(more, Key.Key_Return)
    assert on_screen(panel).rank == n_listed + 1


def test_the_viewer_is_sent_to_the_link_and_told_when_it_is_over(
    qtbot: QtBot, session: Session, panel: LinksPanel
) -> None:
    places: list[Any] = []
    marks: list[CutPlace | None] = []
    session.place_wanted.connect(places.append)
    session.cut_marked.connect(marks.append)
    press(qtbot, panel, Key.Key_F)
    ((place,), (mark,)) = places, marks
    assert (place.experiment, place.fov, place.t) == ("one", FOV, 4)
    assert set(place.tracks) == {"7", "8"}
    assert mark is not None
    assert mark.frames == (4, 5)
    (_, y, x), (_, to_y, to_x) = mark.cells
    assert (place.y, place.x) == pytest.approx(((y + to_y) / 2, (x + to_x) / 2))
    press(qtbot, panel, Key.Key_C)
    assert marks[1:] == [None]


def choose(qtbot: QtBot, panel: LinksPanel, experiment: str) -> None:
    box = panel.findChild(QComboBox, "link_experiment")
    assert box is not None
    box.setFocus()
    qtbot.keyClicks(box, experiment)
    assert box.currentText() == experiment
    panel.looking.setFocus()
