"""Which FOVs the board shows, in which order, and each of them in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, Qt

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.board.fovs import FOV_STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lineage_triplets.qc.board.fovs import FovState, FovStateWord
    from lineage_triplets.qc.board.progress import Board, Progress

    Place = tuple[str, str]

Order = Literal["worst", "name", "seen"]
ORDERS: dict[Order, str] = {
    "worst": "worst first",
    "name": "by name",
    "seen": "last seen first",
}
SYMBOLS: dict[FovStateWord, str] = {
    "broken": "⚠",
    "untouched": "○",
    "begun": "◔",
    "partly rejected": "◐",
    "reviewed": "●",
    "accepted": "✓",
    "rejected": "✕",
}
_FRAMES_NAMED = 6
_ROOT = QModelIndex()


@dataclass(frozen=True)
class BoardFilter:
    """Which FOVs are shown.

    Attributes
    ----------
    text : str
        Words that must all be in experiment, FOV or condition, in any case.
    experiment : str
        Empty for all.
    state : str
        One of `FOV_STATES`; empty for all.
    with_open, broken : bool
        Only those with open errors or warnings; that cannot be read, or have bad frames.
    """

    text: str = ""
    experiment: str = ""
    state: str = ""
    with_open: bool = False
    broken: bool = False

    def matches(self, state: FovState) -> bool:
        """Whether a FOV is shown."""
        words = f"{state.experiment} {state.fov} {state.condition}".lower()
        return (
            self.experiment in {"", state.experiment}
            and self.state in {"", state.state}
            and (not self.with_open or state.n_pressing > 0)
            and (not self.broken or bool(state.why_broken or state.bad_frames))
            and all(word in words for word in self.text.lower().split())
        )


class BoardModel(QAbstractListModel):
    """FOVs for a list view; ``UserRole`` hands out the `FovState`.

    Attributes
    ----------
    board : Board
    """

    def __init__(self, board: Board, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.board = board
        self.filter = BoardFilter()
        self.order: Order = "worst"
        self._seen: dict[Place, int] = {}
        self._faults: dict[Place, str] = {}
        self._shown: list[FovState] = []

    def set_board(self, board: Board) -> None:
        """Show other states; FOVs that are the same ones in the same order keep their rows."""
        self.board = board
        self._arrange()

    def show(self, wanted: BoardFilter, order: Order) -> None:
        """Show what matches, in an order."""
        self.filter, self.order = wanted, order
        self._arrange()

    def note_seen(self, place: Place) -> None:
        """Remember that the viewer showed a FOV; its tile moves once there is another reason."""
        self._seen.pop(place, None)
        self._seen[place] = len(self._seen)

    def note_fault(self, place: Place, why: str) -> None:
        """Mark a FOV whose image could not be read just now; an empty `why` takes it back."""
        if why != self._faults.get(place, ""):
            self._faults[place] = why
            row = self.row_of(place)
            if row >= 0:
                self._shown[row] = self._marked(self._shown[row])
                self.dataChanged.emit(self.index(row), self.index(row))

    def forget(self) -> None:
        """Forget what was seen, and what could not be read."""
        self._seen, self._faults = {}, {}

    @property
    def progress(self) -> Progress:
        """How far the review is."""
        return self.board.progress

    @property
    def states(self) -> Sequence[FovState]:
        """The FOVs shown, in their order."""
        return self._shown

    def at(self, row: int) -> FovState | None:
        """FOV in a row; None where there is none."""
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def row_of(self, place: Place) -> int:
        """Row of a FOV; -1 where it is not shown."""
        return next((row for row, state in enumerate(self._shown) if state.place == place), -1)

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:  # noqa: N802 - Qt's name
        """Count the FOVs shown."""
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name, words or state of a FOV."""
        state = self.at(index.row()) if index.isValid() else None
        if state is None:
            return None
        if role == Qt.ItemDataRole.UserRole:
            return state
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{state.experiment} {state.fov}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(state_lines(state))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(state_lines(state))
        return None

    def _marked(self, state: FovState) -> FovState:
        why = self._faults.get(state.place, "")
        if not why or state.why_broken:
            return state
        word: FovStateWord = state.state if state.state == "rejected" else "broken"
        return replace(state, why_broken=why, state=word)

    def _arrange(self) -> None:
        marked = [self._marked(state) for state in self.board.fovs]
        shown = sorted(filter(self.filter.matches, marked), key=self._key())
        if [state.place for state in shown] == [state.place for state in self._shown]:
            self._shown = shown
            if shown:
                self.dataChanged.emit(self.index(0), self.index(len(shown) - 1))
            return
        self.beginResetModel()
        self._shown = shown
        self.endResetModel()

    def _key(self) -> Callable[[FovState], Any]:
        of_experiment: Mapping[str, int] = {
            name: number
            for number, name in enumerate(dict.fromkeys(s.experiment for s in self.board.fovs))
        }
        if self.order == "worst":
            return lambda state: tuple(-part for part in state.urgency)
        if self.order == "seen":
            return lambda state: (-self._seen.get(state.place, -1), -state.last_decision)
        return lambda state: (of_experiment[state.experiment], _natural(state.fov))


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Key by which ``A/2/0`` comes before ``A/10/0``."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in name.split("/"))


def state_lines(state: FovState) -> list[str]:
    """A FOV in words, a line each."""
    where = f", well {state.well}, {state.condition}" if state.well else ""
    lines = [f"{state.experiment} {state.fov}{where}", f"{SYMBOLS[state.state]} {state.state}"]
    if state.n_left_out and state.n_cells:
        lines[-1] += f": {state.n_left_out:,} of {state.n_cells:,} cells left out"
    if state.why_broken:
        lines.append(f"⚠ {state.why_broken}")
    if state.n_cells:
        first, last = int(state.cells[0]), int(state.cells[-1])
        lines.append(
            f"{counted(state.n_lineages, 'lineage')}; {first:,} cells in the first frame, "
            f"{last:,} in the last of {len(state.cells):,}"
        )
    open_words = [
        counted(number, severity) for severity, number in sorted(state.n_open.items()) if number
    ]
    lines.append(f"open: {', '.join(open_words)}" if open_words else "nothing is open")
    if state.bad_frames:
        named = [
            f"{t} ({kind.replace('-', ' ')})"
            for t, kind in list(state.bad_frames.items())[:_FRAMES_NAMED]
        ]
        more = len(state.bad_frames) - len(named)
        lines.append(f"bad frames: {', '.join(named)}{f' and {more} more' if more else ''}")
    elif state.well:
        lines.append(
            "no bad frames" if state.scanned else "images not scanned: bad frames are not known"
        )
    return lines


def progress_words(progress: Progress) -> str:
    """How far the review is, in a line or two."""
    if not progress.n_fovs:
        return "No FOV is open."
    share = 100 * progress.n_done / progress.n_fovs
    n_errors, n_warnings = (progress.n_open.get(name, 0) for name in ("error", "warning"))
    what_is_open = f"{counted(n_errors, 'error')}, {counted(n_warnings, 'warning')}"
    words = [
        f"{progress.n_done:,} of {progress.n_fovs:,} FOVs gone through ({share:.0f} %)",
        f"open: {what_is_open}; {progress.n_settled:,} settled",
    ]
    if progress.a_minute is not None:
        left = progress.minutes_left or 0
        if progress.n_pressing:
            words.append(
                f"{progress.a_minute:.1f} decisions a minute: about {_long(left)} for what is open"
            )
        else:
            words.append(f"{progress.a_minute:.1f} decisions a minute")
    return " · ".join(words)


def next_words(state: FovState | None) -> str:
    """What matters most next."""
    if state is None:
        return "All were gone through"
    why = (
        "cannot be used"
        if state.state == "broken"
        else counted(state.n_open["error"], "error")
        if state.n_open.get("error")
        else counted(state.n_pressing, "warning")
        if state.n_pressing
        else "nothing was decided"
    )
    return f"Next: {state.experiment} {state.fov}, {why}"


def _long(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def state_choices() -> list[tuple[str, str]]:
    """States to filter by, and how they are called."""
    return [("", "any state"), *((word, f"{SYMBOLS[word]} {word}") for word in FOV_STATES)]
