"""What stands over the gallery: which pairs are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QPushButton,
    QSpinBox,
    QWidget,
)
from superqt.utils import signals_blocked

from lineage_triplets.plugin.common.flow import FlowLayout, labelled
from lineage_triplets.plugin.common.keys import bind

if TYPE_CHECKING:
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.look.view import ReviewState

_MOST = 2**64 - 1
_MOST_PAIRS = 100
_MOST_EPOCH = 2**31 - 1


class SeedBox(QAbstractSpinBox):
    """A whole number from 0 to 2**64 - 1.

    Attributes
    ----------
    seed_changed : Signal(object)
        Gets the number that a person chose, as int.
    """

    seed_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = 0
        self.lineEdit().setText("0")
        self.editingFinished.connect(self._take_text)

    def value(self) -> int:
        """Give the number."""
        return self._value

    def set_value(self, value: int) -> None:
        """Show another number; nobody is told."""
        self._value = min(max(value, 0), _MOST)
        self.lineEdit().setText(str(self._value))

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Let nothing be typed but such a number."""
        if not text:
            return QValidator.State.Intermediate, text, position
        fits = text.isascii() and text.isdigit() and int(text) <= _MOST
        state = QValidator.State.Acceptable if fits else QValidator.State.Invalid
        return state, text, position

    def fixup(self, _text: str) -> str:
        """Go back to the last number where nothing is typed."""
        return str(self._value)

    def stepBy(self, steps: int) -> None:  # noqa: N802 - Qt's name
        """Go up or down."""
        self._choose(self._value + steps)

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:  # noqa: N802 - Qt's name
        """Say which way it can go."""
        flags = QAbstractSpinBox.StepEnabledFlag
        up = flags.StepUpEnabled if self._value < _MOST else flags.StepNone
        down = flags.StepDownEnabled if self._value > 0 else flags.StepNone
        return up | down

    def _take_text(self) -> None:
        text = self.lineEdit().text()
        self._choose(int(text) if text else self._value)

    def _choose(self, value: int) -> None:
        before = self._value
        self.set_value(value)
        if self._value != before:
            self.seed_changed.emit(self._value)


class SampleBar(QWidget):
    """Controls over the gallery; a change is chosen in the session.

    Parameters
    ----------
    session : Session
    panel : QWidget
        In which the key N draws a new sample.
    """

    def __init__(self, session: Session, panel: QWidget) -> None:
        super().__init__(panel)
        self.setObjectName("sample_bar")
        self._session = session
        self._across = QCheckBox("&Across divisions only", self)
        self._across.setObjectName("across_divisions")
        self._across.setToolTip("Only pairs whose cell divided between anchor and positive")
        self._across.toggled.connect(lambda on: session.choose(across_divisions=on))
        self._number = QSpinBox(self)
        self._number.setObjectName("n_pairs")
        self._number.setToolTip("At most so many pairs of each experiment")
        self._number.setRange(1, _MOST_PAIRS)
        self._number.setKeyboardTracking(False)
        self._number.valueChanged.connect(lambda value: session.choose(n_pairs=value))
        self._seed = SeedBox(self)
        self._seed.setObjectName("seed")
        self._seed.setToolTip("Seed of the draw that is shown; the exported seed stays as it is")
        self._seed.seed_changed.connect(lambda value: session.choose(seed=value))
        self._epoch = QSpinBox(self)
        self._epoch.setObjectName("epoch")
        self._epoch.setToolTip("Epoch of the draw that is shown")
        self._epoch.setRange(0, _MOST_EPOCH)
        self._epoch.setKeyboardTracking(False)
        self._epoch.valueChanged.connect(lambda value: session.choose(epoch=value))
        self._new = QPushButton("&New sample", self)
        self._new.setObjectName("new_sample")
        self._new.setToolTip("Draw the pairs of the next epoch (N)")
        self._new.clicked.connect(self._draw_anew)
        bind(panel, "N", self._new.click)
        self._one = QCheckBox("This lineage only", self)
        self._one.setObjectName("this_lineage_only")
        self._one.setToolTip(
            "Only pairs of the lineage chosen in Browse; else of the FOV, or all that is chosen (L)"
        )
        self._one.clicked.connect(self._choose_lineage)
        self._lineage = ""
        bind(panel, "L", self._one.click)
        session.closed.connect(self._forget)
        layout = FlowLayout(self)
        layout.addWidget(self._one)
        layout.addWidget(self._across)
        for text, box in (("&Pairs", self._number), ("&Seed", self._seed), ("&Epoch", self._epoch)):
            layout.addWidget(labelled(text, box))
        layout.addWidget(self._new)

    def show_state(self, state: ReviewState) -> None:
        """Show what is chosen; nobody is told."""
        intent = state.intent
        across, number, epoch = self._across, self._number, self._epoch
        with signals_blocked(across), signals_blocked(number), signals_blocked(epoch):
            self._across.setChecked(intent.across_divisions)
            self._number.setMaximum(max(_MOST_PAIRS, intent.n_pairs))
            self._number.setValue(intent.n_pairs)
            self._epoch.setValue(min(intent.epoch, _MOST_EPOCH))
        self._seed.set_value(intent.seed)
        self._lineage = intent.lineage or self._lineage
        self._one.setChecked(bool(intent.lineage))
        self._one.setEnabled(bool(self._lineage))

    def _choose_lineage(self) -> None:
        """Let go of the lineage, or go back to the one that was chosen last."""
        wanted = self._lineage if self._one.isChecked() else ""
        if not self._session.choose(lineage=wanted):
            self._one.setChecked(not wanted)

    def _forget(self) -> None:
        self._lineage = ""

    def _draw_anew(self) -> None:
        review = self._session.review
        if review is not None:
            self._session.choose(epoch=review.intent.epoch + 1)
