"""Statistics of frames, FOVs and plates: against NumPy, stopped, resumed, and as they are read."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numcodecs
import numpy as np
import pytest
import torch
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lineage_triplets import (
    DatasetConfig,
    ExperimentRegistry,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    TripletConfig,
    load_config,
    save_config,
)
from lineage_triplets.cli import main
from lineage_triplets.engine import OutputExistsError, StoreError
from lineage_triplets.engine.plates.statistics import StatisticsFolder
from lineage_triplets.engine.reading.whole import ChunkDecoder
from lineage_triplets.qc.export.cell_index import cell_index_batches
from lineage_triplets.training import StatisticsInUseError, compute_statistics
from lineage_triplets.training.statistics import counts
from lineage_triplets.training.statistics.attributes import write_into_plates
from lineage_triplets.training.statistics.counts import Tally
from lineage_triplets.training.statistics.run import fovs_with_anchors
from stores import track_table, write_plate

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets import ExperimentConfig

FAMILY = track_table((1, range(6)))
SETTINGS = DatasetConfig(yx_patch_size=(16, 16))
FOVS = ("A/1/0", "A/1/1", "B/2/0")


def of_numpy(values: np.ndarray) -> dict[str, float]:
    """Every statistic, as NumPy has it in double precision."""
    exact = values.astype(np.float64)
    exact = exact[np.isfinite(exact)]
    p1, p5, p25, p50, p75, p95, p99 = np.percentile(exact, [1, 5, 25, 50, 75, 95, 99])
    return {
        "mean": exact.mean(),
        "std": exact.std(),
        "median": p50,
        "iqr": p75 - p25,
        "min": exact.min(),
        "max": exact.max(),
        "p1": p1,
        "p5": p5,
        "p95": p95,
        "p99": p99,
        "p95_p5": p95 - p5,
        "p99_p1": p99 - p1,
    }


def assert_equal(found: dict[str, float], values: np.ndarray, *, relative: float = 1e-10) -> None:
    expected = of_numpy(values)
    assert found.keys() == expected.keys()
    scale = max(abs(expected["min"]), abs(expected["max"]))
    for name, number in expected.items():
        off = 1e-10 if name in {"mean", "std", "min", "max"} else relative
        assert found[name] == pytest.approx(number, rel=off, abs=scale * off), name


def index_of(experiments: list[ExperimentConfig], **arguments: Any) -> MultiExperimentIndex:
    registry = ExperimentRegistry(experiments)
    return MultiExperimentIndex(registry, **{"z_range": 1, "yx_patch_size": (16, 16), **arguments})


def pixels_of(shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype.startswith("float"):
        pixels = rng.normal(3, 500, shape).astype(dtype)
        pixels.reshape(-1)[::97] = [np.nan, np.inf, -np.inf][seed % 3]
        return pixels
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)


STORES = {
    "planes": ("uint16", "tczyx", (6, 2, 1, 40, 48), {}),
    "12 bits": ("uint16", "tczyx", (6, 2, 1, 40, 48), {"compressor": numcodecs.Zstd(1)}),
    "frames and channels together": (
        "int16",
        "tczyx",
        (7, 2, 2, 40, 48),
        {"chunks": (3, 2, 2, 40, 48), "compressor": numcodecs.Blosc("zstd"), "order": "F"},
    ),
    "bytes, no c": ("uint8", "tyx", (6, 40, 48), {"channels": ("Phase",)}),
    "stacks of frames and channels": (
        "uint16",
        "tczyx",
        (7, 2, 5, 40, 48),
        {"chunks": (3, 2, 2, 16, 48), "version": "0.5"},
    ),
    "shards": (
        "int16",
        "tczyx",
        (6, 2, 1, 32, 48),
        {"chunks": (1, 1, 1, 16, 16), "shards": (2, 1, 1, 32, 48), "version": "0.5"},
    ),
    "tiles that end beyond the image": (
        "uint16",
        "cytx",
        (2, 40, 5, 48),
        {"chunks": (2, 16, 2, 30), "compressor": numcodecs.Zstd(1)},
    ),
    "floats": (
        "float32",
        "ctzyx",
        (2, 3, 3, 20, 24),
        {"order": "F", "chunks": (1, 1, 3, 20, 24)},
    ),
    "floats in parts": (
        "float32",
        "tyx",
        (3, 64, 64),
        {"channels": ("Phase",), "chunks": (1, 8, 64)},
    ),
    "numbers of 32 bits": ("int32", "tyx", (3, 40, 48), {"channels": ("Phase",)}),
}


@pytest.mark.parametrize("store", STORES)
def test_equal_to_numpy(store, make_experiment, tmp_path, monkeypatch):
    from lineage_triplets.training.statistics import blocks, chunks

    # Frames are read in several blocks, and stacks in several parts.
    monkeypatch.setattr(blocks, "_LEAST_BYTES", 10_000)
    monkeypatch.setattr(blocks, "_MOST_BYTES", 12_000)
    monkeypatch.setattr(chunks, "WORTH_PICKING_BYTES", 0)
    decoded, decode = [], ChunkDecoder.decode

    def noted(self, chunk, target):
        decoded.append((self._array_path, *chunk))
        decode(self, chunk, target)

    monkeypatch.setattr(ChunkDecoder, "decode", noted)
    dtype, axes, shape, image = STORES[store]
    pixels = {fov: pixels_of(shape, dtype, seed) for seed, fov in enumerate(FOVS)}
    if store == "12 bits":
        pixels = {fov: values >> 4 for fov, values in pixels.items()}
    tables = dict.fromkeys(FOVS, FAMILY)
    made = make_experiment("one", tables, axes=axes, pixels=pixels, **image)
    report = compute_statistics(index_of([made]), tmp_path / "s", n_threads=2)
    assert (report.n_read, report.n_known, report.plates) == (3, 0, {"one": 3})
    folder = StatisticsFolder(tmp_path / "s")
    relative = 1e-10 if np.dtype(dtype).itemsize <= 2 else 2.5e-4
    n_t = shape[axes.index("t")]
    for slot, name in enumerate(made.source_channel):
        place = [slice(None)] * len(axes)
        if "c" in axes:
            place[axes.index("c")] = slot
        of_fovs = [
            np.moveaxis(pixels[fov][tuple(place)], axes.replace("c", "").index("t"), 0)
            for fov in FOVS
        ]
        plate = folder.read(folder.plate_file("one"))["normalization"][name]
        assert_equal(plate["dataset_statistics"], np.stack(of_fovs), relative=relative)
        for fov, values in zip(FOVS, of_fovs, strict=True):
            levels = folder.read(folder.fov_file("one", fov))["normalization"][name]
            assert_equal(levels["fov_statistics"], values, relative=relative)
            assert levels["timepoint_statistics"].keys() == {str(t) for t in range(n_t)}
            for t in range(n_t):
                # Several parts of a frame are never in memory together.
                off = relative if store == "floats in parts" else 1e-10
                assert_equal(levels["timepoint_statistics"][str(t)], values[t], relative=off)
    n_planes = n_t * len(made.source_channel) * 3
    n_chunks = {"stacks of frames and channels": 0, "floats in parts": 0}
    n_chunks["frames and channels together"] = 3 * 3
    n_chunks["shards"] = n_planes * 6
    n_chunks["tiles that end beyond the image"] = 3 * 3 * 3 * 2
    assert len(set(decoded)) == len(decoded) == n_chunks.get(store, n_planes)
    kinds = {problem.kind for problem in report.problems}
    assert kinds == ({"not-finite"} if dtype == "float32" else set())


@settings(max_examples=25)
@given(data=st.data())
def test_counts_add_up(data):
    dtype = data.draw(st.sampled_from(["bool", "uint8", "int8", "uint16", "int16", "float32"]))
    parts = data.draw(
        st.lists(arrays(dtype, st.integers(1, 20)), min_size=1, max_size=4).filter(
            lambda parts: np.isfinite(np.concatenate(parts).astype(float)).any()
        )
    )
    whole = Tally(dtype)
    for part in parts:
        tally = Tally(dtype)
        tally.add(part)
        whole.merge(tally)
    assert_equal(whole.statistics(), np.concatenate(parts), relative=2.5e-4)
    assert whole.n + whole.n_left_out == sum(map(len, parts))


@settings(max_examples=25)
@given(data=st.data())
def test_percentiles_are_exact_of_values_at_hand(data):
    dtype = data.draw(st.sampled_from(["float16", "float32", "float64", "int32"]))
    # Beyond float32 too, but not where squares are no numbers in double precision.
    numbers = st.floats(-1e100, 1e100) | st.just(np.nan) if dtype == "float64" else None
    values = data.draw(
        arrays(dtype, st.integers(1, 40), elements=numbers).filter(
            lambda values: np.isfinite(values).any()
        )
    )
    tally = Tally(dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts, "_AT_ONCE", 7)
        found = tally.statistics(tally.add(values))
    assert_equal(found, values)


def focused(sharp: list[int], shape: tuple[int, ...] = (3, 1, 5, 40, 48)) -> np.ndarray:
    """Stacks whose cells are smeared out with the distance from each frame's sharp slice."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[3], : shape[4]]
    stacks = np.zeros(shape)
    for t, slice_number in enumerate(sharp):
        for z in range(shape[2]):
            width = 2.0 + 2.0 * abs(z - slice_number)
            cells = np.exp(-((y - 20) ** 2 + (x - 24) ** 2) / (2 * width**2)) / width**2
            stacks[t, 0, z] = 100 + 20_000 * cells + rng.normal(0, 3, shape[3:])
    return stacks.astype(np.uint16)


@pytest.mark.parametrize("chunks", [(1, 1, 5, 40, 48), (3, 1, 2, 7, 13)])
def test_focus(chunks, make_experiment, tmp_path):
    made = make_experiment(
        "one",
        {"A/1/0": FAMILY},
        pixels=focused([2, 3, 1]),
        channels=["Phase"],
        chunks=chunks,
    )
    compute_statistics(index_of([made]), tmp_path / "s")
    folder = StatisticsFolder(tmp_path / "s")
    found = folder.read(folder.fov_file("one", "A/1/0"))["focus_slice"]["Phase"]
    assert found["per_timepoint"] == {"0": 2, "1": 3, "2": 1}
    assert found["fov_statistics"]["z_focus_mean"] == 2
    of_plate = folder.read(folder.plate_file("one"))["focus_slice"]["Phase"]
    assert of_plate["dataset_statistics"]["z_focus_max"] == 3


@pytest.fixture
def movies(make_experiment, monkeypatch) -> list[ExperimentConfig]:
    from lineage_triplets.training.statistics import chunks

    # Small as they are, their files are decoded here.
    monkeypatch.setattr(chunks, "WORTH_PICKING_BYTES", 0)
    pixels = {fov: pixels_of((6, 2, 1, 40, 48), "uint16", seed) for seed, fov in enumerate(FOVS)}
    return [make_experiment("one", dict.fromkeys(FOVS, FAMILY), pixels=pixels)]


def files_of(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*.json")}


class TestRuns:
    def test_a_stopped_run_goes_on(self, movies, tmp_path):
        index = index_of(movies)
        compute_statistics(index, tmp_path / "whole")
        done = threading.Event()

        def stop_after_the_first(n_done: int, total: int) -> None:
            if n_done > total // 3:
                done.set()

        first = compute_statistics(
            index, tmp_path / "s", n_threads=1, progress=stop_after_the_first, stop=done.is_set
        )
        assert first.is_stopped
        assert (first.n_read, first.plates) == (1, {})
        second = compute_statistics(index, tmp_path / "s")
        assert (second.n_read, second.n_known, second.is_stopped) == (2, 1, False)
        assert files_of(tmp_path / "s") == files_of(tmp_path / "whole")
        assert compute_statistics(index, tmp_path / "s").n_read == 0
        assert compute_statistics(index, tmp_path / "s", anew=True).n_read == 3

    def test_an_interrupt_leaves_what_is_finished(self, movies, tmp_path):
        def interrupt(n_done: int, total: int) -> None:
            if n_done > total // 3:
                raise KeyboardInterrupt

        before = threading.active_count()
        with pytest.raises(KeyboardInterrupt):
            compute_statistics(index_of(movies), tmp_path / "s", n_threads=1, progress=interrupt)
        assert threading.active_count() == before
        assert compute_statistics(index_of(movies), tmp_path / "s").n_known == 1

    def test_torch_has_its_threads_back(self, movies, tmp_path):
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        try:
            compute_statistics(index_of(movies), tmp_path / "s")
            with ThreadPoolExecutor(1) as new:
                assert torch.get_num_threads() == new.submit(torch.get_num_threads).result() == 2
        finally:
            torch.set_num_threads(before)

    def test_another_image_is_read_again(self, movies, tmp_path):
        compute_statistics(index_of(movies), tmp_path / "s")
        pixels = {fov: pixels_of((6, 2, 1, 40, 48), "uint8", 0) for fov in FOVS[:1]}
        write_plate(tmp_path / "other.zarr", FOVS[:1], pixels=pixels, channels=["Phase", "GFP"])
        here = tmp_path / "one.zarr" / FOVS[0]
        here.rename(tmp_path / "away")
        (tmp_path / "other.zarr" / FOVS[0]).rename(here)
        again = index_of(movies)
        with pytest.raises(StoreError, match="of another image"):
            StatisticsFolder(tmp_path / "s").normalization("one", again.positions[0])
        report = compute_statistics(again, tmp_path / "s")
        assert (report.n_read, report.n_known) == (1, 2)
        kinds = {problem.kind: problem for problem in report.problems}
        assert kinds["read-again"].fov == FOVS[0]
        assert "uint16, uint8" in kinds["unlike-images"].message
        assert not report.plates

    def test_one_writer_at_a_time(self, movies, tmp_path):
        index = index_of(movies)

        def second(n_done: int, total: int) -> None:
            with pytest.raises(StatisticsInUseError, match=rf"process {os.getpid()} on"):
                compute_statistics(index, tmp_path / "s")

        assert compute_statistics(index, tmp_path / "s", progress=second).n_read == 3
        left_behind = json.loads(json.dumps({"pid": 2**22 + 1, "host": os.uname().nodename}))
        (tmp_path / "s" / ".writing").write_text(json.dumps(left_behind))
        assert compute_statistics(index, tmp_path / "s").n_known == 3

    def test_a_damaged_chunk_costs_its_fov(self, movies, tmp_path):
        chunk = tmp_path / "one.zarr" / FOVS[1] / "0" / "3" / "1" / "0" / "0" / "0"
        whole = chunk.read_bytes()
        chunk.write_bytes(b"damaged")
        report = compute_statistics(index_of(movies), tmp_path / "s")
        (problem,) = report.problems
        assert (problem.kind, problem.fov) == ("damaged-chunk", FOVS[1])
        assert "0/3/1/0/0/0" in problem.message
        assert "exclude" in problem.remedy
        assert (report.n_read, report.plates) == (2, {})
        chunk.write_bytes(whole)
        assert compute_statistics(index_of(movies), tmp_path / "s").plates == {"one": 3}

    def test_absent_chunks_are_said(self, movies, tmp_path):
        (tmp_path / "one.zarr" / FOVS[1] / "0" / "3" / "1" / "0" / "0" / "0").unlink()
        report = compute_statistics(index_of(movies), tmp_path / "s")
        absent, flat = report.problems
        assert (absent.kind, absent.severity) == ("missing-chunks", "warning")
        assert absent.message.startswith("1 frame with chunks")
        assert flat.message.startswith("frames 3 of 'GFP'")
        folder = StatisticsFolder(tmp_path / "s")
        pixels = pixels_of((6, 2, 1, 40, 48), "uint16", 1)
        frames = folder.read(folder.fov_file("one", FOVS[1]))["normalization"]["GFP"]
        for t in (2, 4):
            assert_equal(frames["timepoint_statistics"][str(t)], pixels[t, 1])
        strict = index_of(movies)
        strict.settings = strict.settings.model_copy(update={"missing_chunks": "error"})
        (problem,) = compute_statistics(strict, tmp_path / "t").problems
        assert problem.kind == "missing-chunk"

    @pytest.mark.parametrize("shards", [None, (1, 1, 1, 40, 48)])
    def test_the_rest_of_a_frame_with_an_absent_chunk_counts_once(
        self, shards, make_experiment, tmp_path, monkeypatch
    ):
        from lineage_triplets.training.statistics import chunks

        monkeypatch.setattr(chunks, "WORTH_PICKING_BYTES", 0)
        # Chunks are counted one by one, before the absent one is met.
        monkeypatch.setattr(chunks, "_COUNTED_BYTES", 0)
        pixels = pixels_of((6, 1, 1, 40, 48), "uint16", 0)
        made = make_experiment(
            "one",
            {FOVS[0]: FAMILY},
            pixels={FOVS[0]: pixels},
            channels=["Phase"],
            version="0.5",
            chunks=(1, 1, 1, 20, 24),
            shards=shards,
        )
        array = zarr.open_array(tmp_path / "one.zarr" / FOVS[0] / "0", mode="r+")
        array = array.with_config({"write_empty_chunks": False})
        array[3, :, :, 20:, 24:] = pixels[3, :, :, 20:, 24:] = 0
        report = compute_statistics(index_of([made]), tmp_path / "s")
        assert [problem.kind for problem in report.problems] == ["missing-chunks"]
        folder = StatisticsFolder(tmp_path / "s")
        levels = folder.read(folder.fov_file("one", FOVS[0]))["normalization"]["Phase"]
        assert_equal(levels["timepoint_statistics"]["3"], pixels[3])
        assert_equal(levels["fov_statistics"], pixels)

    def test_plates_of_fovs_with_anchors(self, make_experiment, tmp_path):
        tables = {"A/1/0": FAMILY, "A/1/1": track_table((1, [0]))}
        pixels = {fov: pixels_of((6, 2, 1, 40, 48), "uint8", k) for k, fov in enumerate(tables)}
        index = index_of([make_experiment("one", tables, pixels=pixels)])
        report = compute_statistics(index, tmp_path / "s", in_plate=fovs_with_anchors(index))
        assert (report.n_read, report.plates) == (2, {"one": 1})
        folder = StatisticsFolder(tmp_path / "s")
        plate = folder.read(folder.plate_file("one"))
        assert plate["fovs"] == ["A/1/0"]
        assert_equal(plate["normalization"]["GFP"]["dataset_statistics"], pixels["A/1/0"][:, 1])


class TestReading:
    @pytest.fixture
    def config(self, movies, tmp_path) -> Path:
        compute_statistics(index_of(movies), tmp_path / "sidecar")
        save_config(TripletConfig(experiments=movies, dataset=SETTINGS), tmp_path / "plain.yml")
        text = (tmp_path / "plain.yml").read_text()
        text = text.replace("statistics_path: null", "statistics_path: sidecar")
        (tmp_path / "config.yml").write_text(text)
        return tmp_path / "config.yml"

    def test_batches_have_them(self, config, tmp_path):
        dataset = MultiExperimentTripletDataset.from_config(config)
        (meta,) = dataset.__getitems__([0])["anchor_norm_meta"]
        folder = StatisticsFolder(tmp_path / "sidecar")
        fov = folder.read(folder.fov_file("one", FOVS[0]))["normalization"]
        plate = folder.read(folder.plate_file("one"))["normalization"]
        assert meta.keys() == {"Phase", "GFP"}
        for level, found in (("fov_statistics", fov), ("dataset_statistics", plate)):
            assert float(meta["GFP"][level]["std"]) == np.float32(found["GFP"][level]["std"])
        frame = fov["GFP"]["timepoint_statistics"]["3"]["p99"]
        assert float(meta["GFP"]["timepoint_statistics"]["3"]["p99"]) == np.float32(frame)

    def test_the_path_goes_with_the_config(self, config, tmp_path):
        from lineage_triplets.engine.dataset.verification import config_hash

        loaded = load_config(config)
        assert loaded.dataset.statistics_path == str(tmp_path / "sidecar")
        (tmp_path / "deeper").mkdir()
        save_config(loaded, tmp_path / "deeper" / "config.yml")
        assert "statistics_path: ../sidecar" in (tmp_path / "deeper" / "config.yml").read_text()
        again = load_config(tmp_path / "deeper" / "config.yml")
        assert again.dataset.statistics_path == loaded.dataset.statistics_path
        without = loaded.dataset.model_copy(update={"statistics_path": None})
        plain = loaded.model_copy(update={"dataset": without})
        assert config_hash(plain) == config_hash(loaded)
        save_config(plain, tmp_path / "without.yml")
        assert load_config(tmp_path / "without.yml").dataset.statistics_path is None

    def test_a_fov_without_is_an_error_at_once(self, config, tmp_path):
        (tmp_path / "sidecar" / "one" / "A" / "1" / "1.json").unlink()
        with pytest.raises(StoreError, match=r"no statistics of one/A/1/1.*lineage-triplets stats"):
            MultiExperimentTripletDataset.from_config(config)

    def test_the_cell_index_has_each_frames(self, config, tmp_path):
        index = MultiExperimentIndex.from_config(config)
        table = next(cell_index_batches(index)).to_pandas()
        folder = StatisticsFolder(tmp_path / "sidecar")
        for row in table.itertuples():
            levels = folder.read(folder.fov_file("one", f"{row.well}/{row.fov}"))["normalization"]
            frame = levels[row.channel_name]["timepoint_statistics"][str(row.t)]
            for name in ("mean", "std", "median", "iqr", "max", "min"):
                assert getattr(row, f"norm_{name}") == np.float32(frame[name])


class TestIntoPlates:
    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    def test_beside_what_is_there(self, version, make_experiment, tmp_path):
        others = {"Phase": {"fov_statistics": {"mean": 1.0}}, "DAPI": {"fov_statistics": {}}}
        made = make_experiment(
            "one",
            {"A/1/0": FAMILY},
            pixels=focused([2, 3, 1]),
            channels=["Phase"],
            version=version,
            normalization={"A/1/0": others},
        )
        index = index_of([made])
        compute_statistics(index, tmp_path / "s")
        fov = index.positions[0]
        with pytest.raises(OutputExistsError, match="statistics of Phase are there already"):
            write_into_plates(index, tmp_path / "s")
        assert fov.normalization() == others
        n_written, (note,) = write_into_plates(index, tmp_path / "s", overwrite=True)
        assert n_written == 1
        assert note.message.startswith("statistics of Phase were there, and are replaced, in 1")
        ours = StatisticsFolder(tmp_path / "s").normalization("one", fov)
        assert fov.normalization() == {"DAPI": {"fov_statistics": {}}, **ours}
        again = index_of([made])
        assert again.positions[0].channel_names == ("Phase",)
        file = ".zattrs" if version == "0.4" else "zarr.json"
        of_fov, of_plate = (
            json.loads((tmp_path / "one.zarr" / place / file).read_text())
            for place in ("A/1/0", "")
        )
        if version == "0.5":
            of_fov, of_plate = of_fov["attributes"], of_plate["attributes"]
        assert of_fov["focus_slice"]["Phase"]["per_timepoint"] == {"0": 2, "1": 3, "2": 1}
        assert of_plate["normalization"]["Phase"].keys() == {"dataset_statistics"}


def test_the_command(movies, tmp_path, capsys):
    save_config(TripletConfig(experiments=movies, dataset=SETTINGS), tmp_path / "config.yml")
    main_ok("stats", tmp_path / "config.yml", "--only-anchors")
    said = capsys.readouterr().out
    assert "3 FOVs read, 0 finished before" in said
    assert "statistics_path: config.statistics" in said
    main_ok("stats", tmp_path / "config.yml", "--split-by", "well", "--val", "B/2")
    folder = StatisticsFolder(tmp_path / "config.statistics")
    assert folder.read(folder.plate_file("one"))["fovs"] == ["A/1/0", "A/1/1"]
    main_ok("stats", tmp_path / "config.yml", "--into-plate")
    said = capsys.readouterr().out
    assert "0 FOVs read, 3 finished before" in said
    assert "The attributes of 3 FOVs have them too." in said
    (tmp_path / "one.zarr" / FOVS[1] / "0" / "3" / "1" / "0" / "0" / "0").write_bytes(b"damaged")
    with pytest.raises(SystemExit) as ended:
        main(["stats", str(tmp_path / "config.yml"), "--anew"])
    assert ended.value.code == 1
    assert "damaged-chunk" in capsys.readouterr().err


def main_ok(*arguments: object) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert ended.value.code == 0
