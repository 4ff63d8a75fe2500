"""What is in each slot: proof against the store, verdicts from looks, and their words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import stores
from lineage_triplets import (
    DatasetConfig,
    ExperimentRegistry,
    MultiExperimentIndex,
    TripletConfig,
    load_config,
)
from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.qc.find.channels import ChannelInspection, inspect_channels
from lineage_triplets.qc.find.channels.fov_orders import findings_of_order, fov_orders
from lineage_triplets.qc.find.channels.pictures import channel_grid, thumbnail_row
from lineage_triplets.qc.find.channels.proof import prove
from lineage_triplets.qc.find.channels.sample import Surroundings, read_surroundings, sample_rows
from lineage_triplets.qc.find.channels.signature import FEATURES, patch_features, signatures
from lineage_triplets.qc.find.channels.verdict import match_slots, verdicts
from lineage_triplets.qc.look.pictures.page import text_width, wrapped
from lineage_triplets.qc.record.decision import Target
from lineage_triplets.simulate import Faults, SimulatedExperiment, simulate
from real import PLATES, needs_real_plates

if TYPE_CHECKING:
    from collections.abc import Callable

PHASE, NUCLEI, REPORTER = "Phase", "H2B-GFP", "Virus-mCherry"


def index_of(config: TripletConfig, **given) -> MultiExperimentIndex:
    dataset = DatasetConfig(**{"yx_patch_size": (48, 48), "tau_range_hours": (0.25, 2.0), **given})
    return MultiExperimentIndex.from_config(config.model_copy(update={"dataset": dataset}))


def simulated(name: str, **given) -> SimulatedExperiment:
    return SimulatedExperiment(
        name,
        **{"n_frames": 5, "shape": (144, 144), "n_cells": 7, "interval_minutes": 15.0, **given},
    )


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> TripletConfig:
    """Three plates in three channel orders; in "slow" the two slots' stains are exchanged."""
    folder = tmp_path_factory.mktemp("three")
    made = simulate(
        folder / "set",
        [
            simulated("fast", channel_order=(PHASE, NUCLEI)),
            simulated("far", channel_order=(REPORTER, NUCLEI, PHASE), pixel_size_um=0.65),
            simulated("slow", channel_order=(NUCLEI, PHASE), interval_minutes=30.0),
        ],
        faults=Faults(swapped_channels=("slow",), swapped_gain=3.0, swapped_offset=500.0),
        seed=5,
    )
    return load_config(made.config_path)


@pytest.fixture(scope="module")
def looks(three) -> ChannelInspection:
    return inspect_channels(index_of(three), n_patches=32)


MENDED = {"slow": {0: 0, 1: 1}}


def judged(looks: ChannelInspection, maps: dict[str, dict[int, int]]) -> dict:
    return verdicts({name: looks.signatures[name] for name in maps}, maps)


class TestVerdicts:
    def test_names_the_odd_one_among_three_whatever_gain_and_offset(self, looks):
        found = {(one.experiment, one.detail): one for one in looks.findings()}
        assert set(found) == {("slow", "slot0"), ("slow", "slot1")}
        assert {(one.kind, one.severity) for one in found.values()} == {
            ("channel-swapped", "error")
        }
        sentence = found["slow", "slot0"].sentence
        assert sentence.startswith("Slot 0 of slow (Phase) looks like slot 1 of fast and far (")
        assert looks.view("fast", 1).verdict.status == "same"
        assert looks.view("fast", 1).verdict.others == ("far",)

    def test_remap_is_judged_at_once_and_settles_it(self, looks):
        mended = looks.remapped(MENDED)
        assert mended.findings() == ()
        view = mended.view("slow", 0)
        assert (view.channel_name, view.zarr_index, view.proof) == (NUCLEI, 0, None)
        assert view.verdict.status == "same"
        assert view.verdict.others == ("fast", "far")
        assert mended.view("fast", 0).proof == looks.view("fast", 0).proof
        back = mended.remapped(looks.channel_maps)
        assert [one.sentence for one in back.slots] == [one.sentence for one in looks.slots]
        assert back.view("slow", 0).proof is not None

    def test_two_that_differ_are_said_to_differ_and_neither_is_named(self, looks):
        maps = {name: looks.channel_maps[name] for name in ("fast", "slow")}
        both = replace(looks, channel_maps=maps).remapped({})
        assert {one.verdict.status for one in both.slots} == {"differs"}
        assert {one.kind for one in both.findings()} == {"channel-differs"}
        assert len({one.verdict.sure for one in both.slots}) == 1
        for one in both.slots:
            other = "slow" if one.experiment == "fast" else "fast"
            assert f"it looks like slot {1 - one.slot} of {other}" in one.sentence
            assert "Two experiments cannot tell which of them is wrong." in one.sentence

    def test_one_experiment_cannot_tell(self, looks):
        one = replace(looks, channel_maps={"slow": looks.channel_maps["slow"]}).remapped({})
        assert [view.verdict.status for view in one.slots] == ["alone", "alone"]
        assert "cannot tell" in one.slots[0].sentence
        assert one.findings() == ()

    def test_three_slots_of_which_two_are_swapped(self, looks):
        maps = {"fast": {0: 0, 1: 1}, "far": {0: 2, 1: 1}}
        maps |= {"again": {0: 1, 1: 2}, "other": {0: 2, 1: 1}}
        looked = {**looks.signatures, "again": looks.signatures["far"]}
        looked["other"] = looks.signatures["far"]
        found = verdicts({name: looked[name] for name in maps}, maps)
        assert {name for (name, _), one in found.items() if one.status != "same"} == {"again"}

    def test_a_spare_channel_that_fits_better_is_named(self, looks):
        wrong = looks.remapped({**MENDED, "far": {0: 0, 1: 1}})
        verdict = wrong.view("far", 0).verdict
        assert verdict.better == 2
        assert "Phase (zarr 2), in no slot, looks more like slot 0 of" in (
            wrong.view("far", 0).sentence
        )
        assert ("far", "slot0") in {(one.experiment, one.detail) for one in wrong.findings()}

    def test_one_slot_each_is_compared_by_itself(self, looks):
        alike = judged(looks, {"fast": {0: 1}, "far": {0: 1}, "slow": {0: 1}})
        assert {one.status for one in alike.values()} == {"same"}
        unlike = judged(looks, {"fast": {0: 1}, "far": {0: 1}, "slow": {0: 0}})
        assert unlike["slow", 0].status != "same"

    def test_two_stains_that_look_alike_cannot_be_told_apart(self, tmp_path):
        stains = {"cyan": "nuclei", "magenta": "nuclei"}
        order = {"stains": stains, "channel_order": ("cyan", "magenta")}
        made = simulate(
            tmp_path / "alike",
            [
                simulated("one", source_channel=("cyan", "magenta"), **order),
                simulated("two", source_channel=("magenta", "cyan"), **order),
            ],
            seed=1,
        )
        inspection = inspect_channels(index_of(load_config(made.config_path)), n_patches=24)
        assert {one.verdict.status for one in inspection.slots} == {"cannot-tell"}
        assert "slots 0 and 1 look too much alike" in inspection.slots[0].sentence
        found = inspection.findings()
        assert [(one.kind, one.severity, one.experiment) for one in found] == [
            ("channel-untold", "warning", "one"),
            ("channel-untold", "warning", "two"),
        ]
        assert "slots 0 (cyan) and 1 (magenta) of one cannot be told by looks" in found[0].sentence
        assert found[0].remedy.startswith("Look for what only one stain shows: a control without")
        assert inspection.advice("one").startswith("Looks cannot tell what is in these slots. Look")

    def test_a_third_that_tells_nothing_leaves_the_other_two_undecided(self, looks):
        signature = looks.signatures["fast"][1]
        looked = {**looks.signatures, "same": (signature, replace(signature, zarr_index=1))}
        maps = {
            **{name: looks.channel_maps[name] for name in ("fast", "slow")},
            "same": {0: 0, 1: 1},
        }
        found = verdicts({name: looked[name] for name in maps}, maps)
        assert {found[name, 0].status for name in ("fast", "slow")} == {"differs"}
        assert found["fast", 0].others == ("slow",)
        assert found["same", 0].status == "cannot-tell"

    def test_cells_that_differ_much_say_less(self, looks):
        maps = {name: looks.channel_maps[name] for name in ("fast", "slow")}
        varied = {
            name: [replace(one, covariance=100 * one.covariance) for one in looks.signatures[name]]
            for name in maps
        }
        assert verdicts(varied, maps)["fast", 0].status == "cannot-tell"
        assert judged(looks, maps)["fast", 0].status == "differs"


ORDER = (PHASE, NUCLEI, REPORTER)
FOVS = ("A/1/0", "A/1/1", "A/1/2", "A/2/0", "A/2/1", "A/2/2")


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Signatures of all channels of each FOV."""
    experiment = simulated(
        "one",
        wells={"control": ["A/1"], "infected": ["A/2"]},
        fovs_per_well=3,
        n_frames=3,
        channel_order=ORDER,
        source_channel=ORDER,
    )
    folder = tmp_path_factory.mktemp("fovs") / "set"
    index = index_of(load_config(simulate(folder, [experiment], seed=4).config_path))
    by_fov: dict[str, list[Surroundings]] = {}
    for patch in read_surroundings(index, sample_rows(index, 0, 36)):
        name = index.fovs[index.fov_of_row[patch.row]].fov.name
        by_fov.setdefault(name, []).append(patch)
    assert tuple(by_fov) == FOVS
    return {name: signatures("one", ORDER, patches) for name, patches in by_fov.items()}


class TestFovs:
    """Six FOVs of one experiment, three of them infected; in some, two channels are exchanged."""

    @staticmethod
    def exchanged(seen, fovs: tuple[str, ...], pair: tuple[int, int]) -> dict:
        order = list(range(3))
        order[pair[0]], order[pair[1]] = pair[1], pair[0]
        return {
            name: [channels[k] for k in order] if name in fovs else channels
            for name, channels in seen.items()
        }

    def test_fovs_that_agree_give_nothing_infected_or_not(self, seen):
        assert fov_orders(seen) == ()
        assert fov_orders({"A/1/0": seen["A/1/0"]}) == ()

    @pytest.mark.parametrize("pair", [(0, 1), (1, 2), (0, 2)])
    @pytest.mark.parametrize("fovs", [("A/1/0",), ("A/2/1",), ("A/1/1", "A/2/2")])
    def test_the_fewer_fovs_are_named(self, seen, fovs, pair):
        (order,) = fov_orders(self.exchanged(seen, fovs, pair))
        assert order.fovs == fovs
        assert order.others == tuple(name for name in FOVS if name not in fovs)
        assert (order.shows[pair[0]], order.shows[pair[1]]) == (pair[1], pair[0])
        assert order.tells_which
        found = findings_of_order(order, "one", ORDER, {0: 0, 1: 1, 2: 2})
        severity = "error" if order.sure >= 0.9 else "warning"
        assert [(one.kind, one.severity, one.fov) for one in found] == [
            ("channel-swapped", severity, name) for name in fovs
        ]
        # Phase and a reporter that is not there yet look less unlike.
        assert severity == "error" or pair == (0, 2)
        assert found[0].settled_by == ((Target("fov", "one", fovs[0]),),)
        one, other = pair
        assert f"slot {one} ({ORDER[one]}) like {ORDER[other]}, " in found[0].sentence
        assert found[0].sentence.startswith(f"In FOV {fovs[0]} of one channels look exchanged: ")
        assert len({finding.key for finding in found}) == len(fovs)

    def test_as_many_as_the_others_are_named_without_saying_which_are_wrong(self, seen):
        fovs = ("A/1/1", "A/2/0", "A/2/2")
        (order,) = fov_orders(self.exchanged(seen, fovs, (0, 1)))
        assert not order.tells_which
        assert {order.fovs, order.others} == {fovs, ("A/1/0", "A/1/2", "A/2/1")}
        (found,) = findings_of_order(order, "one", ORDER, {0: 0, 1: 1})
        assert (found.kind, found.severity, found.fov) == ("channel-differs", "error", "")
        assert "Nothing tells which of them are wrong." in found.sentence
        assert {tuple(target.fov for target in targets) for targets in found.settled_by} == {
            fovs,
            order.others if order.fovs == fovs else order.fovs,
        }

    def test_channels_in_no_slot_may_stand_anywhere(self, seen):
        (order,) = fov_orders(self.exchanged(seen, ("A/1/0",), (1, 2)))
        assert findings_of_order(order, "one", ORDER, {0: 0}) == []
        (found,) = findings_of_order(order, "one", ORDER, {0: 0, 1: 2})
        assert "slot 1 (Virus-mCherry) like H2B-GFP" in found.sentence

    def test_few_cells_tell_nothing(self, seen):
        few = [replace(channel, n_patches=2) for channel in seen["A/1/0"]]
        swapped = self.exchanged({**seen, "A/1/0": few}, ("A/1/0",), (0, 1))
        assert fov_orders(swapped) == ()

    def test_an_inspection_says_so_and_judges_the_experiment_by_the_others(self, tmp_path):
        experiments = [simulated(name, fovs_per_well=3, n_frames=3) for name in ("one", "two")]
        made = simulate(tmp_path / "set", experiments, seed=2)
        config = load_config(made.config_path)
        array = zarr.open_array(str(Path(config.experiments[0].data_path, "A/1/1/0")))
        array[...] = array[...][:, ::-1]
        inspection = inspect_channels(index_of(config), n_patches=18)
        (found,) = inspection.findings()
        assert (found.kind, found.experiment, found.fov) == ("channel-swapped", "one", "A/1/1")
        assert {view.verdict.status for view in inspection.slots} == {"same"}
        assert inspection.advice("one") == found.sentence
        assert inspection.advice("two") == ""
        assert inspection.signatures["one"][0].n_patches == 12


class TestVignette:
    @staticmethod
    def vignetted(tmp_path, pixel_size_um: float, **given) -> ChannelInspection:
        """Three experiments, of which the first has 40 % of the light towards the edges."""
        experiments = [
            simulated(
                name,
                n_frames=4,
                shape=(256, 256),
                n_cells=14,
                pixel_size_um=pixel_size_um,
                **given,
            )
            for name in ("one", "two", "three")
        ]
        config = load_config(simulate(tmp_path / "set", experiments, seed=1).config_path)
        array = zarr.open_array(str(Path(config.experiments[0].data_path, "A/1/0/0")))
        y, x = np.mgrid[-1:1:256j, -1:1:256j]
        light = 0.4 + 0.6 * np.exp(-2 * (y**2 + x**2))
        array[...] = np.rint((array[...] - 100.0) * light + 100).astype(np.uint16)
        return inspect_channels(index_of(config), n_patches=30)

    @pytest.mark.parametrize("pixel_size_um", [0.5, 0.25, 0.13])
    def test_it_is_a_note_for_the_channel_and_no_fault(self, tmp_path, pixel_size_um):
        inspection = self.vignetted(tmp_path, pixel_size_um, source_channel=(PHASE,))
        found = [one for one in inspection.findings() if one.kind != "channel-untold"]
        assert [(one.kind, one.severity, one.experiment, one.detail) for one in found] == [
            ("channel-vignette", "note", "one", "slot0")
        ]
        assert found[0].evidence[0].value == pytest.approx(45, abs=8)
        assert "Slot 0 of one (Phase) is lit unevenly" in found[0].sentence

    def test_slots_are_told_as_without_it(self, tmp_path):
        inspection = self.vignetted(tmp_path, 0.5)
        assert {view.verdict.status for view in inspection.slots} == {"same"}
        assert {one.kind for one in inspection.findings()} == {"channel-vignette"}

    def test_even_light_gives_none(self, looks):
        assert looks.light == {"fast": {}, "far": {}, "slow": {}}


class TestMatching:
    def cost(self, orders: list[tuple[int, ...]], weight: float) -> np.ndarray:
        """Experiments whose slots hold these contents; a wrong match costs `weight`."""
        held = np.array(orders)
        return weight * (held[:, None, :, None] != held[None, :, None, :])

    def test_the_few_are_wrong(self):
        match = match_slots(self.cost([(0, 1, 2), (0, 1, 2), (2, 1, 0), (0, 1, 2)], 4.0))
        assert match.likeness.argmax(axis=2).tolist()[2] == [2, 1, 0]
        assert match.likeness[:, 1, 1].min() > 0.95
        assert np.diag(match.together[0, 2]).round().tolist() == [0, 1, 0]
        assert match.together[0, 2].argmax(axis=1).tolist() == [2, 1, 0]

    def test_many_experiments_are_matched_near_the_best(self):
        orders = [(0, 1, 2)] * 11 + [(1, 2, 0)]
        match = match_slots(self.cost(orders, 1.0))
        assert match.likeness.argmax(axis=2).tolist() == [list(one) for one in orders]

    def test_many_slots(self):
        swapped = (0, 1, 2, 3, 5, 4)
        match = match_slots(self.cost([tuple(range(6)), swapped, tuple(range(6))], 5.0))
        assert match.likeness.argmax(axis=2)[1].tolist() == list(swapped)

    def test_ties_are_even(self):
        match = match_slots(self.cost([(0, 1), (1, 0)], 20.0))
        np.testing.assert_allclose(match.likeness, 0.5, atol=1e-6)
        np.testing.assert_allclose(match.together[0, 1], [[0, 1], [1, 0]], atol=1e-6)
        flat = match_slots(np.zeros((3, 3, 2, 2)))
        assert flat.likeness.max() < 0.8


class TestSignatures:
    @given(gain=st.floats(1e-3, 1e3), offset=st.floats(-1e4, 1e5), seed=st.integers(0, 5))
    @settings(max_examples=40)
    def test_gain_and_offset_change_nothing(self, gain, offset, seed):
        rng = np.random.default_rng(seed)
        pixels = rng.gamma(2.0, 100.0, (2, 40, 44)).round()
        pixels[0, 12:25, 15:28] += 900
        regions = np.zeros(2)
        plain = patch_features(Surroundings(0, pixels, (19.0, 21.5), regions))
        scaled = Surroundings(0, gain * pixels + offset, (19.0, 21.5), regions)
        np.testing.assert_allclose(patch_features(scaled), plain, rtol=1e-5, atol=1e-5)
        assert plain[0, 0] > 0.3

    def test_gain_and_offset_of_a_store_change_little(self, tmp_path):
        experiments = [simulated("one", n_frames=3)]
        found = []
        for gain, offset in ((1.0, 0.0), (4.0, 700.0)):
            folder = tmp_path / f"gain{gain:g}"
            # The same stain in both, as a swap of one with itself.
            stains = {"a": "nuclei", "b": "nuclei"}
            made = [
                replace(
                    experiments[0],
                    channel_order=("a", "b"),
                    source_channel=("a", "b"),
                    stains=stains,
                )
            ]
            faults = Faults(swapped_channels=("one",), swapped_gain=gain, swapped_offset=offset)
            config = load_config(simulate(folder, made, faults=faults, seed=2).config_path)
            index = index_of(config)
            seen = list(read_surroundings(index, sample_rows(index, 0, 12)))
            found.append(signatures("one", ("a", "b"), seen))
        np.testing.assert_allclose(found[0][0].mean, found[1][0].mean, atol=1e-3)

    def test_blank_and_not_finite_patches_have_no_features(self):
        pixels = np.random.default_rng(0).normal(100, 9, (3, 40, 40)).astype(np.float32)
        pixels[1] = 7.0
        pixels[2, 3, 3] = np.nan
        one = Surroundings(0, pixels, (20.0, 20.0), np.zeros(3))
        features = patch_features(one)
        assert np.isfinite(features[0, :-1]).all()
        assert np.isnan(features[1:]).all()
        made = signatures("x", ("a", "b", "c"), [one] * 4)
        assert [(c.usable, c.n_blank) for c in made] == [(True, 0), (False, 4), (False, 4)]
        assert made[0].counts.sum() > 0
        assert made[1].counts.sum() == 0
        assert set(made[0].as_dict()) == {one.name for one in FEATURES}

    def test_where_rings_do_not_fit_the_rest_is_compared(self):
        pixels = np.random.default_rng(0).normal(100, 9, (1, 20, 20)).astype(np.float32)
        patch = Surroundings(0, pixels, (10.0, 10.0), np.zeros(1))
        (made,) = signatures("x", ("a",), [patch] * 4)
        assert (made.usable, made.n_blank) == (True, 0)
        assert made.counts.sum() > 0
        features = made.as_dict()
        assert np.isnan([features["ring 12-17 um"], features["centre"], features["variety"]]).all()
        assert np.isfinite([features["ring 0-2.5 um"], features["skew"]]).all()

    def test_a_bright_centre_and_a_dark_one_differ_in_sign(self):
        y, x = np.ogrid[:50, :50]
        spot = np.exp(-((y - 25) ** 2 + (x - 30) ** 2) / 40)
        pixels = np.stack([spot, -spot]).astype(np.float32)
        bright, dark = patch_features(Surroundings(0, pixels, (25.0, 30.0), np.zeros(2)))
        names = [one.name for one in FEATURES]
        for name in ("centre", "skew", "glints 1 um", "spots 5 um"):
            assert bright[names.index(name)] > 0.3 > -0.3 > dark[names.index(name)]


def cells(n_frames: int, places: list[tuple[float, float]], z: float = 0.0) -> pd.DataFrame:
    rows = [
        (track, t, -1, z, y, x)
        for track, (y, x) in enumerate(places, start=1)
        for t in range(n_frames)
    ]
    return pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id", "z", "y", "x"])


def plate(make_experiment, name: str = "plate", **given):
    shape = given.pop("shape", (4, 2, 1, 60, 64))
    fovs = given.pop("fovs", ("A/1/0", "B/2/0"))
    table = cells(4, [(3.0, 4.0), (30.2, 33.9), (59.0, 40.0)], z=given.pop("z", 0.0))
    pixels = {
        fov: stores.numbered_pixels(given.pop("pixel_shape", shape), seed=k)
        for k, fov in enumerate(fovs)
    }
    return make_experiment(name, dict.fromkeys(fovs, table), pixels=pixels, **given)


def index_over(*experiments, **given) -> MultiExperimentIndex:
    given = {"z_range": 1, "yx_patch_size": (17, 20), "tau_range_hours": (0.5, 1.0), **given}
    return MultiExperimentIndex(ExperimentRegistry(experiments), **given)


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


class TestPictures:
    def test_the_grid_has_a_cell_for_each_slot_and_each_channel(self, looks):
        grid = channel_grid(looks)
        pixels = np.asarray(grid)
        shown = {}
        for name, names in looks.channel_names.items():
            for channel in range(len(names)):
                row = thumbnail_row(looks, name, channel)
                assert len(row.images) == 4
                assert row.scale
                image = row.images[0]
                height, width = image.shape[:2]
                corners = np.argwhere(pixels[:, :, 0] == image[0, 0, 0])
                shown[name, channel] = sum(
                    np.array_equal(pixels[y : y + height, x : x + width], image) for y, x in corners
                )
        in_slots = {(name, c) for name, m in looks.channel_maps.items() for c in m.values()}
        assert shown == {key: 2 if key in in_slots else 1 for key in shown}

    def test_many_experiments_and_long_names_stay_on_the_page(self, looks):
        many = {f"{'long' * 12}{k}": {0: 0, 1: 1} for k in range(6)}
        wide = replace(
            looks,
            channel_names=dict.fromkeys(many, (PHASE * 20, NUCLEI)),
            channel_maps=many,
            signatures=dict.fromkeys(many, looks.signatures["fast"]),
            thumbnails=dict.fromkeys(many, looks.thumbnails["fast"]),
        ).remapped({})
        assert channel_grid(wide).width < 1700

    def test_wrapped_lines_fit(self):
        lines = wrapped("Slot 0 of slow (Phase) looks like slot 1 of fast and far", 120, 12)
        assert len(lines) > 2
        assert max(text_width(line, 12) for line in lines) <= 120


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
