"""The list of findings with its filters, in groups if asked; many can be selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QModelIndex, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLabel,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from lineage_triplets.plugin.common.field import Field
from lineage_triplets.plugin.common.flow import FlowLayout
from lineage_triplets.plugin.common.keys import Key, KeyGroup, LettersStay
from lineage_triplets.plugin.problems.finding_line import FindingDelegate, row_height
from lineage_triplets.plugin.problems.groups import GROUPINGS, kind_words
from lineage_triplets.plugin.problems.model import (
    COLUMNS,
    STATUSES,
    FindingFilter,
    FindingModel,
    FindingRows,
)
from lineage_triplets.qc.find import SEVERITIES

if TYPE_CHECKING:
    from qtpy.QtGui import QKeyEvent, QMouseEvent, QResizeEvent, QShowEvent

    from lineage_triplets.plugin.problems.groups import GroupKey
    from lineage_triplets.qc.decide.settled import ReviewedFinding

_FINDING = COLUMNS.index("Finding")
_FOLDS = {Qt.Key.Key_Right: True, Qt.Key.Key_Left: False}
_ARROW = 4
_AT_END = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CHARACTERS = 9
"""That the pickers show at least: three are side by side in a dock of usual width."""
_MANY, _OF_MANY = 200, "by kind, experiment"

KEYS = KeyGroup(
    "Findings",
    (
        Key("J, F8", "next finding, and go there", lambda panel: panel.findings.step(1)),
        Key(
            "K, Shift+F8",
            "the finding before, and go there",
            lambda panel: panel.findings.step(-1),
        ),
        Key("Up, Down", "select above or below; with Shift more, Ctrl+A all"),
        Key("Right, Left", "open a group; close it, or go to its head"),
        Key("G", "group them, by what", lambda panel: panel.findings.grouping.showPopup()),
        Key("Enter", "go to the selected finding in the viewer"),
        Key("Ctrl+F", "filter", lambda panel: panel.findings.filter_text.setFocus()),
    ),
)


class _FindingTable(QTableView):
    """Lines of findings and groups.

    Attributes
    ----------
    fold_wanted : Signal(bool)
        A person opens (True) or closes a group by a key.
    clicked_left : int
        How far from the left the mouse was pressed last, in pixels.
    """

    fold_wanted = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.clicked_left = 0

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the current line in sight where what is below takes room."""
        super().resizeEvent(event)
        if event.size().height() < event.oldSize().height() and self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Open and close groups by the arrows."""
        if event.key() in _FOLDS:
            self.fold_wanted.emit(_FOLDS[event.key()])
            return
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Remember where, to tell a group's arrow from its name."""
        self.clicked_left = round(event.position().x())
        super().mousePressEvent(event)


class FindingList(QWidget):
    """Filters and the list.

    Attributes
    ----------
    selected : Signal(object)
        Gets the `ReviewedFinding` that is selected, anew when something became of it, or the first
        open one of a group; or None.
    wanted : Signal()
        A person asks for the selected finding: by a click, Enter, next or previous.
    """

    selected = Signal(object)
    wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = ""
        self._group: GroupKey = ()
        self._following = False
        self._was_grouped = False
        self.model = FindingModel(self)
        self.filter_text = Field("Filter findings", self)
        self.filter_text.setObjectName("filter_findings")
        self.filter_text.setAccessibleName("Filter findings")
        self.filter_text.setToolTip("Words that must all be in a finding (Ctrl+F)")
        self.filter_text.setClearButtonEnabled(True)
        self.filter_text.textChanged.connect(self._filter)
        self._count = QLabel(self)
        self._count.setObjectName("finding_count")
        self._count.setAlignment(_AT_END)
        self._severity = self._choice("filter_severity", "How bad")
        self._kind = self._choice("filter_kind", "What kind of finding")
        self._experiment = self._choice("filter_experiment", "In which experiment")
        self._status = self._choice("filter_status", "What became of them")
        self.grouping = self._choice("group_findings", "Findings that are alike in one group (G)")
        self.grouping.addItems(list(GROUPINGS))
        _fill(self._severity, "any severity", {f"{severity}s": severity for severity in SEVERITIES})
        _fill(self._status, "any status", {status: status for status in STATUSES})
        _fill(self._kind, "any kind", {})
        _fill(self._experiment, "any experiment", {})
        self._status.setCurrentText("open")
        self.table = self._make_table()
        choices = FlowLayout()
        combos = (self._severity, self._status, self._kind, self._experiment, self.grouping)
        for combo in combos:
            choices.addWidget(combo, 1)
            combo.currentIndexChanged.connect(self._filter)
        choices.addWidget(self._count, 1)
        self.grouping.activated.connect(self._on_grouped)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.filter_text)
        layout.addLayout(choices)
        layout.addWidget(self.table, 1)
        self.say("")

    @property
    def current(self) -> ReviewedFinding | None:
        """The finding that is selected, or the first open one of the group that is."""
        if self._key:
            return self.model.at(self.model.row_of(self._key))
        line = self.model.line_of_group(self._group) if self._group else -1
        return next(iter(self.model.of_lines([line])), None)

    @property
    def following(self) -> ReviewedFinding | None:
        """The finding in the line below the one that is selected; None where there is none."""
        line = self.model.row_of(self._key) if self._key else -1
        return None if line < 0 else self.model.at(line + 1)

    @property
    def chosen(self) -> list[ReviewedFinding]:
        """All findings that are selected, those of groups too."""
        rows = self.table.selectionModel().selectedRows(_FINDING) or [self.table.currentIndex()]
        return self.model.of_lines(sorted(index.row() for index in rows))

    def say(self, words: str) -> None:
        """Say something in place of the count."""
        self._count.setText(words)

    def set_rows(self, rows: FindingRows) -> None:
        """Show other findings; selection, filters and scroll position stay."""
        kinds = sorted(set(rows.kind.tolist()))
        _fill(self._kind, "any kind", {kind_words(kind): kind for kind in kinds})
        names = [name for name in dict.fromkeys(rows.experiment.tolist()) if name]
        _fill(self._experiment, "any experiment", {name: name for name in names})
        if not self._was_grouped and len(rows) > _MANY:
            # Nobody goes through thousands one by one.
            self._was_grouped = True
            with signals_blocked(self.grouping):
                self.grouping.setCurrentText(_OF_MANY)
        self._show(rows, self._wanted())
        self.selected.emit(self.current)

    def select(self, key: str) -> bool:
        """Select a finding, and let go of filters that hide it; False if there is none."""
        if key not in self.model.rows.row_of:
            return False
        self._key, self._group = key, ()
        self.model.reveal(key)
        if self.model.row_of(key) < 0:
            self._following = True
            self.filter_text.clear()
            for combo in (self._severity, self._kind, self._experiment, self._status):
                combo.setCurrentIndex(0)
            self._following = False
        self._show(self.model.rows, self._wanted())
        if self.model.row_of(key) < 0:
            self.model.reveal(key)
            self._restore()
        self.selected.emit(self.current)
        return True

    def step(self, step: int) -> None:
        """Go to the next finding or closed group, or the one before it."""
        n, line = self.model.rowCount(), self.table.currentIndex().row()
        line = (0 if step > 0 else n - 1) if line < 0 else line + step
        while 0 <= line < n:
            group = self.model.group_at(line)
            if group is None or not self.model.is_open(group):
                self.table.setCurrentIndex(self.model.index(line, _FINDING))
                break
            line += step
        if n and self._key:
            self.wanted.emit()

    def _choice(self, name: str, tip: str) -> QComboBox:
        combo = QComboBox(self)
        LettersStay(combo)
        combo.setObjectName(name)
        combo.setToolTip(tip)
        combo.setAccessibleName(tip)
        combo.setMinimumContentsLength(_CHARACTERS)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        return combo

    def _make_table(self) -> QTableView:
        table = _FindingTable(self)
        table.setObjectName("finding_list")
        table.setAccessibleName("Findings, the worst first")
        table.setModel(self.model)
        table.setItemDelegate(FindingDelegate(table))
        for column in range(len(COLUMNS)):
            table.setColumnHidden(column, column != _FINDING)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setMinimumHeight(110)
        table.horizontalHeader().hide()
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.selectionModel().currentRowChanged.connect(self._on_current)
        table.selectionModel().selectionChanged.connect(self._on_selection)
        table.clicked.connect(self._on_clicked)
        table.activated.connect(self._on_activated)
        table.fold_wanted.connect(self._fold)
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
        self._count.setMinimumWidth(self.grouping.minimumSizeHint().width())
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
            self._show(self.model.rows, self._wanted(), keeps="")

    def _show(self, rows: FindingRows, wanted: FindingFilter, *, keeps: str | None = None) -> None:
        """Show rows; of those that the filter hides the selected one, or what `keeps` names."""
        kept = self._key if keeps is None else keeps
        scroll, line = self.table.verticalScrollBar().value(), self.table.currentIndex().row()
        self._following = True
        self.model.show(rows, wanted, kept, GROUPINGS[self.grouping.currentText()])
        self._following = False
        self._restore(scroll, line)
        shown, n_all = self.model.n_shown, len(rows)
        self.say(f"{shown:,} of {n_all:,}" if shown != n_all else f"{n_all:,}")

    def _restore(self, scroll: int | None = None, before: int = -1) -> None:
        """Select what was selected; of a group that is gone what stands in its place."""
        line = self.model.row_of(self._key) if self._key else -1
        if self._group and not self._key:
            line = self.model.line_of_group(self._group)
            if line < 0 and self.model.rowCount():
                line = min(max(before, 0), self.model.rowCount() - 1)
        self._following = True
        if line >= 0:
            self.table.setCurrentIndex(self.model.index(line, _FINDING))
        self._following = False
        self._take(line)
        if scroll is not None:
            self.table.verticalScrollBar().setValue(scroll)
        if line >= 0:
            self.table.scrollTo(self.model.index(line, _FINDING))

    def _take(self, line: int) -> None:
        """Remember what stands in a line as what is selected."""
        reviewed, group = self.model.at(line), self.model.group_at(line)
        self._key = "" if reviewed is None else reviewed.finding.key
        self._group = () if group is None else group.key

    def _on_current(self, index: QModelIndex) -> None:
        if self._following or not index.isValid():
            return
        self._take(index.row())
        self.selected.emit(self.current)

    def _on_selection(self) -> None:
        """Tell that more are selected, or fewer; of another current one it is told already."""
        if not self._following and len(self.table.selectionModel().selectedRows(_FINDING)) != 1:
            self.selected.emit(self.current)

    def _on_clicked(self, index: QModelIndex) -> None:
        group = self.model.group_at(index.row())
        if group is None:
            self.wanted.emit()
        elif (
            self.table.clicked_left < (group.depth + 1) * self.table.fontMetrics().height() + _ARROW
        ):
            self._fold(not self.model.is_open(group))

    def _on_activated(self, index: QModelIndex) -> None:
        group = self.model.group_at(index.row())
        if group is None:
            self.wanted.emit()
        else:
            self._fold(not self.model.is_open(group))

    def _fold(self, is_open: bool) -> None:
        """Open the group that is selected, or close it; in a group, closing goes to its head."""
        line = self.table.currentIndex().row()
        group = self.model.group_at(line)
        if group is not None and self.model.is_open(group) != is_open:
            self._following = True
            self.model.set_open(group, is_open)
            self._following = False
            self._restore()
        elif not is_open:
            head = self.model.head_over(line)
            if head >= 0:
                self.table.setCurrentIndex(self.model.index(head, _FINDING))

    def _on_grouped(self) -> None:
        self._was_grouped = True


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
