"""Which frame is which: cells are compared with themselves a frame later, over tracks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.placement.hypotheses import (
    Hypothesis,
    Trial,
    nearest_objects,
    try_near,
)
from lineage_triplets.qc.find.placement.search import ratio_of, reach_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.qc.find.placement.objects import Detector, Objects
    from lineage_triplets.qc.find.placement.scene import Scene

_MOST_LATE = 4
_MOST_TIMED, _ABOUT_AS_SURE = 4, 0.5
_SURE_T = 3.0
_LEAST_TRACKS = 5


@dataclass(frozen=True)
class Gain:
    """Paired comparison of two times over tracks.

    Attributes
    ----------
    shift : int
        Frames that the table is taken to be late.
    mean_px : float
        How much nearer to objects cells are, averaged over tracks.
    t_value : float
        Of Student's test over tracks.
    n_tracks : int
    more_gain : bool
        Whether more rows gain than lose.
    """

    shift: int
    mean_px: float
    t_value: float
    n_tracks: int
    more_gain: bool


def first_frame_of(
    scene: Scene, seen: Sequence[Objects], best: Trial
) -> tuple[int, tuple[Gain, ...]]:
    """Follow the table's first frame to where cells lie nearest to objects.

    Returns
    -------
    first_frame : int
    gains : tuple of Gain
        Of one frame earlier and one later than that, where there are enough tracks.
    """
    known = best.hypothesis
    timed = scene if scene.more is None else scene.more()
    detected = timed.objects_of(_surest(scene, seen, best))
    gains: list[Gain] = []
    for _ in range(_MOST_LATE):
        now = known.first_frame
        gains = [
            gain for shift in (now - 1, now + 1)
            if (gain := frame_gain(timed, detected, known, shift)) is not None
        ]  # fmt: skip
        nearer = [gain for gain in gains if gain.t_value >= _SURE_T and gain.more_gain]
        if not nearer:
            break
        known = replace(known, first_frame=max(nearer, key=lambda gain: gain.t_value).shift)
    return known.first_frame, tuple(gains)


def is_sure(gains: Sequence[Gain]) -> bool:
    """Whether cells lie farther from objects both a frame earlier and later."""
    return len(gains) == 2 and all(gain.t_value <= -_SURE_T for gain in gains)


def _surest(scene: Scene, seen: Sequence[Objects], best: Trial) -> list[Detector]:
    """The detectors that are about as sure as the surest one."""
    rows = scene.rows(best.hypothesis)
    trials = [
        try_near(best.hypothesis, rows, objects, scene.shape, reach_px(scene, objects))
        for objects in seen
    ]
    trials.sort(key=ratio_of, reverse=True)
    return [
        trial.objects.detector
        for trial in trials[:_MOST_TIMED]
        if trial.ratio >= _ABOUT_AS_SURE * trials[0].ratio
    ]


def frame_gain(
    scene: Scene, detected: Sequence[Objects], known: Hypothesis, shift: int
) -> Gain | None:
    """Compare how near to objects cells are if the table's first frame is `shift`.

    Every cell that is there in both frames is compared with itself, by all detectors; tracks are
    the sample. None where there are too few.
    """
    near, far = (
        known.place(scene.rows(replace(known, first_frame=first)))
        for first in (known.first_frame, shift)
    )
    n = int(scene.track.max(initial=0)) + 1
    _, at_near, at_far = np.intersect1d(
        near.frame * n + near.track, far.frame * n + far.track, return_indices=True
    )
    tracks, number = np.unique(near.track[at_near], return_inverse=True)
    if len(tracks) < _LEAST_TRACKS:
        return None
    gain = np.zeros(len(at_near))
    for objects in detected:
        most = max(4 * objects.detector.width, 8.0)
        here, there = (
            np.minimum(nearest_objects(objects, placed)[2][chosen], most)
            for placed, chosen in ((near, at_near), (far, at_far))
        )
        gain += (here - there) / len(detected)
    mean = np.bincount(number, gain) / np.bincount(number)
    error = float(mean.std(ddof=1)) / np.sqrt(len(mean))
    more = int((gain > 0).sum()) > int((gain < 0).sum())
    average = float(mean.mean())
    return Gain(shift, average, average / max(error, 1e-9), len(tracks), more)
