"""What embeddings are worth: lineages found again, conditions and fates told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float32Array, Float64Array, Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex

FATE_HOURS = 2.0
UNKNOWN = -1
_RIDGE = 1e-2


@dataclass(frozen=True, eq=False)
class Retrieval:
    """How often the nearest cell at another time is of the same lineage.

    Attributes
    ----------
    recall, chance : float
        Share of the cells whose nearest one is; and what a blind choice among the same candidates
        reaches. NaN where nothing can be asked.
    n_asked, n_left_out : int
        Cells that were asked for; and those with none, or nothing but, of their lineage to find.
    asked, found : ndarray of int64, shape (n_asked,)
        Places of these cells, and of their nearest ones, among the embeddings.
    """

    recall: float
    chance: float
    n_asked: int
    n_left_out: int
    asked: Int64Array
    found: Int64Array


@dataclass(frozen=True)
class Probe:
    """How well a linear classifier on the embeddings does on cells that it was not fitted to.

    Attributes
    ----------
    balanced_accuracy, chance : float
        Mean of the share that is right of each class; and 1 / classes.
    n_fitted, n_judged : int
    """

    balanced_accuracy: float
    chance: float
    n_fitted: int
    n_judged: int


def find_lineages(
    embeddings: Float32Array,
    experiment: Int64Array,
    lineage: Int64Array,
    t: Int64Array,
    frames_apart: Int64Array,
    *,
    other_than: Int64Array | None = None,
    asked: Int64Array | None = None,
) -> Retrieval:
    """Look for each cell's nearest one, by cosine, at the times where its positives are.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (N, D)
    experiment, lineage, t : ndarray of int64, shape (N,)
        Numbers of each cell's experiment and lineage, and its frame.
    frames_apart : ndarray of int64, shape (experiments, 2)
        Candidates are of the same experiment, earlier or later by so many frames.
    other_than : ndarray of int64, shape (N,), optional
        Candidates differ in it: with the track, only relatives can be found.
    asked : ndarray of int64, optional
        Places of the cells to ask for; all by default.
    """
    size = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = embeddings / np.where(size > 0, size, 1)
    places = np.arange(len(unit)) if asked is None else asked
    found = np.full(len(places), UNKNOWN, dtype=np.int64)
    share = np.zeros(len(places))
    for number in np.unique(experiment[places]).tolist():
        own = np.flatnonzero(experiment == number)
        low, high = frames_apart[number].tolist()
        for frame in np.unique(t[places][experiment[places] == number]).tolist():
            of_frame = np.flatnonzero((experiment[places] == number) & (t[places] == frame))
            apart = np.abs(t[own] - frame)
            there = own[(apart >= low) & (apart <= high)]
            queries = places[of_frame]
            same = lineage[queries][:, None] == lineage[there]
            allowed = np.ones_like(same)
            if other_than is not None:
                allowed = other_than[queries][:, None] != other_than[there]
            n_same, n_allowed = (same & allowed).sum(1), allowed.sum(1)
            can = (n_same > 0) & (n_same < n_allowed)
            if not can.any():
                continue
            nearness = np.where(allowed[can], unit[queries[can]] @ unit[there].T, -np.inf)
            found[of_frame[can]] = there[nearness.argmax(1)]
            share[of_frame[can]] = n_same[can] / n_allowed[can]
    can = found >= 0
    queries, nearest = places[can], found[can]
    is_same = lineage[queries] == lineage[nearest]
    return Retrieval(
        float(is_same.mean()) if can.any() else float("nan"),
        float(share[can].mean()) if can.any() else float("nan"),
        len(queries),
        int((~can).sum()),
        queries,
        nearest,
    )


def probe(
    fitted: Float32Array, labels: Int64Array, judged: Float32Array, true: Int64Array
) -> Probe | None:
    """Fit a linear classifier by balanced least squares, and judge it on other cells.

    Parameters
    ----------
    fitted, judged : ndarray of float32, shape (N, D) and (M, D)
    labels, true : ndarray of int64, shape (N,) and (M,)
        Classes; -1 where it is unknown, which leaves the cell out.

    Returns
    -------
    Probe or None
        None where fewer than two classes are on both sides.
    """
    classes = np.intersect1d(labels[labels >= 0], true[true >= 0])
    if len(classes) < 2:
        return None
    known, asked = np.isin(labels, classes), np.isin(true, classes)
    centre, scale = fitted[known].mean(0), fitted[known].std(0)
    scale = np.where(scale > 0, scale, 1)
    which = np.searchsorted(classes, labels[known])
    weight = 1 / np.bincount(which)[which] / len(classes)
    rows = _with_constant((fitted[known] - centre) / scale)
    normal = rows.T @ (rows * weight[:, None]) + _RIDGE * np.eye(rows.shape[1])
    target = 2.0 * np.eye(len(classes))[which] - 1
    solved = np.linalg.solve(normal, rows.T @ (target * weight[:, None]))
    said = classes[(_with_constant((judged[asked] - centre) / scale) @ solved).argmax(1)]
    right = [float((said[true[asked] == name] == name).mean()) for name in classes]
    return Probe(float(np.mean(right)), 1 / len(classes), int(known.sum()), int(asked.sum()))


def _with_constant(rows: Float32Array) -> Float64Array:
    with_constant: Float64Array = np.column_stack([rows, np.ones(len(rows))])
    return with_constant


def fates(index: MultiExperimentIndex, hours: float = FATE_HOURS) -> Int64Array:
    """Tell whether each row's cell divides within some hours.

    Returns
    -------
    ndarray of int64, shape (rows of ``index.tracks``,)
        1 where it does, 0 where it is followed for longer without; -1 where it is lost before.
    """
    track, t = index.observations.track, index.observations.t
    last = np.zeros(len(index.forest.parent), dtype=np.int64)
    np.maximum.at(last, track, t)
    minutes = np.array([config.interval_minutes for config in index.registry.experiments])
    left_hours = (last[track] - t) * minutes[index.experiment_of_row] / 60
    divides = index.forest.is_division[track] & (left_hours <= hours)
    return np.select([divides, left_hours > hours], [1, 0], UNKNOWN)


def conditions(index: MultiExperimentIndex) -> Int64Array:
    """Number each row's condition; -1 in experiments that have one alone, where it is no effect."""
    fov = index.fov_of_row
    names = np.array([source.condition for source in index.fovs], dtype=object)
    number = pd.factorize(names)[0].astype(np.int64)[fov]
    experiment = index.experiment_of_row
    has_several = [
        len(np.unique(number[experiment == one])) > 1
        for one in range(len(index.registry.experiments))
    ]
    return np.where(np.array(has_several)[experiment], number, UNKNOWN)
