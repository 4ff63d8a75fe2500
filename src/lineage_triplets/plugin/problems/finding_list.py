"""The list of findings with its filters; two lines a finding, so that it reads in a narrow dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFont, QPainter, QPalette
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from lineage_triplets.plugin.common.keys import Key, KeyGroup, LettersStay
from lineage_triplets.plugin.common.patch_image import legible
from lineage_triplets.plugin.problems.model import (
    COLUMNS,
    MARKS,
    STATUS_WORDS,
    STATUSES,
    FindingFilter,
    FindingModel,
    FindingRows,
    kind_words,
    where_words,
)
from lineage_triplets.qc.find import SEVERITIES

if TYPE_CHECKING:
    from qtpy.QtGui import QShowEvent

    from lineage_triplets.qc.decide.settled import ReviewedFinding

_COLOURS = {
    "error": QColor(213, 94, 0),
    "warning": QColor(230, 159, 0),
    "note": QColor(86, 140, 180),
}
_PAD = 4
_FINDING = COLUMNS.index("Finding")
_DIM = 0.7

KEYS = KeyGroup(
    "Findings",
    (
        Key("J, F8", "next finding, and go there", lambda panel: panel.findings.step(1)),
        Key(
            "K, Shift+F8",
            "the finding before, and go there",
            lambda panel: panel.findings.step(-1),
        ),
        Key("Up, Down", "select above or below"),
        Key("Enter", "go to the selected finding in the viewer"),
        Key("Ctrl+F", "filter", lambda panel: panel.findings.filter_text.setFocus()),
    ),
)


def severity_colour(severity: str, palette: QPalette) -> QColor:
    """Colour of a severity's mark, legible in the theme."""
    return legible(_COLOURS[severity], palette)


class FindingList(QWidget):
    """Filters and the list.

    Attributes
    ----------
    selected : Signal(object)
        Gets the `ReviewedFinding` that is selected, anew when something became of it; or None.
    wanted : Signal()
        A person asks for the selected finding: by a click, Enter, next or previous.
    """

    selected = Signal(object)
    wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = ""
        self._following = False
        self.model = FindingModel(self)
        self.filter_text = QLineEdit(self)
        self.filter_text.setObjectName("filter_findings")
        self.filter_text.setPlaceholderText("Filter findings")
        self.filter_text.setToolTip("Words that must all be in a finding (Ctrl+F)")
        self.filter_text.setClearButtonEnabled(True)
        self.filter_text.textChanged.connect(self._filter)
        self._count = QLabel(self)
        self._count.setObjectName("finding_count")
        self._severity = self._choice("filter_severity", "How bad")
        self._kind = self._choice("filter_kind", "What kind of finding")
        self._experiment = self._choice("filter_experiment", "In which experiment")
        self._status = self._choice("filter_status", "What became of them")
        _fill(self._severity, "any severity", {f"{severity}s": severity for severity in SEVERITIES})
        _fill(self._status, "any status", {status: status for status in STATUSES})
        _fill(self._kind, "any kind", {})
        _fill(self._experiment, "any experiment", {})
        self._status.setCurrentText("open")
        self.table = self._make_table()
        text, choices = QHBoxLayout(), QGridLayout()
        text.addWidget(self.filter_text, 1)
        text.addWidget(self._count)
        combos = (self._severity, self._status, self._kind, self._experiment)
        for number, combo in enumerate(combos):
            choices.addWidget(combo, number // 2, number % 2)
            choices.setColumnStretch(number % 2, 1)
            combo.currentIndexChanged.connect(self._filter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(text)
        layout.addLayout(choices)
        layout.addWidget(self.table, 1)
        self.say("")

    @property
    def current(self) -> ReviewedFinding | None:
        """The finding that is selected."""
        return self.model.at(self.model.row_of(self._key)) if self._key else None

    def say(self, words: str) -> None:
        """Say something in place of the count."""
        self._count.setText(words)

    def set_rows(self, rows: FindingRows) -> None:
        """Show other findings; selection, filters and scroll position stay."""
        kinds = sorted(set(rows.kind.tolist()))
        _fill(self._kind, "any kind", {kind_words(kind): kind for kind in kinds})
        names = [name for name in dict.fromkeys(rows.experiment.tolist()) if name]
        _fill(self._experiment, "any experiment", {name: name for name in names})
        self._show(rows, self._wanted())
        self.selected.emit(self.current)

    def select(self, key: str) -> bool:
        """Select a finding, and let go of filters that hide it; False if there is none."""
        if key not in self.model.rows.row_of:
            return False
        self._key = key
        if self.model.row_of(key) < 0:
            self._following = True
            self.filter_text.clear()
            for combo in (self._severity, self._kind, self._experiment, self._status):
                combo.setCurrentIndex(0)
            self._following = False
        self._show(self.model.rows, self._wanted())
        self.selected.emit(self.current)
        return True

    def step(self, step: int) -> None:
        """Go to the next finding, or the one before it."""
        n = self.model.rowCount()
        if not n:
            return
        row = self.model.row_of(self._key)
        row = (0 if step > 0 else n - 1) if row < 0 else min(max(row + step, 0), n - 1)
        self.table.setCurrentIndex(self.model.index(row, _FINDING))
        self.wanted.emit()

    def _choice(self, name: str, tip: str) -> QComboBox:
        combo = QComboBox(self)
        LettersStay(combo)
        combo.setObjectName(name)
        combo.setToolTip(tip)
        combo.setAccessibleName(tip)
        combo.setMinimumContentsLength(8)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        return combo

    def _make_table(self) -> QTableView:
        table = QTableView(self)
        table.setObjectName("finding_list")
        table.setAccessibleName("Findings, the worst first")
        table.setModel(self.model)
        table.setItemDelegate(_FindingDelegate(table))
        for column in range(len(COLUMNS)):
            table.setColumnHidden(column, column != _FINDING)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setMinimumHeight(110)
        table.horizontalHeader().hide()
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.selectionModel().currentRowChanged.connect(self._on_current)
        table.clicked.connect(lambda _: self.wanted.emit())
        table.activated.connect(lambda _: self.wanted.emit())
        return table

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Fit the rows to another font."""
        super().changeEvent(event)
        if event.type() in {QEvent.Type.FontChange, QEvent.Type.StyleChange}:
            self._fit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Fit the rows to the font that they are shown in."""
        super().showEvent(event)
        self._fit()

    def _fit(self) -> None:
        rows, height = self.table.verticalHeader(), row_height(self.table)
        if rows.defaultSectionSize() != height:
            rows.setDefaultSectionSize(height)

    def _wanted(self) -> FindingFilter:
        return FindingFilter(
            self.filter_text.text(),
            self._severity.currentData() or "",
            self._kind.currentData() or "",
            self._experiment.currentData() or "",
            self._status.currentData() or "",
        )

    def _filter(self) -> None:
        if not self._following:
            self._show(self.model.rows, self._wanted())

    def _show(self, rows: FindingRows, wanted: FindingFilter) -> None:
        scroll = self.table.verticalScrollBar().value()
        self._following = True
        self.model.show(rows, wanted, self._key)
        row = self.model.row_of(self._key)
        if row >= 0:
            self.table.setCurrentIndex(self.model.index(row, _FINDING))
        self._following = False
        if row < 0:
            self._key = ""
        self.table.verticalScrollBar().setValue(scroll)
        if row >= 0:
            self.table.scrollTo(self.model.index(row, _FINDING))
        shown, n_all = self.model.rowCount(), len(rows)
        self.say(f"{shown:,} of {n_all:,}" if shown != n_all else f"{n_all:,}")

    def _on_current(self, index: QModelIndex) -> None:
        reviewed = self.model.at(index.row()) if index.isValid() else None
        if self._following or reviewed is None:
            return
        self._key = reviewed.finding.key
        self.selected.emit(reviewed)


def _fill(combo: QComboBox, everything: str, listed: dict[str, str]) -> None:
    """Offer choices; the present one stays, even where nothing has it any more."""
    chosen = combo.currentData() or ""
    with signals_blocked(combo):
        combo.clear()
        combo.addItem(everything, "")
        for words, value in listed.items():
            combo.addItem(words, value)
        if chosen and combo.findData(chosen) < 0:
            combo.addItem(kind_words(chosen), chosen)
        combo.setCurrentIndex(combo.findData(chosen))


def row_height(table: QTableView) -> int:
    """Height of a finding in the list."""
    return 2 * table.fontMetrics().height() + 3 * _PAD


class _FindingDelegate(QStyledItemDelegate):
    """Mark, kind, place and status over the sentence."""

    def sizeHint(  # noqa: N802 - Qt's name
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Two lines."""
        del index
        return QSize(200, 2 * option.fontMetrics.height() + 3 * _PAD)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draw one finding."""
        reviewed: ReviewedFinding | None = index.data(Qt.ItemDataRole.UserRole)
        if reviewed is None:
            return
        finding, palette = reviewed.finding, option.palette
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        ink = palette.color(QPalette.ColorRole.Text)
        if is_selected:
            painter.fillRect(option.rect, palette.color(QPalette.ColorRole.Highlight))
            ink = palette.color(QPalette.ColorRole.HighlightedText)
        dim = QColor(ink)
        dim.setAlphaF(_DIM)
        room = option.rect.adjusted(_PAD + 1, _PAD, -_PAD - 1, -_PAD)
        metrics, line = option.fontMetrics, option.fontMetrics.height()
        top = QRect(room.left(), room.top(), room.width(), line)
        painter.setFont(option.font)
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)

        mark = metrics.horizontalAdvance("▲ ")
        painter.setPen(ink if is_selected else severity_colour(finding.severity, palette))
        painter.drawText(top, flags, MARKS[finding.severity])
        status = STATUS_WORDS[reviewed.status]
        painter.setPen(ink if status else dim)
        painter.drawText(
            top, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), status
        )
        left = top.adjusted(mark, 0, -metrics.horizontalAdvance(f"{status} "), 0)
        bold = QFont(option.font)
        bold.setBold(True)
        painter.setFont(bold)
        painter.setPen(ink)
        kind = painter.fontMetrics().elidedText(
            kind_words(finding.kind), Qt.TextElideMode.ElideRight, left.width()
        )
        painter.drawText(left, flags, kind)
        left.setLeft(left.left() + painter.fontMetrics().horizontalAdvance(f"{kind}  "))
        painter.setFont(option.font)
        painter.setPen(dim)
        where = metrics.elidedText(where_words(finding), Qt.TextElideMode.ElideMiddle, left.width())
        painter.drawText(left, flags, where)
        below = QRect(room.left() + mark, top.bottom() + _PAD, room.width() - mark, line)
        painter.setPen(ink)
        sentence = metrics.elidedText(finding.sentence, Qt.TextElideMode.ElideRight, below.width())
        painter.drawText(below, flags, sentence)
        painter.restore()
