"""How far an import is, and the button that stops it."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from lineage_triplets.plugin.start.parts import quiet_button


class ImportProgress(QWidget):
    """A bar and a button; hidden while nothing is imported.

    Attributes
    ----------
    stopped : Signal()
        The import is to stop; it is over once its job has tidied up.
    name : str
        The work that is shown; empty for none.
    """

    stopped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = ""
        self._bar = QProgressBar(self)
        self._bar.setObjectName("import_progress")
        tip = "Stop the import; nothing is left of it, unless it is to be kept"
        self._button = quiet_button("Sto&p", "stop_import", tip, self._stop)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._bar, 1)
        row.addWidget(self._button)
        self.hide()

    def show_name(self, name: str) -> None:
        """Begin to show some work; hidden for no name."""
        self.name = name
        self._bar.setFormat(f"{name}: %p%")
        self._bar.setRange(0, 1)
        self._bar.setValue(0)
        self._button.setEnabled(True)
        self.setVisible(bool(name))

    def show_step(self, name: str, done: int, total: int) -> None:
        """Show a step of work, if it is what is shown."""
        if name == self.name:
            self._bar.setRange(0, max(total, 1))
            self._bar.setValue(done)

    def _stop(self) -> None:
        self._button.setEnabled(False)
        self.stopped.emit()
