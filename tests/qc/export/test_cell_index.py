"""The flat table: every cell, frame and slot of what training reads, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineage_triplets import DatasetConfig, MultiExperimentIndex, TripletConfig
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.engine.settings.model import Exclusions
from lineage_triplets.qc.export import cell_index
from lineage_triplets.qc.export.cell_index import (
    CELL_INDEX_LOSES,
    CELL_INDEX_SCHEMA,
    cell_index_batches,
    write_cell_index,
)
from stores import track_table

STRINGS = [
    "cell_id",
    "experiment",
    "store_path",
    "tracks_path",
    "fov",
    "well",
    "perturbation",
    "channel_name",
    "global_track_id",
    "lineage_id",
    "gene_name",
    "reporter",
    "sgRNA",
    "microscope",
    "marker",
    "organelle",
]
FLOATS = [
    "y",
    "x",
    "hours_post_perturbation",
    "interval_minutes",
    "pixel_size_xy_um",
    "pixel_size_z_um",
    "z_focus_mean",
    "norm_mean",
    "norm_std",
    "norm_median",
    "norm_iqr",
    "norm_max",
    "norm_min",
]
INTS = [
    "t",
    "track_id",
    "parent_track_id",
    "T_shape",
    "C_shape",
    "Z_shape",
    "Y_shape",
    "X_shape",
]
REQUIRED = [
    "cell_id",
    "experiment",
    "store_path",
    "tracks_path",
    "fov",
    "well",
    "y",
    "x",
    "z",
    "perturbation",
    "channel_name",
    "microscope",
]

FAMILY = track_table((1, range(5)), (2, range(5, 9), 1), (3, range(5, 10), 1))
MOVED = FAMILY.assign(z=1.5 + FAMILY.t % 2, y=20.25, x=FAMILY.t + 3.5)


def statistics(offset):
    names = ("mean", "std", "median", "iqr", "max", "min")
    return {name: offset + number for number, name in enumerate(names)}


@pytest.fixture
def experiments(make_experiment):
    both = {"A/1/0": MOVED, "B/2/1": FAMILY}
    one = make_experiment(
        "one",
        both,
        shape=(12, 2, 4, 40, 48),
        condition_wells={"mock": ["A/1"]},
        interval_minutes=20.0,
        config={"start_hpi": 2.0, "organelle": "ER"},
        normalization={
            "A/1/0": {
                "Phase": {
                    "dataset_statistics": statistics(900.0),
                    "fov_statistics": statistics(100.0) | {"iqr": float("nan")},
                    "timepoint_statistics": {"0": statistics(1.0)},
                },
                "GFP": {"dataset_statistics": statistics(500.0)},
            }
        },
    )
    two = make_experiment(
        "two",
        both,
        shape=(12, 3, 1, 40, 48),
        channels=("raw GFP", "BF", "DAPI"),
        source_channel=("BF", "raw GFP"),
        pixel_size_um=1.0,
    )
    return [one, two]


def index_of(experiments, **rest):
    dataset = DatasetConfig(yx_patch_size=(16, 16), slot_labels=["phase", "virus"])
    config = TripletConfig(experiments=experiments, dataset=dataset, **rest)
    return MultiExperimentIndex.from_config(config)


def table_of(index, folder):
    report = write_cell_index(index, folder / "cell_index.parquet")
    return pd.read_parquet(folder / "cell_index.parquet"), report


class TestRows:
    def test_they_are_those_of_the_index_once_a_slot(self, experiments, tmp_path):
        index = index_of(experiments)
        table, report = table_of(index, tmp_path)
        assert (report.rows, report.observations, report.slots) == (112, 56, 2)
        assert len(table) == 112
        for slot, (marker, in_one, in_two) in enumerate(
            [("phase", "Phase", "BF"), ("virus", "GFP", "raw GFP")]
        ):
            own, tracks = table.iloc[slot::2].reset_index(drop=True), index.tracks
            same = {
                "experiment": "experiment",
                "well": "well_name",
                "perturbation": "condition",
                "global_track_id": "global_track_id",
                "lineage_id": "lineage_id",
                "t": "t",
                "track_id": "track_id",
                "parent_track_id": "parent_track_id",
                "y": "y",
                "x": "x",
                "hours_post_perturbation": "hours_post_infection",
            }
            for ours, theirs in same.items():
                wanted = tracks[theirs].to_numpy()
                if ours in FLOATS:
                    wanted = wanted.astype(np.float32)
                np.testing.assert_array_equal(own[ours], wanted, err_msg=ours)
            assert (own.well + "/" + own.fov).tolist() == tracks.fov_name.tolist()
            np.testing.assert_array_equal(own.z, np.rint(tracks.z))
            assert set(own.marker) == {marker}
            names = np.where(tracks.experiment == "one", in_one, in_two)
            np.testing.assert_array_equal(own.channel_name, names)
        assert set(table.perturbation) == {"mock", "unknown", "control"}
        assert table.parent_track_id.min() == -1
        assert set(table.z[table.experiment == "one"]) == {0, 2}

    def test_cell_and_channel_are_unique_although_fovs_have_one_name(self, experiments, tmp_path):
        table, _ = table_of(index_of(experiments), tmp_path)
        assert table.groupby("experiment").fov.agg(set).tolist() == [{"0", "1"}] * 2
        assert not table.duplicated(["cell_id", "channel_name"]).any()
        assert (table.groupby("cell_id").size() == 2).all()
        assert table.cell_id.nunique() == 56

    def test_parts_are_the_whole(self, experiments, tmp_path, monkeypatch):
        index = index_of(experiments)
        whole, _ = table_of(index, tmp_path)
        monkeypatch.setattr(cell_index, "_ROWS_A_BATCH", 10)
        batches = list(cell_index_batches(index))
        assert [len(one) for one in batches] == [10] * 11 + [2]
        table, _ = table_of(index, tmp_path)
        pd.testing.assert_frame_equal(table, whole)
        assert pq.ParquetFile(tmp_path / "cell_index.parquet").num_row_groups == 12

    def test_no_cells(self, make_experiment, tmp_path):
        empty = make_experiment("one", {"A/1/0": FAMILY.iloc[:0]})
        table, report = table_of(index_of([empty]), tmp_path)
        assert (len(table), report.rows, report.slots) == (0, 0, 2)
        assert list(table.columns) == CELL_INDEX_SCHEMA.names


class TestDecisions:
    def test_what_is_excluded_is_not_there(self, experiments, tmp_path):
        exclude = Exclusions(
            wells=[{"experiment": "two", "well": "B/2"}],
            frames=[{"experiment": "one", "fov": "A/1/0", "frames": [0, 7]}],
            lineages=[{"lineage_id": "one_B/2/1_1"}],
            tracks=[{"global_track_id": "two_A/1/0_2"}],
        )
        index = index_of(experiments, exclude=exclude)
        table, _ = table_of(index, tmp_path)
        assert len(table) == 2 * len(index) == 2 * (11 + 10)
        assert not set(table.lineage_id) & {"one_B/2/1_1"}
        assert not set(table.global_track_id) & {"two_A/1/0_2"}
        assert set(table.well[table.experiment == "two"]) == {"A/1"}
        assert not set(table.t[table.experiment == "one"]) & {0, 7}

    def test_cuts_make_lineages_of_their_own(self, experiments, tmp_path):
        place = {"experiment": "one", "fov": "A/1/0"}
        cut = [{**place, "track_id": 1, "daughter": 3}, {**place, "track_id": 2, "t": 7}]
        table, _ = table_of(index_of(experiments, cut=cut), tmp_path)
        own = table[(table.experiment == "one") & (table.well == "A/1")].drop_duplicates("cell_id")
        assert own.groupby("lineage_id").size().to_dict() == {
            "one_A/1/0_1": 7,
            "one_A/1/0_2@7": 2,
            "one_A/1/0_3": 5,
        }
        assert set(own.parent_track_id[own.track_id == 3]) == {-1}
        assert own.cell_id[own.global_track_id == "one_A/1/0_2@7"].tolist() == [
            "one_A/1/0_2@7_7",
            "one_A/1/0_2@7_8",
        ]


class TestColumns:
    def test_their_types(self, experiments, tmp_path):
        write_cell_index(index_of(experiments), tmp_path / "out.parquet")
        schema = pq.read_schema(tmp_path / "out.parquet")
        types = dict.fromkeys(STRINGS, pa.string()) | dict.fromkeys(FLOATS, pa.float32())
        types |= dict.fromkeys(INTS, pa.int32()) | {"z": pa.int16()}
        assert dict(zip(schema.names, schema.types, strict=True)) == types

    def test_what_is_required_is_never_null(self, experiments, tmp_path):
        table, _ = table_of(index_of(experiments), tmp_path)
        assert not table[[*REQUIRED, "marker", "global_track_id", "lineage_id"]].isna().any().any()
        unknown = ["gene_name", "reporter", "sgRNA", "z_focus_mean"]
        assert table[unknown].isna().all().all()
        assert set(table.microscope) == {""}

    def test_the_image(self, experiments, tmp_path):
        table, _ = table_of(index_of(experiments), tmp_path)
        one, two = (table[table.experiment == name].iloc[0] for name in ("one", "two"))
        assert [one[f"{axis}_shape"] for axis in "TCZYX"] == [12, 2, 4, 40, 48]
        assert [two[f"{axis}_shape"] for axis in "TCZYX"] == [12, 3, 1, 40, 48]
        assert (one.store_path, one.tracks_path) == (
            experiments[0].data_path,
            experiments[0].tracks_path,
        )
        assert (one.interval_minutes, two.interval_minutes) == (20.0, 30.0)
        assert (one.pixel_size_xy_um, one.pixel_size_z_um) == (0.5, 2.0)
        assert one.organelle == "ER"
        assert two[["pixel_size_xy_um", "pixel_size_z_um", "organelle"]].isna().all()

    def test_normalization_is_the_frames_else_the_fovs_else_the_plates(self, experiments, tmp_path):
        table, report = table_of(index_of(experiments), tmp_path)
        assert report.fovs_without_normalization == 3
        norms = [f"norm_{name}" for name in ("mean", "std", "median", "iqr", "max", "min")]
        own = (table.experiment == "one") & (table.well == "A/1")
        phase = table[own & (table.channel_name == "Phase")]
        first = phase[phase.t == 0][norms].drop_duplicates()
        np.testing.assert_array_equal(first.to_numpy(), [[1, 2, 3, 4, 5, 6]])
        phase = phase[phase.t > 0][norms].drop_duplicates()
        np.testing.assert_array_equal(phase.to_numpy(), [[100, 101, 102, np.nan, 104, 105]])
        unknown = pq.read_table(tmp_path / "cell_index.parquet")["norm_iqr"].is_null()
        assert unknown.to_numpy()[own & (table.channel_name == "Phase") & (table.t > 0)].all()
        gfp = table[own & (table.channel_name == "GFP")][norms].drop_duplicates()
        np.testing.assert_array_equal(gfp.to_numpy(), [[500, 501, 502, 503, 504, 505]])
        assert table[~own][norms].isna().all().all()


class TestRefused:
    def test_a_track_number_that_does_not_fit(self, make_experiment, tmp_path):
        large = FAMILY.assign(track_id=FAMILY.track_id + 3_000_000_000, parent_track_id=-1)
        index = index_of([make_experiment("one", {"A/1/0": large})])
        with pytest.raises(ConfigError, match="track_id 3000000001 is beyond 2147483647"):
            write_cell_index(index, tmp_path / "out.parquet")
        assert not (tmp_path / "out.parquet").exists()

    def test_one_channel_in_two_slots(self, make_experiment, tmp_path):
        one = make_experiment("one", {"A/1/0": FAMILY}, source_channel=("GFP", "GFP"))
        with pytest.raises(ConfigError, match="'GFP' is in two slots"):
            write_cell_index(index_of([one]), tmp_path / "out.parquet")


def test_an_earlier_file_is_replaced(experiments, tmp_path):
    (tmp_path / "cell_index.parquet").write_text("old")
    table, _ = table_of(index_of(experiments), tmp_path)
    assert len(table) == 112
    assert all(one.endswith(".") for one in CELL_INDEX_LOSES)
