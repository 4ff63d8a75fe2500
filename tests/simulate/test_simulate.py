"""Simulated experiments: what is on disk is what was said; faults are where the list says."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import yaozarrs
import zarr

from lineage_triplets import ExperimentRegistry, LineageTripletsError, MultiExperimentIndex
from lineage_triplets.simulate import Faults, SimulatedExperiment, simulate, simulate_tables
from programs import run
from systems import needs_posix

if TYPE_CHECKING:
    from pathlib import Path

FIRST = SimulatedExperiment(
    "first", {"untreated": ["A/1"], "treated": ["B/2"]}, n_frames=16, shape=(160, 176),
    interval_minutes=20, cycle_hours=8, n_cells=8,
)  # fmt: skip
SECOND = SimulatedExperiment(
    "second", n_frames=8, shape=(150, 140), n_z=3, interval_minutes=40, start_hpi=2,
    channel_order=("Virus-mCherry", "H2B-GFP", "Phase"), ome_version="0.5", chunking="shards",
    n_cells=8, cycle_hours=8, normalization=True,
)  # fmt: skip
FIRST_THREE = ("Virus-mCherry", "H2B-GFP", "Phase")
FAULTS = Faults(
    swapped_channels=("first",), swapped_gain=0.5, swapped_offset=30.0, identity_swaps=2,
    wrong_daughters=1, missed_divisions=1, duplicated_tracks=2, blank_frames=1, repeated_frames=1,
    wrong_intervals={"second": 20.0},
)  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("sound") / "out", (FIRST, SECOND), seed=3)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    return simulate(
        tmp_path_factory.mktemp("faulty") / "out", (FIRST, SECOND), faults=FAULTS, seed=3
    )


def image(result, experiment: str, fov: str) -> np.ndarray:
    return zarr.open(result.config_path.parent / f"{experiment}.zarr" / fov / "0", mode="r")[:]


def table(folder: Path, experiment: str, fov: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{experiment}_tracks" / fov / "tracks.csv")


def digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@needs_posix
def test_a_full_disk_leaves_what_was_there(tmp_path):
    """Written below the config of an earlier one, which it may replace."""
    code = """
        import resource, sys
        from lineage_triplets.simulate import SimulatedExperiment, simulate
        one = SimulatedExperiment("one", n_frames=2, shape=(160, 160), n_cells=2)
        simulate(sys.argv[1] + "/there", (one,))
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        for name, overwrite in (("there", True), ("new", False)):
            try:
                simulate(f"{sys.argv[1]}/{name}", (one,), overwrite=overwrite, seed=1)
            except OSError as error:
                print(type(error).__name__, error)
    """
    done = run(code, tmp_path)
    said = done.stdout.splitlines()
    assert len(said) == 2, done.stderr
    assert all("OutputError" in line and "could not be written" in line for line in said)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    names = ["experiments.yml", "one.zarr", "one_tracks", "planted.json"]
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == names
    (opened,) = ExperimentRegistry.from_yaml(tmp_path / "there/experiments.yml").opened
    assert opened.first_fov.shape == (2, 2, 1, 160, 160)


def test_the_stores_are_what_the_config_says(sound):
    registry = ExperimentRegistry.from_yaml(sound.config_path)
    assert registry.channel_maps == {"first": {0: 0, 1: 1}, "second": {0: 2, 1: 1}}
    first, second = registry.opened
    assert first.first_fov.shape == (16, 2, 1, 160, 176)
    assert second.first_fov.shape == (8, 3, 3, 150, 140)
    assert second.first_fov.interval_minutes == second.config.interval_minutes == 40
    assert second.first_fov.pixel_size_um == (2.0, 0.5, 0.5)
    assert first.plate.fov_names() == ["A/1/0", "B/2/0"]
    statistics = second.first_fov.normalization()["H2B-GFP"]
    assert set(statistics) == {"dataset_statistics", "fov_statistics", "timepoint_statistics"}
    nuclei = image(sound, "second", "A/1/0")[:, 1]
    assert statistics["fov_statistics"]["mean"] == pytest.approx(nuclei.mean(), rel=0.05)
    assert image(sound, "first", "A/1/0").dtype == np.uint16


@pytest.mark.parametrize("order", list(permutations(FIRST_THREE)))
def test_nuclei_are_bright_where_the_table_has_them(tmp_path, order):
    one = replace(FIRST, n_frames=6, channel_order=order)
    result = simulate(tmp_path / "o", (one,), seed=3)
    rows = table(tmp_path / "o", "first", "A/1/0")
    pixels = image(result, "first", "A/1/0")[:, order.index("H2B-GFP")].max(axis=1)
    at_cells = pixels[rows["t"], rows["y"].round().astype(int), rows["x"].round().astype(int)]
    brighter = at_cells > np.median(pixels) * 2
    assert brighter.mean() > 0.95


def test_lineages_are_consistent_and_divide(sound):
    registry = ExperimentRegistry.from_yaml(sound.config_path)
    index = MultiExperimentIndex(registry, 1, (32, 32))
    assert [one for one in index.problems if one.kind != "few-tau-frames"] == []
    assert (index.counts()["divisions"] > 0).all()
    for fov in ("A/1/0", "B/2/0"):
        rows = table(sound.config_path.parent, "first", fov)
        spans = rows.groupby("track_id").agg(
            first=("t", "min"), last=("t", "max"), parent=("parent_track_id", "first")
        )
        daughters = spans[spans["parent"] >= 0]
        mothers = spans.loc[daughters["parent"]]
        assert (daughters["first"].to_numpy() == mothers["last"].to_numpy() + 1).all()
        at = rows.set_index(["track_id", "t"])[["y", "x"]]
        here = at.loc[list(zip(daughters.index, daughters["first"], strict=True))].to_numpy()
        there = at.loc[list(zip(daughters["parent"], mothers["last"], strict=True))].to_numpy()
        assert np.hypot(*(here - there).T).max() * FIRST.pixel_size_um < 20


def test_observation_ids_follow_the_links(sound):
    rows = table(sound.config_path.parent, "first", "A/1/0")
    assert rows["id"].is_unique
    of_id = rows.set_index("id")
    linked = rows[rows["parent_id"] >= 0]
    before = of_id.loc[linked["parent_id"]]
    continued = before["track_id"].to_numpy() == linked["track_id"].to_numpy()
    divided = before["track_id"].to_numpy() == linked["parent_track_id"].to_numpy()
    assert (continued | divided).all()
    assert (before["t"].to_numpy() < linked["t"].to_numpy()).all()


def test_same_seed_same_bytes_other_seed_others(sound, tmp_path):
    again = simulate(tmp_path / "again", (FIRST, SECOND), seed=3)
    other = simulate(tmp_path / "other", (FIRST,), seed=4)
    expected = digests(sound.config_path.parent)
    assert digests(again.config_path.parent) == expected
    csv = "first_tracks/A/1/0/tracks.csv"
    assert digests(other.config_path.parent)[csv] != expected[csv]


def test_cells_do_the_same_whatever_the_interval(tmp_path, sound):
    slower = replace(FIRST, n_frames=8, interval_minutes=40)
    result = simulate(tmp_path / "slow", (slower,), seed=3)
    fast = table(sound.config_path.parent, "first", "A/1/0")
    slow = table(result.config_path.parent, "first", "A/1/0")
    for t in range(8):
        expected = fast.loc[fast["t"] == 2 * t, ["y", "x"]].sort_values("y").to_numpy()
        found = slow.loc[slow["t"] == t, ["y", "x"]].sort_values("y").to_numpy()
        np.testing.assert_allclose(found, expected, atol=0.01)


def test_without_faults_nothing_is_listed(sound):
    assert sound.planted == ()
    assert sound.truth_path is None
    assert json.loads((sound.config_path.parent / "planted.json").read_text()) == []


def test_true_tables_are_beside_the_faulty_ones(sound, faulty):
    for experiment, fov in (("first", "A/1/0"), ("first", "B/2/0"), ("second", "A/1/0")):
        truth = table(faulty.truth_path, experiment, fov)
        pd.testing.assert_frame_equal(truth, table(sound.config_path.parent, experiment, fov))


def test_every_kind_is_planted_and_listed(faulty):
    listed = json.loads((faulty.config_path.parent / "planted.json").read_text())
    assert [one.as_dict() | {"track_ids": [], "frames": []} for one in faulty.planted] == [
        one | {"track_ids": [], "frames": []} for one in listed
    ]
    assert {one.kind for one in faulty.planted} == {
        "swapped-channels", "identity-swap", "wrong-daughter", "missed-division",
        "duplicated-track", "blank-frame", "repeated-frame", "wrong-interval",
    }  # fmt: skip


def test_planted_table_faults_are_in_the_table_and_not_in_the_truth(faulty):
    root = faulty.config_path.parent
    checked = set()
    for fault in faulty.planted:
        if not fault.track_ids:
            continue
        given = table(root, fault.experiment, fault.fov)
        truth = table(faulty.truth_path, fault.experiment, fault.fov)
        parents = given.groupby("track_id")["parent_track_id"].first()
        true_parents = truth.groupby("track_id")["parent_track_id"].first()
        place, true_place = (
            rows.set_index(["track_id", "t"])[["y", "x"]] for rows in (given, truth)
        )
        checked.add(fault.kind)
        if fault.kind == "identity-swap":
            one, other = fault.track_ids
            t = fault.frames[0]
            assert (place.loc[(one, t)] == true_place.loc[(other, t)]).all()
            assert (place.loc[(other, t)] == true_place.loc[(one, t)]).all()
            assert (place.loc[(one, t - 1)] == true_place.loc[(one, t - 1)]).all()
        elif fault.kind == "wrong-daughter":
            mother, lost, wrong = fault.track_ids
            assert (parents[lost], parents[wrong]) == (-1, mother)
            assert true_parents[lost] == mother
            assert wrong not in true_parents
        elif fault.kind == "missed-division":
            mother, *daughters = fault.track_ids
            assert (parents[daughters] == -1).all()
            assert (true_parents[daughters] == mother).all()
        else:
            one, copy = fault.track_ids
            gap = place.loc[one].to_numpy() - place.loc[copy].to_numpy()
            assert np.hypot(*gap.T).max() < 3
            assert copy not in true_parents
    assert checked == {"identity-swap", "wrong-daughter", "missed-division", "duplicated-track"}


def test_planted_frames_are_blank_or_repeated_and_no_others(faulty):
    for experiment, fov in (("first", "A/1/0"), ("second", "A/1/0")):
        pixels = image(faulty, experiment, fov)
        said = {
            kind: {
                t
                for one in faulty.planted
                if (one.kind, one.experiment, one.fov) == (kind, experiment, fov)
                for t in one.frames
            }
            for kind in ("blank-frame", "repeated-frame")
        }
        blank = {t for t, frame in enumerate(pixels) if not frame.any()}
        repeated = {t for t in range(1, len(pixels)) if (pixels[t] == pixels[t - 1]).all()}
        assert blank == said["blank-frame"] != set()
        assert repeated == said["repeated-frame"] != set()


def test_a_repeated_frame_is_never_a_second_blank_one(tmp_path):
    small = replace(FIRST, n_frames=4, shape=(48, 48), n_cells=1, wells={"untreated": ["A/1"]})
    for seed in range(12):
        result = simulate(
            tmp_path / str(seed), (small,), faults=Faults(blank_frames=1, repeated_frames=1),
            seed=seed,
        )  # fmt: skip
        blank = [t for t, frame in enumerate(image(result, "first", "A/1/0")) if not frame.any()]
        listed = [t for one in result.planted if one.kind == "blank-frame" for t in one.frames]
        assert blank == listed


def test_swapped_channels_show_each_others_stain(sound, faulty):
    true, swapped = (image(one, "first", "A/1/0")[0, :, 0] for one in (sound, faulty))
    likeness = np.corrcoef([*true.reshape(2, -1), *swapped.reshape(2, -1)])
    assert likeness[0, 3] > 0.9 > likeness[0, 2]
    assert likeness[1, 2] > 0.9 > likeness[1, 3]


@pytest.mark.parametrize("name", ["first", "second"])
def test_other_readers_of_ome_zarr_take_the_plates_for_such(sound, name):
    yaozarrs.validate_zarr_store(str(sound.config_path.parent / f"{name}.zarr"))


def test_the_wrong_interval_is_in_the_config(faulty):
    registry = ExperimentRegistry.from_yaml(faulty.config_path)
    assert registry.get_experiment("second").interval_minutes == 20.0
    assert registry.get_opened("second").first_fov.interval_minutes == 40.0


def test_a_folder_with_something_in_it_is_not_touched(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(LineageTripletsError, match="something already"):
        simulate(tmp_path, (FIRST,))
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]
    small = replace(FIRST, n_frames=2)
    simulate(tmp_path, (small,), overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_file_is_never_replaced(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(LineageTripletsError, match="something already"):
        simulate(tmp_path / "mine.txt", (FIRST,), overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"experiments": ()}, "at least one"),
        ({"experiments": (FIRST, FIRST)}, "its own name"),
        ({"seed": -1}, "the seed is -1"),
        ({"faults": Faults(swapped_channels=("other",))}, "other"),
        (
            {
                "experiments": (replace(FIRST, source_channel=("Phase",)),),
                "faults": Faults(swapped_channels=("first",)),
            },
            "one slot",
        ),
    ],
)
def test_what_cannot_be_simulated_is_refused_before_anything_is_written(tmp_path, arguments, said):
    with pytest.raises(LineageTripletsError, match=said):
        simulate(tmp_path / "o", **({"experiments": (FIRST,)} | arguments))
    assert not (tmp_path / "o").exists()


def test_progress_counts_every_frame(tmp_path):
    steps = []
    simulate(tmp_path / "o", (replace(FIRST, n_frames=3),), progress=lambda *one: steps.append(one))
    assert steps == [(done, 6) for done in range(1, 7)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channel_order": ("Phase", "Unknown")}, "Unknown"),
        ({"source_channel": ("DAPI",)}, "DAPI"),
        ({"interval_minutes": 0}, "interval_minutes"),
        ({"chunking": "shards"}, "no shards"),
    ],
)
def test_what_cannot_be_is_refused(change, said):
    with pytest.raises(LineageTripletsError, match=said):
        replace(FIRST, **change)


def test_big_tables_are_sound_lineages():
    tables = simulate_tables(n_fovs=5, cells_per_fov=20, n_frames=50, seed=1)
    assert list(tables) == ["A/1/0", "A/1/1", "A/2/0", "A/2/1", "A/3/0"]
    for rows in tables.values():
        spans = rows.groupby("track_id").agg(
            first=("t", "min"),
            last=("t", "max"),
            n=("t", "size"),
            parent=("parent_track_id", "max"),
        )
        assert (spans["last"] - spans["first"] + 1 == spans["n"]).all()
        daughters = spans[spans["parent"] >= 0]
        assert len(daughters) > 0
        assert (spans.loc[daughters["parent"], "last"].to_numpy() + 1 == daughters["first"]).all()
        assert daughters.groupby("parent").size().eq(2).all()
        assert rows["y"].between(0, 1023).all()
        assert rows["x"].between(0, 1023).all()
