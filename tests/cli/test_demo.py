"""The demo and the simulate command: the main job from nothing to pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from lineage_triplets import MultiExperimentTripletDataset, simulate
from lineage_triplets.cli import main
from lineage_triplets.plugin.demo.__main__ import run_demo


@pytest.fixture
def small_sample(monkeypatch):
    """The sample with few frames of few cells: the same code, less time."""
    from dataclasses import replace

    from lineage_triplets.simulate import movies

    small = tuple(
        replace(one, n_frames=round(480 / one.interval_minutes), shape=(130, 120), n_cells=4,
                cycle_hours=6)
        for one in simulate.SAMPLE
    )  # fmt: skip
    monkeypatch.setattr(movies, "SAMPLE", small)


@pytest.mark.usefixtures("small_sample")
def test_the_demo_writes_what_it_names(tmp_path):
    said = io.StringIO()
    written = run_demo(tmp_path, Console(file=said, width=200))
    assert "valid anchors" in said.getvalue()
    assert all(path.is_file() for path in written.values())
    pictures = [path for path in written.values() if path.suffix == ".png"]
    assert len(pictures) == 2
    for path in pictures:
        with Image.open(path) as picture:
            assert np.ptp(np.asarray(picture.convert("L"))) > 200
    for what in ("the draft config", "the validated config"):
        dataset = MultiExperimentTripletDataset.from_config(written[what])
        assert dataset[0]["anchor"].shape == (1, 2, 1, 96, 96)
    # What is simulated without faults has no wrong pair.
    for name in ("fast", "reporter", "slow"):
        assert f"{name}: at most 4.96 % of pairs wrong (0 of 59 judged wrong" in said.getvalue()


@pytest.mark.usefixtures("small_sample")
def test_simulate_plants_faults_where_asked(tmp_path, capsys):
    main_code(["simulate", str(tmp_path / "sample"), "--faults"])
    assert "planted faults" in capsys.readouterr().out
    assert (tmp_path / "sample" / "planted.json").stat().st_size > 100
    assert main_code(["simulate", str(tmp_path / "sample")]) == 1
    assert "something already" in " ".join(capsys.readouterr().err.split())


def main_code(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
        raise SystemExit(0)
    return int(stop.value.code or 0)
