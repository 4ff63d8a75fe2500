"""The rows of a config in the making: images, plates and tables, added and paired."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.plugin.common.field import Field
from lineage_triplets.plugin.common.views import words_label
from lineage_triplets.plugin.start.draft import folder_of
from lineage_triplets.plugin.start.draft_tables import PlateTable
from lineage_triplets.plugin.start.images import Images
from lineage_triplets.plugin.start.import_form import ImportForm
from lineage_triplets.plugin.start.parts import draft_view, quiet_button

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtCore import QPoint

    from lineage_triplets.plugin.start.draft import ConfigDraft, DraftPlate

_TABLES = 2
_NOTHING = "Drop images, plates and track tables here: files or folders of any known kind."


class SourcesView(QWidget):
    """Images and plates with their tables, and what is asked of the selected row.

    Parameters
    ----------
    draft : ConfigDraft

    Attributes
    ----------
    paths_wanted : Signal(list)
        Gets paths or URLs to be recognised and added.
    tables_wanted : Signal(int, str)
        Gets a row, and the path of its tables.
    table_given : Signal(int, int)
        Gets a row, and which of the draft's tables is its.
    together_wanted : Signal(list)
        Gets rows of images that are to become one plate.
    changed : Signal()
        Something was typed, or a row taken out.
    """

    paths_wanted = Signal(list)
    tables_wanted = Signal(int, str)
    table_given = Signal(int, int)
    together_wanted = Signal(list)
    changed = Signal()

    def __init__(self, draft: ConfigDraft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draft = draft
        self.model = PlateTable(draft, self)
        self.model.changed.connect(self.changed)
        self.model.tables_wanted.connect(self.tables_wanted)
        self._view = draft_view(self.model, "plates", "Images and plates, intervals and tables")
        self._view.horizontalHeader().setSectionResizeMode(
            _TABLES, QHeaderView.ResizeMode.Interactive
        )
        self._view.selectionModel().selectionChanged.connect(lambda *_: self.show_details())
        self._details = words_label("plate_details", self)
        self.form = ImportForm(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view, 1)
        layout.addLayout(self._buttons())
        layout.addWidget(self._details)
        layout.addWidget(self.form)
        self.show_details()

    @property
    def row(self) -> int:
        """The selected row; -1 for none."""
        row = self._view.currentIndex().row()
        return row if row < len(self._draft.plates) else -1

    @property
    def selected(self) -> DraftPlate | None:
        """The plate of the selected row."""
        return self._draft.plates[self.row] if self.row >= 0 else None

    def row_at(self, place: QPoint) -> int:
        """Return the row at a place of the screen; -1 for none."""
        viewport = self._view.viewport()
        inside = viewport.mapFromGlobal(place)
        return self._view.indexAt(inside).row() if viewport.rect().contains(inside) else -1

    def show_draft(self, row: int) -> None:
        """Show the rows anew, one of them selected."""
        self.model.reset()
        self._view.resizeColumnsToContents()
        widest = self._view.width() // 4
        self._view.setColumnWidth(_TABLES, min(self._view.columnWidth(_TABLES), widest))
        if 0 <= row < len(self._draft.plates):
            self._view.selectRow(row)
        self.show_details()

    def show_details(self) -> None:
        """Say what the selected row is, and what is asked of it."""
        plate, together = self.selected, self._rows_of_images()
        self._together.setEnabled(len(together) > 1)
        self._details.setText(_NOTHING if plate is None else plate.details())
        if plate is not None and isinstance(plate.source, Images):
            self.form.show_images(plate.source, plate.size_to_type)
        else:
            self.form.show_images(None)

    def clear_path(self) -> None:
        """Forget what was typed: it was added."""
        self._path.clear()

    def _buttons(self) -> QHBoxLayout:
        self._path = Field("Path or URL; or drop files and folders here", self)
        self._path.setObjectName("plate_path")
        self._path.setToolTip("Of images, a plate or a table; Enter adds it")
        self._path.setAccessibleName("Path or URL to add")
        self._path.returnPressed.connect(self._add_typed)
        row = QHBoxLayout()
        row.addWidget(self._path, 1)
        row.addWidget(
            quiet_button("Add &files…", "add_files", "Images or tables", self._choose_files)
        )
        row.addWidget(
            quiet_button(
                "Add f&older…", "add_plate", "A plate, TIFFs, a GEFF, tables", self._choose_folder
            )
        )
        self._menu = QMenu(self)
        self._menu.setObjectName("tables_menu")
        tip = "Choose the selected row's track tables"
        self._tables = quiet_button("&Tables…", "choose_tables", tip, self._offer_tables)
        row.addWidget(self._tables)
        tip = "Make one plate of the images of the selected rows, each in a well of its own"
        self._together = quiet_button("One p&late", "put_together", tip, self._put_together)
        row.addWidget(self._together)
        row.addWidget(
            quiet_button("&Remove", "remove_plate", "Take the selected row out", self._remove)
        )
        return row

    def _offer_tables(self) -> None:
        """Offer the tables that are nobody's yet, and those that lie elsewhere."""
        self._menu.clear()
        row = self.row
        for number, table in enumerate(self._draft.tables):
            self._menu.addAction(
                f"{table.path.name}: {table.words}",
                lambda number=number: self.table_given.emit(row, number),
            )
        for text, name, choose in (
            ("A &file…", "tables_file", QFileDialog.getOpenFileName),
            ("A f&older…", "tables_folder", QFileDialog.getExistingDirectory),
        ):
            action = self._menu.addAction(
                text, lambda choose=choose: self._tables_chosen(row, choose)
            )
            action.setObjectName(name)
        for action in self._menu.actions():
            action.setEnabled(row >= 0)
        self._menu.popup(self._tables.mapToGlobal(self._tables.rect().bottomLeft()))

    def _tables_chosen(self, row: int, choose: Callable[..., Any]) -> None:
        chosen = choose(self, "Its track tables", self._folder())
        name = chosen[0] if isinstance(chosen, tuple) else chosen
        if name:
            self.tables_wanted.emit(row, name)

    def _add_typed(self) -> None:
        if self._path.text().strip():
            self.paths_wanted.emit([self._path.text().strip()])

    def _choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Images or track tables", self._folder())
        if names:
            self.paths_wanted.emit(names)

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "A plate, images, or tables", self._folder())
        if name:
            self.paths_wanted.emit([name])

    def _folder(self) -> str:
        plates = self._draft.plates
        return str(folder_of(plates[-1].source.path) or "") if plates else str(Path.home())

    def _rows_of_images(self) -> list[int]:
        """The selected rows, in their order, if all are images of files."""
        rows = sorted(index.row() for index in self._view.selectionModel().selectedRows())
        plates = self._draft.plates
        are_images = all(
            row < len(plates) and isinstance(plates[row].source, Images) for row in rows
        )
        return rows if are_images else []

    def _put_together(self) -> None:
        self.together_wanted.emit(self._rows_of_images())

    def _remove(self) -> None:
        row = self.row
        if row >= 0:
            del self._draft.plates[row]
            self.show_draft(min(row, len(self._draft.plates) - 1))
            self.changed.emit()
