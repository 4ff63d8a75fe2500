"""What importing pulls in: no screen ever, torch only with what returns tensors."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest

import lineage_triplets
import lineage_triplets.engine
import lineage_triplets.qc
from stores import track_table

SLOW = {
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "tensorstore",
    "yaml",
    "numcodecs",
    "PIL",
    "jinja2",
}
HEAVY = {"torch", "napari", "magicgui", "qtpy", "superqt", "vispy", "PySide6", "PyQt5", "PyQt6"}


def imported_by(code: str, *arguments: object, among: set[str] = HEAVY) -> set[str]:
    """Which of some packages some code imports in a fresh process."""
    whole = (
        f"import sys\n{textwrap.dedent(code)}\nprint('found', *sorted({among} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", whole, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said, *found = done.stdout.splitlines()[-1].split()
    assert said == "found"
    return set(found)


def test_the_package_and_the_names_without_tensors():
    code = """
        import lineage_triplets, lineage_triplets.engine, lineage_triplets.simulate
        import lineage_triplets.qc
        for name in lineage_triplets.__all__:
            if name != "MultiExperimentTripletDataset":
                getattr(lineage_triplets, name)
        for name in lineage_triplets.engine.__all__:
            if name != "MultiExperimentTripletDataset":
                getattr(lineage_triplets.engine, name)
        for name in lineage_triplets.qc.__all__:
            getattr(lineage_triplets.qc, name)
        dir(lineage_triplets), lineage_triplets.__version__
    """
    assert imported_by(code) == set()


def test_a_review_s_names_are_imported_when_they_are_used():
    code = """
        import lineage_triplets.qc
        assert not {"pandas", "numpy", "pydantic", "PIL"} & set(sys.modules)
    """
    assert imported_by(code) == set()


def test_importing_the_package_waits_for_its_names():
    code = """
        import lineage_triplets, lineage_triplets.engine, lineage_triplets.qc
        dir(lineage_triplets), lineage_triplets.engine.__all__, lineage_triplets.__version__
    """
    assert imported_by(code, among=HEAVY | SLOW) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["reject", "--help"]])
def test_what_the_command_line_can_do_is_said_without_doing_it(arguments):
    code = """
        from lineage_triplets.cli import main
        try:
            main(sys.argv[1:])
        except SystemExit as stopped:
            assert stopped.code == 0
    """
    imported = imported_by(code, *arguments, among=HEAVY | SLOW)
    # Typer itself may read a command's values with pydantic.
    assert imported <= ({"pydantic"} if len(arguments) > 1 else set())


def test_the_dataset_needs_torch_and_no_screen():
    code = "from lineage_triplets import MultiExperimentTripletDataset"
    assert imported_by(code) == {"torch"}


def test_an_index_a_diagnosis_and_a_draw_need_no_torch(make_experiment, tmp_path):
    one: Any = make_experiment("one", {"A/1/0": track_table((1, range(6)))})
    (tmp_path / "one.json").write_text(one.model_dump_json())
    code = """
        from pathlib import Path
        from lineage_triplets import (
            DatasetConfig, ExperimentConfig, MultiExperimentIndex, TripletConfig, diagnose
        )
        from lineage_triplets.engine import PairSource
        from lineage_triplets.engine.dataset.verification import fingerprints
        one = ExperimentConfig.model_validate_json(Path(sys.argv[1]).read_text())
        settings = DatasetConfig(yx_patch_size=(16, 16), missing_chunks="fill")
        config = TripletConfig(experiments=[one], dataset=settings)
        index = MultiExperimentIndex.from_config(config)
        assert diagnose(config).problems == ()
        assert len(index.valid_anchors) == 5
        fingerprints(index)
        source = PairSource(index)
        pairs = source.draw(index.anchor_rows, 0, 0)
        assert source.read(pairs.positive).shape == (5, 2, 1, 16, 16)
    """
    assert imported_by(code, tmp_path / "one.json") == set()


@pytest.mark.parametrize(
    "package", [lineage_triplets, lineage_triplets.engine, lineage_triplets.qc]
)
def test_every_public_name_is_there_and_no_other(package):
    for name in package.__all__:
        assert getattr(package, name).__name__ in (name, "Relation")
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match=r"attribute '?absent\b"):
        package.absent  # noqa: B018
