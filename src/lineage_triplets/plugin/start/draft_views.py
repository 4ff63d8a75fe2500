"""A config in the making on screen: plates and wells as tables to fill in, slots as a list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from lineage_triplets.engine.errors import ConfigError, counted
from lineage_triplets.plugin.common.views import RowTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtCore import QObject

    from lineage_triplets.plugin.start.config_draft import ConfigDraft, DraftPlate

_DISPLAY, _EDIT = Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole
_TIP, _FONT = Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.FontRole


class _DraftTable(RowTable):
    """What both tables share: which columns can be typed into.

    Attributes
    ----------
    failed : Signal(str)
        Gets why what was typed does not do.
    changed : Signal()
        Something was typed.
    """

    failed = Signal(str)
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
    """One row a plate: its name, tables, interval, and what its store says."""

    headings = ("experiment", "minutes between frames", "tables", "in the store")
    editable = frozenset({0, 1, 2})

    @property
    def n_rows(self) -> int:
        """How many plates."""
        return len(self.draft.plates)

    def data(self, index: QModelIndex, role: int = _DISPLAY) -> Any:
        """Give a cell."""
        plate = self.draft.plates[index.row()]
        tracks = "" if plate.tracks is None else str(plate.tracks)
        texts = (plate.found.name, plate.interval, tracks, _contents(plate))
        if role == _EDIT or (role == _DISPLAY and texts[index.column()]):
            return texts[index.column()]
        if role == _DISPLAY:
            store = f"store: {plate.suggestion}" if plate.suggestion else "type it"
            return ("", store, "choose…", "")[index.column()]
        if role == _TIP:
            return (
                plate.found.plate.path,
                "As the microscope was run; what stores say is often wrong",
                tracks or "No tables were found beside the plate: choose their folder",
                f"{plate.found.description()}\nChannels: {', '.join(plate.found.channel_names)}",
            )[index.column()]
        if role == _FONT and not texts[index.column()]:
            return _italic()
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = _EDIT) -> bool:  # noqa: N802
        """Take what was typed; a folder without tables is refused in words."""
        if role != _EDIT:
            return False
        text = str(value).strip()
        number = index.row()
        if index.column() == 0:
            self.draft.rename(number, text)
        elif index.column() == 1:
            self.draft.plates[number].interval = text
        elif not text:
            self.draft.plates[number].tracks = None
        else:
            try:
                self.draft.set_tracks(number, Path(text).expanduser())
            except ConfigError as error:
                self.failed.emit(str(error))
                return False
        self.dataChanged.emit(index, index)
        self.changed.emit()
        return True


class WellTable(_DraftTable):
    """One row a well of every plate, with its condition."""

    headings = ("experiment", "well", "condition")
    editable = frozenset({2})

    def rows(self) -> list[tuple[DraftPlate, str]]:
        """Give plates and wells, in order."""
        return [(plate, well) for plate in self.draft.plates for well in plate.found.plate.wells]

    @property
    def n_rows(self) -> int:
        """How many wells."""
        return sum(len(plate.found.plate.wells) for plate in self.draft.plates)

    def data(self, index: QModelIndex, role: int = _DISPLAY) -> Any:
        """Give a cell."""
        plate, well = self.rows()[index.row()]
        texts = (plate.found.name, well, plate.conditions.get(well, ""))
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


def _contents(plate: DraftPlate) -> str:
    wells, fovs = len(plate.found.plate.wells), len(plate.found.fov_names)
    frames = plate.found.first_fov.shape[0]
    parts = (counted(wells, "well"), counted(fovs, "FOV"), counted(frames, "frame"))
    return ", ".join(parts)


def _italic() -> Any:
    from qtpy.QtGui import QFont

    font = QFont()
    font.setItalic(True)
    return font


class SlotList(QWidget):
    """Channels to tick and to move; ticked ones are slot 0, 1, … from the top.

    Attributes
    ----------
    changed : Signal()
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._list = QListWidget(self)
        self._list.setObjectName("slots")
        self._list.setToolTip("Ticked channels are slot 0, 1, … from the top")
        self._list.itemChanged.connect(lambda _: self.changed.emit())
        row = QHBoxLayout()
        for text, name, step in (("Up", "slot_up", -1), ("Down", "slot_down", 1)):
            button = QPushButton(text, self)
            button.setObjectName(name)
            button.setToolTip(f"Move the channel {text.lower()}")
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, step=step: self._move(step))
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._list, 1)
        layout.addLayout(row)

    def _items(self) -> list[QListWidgetItem]:
        return [self._list.item(k) for k in range(self._list.count())]

    @property
    def names(self) -> list[str]:
        """Channels of the slots, slot 0 first."""
        return [item.text() for item in self._items() if item.checkState() == Qt.CheckState.Checked]

    def offer(self, channels: Sequence[str]) -> None:
        """Offer some channels; the order and ticks of known ones are kept, new ones are ticked."""
        known = [entry.text() for entry in self._items()]
        ticked = set(self.names)
        listed = [channel for channel in known if channel in channels]
        listed += [channel for channel in channels if channel not in known]
        with signals_blocked(self._list):
            self._list.clear()
            for name in listed:
                item = QListWidgetItem(name, self._list)
                on = name in ticked or name not in known
                item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self.changed.emit()

    def _move(self, step: int) -> None:
        row = self._list.currentRow()
        if row >= 0 and 0 <= row + step < self._list.count():
            self._list.insertItem(row + step, self._list.takeItem(row))
            self._list.setCurrentRow(row + step)
            self.changed.emit()
