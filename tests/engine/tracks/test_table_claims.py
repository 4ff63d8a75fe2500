"""Arrays of tables that claim more than memory holds are refused before they are read."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.plates import limits
from lineage_triplets.engine.tracks.read import read_track_table
from trackers import MOVIE, ctc, geff, masks_of

if TYPE_CHECKING:
    from pathlib import Path

h5py = pytest.importorskip("h5py")
tifffile = pytest.importorskip("tifffile")
zarr = pytest.importorskip("zarr")


def write_geff(folder: Path, name: str, n_rows: int) -> Path:
    """A GEFF one of whose arrays says that it has more rows, in larger chunks, than it has."""
    table = geff(folder / "a.geff")
    file = table / name / ".zarray"
    content = json.loads(file.read_text())
    shape = [n_rows, *content["shape"][1:]]
    file.write_text(json.dumps({**content, "shape": shape, "chunks": shape}))
    return table


def write_hdf5(folder: Path, n_rows: int) -> Path:
    """What btrack writes, without any row, of so many."""
    with h5py.File(folder / "a.h5", "w") as file:
        for name, width in (("coords", 5), ("labels", 6)):
            path = f"objects/obj_type_1/{name}"
            file.create_dataset(path, (n_rows, width), "f4", chunks=True)
        for name, shape in (("tracks", (1,)), ("map", (1, 2)), ("LBEPR", (1, 6))):
            file.create_dataset(f"tracks/obj_type_1/{name}", shape, "i4")
    return folder / "a.h5"


def write_masks(folder: Path, n_rows: int) -> Path:
    """Masks of a Cell Tracking Challenge table as a zarr array without pixels."""
    table = ctc(folder / "masks")
    for file in table.glob("*.tif"):
        file.unlink()
    shape = (4, n_rows, 40)
    zarr.create_array(str(table / "masks.zarr"), shape=shape, chunks=(1, 40, 40), dtype="u2")
    return table


def write_tiff_masks(folder: Path, n_rows: int) -> Path:
    """The same with a TIFF a frame, the last of which has so many rows."""
    table = ctc(folder / "masks")
    last = max(table.glob("*.tif"))
    tifffile.imwrite(last, np.zeros((n_rows, 40), "uint16"), compression="zlib")
    return table


def write_trk(folder: Path, n_bytes: int) -> Path:
    """A DeepCell file whose masks have so many bytes."""
    with tarfile.open(folder / "a.trk", "w") as archive:
        for name, content in (("lineage.json", b"{}"), ("tracked.npy", bytes(n_bytes))):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder / "a.trk"


WRITE = {
    "geff ids": lambda folder: write_geff(folder, "nodes/ids", 10_000),
    "geff edges": lambda folder: write_geff(folder, "edges/ids", 10_000),
    "geff values": lambda folder: write_geff(folder, "nodes/props/t/values", 10_000),
    "btrack": lambda folder: write_hdf5(folder, 10_000),
    "masks": lambda folder: write_masks(folder, 1_000),
    "a frame of masks": lambda folder: write_tiff_masks(folder, 1_000),
    "deepcell": lambda folder: write_trk(folder, 40_001),
}


@pytest.mark.parametrize("name", WRITE)
def test_what_claims_more_than_memory_holds_is_refused(tmp_path, monkeypatch, name):
    table = WRITE[name](tmp_path)
    monkeypatch.setattr(limits, "UNASKED_BYTES", 1000)
    monkeypatch.setattr(limits, "memory_bytes", lambda: 160_000)
    with pytest.raises(TrackTableError, match="more than memory holds") as caught:
        read_track_table(table)
    assert str(tmp_path) in caught.value.problems[0].file


def test_what_does_not_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "UNASKED_BYTES", 1000)
    monkeypatch.setattr(limits, "memory_bytes", lambda: 160_000)
    assert len(read_track_table(geff(tmp_path / "a.geff")).t) == len(MOVIE)
    masks = np.stack(list(masks_of(MOVIE).values()))
    table = write_masks(tmp_path, 40)
    zarr.open_array(str(table / "masks.zarr"), mode="r+")[...] = masks
    assert len(read_track_table(table).t) == len(MOVIE)


def test_an_end_of_memory_is_a_sentence(tmp_path, monkeypatch):
    def no_room(*_: object, **__: object) -> None:
        raise MemoryError

    table = geff(tmp_path / "a.geff")
    monkeypatch.setattr(zarr, "open_group", no_room)
    with pytest.raises(TrackTableError, match="more than memory does"):
        read_track_table(table)
