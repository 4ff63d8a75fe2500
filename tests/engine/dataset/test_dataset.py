"""Batches: what is in them, the same for any workers, and what goes between processes."""

from __future__ import annotations

import copy
import json
import os
import pickle
import traceback
import warnings
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, Subset

from lineage_triplets import (
    DatasetConfig,
    ExperimentConfig,
    ExperimentRegistry,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    TripletConfig,
    save_config,
)
from lineage_triplets.engine.errors import ChunkError, ConfigError
from lineage_triplets.engine.reading.tensorstore import TensorStoreStrategy
from programs import run
from stores import make_experiment as write_experiment
from stores import numbered_pixels, track_table
from systems import needs_linux

HERE = Path(__file__).parent
TESTS = Path(__file__).parents[2]
STATISTICS = {
    "GFP": {
        "dataset_statistics": {"mean": 1.5, "std": 2, "median": None, "method": "all"},
        "fov_statistics": {"mean": 3.25},
        "timepoint_statistics": {str(t): {"mean": t + 0.5, "iqr": 1.0} for t in range(12)},
    },
    "Phase": {"fov_statistics": {}},
}
ANCHOR_KEYS = [
    "experiment", "fov_name", "track_id", "global_track_id", "lineage_id", "t", "y", "x",
    "condition", "hours_post_infection",
]  # fmt: skip


def as_it_is(batch: Any) -> Any:
    """Collate nothing."""
    return batch


def table() -> pd.DataFrame:
    """Two lineages, one with a division, at different places."""
    tracks = track_table((1, range(6)), (2, range(6, 12), 1), (3, range(6, 12), 1), (4, range(12)))
    tracks["y"] = 10.0 + tracks.track_id * 4
    tracks["x"] = 12.0 + tracks.t
    return tracks


def write_two(folder: Path, **settings: Any) -> Path:
    """Write two experiments of two FOVs, and their config."""
    pixels = {
        name: {fov: numbered_pixels((12, 2, 1, 40, 48), seed=seed + k) for k, fov in
               enumerate(("A/1/0", "B/2/1"))}
        for seed, name in ((0, "one"), (2, "two"))
    }  # fmt: skip
    made = [
        write_experiment(
            folder, name, dict.fromkeys(arrays, table()), pixels=arrays,
            source_channel=["GFP", "Phase"], normalization={"A/1/0": STATISTICS},
            interval_minutes=30.0 if name == "one" else 60.0,
        )
        for name, arrays in pixels.items()
    ]  # fmt: skip
    dataset = DatasetConfig(
        yx_patch_size=(9, 12), tau_range_hours=(0.5, 4.0), return_negative=True, **settings
    )
    save_config(TripletConfig(experiments=made, dataset=dataset), folder / "two.yml")
    return folder / "two.yml"


@pytest.fixture(scope="module")
def two_yml(tmp_path_factory):
    return write_two(tmp_path_factory.mktemp("two"), seed=7)


@pytest.fixture
def dataset(two_yml):
    return MultiExperimentTripletDataset.from_config(two_yml)


def load(
    dataset: Any, workers: int = 0, method: str | None = None, **options: Any
) -> list[dict[str, Any]]:
    """All batches of one pass."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This DataLoader will create 4 worker")
        return list(loader_of(dataset, workers, method, **options))


def loader_of(
    dataset: Any, workers: int = 0, method: str | None = None, **options: Any
) -> DataLoader:
    by_default = {} if "batch_sampler" in options else {"batch_size": 16}
    return DataLoader(
        dataset, num_workers=workers, multiprocessing_context=method, collate_fn=as_it_is,
        **{**by_default, **options},
    )  # fmt: skip


def described(batches: list[dict[str, Any]]) -> dict[str, Any]:
    """What was drawn for each anchor, whatever the batches: metas, and sums over the pixels."""
    found = {}
    for batch in batches:
        parts = [part for part in ("anchor", "positive", "negative") if part in batch]
        sums = {
            part: batch[part].to(torch.float64).mul(weights(batch[part])).sum((1, 2, 3, 4)).tolist()
            for part in parts
        }
        for k, meta in enumerate(batch["anchor_meta"]):
            key = (meta["global_track_id"], meta["t"])
            assert key not in found
            found[key] = [(batch[f"{part}_meta"][k], sums[part][k]) for part in parts]
    return found


def weights(patches: torch.Tensor) -> torch.Tensor:
    return torch.arange(1, patches[0].numel() + 1, dtype=torch.float64).reshape(patches.shape[1:])


def picks(batches: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The positives that were drawn, in order."""
    return [
        (meta["global_track_id"], meta["t"]) for batch in batches for meta in batch["positive_meta"]
    ]


class TestBatches:
    def test_keys_shapes_and_metas(self, dataset):
        batch = dataset.__getitems__([0, 5, 17])
        parts = ("anchor", "positive", "negative")
        assert sorted(batch) == sorted(
            [*parts, *(f"{part}_meta" for part in parts), *(f"{part}_norm_meta" for part in parts)]
        )
        for part in parts:
            assert batch[part].shape == (3, 2, 1, 9, 12)
            assert batch[part].dtype == torch.float32
            assert list(batch[f"{part}_meta"][0])[: len(ANCHOR_KEYS)] == ANCHOR_KEYS
        assert len(dataset) == len(dataset.index.valid_anchors)
        for k, row in enumerate(dataset.index.valid_anchors.iloc[[0, 5, 17]].itertuples()):
            meta = batch["anchor_meta"][k]
            assert meta == {key: getattr(row, key) for key in ANCHOR_KEYS}
            assert {type(meta[key]) for key in ("t", "track_id")} == {int}

    def test_positives_and_negatives_are_what_their_metas_say(self, dataset):
        rows = dataset.index.tracks.set_index(["global_track_id", "t"])
        interval_hours = {"one": 0.5, "two": 1.0}
        batch = dataset.__getitems__(range(len(dataset)))
        whole = MultiExperimentTripletDataset(dataset.index, fit=False)
        patches = whole.__getitems__(range(len(whole)))["anchor"]
        for part in ("anchor", "positive", "negative"):
            for meta, patch in zip(batch[f"{part}_meta"], batch[part], strict=True):
                row = rows.loc[(meta["global_track_id"], meta["t"])]
                number = rows.index.get_loc((meta["global_track_id"], meta["t"]))
                assert torch.equal(patch, patches[number])
                assert (meta["y"], meta["x"], meta["lineage_id"]) == (row.y, row.x, row.lineage_id)
        metas = zip(*(batch[f"{p}_meta"] for p in ("anchor", "positive", "negative")), strict=True)
        relations = set()
        for anchor, positive, negative in metas:
            assert anchor["lineage_id"] == positive["lineage_id"] != negative["lineage_id"]
            assert anchor["experiment"] == positive["experiment"] == negative["experiment"]
            tau = positive["t"] - anchor["t"]
            assert positive["tau_frames"] == tau
            assert positive["tau_hours"] == tau * interval_hours[anchor["experiment"]]
            assert 0.5 <= positive["tau_hours"] <= 4.0
            relations.add(positive["relation"])
        assert relations == {"same track", "daughter", "sister"}

    def test_without_negatives_there_is_none(self, dataset):
        batch = MultiExperimentTripletDataset(dataset.index, seed=7).__getitems__([0])
        assert not [key for key in batch if key.startswith("negative")]

    @pytest.mark.parametrize("dtype", ["uint16", "float64", "int32"])
    def test_the_dtype_asked_for(self, dataset, dtype):
        batch = MultiExperimentTripletDataset(dataset.index, dtype=dtype, seed=7).__getitems__([3])
        assert batch["anchor"].dtype == getattr(torch, dtype)
        wanted = dataset.__getitems__([3])["anchor"]
        assert torch.equal(batch["anchor"].to(torch.float32), wanted)

    def test_predict_lists_every_row_whatever_tau_is(self, dataset):
        index = dataset.index
        predict = MultiExperimentTripletDataset(index, fit=False, return_negative=True)
        assert len(predict) == len(index.tracks) > len(dataset)
        batch = predict.__getitems__([0, 30, len(predict) - 1])
        assert sorted(batch) == ["anchor", "anchor_meta", "anchor_norm_meta", "index"]
        for k, number in enumerate([0, 30, len(predict) - 1]):
            row = index.tracks.iloc[number]
            keys = ["experiment", "fov_name", "track_id", "t", "parent_track_id", "z", "y", "x"]
            assert batch["index"][k] == {key: row[key] for key in keys}

    def test_ids_are_listed_where_the_table_has_them(self, tmp_path):
        with_ids = table().assign(id=range(30), parent_id=-1)
        made = write_experiment(
            tmp_path, "one", {"A/1/0": with_ids, "A/1/1": table()}, fovs=["A/1/0", "A/1/1"],
            pixels=numbered_pixels((12, 2, 1, 40, 48)),
        )  # fmt: skip
        index = MultiExperimentIndex(ExperimentRegistry([made]), 1, (8, 8))
        first, *_, last = MultiExperimentTripletDataset(index, fit=False).__getitems__(range(60))[
            "index"
        ]
        assert (first["id"], first["parent_id"]) == (0, -1)
        assert not {"id", "parent_id"} & set(last)

    def test_one_item_none_and_a_subset(self, dataset):
        one = dataset[3]
        assert one["anchor"].shape == (1, 2, 1, 9, 12)
        assert one["anchor_meta"] == dataset.__getitems__([3])["anchor_meta"]
        assert dataset[-1]["anchor_meta"] == dataset[len(dataset) - 1]["anchor_meta"]
        empty = dataset.__getitems__([])
        assert empty["anchor"].shape == (0, 2, 1, 9, 12)
        assert empty["positive_meta"] == empty["anchor_norm_meta"] == []
        subset = load(Subset(dataset, [5, 2, 9]), batch_size=2)
        assert [len(batch["anchor"]) for batch in subset] == [2, 1]
        assert described(subset) == described([dataset.__getitems__([9, 5, 2])])

    @pytest.mark.parametrize("number", ["beyond", -1000])
    @pytest.mark.parametrize("fit", [True, False])
    def test_an_index_outside(self, dataset, number, fit):
        chosen = MultiExperimentTripletDataset(dataset.index, fit)
        with pytest.raises(IndexError, match=f"outside the dataset of {len(chosen)}"):
            chosen.__getitems__([0, len(chosen) if number == "beyond" else number])

    def test_an_index_that_is_no_number(self, dataset):
        with pytest.raises(TypeError):
            dataset.__getitems__([1.5])


class TestArguments:
    def test_another_tau_range_than_the_indexs(self, dataset):
        with pytest.raises(ConfigError, match=r"\(0\.5, 2\.0\) is not the index's \(0\.5, 4\.0\)"):
            MultiExperimentTripletDataset(dataset.index, tau_range_hours=(0.5, 2.0))
        same = MultiExperimentTripletDataset(dataset.index, tau_range_hours=(0.5, 4.0))
        assert len(same) == len(dataset)

    @pytest.mark.parametrize(
        "argument",
        [{"tau_decay_rate": float("nan")}, {"tau_fallback": "none"}, {"negative_from": "well"},
         {"dtype": "float16"}, {"seed": -1}, {"seed": 1.5}, {"missing_chunks": "skip"},
         {"cache_pool_bytes": -1}, {"tau_range_hours": 3}, {"read_strategy": "mmap"}],
    )  # fmt: skip
    def test_one_that_cannot_be(self, dataset, argument):
        with pytest.raises(ConfigError, match=next(iter(argument))):
            MultiExperimentTripletDataset(dataset.index, **argument)

    @pytest.mark.parametrize("name", ["tensorstore", "blosc-blocks"])
    def test_a_way_to_read_by_name(self, dataset, name):
        named = MultiExperimentTripletDataset(dataset.index, read_strategy=name)
        rows = dataset.index.anchor_rows
        assert np.array_equal(named.source.read(rows), dataset.source.read(rows))
        by_tensorstore_alone = isinstance(named.source.reader._reader, TensorStoreStrategy)
        assert by_tensorstore_alone == (name == "tensorstore")

    def test_negatives_where_there_is_one_lineage(self, tmp_path):
        made = write_experiment(tmp_path, "one", {"A/1/0": track_table((1, range(12)))})
        index = MultiExperimentIndex(ExperimentRegistry([made]), 1, (8, 8))
        for place in ("experiment", "fov"):
            with pytest.raises(
                ConfigError, match=rf"experiment 'one'.*this (?i:{place}) has one lineage"
            ):
                MultiExperimentTripletDataset(index, return_negative=True, negative_from=place)
        assert len(MultiExperimentTripletDataset(index)) > 0

    def test_from_a_config_as_from_arguments(self, dataset):
        again = MultiExperimentTripletDataset(
            dataset.index, tau_range_hours=(0.5, 4.0), return_negative=True, seed=7
        )
        assert described(load(again)) == described(load(dataset))


class TestNormalization:
    def test_nested_float32_tensors_or_none(self, dataset):
        batch = dataset.__getitems__(range(len(dataset)))
        for part in ("anchor", "positive", "negative"):
            metas = zip(batch[f"{part}_meta"], batch[f"{part}_norm_meta"], strict=True)
            for meta, statistics in metas:
                check_statistics(meta, statistics)

    def test_read_once_a_fov(self, dataset, monkeypatch):
        from lineage_triplets.engine.plates.image import Fov

        read = []
        whole = Fov.normalization
        monkeypatch.setattr(
            Fov, "normalization", lambda fov: (read.append(fov.path), whole(fov))[1]
        )
        for _ in range(2):
            dataset.__getitems__(range(len(dataset)))
        assert len(read) == len(set(read)) == 4


def check_statistics(meta: dict[str, Any], statistics: Any) -> None:
    if meta["fov_name"] != "A/1/0":
        assert statistics is None
        return
    assert list(statistics) == list(STATISTICS)
    assert list(statistics["GFP"]) == list(STATISTICS["GFP"])
    found = statistics["GFP"]["dataset_statistics"]
    assert (found["median"], found["method"]) == (None, "all")
    for value, wanted in (
        (found["mean"], 1.5),
        (found["std"], 2.0),
        (statistics["GFP"]["timepoint_statistics"]["11"]["mean"], 11.5),
    ):
        assert (value.dtype, value.shape, value.item()) == (torch.float32, (), wanted)
    assert statistics["Phase"] == {"fov_statistics": {}}


def check_statistics_of(batches: list[dict[str, Any]]) -> None:
    for batch in batches:
        for meta, statistics in zip(
            batch["positive_meta"], batch["positive_norm_meta"], strict=True
        ):
            check_statistics(meta, statistics)


def check_epochs(config: str) -> None:
    """Persistent workers follow set_epoch."""
    dataset = MultiExperimentTripletDataset.from_config(config)
    loader = loader_of(dataset, 2, "fork", persistent_workers=True)
    epochs = []
    for epoch in (0, 1, 0, 5):
        dataset.set_epoch(epoch)
        epochs.append(picks(list(loader)))
    assert epochs[0] == epochs[2]
    assert epochs[0] != epochs[1] != epochs[3] != epochs[0]
    here = dataset.source.draw(dataset.index.anchor_rows, 7, 1).positive
    rows = dataset.index.tracks.iloc[here]
    assert epochs[1] == list(zip(rows.global_track_id, rows.t, strict=True))


def check_unseeded(config: str) -> list[Any]:
    """Without a seed nothing repeats: workers, their batches, and passes."""
    dataset = MultiExperimentTripletDataset.from_config(config)
    everything = list(range(len(dataset)))
    passes = [load(dataset, 2, "fork", batch_sampler=[everything] * 4) for _ in range(2)]
    drawn = [picks([batch]) for batches in passes for batch in batches]
    assert len(drawn) == 8
    assert all(one != other for k, one in enumerate(drawn) for other in drawn[:k])
    return drawn[0]


def check_descriptors(config: str) -> None:
    """Many FOVs with many statistics go through a worker's queue with few open files."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (160, before[1]))
    dataset = MultiExperimentTripletDataset.from_config(config)
    kept = load(dataset, 2, "fork", batch_size=32)
    n = 0
    for batch in kept:
        for meta, statistics in zip(batch["anchor_meta"], batch["anchor_norm_meta"], strict=True):
            fov = int(meta["fov_name"].rpartition("/")[2])
            levels = statistics["GFP"]["timepoint_statistics"]
            assert [float(one["mean"]) for one in levels.values()] == [fov + t for t in range(30)]
            n += 1
    assert n == len(dataset) >= 360
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def check_loaders(config: str) -> None:
    """Workers draw and read the same however many there are and however they start."""
    dataset = MultiExperimentTripletDataset.from_config(config)
    kinds = [("fork", 2), ("fork", 4), ("forkserver", 2), ("spawn", 2), (None, 0)]
    passes = [
        load(dataset, workers, method, batch_size=16 if workers == 2 else 7, shuffle=workers == 4)
        for method, workers in kinds
    ]
    for batches in passes:
        check_statistics_of(batches)
    *others, alone = map(described, passes)
    assert len(alone) == len(dataset)
    for kind, pairs in zip(kinds, others, strict=False):
        assert pairs == alone, kind


def check_fork_after_read(config: str) -> str:
    """What is said in a child that was forked after the parent had read."""
    dataset = MultiExperimentTripletDataset.from_config(config)
    dataset.__getitems__([0])
    there, here = os.pipe()
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork")
    if os.fork() == 0:
        try:
            dataset.__getitems__([0])
        except RuntimeError as error:
            os.write(here, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(here)
    with os.fdopen(there) as answer:
        return answer.read()


def check_verified(config: str) -> bool:
    """Verifying reads pixels elsewhere, so that workers can be forked afterwards."""
    dataset = MultiExperimentTripletDataset.from_config(config)
    return len(described(load(dataset, 1, "fork"))) == len(dataset)


def check_all(jobs: str) -> None:
    """Run several checks in one process, in this order: nothing is read here before a fork."""
    warnings.simplefilter("error")
    results = {}
    for name, config in json.loads(jobs).items():
        try:
            results[name] = {"found": globals()[name](config)}
        except BaseException:  # noqa: BLE001 - all of it is for the other process
            results[name] = {"error": traceback.format_exc()}
    print(json.dumps(results))


def in_child(**jobs: Path) -> dict[str, Any]:
    """Run some checks of this module in a process of their own."""
    code = f"""
        import sys
        sys.path[:0] = [{str(HERE)!r}, {str(TESTS)!r}]
        import test_dataset
        if __name__ == "__main__":
            test_dataset.check_all(sys.argv[1])
    """
    done = run(code, json.dumps({name: str(config) for name, config in jobs.items()}))
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def unseeded(two_yml):
    text = two_yml.read_text().replace("seed: 7", "seed: null")
    assert "seed: null" in text
    file = two_yml.parent / "unseeded.yml"
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def results(two_yml, unseeded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    fovs = {f"A/1/{k}": k for k in range(40)}
    statistics = {
        fov: {
            "GFP": {
                "timepoint_statistics": {str(t): {"mean": k + t, "std": 1.0} for t in range(30)}
            }
        }
        for fov, k in fovs.items()
    }
    made = write_experiment(
        folder, "one", dict.fromkeys(fovs, track_table((1, range(10)), y=9, x=9)),
        shape=(10, 1, 1, 20, 20), channels=["GFP"], normalization=statistics,
    )  # fmt: skip
    settings = DatasetConfig(yx_patch_size=(8, 8), seed=1, missing_chunks="fill")
    save_config(TripletConfig(experiments=[made], dataset=settings), folder / "many.yml")
    return in_child(
        check_epochs=two_yml,
        check_unseeded=unseeded,
        check_descriptors=folder / "many.yml",
        check_loaders=two_yml,
        check_fork_after_read=two_yml,
    )


@needs_linux
class TestProcesses:
    @pytest.mark.parametrize("check", ["check_epochs", "check_descriptors", "check_loaders"])
    def test_it_holds(self, results, check):
        assert results[check] == {"found": None}, results[check]["error"]

    def test_without_a_seed_nothing_repeats(self, results, unseeded):
        other = in_child(check_unseeded=unseeded)["check_unseeded"]
        assert "found" in results["check_unseeded"], results["check_unseeded"]["error"]
        assert other["found"] != results["check_unseeded"]["found"]

    def test_a_fork_after_a_read_says_what_to_do(self, results):
        assert "found" in results["check_fork_after_read"], results["check_fork_after_read"]
        said = results["check_fork_after_read"]["found"]
        assert said.startswith("ForkedReadError: ")
        assert "'forkserver'" in said
        assert "'spawn'" in said

    def test_without_a_seed_nothing_repeats_here_either(self, unseeded):
        drawn = []
        for _ in range(2):
            dataset = MultiExperimentTripletDataset.from_config(unseeded)
            drawn += [picks([dataset.__getitems__(range(len(dataset)))]) for _ in range(2)]
        assert all(one != other for k, one in enumerate(drawn) for other in drawn[:k])

    def test_a_damaged_chunk_is_named_across_processes(self, tmp_path):
        config = write_two(tmp_path, seed=1)
        file = tmp_path / "two.zarr/B/2/1/0/3/0/0/0/0"
        file.write_bytes(file.read_bytes()[:40])
        dataset = MultiExperimentTripletDataset.from_config(config)
        with pytest.raises(ChunkError) as caught:
            load(dataset, 1, "spawn", batch_size=len(dataset))
        said = str(caught.value)
        assert "experiment 'two', FOV B/2/1" in said
        assert str(tmp_path / "two.zarr/B/2/1/0") in said
        assert "3/0/0/0/0" in said


class TestPickles:
    def test_a_copy_draws_the_same_and_follows_the_epoch(self, dataset):
        again = pickle.loads(ForkingPickler.dumps(dataset))
        assert described([again.__getitems__(range(40))]) == described(
            [dataset.__getitems__(range(40))]
        )
        assert len(again) == len(dataset)
        dataset.set_epoch(3)
        assert again.epoch == 3
        assert picks([again.__getitems__(range(40))]) == picks([dataset.__getitems__(range(40))])
        assert again.index.tracks.equals(dataset.index.tracks)
        assert pickle.loads(ForkingPickler.dumps(again)).epoch == 3

    def test_a_deep_copy_is_one_of_its_own(self, dataset):
        again = copy.deepcopy(dataset)
        dataset.set_epoch(9)
        assert picks([again.__getitems__(range(9))]) == picks(
            [MultiExperimentTripletDataset.__getitems__(again, range(9))]
        )
        assert len(again) == len(dataset)

    @pytest.mark.parametrize("fit", [True, False])
    def test_an_index_without_rows(self, tmp_path, fit):
        made = write_experiment(tmp_path, "one", {"A/1/0": table().head(0)})
        index = MultiExperimentIndex(ExperimentRegistry([made]), 1, (8, 8))
        if fit:
            with pytest.raises(ValueError, match="no valid anchor"):
                MultiExperimentTripletDataset(index, fit)
            return
        empty = MultiExperimentTripletDataset(index, fit)
        assert len(empty) == 0
        assert empty.__getitems__([])["index"] == []
        assert len(pickle.loads(ForkingPickler.dumps(empty))) == 0
        with pytest.raises(IndexError):
            empty.__getitems__([0])

    def test_a_large_one_is_a_small_pickle(self, tmp_path):
        n_tracks, n_frames = 1200, 40
        tracks = pd.DataFrame(
            {
                "track_id": np.repeat(np.arange(1, n_tracks + 1), n_frames),
                "t": np.tile(np.arange(n_frames), n_tracks),
                "parent_track_id": -1,
                "y": 20.0,
                "x": 20.0,
            }
        )
        fovs = {
            f"{row}/{column}/0": track_table((1, range(9)))
            for row in "ABCD"
            for column in range(1, 5)
        }
        made = write_experiment(
            tmp_path, "one", fovs | {"A/1/0": tracks}, channels=["a"],
            shape=(n_frames, 1, 1, 40, 48),
        )  # fmt: skip
        index = MultiExperimentIndex(ExperimentRegistry([made]), 1, (8, 8))
        dataset = MultiExperimentTripletDataset(index, return_negative=True, seed=1)
        assert len(dataset) > 40_000
        assert len(index.tracks) > 48_000
        assert len(index.valid_anchors) == len(dataset)
        dataset.source.draw(index.anchor_rows[:9], 0, 0)
        assert len(bytes(ForkingPickler.dumps(dataset))) < 1_000_000


def test_what_is_read_of_an_experiment_dict_is_json(two_yml, dataset):
    """Metas are plain Python values, so that they can be logged as they are."""
    batch = dataset.__getitems__([0, 1])
    for key in ("anchor_meta", "positive_meta", "negative_meta"):
        assert json.loads(json.dumps(batch[key]))[0]["experiment"] == "one"


def test_experiments_are_given_as_they_are(dataset):
    assert all(isinstance(one, ExperimentConfig) for one in dataset.index.registry.experiments)
