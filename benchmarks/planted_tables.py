"""Track tables with planted faults: how densities, noise, drift and intervals vary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets import ExperimentConfig, ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.qc.find.track_data.data import TrackData
from lineage_triplets.simulate import (
    Faults,
    PlantedFault,
    PlateLayout,
    SimulatedExperiment,
    empty_plate,
)
from lineage_triplets.simulate.faults import plant
from lineage_triplets.simulate.lineages import simulate_cells
from lineage_triplets.simulate.plates import link, write_tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

SHAPE, PIXEL_SIZE_UM, HOURS = (640, 640), 0.5, 12.0
CELL_UM = 13.0
SEEDS = 4
FAULTS = Faults(
    identity_swaps=0.04, wrong_daughters=0.15, missed_divisions=0.15, duplicated_tracks=0.02
)
LINK_SHARE = 0.03


@dataclass(frozen=True)
class Scenario:
    """A way in which tables differ.

    Attributes
    ----------
    label : str
    n_cells : int
        In a field of 320 x 320 um.
    interval_minutes : float
    jitter_px : float
        Standard deviation of the centres along each axis.
    drift_px : float
        Of the stage, from frame to frame, beside the simulation's own creep of 0.2 um.
    """

    label: str
    n_cells: int = 80
    interval_minutes: float = 15.0
    jitter_px: float = 0.5
    drift_px: float = 0.0


SCENARIOS = (
    Scenario("80 cells, 15 min"),
    Scenario("25 cells", n_cells=25),
    Scenario("180 cells", n_cells=180),
    Scenario("1 um of jitter", jitter_px=2.0),
    Scenario("2 um of jitter", jitter_px=4.0),
    Scenario("10 um of drift", drift_px=20.0),
    Scenario("5 min", interval_minutes=5.0),
    Scenario("30 min", interval_minutes=30.0),
    Scenario("180 cells, 30 min", n_cells=180, interval_minutes=30.0),
    Scenario("60 min", interval_minutes=60.0),
)


@dataclass(frozen=True)
class Tables:
    """The tables of a scenario, by FOV.

    Attributes
    ----------
    experiment : SimulatedExperiment
    true, spoilt : dict of str to DataFrame
    planted : list of PlantedFault
    """

    experiment: SimulatedExperiment
    true: dict[str, pd.DataFrame]
    spoilt: dict[str, pd.DataFrame]
    planted: list[PlantedFault]


def tables_of(scenario: Scenario) -> Tables:
    """Simulate a scenario, and plant faults in it."""
    experiment = experiment_of(scenario)
    result = Tables(experiment, {}, {}, [])
    for number, fov in enumerate(experiment.fovs):
        seed = np.array([number, 77])
        result.true[fov] = true_table(scenario, experiment, seed)
        rng = np.random.default_rng([*seed, 4])
        of_fov = plant(result.true[fov], FAULTS, experiment, fov, rng)
        result.spoilt[fov], more = plant_links(of_fov.table, of_fov.planted, fov, rng)
        result.planted.extend([*of_fov.planted, *more])
    return result


def experiment_of(scenario: Scenario) -> SimulatedExperiment:
    return SimulatedExperiment(
        "simulated",
        fovs_per_well=SEEDS,
        n_frames=round(HOURS * 60 / scenario.interval_minutes),
        shape=SHAPE,
        interval_minutes=scenario.interval_minutes,
        n_cells=scenario.n_cells,
        pixel_size_um=PIXEL_SIZE_UM,
    )


def true_table(
    scenario: Scenario, experiment: SimulatedExperiment, seed: NDArray[np.int64]
) -> pd.DataFrame:
    """A faultless tracker's table, with the scenario's jitter and drift."""
    hours = np.arange(experiment.n_frames) * experiment.interval_minutes / 60
    size_um = (SHAPE[0] * PIXEL_SIZE_UM, SHAPE[1] * PIXEL_SIZE_UM)
    movie = simulate_cells(scenario.n_cells, size_um, hours, experiment.cycle_hours, seed)
    rng = np.random.default_rng([*seed, 9])
    if scenario.drift_px:
        # To and fro, so that the cells stay in the field.
        where = rng.uniform(-1, 1, (len(hours), 2)) * scenario.drift_px / 2 * PIXEL_SIZE_UM
        movie = replace(movie, drift_um=movie.drift_um + where)
    result = movie.table(SHAPE, PIXEL_SIZE_UM, 1, 2.0)
    for axis, length in zip("yx", SHAPE, strict=True):
        moved = result[axis] + rng.normal(0, scenario.jitter_px, len(result))
        result[axis] = moved.clip(0, length - 1).round(3)
    return result


def track_data(
    folder: Path, experiment: SimulatedExperiment, by_fov: dict[str, pd.DataFrame]
) -> TrackData:
    """Write tables beside a plate of metadata alone, and load them."""
    write_tables(by_fov, folder / "tracks")
    channels = experiment.channel_order
    layout = PlateLayout(channels, pixel_size_um=PIXEL_SIZE_UM)
    empty_plate(folder / "plate.zarr", dict.fromkeys(by_fov, experiment.image_shape), layout)
    config = ExperimentConfig(
        name=experiment.name,
        data_path=str(folder / "plate.zarr"),
        tracks_path=str(folder / "tracks"),
        channel_names=list(channels),
        source_channel=list(channels),
        condition_wells={"untreated": ["A/1"]},
        interval_minutes=experiment.interval_minutes,
    )
    return TrackData.of_index(MultiExperimentIndex(ExperimentRegistry([config]), 1, (160, 160)))


def plant_links(
    rows: pd.DataFrame, planted: Sequence[PlantedFault], fov: str, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[PlantedFault]]:
    """Plant wrong links inside tracks, beside the faults that are there.

    A track goes on along a neighbour, whose own track ends, and what was left is a root; or it
    goes on beside any cell.
    """
    rows = rows.copy()
    spoilt = {track for fault in planted for track in fault.track_ids}
    result = []
    n_tracks = rows["track_id"].nunique()
    for kind in ("wrong-link", "jump"):
        for _ in range(round(LINK_SHARE * n_tracks)):
            fault = _plant_link(rows, spoilt, kind, fov, rng)
            if fault:
                spoilt.update(fault.track_ids)
                result.append(fault)
    return link(rows), result


def _plant_link(
    rows: pd.DataFrame, spoilt: set[int], kind: str, fov: str, rng: np.random.Generator
) -> PlantedFault | None:
    lengths = rows["track_id"].value_counts().sort_index()
    # Daughters of what jumps would be far, too.
    spoken_for = {*spoilt, *(rows["parent_track_id"] if kind == "jump" else ())}
    sound = [one for one in lengths.index[lengths > 4] if one not in spoken_for]
    if not sound:
        return None
    track = int(rng.choice(sound))
    t = int(rng.choice(rows.loc[rows["track_id"] == track, "t"].to_numpy()[2:-2]))
    later = rows["t"] >= t
    own = later & (rows["track_id"] == track)
    new = int(rows["track_id"].max()) + 1
    if kind == "jump":
        way = rng.uniform(CELL_UM, 2 * CELL_UM) / PIXEL_SIZE_UM
        first = rows[own].iloc[0]
        # Towards the middle, so that the cell stays in the field.
        inward = np.arctan2(SHAPE[0] / 2 - first["y"], SHAPE[1] / 2 - first["x"])
        angle = inward + rng.uniform(-np.pi / 3, np.pi / 3)
        for axis, part, size in zip("yx", (np.sin(angle), np.cos(angle)), SHAPE, strict=True):
            rows.loc[own, axis] = (rows.loc[own, axis] + way * part).clip(0, size - 1).round(3)
        return PlantedFault(kind, "simulated", fov, (track,), (t,))
    here = rows[rows["t"] == t].set_index("track_id")
    before = set(rows.loc[rows["t"] == t - 1, "track_id"])
    able = [one for one in here.index if one in before and one not in {*spoilt, track}]
    if not able:
        return None
    apart = np.hypot(*(here.loc[able, ["y", "x"]] - here.loc[track, ["y", "x"]]).to_numpy().T)
    other = int(able[int(apart.argmin())])
    others = later & (rows["track_id"] == other)
    parent = rows["parent_track_id"].copy()
    rows.loc[parent == track, "parent_track_id"] = new
    rows.loc[parent == other, "parent_track_id"] = track
    first_parent = int(rows.loc[rows["track_id"] == track, "parent_track_id"].iloc[0])
    rows.loc[own, ["track_id", "parent_track_id"]] = [new, -1]
    rows.loc[others, ["track_id", "parent_track_id"]] = [track, first_parent]
    return PlantedFault(kind, "simulated", fov, (track, other, new), (t,))


def moved_um(fault: PlantedFault, rows: pd.DataFrame) -> float:
    """How far a fault moves the cell: the distance of the two that are taken for each other."""
    if fault.kind == "jump":
        return CELL_UM
    at = rows[rows["t"] == fault.frames[0]].set_index("track_id")[["y", "x"]]
    # Of a wrong link, the cell that is taken and the track's own.
    one, other = fault.track_ids[::2] if fault.kind == "wrong-link" else fault.track_ids[-2:]
    apart = np.hypot(*(at.loc[one] - at.loc[other]).to_numpy())
    return float(apart) * PIXEL_SIZE_UM
