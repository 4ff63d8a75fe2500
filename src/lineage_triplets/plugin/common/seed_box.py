"""A spin box for seeds, which may be larger than Qt's whole numbers."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QAbstractSpinBox, QWidget

_MOST = 2**64 - 1


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
