"""Over the tiles: how far the review is, what matters next, and which FOVs are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.plugin.board.model import (
    ORDERS,
    BoardFilter,
    next_words,
    progress_words,
    state_choices,
)
from lineage_triplets.plugin.common.field import Field
from lineage_triplets.plugin.common.flow import FlowLayout
from lineage_triplets.plugin.common.keys import LettersStay
from lineage_triplets.plugin.common.views import words_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.plugin.board.model import Order
    from lineage_triplets.qc.board.fovs import FovState
    from lineage_triplets.qc.board.progress import Board


class ProgressHead(QWidget):
    """A bar, a line of words, and a button that goes to what matters most.

    Attributes
    ----------
    next_wanted : Signal(object)
        Gets the `FovState` that matters most.
    """

    next_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._next: FovState | None = None
        self._bar = QProgressBar(self)
        self._bar.setObjectName("review_progress")
        self._bar.setAccessibleName("FOVs gone through")
        self._bar.setMaximumHeight(10)
        self._bar.setTextVisible(False)
        self._words = words_label("review_progress_words", self)
        self.next = QPushButton(self)
        self.next.setObjectName("board_next")
        self.next.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.next.clicked.connect(self._go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self._bar)
        layout.addWidget(self._words)
        layout.addWidget(self.next)

    def show_board(self, board: Board) -> None:
        """Say how far a review is."""
        progress, self._next = board.progress, board.next
        self._bar.setRange(0, max(progress.n_fovs, 1))
        self._bar.setValue(progress.n_done)
        self._words.setText(progress_words(progress))
        words = next_words(self._next)
        self.next.setText(words)
        self.next.setToolTip(f"{words}: go there (N)")
        self.next.setEnabled(self._next is not None)

    def _go(self) -> None:
        if self._next is not None:
            self.next_wanted.emit(self._next)


class BoardFilters(QWidget):
    """Which FOVs are shown, in which order, by which slot.

    Attributes
    ----------
    changed : Signal()
    slot_changed : Signal(int)
    resized : Signal(int)
        Tiles shall be larger by one step, or smaller.
    """

    changed = Signal()
    slot_changed = Signal(int)
    resized = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = Field("Filter FOVs", self)
        self.text.setObjectName("board_filter")
        self.text.setAccessibleName("Filter FOVs")
        self.text.setMinimumWidth(14 * self.fontMetrics().averageCharWidth())
        self.text.setToolTip("Words that must all be in experiment, FOV or condition (Ctrl+F)")
        self.text.setClearButtonEnabled(True)
        self.text.textChanged.connect(self.changed)
        self.experiment = self._picker("board_experiment", "Experiment: all, or one")
        self.state = self._picker("board_state", "What became of the FOV so far")
        for word, title in state_choices():
            self.state.addItem(title, word)
        self.order = self._picker("board_order", "In which order FOVs are shown")
        for order, title in ORDERS.items():
            self.order.addItem(title, order)
        self.slot = self._picker("board_slot", "Which slot the thumbnails show")
        self.with_open = self._check("board_open", "open", "Only FOVs with open errors or warnings")
        self.broken = self._check(
            "board_broken", "broken", "Only FOVs that cannot be read, or have bad frames"
        )
        self.count = QLabel(self)
        self.count.setObjectName("board_count")
        for picker in (self.experiment, self.state, self.order):
            picker.currentIndexChanged.connect(self.changed)
        self.slot.currentIndexChanged.connect(self._on_slot)
        size = QWidget(self)
        row = QHBoxLayout(size)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._button("board_smaller", "-", "Smaller tiles (-)", -1))
        row.addWidget(self._button("board_larger", "+", "Larger tiles (+)", 1))
        row.addWidget(self.count)
        layout = FlowLayout(self)
        for widget in (self.text, self.experiment, self.state, self.order, self.slot):
            layout.addWidget(widget, 1)
        for widget in (self.with_open, self.broken, size):
            layout.addWidget(widget)

    @property
    def wanted(self) -> BoardFilter:
        """Which FOVs are to be shown."""
        return BoardFilter(
            self.text.text(),
            self.experiment.currentData() or "",
            self.state.currentData() or "",
            with_open=self.with_open.isChecked(),
            broken=self.broken.isChecked(),
        )

    @property
    def wanted_order(self) -> Order:
        """In which order they are to be shown."""
        order: Order = self.order.currentData()
        return order

    def offer(self, experiments: Sequence[str], slots: Sequence[str]) -> None:
        """Offer experiments and slots; what is chosen stays where it is there."""
        _offer(self.experiment, [("all experiments", ""), *((name, name) for name in experiments)])
        _offer(self.slot, [(name, number) for number, name in enumerate(slots)])
        self.slot.setVisible(len(slots) > 1)

    def _on_slot(self) -> None:
        if self.slot.currentData() is not None:
            self.slot_changed.emit(self.slot.currentData())

    def _picker(self, name: str, tip: str) -> QComboBox:
        picker = QComboBox(self)
        picker.setObjectName(name)
        picker.setToolTip(tip)
        picker.setAccessibleName(tip)
        picker.setMinimumContentsLength(12)
        picker.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        LettersStay(picker)
        return picker

    def _check(self, name: str, text: str, tip: str) -> QCheckBox:
        check = QCheckBox(text, self)
        check.setObjectName(name)
        check.setToolTip(tip)
        check.toggled.connect(self.changed)
        return check

    def _button(self, name: str, text: str, tip: str, by: int) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setFixedWidth(2 * self.fontMetrics().height())
        button.clicked.connect(lambda _=False: self.resized.emit(by))
        return button


def _offer(picker: QComboBox, choices: Sequence[tuple[str, object]]) -> None:
    """Offer other choices, without telling of it where the same one stays chosen."""
    before = picker.currentData()
    if [picker.itemText(row) for row in range(picker.count())] == [text for text, _ in choices]:
        return
    picker.blockSignals(True)
    picker.clear()
    for row, (text, value) in enumerate(choices):
        picker.addItem(text, value)
        picker.setItemData(row, text, Qt.ItemDataRole.ToolTipRole)
    row = picker.findData(before)
    picker.setCurrentIndex(max(row, 0))
    picker.blockSignals(False)
    if row < 0 and picker.count():
        picker.currentIndexChanged.emit(picker.currentIndex())
