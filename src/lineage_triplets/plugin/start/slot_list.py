"""Which channels are in which slot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

if TYPE_CHECKING:
    from collections.abc import Sequence


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
