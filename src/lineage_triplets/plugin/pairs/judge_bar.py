"""What stands under the gallery: three answers, and how many pairs were judged, with what."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from lineage_triplets.plugin.common.flow import FlowLayout
from lineage_triplets.plugin.common.keys import KeyButton
from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.said import SaidWords
from lineage_triplets.qc.audit.divisions import divisions_judged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lineage_triplets.plugin.common.keys import KeyGroup
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.audit.answers import Judgement
    from lineage_triplets.qc.decide.review import Review

COUNT_JOB = "Counting judged pairs"
_PATIENCE_MS = 300


class JudgeBar(QWidget):
    """Answers about the chosen pairs, and what was judged so far.

    Parameters
    ----------
    session : Session
    keys : sequence of KeyGroup
    panel : QWidget
        Gets the keys.

    Attributes
    ----------
    answered : Signal(str)
        Gets ``"same"``, ``"wrong"`` or ``"cannot tell"``.
    back_wanted, undo_wanted, redo_wanted : Signal()
    """

    answered = Signal(str)
    back_wanted = Signal()
    undo_wanted = Signal()
    redo_wanted = Signal()

    def __init__(self, session: Session, keys: Sequence[KeyGroup], panel: QWidget) -> None:
        super().__init__(panel)
        self._session = session
        self._here = ""
        self._across = ""
        self._counts = Refresh(
            session, COUNT_JOB, _count_job, self._on_counted, wait_ms=_PATIENCE_MS, parent=self
        )
        self._words = SaidWords("pairs_judged", self, lines=2)
        self._words.setToolTip(
            "A pair counts as seen when somebody judged it. What is judged here is no sample: the "
            "bound of wrong pairs comes from Audit."
        )
        row = QWidget(self)
        flow = FlowLayout(row)
        self.same = self._button("pair_same", "Same", "The same cell, or of its family (S)")
        self.wrong = self._button("pair_wrong", "Wrong", "Another cell; then where it breaks (W)")
        self.cannot_tell = self._button("pair_cannot_tell", "Cannot tell", "Nobody can tell (C)")
        self.back = self._button("pair_back", "Back", "The pair before, to answer again (B)")
        self.undo = self._button("pair_undo", "Undo", "Undo the last decision (Ctrl+Z)")
        self.redo = self._button("pair_redo", "Redo", "Decide it again (Ctrl+Shift+Z)")
        answers: tuple[tuple[QPushButton, Judgement], ...] = (
            (self.same, "same"), (self.wrong, "wrong"), (self.cannot_tell, "cannot tell"),
        )  # fmt: skip
        for button, verdict in answers:
            button.clicked.connect(lambda _=False, said=verdict: self.answered.emit(said))
        for button, wish in (
            (self.back, self.back_wanted),
            (self.undo, self.undo_wanted),
            (self.redo, self.redo_wanted),
        ):
            button.clicked.connect(lambda _=False, wish=wish: wish.emit())
        for button in (
            *(self.same, self.wrong, self.cannot_tell),
            *(self.back, self.undo, self.redo),
            KeyButton("pair_keys", keys, panel, row),
        ):
            flow.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._words)
        layout.addWidget(row)

    def show_counts(self, n_pairs: int, verdicts: Mapping[int, Judgement], *, more: str) -> None:
        """Say how many of the pairs that are listed were judged; `more` if all were."""
        said = Counter(verdicts.values())
        told = [f"{said['wrong']} wrong"] if said["wrong"] else []
        told += [f"{said['cannot tell']} cannot tell"] if said["cannot tell"] else []
        words = ", ".join([f"Judged here: {len(verdicts)} of {n_pairs}", *told])
        self._here = f"{words}. {more}".strip() if n_pairs <= len(verdicts) else f"{words}."
        writable = self._session.review is not None and not self._session.review.log.read_only
        for button in (self.same, self.wrong, self.cannot_tell, self.undo, self.redo):
            button.setEnabled(writable)
        self._say()

    def count(self) -> None:
        """Count soon how many pairs across a division were judged, here and in audits."""
        if not self._counts.is_current:
            self._counts.later()

    def _on_counted(self, counts: Mapping[str, tuple[int, int]]) -> None:
        told = [f"{n} of {of} ({name})" for name, (n, of) in counts.items() if of]
        self._across = f"Across a division: {', '.join(told)}." if told else ""
        self._say()

    def _say(self) -> None:
        self._words.set_text(f"{self._here} {self._across}".strip())

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setToolTip(tip)
        return button


def _count_job(snapshot: Review) -> Callable[[Job], dict[str, tuple[int, int]]]:
    """Make the job that counts the pairs across a division: judged, and how many are asked for."""
    data = snapshot.data

    def run(_job: Job) -> dict[str, tuple[int, int]]:
        if not data.opened:
            return {}
        found = {
            config.name: divisions_judged(data, config.name) for config in data.registry.experiments
        }
        return {name: (judged.judged, judged.needed) for name, judged in found.items()}

    return run
