"""A pair's way from anchor to positive, with its title; read when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from lineage_triplets.plugin.common.pair_words import hours_words
from lineage_triplets.plugin.pairs.strip_view import StripView
from lineage_triplets.qc.look.shown_pixels import ShownStrip, read_strip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.look.pair_list import PairList
    from lineage_triplets.qc.look.pictures.grey import GreyScale

JOB = "Strip"


class StripBox(QWidget):
    """The strip of one pair; hidden while there is none.

    Attributes
    ----------
    view : StripView
    changed : Signal()
        It is shown, hidden, or has other lanes.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._title = QLabel(self)
        self._title.setObjectName("strip_title")
        self._title.setWordWrap(True)
        self._title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.view = StripView(self)
        self.view.place_chosen.connect(session.look_at)
        session.contrast_changed.connect(self._on_contrast)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self._title)
        layout.addWidget(self.view)
        self.hide()

    def show_pair(self, pairs: PairList, number: int, scales: Sequence[GreyScale]) -> None:
        """Show the way of a pair, and read it.

        Parameters
        ----------
        pairs : PairList
        number : int
        scales : sequence of GreyScale
            One a slot, for slots that the viewer shows at no contrast; measured if there are none.

        Raises
        ------
        ConfigError
            A track of it is there no more.
        """
        review = self._session.review
        if review is None:
            return
        strip, positive = review.strip(pairs, number), pairs.positives[number]
        places = strip.thinned()
        thinned = len(strip.frames) - len(places)
        left_out = f"; {thinned} frames left out" if thinned else ""
        self._title.setText(
            f"<b>{positive['relation']}</b>, {hours_words(positive['tau_hours'])} later, in "
            f"{strip.experiment} {strip.fov}{left_out}"
        )
        height, width = review.data.settings.yx_patch_size
        self.view.set_contrast(self._session.contrast)
        self.view.set_strip(strip, len(review.slot_labels), (height, width))
        self.show()
        self.changed.emit()
        self.view.show_division()
        self._session.work.start(JOB, lambda _job: read_strip(strip, places, scales), self._on_read)

    def close_strip(self) -> None:
        """Show none."""
        self._session.work.cancel(JOB)
        self.view.strip.set_strip(None)
        self.hide()
        self.changed.emit()

    def full_height(self) -> int:
        """Give the height that shows all lanes; 0 while it is hidden."""
        lines = 2 * self.fontMetrics().height()
        return 0 if self.isHidden() else self.view.full_height() + lines

    def _on_read(self, shown: ShownStrip) -> None:
        if isalive(self):
            self.view.strip.set_shown(shown)

    def _on_contrast(self) -> None:
        self.view.set_contrast(self._session.contrast)
