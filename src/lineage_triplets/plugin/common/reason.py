"""A decision in the making: where a person is, what it is about, and the reason asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from lineage_triplets.engine.index.names import whole_track
from lineage_triplets.plugin.common.keys import Key, KeyGroup, bind
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.look.view import LineageView
    from lineage_triplets.qc.record import Decision

    End = tuple[float, float, float]

_SHOWN_REASONS = 8

KEYS = KeyGroup("A reason", (Key("Enter, Esc", "decide; go back"),))


class ReasonField(QFrame):
    """One line with recent reasons to pick from; hidden while nothing is asked.

    Attributes
    ----------
    ended : Signal()
        Something was asked, and is no more.
    """

    ended = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reason_field")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._confirmed: Callable[[str], bool] | None = None
        self._focus: QWidget | None = None
        self._question = QElidingLabel(self)
        self._question.setObjectName("reason_question")
        self.reason = QComboBox(self)
        self.reason.setObjectName("reason")
        self.reason.setEditable(True)
        self.reason.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.reason.setAccessibleName("Why, in a few words")
        self.reason.setToolTip("Why, in a few words (Enter confirms, Esc goes back)")
        self.reason.setMinimumContentsLength(10)
        line = self.reason.lineEdit()
        line.setPlaceholderText("why, in a few words")
        line.returnPressed.connect(self._confirm)
        line.textChanged.connect(self._on_text)
        self._ok = QPushButton("OK", self)
        self._ok.setObjectName("confirm_reason")
        self._ok.setToolTip("Decide with this reason (Enter)")
        self._ok.clicked.connect(self._confirm)
        self._cancel = QPushButton("Cancel", self)
        self._cancel.setObjectName("cancel_reason")
        self._cancel.setToolTip("Decide nothing (Esc)")
        self._cancel.clicked.connect(self.put_away)
        bind(self, "Esc", self.put_away)
        row = QHBoxLayout()
        row.addWidget(self.reason, 1)
        row.addWidget(self._ok)
        row.addWidget(self._cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self._question)
        layout.addLayout(row)
        self.hide()

    def ask(self, question: str, recent: Sequence[str], confirmed: Callable[[str], bool]) -> None:
        """Ask for a reason.

        Parameters
        ----------
        question : str
            What is about to be done.
        recent : sequence of str
            Reasons to pick from.
        confirmed : callable
            Gets the reason; False keeps the question open.
        """
        if self._confirmed is not None:
            self.ended.emit()
        if self.isHidden():
            self._focus = QApplication.focusWidget()
        self._confirmed = confirmed
        self._question.setText(f"{question}, because")
        self._question.setToolTip(question)
        self.reason.clear()
        self.reason.addItems(list(recent))
        self.reason.setCurrentIndex(-1)
        self.reason.setEditText("")
        self._on_text("")
        self.show()
        self.reason.lineEdit().setFocus(Qt.FocusReason.OtherFocusReason)

    def put_away(self) -> None:
        """Ask no more; the focus goes back where it was."""
        asked, self._confirmed = self._confirmed is not None, None
        focus, self._focus = self._focus, None
        had_focus = self.isAncestorOf(QApplication.focusWidget() or self)
        self.hide()
        if focus is not None and had_focus:
            focus.setFocus(Qt.FocusReason.OtherFocusReason)
        if asked:
            self.ended.emit()

    def _on_text(self, text: str) -> None:
        self._ok.setEnabled(bool(text.strip()))

    def _confirm(self) -> None:
        reason = self.reason.currentText().strip()
        if reason and self._confirmed is not None and self._confirmed(reason):
            self.put_away()


def who_and_when(decision: Decision) -> str:
    """``"by ada, 2026-03-04 17:05"``, in local time."""
    if not decision.at:
        return "in the config"
    at = datetime.fromisoformat(decision.at).astimezone()
    return f"by {decision.by}, {at:%Y-%m-%d %H:%M}"


def recent_reasons(review: Review | None, *kinds: str) -> list[str]:
    """Reasons given before for decisions of some kinds, the latest first."""
    made = () if review is None else review.decisions
    reasons = dict.fromkeys(
        decision.reason for decision in reversed(made) if decision.kind in kinds and decision.reason
    )
    return list(reasons)[:_SHOWN_REASONS]


LEVELS = ("lineage", "track", "cell", "frame", "FOV")


@dataclass(frozen=True)
class Spot:
    """Where a person is.

    Attributes
    ----------
    experiment, fov : str
        Empty where none is chosen.
    lineage, track : str
        Numbers of the root and of the chosen track, with ``@t`` after a cut; empty for none.
    t : int or None
        Frame chosen in the track.
    frame : int or None
        Frame that the viewer shows of this FOV.
    first_t : int or None
        First frame of the chosen track.
    mother : str
        Number of its mother; empty for a root.
    """

    experiment: str = ""
    fov: str = ""
    lineage: str = ""
    track: str = ""
    t: int | None = None
    frame: int | None = None
    first_t: int | None = None
    mother: str = ""

    def target(self, level: str) -> Target | None:
        """What a verdict at one of `LEVELS` is about; None where nothing is chosen for it."""
        place = (self.experiment, self.fov)
        if not all(place):
            return None
        match level:
            case "lineage" if self.lineage:
                return Target("lineage", *place, track=self.lineage)
            case "track" if self.track:
                return Target("track", *place, track=self.track)
            case "cell" if self.track and self.t is not None:
                return Target("observation", *place, track=self.track, t=self.t)
            case "frame":
                t = self.t if self.frame is None else self.frame
                return None if t is None else Target("frame", *place, t=t)
            case "FOV":
                return Target("fov", *place)
        return None

    @property
    def link(self) -> Target | None:
        """Link before the chosen cell: inside its track, or to its mother; None at a root."""
        if not self.track or self.t is None or self.first_t is None:
            return None
        number = whole_track(self.track)
        if self.t > self.first_t:
            return Target("link", self.experiment, self.fov, track=number, t=self.t)
        if self.mother and "@" not in self.track:
            mother = whole_track(self.mother)
            return Target("link", self.experiment, self.fov, track=mother, daughter=int(self.track))
        return None

    @property
    def cut_words(self) -> str:
        """What cutting `link` does; empty where there is none."""
        link = self.link
        if link is None:
            return ""
        return "Cut the link to the frame before" if link.t else f"Cut from mother {link.track}"

    def missing(self, level: str) -> str:
        """What to do so that a level can be decided."""
        return {
            "lineage": "Select a lineage in the table",
            "track": "Click a track in the tree",
            "cell": "Click a track at a frame in the tree",
            "frame": "Click a frame in the tree, or show the FOV in the viewer",
            "FOV": "Choose a FOV, or select a lineage",
        }[level]


@dataclass(frozen=True)
class CutPlace:
    """The two cells that a link joins.

    Attributes
    ----------
    experiment, fov : str
    frames : (int, int)
    cells : tuple of (float, float, float)
        (z, y, x) in pixels.
    words : str
        What is about it.
    crossed : bool
        Whether it is crossed out.
    """

    experiment: str
    fov: str
    frames: tuple[int, int]
    cells: tuple[End, End]
    words: str = "to be cut"
    crossed: bool = True


def cut_place(view: LineageView, spot: Spot) -> CutPlace | None:
    """Give the cells that the link of a `Spot` joins; None where it has no link."""
    names = view.tracks["track"].tolist()
    if spot.link is None or spot.t is None or spot.track not in names:
        return None
    of_row = view.part.whole.observations.track
    own = view.cells[of_row == names.index(spot.track)]
    after, before = own[own["t"] >= spot.t], own[own["t"] < spot.t]
    if before.empty and spot.mother in names:
        before = view.cells[of_row == names.index(spot.mother)]
    if after.empty or before.empty:
        return None
    ends = [before.iloc[int(np.argmax(before["t"]))], after.iloc[int(np.argmin(after["t"]))]]
    first, second = ((float(end["z"]), float(end["y"]), float(end["x"])) for end in ends)
    frames = (int(ends[0]["t"]), int(ends[1]["t"]))
    return CutPlace(spot.experiment, spot.fov, frames, (first, second))
