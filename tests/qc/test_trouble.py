"""Bad data, bad settings and bad luck: a clear message, nothing lost, and a gate that is honest."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import zarr

from lineage_triplets import MultiExperimentTripletDataset, load_config, save_config
from lineage_triplets.engine.errors import ConfigError, LineageTripletsError, OutputError
from lineage_triplets.engine.settings.model import Exclusions, FovExclusion
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.export.export import export_review, plan_export
from lineage_triplets.qc.gate import Asked, GateClosedError, gate_points, open_points
from lineage_triplets.qc.record import DecisionLog, DecisionsError
from lineage_triplets.qc.record.decision import Target
from reviews import SHAPE, WITHOUT, experiments, field, save, single, write_config
from stores import make_experiment, numbered_pixels, write_tables

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets import TripletConfig


def settle(review: Review) -> None:
    """Do all that the gate asks for, but for loading, audits and images."""
    for one in review.data.experiments:
        review.approve(one.name)
        review.saw(one.name, 8)
    for finding in review.check():
        is_error = finding.status == "open" and finding.finding.severity == "error"
        if is_error and finding.can_be_waived:
            review.waive(finding.finding.key, "random pixels")


def open_kinds(review: Review) -> set[tuple[str, str]]:
    return {
        (one.kind, one.experiment) for one in open_points(gate_points(review, Asked(**WITHOUT)))
    }


def rewrite(path: Path, **changes: Any) -> None:
    """Edit a config by hand."""
    config: TripletConfig = load_config(path)
    save_config(config.model_copy(update=changes), path, overwrite=True)


def bad_table() -> pd.DataFrame:
    """A track at two places at once."""
    return field().iloc[:1].merge(pd.DataFrame({"t": [0, 0]})).assign(y=[3.0, 9.0])


# Tables.


def test_a_fov_whose_table_cannot_be_read_can_be_left_out(review, tmp_path):
    write_tables(tmp_path / "early_tracks", {"B/2/0": bad_table()})
    (tmp_path / "late_tracks" / "A/1/0" / "tracks.csv").write_text("frame,cell\n1,2\n")
    review.reload()
    assert open_kinds(review) >= {("loading", "early"), ("loading", "late")}

    review.reject(Target("fov", "early", "B/2/0"), "two places")
    review.reject(Target("well", "late", "A/1"), "no table")
    settle(review)

    assert open_kinds(review) == set()
    path = export_review(review, tmp_path / "out", **WITHOUT).files["config"]
    assert len(MultiExperimentTripletDataset.from_config(path)) > 0


def test_a_draft_can_be_written_whatever_is_wrong(review, tmp_path):
    write_tables(tmp_path / "early_tracks", {"B/2/0": bad_table()})
    shutil.rmtree(tmp_path / "late.zarr")
    review.reload()
    review.reject(Target("lineage", "early", "A/1/0", track="1"), "dead")

    result = export_review(review, tmp_path / "out", draft=True)

    assert not result.validated
    loaded = load_config(result.files["config"])
    assert [one.name for one in loaded.experiments] == ["early", "late"]
    assert loaded.exclude.lineages[0].lineage_id == "early_A/1/0_1"


@pytest.mark.parametrize("rows", [0, 1])
def test_empty_tables_and_single_cells_are_no_crash(config_path, tmp_path, rows):
    for experiment, fov in (("early", "A/1/0"), ("early", "B/2/0"), ("late", "A/1/0")):
        write_tables(tmp_path / f"{experiment}_tracks", {fov: field().iloc[:rows]})
    with Review.open(config_path, by="ada") as review:
        assert "no pair" in review.state.reason
        assert len(review.lineages()) == 3 * rows
        assert not review.tau_distribution().anchors["early"]
        review.checks.check_pixels()
        settle(review)
        assert open_kinds(review) == {("anchors", "")}
        if rows:
            assert "as far apart" in review.choose(lineage="early_A/1/0_1").reason
            review.reject(review.target("lineage", "early_A/1/0_1"), "alone")
        assert not export_review(review, tmp_path / "out", draft=True).validated


def test_a_track_that_begins_beside_its_mother_is_compared_with_where_she_was(
    config_path, tmp_path
):
    table = field()
    table = table[(table["track_id"] != 21) | (table["t"] <= 5)]
    going_on = single(30, 24, 20).assign(parent_track_id=21)
    table = pd.concat([table, going_on[going_on["t"] >= 5]])
    write_tables(tmp_path / "early_tracks", {"A/1/0": table})
    with Review.open(config_path, by="ada") as review:
        found = [one.finding for one in review.check(channels=False)]
        (jump,) = (one for one in found if one.kind == "jump")
        assert (jump.tracks, jump.t) == ((21,), 5)
        assert "between frames 4 and 5" in jump.sentence
        assert jump.settled_by[0] == (Target("link", "early", "A/1/0", track="21", daughter=30),)


def test_cells_that_all_stand_on_one_place_can_be_checked(config_path, tmp_path):
    table = field().assign(y=20.0, x=20.0)
    for experiment, fov in (("early", "A/1/0"), ("early", "B/2/0"), ("late", "A/1/0")):
        write_tables(tmp_path / f"{experiment}_tracks", {fov: table})
    with Review.open(config_path, by="ada") as review:
        numbers = [one.value for found in review.check() for one in found.finding.evidence]
        assert np.isfinite(numbers).all()


def test_a_redone_decision_about_a_table_that_changed_waits(config_path, tmp_path):
    with Review.open(config_path, by="ada") as review:
        review.reject(review.target("lineage", "late_A/1/0_1"), "dead")
        review.undo()
    with Review.open(config_path, by="ada") as review:
        assert len(review.lineages()) == 9
        write_tables(tmp_path / "late_tracks", {"A/1/0": field().iloc[1:]})
        (made,) = review.redo()
        assert review.effect.stale == (made,)
        review.reload()
        assert review.effect.stale == (made,)
        review.confirm(made)
        assert [one.id for one in review.effect.rejected] == ["late_A/1/0_1"]


def test_a_table_that_is_read_again_is_compared_with_what_was_decided(config_path, tmp_path):
    rewrite(
        config_path,
        dataset=load_config(config_path).dataset.model_copy(update={"include_wells": ["A/1"]}),
    )
    with Review.open(config_path, by="ada") as review:
        review.choose(include_wells=None)
        made = review.reject(review.target("lineage", "early_B/2/0_1"), "dead")
    write_tables(tmp_path / "early_tracks", {"B/2/0": field().iloc[1:]})
    with Review.open(config_path, by="ada") as review:
        assert review.effect.stale == (made,)
        review.choose(include_wells=["A/1"])
        review.choose(include_wells=["B/2"])
        assert review.effect.stale == (made,)
        assert ("stale", "early") in open_kinds(review)


def test_what_was_shown_and_is_gone_after_a_reload_is_let_go_of(review, tmp_path):
    told: list[Any] = []
    review.choose(lineage="late_A/1/0_21")
    table = field()
    write_tables(tmp_path / "late_tracks", {"A/1/0": table[table["track_id"] != 21]})
    review.events.intent.connect(told.append)
    review.reload()
    assert review.state.lineage == ""
    assert told == [review.intent]

    review.choose(experiment="late", fov="A/1/0")
    shutil.rmtree(tmp_path / "late.zarr")
    review.reload()
    assert (review.state.experiment, review.state.fov) == ("", "")
    assert len(review.state.pairs) > 0


# Stores.


def test_a_damaged_chunk_that_is_left_out_keeps_no_gate_closed(review, tmp_path):
    settle(review)
    chunk = tmp_path / "late.zarr" / "A/1/0/0/c/0/0/0/0/0"
    sound = chunk.read_bytes()
    chunk.write_bytes(b"damaged")
    review.reload()
    assert ("channels", "late") in open_kinds(review)

    review.reject(Target("frame", "late", "A/1/0", t=0), "damaged")
    settle(review)
    assert open_kinds(review) == set()
    path = export_review(review, tmp_path / "out", **WITHOUT).files["config"]
    dataset = MultiExperimentTripletDataset.from_config(path)
    assert len(dataset.__getitems__(range(len(dataset)))["anchor"]) == len(dataset)

    chunk.write_bytes(sound)
    assert "images are others" in review.approval("late").why_not


def test_a_broken_well_stops_no_decision_about_the_others(config_path, tmp_path):
    shutil.rmtree(tmp_path / "early.zarr" / "B")
    with Review.open(config_path, by="ada") as review:
        review.reject(review.target("lineage", "early_A/1/0_1"), "dead")
        review.reject(Target("fov", "early", "A/1/0"), "dirt")
        review.reject(Target("well", "early", "B/2"), "gone")
        with pytest.raises(LineageTripletsError, match="It has: A/1/0"):
            review.reject(Target("fov", "early", "C/1/0"), "dirt")
        assert len(review.decisions) == 3


def test_with_no_store_at_all_everything_says_so(config_path, tmp_path):
    shutil.rmtree(tmp_path / "early.zarr")
    shutil.rmtree(tmp_path / "late.zarr")
    with Review.open(config_path, by="ada") as review:
        assert open_kinds(review) == {("loading", "early"), ("loading", "late")}
        for ask in (
            lambda: review.state,
            review.lineages,
            review.tau_distribution,
            lambda: review.target("lineage", "early_A/1/0_1"),
            lambda: review.approve("early"),
            lambda: review.remap("early", {0: "GFP", 1: "Phase"}),
            lambda: review.choose(tau_range_hours=(0.5, 1.0)),
            lambda: plan_export(review, tmp_path),
        ):
            with pytest.raises(LineageTripletsError, match="no such folder"):
                ask()
        review.reject(Target("fov", "early", "A/1/0"), "dirt")
        assert review.undo()
        shutil.copytree(
            write_config(tmp_path / "again").parent / "late.zarr", tmp_path / "late.zarr"
        )
        review.reload()
        assert len(review.state.pairs) > 0


def test_a_lone_experiment_that_names_other_channels_is_mended_by_a_remap(tmp_path):
    made = make_experiment(tmp_path, "one", {"A/1/0": field()}, pixels=numbered_pixels(SHAPE))
    wrong = {"channel_names": ["DIC", "mCherry"], "source_channel": ["DIC", "mCherry"]}
    path = save(tmp_path / "wrong.yml", [made.model_copy(update=wrong)])
    with Review.open(path, by="ada") as review:
        assert ("loading", "one") in open_kinds(review)
        review.remap("one", {"DIC": "Phase", 1: "GFP"})
        assert not {one for one in open_kinds(review) if one[0] == "loading"}
        assert len(review.state.pairs) > 0


# The gate.


def test_what_a_scan_of_the_images_found_is_not_forgotten(config_path, tmp_path):
    zarr.open_array(str(tmp_path / "early.zarr" / "A/1/0/0"), mode="r+")[5] = 0
    with Review.open(config_path, by="ada") as review:
        review.checks.check_pixels()
        settle_without_waiving(review)
        assert ("error", "early") in open_kinds(review)
    with Review.open(config_path, by="ada") as review:
        assert ("error", "early") in open_kinds(review)
        review.reject(Target("frame", "early", "A/1/0", t=5), "blank")
        assert ("error", "early") not in open_kinds(review)


def settle_without_waiving(review: Review) -> None:
    for name in ("early", "late"):
        review.approve(name)
        review.saw(name, 8)


def test_a_patch_too_large_for_several_fovs_is_settled_by_all_of_them(tmp_path):
    small = numbered_pixels((14, 2, 1, 12, 64))
    large = numbered_pixels(SHAPE)
    made = make_experiment(
        tmp_path,
        "one",
        {fov: field() for fov in ("A/1/0", "A/1/1", "B/1/0")},
        pixels={"A/1/0": small, "A/1/1": small, "B/1/0": large},
    )
    with Review.open(save(tmp_path / "c.yml", [made]), by="ada") as review:
        review.reject(Target("fov", "one", "A/1/0"), "small")
        assert ("loading", "one") in open_kinds(review)
        review.reject(Target("fov", "one", "A/1/1"), "small")
        settle(review)
        assert open_kinds(review) == set()
        assert export_review(review, tmp_path / "out", **WITHOUT).validated


@pytest.mark.parametrize(
    ("change", "said"),
    [({"return_negative": True}, "one lineage only"), ({"dtype": "uint8"}, "cannot hold")],
)
def test_a_dataset_that_could_not_be_made_keeps_the_gate_closed(
    config_path, tmp_path, change, said
):
    dataset = load_config(config_path).dataset.model_copy(update=change)
    rewrite(config_path, dataset=dataset)
    with Review.open(config_path, by="ada") as review:
        settle(review)
        for root in (11, 21):
            review.reject(review.target("lineage", f"late_A/1/0_{root}"), "dead")
        points = open_points(gate_points(review, Asked(**WITHOUT)))
        assert [one.kind for one in points] == ["settings"]
        assert said in points[0].sentence
        with pytest.raises(ConfigError, match=said):
            MultiExperimentTripletDataset.from_config(review.data.config)


def test_nothing_seen_is_no_look(review):
    with pytest.raises(ConfigError, match="0 pairs"):
        review.saw("early", 0)
    assert ("divisions", "early") in open_kinds(review)


def test_an_approval_falls_when_the_config_says_another_mapping(config_path):
    with Review.open(config_path, by="ada") as review:
        settle(review)
    config = load_config(config_path)
    swapped = config.experiments[0].model_copy(update={"source_channel": ["GFP", "Phase"]})
    rewrite(config_path, experiments=[swapped, config.experiments[1]])
    with Review.open(config_path, by="ada") as review:
        assert review.data.config.experiments[0].source_channel == ["GFP", "Phase"]
        assert "another mapping" in review.approval("early").why_not
        assert review.approval("late").holds
        assert open_kinds(review) >= {("channels", "early"), ("divisions", "early")}


def test_an_approval_and_a_remap_of_more_slots_are_no_crash(config_path, tmp_path):
    with Review.open(config_path, by="ada") as review:
        review.approve("early")
        review.remap("late", {0: "GFP", 1: "Phase"})
        review.approve("late")
    config = load_config(config_path)
    one_slot = [one.model_copy(update={"source_channel": ["GFP"]}) for one in config.experiments]
    rewrite(config_path, experiments=one_slot)
    with Review.open(config_path, by="ada") as review:
        assert not {one for one in open_kinds(review) if one[0] == "loading"}
        record = load_config(export_review(review, tmp_path / "out", draft=True).files["config"])
        approvals = record.verification.channel_approvals
        assert not approvals["early"]["holds"]
        assert list(approvals["early"]["slots"]) == ["Phase", "GFP"]


def test_an_approval_holds_wherever_the_data_are_and_whatever_is_rejected(tmp_path):
    (tmp_path / "here").mkdir()
    path = write_config(tmp_path / "here")
    with Review.open(path, by="ada") as review:
        settle(review)
        review.reject(Target("fov", "early", "A/1/0"), "dirt")
        review.choose(yx_patch_size=(20, 20), seed=5)
        assert open_kinds(review) == set()
    (tmp_path / "here").rename(tmp_path / "there")
    folders = {str(tmp_path / "here"): str(tmp_path / "there")}
    moved = tmp_path / "there" / path.name
    with Review.open(moved, by="bea", path_map=folders) as review:
        assert open_kinds(review) == set()
        assert export_review(review, tmp_path / "out", **WITHOUT).validated


# Configs.


def test_a_config_with_a_typo_is_reviewed_and_not_validated(config_path):
    text = config_path.read_text()
    config_path.write_text(text.replace("tau_decay_rate", "tau_decay_rat"))
    with Review.open(config_path, by="ada") as review:
        settle(review)
        points = open_points(gate_points(review, Asked(**WITHOUT)))
        assert [one.kind for one in points] == ["loading"]
        assert "tau_decay_rat" in points[0].sentence
        with pytest.raises(ConfigError, match="could not load"):
            review.waive(points[0].finding_key, "no matter")


def test_what_a_config_excludes_in_vain_is_told_and_kept_out_of_the_way(config_path):
    exclude = Exclusions(
        fovs=[
            FovExclusion(experiment="gone", fov="A/1/0", reason="dirt"),
            FovExclusion(experiment="early", fov="Z/9/9", reason="dirt"),
        ]
    )
    rewrite(config_path, exclude=exclude)
    with Review.open(config_path, by="ada") as review:
        kinds = [one.finding.kind for one in review.findings()]
        assert kinds.count("unmatched-exclusion") == 1
        assert [one.target.experiment for one in review.decisions] == ["early"]
        settle(review)
        assert open_kinds(review) == set()


def test_two_experiments_of_one_name_are_told(tmp_path):
    early, late = experiments(tmp_path)
    with Review.open(save(tmp_path / "c.yml", [early, early, late]), by="ada") as review:
        assert ("loading", "early") in open_kinds(review)


def test_a_collection_is_reviewed_like_a_config(review, tmp_path):
    settle(review)
    review.reject(Target("fov", "early", "B/2/0"), "dirt")
    path = export_review(review, tmp_path / "out", **WITHOUT).files["collection"]
    with Review.open(path, by="bea") as again:
        again.choose(yx_patch_size=(16, 16))
        again.reject(again.target("lineage", "early_A/1/0_1"), "dead")
        settle(again)
        assert open_kinds(again) == set()
        written = export_review(again, tmp_path / "more", **WITHOUT).files["config"]
        tracks = MultiExperimentTripletDataset.from_config(written).index.tracks
    assert set(tracks["fov_name"]) == {"A/1/0"}
    assert "early_A/1/0_1" not in set(tracks["lineage_id"])


# Choices and files.


def test_a_choice_that_cannot_be_kept_changes_nothing(review, monkeypatch):
    told: list[Any] = []
    review.events.intent.connect(told.append)
    before = review.intent, review.data.settings, review.state.tau

    def full(*_: object) -> None:
        raise DecisionsError("the disk is full")

    monkeypatch.setattr(DecisionLog, "set_note", full)
    with pytest.raises(DecisionsError, match="full"):
        review.choose(tau_range_hours=(1.0, 3.0), experiment="early")

    assert (review.intent, review.data.settings, review.state.tau) == before
    assert told == []


def test_a_decision_that_cannot_be_kept_changes_nothing(review, monkeypatch):
    told: list[Any] = []
    review.events.decisions.connect(told.append)

    def full(*_: object) -> None:
        raise DecisionsError("the disk is full")

    monkeypatch.setattr(DecisionLog, "record", full)
    with pytest.raises(DecisionsError, match="full"):
        review.reject(Target("fov", "early", "A/1/0"), "dirt")

    assert review.effect.rejected == {}
    assert told == []


def test_an_export_replaces_files_where_links_are_unknown(review, tmp_path, monkeypatch):
    settle(review)
    export_review(review, tmp_path / "out", formats=["config"], **WITHOUT)

    def unknown(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", unknown)
    review.reject(Target("fov", "early", "B/2/0"), "dirt")
    path = export_review(
        review, tmp_path / "out", formats=["config"], overwrite=True, **WITHOUT
    ).files["config"]

    assert [one.name for one in path.parent.iterdir()] == ["validated.yaml"]
    assert load_config(path).exclude.fovs[0].fov == "B/2/0"


def test_a_folder_that_is_a_file_is_told(review, tmp_path):
    settle(review)
    (tmp_path / "out").write_text("mine")
    before = sorted(one.name for one in tmp_path.iterdir())
    with pytest.raises(OutputError, match="could not be written"):
        export_review(review, tmp_path / "out", **WITHOUT)
    assert sorted(one.name for one in tmp_path.iterdir()) == before
    assert (tmp_path / "out").read_text() == "mine"


def test_images_that_go_after_their_approval_close_the_gate(review, tmp_path):
    settle(review)
    shutil.rmtree(tmp_path / "late.zarr" / "A" / "1" / "0" / "0" / "c")
    with pytest.raises(GateClosedError, match="images are others"):
        export_review(review, tmp_path / "out", **WITHOUT)
    assert not (tmp_path / "out").exists()
