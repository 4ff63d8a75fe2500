"""New config: from plates and tables to a YAML that opens for review."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.engine.errors import LineageTripletsError, OutputExistsError
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.plugin.start.draft import (
    ConfigDraft,
    DraftPlate,
    PlateTable,
    SlotList,
    WellTable,
    folder_of,
    read_plate,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QDragEnterEvent, QDropEvent

    from lineage_triplets.plugin.common.work import Job, Work

_FILE_NAME = "experiments.yml"


class NewConfigDialog(QDialog):
    """Plates, their tables, intervals, conditions and slots; saves a config.

    Parameters
    ----------
    work : Work
        Reads plates beside the event loop.

    Attributes
    ----------
    saved : Signal(str)
        Gets the config that was written.
    """

    saved = Signal(str)

    def __init__(self, work: Work, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("new_config")
        self.setWindowTitle("New config")
        self.setAcceptDrops(True)
        self.resize(760, 640)
        self._work = work
        self._draft = ConfigDraft()
        self._error = ""
        self._plates = PlateTable(self._draft, self)
        self._wells = WellTable(self._draft, self)
        for table in (self._plates, self._wells):
            table.changed.connect(self._on_typed)
            table.failed.connect(self._say)
        layout = QVBoxLayout(self)
        layout.addWidget(_heading("Plates (OME-Zarr) and their track tables"))
        self._plate_view = _view(self._plates, "plates", "Plates, intervals and tables")
        self._plate_view.selectionModel().currentRowChanged.connect(self._show_details)
        layout.addWidget(self._plate_view, 2)
        self._details = QLabel(self)
        self._details.setObjectName("plate_details")
        self._details.setWordWrap(True)
        layout.addWidget(self._details)
        layout.addLayout(self._plate_buttons())
        beside = QHBoxLayout()
        beside.addLayout(self._conditions(), 3)
        beside.addLayout(self._slots(), 2)
        layout.addLayout(beside, 3)
        layout.addLayout(self._target())
        self._words = QLabel(self)
        self._words.setObjectName("new_config_words")
        self._words.setWordWrap(True)
        layout.addWidget(self._words)
        layout.addWidget(self._buttons())
        self._look()

    def add_plate(self, path: str | Path) -> None:
        """Read a plate beside the event loop and add it; says why it cannot be read."""
        path = path if is_url(str(path)) else Path(path).expanduser()

        def run(_: Job) -> DraftPlate | LineageTripletsError:
            try:
                return read_plate(path)
            except LineageTripletsError as error:
                return error

        self._say("")
        self._words.setText(f"Reading {Path(path).name} …")
        self._work.start(self, f"Reading {path}", run, self._got)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's
        """Take folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's
        """Add the plates that were dropped."""
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.add_plate(url.toLocalFile())
        event.acceptProposedAction()

    def _plate_buttons(self) -> QHBoxLayout:
        self._path = QLineEdit(self)
        self._path.setObjectName("plate_path")
        self._path.setPlaceholderText("Path or URL of a plate; or drop plates here")
        self._path.setToolTip("A plate's or image's folder, or its URL; Enter adds it")
        self._path.returnPressed.connect(self._add_typed)
        row = QHBoxLayout()
        row.addWidget(self._path, 1)
        for text, name, tip, action in (
            ("Add plate…", "add_plate", "Choose a plate's folder", self._choose_plate),
            ("Tables…", "choose_tables", "Choose the selected plate's tables", self._choose_tables),
            ("Remove", "remove_plate", "Take the selected plate out", self._remove),
        ):
            row.addWidget(_button(text, name, tip, action))
        return row

    def _conditions(self) -> QVBoxLayout:
        self._well_view = _view(self._wells, "wells", "Wells and conditions")
        self._condition = QLineEdit(self)
        self._condition.setObjectName("condition_of_selected")
        self._condition.setPlaceholderText("Condition of the selected wells")
        self._condition.returnPressed.connect(self._set_condition)
        row = QHBoxLayout()
        row.addWidget(self._condition, 1)
        row.addWidget(
            _button("Set", "set_condition", "Give it to the selected wells", self._set_condition)
        )
        column = QVBoxLayout()
        column.addWidget(_heading("Conditions"))
        column.addWidget(self._well_view, 1)
        column.addLayout(row)
        return column

    def _slots(self) -> QVBoxLayout:
        self._slot_list = SlotList(self)
        self._slot_list.changed.connect(self._on_typed)
        column = QVBoxLayout()
        column.addWidget(_heading("Channels in the slots"))
        column.addWidget(self._slot_list, 1)
        return column

    def _target(self) -> QHBoxLayout:
        self._file = QLineEdit(self)
        self._file.setObjectName("config_path")
        self._file.setToolTip("The config to write")
        self._file.textEdited.connect(self._on_typed)
        self._overwrite = QCheckBox("Replace", self)
        self._overwrite.setObjectName("replace_config")
        self._overwrite.setToolTip("Replace the file if it is there")
        self._overwrite.toggled.connect(self._on_typed)
        label = QLabel("&Save as", self)
        label.setBuddy(self._file)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self._file, 1)
        row.addWidget(_button("Choose…", "choose_config", "Choose the file", self._choose_file))
        row.addWidget(self._overwrite)
        return row

    def _buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox(self)
        self._save = box.addButton("Save and open", QDialogButtonBox.ButtonRole.AcceptRole)
        self._save.setObjectName("save_config")
        self._save.setToolTip("Write the config, and open it for review")
        cancel = box.addButton(QDialogButtonBox.StandardButton.Cancel)
        cancel.setObjectName("cancel_config")
        # Enter in a line edit is about that line.
        for button in box.buttons():
            button.setAutoDefault(False)
        self._save.setDefault(False)
        box.accepted.connect(self._write)
        box.rejected.connect(self.reject)
        return box

    def _add_typed(self) -> None:
        if self._path.text().strip():
            self.add_plate(self._path.text().strip())

    def _choose_plate(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "A plate (OME-Zarr folder)", self._folder())
        if name:
            self.add_plate(name)

    def _choose_tables(self) -> None:
        rows = self._plate_view.selectionModel().selectedRows()
        row = rows[0].row() if rows else 0
        if row < len(self._draft.plates):
            name = QFileDialog.getExistingDirectory(self, "Its track tables", self._folder())
            if name:
                self._plates.setData(self._plates.index(row, 2), name)

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the config", self._file.text(), "Configs (*.yml *.yaml)"
        )
        if name:
            self._file.setText(name)
            # The file dialog asked.
            self._overwrite.setChecked(Path(name).exists())
            self._on_typed()

    def _folder(self) -> str:
        plates = self._draft.plates
        return str(folder_of(plates[-1].found.plate.path) or "") if plates else ""

    def _got(self, read: DraftPlate | LineageTripletsError) -> None:
        if isinstance(read, LineageTripletsError):
            self._say("\n".join(str(problem) for problem in read.problems))
            return
        if not self._draft.add(read):
            self._say(f"{read.found.name} is there already.")
            return
        self._path.clear()
        beside = folder_of(read.found.plate.path)
        if beside is not None and not self._file.text():
            self._file.setText(str(beside / _FILE_NAME))
        self._show_draft()

    def _remove(self) -> None:
        rows = {index.row() for index in self._plate_view.selectionModel().selectedRows()}
        for row in sorted(rows, reverse=True):
            del self._draft.plates[row]
        self._show_draft()

    def _show_draft(self) -> None:
        self._plates.reset()
        self._wells.reset()
        self._plate_view.resizeColumnsToContents()
        tables = self._plate_view.columnWidth(2)
        self._plate_view.setColumnWidth(2, min(tables, self._plate_view.width() // 3))
        if self._draft.plates:
            self._plate_view.selectRow(len(self._draft.plates) - 1)
        self._show_details()
        self._slot_list.offer(self._draft.channels())
        self._say("")

    def _show_details(self) -> None:
        """Say what the store of the selected plate says of itself."""
        row = self._plate_view.currentIndex().row()
        if 0 <= row < len(self._draft.plates):
            found = self._draft.plates[row].found
            channels = ", ".join(found.channel_names)
            self._details.setText(f"{found.name}: {found.description()}. Channels: {channels}.")
        else:
            self._details.clear()

    def _set_condition(self) -> None:
        for index in self._well_view.selectionModel().selectedRows(2):
            self._wells.setData(index, self._condition.text())

    def _on_typed(self) -> None:
        self._say("")

    def _say(self, error: str) -> None:
        self._error = error
        self._look()

    def _look(self) -> None:
        """Say what is wrong or missing; only then the config cannot be saved."""
        missing = self._draft.missing(self._slot_list.names)
        if not missing and not self._file.text().strip():
            missing = ["Say where to save the config."]
        words = [self._error] if self._error else missing
        if not words:
            slots = ", ".join(f"{k} {name}" for k, name in enumerate(self._slot_list.names))
            words = [f"Slots: {slots}."]
        self._words.setText("\n".join(words))
        self._save.setEnabled(not missing)

    def _write(self) -> None:
        path = Path(self._file.text().strip()).expanduser()
        try:
            self._draft.save(path, self._slot_list.names, overwrite=self._overwrite.isChecked())
        except OutputExistsError:
            self._say(f"{path} is there already. Tick “Replace”, or name another file.")
            return
        except LineageTripletsError as error:
            self._say("\n".join(str(problem) for problem in error.problems))
            return
        self.accept()
        self.saved.emit(str(path))


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def _button(text: str, name: str, tip: str, action: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _=False: action())
    return button


def _view(model: PlateTable | WellTable, name: str, tip: str) -> QTableView:
    view = QTableView()
    view.setObjectName(name)
    view.setAccessibleName(tip)
    view.setModel(model)
    view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
    view.verticalHeader().hide()
    view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    view.horizontalHeader().setStretchLastSection(True)
    return view
