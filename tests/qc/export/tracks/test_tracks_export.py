"""Mended tracks as other tools' files, read again: the same cells, lineages and divisions."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import tifffile

from lineage_triplets import TrackTransform
from lineage_triplets.cli import main
from lineage_triplets.engine.errors import ConfigError, OutputError, OutputExistsError
from lineage_triplets.engine.tracks.read import find_track_table, read_track_table
from lineage_triplets.qc import Review, write_tracks
from lineage_triplets.qc.export.tracks.write import TRACKS_FORMATS
from lineage_triplets.qc.record.decision import Target
from masks import discs, write_tiffs
from reviews import family, save, single
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lineage_triplets.engine.tracks.read import TrackTable

FOV = ("one", "A/1/0")
SHAPE = (14, 1, 1, 48, 64)
Place = tuple[int, float, float]
POINTS = [name for name in TRACKS_FORMATS if name != "ctc"]
LINKED = [name for name in POINTS if name != "csv"]


def cells() -> pd.DataFrame:
    """A family of 1, 2 and 3; 21 and 22; 31 to t = 5, which 32 goes on from t = 7."""
    broken = single(31, 40, 20)
    broken = broken[broken["t"] != 6]
    broken = broken.assign(track_id=broken["track_id"].mask(broken["t"] > 6, 32))
    return pd.concat([family(1, 12, 14), single(21, 24, 50), single(22, 30, 50), broken])


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tracks")
    fovs = {"A/1/0": cells(), "B/1/0": cells()}
    pixels = numbered_pixels(SHAPE)
    listed = [make_experiment(root, "one", fovs, channels=["Phase"], pixels=pixels)]
    return save(root / "c.yml", listed)


@pytest.fixture
def review(config: Path, tmp_path: Path) -> Iterator[Review]:
    with Review.open(config, by="ada", decisions=tmp_path / "d.db") as opened:
        yield opened


def at(row: pd.Series) -> Place:
    return int(row["t"]), round(float(row["y"]), 9), round(float(row["x"]), 9)


def links_of(table: pd.DataFrame) -> set[tuple[Place, Place]]:
    """Which cell follows which, by where they are."""
    tracks = {track: rows.sort_values("t") for track, rows in table.groupby("track_id")}
    links = set()
    for rows in tracks.values():
        places = [at(row) for _, row in rows.iterrows()]
        mother = tracks.get(rows["parent_track_id"].iloc[0])
        if mother is not None:
            before = mother[mother["t"] < places[0][0]]
            links.add((at(before.iloc[-1]), places[0]))
        links |= set(pairwise(places))
    return links


def frame_of(table: TrackTable) -> pd.DataFrame:
    names = ("track_id", "t", "parent_track_id", "y", "x")
    return pd.DataFrame({name: getattr(table, name) for name in names})


def read_again(folder: Path, fov: str = "A/1/0") -> pd.DataFrame:
    """The table that is where a config would look for it."""
    path = find_track_table(folder / "one" / fov)
    assert path is not None
    return frame_of(read_track_table(path))


def place(track: int, t: int) -> Place:
    table = cells()
    return at(table[(table["track_id"] == track) & (table["t"] == t)].iloc[0])


def mend(review: Review) -> set[tuple[Place, Place]]:
    """Cut 21 at t = 7 and daughter 3, join 31 and 32; gives the links that are right then."""
    review.cut(Target("link", *FOV, track="21", t=7), "wrong")
    review.cut(Target("link", *FOV, track="1", daughter=3), "wrong")
    review.link(Target("join", *FOV, track="31", t=5, daughter=32, to_t=7), "one cell")
    right = links_of(cells())
    right -= {(place(21, 6), place(21, 7)), (place(1, 5), place(3, 6))}
    return right | {(place(31, 5), place(32, 7))}


@pytest.mark.parametrize("name", POINTS)
def test_cuts_and_links_are_read_again_as_they_were_decided(review, tmp_path, name):
    right = mend(review)
    write_tracks(review, tmp_path / "out", name)
    again = read_again(tmp_path / "out")
    assert links_of(again) == right
    other = read_again(tmp_path / "out", "B/1/0")
    assert links_of(other) == links_of(cells())
    assert len(other) == len(cells())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LINKED)
def test_geff_reads_what_was_decided(review, tmp_path, name):
    """geff 1.3: its reader of GEFF, which validates it, and its converter of TrackMate's XML."""
    geff = pytest.importorskip("geff")
    right = mend(review)
    path = write_tracks(review, tmp_path / "out", name).files[0]
    columns = ("t", "y", "x")
    if name == "trackmate":
        columns = ("FRAME", "POSITION_Y", "POSITION_X")
        convert = pytest.importorskip("geff.convert")
        convert.from_trackmate_xml_to_geff(path, tmp_path / "theirs.geff")
        path = tmp_path / "theirs.geff"
    geff.validate_structure(path)
    graph, _ = geff.read(path, backend="networkx")
    places = {
        cell: at(pd.Series([values[column] for column in columns], ["t", "y", "x"]))
        for cell, values in graph.nodes.items()
    }
    assert {(places[before], places[after]) for before, after in graph.edges} == right


def test_a_track_keeps_its_id_where_it_is_what_it_was(review, tmp_path):
    mend(review)
    written = write_tracks(review, tmp_path / "out", "csv")
    table = pd.read_csv(written.files[0])
    assert set(table["track_id"]) == {1, 2, 3, 22, 33, 34, 35}
    assert table.loc[table["track_id"] == 2, "parent_track_id"].unique().tolist() == [1]
    assert table.loc[table["track_id"] == 3, "parent_track_id"].unique().tolist() == [-1]
    assert table["id"].is_unique
    steps = table.set_index("id")
    sister = steps[(steps["track_id"] == 2) & (steps["t"] == 6)].iloc[0]
    assert steps.loc[sister["parent_id"], ["track_id", "t"]].tolist() == [1, 5]
    origin = pd.read_csv(written.origin)
    of_fov = origin[origin["fov_name"] == "A/1/0"]
    pieces = of_fov[["track_id", "first_t", "last_t", "new_track_id"]].to_numpy().tolist()
    assert pieces == [
        [1, 0, 5, 1], [2, 6, 13, 2], [3, 6, 13, 3], [21, 0, 6, 33], [21, 7, 13, 34],
        [22, 0, 13, 22], [31, 0, 5, 35], [32, 7, 13, 35],
    ]  # fmt: skip
    assert (written.n_tracks, written.n_new_ids) == (14, 3)


@pytest.mark.parametrize("name", POINTS)
def test_what_is_rejected_is_left_out_and_counted(review, tmp_path, name):
    review.reject(Target("track", *FOV, track="1"), "wrong")
    review.reject(Target("observation", *FOV, track="22", t=4), "wrong")
    review.reject(Target("fov", "one", "B/1/0"), "wrong")
    written = write_tracks(review, tmp_path / "out", name)
    assert [path.parent.name for path in written.files] == ["0"]
    again = read_again(tmp_path / "out")
    left = [place(1, t) for t in range(6)] + [place(22, 4)]
    expected = {link for link in links_of(cells()) if not set(link) & set(left)}
    assert links_of(again) == expected | {(place(22, 3), place(22, 5))}
    said = " ".join(written.notes)
    assert f"{7 + len(cells())} cells of" in said
    assert "left out" in said
    assert "No file of 1 rejected FOV: one B/1/0" in said
    assert "2 tracks without an earlier cell of the mother" in said
    origin = pd.read_csv(written.origin).set_index(["fov_name", "track_id"])
    assert origin.loc[("A/1/0", 22), "cells_written"] == 13
    assert pd.isna(origin.loc[("A/1/0", 1), "new_track_id"])


def test_what_is_rejected_can_be_kept(review, tmp_path):
    review.reject(Target("track", *FOV, track="1"), "wrong")
    review.reject(Target("fov", "one", "B/1/0"), "wrong")
    written = write_tracks(review, tmp_path / "out", "csv", keep_rejected=True)
    assert len(written.files) == 2
    assert links_of(read_again(tmp_path / "out")) == links_of(cells())
    assert "kept" in " ".join(written.notes)


@pytest.mark.parametrize("name", LINKED)
def test_a_mother_who_goes_on_beside_her_daughter_is_told(tmp_path, name):
    table = family(1, 12, 14)
    late = table.copy()
    late.loc[late["track_id"] == 1, "parent_track_id"] = -1
    extra = pd.DataFrame([(1, 6, -1, 12.0, 20.0, 0.0)], columns=table.columns)
    experiment = make_experiment(
        tmp_path, "one", {"A/1/0": pd.concat([late, extra])}, channels=["Phase"],
        pixels=numbered_pixels(SHAPE),
    )  # fmt: skip
    with Review.open(save(tmp_path / "c.yml", [experiment]), by="ada") as review:
        written = write_tracks(review, tmp_path / "out", name)
    assert "2 tracks beginning before the mother ends" in " ".join(written.notes)
    again = read_again(tmp_path / "out")
    places = {at(row) for _, row in again.iterrows()}
    assert len(again) == len(places) == len(table) + 1
    mother = again[again["t"] == 5]["track_id"].item()
    assert (again.loc[again["t"] == 6, "parent_track_id"] == mother).all()


def test_frames_and_places_are_those_of_the_image(tmp_path):
    table = pd.concat([cells(), single(41, 47, 20).assign(y=60.0)])
    written_as = table.assign(t=table["t"] + 1, y=table["y"] / 2, x=table["x"] / 2)
    experiment = make_experiment(
        tmp_path, "one", {"A/1/0": written_as}, channels=["Phase"], pixels=numbered_pixels(SHAPE),
        config={"track_transform": {"first_frame": 1, "scale": [1, 2, 2]}},
    )  # fmt: skip
    with Review.open(save(tmp_path / "c.yml", [experiment]), by="ada") as review:
        written = write_tracks(review, tmp_path / "out", "csv")
        # The transform is that of the review's own tables, and not of what it wrote.
        for folder in (tmp_path / "out", tmp_path / "out/one"):
            (agreement,) = review.against(folder).agreements
            assert agreement.agreed == agreement.links == agreement.other_links > 0
    assert links_of(read_again(tmp_path / "out")) == links_of(cells())
    assert "14 of its rows have their centre outside the image" in " ".join(written.notes)


def test_cells_without_a_link_are_in_no_track_of_trackmate(review, tmp_path):
    review.cut(Target("link", *FOV, track="22", t=1), "wrong")
    written = write_tracks(review, tmp_path / "out", "trackmate")
    assert "1 cell without a link" in " ".join(written.notes)
    assert f'<AllSpots nspots="{len(cells())}">' in written.files[0].read_text(encoding="utf-8")
    assert len(read_again(tmp_path / "out")) == len(cells()) - 1


def write_masks(folder: Path) -> None:
    """Write 1, which divides into 2 and 3; 7, which is not seen at t = 3; 300."""
    spans = {1: (12, range(3)), 2: (8, range(3, 6)), 3: (16, range(3, 6))}
    spans |= {7: (30, (0, 1, 2, 4, 5)), 300: (40, range(6))}
    for t in range(6):
        mask = np.zeros((48, 64), np.uint16)
        for label, (y, frames) in spans.items():
            if t in frames:
                mask[y : y + 3, 10 + t : 14 + t] = label
        tifffile.imwrite(folder / f"mask{t:03d}.tif", mask, photometric="minisblack")
    lines = [(1, 0, 2, 0), (2, 3, 5, 1), (3, 3, 5, 1), (7, 0, 5, 0), (300, 0, 5, 0)]
    text = "".join(f"{' '.join(map(str, line))}\n" for line in lines)
    (folder / "res_track.txt").write_text(text)


def test_masks_get_the_labels_of_the_mended_tracks(tmp_path):
    fovs = {"A/1/0": cells()}
    pixels = numbered_pixels(SHAPE)
    experiment = make_experiment(tmp_path, "one", fovs, channels=["Phase"], pixels=pixels)
    folder = next((tmp_path / "one_tracks").rglob("*.csv")).parent
    next(folder.iterdir()).unlink()
    write_masks(folder)
    before = frame_of(read_track_table(folder))
    where = {(int(row["track_id"]), int(row["t"])): at(row) for _, row in before.iterrows()}
    with Review.open(save(tmp_path / "c.yml", [experiment]), by="ada") as review:
        review.cut(Target("link", *FOV, track="1", daughter=3), "wrong")
        review.link(Target("join", *FOV, track="7", t=2, daughter=3, to_t=3), "her")
        review.reject(Target("observation", *FOV, track="300", t=4), "blurred")
        written = write_tracks(review, tmp_path / "out", "ctc")
        review.place("one", TrackTransform(swap_xy=True), "turned")
        with pytest.raises(ConfigError, match="not in the pixels of the image"):
            write_tracks(review, tmp_path / "again", "ctc")
    right = links_of(before) - {(where[1, 2], where[3, 3])} | {(where[7, 2], where[3, 3])}
    right -= {(where[300, 3], where[300, 4]), (where[300, 4], where[300, 5])}
    again = read_again(tmp_path / "out")
    assert links_of(again) == right | {(where[300, 3], where[300, 5])}
    lines = [[int(n) for n in line.split()] for line in written.files[0].read_text().splitlines()]
    labels = {label: (begin, end, parent) for label, begin, end, parent in lines}
    assert labels[1] == (0, 5, 0)
    assert labels[300] == (0, 3, 0)
    assert (5, 5, 300) in labels.values()
    for t in range(6):
        mask = tifffile.imread(written.files[0].with_name(f"man_track{t:03d}.tif"))
        alive = {label for label, (begin, end, _) in labels.items() if begin <= t <= end}
        assert set(np.unique(mask).tolist()) == alive | {0}


def test_masks_that_are_beside_the_table_are_written_with_its_tracks(tmp_path):
    config = {"labels_path": str(tmp_path / "masks")}
    pixels = numbered_pixels(SHAPE)
    experiment = make_experiment(
        tmp_path, "one", {"A/1/0": cells()}, channels=["Phase"], pixels=pixels, config=config
    )
    labels = discs(cells(), SHAPE, radius=1) * 1000
    write_tiffs(tmp_path / "masks" / "A/1/0", labels)
    with Review.open(save(tmp_path / "c.yml", [experiment]), by="ada") as review:
        written = write_tracks(review, tmp_path / "out", "ctc")
        for t in range(SHAPE[0]):
            mask = tifffile.imread(written.files[0].with_name(f"man_track{t:03d}.tif"))
            assert np.array_equal(mask > 0, labels[t] > 0)
        (tmp_path / "masks/A/1/0/mask002.tif").unlink()
        n_cells = int((cells().t == 2).sum())
        with pytest.raises(ConfigError, match=rf"{n_cells} cells of \d+ lie in no mask"):
            write_tracks(review, tmp_path / "again", "ctc")
    assert len(links_of(read_again(tmp_path / "out"))) == len(links_of(cells()))


def test_tables_without_masks_are_refused_for_the_cell_tracking_challenge(review, tmp_path):
    with pytest.raises(ConfigError, match="positions in masks alone") as refused:
        write_tracks(review, tmp_path / "out", "ctc")
    assert [problem.fov for problem in refused.value.problems] == ["A/1/0", "B/1/0"]
    assert not (tmp_path / "out").exists()


def test_nothing_is_replaced_or_left_half_written(review, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputExistsError, match="there already"):
        write_tracks(review, tmp_path / "out", "csv")
    with pytest.raises(OutputError, match="No such file"):
        write_tracks(review, tmp_path / "absent" / "out", "csv")
    with pytest.raises(ConfigError, match="csv"):
        write_tracks(review, tmp_path / "new", "xlsx")
    before = set(tmp_path.iterdir())

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(OutputError, match="No space left"):
        write_tracks(review, tmp_path / "new", "geff")
    assert set(tmp_path.iterdir()) == before


def test_the_command_says_what_it_wrote(review, config, tmp_path, capsys):
    review.cut(Target("link", *FOV, track="21", t=7), "wrong")
    review.reject(Target("track", *FOV, track="22"), "wrong")
    review.close()
    chosen = ["--decisions", str(tmp_path / "d.db"), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as stop:
        main(["tracks", str(config), "--format", "geff", *chosen])
        raise SystemExit(0)
    said = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0
    assert "14 cells of 1 track that somebody rejected: left out." in said
    assert "of 14 tracks (2 with a new id) into 2 tables" in said
    assert (tmp_path / "out" / "track_ids.csv").is_file()
    with pytest.raises(SystemExit) as stop:
        main(["tracks", str(config), *chosen])
    assert stop.value.code == 1
