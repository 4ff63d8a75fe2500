"""Accept, reject, undecide, cut, undo: of what is chosen, and said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, Signal
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from lineage_triplets.plugin.common.flow import FlowLayout
from lineage_triplets.plugin.common.keys import Key, KeyButton, KeyGroup, LettersStay
from lineage_triplets.plugin.common.reason import LEVELS, ReasonField, Spot, recent_reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.decide.targets import Verdict
    from lineage_triplets.qc.record import Decision
    from lineage_triplets.qc.record.decision import Target

KEYS = KeyGroup(
    "Decide",
    (
        Key("A", "accept", lambda panel: panel.bar.accept.click()),
        Key("R", "reject, with a reason", lambda panel: panel.bar.reject.click()),
        Key("U", "undecided", lambda panel: panel.bar.undecide.click()),
        Key(
            "C",
            "cut the link before the chosen cell, with a reason",
            lambda panel: panel.bar.cut.click(),
        ),
        Key("Ctrl+Z", "undo", lambda panel: panel.bar.undo.click()),
        Key("Ctrl+Shift+Z", "redo", lambda panel: panel.bar.redo.click()),
    ),
)


class DecideBar(QWidget):
    """Decides about the `Spot` that it is given.

    Parameters
    ----------
    session : Session
    keys : sequence of KeyGroup
        The panel's keys, those of `KEYS` among them.
    parent : QWidget
        The panel.

    Attributes
    ----------
    decided : Signal(object)
        Gets the `Target` that was accepted or rejected here.
    gone_back : Signal(object)
        Gets the `Target` whose decision was undone or redone here.
    cut_asked : Signal(object)
        Gets the `Spot` whose link is about to be cut; None when it is, or nobody wants to.
    """

    decided = Signal(object)
    gone_back = Signal(object)
    cut_asked = Signal(object)

    def __init__(self, session: Session, keys: Sequence[KeyGroup], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("decide_bar")
        self._session = session
        self._spot = Spot()
        self._n_many, self._names = 0, _nobody
        self.level = QComboBox(self)
        self.level.setObjectName("decision_level")
        self.level.setAccessibleName("What a decision is about")
        self.level.addItems(LEVELS)
        self.level.setToolTip("What a decision is about")
        LettersStay(self.level)
        self.level.currentIndexChanged.connect(self._say)
        self._about = QElidingLabel(self)
        self._about.setObjectName("decision_about")
        self._about.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.accept = self._button("accept", "Accept", self._accept)
        self.reject = self._button("reject", "Reject…", self._ask_to_reject)
        self.undecide = self._button("undecided", "Undecided", self._undecide)
        self.cut = self._button("cut_link", "Cut link…", self._ask_to_cut)
        self.undo = self._button(
            "undo", "Undo", lambda: self._go_back(lambda review: review.undo())
        )
        self.redo = self._button(
            "redo", "Redo", lambda: self._go_back(lambda review: review.redo())
        )
        self.undo.setToolTip("Undo the last decision (Ctrl+Z)")
        self.redo.setToolTip("Decide again what was undone last (Ctrl+Shift+Z)")
        self.go_on = QCheckBox("go on to the next", self)
        self.go_on.setObjectName("go_on_to_next")
        self.go_on.setToolTip("After a lineage is decided, select the next undecided one")
        self._list_keys = KeyButton("keys", keys, parent, self)
        self.reason = ReasonField(self)
        self.reason.ended.connect(lambda: self.cut_asked.emit(None))
        self._lay_out()
        self._say()

    def set_spot(self, spot: Spot) -> None:
        """Decide about another place from now on."""
        self._spot = spot
        self._say()

    def set_many(self, n_lineages: int, names: Callable[[], list[str]]) -> None:
        """Decide about several lineages in one step, where it is decided about lineages.

        Parameters
        ----------
        n_lineages : int
            How many are selected; one alone is the spot's.
        names : callable
            Gives them.
        """
        self._n_many, self._names = n_lineages if n_lineages > 1 else 0, names
        self._say()

    @property
    def targets(self) -> list[Target]:
        """What a verdict is about now: the spot's, or all lineages that are selected."""
        review, target = self._session.review, self.target
        if review is not None and self._n_many and self.level.currentText() == LEVELS[0]:
            return [review.target("lineage", name) for name in self._names()]
        return [] if target is None else [target]

    @property
    def spot(self) -> Spot:
        """Where it decides."""
        return self._spot

    @property
    def target(self) -> Target | None:
        """What a verdict is about now."""
        return self._spot.target(self.level.currentText())

    def _lay_out(self) -> None:
        about, verdicts, rest = QHBoxLayout(), FlowLayout(), FlowLayout()
        about.addWidget(self.level)
        about.addWidget(self._about, 1)
        for button in (self.accept, self.reject, self.undecide, self.cut):
            verdicts.addWidget(button, 1)
        for widget in (self.undo, self.redo, self.go_on, self._list_keys):
            rest.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(about)
        layout.addLayout(verdicts)
        layout.addWidget(self.reason)
        layout.addLayout(rest)

    def _button(self, name: str, text: str, action: Callable[[], object]) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.clicked.connect(action)
        return button

    def _say(self) -> None:
        """Say what is decided about, and let be pressed what can be."""
        review, level = self._session.review, self.level.currentText()
        of_many = bool(self._n_many) and level == LEVELS[0]
        target, link = self.target, self._spot.link
        named = f"{self._n_many:,} lineages" if of_many else str(target or "")
        writable = review is not None and not review.log.read_only
        words = named if of_many else self._words(review, target)
        self._about.setText(words or self._spot.missing(level))
        self._about.setToolTip(self._about.text())
        closed = "Opened read-only" if review is not None else "No config is open"
        missing = self._spot.missing(level)
        for button, key, what in (
            (self.accept, "A", "Accept"),
            (self.reject, "R", "Leave out of training, with a reason:"),
            (self.undecide, "U", "Take an accept or reject back:"),
        ):
            button.setEnabled(writable and bool(named))
            button.setToolTip(
                f"{what} {named} ({key})" if named and writable else missing if writable else closed
            )
        self.cut.setEnabled(writable and link is not None)
        self.cut.setToolTip(
            f"{self._spot.cut_words}: the {link} (C)"
            if link and writable
            else "Click a track in the tree where it goes wrong, or a link to a daughter"
            if writable
            else closed
        )
        self.undo.setEnabled(writable)
        self.redo.setEnabled(writable)

    def _words(self, review: Review | None, target: Target | None) -> str:
        if review is None or target is None:
            return ""
        decision = review.effect.verdicts.get(target)
        if decision is None:
            return str(target)
        verdict = {"accept": "accepted", "reject": "rejected"}[decision.kind]
        why = f" ({decision.reason})" if decision.reason else ""
        return f"{target}: {verdict}{why}"

    def _decide(self, verdict: Verdict, targets: Sequence[Target], reason: str = "") -> bool:
        """Decide about all that is chosen, in one step."""
        if not targets:
            return False
        done = self._session.decide(lambda review: review.decide(verdict, targets, reason))
        if done and len(targets) == 1 and verdict != "undecided":
            self.decided.emit(targets[0])
        return done

    def _accept(self) -> None:
        self._decide("accept", self.targets)

    def _undecide(self) -> None:
        self._decide("undecided", self.targets)

    def _ask_to_reject(self) -> None:
        targets = self.targets
        if targets:
            n, recent = len(targets), recent_reasons(self._session.review, "reject")
            named = str(targets[0]) if n == 1 else f"{n:,} lineages"
            self.reason.ask(
                f"Reject {named}", recent, lambda reason: self._decide("reject", targets, reason)
            )

    def _ask_to_cut(self) -> None:
        link = self._spot.link
        if link is None:
            return
        self.reason.ask(
            f"{self._spot.cut_words}: track {self._spot.track}, frame {self._spot.t}",
            recent_reasons(self._session.review, "cut"),
            lambda reason: self._session.decide(lambda review: review.cut(link, reason)),
        )
        self.cut_asked.emit(self._spot)

    def ask_to_link(self, link: Target) -> None:
        """Ask why one cell follows another, and link them then.

        Parameters
        ----------
        link : Target
            A ``join``.
        """
        self.reason.ask(
            f"Link track {link.track}, frame {link.t} to track {link.daughter}, frame {link.to_t}",
            recent_reasons(self._session.review, "link"),
            lambda reason: self._session.decide(lambda review: review.link(link, reason)),
        )

    def _go_back(self, action: Callable[[Review], tuple[Decision, ...]]) -> None:
        changed: list[Decision] = []
        self._session.decide(lambda review: changed.extend(action(review)))
        if changed:
            self.gone_back.emit(changed[0].target)


def _nobody() -> list[str]:
    return []


class CellMenu(QMenu):
    """A menu whose entry presses the button that cuts the link into the chosen cell.

    Parameters
    ----------
    cut : QPushButton

    Attributes
    ----------
    cut_wanted : Signal()
        The entry is about to press the button.
    """

    cut_wanted = Signal()

    def __init__(self, cut: QPushButton, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("cell_menu")
        self._button = cut
        self._title = self.addAction("")
        self._title.setEnabled(False)
        self.addSeparator()
        self.cut = self.addAction("")
        self.cut.setObjectName("cut_here")
        self.cut.triggered.connect(self._cut)

    def open_for(self, spot: Spot, at: QPoint | None = None) -> None:
        """Show it for a cell, by default where the pointer is."""
        self._title.setText(f"Track {spot.track}, frame {spot.t}")
        words = spot.cut_words
        self.cut.setText(f"{words}…" if words else "No link leads here: nothing to cut")
        self.cut.setEnabled(bool(words) and self._button.isEnabled())
        self.cut.setToolTip(self._button.toolTip())
        self.popup(QCursor.pos() if at is None else at)

    def _cut(self) -> None:
        self.cut_wanted.emit()
        self._button.click()
