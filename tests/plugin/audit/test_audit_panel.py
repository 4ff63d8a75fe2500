"""Audit: planned and judged by keys alone, on a small review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QSpinBox, QWidget

from lineage_triplets.plugin.audit.panel import PLAN_JOB, AuditPanel
from lineage_triplets.qc.decide.review import Review
from reviews import field, write_config
from stores import write_tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from lineage_triplets.plugin.common.session import Session

Key = Qt.Key


@pytest.fixture
def opened(qtbot: QtBot, session: Session, tmp_path: Path) -> Callable[..., AuditPanel]:
    def open_(size: tuple[int, int] = (330, 700), **options: object) -> AuditPanel:
        panel = AuditPanel(session)
        qtbot.addWidget(panel)
        panel.resize(*size)
        panel.show()
        panel.activateWindow()
        qtbot.waitUntil(panel.isActiveWindow)
        path = tmp_path / "experiments.yml"
        session.open(path if path.exists() else write_config(tmp_path), **{"by": "ada", **options})
        looked_up(qtbot, panel)
        panel.overview.list.setFocus()
        return panel

    return open_


@pytest.fixture
def panel(opened: Callable[..., AuditPanel]) -> AuditPanel:
    return opened()


def looked_up(qtbot: QtBot, panel: AuditPanel) -> None:
    qtbot.waitUntil(lambda: not panel._stale and not panel._session.work.running)


def press(qtbot: QtBot, panel: AuditPanel, key: Key, modifier: Any = None) -> None:
    """Press a key where the focus is, as a person does."""
    focus = panel.window().focusWidget()
    assert focus is not None
    qtbot.keyClick(focus, key, modifier or Qt.KeyboardModifier.NoModifier)


def on_screen(qtbot: QtBot, panel: AuditPanel, number: int) -> None:
    """Wait until a pair is on screen with its pictures."""
    pair = panel.judging.pair
    qtbot.waitUntil(lambda: panel._number == number and pair.painted == number - 1)


def answer(qtbot: QtBot, panel: AuditPanel, key: Key) -> int:
    """Answer about the pair on screen once it is there; gives its number."""
    number = panel._number
    on_screen(qtbot, panel, number)
    press(qtbot, panel, key)
    return number


def plan(qtbot: QtBot, panel: AuditPanel, n: int) -> None:
    """Choose a number that is not in the list, and begin."""
    numbers = named(panel, "audit_number", QComboBox)
    numbers.setFocus()
    qtbot.keyClick(numbers, Key.Key_End)
    box = named(panel, "audit_other_number", QSpinBox)
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, str(n))
    qtbot.keyClick(box, Key.Key_Return)
    qtbot.waitUntil(lambda: panel.is_judging)


def named(panel: AuditPanel, name: str, kind: Any = QWidget) -> Any:
    found = panel.findChild(kind, name)
    assert found is not None, name
    return found


def text(panel: AuditPanel, name: str) -> str:
    return named(panel, name).text()


def state(session: Session, name: str = "early") -> Any:
    assert session.review is not None
    return session.review.audit(name)


def words_on_screen(panel: AuditPanel) -> str:
    found = [label.text() for label in panel.findChildren(QLabel) if label.isVisible()]
    found += [button.text() for button in panel.findChildren(QPushButton) if button.isVisible()]
    shown = [child for child in panel.findChildren(QWidget) if child.isVisible()]
    found += [child.toolTip() + child.accessibleName() for child in shown]
    return "\n".join([*found, text(panel, "audit_question"), text(panel, "audit_bound")])


def test_a_sample_is_planned_and_judged_to_its_end_by_keys_alone(
    qtbot: QtBot, session: Session, panel: AuditPanel
) -> None:
    assert panel.overview.selected.experiment == "early"
    assert panel.overview.number == 149
    plan(qtbot, panel, 12)
    keys = [Key.Key_S, Key.Key_W, Key.Key_C]
    given = []
    while panel._turn is not None and panel._turn.queue == "sample":
        given.append(keys[len(given)] if len(given) < 3 else Key.Key_S)
        answer(qtbot, panel, given[-1])
    audit = state(session)
    assert (audit.state, audit.judged, len(audit.verdicts)) == ("finished", 12, len(given))
    assert list(audit.verdicts.values())[:3] == ["same", "wrong", "cannot tell"]
    # The extra pairs follow by themselves, and are called so.
    assert "no part of the bound" in text(panel, "audit_question")
    while panel.is_judging:
        answer(qtbot, panel, Key.Key_S)
    assert state(session).divisions.enough
    assert state(session).judged == 12
    assert "early is judged" in text(panel, "audit_words")
    # Enter goes on with the next experiment.
    assert panel.overview.selected.experiment == "late"
    press(qtbot, panel, Key.Key_Return)
    qtbot.waitUntil(lambda: panel.is_judging)
    assert state(session, "late").planned == 12
    assert session.said == []


def test_how_many_may_be_wrong_is_said_before_the_number_is_fixed(
    qtbot: QtBot, panel: AuditPanel
) -> None:
    numbers = named(panel, "audit_number", QComboBox)
    assert [numbers.itemText(k) for k in range(5)] == [
        "59: ≤ 5 % if none is wrong",
        "93: ≤ 5 % if up to 1 is wrong",
        "124: ≤ 5 % if up to 2 are wrong",
        "149: ≤ 5 % if up to 2 are wrong",
        "299: ≤ 5 % if up to 8 are wrong",
    ]
    assert text(panel, "audit_plan_says").startswith(
        "≤ 5 % if up to 2 are wrong; ≤ 2 % if none is wrong."
    )
    numbers.setFocus()
    qtbot.keyClick(numbers, Key.Key_End)
    named(panel, "audit_other_number", QSpinBox).setValue(40)
    assert "too few" in text(panel, "audit_plan_says")


def test_the_screen_is_blind_and_the_viewer_hears_of_nothing(
    qtbot: QtBot, session: Session, panel: AuditPanel
) -> None:
    told: list[object] = []
    for signal in (session.place_wanted, session.pair_wanted, session.state_changed):
        signal.connect(lambda *given: told.append(given))
    asked: set[str] = set()
    plan(qtbot, panel, 12)
    pairs = panel._turn.pairs
    for _ in range(3):
        number = panel._number
        on_screen(qtbot, panel, number)
        shown = words_on_screen(panel)
        for meta in (pairs.anchors[number - 1], pairs.positives[number - 1]):
            assert meta["fov_name"] not in shown
            assert meta["global_track_id"] not in shown
            assert meta["lineage_id"] not in shown
        asked.add(text(panel, "audit_question"))
        press(qtbot, panel, Key.Key_F)
        qtbot.waitUntil(lambda: panel.judging.strip.is_read)
        assert "track" not in words_on_screen(panel)
        press(qtbot, panel, Key.Key_S)
    assert told == []
    assert len(asked) == 1


def test_no_answer_is_taken_for_what_was_not_on_screen(
    qtbot: QtBot, session: Session, panel: AuditPanel
) -> None:
    plan(qtbot, panel, 12)
    on_screen(qtbot, panel, 1)
    press(qtbot, panel, Key.Key_S)
    # The next one is drawn in the next round of the loop.
    press(qtbot, panel, Key.Key_S)
    assert len(state(session).verdicts) == 1
    on_screen(qtbot, panel, panel._number)
    held = QKeyEvent(
        QKeyEvent.Type.KeyPress, Key.Key_S, Qt.KeyboardModifier.NoModifier, "s", True, 1
    )
    QApplication.sendEvent(panel.window().focusWidget(), held)
    assert len(state(session).verdicts) == 1


def test_back_answers_again_and_undo_takes_back(
    qtbot: QtBot, session: Session, panel: AuditPanel
) -> None:
    plan(qtbot, panel, 12)
    first, second = (answer(qtbot, panel, Key.Key_S) for _ in range(2))
    third = panel._number
    on_screen(qtbot, panel, third)
    press(qtbot, panel, Key.Key_B)
    assert panel._number == second
    assert "You said: same." in text(panel, "audit_question")
    press(qtbot, panel, Key.Key_Backspace)
    on_screen(qtbot, panel, first)
    press(qtbot, panel, Key.Key_W)
    assert dict(state(session).verdicts) == {first: "wrong", second: "same"}
    assert state(session).counts.changed == 1
    assert panel._number == third
    on_screen(qtbot, panel, third)
    press(qtbot, panel, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert dict(state(session).verdicts) == {first: "same", second: "same"}
    assert panel._number == first
    press(qtbot, panel, Key.Key_Return)
    assert panel._number == third


def test_nothing_but_own_answers_is_undone_here(
    qtbot: QtBot, session: Session, panel: AuditPanel
) -> None:
    review = session.review
    session.decide(lambda review: review.accept(review.target("lineage", "early_A/1/0_1")))
    looked_up(qtbot, panel)
    press(qtbot, panel, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert review.effect.accepted
    assert session.said == ["Your last decision is no answer: undo it in Browse."]


def test_a_decision_elsewhere_ends_the_round_and_says_why(
    qtbot: QtBot, session: Session, panel: AuditPanel
) -> None:
    plan(qtbot, panel, 12)
    answer(qtbot, panel, Key.Key_S)
    on_screen(qtbot, panel, panel._number)
    session.decide(
        lambda review: review.reject(review.target("lineage", "early_A/1/0_21"), "drifts")
    )
    # Before the new sample is known no answer is taken about the old one.
    press(qtbot, panel, Key.Key_S)
    assert session.said == []
    looked_up(qtbot, panel)
    assert not panel.is_judging
    assert "voided by decision" in text(panel, "audit_words")
    assert "void" in panel.overview._model.index(0).data()
    assert "1 of 12 judged" in text(panel, "audit_details")
    session.decide(lambda review: review.undo())
    looked_up(qtbot, panel)
    press(qtbot, panel, Key.Key_Return)
    assert panel.is_judging
    assert len(state(session).verdicts) == 1


def test_answers_go_on_after_a_decision_that_changes_no_pair(
    qtbot: QtBot, session: Session, panel: AuditPanel
) -> None:
    plan(qtbot, panel, 12)
    number = answer(qtbot, panel, Key.Key_S)
    session.decide(lambda review: review.accept(review.target("lineage", "early_A/1/0_1")))
    looked_up(qtbot, panel)
    answer(qtbot, panel, Key.Key_W)
    assert list(state(session).verdicts.values()) == ["same", "wrong"]
    assert number == 1


def test_another_table_voids_what_is_judged(
    qtbot: QtBot, session: Session, panel: AuditPanel, tmp_path: Path
) -> None:
    plan(qtbot, panel, 12)
    answer(qtbot, panel, Key.Key_S)
    table = field()
    table.loc[table.track_id == 21, "y"] += 3
    write_tables(tmp_path / "early_tracks", {"A/1/0": table})
    session.review.reload()
    looked_up(qtbot, panel)
    assert not panel.is_judging
    assert "tables" in text(panel, "audit_words")


def test_a_second_person_judges_without_the_first_ones_answers(
    qtbot: QtBot, session: Session, opened: Callable[..., AuditPanel], tmp_path: Path
) -> None:
    with Review.open(write_config(tmp_path), by="ada") as review:
        review.plan_audit("early", 12)
        while (number := review.audit("early").next) is not None:
            review.judge("early", number, "wrong" if number == 1 else "same")
        while (number := review.audit("early").divisions.next) is not None:
            review.judge("early", number, "same", queue="divisions")
    panel = opened(by="bob")
    panel.overview.select("early")
    second = named(panel, "audit_second", QPushButton)
    assert second.isVisible()
    second.setFocus()
    qtbot.keyClick(second, Key.Key_Space)
    assert panel.is_judging
    on_screen(qtbot, panel, 1)
    assert named(panel, "audit_progress").done == 0
    assert text(panel, "audit_bound") == ""
    assert "wrong" not in text(panel, "audit_question")
    while panel.is_judging:
        answer(qtbot, panel, Key.Key_S)
    audit = state(session)
    assert audit.next_own is None
    assert audit.counts.disagreements == (1,)
    assert audit.verdicts[1] == "wrong"
    panel.overview.select("early")
    assert "judged differently by several people (1)" in text(panel, "audit_details")


def test_patches_are_large_in_a_narrow_dock_and_grow_with_it(
    qtbot: QtBot, panel: AuditPanel
) -> None:
    plan(qtbot, panel, 12)
    on_screen(qtbot, panel, 1)
    pair = panel.judging.pair
    narrow = pair._layout(pair.size())
    assert len(narrow.boxes) == 2
    assert all(box.width() >= 150 for boxes in narrow.boxes for box in boxes)
    assert narrow.boxes[-1][1].bottom() <= pair.height()
    panel.resize(600, 900)
    qtbot.waitUntil(lambda: pair.width() > 500)
    assert pair._layout(pair.size()).boxes[0][0].width() > 1.5 * narrow.boxes[0][0].width()
    press(qtbot, panel, Key.Key_2)
    one = pair._layout(pair.size()).boxes
    assert len(one) == 1
    assert named(panel, "audit_slots", QComboBox).currentText() == "GFP"
    press(qtbot, panel, Key.Key_0)
    assert len(pair._layout(pair.size()).boxes) == 2


def test_what_is_shown_is_the_pair_that_is_judged(
    qtbot: QtBot, session: Session, panel: AuditPanel
) -> None:
    plan(qtbot, panel, 12)
    for _ in range(3):
        number = panel._number
        on_screen(qtbot, panel, number)
        anchor, positive = panel._turn.pairs.take([number - 1]).images()
        values = panel._ahead.shown.values[number - 1]
        assert np.array_equal(values["anchor"], anchor[0].max(axis=1))
        assert np.array_equal(values["positive"], positive[0].max(axis=1))
        press(qtbot, panel, Key.Key_S)
    made = session.review.decisions[-1]
    assert made.value["anchor"][1] == panel._turn.pairs.anchors[number - 1]["t"]


def test_the_next_pairs_are_read_before_they_are_asked_for(
    qtbot: QtBot, session: Session, panel: AuditPanel
) -> None:
    plan(qtbot, panel, 12)
    on_screen(qtbot, panel, 1)
    qtbot.waitUntil(lambda: not session.work.running)
    following = panel._turn.ahead(1, {}, 6)
    assert len(following) == 6
    assert all(panel._ahead.shown.has(number - 1) for number in following)


def test_frames_between_come_and_go_by_a_key_and_go_with_the_answer(
    qtbot: QtBot, session: Session, panel: AuditPanel
) -> None:
    session.choose(positive_relation="descendant")
    looked_up(qtbot, panel)
    plan(qtbot, panel, 12)
    on_screen(qtbot, panel, 1)
    press(qtbot, panel, Key.Key_F)
    frames = panel.judging.strip
    qtbot.waitUntil(lambda: frames.is_read and frames.isVisible())
    positive = panel._turn.pairs.positives[0]
    assert len(frames._frames) == positive["tau_frames"] + 1
    assert [frames._frames[0].words, frames._frames[-1].words] == ["anchor", "positive"]
    hours = f"{round(positive['tau_hours'], 2):g} h later"
    assert frames.accessibleDescription() == f"The positive is {hours}"
    line = frames.fontMetrics().height()
    assert frames._boxes(frames.size())[0].top() > 2 * line
    press(qtbot, panel, Key.Key_F)
    assert panel.judging.pair.isVisible()
    press(qtbot, panel, Key.Key_F)
    qtbot.waitUntil(frames.isVisible)
    press(qtbot, panel, Key.Key_S)
    assert panel.judging.pair.isVisible()
    assert len(state(session).verdicts) == 1


def test_kin_are_called_so_and_followed_from_the_cell_of_both(
    qtbot: QtBot, session: Session, panel: AuditPanel
) -> None:
    plan(qtbot, panel, 60)
    pairs, pair = panel._turn.pairs, panel.judging.pair
    relations = pairs.relation_labels
    (kin, other) = (
        next(k for k in panel._turn.numbers if (relations[k - 1] == "sister") == is_kin)
        for is_kin in (True, False)
    )
    panel._show(other)
    on_screen(qtbot, panel, other)
    assert not pair._later.endswith("kin")
    panel._show(kin)
    on_screen(qtbot, panel, kin)
    assert pair._later.endswith("later, kin")
    press(qtbot, panel, Key.Key_F)
    frames = panel.judging.strip
    qtbot.waitUntil(lambda: frames.is_read)
    words = [frame.words for frame in frames._frames]
    anchor, positive = pairs.anchors[kin - 1], pairs.positives[kin - 1]
    born = 6 if anchor["lineage_id"].endswith("_1") else 8
    # The mother, the anchor's way from her, and the positive's.
    assert words[0] == "cell of both"
    assert words.index("anchor") == anchor["t"] - born + 1
    assert words[-1] == "positive"
    assert len(words) == words.index("anchor") + 1 + positive["t"] - born + 1


def test_a_pair_that_cannot_be_read_says_so_and_can_be_answered(
    qtbot: QtBot, session: Session, panel: AuditPanel, tmp_path: Path
) -> None:
    for chunk in (tmp_path / "early.zarr").rglob("*"):
        if chunk.is_file() and chunk.name[0].isdigit():
            chunk.write_bytes(b"damaged")
    plan(qtbot, panel, 12)
    on_screen(qtbot, panel, 1)
    assert "Cannot be read" in panel.judging.pair._note
    press(qtbot, panel, Key.Key_C)
    assert dict(state(session).verdicts) == {1: "cannot tell"}


def test_divisions_alone_need_no_plan(qtbot: QtBot, session: Session, panel: AuditPanel) -> None:
    press(qtbot, panel, Key.Key_D)
    assert panel.is_judging
    answer(qtbot, panel, Key.Key_S)
    audit = state(session)
    assert (audit.state, audit.judged, audit.divisions.judged) == ("not begun", 0, 1)
    press(qtbot, panel, Key.Key_Escape)
    assert not panel.is_judging


def test_nothing_can_be_judged_read_only(
    qtbot: QtBot, session: Session, opened: Callable[..., AuditPanel]
) -> None:
    panel = opened(read_only=True)
    assert not panel.overview.begin.isEnabled()
    assert panel.overview.begin.toolTip() == "Opened read-only"
    press(qtbot, panel, Key.Key_Return)
    assert not panel.is_judging


def test_a_panel_that_goes_while_it_plans_leaves_nothing_behind(
    qtbot: QtBot, session: Session, tmp_path: Path
) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    panel = AuditPanel(session, holder)
    holder.show()
    session.open(write_config(tmp_path))
    looked_up(qtbot, panel)
    panel.overview.begin.click()
    assert PLAN_JOB in session.work.running
    panel.deleteLater()
    QApplication.sendPostedEvents(panel, QEvent.Type.DeferredDelete.value)
    qtbot.waitUntil(lambda: not session.work.running)
    assert session.said == []
    assert not session.review.audit("early").planned


def test_a_closed_review_leaves_an_empty_list(
    qtbot: QtBot, session: Session, panel: AuditPanel
) -> None:
    plan(qtbot, panel, 12)
    session.close()
    assert not panel.is_judging
    assert text(panel, "audit_words") == "No config is open"
    assert not panel.overview.begin.isVisible()


def test_all_keys_are_listed_and_each_is_for_one_thing(qtbot: QtBot, panel: AuditPanel) -> None:
    press(qtbot, panel, Key.Key_F1)
    shown = named(panel, "key_list")
    qtbot.waitUntil(shown.isVisible)
    words = [label.text() for label in shown.findChildren(QLabel)]
    assert {f"<b>{key}</b>" for key in ("S", "W", "C", "B, Backspace", "F", "Enter", "Esc")} <= set(
        words
    )
    shown.close()
