"""Tau and what else decides which pairs are drawn; the frames it comes to, while it is dragged."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)
from superqt import QDoubleRangeSlider
from superqt.utils import qdebounced, signals_blocked

from lineage_triplets.engine.errors import LineageTripletsError
from lineage_triplets.plugin.common.views import words_label
from lineage_triplets.plugin.pairs.boxes import BUTTONS_WIDE, setting_box
from lineage_triplets.qc.look.view import taus_in_frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.look.view import ExperimentTau, ReviewState

_LATER_MS = 150
_LEAST_SPAN_HOURS = 6.0
_MOST_HOURS = 10_000.0

RELATIONS = {
    "lineage": "the lineage: sisters, cousins too",
    "descendant": "the cell and its descendants",
    "same_track": "the same track, no division",
}
FALLBACKS = {
    "scan": "the least tau with somebody",
    "renormalize": "a draw among taus with somebody",
}


class TauSettings(QWidget):
    """Settings of the draw, as controls; a change is chosen in the session.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    form : QFormLayout
        Its last rows, which others may go below.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tau_settings")
        self._session = session
        self._hours = (0.0, 0.0)
        self._moves = False
        self._choose_later = qdebounced(self._choose_tau, timeout=_LATER_MS)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._tau_row())
        self._frames = words_label("tau_frames", self)
        self._frames.setToolTip(
            "Tau in frames of each experiment. A positive is never its own anchor: where an end "
            "of the range rounds to 0 frames, the least tau is 1 frame."
        )
        layout.addWidget(self._frames)
        self.form = self._law_rows()
        layout.addLayout(self.form)

    def show_state(self, state: ReviewState) -> None:
        """Show what is chosen; nobody is told."""
        settings = state.intent.dataset
        if not self._moves:
            self._hours = settings.tau_range_hours
            self._put_hours()
        self._say_frames(state.tau)
        for box, value in (
            (self._relation, settings.positive_relation),
            (self._fallback, settings.tau_fallback),
        ):
            box.setCurrentIndex(box.findData(value))
        with signals_blocked(self._decay):
            self._decay.setValue(settings.tau_decay_rate)

    def _tau_row(self) -> QHBoxLayout:
        self._low = self._hours_box("tau_least", "Least time from anchor to positive, in hours")
        self._high = self._hours_box("tau_most", "Largest time from anchor to positive, in hours")
        self._slider = QDoubleRangeSlider(Qt.Orientation.Horizontal, self)
        self._slider.setObjectName("tau_slider")
        self._slider.setAccessibleName("Tau in hours, least and largest")
        self._slider.setToolTip("Time from anchor to positive, in hours; the boxes take numbers")
        self._slider.setMinimumWidth(80)
        self._low.valueChanged.connect(lambda value: self._ask((value, max(value, self._hours[1]))))
        self._high.valueChanged.connect(
            lambda value: self._ask((min(value, self._hours[0]), value))
        )
        self._slider.valueChanged.connect(self._on_slider)
        row = QHBoxLayout()
        label = QLabel("&Tau", self)
        label.setBuddy(self._low)
        row.addWidget(label)
        row.addWidget(self._low)
        row.addWidget(self._slider, 1)
        row.addWidget(self._high)
        return row

    def _hours_box(self, name: str, tip: str) -> QDoubleSpinBox:
        box = QDoubleSpinBox(self)
        box.setObjectName(name)
        box.setToolTip(tip)
        box.setAccessibleName(tip)
        box.setRange(0, _MOST_HOURS)
        box.setDecimals(2)
        box.setSingleStep(0.25)
        box.setSuffix(" h")
        # Half-typed numbers are no choice: 1 on the way to 12.
        box.setKeyboardTracking(False)
        box.setMaximumWidth(box.fontMetrics().horizontalAdvance("8888.88 h") + BUTTONS_WIDE)
        return box

    def _law_rows(self) -> QFormLayout:
        session = self._session
        tip = "Who may be the positive of an anchor"
        self._relation = setting_box(session, "positive_relation", RELATIONS, tip, self)
        tip = "What is taken where there is nobody at the drawn tau"
        self._fallback = setting_box(session, "tau_fallback", FALLBACKS, tip, self)
        self._decay = QDoubleSpinBox(self)
        self._decay.setObjectName("tau_decay_rate")
        self._decay.setToolTip(
            "How much rarer long taus are: the largest tau is e^decay times rarer than the "
            "least; 0 draws all alike"
        )
        self._decay.setMaximumWidth(
            self._decay.fontMetrics().horizontalAdvance("-88.88") + BUTTONS_WIDE
        )
        self._decay.setRange(-20, 20)
        self._decay.setSingleStep(0.5)
        self._decay.setKeyboardTracking(False)
        self._decay.valueChanged.connect(lambda value: self._session.choose(tau_decay_rate=value))
        decay = QHBoxLayout()
        decay.addWidget(self._decay)
        decay.addWidget(QLabel("0: all taus alike", self), 1)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(3)
        form.addRow("&Positive is", self._relation)
        form.addRow("If no&body", self._fallback)
        label = QLabel("&Decay", self)
        label.setBuddy(self._decay)
        form.addRow(label, decay)
        return form

    def _on_slider(self, ends: Sequence[float]) -> None:
        # Only the end that moved: the other may stand for a number that the slider rounds.
        shown = (self._low.value(), self._high.value())
        moved = [round(float(end), 2) for end in ends]
        low, high = (
            now if abs(now - before) > 1e-6 else exact
            for now, before, exact in zip(moved, shown, self._hours, strict=True)
        )
        self._ask((low, high))

    def _ask(self, hours: tuple[float, float]) -> None:
        self._hours = (min(hours), max(hours))
        self._put_hours()
        review = self._session.review
        if review is None:
            return
        try:
            self._say_frames(taus_in_frames(review.data.registry.experiments, self._hours))
        except LineageTripletsError as error:
            self._frames.setText(f"⚠ {escape(error.problems[0].message)}")
        self._moves = True
        self._choose_later()

    def _put_hours(self) -> None:
        low, high = self._hours
        for box, value in ((self._low, low), (self._high, high)):
            with signals_blocked(box):
                box.setValue(value)
        if self._slider.isSliderDown():
            return
        with signals_blocked(self._slider):
            span = self._slider.maximum()
            if not high <= span <= max(_LEAST_SPAN_HOURS, 8 * high):
                self._slider.setRange(0, max(_LEAST_SPAN_HOURS, 2 * high))
            self._slider.setSingleStep(0.25)
            self._slider.setValue((low, high))

    def _choose_tau(self) -> None:
        self._moves = False
        if not self._session.choose(tau_range_hours=self._hours) and self._session.review:
            self._hours = self._session.review.intent.dataset.tau_range_hours
            self._put_hours()

    def _say_frames(self, taus: Sequence[ExperimentTau]) -> None:
        lines = []
        for tau in taus:
            warn = "⚠ " if tau.frames.low < 1 else ""
            lines.append(f"{warn}<b>{escape(tau.experiment)}</b>: {escape(tau.words)}")
        self._frames.setText("<br>".join(lines))
