"""The table of lineages with pickers and filters; the selection survives whatever is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QModelIndex, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QStyledItemDelegate,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from superqt import QSearchableComboBox

from lineage_triplets.plugin.browse.model import COLUMNS, LineageFilter, LineageModel
from lineage_triplets.plugin.common.field import Field
from lineage_triplets.plugin.common.flow import FlowLayout
from lineage_triplets.plugin.common.keys import Key, KeyGroup
from lineage_triplets.plugin.common.session import Place
from lineage_triplets.plugin.common.views import show_rows

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent, QShowEvent

    from lineage_triplets.plugin.browse.model import Column, LineageRows
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.look.view import Intent

_WIDEST = {"n_cells": "9,999", "n_anchors": "9,999", "decision": "✓ accepted"}
_LEFT_OUT_FIRST = ("n_frames", "n_anchors", "n_cells", "n_divisions")
_CELL_MARGIN = 10
_NAME_CHARACTERS, _PLACE_CHARACTERS = 22, 15

KEYS = KeyGroup(
    "Table of lineages",
    (
        Key("Up, Down", "select the lineage above or below; with Shift more, Ctrl+A all"),
        Key("J", "the next lineage", lambda panel: panel.lineages.step(1)),
        Key("K", "the lineage before", lambda panel: panel.lineages.step(-1)),
        Key("Enter", "go to its first cell in the viewer"),
        Key("Ctrl+F", "filter", lambda panel: panel.lineages.filter_text.setFocus()),
    ),
)


class _DecisionDelegate(QStyledItemDelegate):
    """Shows the mark of a decision alone where its words do not fit."""

    def initStyleOption(self, option: Any, index: QModelIndex) -> None:  # noqa: N802 - Qt's name
        super().initStyleOption(option, index)
        if option.fontMetrics.horizontalAdvance(option.text) + _CELL_MARGIN > option.rect.width():
            option.text = option.text[:1]


class LineageList(QWidget):
    """Filter box, check boxes, table.

    Attributes
    ----------
    chosen : Signal(str)
        Gets the ``lineage_id`` that a person selects.
    many_changed : Signal()
        More lineages are selected besides, or fewer.
    """

    chosen = Signal(str)
    many_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lineage = ""
        self._following = False
        self._fitted: tuple[object, ...] = ()
        self.model = LineageModel(self)
        self.filter_text = Field("Filter lineages", self)
        self.filter_text.setObjectName("filter_text")
        self.filter_text.setAccessibleName("Filter lineages")
        self.filter_text.setToolTip(
            "Words that must all be in the lineage or its condition (Ctrl+F)"
        )
        self.filter_text.setClearButtonEnabled(True)
        self.has_divisions = self._check(
            "has_divisions", "has divisions", "with at least one division"
        )
        self.undecided = self._check("undecided_only", "undecided", "neither accepted nor rejected")
        self.has_problems = self._check(
            "has_problems", "has problems", "of which an open error or warning names a track"
        )
        self._count = QLabel(self)
        self._count.setObjectName("lineage_count")
        self.table = self._make_table()
        self.filter_text.textChanged.connect(self._filter)
        text, checks = QHBoxLayout(), FlowLayout()
        text.addWidget(self.filter_text, 1)
        text.addWidget(self._count)
        for check in (self.has_divisions, self.undecided, self.has_problems):
            checks.addWidget(check)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(text)
        layout.addLayout(checks)
        layout.addWidget(self.table, 1)
        self.show_reading()

    @property
    def lineage(self) -> str:
        """``lineage_id`` that is selected; empty for none."""
        return self._lineage

    @property
    def n_selected(self) -> int:
        """How many lineages are selected."""
        return sum(len(rows) for rows in self._selected_rows())

    def selected(self) -> list[str]:
        """Give the ``lineage_id`` of all that are selected, from the top."""
        rows = sorted(row for rows in self._selected_rows() for row in rows)
        return [self.model.lineage_at(row) for row in rows]

    def _selected_rows(self) -> list[range]:
        # By ranges: all of ninety thousand are one.
        ranges = self.table.selectionModel().selection()
        return [range(one.top(), one.bottom() + 1) for one in ranges if one.left() == 0]

    def show_reading(self) -> None:
        """Say that the lineages are being read."""
        self._count.setText("reading…")

    def set_rows(self, rows: LineageRows) -> None:
        """Show other lineages; selection and scroll position stay."""
        with_scroll = self.table.verticalScrollBar().value()
        self._following = True
        self.model.kept = self._lineage
        self.model.set_rows(rows)
        self._fit()
        self._following = False
        self._restore(with_scroll)

    def set_place(self, experiment: str, fov: str) -> None:
        """Show the lineages of an experiment, or a FOV, alone; empty for all."""
        wanted = replace(self.model.filter, experiment=experiment, fov=fov)
        if wanted != self.model.filter:
            self._set_filter(wanted)

    def select(self, lineage_id: str) -> None:
        """Select a lineage, shown even if it does not match; empty for none."""
        if lineage_id == self._lineage and self.model.row_of(lineage_id) == self._row:
            return
        self._lineage = lineage_id
        if lineage_id and self.model.row_of(lineage_id) < 0:
            self._set_filter(self.model.filter)
        self._restore(None)

    def step(self, by: int) -> None:
        """Go to a lineage below, or above by a negative number; to the first where none is."""
        row = self._row + by if self._row >= 0 else 0
        if 0 <= row < self.model.rowCount():
            self.table.setCurrentIndex(self.model.index(row, 0))

    def go_to_first(self) -> None:
        """Go to the first lineage that gives pairs; without any, to the one with most cells."""
        row = self.model.first_with_pairs
        if row >= 0:
            self.table.setCurrentIndex(self.model.index(row, 0))

    def foretold(self) -> list[Place]:
        """Where somebody will go: to the first cell of the lineage selected, and of the next."""
        rows = self.model.rows
        names = [self.model.lineage_at(row) for row in (self._row, self._row + 1) if row >= 0]
        found = [rows.row_of[name] for name in names if name]
        if not found:
            # Somebody may choose a lineage before they are listed.
            return []
        places = rows.place[["experiment", "fov_name"]].iloc[found].astype(str).to_numpy().tolist()
        first = rows.numbers["first_t"][found].tolist()
        return [
            Place(experiment, fov, t) for (experiment, fov), t in zip(places, first, strict=True)
        ]

    def select_next_undecided(self) -> None:
        """Go on to the next lineage that nothing was decided about."""
        following = self.model.next_undecided(self._lineage)
        if following:
            self.chosen.emit(following)

    @property
    def _row(self) -> int:
        return int(self.table.currentIndex().row())

    def _check(self, name: str, text: str, words: str) -> QCheckBox:
        check = QCheckBox(text, self)
        check.setObjectName(name)
        check.setToolTip(f"Show only lineages {words}")
        check.toggled.connect(self._filter)
        return check

    def _make_table(self) -> QTableView:
        table = QTableView(self)
        show_rows(table, "lineage_table", "Lineages")
        table.setModel(self.model)
        self._decisions = _DecisionDelegate(table)
        table.setItemDelegateForColumn(len(COLUMNS) - 1, self._decisions)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setShowGrid(False)
        table.setMinimumHeight(110)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.setSortingEnabled(True)
        table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        header.sortIndicatorChanged.connect(table.scrollToTop)
        table.selectionModel().currentRowChanged.connect(self._on_current)
        table.selectionModel().selectionChanged.connect(lambda *_: self.many_changed.emit())
        return table

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Fit rows and columns to another font."""
        super().changeEvent(event)
        if event.type() in {QEvent.Type.FontChange, QEvent.Type.StyleChange}:
            self._fit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Fit rows and columns to the font that it is shown in."""
        super().showEvent(event)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Say as much as there is room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Share out the width: the name comes first, then what is left out last."""
        metrics, header = self.table.fontMetrics(), self.table.horizontalHeader()
        row, least = metrics.height() + 6, metrics.horizontalAdvance("00000")
        widths = {column.key: self._width_of(column) for column in COLUMNS[1:]}
        bar = self.table.verticalScrollBar().sizeHint().width()
        room = self.width() - _NAME_CHARACTERS * metrics.averageCharWidth() - bar
        if sum(widths.values()) > room:
            widths["decision"] = metrics.horizontalAdvance(COLUMNS[-1].title) + _CELL_MARGIN
        left_out = set()
        for key in _LEFT_OUT_FIRST:
            if sum(widths.values()) > room:
                left_out.add(key)
                del widths[key]
        fitted = (row, least, tuple(widths.items()))
        if fitted == self._fitted:
            return
        self._fitted = fitted
        self.table.verticalHeader().setDefaultSectionSize(row)
        header.setMinimumSectionSize(least)
        for number, column in enumerate(COLUMNS[1:], start=1):
            header.setSectionHidden(number, column.key in left_out)
            if column.key in widths:
                header.resizeSection(number, widths[column.key])

    def _width_of(self, column: Column) -> int:
        words = [column.title, _WIDEST.get(column.key, "999")]
        if column.key != "decision":
            words.append(f"{self.model.rows.numbers[column.key].max(initial=0):,}")
        return (
            max(self.table.fontMetrics().horizontalAdvance(text) for text in words) + _CELL_MARGIN
        )

    def _filter(self) -> None:
        place = self.model.filter
        self._set_filter(
            LineageFilter(
                self.filter_text.text(),
                place.experiment,
                place.fov,
                has_divisions=self.has_divisions.isChecked(),
                undecided=self.undecided.isChecked(),
                has_problems=self.has_problems.isChecked(),
            )
        )

    def _set_filter(self, wanted: LineageFilter) -> None:
        self._following = True
        self.model.set_filter(wanted, self._lineage)
        self._following = False
        self._restore(None)

    def _restore(self, scroll: int | None) -> None:
        """Select what was selected, and count."""
        row = self.model.row_of(self._lineage)
        self._following = True
        if row < 0:
            self.table.setCurrentIndex(QModelIndex())
        elif row != self._row:
            column = max(self.table.currentIndex().column(), 0)
            self.table.setCurrentIndex(self.model.index(row, column))
        self._following = False
        if scroll is not None:
            self.table.verticalScrollBar().setValue(scroll)
        elif row >= 0:
            self.table.scrollTo(self.model.index(row, 0))
        shown, n_all = self.model.rowCount(), len(self.model.rows)
        self._count.setText(f"{shown:,} of {n_all:,}" if shown != n_all else f"{n_all:,}")

    def _on_current(self, index: QModelIndex) -> None:
        if self._following or not index.isValid():
            return
        self._lineage = self.model.lineage_at(index.row())
        self.chosen.emit(self._lineage)


class PlacePickers(QWidget):
    """Two pickers; FOVs are listed with experiment, well and condition.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        # (experiment, FOV, what is said of it), as read; then what the pickers offer.
        self._known: list[tuple[str, str, str]] = []
        self._experiments: list[str] = []
        self._fovs: list[tuple[str, str]] = []
        self.experiment = self._picker("experiment", "Experiment: all, or one; type to search")
        self.fov = self._picker(
            "fov", "FOV: all, or one; type part of its name, well or condition to search"
        )
        self.experiment.activated.connect(self._on_experiment)
        self.fov.activated.connect(self._on_fov)
        layout = FlowLayout(self)
        layout.addWidget(self.experiment, 2)
        layout.addWidget(self.fov, 3)

    def fill(self, review: Review) -> None:
        """Offer the experiments and FOVs of a review."""
        self._known = [
            (source.experiment, source.fov.name, f"well {source.fov.well_name}, {source.condition}")
            for source in review.data.raw.fovs
        ]
        self._experiments = ["", *dict.fromkeys(experiment for experiment, _, _ in self._known)]
        _offer(self.experiment, ["all experiments", *self._experiments[1:]])
        self._fovs = []
        self.follow(review.intent)

    def follow(self, intent: Intent) -> None:
        """Show what is chosen."""
        wanted = intent.experiment
        own = [known for known in self._known if wanted in ("", known[0])]
        fovs = [(experiment, fov) for experiment, fov, _ in own]
        if [("", ""), *fovs] != self._fovs:
            self._fovs = [("", ""), *fovs]
            words = [
                f"{fov} ({said})" if wanted else f"{experiment} {fov} ({said})"
                for experiment, fov, said in own
            ]
            _offer(self.fov, ["all FOVs", *words])
        self.experiment.setCurrentIndex(
            self._experiments.index(wanted) if wanted in self._experiments else 0
        )
        found = [k for k, place in enumerate(self._fovs) if k and place[1] == intent.fov]
        self.fov.setCurrentIndex(found[0] if found else 0)

    def _picker(self, name: str, words: str) -> QSearchableComboBox:
        picker = QSearchableComboBox(self)
        picker.setObjectName(name)
        picker.setToolTip(words)
        picker.setAccessibleName(words)
        picker.setMinimumContentsLength(_PLACE_CHARACTERS)
        picker.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        picker.lineEdit().editingFinished.connect(lambda: _settle(picker))
        return picker

    def _on_experiment(self, number: int) -> None:
        self._session.choose(experiment=self._experiments[number])
        self._show_chosen()

    def _on_fov(self, number: int) -> None:
        experiment, fov = self._fovs[number]
        if fov:
            self._session.choose(experiment=experiment, fov=fov)
        else:
            self._session.choose(fov="")
        self._show_chosen()

    def _show_chosen(self) -> None:
        """Go back to what holds, where a choice could not be made."""
        review = self._session.review
        if review is not None:
            self.follow(review.intent)


def _offer(picker: QComboBox, words: list[str]) -> None:
    picker.clear()
    picker.addItems(words)
    for row, text in enumerate(words):
        picker.setItemData(row, text, Qt.ItemDataRole.ToolTipRole)


def _settle(picker: QComboBox) -> None:
    """Put the choice back where what was typed is none."""
    if picker.findText(picker.currentText()) < 0:
        picker.setEditText(picker.itemText(picker.currentIndex()))
