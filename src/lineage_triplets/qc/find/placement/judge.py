"""Whether a table lies on its images: a small map first, and the search only where that fails.

The bars were found on five real movies and are of no one of them; the manual says what they reach.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from lineage_triplets.qc.find.placement.hypotheses import Hypothesis, Trial, nearest_objects
from lineage_triplets.qc.find.placement.objects import NO_OBJECTS, Objects
from lineage_triplets.qc.find.placement.search import (
    AT_ONCE,
    FITS_FEW,
    as_is,
    is_same_place,
    is_stretched,
    persistence,
    ratio_of,
    search,
    tolerance_px,
    try_here,
)
from lineage_triplets.qc.find.placement.timing import Gain, first_frame_of, is_sure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.qc.find.placement.offsets import Rows
    from lineage_triplets.qc.find.placement.scene import Scene

Status = Literal["fits", "misfit", "unknown", "cannot-tell"]
Timing = Literal["sure", "untold", "late"]

_FITS = 2.0
_LEAST_ROWS, _LEAST_TRACKS = 30, 5
_UNKNOWN_ROWS, _UNKNOWN_TRACKS = 60, 10
_UNKNOWN_RATIO = 1.25
_PERSISTS = 4.0
_MOST_ON_OBJECTS = 0.3
_DOUBTED_T = 1.5
_NOTHING = Trial(Hypothesis(), 0.0, NO_OBJECTS)


@dataclass(frozen=True, eq=False)
class Judgement:
    """Whether a table lies on its images.

    Attributes
    ----------
    status : {"fits", "misfit", "unknown", "cannot-tell"}
    hypothesis : Hypothesis
        What fits best; of a table that fits, where it lies.
    ratio : float
        R of the table as it is.
    best_ratio : float
        R of `hypothesis`.
    timing : {"sure", "untold", "late"}
    n_rows, n_tracks : int
        In the frames that were looked at.
    objects : Objects
        What was found by the surest detector.
    gains : tuple of Gain
    why : str
        Why it cannot be told.
    """

    status: Status
    hypothesis: Hypothesis
    ratio: float
    best_ratio: float
    timing: Timing
    n_rows: int
    n_tracks: int
    objects: Objects = NO_OBJECTS
    gains: tuple[Gain, ...] = field(default=())
    why: str = ""


def judge(scene: Scene, likely: Sequence[Hypothesis] = ()) -> Judgement:
    """Tell whether a table lies on its images, and if not, what fits better.

    Parameters
    ----------
    scene : Scene
    likely : sequence of Hypothesis
        What was found in other FOVs of the experiment: tried before a search.
    """
    rows = scene.rows()
    n_tracks = len(np.unique(rows.track))
    is_little = len(rows) < _LEAST_ROWS or n_tracks < _LEAST_TRACKS
    seen: list[Objects] = []
    quick, expected = _NOTHING, _NOTHING
    for batch in scene.objects():
        seen += batch
        quick = max((quick, *(as_is(scene, rows, objects) for objects in batch)), key=ratio_of)
        if quick.ratio >= AT_ONCE and not is_stretched(scene, rows, quick):
            judged = _timed(scene, seen, quick, quick)
            if all(gain.t_value < _DOUBTED_T for gain in judged.gains):
                return judged
        tried = (try_here(scene, known, objects) for known in likely for objects in batch)
        expected = max((expected, *tried), key=ratio_of)
        if expected.ratio >= max(AT_ONCE, 2 * quick.ratio):
            return _timed(scene, seen, quick, expected)
        if is_little and quick.ratio >= FITS_FEW:
            return _timed(scene, seen, quick, quick)
    if not any(len(objects) for objects in seen):
        return _untold(rows, "nothing stands out of the images")
    if is_little:
        few = f"only {len(rows)} rows of {n_tracks} tracks lie in the frames that were looked at"
        return _untold(rows, few, quick)
    best = search(scene, seen, quick)
    if best is not None:
        return _timed(scene, seen, quick, best)
    if quick.ratio >= _FITS:
        return _timed(scene, seen, quick, quick)
    return _unknown(scene, rows, seen, quick)


def _untold(rows: Rows, why: str, quick: Trial | None = None) -> Judgement:
    ratio = 0.0 if quick is None else quick.ratio
    n_tracks = len(np.unique(rows.track))
    return Judgement(
        "cannot-tell", Hypothesis(), ratio, ratio, "untold", len(rows), n_tracks, why=why
    )


def _unknown(scene: Scene, rows: Rows, chosen: Sequence[Objects], quick: Trial) -> Judgement:
    """Nothing fits: because there is nothing to see, or because the table is of something else."""
    n_tracks = len(np.unique(rows.track))
    n_lasting = 0
    for objects in chosen:
        if persistence(scene, objects) < _PERSISTS:
            continue
        n_lasting += 1
        *_, distance = nearest_objects(objects, rows)
        on = float((distance <= tolerance_px(objects)).mean())
        if on > _MOST_ON_OBJECTS and quick.ratio >= 1:
            return _untold(rows, "some rows lie on objects, and too few to say", quick)
    if not n_lasting:
        return _untold(rows, "nothing in the images lasts from a frame to the next", quick)
    if quick.ratio >= _UNKNOWN_RATIO or len(rows) < _UNKNOWN_ROWS or n_tracks < _UNKNOWN_TRACKS:
        return _untold(rows, "neither the table as it is nor another reading of it", quick)
    return replace(_untold(rows, "", quick), status="unknown")


def _timed(scene: Scene, seen: Sequence[Objects], quick: Trial, best: Trial) -> Judgement:
    """Say whether frames are the right ones, given where the table lies."""
    known = best.hypothesis
    gains: tuple[Gain, ...] = ()
    if not known.reversed_time:
        first_frame, gains = first_frame_of(scene, seen, best)
        known = replace(known, first_frame=first_frame)
    late = known.first_frame != best.hypothesis.first_frame
    rows = scene.rows()
    return Judgement(
        status="misfit" if late or not is_same_place(best, scene) else "fits",
        hypothesis=known,
        ratio=quick.ratio,
        best_ratio=best.ratio,
        timing="late" if late else "sure" if is_sure(gains) else "untold",
        n_rows=len(rows),
        n_tracks=len(np.unique(rows.track)),
        objects=best.objects,
        gains=gains,
    )
