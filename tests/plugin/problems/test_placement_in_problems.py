"""Tables that do not lie on their images: looked at after opening, seen, and placed by keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import QPoint, QRect, Qt, QUrl
from qtpy.QtGui import QTextDocument
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QLabel,
    QPushButton,
    QTableView,
    QTextBrowser,
)

from lineage_triplets.plugin.problems.panel import ProblemsPanel
from lineage_triplets.plugin.problems.placement_look import PLACEMENT_JOB, placement_words
from lineage_triplets.qc.find.placement import Placement
from movies import SPOILS, cells, movie, write

if TYPE_CHECKING:
    from pathlib import Path

    from qtpy.QtGui import QImage

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.decide.review import Review

Key = Qt.Key
MICROMETRES = "placement:plate:micrometres"


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two FOVs in micrometres; two of which one is off by some pixels; two that fit."""
    tables = {fov: cells(seed) for seed, fov in enumerate(("A/1/0", "A/1/1"))}
    images = {fov: movie(table) for fov, table in tables.items()}
    in_um = {fov: SPOILS["micrometres"](table) for fov, table in tables.items()}
    off = {**tables, "A/1/1": SPOILS["offset"](tables["A/1/1"])}
    listed = {"micrometres": in_um, "offset": off, "fits": tables}
    return {
        name: write(tmp_path_factory.mktemp(name), spoilt, images)
        for name, spoilt in listed.items()
    }


@pytest.fixture
def panel(session: Session, qtbot: Any) -> ProblemsPanel:
    made = ProblemsPanel(session)
    qtbot.addWidget(made)
    made.resize(420, 900)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    return made


def settle_down(qtbot: Any, panel: ProblemsPanel, session: Session) -> None:
    """Until everything is looked at, and drawn, as it is now."""
    qtbot.waitUntil(lambda: not session.work.running and not panel.is_checking)


def review_of(session: Session) -> Review:
    assert session.review is not None
    return session.review


def find(panel: ProblemsPanel, kind: type, name: str) -> Any:
    found = panel.findChild(kind, name)
    assert found is not None, name
    return found


def state(panel: ProblemsPanel) -> str:
    return str(find(panel, QLabel, "placement_state").text())


def keys(panel: ProblemsPanel) -> list[str]:
    model = panel.findings.model
    found = [model.at(row).finding for row in range(model.rowCount())]
    return [finding.key for finding in found if finding.kind == "placement"]


def picture(panel: ProblemsPanel) -> QImage | None:
    """The picture as the text shows it."""
    text = find(panel, QTextBrowser, "finding_text")
    html = text.toHtml()
    if 'src="picture:' not in html:
        return None
    name = html.partition('src="')[2].partition('"')[0]
    return text.document().resource(QTextDocument.ResourceType.ImageResource.value, QUrl(name))


def go_to_placement(qtbot: Any, panel: ProblemsPanel, session: Session, key: str) -> QTableView:
    """To a finding, by the key for the next one."""
    table = find(panel, QTableView, "finding_list")
    for _ in range(panel.findings.model.rowCount()):
        qtbot.keyClick(table, Key.Key_J)
        current = panel.findings.current
        if current is not None and current.finding.key == key:
            break
    else:
        raise AssertionError(key)
    settle_down(qtbot, panel, session)
    return table


def opened(
    qtbot: Any, panel: ProblemsPanel, session: Session, config: Path, **options: Any
) -> None:
    session.open(config, by="ada", **options)
    settle_down(qtbot, panel, session)


def test_tables_are_looked_at_first_after_opening(panel, session, plates, tmp_path, qtbot):
    began = []
    start = session.work.start
    session.work.start = lambda owner, name, *more, **how: (
        began.append(name),
        start(owner, name, *more, **how),
    )
    told = []
    session.work.progressed.connect(lambda *now: told.append(now))
    opened(qtbot, panel, session, plates["micrometres"], decisions=tmp_path / "d.db")
    assert began[0] == PLACEMENT_JOB
    assert told[-1] == (PLACEMENT_JOB, 2, 2)
    assert keys(panel) == [MICROMETRES]
    assert state(panel) == "Tables of 2 FOVs: 2 not on their images"
    # The review knows, for whoever asks, and what is known is kept.
    assert len(review_of(session).checks.placements) == 2
    session.close()
    assert not find(panel, QLabel, "placement_state").isVisible()
    session.open(plates["micrometres"], by="ada", decisions=tmp_path / "d.db")
    qtbot.waitUntil(lambda: keys(panel) == [MICROMETRES])
    assert session.said == []


def test_both_readings_are_drawn_as_wide_as_the_dock(panel, session, plates, tmp_path, qtbot):
    opened(qtbot, panel, session, plates["micrometres"], decisions=tmp_path / "d.db")
    go_to_placement(qtbot, panel, session, MICROMETRES)
    text = find(panel, QTextBrowser, "finding_text")
    narrow = picture(panel)
    room = text.viewport().width() - 2 * text.document().documentMargin()
    assert 0.8 * room < narrow.width() <= room
    # The list makes room for it, and no button lies on it.
    assert text.height() > narrow.height()
    own = QRect(text.mapTo(panel, QPoint(0, 0)), text.size())
    for button in panel.findChildren(QPushButton):
        place = QRect(button.mapTo(panel, QPoint(0, 0)), button.size())
        assert not (button.isVisible() and place.intersects(own)), button.objectName()
    # The viewer is taken to the FOV that the picture is of.
    assert session.places[-1].fov in {"A/1/0", "A/1/1"}
    panel.resize(640, 900)
    qtbot.waitUntil(lambda: picture(panel).width() > 1.3 * narrow.width())
    settle_down(qtbot, panel, session)

    qtbot.keyClick(find(panel, QTableView, "finding_list"), Key.Key_V)
    qtbot.waitUntil(lambda: panel.findChild(QDialog, "placement_dialog") is not None)
    dialog = panel.findChild(QDialog, "placement_dialog")
    whole = dialog.findChild(QLabel).pixmap()
    assert whole.width() > picture(panel).width()
    with qtbot.waitSignal(dialog.destroyed):
        qtbot.keyClick(dialog, Key.Key_Escape)
    assert session.said == []


def test_an_experiment_is_placed_by_a_key_and_a_reason(panel, session, plates, tmp_path, qtbot):
    opened(qtbot, panel, session, plates["micrometres"], decisions=tmp_path / "d.db")
    before = find(panel, QTableView, "finding_list").height()
    table = go_to_placement(qtbot, panel, session, MICROMETRES)
    assert table.height() < before
    button = find(panel, QPushButton, "place_experiment")
    assert button.isVisible()
    assert "scale" in button.toolTip()
    qtbot.keyClick(table, Key.Key_P)
    line = find(panel, QComboBox, "reason").lineEdit()
    qtbot.waitUntil(line.hasFocus)
    assert "micrometres" in line.text()
    qtbot.keyClick(line, Key.Key_Return)
    qtbot.waitUntil(lambda: keys(panel) == [])
    settle_down(qtbot, panel, session)
    (made,) = review_of(session).decisions
    assert (made.kind, made.value["scale"]) == ("place", [1.0, 2.0, 2.0])
    assert state(panel) == "Tables: both FOVs lie on their images"
    assert not button.isVisible()
    assert picture(panel) is None
    assert table.height() == before

    qtbot.keyClick(table, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: keys(panel) == [MICROMETRES])
    assert session.said == []


def test_one_fov_that_lies_otherwise_is_rejected_or_waived(panel, session, plates, tmp_path, qtbot):
    opened(qtbot, panel, session, plates["offset"], decisions=tmp_path / "d.db")
    assert state(panel) == "Tables of 2 FOVs: 1 on their images, 1 not on their images"
    (key,) = keys(panel)
    table = go_to_placement(qtbot, panel, session, key)
    assert picture(panel) is not None
    button = find(panel, QPushButton, "place_experiment")
    assert not button.isVisible()
    qtbot.keyClick(table, Key.Key_P)
    assert not find(panel, QComboBox, "reason").isVisible()
    assert find(panel, QPushButton, "settle_0").text() == "Reject FOV A/1/1…"
    qtbot.keyClick(table, Key.Key_W)
    line = find(panel, QComboBox, "reason").lineEdit()
    qtbot.waitUntil(line.hasFocus)
    qtbot.keyClicks(line, "seen in the viewer")
    qtbot.keyClick(line, Key.Key_Return)
    settle_down(qtbot, panel, session)
    (waived,) = review_of(session).decisions
    assert (waived.kind, waived.target.key) == ("waive", key)
    # What was drawn stays, and so does the finding.
    assert picture(panel) is not None


def test_what_is_stopped_keeps_what_is_finished_and_goes_on(
    panel, session, plates, tmp_path, qtbot
):
    def stop(name: str, done: int, _: int) -> None:
        if name == PLACEMENT_JOB and done == 1:
            session.work.cancel_all()

    session.work.progressed.connect(stop)
    session.open(plates["fits"], by="ada", decisions=tmp_path / "d.db")
    qtbot.waitUntil(lambda: "stopped" in state(panel))
    session.work.progressed.disconnect(stop)
    assert state(panel) == "Tables: looking where they are was stopped after 1 of 2 FOVs."
    assert review_of(session).checks.placements
    qtbot.mouseClick(find(panel, QPushButton, "look_at_placement"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: state(panel) == "Tables: both FOVs lie on their images")
    assert not find(panel, QPushButton, "look_at_placement").isVisible()
    assert session.said == []


def test_closing_in_the_middle_leaves_nothing(session, plates, tmp_path, qtbot):
    panel = ProblemsPanel(session)
    panel.show()
    qtbot.waitExposed(panel)
    session.open(plates["micrometres"], by="ada", decisions=tmp_path / "d.db")
    assert PLACEMENT_JOB in session.work.running
    with qtbot.waitSignal(panel.destroyed):
        panel.deleteLater()
    session.close()
    assert session.work.running == ()
    assert session.said == []


def test_nothing_is_placed_read_only(panel, session, plates, tmp_path, qtbot):
    session.open(plates["micrometres"], read_only=True, decisions=tmp_path / "d.db")
    settle_down(qtbot, panel, session)
    go_to_placement(qtbot, panel, session, MICROMETRES)
    assert picture(panel) is not None
    assert not find(panel, QPushButton, "place_experiment").isEnabled()


def test_words_count_what_is_known():
    def of(*statuses: str) -> str:
        return placement_words([Placement("fast", "A/1/0", status) for status in statuses])

    assert of("fits") == "Tables: the FOV lies on its images"
    assert of("cannot-tell") == "Tables of 1 FOV: 1 cannot be told"
    assert of("fits", "misfit", "unknown", "cannot-tell") == (
        "Tables of 4 FOVs: 1 on their images, 2 not on their images, 1 cannot be told"
    )
