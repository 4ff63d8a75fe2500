"""How large a patch is, and what is done at the border; what it comes to while it is typed."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QLabel, QSpinBox
from superqt.utils import qdebounced, signals_blocked

from lineage_triplets.plugin.common.views import words_label
from lineage_triplets.plugin.pairs.boxes import BUTTONS_WIDE, setting_box
from lineage_triplets.qc.look.patch_fit import border_words, patch_faults, size_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.settings.model import DatasetConfig
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.look.patch_fit import PatchFit
    from lineage_triplets.qc.look.view import ReviewState

_LATER_MS = 150
_MOST_PX = 2**31 - 1
_STEP_PX = 8

BORDERS = {
    "clamp": "the patch is moved inward",
    "pad": "zeros fill the patch",
    "exclude": "the cell is left out",
}


class PatchSettings(QObject):
    """Rows of a form for the size of patches; a change is chosen in the session.

    A size that cannot be read is not chosen: it is said why, and the present one stays.

    Parameters
    ----------
    session : Session
    form : QFormLayout
        Gets the rows.
    parent : QWidget
    """

    def __init__(self, session: Session, form: QFormLayout, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._size = (1, 1)
        self._moves = False
        self._fits: tuple[PatchFit, ...] = ()
        self._fits_of: DatasetConfig | None = None
        self._choose_later = qdebounced(self._choose, timeout=_LATER_MS)
        self._rows = self._box("patch_rows", "Rows of a patch, in pixels", parent)
        self._columns = self._box("patch_columns", "Columns of a patch, in pixels", parent)
        self._rows.valueChanged.connect(lambda value: self._ask(value, of_rows=True))
        self._columns.valueChanged.connect(lambda value: self._ask(value, of_rows=False))
        self._square = QCheckBox("Square", parent)
        self._square.setObjectName("patch_square")
        self._square.setToolTip("As many rows as columns: one number changes both")
        self._square.setChecked(True)
        self._border = setting_box(
            session, "border", BORDERS, "What is done with a cell whose patch leaves the image",
            parent,
        )  # fmt: skip
        self._words = words_label("patch_words", parent)
        self._words.setToolTip(
            "The size of a patch in the images of each experiment, the cells nearer to the border "
            "than half a patch, and the cells that a pair can begin with"
        )
        row = QHBoxLayout()
        row.addWidget(self._rows)
        row.addWidget(QLabel("x", parent))
        row.addWidget(self._columns)
        row.addWidget(self._square, 1)
        label = QLabel("Patch si&ze", parent)
        label.setBuddy(self._rows)
        form.addRow(label, row)
        form.addRow("At b&order", self._border)
        form.addRow(self._words)

    def show_state(self, state: ReviewState) -> None:
        """Show what is chosen; nobody is told."""
        settings = state.intent.dataset
        self._border.setCurrentIndex(self._border.findData(settings.border))
        if not self._moves:
            self._put(settings.yx_patch_size)
            if settings.yx_patch_size[0] != settings.yx_patch_size[1]:
                self._square.setChecked(False)
            self._say(settings)

    def show_fits(self, fits: tuple[PatchFit, ...], settings: DatasetConfig) -> None:
        """Show what is at the border, and which anchors are left, with some settings."""
        self._fits, self._fits_of = fits, settings
        review = self._session.review
        if review is not None and not self._moves:
            self._say(review.intent.dataset)

    def forget(self) -> None:
        """Show nothing of a review that was closed."""
        self._fits, self._fits_of, self._moves = (), None, False
        self._words.setText("")

    def _box(self, name: str, tip: str, parent: QWidget) -> QSpinBox:
        box = QSpinBox(parent)
        box.setObjectName(name)
        box.setToolTip(tip)
        box.setAccessibleName(tip)
        box.setRange(1, _MOST_PX)
        box.setSingleStep(_STEP_PX)
        box.setSuffix(" px")
        # Half-typed numbers are no choice: 1 on the way to 128.
        box.setKeyboardTracking(False)
        box.setMaximumWidth(box.fontMetrics().horizontalAdvance("88888 px") + BUTTONS_WIDE)
        return box

    def _ask(self, value: int, *, of_rows: bool) -> None:
        rows, columns = self._size
        if self._square.isChecked():
            size = (value, value)
        else:
            size = (value, columns) if of_rows else (rows, value)
        review = self._session.review
        if review is None:
            return
        wanted = review.intent.dataset.model_copy(update={"yx_patch_size": size})
        faults = patch_faults(review.data, wanted)
        if faults:
            self._refuse(review.intent.dataset, faults)
            return
        self._put(size)
        self._words.setText(escape(size_words(review.data, wanted)))
        self._moves = True
        self._choose_later()

    def _refuse(self, settings: DatasetConfig, faults: Sequence[Problem]) -> None:
        rows, columns = settings.yx_patch_size
        self._moves = False
        self._choose_later.cancel()
        self._put(settings.yx_patch_size)
        said = " ".join(
            f"{fault.experiment}: {fault.message}" if fault.experiment else fault.message
            for fault in faults
        )
        self._words.setText(f"⚠ {escape(said)} It stays {rows} x {columns}.")

    def _choose(self) -> None:
        self._moves = False
        review = self._session.review
        if review is None:
            return
        if not self._session.choose(yx_patch_size=self._size):
            self._put(review.intent.dataset.yx_patch_size)

    def _put(self, size: tuple[int, int]) -> None:
        self._size = size
        for box, value in zip((self._rows, self._columns), size, strict=True):
            with signals_blocked(box):
                box.setValue(value)

    def _say(self, settings: DatasetConfig) -> None:
        review = self._session.review
        if review is None:
            return
        said = [size_words(review.data, settings)]
        if self._fits_of == settings:
            said.append(border_words(self._fits, settings))
        self._words.setText(escape(". ".join(filter(None, said))))
