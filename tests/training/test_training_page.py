"""The page "Train" does what it says: its loop and its YAML, as they stand there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import torch
import yaml

import reviews

PAGE = Path(__file__).parents[2] / "docs" / "training.md"


def block(title: str, language: str) -> str:
    """The first code of a language in a section."""
    _, _, section = PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")
    found = re.search(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert found, title
    return found[1]


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    reviews.write_config(tmp_path, "validated.yaml", seed=None)
    monkeypatch.chdir(tmp_path)


def test_the_loop_is_short_and_runs(in_folder):
    code = block("A loop of your own", "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    seen = []
    exec(compile(code, "training.md", "exec"), {"step": lambda *pair: seen.append(pair)})
    assert len(seen) == 2
    for anchor, positive in seen:
        assert anchor.shape == positive.shape == (64, 2, 1, 16, 16)
        assert abs(float(positive.mean())) < 1e-5
    assert not torch.equal(seen[0][1], seen[1][1])


def test_the_yaml_makes_a_data_module(in_folder):
    """As Lightning's command line does, which needs a package that is not of this project."""
    pytest.importorskip("lightning")
    data = yaml.safe_load(block("Lightning", "yaml"))["data"]
    module, _, name = data["class_path"].rpartition(".")
    made = getattr(importlib.import_module(module), name)(**data["init_args"])
    batch = next(iter(made.train_dataloader()))
    assert batch["anchor"].shape == (64, 2, 1, 32, 32)
    assert made.transform(batch)["anchor"].shape == (64, 2, 1, 16, 16)
    assert set(made.classes) == set(batch["labels"]) == {"condition"}
