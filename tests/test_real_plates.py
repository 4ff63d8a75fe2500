"""Real movies: FUCCI cells in two plates with channels remapped, and nuclei in 2D and 3D."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorstore as ts
import yaml
from torch.utils.data import DataLoader

from lineage_triplets import (
    DatasetConfig,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    TripletConfig,
    diagnose,
    load_config,
    save_config,
)
from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.first_config import inspect_plate
from lineage_triplets.engine.index.fovs import FovSource
from lineage_triplets.engine.plates.plate import open_plate
from lineage_triplets.engine.reading.local import LocalChunkStrategy
from lineage_triplets.engine.reading.plan import Window
from lineage_triplets.engine.reading.tensorstore import TensorStoreStrategy
from real import DATA, PLATES, needs_real_plates

pytestmark = needs_real_plates


def configured(name: str, **settings) -> TripletConfig:
    config = load_config(PLATES / name)
    return config.model_copy(update={"dataset": DatasetConfig(**settings)})


def pixels_of(path: str, driver: str) -> np.ndarray:
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{PLATES / path}/"}}
    return ts.open(spec, open=True).result().read().result()


def everything(dataset: MultiExperimentTripletDataset) -> dict:
    return dataset.__getitems__(range(len(dataset)))


@pytest.fixture(scope="module")
def hacat():
    return pixels_of("hacat.zarr/A/1/0/0", "zarr")


class TestFucci:
    @pytest.fixture
    def config(self):
        return configured("fucci.yml", yx_patch_size=(96, 96), tau_range_hours=(0.5, 3.0), seed=3)

    def test_nothing_is_wrong_with_it(self, config):
        found = diagnose(config)
        assert [one for one in found.problems if one.severity != "note"] == []

    def test_slots_hold_the_same_stain_pixel_for_pixel(self, config, hacat):
        dataset = MultiExperimentTripletDataset.from_config(config, fit=False)
        index = dataset.index
        assert index.registry.channel_maps == {"hacat": {0: 0, 1: 1}, "hacat_late": {0: 2, 1: 1}}
        rows = index.experiment_groups["hacat_late"]
        batch = dataset.__getitems__(rows[::3])
        assert batch["anchor"].shape == (len(rows[::3]), 2, 1, 96, 96)
        for patch, row in zip(
            batch["anchor"].numpy(), index.tracks.iloc[rows[::3]].itertuples(), strict=True
        ):
            top, left = int(row.y_clamp) - 48 + 56, int(row.x_clamp) - 48
            there = hacat[40 + 2 * row.t, :, :, top : top + 96, left : left + 96]
            np.testing.assert_array_equal(patch, there.astype(np.float32))

    def test_both_experiments_in_one_loader(self, config, hacat):
        dataset = MultiExperimentTripletDataset.from_config(config)
        loader = DataLoader(dataset, batch_size=64, shuffle=True, collate_fn=lambda batch: batch)
        seen, n = set(), 0
        for batch in loader:
            size = len(batch["anchor_meta"])
            assert batch["anchor"].shape == batch["positive"].shape == (size, 2, 1, 96, 96)
            n += size
            for part in ("anchor", "positive"):
                for patch, meta in zip(batch[part].numpy(), batch[f"{part}_meta"], strict=True):
                    seen.add(meta["experiment"])
                    if meta["experiment"] == "hacat":
                        top, left = (
                            int(min(max(meta[axis], 48), 256 - 48)) - 48 for axis in ("y", "x")
                        )
                        there = hacat[meta["t"], :, :, top : top + 96, left : left + 96]
                        np.testing.assert_array_equal(patch, there)
        assert (seen, n) == ({"hacat", "hacat_late"}, len(dataset))

    def test_positives_cross_every_division_gaps_included(self, config):
        wide = config.dataset.model_copy(update={"tau_range_hours": (0.25, 2.0)})
        dataset = MultiExperimentTripletDataset.from_config(
            config.model_copy(update={"dataset": wide})
        )
        tracks = dataset.index.tracks
        tracks = tracks[tracks.experiment == "hacat"]
        first, last = (tracks.groupby("track_id").t.agg(how) for how in ("min", "max"))
        parents = tracks.groupby("track_id").parent_track_id.first()
        daughters = {
            mother: set(parents.index[parents == mother]) for mother in parents if mother != -1
        }
        assert len(daughters) == 6
        assert {len(of_mother) for of_mother in daughters.values()} == {2}
        gaps = {m: min(first[d] for d in ds) - last[m] for m, ds in daughters.items()}
        assert sorted(gaps.values()) == [1, 1, 1, 2, 2, 5]
        batch = everything(dataset)
        for anchor, positive in zip(batch["anchor_meta"], batch["positive_meta"], strict=True):
            assert positive["lineage_id"] == anchor["lineage_id"]
            assert positive["tau_frames"] == positive["t"] - anchor["t"] > 0
            if anchor["experiment"] == "hacat":
                is_daughter = positive["track_id"] in daughters.get(anchor["track_id"], ())
                assert (positive["relation"] == "daughter") == is_daughter
        track, crossed = dataset.index.tracks.track_id.to_numpy(), set()
        of_hacat = dataset.index.anchor_rows[
            np.isin(dataset.index.anchor_rows, dataset.index.experiment_groups["hacat"])
        ]
        for epoch in range(50):
            pairs = dataset.source.draw(of_hacat, 3, epoch)
            assert (pairs.positive >= 0).all()
            crossed |= set(zip(track[pairs.anchor], track[pairs.positive], strict=True))
        assert crossed >= {(mother, one) for mother, ds in daughters.items() for one in ds}


class TestNuclei:
    @pytest.fixture(scope="class")
    @classmethod
    def dataset(cls):
        config = configured(
            "nuclei.yml", yx_patch_size=(32, 32), tau_range_hours=(0.5, 2.0), seed=1
        )
        return MultiExperimentTripletDataset.from_config(config)

    def test_flat_and_deep_together_each_with_its_interval(self, dataset):
        assert dataset.index.tau_range_frames == [(1, 4), (3, 12)]
        counts = dataset.index.counts().set_index("experiment")
        assert counts.divisions.to_dict() == {"hela": 53, "embryo": 8}
        assert (counts.valid_anchors > 0).all()
        batch = everything(dataset)
        assert batch["anchor"].shape == batch["positive"].shape == (len(dataset), 1, 1, 32, 32)
        ranges = {"hela": (1, 4), "embryo": (3, 12)}
        drawn: dict[str, set[int]] = {name: set() for name in ranges}
        for anchor, positive in zip(batch["anchor_meta"], batch["positive_meta"], strict=True):
            drawn[anchor["experiment"]].add(positive["tau_frames"])
            minutes = 30 if anchor["experiment"] == "hela" else 10
            assert positive["tau_hours"] == pytest.approx(positive["tau_frames"] * minutes / 60)
        assert {name: (min(taus), max(taus)) for name, taus in drawn.items()} == ranges

    def test_the_slice_follows_each_nucleus(self, dataset):
        embryo = pixels_of("embryo.zarr/B/3/2/0", "zarr")
        rows = dataset.index.tracks[dataset.index.tracks.experiment == "embryo"]
        assert rows.z.round().nunique() > 5
        whole = MultiExperimentTripletDataset(dataset.index, fit=False)
        patches = whole.__getitems__(rows.index)["anchor"].numpy()
        for patch, row in zip(patches, rows.itertuples(), strict=True):
            z = int(np.clip(np.floor(row.z + 0.5), 0, 11))
            top, left = int(row.y_clamp) - 16, int(row.x_clamp) - 16
            there = embryo[row.t, :, z : z + 1, top : top + 32, left : left + 32]
            np.testing.assert_array_equal(patch, there.astype(np.float32))

    def test_the_usual_patch_is_too_large_for_the_embryo(self):
        found = diagnose(configured("nuclei.yml"))
        (error,) = found.errors
        assert (error.experiment, error.kind) == ("embryo", "patch-too-large")
        assert "160 x 160" in error.message
        assert "44 x 80" in error.message
        assert set(found.index.tracks.experiment) == {"hela"}


def test_four_plates_that_share_one_channel(tmp_path):
    """One slot, whatever its name and place in each plate; saved elsewhere and loaded again."""
    chosen = {
        "hacat": "FUCCI-cyan",
        "hacat_late": "FUCCI-cyan",
        "hela": "H2B-GFP",
        "embryo": "nuclei",
    }
    experiments = [
        one.model_copy(update={"source_channel": [chosen[one.name]]})
        for name in ("fucci.yml", "nuclei.yml")
        for one in load_config(PLATES / name).experiments
    ]
    settings = DatasetConfig(yx_patch_size=(33, 40), return_negative=True, slot_labels=["nuclei"])
    save_config(TripletConfig(experiments=experiments, dataset=settings), tmp_path / "four.yml")
    for entry in yaml.safe_load((tmp_path / "four.yml").read_text())["experiments"]:
        assert not Path(entry["data_path"]).is_absolute()
    index = MultiExperimentIndex.from_config(tmp_path / "four.yml")
    assert index.registry.slot_labels == ["nuclei"]
    assert index.registry.channel_maps == {
        "hacat": {0: 0}, "hacat_late": {0: 2}, "hela": {0: 0}, "embryo": {0: 0},
    }  # fmt: skip
    dataset = MultiExperimentTripletDataset.from_config(tmp_path / "four.yml")
    hela = pixels_of("hela.zarr/A/1/0/s0", "zarr3")
    batch = dataset.__getitems__(range(0, len(dataset), 7))
    assert {meta["experiment"] for meta in batch["negative_meta"]} == set(chosen)
    for part in ("anchor", "positive", "negative"):
        for patch, meta in zip(batch[part].numpy(), batch[f"{part}_meta"], strict=True):
            if meta["experiment"] == "hela":
                top = int(min(max(meta["y"], 16), 700 - 33 + 16)) - 16
                left = int(min(max(meta["x"], 20), 1100 - 20)) - 20
                there = hela[meta["t"], :, :, top : top + 33, left : left + 40]
                np.testing.assert_array_equal(patch, there)


AROUND_A_PLATE = DATA / "foreign/written/acquire_v0.5_plate.zarr"
STORES = [
    *sorted(PLATES.glob("*.zarr")),
    *sorted({*(DATA / "foreign/written").glob("*.zarr")} - {AROUND_A_PLATE}),
    AROUND_A_PLATE / "plate",
    *sorted((DATA / "foreign/found").glob("*/*.ome.zarr")),
    DATA / "foreign/found/mobie_single-plane-hcs.zarr",
    DATA / "foreign/found/neuroglancer/simple_0.4",
    DATA / "foreign/found/neuroglancer/simple_0.5",
]
READ_WITHOUT_TENSORSTORE = {"embryo.zarr", "hacat.zarr", "iohub_hcs_v0.4.zarr"}


@pytest.mark.parametrize("path", STORES, ids=lambda path: path.name)
def test_every_strategy_reads_the_same_pixels(path):
    plate = open_plate(path)
    for name in plate.fov_names():
        fov = plate.fov(name)
        assert fov.form.unreadable == ""
        channels = tuple(reversed(range(fov.shape[1])))
        source = FovSource("one", 0, fov, path, "", channels, None, 1, 1)
        rng = np.random.default_rng(5)
        boxes = []
        for _ in range(20):
            sizes = [int(rng.integers(1, n + 1)) for n in fov.shape[2:]]
            starts = [
                int(rng.integers(n - m + 1)) for n, m in zip(fov.shape[2:], sizes, strict=True)
            ]
            boxes.append((int(rng.integers(fov.shape[0])), starts, sizes))
        results = []
        theirs = TensorStoreStrategy("fill", 0)
        for strategy in (LocalChunkStrategy(TensorStoreStrategy("fill", 0), 0), theirs):
            windows = [
                Window(
                    source,
                    t,
                    *(slice(a, a + n) for a, n in zip(starts, sizes, strict=True)),
                    np.full((len(channels), *sizes), np.nan),
                )
                for t, starts, sizes in boxes
            ]
            strategy.read(windows)
            results.append([window.target for window in windows])
        for ours, expected in zip(*results, strict=True):
            np.testing.assert_array_equal(ours, expected)
        if path.name in READ_WITHOUT_TENSORSTORE:
            assert fov.form.storage is not None


def test_foreign_stores_say_what_they_are():
    """Version 0.6 of neuroglancer, series of bioformats2raw, a plate of acquire-zarr in a group."""
    found = DATA / "foreign/found"
    for name in ("scale", "affine"):
        fov = open_plate(found / f"neuroglancer/ome_0.6/{name}.zarr").first_fov()
        assert (fov.axes, fov.pixel_size_um) == (("z", "y", "x"), (4.0, 3.0, 2.0))
    series = open_plate(found / "viv_bioformats-zarr/data.zarr")
    assert (series.fov_names(), series.single_image) == (["0/0/0"], False)
    # Its fill value is text.
    assert "fill_value" in series.first_fov().form.unreadable
    below = inspect_plate(AROUND_A_PLATE)
    assert (below.inside, below.fov_names) == ("plate", ["A/1/fov0", "B/2/fov1"])
    for folder in (
        found / "neuroglancer/zarr_v3",
        found / "n5zarr_dimensionOrder/dimensionOrder.zarr",
    ):
        with pytest.raises(StoreError):
            open_plate(folder)
