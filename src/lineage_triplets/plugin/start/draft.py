"""A config in the making: plates, their tables, what only a person knows, and where it is typed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
from lineage_triplets.engine.first_config import (
    FoundPlate,
    find_tracks,
    inspect_plate,
    save_draft,
    shared_channels,
)
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.plugin.common.views import RowTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtCore import QObject

_DISPLAY, _EDIT = Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole
_TIP, _FONT = Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.FontRole


@dataclass
class DraftPlate:
    """One plate of the draft.

    Attributes
    ----------
    found : FoundPlate
        Its name is the experiment's.
    tracks : Path or None
        Folder of its tables; None while nobody named one.
    interval : str
        Minutes between frames, as typed.
    conditions : dict of str to str
        Well to what it was treated with; empty where nobody said.
    """

    found: FoundPlate
    tracks: Path | None = None
    interval: str = ""
    conditions: dict[str, str] = field(default_factory=dict)

    @property
    def minutes(self) -> float | None:
        """Interval as a number; None where it is none."""
        try:
            minutes = float(self.interval.replace(",", "."))
        except ValueError:
            return None
        return minutes if 0 < minutes < float("inf") else None

    @property
    def suggestion(self) -> str:
        """The store's own interval in words, often wrong; empty where it has none."""
        minutes = self.found.first_fov.interval_minutes
        if minutes is None:
            return ""
        return f"{minutes:g} min" if minutes >= 1 else f"{minutes * 60:g} s"

    def by_condition(self) -> dict[str, list[str]]:
        """Wells of each condition, in the plate's order."""
        wells: dict[str, list[str]] = {}
        for well in self.found.plate.wells:
            condition = self.conditions.get(well, "").strip()
            if condition:
                wells.setdefault(condition, []).append(well)
        return wells


def folder_of(path: str | Path) -> Path | None:
    """Folder that a plate lies in; None of a plate behind a URL."""
    return None if is_url(str(path)) else Path(path).expanduser().absolute().parent


def read_plate(path: str | Path) -> DraftPlate:
    """Read what a plate says about itself, and look for its tables beside it.

    Raises
    ------
    StoreError
        It is no plate and no image, or has no FOV.
    """
    found = inspect_plate(path)
    beside = folder_of(path)
    try:
        return DraftPlate(found, None if beside is None else find_tracks(found, beside))
    except ConfigError:
        return DraftPlate(found)


class ConfigDraft:
    """What a person put together so far.

    Attributes
    ----------
    plates : list of DraftPlate
    """

    def __init__(self) -> None:
        self.plates: list[DraftPlate] = []

    def add(self, plate: DraftPlate) -> bool:
        """Add a plate; False if it is there already."""
        if any(other.found.plate.path == plate.found.plate.path for other in self.plates):
            return False
        self.plates.append(plate)
        return True

    def rename(self, number: int, name: str) -> None:
        """Name the experiment of a plate; an empty name changes nothing."""
        if name.strip():
            plate = self.plates[number]
            plate.found = replace(plate.found, name=name.strip())

    def set_tracks(self, number: int, folder: Path) -> None:
        """Name the folder of a plate's tables, or one that holds it.

        Raises
        ------
        ConfigError
            There is no table for any FOV of the plate.
        """
        plate = self.plates[number]
        plate.tracks = find_tracks(plate.found, folder)

    def channels(self) -> list[str]:
        """Channels that all plates have; none if there is none."""
        try:
            return shared_channels([plate.found for plate in self.plates]) if self.plates else []
        except ConfigError:
            return []

    def missing(self, slots: Sequence[str]) -> list[str]:
        """Say what is missing before the config can be saved; nothing if it can."""
        if not self.plates:
            return ["Add a plate."]
        names = [plate.found.name for plate in self.plates]
        said = [
            f"Two plates are called {name}: name one of them otherwise."
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        for plate in self.plates:
            if plate.tracks is None:
                said.append(f"{plate.found.name}: choose the folder of its tables.")
            if not plate.interval.strip():
                said.append(f"{plate.found.name}: type the minutes between frames.")
            elif plate.minutes is None:
                said.append(f"{plate.found.name}: {plate.interval!r} is no number of minutes.")
            if not plate.by_condition():
                said.append(f"{plate.found.name}: type the condition of at least one well.")
        if not self.channels():
            said.append(
                "No channel name is in all plates: make one config a plate and put them together."
            )
        elif not slots:
            said.append("Tick a channel.")
        return said

    def save(self, path: Path, slots: Sequence[str], *, overwrite: bool = False) -> None:
        """Write the config; nothing may be missing.

        Raises
        ------
        ConfigError
            Something is missing, or the plates do not have it.
        OutputExistsError, OutputError
            Nothing is left half written.
        """
        missing = self.missing(slots)
        if missing:
            raise ConfigError(*missing)
        save_draft(
            path,
            [plate.found for plate in self.plates],
            [plate.tracks for plate in self.plates if plate.tracks is not None],
            source_channel=slots,
            interval_minutes={plate.found.name: plate.minutes or 0.0 for plate in self.plates},
            conditions={plate.found.name: plate.by_condition() for plate in self.plates},
            overwrite=overwrite,
        )


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
