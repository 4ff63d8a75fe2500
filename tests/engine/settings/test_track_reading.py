"""`tracks` in a config: what may be said of how tables are read, and how it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from configs import load_one
from lineage_triplets import TrackReading, TripletConfig, load_config, save_config
from lineage_triplets.engine.dataset.verification import config_hash
from lineage_triplets.engine.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

ODD = "{columns: {track_id: cell, y: 'Y [µm]', parent_track_id: 7}}"


def load(folder: Path, value: str = "") -> TripletConfig:
    return load_one(folder, "tracks", value)


@pytest.mark.parametrize("text", ["", "null", "{}", "{columns: {}, parent: track}"])
def test_one_that_says_nothing_leaves_hash_and_file_as_they_were(tmp_path, text):
    config = load(tmp_path, text)
    assert config.experiments[0].tracks is None
    # Written down when configs had no such key.
    assert config_hash(config) == (
        "7f56cd8adbb18999372730c3acb6e87c61c56383c78fe8ffbe570bf5c96ce276"
    )
    save_config(config, tmp_path / "again.yml")
    (entry,) = yaml.safe_load((tmp_path / "again.yml").read_text())["experiments"]
    assert "tracks" not in entry


def test_it_is_written_as_short_as_it_is_and_read_back(tmp_path):
    config = load(tmp_path, ODD)
    save_config(config, tmp_path / "again.yml")
    (entry,) = yaml.safe_load((tmp_path / "again.yml").read_text(encoding="utf-8"))["experiments"]
    # A column that is called 7 is text, as every name.
    columns = {"track_id": "cell", "y": "Y [µm]", "parent_track_id": "7"}
    assert entry["tracks"] == {"columns": columns}
    again = load_config(tmp_path / "again.yml")
    assert again.experiments == config.experiments
    assert config_hash(again) == config_hash(config) != config_hash(load(tmp_path))


def test_readings_that_say_the_same_are_one():
    one = TrackReading(columns={"y": "a", "x": "b"}, format="geff")
    other = TrackReading(columns={"x": "b", "y": "a"}, format="geff")
    assert one == other
    assert hash(one) == hash(other)
    assert one.words == "format: geff, columns: {y: a, x: b}"
    assert TrackReading(parent="node").words == "parent: node"


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("{columns: {trak_id: cell}}", "tracks.columns", "Did you mean 'track_id'?"),
        ("{columns: {mother: cell}}", "tracks.columns", "Known: track_id, t, y, x"),
        ("{columns: {y: pos, x: pos}}", "tracks", "takes 'pos' for y and for x"),
        ("{parent: cell}", "tracks.parent", "'track' or 'node'"),
        (
            "{parent: node, columns: {parent_track_id: m}}",
            "tracks",
            "name their column as parent_id",
        ),
        ("{colums: {y: pos}}", "tracks.colums", "Did you mean 'columns'?"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(tmp_path, text, field, said):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    (problem,) = caught.value.problems
    assert (problem.experiment, problem.line) == ("one", 9)
    assert problem.field.startswith(f"experiments.0.{field}")
    assert said in f"{problem.message} {problem.remedy}"
