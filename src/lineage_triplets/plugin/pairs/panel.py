"""Pairs: what tau comes to, which pairs are drawn, how they look, and each pair's way."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFrame,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.views import words_label
from lineage_triplets.plugin.common.work import soon
from lineage_triplets.plugin.pairs.bars import SampleBar, SeenPairs
from lineage_triplets.plugin.pairs.gallery import PairGallery
from lineage_triplets.plugin.pairs.strip import StripBox
from lineage_triplets.plugin.pairs.tau_settings import TauSettings
from lineage_triplets.plugin.pairs.tau_view import TauView, draws_of
from lineage_triplets.qc.decide.seen import pairs_across
from lineage_triplets.qc.look.shown_pixels import ShownPairs
from lineage_triplets.qc.look.tables import tau_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QResizeEvent, QShowEvent

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.look.tables import TauTable
    from lineage_triplets.qc.look.view import ReviewState

    Drawn = tuple[TauTable, dict[str, int]]

_LATER_MS = 150
_TOP_SHARE, _TOP_SHARE_OVER_STRIP, _STRIP_SHARE = 0.45, 0.13, 0.34
_READING, _DRAWING = "Pairs", "Tau"
# Pairs that are read first, so that something is seen; and in one go once those in view are.
_FIRST, _AT_ONCE = 4, 8


class PairsPanel(QWidget):
    """What training will draw.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pairs_panel")
        self._session = session
        self._table: TauTable | None = None
        self._pixels_of: tuple[object, ...] = ()
        self._moved = False
        self._pending: ReviewState | None = None
        self._tau = Refresh(
            session,
            _DRAWING,
            _tau_job,
            self._on_drawn,
            wait_ms=_LATER_MS,
            of=_drawn_of,
            parent=self,
        )
        self._build()
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)
        session.state_changed.connect(self._on_state)
        self.gallery.chosen.connect(self.look_at)
        self.gallery.unread.connect(self._read)
        self.gallery.looked_at.connect(self._on_looked_at)
        session.contrast_changed.connect(self._on_contrast)
        session.outlines_changed.connect(self._on_outlines)
        if session.review is not None:
            self._on_state(session.review.state)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Catch up with what changed while nobody looked."""
        super().showEvent(event)
        if self._pending is not None:
            self._show(self._pending)

    def look_at(self, number: int) -> None:
        """Frame a pair in the viewer, and show its way below."""
        pairs, review = self.gallery.pairs.pairs, self._session.review
        if pairs is None or review is None:
            return
        if _READING not in self._session.work.running:
            # What could not be read may be whole again.
            self.gallery.pairs.forget_damage(number)
        self._session.look_at_pair(pairs, number)
        scales = self.gallery.pairs.shown.scales.get(pairs.anchors[number]["experiment"], ())
        self._session.attempt(lambda: self._strip_box.show_pair(pairs, number, scales))
        # The gallery is lower now; not before its new layout can the pair be brought back.
        soon(self, lambda: self.gallery.bring_into_view(number))

    def _build(self) -> None:
        self._settings = TauSettings(self._session, self)
        self._fold = QToolButton(self)
        self._fold.setObjectName("show_distribution")
        self._fold.setText("What will be drawn")
        self._fold.setToolTip(
            "Bars: how often each tau is drawn, the line what the law alone asks for; "
            "and how many anchors have somebody at that tau"
        )
        self._fold.setCheckable(True)
        self._fold.setChecked(True)
        self._fold.setAutoRaise(True)
        self._fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._fold.setArrowType(Qt.ArrowType.DownArrow)
        self._fold.toggled.connect(self._on_fold)
        self._draws = TauView(self)
        self._bar = SampleBar(self._session, self)
        self._rows = words_label("gallery_rows", self)
        self._rows.setToolTip(
            "Each slot at the contrast and gamma of its layer in the viewer, once the viewer "
            "showed the experiment; before, as the pairs themselves give it"
        )
        self.gallery = PairGallery(self)
        self._reason = words_label("no_pairs", self)
        self._reason.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._reason.setMargin(16)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.gallery)
        self._stack.addWidget(self._reason)
        self._seen = SeenPairs(self._session, self)
        self._strip_box = StripBox(self._session, self)
        self._strip_box.changed.connect(self._share_out)
        self.strip = self._strip_box.view

        self._split = QSplitter(Qt.Orientation.Vertical, self)
        self._split.setObjectName("pairs_splitter")
        self._split.setChildrenCollapsible(False)
        self._top = top = QScrollArea(self)
        top.setFrameShape(QFrame.Shape.NoFrame)
        top.setWidgetResizable(True)
        top.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        top.setWidget(_column(self._settings, self._fold, self._draws, stretch=True))
        gallery = _column(self._bar, self._rows, self._stack, self._seen)
        for number, widget in enumerate((top, gallery, self._strip_box)):
            self._split.addWidget(widget)
            self._split.setStretchFactor(number, 1 if widget is gallery else 0)
        self._split.splitterMoved.connect(self._on_moved)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 4, 2, 2)
        layout.addWidget(self._split)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Share out the height, until a person does."""
        super().resizeEvent(event)
        self._share_out()

    def _on_moved(self) -> None:
        self._moved = True

    def _share_out(self) -> None:
        if self._moved:
            return
        height = self._split.height()
        strip = min(self._strip_box.full_height(), round(_STRIP_SHARE * height))
        share = _TOP_SHARE_OVER_STRIP if strip else _TOP_SHARE
        top = min(self._top.widget().sizeHint().height() + 4, round(share * height))
        self._split.setSizes([top, height - top - strip, strip])

    def _on_opened(self) -> None:
        self._seen.start_over()

    def _on_closed(self) -> None:
        self._pending = None
        self._table, self._pixels_of = None, ()
        self.gallery.pairs.set_pairs(None)
        self.gallery.set_contrast({})
        self._draws.set_draws([])
        self._strip_box.close_strip()

    def _on_state(self, state: ReviewState) -> None:
        if self.isVisible():
            self._show(state)
        else:
            self._pending = state

    def _on_fold(self, shown: bool) -> None:
        self._draws.setVisible(shown)
        soon(self, self._share_out)
        arrow = Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow
        self._fold.setArrowType(arrow)

    def _show(self, state: ReviewState) -> None:
        self._pending = None
        review = self._session.review
        if review is None:
            return
        self._settings.show_state(state)
        self._bar.show_state(state)
        self._reason.setText(_large(state.reason))
        self._stack.setCurrentWidget(self._reason if state.reason else self.gallery)
        data = review.data
        pixels_of = (data.pixels, _identities(state.pairs))
        if pixels_of == self._pixels_of:
            self.gallery.pairs.replace_pairs(state.pairs)
        else:
            self._pixels_of = pixels_of
            self._session.work.cancel(_READING)
            self.gallery.pairs.set_pairs(state.pairs, outlined=self._session.outlined)
            self.gallery.set_outlined(self._session.outlined)
            height, width = data.settings.yx_patch_size
            self.gallery.set_patches(len(review.slot_labels), (height, width))
            self.gallery.scrollToTop()
            self._strip_box.close_strip()
            # Not only once it is drawn: the viewer draws before, which takes long.
            self._read()
        labels = ", ".join(review.slot_labels)
        self._rows.setText(f"Left anchor, right positive; rows: {labels}")
        self._seen.say()
        if not self._tau.is_current:
            self._draws.set_late()
            self._tau.later()
        elif self._table is not None:
            self._draws.set_draws(draws_of(self._table, state.experiment))

    def _on_drawn(self, drawn: Drawn) -> None:
        review = self._session.review
        if review is None or self._tau.is_due:
            return
        self._table, there_are = drawn
        self._seen.set_there_are(there_are)
        self._draws.set_draws(draws_of(self._table, review.state.experiment))
        soon(self, self._share_out)
        self._record()

    def _read(self) -> None:
        """Read what is in view and was not read yet, unless reading is under way."""
        pairs, shown = self.gallery.pairs.pairs, self.gallery.pairs.shown
        if pairs is None or not len(pairs) or _READING in self._session.work.running:
            return
        experiments = [anchor["experiment"] for anchor in pairs.anchors]
        in_view = self.gallery.numbers_in_view()
        unread = sum(not shown.has(number) for number in in_view)
        most = unread or _AT_ONCE if shown.tried else _FIRST
        numbers = shown.next_numbers(experiments, in_view, most)
        if numbers:
            self._session.work.start(
                self,
                _READING,
                lambda _job: shown.read_more(pairs, numbers, in_view),
                self._on_read,
            )

    def _on_read(self, shown: ShownPairs) -> None:
        self.gallery.pairs.set_shown(shown)
        self._read()

    def _on_looked_at(self, numbers: Sequence[int]) -> None:
        pairs = self.gallery.pairs.pairs
        if pairs is not None:
            self._seen.paint_pairs(pairs, numbers)
            self._record()

    def _record(self) -> None:
        # While settings change, what is on screen is not what they give.
        if self._tau.is_due:
            self._seen.say()
        else:
            self._seen.record()

    def _on_outlines(self) -> None:
        outlined, shown = self._session.outlined, self.gallery.pairs.shown
        self.gallery.set_outlined(outlined)
        if outlined and not shown.outlined:
            # What was read without masks is read anew, with them.
            self._session.work.cancel(_READING)
            self.gallery.pairs.set_shown(ShownPairs(outlined=True))
            self._read()

    def _on_contrast(self) -> None:
        self.gallery.set_contrast(self._session.contrast)


def _drawn_of(review: Review) -> object:
    """What tau and the number of pairs across divisions depend on."""
    data, intent = review.data, review.intent
    return data.settings, data.effect, intent.seed, intent.epoch


def _tau_job(snapshot: Review) -> Callable[[Job], Drawn]:
    """Make the job that works out which taus are drawn, and how many pairs are across divisions."""
    data, intent = snapshot.data, snapshot.intent

    def run(_job: Job) -> Drawn:
        table = tau_table(data.training, data.settings, intent.seed)
        across = pairs_across(data.training, data.settings, seed=intent.seed, epoch=intent.epoch)
        return table, across

    return run


def _identities(pairs: PairList) -> list[tuple[object, ...]]:
    return [
        (anchor["global_track_id"], anchor["t"], other["global_track_id"], other["t"])
        for anchor, other in zip(pairs.anchors, pairs.positives, strict=True)
    ]


def _large(text: str) -> str:
    """Give text in large letters; a theme's style sheet overrules a label's own font."""
    return f"<span style='font-size: x-large'>{escape(text)}</span>" if text else ""


def _column(*widgets: QWidget, stretch: bool = False) -> QWidget:
    column = QWidget()
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(3)
    for widget in widgets:
        layout.addWidget(widget)
    if stretch:
        layout.addStretch(1)
    return column
