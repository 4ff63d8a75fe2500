"""Patches are exactly what the stores hold, for every store people write; damage is said."""

from __future__ import annotations

import json
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage_triplets import ExperimentConfig, ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.engine import PairSource
from lineage_triplets.engine.errors import ChunkError, ConfigError, StoreError
from lineage_triplets.engine.plates.plate import open_plate
from programs import run
from real import DATA
from stores import make_experiment as write_experiment
from stores import numbered_pixels, source_of
from systems import needs_root

WRITTEN = DATA / "foreign" / "written"


def table_at(*cells: tuple[float, ...]) -> pd.DataFrame:
    """One track of one frame a cell, given as (t, y, x) or (t, y, x, z)."""
    rows = [
        (number, int(t), -1, *(z or (0.0,)), y, x)
        for number, (t, y, x, *z) in enumerate(cells, start=1)
    ]
    return pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id", "z", "y", "x"])


def index_of(*experiments: ExperimentConfig, **arguments: Any) -> MultiExperimentIndex:
    settings = {"z_range": 1, "yx_patch_size": (16, 16), **arguments}
    return MultiExperimentIndex(ExperimentRegistry(experiments), **settings)


def read_all(index: MultiExperimentIndex, **options: Any) -> np.ndarray:
    return source_of(index, **options).read(np.arange(len(index)))


def expected_patch(
    pixels: np.ndarray,
    channels: list[int],
    t: int,
    z: slice,
    yx: tuple[float, float],
    size: tuple[int, int],
    border: str = "clamp",
) -> np.ndarray:
    """The patch as the manual says it; `pixels` are (T, C, Z, Y, X)."""
    margin = max(size)
    padded = np.pad(pixels, [(0, 0)] * 3 + [(margin, margin)] * 2)
    first = []
    for centre, n, extent in zip(yx, size, pixels.shape[3:], strict=True):
        clamped = min(max(centre, n // 2), extent - n + n // 2) if border == "clamp" else centre
        first.append(int(np.floor(clamped)) - n // 2 + margin)
    y, x = (slice(start, start + n) for start, n in zip(first, size, strict=True))
    return padded[t][channels][:, z, y, x]


def check(
    index: MultiExperimentIndex,
    pixels: dict[str, np.ndarray],
    channels: dict[str, list[int]],
    z_of: Any = None,
    **options: Any,
) -> None:
    """Compare every row of an index with the plain reference, by experiment."""
    patches, border = read_all(index, **options), index.settings.border
    assert len(index) > 0
    for patch, row in zip(patches, index.tracks.itertuples(), strict=True):
        wanted = expected_patch(
            pixels[row.experiment],
            channels[row.experiment],
            row.t,
            z_of(row) if z_of else slice(0, 1),
            (row.y, row.x),
            index.settings.yx_patch_size,
            border,
        )
        assert patch.shape == wanted.shape
        np.testing.assert_array_equal(patch, wanted.astype(patch.dtype))


EVERYWHERE = [
    (t % 4, y, x)
    for t, (y, x) in enumerate(
        [(0, 0), (0.9, 47.9), (39.9, 0), (39.5, 47.5), (20, 24), (20.99, 24.5), (7, 8), (8, 7.999),
         (31, 40), (32, 39.01), (19.5, 3.2), (1e-9, 30)]
    )
]  # fmt: skip


class TestWindows:
    @pytest.mark.parametrize(
        "size", [(16, 16), (15, 15), (1, 1), (2, 3), (7, 20), (40, 48), (39, 47), (40, 1)], ids=str
    )
    @pytest.mark.parametrize("border", ["clamp", "pad"])
    def test_every_size_at_every_place(self, make_experiment, size, border):
        pixels = numbered_pixels((4, 2, 1, 40, 48))
        one = make_experiment("one", {"A/1/0": table_at(*EVERYWHERE)}, pixels=pixels)
        index = index_of(one, yx_patch_size=size, border=border)
        assert len(index) == len(EVERYWHERE)
        check(index, {"one": pixels}, {"one": [0, 1]})

    @pytest.mark.parametrize("size", [(16, 16), (15, 17), (7, 20)], ids=str)
    def test_cells_near_the_border_are_excluded_and_counted(self, make_experiment, size):
        pixels = numbered_pixels((4, 2, 1, 40, 48))
        one = make_experiment("one", {"A/1/0": table_at(*EVERYWHERE)}, pixels=pixels)
        index = index_of(one, yx_patch_size=size, border="exclude")
        check(index, {"one": pixels}, {"one": [0, 1]})
        fits = [
            size[0] // 2 <= np.floor(y) <= 40 - size[0] + size[0] // 2
            and size[1] // 2 <= np.floor(x) <= 48 - size[1] + size[1] // 2
            for _, y, x in EVERYWHERE
        ]
        assert index.tracks.track_id.tolist() == (np.flatnonzero(fits) + 1).tolist()
        (problem,) = [one for one in index.problems if one.kind == "near-border"]
        assert problem.count == len(EVERYWHERE) - sum(fits)
        assert (problem.experiment, problem.fov) == ("one", "A/1/0")

    def test_clamped_centres_are_told_and_the_true_ones_kept(self, make_experiment):
        one = make_experiment("one", {"A/1/0": table_at((0, 1.5, 47), (0, 20.25, 24.5))})
        tracks = index_of(one, yx_patch_size=(15, 16)).tracks
        assert tracks[["y", "x", "y_clamp", "x_clamp"]].to_numpy().tolist() == [
            [1.5, 47.0, 7.0, 40.0],
            [20.25, 24.5, 20.25, 24.5],
        ]

    def test_patches_larger_than_the_image_are_padded_when_asked(self, make_experiment):
        pixels = numbered_pixels((4, 2, 1, 40, 48))
        one = make_experiment("one", {"A/1/0": table_at(*EVERYWHERE)}, pixels=pixels)
        check(index_of(one, yx_patch_size=(64, 60), border="pad"), {"one": pixels}, {"one": [0, 1]})

    @pytest.mark.parametrize(
        ("z_range", "z_of"),
        [
            (1, lambda row: slice(round_half_up(row.z), round_half_up(row.z) + 1)),
            (slice(2, 5), lambda _: slice(2, 5)),
            ((0, 7), lambda _: slice(0, 7)),
            ({"one": slice(6, 7)}, lambda _: slice(6, 7)),
            (3, lambda row: moved_inward(row.z, 3, 7)),
            (2, lambda row: moved_inward(row.z, 2, 7)),
            (7, lambda _: slice(0, 7)),
        ],
    )
    def test_every_kind_of_z_range(self, make_experiment, z_range, z_of):
        pixels = numbered_pixels((3, 1, 7, 20, 20))
        cells = [(t % 3, 10, 10, z) for t, z in enumerate([0, 0.4, 0.5, 1.5, 2.6, 3, 5.7, 6, 6.4])]
        one = make_experiment(
            "one", {"A/1/0": table_at(*cells)}, pixels=pixels, channels=["nuclei"],
            chunks=(1, 1, 4, 9, 9),
        )  # fmt: skip
        check(index_of(one, z_range=z_range), {"one": pixels}, {"one": [0]}, z_of)

    def test_slices_differ_between_experiments_of_equal_depth(self, make_experiment):
        pixels = {
            "flat": numbered_pixels((3, 1, 2, 20, 20)),
            "deep": numbered_pixels((3, 1, 9, 30, 20)),
        }
        made = [
            make_experiment(name, {"A/1/0": table_at((1, 9, 9))}, pixels=array, channels=["n"])
            for name, array in pixels.items()
        ]
        spans = {"flat": slice(0, 2), "deep": slice(5, 7)}
        check(
            index_of(*made, z_range=spans), pixels, {"flat": [0], "deep": [0]},
            lambda row: spans[row.experiment],
        )  # fmt: skip


def round_half_up(z: float) -> int:
    return int(min(max(np.floor(z + 0.5), 0), 6))


def moved_inward(z: float, depth: int, n: int) -> slice:
    """The window of `depth` slices whose middle is nearest to z, inside the image."""
    starts = range(n - depth + 1)
    # Where two are equally near, the later one.
    start = min(reversed(starts), key=lambda first: abs(first + (depth - 1) / 2 - z))
    return slice(start, start + depth)


class TestStores:
    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    @pytest.mark.parametrize(
        "axes",
        ["tczyx", "TCZYX", "tcyx", "tzyx", "tyx", "czyx", "zyx", "yx", "xyzct", "cyxt", "YXTC"],
    )
    def test_axes_in_any_order_and_absent(self, make_experiment, axes, version):
        lengths = {"t": 4, "c": 3, "z": 2, "y": 40, "x": 48}
        shape = [lengths[axis] if axis in axes.lower() else 1 for axis in "tczyx"]
        canonical = numbered_pixels(shape)
        present = canonical.reshape([lengths[a] for a in "tczyx" if a in axes.lower()])
        order = ["".join(a for a in "tczyx" if a in axes.lower()).index(a) for a in axes.lower()]
        stored = np.ascontiguousarray(present.transpose(order))
        names = ["a", "b", "c"][: shape[1]]
        cells = [(t % shape[0], y, x, 1) for t, y, x in EVERYWHERE]
        one = make_experiment(
            "one", {"A/1/0": table_at(*cells)}, pixels=stored, axes=axes, channels=names,
            version=version, source_channel=names[::-2],
        )  # fmt: skip
        index = index_of(one, z_range=slice(0, shape[2]), yx_patch_size=(9, 14))
        channels = [names.index(name) for name in names[::-2]]
        check(index, {"one": canonical}, {"one": channels}, lambda _: slice(0, shape[2]))

    @pytest.mark.parametrize(
        "stored", [">u2", "<u2", "u1", "i1", ">i4", "u4", "f4", ">f8", "f2", "bool", "i8"]
    )
    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    def test_every_number_type(self, make_experiment, stored, version):
        pixels = numbered_pixels((4, 2, 1, 40, 48), dtype="uint8").astype(stored)
        if pixels.dtype.kind == "f":
            pixels = pixels / pixels.dtype.type(7)
        if version == "0.5":
            pixels = pixels.astype(pixels.dtype.newbyteorder("="))
        one = make_experiment(
            "one", {"A/1/0": table_at(*EVERYWHERE)}, pixels=pixels, version=version
        )
        patches = read_all(index_of(one))
        assert patches.dtype == np.float32
        check(index_of(one), {"one": pixels}, {"one": [0, 1]})
        check(index_of(one), {"one": pixels}, {"one": [0, 1]}, dtype="float64")

    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
    def test_whole_numbers_stay_whole(self, make_experiment, dtype):
        pixels = numbered_pixels((4, 2, 1, 40, 48), dtype="uint8")
        one = make_experiment("one", {"A/1/0": table_at(*EVERYWHERE)}, pixels=pixels)
        assert read_all(index_of(one), dtype=dtype).dtype == np.dtype(dtype)
        check(index_of(one), {"one": pixels}, {"one": [0, 1]}, dtype=dtype)

    @pytest.mark.parametrize(
        ("stored", "asked"), [("uint16", "uint8"), ("int16", "uint16"), ("float32", "uint16"),
                              ("uint16", "int16"), ("complex64", "float32")]
    )  # fmt: skip
    def test_a_dtype_that_would_lose_values_is_refused(self, make_experiment, stored, asked):
        one = make_experiment("one", {"A/1/0": table_at((0, 20, 20))}, dtype=stored)
        with pytest.raises(
            ConfigError, match=f"{asked} cannot hold all values.*{stored}"
        ) as caught:
            source_of(index_of(one), dtype=asked)
        (problem,) = caught.value.problems
        assert (problem.experiment, problem.fov, problem.field) == ("one", "A/1/0", "dtype")

    @pytest.mark.parametrize(
        ("chunks", "shards"),
        [((1, 1, 1, 8, 8), (2, 1, 1, 40, 48)), ((2, 1, 1, 5, 12), (4, 2, 1, 40, 48))],
    )  # fmt: skip
    def test_shards(self, make_experiment, chunks, shards):
        pixels = numbered_pixels((4, 2, 1, 40, 48))
        one = make_experiment(
            "one", {"A/1/0": table_at(*EVERYWHERE)}, pixels=pixels, version="0.5",
            chunks=chunks, shards=shards,
        )  # fmt: skip
        check(index_of(one), {"one": pixels}, {"one": [0, 1]})

    @pytest.mark.parametrize(
        "slots",
        [[0], [3], [1, 2], [2, 1], [0, 3], [3, 0], [0, 2, 3], [4, 2, 0], [1, 1], [3, 1, 2]],
        ids=str,
    )  # fmt: skip
    def test_every_channel_map(self, make_experiment, slots):
        pixels = numbered_pixels((4, 5, 1, 40, 48))
        names = list("abcde")
        one = make_experiment(
            "one", {"A/1/0": table_at(*EVERYWHERE)}, pixels=pixels, channels=names,
            source_channel=[names[slot] for slot in slots],
        )  # fmt: skip
        check(index_of(one), {"one": pixels}, {"one": slots})

    def test_the_same_names_in_two_experiments_never_mix(self, make_experiment):
        pixels = {
            "one": numbered_pixels((4, 2, 1, 40, 48), seed=1),
            "two": numbered_pixels((4, 3, 1, 64, 50), seed=2),
        }
        made = [
            make_experiment("one", {"A/1/0": table_at(*EVERYWHERE)}, pixels=pixels["one"]),
            make_experiment(
                "two", {"A/1/0": table_at(*EVERYWHERE)}, pixels=pixels["two"], version="0.5",
                channels=["GFP", "labels", "Phase"], source_channel=["Phase", "GFP"],
            ),
        ]  # fmt: skip
        check(index_of(*made), pixels, {"one": [0, 1], "two": [2, 0]})
        check(index_of(*made[::-1]), pixels, {"one": [0, 1], "two": [2, 0]})

    def test_fovs_of_one_plate_never_mix(self, make_experiment):
        pixels = {fov: numbered_pixels((4, 2, 1, 40, 48), seed=k) for k, fov in
                  enumerate(["A/1/0", "A/1/1", "B/2/0"])}  # fmt: skip
        one = make_experiment("one", dict.fromkeys(pixels, table_at(*EVERYWHERE)), pixels=pixels)
        index = index_of(one)
        patches = read_all(index)
        assert len(patches) == 3 * len(EVERYWHERE)
        for patch, row in zip(patches, index.tracks.itertuples(), strict=True):
            wanted = expected_patch(
                pixels[row.fov_name], [0, 1], row.t, slice(0, 1), (row.y, row.x), (16, 16)
            )
            np.testing.assert_array_equal(patch, wanted)

    def test_rows_come_in_the_order_asked_for_and_repeated(self, make_experiment):
        pixels = numbered_pixels((4, 2, 1, 40, 48))
        one = make_experiment("one", {"A/1/0": table_at(*EVERYWHERE)}, pixels=pixels)
        source = PairSource(index_of(one))
        rows = np.array([5, 0, 5, 11, 3])
        np.testing.assert_array_equal(source.read(rows), source.read(np.arange(12))[rows])
        assert source.read(np.array([], dtype=np.int64)).shape == (0, 2, 1, 16, 16)

    def test_threads_read_what_one_reads(self, make_experiment):
        pixels = numbered_pixels((4, 2, 1, 40, 48))
        one = make_experiment("one", {"A/1/0": table_at(*EVERYWHERE)}, pixels=pixels)
        source, rows = PairSource(index_of(one)), np.arange(12)
        with ThreadPoolExecutor(4) as pool:
            several = list(pool.map(source.read, [rows] * 12))
        wanted = PairSource(index_of(one)).read(rows)
        assert all(np.array_equal(one, wanted) for one in several)

    @pytest.mark.parametrize("border", ["clamp", "pad"])
    def test_large_chunks(self, make_experiment, border):
        """Chunks of megabytes, of two dtypes and two channel maps in one batch."""
        pixels = {
            "one": numbered_pixels((2, 2, 3, 520, 530), seed=1),
            "two": numbered_pixels((2, 3, 3, 520, 530), seed=2, dtype="uint8"),
        }
        table = table_at(*[(k % 2, 7 + 43.7 * k, 519 - 43.3 * k, k % 3) for k in range(12)])
        made = [
            make_experiment("one", {"A/1/0": table}, pixels=pixels["one"],
                            chunks=(1, 1, 3, 520, 530)),
            make_experiment("two", {"A/1/0": table}, pixels=pixels["two"], channels=["a", "b", "c"],
                            source_channel=["c", "a"], chunks=(1, 3, 3, 520, 530), version="0.5"),
        ]  # fmt: skip
        index = index_of(*made, yx_patch_size=(31, 90), border=border)
        check(
            index, pixels, {"one": [0, 1], "two": [2, 0]},
            lambda row: slice(int(row.z), int(row.z) + 1),
        )  # fmt: skip

    def test_a_cache_changes_nothing(self, make_experiment):
        pixels = numbered_pixels((4, 2, 1, 40, 48))
        one = make_experiment("one", {"A/1/0": table_at(*EVERYWHERE)}, pixels=pixels)
        check(index_of(one), {"one": pixels}, {"one": [0, 1]}, cache_pool_bytes=10**7)

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_any_shape_chunking_and_place(self, tmp_path_factory, data):
        draw = data.draw
        shape = tuple(draw(st.integers(1, n), label="shape") for n in (3, 3, 4, 30, 30))
        chunks = tuple(draw(st.integers(1, n), label="chunks") for n in shape)
        size = tuple(draw(st.integers(1, n), label="size") for n in shape[3:])
        depth = draw(st.integers(1, shape[2]), label="depth")
        start = draw(st.integers(0, shape[2] - depth), label="z")
        place = st.tuples(
            st.integers(0, shape[0] - 1),
            st.floats(0, shape[3], exclude_max=True),
            st.floats(0, shape[4], exclude_max=True),
        )
        cells = draw(st.lists(place, min_size=1, max_size=6), label="cells")
        names = [f"c{k}" for k in range(shape[1])]
        slots = draw(
            st.lists(st.sampled_from(range(shape[1])), min_size=1, max_size=3), label="slots"
        )
        pixels = numbered_pixels(shape)
        one = write_experiment(
            tmp_path_factory.mktemp("any"), "one", {"A/1/0": table_at(*cells)}, pixels=pixels,
            chunks=chunks, channels=names, source_channel=[names[slot] for slot in slots],
            version=draw(st.sampled_from(["0.4", "0.5"])),
        )  # fmt: skip
        z = slice(start, start + depth)
        border = draw(st.sampled_from(["clamp", "pad"]))
        index = index_of(one, yx_patch_size=size, z_range=z, border=border)
        check(index, {"one": pixels}, {"one": slots}, lambda _: z)


def chunk_file(experiment: ExperimentConfig, *numbers: int, fov: str = "A/1/0") -> Path:
    return Path(experiment.data_path, fov, "0", *map(str, numbers))


class TestDamage:
    @pytest.fixture
    def one(self, make_experiment):
        pixels = numbered_pixels((4, 2, 1, 40, 48))
        return make_experiment(
            "one",
            {fov: table_at((0, 20, 20), (1, 20, 20), (2, 20, 20)) for fov in ("A/1/0", "A/1/1")},
            pixels=pixels,
        )

    @pytest.mark.parametrize("policy", ["warn", "error", "fill"])
    def test_a_chunk_cut_short(self, one, policy):
        file = chunk_file(one, 1, 1, 0, 0, 0)
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        source = source_of(index_of(one), missing_chunks=policy)
        with pytest.raises(ChunkError) as caught:
            source.read(np.arange(3))
        (problem,) = caught.value.problems
        assert isinstance(caught.value, OSError)
        assert problem.kind == "damaged-chunk"
        assert (problem.experiment, problem.fov) == ("one", "A/1/0")
        assert problem.file == str(Path(one.data_path, "A/1/0/0"))
        assert "1/1/0/0/0" in problem.message
        assert np.array_equal(source.read(np.array([0])), source.read(np.array([3])))

    def test_an_empty_chunk_file(self, one):
        chunk_file(one, 1, 1, 0, 0, 0).write_bytes(b"")
        with pytest.raises(ChunkError, match="1/1/0/0/0"):
            PairSource(index_of(one)).read(np.arange(3))

    def test_an_absent_chunk_warns_once_a_fov_and_is_counted(self, one, caplog):
        for fov in ("A/1/0", "A/1/1"):
            chunk_file(one, 1, 0, 0, 0, 0, fov=fov).unlink()
        chunk_file(one, 2, 1, 0, 0, 0).unlink()
        source = PairSource(index_of(one))
        caplog.clear()
        patches = source.read(np.arange(6))
        source.read(np.arange(6))
        assert len(caplog.records) == 2
        assert all("absent" in one and "fill value" in one for one in caplog.messages)
        assert "experiment 'one', FOV A/1/1" in caplog.messages[1]
        assert "1/0/0/0/0" in caplog.messages[1]
        assert source.reader.missing == {("one", "A/1/0"): 4, ("one", "A/1/1"): 2}
        assert not patches[1, 0].any()
        assert patches[1, 1].all()
        assert not patches[2, 1].any()
        assert patches[0].all()

    def test_an_absent_chunk_is_an_error_when_asked(self, one):
        chunk_file(one, 1, 0, 0, 0, 0).unlink()
        source = source_of(index_of(one), missing_chunks="error")
        with pytest.raises(ChunkError) as caught:
            source.read(np.arange(3))
        (problem,) = caught.value.problems
        assert problem.kind == "missing-chunk"
        assert "1/0/0/0/0" in problem.message
        assert "missing_chunks='fill'" in problem.remedy

    def test_absent_chunks_are_filled_in_silence_when_asked(self, one, caplog):
        chunk_file(one, 1, 0, 0, 0, 0).unlink()
        source = source_of(index_of(one), missing_chunks="fill")
        caplog.clear()
        assert not source.read(np.arange(3))[1, 0].any()
        assert caplog.messages == []

    @pytest.mark.parametrize("policy", ["warn", "error"])
    def test_chunks_absent_from_a_shard_and_from_a_v3_store(self, make_experiment, policy, caplog):
        pixels = numbered_pixels((4, 2, 1, 40, 48))
        pixels[1] = 0
        options = [{}, {"chunks": (1, 1, 1, 8, 8), "shards": (2, 2, 1, 40, 48)}]
        for number, option in enumerate(options):
            one = make_experiment(
                f"e{number}", {"A/1/0": table_at((0, 20, 20), (1, 20, 20))}, pixels=pixels,
                version="0.5", write_empty_chunks=False, **option,
            )  # fmt: skip
            source = source_of(index_of(one), missing_chunks=policy)
            if policy == "error":
                with pytest.raises(ChunkError, match=f"experiment 'e{number}', FOV A/1/0"):
                    source.read(np.arange(2))
            else:
                check(index_of(one), {one.name: pixels}, {one.name: [0, 1]})
                assert f"experiment '{one.name}', FOV A/1/0" in caplog.text

    def test_a_fill_value_that_is_not_zero(self, make_experiment, caplog):
        one = make_experiment("one", {"A/1/0": table_at((0, 20, 20))})
        file = chunk_file(one) / ".zarray"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"fill_value": 7}))
        assert (read_all(index_of(one)) == 7).all()
        assert "fill value" in caplog.text

    def test_the_array_vanished_after_the_index_was_built(self, one):
        index = index_of(one)
        shutil.rmtree(chunk_file(one))
        with pytest.raises(StoreError) as caught:
            read_all(index)
        (problem,) = caught.value.problems
        assert (problem.experiment, problem.fov) == ("one", "A/1/0")
        assert problem.file == str(chunk_file(one))

    def test_the_array_shrank_after_the_index_was_built(self, one):
        index = index_of(one)
        file = chunk_file(one) / ".zarray"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"shape": [4, 2, 1, 40, 20]}))
        with pytest.raises(StoreError, match="experiment 'one', FOV A/1/0"):
            read_all(index)

    def test_an_array_of_large_chunks_shrank_after_the_index_was_built(self, make_experiment):
        shape = (2, 1, 1, 800, 800)
        one = make_experiment("one", {"A/1/0": table_at((0, 20, 700))}, shape=shape, channels=["a"])
        index = index_of(one)
        file = chunk_file(one) / ".zarray"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"shape": [2, 1, 1, 800, 600]}))
        with pytest.raises(StoreError, match="experiment 'one', FOV A/1/0"):
            read_all(index, missing_chunks="fill")

    def test_the_array_lost_an_axis_after_the_index_was_built(self, one):
        index = index_of(one)
        shutil.rmtree(chunk_file(one))
        zarr.create_array(store=str(chunk_file(one)), shape=(4, 40, 48), dtype="u2", zarr_format=2)
        with pytest.raises(StoreError, match="experiment 'one', FOV A/1/0"):
            read_all(index)


@needs_root
class TestPermissions:
    @pytest.fixture
    def one(self):
        """An experiment in a folder that everybody may look into, which pytest's own is not."""
        table = table_at((0, 20, 20), (1, 20, 20), (2, 20, 20))
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            yield write_experiment(
                Path(folder), "one", dict.fromkeys(["A/1/0", "A/1/1"], table),
                pixels=numbered_pixels((4, 2, 1, 40, 48)),
            )  # fmt: skip

    @pytest.mark.parametrize(
        ("closed", "error"),
        [("A/1/0/0/1/1/0/0/0", "ChunkError"), ("A/1/0/0/.zarray", "StoreError"),
         ("A/1/0/0", "StoreError"), ("A/1/0", "StoreError"), ("A/1/0/.zattrs", "StoreError"),
         ("A/1", "ConfigError"), ("", "ConfigError"), (".zattrs", "ConfigError")],
    )  # fmt: skip
    def test_without_read_permission(self, one, closed, error):
        place = Path(one.data_path, closed)
        place.chmod(0)
        done = run(READ_AS_NOBODY, one.model_dump_json())
        assert done.stdout.startswith(error), done.stdout + done.stderr
        assert "experiment 'one'" in done.stdout
        assert str(one.data_path) in done.stdout
        assert "ermission" in done.stdout
        assert "damaged" not in done.stdout

    @pytest.mark.parametrize("closed", ["", "A/1/0", "A/1/0/tracks.csv"])
    def test_tables_without_read_permission(self, one, closed):
        Path(one.tracks_path, closed).chmod(0)
        done = run(READ_AS_NOBODY, one.model_dump_json())
        assert done.stdout.endswith("lineage_triplets\n"), done.stdout + done.stderr
        assert "experiment 'one'" in done.stdout
        assert str(one.tracks_path) in done.stdout


READ_AS_NOBODY = """
    import os, sys
    import numpy as np
    from lineage_triplets import ExperimentConfig, ExperimentRegistry, MultiExperimentIndex
    from lineage_triplets.engine import PairSource
    from lineage_triplets.engine.errors import LineageTripletsError
    os.setuid(65534)
    try:
        one = ExperimentConfig.model_validate_json(sys.argv[1])
        index = MultiExperimentIndex(ExperimentRegistry([one]), 1, (16, 16))
        PairSource(index).read(np.arange(len(index)))
    except LineageTripletsError as error:
        print(type(error).__name__, error, "of lineage_triplets")
"""


REFERENCE = {
    "acquire_bare_array_blosc_lz4.zarr": "hacat_tcyx",
    "acquire_bare_array_zstd_sharded.zarr": "hacat_tcyx",
    "ngffzarr_v0.5_sharded.ome.zarr": "embryo_tzyx",
    "ngffzarr_v0.5_tzyx.ome.zarr": "embryo_tzyx",
    "ngio_v0.5_sharded_tzyx.zarr": "embryo_tzyx",
    "omewriters_tensorstore.ome.zarr": "hacat_tcyx",
    "omezarrpy0.11_V01_tczyx.zarr": "hacat_tcyx",
    "omezarrpy0.11_V03_tczyx.zarr": "hacat_tcyx",
    "omezarrpy_v0.5_sharded_zstd.ome.zarr": "hacat_tcyx",
    "tensorstore_v0.5_sharded_gzip_index_start.zarr": "hacat_tcyx",
    "tensorstore_v0.5_zstd_crc32c.zarr": "hacat_tcyx",
    "iohub_hcs_v0.4.zarr": "hacat_tcyx",
    "omezarrpy_plate_v0.5.zarr": "hacat_tcyx",
    "acquire_v0.5_plate.zarr/plate": "hacat_tcyx",
}


@pytest.mark.skipif(not WRITTEN.exists(), reason=f"no stores of other writers in {WRITTEN}")
class TestStoresThatOthersWrote:
    def test_all_of_them_are_looked_at(self):
        stores = {one.name for one in WRITTEN.iterdir() if one.suffix == ".zarr"}
        assert {name.partition("/")[0] for name in REFERENCE} == stores

    @pytest.mark.parametrize("name", sorted(REFERENCE))
    def test_their_pixels_are_the_reference(self, name, tmp_path):
        reference = np.load(WRITTEN / "reference_pixels.npz")[REFERENCE[name]]
        axes = REFERENCE[name].partition("_")[2]
        whole = reference[:, None] if axes == "tzyx" else reference[:, :, None]
        plate = open_plate(WRITTEN / name)
        for number, fov in enumerate(map(plate.fov, plate.fov_names())):
            n_t, n_c, n_z, n_y, n_x = fov.shape
            cells = [
                (t, y, x) for t in range(n_t) for y, x in [(3, 5), (n_y - 1, n_x - 2), (30, 33)]
            ]
            folder = tmp_path / fov.name if not plate.single_image else tmp_path
            folder.mkdir(parents=True, exist_ok=True)
            table_at(*cells).to_csv(folder / "tracks.csv", index=False)
            wells = {"a": list(plate.wells)}
            names = list(fov.channel_names or [f"c{k}" for k in range(n_c)])
            one = ExperimentConfig(
                name="one", data_path=str(WRITTEN / name), tracks_path=str(tmp_path),
                channel_names=names, source_channel=names[::-1], condition_wells=wells,
            )  # fmt: skip
            others = [other for other in plate.fov_names() if other != fov.name]
            index = index_of(
                one, z_range=slice(0, n_z), yx_patch_size=(31, 40), exclude_fovs=others
            )
            assert ("no-channel-names" in {p.kind for p in index.registry.problems}) == (
                fov.channel_names is None
            )
            patches = read_all(index)
            assert len(patches) == len(cells), number
            place = places_in(whole, patches[index.tracks.t.to_numpy() == 0])
            assert place is not None, f"{fov.name} holds no part of the reference"
            t0, y0 = place
            part = whole[t0 : t0 + n_t, :, :, y0 : y0 + n_y]
            for patch, row in zip(patches, index.tracks.itertuples(), strict=True):
                wanted = expected_patch(
                    part, list(range(n_c))[::-1], row.t, slice(0, n_z), (row.y, row.x), (31, 40)
                )
                np.testing.assert_array_equal(patch, wanted)


def places_in(whole: np.ndarray, patches: np.ndarray) -> tuple[int, int] | None:
    """First frame and row of the reference where a FOV's first patch (at its corner) is."""
    corner = patches[0][::-1]
    height, width = corner.shape[-2:]
    for t in range(len(whole)):
        for y in range(whole.shape[3] - height + 1):
            if np.array_equal(whole[t, :, :, y : y + height, :width], corner):
                return t, y
    return None
