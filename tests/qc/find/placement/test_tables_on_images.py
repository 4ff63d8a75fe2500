"""Whether tables lie on their images: a movie of moving cells, and its table spoilt in all ways."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from lineage_triplets import DatasetConfig, TripletConfig, load_config, save_config
from lineage_triplets.cli.app import app
from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.tracks.read import read_track_table
from lineage_triplets.engine.tracks.transform import place_table
from lineage_triplets.qc import Review, gate_points
from lineage_triplets.qc.find import run
from lineage_triplets.qc.find.placement import Placement, objects
from lineage_triplets.qc.find.placement.look import look_at_fov, table_signs
from lineage_triplets.qc.find.placement.scene import SceneReader
from lineage_triplets.qc.record.decision import Target
from movies import (
    N_FRAMES,
    N_SLICES,
    SIZE,
    SPOILS,
    cells,
    movie,
    write,
)
from real import PLATES, needs_real_plates
from stores import make_experiment

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.engine.index.fovs import FovSource


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    return cells(5)


@pytest.fixture(scope="module")
def pixels(truth: pd.DataFrame) -> np.ndarray:
    return movie(truth)


@pytest.fixture(scope="module")
def stack() -> tuple[pd.DataFrame, np.ndarray]:
    table = cells(8, n_slices=N_SLICES)
    return table, movie(table, n_slices=N_SLICES)


@pytest.fixture(scope="module")
def sources() -> dict[str, FovSource]:
    found = {}
    for name in ("fucci.yml", "nuclei.yml"):
        config = load_config(PLATES / name)
        small = config.dataset.model_copy(update={"yx_patch_size": (16, 16)})
        index = MultiExperimentIndex.from_config(config.model_copy(update={"dataset": small}))
        found |= {source.experiment: source for source in index.fovs}
    return found


def placed(config: Path) -> list[Placement]:
    with Review.open(config, read_only=True) as review:
        review.checks.check_placement()
        return review.checks.placements


def positions(config: Path) -> pd.DataFrame:
    index = MultiExperimentIndex.from_config(load_config(config))
    rows = index.tracks[["track_id", "t", "y", "x", "z"]]
    return rows.sort_values(["track_id", "t"], ignore_index=True)


class TestFov:
    def test_a_true_table_fits_and_its_frames_are_sure(self, tmp_path, truth, pixels):
        (found,) = placed(write(tmp_path, {"A/1/0": truth}, {"A/1/0": pixels}))
        assert (found.status, found.transform, found.timing) == ("fits", None, "sure")
        assert found.ratio > 4

    @pytest.mark.parametrize("cause", SPOILS)
    def test_what_happened_is_named_and_its_remedy_mends_it(self, tmp_path, truth, pixels, cause):
        config = write(tmp_path, {"A/1/0": SPOILS[cause](truth)}, {"A/1/0": pixels})
        (found,) = placed(config)
        assert (found.status, found.cause, found.is_clear) == ("misfit", cause, True)
        assert found.best_ratio > 2 * found.ratio or found.nearer_t > 5
        if cause == "reversed":
            assert found.transform is None
            return
        with Review.open(config, by="ada") as review:
            review.check(channels=False)
            remedy = review.checks.placement_remedy("plate")
            assert remedy == found.transform
            review.place("plate", remedy, "as its images say")
            review.checks.check_placement()
            assert [now.status for now in review.checks.placements] == ["fits"]
            mended = review.data.training.tracks.sort_values(["track_id", "t"], ignore_index=True)
        true = positions(write(tmp_path / "true", {"A/1/0": truth}, {"A/1/0": pixels}))
        both = mended.merge(true, on=["track_id", "t"])
        assert len(both) > 0.9 * len(true) * (N_FRAMES - (cause == "frames")) / N_FRAMES
        assert np.abs(both.y_x - both.y_y).max() < 3
        assert np.abs(both.x_x - both.x_y).max() < 3

    def test_two_mistakes_at_once_are_both_named(self, tmp_path, truth, pixels):
        table = SPOILS["frames"](SPOILS["micrometres"](truth))
        (found,) = placed(write(tmp_path, {"A/1/0": table}, {"A/1/0": pixels}))
        assert found.cause == "micrometres"
        assert found.transform.first_frame == 1
        assert found.transform.scale == (1.0, 2.0, 2.0)

    def test_another_fovs_table_fits_nowhere(self, tmp_path, pixels):
        (found,) = placed(write(tmp_path, {"A/1/0": cells(99)}, {"A/1/0": pixels}))
        assert found.status in {"unknown", "cannot-tell"}
        assert found.transform is None

    @pytest.mark.parametrize("ground", ["noise", "flat", "empty"])
    def test_images_with_nothing_in_them_accuse_nobody(self, tmp_path, truth, ground):
        shape = (N_FRAMES, 1, 1, *SIZE)
        rng = np.random.default_rng(2)
        image = {
            "noise": rng.normal(300, 40, shape).astype(np.uint16),
            "flat": np.full(shape, 300, np.uint16),
            "empty": np.zeros(shape, np.uint16),
        }[ground]
        for table in (truth, SPOILS["micrometres"](truth)):
            config = write(
                tmp_path / str(len(table) + table.y.sum()), {"A/1/0": table}, {"A/1/0": image}
            )
            (found,) = placed(config)
            assert found.status == "cannot-tell"
            assert found.why

    def test_a_few_cells_accuse_nobody(self, tmp_path, truth, pixels):
        for n_cells in (1, 3):
            few = truth[truth.track_id <= n_cells]
            for name, table in (("true", few), ("um", SPOILS["micrometres"](few))):
                config = write(tmp_path / f"{name}{n_cells}", {"A/1/0": table}, {"A/1/0": pixels})
                assert placed(config)[0].status in {"fits", "cannot-tell"}

    def test_pixels_that_are_no_numbers_do_no_harm(self, tmp_path, truth, pixels):
        holes = pixels.astype(np.float32)
        holes[3, 0, 0, :40] = np.nan
        holes[7, 0, 0, 50:60] = np.inf
        (found,) = placed(write(tmp_path, {"A/1/0": truth}, {"A/1/0": holes}))
        assert found.status == "fits"

    def test_a_damaged_frame_is_left_out(self, tmp_path, truth, pixels):
        config = write(tmp_path, {"A/1/0": truth}, {"A/1/0": pixels})
        chunk = tmp_path / "plate.zarr" / "A" / "1" / "0" / "0" / "0/0/0/0/0"
        chunk.write_bytes(b"no chunk")
        (found,) = placed(config)
        assert found.status == "fits"
        assert 0 not in found.frames


class TestSlices:
    @pytest.mark.parametrize(
        ("name", "spoil", "cause"),
        [
            ("true", lambda z: z, "as-is"),
            ("reversed", lambda z: N_SLICES - 1 - z, "reversed"),
            ("um", lambda z: z * 0.3, "scaled"),
            ("flat", lambda z: z * 0, "flat"),
        ],
    )
    def test_slices_in_other_units_or_from_the_other_end_are_named(
        self, tmp_path, stack, name, spoil, cause
    ):
        table, image = stack
        config = write(tmp_path, {"A/1/0": table.assign(z=spoil(table.z))}, {"A/1/0": image})
        (found,) = placed(config)
        assert found.z.cause == cause
        assert found.status == ("fits" if name == "true" else "misfit")
        if name in {"reversed", "um"}:
            z = table.z.map(spoil) * found.transform.scale[0] + found.transform.offset[0]
            assert np.abs(z - table.z).mean() < 0.5


class TestReview:
    def test_one_remedy_for_all_fovs_that_lie_alike(self, tmp_path):
        tables = {fov: cells(seed) for seed, fov in enumerate(("A/1/0", "A/1/1"))}
        images = {fov: movie(table) for fov, table in tables.items()}
        swapped = {fov: SPOILS["swapped"](table) for fov, table in tables.items()}
        with Review.open(write(tmp_path, swapped, images), by="ada") as review:
            (found,) = [one.finding for one in review.check() if one.finding.kind == "placement"]
            assert (found.severity, found.fov, found.count) == ("error", "", 2)
            assert "swap_xy: true" in found.remedy
            points = {point.kind: point for point in gate_points(review)}
            assert not points["placement"].passed
            assert points["placement"].finding_key == found.key
            review.place("plate", review.checks.placement_remedy("plate"), "exchanged")
            assert {point.kind: point.passed for point in gate_points(review)}["placement"]

    def test_one_fov_that_lies_otherwise_is_named_alone(self, tmp_path):
        tables = {fov: cells(seed) for seed, fov in enumerate(("A/1/0", "A/1/1"))}
        images = {fov: movie(table) for fov, table in tables.items()}
        tables["A/1/1"] = SPOILS["offset"](tables["A/1/1"])
        with Review.open(write(tmp_path, tables, images), by="ada") as review:
            (found,) = [one.finding for one in review.check() if one.finding.kind == "placement"]
            assert (found.fov, found.severity) == ("A/1/1", "error")
            assert review.checks.placement_remedy("plate") is None
            review.reject(Target("fov", "plate", "A/1/1"), "another crop")
            assert {point.kind: point.passed for point in gate_points(review)}["placement"]

    def test_what_was_found_is_known_again_and_forgotten_with_the_table(
        self, tmp_path, truth, pixels
    ):
        config = write(tmp_path, {"A/1/0": SPOILS["swapped"](truth)}, {"A/1/0": pixels})
        with Review.open(config, by="ada") as review:
            review.checks.check_placement()
            before = review.checks.placements
        with Review.open(config, by="ada") as review:
            review.checks.recall_pixels()
            assert review.checks.placements == before
        (file,) = (tmp_path / "plate_tracks").rglob("*.csv")
        truth.to_csv(file, index=False)
        with Review.open(config, by="ada") as review:
            review.checks.recall_pixels()
            assert review.checks.placements == []

    def test_a_snapshot_looks_and_the_review_takes_it_up_and_keeps_it(
        self, tmp_path, truth, pixels
    ):
        config = write(tmp_path, {"A/1/0": truth}, {"A/1/0": pixels})
        with Review.open(config, by="ada") as review:
            snapshot = review.snapshot()
            snapshot.checks.check_placement()
            assert review.checks.placements == []
            assert review.checks.take_up(snapshot.checks)
            assert [found.status for found in review.checks.placements] == ["fits"]
        with Review.open(config, by="ada") as review:
            review.checks.recall_pixels()
            assert len(review.checks.placements) == 1

    def test_what_a_snapshot_recalled_is_not_looked_up_again(
        self, tmp_path, truth, pixels, monkeypatch
    ):
        config = write(tmp_path, {"A/1/0": SPOILS["swapped"](truth)}, {"A/1/0": pixels})
        with Review.open(config, by="ada") as review:
            review.check(channels=False)
            review.place("plate", {"swap_xy": True}, "exchanged")
            snapshot = review.snapshot()
            snapshot.check(channels=False)
            review.take_up(snapshot)
            looked_up = []
            monkeypatch.setattr(run, "recall_placements", lambda *of: looked_up.append(of) or [])
            assert not [one for one in review.findings() if one.finding.kind == "placement"]
            assert looked_up == []

    def test_it_stops_when_it_is_told_to(self, tmp_path, truth, pixels):
        with Review.open(write(tmp_path, {"A/1/0": truth}, {"A/1/0": pixels})) as review:
            assert review.checks.check_placement(stop=lambda: True) == 0
            assert review.checks.check_placement() == 1

    def test_a_search_that_is_told_to_stops_amid_a_fov(self, tmp_path, pixels):
        asked = []

        def stop() -> bool:
            asked.append(1)
            # All frames are read by then, and nothing fits.
            return len(asked) > N_FRAMES + 8

        config = write(tmp_path, {"A/1/0": cells(99)}, {"A/1/0": pixels})
        with Review.open(config, by="ada") as review:
            assert review.checks.check_placement(stop=stop) == 0
            assert len(asked) < N_FRAMES + 12

    def test_a_placement_survives_being_kept_as_json(self, tmp_path, truth, pixels):
        config = write(tmp_path, {"A/1/0": SPOILS["turned"](truth)}, {"A/1/0": pixels})
        (found,) = placed(config)
        assert Placement.of_dict(found.as_dict()) == found


class TestTableAlone:
    def test_frames_that_count_from_one(self, truth):
        table = pd.DataFrame(SPOILS["frames"](truth))
        (sign,) = self.signs(table)
        assert "count from 1" in sign

    def test_rows_in_a_corner(self, truth):
        (sign,) = self.signs(SPOILS["micrometres"](truth))
        assert "micrometres" in sign

    def test_a_true_table_has_no_sign(self, truth):
        assert self.signs(truth) == ()

    def signs(self, table):
        columns = {name: table[name].to_numpy() for name in ("t", "y", "x")}
        return table_signs(type("Table", (), columns), (N_FRAMES, 1, 1, *SIZE))


class TestCommand:
    def test_it_says_what_mends_a_table_and_draws_both(self, tmp_path, truth, pixels):
        config = write(tmp_path, {"A/1/0": SPOILS["micrometres"](truth)}, {"A/1/0": pixels})
        result = CliRunner().invoke(
            app, ["placement", str(config), "--pictures", str(tmp_path / "seen")],
            env={"COLUMNS": "300"},
        )  # fmt: skip
        assert result.exit_code == 1, result.output
        assert "scale: [1, 2, 2]" in result.output
        assert "micrometres" in result.output
        assert [file.name for file in (tmp_path / "seen").iterdir()] == ["plate_A_1_0.png"]

    def test_true_tables_exit_with_zero(self, tmp_path, truth, pixels):
        config = write(tmp_path, {"A/1/0": truth}, {"A/1/0": pixels})
        result = CliRunner().invoke(app, ["placement", str(config)])
        assert result.exit_code == 0
        assert "fits" in result.output


@needs_real_plates
class TestRealPlates:
    """20 of 20 spoilt tables of four real movies are named, and no true one is accused."""

    @pytest.mark.parametrize(
        "plate",
        [
            "hacat_late",
            *(pytest.param(name, marks=pytest.mark.slow) for name in ("hacat", "hela", "embryo")),
        ],
    )
    def test_spoilt_tables_are_named_and_the_true_one_is_not(self, sources, plate):
        source = sources[plate]
        table = read_track_table(source.table)
        n_frames = source.fov.shape[0]

        def look(**changes):
            placement, _ = look_at_fov(source, replace(table, **changes))
            return placement

        assert look().status == "fits"
        in_um = look(y=table.y * 0.65, x=table.x * 0.65)
        assert in_um.cause in {"scaled", "micrometres"}
        assert in_um.transform.scale[1] == pytest.approx(1 / 0.65, rel=0.015)
        # HeLa's store says 0.645: what is placed by a scale that is 0.8 % off would be told again.
        written = replace(table, y=table.y * 0.65, x=table.x * 0.65)
        mended, _ = look_at_fov(source, place_table(written, in_um.transform))
        assert mended.status == "fits"
        assert look(y=table.x, x=table.y).cause == "swapped"
        cropped = look(y=table.y - 31, x=table.x - 23)
        assert cropped.cause == "offset"
        assert cropped.transform.offset[1:] == pytest.approx((31, 23), abs=3)
        late = look(t=table.t + 1)
        assert (late.cause, late.transform.first_frame) == ("frames", 1)
        there = table.t < n_frames - 1
        kept = {name: getattr(table, name)[there] for name in ("track_id", "y", "x", "z")}
        without_last = look(t=table.t[there] + 1, **kept)
        assert (without_last.cause, without_last.transform.first_frame) == ("frames", 1)


def test_a_plate_without_pixels_is_not_read_and_one_of_blank_frames_is_not_blurred(
    tmp_path, truth, monkeypatch
):
    read, blurred = [], []
    stack, blobs = SceneReader.stack, objects.blobs
    monkeypatch.setattr(SceneReader, "stack", lambda *given: read.append(1) or stack(*given))
    monkeypatch.setattr(objects, "blobs", lambda *given: blurred.append(1) or blobs(*given))
    plates = {"absent": None, "blank": np.full((N_FRAMES, 1, 1, *SIZE), 7, "uint16")}
    for name, written in plates.items():
        experiment = make_experiment(
            tmp_path,
            name,
            {"A/1/0": truth, "A/1/1": truth},
            shape=(N_FRAMES, 1, 1, *SIZE),
            channels=("Phase",),
            pixels=written,
        )
        config = tmp_path / f"{name}.yml"
        settings = DatasetConfig(yx_patch_size=(32, 32), tau_range_hours=(0.5, 2.0))
        save_config(TripletConfig(experiments=[experiment], dataset=settings), config)
        with Review.open(config) as review:
            review.check()
            assert {found.status for found in review.checks.placements} == {"cannot-tell"}
            why = {found.why for found in review.checks.placements}
        assert bool(read) == (name == "blank")
        assert why == {
            "nothing stands out of the images" if written is not None
            else "no chunk of the images is on disk"
        }  # fmt: skip
    assert blurred == []


def test_pixels_that_come_later_are_looked_at(tmp_path, truth, pixels):
    config = write(tmp_path, {"A/1/0": truth}, {"A/1/0": pixels})
    levels = [folder.parent for folder in tmp_path.rglob(".zarray")]
    away = {level: tmp_path / f"away{number}" for number, level in enumerate(levels)}
    for level, place in away.items():
        shutil.copytree(level, place)
        for chunk in level.glob("[0-9]*"):
            shutil.rmtree(chunk) if chunk.is_dir() else chunk.unlink()
    with Review.open(config) as review:
        review.check()
        assert {found.status for found in review.checks.placements} == {"cannot-tell"}
    for level, place in away.items():
        shutil.copytree(place, level, dirs_exist_ok=True)
    with Review.open(config) as review:
        review.check()
        assert {found.status for found in review.checks.placements} == {"fits"}
