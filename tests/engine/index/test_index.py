"""The index: which rows there are, which can be anchors, and what was left out, counted."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lineage_triplets import (
    DatasetConfig,
    ExperimentConfig,
    ExperimentRegistry,
    MultiExperimentIndex,
    TripletConfig,
)
from lineage_triplets.engine.errors import ConfigError, NoAnchorsError, Problem, StoreError
from lineage_triplets.engine.settings.model import (
    Exclusions,
    FovExclusion,
    FrameExclusion,
    LineageExclusion,
    ObservationExclusion,
    TrackExclusion,
    WellExclusion,
)
from stores import numbered_pixels, track_table, write_image

DIVIDING = track_table((1, range(4)), (2, range(4, 8), 1), (3, range(4, 8), 1))


def index_of(*experiments: ExperimentConfig, **arguments: Any) -> MultiExperimentIndex:
    settings = {"z_range": 1, "yx_patch_size": (16, 16), **arguments}
    return MultiExperimentIndex(ExperimentRegistry(experiments), **settings)


def faults_of(*experiments: ExperimentConfig, **arguments: Any) -> tuple[Problem, ...]:
    with pytest.raises((ConfigError, StoreError)) as caught:
        index_of(*experiments, **arguments)
    return caught.value.problems


def the_fault(*experiments: ExperimentConfig, **arguments: Any) -> Problem:
    (problem,) = faults_of(*experiments, **arguments)
    return problem


def kinds(index: MultiExperimentIndex) -> dict[str, int]:
    return {one.kind: one.count for one in index.problems}


class TestTables:
    def test_columns_and_their_values(self, make_experiment):
        one = make_experiment(
            "one", {"A/1/0": DIVIDING, "B/2/7": DIVIDING}, interval_minutes=15.0,
            condition_wells={"drug": ["B/2"]}, config={"start_hpi": 3.0},
        )  # fmt: skip
        tracks = index_of(one).tracks
        assert list(tracks.index) == list(range(24))
        row = tracks[(tracks.fov_name == "B/2/7") & (tracks.track_id == 3) & (tracks.t == 6)]
        assert row.iloc[0].to_dict() == {
            "experiment": "one", "condition": "drug", "well_name": "B/2", "fov_name": "B/2/7",
            "position": 1, "track_id": 3, "global_track_id": "one_B/2/7_3", "parent_track_id": 1,
            "lineage_id": "one_B/2/7_1", "generation": 1, "t": 6, "id": -1, "parent_id": -1,
            "z": 0.0, "y": 20.0, "x": 20.0, "y_clamp": 20.0, "x_clamp": 20.0,
            "hours_post_infection": 3.0 + 6 * 0.25, "fluorescence_channel": "GFP",
        }  # fmt: skip
        assert set(tracks[tracks.fov_name == "A/1/0"].condition) == {"unknown"}

    def test_anchors_are_the_rows_with_a_positive(self, make_experiment):
        index = index_of(make_experiment("one", {"A/1/0": DIVIDING}), tau_range_hours=(1, 2))
        anchors = index.valid_anchors
        assert list(anchors.index) == list(range(len(anchors)))
        assert list(anchors.columns) == list(index.tracks.columns)
        assert sorted(zip(anchors.track_id, anchors.t, strict=True)) == [
            (1, 0), (1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (3, 4), (3, 5),
        ]  # fmt: skip

    def test_groups_positions_and_summary(self, make_experiment):
        one = make_experiment("one", {"A/1/0": DIVIDING, "A/2/0": DIVIDING})
        two = make_experiment(
            "two", {"A/1/0": DIVIDING}, condition_wells={"drug": ["A/1"]}, interval_minutes=60.0
        )
        index = index_of(one, two)
        assert {name: len(rows) for name, rows in index.experiment_groups.items()} == {
            "one": 24, "two": 12,
        }  # fmt: skip
        for column, groups in (
            ("experiment", index.experiment_groups), ("condition", index.condition_groups),
        ):  # fmt: skip
            for name, rows in groups.items():
                assert set(index.tracks[column].iloc[rows]) == {name}
        assert [fov.name for fov in index.positions] == ["A/1/0", "A/2/0", "A/1/0"]
        for rows in (index.tracks, index.valid_anchors):
            names = [index.positions[number].name for number in rows.position]
            assert names == list(rows.fov_name)
        totals, *of_experiments = index.summary().splitlines()
        assert totals == (
            f"2 experiments, 36 total observations, {len(index.valid_anchors)} valid anchors"
        )
        assert len(of_experiments) == 2
        assert "one: 24 observations in 2 FOVs, 2 lineages, 2 divisions" in of_experiments[0]
        assert "tau 0 to 2 frames" in of_experiments[1]
        assert of_experiments[1].endswith("conditions: drug (12)")

    def test_the_summary_counts_conditions_of_each_experiment(self, make_experiment):
        wells = {"drug": ["A/2", "A/3"], "control": ["B/1"], "absent": ["A/9"]}
        fovs = dict.fromkeys(["A/1/0", "A/2/0", "A/3/0", "B/1/0"], DIVIDING)
        untracked = make_experiment("two", {}, fovs=["A/1/0"])
        Path(untracked.tracks_path).mkdir()
        index = index_of(
            make_experiment("one", fovs, condition_wells=wells),
            untracked,
            exclude=Exclusions(wells=[WellExclusion(experiment="one", well="B/1")]),
        )
        _, one, two = index.summary().splitlines()
        assert one.endswith("conditions: unknown (12), drug (24)")
        assert two.endswith("conditions: none")
        assert index_of(make_experiment("three", fovs)).summary().startswith("1 experiment, 48 ")

    def test_one_slot_has_no_fluorescence_channel(self, make_experiment):
        index = index_of(make_experiment("one", {"A/1/0": DIVIDING}, source_channel=["GFP"]))
        assert set(index.tracks.fluorescence_channel) == {""}

    @pytest.mark.parametrize("as_file", [True, False])
    def test_a_single_image_has_one_fov(self, tmp_path, as_file):
        write_image(tmp_path / "i.zarr", shape=(8, 20, 30), axes="tyx")
        (tmp_path / "tracks").mkdir()
        table = track_table((5, range(8)), y=10, x=10)
        table.to_csv(tmp_path / "tracks" / "t.csv", index=False)
        one = ExperimentConfig(
            name="one", data_path=str(tmp_path / "i.zarr"), channel_names=["a"],
            tracks_path=str(tmp_path / "tracks" / "t.csv" if as_file else tmp_path / "tracks"),
            source_channel=["a"], condition_wells={"c": ["0/0"]},
        )  # fmt: skip
        index = index_of(one)
        assert set(index.tracks.global_track_id) == {"one_0/0/0_5"}
        assert set(index.tracks.condition) == {"c"}

    def test_it_is_pickled_without_its_tables(self, make_experiment):
        index = index_of(make_experiment("one", {"A/1/0": DIVIDING}))
        wanted = index.tracks
        assert pickle.loads(pickle.dumps(index)).tracks.equals(wanted)

    def test_no_pixels_are_read(self, make_experiment):
        one = make_experiment("one", {"A/1/0": DIVIDING}, pixels=numbered_pixels((8, 2, 1, 40, 48)))
        shutil.rmtree(Path(one.data_path, "A/1/0/0/0"))
        assert len(index_of(one)) == 12


class TestLeftOut:
    def test_rows_outside_the_movie_and_the_image_are_counted(self, make_experiment):
        table = track_table((1, range(10)))
        table.loc[[0, 1], "t"] = [99, 12]
        table.loc[[2, 3, 4, 5], "y"] = [-0.01, 40.0, 39.99, 0.0]
        table.loc[[6, 7], "x"] = [48.0, -3.0]
        index = index_of(make_experiment("one", {"A/1/0": table}))
        assert index.tracks.t.tolist() == [4, 5, 8, 9]
        assert kinds(index)["outside-movie"] == 2
        assert kinds(index)["outside-image"] == 4
        for problem in index.problems:
            if problem.kind.startswith("outside"):
                assert (problem.experiment, problem.fov) == ("one", "A/1/0")
                assert problem.file.endswith("one_tracks/A/1/0/tracks.csv")

    def test_a_fov_without_a_table_is_skipped_and_said(self, make_experiment, caplog):
        one = make_experiment("one", {"A/1/0": DIVIDING}, fovs=["A/1/0", "A/1/1", "A/1/2"])
        index = index_of(one)
        assert kinds(index)["no-table"] == 2
        assert "2 FOVs have no track table" in caplog.text
        assert "A/1/1, A/1/2" in caplog.text

    def test_an_empty_table_is_said(self, make_experiment):
        tables = {"A/1/0": DIVIDING, "A/1/1": DIVIDING.head(0)}
        index = index_of(make_experiment("one", tables))
        assert len(index) == 12
        assert [one.fov for one in index.problems if one.kind == "empty-table"] == ["A/1/1"]

    def test_wells_and_fields_that_the_plate_lists_in_vain_are_said(self, make_experiment):
        one = make_experiment("one", dict.fromkeys(["A/1/0", "A/1/1", "A/2/0"], DIVIDING))
        shutil.rmtree(Path(one.data_path, "A/1/1"))
        shutil.rmtree(Path(one.data_path, "A/2"))
        index = index_of(one)
        assert set(index.tracks.fov_name) == {"A/1/0"}
        said = " ".join(map(str, index.problems))
        assert "A/1/1" in said
        assert "A/2" in said

    def test_nothing_at_all_is_an_index_without_rows(self, make_experiment):
        one = make_experiment("one", {}, fovs=["A/1/0"])
        Path(one.tracks_path).mkdir()
        index = index_of(one)
        assert (len(index), len(index.tracks), len(index.valid_anchors)) == (0, 0, 0)
        assert list(index.tracks.columns)[:2] == ["experiment", "condition"]
        assert (index.experiment_groups, index.condition_groups, index.positions) == ({}, {}, [])
        assert "0 total observations" in index.summary()
        assert "no-anchors" in kinds(index)

    def test_a_tau_that_comes_to_no_frame_is_said(self, make_experiment):
        one = make_experiment("one", {"A/1/0": DIVIDING}, interval_minutes=600.0)
        two = make_experiment("two", {"A/1/0": DIVIDING})
        index = index_of(one, two)
        (problem,) = [one for one in index.problems if one.kind == "no-anchors"]
        assert problem.experiment == "one"
        assert "frames 0 to 0 at 600 min" in problem.message
        assert set(index.valid_anchors.experiment) == {"two"}

    def test_a_range_far_beyond_the_movie_is_no_burden(self, make_experiment):
        index = index_of(make_experiment("one", {"A/1/0": DIVIDING}), tau_range_hours=(0.5, 5e5))
        assert len(index.valid_anchors) == 10


class TestAbsentTables:
    @pytest.fixture
    def one(self, make_experiment):
        return make_experiment("one", {"A/1/0": DIVIDING})

    @pytest.mark.parametrize(
        ("tracks_path", "kind"),
        [
            ("/nowhere/at/all", "missing-path"),
            ("/" + "x" * 5000, "missing-path"),
            ("https://lab/two_tracks", "remote-tables"),
        ],
    )
    def test_a_folder_that_is_absent_is_an_error(self, make_experiment, one, tracks_path, kind):
        two = make_experiment("two", {"A/1/0": DIVIDING})
        two = two.model_copy(update={"tracks_path": tracks_path})
        problem = the_fault(one, two)
        assert (problem.kind, problem.experiment, problem.field) == (kind, "two", "tracks_path")
        assert tracks_path in problem.message
        assert problem.remedy

    def test_it_is_a_value_error_from_a_config_too(self, one):
        config = TripletConfig(
            experiments=[one.model_copy(update={"tracks_path": "/nowhere/at/all"})],
            dataset=DatasetConfig(yx_patch_size=(16, 16)),
        )
        with pytest.raises(ValueError, match=r"experiment 'one'.*tracks_path.*/nowhere/at/all"):
            MultiExperimentIndex.from_config(config)

    def test_the_folder_is_looked_for_when_the_index_is_built(self, one):
        registry = ExperimentRegistry([one])
        shutil.rmtree(one.tracks_path)
        with pytest.raises(ConfigError, match="tracks_path"):
            MultiExperimentIndex(registry, z_range=1, yx_patch_size=(16, 16))


class TestSettings:
    def test_slices_outside_the_stack(self, make_experiment):
        one = make_experiment(
            "one", {"A/1/0": DIVIDING, "A/1/1": DIVIDING}, shape=(8, 2, 5, 40, 48)
        )
        for z_range, asked in ((slice(3, 7), "slices 3 to 6"), (6, "6 slices"), ((5, 6), "5 to 5")):
            problem = the_fault(one, z_range=z_range)
            assert (problem.kind, problem.experiment, problem.field) == (
                "z-range",
                "one",
                "z_range",
            )
            assert asked in problem.message
            assert "the image has 5 (0 to 4)" in problem.message
            assert "in 2 FOVs" in problem.message

    def test_slices_for_one_experiment_and_not_the_other(self, make_experiment):
        made = [make_experiment(name, {"A/1/0": DIVIDING}) for name in ("one", "two")]
        problem = the_fault(*made, z_range={"one": slice(0, 1)})
        assert (problem.experiment, problem.field) == ("two", "z_range")
        problem = the_fault(*made, z_range={name: slice(0, 1) for name in ("one", "two", "tow")})
        assert "no experiment 'tow'" in problem.message
        assert "'two'" in problem.remedy

    def test_a_patch_larger_than_the_image_names_both_and_the_remedy(self, make_experiment):
        one = make_experiment("one", {"A/1/0": DIVIDING})
        problem = the_fault(one, yx_patch_size=(41, 16))
        assert (problem.kind, problem.experiment) == ("patch-too-large", "one")
        assert "41 x 16" in problem.message
        assert "40 x 48" in problem.message
        assert "border='pad'" in problem.remedy
        assert len(index_of(one, yx_patch_size=(41, 16), border="pad")) == 12
        excluded = index_of(one, yx_patch_size=(41, 16), border="exclude")
        assert (len(excluded), kinds(excluded)["near-border"]) == (0, 12)

    @pytest.mark.parametrize(
        ("arguments", "field"),
        [
            ({"yx_patch_size": 16}, "yx_patch_size"),
            ({"yx_patch_size": (16, -1)}, "yx_patch_size"),
            ({"z_range": "all"}, "z_range"),
            ({"z_range": slice(None)}, "z_range"),
            ({"z_range": slice(0, 4, 2)}, "z_range"),
            ({"z_range": None}, "z_range"),
            ({"tau_range_hours": (2, 1)}, "tau_range_hours"),
            ({"tau_range_hours": 2}, "tau_range_hours"),
            ({"border": "mirror"}, "border"),
            ({"positive_relation": "twin"}, "positive_relation"),
            ({"include_wells": "A/1"}, "include_wells"),
            ({"exclude_fovs": [1.5, None]}, "exclude_fovs"),
        ],
    )
    def test_an_argument_that_cannot_be(self, make_experiment, arguments, field):
        problem = the_fault(make_experiment("one", {"A/1/0": DIVIDING}), **arguments)
        assert problem.field == field
        assert "found" in problem.message

    def test_numpy_numbers_are_numbers(self, make_experiment):
        one = make_experiment("one", {"A/1/0": DIVIDING})
        size = np.array([16, 16])
        index = index_of(one, yx_patch_size=tuple(size), z_range=np.int64(1))
        assert index.settings.yx_patch_size == (16, 16)

    def test_a_fov_with_other_channels_is_an_error_naming_it(self, make_experiment):
        one = make_experiment("one", {"A/1/0": DIVIDING, "A/1/1": DIVIDING})
        file = Path(one.data_path, "A/1/1/.zattrs")
        content = json.loads(file.read_text())
        content["omero"]["channels"].reverse()
        file.write_text(json.dumps(content))
        problem = the_fault(one)
        assert (problem.kind, problem.experiment, problem.fov) == ("channel-names", "one", "A/1/1")
        del content["omero"]
        file.write_text(json.dumps(content))
        index = index_of(one)
        (problem,) = [one for one in index.problems if one.kind == "no-channel-names"]
        assert (problem.experiment, problem.fov, problem.severity) == ("one", "A/1/1", "warning")
        assert len(index) == 24

    def test_names_that_would_give_two_tracks_one_id(self, make_experiment):
        made = [make_experiment(n, {f: DIVIDING}) for n, f in (("a", "b_A/1/0"), ("a_b", "A/1/0"))]
        assert the_fault(*made).kind == "ambiguous-id"


class TestChoosing:
    @pytest.fixture
    def two(self, make_experiment):
        return [
            make_experiment(name, dict.fromkeys(["A/1/0", "A/1/1", "A/2/0"], DIVIDING))
            for name in ("one", "two")
        ]

    def read(self, index: MultiExperimentIndex) -> set[tuple[str, str]]:
        pairs = index.tracks[["experiment", "fov_name"]].drop_duplicates()
        return set(pairs.itertuples(index=False, name=None))

    def test_names_hold_in_every_experiment_or_in_the_one_named(self, two):
        everything = {(name, fov) for name in ("one", "two") for fov in ("A/1/0", "A/1/1", "A/2/0")}
        assert self.read(index_of(*two)) == everything
        left = self.read(index_of(*two, exclude_fovs=["A/1/0"]))
        assert left == {pair for pair in everything if pair[1] != "A/1/0"}
        left = self.read(index_of(*two, exclude_fovs={"two": ["A/1/0"]}))
        assert left == everything - {("two", "A/1/0")}
        left = self.read(index_of(*two, include_wells=["A/2"]))
        assert left == {("one", "A/2/0"), ("two", "A/2/0")}
        left = self.read(index_of(*two, include_wells={"one": ["A/2"]}))
        assert left == {pair for pair in everything if pair[0] == "two"} | {("one", "A/2/0")}

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"exclude_fovs": ["A/1/9"]}, "A/1/9"),
            ({"exclude_fovs": {"one": ["A/9/0"]}}, "A/9/0"),
            ({"exclude_fovs": {"oen": ["A/1/0"]}}, "oen"),
            ({"include_wells": ["A/9"]}, "A/9"),
            ({"include_wells": {"one": ["A/9"]}}, "A/9"),
            ({"include_wells": {"oen": ["A/1"]}}, "oen"),
        ],
    )
    def test_a_name_that_is_nowhere_is_an_error(self, two, arguments, said):
        problem = the_fault(*two, **arguments)
        assert repr(said) in problem.message
        assert problem.field == next(iter(arguments))

    def test_exclusions_hold_and_change_no_id(self, two):
        whole = index_of(*two).tracks
        key = ["global_track_id", "t"]
        exclude = Exclusions(
            wells=[WellExclusion(experiment="two", well="A/1")],
            fovs=[FovExclusion(experiment="one", fov="A/1/1")],
            frames=[FrameExclusion(experiment="one", fov="A/1/0", frames=[0, 7])],
            lineages=[LineageExclusion(lineage_id="two_A/2/0_1")],
            tracks=[TrackExclusion(global_track_id="one_A/1/0_2")],
            observations=[ObservationExclusion(global_track_id="one_A/2/0_1", t=2)],
        )
        index = index_of(*two, exclude=exclude)
        assert {one.kind for one in index.problems} <= {"no-anchors"}
        gone = (
            (whole.experiment == "two")
            | (whole.fov_name == "A/1/1")
            | (whole.fov_name == "A/1/0") & (whole.t.isin([0, 7]) | (whole.track_id == 2))
            | (whole.fov_name == "A/2/0") & (whole.track_id == 1) & (whole.t == 2)
        )
        kept = whole[~gone].reset_index(drop=True)
        found = index.tracks
        pd.testing.assert_frame_equal(found.drop(columns="position"), kept.drop(columns="position"))
        # Without a FOV those behind it move up in `positions`.
        names = [index.positions[number].name for number in found.position]
        assert names == list(kept.fov_name)
        assert set(index.valid_anchors[key].itertuples(index=False, name=None)) <= set(
            kept[key].itertuples(index=False, name=None)
        )

    @pytest.mark.parametrize(
        "exclude",
        [
            {"wells": [{"experiment": "one", "well": "A/9"}]},
            {"fovs": [{"experiment": "one", "fov": "A/1/9"}]},
            {"fovs": [{"experiment": "oen", "fov": "A/1/0"}]},
            {"frames": [{"experiment": "one", "fov": "A/9/9", "frames": [1]}]},
            {"lineages": [{"lineage_id": "one_A/1/0_2"}]},
            {"lineages": [{"lineage_id": "one_A/1/0_9"}]},
            {"tracks": [{"global_track_id": "one_A/1/0_9"}]},
            {"observations": [{"global_track_id": "one_A/1/0_1", "t": 9}]},
            {"observations": [{"global_track_id": "one_A/1/0_9", "t": 1}]},
        ],
    )
    def test_an_exclusion_that_matches_nothing_is_said(self, two, exclude, caplog):
        index = index_of(*two, exclude=Exclusions.model_validate(exclude))
        (problem,) = index.problems
        assert problem.kind == "unmatched-exclusion"
        assert problem.field == f"exclude.{next(iter(exclude))}"
        assert str(problem) in caplog.text
        assert len(index) == 72

    def test_of_many_that_match_nothing_the_log_has_the_first_and_how_many_more(self, two, caplog):
        absent = [{"lineage_id": f"one_A/1/0_{number}"} for number in range(100, 130)]
        index = index_of(*two, exclude=Exclusions.model_validate({"lineages": absent}))
        assert len(index.problems) == 30
        said = [record.getMessage() for record in caplog.records]
        assert said[:20] == [str(problem) for problem in index.problems[:20]]
        assert said[20:] == [
            "… and 10 more of [unmatched-exclusion]: `problems` of the index has all"
        ]

    def test_from_a_config_as_from_arguments(self, two):
        config = TripletConfig(
            experiments=two,
            dataset=DatasetConfig(yx_patch_size=(16, 16), exclude_fovs=["A/2/0"], z_range=(0, 1)),
            exclude=Exclusions(tracks=[TrackExclusion(global_track_id="one_A/1/0_2")]),
        )
        index = MultiExperimentIndex.from_config(config)
        other = index_of(*two, z_range=slice(0, 1), exclude_fovs=["A/2/0"], exclude=config.exclude)
        pd.testing.assert_frame_equal(index.tracks, other.tracks)


def test_no_anchors_is_an_error_for_fitting_alone(make_experiment):
    from lineage_triplets import MultiExperimentTripletDataset

    index = index_of(make_experiment("one", {"A/1/0": DIVIDING}, interval_minutes=600.0))
    with pytest.raises(NoAnchorsError, match="no valid anchor") as caught:
        MultiExperimentTripletDataset(index)
    assert isinstance(caught.value, ValueError)
    assert "frames 0 to 0 at 600 min" in " ".join(map(str, caught.value.problems))
    assert len(MultiExperimentTripletDataset(index, fit=False)) == 12
