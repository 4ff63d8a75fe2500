"""What is known of every FOV: its cells over time, what is open, what was decided."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np

from lineage_triplets.engine.errors import NoAnchorsError
from lineage_triplets.qc.record.decision import Target
from lineage_triplets.qc.record.effect import AUDIT_KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.errors import Severity
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.decide.settled import ReviewedFinding
    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.open.data import ReviewData

    Place = tuple[str, str]

FovStateWord = Literal[
    "broken", "untouched", "begun", "partly rejected", "reviewed", "accepted", "rejected"
]
FOV_STATES: tuple[FovStateWord, ...] = get_args(FovStateWord)
_DONE = frozenset({"partly rejected", "reviewed", "accepted", "rejected"})
_UNREADABLE = frozenset({"unreadable-store"})
_NO_CELLS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class FovState:
    """One FOV.

    Attributes
    ----------
    experiment, fov, well, condition : str
        Well and condition are empty where the FOV cannot be read.
    state : str
        One of `FOV_STATES`. "broken": images or table cannot be read; "untouched": nothing was
        decided in it; "begun": errors or warnings are open; "partly rejected": none are, and some
        cells are left out; "rejected": all are.
    why_broken : str
        In words; empty where it can be read as far as is known.
    cells : ndarray of int64, shape (T,)
        Cells of each frame, links cut, nothing left out.
    n_lineages, n_left_out : int
        Lineages; cells that decisions leave out.
    n_open : dict of str to int
        Open findings by severity; those without any are absent.
    bad_frames : dict of int to str
        Frames that checks of images found blank, blurred or else spoilt: the finding's kind.
    scanned : bool
        Whether all its images were looked at.
    n_decided : int
        Decisions about it or something in it.
    last_decision : int
        Number of the last of them; 0 where there is none.
    """

    experiment: str
    fov: str
    well: str = ""
    condition: str = ""
    state: FovStateWord = "untouched"
    why_broken: str = ""
    cells: Int64Array = field(default_factory=lambda: _NO_CELLS)
    n_lineages: int = 0
    n_left_out: int = 0
    n_open: dict[Severity, int] = field(default_factory=dict)
    bad_frames: dict[int, str] = field(default_factory=dict)
    scanned: bool = False
    n_decided: int = 0
    last_decision: int = 0

    @property
    def place(self) -> Place:
        """Experiment and FOV."""
        return self.experiment, self.fov

    @property
    def n_cells(self) -> int:
        """Cells in all frames."""
        return int(self.cells.sum())

    @property
    def n_pressing(self) -> int:
        """Open errors and warnings."""
        return self.n_open.get("error", 0) + self.n_open.get("warning", 0)

    @property
    def is_done(self) -> bool:
        """Whether it was gone through."""
        return self.state in _DONE

    @property
    def urgency(self) -> tuple[int, ...]:
        """The greater, the more it matters to look at it."""
        return (
            not self.is_done,
            self.state == "broken",
            self.n_open.get("error", 0),
            len(self.bad_frames) if self.n_pressing else 0,
            self.n_open.get("warning", 0),
            self.n_cells - self.n_left_out,
        )


def fov_states(review: Review) -> list[FovState]:
    """Tell the state of each FOV, in the config's order; those that cannot be read come last.

    Parameters
    ----------
    review : Review
        A snapshot, in a thread.

    Raises
    ------
    ConfigError
        No experiment could be opened.
    """
    data = review.data
    of_fov: dict[Place, list[ReviewedFinding]] = {}
    for reviewed in review.findings():
        finding = reviewed.finding
        if finding.fov:
            of_fov.setdefault((finding.experiment, finding.fov), []).append(reviewed)
    unreadable = review.checks.unloadable()
    decided = _decided(review)
    scanned = review.checks.scanned
    accepted = _accepted(data)
    index = data.linked
    cells, left_out = _cells(data)
    roots = np.flatnonzero(index.forest.parent < 0)
    n_lineages = np.bincount(index.fov_of_track[roots], minlength=len(index.fovs))
    states = []
    for number, source in enumerate(index.fovs):
        place = (source.experiment, source.fov.name)
        found = of_fov.pop(place, [])
        is_open = [reviewed.finding for reviewed in found if reviewed.status == "open"]
        n_decided, last = decided.get(place, (0, 0))
        well, n_left_out = source.fov.well_name, int(left_out[number])
        wells_decided, wells_last = decided.get((source.experiment, well), (0, 0))
        whole = {Target("fov", *place), Target("well", source.experiment, well)}
        state = FovState(
            *place,
            well=well,
            condition=source.condition,
            why_broken=_why_broken(found, unreadable),
            cells=cells[number],
            n_lineages=int(n_lineages[number]),
            n_left_out=n_left_out,
            n_open=dict(Counter(finding.severity for finding in is_open)),
            bad_frames=_bad_frames(is_open),
            scanned=place in scanned,
            n_decided=n_decided + wells_decided,
            last_decision=max(last, wells_last),
        )
        is_out = bool(whole & data.effect.rejected.keys()) or 0 < state.n_cells <= n_left_out
        is_accepted = bool(whole & data.effect.accepted.keys()) or (
            0 < state.n_lineages <= accepted.get(place, 0)
        )
        states.append(_with_state(state, is_out=is_out, is_accepted=is_accepted))
    unread = [
        _unread(place, found, data, why)
        for place, found in of_fov.items()
        if (why := _why_broken(found, unreadable))
    ]
    return states + unread


def _with_state(state: FovState, *, is_out: bool, is_accepted: bool) -> FovState:
    word: FovStateWord = "untouched"
    if is_out:
        word = "rejected"
    elif state.why_broken:
        word = "broken"
    elif is_accepted:
        word = "accepted"
    elif state.n_decided or state.n_left_out:
        partly: FovStateWord = "partly rejected" if state.n_left_out else "reviewed"
        word = "begun" if state.n_pressing else partly
    return replace(state, state=word)


def _unread(place: Place, found: Sequence[ReviewedFinding], data: ReviewData, why: str) -> FovState:
    """A FOV that is in no index; rejected where somebody left it out for that."""
    rejected = Target("fov", *place) in data.effect.rejected
    is_open = [reviewed.finding.severity for reviewed in found if reviewed.status == "open"]
    return FovState(
        *place,
        state="rejected" if rejected else "broken",
        why_broken=why,
        n_open=dict(Counter(is_open)),
    )


def _cells(data: ReviewData) -> tuple[list[Int64Array], Int64Array]:
    """Cells of each frame, and how many are left out, of each FOV of `linked`."""
    index = data.linked
    fov = index.fov_of_track[index.observations.track]
    n_frames = [source.n_frames or source.fov.shape[0] for source in index.fovs]
    width = max(n_frames, default=0)
    flat = np.bincount(fov * width + index.observations.t, minlength=len(n_frames) * width)
    by_frame = flat.reshape(len(n_frames), -1)
    cells = [counts[:length] for counts, length in zip(by_frame, n_frames, strict=True)]
    kept = np.zeros(len(n_frames), dtype=np.int64)
    try:
        training = data.training
    except NoAnchorsError:
        return cells, by_frame.sum(axis=1)
    of_training = _rows_of_fovs(training)
    for number, source in enumerate(index.fovs):
        kept[number] = of_training.get((source.experiment, source.fov.name), 0)
    return cells, by_frame.sum(axis=1) - kept


def _rows_of_fovs(index: MultiExperimentIndex) -> dict[Place, int]:
    counts = np.bincount(index.fov_of_track[index.observations.track], minlength=len(index.fovs))
    return {
        (source.experiment, source.fov.name): int(count)
        for source, count in zip(index.fovs, counts, strict=True)
    }


def _decided(review: Review) -> dict[Place, tuple[int, int]]:
    """Of each FOV or well: how many decisions there are, and the number of the last."""
    found: dict[Place, tuple[int, int]] = {}
    for made in review.decisions:
        if made.is_deliberate and made.kind not in AUDIT_KINDS and all(made.place):
            count, last = found.get(made.place, (0, 0))
            found[made.place] = (count + 1, max(last, made.number))
    return found


def _accepted(data: ReviewData) -> Counter[Place]:
    """How many lineages of each FOV are accepted."""
    return Counter(
        (target.experiment, target.fov)
        for target in data.effect.accepted
        if target.level == "lineage"
    )


def _why_broken(found: Sequence[ReviewedFinding], unreadable: set[str]) -> str:
    why = [
        reviewed.finding.sentence
        for reviewed in found
        if reviewed.finding.kind in _UNREADABLE or reviewed.finding.key in unreadable
    ]
    return why[0] if why else ""


def _bad_frames(is_open: Sequence[Finding]) -> dict[int, str]:
    """Frames that findings propose to leave out."""
    frames: dict[int, str] = {}
    for finding in is_open:
        proposed = finding.settled_by[0] if finding.settled_by else ()
        for target in proposed:
            if target.level == "frame":
                frames[cast("int", target.t)] = finding.kind
    return dict(sorted(frames.items()))
