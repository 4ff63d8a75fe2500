"""What images have to be asked before they are imported: only what their files do not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)
from superqt.utils import signals_blocked

from lineage_triplets.plugin.common.field import Field
from lineage_triplets.plugin.start.parts import labelled

if TYPE_CHECKING:
    from lineage_triplets.plugin.start.images import Images

_CHOOSE = "choose…"
_LINES = (
    ("channel_names", "C&hannels", "Names of the channels in the files' order, a comma between"),
    ("pixel_size_um", "Pi&xel size, µm", "One number, or y, x, or z, y, x, in micrometres"),
)
_CHOICES = (
    ("axes", "&Axes", "What the axes of the files are: the files do not say it surely"),
    ("gaps", "&Planes that are not there", "Left absent in the plate, or their frames left out"),
)
_GO_ON = "&Go on with the import of this plate that stopped before"
_KEEP = "&Keep what is written if the import stops, to go on from there"


class ImportForm(QWidget):
    """Answers about the images of one row.

    Attributes
    ----------
    answered : Signal(str, str)
        Gets an argument of `plan_import`, and what was typed or chosen; empty for nothing.
    out_named : Signal(str)
        Gets the folder of the plate to be.
    resume_wanted : Signal(bool)
    """

    answered = Signal(str, str)
    out_named = Signal(str)
    resume_wanted = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("import_form")
        self._shown: dict[str, str] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        self._combos: dict[str, tuple[QLabel, QComboBox]] = {}
        for column, (name, text, tip) in enumerate(_CHOICES):
            combo = QComboBox(self)
            combo.activated.connect(lambda _, name=name: self._chosen(name))
            self._combos[name] = labelled(text, name, tip, combo), combo
            for place, widget in enumerate(self._combos[name]):
                grid.addWidget(widget, 0, 2 * column + place)
        self._lines: dict[str, tuple[QLabel, QLineEdit]] = {}
        for column, (name, text, tip) in enumerate(_LINES):
            line = Field("", self)
            line.editingFinished.connect(lambda name=name: self._typed(name))
            self._lines[name] = labelled(text, name, tip, line), line
            for place, widget in enumerate(self._lines[name]):
                grid.addWidget(widget, 1, 2 * column + place)
        self._out = QLineEdit(self)
        self._out.editingFinished.connect(self._named)
        tip = "The new plate's folder"
        grid.addWidget(labelled("Plate to &write", "plate_to_write", tip, self._out), 2, 0)
        grid.addWidget(self._out, 2, 1, 1, 2)
        choose = QPushButton("Choose…", self)
        choose.setObjectName("choose_plate_to_write")
        choose.setToolTip("Choose the folder of the new plate")
        choose.setAutoDefault(False)
        choose.clicked.connect(self._choose)
        grid.addWidget(choose, 2, 3)
        self._resume = QCheckBox(_KEEP, self)
        self._resume.setObjectName("resume_import")
        self._resume.setToolTip("Otherwise nothing is left of an import that stops")
        self._resume.clicked.connect(self.resume_wanted)
        grid.addWidget(self._resume, 3, 0, 1, 4)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        self.hide()

    def show_images(self, images: Images | None, size_by_table: str = "") -> None:
        """Show what is asked of images, and what was answered; hidden for None.

        Parameters
        ----------
        images : Images or None
        size_by_table : str
            The pixel size that their table was made on.
        """
        self.setVisible(images is not None)
        if images is None:
            return
        for name, (label, combo) in self._combos.items():
            question = images.asked.get(name)
            label.setVisible(question is not None)
            combo.setVisible(question is not None)
            with signals_blocked(combo):
                combo.clear()
                combo.addItems([_CHOOSE, *(question.choices if question else ())])
                combo.setCurrentText(images.answers.get(name, _CHOOSE))
            if question is not None:
                combo.setToolTip(question.text)
        _, y, x = images.plan.pixel_size_um
        labels = [name or "" for name in images.plan.channel_names]
        self._shown = {
            "channel_names": ", ".join(labels) if all(labels) else "",
            "pixel_size_um": f"{y:g}, {x:g}" if y and x else "",
            "out": str(images.out),
        }
        for name, (_, line) in self._lines.items():
            line.setText(self._shown[name])
        self._lines["channel_names"][1].setPlaceholderText(", ".join(images.channel_names))
        unknown = f"unknown; {size_by_table} by its table" if size_by_table else "unknown"
        self._lines["pixel_size_um"][1].setPlaceholderText(unknown)
        self._out.setText(self._shown["out"])
        self._resume.setText(_GO_ON if images.staging_is_there else _KEEP)
        self._resume.setChecked(images.resume)

    def _chosen(self, name: str) -> None:
        text = self._combos[name][1].currentText()
        self.answered.emit(name, "" if text == _CHOOSE else text)

    def _typed(self, name: str) -> None:
        text = self._lines[name][1].text().strip()
        if text != self._shown[name]:
            self._shown[name] = text
            self.answered.emit(name, text)

    def _named(self) -> None:
        text = self._out.text().strip()
        if text and text != self._shown["out"]:
            self._shown["out"] = text
            self.out_named.emit(text)

    def _choose(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "The new plate's folder", self._out.text(), "Plates (*.zarr)"
        )
        if name:
            self._out.setText(name)
            self._named()
