"""Each command through `main`, on small real stores."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from lineage_triplets import MultiExperimentIndex, load_config, save_config
from lineage_triplets.cli import main
from lineage_triplets.engine import TripletConfig
from stores import numbered_pixels, track_table

if TYPE_CHECKING:
    from pathlib import Path

MOTHER_AND_DAUGHTERS = track_table((1, range(6)), (2, range(6, 12), 1), (3, range(6, 12), 1))
TWO_LINEAGES = track_table((1, range(12)), (4, range(3, 12)))


@pytest.fixture
def config_file(tmp_path: Path, make_experiment) -> Path:
    """Two experiments with the channels in another order, two slots."""
    experiments = [
        make_experiment(
            "early",
            {"A/1/0": MOTHER_AND_DAUGHTERS, "B/2/0": TWO_LINEAGES},
            channels=("Phase", "GFP"),
            source_channel=("Phase", "GFP"),
            pixels=numbered_pixels((12, 2, 1, 40, 48)),
        ),
        make_experiment(
            "late",
            {"A/1/0": MOTHER_AND_DAUGHTERS},
            channels=("GFP", "Phase"),
            source_channel=("Phase", "GFP"),
            pixels=numbered_pixels((12, 2, 1, 40, 48), seed=1),
            version="0.5",
            interval_minutes=15.0,
        ),
    ]
    path = tmp_path / "experiments.yml"
    config = TripletConfig(experiments=experiments)
    small = config.dataset.model_copy(update={"yx_patch_size": (16, 16)})
    save_config(config.model_copy(update={"dataset": small}), path)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code and everything that was printed, on one line."""
    with pytest.raises(SystemExit) as stop:
        main([str(one) for one in arguments])
        raise SystemExit(0)
    captured = capsys.readouterr()
    return int(stop.value.code or 0), " ".join(f"{captured.out} {captured.err}".split())


def test_validate_shows_slots_tau_and_counts(config_file, capsys):
    code, said = run(capsys, "validate", config_file)
    assert code == 0
    assert "early Phase (0) GFP (1)" in said
    assert "late Phase (1) GFP (0)" in said
    assert "early 30 1 to 4 2 39 3 1 " in said
    assert "late 15 2 to 8 1 18 1 1 " in said
    assert "usable" in said


def test_validate_shows_where_tables_are_placed(config_file, capsys):
    assert "track_transform" not in run(capsys, "validate", config_file)[1]
    content = yaml.safe_load(config_file.read_text())
    content["experiments"][1]["track_transform"] = {"offset": [0, 1.5]}
    config_file.write_text(yaml.safe_dump(content))
    said = run(capsys, "validate", config_file)[1]
    assert "where tables are in the images (track_transform)" in said
    assert "late offset: [0, 0, 1.5]" in said


def test_validate_lists_every_problem_and_exits_with_1(config_file, capsys):
    content = yaml.safe_load(config_file.read_text())
    content["experiments"][0]["channel_names"] = ["GFP", "Phase"]
    content["experiments"][1]["tracks_path"] = "nowhere"
    content["dataset"]["z_rnge"] = 1
    config_file.write_text(yaml.safe_dump(content))
    code, said = run(capsys, "validate", config_file)
    assert code == 1
    assert "config ['GFP', 'Phase'], store ['Phase', 'GFP']" in said
    assert "nowhere" in said
    assert "Did you mean 'z_range'?" in said
    assert "3 errors" in said


def test_validate_says_zero_frames(config_file, capsys):
    code, said = run(capsys, "validate", config_file, "--tau-hours", 0.05, 0.1)
    assert code == 1
    assert "no valid anchors" in said


def test_preview_writes_the_picture_it_names(config_file, tmp_path, capsys):
    out = tmp_path / "pairs.png"
    code, said = run(capsys, "preview", config_file, "--out", out, "--pairs", 3)
    assert code == 0
    assert "6 pairs" in said
    with Image.open(out) as picture:
        assert np.ptp(np.asarray(picture.convert("L"))) > 100


def test_preview_across_divisions_refuses_where_there_is_none(config_file, tmp_path, capsys):
    out = tmp_path / "pairs.png"
    options = ("--across-divisions", "--lineage", "early_B/2/0_1")
    code, said = run(capsys, "preview", config_file, "--out", out, *options)
    assert code == 1
    assert "no pair across a division" in said
    assert not out.exists()


def test_preview_names_the_lineages_there_are(config_file, tmp_path, capsys):
    out = tmp_path / "pairs.png"
    code, said = run(capsys, "preview", config_file, "--out", out, "--lineage", "early_9")
    assert code == 1
    assert "early_A/1/0_1" in said
    daughter = ("--lineage", "early_A/1/0_2")
    code, said = run(capsys, "preview", config_file, "--out", out, *daughter)
    assert code == 1
    assert "It is a track of the lineage 'early_A/1/0_1'" in said


@pytest.mark.parametrize(
    ("command", "name"), [("preview", "p.png"), ("draft", "c.yml"), ("index", "i.parquet")]
)
def test_an_output_that_exists_is_not_touched(config_file, tmp_path, capsys, command, name):
    out = tmp_path / name
    out.write_text("mine")
    code, said = run(capsys, command, config_file, "--out", out)
    assert code == 1
    assert "there already" in said
    assert out.read_text() == "mine"
    code, _ = run(capsys, command, config_file, "--out", out, "--overwrite")
    assert code == 0
    assert out.read_bytes() != b"mine"


def test_draft_writes_a_draft_that_loads_to_the_same_anchors(config_file, tmp_path, capsys):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    out = folder / "draft.yml"
    options = ("--relation", "descendant", "--seed", 12)
    code, said = run(capsys, "draft", config_file, "--out", out, *options)
    assert code == 0
    assert "Draft" in said
    assert out.read_text().startswith("# DRAFT")
    draft = load_config(out)
    assert not draft.verification.validated
    assert (draft.dataset.positive_relation, draft.dataset.seed) == ("descendant", 12)
    assert set(draft.verification.fingerprints) == {"early", "late"}
    again = MultiExperimentIndex.from_config(out).valid_anchors
    expected = MultiExperimentIndex.from_config(
        load_config(config_file).model_copy(update={"dataset": draft.dataset})
    ).valid_anchors
    pd.testing.assert_frame_equal(again, expected)


def test_draft_of_a_faulty_config_lists_all_and_writes_nothing(config_file, tmp_path, capsys):
    content = yaml.safe_load(config_file.read_text())
    content["experiments"][0]["interval_minutes"] = 0
    content["experiments"][1]["condition_wells"] = {}
    config_file.write_text(yaml.safe_dump(content))
    out = tmp_path / "draft.yml"
    code, said = run(capsys, "draft", config_file, "--out", out)
    assert code == 1
    assert "interval_minutes" in said
    assert "condition_wells" in said
    assert not out.exists()


def test_index_writes_every_observation(config_file, tmp_path, capsys):
    out = tmp_path / "index.parquet"
    code, said = run(capsys, "index", config_file, "--out", out)
    assert code == 0
    table = pd.read_parquet(out)
    index = MultiExperimentIndex.from_config(config_file)
    assert f"{len(index.tracks)} observations" in said
    pd.testing.assert_frame_equal(table.drop(columns="is_valid_anchor"), index.tracks)
    assert np.flatnonzero(table["is_valid_anchor"]).tolist() == index.anchor_rows.tolist()


def test_init_takes_channels_wells_and_intervals_from_stores_and_options(
    config_file, tmp_path, capsys
):
    out = tmp_path / "new.yml"
    code, said = run(
        capsys,
        *("init", tmp_path / "early.zarr", tmp_path / "late.zarr", "--tracks", tmp_path),
        *("--interval", 30, "--interval", "late=15", "--condition", "control=A/1,B/2"),
        *("--out", out),
    )
    assert code == 0
    assert "12 frames, 2 channels" in said
    early, late = load_config(out).experiments
    assert (early.interval_minutes, late.interval_minutes) == (30.0, 15.0)
    assert early.condition_wells == {"control": ["A/1", "B/2"]}
    assert late.condition_wells == {"control": ["A/1"]}
    assert late.channel_names == ["GFP", "Phase"]
    assert early.source_channel == late.source_channel == ["Phase", "GFP"]
    assert MultiExperimentIndex.from_config(
        load_config(out).model_copy(update={"dataset": load_config(config_file).dataset})
    ).tracks.equals(MultiExperimentIndex.from_config(config_file).tracks)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--condition", "mock=C/9"), "no plate has a well C/9; there is: A/1, B/2"),
        (("--condition", "mock=A/1,Z/9"), "no plate has a well Z/9; there is: A/1, B/2"),
        (("--condition", "late:mock=A/1,B/2"), "late has no well B/2; there is: A/1"),
        (("--condition", "lat:mock=A/1"), "there is no plate 'lat', but early, late"),
        (("--interval", "lat=15"), "there is no plate 'lat', but early, late"),
        (("--interval", "15"), "that of all plates is given twice"),
        (("--interval", "late=15", "--interval", "late=20"), "that of late is given twice"),
        (("--columns", "x=a,y=b", "--columns", "x=c"), "x is 'a' and 'c'"),
        (("--source-channel", "GFP", "--source-channel", "RFP"), "RFP"),
    ],
)
def test_init_drops_nothing_that_an_option_names(
    config_file, tmp_path, capsys, monkeypatch, options, told
):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setenv("COLUMNS", "400")
    out = tmp_path / "new.yml"
    given = ("--tracks", tmp_path, "--interval", 30, "--condition", "control=A/1,B/2", *options)
    code, said = run(capsys, "init", tmp_path / "early.zarr", tmp_path / "late.zarr", *given)
    assert code in {1, 2}
    assert told in said
    assert not out.exists()


def test_init_says_that_the_folder_of_tables_is_not_there(config_file, tmp_path, capsys):
    options = ("--tracks", tmp_path / "nosuch", "--interval", 30, "--out", tmp_path / "new.yml")
    code, said = run(capsys, "init", tmp_path / "early.zarr", *options)
    assert code == 1
    assert "There is no" in said
    assert "name the folder that has the tables" in said


def test_init_without_a_person_names_the_option_that_answers(tmp_path, config_file):
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "lineage_triplets", "init", tmp_path / "early.zarr"),
            *("--tracks", tmp_path, "--out", tmp_path / "new.yml"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert "--interval" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "new.yml").exists()


def test_init_refuses_a_folder_without_tables(tmp_path, config_file, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    code, said = run(
        capsys, "init", tmp_path / "early.zarr", "--tracks", empty, "--interval", 30,
        "--out", tmp_path / "new.yml",
    )  # fmt: skip
    assert code == 1
    assert "no track table" in said


@pytest.mark.parametrize(
    ("name", "content", "said_of_it"),
    [
        ("absent.yml", None, "no such file"),
        ("empty.yml", "", "empty"),
        ("list.yml", "[1, 2]", "a list"),
        ("broken.yml", "experiments: [", "not valid YAML"),
        ("other.yml", "channels: 3\n", "'experiments' is missing"),
    ],
)
def test_what_is_no_config_gives_one_message(tmp_path, capsys, name, content, said_of_it):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    for command in (("validate", path), ("draft", path, "--out", tmp_path / "o.yml")):
        code, said = run(capsys, *command)
        assert code == 1
        assert said_of_it in said
        assert name in said
    assert not (tmp_path / "o.yml").exists()


def test_a_damaged_chunk_gives_a_message_and_no_picture(config_file, tmp_path, capsys):
    for chunk in (tmp_path / "early.zarr/A/1/0/0").rglob("0/0"):
        if chunk.is_file():
            os.truncate(chunk, 3)
    out = tmp_path / "pairs.png"
    code, said = run(capsys, "preview", config_file, "--out", out, "--pairs", 20)
    assert code == 1
    assert "damaged" in said
    assert "early.zarr/A/1/0" in said
    assert not out.exists()
