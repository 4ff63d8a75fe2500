"""Slots of plates: proof against the store, what is blank or unread, and real plates."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

import stores
from lineage_triplets import (
    load_config,
)
from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.qc.find.channels import ChannelInspection, inspect_channels
from lineage_triplets.qc.find.channels.pictures import channel_grid
from lineage_triplets.qc.find.channels.proof import prove
from lineage_triplets.qc.find.channels.sample import sample_rows
from lineage_triplets.simulate import simulate
from real import PLATES, needs_real_plates

if TYPE_CHECKING:
    from collections.abc import Callable


from stains import MENDED, NUCLEI, PHASE, cells, index_of, index_over, plate, simulated


class TestProof:
    @pytest.mark.parametrize("border", ["clamp", "pad"])
    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    def test_patches_equal_the_named_channel(self, make_experiment, border, version):
        experiment = plate(make_experiment, version=version, source_channel=["GFP", "Phase"])
        inspection = inspect_channels(index_over(experiment, border=border), n_patches=6)
        for view, zarr_index in zip(inspection.slots, (1, 0), strict=True):
            assert view.zarr_index == zarr_index
            assert view.proof.holds
            assert view.proof.n_patches == view.proof.n_equal > 8
            assert view.channel_name in view.proof.words

    def test_stacks_and_other_axis_orders(self, make_experiment):
        experiment = plate(
            make_experiment, shape=(5, 4, 60, 64, 2), axes="ztyxc", z=1.6, source_channel=["GFP"]
        )
        for z_range in (2, slice(1, 4)):
            inspection = inspect_channels(index_over(experiment, z_range=z_range), n_patches=4)
            assert inspection.slots[0].proof.holds
            assert not inspection.slots[0].proof.n_unreadable

    def test_a_reader_of_another_channel_is_caught(self, make_experiment):
        index = index_over(plate(make_experiment))
        index.fovs = tuple(replace(one, channels=(0, 0)) for one in index.fovs)
        inspection = inspect_channels(index, n_patches=4)
        right, wrong = inspection.slots
        assert right.proof.holds
        assert not wrong.proof.holds
        assert wrong.proof.n_equal == 0
        first = re.match(
            r"FOV A/1/0, t = 0, z = 0, y = (\d+), x = (\d+) is (\d+) in the dataset "
            r"and (\d+) in the store",
            wrong.proof.first_difference,
        )
        y, x, given, expected = map(int, first.groups())
        pixels = stores.numbered_pixels((4, 2, 1, 60, 64), seed=0)
        assert pixels[0, :, 0, y, x].tolist() == [given, expected]
        (finding,) = [one for one in inspection.findings() if one.kind == "channel-proof"]
        assert (finding.severity, finding.detail) == ("error", "slot1")
        assert "first difference" in finding.sentence

    def test_a_patch_beside_its_place_is_caught(self, make_experiment):
        index = index_over(plate(make_experiment))
        source = PairSource(index, index.settings)
        read = source.read
        source.read = lambda rows: np.roll(read(rows), 1, axis=4)
        (proof,) = prove(source, index.anchor_rows[:3], ["Phase"], ["Phase", "GFP"])
        assert not proof.holds
        assert proof.first_difference

    def test_a_store_without_channel_names_takes_the_configs_and_says_so(self, make_experiment):
        inspection = inspect_channels(index_over(plate(make_experiment, omero=False)), n_patches=4)
        proof = inspection.slots[1].proof
        assert proof.holds
        assert proof.n_unnamed == proof.n_patches
        assert "the store does not name this channel" in proof.words

    def test_what_cannot_be_read_is_skipped_and_said(self, make_experiment, tmp_path):
        experiment = plate(make_experiment)
        index = index_over(experiment)
        for chunk in (tmp_path / "plate.zarr" / "B/2/0/0").rglob("0"):
            if chunk.is_file():
                chunk.write_bytes(b"damaged")
        inspection = inspect_channels(index, n_patches=6)
        assert any("B/2/0" in reason for reason in inspection.unreadable["plate"])
        assert 0 < inspection.signatures["plate"][0].n_patches < 6
        proof = inspection.slots[0].proof
        assert proof.holds
        assert 0 < proof.n_unreadable < proof.n_patches
        assert "B/2/0" in proof.first_failure
        (finding, *_) = inspection.findings()
        assert (finding.kind, finding.severity) == ("channel-proof", "warning")
        assert channel_grid(inspection).width > 300

    def test_after_a_remap_it_is_made_anew(self, three, looks):
        mapped = [
            one.model_copy(update={"source_channel": [NUCLEI, PHASE]})
            if one.name == "slow"
            else one
            for one in three.experiments
        ]
        mended = looks.remapped(MENDED)
        proved = mended.proved(index_of(three.model_copy(update={"experiments": mapped})))
        assert proved.view("slow", 0).proof.channel == NUCLEI
        assert proved.view("slow", 0).proof.holds


class TestInspection:
    def test_a_blank_channel_is_said_to_be_blank(self, make_experiment):
        pixels = stores.numbered_pixels((4, 2, 1, 60, 64))
        pixels[:, 1] = 100
        table = cells(4, [(30.0, 30.0)])
        blank = make_experiment("blank", {"A/1/0": table}, pixels=pixels)
        inspection = inspect_channels(index_over(blank, plate(make_experiment)), n_patches=4)
        assert inspection.view("blank", 1).verdict.status == "blank"
        assert inspection.view("plate", 1).verdict.status == "alone"
        (finding,) = [one for one in inspection.findings() if one.kind == "channel-blank"]
        assert (finding.experiment, finding.detail) == ("blank", "slot1")

    def test_a_small_field_that_rings_do_not_fit_into_is_not_blank(self, tmp_path):
        some = [
            simulated(name, n_frames=3, shape=(256, 256), pixel_size_um=0.065, n_cells=3)
            for name in ("one", "two")
        ]
        config = load_config(simulate(tmp_path / "set", some, seed=3).config_path)
        inspection = inspect_channels(index_of(config), n_patches=6)
        assert {view.verdict.status for view in inspection.slots} == {"same"}
        assert inspection.findings() == ()

    @pytest.mark.filterwarnings("error")
    def test_infinite_pixels_are_passed_over_without_a_warning_of_numpy(self, make_experiment):
        pixels = stores.numbered_pixels((4, 2, 1, 60, 64)).astype(np.float32)
        pixels[1, 1, 0, 20:40, 20:40] = np.inf
        pixels[2, 0, 0, 30, 33] = -np.inf
        pixels[0, 1] = np.nan
        table = cells(4, [(30.0, 30.0)])
        one = make_experiment("one", {"A/1/0": table}, pixels=pixels)
        inspection = inspect_channels(index_over(one), n_patches=4)
        assert [look.n_blank for look in inspection.signatures["one"]] == [1, 2]
        assert channel_grid(inspection).width > 300

    def test_single_channel_experiments(self, make_experiment):
        some = [
            plate(make_experiment, name, shape=(4, 1, 1, 60, 64), channels=["GFP"])
            for name in ("one", "two")
        ]
        inspection = inspect_channels(index_over(*some), n_patches=8)
        assert [one.verdict.status for one in inspection.slots] == ["same", "same"]

    def test_without_anchors_any_observations_are_looked_at(self, make_experiment):
        index = index_over(plate(make_experiment), tau_range_hours=(50.0, 60.0))
        assert not len(index.anchor_rows)
        assert inspect_channels(index, n_patches=5).signatures["plate"][0].n_patches == 5

    def test_an_experiment_without_cells(self, make_experiment):
        experiment = plate(make_experiment)
        index = index_over(experiment, exclude_fovs=["A/1/0", "B/2/0"])
        inspection = inspect_channels(index)
        assert inspection.slots[0].verdict.status == "cannot-tell"
        assert "No cell was looked at." in inspection.slots[0].sentence
        assert inspection.findings() == ()
        assert channel_grid(inspection).height > 100

    def test_stops_and_tells_how_far_it_is(self, three):
        index, told = index_of(three), []
        whole = inspect_channels(index, n_patches=9, progress=lambda *one: told.append(one))
        assert whole.complete
        assert told == [(k, 27) for k in range(1, 28)]
        asked = iter([False, True])
        part = inspect_channels(index, n_patches=9, stop=lambda: next(asked))
        assert not part.complete
        assert part.signatures["fast"][0].n_patches == 8
        assert len(part.slots) == 6

    def test_stops_between_the_patches_that_are_proved(self, three):
        index, asked = index_of(three), []

        def stops_after(number: int) -> Callable[[], bool]:
            asked.clear()
            return lambda: asked.append(None) or len(asked) > number

        inspect_channels(index, n_patches=9, stop=stops_after(10**6))
        n_asked = len(asked)
        stopped = inspect_channels(index, n_patches=9, stop=stops_after(n_asked - 1))
        assert len(asked) == n_asked
        assert [view.proof is None for view in stopped.slots].count(True) == 1
        assert all(view.proof is not None for view in stopped.proved(index).slots)

    def test_the_sample_is_spread_and_the_same_every_time(self, make_experiment):
        index = index_over(plate(make_experiment))
        rows = sample_rows(index, 0, 8, seed=3)
        assert rows.tolist() == sample_rows(index, 0, 8, seed=3).tolist()
        assert rows.tolist() != sample_rows(index, 0, 8, seed=4).tolist()
        assert set(rows) <= set(index.anchor_rows)
        assert len(set(rows)) == 8
        assert np.bincount(index.fov_of_row[rows]).tolist() == [4, 4]
        assert len(set(index.observations.t[rows])) > 1
        assert sorted(sample_rows(index, 0, 999)) == sorted(index.anchor_rows)
        assert len(sample_rows(index, 0, 1)) == 1


@pytest.fixture(scope="module")
def fucci() -> ChannelInspection:
    config = load_config(PLATES / "fucci.yml")
    return inspect_channels(index_of(config, yx_patch_size=(96, 96)))


@needs_real_plates
class TestRealPlates:
    def test_two_nuclear_reporters_are_untold_in_either_order(self, fucci):
        swapped = fucci.remapped({"hacat_late": {0: 1, 1: 2}})
        for inspection in (fucci, swapped):
            assert [(one.kind, one.experiment) for one in inspection.findings()] == [
                ("channel-untold", "hacat"),
                ("channel-untold", "hacat_late"),
            ]
            assert {one.verdict.status for one in inspection.slots} == {"cannot-tell"}
        assert all(one.proof.holds and not one.proof.n_unreadable for one in fucci.slots)

    def test_a_mask_of_labels_in_a_slot_is_noticed(self, fucci):
        with_labels = fucci.remapped({"hacat_late": {0: 0, 1: 1}})
        assert with_labels.view("hacat_late", 0).verdict.better == 2
        labels, *stains = fucci.signatures["hacat_late"]
        assert labels.as_dict()["regions"] > 0.8
        assert max(one.as_dict()["regions"] for one in stains) < 0.1
