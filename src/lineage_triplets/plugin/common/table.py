"""Tables: what their models share, and a small one that is as high as its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtWidgets import QHeaderView, QTableView, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from qtpy.QtCore import QObject
    from qtpy.QtGui import QResizeEvent

_MOST_ROWS = 5
_ROOT = QModelIndex()


class RowTable(QAbstractTableModel):
    """Rows under headings; a subclass says how many there are, and gives their `data`.

    Attributes
    ----------
    headings : sequence of str
    tips : sequence of str
        What each column is, in words; empty for none.
    """

    headings: Sequence[str] = ()
    tips: Sequence[str] = ()

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:  # noqa: N802 - Qt's name
        """Count rows; none has rows of its own."""
        return 0 if parent.isValid() else self.n_rows

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:  # noqa: N802 - Qt's name
        """Count columns."""
        return 0 if parent.isValid() else len(self.headings)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Give a column's heading, or what it means."""
        words = {Qt.ItemDataRole.DisplayRole: self.headings, Qt.ItemDataRole.ToolTipRole: self.tips}
        of_role = words.get(role, ())
        across = orientation == Qt.Orientation.Horizontal and 0 <= section < len(of_role)
        return of_role[section] if across else None


class FrameTable(RowTable):
    """Shows a DataFrame as it is, column names as headings; nothing at first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._frame: pd.DataFrame | None = None

    @property
    def n_rows(self) -> int:
        """Rows of the DataFrame."""
        return 0 if self._frame is None else len(self._frame)

    def show(self, frame: pd.DataFrame | None) -> None:
        """Show another one; None shows nothing."""
        self.beginResetModel()
        self._frame = frame
        self.headings = [] if frame is None else [str(name) for name in frame.columns]
        self.endResetModel()

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give the words of one cell; they are its tooltip too, for narrow columns."""
        if self._frame is None or not index.isValid():
            return None
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole}:
            return str(self._frame.iloc[index.row(), index.column()])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            text = str(self._frame.iloc[index.row(), index.column()])
            if text.replace(",", "").isdigit():
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


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
        self._table = FrameTable(self)
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
