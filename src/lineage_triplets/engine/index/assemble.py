"""All experiments' track tables as one set of arrays: sorted, cut, linked, excluded, counted.

The order is: tables, cuts, links, lineages, exclusions. Exclusions never change an id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lineage_triplets.engine.errors import Problem
from lineage_triplets.engine.index.fovs import FovSource, fov_numbers
from lineage_triplets.engine.index.gather import TableReader, read_here, read_on_cluster
from lineage_triplets.engine.index.inside import inside_image
from lineage_triplets.engine.index.links import link_tracks
from lineage_triplets.engine.index.names import TrackNames, text_column
from lineage_triplets.engine.index.rows import Observations, Tracks, cut_tracks
from lineage_triplets.engine.pairs.forest import Forest
from lineage_triplets.engine.tracks.read import TrackTable, read_track_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.index.gather import Progress
    from lineage_triplets.engine.plates.experiments import ExperimentRegistry
    from lineage_triplets.engine.settings.model import Cut, DatasetConfig, Exclusions, Link


@dataclass(frozen=True)
class Assembly:
    """What the tables of all experiments come to.

    Attributes
    ----------
    fovs : tuple of FovSource
        FOVs with a table, by experiment and name.
    tracks : Tracks
    forest : Forest
        Over `tracks`.
    observations : Observations
        Rows that are in the movie, in the image, in the stack, and not excluded.
    pool_row : ndarray of int64
        Every row that is in the movie and the image, excluded or not, by (lineage, frame, track):
        its number in `observations`, or -1. Negatives are drawn from it.
    pool_lineage_start : ndarray of int64, shape (lineages + 1,)
        Where a lineage begins in `pool_row`.
    problems : tuple of Problem
        All that was left out, with counts, and the errors that kept FOVs from being loaded.
    """

    fovs: tuple[FovSource, ...]
    tracks: Tracks
    forest: Forest
    observations: Observations
    pool_row: Int64Array
    pool_lineage_start: Int64Array
    problems: tuple[Problem, ...]


def assemble(
    registry: ExperimentRegistry,
    settings: DatasetConfig,
    exclude: Exclusions,
    cut: Sequence[Cut],
    link: Sequence[Link] = (),
    *,
    read: TableReader = read_track_table,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Assembly:
    """Read all tables and put them together; faults are collected, never raised.

    Parameters
    ----------
    registry : ExperimentRegistry
    settings : DatasetConfig
    exclude : Exclusions
    cut : sequence of Cut
    link : sequence of Link, optional
    read : callable, optional
        Reads one table, as `read_track_table` does; one that remembers spares a second reading.
    scheduler : str, optional
        Address of a dask scheduler whose workers read, a plate each; threads of this process by
        default.
    progress : callable, optional
        Called with how many plates workers have read, and how many there are.
    """
    if scheduler is None:
        sources, tables, problems = read_here(registry, settings, exclude, read)
    else:
        sources, tables, problems = read_on_cluster(
            scheduler, registry, settings, exclude, progress
        )
    rows, fov, parent = _stack(tables)
    order = _sorting(fov, rows.track_id, rows.t)
    if order is not None:
        rows, fov, parent = rows.take(order), fov[order], parent[order]
    tracks, parent_track, track_of_row, cut_problems = cut_tracks(
        fov, rows.track_id, parent, rows.t, cut, fov_numbers(sources)
    )
    problems += cut_problems
    if link:
        linked = link_tracks(tracks, parent_track, track_of_row, rows.t, link, fov_numbers(sources))
        tracks, parent_track, track_of_row = linked.tracks, linked.parent, linked.track
        problems += linked.problems
        # Rows move within their FOV alone.
        rows = rows if linked.order is None else rows.take(linked.order)
    rows = replace(rows, track=track_of_row)
    forest = Forest.build(parent_track)
    rows, border_problems = inside_image(rows, fov, sources, settings)
    problems += border_problems
    excluded, exclusion_problems = excluded_rows(rows, tracks, forest, sources, exclude)
    problems += exclusion_problems
    pool_row, pool_start = _pool(rows, forest, ~excluded)
    return Assembly(
        fovs=tuple(sources),
        tracks=tracks,
        forest=forest,
        observations=rows.take(~excluded) if excluded.any() else rows,
        pool_row=pool_row,
        pool_lineage_start=pool_start,
        problems=tuple(problems),
    )


def _stack(tables: list[TrackTable]) -> tuple[Observations, Int64Array, Int64Array]:
    """All tables' rows below each other: columns, FOV number, parent_track_id."""

    def numbers(name: str) -> Int64Array:
        parts = [getattr(table, name) for table in tables]
        filled = [
            np.full(len(table.t), -1) if part is None else part
            for part, table in zip(parts, tables, strict=True)
        ]
        return np.concatenate([np.empty(0, np.int64), *filled])

    def places(name: str) -> Float64Array:
        return np.concatenate([np.empty(0), *(getattr(table, name) for table in tables)])

    t, y, x = numbers("t"), places("y"), places("x")
    rows = Observations(
        track=t,
        track_id=numbers("track_id"),
        t=t,
        y=y,
        x=x,
        z=places("z"),
        y_clamp=y,
        x_clamp=x,
        id=numbers("id"),
        parent_id=numbers("parent_id"),
    )
    fov = np.repeat(np.arange(len(tables), dtype=np.int64), [len(table.t) for table in tables])
    return rows, fov, numbers("parent_track_id")


def _sorting(fov: Int64Array, track_id: Int64Array, t: Int64Array) -> Int64Array | None:
    """Order by (FOV, track_id, frame); None where the rows are in it."""
    if len(t) == 0:
        return None
    same_track = (fov[1:] == fov[:-1]) & (track_id[1:] == track_id[:-1])
    same_fov_up = (fov[1:] == fov[:-1]) & (track_id[1:] > track_id[:-1])
    if np.all((fov[1:] > fov[:-1]) | same_fov_up | (same_track & (t[1:] > t[:-1]))):
        return None
    lowest, highest = int(track_id.min()), int(track_id.max())
    first, last = int(t.min()), int(t.max())
    n_ids, n_frames = highest - lowest + 1, last - first + 1
    if n_ids * n_frames * (int(fov[-1]) + 1) < 2**62:
        key = (fov * n_ids + (track_id - lowest)) * n_frames + (t - first)
        return np.argsort(key, kind="stable")
    return np.lexsort((t, track_id, fov))


def _pool(rows: Observations, forest: Forest, included: BoolArray) -> tuple[Int64Array, Int64Array]:
    lineage = forest.lineage[rows.track]
    n_frames = int(rows.t.max(initial=0)) + 1
    n_entries = len(forest.enter) + 1
    key = lineage * n_frames + rows.t
    if len(key) and int(key.max()) * n_entries < 2**62:
        order = np.argsort(key * n_entries + forest.enter[rows.track], kind="stable")
    else:
        order = np.lexsort((forest.enter[rows.track], rows.t, lineage))
    new_row = np.where(included, np.cumsum(included) - 1, -1)
    start = np.zeros(forest.n_lineages + 1, dtype=np.int64)
    np.cumsum(np.bincount(lineage, minlength=forest.n_lineages), out=start[1:])
    return new_row[order], start


def is_fov_excluded(exclude: Exclusions, source: FovSource) -> bool:
    """Whether nothing is taken from a FOV, or from its well."""
    return any(
        (fov.experiment, fov.fov) == (source.experiment, source.fov.name) for fov in exclude.fovs
    ) or any(
        (well.experiment, well.well) == (source.experiment, source.fov.well_name)
        for well in exclude.wells
    )


def excluded_rows(
    rows: Observations,
    tracks: Tracks,
    forest: Forest,
    sources: Sequence[FovSource],
    exclude: Exclusions,
) -> tuple[BoolArray, list[Problem]]:
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
        prefixes = [source.id_prefix for source in sources]
        names = pd.Index(text_column(TrackNames(tracks, prefixes).words))
        of_track = np.zeros(len(names), dtype=bool)
        lineages = names.get_indexer(
            pd.Index([lineage.lineage_id for lineage in exclude.lineages], dtype=str)
        )
        is_root = forest.parent[lineages] < 0 if len(lineages) else np.empty(0, bool)
        matched = (lineages >= 0) & is_root
        problems += _unmatched(
            [lineage.lineage_id for lineage in exclude.lineages], matched, "lineages", "lineage"
        )
        of_lineage = np.zeros(len(names), dtype=bool)
        of_lineage[lineages[matched]] = True
        of_track |= of_lineage[forest.root]
        found = names.get_indexer(
            pd.Index([track.global_track_id for track in exclude.tracks], dtype=str)
        )
        problems += _unmatched(
            [track.global_track_id for track in exclude.tracks], found >= 0, "tracks", "track"
        )
        of_track[found[found >= 0]] = True
        excluded |= of_track[rows.track]
        problems += _exclude_observations(excluded, rows, names, exclude)
    problems += _exclude_frames(excluded, rows, tracks, sources, exclude)
    return excluded, problems


def _exclude_observations(
    excluded: BoolArray, rows: Observations, names: pd.Index[str], exclude: Exclusions
) -> list[Problem]:
    wanted = exclude.observations
    if not wanted:
        return []
    track = names.get_indexer(
        pd.Index([observation.global_track_id for observation in wanted], dtype=str)
    )
    n_frames = int(rows.t.max(initial=0)) + 1
    t = np.array([observation.t if 0 <= observation.t < n_frames else -1 for observation in wanted])
    have = rows.track * n_frames + rows.t
    asked = np.where((track >= 0) & (t >= 0), track * n_frames + t, -1)
    excluded |= np.isin(have, asked)
    return _unmatched(
        [f"{observation.global_track_id} at t = {observation.t}" for observation in wanted],
        np.isin(asked, have),
        "observations",
        "observation",
    )


def _exclude_frames(
    excluded: BoolArray,
    rows: Observations,
    tracks: Tracks,
    sources: Sequence[FovSource],
    exclude: Exclusions,
) -> list[Problem]:
    if not exclude.frames:
        return []
    problems = []
    numbers = fov_numbers(sources)
    fov = tracks.fov[rows.track]
    for exclusion in exclude.frames:
        where = numbers.get((exclusion.experiment, exclusion.fov))
        if where is None:
            problems += _unmatched(
                [f"{exclusion.experiment} {exclusion.fov}"], np.array([False]), "frames", "FOV"
            )
            continue
        n_frames = sources[where].fov.shape[0]
        beyond = [frame for frame in exclusion.frames if not 0 <= frame < n_frames]
        problems += _unmatched(
            [f"{exclusion.experiment} {exclusion.fov} t = {frame}" for frame in beyond],
            np.zeros(len(beyond), dtype=bool),
            "frames",
            "frame",
        )
        excluded |= (fov == where) & np.isin(rows.t, exclusion.frames)
    return problems


def _unmatched(names: list[str], matched: BoolArray, field: str, what: str) -> list[Problem]:
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
