"""Small views that panels are built from: tables, messages with what can be done, labels."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtWidgets import (
    QFrame,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableView,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.engine.errors import first_of_kinds
from lineage_triplets.plugin.common.flow import FlowLayout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from qtpy.QtCore import QObject
    from qtpy.QtGui import QResizeEvent
    from qtpy.QtWidgets import QLayout

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.record import DecisionsError, ReviewInUseError

_MOST_ROWS = 5
_MOST_HEIGHT = 260
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


def show_rows(view: QTableView, name: str, tip: str) -> None:
    """Make a table one of rows: chosen whole, a line each, left by Tab.

    Parameters
    ----------
    view : QTableView
    name : str
        The ``objectName``.
    tip : str
        What it shows, for screen readers.
    """
    view.setObjectName(name)
    view.setAccessibleName(tip)
    view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
    view.verticalHeader().hide()


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
        self._table = FrameTable(self)
        self.setModel(self._table)
        show_rows(self, name, tip)
        self.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
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


class Messages(QFrame):
    """A list of problems with buttons under it; hidden while there is nothing to say.

    Parameters
    ----------
    session : Session
        Its failures are shown here, until the next thing works.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messages")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._text = QTextBrowser(self)
        self._text.setObjectName("message_text")
        self._text.setMaximumHeight(_MOST_HEIGHT)
        self._text.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self._buttons = FlowLayout()
        self._covered = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self._text)
        layout.addLayout(self._buttons)
        session.failed.connect(self.show_text)
        session.opened.connect(self.clear)
        self.hide()

    def clear(self) -> None:
        """Say nothing."""
        self._covered = ""
        self._put([])
        self.hide()

    def show_text(self, text: str) -> None:
        """Show one message, which can be put away."""
        if text == self._covered and not self.isHidden():
            return
        self._text.setPlainText(text)
        self._put([("Close", "close_message", self.clear)])

    def show_problems(
        self, problems: Sequence[Problem], again: Callable[[], object], *, covered: str = ""
    ) -> None:
        """Show a list of problems with a button to try again.

        Parameters
        ----------
        problems : sequence of Problem
        again : callable
        covered : str
            What others say of the same; it does not take the list's place.
        """
        first, more = first_of_kinds(
            problems, "`lineage-triplets validate CONFIG --all` prints all"
        )
        self._text.setHtml(
            "".join([*map(_as_html, first), *(f"<p>{escape(line)}</p>" for line in more)])
        )
        self._put([("Try again", "try_again", again), ("Close", "close_message", self.clear)])
        self._covered = covered

    def show_in_use(
        self,
        error: ReviewInUseError,
        take_over: Callable[[], object],
        read_only: Callable[[], object],
    ) -> None:
        """Say who reviews the config, and offer what can be done."""
        self._text.setHtml("".join(_as_html(problem) for problem in error.problems))
        buttons: list[tuple[str, str, Callable[[], object]]] = [
            ("Open read-only", "open_read_only", read_only)
        ]
        if error.stale:
            buttons.insert(0, ("Take over", "take_over", take_over))
        self._put([*buttons, ("Close", "close_message", self.clear)])

    def show_no_decisions(
        self,
        error: DecisionsError,
        elsewhere: Callable[[], object],
        read_only: Callable[[], object],
        again: Callable[[], object],
    ) -> None:
        """Say why decisions cannot be kept, and offer another place for them."""
        self._text.setHtml("".join(_as_html(problem) for problem in error.problems))
        self._put(
            [
                ("Keep decisions elsewhere…", "decisions_elsewhere", elsewhere),
                ("Open read-only", "open_read_only", read_only),
                ("Try again", "try_again", again),
                ("Close", "close_message", self.clear),
            ]
        )

    def _put(self, buttons: list[tuple[str, str, Callable[[], object]]]) -> None:
        empty_layout(self._buttons)
        for text, name, action in buttons:
            button = QPushButton(text, self)
            button.setObjectName(name)
            button.clicked.connect(lambda _=False, action=action: action())
            self._buttons.addWidget(button)
        self.setVisible(bool(buttons))


def _as_html(problem: Problem) -> str:
    where = f"{escape(problem.where)}<br>" if problem.where else ""
    remedy = f"<br><i>{escape(problem.remedy)}</i>" if problem.remedy else ""
    return f"<p>{where}<b>{escape(problem.severity)}</b> {escape(problem.message)}{remedy}</p>"


def words_label(name: str, parent: QWidget) -> QLabel:
    """Make a label of which words can be copied, as high as they need."""
    label = QLabel(parent)
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def empty_layout(layout: QLayout) -> None:
    """Take everything out of a layout; its widgets go."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
