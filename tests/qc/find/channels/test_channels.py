"""Verdicts on slots from looks, how they are matched and drawn, and what a look is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets import (
    load_config,
)
from lineage_triplets.qc.find.channels import ChannelInspection, inspect_channels
from lineage_triplets.qc.find.channels.pictures import channel_grid, thumbnail_row
from lineage_triplets.qc.find.channels.sample import Surroundings, read_surroundings, sample_rows
from lineage_triplets.qc.find.channels.signature import FEATURES, patch_features, signatures
from lineage_triplets.qc.find.channels.verdict import match_slots, verdicts
from lineage_triplets.qc.look.pictures.page import text_width, wrapped
from lineage_triplets.simulate import Faults, simulate
from stains import MENDED, NUCLEI, PHASE, index_of, simulated


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
