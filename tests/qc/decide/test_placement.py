"""Tables placed in a review: what follows at once, what falls, what is stale, what is exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import reviews
from lineage_triplets import (
    MultiExperimentTripletDataset,
    TrackTransform,
    load_config,
)
from lineage_triplets.engine.errors import ConfigError, UnknownNameError
from lineage_triplets.qc import Review, Target, collection_of, export_review, plan_export
from lineage_triplets.qc.export.script import commands_of
from lineage_triplets.qc.gate import gate_points
from reviews import WITHOUT

if TYPE_CHECKING:
    from pathlib import Path

FRAME_1 = TrackTransform(first_frame=1)
UM = TrackTransform(scale=4.0)


def late(path: Path, change: Any) -> Path:
    """Write the tables of "late" otherwise than they are."""
    file = path.parent / "late_tracks/A/1/0/tracks.csv"
    change(pd.read_csv(file)).to_csv(file, index=False)
    return path


def in_um(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(y=table.y / 4, x=table.x / 4)


def from_one(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(t=table.t + 1)


@pytest.fixture
def config_path(tmp_path):
    return reviews.write_config(tmp_path)


def rows(review: Review, index: str = "training") -> pd.DataFrame:
    tracks = getattr(review.data, index).tracks
    return tracks[tracks.experiment == "late"].reset_index(drop=True)


def target(level: str, track: str = "", **more: Any) -> Target:
    return Target(level, "late", "A/1/0", track=track, **more)


def test_positions_follow_and_undo_takes_it_back(config_path):
    with Review.open(config_path) as review:
        wanted = rows(review)
    late(config_path, in_um)
    with Review.open(config_path) as review:
        before, version = rows(review), review.data.data_version
        told: list[str] = []
        review.events.data.connect(lambda: told.append("data"))
        made = review.place("late", UM, "they are in µm")
        assert (made.kind, made.value) == ("place", {"scale": [1.0, 4.0, 4.0]})
        pd.testing.assert_frame_equal(rows(review), wanted)
        assert review.data.data_version != version
        assert told == ["data"]
        assert [one.track_transform for one in review.data.config.experiments] == [None, UM]
        review.undo()
        pd.testing.assert_frame_equal(rows(review), before)
        review.redo()
        pd.testing.assert_frame_equal(rows(review), wanted)
        assert told == ["data"] * 3
        review.accept(target("lineage", "1"))
        review.withdraw(made)
        pd.testing.assert_frame_equal(rows(review), before)
        assert told == ["data"] * 4
    with Review.open(config_path) as review:
        pd.testing.assert_frame_equal(rows(review), before)


def test_no_table_is_read_again(config_path):
    with Review.open(config_path) as review:
        _ = review.data.raw
        reads: list[None] = []
        review.data.tables.go_on = lambda: reads.append(None)
        review.place("late", UM)
        assert rows(review, "raw").y.max() > 40
        assert reads == []


def test_the_last_one_counts_whole_and_in_place_of_the_config(tmp_path):
    listed = reviews.experiments(tmp_path)
    listed[1] = listed[1].model_copy(update={"track_transform": TrackTransform(swap_xy=True)})
    path = reviews.save(tmp_path / "one.yml", listed)
    with Review.open(path) as review:
        assert review.data.experiments[1].track_transform == TrackTransform(swap_xy=True)
        review.place("late", {"first_frame": 1})
        review.place("late", {"scale": 4})
        assert review.data.experiments[1].track_transform == UM
        review.place("late", None)
        assert review.data.experiments[1].track_transform is None
        review.remap("late", {"Phase": "GFP", "GFP": "Phase"})
        assert review.data.experiments[1].track_transform is None


def test_what_cannot_be_is_not_recorded(config_path):
    with Review.open(config_path) as review:
        with pytest.raises(UnknownNameError, match="later"):
            review.place("later", UM)
        with pytest.raises(ConfigError, match="a scale of 0") as caught:
            review.place("late", {"scale": 0})
        (problem,) = caught.value.problems
        assert (problem.experiment, problem.field) == ("late", "track_transform.scale")
        with pytest.raises(ConfigError, match="shift"):
            review.place("late", {"shift": 3})
        assert review.decisions == ()


class TestFrames:
    def test_decisions_that_name_frames_are_stale_until_confirmed(self, config_path):
        late(config_path, from_one)
        with Review.open(config_path) as review:
            review.reject(target("lineage", "11"), "debris")
            named = [
                review.reject(target("frame", t=3), "blurred"),
                review.reject(target("observation", "21", t=5), "overlap"),
                review.cut(target("link", "21", t=9), "jumps"),
                review.reject(target("track", "21@9"), "debris"),
            ]
            other = review.reject(Target("frame", "early", "A/1/0", t=3), "blurred")
            link = review.cut(target("link", "1", daughter=2), "not hers")
            review.place("late", UM)
            assert review.effect.stale == ()
            review.place("late", FRAME_1, "counts from 1")
            assert review.effect.stale == tuple(named)
            assert set(review.effect.cuts) == {link.target}
            assert other.target in review.effect.rejected
            assert rows(review).t.max() == 13
            points = [point for point in gate_points(review) if point.kind == "stale"]
            assert [point.decision for point in points] == [made.number for made in named]
            assert "other frames" in points[0].sentence
            review.confirm(named[0])
            assert review.effect.stale == tuple(named[1:])
            assert 3 not in rows(review).t.tolist()
            review.withdraw(*named[1:])
            assert review.effect.stale == ()
        with Review.open(config_path) as review:
            assert review.effect.stale == ()
            assert named[0].target in review.effect.rejected

    def test_those_made_since_hold_until_it_is_taken_back(self, config_path):
        with Review.open(config_path) as review:
            before = review.reject(target("frame", t=3), "blurred")
            place = review.place("late", FRAME_1)
            since = review.reject(target("frame", t=5), "blurred")
            assert review.effect.stale == (before,)
            review.withdraw(place)
            assert review.effect.stale == (since,)
            review.place("late", FRAME_1)
            assert review.effect.stale == (before,)

    def test_a_confirmation_is_bound_to_its_frames_too(self, config_path):
        with Review.open(config_path) as review:
            made = review.reject(target("observation", "21", t=5), "overlap")
            review.place("late", FRAME_1)
            review.confirm(made)
            assert review.effect.stale == ()
            review.place("late", {"first_frame": 2})
            assert review.effect.stale == (made,)

    def test_exclusions_of_the_config_are_of_its_own_frames(self, config_path):
        text = config_path.read_text()
        with Review.open(config_path) as review:
            review.place("late", FRAME_1)
        entry = "{experiment: late, fov: A/1/0, frames: [4]}"
        assert "frames: []" in text
        config_path.write_text(text.replace("frames: []", f"frames: [{entry}]"))
        for read_only in (True, False):
            with Review.open(config_path, read_only=read_only) as review:
                (stale,) = review.effect.stale
                assert stale.target == target("frame", t=4)


def test_a_transform_edited_in_the_config_makes_decisions_about_its_tables_stale(tmp_path):
    listed = reviews.experiments(tmp_path)
    path = reviews.save(tmp_path / "one.yml", listed)
    with Review.open(path) as review:
        made = review.reject(target("lineage", "11"), "debris")
        other = review.reject(Target("lineage", "early", "A/1/0", track="11"), "debris")
    edited = [listed[0], listed[1].model_copy(update={"track_transform": UM})]
    reviews.save(path, edited)
    with Review.open(path) as review:
        assert review.effect.stale == (made,)
        assert other.target in review.effect.rejected
        review.confirm(made)
        assert review.effect.stale == ()
    reviews.save(path, edited)
    with Review.open(path) as review:
        assert review.effect.stale == ()
    reviews.save(path, listed)
    with Review.open(path) as review:
        assert review.effect.stale == ()


def test_pairs_are_seen_anew_and_channels_stay_approved(config_path):
    with Review.open(config_path) as review:
        for name in ("early", "late"):
            review.approve(name)
            review.saw(name, 9)
        review.place("late", {"offset": [1, 0]})
        assert review.approval("late").holds
        points = {(point.kind, point.experiment): point for point in gate_points(review)}
        assert points["divisions", "early"].passed
        assert not points["divisions", "late"].passed
        assert "elsewhere in the image" in points["divisions", "late"].sentence
        review.saw("late", 9)
        assert {point.passed for point in gate_points(review) if point.kind == "divisions"} == {
            True
        }
        review.place("late", None)
        assert not all(point.passed for point in gate_points(review) if point.kind == "divisions")


def test_findings_are_those_of_cells_where_they_are_now(config_path):
    def jumping(table: pd.DataFrame) -> pd.DataFrame:
        far = (table.track_id == 21) & (table.t > 6)
        return table.assign(x=table.x - 30.0 * far)

    def said(review: Review) -> set[tuple[str, str]]:
        return {(one.finding.key, one.finding.sentence) for one in review.check()}

    late(config_path, jumping)
    with Review.open(config_path) as review:
        before = said(review)
        assert any("late" in key and "jump" in key for key, _ in before)
        review.place("late", {"scale": [1, 0.5]})
        assert review.checks.inspection is None
        after = said(review)
    with Review.open(config_path) as review:
        assert said(review) == after != before


class TestExport:
    @pytest.fixture
    def review(self, config_path):
        late(config_path, lambda table: from_one(in_um(table)))
        with Review.open(config_path, by="ana") as review:
            review.place("late", {"scale": 4, "first_frame": 1}, "µm, from 1")
            review.check()
            for one in review.findings():
                if one.status == "open" and one.finding.severity == "error":
                    review.waive(one.finding.key, "made so")
            for name in ("early", "late"):
                review.approve(name)
                review.saw(name, 9)
            yield review

    def test_what_was_reviewed_is_what_training_reads(self, review, tmp_path):
        result = export_review(review, tmp_path / "out", **WITHOUT)
        assert result.validated
        assert set(result.files) == {"config", "cell_index", "dynaclr_data", "report"}
        config = load_config(result.files["config"])
        wanted = TrackTransform(scale=4, first_frame=1)
        assert [one.track_transform for one in config.experiments] == [None, wanted]
        assert result.files["config"].read_text().count("track_transform") == 1
        dataset = MultiExperimentTripletDataset.from_config(result.files["config"])
        tracks = dataset.index.tracks
        own = tracks[tracks.experiment == "late"].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, rows(review))
        cells = pd.read_parquet(result.files["cell_index"])
        cells = cells[(cells.experiment == "late") & (cells.marker == "GFP")]
        assert cells.t.tolist() == own.t.tolist()
        assert cells.y.tolist() == own.y.astype("float32").tolist()
        page = result.files["report"].read_text()
        assert "track_transform <code>first_frame: 1, scale: [1, 4, 4]</code>" in page
        assert "place" in page

    def test_an_edit_of_it_is_an_edit_of_a_validated_config(self, review, tmp_path):
        result = export_review(review, tmp_path / "out", formats=["config"], **WITHOUT)
        path = result.files["config"]
        path.write_text(path.read_text().replace("first_frame: 1", "first_frame: 2"))
        with pytest.raises(ValueError, match="its own text"):
            MultiExperimentTripletDataset.from_config(path)

    def test_a_collection_is_refused_and_that_is_said(self, review, tmp_path):
        plan = plan_export(review, tmp_path / "out", **WITHOUT)
        assert [path.name for path in plan.files if path.suffix == ".yml"] == ["dynaclr_data.yml"]
        (lost,) = plan.loses["collection"]
        assert "track_transform of late" in lost
        assert lost in plan.notes
        with pytest.raises(ConfigError, match="track_transform of late"):
            export_review(review, tmp_path / "out", formats=["collection"], **WITHOUT)
        assert not (tmp_path / "out").exists()
        with pytest.raises(ConfigError, match="track_transform of late"):
            collection_of(plan.config, review.data.training, name="one")

    def test_the_script_says_it_first(self, review):
        review.reject(target("frame", t=2), "blurred")
        lines = commands_of(review)
        assert lines[0] == (
            "lineage-triplets place experiments.yml late --first-frame 1 --scale 1.0 4.0 4.0 "
            "--reason 'µm, from 1' --by ana"
        )
        assert sum(line.startswith("lineage-triplets place") for line in lines) == 1
        review.place("late", None)
        assert commands_of(review)[0].startswith(
            "lineage-triplets place experiments.yml late --as-written"
        )
