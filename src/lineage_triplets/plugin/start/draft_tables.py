"""Where a config in the making is typed: its plates, and the conditions of their wells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtGui import QFont

from lineage_triplets.plugin.common.views import RowTable
from lineage_triplets.plugin.start.images import Images

if TYPE_CHECKING:
    from qtpy.QtCore import QObject

    from lineage_triplets.plugin.start.draft import ConfigDraft, DraftPlate

_DISPLAY, _EDIT = Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole
_TIP, _FONT = Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.FontRole


class _DraftTable(RowTable):
    """What both tables share: which columns can be typed into.

    Attributes
    ----------
    changed : Signal()
        Something was typed.
    """

    changed = Signal()
    editable: frozenset[int] = frozenset()

    def __init__(self, draft: ConfigDraft, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.draft = draft

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Say which cells can be typed into."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() in self.editable else flags

    def reset(self) -> None:
        """Show the draft anew."""
        self.beginResetModel()
        self.endResetModel()


class PlateTable(_DraftTable):
    """One row a plate, or images that become one: name, interval, tables, and what it is.

    Attributes
    ----------
    tables_wanted : Signal(int, str)
        Gets a row, and the path that was typed for its tables.
    """

    headings = ("experiment", "minutes between frames", "track tables", "what it is")
    editable = frozenset({0, 1, 2})
    tables_wanted = Signal(int, str)

    @property
    def n_rows(self) -> int:
        """How many plates."""
        return len(self.draft.plates)

    def data(self, index: QModelIndex, role: int = _DISPLAY) -> Any:
        """Give a cell."""
        plate = self.draft.plates[index.row()]
        tracks = ", ".join(map(str, plate.tracks))
        texts = (plate.name, plate.interval, tracks, plate.words())
        if role == _EDIT or (role == _DISPLAY and texts[index.column()]):
            return texts[index.column()]
        if role == _DISPLAY:
            of_whom = "files" if isinstance(plate.source, Images) else "store"
            store = f"{of_whom}: {plate.suggestion}" if plate.suggestion else "type it"
            return ("", store, "choose…", "")[index.column()]
        if role == _TIP:
            of_whom = "files" if isinstance(plate.source, Images) else "stores"
            return (
                plate.source.path,
                f"As the microscope was run; what {of_whom} say is often wrong",
                tracks or "No table was found beside it: choose one, or drop it onto this row",
                plate.details(),
            )[index.column()]
        if role == _FONT and not texts[index.column()]:
            return _italic()
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = _EDIT) -> bool:  # noqa: N802
        """Take what was typed; the path of tables is looked at first."""
        if role != _EDIT:
            return False
        text = str(value).strip()
        plate = self.draft.plates[index.row()]
        if index.column() == 2 and text:
            if text != self.data(index, _EDIT):
                self.tables_wanted.emit(index.row(), text)
            return False
        if index.column() == 0:
            self.draft.rename(index.row(), text)
        elif index.column() == 1:
            plate.interval = text
        else:
            plate.tracks, plate.table = (), None
        self.dataChanged.emit(index, index)
        self.changed.emit()
        return True


class WellTable(_DraftTable):
    """One row a well of every plate, with its condition."""

    headings = ("experiment", "well", "condition")
    editable = frozenset({2})

    def rows(self) -> list[tuple[DraftPlate, str]]:
        """Give plates and wells, in order."""
        return [(plate, well) for plate in self.draft.plates for well in plate.source.wells]

    @property
    def n_rows(self) -> int:
        """How many wells."""
        return sum(len(plate.source.wells) for plate in self.draft.plates)

    def data(self, index: QModelIndex, role: int = _DISPLAY) -> Any:
        """Give a cell."""
        plate, well = self.rows()[index.row()]
        texts = (plate.name, well, plate.conditions.get(well, ""))
        if role in {_DISPLAY, _EDIT}:
            return texts[index.column()]
        if role == _TIP and index.column() == 2:
            return "What the well was treated with; without a word it is 'unknown'"
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = _EDIT) -> bool:  # noqa: N802
        """Take a condition."""
        if role != _EDIT or index.column() != 2:
            return False
        plate, well = self.rows()[index.row()]
        plate.conditions[well] = str(value).strip()
        self.dataChanged.emit(index, index)
        self.changed.emit()
        return True


def _italic() -> QFont:
    font = QFont()
    font.setItalic(True)
    return font
