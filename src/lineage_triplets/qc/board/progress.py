"""How far a review is, how fast it goes, what is left, and what matters most next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from lineage_triplets.qc.board.fovs import fov_states

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.errors import Severity
    from lineage_triplets.qc.board.fovs import FovState
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.record.decision import HistoryEntry

PAUSE = timedelta(minutes=10)
"""Whoever decides nothing for so long did something else."""
_LEAST_STEPS = 3
_PRESSING: tuple[Severity, ...] = ("error", "warning")


@dataclass(frozen=True)
class Progress:
    """How far a review is.

    Attributes
    ----------
    n_fovs, n_done : int
        FOVs, and those that were gone through.
    n_open : dict of str to int
        Open findings, by severity: errors and warnings, those of no FOV too.
    n_settled : int
        Errors and warnings that were settled or waived.
    a_minute : float or None
        Steps of decisions in this sitting; None where there are too few to tell.
    minutes_left : float or None
        For what is open, if each takes a step; None where the pace is not known.
    """

    n_fovs: int = 0
    n_done: int = 0
    n_open: Mapping[Severity, int] = field(default_factory=dict)
    n_settled: int = 0
    a_minute: float | None = None
    minutes_left: float | None = None

    @property
    def n_pressing(self) -> int:
        """Open errors and warnings."""
        return sum(self.n_open.values())


@dataclass(frozen=True, eq=False)
class Board:
    """All FOVs, and how far their review is.

    Attributes
    ----------
    fovs : tuple of FovState
    progress : Progress
    """

    fovs: tuple[FovState, ...] = ()
    progress: Progress = Progress()

    @property
    def next(self) -> FovState | None:
        """The FOV that matters most to look at; None where all were gone through."""
        left = [state for state in self.fovs if not state.is_done]
        return max(left, key=lambda state: state.urgency, default=None)


def board_of(review: Review, now: datetime | None = None) -> Board:
    """Tell all of it; raises as `fov_states`.

    Parameters
    ----------
    review : Review
        A snapshot, in a thread.
    now : datetime, optional
        The present time, with its zone.
    """
    fovs = tuple(fov_states(review))
    pressing = [found for found in review.findings() if found.finding.severity in _PRESSING]
    n_open = Counter(found.finding.severity for found in pressing if found.status == "open")
    pace = steps_a_minute(review.history(), review.log.by, now or datetime.now(UTC))
    left = n_open.total()
    return Board(
        fovs,
        Progress(
            n_fovs=len(fovs),
            n_done=sum(state.is_done for state in fovs),
            n_open=n_open,
            n_settled=len(pressing) - left,
            a_minute=pace,
            minutes_left=None if pace is None else left / pace,
        ),
    )


def steps_a_minute(history: Sequence[HistoryEntry], by: str, now: datetime) -> float | None:
    """How many steps somebody takes a minute in the sitting that goes on now.

    A sitting ends where nothing was decided for `PAUSE`, or the clock went back. What was decided
    together is one step.

    Parameters
    ----------
    history : sequence of HistoryEntry
    by : str
    now : datetime
        With its zone.
    """
    steps = {
        entry.number: datetime.fromisoformat(entry.at)
        for entry in history
        if entry.by == by and entry.decision.is_deliberate
    }
    times = [steps[number] for number in sorted(steps)]
    if not times or now - times[-1] > PAUSE:
        return None
    first = len(times) - 1
    for number, (before, after) in reversed(list(enumerate(pairwise(times)))):
        if not timedelta(0) <= after - before <= PAUSE:
            break
        first = number
    n_steps = len(times) - 1 - first
    minutes = (times[-1] - times[first]).total_seconds() / 60
    return n_steps / minutes if n_steps >= _LEAST_STEPS and minutes > 0 else None
