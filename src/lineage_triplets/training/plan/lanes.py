"""Lanes: several FOVs in work at once, each moving through time, so that chunks serve many batches.

All draws are laid on one tape, FOV after FOV and frame after frame. The tape is cut into lanes,
which run side by side at such speeds that all end together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.training.plan.memory import STEP_FRAMES

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.training.plan.memory import ReadCosts

# Of all chunks so many may be decoded twice because movies are cut.
_CUT_SHARE = 0.08
# By how much of a lane its cuts are moved, so that lanes are at different times of their movies.
_JITTER = 0.25


def on_tape(fov: Int64Array, t: Int64Array, rng: np.random.Generator) -> Int64Array:
    """Order draws by FOV, in random order, and by steps of frames, shuffled inside each."""
    n_fovs, n_steps = int(fov.max(initial=0)) + 1, int(t.max(initial=0)) // STEP_FRAMES + 2
    # Steps begin at an even or an odd frame, so that no two frames always go together.
    phase = rng.integers(STEP_FRAMES, size=n_fovs)
    key = rng.permutation(n_fovs)[fov] * n_steps + (t + phase[fov]) // STEP_FRAMES
    shuffled = rng.permutation(len(fov))
    return np.asarray(shuffled[np.argsort(key[shuffled], kind="stable")])


def side_by_side(
    fov: Int64Array,
    t: Int64Array,
    costs: ReadCosts,
    memory_bytes: float,
    most_lanes: int,
    rng: np.random.Generator,
) -> tuple[Int64Array, int]:
    """Cut a tape into lanes and let them run side by side.

    Parameters
    ----------
    fov, t : ndarray of int64, shape (N,)
        Of the draws, as they lie on the tape.
    costs : ReadCosts
    memory_bytes : float
        For the decoded chunks of all lanes.
    most_lanes : int
    rng : numpy.random.Generator

    Returns
    -------
    order : ndarray of int64, shape (N,)
        Places on the tape.
    n_lanes : int
    """
    if not len(fov):
        return np.empty(0, dtype=np.int64), 0
    fov_starts = np.flatnonzero(np.diff(fov, prepend=-1))
    fovs = fov[fov_starts]
    n_slabs = costs.n_slabs[fovs].sum()
    free_cuts = int(_CUT_SHARE * n_slabs / max(costs.cut_slabs()[fovs].max(), 1))
    n_lanes = min(lanes_within(costs, fovs, memory_bytes, staggered=True), most_lanes)
    if n_lanes - 1 > free_cuts:
        steady = lanes_within(costs, fovs, memory_bytes, staggered=False)
        n_lanes = min(steady, most_lanes, max(len(fovs), 1 + free_cuts))
    n_lanes = min(n_lanes, len(fov))
    starts = _cuts(fov, t, fov_starts, n_lanes, free_cuts, rng)
    lengths = np.diff(starts, append=len(fov))
    place = np.arange(len(fov)) - np.repeat(starts, lengths)
    progress = (place + 0.5) / np.repeat(lengths, lengths)
    return np.argsort(progress, kind="stable"), len(starts)


def lanes_within(
    costs: ReadCosts, fovs: Int64Array, memory_bytes: float, *, staggered: bool
) -> int:
    """Count how many lanes fit, whichever of the FOVs come together; at least 1."""
    sizes = np.sort(costs.lane_bytes(staggered=staggered)[np.unique(fovs)])[::-1]
    # A lane more than there are FOVs plays a FOV that another one plays too.
    sizes = np.concatenate([sizes, np.full(len(sizes), sizes[0])])
    # Where a lane goes on to another FOV, both have a chunk in memory.
    spare = costs.slab_bytes[fovs].max()
    return max(1, int((np.cumsum(sizes) + spare <= memory_bytes).sum()))


def _cuts(
    fov: Int64Array,
    t: Int64Array,
    fov_starts: Int64Array,
    n_lanes: int,
    free_cuts: int,
    rng: np.random.Generator,
) -> Int64Array:
    """Where lanes begin on the tape: inside movies as far as that is cheap, else between them."""
    length = len(fov) / n_lanes
    wanted = np.arange(1, n_lanes) * length
    free = np.zeros(n_lanes - 1, dtype=bool)
    free[rng.permutation(n_lanes - 1)[:free_cuts]] = True
    wanted = wanted + free * rng.uniform(-_JITTER, _JITTER, n_lanes - 1) * length
    change = (np.diff(fov, prepend=-1) != 0) | (np.diff(t // STEP_FRAMES, prepend=-1) > 0)
    step_starts = np.flatnonzero(change)
    cuts = np.where(free, _nearest(step_starts, wanted), _nearest(fov_starts, wanted))
    return np.unique(np.concatenate([[0], cuts[cuts > 0]]))


def _nearest(places: Int64Array, wanted: np.ndarray) -> Int64Array:
    after = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
    before = np.maximum(after - 1, 0)
    nearer = wanted - places[before] < places[after] - wanted
    return np.where(nearer, places[before], places[after])
