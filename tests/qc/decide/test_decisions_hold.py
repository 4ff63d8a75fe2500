"""Whatever is decided, in whatever order, is what the exported config's dataset does."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from lineage_triplets import (
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    load_config,
    save_config,
)
from lineage_triplets.cli.app import app
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.engine.settings.model import Cut, Exclusions, LineageExclusion, TrackExclusion
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.export.export import export_review
from lineage_triplets.qc.export.script import commands_of
from lineage_triplets.qc.record.decision import Target
from reviews import SHAPE, family, field, save, single, write_config
from reviews import given as given_by
from stores import make_experiment, numbered_pixels, write_tables
from systems import needs_posix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


FOV = ("early", "A/1/0")


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    with Review.open(write_config(tmp_path, return_negative=True), by="ada") as opened:
        yield opened


def dataset_of(review: Review) -> MultiExperimentTripletDataset:
    return MultiExperimentTripletDataset.from_config(review.data.config)


def cells_given(review: Review) -> dict[int, set[int]]:
    """Frames of each track of the first FOV that training may give."""
    found: dict[int, set[int]] = {}
    for experiment, fov, track, t in given_by(dataset_of(review)):
        if (experiment, fov) == FOV:
            found.setdefault(track, set()).add(t)
    return found


def link(track: int, *, t: int | None = None, daughter: int | None = None) -> Target:
    return Target("link", *FOV, track=str(track), t=t, daughter=daughter)


# One decision after the other.


def test_a_rejected_cell_stays_rejected_when_its_track_is_cut(review):
    review.reject(Target("observation", *FOV, track="21", t=9), "dead")
    review.reject(Target("observation", *FOV, track="21", t=5), "dead")
    review.cut(link(21, t=7), "jumps")
    review.cut(link(21, t=8), "jumps again")

    assert not {5, 9} & cells_given(review)[21]


def test_a_daughter_cut_off_from_a_rejected_part_of_her_mother_stays_rejected(review):
    review.cut(link(1, t=3), "jumps")
    review.reject(review.target("lineage", "early_A/1/0_1@3"), "another cell")
    review.cut(link(1, daughter=2), "too far")

    found = cells_given(review)
    assert found[1] == {0, 1, 2}
    assert not found.keys() & {2, 3}


def test_a_daughter_cut_off_from_a_part_that_nobody_rejected_is_not_rejected(review):
    review.cut(link(1, t=3), "jumps")
    review.reject(review.target("lineage", "early_A/1/0_1"), "the part before")
    review.cut(link(1, daughter=2), "too far")

    found = cells_given(review)
    assert found[1] == {3, 4, 5}
    assert {2, 3} <= found.keys()


def test_a_rejected_track_stays_rejected_when_it_is_cut_near_the_border(tmp_path):
    path = write_config(tmp_path, border="exclude", return_negative=True)
    walker = single(21, 24, 4).assign(x=lambda cells: 4 + 1.0 * cells["t"])
    write_tables(tmp_path / "early_tracks", {"A/1/0": pd.concat([family(1, 12, 14), walker])})
    with Review.open(path, by="ada") as review:
        assert min(cells_given(review)[21]) > 3
        review.reject(Target("track", *FOV, track="21"), "debris")
        review.cut(link(21, t=3), "jumps")
        assert 21 not in cells_given(review)


def test_a_second_cut_in_one_gap_is_refused(tmp_path):
    path = write_config(tmp_path)
    table = field()
    table = table[~((table["track_id"] == 21) & table["t"].isin([6, 7, 8]))]
    write_tables(tmp_path / "early_tracks", {"A/1/0": table})
    with Review.open(path, by="ada") as review:
        review.cut(link(21, t=7), "another cell")
        review.reject(Target("track", *FOV, track="21@7"), "dead")
        with pytest.raises(ConfigError, match="already, at t = 7"):
            review.cut(link(21, t=9), "another cell")
        assert max(cells_given(review)[21]) == 5


def test_a_cut_that_is_in_effect_takes_nothing_more_when_it_is_repeated(review):
    review.cut(link(1, daughter=2), "too far")
    review.reject(review.target("lineage", "early_A/1/0_1"), "the mother is dead")
    review.cut(link(1, daughter=2), "too far indeed")

    assert 2 in cells_given(review)


@pytest.mark.parametrize("word", ["021", "+21", " 21", "2_1", "21@", "21@07"])
def test_a_track_is_named_as_the_program_writes_it(review, word):
    review.cut(link(21, t=7), "jumps")
    with pytest.raises(ConfigError, match="no track"):
        review.reject(Target("track", *FOV, track=word), "dead")


def test_fovs_whose_names_begin_alike_keep_their_tracks(tmp_path):
    tables = {"A/1/0": pd.concat([field(), single(15, 30, 40)]), "A/1/0_1": field()}
    listed = [make_experiment(tmp_path, "e", tables, pixels=numbered_pixels(SHAPE))]
    with Review.open(save(tmp_path / "c.yml", listed), by="ada") as review:
        found = review.target("track", "e_A/1/0_1_21")
        assert (found.fov, found.track) == ("A/1/0_1", "21")
        with pytest.raises(ConfigError, match="no track"):
            review.target("track", "e_A/1/0_1_5")
        state = review.choose(lineage="e_A/1/0_1_1")
        assert state.fov == "A/1/0_1"


def test_track_ids_below_zero_are_rejected_and_come_back_from_a_config(tmp_path):
    path = write_config(tmp_path, return_negative=True)
    table = field()
    table.loc[table["track_id"] == 21, "track_id"] = -7
    write_tables(tmp_path / "early_tracks", {"A/1/0": table})
    with Review.open(path, by="ada") as review:
        review.reject(review.target("lineage", "early_A/1/0_-7"), "dead")
        review.cut(link(-7, t=5), "jumps")
        assert -7 not in cells_given(review)
        draft = export_review(review, tmp_path / "out", draft=True, formats=["config"]).files[
            "config"
        ]
        lines = commands_of(review)
    with Review.open(draft, by="bea") as again:
        assert -7 not in cells_given(again)
        assert not [one for one in again.checks.config_problems if "unmatched" in one.kind]
    assert "-- experiments.yml early A/1/0 -7" in next(one for one in lines if " cut " in one)


def test_experiments_whose_names_begin_alike_keep_their_decisions(tmp_path):
    names = ("day 1", "day 1_b")
    listed = [
        make_experiment(tmp_path, name, {"A/1/0": field()}, pixels=numbered_pixels(SHAPE))
        for name in names
    ]
    path = save(tmp_path / "c.yml", listed)
    with Review.open(path, by="ada") as review:
        review.reject(review.target("lineage", "day 1_b_A/1/0_21"), "dead")
        draft = export_review(review, tmp_path / "out", draft=True, formats=["config"]).files[
            "config"
        ]
    with Review.open(draft, by="bea") as again:
        assert [one.target.experiment for one in again.decisions] == ["day 1_b"]
        lineages = set(MultiExperimentIndex.from_config(draft).tracks["lineage_id"])
    assert "day 1_A/1/0_21" in lineages
    assert "day 1_b_A/1/0_21" not in lineages


def test_a_single_image_is_reviewed_like_a_plate(tmp_path):
    listed = [
        make_experiment(
            tmp_path, "one", {"0/0/0": field()}, single_image=True, pixels=numbered_pixels(SHAPE)
        )
    ]
    with Review.open(save(tmp_path / "c.yml", listed), by="ada") as review:
        review.reject(review.target("track", "one_0/0/0_2"), "blurred")
        review.cut(Target("link", "one", "0/0/0", track="21", t=7), "jumps")
        review.reject(Target("frame", "one", "0/0/0", t=3), "out of focus")
        draft = export_review(review, tmp_path / "out", draft=True, formats=["config"]).files[
            "config"
        ]
        seen = {one[2:] for one in given_by(MultiExperimentTripletDataset.from_config(draft))}
        assert not [one for one in seen if one[0] == 2 or one[1] == 3]
        assert "one_0/0/0_21@7" in set(MultiExperimentIndex.from_config(draft).tracks["lineage_id"])
        review.reject(Target("well", "one", "0/0"), "all of it")
        assert not review.lineages()["n_anchors"].any()


# What becomes of findings.


def duplicated(tmp_path: Path) -> Path:
    """A config whose first FOV has a second track on the cell of track 21."""
    path = write_config(tmp_path)
    copy = single(30, 24.2, 50.2)
    write_tables(tmp_path / "early_tracks", {"A/1/0": pd.concat([field(), copy])})
    return path


def status_of_duplicate(review: Review) -> str:
    found = [one for one in review.check(channels=False) if 30 in one.finding.tracks]
    return {one.finding.kind: one.status for one in found}["duplicate-track"]


def test_a_finding_is_settled_once_every_part_of_a_cut_track_is_out(tmp_path):
    with Review.open(duplicated(tmp_path), by="ada") as review:
        assert status_of_duplicate(review) == "open"
        review.cut(link(30, t=7), "jumps")
        review.reject(Target("track", *FOV, track="30"), "twice")
        assert status_of_duplicate(review) == "open"
        review.reject(Target("track", *FOV, track="30@7"), "twice")
        assert status_of_duplicate(review) == "settled"


def test_a_rejection_that_a_cut_splits_settles_a_finding_as_before(tmp_path):
    with Review.open(duplicated(tmp_path), by="ada") as review:
        review.reject(Target("lineage", *FOV, track="30"), "twice")
        review.cut(link(30, t=7), "jumps")
        assert status_of_duplicate(review) == "settled"


# What is on screen follows.


def test_a_lineage_that_a_decision_ends_is_let_go_of(review):
    told: list[Any] = []
    review.cut(link(1, daughter=2), "too far")
    review.choose(lineage="early_A/1/0_2")
    review.events.intent.connect(told.append)
    review.events.decisions.connect(lambda _: told.append(review.state.lineage))
    review.undo()
    assert told == ["early_A/1/0_1", review.intent]

    review.cut(link(21, t=7), "jumps")
    review.choose(lineage="early_A/1/0_21@7")
    review.undo()
    assert review.state.lineage == "early_A/1/0_21"


def test_what_was_drawn_stays_as_it_was(review):
    pairs = review.pairs("early_A/1/0_1", 4)
    strip = review.strip(pairs, 0)
    before = pairs.images()[0], pairs.centres(), strip.images(0), strip.centres(0)

    review.choose(yx_patch_size=(32, 32), include_wells={"early": ["B/2"]})

    after = pairs.images()[0], pairs.centres(), strip.images(0), strip.centres(0)
    assert (after[0] == before[0]).all()
    assert (after[2] == before[2]).all()
    assert after[1::2] == before[1::2]


def test_a_strip_of_tracks_that_are_gone_says_so(review):
    review.cut(link(21, t=7), "jumps")
    pairs = review.pairs("early_A/1/0_21@7", 1)
    review.undo()
    with pytest.raises(ConfigError, match="Draw the pairs anew"):
        review.strip(pairs, 0)


def test_events_are_told_once_the_state_is_right(review):
    told = []

    def look(what: object) -> None:
        anchors = review.lineages()["n_anchors"].sum()
        told.append((type(what).__name__, review.state.reason, int(anchors)))

    review.choose(lineage="early_A/1/0_21")
    review.events.decisions.connect(look)
    review.events.channels.connect(look)
    review.reject(review.target("lineage", "early_A/1/0_21"), "dead")
    left = int(review.lineages()["n_anchors"].sum())
    review.remap("late", {0: "GFP", 1: "Phase"})

    reason = "the whole lineage is rejected"
    assert told == [("tuple", reason, left), ("str", reason, left), ("tuple", reason, left)]


# Export and repetition.


def config_of(path: Path) -> tuple[Any, ...]:
    """What a config says, its verification and paths apart."""
    loaded = load_config(path)
    experiments = [
        one.model_dump(exclude={"data_path", "tracks_path"}) for one in loaded.experiments
    ]
    return experiments, loaded.dataset, loaded.exclude, loaded.cut


def test_the_commands_of_a_review_repeat_it(tmp_path, monkeypatch):
    path = write_config(tmp_path)
    config = load_config(path)
    exclude = Exclusions(
        lineages=[LineageExclusion(lineage_id="late_A/1/0_1", reason="dead")],
        tracks=[TrackExclusion(global_track_id="late_A/1/0_13", reason="blurred")],
    )
    cut = [Cut(experiment="late", fov="A/1/0", track_id=1, daughter=2, reason="it's another")]
    save_config(config.model_copy(update={"exclude": exclude, "cut": cut}), path, overwrite=True)
    copy = tmp_path / "copy.yml"
    copy.write_text(path.read_text())
    with Review.open(path, by="ada") as review:
        review.remap("late", {0: "GFP", 1: "Phase"}, "swapped")
        review.reject(review.target("lineage", "early_A/1/0_1"), "it's dead; $HOME")
        review.reject(Target("observation", *FOV, track="21", t=9), "-blurred-")
        review.cut(link(1, daughter=2), "too far")
        review.cut(link(21, t=7), "jumps")
        review.accept(review.target("track", "early_A/1/0_21@7"))
        review.reject(Target("frame", "late", "A/1/0", t=4), "out of focus")
        review.reject(Target("well", "early", "B/2"), "dirt")
        review.undecide(Target("well", "early", "B/2"))
        review.reject(Target("fov", "early", "B/2/0"), "dirt")
        review.undo()
        review.undecide(Target("track", "late", "A/1/0", track="13"))
        first = export_review(review, tmp_path / "first", draft=True, formats=["config"])
        lines = commands_of(review, "second")

    monkeypatch.chdir(tmp_path)
    for line in lines:
        words = [one.replace("experiments.yml", "copy.yml") for one in shlex.split(line)[1:]]
        more = ["--draft", "--format", "config"] if words[0] == "export" else []
        answer = CliRunner().invoke(app, words + more)
        assert answer.exit_code == 0, (line, answer.output)

    assert config_of(tmp_path / "second" / "draft.yaml") == config_of(first.files["config"])


def test_the_commands_repeat_nothing_that_was_taken_back(tmp_path):
    path = write_config(tmp_path)
    config = load_config(path)
    exclude = Exclusions(lineages=[LineageExclusion(lineage_id="late_A/1/0_1", reason="dead")])
    save_config(config.model_copy(update={"exclude": exclude}), path, overwrite=True)
    with Review.open(path, by="ada") as review:
        review.undo()
        review.approve("early")
        review.disapprove("early", "looked again")
        review.approve("late")
        review.remap("late", {0: "GFP", 1: "Phase"})
        review.saw("early", 8)
        review.choose(tau_range_hours=(0.5, 1.0))
        lines = commands_of(review, only_accepted=True)

    assert lines == [
        "# first set in experiments.yml, under dataset: tau_range_hours: [0.5, 1.0]",
        "lineage-triplets undecide experiments.yml lineage late_A/1/0_1 --by ada",
        "lineage-triplets remap experiments.yml late 0=GFP 1=Phase --by ada",
        "lineage-triplets export experiments.yml --to validated --only-accepted",
    ]


def test_a_validated_config_reviewed_again_says_the_same(review, tmp_path):
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead cells")
    review.cut(link(1, daughter=2), "too far")
    review.cut(link(21, t=7), "jumps")
    review.reject(review.target("track", "early_A/1/0_21@7"), "dead")
    review.reject(Target("frame", "late", "A/1/0", t=4), "out of focus")
    review.remap("late", {0: "GFP", 1: "Phase"}, "swapped")
    first = export_review(review, tmp_path / "first", draft=True, formats=["config"]).files[
        "config"
    ]
    with Review.open(first, by="bea") as again:
        second = export_review(again, tmp_path / "a" / "b", draft=True, formats=["config"])
    assert config_of(first) == config_of(second.files["config"])


@pytest.mark.parametrize("by_the_link", [True, False])
@needs_posix
def test_an_export_through_a_link_is_found_from_both_sides(tmp_path, monkeypatch, by_the_link):
    (tmp_path / "work").mkdir()
    write_config(tmp_path / "work")
    far = tmp_path / "scratch" / "deep" / "out"
    far.mkdir(parents=True)
    near = tmp_path / "work" / "out"
    near.symlink_to(far, target_is_directory=True)
    text = (tmp_path / "work" / "experiments.yml").read_text()
    relative = text.replace(f"{tmp_path / 'work'}{os.sep}", "")
    (tmp_path / "work" / "experiments.yml").write_text(relative)
    with Review.open(tmp_path / "work" / "experiments.yml", by="ada") as review:
        export_review(review, near, draft=True, formats=["config"])

    monkeypatch.chdir(near if by_the_link else far)
    assert len(MultiExperimentIndex.from_config("draft.yaml")) > 0
    folder = near if by_the_link else far
    monkeypatch.chdir("/")
    assert len(MultiExperimentIndex.from_config(folder / "draft.yaml")) > 0


def test_a_relative_export_loads_from_another_folder(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    path = write_config(tmp_path / "work")
    path.write_text(path.read_text().replace(f"{tmp_path / 'work'}{os.sep}", ""))
    monkeypatch.chdir(tmp_path / "work")
    with Review.open("experiments.yml", by="ada") as review:
        monkeypatch.chdir(tmp_path)
        files = export_review(review, "a/b", draft=True, formats=["config"]).files
    monkeypatch.chdir("/")
    config = load_config(tmp_path / "a" / "b" / "draft.yaml")
    assert files["config"] == tmp_path / "a" / "b" / "draft.yaml"
    assert "data_path: ../../work/early.zarr" in files["config"].read_text()
    assert len(MultiExperimentIndex.from_config(config)) > 0
    (tmp_path / "work").rename(tmp_path / "moved")
    mapped = MultiExperimentIndex.from_config(
        tmp_path / "a" / "b" / "draft.yaml",
        path_map={str(tmp_path / "work"): str(tmp_path / "moved")},
    )
    assert len(mapped) > 0
