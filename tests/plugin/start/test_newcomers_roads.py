"""From what newcomers have to an open review: files dropped, three things typed, one button."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QMenu, QPushButton, QTableView
from test_new_config import cell, find, press, type_cell, words

import trackers
from lineage_triplets import load_config
from lineage_triplets.imports import import_steps, plan_import
from lineage_triplets.plugin.common.work import Work
from lineage_triplets.plugin.start import images
from lineage_triplets.plugin.start.columns_dialog import ColumnsDialog
from lineage_triplets.plugin.start.new_config import NewConfigDialog
from stores import numbered_pixels, track_table, write_plate
from widgets import settled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lineage_triplets.plugin.widget import ReviewWidget

tifffile = pytest.importorskip("tifffile")

# The movie of `trackers` has 9 cells in 4 frames, 2 lineages and a division.
PIXELS = numbered_pixels((4, 2, 1, 240, 240))
TABLE = track_table((1, range(2)), (3, range(2, 4), 1), (4, range(2, 4), 1), (2, range(3)))


def drop(dialog: NewConfigDialog, *paths: Path, onto: int | None = None) -> None:
    """Drop files onto the dialog, or onto one of its rows."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    place = QPointF(3, 3)
    if onto is not None:
        view = find(dialog, QTableView, "plates")
        inside = view.visualRect(view.model().index(onto, 3)).center()
        place = QPointF(dialog.mapFromGlobal(view.viewport().mapToGlobal(inside)))
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    dialog.dropEvent(QDropEvent(place, Qt.DropAction.CopyAction, mime, buttons, keys))


def type_line(qtbot, dialog: NewConfigDialog, name: str, text: str) -> None:
    line = find(dialog, QLineEdit, name)
    line.clear()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)


@pytest.fixture
def dialog(widget: ReviewWidget, qtbot) -> NewConfigDialog:
    """The dialog, opened from the widget."""
    qtbot.mouseClick(widget.findChild(QPushButton, "welcome_new"), Qt.MouseButton.LeftButton)
    made = widget.findChild(NewConfigDialog)
    qtbot.waitUntil(made.isVisible)
    return made


def finish(qtbot, widget: ReviewWidget, dialog: NewConfigDialog) -> tuple[int, str]:
    """Type what only a person knows, press the button; gives lineages, and the one on screen."""
    type_cell(qtbot, dialog, "plates", (0, 1), "15")
    type_cell(qtbot, dialog, "wells", (0, 2), "mock")
    press(qtbot, dialog, "save_config")
    qtbot.waitUntil(lambda: widget.session.review is not None)
    settled(qtbot, widget)
    lineages = widget.panels["Browse"].lineages
    return lineages.model.rowCount(), lineages.lineage


def tiffs(folder: Path, *, channels: tuple[str, ...] = ("Phase", "GFP")) -> Path:
    """A file a frame and channel, as microscopes write them."""
    folder.mkdir(parents=True)
    for t, frame in enumerate(PIXELS):
        for name, planes in zip(channels, frame, strict=False):
            ending = f"_{name}" if len(channels) > 1 else ""
            tifffile.imwrite(folder / f"t{t:03d}{ending}.tif", planes[0])
    return folder


def test_a_folder_of_tiffs_and_a_csv_from_elsewhere(qtbot, widget, dialog, tmp_path):
    movie, table = tiffs(tmp_path / "movie"), tmp_path / "elsewhere/cells.csv"
    table.parent.mkdir()
    TABLE.to_csv(table, index=False)
    drop(dialog, movie, table)
    qtbot.waitUntil(lambda: cell(dialog, "plates", 0, 2) == str(table))
    assert cell(dialog, "plates", 0, 3) == (
        "8 TIFFs in a folder: 4 frames, 2 channels; has to be imported"
    )
    details = find(dialog, QLabel, "plate_details").text()
    assert "a table of tracks: 9 cells in 2 lineages" in details
    assert finish(qtbot, widget, dialog) == (2, "movie_A/1/0_1")
    (experiment,) = load_config(tmp_path / "experiments.yml").experiments
    assert experiment.source_channel == ["GFP", "Phase"]


def test_a_folder_of_the_cell_tracking_challenge(qtbot, widget, dialog, tmp_path):
    tiffs(tmp_path / "set/01", channels=("one",))
    trackers.ctc(tmp_path / "set/01_RES")
    drop(dialog, tmp_path / "set")
    qtbot.waitUntil(lambda: cell(dialog, "plates", 0, 2) is not None)
    assert cell(dialog, "plates", 0, 2) == str(tmp_path / "set/01_RES")
    assert finish(qtbot, widget, dialog)[0] == 2


def test_a_tiff_without_axes_or_size_and_trackmate_s_xml(qtbot, widget, dialog, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", PIXELS[:, 0, 0], photometric="minisblack")
    xml = tmp_path / "from_trackmate.xml"
    xml.write_text(trackers.trackmate(pixel=0.5), encoding="utf-8")
    drop(dialog, xml)
    qtbot.waitUntil(lambda: "TrackMate's XML of 7.14.0: 9 cells in 2 lineages" in words(dialog))
    drop(dialog, tmp_path / "movie.tif")
    qtbot.waitUntil(lambda: cell(dialog, "plates", 0, 2) == str(xml))
    assert "choose what the axes are" in words(dialog)
    assert not find(dialog, QPushButton, "save_config").isEnabled()
    qtbot.keyClicks(find(dialog, QComboBox, "axes"), "T")
    qtbot.waitUntil(lambda: "choose what the axes are" not in words(dialog))
    assert "type the pixel size" in words(dialog)
    type_line(qtbot, dialog, "pixel_size_um", "0.5")
    qtbot.waitUntil(lambda: "type the pixel size" not in words(dialog))
    assert finish(qtbot, widget, dialog)[0] == 2


def test_a_plate_and_a_geff_dropped_onto_it(qtbot, widget, dialog, tmp_path):
    for name in ("one.zarr", "other.zarr"):
        write_plate(tmp_path / name, ("A/1/0",), shape=PIXELS.shape, channels=["Phase", "GFP"])
    graph = trackers.geff(tmp_path / "elsewhere/tracks.geff")
    drop(dialog, tmp_path / "one.zarr", tmp_path / "other.zarr")
    model = find(dialog, QTableView, "plates").model()
    qtbot.waitUntil(lambda: model.rowCount() == 2)
    drop(dialog, graph, onto=0)
    qtbot.waitUntil(lambda: cell(dialog, "plates", 0, 2) == str(graph))
    find(dialog, QTableView, "plates").selectRow(1)
    press(qtbot, dialog, "remove_plate")
    assert finish(qtbot, widget, dialog)[0] == 2


def test_tiffs_of_several_positions_become_one_plate(qtbot, widget, dialog, tmp_path):
    for name in ("a", "b"):
        folder = tmp_path / f"day/{name}"
        tiffs(folder / "images", channels=("one",))
        TABLE.to_csv(folder / "tracks.csv", index=False)
    drop(dialog, tmp_path / "day/a/images", tmp_path / "day/b/images")
    view = find(dialog, QTableView, "plates")
    qtbot.waitUntil(lambda: view.model().rowCount() == 2)
    assert not find(dialog, QPushButton, "put_together").isEnabled()
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    press(qtbot, dialog, "put_together")
    qtbot.waitUntil(lambda: view.model().rowCount() == 1)
    assert "2 FOVs, 4 frames" in cell(dialog, "plates", 0, 3)
    assert [cell(dialog, "wells", row, 1) for row in range(2)] == ["A/1", "A/2"]
    type_cell(qtbot, dialog, "wells", (1, 2), "drug")
    assert finish(qtbot, widget, dialog)[0] == 4
    (experiment,) = load_config(tmp_path / "day/a/experiments.yml").experiments
    assert experiment.condition_wells == {"mock": ["A/1"], "drug": ["A/2"]}


@pytest.fixture
def alone(qtbot) -> Iterator[NewConfigDialog]:
    """The dialog without a viewer."""
    work = Work()
    made = NewConfigDialog(work)
    qtbot.addWidget(made)
    made.show()
    yield made
    work.shut_down()


def test_a_folder_with_all_of_it_and_an_import_that_is_stopped(qtbot, alone, tmp_path, monkeypatch):
    tiffs(tmp_path / "all/movie")
    TABLE.to_csv(tmp_path / "all/cells.csv", index=False)
    (tmp_path / "all/notes.docx").write_bytes(b"bought milk")
    began, go_on = threading.Event(), threading.Event()

    def waiting(*arguments: object, **how: object) -> Iterator[object]:
        for step in import_steps(*arguments, **how):
            began.set()
            go_on.wait(timeout=20)
            yield step

    monkeypatch.setattr(images, "import_steps", waiting)
    drop(alone, tmp_path / "all")
    qtbot.waitUntil(lambda: cell(alone, "plates", 0, 2) == str(tmp_path / "all/cells.csv"))
    type_cell(qtbot, alone, "plates", (0, 1), "15")
    type_cell(qtbot, alone, "wells", (0, 2), "mock")
    press(qtbot, alone, "save_config")
    qtbot.waitUntil(began.is_set)
    hidden = tmp_path / "all/.movie.zarr.importing"
    assert hidden.is_dir()
    press(qtbot, alone, "stop_import")
    go_on.set()
    qtbot.waitUntil(lambda: words(alone) == "The import was stopped.")
    assert not hidden.exists()
    assert not (tmp_path / "all/movie.zarr").exists()
    with qtbot.waitSignal(alone.saved):
        press(qtbot, alone, "save_config")
    assert (tmp_path / "all/movie.zarr").is_dir()


def test_what_is_of_no_use_is_said_and_tables_are_chosen_by_keys(qtbot, alone, tmp_path):
    for name in ("one", "other"):
        write_plate(tmp_path / f"{name}.zarr", ("A/1/0",), shape=PIXELS.shape, channels=["GFP"])
    graph = trackers.geff(tmp_path / "elsewhere/tracks.geff")
    (tmp_path / "movie.mov").write_bytes(b"no movie")
    drop(alone, tmp_path / "one.zarr", tmp_path / "other.zarr", graph, tmp_path / "movie.mov")
    qtbot.waitUntil(lambda: "no images and no track table that is known" in words(alone))
    press(qtbot, alone, "choose_tables")
    qtbot.keyClick(find(alone, QMenu, "tables_menu"), Qt.Key.Key_Down)
    qtbot.keyClick(find(alone, QMenu, "tables_menu"), Qt.Key.Key_Return)
    assert cell(alone, "plates", 1, 2) == str(graph)
    assert cell(alone, "plates", 0, 2) == "choose…"


def test_half_an_import_is_gone_on_with_when_asked(qtbot, alone, tmp_path):
    movie = tiffs(tmp_path / "movie")
    TABLE.to_csv(tmp_path / "cells.csv", index=False)
    half = import_steps(
        plan_import([movie], interval_minutes=15), tmp_path / "movie.zarr", resume=True
    )
    for _ in range(3):
        next(half)
    half.close()
    # The files of one movie are dropped together, rather than their folder.
    drop(alone, *sorted(movie.iterdir()))
    qtbot.waitUntil(lambda: cell(alone, "plates", 0, 2) == str(tmp_path / "cells.csv"))
    type_cell(qtbot, alone, "plates", (0, 1), "15")
    type_cell(qtbot, alone, "wells", (0, 2), "mock")
    assert words(alone).startswith("movie: an import of movie.zarr stopped before")
    go_on = find(alone, QCheckBox, "resume_import")
    assert "Go on with the import" in go_on.text().replace("&", "")
    qtbot.mouseClick(go_on, Qt.MouseButton.LeftButton, pos=QPoint(8, go_on.height() // 2))
    with qtbot.waitSignal(alone.saved):
        press(qtbot, alone, "save_config")
    (experiment,) = load_config(tmp_path / "experiments.yml").experiments
    assert experiment.data_path.endswith("movie.zarr")


def test_columns_of_no_known_tool_are_guessed_shown_and_set_right(qtbot, alone, tmp_path):
    write_plate(tmp_path / "one.zarr", ("A/1/0",), shape=PIXELS.shape, channels=["GFP"])
    names = {"track_id": "cell", "t": "when", "y": "cy", "x": "cx", "parent_track_id": "mother"}
    table = tmp_path / "elsewhere/mine.csv"
    table.parent.mkdir()
    TABLE[list(names)].rename(columns=names).assign(size=7.5).to_csv(table, index=False)
    drop(alone, tmp_path / "one.zarr", table)
    qtbot.waitUntil(lambda: alone.findChild(ColumnsDialog) is not None)
    asked = alone.findChild(ColumnsDialog)
    combos = {
        name: asked.findChild(QComboBox, f"column_{name}")
        for name in ("track_id", "y", "t", "parent")
    }
    assert combos["track_id"].currentText() == "cell"
    assert combos["y"].currentText() == "cy"
    preview = asked.findChild(QTableView, "columns_preview").model()
    assert preview.index(0, 0).data() == "1"
    said = asked.findChild(QLabel, "columns_words")
    assert said.text() == "Still to be chosen: Frame, Parent."
    qtbot.keyClicks(combos["parent"], "mother")
    qtbot.keyClicks(combos["t"], "size")
    qtbot.mouseClick(asked.findChild(QPushButton, "take_columns"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "7.5" in said.text())
    for _ in range(combos["t"].currentIndex() - combos["t"].findText("when")):
        qtbot.keyClick(combos["t"], Qt.Key.Key_Up)
    assert combos["t"].currentText() == "when"
    qtbot.mouseClick(asked.findChild(QPushButton, "take_columns"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: cell(alone, "plates", 0, 2) == str(table))
    assert "9 cells in 2 lineages" in find(alone, QLabel, "plate_details").text()
    type_cell(qtbot, alone, "plates", (0, 1), "15")
    type_cell(qtbot, alone, "wells", (0, 2), "mock")
    with qtbot.waitSignal(alone.saved):
        press(qtbot, alone, "save_config")
    (experiment,) = load_config(tmp_path / "experiments.yml").experiments
    assert experiment.tracks.columns == names
