"""Which rows a config's exclusions leave out; exclusions that match nothing are said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lineage_triplets.engine.errors import Problem
from lineage_triplets.engine.index.names import track_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.rows import Observations, Tracks
    from lineage_triplets.engine.pairs.forest import Forest
    from lineage_triplets.engine.settings.model import Exclusions


def excluded_rows(
    rows: Observations,
    tracks: Tracks,
    forest: Forest,
    sources: Sequence[FovSource],
    exclude: Exclusions,
) -> tuple[NDArray[np.bool_], list[Problem]]:
    """Mark the rows of excluded lineages, tracks, observations and frames.

    Wells and FOVs are left out before their tables are read.

    Returns
    -------
    excluded : ndarray of bool, shape (rows,)
    problems : list of Problem
        A warning for every exclusion that names nothing there is.
    """
    excluded = np.zeros(len(rows), dtype=bool)
    problems: list[Problem] = []
    if exclude.lineages or exclude.tracks or exclude.observations:
        names = pd.Index(track_names(tracks, sources))
        of_track = np.zeros(len(names), dtype=bool)
        lineages = names.get_indexer(
            pd.Index([one.lineage_id for one in exclude.lineages], dtype=str)
        )
        is_root = forest.parent[lineages] < 0 if len(lineages) else np.empty(0, bool)
        matched = (lineages >= 0) & is_root
        problems += _unmatched(
            [one.lineage_id for one in exclude.lineages], matched, "lineages", "lineage"
        )
        of_lineage = np.zeros(len(names), dtype=bool)
        of_lineage[lineages[matched]] = True
        of_track |= of_lineage[forest.root]
        found = names.get_indexer(
            pd.Index([one.global_track_id for one in exclude.tracks], dtype=str)
        )
        problems += _unmatched(
            [one.global_track_id for one in exclude.tracks], found >= 0, "tracks", "track"
        )
        of_track[found[found >= 0]] = True
        excluded |= of_track[rows.track]
        problems += _exclude_observations(excluded, rows, names, exclude)
    problems += _exclude_frames(excluded, rows, tracks, sources, exclude)
    return excluded, problems


def _exclude_observations(
    excluded: NDArray[np.bool_], rows: Observations, names: pd.Index[str], exclude: Exclusions
) -> list[Problem]:
    wanted = exclude.observations
    if not wanted:
        return []
    track = names.get_indexer(pd.Index([one.global_track_id for one in wanted], dtype=str))
    n_frames = int(rows.t.max(initial=0)) + 1
    t = np.array([one.t if 0 <= one.t < n_frames else -1 for one in wanted])
    have = rows.track * n_frames + rows.t
    asked = np.where((track >= 0) & (t >= 0), track * n_frames + t, -1)
    excluded |= np.isin(have, asked)
    return _unmatched(
        [f"{one.global_track_id} at t = {one.t}" for one in wanted],
        np.isin(asked, have),
        "observations",
        "observation",
    )


def _exclude_frames(
    excluded: NDArray[np.bool_],
    rows: Observations,
    tracks: Tracks,
    sources: Sequence[FovSource],
    exclude: Exclusions,
) -> list[Problem]:
    if not exclude.frames:
        return []
    problems = []
    number = {(one.experiment, one.fov.name): k for k, one in enumerate(sources)}
    fov = tracks.fov[rows.track]
    for one in exclude.frames:
        where = number.get((one.experiment, one.fov))
        if where is None:
            problems += _unmatched(
                [f"{one.experiment} {one.fov}"], np.array([False]), "frames", "FOV"
            )
            continue
        n_frames = sources[where].fov.shape[0]
        beyond = [frame for frame in one.frames if not 0 <= frame < n_frames]
        problems += _unmatched(
            [f"{one.experiment} {one.fov} t = {frame}" for frame in beyond],
            np.zeros(len(beyond), dtype=bool),
            "frames",
            "frame",
        )
        excluded |= (fov == where) & np.isin(rows.t, one.frames)
    return problems


def _unmatched(
    names: list[str], matched: NDArray[np.bool_], field: str, what: str
) -> list[Problem]:
    return [
        Problem(
            "unmatched-exclusion",
            f"there is no {what} {names[number]!r} to exclude.",
            "Remove it from the config, or mend the name.",
            severity="warning",
            field=f"exclude.{field}",
        )
        for number in np.flatnonzero(~matched)
    ]
