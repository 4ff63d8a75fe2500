"""Everything wrong at once, each with its place, and the rest loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from lineage_triplets import MultiExperimentIndex, TripletConfig, diagnose
from lineage_triplets.engine import PairSource
from lineage_triplets.engine.errors import ConfigError
from stores import numbered_pixels, track_table

if TYPE_CHECKING:
    from pathlib import Path

TABLE = {"A/1/0": track_table((1, range(6)))}


@pytest.fixture
def write(make_experiment, tmp_path):
    def written(
        names: str, changes: dict[str, dict[str, Any]] | None = None, rest: str = "", **image: Any
    ) -> Path:
        entries = [
            make_experiment(name, **{"tables": TABLE, **image}).model_dump()
            | (changes or {}).get(name, {})
            for name in names.split()
        ]
        file = tmp_path / "config.yml"
        file.write_text(yaml.safe_dump({"experiments": entries}, sort_keys=False) + rest)
        return file

    return written


SMALL = "dataset:\n  yx_patch_size: [16, 16]\n"


class TestOfAFile:
    def test_nothing_wrong(self, write):
        found = diagnose(write("one two", rest=SMALL))
        assert found.problems == ()
        assert [one.name for one in found.config.experiments] == ["one", "two"]
        assert len(found.index) == 12

    def test_several_faults_are_all_listed_and_the_rest_is_loaded(self, write):
        file = write(
            "good typo absent slots order interval",
            {
                "typo": {"intervall_minutes": 30},
                "absent": {"data_path": "/nowhere/at/all.zarr", "tracks_path": "/nor/here"},
                "slots": {"source_channel": ["GFP"]},
                "order": {"channel_names": ["GFP", "Phase"]},
                "interval": {"interval_minutes": -1, "condition_wells": {}},
            },
            SMALL + "  bordr: pad\nexclude:\n  lineages: [{lineage_id: good_A/1/0_77}]\n",
        )
        found = diagnose(file)
        errors = {(one.experiment, one.kind) for one in found.errors}
        assert errors == {
            ("typo", "unknown-key"),
            ("", "unknown-key"),
            ("absent", "missing-path"),
            ("slots", "unequal-slots"),
            ("order", "channel-names"),
            ("interval", "bad-interval"),
            ("interval", "no-conditions"),
        }
        assert sum(one.experiment == "absent" for one in found.errors) == 2
        lines = file.read_text().splitlines()
        for one in found.errors:
            if one.kind == "unknown-key":
                assert one.file == str(file)
                assert one.field.rpartition(".")[2] in lines[one.line - 1]
        assert set(found.index.tracks.experiment) == {"good", "order"}
        assert found.index.settings.yx_patch_size == (16, 16)
        others = [one for one in found.problems if one.severity != "error"]
        assert "unmatched-exclusion" in {one.kind for one in others}
        severities = [one.severity for one in found.problems]
        assert severities == sorted(severities, key=["error", "warning", "note"].index)
        assert all(one.message.endswith(".") for one in found.problems)

    def test_absent_tables_keep_their_experiment_out_alone(self, write, tmp_path):
        file = write("one two", rest=SMALL)
        (tmp_path / "one_tracks").rename(tmp_path / "away")
        found = diagnose(file)
        (error,) = found.errors
        assert (error.kind, error.experiment, error.field) == (
            "missing-path", "one", "tracks_path",
        )  # fmt: skip
        assert str(tmp_path / "one_tracks") in error.message
        assert set(found.index.tracks.experiment) == {"two"}

    def test_a_wrong_order_is_opened_by_the_stores_names(self, write):
        pixels = numbered_pixels((12, 2, 1, 40, 48))
        file = write(
            "one",
            {"one": {"channel_names": ["GFP", "Phase"], "source_channel": ["GFP"]}},
            SMALL,
            pixels=pixels,
        )
        found = diagnose(file)
        (error,) = found.errors
        assert (error.kind, error.experiment) == ("channel-names", "one")
        assert "config ['GFP', 'Phase']" in error.message
        assert "store ['Phase', 'GFP']" in error.message
        assert found.index.registry.channel_maps == {"one": {0: 1}}
        patches = PairSource(found.index).read(np.arange(6))
        np.testing.assert_array_equal(patches[:, 0], pixels[:6, 1, :, 12:28, 12:28])

    def test_faults_of_tables_keep_their_fov_out_alone(self, write, tmp_path):
        tables = dict.fromkeys(["A/1/0", "A/1/1", "B/2/0"], TABLE["A/1/0"])
        file = write("one", rest=SMALL, tables=tables)
        (tmp_path / "one_tracks/A/1/1/tracks.csv").write_text("track_id,t,y,x\n1,zero,1,1\n")
        (tmp_path / "one_tracks/B/2/0/tracks.csv").write_bytes(b"")
        found = diagnose(file)
        (error,) = found.errors
        assert (error.experiment, error.fov, error.line) == ("one", "A/1/1", 2)
        assert set(found.index.tracks.fov_name) == {"A/1/0"}
        assert "empty-table" in {one.kind for one in found.problems}

    def test_a_patch_too_large_keeps_its_experiment_out_alone(self, make_experiment, write):
        large = make_experiment("large", TABLE, shape=(12, 2, 1, 80, 80))
        moved = {"name": "large", "data_path": large.data_path, "tracks_path": large.tracks_path}
        file = write("small other", {"other": moved},
                     "dataset: {yx_patch_size: [64, 64]}\n")  # fmt: skip
        found = diagnose(file)
        assert [(one.experiment, one.kind) for one in found.errors] == [
            ("small", "patch-too-large")
        ]
        assert set(found.index.tracks.experiment) == {"large"}

    @pytest.mark.parametrize(
        "text",
        ["", "a: [", "experiments: []\n", "experiments: 5\n", "experiments: [{}]\n", "a: 1\n"],
    )
    def test_a_file_that_says_nothing_is_no_traceback(self, tmp_path, text):
        (tmp_path / "config.yml").write_text(text)
        found = diagnose(tmp_path / "config.yml")
        assert found.errors
        assert found.index is None

    def test_no_file(self, tmp_path):
        found = diagnose(tmp_path / "absent.yml")
        assert [one.kind for one in found.errors] == ["missing-path"]
        assert (found.config, found.index) == (None, None)

    def test_no_anchors_is_an_error(self, write):
        found = diagnose(write("one", {"one": {"interval_minutes": 600.0}}, SMALL))
        assert [one.kind for one in found.errors] == ["no-anchors"]
        assert len(found.index) == 6

    @pytest.mark.parametrize(
        "rest",
        [
            SMALL + "  slot_labels: [a]\n",
            SMALL + "  z_range: {one: [0, 1], nobody: [0, 1]}\n",
            SMALL + "  tau_range_hours: [0.5, 1.0e+300]\n",
            SMALL + "  include_wells: [Z/9]\n",
            SMALL + "  exclude_fovs: {one: [Z/9/9]}\n",
        ],
    )
    def test_a_setting_that_does_not_fit_the_data_is_listed(self, write, rest):
        assert diagnose(write("one", rest=rest)).errors

    def test_a_cut_and_an_exclusion_that_match_nothing(self, write):
        rest = SMALL + "cut: [{experiment: one, fov: A/1/0, track_id: 9, t: 3}]\n"
        rest += "exclude: {frames: [{experiment: one, fov: Z/1/0, frames: [1]}]}\n"
        found = diagnose(write("one", rest=rest))
        assert found.errors == ()
        assert {one.kind for one in found.problems} == {"unmatched-cut", "unmatched-exclusion"}

    def test_links_of_the_config_are_read(self, write):
        tables = {"A/1/0": track_table((1, range(3)), (2, range(3, 6)))}
        link = "{experiment: one, fov: A/1/0, track_id: 1, t: 2, to_track_id: 2, to_t: 3}"
        file = write("one", {}, SMALL + f"link: [{link}]\n", tables=tables)
        assert set(diagnose(file).index.tracks.global_track_id) == {"one_A/1/0_1"}
        assert set(MultiExperimentIndex.from_config(file).track_id_of_row) == {1, 2}
        file.write_text(file.read_text().replace("to_t: 3", "to_t: 4"))
        found = diagnose(file)
        assert [one.kind for one in found.errors] == ["bad-link"]
        assert len(set(found.index.tracks.global_track_id)) == 2
        with pytest.raises(ConfigError, match="already follows track 2 at t = 3"):
            MultiExperimentIndex.from_config(file)

    def test_moved_data(self, write, tmp_path):
        file = write("one", rest=SMALL)
        (tmp_path / "moved").mkdir()
        for name in ("one.zarr", "one_tracks"):
            (tmp_path / name).rename(tmp_path / "moved" / name)
        assert diagnose(file).errors
        assert diagnose(file, path_map={str(tmp_path): str(tmp_path / "moved")}).problems == ()


def test_of_a_config_made_in_python(make_experiment):
    one = make_experiment("one", TABLE)
    config = TripletConfig(experiments=[one, one], dataset={"yx_patch_size": (16, 16)})
    found = diagnose(config)
    assert [(one.experiment, one.kind) for one in found.errors] == [("one", "duplicate-name")]
    assert len(found.index) == 6
