"""A table of no known tool and a plate: `--columns` or a guess, and a config that validates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
import yaml

from lineage_triplets import MultiExperimentIndex, load_config
from lineage_triplets.qc import Review
from real import PLATES, needs_real_plates
from stores import numbered_pixels, track_table

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.engine.settings.model import TripletConfig

HELA = PLATES / "hela.zarr"
UM = 0.645
NAMES = {"track_id": "cell", "t": "FRAME", "y": "pos_y", "x": "pos_x", "parent_track_id": "mother"}
ANSWERS = ("--interval", 30, "--condition", "mock=A/1", "--out", "c.yml")


def table_of(which: str) -> pd.DataFrame:
    return pd.read_csv(PLATES / f"{which}_tracks" / "A" / "1" / "0" / "tracks.csv")


def anchors(config: TripletConfig) -> set[tuple[int, float, float]]:
    small = config.dataset.model_copy(update={"yx_patch_size": (64, 64)})
    index = MultiExperimentIndex.from_config(config.model_copy(update={"dataset": small}))
    found = index.valid_anchors
    return set(zip(found["t"], found["y"].round(6), found["x"].round(6), strict=True))


def misplaced(config: Path) -> list[str]:
    """What a review of a config finds about where its tables are."""
    with Review.open(config, by="me") as review:
        review.checks.check_placement()
        named = [named.finding for named in review.findings()]
        return [finding.sentence for finding in named if finding.kind == "placement"]


@needs_real_plates
def test_the_same_anchors_as_from_the_table_itself(run_here, tmp_path):
    table = table_of("hela")
    table.to_csv("truth.csv", index=False)
    odd = table.drop(columns=["id", "parent_id", "z"]).rename(columns=NAMES).assign(area=9)
    odd.sample(frac=1, random_state=0).to_csv("odd.csv", sep=";", index=False)
    columns = ",".join(f"{ours}={theirs}" for ours, theirs in NAMES.items())
    code, said = run_here("init", HELA, "--tracks", "odd.csv", "--columns", columns, *ANSWERS)
    assert code == 0, said
    assert "track_id cell " in said
    (entry,) = yaml.safe_load((tmp_path / "c.yml").read_text())["experiments"]
    assert entry["tracks"] == {"columns": NAMES}
    assert "track_transform" not in entry
    code, said = run_here("validate", "c.yml", "--patch-size", 64, 64)
    assert code == 0, said
    assert "usable (nothing to complain about)" in said
    assert "hela columns: {track_id: cell, t: FRAME," in said
    code, said = run_here("init", HELA, "--tracks", "truth.csv", *ANSWERS[:-1], "truth.yml")
    assert code == 0, said
    assert anchors(load_config("c.yml")) == anchors(load_config("truth.yml"))


@needs_real_plates
def test_a_guess_is_shown_and_taken_when_it_is_said_to_be_right(run_here, tmp_path):
    table = table_of("hela")
    odd = table.assign(y=table["y"] * UM, x=table["x"] * UM, t=table["t"] + 1)
    odd = odd.drop(columns=["track_id", "parent_track_id", "z"])
    names = {"t": "Frame", "y": "Center_Y [µm]", "x": "Center_X [µm]", "parent_id": "Mother"}
    odd.rename(columns=names).to_csv("odd.csv", index=False)
    code, said = run_here("init", HELA, "--tracks", "odd.csv", *ANSWERS)
    assert code == 1
    assert not (tmp_path / "c.yml").exists()
    assert "y Center_Y [µm] 68.499" in said
    assert "Parents are cells" in said
    line = "'t=Frame,y=Center_Y [µm],x=Center_X [µm],parent_id=Mother'"
    assert f"--columns {line} --parent node --unit um --first-frame 1" in said
    code, said = run_here("init", HELA, "--tracks", "odd.csv", "--guess", *ANSWERS)
    assert code == 0, said
    guessed = (tmp_path / "c.yml").read_text()
    options = ("--columns", line.strip("'"), "--parent", "node", "--unit", "um")
    code, said = run_here(
        "init", HELA, "--tracks", "odd.csv", *options, "--first-frame", 1, *ANSWERS, "--overwrite"
    )
    assert code == 0, said
    assert (tmp_path / "c.yml").read_text() == guessed
    assert misplaced(tmp_path / "c.yml") == []
    # The unit left out, the check says so.
    (tmp_path / "c.yml").write_text(guessed.replace(", unit: um", ""))
    (found,) = misplaced(tmp_path / "c.yml")
    assert "micrometres" in found


@needs_real_plates
@pytest.mark.parametrize(
    ("options", "said_of_it"),
    [
        (("--columns", "y"), "'y' is not OURS=THEIRS"),
        (("--columns", "y=a,x=a"), "takes 'a' for y and for x"),
        (("--columns", "trak_id=a"), "Did you mean 'track_id'?"),
        (("--parent", "cell"), "'track' or 'node'"),
        (("--tracks-format", "gef"), "Did you mean 'geff'?"),
        (("--unit", "nm"), "'pixel' or 'um'"),
        (("--columns", "y=pos_yy"), "Did you mean 'pos_y'?"),
    ],
)
def test_options_that_cannot_be(run_here, tmp_path, options, said_of_it):
    table_of("hela").rename(columns=NAMES).to_csv("odd.csv", index=False)
    code, said = run_here("init", HELA, "--tracks", "odd.csv", *options, *ANSWERS)
    assert code in {1, 2}
    # Typer frames its messages and breaks their lines.
    assert said_of_it in " ".join(said.replace("│", " ").split())
    assert not (tmp_path / "c.yml").exists()


@needs_real_plates
def test_what_cannot_be_told_is_asked_for(run_here):
    odd = table_of("hela").rename(columns={**NAMES, "y": "a", "x": "b"})
    odd.to_csv("odd.csv", index=False)
    code, said = run_here("init", HELA, "--tracks", "odd.csv", "--guess", *ANSWERS)
    assert code == 1
    assert "x may be a, b" in said
    assert "--columns track_id=cell,t=FRAME,parent_track_id=mother" in said
    assert "--columns x=…,y=…" in said


def test_tiffs_and_an_odd_table_are_one_command(run_here, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    (tmp_path / "movie").mkdir()
    for t, frame in enumerate(numbered_pixels((4, 40, 40))):
        tifffile.imwrite(tmp_path / "movie" / f"img_t{t:03d}.tif", frame)
    table = track_table((1, range(2)), (3, range(2, 4), 1), (4, range(2, 4), 1), (2, range(3)))
    table = table[["track_id", "t", "y", "x", "parent_track_id"]]
    odd = table.assign(y=table["y"] / 2, x=table["x"] / 2).rename(
        columns={**NAMES, "y": "y_um", "x": "x_um"}
    )
    odd.to_csv("odd.csv", index=False)
    asked = ("import", "movie", "--tracks", "odd.csv", "--out", "m.zarr", "--interval-minutes", 15)
    code, said = run_here(*asked)
    assert code == 1
    assert "--guess, or the same: --columns track_id=cell,t=FRAME,y=y_um,x=x_um," in said
    # Micrometres and no size of a pixel: before anything is written.
    code, said = run_here(*asked, "--guess")
    assert code == 1
    assert "[unknown-pixel-size]" in said
    assert not (tmp_path / "m.zarr").exists()
    code, said = run_here(*asked, "--guess", "--pixel-size-um", 0.5)
    assert code == 0, said
    (entry,) = yaml.safe_load((tmp_path / "m.yml").read_text())["experiments"]
    assert entry["track_transform"] == {"unit": "um"}
    code, said = run_here("validate", "m.yml", "--patch-size", 8, 8)
    assert code == 0, said
    assert "m 15 2 to 8 1 9 2 1 " in said
