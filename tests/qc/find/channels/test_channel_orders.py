"""Channels that are exchanged in some FOVs of an experiment, and light that is uneven."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr

from lineage_triplets import (
    load_config,
)
from lineage_triplets.qc.find.channels import ChannelInspection, inspect_channels
from lineage_triplets.qc.find.channels.fov_orders import findings_of_order, fov_orders
from lineage_triplets.qc.find.channels.sample import Surroundings, read_surroundings, sample_rows
from lineage_triplets.qc.find.channels.signature import signatures
from lineage_triplets.qc.record.decision import Target
from lineage_triplets.simulate import simulate
from stains import NUCLEI, PHASE, REPORTER, index_of, simulated

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

    @pytest.mark.parametrize(
        "pixel_size_um",
        [0.5, *(pytest.param(size, marks=pytest.mark.slow) for size in (0.25, 0.13))],
    )
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
