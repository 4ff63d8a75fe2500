"""Whole experiments on disk: plates, tables, the config that reads them, and what was planted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import ConfigError, OutputExistsError, Problem
from lineage_triplets.engine.files import remove_left_behind, whole_entries
from lineage_triplets.engine.plates.remote import first_line
from lineage_triplets.engine.settings.yaml import write_yaml_text
from lineage_triplets.simulate.faults import FovFaults, plant
from lineage_triplets.simulate.lineages import simulate_cells
from lineage_triplets.simulate.plates import (
    PlateLayout,
    add_normalization,
    empty_plate,
    open_for_writing,
    write_tables,
)
from lineage_triplets.simulate.render import FovRenderer, Optics
from lineage_triplets.simulate.scenario import (
    SAMPLE,
    Faults,
    PlantedFault,
    SimulatedExperiment,
    Simulation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Int64Array

    Progress = Callable[[int, int], None]

CONFIG_NAME = "experiments.yml"
_STATISTICS_STRIDE = 4


def sample(
    out_dir: str | Path,
    *,
    seed: int = 0,
    faults: Faults | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Simulation:
    """Write the built-in sample: three experiments in three channel orders.

    Parameters and errors are those of `simulate`.
    """
    return simulate(
        out_dir, SAMPLE, faults=faults, seed=seed, overwrite=overwrite, progress=progress
    )


def simulate(
    out_dir: str | Path,
    experiments: Sequence[SimulatedExperiment] = SAMPLE,
    *,
    faults: Faults | None = None,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Simulation:
    """Write movies of dividing cells as plates and tables, and the config that reads them.

    Parameters
    ----------
    out_dir : str or Path
        Gets ``{experiment}.zarr``, ``{experiment}_tracks``, ``experiments.yml`` and
        ``planted.json``; with faults also ``truth/{experiment}_tracks``.
    experiments : sequence of SimulatedExperiment
    faults : Faults, optional
        What to spoil; nothing by default.
    seed : int
        The same seed gives the same bytes.
    overwrite : bool
        Whether an earlier simulation in `out_dir` may be replaced; other files are not touched.
    progress : callable, optional
        Called with the frames done and their total.

    Raises
    ------
    OutputExistsError
        `out_dir` has something in it, and `overwrite` is false; or it is a file.
    ConfigError
        No experiments, two of one name, a negative seed, or faults that name an experiment that
        is not simulated, or that has no second slot to exchange.
    OutputError
        It cannot be written, as where the disk is full; `out_dir` is then as it was before.
    """
    root = Path(out_dir)
    faults = faults or Faults()
    _check(experiments, faults, seed)
    spoilt = faults != Faults()
    _refuse_occupied(root, overwrite)
    replaced = [
        *(f"{one.name}{part}" for one in experiments for part in (".zarr", "_tracks")),
        "truth",
    ]
    with whole_entries(root, replaced, CONFIG_NAME) as new:
        planted = _write_all(new, experiments, faults, seed, progress)
    return Simulation(
        root / CONFIG_NAME, tuple(experiments), tuple(planted), root / "truth" if spoilt else None
    )


def _write_all(
    root: Path,
    experiments: Sequence[SimulatedExperiment],
    faults: Faults,
    seed: int,
    progress: Progress | None,
) -> list[PlantedFault]:
    """Write plates, tables, config and the list of what was planted."""
    spoilt = faults != Faults()
    planted: list[PlantedFault] = []
    total = sum(experiment.n_frames * len(experiment.fovs) for experiment in experiments)
    done = 0
    for number, experiment in enumerate(experiments):

        def count_frame() -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, total)

        planted += _whole_experiment_faults(experiment, faults)
        planted += _write_experiment(
            root, experiment, faults, np.array([seed, number]), spoilt, count_frame
        )
    entries = [_config_entry(experiment, faults) for experiment in experiments]
    (root / CONFIG_NAME).write_text(write_yaml_text({"experiments": entries}), encoding="utf-8")
    listed = [fault.as_dict() for fault in planted]
    (root / "planted.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    return planted


def _check(experiments: Sequence[SimulatedExperiment], faults: Faults, seed: int) -> None:
    """Raise ConfigError for what cannot be simulated, before anything is written."""
    names = [experiment.name for experiment in experiments]
    if not names or len(set(names)) < len(names):
        raise ConfigError(
            Problem(
                "bad-simulation",
                f"the experiments are {names}.",
                "Give at least one, each with its own name.",
            )
        )
    if seed < 0:
        raise ConfigError(
            Problem("bad-simulation", f"the seed is {seed}.", "Give 0 or more.", field="seed")
        )
    faults.check_names(experiments)
    for experiment in experiments:
        if experiment.name in faults.swapped_channels and len(experiment.source_channel) < 2:
            raise ConfigError(
                Problem(
                    "bad-simulation",
                    "it has one slot, and no other to exchange it with.",
                    "Give it two source channels.",
                    experiment=experiment.name,
                    field="swapped_channels",
                )
            )


def _refuse_occupied(root: Path, overwrite: bool) -> None:
    remove_left_behind(root)
    is_file = root.exists() and not root.is_dir()
    if is_file or (not overwrite and root.exists() and any(root.iterdir())):
        raise OutputExistsError(
            Problem(
                "output-exists",
                "there is something already.",
                "Name an empty or new folder, or say overwrite.",
                file=str(root),
            )
        )


def _write_experiment(
    root: Path,
    experiment: SimulatedExperiment,
    faults: Faults,
    seed: Int64Array,
    spoilt: bool,
    count_frame: Callable[[], None],
) -> list[PlantedFault]:
    """Write one plate and its tables, FOV by FOV, frame by frame."""
    layout = PlateLayout(
        channel_names=experiment.channel_order,
        pixel_size_um=experiment.pixel_size_um,
        z_step_um=experiment.z_step_um,
        interval_minutes=experiment.interval_minutes,
        ome_version=experiment.ome_version,
        chunking=experiment.chunking,
    )
    plate = root / f"{experiment.name}.zarr"
    empty_plate(plate, dict.fromkeys(experiment.fovs, experiment.image_shape), layout)
    frame_hours = np.arange(experiment.n_frames) * experiment.interval_minutes / 60
    pixel = experiment.pixel_size_um
    field_um = (experiment.shape[0] * pixel, experiment.shape[1] * pixel)
    control = next(iter(experiment.wells))
    planted: list[PlantedFault] = []
    samples: dict[str, NDArray[np.uint16]] = {}
    for number, (fov, condition) in enumerate(experiment.fovs.items()):
        fov_seed = np.append(seed, number)
        movie = simulate_cells(
            experiment.n_cells, field_um, frame_hours, experiment.cycle_hours, fov_seed
        )
        truth = movie.table(experiment.shape, pixel, experiment.n_z, experiment.z_step_um)
        rng = np.random.default_rng([*fov_seed, 4])
        of_fov = plant(truth, faults, experiment, fov, rng) if spoilt else FovFaults(truth)
        planted += of_fov.planted
        write_tables({fov: of_fov.table}, root / f"{experiment.name}_tracks")
        if spoilt:
            write_tables({fov: truth}, root / "truth" / f"{experiment.name}_tracks")
        renderer = FovRenderer(
            movie,
            Optics(experiment.shape, experiment.n_z, pixel, experiment.z_step_um),
            _stains_in_store(experiment, faults),
            start_hpi=experiment.start_hpi,
            infected=condition != control,
            seed=fov_seed,
        )
        store = open_for_writing(plate / fov, layout)
        kept = []
        previous = None
        for t in range(experiment.n_frames):
            frame = _spoil(renderer.frame(t), previous, t, of_fov, experiment, faults)
            try:
                store[t].write(frame).result()
            except ValueError as error:
                # Tensorstore's: a disk that is full, or gone.
                raise OSError(first_line(error)) from error
            kept.append(frame[:, :, ::_STATISTICS_STRIDE, ::_STATISTICS_STRIDE])
            previous = frame
            count_frame()
        samples[fov] = np.stack(kept)
    if experiment.normalization:
        everything = np.concatenate(list(samples.values()))
        for fov, pixels in samples.items():
            statistics = _normalization(experiment.channel_order, pixels, everything)
            add_normalization(plate / fov, statistics, experiment.ome_version)
    return planted


def _stains_in_store(experiment: SimulatedExperiment, faults: Faults) -> list[Any]:
    """What each channel shows: with swapped channels, slots 0 and 1 show each other's stain."""
    stains: list[Any] = list(experiment.stain_order)
    if experiment.name in faults.swapped_channels:
        first, second = (experiment.channel_order.index(k) for k in experiment.source_channel[:2])
        stains[first], stains[second] = stains[second], stains[first]
    return stains


def _spoil(
    frame: NDArray[np.uint16],
    previous: NDArray[np.uint16] | None,
    t: int,
    of_fov: FovFaults,
    experiment: SimulatedExperiment,
    faults: Faults,
) -> NDArray[np.uint16]:
    if t in of_fov.blank:
        return np.zeros_like(frame)
    if t in of_fov.repeated and previous is not None:
        return previous
    if experiment.name not in faults.swapped_channels:
        return frame
    changed = np.rint(frame * faults.swapped_gain + faults.swapped_offset)
    pixels: NDArray[np.uint16] = np.clip(changed, 0, np.iinfo(np.uint16).max).astype(np.uint16)
    return pixels


def _whole_experiment_faults(experiment: SimulatedExperiment, faults: Faults) -> list[PlantedFault]:
    planted = []
    if experiment.name in faults.swapped_channels:
        first, second = experiment.source_channel[:2]
        planted.append(
            PlantedFault(
                "swapped-channels",
                experiment.name,
                detail=f"What is labelled {first} shows {second}, and the other way round.",
            )
        )
    if experiment.name in faults.wrong_intervals:
        said = faults.wrong_intervals[experiment.name]
        planted.append(
            PlantedFault(
                "wrong-interval",
                experiment.name,
                detail=f"The config says {said:g} min; it is {experiment.interval_minutes:g} min.",
            )
        )
    return planted


def _normalization(
    labels: Sequence[str], pixels: NDArray[np.uint16], everything: NDArray[np.uint16]
) -> dict[str, Any]:
    """Statistics of each channel over the dataset, the FOV, and each of its frames."""
    return {
        label: {
            "dataset_statistics": _statistics(everything[:, channel]),
            "fov_statistics": _statistics(pixels[:, channel]),
            "timepoint_statistics": {
                str(t): _statistics(frame[channel]) for t, frame in enumerate(pixels)
            },
        }
        for channel, label in enumerate(labels)
    }


def _statistics(pixels: NDArray[np.uint16]) -> dict[str, float]:
    low, middle, high = np.percentile(pixels, [25, 50, 75])
    return {
        "mean": round(float(pixels.mean()), 4),
        "std": round(float(pixels.std()), 4),
        "median": float(middle),
        "iqr": float(high - low),
        "min": float(pixels.min()),
        "max": float(pixels.max()),
    }


def _config_entry(experiment: SimulatedExperiment, faults: Faults) -> dict[str, Any]:
    return {
        "name": experiment.name,
        "data_path": f"{experiment.name}.zarr",
        "tracks_path": f"{experiment.name}_tracks",
        "channel_names": list(experiment.channel_order),
        "source_channel": list(experiment.source_channel),
        "condition_wells": {name: list(wells) for name, wells in experiment.wells.items()},
        "interval_minutes": float(
            faults.wrong_intervals.get(experiment.name, experiment.interval_minutes)
        ),
        "start_hpi": experiment.start_hpi,
    }
