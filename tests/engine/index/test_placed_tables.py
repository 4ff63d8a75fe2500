"""Tables placed by `track_transform`: as if somebody had written them anew, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets import (
    DatasetConfig,
    ExperimentConfig,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    TrackTransform,
    TripletConfig,
    diagnose,
    load_config,
)
from lineage_triplets.engine.settings.model import Cut, Exclusions, FrameExclusion
from lineage_triplets.simulate import SimulatedExperiment, simulate
from stores import make_experiment as write_experiment
from stores import numbered_pixels, track_table, write_tables

N_FRAMES, N_SLICES, HEIGHT, WIDTH = 10, 4, 30, 36
SHAPE = (N_FRAMES, 2, N_SLICES, HEIGHT, WIDTH)
CUTS = [
    Cut(experiment="one", fov="A/1/0", track_id=4, t=5),
    Cut(experiment="one", fov="A/1/0", track_id=1, daughter=3),
]
EXCLUDE = Exclusions(frames=[FrameExclusion(experiment="one", fov="A/1/0", frames=[7])])


def true_table() -> pd.DataFrame:
    """Cells of a division and two more, in the image's frames and pixels."""
    table = track_table(
        (1, range(5)), (2, range(5, 10), 1), (3, range(5, 10), 1), (4, range(10)), (5, range(3, 9))
    )
    at = np.random.default_rng(3)
    table["y"] = at.uniform(0, HEIGHT - 0.01, len(table))
    table["x"] = at.uniform(0, WIDTH - 0.01, len(table))
    table["z"] = at.uniform(0, N_SLICES - 0.01, len(table))
    return table


def spoilt(table: pd.DataFrame, transform: TrackTransform) -> pd.DataFrame:
    """Write a table as a tracker would that the transform is right for."""
    table = table.copy()
    for axis, scale, offset in zip("zyx", transform.scale, transform.offset, strict=True):
        table[axis] = (table[axis] - offset) / scale
    if transform.swap_xy:
        table["y"], table["x"] = table["x"].copy(), table["y"].copy()
    table["t"] += transform.first_frame
    return table


def rewritten(table: pd.DataFrame, transform: TrackTransform) -> pd.DataFrame:
    """Write a table anew by hand: its frames and positions as the image has them."""
    table = table.copy()
    if transform.swap_xy:
        table = table.rename(columns={"y": "x", "x": "y"})
    for axis, scale, offset in zip("zyx", transform.scale, transform.offset, strict=True):
        table[axis] = table[axis] * scale + offset
    table["t"] = table["t"] - transform.first_frame
    return table


def config_of(experiment: ExperimentConfig, **changes: Any) -> TripletConfig:
    dataset = DatasetConfig(
        yx_patch_size=(8, 10), z_range=3, tau_range_hours=(0.5, 2), seed=3, return_negative=True
    )
    return TripletConfig(experiments=[experiment], dataset=dataset).model_copy(update=changes)


def everything(config: TripletConfig) -> tuple[dict[str, Any], MultiExperimentIndex]:
    dataset = MultiExperimentTripletDataset.from_config(config)
    return dataset.__getitems__(range(len(dataset))), dataset.index


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    assert one.keys() == other.keys()
    for key, value in one.items():
        if hasattr(value, "numpy"):
            assert value.numpy().tobytes() == other[key].numpy().tobytes(), key
        else:
            assert value == other[key], key
    return True


@pytest.fixture(scope="module")
def plate(tmp_path_factory) -> tuple[Path, ExperimentConfig]:
    root = tmp_path_factory.mktemp("plate")
    made = write_experiment(
        root, "one", {"A/1/0": true_table(), "B/2/0": true_table()},
        pixels=numbered_pixels(SHAPE),
    )  # fmt: skip
    return root, made


def with_tables(
    plate: tuple[Path, ExperimentConfig], name: str, table: pd.DataFrame, **changes: Any
) -> ExperimentConfig:
    root, experiment = plate
    write_tables(root / name, {"A/1/0": table, "B/2/0": table})
    return experiment.model_copy(update={"tracks_path": str(root / name), **changes})


scales = st.sampled_from([1.0, 0.108, 1 / 0.325, -1.0, -2.5, 3.0])
offsets = st.sampled_from([0.0, 12.5, -7.0, 35.0])
transforms = st.builds(
    TrackTransform,
    first_frame=st.integers(-3, 4),
    swap_xy=st.booleans(),
    scale=st.tuples(scales, scales, scales),
    offset=st.tuples(st.sampled_from([0.0, 3.0, -1.0]), offsets, offsets),
)


@settings(max_examples=25)
@given(transform=transforms, cuts=st.sampled_from([[], CUTS]))
def test_a_batch_is_that_of_the_table_rewritten_by_hand(plate, transform, cuts):
    table = spoilt(true_table(), transform)
    wrong = with_tables(plate, "wrong", table, track_transform=transform)
    right = with_tables(plate, "right", rewritten(table, transform))
    changes = {"cut": cuts, "exclude": EXCLUDE}
    one, index = everything(config_of(wrong, **changes))
    other, by_hand = everything(config_of(right, **changes))
    assert same(one, other)
    pd.testing.assert_frame_equal(index.tracks, by_hand.tracks, check_exact=True)
    assert index.counts().equals(by_hand.counts())


@pytest.mark.parametrize(
    "transform",
    [
        TrackTransform(scale=(1, 1 / 0.25, 1 / 0.25)),
        TrackTransform(swap_xy=True),
        TrackTransform(offset=(0, 8, 12)),
        TrackTransform(first_frame=1),
        TrackTransform(scale=(-1, 1, 1), offset=(N_SLICES - 1, 0, 0)),
        TrackTransform(scale=(1, -1, 1), offset=(0, HEIGHT - 1, 0)),
        TrackTransform(scale=(0.5, 2, 2), first_frame=1, swap_xy=True, offset=(0, -3, 0)),
    ],
    ids=["um", "exchanged", "cropped", "from-1", "z-reversed", "mirrored", "several"],
)
def test_the_right_transform_gives_the_pairs_of_the_true_table(plate, transform):
    true = true_table()
    # Multiples of 1/4, so that there and back is exact.
    for axis, size in (("y", HEIGHT - 1), ("x", WIDTH - 1), ("z", N_SLICES - 1)):
        true[axis] = np.floor(true[axis] * 4).clip(upper=4 * size) / 4
    config = config_of(with_tables(plate, "true", true))
    wanted, _ = everything(config)
    table = spoilt(true, transform)
    assert not table.equals(true)
    placed = with_tables(plate, "spoilt", table, track_transform=transform)
    given_batch, index = everything(config_of(placed))
    assert same(given_batch, wanted)
    assert len(index) == 2 * len(true)
    unplaced = with_tables(plate, "spoilt", table)
    assert not everything(config_of(unplaced))[1].tracks.equals(index.tracks)


def test_hours_and_cuts_are_those_of_the_images_frames(plate):
    transform = TrackTransform(first_frame=1)
    wrong = with_tables(plate, "late", spoilt(true_table(), transform), track_transform=transform)
    _, index = everything(config_of(wrong, cut=CUTS))
    own = index.tracks[index.tracks.fov_name == "A/1/0"]
    assert own.t.min() == 0
    assert own[own.t == 2].hours_post_infection.unique().tolist() == [1.0]
    cut = own[own.global_track_id == "one_A/1/0_4@5"]
    assert cut.t.tolist() == [5, 6, 7, 8, 9]


class TestLeftOut:
    def test_rows_outside_are_said_with_the_transform(self, make_experiment):
        table = track_table((1, range(8)), y=10, x=10)
        table.loc[5, "y"] = 30.0
        placed = {"track_transform": TrackTransform(first_frame=1, scale=2)}
        one = make_experiment("one", {"A/1/0": table}, config=placed)
        index = diagnose(config_of(one, dataset=DatasetConfig(yx_patch_size=(8, 8)))).index
        said = {problem.kind: problem for problem in index.problems}
        after = "(after first_frame: 1, scale: [1, 2, 2])"
        assert f"outside the movie of 12 frames {after}" in said["outside-movie"].message
        assert f"40 x 48 pixels {after}" in said["outside-image"].message
        assert (said["outside-movie"].count, said["outside-image"].count) == (1, 1)
        assert index.tracks.t.tolist() == [0, 1, 2, 3, 5, 6]

    def test_rows_outside_the_stack_are_counted(self, make_experiment):
        table = track_table((1, range(10)))
        table["z"] = [-0.01, 0.0, 1.0, 3.99, 4.0, 9.0, -3.0, 2.0, 2.0, 2.0]
        one = make_experiment("one", {"A/1/0": table}, shape=(10, 2, 4, 40, 48))
        settings = DatasetConfig(yx_patch_size=(8, 8), z_range=3)
        index = diagnose(config_of(one, dataset=settings)).index
        assert index.tracks.t.tolist() == [1, 2, 3, 7, 8, 9]
        (problem,) = [found for found in index.problems if found.kind == "outside-stack"]
        assert (problem.count, problem.fov, problem.severity) == (4, "A/1/0", "warning")
        assert "outside the stack of 4 slices; they are left out" in problem.message

    @pytest.mark.parametrize(
        ("n_slices", "z_range"), [(1, 1), (4, (1, 3))], ids=["one slice", "slices that are named"]
    )
    def test_a_z_that_nothing_is_read_by_is_passed_over(self, make_experiment, n_slices, z_range):
        table = track_table((1, range(10)))
        table["z"] = 77.0
        one = make_experiment("one", {"A/1/0": table}, shape=(10, 2, n_slices, 40, 48))
        settings = DatasetConfig(yx_patch_size=(8, 8), z_range=z_range)
        index = diagnose(config_of(one, dataset=settings)).index
        assert len(index) == 10
        assert [found for found in index.problems if found.kind == "outside-stack"] == []

    def test_a_table_without_z_can_be_put_into_a_slice(self, make_experiment):
        table = track_table((1, range(10))).drop(columns="z")
        placed = {"track_transform": TrackTransform(offset=(2, 0, 0))}
        one = make_experiment("one", {"A/1/0": table}, shape=(10, 2, 4, 40, 48), config=placed)
        index = diagnose(config_of(one, dataset=DatasetConfig(yx_patch_size=(8, 8)))).index
        assert index.tracks.z.tolist() == [2.0] * 10

    def test_what_is_too_large_for_a_number_is_outside(self, make_experiment):
        table = track_table((1, range(10)))
        table.loc[3, "y"] = 1e300
        placed = {"track_transform": TrackTransform(scale=1e300)}
        one = make_experiment("one", {"A/1/0": table}, config=placed)
        index = diagnose(config_of(one, dataset=DatasetConfig(yx_patch_size=(8, 8)))).index
        (problem,) = [found for found in index.problems if found.kind == "outside-image"]
        assert problem.count == 10


MOVIE = SimulatedExperiment(
    "one", n_frames=10, shape=(120, 140), n_z=3, interval_minutes=40, n_cells=6, cycle_hours=6,
    ome_version="0.5",
)  # fmt: skip


@pytest.fixture(scope="module")
def movie(tmp_path_factory) -> TripletConfig:
    made = simulate(tmp_path_factory.mktemp("movie") / "out", (MOVIE,), seed=5)
    return load_config(made.config_path)


@pytest.mark.parametrize(
    "transform",
    [
        TrackTransform(scale=(1 / 2.0, 1 / 0.325, 1 / 0.325)),
        TrackTransform(swap_xy=True),
        TrackTransform(offset=(0, 31, 17)),
        TrackTransform(first_frame=1),
        TrackTransform(scale=(-1, 1, 1), offset=(2, 0, 0)),
    ],
    ids=["um", "exchanged", "cropped", "from-1", "z-reversed"],
)
def test_a_simulated_plate_gives_the_pairs_of_its_true_tables(movie, transform, tmp_path):
    (experiment,) = movie.experiments
    tables = Path(experiment.tracks_path)
    for file in tables.glob("*/*/*/tracks.csv"):
        table = spoilt(pd.read_csv(file), transform)
        write_tables(tmp_path, {file.parent.relative_to(tables).as_posix(): table})
    changes = {"tracks_path": str(tmp_path), "track_transform": transform}
    placed = config_of(experiment.model_copy(update=changes))
    wanted, true_index = everything(config_of(experiment))
    got, index = everything(placed)
    assert len(index) == len(true_index) > 50
    for role in ("anchor_meta", "positive_meta", "negative_meta"):
        for one, other in zip(got[role], wanted[role], strict=True):
            assert (one["global_track_id"], one["t"]) == (other["global_track_id"], other["t"])
            assert (one["y"], one["x"]) == pytest.approx((other["y"], other["x"]))
    np.testing.assert_allclose(index.tracks.z, true_index.tracks.z, atol=1e-9)
