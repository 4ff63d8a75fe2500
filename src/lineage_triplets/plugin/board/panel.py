"""The board: every FOV as a tile, how far the review is, and what matters most next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from lineage_triplets.engine.errors import counted
from lineage_triplets.plugin.board.head import BoardFilters, ProgressHead
from lineage_triplets.plugin.board.model import BoardModel, state_lines
from lineage_triplets.plugin.board.reading import Thumbnails
from lineage_triplets.plugin.board.tiles import BoardView
from lineage_triplets.plugin.common.flow import FlowLayout
from lineage_triplets.plugin.common.keys import Key, KeyButton, KeyGroup
from lineage_triplets.plugin.common.reason import KEYS as REASON_KEYS
from lineage_triplets.plugin.common.reason import ReasonField, recent_reasons
from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.said import SaidWords
from lineage_triplets.qc.board.progress import Board, board_of
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QHideEvent, QShowEvent

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.board.fovs import FovState

    Place = tuple[str, str]

JOB = "Board"
_PATIENCE_MS = 150
# So many fit on a screen at the middle size.
_MANY_FOVS = 40

KEYS = KeyGroup(
    "Board",
    (
        Key("Up, Down, Left, Right", "the tile beside; with Shift select"),
        Key("J", "the next tile", lambda panel: panel.view.step(1)),
        Key("K", "the tile before", lambda panel: panel.view.step(-1)),
        Key("Enter", "go to the FOV in Browse"),
        Key("N", "go to what matters most next", lambda panel: panel.head.next.click()),
        Key("R, X", "reject the FOVs selected, with a reason", lambda p: p.reject.click()),
        Key("A", "accept them", lambda panel: panel.accept.click()),
        Key("U", "undecided", lambda panel: panel.undecide.click()),
        Key("+", "larger tiles", lambda panel: panel.resize_tiles(1)),
        Key("-", "smaller tiles", lambda panel: panel.resize_tiles(-1)),
        Key("Ctrl+F", "filter", lambda panel: panel.filters.text.setFocus()),
        Key("Ctrl+Z", "undo", lambda panel: panel.undo.click()),
        Key("Ctrl+Shift+Z", "redo", lambda panel: panel.redo.click()),
    ),
)


class BoardPanel(QWidget):
    """All FOVs of the open review.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    fov_wanted : Signal()
        A FOV was chosen, and is to be seen.
    """

    fov_wanted = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("board")
        self._session = session
        self._outdated = True
        self._sized = False
        self.model = BoardModel(Board(), self)
        self.thumbnails = Thumbnails(session, self)
        self._refresh = Refresh(
            session,
            JOB,
            lambda snapshot: lambda _job: board_of(snapshot),
            self._show_board,
            wait_ms=_PATIENCE_MS,
            of=lambda review: (review.data.version, len(review.decisions)),
            parent=self,
        )
        self.head = ProgressHead(self)
        self.filters = BoardFilters(self)
        self.view = BoardView(self.model, self.thumbnails, self)
        self.reason = ReasonField(self)
        self._about = SaidWords("board_about", self, lines=3)
        self.accept = self._button("board_accept", "Accept", self._accept)
        self.reject = self._button("board_reject", "Reject…", self._ask_to_reject)
        self.undecide = self._button("board_undecided", "Undecided", self._undecide)
        self.undo = self._button("board_undo", "Undo", lambda: self._go_back(Review.undo))
        self.redo = self._button("board_redo", "Redo", lambda: self._go_back(Review.redo))
        self.undo.setToolTip("Undo the last decision (Ctrl+Z)")
        self.redo.setToolTip("Decide again what was undone last (Ctrl+Shift+Z)")
        self._keys = KeyButton("board_keys", (KEYS, REASON_KEYS), self, self)
        self._lay_out()
        self.view.chosen.connect(self._go)
        self.view.in_view.connect(self._read)
        self.view.selectionModel().selectionChanged.connect(self._say)
        self.view.selectionModel().currentChanged.connect(self._say)
        self.head.next_wanted.connect(self._go)
        self.filters.changed.connect(self._filter)
        self.filters.slot_changed.connect(self._set_slot)
        self.filters.resized.connect(self.resize_tiles)
        self.thumbnails.read.connect(self._on_read)
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)
        session.state_changed.connect(self._later)
        session.decided.connect(self._later)
        session.findings_changed.connect(self._later)
        session.channels_changed.connect(self._later)
        session.contrast_changed.connect(self._on_contrast)
        session.frame_changed.connect(self._on_frame)
        self._on_closed()

    @property
    def is_reading(self) -> bool:
        """Whether the tiles will be made anew."""
        return self._refresh.is_due

    def resize_tiles(self, by: int) -> None:
        """Draw larger tiles, or smaller ones by a negative number."""
        self._sized = True
        self.view.set_size_of_tiles(self.view.size_of_tiles + by)

    def _go_back(self, action: Callable[[Review], object]) -> None:
        self._session.decide(action)

    def _lay_out(self) -> None:
        verdicts = FlowLayout()
        for button in (self.accept, self.reject, self.undecide, self.undo, self.redo, self._keys):
            verdicts.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        layout.addWidget(self.head)
        layout.addWidget(self.filters)
        layout.addWidget(self.view, 1)
        layout.addWidget(self._about)
        layout.addWidget(self.reason)
        layout.addLayout(verdicts)

    def _button(self, name: str, text: str, action: Callable[[], object]) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.clicked.connect(lambda _=False: action())
        return button

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Catch up with what changed meanwhile."""
        super().showEvent(event)
        if self._outdated and self._session.review is not None:
            self._refresh.now()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Read no thumbnails for nobody."""
        super().hideEvent(event)
        self.thumbnails.rest()

    def _later(self) -> None:
        """Make the tiles anew, now or once somebody looks at them."""
        self._outdated = True
        if self.isVisible():
            self._refresh.later()

    def _on_opened(self, review: Review) -> None:
        self._sized = False
        review.events.data.connect(self._later)
        self._later()

    def _on_closed(self) -> None:
        self._outdated = True
        self.model.forget()
        self.thumbnails.set_sources({}, self.thumbnails.slot)
        self.view.tiles.forget()
        self.view.tiles.on_screen = ("", "")
        self.model.set_board(Board())
        self.head.show_board(Board())
        self.reason.put_away()
        self._say()

    def _show_board(self, board: Board) -> None:
        review = self._session.review
        if review is None:
            return
        self._outdated = False
        if not self._sized:
            self._sized = True
            self.view.set_size_of_tiles(0 if len(board.fovs) > _MANY_FOVS else 1)
        self._take_sources(review, self.thumbnails.slot)
        experiments = dict.fromkeys(state.experiment for state in board.fovs)
        self.filters.offer(list(experiments), review.slot_labels)
        self.head.show_board(board)
        self._arrange(lambda: self.model.set_board(board))
        if self.view.current is None and board.fovs:
            self.view.go_to((review.intent.experiment, review.intent.fov))
            if self.view.current is None:
                self.view.go_to(self.model.states[0].place if self.model.states else ("", ""))
        self._take_contrast()
        self._read()

    def _filter(self) -> None:
        wanted, order = self.filters.wanted, self.filters.wanted_order
        self._arrange(lambda: self.model.show(wanted, order))
        self._read()

    def _arrange(self, change: Callable[[], None]) -> None:
        """Change what is shown; what is selected stays so."""
        current, selected = self.view.current, {state.place for state in self.view.selected}
        change()
        if current is not None:
            self.view.go_to(current.place)
        self.view.select_again(selected)
        shown, n_all = self.model.rowCount(), len(self.model.board.fovs)
        self.filters.count.setText(f"{shown:,} of {n_all:,}" if shown != n_all else f"{n_all:,}")
        self._say()

    def _set_slot(self, slot: int) -> None:
        review = self._session.review
        if review is not None and slot != self.thumbnails.slot:
            self._take_sources(review, slot)
            self.view.tiles.forget()
            self._take_contrast()
            self._read()
            self.view.viewport().update()

    def _take_sources(self, review: Review, slot: int) -> None:
        fovs = review.data.raw.fovs
        sources = {(source.experiment, source.fov.name): source for source in fovs}
        self.thumbnails.set_sources(sources, slot)

    def _read(self) -> None:
        """Read the thumbnails in view first, then all others."""
        if not self.isVisible():
            return
        seen = self.view.places_in_view()
        rest = [state.place for state in self.model.states]
        self.thumbnails.want(list(dict.fromkeys([*seen, *rest])))

    def _on_read(self, places: list[Place]) -> None:
        for place in places:
            self.model.note_fault(place, self.thumbnails.shown[place].fault)
        self.view.redraw(set(places))

    def _on_contrast(self) -> None:
        self._take_contrast()
        self.view.viewport().update()

    def _take_contrast(self) -> None:
        """Draw at the contrast of the viewer's layers, where it has one."""
        slot = self.thumbnails.slot
        self.view.tiles.contrast = {
            name: slots[slot] for name, slots in self._session.contrast.items() if slot in slots
        }

    def _on_frame(self, experiment: str, fov: str, _t: int) -> None:
        place = (experiment, fov)
        if place != self.view.tiles.on_screen:
            self.view.tiles.on_screen = place
            self.model.note_seen(place)
            self.view.viewport().update()

    def _go(self, state: FovState) -> None:
        """Show a FOV in Browse and in the viewer."""
        review = self._session.review
        if review is None:
            return
        if review.data.source_of(*state.place) is None:
            self._session.failed.emit(
                f"{state.experiment} {state.fov} cannot be shown: {state.why_broken}"
            )
        elif self._session.choose(experiment=state.experiment, fov=state.fov):
            self.fov_wanted.emit()

    def _targets(self) -> list[Target]:
        chosen = self.view.selected or ([self.view.current] if self.view.current else [])
        return [Target("fov", state.experiment, state.fov) for state in chosen if state]

    def _say(self) -> None:
        """Say what the keys are about, and let be pressed what can be."""
        review, current, targets = self._session.review, self.view.current, self._targets()
        writable = review is not None and not review.log.read_only
        for button, what in (
            (self.accept, "Accept (A)"),
            (self.reject, "Leave out of training, with a reason (R or X)"),
            (self.undecide, "Take an accept or reject back (U)"),
        ):
            button.setEnabled(writable and bool(targets))
            button.setToolTip(f"{what}: {_named(targets)}")
        self.undo.setEnabled(writable)
        self.redo.setEnabled(writable)
        words = "" if current is None else "; ".join(state_lines(current))
        if len(targets) > 1:
            words = f"{counted(len(targets), 'FOV')} selected"
        self._about.set_text(words)
        self._about.setToolTip(words.replace("; ", "\n"))

    def _accept(self) -> None:
        targets = self._targets()
        self._session.decide(lambda review: review.decide("accept", targets))

    def _undecide(self) -> None:
        targets = self._targets()
        self._session.decide(lambda review: review.decide("undecided", targets))

    def _ask_to_reject(self) -> None:
        targets = self._targets()
        if targets:
            self.reason.ask(
                f"Reject {_named(targets)}",
                recent_reasons(self._session.review, "reject"),
                lambda reason: self._session.decide(
                    lambda review: review.decide("reject", targets, reason)
                ),
            )


def _named(targets: list[Target]) -> str:
    return str(targets[0]) if len(targets) == 1 else counted(len(targets), "FOV")
