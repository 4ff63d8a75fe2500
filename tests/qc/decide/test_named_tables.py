"""A review of tables whose columns the config names: what is exported, compared, stale."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

import reviews
from lineage_triplets import MultiExperimentTripletDataset, TrackReading, load_config
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.qc import Review, Target, collection_of, export_review
from lineage_triplets.qc.export.tracks.write import write_tracks

NAMES = {"track_id": "cell", "t": "FRAME", "parent_track_id": "mother"}
READING = TrackReading(columns=NAMES)


@pytest.fixture
def config_path(tmp_path):
    """The config of two experiments, one's tables under other names; the old ones in truth."""
    path = reviews.write_config(tmp_path)
    tables = tmp_path / "late_tracks"
    shutil.copytree(tables, tmp_path / "truth")
    for file in tables.rglob("*.csv"):
        pd.read_csv(file).rename(columns=NAMES).to_csv(file, index=False)
    config = load_config(path)
    early, late = config.experiments
    reviews.save(path, [early, late.model_copy(update={"tracks": READING})])
    return path


def lineages(index) -> pd.DataFrame:
    columns = ["fov_name", "global_track_id", "lineage_id", "t", "y", "x"]
    return index.tracks.loc[index.tracks.experiment == "late", columns].reset_index(drop=True)


def test_they_are_the_tables_that_they_were(config_path, tmp_path):
    with Review.open(config_path, read_only=True) as review:
        found = review.against(tmp_path / "truth", experiment="late")
        assert found.disagreements == ()
        (agreement,) = found.agreements
        assert agreement.share == 1
        # Another folder of the same columns is read as this one is.
        again = review.against(tmp_path / "late_tracks", experiment="late")
        assert [agreement.share for agreement in again.agreements] == [1]


def test_what_is_exported_reads_them_so(config_path, tmp_path):
    with Review.open(config_path) as review:
        result = export_review(review, tmp_path / "out", formats=["config", "report"], draft=True)
        wanted = lineages(review.data.training)
        with pytest.raises(ConfigError, match="track_transform of late, nor its tracks"):
            collection_of(review.data.config, review.data.training, name="one")
        write_tracks(review, tmp_path / "mended", "csv")
    path = result.files["config"]
    assert [one.tracks for one in load_config(path).experiments] == [None, READING]
    dataset = MultiExperimentTripletDataset.from_config(path)
    pd.testing.assert_frame_equal(lineages(dataset.index), wanted)
    page = result.files["report"].read_text()
    assert "tracks <code>columns: {track_id: cell, t: FRAME, parent_track_id: mother}" in page
    moved = tmp_path / "elsewhere"
    shutil.copytree(tmp_path / "late_tracks", moved)
    mapped = load_config(path, {str(tmp_path / "late_tracks"): str(moved)})
    assert mapped.experiments[1].tracks == READING
    mended = next((tmp_path / "mended" / "late").rglob("*.csv"))
    assert {"track_id", "t", "parent_track_id"} <= set(pd.read_csv(mended).columns)


def test_decisions_are_stale_where_they_are_read_otherwise(config_path):
    with Review.open(config_path) as review:
        word = lineages(review.data.raw).lineage_id[0].removeprefix("late_A/1/0_")
        review.reject(Target("lineage", "late", "A/1/0", track=word), "debris")
        assert len(lineages(review.data.training)) < len(lineages(review.data.raw))
    text = config_path.read_text()
    config_path.write_text(text.replace(", parent_track_id: mother", ""))
    with Review.open(config_path) as review:
        assert len(lineages(review.data.training)) == len(lineages(review.data.raw)) > 0


def test_one_table_read_in_two_ways_is_two(config_path, tmp_path):
    config = load_config(config_path)
    late = config.experiments[1]
    rootless = TrackReading(columns={"track_id": "cell", "t": "FRAME"})
    other = late.model_copy(update={"name": "other", "tracks": rootless})
    reviews.save(tmp_path / "two.yml", [late, other])
    with Review.open(tmp_path / "two.yml", read_only=True) as review:
        tracks = review.data.raw.tracks
        of_one, of_other = (tracks[tracks.experiment == name] for name in ("late", "other"))
        assert of_one.y.tolist() == of_other.y.tolist()
        assert of_one.lineage_id.nunique() < of_other.lineage_id.nunique()
