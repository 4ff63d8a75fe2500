"""Patches are exactly what the stores hold, for every store people write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage_triplets.engine import PairSource
from lineage_triplets.engine.errors import ConfigError
from patches import EVERYWHERE, check, expected_patch, index_of, read_all, table_at
from stores import make_experiment as write_experiment
from stores import numbered_pixels, source_of


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
