"""Track tables with ultrack's columns: numbering, links, files, and big ones without pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_triplets.engine.arrays import Float64Array, Int64Array

COLUMNS = ("track_id", "t", "id", "parent_track_id", "parent_id", "z", "y", "x")
_IDS_A_FRAME = 1_000_000


def number_and_link(table: pd.DataFrame) -> pd.DataFrame:
    """Give every observation an ``id`` and the ``parent_id`` that its track's links imply.

    Parameters
    ----------
    table : DataFrame
        With ``track_id, t, parent_track_id, z, y, x``; each track has one parent, -1 for none.

    Returns
    -------
    DataFrame
        With `COLUMNS`, sorted by track and frame, coordinates to a thousandth of a pixel.
    """
    table = table.sort_values(["t", "track_id"], kind="stable", ignore_index=True)
    within = table.groupby("t").cumcount()
    table["id"] = (table["t"] + 1) * _IDS_A_FRAME + within + 1
    return link(table)


def link(table: pd.DataFrame) -> pd.DataFrame:
    """Set ``parent_id`` from the rows' ``id``, and bring the table into its written form."""
    table = table.sort_values(["track_id", "t"], kind="stable", ignore_index=True)
    track, ids = table["track_id"].to_numpy(), table["id"].to_numpy()
    first = np.ones(len(table), dtype=bool)
    first[1:] = track[1:] != track[:-1]
    parent_id = np.full(len(table), -1, dtype=np.int64)
    parent_id[1:] = ids[:-1]
    last = np.flatnonzero(np.append(first[1:], True)) if len(table) else np.empty(0, np.int64)
    parent = table["parent_track_id"].to_numpy()[first]
    parent_id[first] = _values_of(track[last], ids[last], parent)
    table["parent_id"] = parent_id
    table = table.astype(dict.fromkeys(COLUMNS[:5], "int64") | dict.fromkeys(COLUMNS[5:], float))
    table[["z", "y", "x"]] = table[["z", "y", "x"]].round(3)
    return table[list(COLUMNS)]


def _values_of(keys: Int64Array, values: Int64Array, wanted: Int64Array) -> Int64Array:
    """Values of the wanted ones among sorted keys, -1 for those that are not there."""
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.clip(np.searchsorted(keys, wanted), 0, len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], -1)


def write_tables(tables: Mapping[str, pd.DataFrame], tracks_path: str | Path) -> None:
    """Write ``{tracks_path}/{row}/{col}/{fov}/tracks.csv`` for FOVs named ``"A/1/0"``."""
    for fov, table in tables.items():
        folder = Path(tracks_path) / fov
        folder.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / "tracks.csv", index=False, lineterminator="\n")


def simulate_tables(
    n_fovs: int = 200,
    cells_per_fov: int = 50,
    n_frames: int = 100,
    *,
    shape: tuple[int, int] = (1024, 1024),
    cycle_frames: float = 60.0,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """True lineages without pixels, fast: about n_fovs x cells_per_fov x n_frames observations.

    Cells walk at random; half of the tracks end in a division, so that their number stays about
    the same.

    Parameters
    ----------
    n_fovs, cells_per_fov, n_frames : int
    shape : (int, int)
        Rows and columns of the field, in pixels.
    cycle_frames : float
        Mean length of a track that nothing cuts short, in frames.
    seed : int

    Returns
    -------
    dict of str to DataFrame
        FOV name (``"A/1/0"``: two FOVs a well, 12 wells a row) to its table.
    """
    rng = np.random.default_rng(seed)
    fov = np.repeat(np.arange(n_fovs), cells_per_fov)
    start = np.zeros(len(fov), dtype=np.int64)
    parent = np.full(len(fov), -1, dtype=np.int64)
    place = rng.uniform(0, 1, (len(fov), 2)) * shape
    spent = rng.uniform(0, 1, len(fov))
    first_track, rows = 0, []
    while len(fov):
        full = cycle_frames * np.exp(rng.normal(0, 0.2, len(fov))) * (1 - spent)
        length = np.clip(np.round(full), 1, n_frames - start).astype(np.int64)
        track = first_track + np.arange(len(fov))
        of = np.repeat(np.arange(len(fov)), length)
        begins = np.cumsum(length) - length
        step = rng.normal(0, 3.0, (len(of), 2))
        step[begins] += place
        walk = np.cumsum(step, axis=0)
        walk -= np.repeat(walk[begins] - step[begins], length, axis=0)
        t = start[of] + np.arange(len(of)) - begins[of]
        rows.append((fov[of], track[of], parent[of], t, _folded(walk, shape)))
        divides = (start + length < n_frames) & (rng.uniform(0, 1, len(fov)) < 0.5)
        mothers = np.repeat(np.flatnonzero(divides), 2)
        place = walk[(begins + length - 1)[mothers]]
        place += np.tile([[6.0, 0.0], [-6.0, 0.0]], (int(divides.sum()), 1))
        first_track += len(fov)
        fov, start, parent = fov[mothers], (start + length)[mothers], track[mothers]
        spent = np.zeros(len(mothers))
    fov, track, parent, t, place = (np.concatenate(column) for column in zip(*rows, strict=True))
    return _by_fov(fov, track, parent, t, place, n_fovs)


def _folded(walk: Float64Array, shape: tuple[int, int]) -> Float64Array:
    """Positions that walls have turned back into the field."""
    high = np.array(shape) - 1.0
    inside: Float64Array = high - np.abs(np.mod(walk, 2 * high) - high)
    return inside


def _by_fov(
    fov: Int64Array,
    track: Int64Array,
    parent: Int64Array,
    t: Int64Array,
    place: Float64Array,
    n_fovs: int,
) -> dict[str, pd.DataFrame]:
    # Tracks are numbered from 1 in each FOV, so that all FOVs share their numbers.
    fov_of = np.zeros(track.max(initial=-1) + 1, dtype=np.int64)
    fov_of[track] = fov
    order = np.argsort(fov_of, kind="stable")
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order)) - np.searchsorted(fov_of[order], fov_of[order]) + 1
    everything = pd.DataFrame(
        {
            "track_id": number[track],
            "t": t,
            "parent_track_id": np.where(parent >= 0, number[parent], -1),
            "z": 0.0,
            "y": place[:, 0],
            "x": place[:, 1],
        }
    )
    by_fov = np.argsort(fov, kind="stable")
    bounds = np.searchsorted(fov[by_fov], np.arange(n_fovs + 1))
    return {
        _fov_name(number): number_and_link(
            everything.iloc[by_fov[bounds[number] : bounds[number + 1]]]
        )
        for number in range(n_fovs)
    }


def _fov_name(number: int) -> str:
    well, field = divmod(number, 2)
    row, column = divmod(well, 12)
    letters = chr(ord("A") + row % 26)
    if row >= 26:
        letters = chr(ord("A") + row // 26 - 1) + letters
    return f"{letters}/{column + 1}/{field}"
