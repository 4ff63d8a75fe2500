"""The search for what happened to a table: all hypotheses by all detectors, and which one holds."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.placement.hypotheses import (
    Hypothesis,
    Trial,
    likeliest_scale,
    refined_scale,
    try_near,
    try_whole,
    turned_and_mirrored,
)
from lineage_triplets.qc.find.placement.offsets import OffsetMap, Rows, near_px

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lineage_triplets.engine.arrays import Float64Array
    from lineage_triplets.qc.find.placement.objects import Objects
    from lineage_triplets.qc.find.placement.scene import Scene

AT_ONCE = 6.5
"""R of a table as it is that needs no search."""
FITS_FEW = 3.5
"""R with which few rows fit."""

_CLEAR = 5.0
_BETTER = 1.25
_USUAL = 1.1
_BAR_USUAL = 2.5
_BAR_OTHERS = 3.5
_FEWEST_AGREE = 3
_AGREES = 2.0
_LASTS = 1.75
_MOST_DETECTORS = 10
_LIKELY = ("cores", "pieces", "peaks")
_SHIFTS = (-1, 1, -2, 2, -3, 3)
_REACH_SHARE = 1 / 4
_REACH_WIDTHS = 12.0


def search(scene: Scene, seen: Sequence[Objects], quick: Trial) -> Trial | None:
    """Try everything; and again with other frames, where nothing is clear."""
    searched = _searched(seen)
    if not any_lasts(scene, seen):
        return None
    trials = _all_trials(scene, searched, 0)
    best = _best(trials, scene, quick, seen)
    if (best is not None and best.ratio >= _CLEAR) or quick.ratio >= FITS_FEW:
        return best
    for shift in (1, -1):
        trials = _all_trials(scene, searched, shift)
        other = _best(trials, scene, quick, seen)
        if other is not None and (best is None or other.ratio > _BETTER * best.ratio):
            best = other
    return best


def _all_trials(scene: Scene, searched: Sequence[Objects], first_frame: int) -> list[Trial]:
    late = Hypothesis(first_frame=first_frame)
    rows = scene.some_rows(late)
    trials: list[Trial] = []
    if not len(rows):
        return trials
    for number, objects in enumerate(searched):
        if number >= _FEWEST_AGREE and _is_clear(trials, scene):
            break
        for lying in turned_and_mirrored(scene.shape):
            if scene.go_on is not None:
                scene.go_on()
            hypothesis = replace(lying, first_frame=first_frame)
            trials += try_whole(hypothesis, rows, objects, scene.shape)
        trials += _scaled(scene, rows, objects, first_frame)
        if not first_frame:
            trials += [try_here(scene, Hypothesis(first_frame=n), objects) for n in _SHIFTS]
            trials.append(try_here(scene, Hypothesis(reversed_time=True), objects))
    return trials


def _searched(seen: Sequence[Objects]) -> list[Objects]:
    """The detectors that a search goes through: channels in turn, likely ones first."""
    of_channel: dict[int, list[Objects]] = {}
    for objects in sorted(seen, key=lambda objects: _LIKELY.index(objects.detector.kind)):
        if len(objects) and objects.detector.kind != "peaks":
            of_channel.setdefault(objects.detector.channel, []).append(objects)
    rounds = itertools.zip_longest(*(listed[:_MOST_DETECTORS] for listed in of_channel.values()))
    return [objects for round_ in rounds for objects in round_ if objects is not None]


def _is_clear(trials: Sequence[Trial], scene: Scene) -> bool:
    """Whether several detectors are sure of the same thing."""
    best = max(trials, key=lambda trial: trial.ratio)
    return best.ratio >= _CLEAR and _agreeing(best, trials, scene) >= _FEWEST_AGREE


def try_here(scene: Scene, hypothesis: Hypothesis, objects: Objects) -> Trial:
    """Try a hypothesis on a scene, by the offsets near its own."""
    return try_near(
        hypothesis, scene.some_rows(hypothesis), objects, scene.shape, reach_px(scene, objects)
    )


def _scaled(scene: Scene, rows: Rows, objects: Objects, first_frame: int) -> Iterator[Trial]:
    reach = reach_px(scene, objects)
    for swap in (False, True):
        found = likeliest_scale(rows, objects, scene.shape, swap_xy=swap)
        exact = refined_scale(rows, objects, found, 2 * objects.detector.width)
        for scale in {found.scale, exact}:
            hypothesis = Hypothesis(swap, scale, scale, first_frame=first_frame)
            yield try_near(hypothesis, rows, objects, scene.shape, reach)
    for scale_y, scale_x in told_scales(scene):
        for swap in (False, True):
            hypothesis = Hypothesis(swap, scale_y, scale_x, first_frame=first_frame)
            yield from try_whole(hypothesis, rows, objects, scene.shape)


def told_scales(scene: Scene) -> list[tuple[float, float]]:
    """Scales (y, x) that follow from the pixel size: micrometres for pixels, and twice so."""
    if scene.pixel_size_um is None:
        return []
    y, x = scene.pixel_size_um
    return [] if abs(np.log(x)) < 0.02 else [(1 / y, 1 / x), (y, x)]


def _key(trial: Trial) -> tuple[object, ...]:
    known = trial.hypothesis
    return (known.swap_xy, np.sign(known.scale_y), np.sign(known.scale_x), known.first_frame,
            known.reversed_time)  # fmt: skip


def _agreeing(trial: Trial, trials: Sequence[Trial], scene: Scene) -> int:
    """How many detectors have a hypothesis at the same place."""
    agree = set()
    corners = _corners(trial.hypothesis, scene)
    for other in trials:
        if other.ratio < _AGREES or _key(other) != _key(trial):
            continue
        apart = np.abs(_corners(other.hypothesis, scene) - corners).max()
        if apart <= 2 * max(tolerance_px(trial.objects), tolerance_px(other.objects)):
            agree.add(other.objects.detector)
    return len(agree)


def _corners(hypothesis: Hypothesis, scene: Scene) -> Float64Array:
    """Where the table's extreme places go."""
    y = np.array([scene.y.min(), scene.y.max(), scene.y.min(), scene.y.max()])
    x = np.array([scene.x.min(), scene.x.max(), scene.x.max(), scene.x.min()])
    number = np.zeros(4, dtype=np.int64)
    placed = hypothesis.place(Rows(number, number, y, x))
    return np.stack([placed.y, placed.x])


def is_same_place(trial: Trial, scene: Scene) -> bool:
    """Whether a hypothesis leaves everything where the table has it."""
    known = trial.hypothesis
    if known.first_frame or known.reversed_time:
        return False
    apart = np.abs(_corners(known, scene) - _corners(Hypothesis(), scene)).max()
    return bool(apart <= tolerance_px(trial.objects))


def _best(
    trials: Sequence[Trial], scene: Scene, quick: Trial, seen: Sequence[Objects]
) -> Trial | None:
    """The surest hypothesis that reaches its bar; the usual one where two are about as sure."""

    def weight(trial: Trial) -> float:
        return trial.ratio * (_USUAL if _is_plain(trial, scene) else 1.0)

    for trial in sorted(trials, key=weight, reverse=True):
        if trial.ratio <= _BETTER * quick.ratio or is_same_place(trial, scene):
            continue
        bar = _bar(trial, scene)
        if trial.ratio < bar:
            continue
        if bar < _BAR_OTHERS or _agreed(trial, scene, seen):
            return _refined(trial, scene, seen)
    return None


def _refined(trial: Trial, scene: Scene, seen: Sequence[Objects]) -> Trial:
    """Give the same hypothesis as the detector that is surest of it has it, to the pixel."""
    rows = scene.some_rows(trial.hypothesis)
    again = [
        try_near(trial.hypothesis, rows, objects, scene.shape, reach_px(scene, objects))
        for objects in seen
    ]
    return max(again, key=lambda other: other.ratio)


def _agreed(trial: Trial, scene: Scene, seen: Sequence[Objects]) -> bool:
    """Whether several detectors have a hypothesis at the very place where one found it."""
    found = trial.hypothesis
    rows = scene.some_rows(found)
    agree = 0
    for objects in seen:
        other = try_near(found, rows, objects, scene.shape, reach_px(scene, objects))
        agree += other.ratio >= _AGREES
        if agree >= _FEWEST_AGREE:
            return True
    return False


def _is_plain(trial: Trial, scene: Scene) -> bool:
    """Whether it is one of the usual mistakes alone, without an offset besides."""
    known = trial.hypothesis
    own = [
        hypothesis for hypothesis in turned_and_mirrored(scene.shape)
        if (hypothesis.swap_xy, hypothesis.scale_y, hypothesis.scale_x)
        == (known.swap_xy, np.sign(known.scale_y), np.sign(known.scale_x))
    ]  # fmt: skip
    offset_y = known.offset_y - own[0].offset_y
    offset_x = known.offset_x - own[0].offset_x
    return max(abs(offset_y), abs(offset_x)) <= tolerance_px(trial.objects)


def _bar(trial: Trial, scene: Scene) -> float:
    """The R that a hypothesis needs: less for the few that need no search."""
    known = trial.hypothesis
    usual = known.scale == 1 and known.cause in {"swapped", "reversed", "frames"}
    return _BAR_USUAL if usual and _is_plain(trial, scene) else _BAR_OTHERS


def as_is(scene: Scene, rows: Rows, objects: Objects) -> Trial:
    """Try the rows where the table has them."""
    return try_near(Hypothesis(), rows, objects, scene.shape, reach_px(scene, objects))


def is_stretched(scene: Scene, rows: Rows, trial: Trial) -> bool:
    """Whether rows lie on objects, and would do so better at another scale."""
    objects = trial.objects
    exact = refined_scale(rows, objects, Hypothesis(), 2 * objects.detector.width)
    return abs(exact - 1) * max(scene.shape) > 2 * tolerance_px(objects)


def reach_px(scene: Scene, objects: Objects) -> float:
    """How far offsets go where only the near ones are looked at."""
    return max(_REACH_WIDTHS * objects.detector.width, _REACH_SHARE * min(scene.shape))


def ratio_of(trial: Trial) -> float:
    """R, to sort by."""
    return trial.ratio


def tolerance_px(objects: Objects) -> float:
    """How near places are taken for the same."""
    return near_px(objects.detector.width)


def any_lasts(scene: Scene, seen: Sequence[Objects]) -> bool:
    """Whether anything is still there a frame later, as cells are and noise is not."""
    is_followed = any(later - t == 1 for t, later in itertools.pairwise(scene.frames))
    lasting = (persistence(scene, objects) >= _LASTS for objects in seen)
    return not is_followed or sum(itertools.islice(filter(None, lasting), _FEWEST_AGREE)) >= (
        _FEWEST_AGREE
    )


def persistence(scene: Scene, objects: Objects) -> float:
    """R of the objects of each frame on those of the next one."""
    frames = np.asarray(scene.frames)
    next_there = np.append(np.diff(frames) == 1, False)[objects.frame]
    if not next_there.any():
        return 0.0
    rows = Rows(
        objects.frame[next_there] + 1, objects.frame[next_there],
        objects.y[next_there], objects.x[next_there],
    )  # fmt: skip
    some = np.linspace(0, len(rows) - 1, min(len(rows), 240)).astype(np.int64)
    rows = Rows(rows.frame[some], rows.track[some], rows.y[some], rows.x[some])
    return OffsetMap.of(objects, rows, scene.shape, reach_px(scene, objects)).ratio()[0]
