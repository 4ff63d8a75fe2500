"""The page on which one link after the other is looked at: what is left, pictures, answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QIcon, QPixmap
from qtpy.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from lineage_triplets.plugin.common.flow import FlowLayout
from lineage_triplets.plugin.common.keys import Key, KeyGroup, LettersStay
from lineage_triplets.plugin.common.link_picture import OTHER_COLOUR, TABLE_COLOUR, LinkPicture
from lineage_triplets.plugin.common.said import CountBar, SaidWords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QColor

    from lineage_triplets.plugin.links.entries import Entry, InOrder

KEYS = KeyGroup(
    "Links",
    (
        Key(
            "S", "same: right, as the table has it", lambda panel: panel.looking.same.click(), False
        ),
        Key("W", "wrong: cut the link", lambda panel: panel.looking.wrong.click(), False),
        Key(
            "G",
            "wrong: it goes where orange goes; cut and linked anew, as the other table has it",
            lambda panel: panel.looking.instead.click(),
            False,
        ),
        Key("D", "it divides: both are right", lambda panel: panel.looking.both.click(), False),
        Key("C", "cannot tell: ask later", lambda panel: panel.looking.later.click(), False),
        Key("B, Backspace", "back to the link before", lambda panel: panel.looking.back.click()),
        Key("Enter", "on to the next link without an answer"),
        Key("F", "find it in the viewer", lambda panel: panel.looking.find.click()),
        Key("0", "all slots", lambda panel: panel.looking.show_slot(-1)),
        Key("1, 2, …", "the first, the second, … slot alone"),
        Key("Ctrl+Z", "take the last answer back", lambda panel: panel.looking.undo.click()),
    ),
)


class Looking(QWidget):
    """Shows a link and asks for an answer.

    Attributes
    ----------
    answered : Signal(str)
        Gets ``"same"``, ``"wrong"``, ``"instead"``, ``"both"`` or ``"later"``.
    back_wanted, undo_wanted, find_wanted : Signal()
    """

    answered = Signal(str)
    back_wanted = Signal()
    undo_wanted = Signal()
    find_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("link_looking")
        self._title = SaidWords("link_title", self, lines=1)
        self._question = SaidWords("link_question", self)
        self.picture = LinkPicture(self)
        self._area = QScrollArea(self)
        self._area.setObjectName("link_scroll")
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidgetResizable(True)
        self._area.setWidget(self.picture)
        self._doubt = SaidWords("link_doubt", self, lines=4)
        self.same = self._button("link_same", "Same", TABLE_COLOUR)
        self.wrong = self._button("link_wrong", "Wrong")
        self.instead = self._button("link_instead", "Exchange", OTHER_COLOUR)
        self.both = self._button("link_both", "Both")
        self._answers = {
            "same": self.same, "wrong": self.wrong, "instead": self.instead, "both": self.both,
        }  # fmt: skip
        self.later = self._button("link_later", "Can't tell")
        self.later.setToolTip("Decide nothing; it is asked again after all others (C)")
        self.back = self._button("link_back", "Back")
        self.back.setToolTip("The link before, to answer again (B)")
        self.find = self._button("link_find", "Viewer")
        self.find.setToolTip("Find it in the viewer: FOV, frame and place, with a mark (F)")
        self.undo = self._button("link_undo", "Undo")
        self.undo.setToolTip("Take the last answer back (Ctrl+Z)")
        self._slots = QComboBox(self)
        self._slots.setObjectName("link_slots")
        self._slots.setToolTip("Which slots are shown (0 all, 1, 2, … one)")
        self._slots.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._slots.setMinimumContentsLength(5)
        LettersStay(self._slots)
        self._slots.currentIndexChanged.connect(self._on_slot)
        self._count = CountBar("link_count", self)
        self._harm = CountBar("link_harm", self)
        self._status = SaidWords("link_status", self, lines=1)
        self._connect()
        self._lay_out()

    def _button(self, name: str, text: str, colour: QColor | None = None) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        if colour is not None:
            side = button.fontMetrics().height() // 2 + 1
            swatch = QPixmap(side, side)
            swatch.fill(colour)
            button.setIcon(QIcon(swatch))
            button.setIconSize(swatch.size())
        return button

    def _connect(self) -> None:
        for answer, button in (*self._answers.items(), ("later", self.later)):
            button.clicked.connect(lambda _=False, said=answer: self.answered.emit(said))
        for button, wish in (
            (self.back, self.back_wanted),
            (self.undo, self.undo_wanted),
            (self.find, self.find_wanted),
        ):
            button.clicked.connect(lambda _=False, wish=wish: wish.emit())

    def _lay_out(self) -> None:
        answers, more, bars = FlowLayout(), FlowLayout(), QHBoxLayout()
        for button in (self.same, self.wrong, self.instead, self.both, self.later):
            answers.addWidget(button, 1)
        for button in (self.back, self.find, self.undo):
            more.addWidget(button)
        more.addWidget(self._slots, 1)
        bars.addWidget(self._count, 1)
        bars.addWidget(self._harm, 2)
        for row in (answers, more, bars):
            row.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(bars)
        for widget in (self._title, self._question):
            layout.addWidget(widget)
        layout.addWidget(self._area, 1)
        layout.addWidget(self._doubt)
        layout.addLayout(answers)
        layout.addLayout(more)
        layout.addWidget(self._status)

    def set_patches(self, labels: Sequence[str], yx_patch_size: tuple[int, int]) -> None:
        """Say what patches look like."""
        if [self._slots.itemText(k) for k in range(1, self._slots.count())] != list(labels):
            with signals_blocked(self._slots):
                self._slots.clear()
                self._slots.addItems(["all slots", *labels])
        self.picture.set_patches(yx_patch_size)
        self._on_slot()

    def show_slot(self, slot: int) -> None:
        """Show one slot alone, or all for -1."""
        if slot + 1 < self._slots.count():
            self._slots.setCurrentIndex(slot + 1)

    def show_entry(self, entry: Entry, said: str) -> None:
        """Ask about a link; `said` is what was answered before, if anything."""
        self._title.set_text(entry.title)
        self._question.set_text(
            f"You said: {said}. Another answer replaces it; Enter goes on."
            if said
            else entry.question
        )
        self._doubt.set_text(entry.words)
        for name, button in self._answers.items():
            answer = entry.answers[name]
            button.setText(answer.label)
            button.setToolTip(answer.tip)
            button.setEnabled(bool(answer.targets))

    def show_counts(self, links: InOrder, number: int) -> None:
        """Say how far it is."""
        place, n_links = links.n_gone + number + 1, links.n_gone + len(links)
        self._count.set_count(place, n_links, f"{place:,} of {n_links:,}")
        self._harm.set_count(links.harm_left, links.harm, links.harm_words)
        self._harm.setToolTip(links.harm_tip)

    def say(self, words: str) -> None:
        """Say what was done last."""
        self._status.set_text(words)

    def _on_slot(self) -> None:
        place = self._slots.currentIndex()
        n_slots = self._slots.count() - 1
        self.picture.set_slots((place - 1,) if place > 0 else tuple(range(max(n_slots, 1))))
