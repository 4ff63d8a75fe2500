"""A review made wholly by commands, then a fresh process that trains on what it exported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lineage_triplets import TripletConfig, load_config, save_config
from lineage_triplets.cli import main
from lineage_triplets.simulate import Faults, SimulatedExperiment, simulate
from real import PLATES, needs_real_plates

HERE = Path(__file__).parent


class Script:
    """Runs commands on one config, as a script on a cluster would."""

    def __init__(self, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.config = config
        self._capsys = capsys

    def __call__(self, command: str, *arguments: object, code: int = 0) -> str:
        with pytest.raises(SystemExit) as stop:
            main([command, str(self.config), *map(str, arguments)])
            raise SystemExit(0)
        captured = self._capsys.readouterr()
        assert (stop.value.code or 0) == code, captured.out + captured.err
        return captured.out

    def findings(self) -> list[dict[str, Any]]:
        """What is found, open or not."""
        with pytest.raises(SystemExit):
            main(["check", str(self.config), "--json", "--all"])
        return json.loads(self._capsys.readouterr().out)["findings"]

    def settle(self, finding: dict[str, Any]) -> None:
        """Do the first thing that settles a finding."""
        for target in finding["settled_by"][0]:
            place = [target["experiment"], target["fov"]]
            because = ["--reason", finding["kind"]]
            match target["level"]:
                case "link" if "daughter" in target:
                    where = ["--daughter", target["daughter"]]
                    self("cut", *place, target["track"], *where, *because)
                case "link":
                    self("cut", *place, target["track"], "--at", target["t"], *because)
                case "frame":
                    self("reject", "frame", *place, target["t"], *because)
                case "track":
                    name = f"{place[0]}_{place[1]}_{target['track']}"
                    self("reject", "track", name, *because)
                case level:
                    self("reject", level, *place, *because)


WITHOUT = ("--without-audit", "nobody looks at the pairs of a test")


def trained(config: Path) -> dict[str, Any]:
    """Train two steps in a fresh process."""
    answer = subprocess.run(
        [sys.executable, HERE / "train_two_steps.py", config],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def write_config(source: Path, target: Path, **settings: Any) -> Path:
    config = load_config(source)
    dataset = config.dataset.model_validate({**config.dataset.model_dump(), **settings})
    save_config(config.model_copy(update={"dataset": dataset}), target)
    return target


@needs_real_plates
@pytest.mark.parametrize(
    ("name", "settings", "rejected"),
    [
        pytest.param(
            "fucci.yml",
            {"yx_patch_size": (96, 96), "tau_range_hours": (0.5, 3.0), "seed": 1},
            "hacat_A/1/0_4",
            marks=pytest.mark.slow,
        ),
        (
            "nuclei.yml",
            {"yx_patch_size": (32, 32), "tau_range_hours": (0.5, 2.0), "seed": 1},
            "hela_A/1/0_861",
        ),
    ],
)
def test_real_plates(name, settings, rejected, tmp_path, capsys):
    script = Script(write_config(PLATES / name, tmp_path / name, **settings), capsys)
    experiments = [one.name for one in load_config(PLATES / name).experiments]
    script("check", "--pixels", code=3)
    script("reject", "lineage", rejected, "--reason", "tracked badly", "--by", "ada")
    for finding in script.findings():
        if finding["severity"] == "error" and finding["status"] == "open":
            script("waive", finding["key"], "--reason", "looked at")
    script("approve", *experiments, "--by", "ada")
    script("audit", "-n", 59, "--folder", tmp_path / "audit", "--by", "bea")
    answers = tmp_path / "audit" / "answers.csv"
    # The tables are true ones: every pair of theirs is right.
    answers.write_text(re.sub(r",$", ",same", answers.read_text(), flags=re.MULTILINE))
    script("audit", "--answers", answers, "--by", "bea")
    script("export", "--to", tmp_path / "out", "--by", "ada")

    run = trained(tmp_path / "out" / "validated.yaml")

    assert len(run["losses"]) == 2
    assert all(0 < loss < 10 for loss in run["losses"])
    assert rejected not in run["lineages"]
    record = load_config(tmp_path / "out" / "validated.yaml").verification
    assert record.counts[experiments[0]]["valid_anchors"] > 0
    assert {one["by"] for one in record.channel_approvals.values()} == {"ada"}
    assert sorted(record.audit) == sorted(experiments)
    for audit in record.audit.values():
        assert audit.bound == pytest.approx(1 - 0.05 ** (1 / 59))
        assert (audit.judged, audit.wrong, list(audit.by)) == (59, 0, ["bea"])


def simulated(root: Path) -> Path:
    """Three experiments in three channel orders, with planted faults."""
    orders = (("Phase", "H2B-GFP"), ("H2B-GFP", "Phase"), ("H2B-GFP", "Phase"))
    experiments = [
        SimulatedExperiment(
            name,
            n_frames=24,
            shape=(224, 224),
            interval_minutes=interval,
            channel_order=order,
            n_cells=12,
        )
        for name, interval, order in zip(
            ("fast", "middle", "slow"), (10, 15, 15), orders, strict=True
        )
    ]
    faults = Faults(
        swapped_channels=("slow",),
        swapped_gain=0.7,
        swapped_offset=40.0,
        identity_swaps=1,
        blank_frames=1,
        repeated_frames=1,
    )
    return simulate(root, experiments, faults=faults, seed=1).config_path


def test_planted_faults(tmp_path, capsys):
    source = simulated(tmp_path / "sample")
    settings = {"yx_patch_size": (64, 64), "tau_range_hours": (0.5, 2.0), "seed": 1}
    script = Script(write_config(source, tmp_path / "experiments.yml", **settings), capsys)
    planted = json.loads((tmp_path / "sample" / "planted.json").read_text())

    script("check", "--pixels", code=1)
    found = script.findings()
    swapped = {one["experiment"] for one in found if one["kind"] == "channel-swapped"}
    assert swapped == {"slow"}
    for one in planted:
        if one["kind"] in {"blank-frame", "repeated-frame"}:
            same = [
                finding
                for finding in found
                if (finding["kind"], finding["experiment"]) == (one["kind"], one["experiment"])
            ]
            assert any(finding["t"] == one["frames"][0] for finding in same)

    script("export", "--to", tmp_path / "out", code=1)
    script("remap", "slow", "0=H2B-GFP", "1=Phase", "--reason", "swapped in the store")
    script("check", "--pixels", code=1)
    for finding in script.findings():
        if finding["status"] == "open" and finding["settled_by"] and finding["severity"] != "note":
            script.settle(finding)
    for finding in script.findings():
        if finding["status"] == "open" and finding["severity"] == "error":
            script("waive", finding["key"], "--reason", "looked at")
    script("approve", "fast", "middle", "slow", "--by", "ada")
    script("seen", "fast", "middle", "slow", "--pairs", 8, "--by", "ada")
    script("export", "--to", tmp_path / "out", *WITHOUT)

    config = load_config(tmp_path / "out" / "validated.yaml")
    assert config.experiments[2].source_channel == ["H2B-GFP", "Phase"]
    assert isinstance(config, TripletConfig)
    run = trained(tmp_path / "out" / "validated.yaml")
    assert len(run["losses"]) == 2
    blank = {
        (one["experiment"], one["fov"], t)
        for one in planted
        if one["kind"] == "blank-frame"
        for t in one["frames"]
    }
    left_out = {(one.experiment, one.fov, t) for one in config.exclude.frames for t in one.frames}
    assert blank <= left_out
