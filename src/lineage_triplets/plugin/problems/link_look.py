"""The frames around a finding's link, read beside the window: before, after, both candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QComboBox, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from lineage_triplets.plugin.common.keys import Key, KeyGroup, LettersStay
from lineage_triplets.plugin.common.link_layout import BESIDE
from lineage_triplets.plugin.common.link_picture import LinkPicture
from lineage_triplets.plugin.common.views import words_label
from lineage_triplets.plugin.problems.finding_link import link_of_finding, link_words
from lineage_triplets.qc.look.link_view import LinkReader
from lineage_triplets.qc.look.pictures.grey import measured_scale

if TYPE_CHECKING:
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.look.link_view import LinkView, ShownLink

JOB = "Frames of a finding"
_LEAST_HEIGHT, _WANTED_HEIGHT, _MOST_HEIGHT = 60, 150, 230
KEYS = KeyGroup(
    "Frames of a link",
    (Key("S", "the next slot in its pictures", lambda panel: panel.link.next_slot()),),
)


class _Area(QScrollArea):
    """Asks for a height at which cells are told, and more where all still lies side by side."""

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        beside = round(self.width() / BESIDE) - 2
        return QSize(300, min(max(beside, _WANTED_HEIGHT), _MOST_HEIGHT))


class LinkLook(QWidget):
    """Shows the link of a finding; hidden while there is none.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    picture : LinkPicture
    appeared : Signal()
        It is there, where there was none.
    """

    appeared = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._reader = LinkReader()
        self._finding: Finding | None = None
        self._view: LinkView | None = None
        self._number = 0
        self._words = words_label("finding_link_words", self)
        self._words.setToolTip("Blue: as it is linked; orange, dashed: as it may be instead")
        self.slots = QComboBox(self)
        self.slots.setObjectName("finding_slots")
        self.slots.setAccessibleName("Slot of the pictures")
        self.slots.setToolTip("Which slot the pictures show (S for the next)")
        LettersStay(self.slots)
        self.slots.currentIndexChanged.connect(self._on_slot)
        self.picture = LinkPicture(self, is_flat=True)
        self.picture.setObjectName("finding_link")
        self._area = _Area(self)
        self._area.setObjectName("finding_link_scroll")
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidgetResizable(True)
        self._area.setMinimumHeight(_LEAST_HEIGHT)
        self._area.setWidget(self.picture)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        head = QHBoxLayout()
        head.addWidget(self._words, 1)
        head.addWidget(self.slots, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(head)
        layout.addWidget(self._area, 1)
        session.contrast_changed.connect(self._on_contrast)
        session.outlines_changed.connect(self._read)
        session.opened.connect(self._forget)
        session.closed.connect(self._forget)
        self._forget()

    def show_finding(self, finding: Finding | None) -> None:
        """Show the link of a finding, or nothing where it has none."""
        if finding == self._finding:
            return
        self._finding = finding
        review = self._session.review
        view = None
        if review is not None and finding is not None:
            view = link_of_finding(review.data, finding)
        self._view = view
        is_new = self.isHidden() and view is not None
        self.setVisible(view is not None)
        if is_new:
            self.appeared.emit()
        if review is None or view is None:
            self._session.work.cancel(JOB)
            return
        self._number += 1
        height, width = review.data.settings.yx_patch_size
        self.picture.set_patches((height, width))
        self._fill_slots(list(review.slot_labels))
        self.picture.show_link(self._number, view, None)
        self._words.setText(link_words(view))
        self._on_contrast()
        self._read()

    def next_slot(self) -> None:
        """Show the next slot."""
        if self.slots.count():
            self.slots.setCurrentIndex((self.slots.currentIndex() + 1) % self.slots.count())

    def _fill_slots(self, labels: list[str]) -> None:
        if [self.slots.itemText(slot) for slot in range(self.slots.count())] != labels:
            with signals_blocked(self.slots):
                self.slots.clear()
                self.slots.addItems(labels)
        self.slots.setVisible(len(labels) > 1)
        self._on_slot()

    def _on_slot(self) -> None:
        self.picture.set_slots((max(self.slots.currentIndex(), 0),))

    def _read(self) -> None:
        view, reader, outlined = self._view, self._reader, self._session.outlined
        if view is not None:
            self.picture.set_outlined(outlined)
            self._session.work.start(
                self,
                JOB,
                lambda _job: reader.read(view, outlined=outlined),
                lambda shown: self._take(view, shown),
            )

    def _take(self, view: LinkView, shown: ShownLink) -> None:
        if view is self._view and shown.whole:
            n_slots = len(shown.whole[0])
            scales = [
                measured_scale([values[slot] for values in shown.whole]) for slot in range(n_slots)
            ]
            self.picture.show_link(self._number, view, shown, scales)
        elif view is self._view:
            self.picture.show_link(self._number, view, shown)

    def _on_contrast(self) -> None:
        if self._view is not None:
            self.picture.set_contrast(self._session.contrast.get(self._view.experiment, {}))

    def _forget(self) -> None:
        self._finding = self._view = None
        self._reader = LinkReader()
        self.hide()
