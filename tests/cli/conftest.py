"""What tests of commands share."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from lineage_triplets.cli import main
from lineage_triplets.qc.find import placement
from looks import look_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def run_here(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[int, str]]:
    """Run a command in the test's folder, with nobody to ask; gives exit code and output."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    # Wide enough that no table folds a name.
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: Any) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
            raise SystemExit(0)
        captured = capsys.readouterr()
        return int(stop.value.code or 0), " ".join(f"{captured.out} {captured.err}".split())

    return call


@pytest.fixture(autouse=True)
def looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge the same images and tracks once, however many tests open them."""
    monkeypatch.setattr(placement.run, "look_at_fov", look_once)
