"""From a review to the files of an export, and from these to training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from lineage_triplets import (
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    load_config,
    save_config,
)
from lineage_triplets.engine.errors import (
    ConfigError,
    OutputError,
    OutputExistsError,
    VerificationError,
)
from lineage_triplets.engine.settings.model import Exclusions, TrackExclusion
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.export.cell_index import write_cell_index
from lineage_triplets.qc.export.export import export_review, plan_export
from lineage_triplets.qc.gate import Asked, GateClosedError, gate_points, open_points
from lineage_triplets.qc.open.tables import TableChangedError
from lineage_triplets.qc.record.decision import Target
from reviews import WITHOUT, equal, everything, field, given, key, write_config
from stores import write_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALL_FILES = [
    "cell_index.parquet",
    "collection.yml",
    "dynaclr_data.yml",
    "review.html",
    "validated.yaml",
]


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    with Review.open(write_config(tmp_path), by="ada") as opened:
        yield opened


def settle(review: Review) -> None:
    """Do all that the gate asks for, but for audits and images."""
    for name in ("early", "late"):
        review.approve(name)
        review.saw(name, 8)
    for finding in review.check():
        if finding.status == "open" and finding.finding.severity == "error":
            review.waive(finding.finding.key, "random pixels")


def open_kinds(review: Review) -> list[tuple[str, str]]:
    points = gate_points(review, Asked(**WITHOUT))
    return [(one.kind, one.experiment) for one in open_points(points)]


def test_the_gate_lists_what_is_open_and_how_to_settle_it(review):
    assert set(open_kinds(review)) >= {
        ("channels", "early"),
        ("channels", "late"),
        ("divisions", "early"),
        ("divisions", "late"),
    }
    assert all(one.remedy for one in open_points(gate_points(review)))
    settle(review)
    assert open_kinds(review) == []


@pytest.mark.parametrize(
    "change",
    [
        {"tau_range_hours": (0.5, 1.0)},
        {"positive_relation": "descendant"},
    ],
)
def test_seen_pairs_count_for_the_settings_they_were_seen_with(review, change):
    settle(review)
    before = review.intent.dataset
    review.choose(**change)
    assert ("divisions", "early") in open_kinds(review)
    review.choose(**{name: getattr(before, name) for name in change})
    assert open_kinds(review) == []


def test_no_division_in_reach_of_tau_asks_for_no_look(review):
    review.choose(positive_relation="same_track")
    assert ("divisions", "early") not in open_kinds(review)
    review.choose(positive_relation="lineage", tau_range_hours=(6.5, 6.5))
    assert ("divisions", "early") in open_kinds(review)
    for root in ("1", "11"):
        for fov in ("A/1/0", "B/2/0"):
            review.reject(Target("track", "early", fov, track=root), "mothers are bad")
    assert ("divisions", "early") not in open_kinds(review)


def test_a_seed_at_export_is_that_of_training_and_changes_nothing_else(review, tmp_path):
    settle(review)
    path = export_review(review, tmp_path / "out", formats=["config"], seed=11, **WITHOUT).files[
        "config"
    ]
    written = load_config(path)
    assert written.verification.validated
    assert written.dataset.seed == 11
    before = load_config(review.config_path).dataset.model_dump(exclude={"seed", "slot_labels"})
    assert written.dataset.model_dump(exclude={"seed", "slot_labels"}) == before
    assert MultiExperimentTripletDataset.from_config(path).seed == 11
    with pytest.raises(ConfigError, match="seed"):
        plan_export(review, tmp_path / "out", seed=-1)


def test_a_closed_gate_writes_nothing_and_says_what_is_open(review, tmp_path):
    with pytest.raises(GateClosedError, match="channels are not approved"):
        export_review(review, tmp_path / "out", **WITHOUT)

    assert not (tmp_path / "out").exists()


def test_a_draft_is_marked_as_one(review, tmp_path):
    result = export_review(review, tmp_path / "out", draft=True)

    assert not result.validated
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ["draft.yaml", "review.html"]
    text = (tmp_path / "out" / "draft.yaml").read_text()
    assert text.startswith("# DRAFT")
    assert not load_config(tmp_path / "out" / "draft.yaml").verification.validated


def test_training_on_the_reviewed_config_is_told_what_it_lacks(tmp_path, caplog):
    load, path = MultiExperimentTripletDataset.from_config, write_config(tmp_path)
    load(path)
    with Review.open(path, by="ada") as review:
        review.reject(Target("track", "early", "A/1/0", track="21"), "debris")
        draft = export_review(review, tmp_path / "out", draft=True).files["config"]
    load(draft)
    load(load_config(path))
    assert not [said for said in caplog.messages if "has a review" in said]
    load(str(path))
    (said,) = [said for said in caplog.messages if "has a review" in said]
    assert said.startswith(f"{path.name}.review.db has a review")
    assert f"is not in {path.name}." in said
    assert f"lineage-triplets export {path} --to" in said


def test_a_config_beside_another_export_s_index_says_so(review, tmp_path, caplog):
    config = load_config(review.config_path)
    index = MultiExperimentIndex.from_config(config)
    path = tmp_path / "validated.yaml"

    def warnings(of_index: str) -> list[str]:
        sealed = config.verification.model_copy(update={"validated": True, "config_hash": "a1"})
        save_config(config.model_copy(update={"verification": sealed}), path, overwrite=True)
        others = sealed.model_copy(update={"config_hash": of_index})
        write_cell_index(index, path.with_name("cell_index.parquet"), others)
        caplog.clear()
        MultiExperimentTripletDataset.from_config(path, verify="off")
        return [said for said in caplog.messages if "cell_index" in said]

    assert warnings("a1") == []
    (said,) = warnings("b2")
    assert "cell_index.parquet lies beside validated.yaml and was not exported with it" in said
    assert "'b2', this one is a1" in said
    assert "Export both again" in said


def test_yaml_of_another_export_beside_a_config_says_so(review, tmp_path, caplog):
    settle(review)
    folder, other = tmp_path / "out", tmp_path / "other"
    files = export_review(review, folder, **WITHOUT).files
    export_review(review, other, seed=4321, **WITHOUT)
    hashes = [
        load_config(where / "validated.yaml").verification.config_hash for where in (folder, other)
    ]

    def warnings() -> list[str]:
        caplog.clear()
        MultiExperimentTripletDataset.from_config(files["config"], verify="off")
        return [said for said in caplog.messages if "not exported with it" in said]

    assert warnings() == []
    for name in ("dynaclr_data", "collection"):
        text = files[name].read_text()
        assert text.startswith(f"# lineage-triplets config_hash: {hashes[0]}\n")
        files[name].write_bytes((other / files[name].name).read_bytes())
        (said,) = warnings()
        assert said.startswith(f"{files[name].name} lies beside validated.yaml")
        assert f"'{hashes[1]}', this one is {hashes[0]}" in said
        # A file that says nothing may be anybody's.
        files[name].write_text(text.partition("\n")[2])
        assert warnings() == []
    assert load_config(files["collection"]).experiments


def test_training_is_told_of_decisions_and_not_of_the_file_that_could_hold_some(tmp_path, caplog):
    dead = Exclusions(tracks=[TrackExclusion(global_track_id="early_A/1/0_21", reason="dead")])
    path = write_config(tmp_path)
    config = load_config(path).model_copy(update={"exclude": dead})
    save_config(config, path, overwrite=True)

    def warnings() -> list[str]:
        caplog.clear()
        MultiExperimentTripletDataset.from_config(path)
        return [said for said in caplog.messages if "has a review" in said]

    with Review.open(path, by="ada") as review:
        review.check()
        review.log.set_note("looked", 1)
    assert warnings() == []
    with Review.open(path, by="ada") as review:
        review.reject(Target("track", "late", "A/1/0", track="21"), "debris")
    assert len(warnings()) == 1
    with Review.open(path, by="ada") as review:
        review.undo()
    assert warnings() == []
    with Review.open(path, by="ada") as review:
        review.redo()
    assert len(warnings()) == 1
    path.with_name(f"{path.name}.review.db").write_bytes(b"damaged")
    assert len(warnings()) == 1


def test_an_export_holds_the_review(review, tmp_path):
    settle(review)
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead cells")
    review.cut(Target("link", "late", "A/1/0", track="1", daughter=3), "wrong cell")

    result = export_review(review, tmp_path / "out", **WITHOUT)

    assert result.validated
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ALL_FILES
    record = load_config(result.files["config"]).verification
    assert (record.validated, record.by) == (True, "ada")
    assert record.channel_approvals["late"]["slots"] == {
        "Phase": {"channel": "Phase", "zarr_index": 1},
        "GFP": {"channel": "GFP", "zarr_index": 0},
    }
    assert record.channel_approvals["late"]["by"] == "ada"
    assert record.divisions_seen["early"]["how"] == "attested"
    assert record.divisions_seen["early"]["n_pairs"] == 8
    assert record.counts["early"]["valid_anchors"] > 0


def test_what_was_approved_is_what_training_reads(review, tmp_path):
    settle(review)
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead cells")
    review.cut(Target("link", "late", "A/1/0", track="1", daughter=3), "wrong cell")
    shown = {}
    for lineage in review.lineages()["lineage_id"]:
        pairs = review.pairs(lineage, 10_000)
        anchors, positives = pairs.images()
        for number, anchor in enumerate(pairs.anchors):
            shown[key(anchor)] = (key(pairs.positives[number]), anchors[number], positives[number])

    result = export_review(review, tmp_path / "out", **WITHOUT)
    dataset = MultiExperimentTripletDataset.from_config(result.files["config"])
    batch = everything(dataset)

    assert len(shown) == len(dataset)
    for number, anchor in enumerate(batch["anchor_meta"]):
        positive, anchor_pixels, positive_pixels = shown[key(anchor)]
        assert key(batch["positive_meta"][number]) == positive
        assert equal(batch["anchor"][number].numpy(), anchor_pixels)
        assert equal(batch["positive"][number].numpy(), positive_pixels)
    assert not any(one[:2] == ("early", "A/1/0") and one[2] <= 3 for one in given(dataset))


def test_a_fresh_process_loads_the_export_and_sees_no_rejected_cell(tmp_path):
    with Review.open(write_config(tmp_path, return_negative=True), by="ada") as review:
        settle(review)
        review.reject(review.target("lineage", "late_A/1/0_11"), "dead cells")
        path = export_review(review, tmp_path / "out", formats=["config"], **WITHOUT).files[
            "config"
        ]
    program = (
        "import json, sys\n"
        "from lineage_triplets import MultiExperimentTripletDataset\n"
        "dataset = MultiExperimentTripletDataset.from_config(sys.argv[1])\n"
        "batch = dataset.__getitems__(range(len(dataset)))\n"
        "roles = ['anchor_meta', 'positive_meta', 'negative_meta']\n"
        "print(json.dumps(sorted({one['lineage_id'] for role in roles for one in batch[role]})))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
    )
    lineages = json.loads(answer.stdout)
    assert "late_A/1/0_1" in lineages
    assert "late_A/1/0_11" not in lineages


def test_the_flat_table_has_no_rejected_cell_and_keeps_cuts(review, tmp_path):
    settle(review)
    review.reject(review.target("track", "early_A/1/0_2"), "blurred")
    review.cut(Target("link", "early", "A/1/0", track="21", t=7), "jumps")

    result = export_review(review, tmp_path / "out", **WITHOUT)

    table = pd.read_parquet(result.files["cell_index"])
    index = MultiExperimentIndex.from_config(load_config(result.files["config"]))
    assert len(table) == 2 * len(index.tracks)
    assert "early_A/1/0_2" not in set(table["global_track_id"])
    assert "early_A/1/0_21@7" in set(table["lineage_id"])


def test_the_collection_loads_and_says_what_it_lost(review, tmp_path):
    settle(review)
    review.reject(Target("fov", "early", "B/2/0"), "dirt")
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead")

    result = export_review(review, tmp_path / "out", **WITHOUT)

    loaded = load_config(result.files["collection"])
    small = loaded.dataset.model_copy(update={"yx_patch_size": (16, 16)})
    index = MultiExperimentIndex.from_config(loaded.model_copy(update={"dataset": small}))
    assert {(one.experiment, one.fov.name) for one in index.fovs} == {
        ("early", "A/1/0"),
        ("late", "A/1/0"),
    }
    assert index.registry.channel_maps == review.data.registry.channel_maps
    assert "1 lineage" in result.files["collection"].read_text()


def test_only_accepted_leaves_the_rest_out(review, tmp_path):
    settle(review)
    review.accept(review.target("lineage", "early_A/1/0_11"))
    review.accept(review.target("track", "early_A/1/0_1"))
    review.accept(Target("fov", "late", "A/1/0"))
    review.reject(review.target("lineage", "late_A/1/0_21"), "odd")

    path = export_review(review, tmp_path / "out", only_accepted=True, **WITHOUT).files["config"]

    tracks = MultiExperimentIndex.from_config(load_config(path)).tracks
    kept = {
        (experiment, fov, track)
        for experiment, fov, track in tracks[["experiment", "fov_name", "track_id"]].itertuples(
            index=False, name=None
        )
    }
    assert kept == {
        *(("early", "A/1/0", track) for track in (1, 11, 12, 13)),
        *(("late", "A/1/0", track) for track in (1, 2, 3, 11, 12, 13)),
    }


def test_only_accepted_asks_for_something_accepted(review, tmp_path):
    settle(review)

    with pytest.raises(GateClosedError, match="No anchor was accepted"):
        export_review(review, tmp_path / "out", only_accepted=True, **WITHOUT)


def test_findings_follow_each_decision(review):
    review.choose(tau_range_hours=(0.1, 0.3))
    keys = [one.finding.key for one in review.check() if one.finding.experiment == "early"]
    of_settings = [one for one in keys if one.startswith(("no-tau-frames", "few-tau-frames"))]
    assert of_settings

    for one in keys:
        review.waive(one, "as it should be")

    waived = {one.finding.key for one in review.findings() if one.status == "waived"}
    assert set(keys) <= waived


def test_the_dry_run_says_what_it_costs(review, tmp_path):
    settle(review)
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead cells")

    plan = plan_export(review, tmp_path / "out", **WITHOUT)

    assert plan.passed
    assert not (tmp_path / "out").exists()
    cost = plan.cost.set_index("experiment")
    before = MultiExperimentIndex.from_config(review.config_path)
    after = MultiExperimentIndex.from_config(review.data.config)
    for name in ("early", "late"):
        for index, when in ((before, "before"), (after, "after")):
            counts = index.counts().set_index("experiment").loc[name]
            assert cost.loc[name, f"valid_anchors_{when}"] == counts["valid_anchors"]
            assert cost.loc[name, f"observations_{when}"] == counts["observations"]
    assert plan.excluded["reason"].tolist() == ["dead cells"]
    assert plan.loses["cell_index"]
    assert plan.loses["collection"]
    assert [one.name for one in plan.files][-1] == "validated.yaml"


def test_existing_files_are_not_touched_unless_told(review, tmp_path):
    settle(review)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "collection.yml").write_text("mine")

    with pytest.raises(OutputExistsError, match=r"collection\.yml"):
        export_review(review, folder, **WITHOUT)
    assert [one.name for one in folder.iterdir()] == ["collection.yml"]

    export_review(review, folder, overwrite=True, **WITHOUT)
    assert sorted(one.name for one in folder.iterdir()) == ALL_FILES
    assert "mine" not in (folder / "collection.yml").read_text()


def test_all_files_or_none(review, tmp_path, monkeypatch):
    settle(review)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "validated.yaml").write_text("the last export")
    real = os.replace

    def fails_at_the_last(source, target, **options):
        if str(target).endswith("validated.yaml") and ".old" not in str(source):
            raise OSError(28, "No space left on device")
        return real(source, target, **options)

    monkeypatch.setattr(os, "replace", fails_at_the_last)
    with pytest.raises(OutputError, match="No space left"):
        export_review(review, folder, overwrite=True, **WITHOUT)
    monkeypatch.undo()

    assert [one.name for one in folder.iterdir()] == ["validated.yaml"]
    assert (folder / "validated.yaml").read_text() == "the last export"


def test_a_table_that_changed_stops_the_export(review, tmp_path):
    settle(review)
    write_tables(tmp_path / "late_tracks", {"A/1/0": field().iloc[1:]})

    with pytest.raises(TableChangedError, match="Reload"):
        export_review(review, tmp_path / "out", **WITHOUT)

    assert not (tmp_path / "out").exists()


def test_a_stale_decision_keeps_the_gate_closed(tmp_path):
    path = write_config(tmp_path)
    with Review.open(path, by="ada") as review:
        settle(review)
        made = review.reject(review.target("lineage", "late_A/1/0_1"), "odd")
    write_tables(tmp_path / "late_tracks", {"A/1/0": field().iloc[1:]})
    with Review.open(path, by="bea") as review:
        assert ("stale", "late") in open_kinds(review)
        review.confirm(made)
        assert open_kinds(review) == []


def test_data_that_change_after_the_export_are_refused(review, tmp_path):
    settle(review)
    result = export_review(review, tmp_path / "out", formats=["config"], **WITHOUT)
    write_tables(tmp_path / "late_tracks", {"A/1/0": field().iloc[1:]})

    with pytest.raises(VerificationError, match="late"):
        MultiExperimentTripletDataset.from_config(result.files["config"])


def test_an_unknown_format_is_told(review, tmp_path):
    with pytest.raises(ConfigError, match="cell_index"):
        plan_export(review, tmp_path, formats=["parquet"])


def test_the_report_stands_alone_and_names_what_was_decided(review, tmp_path):
    settle(review)
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead <cells> & dust")

    text = export_review(review, tmp_path / "out", **WITHOUT).files["report"].read_text()

    assert "dead &lt;cells&gt; &amp; dust" in text
    assert "early_A/1/0_1" in text
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "lineage-triplets reject experiments.yml lineage early_A/1/0_1" in text
