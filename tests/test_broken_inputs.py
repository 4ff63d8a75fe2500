"""Inputs broken by hand, which the soak tries too: told in a sentence, or fine where they are."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from benchmarks.trouble.hand import TRIALS
from benchmarks.trouble.samples import CONFIG, write_samples

from lineage_triplets import LineageTripletsError, diagnose
from lineage_triplets.engine.settings.file import read_config
from lineage_triplets.qc.record import DecisionLog
from systems import needs_posix

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.trouble.hand import Trial

pytestmark = needs_posix


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("studies")
    return {sample.name: sample.folder for sample in write_samples(root, other_tables=False)}


def is_told(trial: Trial, folder: Path) -> bool:
    """Whether opening says that something is wrong."""
    if trial.kind == "decisions":
        try:
            for read_only in (True, False):
                decisions = folder / f"{CONFIG}.review.db"
                DecisionLog.open(decisions, experiments=["e"], read_only=read_only).close()
        except LineageTripletsError as error:
            return bool(str(error))
        return False
    config, problems = read_config(folder / CONFIG)
    if config is None:
        return any(problem.message for problem in problems)
    return bool(problems) or any(problem.message for problem in diagnose(config).errors)


@pytest.mark.parametrize("kind", ["metadata", "tables", "YAML", "decisions"])
def test_each_is_told(studies, tmp_path, kind):
    wrong = []
    for trial in TRIALS:
        if trial.kind != kind:
            continue
        folder = tmp_path / "study"
        shutil.copytree(studies[trial.study], folder, symlinks=True)
        trial.spoil(folder)
        if is_told(trial, folder) == trial.works:
            wrong.append(trial.name)
        shutil.rmtree(folder)
    assert wrong == []
