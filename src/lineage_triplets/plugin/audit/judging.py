"""The page on which one pair after the other is judged: how far it is, pictures, three answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFrame,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from lineage_triplets.plugin.audit.frames_view import FramesView
from lineage_triplets.plugin.audit.model import bound_words, question
from lineage_triplets.plugin.audit.pair_view import PairView
from lineage_triplets.plugin.common.flow import FlowLayout
from lineage_triplets.plugin.common.keys import Key, KeyGroup, LettersStay
from lineage_triplets.plugin.common.said import CountBar, SaidWords

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lineage_triplets.plugin.audit.model import Round
    from lineage_triplets.qc.audit.answers import Judgement
    from lineage_triplets.qc.audit.state import AuditState
    from lineage_triplets.qc.look.pictures.grey import GreyScale
    from lineage_triplets.qc.record import Decision


KEYS = KeyGroup(
    "While judging",
    (
        Key("S", "same cell, or of its family", lambda panel: panel.judging.same.click(), False),
        Key("W", "wrong: another cell", lambda panel: panel.judging.wrong.click(), False),
        Key("C", "cannot tell", lambda panel: panel.judging.cannot_tell.click(), False),
        Key("B, Backspace", "back to the pair before", lambda panel: panel.judging.back.click()),
        Key("Enter", "on to the next pair without an answer"),
        Key("F", "the frames between; hide them", lambda panel: panel.judging.frames.click()),
        Key("0", "all slots", lambda panel: panel.judging.show_slot(-1)),
        Key("1, 2, …", "the first, the second, … slot alone"),
        Key("Ctrl+Z", "take the last answer back", lambda panel: panel.judging.undo.click()),
        Key("Esc", "to the list of experiments", lambda panel: panel.leave.click()),
    ),
)


class Judging(QWidget):
    """Shows a pair and asks for an answer.

    Attributes
    ----------
    answered : Signal(str)
        Gets ``"same"``, ``"wrong"`` or ``"cannot tell"``.
    back_wanted, undo_wanted : Signal()
    frames_wanted : Signal(bool)
        Whether the frames between shall be seen.
    """

    answered = Signal(str)
    back_wanted = Signal()
    undo_wanted = Signal()
    frames_wanted = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("audit_judging")
        self._question = SaidWords("audit_question", self)
        self.pair = PairView(self)
        self.strip = FramesView(self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.pair)
        self._stack.addWidget(self.strip)
        self._area = QScrollArea(self)
        self._area.setObjectName("audit_scroll")
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setWidget(self._stack)
        self.same = self._button("audit_same", "Same", "The same cell, or of its family (S)")
        self.wrong = self._button("audit_wrong", "Wrong", "Another cell (W)")
        self.cannot_tell = self._button(
            "audit_cannot_tell", "Cannot tell", "It counts as wrong in the bound (C)"
        )
        self.back = self._button("audit_back", "Back", "The pair before, to answer again (B)")
        self.frames = self._button(
            "audit_show_frames", "Frames", "The frames between anchor and positive; hide them (F)"
        )
        self.frames.setCheckable(True)
        self.undo = self._button("audit_undo", "Undo", "Take the last answer back (Ctrl+Z)")
        self._slots = QComboBox(self)
        self._slots.setObjectName("audit_slots")
        self._slots.setToolTip("Which slots are shown (0 all, 1, 2, … one)")
        LettersStay(self._slots)
        self._slots.currentIndexChanged.connect(self._on_slot)
        self._bar = CountBar("audit_progress", self)
        self._bound = SaidWords("audit_bound", self)
        self._connect()
        self._lay_out()

    def _connect(self) -> None:
        answers: tuple[tuple[QPushButton, Judgement], ...] = (
            (self.same, "same"),
            (self.wrong, "wrong"),
            (self.cannot_tell, "cannot tell"),
        )
        for button, verdict in answers:
            button.clicked.connect(lambda _=False, said=verdict: self.answered.emit(said))
        wishes: tuple[tuple[QPushButton, Callable[[], object]], ...] = (
            (self.back, self.back_wanted.emit),
            (self.undo, self.undo_wanted.emit),
        )
        for button, tell in wishes:
            button.clicked.connect(lambda _=False, tell=tell: tell())
        self.frames.toggled.connect(self._on_frames)

    def _lay_out(self) -> None:
        answers, more = FlowLayout(), FlowLayout()
        for button in (self.same, self.wrong, self.cannot_tell):
            answers.addWidget(button, 1)
        for widget in (self.back, self.frames, self.undo):
            more.addWidget(widget)
        more.addWidget(self._slots, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        # How far it is stands above: it is what every answer changes.
        layout.addWidget(self._bar)
        layout.addWidget(self._bound)
        layout.addWidget(self._question)
        layout.addWidget(self._area, 1)
        layout.addLayout(answers)
        layout.addLayout(more)

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance(text) + 12)
        return button

    def set_patches(self, labels: Sequence[str], yx_patch_size: tuple[int, int]) -> None:
        """Say what patches look like."""
        if [self._slots.itemText(k) for k in range(1, self._slots.count())] != list(labels):
            with signals_blocked(self._slots):
                self._slots.clear()
                self._slots.addItems(["all slots", *labels])
        self.pair.set_patches(labels, yx_patch_size)
        self._on_slot()

    def set_contrast(self, contrast: Mapping[int, GreyScale]) -> None:
        """Draw slots at a contrast."""
        self.pair.set_contrast(contrast)
        self.strip.set_contrast(contrast)

    def set_outlined(self, outlined: bool) -> None:
        """Draw cells with their outlines, or without."""
        self.pair.set_outlined(outlined)
        self.strip.set_outlined(outlined)

    def show_slot(self, slot: int) -> None:
        """Show one slot alone, or all for -1."""
        if slot + 1 < self._slots.count():
            self._slots.setCurrentIndex(slot + 1)

    def show_progress(
        self, turn: Round, state: AuditState, own: Mapping[int, Decision], number: int
    ) -> None:
        """Say how far it is, and what this person said of the pair on screen, if anything."""
        done, total = turn.progress(state, own)
        said = own.get(number)
        self._question.set_text(
            question(turn)
            if said is None
            else f"You said: {said.value['verdict']}. Another answer replaces it; Enter goes on."
        )
        self._bar.set_count(done, total)
        self._bound.set_text(bound_words(turn, state))

    def hide_frames(self) -> None:
        """Show the pair itself."""
        self.frames.setChecked(False)

    def show_frames(self) -> None:
        """Show the frames between in place of the pair."""
        self._stack.setCurrentWidget(self.strip)

    def _on_frames(self, wanted: bool) -> None:
        if not wanted:
            self._stack.setCurrentWidget(self.pair)
        self.frames_wanted.emit(wanted)

    def _on_slot(self) -> None:
        place = self._slots.currentIndex()
        n_slots = self._slots.count() - 1
        slots = (place - 1,) if place > 0 else tuple(range(max(n_slots, 1)))
        self.pair.set_slots(slots)
        self.strip.set_slots(slots)
