"""A review wholly by commands, from the first check to the validated export."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from lineage_triplets import MultiExperimentTripletDataset, TrackTransform, load_config
from lineage_triplets.cli import main
from lineage_triplets.qc import Review
from reviews import given, write_config

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    return write_config(tmp_path)


@pytest.fixture
def run(config_path, capsys):
    """Run a command on the config; gives the exit code and what it said, on one line."""

    def call(command: str, *arguments: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stop:
            main([command, str(config_path), *map(str, arguments)])
            raise SystemExit(0)
        captured = capsys.readouterr()
        return int(stop.value.code or 0), " ".join(f"{captured.out} {captured.err}".split())

    return call


@pytest.fixture
def findings(config_path, capsys):
    """Run ``check --json``; gives the exit code and the findings."""

    def call(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
        with pytest.raises(SystemExit) as stop:
            main(["check", str(config_path), "--json", *arguments])
        return int(stop.value.code or 0), json.loads(capsys.readouterr().out)["findings"]

    return call


WITHOUT = ("--without-audit", "a test of commands", "--without-images", "random pixels")


def waive_errors(run, findings) -> None:
    errors = [one["key"] for one in findings()[1] if one["severity"] == "error"]
    if errors:
        assert run("waive", *errors, "--reason", "random pixels")[0] == 0


def test_a_review_from_check_to_export(run, findings, tmp_path):
    code, said = run("export", "--to", tmp_path / "out")
    assert code == 1
    assert "The channels are not approved" in said
    assert not (tmp_path / "out").exists()

    assert run("reject", "lineage", "early_A/1/0_1", "--reason", "dead", "--by", "ada")[0] == 0
    assert run("cut", "late", "A/1/0", 1, "--daughter", 3, "--reason", "wrong cell")[0] == 0
    assert run("approve", "early", "late", "--by", "bea")[0] == 0
    assert run("seen", "early", "late", "--pairs", 12, "--by", "bea")[0] == 0
    waive_errors(run, findings)
    code, said = run("export", "--to", tmp_path / "out", "--by", "ada", *WITHOUT)
    assert code == 0, said
    assert "from_config" in said

    config = load_config(tmp_path / "out" / "validated.yaml")
    assert config.verification.validated
    assert config.verification.channel_approvals["early"]["by"] == "bea"
    dataset = MultiExperimentTripletDataset.from_config(config)
    assert not any(one[:2] == ("early", "A/1/0") and one[2] <= 3 for one in given(dataset))


def test_check_exits_by_severity(run, findings):
    code, found = findings()
    severities = {one["severity"] for one in found if one["status"] == "open"}
    assert code == (1 if "error" in severities else 3 if "warning" in severities else 0)
    for one in found:
        if one["severity"] != "note":
            assert run("waive", one["key"], "--reason", "as it should be")[0] == 0
    assert findings()[0] == 0


def test_check_says_what_the_pixels_hold(run, findings, tmp_path):
    assert "were not scanned" in run("check")[1]
    assert run("check", "--pixels")[0] in (0, 1, 3)
    assert "were not scanned" not in run("check")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lineage", "late_A/1/0_1", "late_A/1/0_11"), "reject lineage late_A/1/0_11"),
        (("track", "late_A/1/0_2"), "reject track late_A/1/0_2"),
        (("cell", "late_A/1/0_2", 9, 10), "late_A/1/0_2 at t = 10"),
        (("frame", "late", "A/1/0", 3, 4), "FOV late A/1/0 at t = 4"),
        (("fov", "early", "A/1/0", "B/2/0"), "FOV early B/2/0"),
        (("well", "early", "B/2"), "well early B/2"),
    ],
)
def test_reject_takes_every_level_and_undo_takes_it_back(run, arguments, said):
    code, text = run("reject", *arguments, "--reason", "odd", "--by", "ada")
    assert code == 0
    assert said in text
    assert "(ada)" in text
    assert "reject" in run("undo")[1]
    assert "nothing to undo" in run("undo")[1]
    assert said in run("redo")[1]
    history = run("history")[1]
    assert "undid reject" in history
    assert "odd" in history


def test_links_are_made_exchanged_kept_and_taken_back(run):
    assert run("keep", "late", "A/1/0", 1, "--daughter", 2)[0] == 0
    assert run("keep", "late", "A/1/0", 3, "--at", 8, "--reason", "looks right")[0] == 0
    code, said = run("swap", "late", "A/1/0", 2, 6, 21, "--reason", "exchanged", "--by", "ada")
    assert code == 0
    assert "cut link of late A/1/0 track 1 to 2: exchanged (ada)" in said
    assert "link late A/1/0 track 21 at t = 5 to track 2 at t = 6" in said
    assert "exchanged" in run("undo")[1]
    assert run("cut", "late", "A/1/0", 21, "--at", 9, "--reason", "jumps")[0] == 0
    linked = ("late", "A/1/0", 3, 8, 21, 9)
    assert run("link", *linked, "--reason", "another daughter")[0] == 0
    assert "unlink late A/1/0 track 3 at t = 8 to track 21 at t = 9" in run("unlink", *linked)[1]
    listed = run("links", "--top", "100%", "--experiment", "late")[1]
    assert "50 of 52 links" in listed


@pytest.mark.parametrize(
    ("command", "arguments", "code", "said"),
    [
        ("reject", ("lineage", "late_A/1/0_99", "--reason", "x"), 1, "no lineage"),
        ("reject", ("plate", "late", "--reason", "x"), 2, "lineage, track, cell"),
        ("reject", ("frame", "late", "A/1/0", "--reason", "x"), 2, "an experiment, a FOV"),
        ("reject", ("frame", "late", "A/1/0", "two", "--reason", "x"), 2, "no frame"),
        ("reject", ("lineage", "late_A/1/0_1", "--reason", " "), 1, "no reason"),
        ("cut", ("late", "A/1/0", "1", "--reason", "x"), 2, "--daughter"),
        ("cut", ("late", "A/1/0", "1", "--daughter", "12", "--reason", "x"), 1, "2, 3"),
        ("link", ("late", "A/1/0", "2", "9", "21", "10", "--reason", "x"), 1, "already"),
        ("unlink", ("late", "A/1/0", "2", "9", "21", "10"), 1, "Nobody made it"),
        ("swap", ("late", "A/1/0", "2", "9", "21", "0", "--reason", "x"), 1, "No link leads"),
        ("keep", ("late", "A/1/0", "1"), 2, "--daughter"),
        ("keep", ("late", "A/1/0", "1", "--at", "0"), 1, "track 1 at t = 0 follows no cell"),
        ("judge", ("late", "A/1/0", "1", "4", "2", "8", "perhaps"), 1, "same, wrong"),
        ("judge", ("late", "A/1/0", "1", "4", "21", "8", "same"), 1, "training cannot draw"),
        ("remap", ("late", "0"), 2, "SLOT=CHANNEL"),
        ("remap", ("late", "0=DAPI"), 1, "GFP, Phase"),
        ("approve", ("lat",), 1, "early, late"),
        ("waive", ("jump:nowhere", "--reason", "x"), 1, "found no"),
        ("confirm", ("7",), 2, "not stale"),
        ("withdraw", ("7",), 2, "no decision 7"),
        ("export", ("--to", "out", "--format", "csv"), 2, "cell_index"),
    ],
)
def test_what_cannot_be_decided_says_what_can(run, command, arguments, code, said):
    found, text = run(command, *arguments)
    assert found == code, text
    assert said in text
    assert "Nothing was decided" in run("history")[1]


def test_a_decision_is_withdrawn_by_its_number(run):
    run("reject", "lineage", "late_A/1/0_1", "--reason", "odd")
    run("reject", "lineage", "late_A/1/0_11", "--reason", "odd")
    code, text = run("withdraw", "1", "--reason", "looked again")
    assert code == 0 and "late_A/1/0_1" in text
    assert "no decision 1" in run("withdraw", "1")[1]
    assert "withdraw" in run("history")[1]


def test_a_pair_judged_wrong_is_a_finding_that_is_waived_by_its_key(run, findings):
    code, text = run("judge", "late", "A/1/0", 1, 4, 2, 8, "wrong", "--by", "ada")
    assert code == 0 and "pair late A/1/0 track 1 at t = 4, track 2 at t = 8" in text
    (wrong,) = [one for one in findings()[1] if one["kind"] == "wrong-pair"]
    assert (wrong["severity"], wrong["status"]) == ("error", "open")
    assert "as ada judged" in wrong["sentence"]
    assert run("waive", wrong["key"], "--reason", "it is the cell")[0] == 0
    assert not any(one["kind"] == "wrong-pair" for one in findings()[1])


def test_waivers_and_approvals_can_be_taken_back(run, findings):
    key = next(one["key"] for one in findings()[1] if one["severity"] != "error")
    run("waive", key, "--reason", "as it should be")
    assert key in [one["key"] for one in findings("--all")[1] if one["status"] == "waived"]
    assert run("unwaive", key)[0] == 0
    assert key in [one["key"] for one in findings()[1]]
    assert "is not waived" in run("unwaive", key)[1]
    run("approve", "early")
    assert "Channels approved" in run("export", "--to", "x", "--dry-run")[1]
    assert run("disapprove", "early")[0] == 0
    assert "Channels approved" not in run("export", "--to", "x", "--dry-run")[1]


def test_preview_shows_what_was_decided(run, tmp_path):
    run("reject", "fov", "early", "A/1/0", "--reason", "dirt")
    run("reject", "fov", "early", "B/2/0", "--reason", "dirt")
    code, said = run("preview", "--experiment", "early", "--out", tmp_path / "p.png")
    assert code == 1
    assert "0 anchors" in said
    run("undo")
    code, said = run("preview", "--experiment", "early", "--out", tmp_path / "p.png")
    assert code == 0
    assert "1 decision applied" in said


def test_preview_draws_by_the_settings_chosen_in_the_review(run, config_path, tmp_path):
    chosen = "settings as chosen in the review"
    out = ("--experiment", "early", "--overwrite", "--out", tmp_path / "p.png")
    with Review.open(config_path) as review:
        review.choose(positive_relation="descendant")
    assert chosen in run("preview", *out)[1]
    with Review.open(config_path) as review:
        review.choose(tau_range_hours=(90.0, 95.0))
    code, said = run("preview", *out)
    assert (code, "0 anchors" in said) == (1, True)
    # What the command line says goes before the review.
    assert run("preview", *out, "--tau-hours", 0.5, 1)[0] == 0


def test_remap_by_number_and_by_label(run, config_path):
    assert run("remap", "late", "0=GFP", "GFP=Phase", "--reason", "order")[0] == 0
    assert "the channels are not approved" in run("export", "--to", "x", "--dry-run")[1].lower()


def test_a_second_reviewer_is_told(run, config_path):
    from lineage_triplets.qc.decide.review import Review

    with Review.open(config_path, by="ada"):
        code, said = run("reject", "fov", "early", "A/1/0", "--reason", "dirt", "--by", "bea")
        assert code == 1
        assert "ada" in said
        assert run("check")[0] in (0, 1, 3)
    assert run("reject", "fov", "early", "A/1/0", "--reason", "dirt", "--by", "bea")[0] == 0


def test_the_dry_run_writes_nothing_and_says_the_cost(run, tmp_path):
    run("reject", "lineage", "early_A/1/0_1", "--reason", "dead")
    code, said = run("export", "--to", tmp_path / "out", "--dry-run")
    assert code == 1
    assert "reject lineage early_A/1/0_1: dead" in said
    assert not (tmp_path / "out").exists()


def test_a_draft_needs_no_gate(run, tmp_path):
    code, _said = run("export", "--to", tmp_path / "out", "--draft", "--format", "config")
    assert code == 0
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["draft.yaml"]
    assert not load_config(tmp_path / "out" / "draft.yaml").verification.validated


def test_the_report_is_written_at_any_time(run, config_path, tmp_path):
    code, said = run("report", "--out", tmp_path / "review.html")
    assert code == 0, said
    page = (tmp_path / "review.html").read_text()
    assert "not approved" in page
    assert f"<code>{config_path}</code>" in page
    assert run("report", "--out", tmp_path / "review.html")[0] == 1


def test_the_decisions_can_be_kept_elsewhere(run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    place = tmp_path / "elsewhere" / "decisions.db"
    run("reject", "fov", "early", "A/1/0", "--reason", "dirt", "--decisions", place)
    assert "dirt" in run("history", "--decisions", place)[1]
    assert "Nothing was decided" in run("history")[1]


def test_tables_are_placed_and_taken_as_written_again(run, config_path):
    def placed() -> TrackTransform | None:
        with Review.open(config_path, read_only=True) as review:
            return review.data.experiments[1].track_transform

    code, said = run(
        "place", "late", "--scale", 1, 0.5, -2, "--first-frame", 1, "--reason", "in µm"
    )  # fmt: skip
    assert code == 0
    assert "place experiment late: in µm" in said
    assert placed() == TrackTransform(first_frame=1, scale=(1, 0.5, -2))
    assert run("place", "late", "--swap-xy", "--offset", 0, 3, -4.5)[0] == 0
    assert placed() == TrackTransform(swap_xy=True, offset=(0, 3, -4.5))
    assert run("place", "late", "--as-written")[0] == 0
    assert placed() is None
    for wrong in ([], ["--as-written", "--swap-xy"]):
        assert run("place", "late", *wrong)[0] == 2
    code, said = run("place", "late", "--scale", 1, 0, 1)
    assert code == 1
    assert "a scale of 0" in said


def test_findings_that_are_alike_are_decided_in_one_step(run, findings, config_path):
    kinds = Counter(one["kind"] for one in findings()[1] if one["can_be_waived"])
    kind, number = kinds.most_common(1)[0]
    assert number > 1
    code, said = run("waive", "--kind", kind, "--reason", "as it should be")
    assert code == 0
    assert said.count(f"waive finding {kind}:") == number
    left = [one for one in findings()[1] if one["status"] == "open"]
    assert kind not in {one["kind"] for one in left}
    assert run("undo")[0] == 0
    with Review.open(config_path, by="ada", read_only=True) as review:
        assert review.effect.waived == {}
    for arguments, status, what in (
        (("--reason", "r"), 2, "by their keys, or all of a --kind"),
        (("--kind", "blank", "--reason", "r"), 2, "no finding of kind 'blank' is open there"),
        (("no-such", "--reason", "r"), 1, "the checks found no 'no-such'"),
    ):
        code, said = run("settle", *arguments)
        assert code == status
        assert what in said.replace("│ ", "")


def test_all_of_a_kind_are_settled_in_the_way_that_is_asked(run, findings, config_path):
    files = sorted(config_path.parent.rglob("*.csv"))
    for file in files:
        table = pd.read_csv(file)
        twice = table[table["track_id"] == 21].assign(track_id=41)
        pd.concat([table, twice]).to_csv(file, index=False)
    twins = [one["key"] for one in findings()[1] if one["kind"] == "duplicate-track"]
    assert len(twins) == len(files)
    said = run("check")[1]
    assert all(f"{key} way 1: reject track " in said for key in twins)
    code, said = run("settle", "--kind", "duplicate-track", "--reason", "the same cell twice")
    assert code == 0
    assert said.count("reject") == len(files)
    after = {one["key"]: one["status"] for one in findings("--all")[1]}
    assert {after[key] for key in twins} == {"settled"}
    assert run("undo")[0] == 0
    assert {one["key"] for one in findings()[1]} >= set(twins)
    code, said = run("settle", twins[0], "--way", 9, "--reason", "r")
    assert code == 0
    assert "1 finding left open, which no decision settles in way 9" in said
