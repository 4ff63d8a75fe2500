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

from lineage_triplets.plugin.common.keys import key_groups
from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.views import words_label
from lineage_triplets.plugin.common.work import soon
from lineage_triplets.plugin.pairs.bars import SampleBar
from lineage_triplets.plugin.pairs.gallery import PairGallery
from lineage_triplets.plugin.pairs.judge_bar import JudgeBar
from lineage_triplets.plugin.pairs.judging import PairJudging
from lineage_triplets.plugin.pairs.patch_settings import PatchSettings
from lineage_triplets.plugin.pairs.strip_box import StripBox
from lineage_triplets.plugin.pairs.tau_settings import TauSettings
from lineage_triplets.plugin.pairs.tau_view import TauView, draws_of
from lineage_triplets.qc.look.patch_fit import patch_fits
from lineage_triplets.qc.look.shown_pixels import ShownPairs
from lineage_triplets.qc.look.tables import tau_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QResizeEvent, QShowEvent

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.look.patch_fit import PatchFit
    from lineage_triplets.qc.look.tables import TauTable
    from lineage_triplets.qc.look.view import ReviewState

    Identity = tuple[object, ...]

_LATER_MS = 150
_TOP_SHARE, _LOW_TOP_SHARE, _STRIP_SHARE = 0.5, 0.13, 0.34
# Where a wrong pair breaks is seen in its frames; tau is of no concern then.
_ASKING_SHARE = 0.56
# On a laptop's screen the pairs come first.
_LOW, _TOP_SHARE_WHERE_LOW = 700, 0.22
_READING, _DRAWING = "Pairs", "Tau"
# Pairs that are read first, so that something is seen; and in one go once those in view are.
_FIRST, _AT_ONCE = 4, 8
# So many pairs are there before anybody comes to judge them.
_AHEAD = 16
_KEYS_OF = ("pairs.judging", "common.bad_fov", "common.outlines", "common.tails")


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
        self._pixels_of: tuple[object, list[Identity]] | None = None
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
        session.closed.connect(self._on_closed)
        session.state_changed.connect(self._on_state)
        self.gallery.chosen.connect(self.look_at)
        self.gallery.unread.connect(self._read)
        session.contrast_changed.connect(self._on_contrast)
        session.outlines_changed.connect(self._on_outlines)
        if session.review is not None:
            self._on_state(session.review.state)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Catch up with what changed while nobody looked."""
        super().showEvent(event)
        if self._pending is not None:
            self._show(self._pending)

    @property
    def fovs_in_hand(self) -> list[tuple[str, str]]:
        """Experiments and FOVs of the pairs that are selected."""
        pairs = self.gallery.pairs.pairs
        if pairs is None:
            return []
        anchors = [pairs.anchors[number] for number in self.gallery.selected]
        return [(anchor["experiment"], anchor["fov_name"]) for anchor in anchors]

    def look_at(self, number: int) -> None:
        """Frame a pair in the viewer, and show its way below."""
        pairs, review = self.gallery.pairs.pairs, self._session.review
        if pairs is None or review is None:
            return
        if _READING not in self._session.work.running:
            # What could not be read may be whole again.
            self.gallery.pairs.forget_damage(number)
        self._session.look_at_pair(pairs, number)
        self.judging.show_strip(pairs, number)

    def _build(self) -> None:
        self._settings = TauSettings(self._session, self)
        self._patch = PatchSettings(self._session, self._settings.form, self._settings)
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
        self.judge_bar = JudgeBar(self._session, key_groups(*_KEYS_OF), self)
        self.strip_box = StripBox(self._session, self)
        self.strip_box.changed.connect(self._share_out)
        self.strip = self.strip_box.view
        self.judging = PairJudging(
            self._session, self.gallery, self.judge_bar, self.strip_box, self.look_at, self
        )
        self.judging.begun.connect(self._share_out)

        self._split = QSplitter(Qt.Orientation.Vertical, self)
        self._split.setObjectName("pairs_splitter")
        self._split.setChildrenCollapsible(False)
        self._top = top = QScrollArea(self)
        top.setFrameShape(QFrame.Shape.NoFrame)
        top.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        top.setWidgetResizable(True)
        top.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        top.setWidget(_column(self._settings, self._fold, self._draws, stretch=True))
        gallery = _column(self._bar, self._rows, self._stack, self.judge_bar)
        for number, widget in enumerate((top, gallery, self.strip_box)):
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
        asks = self.strip_box.asks
        of_strip = _ASKING_SHARE if asks else _STRIP_SHARE
        strip = min(self.strip_box.full_height(), round(of_strip * height))
        of_top = _TOP_SHARE if height > _LOW else _TOP_SHARE_WHERE_LOW
        is_judged = bool(strip) or bool(self.gallery.pairs.verdicts)
        share = 0 if asks else _LOW_TOP_SHARE if is_judged else of_top
        top = min(self._top.widget().sizeHint().height() + 4, round(share * height))
        self._split.setSizes([top, height - top - strip, strip])

    def _on_closed(self) -> None:
        self._pending = None
        self._table, self._pixels_of = None, None
        self.gallery.pairs.set_pairs(None)
        self.gallery.set_contrast({})
        self._draws.set_draws([])
        self._patch.forget()
        self.strip_box.close_strip()

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
        self._patch.show_state(state)
        self._bar.show_state(state)
        way_out = "; “This lineage only” (L) lets go of it" if state.lineage else ""
        self._reason.setText(_large(f"{state.reason}{way_out}" if state.reason else ""))
        self._stack.setCurrentWidget(self._reason if state.reason else self.gallery)
        data = review.data
        pixels_of = (data.pixels, _identities(state.pairs))
        if pixels_of == self._pixels_of:
            self.gallery.pairs.replace_pairs(state.pairs)
        else:
            self._replace(state.pairs, pixels_of)
        labels = ", ".join(review.slot_labels)
        self._rows.setText(f"Left anchor, right positive; rows: {labels}")
        self.judging.show_verdicts()
        if not self._tau.is_current:
            self._draws.set_late()
            self._tau.later()
        elif self._table is not None:
            self._draws.set_draws(draws_of(self._table, state.experiment))

    def _replace(self, pairs: PairList, pixels_of: tuple[object, list[Identity]]) -> None:
        """Show other pairs; what was read of those that stay is kept, and who is at work there."""
        review, model, before = self._session.review, self.gallery.pairs, self._pixels_of
        if review is None:
            return
        self._session.work.cancel(_READING)
        outlined = self._session.outlined
        number_of = {identity: number for number, identity in enumerate(pixels_of[1])}
        same = before is not None and before[0] is pixels_of[0]
        stay = (
            {old: number_of[one] for old, one in enumerate(before[1]) if one in number_of}
            if before is not None and same and model.shown.outlined == outlined
            else {}
        )
        current = self.gallery.current
        shown = model.shown.moved(stay) if stay else ShownPairs(outlined=outlined)
        self._pixels_of = pixels_of
        model.set_pairs(pairs, shown)
        self.gallery.set_outlined(outlined)
        height, width = review.data.settings.yx_patch_size
        self.gallery.set_patches(len(review.slot_labels), (height, width))
        self.strip_box.close_strip()
        kept = next((stay[old] for old in sorted(stay) if old >= current >= 0), None)
        if kept is not None:
            self.gallery.go_to(kept)
        else:
            self.gallery.scrollToTop()
        # Not only once it is drawn: the viewer draws before, which takes long.
        self._read()

    def _on_drawn(self, found: tuple[TauTable, tuple[PatchFit, ...]]) -> None:
        review = self._session.review
        if review is None or self._tau.is_due:
            return
        self._table, fits = found
        self._patch.show_fits(fits, review.data.settings)
        self._draws.set_draws(draws_of(self._table, review.state.experiment))
        soon(self, self._share_out)

    def _read(self) -> None:
        """Read what is in view and was not read yet, unless reading is under way."""
        pairs, shown = self.gallery.pairs.pairs, self.gallery.pairs.shown
        if pairs is None or not len(pairs) or _READING in self._session.work.running:
            return
        experiments = [anchor["experiment"] for anchor in pairs.anchors]
        in_view = self.gallery.numbers_in_view()
        unread = sum(not shown.has(number) for number in in_view)
        most = unread or _AT_ONCE if unread < len(in_view) else _FIRST
        ahead = self.gallery.pairs.ahead(max(self.gallery.current, 0), _AHEAD)
        wanted = list(dict.fromkeys([*in_view, *ahead]))
        numbers = shown.next_numbers(experiments, wanted, most)
        if numbers:
            self._session.work.start(
                self,
                _READING,
                lambda _job: shown.read_more(pairs, numbers, wanted),
                self._on_read,
            )

    def _on_read(self, shown: ShownPairs) -> None:
        self.gallery.pairs.set_shown(shown)
        self._read()

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
    """What is drawn depends on this; on what was judged it does not."""
    data, effect = review.data, review.data.effect
    relinked = frozenset(effect.relinking)
    return data.data_version, data.settings, effect.rejected, relinked, review.intent.seed


def _tau_job(snapshot: Review) -> Callable[[Job], tuple[TauTable, tuple[PatchFit, ...]]]:
    """Make the job that works out which taus are drawn, and how patches lie in the images."""
    data, intent = snapshot.data, snapshot.intent
    return lambda _job: (tau_table(data.training, data.settings, intent.seed), patch_fits(data))


def _identities(pairs: PairList) -> list[Identity]:
    """Name pairs by their cells as tables have them, whatever their tracks are called."""
    index = pairs.index
    both = (pairs.pairs.anchor, pairs.pairs.positive)
    fov, track_id, t = index.fov_of_row, index.track_id_of_row, index.observations.t
    columns = [of[rows].tolist() for rows in both for of in (fov, track_id, t)]
    names = [(source.experiment, source.fov.name) for source in index.fovs]
    return [
        (*names[one[0]], *one[1:3], *names[one[3]], *one[4:]) for one in zip(*columns, strict=True)
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
