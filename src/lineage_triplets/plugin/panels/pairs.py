"""Pairs: what tau comes to, which pairs are drawn, how they look, and each pair's way."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QFrame,
    QLabel,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.plugin.pair_gallery import PairGallery
from lineage_triplets.plugin.pair_words import hours_words
from lineage_triplets.plugin.sample_bar import SampleBar
from lineage_triplets.plugin.strip_view import StripView
from lineage_triplets.plugin.tau_settings import TauSettings
from lineage_triplets.plugin.tau_view import TauView, draws_of
from lineage_triplets.qc.divisions import why_not_seen
from lineage_triplets.qc.painted_pairs import ENOUGH_PAIRS, PaintedPairs, pairs_across
from lineage_triplets.qc.shown_pixels import ShownStrip, read_strip
from lineage_triplets.qc.tau_table import tau_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QResizeEvent, QShowEvent

    from lineage_triplets.plugin.session import Session
    from lineage_triplets.plugin.work import Job
    from lineage_triplets.qc.decisions import Decision
    from lineage_triplets.qc.pair_list import PairList
    from lineage_triplets.qc.review import Review
    from lineage_triplets.qc.shown_pixels import ShownPairs
    from lineage_triplets.qc.state import ReviewState
    from lineage_triplets.qc.strip import Strip
    from lineage_triplets.qc.tau_table import TauTable

    Drawn = tuple[TauTable, dict[str, int]]

_LATER_MS = 150
_TOP_SHARE, _TOP_SHARE_OVER_STRIP, _STRIP_SHARE = 0.45, 0.25, 0.4
_READING, _DRAWING, _STRIP = "Pairs", "Tau", "Strip"


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
        self._painted = PaintedPairs()
        self._there_are: dict[str, int] = {}
        self._table: TauTable | None = None
        self._table_of: tuple[object, ...] = ()
        self._pixels_of: tuple[object, ...] = ()
        self._moved = False
        self._pending: ReviewState | None = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_LATER_MS)
        self._later.timeout.connect(self._work_out)
        self._build()
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)
        session.state_changed.connect(self._on_state)
        self.gallery.chosen.connect(self.look_at)
        self.gallery.unread.connect(self._read)
        self.gallery.looked_at.connect(self._on_looked_at)
        self.strip.place_chosen.connect(session.look_at)
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
        self._session.look_at_pair(pairs, number)
        self._session.attempt(lambda: self._show_strip(pairs, number, review.strip(pairs, number)))
        # The gallery is lower now; not before its new layout can the pair be brought back.
        QTimer.singleShot(0, self, lambda: self.gallery.bring_into_view(number))

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
        self._rows = _label("gallery_rows", self)
        self.gallery = PairGallery(self)
        self._reason = _label("no_pairs", self)
        self._reason.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._reason.setMargin(16)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.gallery)
        self._stack.addWidget(self._reason)
        self._seen = _label("pairs_seen", self)
        self._seen.setToolTip(
            "Pairs across a division that were on screen with this tau, relation and these "
            "channels; a validated config asks for some of each experiment"
        )
        self._strip_title = _label("strip_title", self)
        self.strip = StripView(self)

        self._split = QSplitter(Qt.Orientation.Vertical, self)
        self._split.setObjectName("pairs_splitter")
        self._split.setChildrenCollapsible(False)
        self._top = top = QScrollArea(self)
        top.setFrameShape(QFrame.Shape.NoFrame)
        top.setWidgetResizable(True)
        top.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        top.setWidget(_column(self._settings, self._fold, self._draws, stretch=True))
        self._strip_box = _column(self._strip_title, self.strip)
        self._strip_box.hide()
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
        strip = 0
        if not self._strip_box.isHidden():
            strip = min(self.strip.full_height() + self._line * 2, round(_STRIP_SHARE * height))
        share = _TOP_SHARE_OVER_STRIP if strip else _TOP_SHARE
        top = min(self._top.widget().sizeHint().height() + 4, round(share * height))
        self._split.setSizes([top, height - top - strip, strip])

    @property
    def _line(self) -> int:
        return int(self.fontMetrics().height())

    def _on_opened(self) -> None:
        self._painted = PaintedPairs()

    def _on_closed(self) -> None:
        self._later.stop()
        self._pending = None
        self._table, self._table_of, self._pixels_of = None, (), ()
        self._there_are = {}
        self.gallery.pairs.set_pairs(None)
        self._draws.set_draws([])
        self._close_strip()

    def _on_state(self, state: ReviewState) -> None:
        if self.isVisible():
            self._show(state)
        else:
            self._pending = state

    def _on_fold(self, shown: bool) -> None:
        self._draws.setVisible(shown)
        QTimer.singleShot(0, self, self._share_out)
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
        workspace = review.workspace
        pixels_of = (workspace.pixels, _identities(state.pairs))
        if pixels_of == self._pixels_of:
            self.gallery.pairs.replace_pairs(state.pairs)
        else:
            self._pixels_of = pixels_of
            self._session.work.cancel(_READING)
            self.gallery.pairs.set_pairs(state.pairs)
            height, width = workspace.settings.yx_patch_size
            self.gallery.set_patches(len(review.slot_labels), (height, width))
            self._close_strip()
        labels = ", ".join(review.slot_labels)
        self._rows.setText(f"Left anchor, right positive; rows: {labels}")
        self._say_seen()
        table_of = (workspace.settings, workspace.applied, state.intent.seed, state.intent.epoch)
        if table_of != self._table_of:
            self._table_of = table_of
            self._draws.set_late()
            self._later.start()
        elif self._table is not None:
            self._draws.set_draws(draws_of(self._table, state.experiment))

    def _work_out(self) -> None:
        review = self._session.review
        if review is None:
            return
        # Taken here: a review belongs to the event loop, its frozen parts to anybody.
        index, settings, intent = (
            review.workspace.training,
            review.workspace.settings,
            review.intent,
        )

        def run(_job: Job) -> Drawn:
            table = tau_table(index, settings, intent.seed)
            return table, pairs_across(index, settings, seed=intent.seed, epoch=intent.epoch)

        self._session.work.start(_DRAWING, run, self._on_drawn)

    def _on_drawn(self, drawn: Drawn) -> None:
        review = self._session.review
        if review is None:
            return
        self._table, self._there_are = drawn
        self._draws.set_draws(draws_of(self._table, review.state.experiment))
        QTimer.singleShot(0, self, self._share_out)
        self._record()

    def _read(self) -> None:
        """Read what is in view and was not read yet, unless reading is under way."""
        pairs, shown = self.gallery.pairs.pairs, self.gallery.pairs.shown
        if pairs is None or not len(pairs) or _READING in self._session.work.running:
            return
        experiments = [one["experiment"] for one in pairs.anchors]
        in_view = self.gallery.numbers_in_view()
        numbers = shown.next_numbers(experiments, in_view)
        if numbers:
            self._session.work.start(
                _READING, lambda _job: shown.read_more(pairs, numbers, in_view), self._on_read
            )

    def _on_read(self, shown: ShownPairs) -> None:
        self.gallery.pairs.set_shown(shown)
        self._read()

    def _show_strip(self, pairs: PairList, number: int, strip: Strip) -> None:
        review = self._session.review
        if review is None:
            return
        positive = pairs.positives[number]
        thinned = len(strip.frames) - len(strip.thinned())
        left_out = f"; {thinned} frames left out" if thinned else ""
        self._strip_title.setText(
            f"<b>{positive['relation']}</b>, {hours_words(positive['tau_hours'])} later, in "
            f"{strip.experiment} {strip.fov}{left_out}"
        )
        height, width = review.workspace.settings.yx_patch_size
        self.strip.set_strip(strip, len(review.slot_labels), (height, width))
        self._strip_box.show()
        self._share_out()
        self.strip.show_division()
        scales = self.gallery.pairs.shown.scales.get(strip.experiment, ())
        places = strip.thinned()
        self._session.work.start(
            _STRIP, lambda _job: read_strip(strip, places, scales), self._on_strip
        )

    def _on_strip(self, shown: ShownStrip) -> None:
        self.strip.strip.set_shown(shown)

    def _close_strip(self) -> None:
        self._session.work.cancel(_STRIP)
        self.strip.strip.set_strip(None)
        self._strip_box.hide()
        self._share_out()

    def _on_looked_at(self, numbers: Sequence[int]) -> None:
        pairs, review = self.gallery.pairs.pairs, self._session.review
        if pairs is None or review is None:
            return
        self._painted.paint(review.workspace, pairs, numbers)
        self._record()

    def _record(self) -> None:
        """Record once what was on screen, as soon as it is enough."""
        review = self._session.review
        if review is None:
            return
        if not review.log.read_only and not self._later.isActive():
            due = self._painted.due(review.workspace, self._there_are)
            for experiment, n_pairs in due.items():
                self._session.decide(_saw(experiment, n_pairs))
        self._say_seen()

    def _say_seen(self) -> None:
        review = self._session.review
        if review is None:
            return
        workspace = review.workspace
        words = []
        for one in workspace.registry.experiments:
            if not why_not_seen(workspace, one.name):
                n_pairs = workspace.applied.seen[one.name].value["n_pairs"]
                words.append(f"✓ {n_pairs} pairs ({one.name})")
            else:
                count = self._painted.count(workspace, one.name)
                of = min(ENOUGH_PAIRS, self._there_are.get(one.name, ENOUGH_PAIRS))
                if of:
                    words.append(f"{count} of {of} ({one.name})")
        self._seen.setText("Seen across a division: " + "; ".join(words) if words else "")


def _saw(experiment: str, n_pairs: int) -> Callable[[Review], Decision]:
    return lambda review: review.saw(experiment, n_pairs, how="painted")


def _identities(pairs: PairList) -> list[tuple[object, ...]]:
    return [
        (one["global_track_id"], one["t"], other["global_track_id"], other["t"])
        for one, other in zip(pairs.anchors, pairs.positives, strict=True)
    ]


def _large(text: str) -> str:
    """Give text in large letters; a theme's style sheet overrules a label's own font."""
    return f"<span style='font-size: x-large'>{escape(text)}</span>" if text else ""


def _label(name: str, parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _column(*widgets: QWidget, stretch: bool = False) -> QWidget:
    column = QWidget()
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(3)
    for one in widgets:
        layout.addWidget(one)
    if stretch:
        layout.addStretch(1)
    return column
