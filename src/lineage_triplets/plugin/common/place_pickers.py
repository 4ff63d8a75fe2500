"""Which experiment and FOV are looked at, found by typing part of a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QWidget
from superqt import QSearchableComboBox

if TYPE_CHECKING:
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.look.view import Intent


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
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.experiment, 2)
        layout.addWidget(self.fov, 3)

    def fill(self, review: Review) -> None:
        """Offer the experiments and FOVs of a review."""
        self._known = [
            (one.experiment, one.fov.name, f"well {one.fov.well_name}, {one.condition}")
            for one in review.data.raw.fovs
        ]
        self._experiments = ["", *dict.fromkeys(experiment for experiment, _, _ in self._known)]
        _offer(self.experiment, ["all experiments", *self._experiments[1:]])
        self._fovs = []
        self.follow(review.intent)

    def follow(self, intent: Intent) -> None:
        """Show what is chosen."""
        wanted = intent.experiment
        own = [one for one in self._known if wanted in ("", one[0])]
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
        found = [k for k, one in enumerate(self._fovs) if k and one[1] == intent.fov]
        self.fov.setCurrentIndex(found[0] if found else 0)

    def _picker(self, name: str, words: str) -> QSearchableComboBox:
        picker = QSearchableComboBox(self)
        picker.setObjectName(name)
        picker.setToolTip(words)
        picker.setAccessibleName(words)
        picker.setMinimumContentsLength(8)
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
