"""How much the gate asks for, and the reasons for which it lets something through."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDoubleSpinBox, QFormLayout, QWidget

from lineage_triplets.plugin.common.field import Field
from lineage_triplets.qc.gate import MAX_WRONG, Asked

_LEAST_PERCENT, _MOST_PERCENT, _STEP = 0.1, 50.0, 0.5


class AskedView(QWidget):
    """The bound that audits have to reach, and what is let through without.

    Attributes
    ----------
    changed : Signal()
        Something else is asked for.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("asked")
        self._max_wrong = QDoubleSpinBox(self)
        self._max_wrong.setObjectName("max_wrong")
        self._max_wrong.setToolTip(
            "The share of wrong pairs that each experiment's audit has to bound (95 % confidence)"
        )
        self._max_wrong.setRange(_LEAST_PERCENT, _MOST_PERCENT)
        self._max_wrong.setSingleStep(_STEP)
        self._max_wrong.setDecimals(1)
        self._max_wrong.setSuffix(" %")
        self._max_wrong.setKeyboardTracking(False)
        self._without_audit = self._reason(
            "without_audit", "Let experiments through whose audit does not reach that bound"
        )
        self._without_images = self._reason(
            "without_images", "Let experiments through whose images were not scanned"
        )
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.addRow("Pairs wrong, at &most", self._max_wrong)
        form.addRow("Without &audit, because", self._without_audit)
        form.addRow("Without &scan, because", self._without_images)
        self.start_over()
        self._max_wrong.valueChanged.connect(self._tell)

    @property
    def asked(self) -> Asked:
        """What is asked for."""
        return Asked(
            round(self._max_wrong.value() / 100, 6),
            self._without_audit.text().strip(),
            self._without_images.text().strip(),
        )

    def start_over(self) -> None:
        """Ask for all that is asked for by default; nobody is told."""
        self._told = Asked()
        self._max_wrong.setValue(100 * MAX_WRONG)
        self._without_audit.clear()
        self._without_images.clear()

    def _reason(self, name: str, tip: str) -> Field:
        line = Field("a reason", self)
        line.setObjectName(name)
        line.setToolTip(f"{tip}; config, report and the log of training say the reason ever after")
        line.editingFinished.connect(self._tell)
        return line

    def _tell(self) -> None:
        if self.asked != self._told:
            self._told = self.asked
            self.changed.emit()
