"""Where a config is saved, and whether a file that is there is replaced."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QLabel, QLineEdit, QWidget

from lineage_triplets.plugin.start.parts import quiet_button


class TargetRow(QWidget):
    """A path that is typed or chosen, and a box to replace what is there.

    Attributes
    ----------
    changed : Signal()
        A person named another file, or ticked the box.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._file = QLineEdit(self)
        self._file.setObjectName("config_path")
        self._file.setToolTip("The config to write")
        self._file.textEdited.connect(self.changed)
        self._overwrite = QCheckBox("Replace", self)
        self._overwrite.setObjectName("replace_config")
        self._overwrite.setToolTip("Replace the file if it is there")
        self._overwrite.toggled.connect(self.changed)
        label = QLabel("&Save as", self)
        label.setBuddy(self._file)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label)
        row.addWidget(self._file, 1)
        row.addWidget(quiet_button("Choose…", "choose_config", "Choose the file", self._choose))
        row.addWidget(self._overwrite)

    @property
    def path(self) -> Path | None:
        """The file; None where none is named."""
        text = self._file.text().strip()
        return Path(text).expanduser() if text else None

    @property
    def overwrite(self) -> bool:
        """Whether a file that is there is replaced."""
        return self._overwrite.isChecked()

    def propose(self, file: Path) -> None:
        """Name a file where none is named."""
        if not self._file.text():
            self._file.setText(str(file))

    def _choose(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the config", self._file.text(), "Configs (*.yml *.yaml)"
        )
        if name:
            self._file.setText(name)
            # The file dialog asked.
            self._overwrite.setChecked(Path(name).exists())
            self.changed.emit()
