"""A small DataFrame as a table of words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

if TYPE_CHECKING:
    import pandas as pd
    from qtpy.QtCore import QObject


class FrameTable(QAbstractTableModel):
    """Shows a DataFrame as it is, column names as headings.

    Parameters
    ----------
    frame : DataFrame, optional
        Nothing by default.
    """

    def __init__(self, frame: pd.DataFrame | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._frame = frame

    def show(self, frame: pd.DataFrame | None) -> None:
        """Show another one; None shows nothing."""
        self.beginResetModel()
        self._frame = frame
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's
        """Count rows."""
        return 0 if parent.isValid() or self._frame is None else len(self._frame)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's
        """Count columns."""
        return 0 if parent.isValid() or self._frame is None else len(self._frame.columns)

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

    def headerData(  # noqa: N802 - Qt's
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Give a column's name."""
        if self._frame is None or role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == Qt.Orientation.Horizontal:
            return str(self._frame.columns[section])
        return None
