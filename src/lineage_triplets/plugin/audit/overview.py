"""The list of experiments with how far each audit is, and the plan of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.plugin.audit.model import (
    NUMBERS,
    details_html,
    number_words,
    plan_words,
    row_words,
)
from lineage_triplets.plugin.common.keys import Key, KeyGroup, LettersStay
from lineage_triplets.plugin.common.views import words_label
from lineage_triplets.qc.audit.sample import DEFAULT_PAIRS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_triplets.qc.audit.state import AuditState

KEYS = KeyGroup(
    "In the list",
    (
        Key("Up, Down", "the experiment above or below"),
        Key("Enter", "plan its sample, and judge"),
        Key(
            "D", "judge its pairs across a division", lambda panel: panel.overview.divisions.click()
        ),
    ),
)
_OTHER = "another number…"
_MOST, _MOST_ROWS = 10_000, 8


class AuditList(QAbstractListModel):
    """One entry an experiment: its name, and under it how far its audit is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.states: list[AuditState] = []

    def set_states(self, states: Mapping[str, AuditState]) -> None:
        """Show how far they are; the same experiments keep their places."""
        names = [state.experiment for state in self.states]
        if names == list(states):
            self.states = list(states.values())
            if names:
                self.dataChanged.emit(self.index(0), self.index(len(names) - 1))
            return
        self.beginResetModel()
        self.states = list(states.values())
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Give the number of experiments."""
        return 0 if parent is not None and parent.isValid() else len(self.states)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give an experiment in words."""
        if not index.isValid():
            return None
        state = self.states[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return "\n".join(row_words(state))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ": ".join(row_words(state))
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{state.experiment}: {state.sentence}"
        return None


class Overview(QWidget):
    """All experiments; the selected one in words, and what can be done about it.

    Attributes
    ----------
    begin_wanted : Signal(str, int, bool)
        Gets an experiment, how many pairs are planned (0 where that is fixed), and whether a
        second person judges what others judged.
    divisions_wanted : Signal(str)
        Gets an experiment whose pairs across a division are to be judged.
    """

    begin_wanted = Signal(str, int, bool)
    divisions_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = AuditList(self)
        self._why_not = ""
        self._words = words_label("audit_words", self)
        self.list = QListView(self)
        self.list.setObjectName("audit_list")
        self.list.setAccessibleName("Audits of the experiments")
        self.list.setModel(self._model)
        self.list.setUniformItemSizes(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSpacing(2)
        self.list.selectionModel().currentChanged.connect(self._say)
        self.list.doubleClicked.connect(self._on_double_click)
        self._details = words_label("audit_details", self)
        self._details.setTextFormat(Qt.TextFormat.RichText)
        self._plan = self._plan_row()
        self.begin = self._button("audit_begin", lambda: self._begin(second=False))
        self.second = self._button("audit_second", lambda: self._begin(second=True))
        self.second.setText("Judge as a &second person")
        self.second.setToolTip(
            "Judge the pairs that others judged, without their answers; where you differ, the "
            "worse answer counts"
        )
        self.divisions = self._button("audit_divisions", self._judge_divisions)
        self.divisions.setText("Pairs across &divisions")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        for widget in (self._words, self.list, self._details, self._plan):
            layout.addWidget(widget)
        for widget in (self.begin, self.second, self.divisions):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.set_states({})

    @property
    def selected(self) -> AuditState | None:
        """The audit of the selected experiment."""
        row = self.list.currentIndex().row()
        return self._model.states[row] if 0 <= row < len(self._model.states) else None

    @property
    def number(self) -> int:
        """How many pairs are chosen to be judged."""
        chosen = self._numbers.currentData()
        return int(self._other.value() if chosen is None else chosen)

    def say(self, words: str) -> None:
        """Say something over the list."""
        self._words.setText(words)
        self._words.setVisible(bool(words))

    def set_states(self, states: Mapping[str, AuditState], why_not: str = "") -> None:
        """Show how far all audits are.

        Parameters
        ----------
        states : mapping of str to AuditState
        why_not : str
            Why nothing can be judged; empty if it can.
        """
        before = self.selected
        self._why_not = why_not
        self._model.set_states(states)
        if self._model.states and (before is None or before.experiment not in states):
            self.select_next("")
        self.list.setVisible(bool(states))
        self._fit()
        self._say()

    def select(self, experiment: str) -> None:
        """Select an experiment, if it is there."""
        for row, state in enumerate(self._model.states):
            if state.experiment == experiment:
                self.list.setCurrentIndex(self._model.index(row))

    def select_next(self, after: str) -> None:
        """Select the next experiment below one in which something is left to judge, or that one."""
        states = self._model.states
        names = [state.experiment for state in states]
        start = names.index(after) + 1 if after in names else 0
        order = [*range(start, len(states)), *range(start)]
        left = [row for row in order if has_pairs_left(states[row])]
        row = left[0] if left else max(start - 1, 0)
        self.list.setCurrentIndex(self._model.index(row))

    def _plan_row(self) -> QWidget:
        row = QWidget(self)
        self._numbers = QComboBox(row)
        self._numbers.setObjectName("audit_number")
        self._numbers.setToolTip("How many pairs are judged; it is fixed with the first answer")
        self._numbers.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        LettersStay(self._numbers)
        for n in NUMBERS:
            self._numbers.addItem(number_words(n), n)
        self._numbers.addItem(_OTHER, None)
        self._numbers.setCurrentIndex(NUMBERS.index(DEFAULT_PAIRS))
        self._numbers.currentIndexChanged.connect(self._say)
        self._other = QSpinBox(row)
        self._other.setObjectName("audit_other_number")
        self._other.setAccessibleName("How many pairs are judged")
        self._other.setRange(1, _MOST)
        self._other.setValue(DEFAULT_PAIRS)
        self._other.valueChanged.connect(self._say)
        label = QLabel("&Pairs", row)
        label.setBuddy(self._numbers)
        self._plan_says = words_label("audit_plan_says", row)
        line = QHBoxLayout()
        line.addWidget(label)
        line.addWidget(self._numbers, 1)
        line.addWidget(self._other)
        layout = QVBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(line)
        layout.addWidget(self._plan_says)
        return row

    def _button(self, name: str, action: Any) -> QPushButton:
        button = QPushButton(self)
        button.setObjectName(name)
        button.clicked.connect(lambda _=False: action())
        return button

    def _say(self) -> None:
        """Say how far the selected audit is, and what can be done."""
        state = self.selected
        for widget in (self._details, self._plan, self.begin, self.second, self.divisions):
            widget.setVisible(state is not None)
        if state is None:
            return
        self._details.setText(details_html(state))
        to_plan = state.state in {"not begun", "void"}
        self._plan.setVisible(to_plan)
        self._other.setVisible(self._numbers.currentData() is None)
        self._plan_says.setText(
            f"{plan_words(self.number)}. The number is fixed with the first answer."
        )
        self.begin.setVisible(to_plan or state.next is not None)
        self.begin.setText("&Go on judging" if state.judged and not to_plan else "&Begin to judge")
        self.begin.setToolTip(
            self._why_not or "Same, wrong or cannot tell, by one key each (Enter)"
        )
        others = state.next_own is not None and state.next_own != state.next
        self.second.setVisible(others)
        left = state.divisions.needed - state.divisions.judged
        self.divisions.setVisible(state.divisions.next is not None and left > 0)
        self.divisions.setToolTip(
            self._why_not or f"{left} more; they are no part of the bound (D)"
        )
        for button in (self.begin, self.second, self.divisions):
            button.setEnabled(not self._why_not)

    def _on_double_click(self) -> None:
        self.begin.click()

    def _begin(self, *, second: bool) -> None:
        state = self.selected
        if state is not None:
            planned = state.state not in {"not begun", "void"}
            self.begin_wanted.emit(state.experiment, 0 if planned else self.number, second)

    def _judge_divisions(self) -> None:
        state = self.selected
        if state is not None:
            self.divisions_wanted.emit(state.experiment)

    def _fit(self) -> None:
        """Make the list as high as its entries, within reason."""
        rows = min(self._model.rowCount(), _MOST_ROWS)
        row = self.list.sizeHintForRow(0) + 2 * self.list.spacing() if rows else 0
        self.list.setFixedHeight(rows * row + 2 * self.list.frameWidth())


def has_pairs_left(state: AuditState) -> bool:
    """Whether something of an experiment is left to judge."""
    to_judge = state.state in {"not begun", "running", "void"}
    return to_judge or state.divisions.next is not None
