"""Lists end at 20, with how many more there are and the command that prints all of that list."""

from __future__ import annotations

import io
import re
import shlex
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from lineage_triplets import DatasetConfig, TripletConfig, save_config
from lineage_triplets.cli import main
from lineage_triplets.qc import Review
from stores import make_experiment, numbered_pixels, track_table

if TYPE_CHECKING:
    from pathlib import Path

N_FOVS = 26
_MORE = re.compile(
    r"… (?:and )?([\d,]+) (?:more|before)[^`\n]*: `lineage-triplets ([^`]+)` prints all"
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plate of 26 FOVs with 104 links; the cells of 24 are left out."""
    root = tmp_path_factory.mktemp("study")
    table = track_table((1, range(3)), (2, range(3, 5), 1))
    shape = (5, 1, 1, 24, 24)
    experiment = make_experiment(
        root,
        "mouse",
        {f"A/1/{number}": table for number in range(N_FOVS)},
        shape=shape,
        channels=("Phase",),
        pixels=numbered_pixels(shape),
    )
    settings = DatasetConfig(yx_patch_size=(8, 8), tau_range_hours=(0.5, 1.0))
    config = root / "c.yml"
    save_config(TripletConfig(experiments=[experiment], dataset=settings), config)
    with Review.open(config) as review:
        fovs = [f"mouse_A/1/{number}" for number in range(N_FOVS)]
        review.decide("reject", [review.target("lineage", f"{fov}_1") for fov in fovs], "out")
        review.decide("undecided", [review.target("lineage", f"{fov}_1") for fov in fovs[:2]])
    return config


@pytest.fixture
def run(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def call(*arguments: object) -> str:
        with pytest.raises(SystemExit):
            main([str(argument) for argument in arguments])
            raise SystemExit(0)
        captured = capsys.readouterr()
        return captured.out + captured.err

    return call


def _as_told(said: str, config: Path, *given: str) -> tuple[int, list[str]]:
    """Give how many more there are, and the command that is named, with what was given."""
    (found,) = _MORE.finditer(said)
    named = shlex.split(found[2])
    place = named.index("…") if "…" in named else -1
    words = [str(config) if word == "CONFIG" else word for word in named if word != "…"]
    if place >= 0:
        words[place:place] = [str(config), *given]
    return int(found[1].replace(",", "")), words


@pytest.mark.parametrize(
    ("command", "given", "line"),
    [
        ("links", ("--top", "100%"), r"(?m)^ +\d+ +mouse "),
        ("placement", (), r"(?m)^ *mouse +A/1/"),
        ("history", (), r"(?m)^ *\d+ +20\d\d-"),
        ("export", ("--to", "{}", "--draft"), r"(?m)^  reject lineage mouse_A/1/\d+_1: out"),
    ],
)
def test_of_a_list_20_are_printed_and_the_command_that_is_named_prints_all(
    run, study, tmp_path, command, given, line
):
    given = [word.format(tmp_path / "out") for word in given]
    said = run(command, study, *given)
    n_more, named = _as_told(said, study, *given)
    assert len(re.findall(line, said)) == 20
    whole = run(*named)
    assert len(re.findall(line, whole)) == 20 + n_more
    assert not _MORE.search(whole)


def test_of_links_as_many_are_printed_as_somebody_asks_for(run, study):
    said = run("links", study, "--top", 30)
    assert len(re.findall(r"(?m)^ +\d+ +mouse ", said)) == 30
    assert not _MORE.search(said)


def test_of_a_step_20_decisions_are_said_and_history_has_all(run, study):
    lineages = [f"mouse_A/1/{number}_1" for number in range(N_FOVS)]
    said = run("accept", study, "lineage", *lineages)
    assert said.count("accept lineage mouse_A/1/") == 20
    n_more, named = _as_told(said, study)
    assert (n_more, named[:2]) == (N_FOVS - 20, ["--full", "history"])
    assert run(*named).count("accept lineage mouse_A/1/") == N_FOVS
    run("undo", study)


def test_of_images_20_are_listed_and_a_dry_run_lists_all(run, tmp_path):
    sources = []
    for number in range(23):
        file = tmp_path / f"field_{number:02d}.tif"
        tifffile.imwrite(file, np.zeros((4, 8, 8), "uint16"), photometric="minisblack")
        sources.append(f"A/1/{number}={file}")
    given = ("--out", str(tmp_path / "p.zarr"), "--axes", "TYX", "--interval-minutes", "5")
    said = run("import", *sources, *given)
    assert len(re.findall(r"(?m)^ *A/1/\d", said)) == 20
    (found,) = _MORE.finditer(said)
    assert found[2] == "--full import … --dry-run"
    whole = run("--full", "import", *sources, *given, "--dry-run")
    assert len(re.findall(r"(?m)^ *A/1/\d", whole)) == 20 + int(found[1])
