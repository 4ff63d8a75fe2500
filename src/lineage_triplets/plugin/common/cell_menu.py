"""What can be done with a cell, where it was clicked: in the tree or in the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, Signal
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QMenu, QWidget

if TYPE_CHECKING:
    from qtpy.QtWidgets import QPushButton

    from lineage_triplets.plugin.common.spot import Spot


class CellMenu(QMenu):
    """A menu whose entry presses the button that cuts the link into the chosen cell.

    Parameters
    ----------
    cut : QPushButton

    Attributes
    ----------
    cut_wanted : Signal()
        The entry is about to press the button.
    """

    cut_wanted = Signal()

    def __init__(self, cut: QPushButton, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("cell_menu")
        self._button = cut
        self._title = self.addAction("")
        self._title.setEnabled(False)
        self.addSeparator()
        self.cut = self.addAction("")
        self.cut.setObjectName("cut_here")
        self.cut.triggered.connect(self._cut)

    def open_for(self, spot: Spot, at: QPoint | None = None) -> None:
        """Show it for a cell, by default where the pointer is."""
        self._title.setText(f"Track {spot.track}, frame {spot.t}")
        words = spot.cut_words
        self.cut.setText(f"{words}…" if words else "No link leads here: nothing to cut")
        self.cut.setEnabled(bool(words) and self._button.isEnabled())
        self.cut.setToolTip(self._button.toolTip())
        self.popup(QCursor.pos() if at is None else at)

    def _cut(self) -> None:
        self.cut_wanted.emit()
        self._button.click()
