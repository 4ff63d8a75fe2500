"""Paths in a store's metadata stay inside it; links that somebody made there may lead out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates.plate import open_plate
from stores import make_experiment, track_table
from systems import needs_posix

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.engine.plates.plate import Plate


@pytest.fixture
def store(tmp_path) -> Path:
    for name in ("own", "other"):
        make_experiment(tmp_path, name, {"A/1/0": track_table((1, range(3)))})
    return tmp_path / "own.zarr"


def rewrite(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def refuse(plate: Plate, path: str) -> None:
    with pytest.raises(StoreError) as caught:
        plate.first_fov()
    (problem,) = caught.value.problems
    assert problem.kind == "bad-metadata"
    assert f"the path {path!r}, which leads out of it" in problem.message


@pytest.mark.parametrize("way", ["up", "absolute"])
@pytest.mark.parametrize("level", ["well", "field", "array"])
def test_a_path_that_leads_out_is_refused(tmp_path, store, way, level):
    other = tmp_path / "other.zarr" if way == "absolute" else "../other.zarr"
    if level == "well":
        path = f"{other}/A/1" if way == "up" else f"x/../../{tmp_path.name}/other.zarr/A/1"
        rewrite(store / ".zattrs", plate={"wells": [{"path": path}]})
    elif level == "field":
        path = f"../../{other}/A/1/0"
        rewrite(store / "A/1/.zattrs", well={"images": [{"path": path}]})
        path = f"A/1/{path}"
    else:
        path = f"{other}/A/1/0/0" if way == "absolute" else f"../../../{other}/A/1/0/0"
        described = json.loads((store / "A/1/0/.zattrs").read_text())["multiscales"]
        described[0]["datasets"][0]["path"] = path
        rewrite(store / "A/1/0/.zattrs", multiscales=described)
    refuse(open_plate(store), path)


@needs_posix
def test_a_link_that_leads_out_is_followed(tmp_path, store):
    (store / "A/1/0/0").rename(tmp_path / "elsewhere")
    (store / "A/1/0/0").symlink_to(tmp_path / "elsewhere")
    assert open_plate(store).first_fov().shape == (12, 2, 1, 40, 48)
