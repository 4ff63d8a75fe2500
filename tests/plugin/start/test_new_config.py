"""New config: from plates and tables to a config that loads, by clicks and keys."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListWidget,
    QMenu,
    QPushButton,
    QTableView,
)

from lineage_triplets import MultiExperimentIndex, load_config
from lineage_triplets.engine.errors import ConfigError, StoreError
from lineage_triplets.plugin.common.work import Work
from lineage_triplets.plugin.start.draft import ConfigDraft
from lineage_triplets.plugin.start.draft_tables import PlateTable
from lineage_triplets.plugin.start.new_config import NewConfigDialog
from lineage_triplets.plugin.start.recognise import read_plate
from reviews import experiments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot
    from qtpy.QtWidgets import QWidget


@pytest.fixture
def plates(tmp_path: Path) -> Path:
    experiments(tmp_path)
    return tmp_path


@pytest.fixture
def work(qtbot: QtBot) -> Iterator[Work]:
    one = Work()
    yield one
    one.shut_down()


@pytest.fixture
def dialog(qtbot: QtBot, work: Work) -> NewConfigDialog:
    one = NewConfigDialog(work)
    qtbot.addWidget(one)
    one.show()
    return one


def find(dialog: NewConfigDialog, kind: type[QWidget], name: str) -> QWidget:
    widget = dialog.findChild(kind, name)
    assert widget is not None, name
    return widget


def words(dialog: NewConfigDialog) -> str:
    return find(dialog, QLabel, "new_config_words").text()


def press(qtbot: QtBot, dialog: NewConfigDialog, name: str) -> None:
    button = find(dialog, QPushButton, name)
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def add(qtbot: QtBot, dialog: NewConfigDialog, path: Path) -> None:
    """Type a plate's path and wait for it."""
    line = find(dialog, QLineEdit, "plate_path")
    line.clear()
    qtbot.keyClicks(line, str(path))
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not words(dialog).startswith("Reading"))


def type_cell(qtbot: QtBot, dialog: NewConfigDialog, table: str, cell: tuple[int, int], text: str):
    view = find(dialog, QTableView, table)
    index = view.model().index(*cell)
    view.setCurrentIndex(index)
    view.edit(index)
    editor = view.indexWidget(index)
    editor.selectAll()
    qtbot.keyClicks(editor, text)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    # Qt commits once the editor is done with the key.
    qtbot.waitUntil(lambda: view.indexWidget(index) is None)


def cell(dialog: NewConfigDialog, table: str, row: int, column: int) -> str:
    return find(dialog, QTableView, table).model().index(row, column).data()


def test_a_config_from_plates_loads(qtbot, dialog, plates):
    assert not find(dialog, QPushButton, "save_config").isEnabled()
    add(qtbot, dialog, plates / "early.zarr")
    add(qtbot, dialog, plates / "late.zarr")
    assert cell(dialog, "plates", 0, 2) == str(plates / "early_tracks")
    assert "2 FOVs" in cell(dialog, "plates", 0, 3)
    assert "GFP, Phase" in find(dialog, QLabel, "plate_details").text()
    assert "early: type the minutes" in words(dialog)
    type_cell(qtbot, dialog, "plates", (0, 1), "30")
    type_cell(qtbot, dialog, "plates", (1, 1), "7,5")
    type_cell(qtbot, dialog, "plates", (1, 0), "second")
    type_cell(qtbot, dialog, "wells", (0, 2), "untreated")
    assert "second: type the condition" in words(dialog)
    type_cell(qtbot, dialog, "wells", (2, 2), "infected")
    slots = find(dialog, QListWidget, "slots")
    slots.setCurrentRow(0)
    press(qtbot, dialog, "slot_down")
    assert words(dialog) == "Slots: 0 GFP, 1 Phase."

    with qtbot.waitSignal(dialog.saved) as saved:
        press(qtbot, dialog, "save_config")

    assert not dialog.isVisible()
    config = load_config(saved.args[0])
    assert saved.args[0] == str(plates / "experiments.yml")
    early, late = config.experiments
    assert (early.name, early.interval_minutes) == ("early", 30.0)
    assert (late.name, late.interval_minutes) == ("second", 7.5)
    assert early.source_channel == late.source_channel == ["GFP", "Phase"]
    assert early.condition_wells == {"untreated": ["A/1"]}
    small = config.dataset.model_copy(update={"yx_patch_size": (16, 16)})
    index = MultiExperimentIndex.from_config(config.model_copy(update={"dataset": small}))
    assert (index.counts()["observations"] > 0).all()


def test_one_condition_is_set_for_all_selected_wells(qtbot, dialog, plates):
    add(qtbot, dialog, plates / "early.zarr")
    find(dialog, QTableView, "wells").selectAll()
    qtbot.keyClicks(find(dialog, QLineEdit, "condition_of_selected"), "infected")
    press(qtbot, dialog, "set_condition")
    assert [cell(dialog, "wells", row, 2) for row in range(2)] == ["infected", "infected"]


def test_plates_are_dropped_and_removed(qtbot, dialog, plates):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(plates / f"{name}.zarr")) for name in ("early", "late")])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    dialog.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, buttons, keys))
    model = find(dialog, QTableView, "plates").model()
    qtbot.waitUntil(lambda: model.rowCount() == 2)
    find(dialog, QTableView, "plates").selectRow(0)
    press(qtbot, dialog, "remove_plate")
    assert model.rowCount() == 1


def test_what_cannot_be_read_is_said_in_words(qtbot, dialog, plates):
    add(qtbot, dialog, plates / "nothing.zarr")
    assert "there is no such folder" in words(dialog)
    add(qtbot, dialog, plates / "early.zarr")
    add(qtbot, dialog, plates / "early.zarr")
    assert words(dialog) == "early is there already."
    type_cell(qtbot, dialog, "plates", (0, 1), "often")
    assert "'often' is no number of minutes" in words(dialog)
    type_cell(qtbot, dialog, "plates", (0, 2), str(plates / "late.zarr"))
    qtbot.waitUntil(lambda: "no track table" in words(dialog))
    assert cell(dialog, "plates", 0, 2) == str(plates / "early_tracks")


def test_tables_elsewhere_are_chosen(qtbot, dialog, plates, monkeypatch):
    elsewhere = plates / "elsewhere"
    elsewhere.mkdir()
    shutil.move(plates / "early_tracks", elsewhere / "early_tracks")
    add(qtbot, dialog, plates / "early.zarr")
    assert "choose the folder of its tables" in words(dialog)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(elsewhere))
    press(qtbot, dialog, "choose_tables")
    qtbot.keyClick(find(dialog, QMenu, "tables_menu"), Qt.Key.Key_O)
    qtbot.waitUntil(lambda: not words(dialog).startswith("Reading"))
    assert cell(dialog, "plates", 0, 2) == str(elsewhere / "early_tracks")


def test_a_config_that_is_there_is_replaced_only_when_asked(qtbot, dialog, plates):
    (plates / "experiments.yml").write_text("mine")
    add(qtbot, dialog, plates / "early.zarr")
    type_cell(qtbot, dialog, "plates", (0, 1), "30")
    type_cell(qtbot, dialog, "wells", (0, 2), "untreated")
    press(qtbot, dialog, "save_config")
    assert dialog.isVisible()
    assert "is there already" in words(dialog)
    assert (plates / "experiments.yml").read_text() == "mine"
    find(dialog, QCheckBox, "replace_config").click()
    press(qtbot, dialog, "save_config")
    assert load_config(plates / "experiments.yml").experiments[0].name == "early"


def test_a_draft_says_all_that_is_missing(plates):
    draft = ConfigDraft()
    assert draft.missing([]) == ["Add a plate, or images, and their track tables."]
    one, other = read_plate(plates / "early.zarr"), read_plate(plates / "late.zarr")
    assert draft.add(one)
    assert not draft.add(read_plate(plates / "early.zarr"))
    draft.add(other)
    draft.rename(1, "early")
    said = draft.missing([])
    assert "Two plates are called early: name one of them otherwise." in said
    assert "Tick a channel." in said
    with pytest.raises(ConfigError, match="Two plates"):
        draft.save(plates / "x.yml", ["GFP"])
    with pytest.raises(StoreError):
        read_plate(plates)


def test_the_plate_table_is_a_sound_model(qtbot, qtmodeltester, plates):
    draft = ConfigDraft()
    draft.add(read_plate(plates / "early.zarr"))
    model = PlateTable(draft)
    qtmodeltester.check(model)
    assert model.index(0, 1).data().startswith("store: ")
