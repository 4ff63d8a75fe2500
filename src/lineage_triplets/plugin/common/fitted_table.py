"""A small table that is as high as its rows, up to some, and scrolls beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHeaderView, QTableView, QWidget

from lineage_triplets.plugin.common.frame_table import FrameTable

if TYPE_CHECKING:
    import pandas as pd
    from qtpy.QtGui import QResizeEvent

_MOST_ROWS = 5


class FittedTable(QTableView):
    """Shows a DataFrame; hidden while there are no rows.

    Parameters
    ----------
    name : str
        The ``objectName``.
    tip : str
        What it shows, for screen readers.
    """

    def __init__(self, name: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(tip)
        self._table = FrameTable(parent=self)
        self.setModel(self._table)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.horizontalHeader().setStretchLastSection(True)
        self.hide()

    def show_frame(self, frame: pd.DataFrame | None) -> None:
        """Show another DataFrame; None shows nothing."""
        self._table.show(frame)
        self.setVisible(self._table.rowCount() > 0)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().lineSpacing() + 8)
        self.resizeColumnsToContents()
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's
        """Make room for the scroll bar where columns need it."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        n_rows = min(self._table.rowCount(), _MOST_ROWS)
        height = self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth()
        height += n_rows * self.verticalHeader().defaultSectionSize()
        if self.horizontalScrollBar().maximum() > 0:
            height += self.horizontalScrollBar().sizeHint().height()
        if height != self.height():
            self.setFixedHeight(height)
