"""The Export panel: clicked by name, on a small review."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QDesktopServices, QGuiApplication
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QTableView,
    QWidget,
)

from lineage_triplets import load_config
from lineage_triplets.plugin.common.session import Session
from lineage_triplets.plugin.common.work import Job
from lineage_triplets.plugin.export.jobs import ExportStopped, export_job
from lineage_triplets.plugin.export.panel import CHECKLIST_JOB, ExportPanel
from lineage_triplets.qc.gate import Asked
from reviews import certify, write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    one = Session()
    yield one
    one.end()


@pytest.fixture
def panel(qtbot: QtBot, session: Session, tmp_path: Path) -> ExportPanel:
    one = ExportPanel(session)
    qtbot.addWidget(one)
    one.resize(420, 900)
    one.show()
    session.open(write_config(tmp_path), by="ada")
    wait(qtbot, one)
    return one


def find(panel: ExportPanel, kind: type[QWidget], name: str) -> QWidget:
    widget = panel.findChild(kind, name)
    assert widget is not None, name
    return widget


def text(panel: ExportPanel, name: str) -> str:
    return re.sub(r"<[^>]*>", "", find(panel, QLabel, name).text())


def click(qtbot: QtBot, panel: ExportPanel, name: str) -> None:
    button = find(panel, QPushButton, name)
    assert button.isEnabled(), button.toolTip()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def tick(panel: ExportPanel, name: str, on: bool) -> None:
    """As a click would: a box may stand below the part that is scrolled into view."""
    box = find(panel, QCheckBox, name)
    if box.isChecked() != on:
        box.click()


def wait(qtbot: QtBot, panel: ExportPanel) -> None:
    """Until the checklist is up to date."""
    verdict = ("to settle", "is settled")
    qtbot.waitUntil(
        lambda: (
            any(one in text(panel, "export_verdict") for one in verdict)
            and find(panel, QPushButton, "export").toolTip() != "What is open is being checked"
        ),
    )


def settle(session: Session) -> None:
    certify(session.review)


def buttons(panel: ExportPanel, begin: str) -> list[QPushButton]:
    found = panel.findChildren(QPushButton)
    return [one for one in found if one.objectName().startswith(begin) and one.isVisible()]


def test_every_open_point_has_a_way_to_where_it_is_settled(qtbot, session, panel):
    asked: list[str] = []
    panel.panel_wanted.connect(asked.append)
    gos = buttons(panel, "go_")
    assert gos
    for button in gos:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    assert set(asked) == {"Channels", "Audit", "Problems"}
    assert len(asked) == len(gos)
    assert session.review.intent.experiment == "late"


def write(qtbot: QtBot, panel: ExportPanel, name: str, text: str) -> None:
    line = find(panel, QLineEdit, name)
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)


def test_an_answer_about_a_pair_is_looked_at_by_the_gate(qtbot, session, panel):
    certify(session.review)
    session.decide(lambda review: review.undo())
    wait(qtbot, panel)
    qtbot.waitUntil(lambda: len(buttons(panel, "go_")) == 1)
    while (number := session.review.audit("late").divisions.next) is not None:
        session.decide(
            lambda review, number=number: review.judge("late", number, "same", queue="divisions")
        )
    qtbot.waitUntil(lambda: text(panel, "export_verdict").startswith("Everything is settled"))


def test_reasons_let_through_what_is_not_known(qtbot, session, panel):
    certify(session.review)
    wait(qtbot, panel)
    qtbot.waitUntil(lambda: not buttons(panel, "go_"))
    box = find(panel, QDoubleSpinBox, "max_wrong")
    assert box.text() == "5.0 %"
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "2")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(buttons(panel, "go_")) == 2)
    shown = find(panel, QWidget, "checklist").findChildren(QLabel)
    assert sum("At most 2.00 % is asked for" in label.text() for label in shown) == 2
    write(qtbot, panel, "without_audit", "a pilot")
    qtbot.waitUntil(lambda: not buttons(panel, "go_"))
    find(panel, QLineEdit, "export_folder").setText(str(session.review.config_path.parent / "out"))
    wait(qtbot, panel)
    click(qtbot, panel, "export")
    qtbot.waitUntil(lambda: find(panel, QWidget, "export_result").isVisible())
    verification = load_config(session.review.config_path.parent / "out" / "validated.yaml")
    assert "a pilot" in str(verification.verification)


def test_another_config_is_asked_for_everything_again(qtbot, session, panel, tmp_path):
    write(qtbot, panel, "without_audit", "a pilot")
    (tmp_path / "other").mkdir()
    session.open(write_config(tmp_path / "other"))
    assert find(panel, QLineEdit, "without_audit").text() == ""


def test_what_is_settled_leaves_the_list(qtbot, session, panel):
    assert find(panel, QPushButton, "export").text() == "&Export draft"
    before = len(buttons(panel, "go_"))
    session.decide(lambda review: review.approve("early"))
    wait(qtbot, panel)
    qtbot.waitUntil(lambda: len(buttons(panel, "go_")) == before - 1)

    settle(session)
    wait(qtbot, panel)
    qtbot.waitUntil(lambda: buttons(panel, "go_") == [])
    assert find(panel, QPushButton, "export").text() == "&Export"
    assert "validated" in text(panel, "export_verdict")


def test_the_checks_run_once_and_are_shared_with_the_other_panels(qtbot, session, tmp_path):
    ran: list[str] = []
    session.work.finished.connect(ran.append)
    panel = ExportPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    session.open(write_config(tmp_path))
    told: list[bool] = []
    session.findings_changed.connect(lambda: told.append(True))
    wait(qtbot, panel)
    assert session.review.checks.inspection is not None
    assert told == [True]
    assert ran == [CHECKLIST_JOB]


def test_a_rejection_is_listed_with_its_cost(qtbot, session, panel):
    reject = lambda review: review.reject(review.target("lineage", "early_A/1/0_1"), "dead")  # noqa: E731
    session.decide(reject)
    wait(qtbot, panel)
    table = find(panel, QTableView, "excluded_table").model()
    assert [table.index(0, k).data() for k in range(3)] == [
        "reject lineage early_A/1/0_1",
        "dead",
        "ada",
    ]
    assert text(panel, "cost_words").startswith("1 rejection")
    assert find(panel, QTableView, "cost_table").model().rowCount() == 2


def test_a_validated_export_gives_paths_report_and_lines_to_copy(
    qtbot, session, panel, tmp_path, monkeypatch
):
    settle(session)
    wait(qtbot, panel)
    folder = find(panel, QLineEdit, "export_folder")
    folder.clear()
    assert not find(panel, QPushButton, "export").isEnabled()
    qtbot.keyClicks(folder, str(tmp_path / "out"))
    click(qtbot, panel, "export")
    qtbot.waitUntil(find(panel, QPushButton, "open_report").isVisible)

    written = sorted(one.name for one in (tmp_path / "out").iterdir())
    others = ["cell_index.parquet", "collection.yml", "dynaclr_data.yml", "review.html"]
    assert written == [*others, "validated.yaml"]
    assert load_config(tmp_path / "out" / "validated.yaml").verification.validated
    for name in written:
        assert str(tmp_path / "out" / name) in text(panel, "written_paths")
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(opened.append(url)) or True)
    find(panel, QPushButton, "open_report").click()
    assert opened[0].toLocalFile() == str(tmp_path / "out" / "review.html")
    find(panel, QPushButton, "copy_training_lines").click()
    lines = find(panel, QPlainTextEdit, "training_lines").toPlainText()
    assert QGuiApplication.clipboard().text() == lines
    assert str(tmp_path / "out" / "validated.yaml") in lines
    assert text(panel, "files_there").startswith("To export there once more")
    assert not find(panel, QPushButton, "export").isEnabled()
    tick(panel, "overwrite", True)
    assert find(panel, QPushButton, "export").isEnabled()


def test_a_draft_has_what_can_say_that_it_is_one(qtbot, session, panel, tmp_path):
    assert not find(panel, QCheckBox, "write_cell_index").isEnabled()
    click(qtbot, panel, "export")
    qtbot.waitUntil(find(panel, QPushButton, "open_report").isVisible)
    assert "A draft is written" in text(panel, "written_paths")
    folder = tmp_path / "validated"
    assert sorted(one.name for one in folder.iterdir()) == ["draft.yaml", "review.html"]


def test_only_the_ticked_files_are_written(qtbot, session, panel, tmp_path):
    settle(session)
    wait(qtbot, panel)
    for name in ("report", "cell_index", "dynaclr_data", "collection"):
        tick(panel, f"write_{name}", False)
    click(qtbot, panel, "export")
    qtbot.waitUntil(find(panel, QPushButton, "open_folder").isVisible)
    assert [one.name for one in (tmp_path / "validated").iterdir()] == ["validated.yaml"]
    assert not find(panel, QPushButton, "open_report").isEnabled()
    tick(panel, "write_config", False)
    assert not find(panel, QPushButton, "export").isEnabled()


def test_only_accepted_changes_the_cost(qtbot, session, panel):
    tick(panel, "only_accepted", True)
    wait(qtbot, panel)
    qtbot.waitUntil(lambda: "nobody accepted" in text(panel, "cost_words"))


def test_a_failed_export_says_so_and_leaves_nothing(qtbot, session, panel, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    folder = find(panel, QLineEdit, "export_folder")
    folder.clear()
    qtbot.keyClicks(folder, str(tmp_path / "file"))
    with qtbot.waitSignal(session.failed) as failed:
        click(qtbot, panel, "export")
    assert "nothing was written" in failed.args[0]
    assert text(panel, "export_progress").startswith("Nothing was written.")
    assert (tmp_path / "file").read_text() == "not a folder"
    assert find(panel, QPushButton, "export").isEnabled()


def test_a_stopped_export_writes_nothing(qtbot, session, panel, tmp_path):
    click(qtbot, panel, "export")
    session.work.cancel_all()
    assert text(panel, "export_progress").startswith("Stopped")
    session.work.shut_down()
    assert not (tmp_path / "validated").exists()


def test_an_export_stops_between_any_two_steps(session, panel, tmp_path):
    stop = threading.Event()
    told: list[str] = []

    def tell(words: str) -> None:
        told.append(words)
        if words.startswith("writing"):
            stop.set()

    run = export_job(
        session.review.snapshot(),
        tmp_path / "out",
        ["config", "report"],
        only_accepted=False,
        asked=Asked(),
        draft=True,
        overwrite=False,
        tell=tell,
    )
    with pytest.raises(ExportStopped):
        run(Job(panel, "Exporting", 1, stop, False, lambda *_: None))
    assert told[-1] == "writing review.html"
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_table_that_changed_is_confirmed_here(qtbot, session, panel, tmp_path):
    review = session.review
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead cells")
    table = review.data.table_of("early", "A/1/0")
    table.write_text(table.read_text().rstrip("\n") + "\n\n")
    review.reload()
    session.findings_changed.emit()
    qtbot.waitUntil(lambda: bool(buttons(panel, "confirm_")))
    qtbot.mouseClick(buttons(panel, "confirm_")[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not buttons(panel, "confirm_"))
    assert session.review.effect.stale == ()
    assert len(session.review.effect.rejected) == 1


def test_stale_decisions_are_taken_back_one_by_one_or_all(qtbot, session, panel):
    review = session.review
    for name in ("early_A/1/0_1", "early_A/1/0_11", "early_A/1/0_21"):
        review.reject(review.target("lineage", name), "dead cells")
    table = review.data.table_of("early", "A/1/0")
    table.write_text(table.read_text().rstrip("\n") + "\n\n")
    review.reload()
    qtbot.waitUntil(lambda: len(buttons(panel, "take_back_")) == 4)
    gos = [one for one in buttons(panel, "go_") if "early_A/1/0_11" in one.toolTip()]
    qtbot.mouseClick(gos[0], Qt.MouseButton.LeftButton)
    assert review.intent.lineage == "early_A/1/0_11"
    qtbot.mouseClick(find(panel, QPushButton, "take_back_all"), Qt.MouseButton.LeftButton)
    assert review.effect.stale == ()
    assert not review.effect.rejected
    session.decide(lambda review: review.undo())
    assert len(review.effect.stale) == 3
    qtbot.waitUntil(lambda: len(buttons(panel, "take_back_")) == 4)
    second = next(one for one in buttons(panel, "go_") if "_11)" in one.toolTip())
    number = second.objectName().removeprefix("go_")
    back = find(panel, QPushButton, f"take_back_{number}")
    qtbot.mouseClick(back, Qt.MouseButton.LeftButton)
    assert [one.target.track for one in review.effect.stale] == ["1", "21"]
    qtbot.waitUntil(lambda: len(buttons(panel, "take_back_")) == 3)
    qtbot.mouseClick(find(panel, QPushButton, "confirm_all"), Qt.MouseButton.LeftButton)
    assert {one.track for one in review.effect.rejected} == {"1", "21"}


def test_data_that_cannot_be_opened_still_give_a_checklist(qtbot, session, tmp_path):
    path = write_config(tmp_path)
    for name in ("early", "late"):
        (tmp_path / f"{name}.zarr").rename(tmp_path / f"{name}.gone")
    panel = ExportPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    session.open(path)
    wait(qtbot, panel)
    assert not find(panel, QPushButton, "export").isEnabled()
    qtbot.waitUntil(lambda: bool(buttons(panel, "go_")))
    findings: list[str] = []
    session.finding_wanted.connect(findings.append)
    with qtbot.waitSignal(panel.panel_wanted) as wanted:
        qtbot.mouseClick(buttons(panel, "go_")[0], Qt.MouseButton.LeftButton)
    assert wanted.args == ["Problems"]
    assert findings == [session.review.findings()[0].finding.key]


def test_a_closed_review_leaves_an_empty_panel(qtbot, session, panel):
    session.close()
    assert not panel.isEnabled()
    assert buttons(panel, "go_") == []
    assert text(panel, "export_verdict") == "No config is open."
