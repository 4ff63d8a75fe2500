"""Which links are listed: of which experiment, and by doubt or against another table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QWidget
from superqt.utils import signals_blocked

from lineage_triplets.plugin.common.keys import Key, KeyGroup, LettersStay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find.against.compare import Comparison

JOB = "Comparing tables"
_ALL = "all experiments"
_BY_DOUBT, _FOLDER, _FILE = range(3)
_CHOICES = ("by doubt", "against a folder…", "against a file…")

KEYS = KeyGroup(
    "Which links",
    (Key("A", "by doubt, or against another table", lambda panel: panel.order.showPopup()),),
)


class LinkExperiments(QComboBox):
    """Chooses the experiment whose links are listed, or all."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("link_experiment")
        self.setToolTip("Links of which experiment")
        self.setAccessibleName("Links of which experiment")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        LettersStay(self)

    @property
    def chosen(self) -> str:
        """Name of the experiment; empty for all."""
        return self.currentText() if self.currentIndex() > 0 else ""

    def fill(self, names: Sequence[str]) -> None:
        """Offer experiments; what was chosen stays so. One alone is no choice."""
        before = self.currentText()
        if [self.itemText(k) for k in range(1, self.count())] != list(names):
            with signals_blocked(self):
                self.clear()
                self.addItems([_ALL, *names])
                self.setCurrentIndex(max(self.findText(before), 0))
        self.setVisible(len(names) > 1)


class LinkOrder(QComboBox):
    """Chooses between links by doubt and against another table, which it compares.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    compared : Signal(object)
        Gets the `Comparison`, or None where links are by doubt again.
    """

    compared = Signal(object)

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("link_order")
        self.setToolTip(
            "Links by doubt, or those on which another tracker's tables, an earlier version or a "
            "truth differ (A)"
        )
        self._session = session
        self._other = ""
        self._of: object = None
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(9)
        LettersStay(self)
        self.addItems(_CHOICES)
        self.activated.connect(self._choose)

    def reset(self) -> None:
        """Go back to links by doubt, and say nothing."""
        self._session.work.cancel(JOB)
        self._other = ""
        self._show()

    def compare(self, other: str) -> None:
        """Hold the tables as they are now against another's, beside the window."""
        review = self._session.review
        if review is None:
            return
        snapshot = review.snapshot()

        def run(job: Job) -> Comparison:
            job.progress(0, 2)
            _ = snapshot.data.linked
            job.progress(1, 2)
            return snapshot.against(other)

        def take(comparison: Comparison) -> None:
            self._other, self._of = other, _compared_of(snapshot)
            self._show()
            self.compared.emit(comparison)

        self._session.work.start(self, JOB, run, take, self._show)

    def follow(self) -> None:
        """Compare anew if tables, channels or settings are others than those that were compared."""
        review = self._session.review
        if review is not None and self._other and self._of != _compared_of(review):
            self.compare(self._other)

    def _choose(self, choice: int) -> None:
        if choice == _BY_DOUBT:
            self.reset()
            self.compared.emit(None)
        elif choice in (_FOLDER, _FILE):
            other = self._ask(choice)
            if other:
                self.compare(other)
            else:
                self._show()
        else:
            self.compare(self._other)

    def _ask(self, choice: int) -> str:
        review = self._session.review
        if review is None:
            return ""
        folder = str(review.config_path.parent)
        if choice == _FOLDER:
            return QFileDialog.getExistingDirectory(self, "The other's tables", folder)
        title = "The other's table, or another config of the same plates"
        return QFileDialog.getOpenFileName(self, title, folder)[0]

    def _show(self) -> None:
        """Show what the list is of."""
        # A job is void by its owner's end, too.
        if not isalive(self):
            return
        with signals_blocked(self):
            while self.count() > len(_CHOICES):
                self.removeItem(len(_CHOICES))
            if self._other:
                self.addItem(f"against {Path(self._other).name}")
            self.setCurrentIndex(self.count() - 1 if self._other else _BY_DOUBT)


def _compared_of(review: Review) -> object:
    """What a comparison is of; decisions about links it takes into account as they come."""
    return review.data.data_version, review.data.settings
