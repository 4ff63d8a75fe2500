"""Files and folders of trackers that are no table of text, in the layout of tool and version."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from lineage_triplets.engine.errors import StoreError, TrackTableError
from lineage_triplets.engine.tracks.read import (
    digest_table,
    find_track_table,
    read_track_table,
    table_files,
)
from lineages import BRANCHES, MOVIE, PARENTS, assert_is_movie
from trackers import IDS, ctc, geff, masks_of, trackmate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.tracks.read import TrackTable


def faults_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(TrackTableError) as caught:
        read_track_table(path)
    return caught.value.problems


def fault_of(path: Path) -> Problem:
    (problem,) = faults_of(path)
    return problem


def kinds(table: TrackTable) -> dict[str, int]:
    return {problem.kind: problem.count for problem in table.problems}


SPOT = '<Spot ID="{}" FRAME="{}" POSITION_X="1.0" POSITION_Y="{}" POSITION_Z="0" VISIBILITY="{}" />'


class TestTrackMateXml:
    def write(self, folder: Path, content: str, name: str = "movie.xml") -> Path:
        file = folder / name
        file.write_text(content, encoding="utf-8")
        return file

    def test_the_movie_in_micrometres_of_the_file(self, tmp_path):
        file = self.write(tmp_path, trackmate())
        assert find_track_table(tmp_path) == file
        table = read_track_table(file)
        assert_is_movie(table, pixel_um=(2.0, 0.5, 0.5))
        assert table.problems == ()
        assert table.id.tolist() == [IDS[cell.name] for cell in MOVIE]
        assert table.row[0] == 6
        assert table.lengths.pixel_um == (2.0, 0.5, 0.5)

    def test_whatever_its_name_and_packed(self, tmp_path):
        file = tmp_path / "tracks"
        file.write_bytes(gzip.compress(trackmate().encode()))
        assert find_track_table(tmp_path) == file
        assert_is_movie(read_track_table(file), pixel_um=(2.0, 0.5, 0.5))

    def test_what_the_filters_left_out_is_counted(self, tmp_path):
        lone, hidden = SPOT.format(1, 0, 1.0, 1), SPOT.format(2, 0, 2.0, 0)
        filtered = [SPOT.format(3, 0, 3.0, 1), SPOT.format(4, 1, 3.0, 1)]
        track = '<Track TRACK_ID="2"><Edge SPOT_SOURCE_ID="3" SPOT_TARGET_ID="4" /></Track>'
        content = trackmate(spots=[lone, hidden, *filtered], tracks=[track])
        table = read_track_table(self.write(tmp_path, content))
        assert_is_movie(table, pixel_um=(2.0, 0.5, 0.5))
        assert kinds(table) == {"spots-without-track": 4}
        table = read_track_table(self.write(tmp_path, content.replace('<TrackID TRACK_ID="0"', (
            '<TrackID TRACK_ID="2" /><TrackID TRACK_ID="0"'
        ))))  # fmt: skip
        assert kinds(table) == {"spots-without-track": 2}

    def test_ultracks_tracks_are_branches_and_its_spots_come_last(self, tmp_path):
        """ultrack 0.8.0's XML: one Track a branch, edges before the spots, pixels."""
        lines = trackmate(unit="pixels", pixel=1.0, kept=None).splitlines()
        first = next(i for i, line in enumerate(lines) if "<AllSpots" in line)
        middle = next(i for i, line in enumerate(lines) if "<AllTracks" in line)
        last = next(i for i, line in enumerate(lines) if "</Model>" in line)
        turned = [*lines[:first], *lines[middle:last], *lines[first:middle], *lines[last:]]
        table = read_track_table(self.write(tmp_path, "\n".join(turned)))
        assert_is_movie(table)
        assert table.lengths is None

    def test_a_merge_names_both_parents_and_the_line(self, tmp_path):
        file = self.write(tmp_path, trackmate(edges=[("b1", "c3")]))
        fault = fault_of(file)
        assert fault.kind == "merge"
        assert f"{IDS['c3']} (t=3) has two parents" in fault.message
        assert f"{IDS['c2']} (t=2)" in fault.message
        assert f"{IDS['b1']} (t=1)" in fault.message
        assert f'ID="{IDS["c3"]}"' in file.read_text().splitlines()[fault.line - 1]

    def test_a_link_back_in_time_is_an_error(self, tmp_path):
        fault = fault_of(self.write(tmp_path, trackmate(edges=[("b3", "b0")])))
        assert fault.kind == "backward-link"
        assert "(t=3)" in fault.message

    @pytest.mark.parametrize(
        "declared",
        [
            '<!DOCTYPE TrackMate [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>',
            '<!DOCTYPE TrackMate [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE TrackMate SYSTEM "http://localhost/a.dtd">',
        ],
    )
    def test_entities_and_fetched_parts_are_refused(self, tmp_path, declared):
        lines = trackmate().replace('name="a0"', 'name="&b;"').splitlines()
        fault = fault_of(self.write(tmp_path, "\n".join([lines[0], declared, *lines[1:]])))
        assert "document type" in fault.message
        assert fault.line == 2

    def test_a_truncated_file_is_told_with_its_line(self, tmp_path):
        content = trackmate()
        cut = content[: content.index("<AllTracks") + 30]
        fault = fault_of(self.write(tmp_path, cut))
        assert "TrackMate's XML" in fault.message
        assert fault.line == cut.count("\n") + 1
        packed = tmp_path / "movie.xml.gz"
        packed.write_bytes(gzip.compress(content.encode())[:-40])
        assert "gzip stream" in fault_of(packed).message

    def test_a_spot_without_a_frame_is_told_with_its_line(self, tmp_path):
        content = trackmate().replace('FRAME="0"', "", 1)
        fault = fault_of(self.write(tmp_path, content))
        assert "FRAME" in fault.message
        assert fault.line == 6
        bad = trackmate().replace('FRAME="0"', 'FRAME="0.5"', 1)
        assert "0.5" in fault_of(self.write(tmp_path, bad)).message

    def test_another_xml_is_no_table(self, tmp_path):
        self.write(tmp_path, '<?xml version="1.0"?><OME></OME>', "meta.xml")
        assert find_track_table(tmp_path) is None
        assert fault_of(tmp_path / "meta.xml").kind == "not-a-table"


class TestGeff:
    @pytest.mark.parametrize("zarr_format", [2, 3])
    def test_the_movie(self, tmp_path, zarr_format):
        folder = geff(tmp_path / "any name", zarr_format=zarr_format)
        assert find_track_table(folder) == folder
        assert find_track_table(tmp_path) == folder
        table = read_track_table(folder)
        assert_is_movie(table)
        assert table.problems == ()

    def test_one_level_down(self, tmp_path):
        """funtracks 2.2.0 writes FOLDER.zarr/tracks.geff, trackastra 0.5.6 beside its masks."""
        outer = tmp_path / "movie.zarr"
        zarr.open_group(str(outer), mode="w", zarr_format=2)["segmentation"] = np.zeros((2, 2))
        geff(outer / "tracks", extra={"tracklet_id": [40 + BRANCHES[c.branch] for c in MOVIE]})
        assert find_track_table(outer) == outer
        table = read_track_table(outer)
        assert_is_movie(table)
        assert set(table.track_id.tolist()) == {41, 42, 43, 44}
        before = digest_table(outer)
        zarr.open_array(str(outer / "segmentation"), mode="r+")[:] = 1
        assert digest_table(outer) == before
        zarr.open_array(str(outer / "tracks/nodes/props/y/values"), mode="r+")[:] = 1
        assert digest_table(outer) != before

    def test_rejected_candidates_are_left_out_and_counted(self, tmp_path):
        """tracksdata 0.1.0rc12, to_geff of a whole graph: solution=False on nodes and edges."""
        solution = [cell.name != "b3" for cell in MOVIE]
        folder = geff(tmp_path / "full.geff", extra={"solution": solution}, rejected=[("b1", "c3")])
        table = read_track_table(folder)
        assert_is_movie(table, [cell for cell in MOVIE if cell.name != "b3"])
        found = [(p.kind, p.count, p.message.split()[1]) for p in table.problems]
        assert found == [("rejected", 1, "cell"), ("rejected", 1, "link")]

    def test_a_merge_names_both_parents(self, tmp_path):
        fault = fault_of(geff(tmp_path / "merge.geff", edges=[("b1", "c3")]))
        assert fault.kind == "merge"
        assert f"{IDS['b1']} (t=1)" in fault.message
        assert f"{IDS['c2']} (t=2)" in fault.message

    def test_links_back_in_time_are_an_error_and_turned_where_there_is_no_direction(self, tmp_path):
        """geff 1.3's validation and its reader of CTC folders let them pass."""
        fault = fault_of(geff(tmp_path / "back.geff", edges=[("b3", "b0")]))
        assert fault.kind == "backward-link"
        folder = geff(tmp_path / "undirected.geff", directed=False)
        edges = zarr.open_array(str(folder / "edges/ids"), mode="r+")
        edges[:] = edges[:][:, ::-1]
        assert_is_movie(read_track_table(folder))

    def test_frames_and_units_of_what_came_from_trackmate(self, tmp_path):
        """geff 1.3, from TrackMate: time is POSITION_T in min, fillers under `missing`."""
        missing = [cell.name == "b3" for cell in MOVIE]
        folder = geff(
            tmp_path / "trackmate.geff",
            axes=[
                ("POSITION_X", "space", "micron"), ("POSITION_Y", "space", "micron"),
                ("POSITION_T", "time", "min"),
            ][::-1],
            scale=(0.5, 15.0),
            extra={
                "FRAME": [cell.t for cell in MOVIE],
                "TRACK_ID": [0] * len(MOVIE), ("TRACK_ID", "missing"): missing,
                "VISIBILITY": [1] * len(MOVIE),
            },
            rejected=[("b1", "c3")],
        )  # fmt: skip
        table = read_track_table(folder)
        assert_is_movie(
            table, [cell for cell in MOVIE if cell.name != "b3"], pixel_um=(1.0, 0.5, 0.5)
        )
        assert kinds(table) == {"rejected": 1, "spots-without-track": 1}

    def test_positions_that_are_no_axes(self, tmp_path):
        """pycellin 0.5.1, export_GEFF: the axis of time alone, units with the properties."""
        folder = geff(
            tmp_path / "pycellin.geff",
            axes=[("timepoint", "time", "frame"), ("cell_y", "other", None),
                  ("cell_x", "other", None)],
            scale=(0.5, 1.0),
            node_props_metadata={name: {"unit": "micron"} for name in ("cell_x", "cell_y")},
        )  # fmt: skip
        assert_is_movie(read_track_table(folder), pixel_um=(1.0, 0.5, 0.5))

    def test_times_that_are_no_frames_are_an_error(self, tmp_path):
        axes = [("t", "time", "minute"), ("y", "space", None), ("x", "space", None)]
        fault = fault_of(geff(tmp_path / "t.geff", axes=axes, scale=(1.0, 15.0)))
        assert fault.kind == "unknown-frames"
        assert "0, 15, 30, 45 minute" in fault.message

    def test_a_missing_position_is_never_its_filler(self, tmp_path):
        missing = [cell.name == "b3" for cell in MOVIE]
        folder = geff(tmp_path / "m.geff", extra={("y", "missing"): missing})
        table = read_track_table(folder)
        assert kinds(table) == {"coordinates-not-finite": 1}
        assert len(table) == len(MOVIE) - 1

    def told(self, folder: Path, axes: Sequence[tuple[str, str, str]]) -> Path:
        """Name other axes than those that were written."""
        group = zarr.open_group(str(folder), mode="r+")
        named = [{"name": name, "type": kind, "unit": unit} for name, kind, unit in axes]
        group.attrs["geff"] = {**group.attrs["geff"], "axes": named}
        return folder

    def test_of_two_axes_of_time_the_frames_count_if_they_are_told_apart(self, tmp_path):
        """geff 1.3 writes as many axes of time as it is given."""
        hours = {"hours": [0.25 * cell.t for cell in MOVIE]}
        space = [("y", "space", "pixel"), ("x", "space", "pixel")]
        folder = geff(tmp_path / "g.geff", extra=hours)
        clock, frames = ("hours", "time", "hour"), ("t", "time", "frame")
        assert_is_movie(read_track_table(self.told(folder, [clock, frames, *space])))
        fault = fault_of(self.told(folder, [("hours", "time", ""), ("t", "time", ""), *space]))
        assert fault.kind == "unknown-frames"
        assert "hours (no unit), t (no unit)" in fault.message

    def test_without_axes_the_properties_are_listed(self, tmp_path):
        folder = geff(tmp_path / "usual.geff")
        assert_is_movie(read_track_table(self.told(folder, [])))
        odd = [("when", "time", None), ("down", "space", None), ("across", "space", None)]
        fault = fault_of(self.told(geff(tmp_path / "odd.geff", axes=odd), []))
        assert fault.kind == "missing-column"
        assert "across, down, when" in fault.message

    @pytest.mark.parametrize("filler", [0.0, np.nan])
    def test_flat_cells_among_cells_in_space_are_an_error(self, tmp_path, filler):
        flat = [cell.name[0] == "b" for cell in MOVIE]
        z = [filler if no_z else 3.0 for no_z in flat]
        axes = [("t", "time", ""), ("z", "space", ""), ("y", "space", ""), ("x", "space", "")]
        missing = {("z", "missing"): flat} if filler == 0 else {}
        folder = self.told(geff(tmp_path / "g.geff", extra={"z": z, **missing}), axes)
        fault = fault_of(folder)
        assert fault.kind == "mixed-dimensions"
        assert f"{sum(flat)} nodes of {len(MOVIE)} have no z" in fault.message
        zarr.open_array(str(folder / "nodes/props/z/values"), mode="r+")[:] = np.nan
        assert_is_movie(read_track_table(folder))

    def test_arrays_of_unlike_lengths_and_ids_that_are_no_integers_are_told(self, tmp_path):
        short = geff(tmp_path / "short.geff", extra={"z": [0.0, 1.0]})
        axes = [("t", "time", ""), ("z", "space", ""), ("y", "space", ""), ("x", "space", "")]
        assert "their z has the shape (2,)" in fault_of(self.told(short, axes)).message
        folder = geff(tmp_path / "floats.geff")
        group = zarr.open_group(str(folder), mode="r+")
        ids = group["nodes/ids"][:].astype(float)
        del group["nodes/ids"]
        group["nodes/ids"] = ids
        assert "these are float64" in fault_of(folder).message

    def test_an_array_that_is_gone_is_told(self, tmp_path):
        folder = geff(tmp_path / "gone.geff")
        for file in sorted((folder / "nodes/ids").rglob("*"), reverse=True):
            file.unlink()
        fault = fault_of(folder)
        assert "This is a GEFF, and cannot be read" in fault.message

    def test_a_library_that_is_not_installed_names_the_extra(self, tmp_path, monkeypatch):
        folder = geff(tmp_path / "g.geff")
        monkeypatch.setitem(sys.modules, "zarr", None)
        fault = fault_of(folder)
        assert fault.kind == "needs-library"
        assert "lineage-triplets[formats]" in fault.remedy


class TestCtc:
    @pytest.mark.parametrize("name", ["mask{:03d}.tif", "man_track{:04d}.tif", "t{}_c01.TIFF"])
    def test_the_movie(self, tmp_path, name):
        folder = ctc(tmp_path / "01_RES", name=name)
        assert find_track_table(folder) == folder
        assert find_track_table(tmp_path) == folder
        table = read_track_table(folder)
        assert_is_movie(table)
        assert set(table.track_id.tolist()) == {1, 2, 3, 4}
        assert_is_movie(read_track_table(folder / "res_track.txt"))
        assert len(table_files(folder)) == 5

    def test_slices(self, tmp_path):
        table = read_track_table(ctc(tmp_path, n_slices=3))
        assert_is_movie(table)
        assert set(table.z.tolist()) == {1.0}

    def test_frames_are_the_numbers_in_the_names(self, tmp_path):
        """geff 1.3 counts the files instead; here frame 0 has no file."""
        text = "1 5 6 0\n2 5 8 0\n3 7 8 1\n4 7 8 1\n"
        folder = ctc(tmp_path, first=5, text=text)
        table = read_track_table(folder)
        assert table.t.min() == 5
        assert_is_movie(replace(table, t=table.t - 5))
        assert table.problems == ()
        (folder / "mask006.tif").unlink()
        assert sorted(set(read_track_table(folder).t.tolist())) == [5, 7, 8]

    def test_masks_in_one_tiff_and_in_a_zarr(self, tmp_path):
        stack = np.stack(list(masks_of(MOVIE).values()))
        for name in ("tiff", "zarr"):
            folder = ctc(tmp_path / name)
            for file in folder.glob("*.tif"):
                file.unlink()
            if name == "tiff":
                tifffile.imwrite(folder / "labels.tif", stack, photometric="minisblack")
            else:
                zarr.open_array(str(folder / "labels"), mode="w", shape=stack.shape, dtype="u2")[
                    :
                ] = stack
            assert_is_movie(read_track_table(folder))

    def test_a_single_child_continues_its_parent(self, tmp_path):
        """trackastra 0.5.6 and pycellin 0.5.1 write a bridged gap as parent and child."""
        folder = ctc(tmp_path, text="1 0 1 0\n2 0 1 0\n3 2 3 1\n4 2 3 1\n5 3 3 2\n")
        last = tifffile.imread(folder / "mask003.tif")
        tifffile.imwrite(folder / "mask003.tif", np.where(last == 2, 5, last).astype(np.uint16))
        table = read_track_table(folder)
        assert_is_movie(table)
        assert set(table.track_id.tolist()) == {1, 2, 3, 4}

    def test_text_and_masks_that_disagree(self, tmp_path):
        text = "1 0 1 0\n2 0 2 0\n3 2 3 1\n9 0 1 0\n"
        table = read_track_table(ctc(tmp_path, text=text))
        assert kinds(table) == {
            "label-without-track": 2, "track-without-mask": 1, "other-span": 1,
        }  # fmt: skip
        assert "first: 2, 0 to 2 in the text and 0 to 3" in table.problems[2].message
        assert set(table.track_id.tolist()) == {1, 2}

    def test_a_child_that_begins_before_its_parent_ends_is_an_error(self, tmp_path):
        fault = fault_of(ctc(tmp_path, text="1 0 1 0\n2 0 3 1\n3 2 3 1\n4 2 3 1\n"))
        assert fault.kind == "backward-link"
        assert "Track 2 begins at t=0, and its parent 1 ends at t=1" in fault.message

    def test_no_masks_are_asked_for(self, tmp_path):
        """pycellin 0.5.1's CTC export has no masks."""
        file = tmp_path / "res_track.txt"
        file.write_text("1 0 3 0\n2 4 9 1\n3 4 9 1\n", encoding="utf-8")
        fault = fault_of(file)
        assert fault.kind == "needs-part"
        assert "no positions" in fault.message

    def test_frames_without_a_mask_are_told(self, tmp_path):
        folder = ctc(tmp_path)
        (folder / "mask001.tif").unlink()
        found = read_track_table(folder).problems[0]
        assert (found.kind, found.severity, found.count) == ("frame-without-mask", "warning", 1)
        assert found.message.endswith(": 1.")
        (folder / "mask002.tif").unlink()
        assert read_track_table(folder).problems[0].message.endswith(": 1 to 2.")

    def test_a_mask_of_another_size_is_an_error(self, tmp_path):
        folder = ctc(tmp_path)
        tifffile.imwrite(folder / "mask002.tif", np.zeros((20, 30), np.uint16))
        assert "mask002.tif" in fault_of(folder).message
        assert "(20, 30), and mask000.tif (40, 40)" in fault_of(folder).message

    def test_names_without_frames_and_damaged_masks_are_told(self, tmp_path):
        folder = ctc(tmp_path)
        (folder / "mask003.tif").write_bytes(b"II*\0 and no more")
        assert "mask003.tif" in fault_of(folder).message
        (folder / "mask003.tif").rename(folder / "last.tif")
        assert fault_of(folder).kind == "unknown-frames"


class TestBtrackHdf5:
    def write(self, file: Path) -> Path:
        """btrack 0.7.0: coords t, x, y, z, state; tracks point to them, below 0 to dummies."""
        shuffled = list(reversed(MOVIE))
        place = {cell.name: number for number, cell in enumerate(shuffled)}
        pointers, spans, lbep = [], [], []
        for branch, number in BRANCHES.items():
            own = [place[cell.name] for cell in MOVIE if cell.branch == branch]
            own = [*own[:2], -1, own[2]] if branch == "b" else own
            spans.append([len(pointers), len(pointers) + len(own)])
            lbep.append([number, 0, 0, PARENTS[branch] or number, number, 0])
            pointers += own
        with h5py.File(file, "w") as h5:
            coords = [[cell.t, cell.x, cell.y, 0, 0] for cell in shuffled]
            h5["objects/obj_type_1/coords"] = np.array(coords, np.float32)
            tracks = h5.create_group("tracks/obj_type_1")
            tracks["tracks"] = np.array(pointers, np.int32)
            tracks["map"] = np.array(spans, np.uint32)
            tracks["LBEPR"] = np.array(lbep, np.int32)
            tracks["dummies"] = np.array([[2, 24, 22, 0, 1]], np.float32)
        return file

    def test_the_movie(self, tmp_path):
        file = self.write(tmp_path / "tracks.any")
        assert find_track_table(tmp_path) == file
        table = read_track_table(file)
        assert_is_movie(table)
        assert kinds(table) == {"interpolated-rows": 1}

    def test_kinds_of_objects_and_damage_are_told(self, tmp_path):
        file = self.write(tmp_path / "two.h5")
        with h5py.File(file, "a") as h5:
            h5.copy("tracks/obj_type_1", "tracks/obj_type_2")
        assert "obj_type_1, obj_type_2" in fault_of(file).message
        content = self.write(tmp_path / "cut.h5").read_bytes()
        (tmp_path / "cut.h5").write_bytes(content[:2000])
        assert "btrack's HDF5" in fault_of(tmp_path / "cut.h5").message

    def test_another_hdf5_is_passed_over(self, tmp_path):
        with h5py.File(tmp_path / "other.h5", "w") as h5:
            h5["probabilities"] = np.zeros(3)
        assert find_track_table(tmp_path) is None
        assert "an HDF5 without btrack's groups" in fault_of(tmp_path / "other.h5").message
        with h5py.File(tmp_path / "like.h5", "w") as h5:
            h5["objects/cells"], h5["tracks/cells"] = np.zeros(3), np.zeros(3)
        fault = fault_of(tmp_path / "like.h5")
        assert fault.kind == "not-a-table"
        assert "without coords, tracks, map, LBEPR" in fault.message


class TestDeepCell:
    def write(self, file: Path, *, pickled: bool = False, movies: int = 1) -> Path:
        """DeepCell-tracking 0.6's .trk: a tar of lineage.json, raw.npy, tracked.npy."""
        masks = np.stack(list(masks_of(MOVIE).values()))[..., None]
        array = np.array([masks, None], dtype=object) if pickled else masks
        lineage = {
            str(number): {"label": number, "frames": [], "parent": PARENTS[branch] or None}
            for branch, number in BRANCHES.items()
        }
        parts = {"lineage.json": json.dumps([lineage] * movies if movies > 1 else lineage).encode()}
        for name, content in (("raw.npy", np.zeros(3)), ("tracked.npy", array)):
            stream = io.BytesIO()
            np.save(stream, content, allow_pickle=True)
            parts[name] = stream.getvalue()
        with tarfile.open(file, "w:gz") as archive:
            for name, part in parts.items():
                member = tarfile.TarInfo(name)
                member.size = len(part)
                archive.addfile(member, io.BytesIO(part))
        return file

    def test_the_movie(self, tmp_path):
        file = self.write(tmp_path / "movie.trk")
        assert find_track_table(tmp_path) == file
        assert_is_movie(read_track_table(file))

    def test_a_pickle_is_never_loaded(self, tmp_path):
        fault = fault_of(self.write(tmp_path / "movie.trk", pickled=True))
        assert "pickle" in fault.message

    def test_several_movies_are_told(self, tmp_path):
        assert "2 movies" in fault_of(self.write(tmp_path / "m.trks", movies=2)).message


def test_a_folder_of_nothing_known_and_one_that_is_gone(tmp_path):
    (tmp_path / "deep").mkdir()
    assert find_track_table(tmp_path) is None
    assert "folder" in fault_of(tmp_path / "deep").message
    with pytest.raises((StoreError, TrackTableError)):
        read_track_table(tmp_path / "gone.geff")
