"""From what newcomers have to a config that validates: two commands, and no line of Python."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import trackers
from stores import numbered_pixels, track_table, write_image, write_plate, write_tables

if TYPE_CHECKING:
    from pathlib import Path

tifffile = pytest.importorskip("tifffile")

# The movie of `trackers` has 9 cells in 4 frames, 2 lineages and a division.
PIXELS = numbered_pixels((4, 2, 1, 40, 40))
SAYS = " 15 2 to 8 1 9 2 1 "
SMALL = ("--patch-size", 8, 8)
TABLE = track_table((1, range(2)), (3, range(2, 4), 1), (4, range(2, 4), 1), (2, range(3)))


def plate(folder: Path, *fovs: str, pixel_size_um: float = 1.0, **how: object) -> Path:
    write_plate(
        folder,
        fovs or ("A/1/0",),
        shape=PIXELS.shape,
        pixel_size_um=pixel_size_um,
        **{"channels": ["Phase", "GFP"], **how},
    )
    return folder


def initialised(run_here, store: Path, tracks: Path, well: str = "A/1") -> str:
    """The road of a plate: init with the options that its page names, then what validate says."""
    options = ("--interval", 15, "--condition", f"mock={well}", "--out", "c.yml")
    code, said = run_here("init", store, "--tracks", tracks, *options)
    assert code == 0, said
    code, said = run_here("validate", "c.yml", *SMALL)
    assert code == 0, said
    return said


def test_a_folder_of_tiffs_and_a_csv(run_here, tmp_path):
    movie = tmp_path / "movie"
    movie.mkdir()
    for t, frame in enumerate(PIXELS):
        for name, planes in zip(("Phase", "GFP"), frame, strict=True):
            tifffile.imwrite(movie / f"img_t{t:03d}_{name}.tif", planes[0])
    TABLE.to_csv("tracks.csv", index=False)
    code, said = run_here(
        *("import", "movie", "--tracks", "tracks.csv", "--out", "movie.zarr"),
        *("--interval-minutes", 15),
    )
    assert code == 0
    assert "Next: lineage-triplets validate movie.yml" in said
    code, said = run_here("validate", "movie.yml", *SMALL)
    assert code == 0
    assert f"movie{SAYS}" in said
    assert "slot 0: GFP slot 1: Phase" in said


def test_a_folder_of_the_cell_tracking_challenge(run_here, tmp_path):
    (tmp_path / "set/01").mkdir(parents=True)
    for t, frame in enumerate(PIXELS):
        tifffile.imwrite(tmp_path / f"set/01/t{t:03d}.tif", frame[0, 0])
    trackers.ctc(tmp_path / "set/01_RES")
    code, said = run_here("init", "set", "--tracks", "set")
    assert code == 1
    assert "`lineage-triplets import set --out PLATE.zarr` makes a plate" in said
    code, _ = run_here("import", "set", "--out", "set.zarr", "--interval-minutes", 15)
    assert code == 0
    code, said = run_here("validate", "set.yml", *SMALL)
    assert code == 0
    assert f"set{SAYS}" in said


def test_tiffs_without_a_pixel_size_and_trackmate_s_xml(run_here, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", PIXELS[:, :, 0], metadata={"axes": "TCYX"})
    (tmp_path / "movie.xml").write_text(trackers.trackmate(pixel=0.5), encoding="utf-8")
    command = ("import", "movie.tif", "--tracks", "movie.xml", "--out", "m.zarr")
    command = (*command, "--interval-minutes", 15)
    code, said = run_here(*command)
    assert code == 1
    assert "in micron, and the images say no pixel size" in said
    assert "Give the pixel size (--pixel-size-um); the table was made on images of 0.5,0.5" in said
    assert not (tmp_path / "m.zarr").exists()
    assert run_here(*command, "--pixel-size-um", "0.5,0.5")[0] == 0
    code, said = run_here("validate", "m.yml", *SMALL)
    assert code == 0
    assert f"m{SAYS}" in said


def test_a_folder_without_tables_is_refused_before_a_plate_is_written(run_here, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", PIXELS[:, :, 0], metadata={"axes": "TCYX"})
    (tmp_path / "tables/B/1/0").mkdir(parents=True)
    command = ("import", "movie.tif", "--tracks", "tables", "--interval-minutes", 15)
    code, said = run_here(*command, "--out", "m.zarr")
    assert code == 1
    assert "there is no track table for A/1/0 in this folder" in said
    assert not (tmp_path / "m.zarr").exists()


def test_trackmate_s_xml_and_a_plate(run_here, tmp_path):
    # In micrometres of the image's pixels, which the plate says.
    (tmp_path / "movie.xml").write_text(trackers.trackmate(pixel=0.5), encoding="utf-8")
    store = plate(tmp_path / "p.zarr", pixel_size_um=0.5)
    assert f"p{SAYS}" in initialised(run_here, store, tmp_path / "movie.xml")


def test_trackmate_s_spots_and_edges_and_a_plate(run_here, tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    spots = ["LABEL,ID,TRACK_ID,POSITION_X,POSITION_Y,POSITION_Z,FRAME"]
    spots += ["Label,Spot ID,Track ID,X,Y,Z,Frame"] * 2 + [",,,(micron),(micron),(micron),"]
    spots += [
        f"{cell.name},{trackers.IDS[cell.name]},0,{cell.x * 0.5},{cell.y * 0.5},0,{cell.t}"
        for cell in trackers.MOVIE
    ]
    edges = ["LABEL,TRACK_ID,SPOT_SOURCE_ID,SPOT_TARGET_ID"]
    edges += ["Label,Track ID,Source spot ID,Target spot ID"] * 2 + [",,,"]
    edges += [
        f"{before} -> {after},0,{trackers.IDS[before]},{trackers.IDS[after]}"
        for before, after in sorted(trackers.true_edges())
    ]
    (folder / "movie_spots.csv").write_text("\n".join(spots) + "\n", encoding="utf-8")
    (folder / "movie_edges.csv").write_text("\n".join(edges) + "\n", encoding="utf-8")
    (folder / "README.txt").write_text("Tracks of the movie, exported by hand.\n")
    store = plate(tmp_path / "p.zarr", pixel_size_um=0.5)
    assert f"p{SAYS}" in initialised(run_here, store, folder)


def test_a_geff_and_a_plate(run_here, tmp_path):
    trackers.geff(tmp_path / "tracks.geff")
    store = plate(tmp_path / "p.zarr", version="0.5")
    assert f"p{SAYS}" in initialised(run_here, store, tmp_path / "tracks.geff")


def test_a_geff_for_each_fov_of_a_plate(run_here, tmp_path):
    store = plate(tmp_path / "p.zarr", "A/1/0", "A/1/1")
    table = trackers.geff(tmp_path / "tracks.geff")
    options = ("--interval", 15, "--condition", "mock=A/1")
    code, said = run_here("init", store, "--tracks", table, *options)
    assert code == 1
    assert "Give a folder that has the table of each FOV in {row}/{column}/{fov}/" in said
    for fov in ("A/1/0", "A/1/1"):
        shutil.copytree(table, tmp_path / "tables" / fov / "tracks.geff")
    assert "p 15 2 to 8 2 18 4 2 " in initialised(run_here, store, tmp_path / "tables")


def test_a_single_image_s_table_lies_where_a_plate_s_would(run_here, tmp_path):
    write_image(tmp_path / "image.zarr", shape=PIXELS.shape, channels=["Phase", "GFP"])
    write_tables(tmp_path / "tables", {"0/0/0": TABLE})
    said = initialised(run_here, tmp_path / "image.zarr", tmp_path / "tables", well="0/0")
    assert f"image{SAYS}" in said


def test_two_channels_of_one_name_are_refused_before_anything_is_asked(run_here, tmp_path):
    store = plate(tmp_path / "p.zarr", channels=["GFP", "GFP"])
    write_tables(tmp_path / "tables", {"A/1/0": TABLE})
    code, said = run_here("init", store, "--tracks", "tables")
    assert code == 1
    assert "'GFP' names 2 channels of ['GFP', 'GFP']" in said
    assert "--rechunk --channel NAME --channel NAME" in said
    code, _ = run_here(
        *("import", store, "--rechunk", "--channel", "GFP", "--channel", "RFP"),
        *("--out", "new.zarr"),
    )
    assert code == 0
    assert "slot 0: GFP slot 1: RFP" in initialised(
        run_here, tmp_path / "new.zarr", tmp_path / "tables"
    )


def test_track_numbers_that_the_cell_index_cannot_hold_are_told_early(run_here, tmp_path):
    store = plate(tmp_path / "p.zarr")
    large = TABLE.assign(track_id=TABLE.track_id + 2**31, parent_track_id=-1)
    write_tables(tmp_path / "tables", {"A/1/0": large})
    said = initialised(run_here, store, tmp_path / "tables")
    assert "note [cell-index]" in said
    assert "track_id 2147483649 is beyond 2147483647" in said
    assert "c.yml: usable (1 note)" in said


def test_a_well_that_the_images_do_not_become_is_told_before_they_are_written(run_here, tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", numbered_pixels((4, 8, 8)), photometric="minisblack")
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    given = ("--axes", "TYX", "--interval-minutes", 5, "--tracks", "t.csv")
    code, said = run_here(
        "import", "m.tif", "--out", "p.zarr", *given, "--condition", "mock=A/1,Z/9"
    )
    assert code == 2
    assert "p has no well Z/9; there is: A/1" in said
    assert not (tmp_path / "p.zarr").exists()
