"""The strip of one pair with its title; and where it breaks: cut or mend the link in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from lineage_triplets.plugin.common.said import SaidWords
from lineage_triplets.plugin.common.views import words_label
from lineage_triplets.plugin.pairs.model import hours_words
from lineage_triplets.plugin.pairs.strip import StripView
from lineage_triplets.qc.find.doubt.way import likeliest_break, way_links
from lineage_triplets.qc.look.shown_pixels import read_strip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.find.doubt.links import LinkQueue
    from lineage_triplets.qc.find.doubt.way import WayLink
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.look.pictures.grey import GreyScale

JOB = "Strip"
_CUT = "pair judged wrong: another cell from here"
_MEND = "pair judged wrong: it goes on there"


class StripBox(QWidget):
    """The strip of one pair; hidden while there is none.

    Of a wrong pair it asks which link is wrong, the likeliest one chosen.

    Attributes
    ----------
    view : StripView
    changed : Signal()
        It is shown, hidden, or has other lanes.
    mended : Signal()
        A link of the pair was cut or mended here.
    passed : Signal()
        A person wants to go on without.
    """

    changed = Signal()
    mended = Signal()
    passed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._link: WayLink | None = None
        self._shown: tuple[PairList, int, Sequence[GreyScale]] | None = None
        self._queue: LinkQueue | None = None
        self._title = words_label("strip_title", self)
        self.view = StripView(self)
        self.view.place_chosen.connect(session.look_at)
        self.view.link_chosen.connect(self._on_link)
        self._words = SaidWords("break_words", self, lines=2)
        self.cut = self._button("break_cut", "Cut (W)", "Another cell from here: cut the link (W)")
        self.mend = self._button("break_mend", "Mend (G)", "")
        self._on = self._button("break_pass", "Next (Enter)", "On to the next pair (Enter)")
        self.cut.clicked.connect(self._cut)
        self.mend.clicked.connect(self._mend)
        self._on.clicked.connect(self.passed)
        self._asked = QWidget(self)
        session.contrast_changed.connect(self._on_contrast)
        session.outlines_changed.connect(self._on_outlines)
        self._read: Callable[[], None] | None = None
        row = QHBoxLayout()
        for button in (self.cut, self.mend, self._on):
            row.addWidget(button)
        row.addStretch(1)
        asked = QVBoxLayout(self._asked)
        asked.setContentsMargins(0, 0, 0, 0)
        asked.setSpacing(2)
        asked.addWidget(self._words)
        asked.addLayout(row)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self._title)
        layout.addWidget(self.view)
        layout.addWidget(self._asked)
        self._asked.hide()
        self.hide()

    @property
    def asks(self) -> bool:
        """Whether it asks where a wrong pair breaks."""
        return not self.isHidden() and not self._asked.isHidden()

    def set_queue(self, queue: LinkQueue | None) -> None:
        """Mark links by these doubts from now on."""
        self._queue = queue
        if self._shown is not None and not self.isHidden():
            asks, shown = self.asks, self._shown
            self._session.attempt(lambda: self.show_pair(*shown))
            if asks:
                self.ask()

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
        strip, positive = review.strip(pairs, number, from_common=True), pairs.positives[number]
        self._shown, self._link = (pairs, number, scales), None
        height, width = review.data.settings.yx_patch_size
        way = way_links(review.data, strip, self._queue)
        self.view.set_contrast(self._session.contrast)
        self.view.set_strip(strip, len(review.slot_labels), (height, width), way)
        thinned = len(strip.frames) - len(self.view.strip.places)
        left_out = f"; {thinned} frames left out" if thinned else ""
        self._title.setText(
            f"<b>{positive['relation']}</b>, {hours_words(positive['tau_hours'])} later, in "
            f"{strip.experiment} {strip.fov}{left_out}"
        )
        self._asked.hide()
        self.show()
        self.changed.emit()
        self.view.show_division()

        def read() -> None:
            outlined = self._session.outlined
            places = np.array(self.view.strip.places, dtype=np.int64)
            self.view.set_outlined(outlined)
            self._session.work.start(
                self,
                JOB,
                lambda _job: read_strip(strip, places, scales, outlined=outlined),
                self.view.strip.set_shown,
            )

        self._read = read
        read()

    def ask(self) -> None:
        """Ask where the pair breaks, at the link that is doubted most."""
        way = self.view.strip.way
        self._asked.show()
        self.changed.emit()
        likeliest = likeliest_break(way)
        self.view.setFocus()
        if likeliest is not None:
            self.view.show_link(way[likeliest])
        self._say()

    def close_strip(self) -> None:
        """Show none."""
        self._session.work.cancel(JOB)
        self._read = self._shown = self._link = None
        self.view.strip.set_strip(None)
        self._asked.hide()
        self.hide()
        self.changed.emit()

    def full_height(self) -> int:
        """Give the height that shows all lanes; 0 while it is hidden."""
        asked = self._asked.sizeHint().height() if self.asks else 0
        lines = 2 * self.fontMetrics().height()
        return 0 if self.isHidden() else self.view.full_height() + lines + asked

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance(text) + 12)
        return button

    def _on_link(self, link: WayLink | None) -> None:
        self._link = link
        self._say()

    def _say(self) -> None:
        """Say what is asked about the link that leads to the current frame."""
        link, strip = self._link, self.view.strip.strip
        repair = () if link is None else link.repair
        self.cut.setEnabled(link is not None)
        self.mend.setEnabled(bool(repair))
        self.mend.setToolTip(
            "Link it as is likeliest instead (G):\n" + "\n".join(map(str, repair))
            if repair
            else "Nothing else is near: a wrong link is cut (W)"
        )
        if link is None or strip is None:
            weighed = "" if self._queue is not None else " The links are being weighed."
            self._words.set_text(f"Where is it another cell? Go there by the arrows.{weighed}")
            return
        doubted, at = link.doubted, strip.frames[link.place]
        known = "not weighed yet" if doubted is None else f"doubt {100 * link.doubt:.0f} %"
        reason = "" if doubted is None else f" {doubted.reason}"
        self._words.set_text(f"Wrong from t = {at} on? The link into it: {known}.{reason}")

    def _cut(self) -> None:
        link = self._link
        if link is not None:
            self._decide(
                lambda review: (
                    review.unlink(link.link, _CUT)
                    if link.link.level == "join"
                    else review.cut(link.link, _CUT)
                )
            )

    def _mend(self) -> None:
        repair = () if self._link is None else self._link.repair
        if repair:
            self._decide(lambda review: review.settle(repair, _MEND))

    def _decide(self, action: Callable[..., object]) -> None:
        if self.asks and self._session.decide(action):
            self.mended.emit()

    def _on_outlines(self) -> None:
        shown = self.view.strip.shown
        self.view.set_outlined(self._session.outlined)
        if self._read is not None and self._session.outlined and not (shown and shown.outlines):
            self._read()

    def _on_contrast(self) -> None:
        self.view.set_contrast(self._session.contrast)
