"""`track_transform` in a config: what may be said, how it is written, what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from configs import load_one
from lineage_triplets import (
    ExperimentConfig,
    TrackTransform,
    TripletConfig,
    load_config,
    save_config,
)
from lineage_triplets.engine.dataset.verification import config_hash
from lineage_triplets.engine.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def load(folder: Path, value: str = "") -> TripletConfig:
    return load_one(folder, "track_transform", value)


def transform_of(folder: Path, text: str) -> TrackTransform | None:
    return load(folder, text).experiments[0].track_transform


@pytest.mark.parametrize("text", ["", "null", "{}", "{scale: 1, offset: [0, 0.0], first_frame: 0}"])
def test_one_that_changes_nothing_leaves_hash_and_file_as_they_were(tmp_path, text):
    config = load(tmp_path, text)
    assert config.experiments[0].track_transform is None
    # Written down when configs had no such key.
    assert config_hash(config) == (
        "7f56cd8adbb18999372730c3acb6e87c61c56383c78fe8ffbe570bf5c96ce276"
    )
    save_config(config, tmp_path / "again.yml")
    assert "track_transform" not in (tmp_path / "again.yml").read_text()


def test_it_is_written_as_short_as_it_is_and_read_back(tmp_path):
    config = load(tmp_path, "{first_frame: 1, scale: [2, 3]}")
    save_config(config, tmp_path / "again.yml")
    (entry,) = yaml.safe_load((tmp_path / "again.yml").read_text())["experiments"]
    assert entry["track_transform"] == {"first_frame": 1, "scale": [1.0, 2.0, 3.0]}
    again = load_config(tmp_path / "again.yml")
    assert again.experiments == config.experiments
    assert config_hash(again) == config_hash(config) != config_hash(load(tmp_path))


def test_short_forms_leave_z_alone(tmp_path):
    assert transform_of(tmp_path, "{scale: 3.5}") == TrackTransform(scale=(1, 3.5, 3.5))
    assert transform_of(tmp_path, "{scale: [2, -3]}") == TrackTransform(scale=(1, 2, -3))
    assert transform_of(tmp_path, "{offset: [2, 3]}") == TrackTransform(offset=(0, 2, 3))
    assert transform_of(tmp_path, "{offset: [4, 2, 3]}") == TrackTransform(offset=(4, 2, 3))


def test_its_words_are_those_of_the_config():
    transform = TrackTransform(first_frame=1, swap_xy=True, scale=-0.5, offset=(0, 7.25))
    assert transform.words == (
        "first_frame: 1, swap_xy: true, scale: [1, -0.5, -0.5], offset: [0, 0, 7.25]"
    )
    assert TrackTransform().words == ""


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("{scale: 0}", "scale", "a scale of 0"),
        ("{scale: [1, 0, 1]}", "scale", "a scale of 0"),
        ("{scale: [1, 2, 3, 4]}", "scale", "one number, [y, x] or [z, y, x]"),
        ("{scale: wide}", "scale", "one number, [y, x] or [z, y, x]"),
        ("{scale: true}", "scale", "one number, [y, x] or [z, y, x]"),
        ("{scale: .nan}", "scale", "finite"),
        ("{scale: [1, .inf]}", "scale", "finite"),
        ("{offset: 3}", "offset", "[y, x] or [z, y, x]"),
        ("{offset: [.inf, 0]}", "offset", "finite"),
        ("{first_frame: 0.5}", "first_frame", "integer"),
        ("{first_frame: true}", "first_frame", "a number is expected"),
        ("{first_frame: 99999999999}", "first_frame", "less than"),
        ("{swap_xy: 2}", "swap_xy", "boolean"),
        ("{scales: 2}", "scales", "unknown key 'scales'"),
        ("3", "track_transform", "dictionary"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(tmp_path, text, field, said):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    problem = caught.value.problems[0]
    assert problem.experiment == "one"
    assert field in problem.field
    assert problem.line == 9
    assert said in problem.message


def test_python_takes_a_mapping_too():
    plain = {"first_frame": 1, "scale": 2}
    config = ExperimentConfig(
        name="one", data_path="a", tracks_path="b", channel_names=["GFP"], source_channel=["GFP"],
        condition_wells={"c": ["A/1"]}, track_transform=plain,
    )  # fmt: skip
    assert config.track_transform == TrackTransform(**plain)
