"""Experiments are checked against each other and against their stores before anything is read."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from lineage_triplets import ExperimentConfig, ExperimentRegistry
from lineage_triplets.engine.errors import ConfigError, Problem, UnknownNameError
from stores import track_table, write_image

TABLE = {"A/1/0": track_table((1, range(5)))}


def faults_of(*experiments: ExperimentConfig) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        ExperimentRegistry(experiments)
    assert isinstance(caught.value, ValueError)
    return caught.value.problems


def the_fault(*experiments: ExperimentConfig) -> Problem:
    (problem,) = faults_of(*experiments)
    return problem


def changed(experiment: ExperimentConfig, **fields: Any) -> ExperimentConfig:
    return ExperimentConfig(**(experiment.model_dump() | fields))


class TestWhatItGives:
    @pytest.fixture
    def registry(self, make_experiment):
        shape = (5, 3, 1, 20, 20)
        return ExperimentRegistry(
            [
                make_experiment("one", TABLE, source_channel=["GFP", "Phase"]),
                make_experiment(
                    "two", TABLE, shape=shape, channels=["a", "b", "c"], source_channel=["c", "a"],
                    interval_minutes=60.0,
                ),
            ]
        )  # fmt: skip

    def test_channel_maps_and_names(self, registry):
        assert registry.num_source_channels == 2
        assert registry.channel_maps == {"one": {0: 1, 1: 0}, "two": {0: 2, 1: 0}}
        assert [one.name for one in registry.experiments] == ["one", "two"]
        assert registry.slot_labels == ["GFP", "Phase"]
        assert registry.problems == ()

    def test_an_experiment_by_its_name(self, registry):
        assert registry.get_experiment("two").interval_minutes == 60.0
        with pytest.raises(UnknownNameError, match=r"no experiment 'three'.*one, two") as caught:
            registry.get_experiment("three")
        assert isinstance(caught.value, KeyError)

    def test_hours_to_frames(self, registry, caplog):
        assert registry.tau_range_frames("one", (0.5, 2.0)) == (1, 4)
        assert registry.tau_range_frames("two", (1.0, 3.0)) == (1, 3)
        assert caplog.messages == []
        with pytest.raises(UnknownNameError):
            registry.tau_range_frames("three", (0.5, 2.0))

    @pytest.mark.parametrize(
        ("hours", "frames", "said"),
        [
            ((0.5, 1.4), (0, 1), "only tau = 1"),
            ((0.2, 0.4), (0, 0), "nothing to draw"),
            ((1.5, 2.5), (2, 2), "only tau = 2"),
        ],
    )
    def test_fewer_than_two_frames_are_said(self, registry, hours, frames, said, caplog):
        assert registry.tau_range_frames("two", hours) == frames
        assert "Experiment two" in caplog.text
        assert said in caplog.text
        assert "fewer than 2 frames" in caplog.text

    def test_an_experiment_with_absolute_paths_is_given_back_itself(self, make_experiment):
        one = make_experiment("one", TABLE)
        assert ExperimentRegistry([one]).get_experiment("one") is one

    @pytest.mark.parametrize("tracks_path", ["/nowhere/at/all", "https://lab/one_tracks"])
    def test_tables_are_not_looked_for(self, make_experiment, tracks_path):
        one = changed(make_experiment("one", TABLE), tracks_path=tracks_path)
        registry = ExperimentRegistry([one])
        assert registry.problems == ()
        assert registry.channel_maps == {"one": {0: 0, 1: 1}}

    def test_slot_labels_of_another_number(self, make_experiment):
        with pytest.raises(ConfigError, match="1 slot labels and 2 slots"):
            ExperimentRegistry([make_experiment("one", TABLE)], slot_labels=["a"])


class TestFromYaml:
    def test_relative_paths_are_relative_to_the_file(self, make_experiment, tmp_path, monkeypatch):
        one = make_experiment("one", TABLE)
        entry = one.model_dump() | {"data_path": "../one.zarr", "tracks_path": "${HERE}/one_tracks"}
        monkeypatch.setenv("HERE", str(tmp_path))
        (tmp_path / "configs").mkdir()
        file = tmp_path / "configs" / "experiments.yml"
        file.write_text(json.dumps({"experiments": [entry]}))
        monkeypatch.chdir("/")
        (found,) = ExperimentRegistry.from_yaml(file).experiments
        assert (found.data_path, found.tracks_path) == (one.data_path, one.tracks_path)

    def test_a_relative_path_of_a_config_made_in_python_is_relative_to_here(
        self, make_experiment, tmp_path, monkeypatch
    ):
        one = make_experiment("one", TABLE)
        monkeypatch.chdir(tmp_path)
        registry = ExperimentRegistry([changed(one, data_path="one.zarr")])
        assert registry.experiments[0].data_path == one.data_path


class TestFaults:
    def test_no_experiments(self):
        assert the_fault().field == "experiments"

    def test_names_given_twice(self, make_experiment):
        one = make_experiment("one", TABLE)
        problem = the_fault(one, one)
        assert (problem.kind, problem.experiment, problem.field) == (
            "duplicate-name",
            "one",
            "name",
        )
        assert "duplicate" in problem.message

    def test_a_source_channel_that_is_none(self, make_experiment):
        problem = the_fault(changed(make_experiment("one", TABLE), source_channel=["Phase", "GFB"]))
        assert (problem.experiment, problem.field) == ("one", "source_channel")
        assert "'GFB'" in problem.message
        assert "'GFP'" in problem.remedy

    def test_unequal_slots_show_both(self, make_experiment):
        one, two = make_experiment("one", TABLE), make_experiment("two", TABLE)
        problem = the_fault(one, changed(two, source_channel=["GFP"]))
        assert (problem.experiment, problem.field) == ("two", "source_channel")
        assert "has 1 source channels ['GFP']" in problem.message
        assert "experiment 'one' has 2 ['Phase', 'GFP']" in problem.message

    @pytest.mark.parametrize(
        ("fields", "kind"),
        [
            ({"interval_minutes": 0}, "bad-interval"),
            ({"interval_minutes": -5}, "bad-interval"),
            ({"interval_minutes": float("nan")}, "bad-interval"),
            ({"interval_minutes": float("inf")}, "bad-interval"),
            ({"condition_wells": {}}, "no-conditions"),
            ({"condition_wells": {"a": []}}, "no-conditions"),
            ({"condition_wells": {"a": ["A/1"], "b": ["A/1"]}}, "ambiguous-condition"),
            ({"source_channel": []}, "source-channel"),
            ({"data_path": "/nowhere/at/all.zarr"}, "missing-path"),
            ({"data_path": "/" + "x" * 5000}, "missing-path"),
            ({"data_path": "~nobody_of_this_name/a.zarr"}, "missing-path"),
            ({"data_path": "a\0b"}, "missing-path"),
            ({"data_path": "/dev/null"}, "missing-path"),
            ({"data_path": "/proc"}, "not-zarr"),
        ],
    )
    def test_a_field_that_cannot_be(self, make_experiment, fields, kind):
        problem = the_fault(changed(make_experiment("one", TABLE), **fields))
        assert (problem.kind, problem.experiment) == (kind, "one")
        assert problem.field == next(iter(fields))
        assert problem.remedy

    def test_an_interval_that_makes_tau_endless(self, make_experiment):
        one = changed(make_experiment("one", TABLE), interval_minutes=1e-320)
        with pytest.raises(ConfigError, match=r"experiment 'one'.*interval_minutes"):
            ExperimentRegistry([one]).tau_range_frames("one", (0.5, 2.0))

    def test_a_variable_that_is_not_set(self, make_experiment, monkeypatch):
        monkeypatch.delenv("ABSENT", raising=False)
        problem = the_fault(changed(make_experiment("one", TABLE), data_path="${ABSENT}/a.zarr"))
        assert (problem.kind, problem.experiment) == ("missing-path", "one")
        assert "ABSENT" in problem.message

    def test_channels_in_another_order_show_both(self, make_experiment):
        one = make_experiment("one", TABLE)
        problem = the_fault(changed(one, channel_names=["GFP", "Phase"]))
        assert (problem.kind, problem.experiment, problem.field) == (
            "channel-names", "one", "channel_names",
        )  # fmt: skip
        assert "config ['GFP', 'Phase']" in problem.message
        assert "store ['Phase', 'GFP']" in problem.message
        assert problem.file == str(Path(one.data_path, "A/1/0"))

    def test_two_channels_of_one_name(self, make_experiment):
        one = make_experiment("one", TABLE, channels=["GFP", "GFP"])
        assert {problem.kind for problem in faults_of(one)} == {"ambiguous-channel"}

    def test_a_store_without_names_takes_the_configs_and_says_so(self, make_experiment, caplog):
        one = make_experiment("one", TABLE, omero=False)
        registry = ExperimentRegistry([one])
        assert registry.channel_maps == {"one": {0: 0, 1: 1}}
        assert "experiment 'one'" in caplog.text
        assert "the store names no channels" in caplog.text
        problem = the_fault(changed(one, channel_names=["a"], source_channel=["a"]))
        assert problem.kind == "channel-names"

    def test_a_well_that_the_plate_lacks_is_said(self, make_experiment, caplog):
        one = make_experiment("one", TABLE, condition_wells={"a": ["A/1", "A/01"]})
        ExperimentRegistry([one])
        assert "the plate has no well A/01" in caplog.text

    def test_the_first_fault_leads_and_the_others_are_counted(self, make_experiment):
        one = changed(make_experiment("one", TABLE), interval_minutes=0, condition_wells={})
        with pytest.raises(ConfigError, match=r"interval_minutes.*and 1 more"):
            ExperimentRegistry([one])

    def test_no_plate_at_all(self, make_experiment, tmp_path):
        (tmp_path / "group").mkdir()
        (tmp_path / "group" / ".zgroup").write_text("{}")
        one = changed(make_experiment("one", TABLE), data_path=str(tmp_path / "group"))
        assert the_fault(one).kind == "not-a-plate"

    def test_a_plate_without_wells(self, make_experiment):
        one = make_experiment("one", TABLE)
        Path(one.data_path, ".zattrs").write_text('{"plate": {"wells": []}}')
        assert the_fault(one).kind == "empty-plate"

    def test_one_image_is_an_experiment(self, tmp_path, caplog):
        write_image(tmp_path / "i.zarr", shape=(3, 1, 1, 9, 9), channels=["a"])
        (tmp_path / "tracks.csv").write_text("track_id,t,y,x\n")
        one = ExperimentConfig(
            name="one", data_path=str(tmp_path / "i.zarr"),
            tracks_path=str(tmp_path / "tracks.csv"),
            channel_names=["a"], source_channel=["a"], condition_wells={"c": ["A/1"]},
        )  # fmt: skip
        caplog.set_level(logging.WARNING)
        assert ExperimentRegistry([one]).num_source_channels == 1
