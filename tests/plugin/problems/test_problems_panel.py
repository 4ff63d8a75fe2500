"""Problems: read, visited, settled and waived by mouse and keys on a small real review."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QTextBrowser,
)

from lineage_triplets.plugin.common.session import Place, Session
from lineage_triplets.plugin.problems.panel import ProblemsPanel
from lineage_triplets.qc.find.checks import SETTINGS_CHECKS, SettingsCheck
from reviews import SHAPE, experiments, field, save, single
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find import Finding

Key = Qt.Key
LEFT = Qt.MouseButton.LeftButton
TWINS = "duplicate-track:bad:A/1/0:21+31:t0"
BLANK = "blank-frame:bad:A/1/0:t5"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config with two tracks on one cell, and a blank frame, in a third experiment."""
    root = tmp_path_factory.mktemp("source")
    pixels = numbered_pixels(SHAPE, seed=4)
    pixels[5] = 0
    bad = make_experiment(
        root,
        "bad",
        {"A/1/0": pd.concat([field(), single(31, 24, 50.5)])},
        channels=("Phase", "GFP"),
        source_channel=("Phase", "GFP"),
        pixels=pixels,
    )
    return save(root / "config.yml", [*experiments(root), bad])


@pytest.fixture
def panel(session: Session, source: Path, tmp_path: Path, qtbot: Any) -> ProblemsPanel:
    made = ProblemsPanel(session)
    qtbot.addWidget(made)
    made.resize(420, 900)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    session.open(source, by="ada", decisions=tmp_path / "decisions.db")
    qtbot.waitUntil(lambda: text(made, "findings_summary").startswith("Open:"))
    settle_down(qtbot, made, session)
    return made


def review_of(session: Session) -> Review:
    assert session.review is not None
    return session.review


def find(panel: QWidget, kind: type, name: str) -> Any:
    found = panel.findChild(kind, name)
    assert found is not None, name
    return found


def text(panel: QWidget, name: str) -> str:
    return str(find(panel, QLabel, name).text())


def told(panel: QWidget) -> str:
    return str(find(panel, QTextBrowser, "finding_text").toPlainText())


def keys(panel: QWidget) -> list[str]:
    model = find(panel, QTableView, "finding_list").model()
    return [
        model.index(row, 0).data(Qt.ItemDataRole.UserRole).finding.key
        for row in range(model.rowCount())
    ]


def selected(panel: QWidget) -> str:
    rows = find(panel, QTableView, "finding_list").selectionModel().selectedRows()
    return str(rows[0].data(Qt.ItemDataRole.UserRole).finding.key) if rows else ""


def press(qtbot: Any, panel: QWidget, name: str) -> None:
    button = find(panel, QPushButton, name)
    assert button.isVisible(), name
    assert button.isEnabled(), button.toolTip()
    qtbot.mouseClick(button, LEFT)


def select(qtbot: Any, panel: QWidget, key: str) -> None:
    table = find(panel, QTableView, "finding_list")
    index = table.model().index(keys(panel).index(key), table.model().columnCount() - 2)
    table.scrollTo(index)
    qtbot.mouseClick(table.viewport(), LEFT, pos=table.visualRect(index).center())


def choose(qtbot: Any, panel: QWidget, name: str, words: str) -> None:
    combo = find(panel, QComboBox, name)
    combo.setFocus()
    qtbot.keyClicks(combo, words)
    assert combo.currentText().startswith(words)


def give_reason(qtbot: Any, panel: QWidget, reason: str = "") -> None:
    line = find(panel, QComboBox, "reason").lineEdit()
    qtbot.waitUntil(line.hasFocus)
    qtbot.keyClicks(line, reason)
    qtbot.keyClick(line, Key.Key_Return)


def settle_down(qtbot: Any, panel: ProblemsPanel, session: Session) -> None:
    """Until everything is checked as it is now."""
    qtbot.waitUntil(lambda: not session.work.running and not panel.is_checking)


def test_no_button_lies_on_what_was_found(panel: ProblemsPanel) -> None:
    found = panel.findChild(QTextBrowser, "finding_text")
    own = QRect(found.mapTo(panel, QPoint(0, 0)), found.size())
    shown = [button for button in panel.findChildren(QPushButton) if button.isVisible()]
    assert "finding_keys" in {button.objectName() for button in shown}
    for button in shown:
        place = QRect(button.mapTo(panel, QPoint(0, 0)), button.size())
        assert not place.intersects(own), button.objectName()


def test_tables_and_settings_are_checked_after_opening(panel, session):
    assert TWINS in keys(panel)
    assert "collateral-share:early:large" in keys(panel)
    assert text(panel, "findings_summary") == "Open: ▲ 4 warnings, ● 3 notes"
    # Three lineages are too few to tell whether tables lie on the images: a note an experiment.
    assert text(panel, "finding_count") == "7"
    # The review knows them too, for whoever asks.
    assert TWINS in {one.finding.key for one in review_of(session).findings()}
    assert session.said == []


def test_next_and_previous_take_the_viewer_there(panel, session, qtbot):
    table = find(panel, QTableView, "finding_list")
    press(qtbot, panel, "next_finding")
    assert selected(panel) == keys(panel)[0]
    for key in (Key.Key_F8, Key.Key_J, Key.Key_J):
        qtbot.keyClick(table, key)
    assert selected(panel) == keys(panel)[3] == TWINS
    assert session.places == [
        Place("bad", "A/1/0", t=0, y=24.0, x=50.0, z=0.0, tracks=("21", "31"))
    ]  # fmt: skip
    qtbot.keyClick(table, Key.Key_K)
    assert selected(panel) == keys(panel)[2]
    press(qtbot, panel, "next_finding")
    assert selected(panel) == TWINS
    assert len(session.places) == 2
    press(qtbot, panel, "previous_finding")
    qtbot.keyClick(table, Key.Key_F8, Qt.KeyboardModifier.ShiftModifier)
    assert selected(panel) == keys(panel)[1]


def test_the_selected_finding_is_told_in_full(panel, session, qtbot):
    select(qtbot, panel, TWINS)
    assert len(session.places) == 1
    words = told(panel)
    assert "Tracks 21 and 31 lie on one cell from frame 0 on, for 14 frames" in words
    assert "Evidence: distance" in words
    assert TWINS in words
    assert "Open." in words


def test_filters_narrow_the_list_and_a_wanted_finding_lifts_them(panel, session, qtbot):
    choose(qtbot, panel, "filter_experiment", "early")
    assert keys(panel) == ["collateral-share:early:large", "placement:early:cannot-tell"]
    qtbot.keyClick(find(panel, QComboBox, "filter_experiment"), Key.Key_Home)
    assert len(keys(panel)) == 7
    qtbot.keyClick(panel, Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    line = find(panel, QLineEdit, "filter_findings")
    qtbot.waitUntil(line.hasFocus)
    qtbot.keyClicks(line, "Lie wide")
    assert keys(panel) == [TWINS]
    assert text(panel, "finding_count") == "1 of 7"
    session.finding_wanted.emit("collateral-share:late:large")
    assert selected(panel) == "collateral-share:late:large"
    assert line.text() == ""


def test_a_wanted_finding_is_selected_once_it_is_found(panel, session, qtbot):
    session.finding_wanted.emit(BLANK)
    assert selected(panel) == ""
    press(qtbot, panel, "scan_images")
    qtbot.waitUntil(lambda: selected(panel) == BLANK)
    assert session.places[-1].t == 5


def test_waived_with_a_reason_opened_again_undone(panel, session, qtbot):
    select(qtbot, panel, TWINS)
    table = find(panel, QTableView, "finding_list")
    qtbot.keyClick(table, Key.Key_W)
    give_reason(qtbot, panel, "two cells on top of each other")
    settle_down(qtbot, panel, session)
    (waived,) = review_of(session).decisions
    assert (waived.kind, waived.target.key) == ("waive", TWINS)
    assert "Waived by ada, " in told(panel)
    assert "two cells on top of each other" in told(panel)
    # It stays in sight until something else is selected.
    assert selected(panel) == TWINS
    assert find(panel, QPushButton, "waive").text() == "Open again"

    press(qtbot, panel, "waive")
    settle_down(qtbot, panel, session)
    assert "Open." in told(panel)
    press(qtbot, panel, "undo_decision")
    settle_down(qtbot, panel, session)
    assert "Waived by ada, " in told(panel)
    press(qtbot, panel, "previous_finding")
    choose(qtbot, panel, "filter_status", "waived")
    assert TWINS in keys(panel)


def test_esc_decides_nothing_and_another_selection_asks_no_more(panel, session, qtbot):
    reason = find(panel, QComboBox, "reason")
    for leave in (
        lambda: qtbot.keyClick(reason.lineEdit(), Key.Key_Escape),
        lambda: select(qtbot, panel, keys(panel)[0]),
    ):
        select(qtbot, panel, TWINS)
        press(qtbot, panel, "waive")
        qtbot.waitUntil(lambda: reason.lineEdit().hasFocus())
        leave()
        assert not reason.isVisible()
    assert review_of(session).decisions == ()


def test_every_alternative_is_a_button_that_settles(panel, session, qtbot):
    select(qtbot, panel, TWINS)
    assert [find(panel, QPushButton, f"settle_{k}").text() for k in (0, 1)] == [
        "Reject track 21…",
        "Reject track 31…",
    ]
    press(qtbot, panel, "settle_1")
    give_reason(qtbot, panel)
    settle_down(qtbot, panel, session)
    (made,) = review_of(session).decisions
    assert (made.kind, made.target.id, made.reason) == (
        "reject", "bad_A/1/0_31", "duplicate track"
    )  # fmt: skip
    assert "Rejected by ada, " in told(panel)
    assert not find(panel, QPushButton, "settle_0").isVisible()
    assert not find(panel, QPushButton, "waive").isEnabled()
    assert text(panel, "findings_summary") == "Open: ▲ 3 warnings, ● 3 notes"


def test_an_alternative_by_its_key(panel, session, qtbot):
    select(qtbot, panel, TWINS)
    table = find(panel, QTableView, "finding_list")
    qtbot.keyClick(table, Key.Key_1, Qt.KeyboardModifier.AltModifier)
    give_reason(qtbot, panel, "drifts off")
    settle_down(qtbot, panel, session)
    assert [one.reason for one in review_of(session).decisions] == ["drifts off"]
    qtbot.keyClick(table, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert review_of(session).decisions == ()


def test_what_is_alike_is_decided_in_one_step(panel, session, qtbot):
    alike = [key for key in keys(panel) if key.startswith("collateral-share:")]
    assert len(alike) == 3
    box = find(panel, QCheckBox, "all_alike")
    select(qtbot, panel, TWINS)
    assert not box.isVisible()
    select(qtbot, panel, alike[0])
    assert box.isVisible()
    assert box.text().startswith("All 3 of this kind: ")
    table = find(panel, QTableView, "finding_list")
    qtbot.keyClick(table, Key.Key_A)
    assert box.isChecked()
    qtbot.keyClick(table, Key.Key_W)
    give_reason(qtbot, panel, "few lineages")
    settle_down(qtbot, panel, session)
    assert [made.target.key for made in review_of(session).decisions] == alike
    select(qtbot, panel, TWINS)
    assert not box.isChecked()
    qtbot.keyClick(table, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert review_of(session).decisions == ()


def test_images_are_scanned_with_the_fov_on_screen_first(panel, session, qtbot):
    scanned = []
    session.findings_changed.connect(
        lambda: scanned.append(frozenset(review_of(session).checks.scanned))
    )
    session.frame_changed.emit("bad", "A/1/0", 3)
    assert text(panel, "scan_state") == "Images: 0 of 4 FOVs scanned"
    press(qtbot, panel, "scan_images")
    qtbot.waitUntil(lambda: text(panel, "scan_state") == "Images: 4 of 4 FOVs scanned")
    settle_down(qtbot, panel, session)
    assert next(one for one in scanned if one) == {("bad", "A/1/0")}
    assert keys(panel)[0] == BLANK
    assert find(panel, QPushButton, "scan_images").text() == "Scan again"


def test_a_stopped_scan_keeps_what_is_finished_and_goes_on(panel, session, source, tmp_path, qtbot):
    def stop() -> None:
        if (
            review_of(session).checks.scanned
            and find(panel, QPushButton, "scan_images").text() == "Stop scan"
        ):
            press(qtbot, panel, "scan_images")

    session.findings_changed.connect(stop)
    press(qtbot, panel, "scan_images")
    qtbot.waitUntil(lambda: find(panel, QPushButton, "scan_images").text() != "Stop scan")
    session.findings_changed.disconnect(stop)
    settle_down(qtbot, panel, session)
    kept = set(review_of(session).checks.scanned)
    assert kept

    session.close()
    session.open(source, by="ada", decisions=tmp_path / "decisions.db")
    qtbot.waitUntil(lambda: review_of(session).checks.scanned >= kept)
    settle_down(qtbot, panel, session)
    done = len(review_of(session).checks.scanned)
    assert text(panel, "scan_state") == f"Images: {done} of 4 FOVs scanned"
    if done < 4:
        press(qtbot, panel, "scan_images")
    qtbot.waitUntil(lambda: len(review_of(session).checks.scanned) == 4)


def test_closing_in_the_middle_leaves_nothing(panel, session, qtbot):
    press(qtbot, panel, "scan_images")
    session.close()
    assert keys(panel) == []
    assert text(panel, "findings_summary") == "No config is open"
    assert not find(panel, QPushButton, "scan_images").isEnabled()
    assert session.work.running == ()


def test_what_is_stopped_can_be_gone_on_with(panel, session, qtbot, monkeypatch):
    let_go = threading.Event()

    def wait(index: object) -> list[Finding]:
        let_go.wait(10)
        return []

    monkeypatch.setitem(SETTINGS_CHECKS, "slow", SettingsCheck("slow", ("slow",), wait))
    session.choose(tau_range_hours=(0.5, 1.5))
    qtbot.waitUntil(lambda: session.work.running != ())
    session.work.cancel_all()
    let_go.set()
    assert text(panel, "findings_summary") == "The checks were stopped."
    press(qtbot, panel, "check_tables")
    qtbot.waitUntil(lambda: text(panel, "findings_summary") == "Open: ▲ 4 warnings, ● 3 notes")


def test_nothing_is_decided_read_only(session, source, tmp_path, qtbot):
    panel = ProblemsPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    session.open(source, read_only=True, decisions=tmp_path / "decisions.db")
    qtbot.waitUntil(lambda: TWINS in keys(panel))
    settle_down(qtbot, panel, session)
    select(qtbot, panel, TWINS)
    for name in ("waive", "settle_0", "undo_decision"):
        assert not find(panel, QPushButton, name).isEnabled()
    press(qtbot, panel, "scan_images")
    qtbot.waitUntil(lambda: BLANK in keys(panel))
    assert session.said == []


def test_a_config_of_which_nothing_opens_lists_why(session, source, tmp_path, qtbot):
    gone = tmp_path / "gone"
    shutil.copytree(source.parent, gone)
    shutil.rmtree(gone / "bad.zarr")
    panel = ProblemsPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    session.open(
        gone / "config.yml", by="ada", decisions=tmp_path / "decisions.db",
        path_map={str(source.parent): str(gone)},
    )  # fmt: skip
    settle_down(qtbot, panel, session)
    model = panel.findings.model
    worst = model.at(0)
    assert (worst.finding.severity, worst.finding.experiment) == ("error", "bad")
    select(qtbot, panel, worst.finding.key)
    assert not find(panel, QPushButton, "waive").isEnabled()
    assert "mend it" in find(panel, QPushButton, "waive").toolTip()
