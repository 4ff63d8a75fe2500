"""What config, settings and tables come to: tau, intervals, names of channels, anchors, kin."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lineage_triplets import DatasetConfig, MultiExperimentIndex, TripletConfig
from lineage_triplets.engine import PairSource
from lineage_triplets.engine.pairs.forest import Relation
from lineage_triplets.qc.find.checks import MODULES, SETTINGS_CHECKS, load_checks
from lineage_triplets.qc.find.settings import anchors as settings_collateral
from lineage_triplets.qc.find.settings.channel_names import alike
from lineage_triplets.qc.find.settings.pace import cycle_frames, displacements, times_longer
from stores import track_table

load_checks()

LONG = {"A/1/0": track_table((1, range(12)))}


def index_of(*experiments, **settings):
    dataset = DatasetConfig(**{"yx_patch_size": (16, 16)} | settings)
    config = TripletConfig(experiments=list(experiments), dataset=dataset)
    return MultiExperimentIndex.from_config(config)


def found(check, index):
    findings = list(SETTINGS_CHECKS[check].run(index))
    assert {one.kind for one in findings} <= set(SETTINGS_CHECKS[check].kinds)
    assert len({one.key for one in findings}) == len(findings)
    assert list(SETTINGS_CHECKS[check].run(index)) == findings
    return findings


def evidence(finding):
    return {one.name: one.value for one in finding.evidence}


def test_modules_are_sorted_and_registered():
    assert list(MODULES) == sorted(MODULES)
    assert set(SETTINGS_CHECKS) == {
        "channel-names-unlike",
        "collateral-share",
        "few-anchors",
        "interval-metadata",
        "interval-suspect",
        "scales-differ",
        "tau-frames",
    }


class TestTau:
    @pytest.fixture
    def tau(self, make_experiment):
        stored = make_experiment("one", LONG)

        def run(interval_minutes, *hours):
            one = stored.model_copy(update={"interval_minutes": interval_minutes})
            return found("tau-frames", index_of(one, tau_range_hours=hours))

        return run

    def test_a_range_of_several_frames_is_well(self, tau):
        assert tau(15.0, 0.5, 2.0) == []

    def test_no_frame_at_all(self, tau):
        (one,) = tau(120.0, 0.5, 1.0)
        assert (one.kind, one.severity, one.experiment) == ("no-tau-frames", "error", "one")
        assert "0.25 to 0.5 frames at 120 min; both round to 0" in one.sentence
        assert "halves go to the even number" in one.sentence
        assert "4 h" in one.remedy

    def test_halves_that_meet_in_one_frame_are_said_aloud(self, tau):
        (one,) = tau(60.0, 1.5, 2.5)
        assert (one.kind, one.severity) == ("few-tau-frames", "warning")
        assert "both round to 2 (1.5 and 2.5: halves go to the even number)" in one.sentence
        assert "Every positive is 2 frames after" in one.sentence
        numbers = evidence(one)
        assert (numbers["first frame"], numbers["last frame"]) == (2, 2)
        assert (numbers["least tau"], numbers["largest tau"], numbers["interval"]) == (1.5, 2.5, 60)

    def test_one_frame_beside_frame_0(self, tau):
        (one,) = tau(60.0, 0.25, 1.0)
        assert one.kind == "few-tau-frames"
        assert "rounded to 0 to 1" in one.sentence
        assert "Frame 0 is never drawn: every positive is 1 frame after" in one.sentence

    def test_a_range_from_0_is_a_note(self, tau):
        (one,) = tau(30.0, 0.0, 2.0)
        assert (one.kind, one.severity) == ("tau-from-zero", "note")
        assert "frames 1 to 4 are" in one.sentence

    def test_a_waiver_of_a_warning_does_not_hold_for_an_error(self, tau):
        keys = {tau(60.0, 1.5, 2.5)[0].key, tau(60.0, 1.0, 1.0)[0].key, tau(60.0, 0.1, 0.2)[0].key}
        assert len(keys) == 3


class TestIntervalMetadata:
    def test_a_store_that_says_otherwise_is_a_note(self, make_experiment):
        tables = dict.fromkeys(("A/1/0", "A/1/1"), LONG["A/1/0"])
        one = make_experiment("one", tables, interval_minutes=1 / 60)
        two = make_experiment("two", tables, interval_minutes=15.0)
        index = index_of(one.model_copy(update={"interval_minutes": 15.0}), two)
        (note,) = found("interval-metadata", index)
        assert (note.severity, note.experiment, note.count) == ("note", "one", 2)
        assert "The config says 15 min between frames" in note.sentence
        assert "2 of 2 FOVs say 1 s" in note.sentence

    def test_a_store_that_says_nothing(self, make_experiment):
        one = make_experiment("one", LONG, axes="cyx", shape=(2, 40, 48), interval_minutes=20.0)
        assert found("interval-metadata", index_of(one)) == []


def walks(rng, n_cells, n_frames, interval_hours, drift=0.0, cycle_hours=None):
    """Cells that walk 10 px an hour at random, on a moving stage; all divide at their age."""
    rows, begin = [], []
    for cell in range(n_cells):
        age = 0.0 if cycle_hours is None else rng.uniform(0, cycle_hours)
        begin.append((cell + 1, -1, 0, age, rng.uniform(150, 450, 2)))
    n_tracks = n_cells
    while begin:
        track, parent, start, age, place = begin.pop()
        left = n_frames if cycle_hours is None else (cycle_hours - age) / interval_hours
        stop = min(n_frames, start + max(1, round(left)))
        steps = rng.normal(0, 10 * np.sqrt(interval_hours), (stop - start, 2))
        way = place + np.cumsum(steps, axis=0)
        rows += [
            (track, t, parent, 0.0, *(here + drift * t))
            for t, here in zip(range(start, stop), way, strict=True)
        ]
        if stop < n_frames:
            begin += [(n_tracks + k, track, stop, 0.0, way[-1]) for k in (1, 2)]
            n_tracks += 2
    columns = ["track_id", "t", "parent_track_id", "z", "y", "x"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def walkers(make_experiment):
    def make(name, true_minutes, said_minutes=None, n_frames=40, n_cells=30, **walk):
        seed = sum(map(ord, name))
        table = walks(np.random.default_rng(seed), n_cells, n_frames, true_minutes / 60, **walk)
        one = make_experiment(
            name, {"A/1/0": table}, shape=(n_frames, 2, 1, 600, 600), interval_minutes=true_minutes
        )
        return one.model_copy(update={"interval_minutes": said_minutes or true_minutes})

    return make


class TestIntervalSuspect:
    def test_the_same_walk_at_several_intervals_is_well(self, walkers):
        index = index_of(
            walkers("a", 10.0), walkers("b", 20.0, drift=3.0), walkers("c", 60.0, drift=-2.0)
        )
        assert found("interval-suspect", index) == []

    def test_displacements_grow_as_a_random_walk_and_leave_out_the_drift(self, walkers):
        index = index_of(walkers("a", 15.0), walkers("b", 30.0, drift=5.0))
        first, second = displacements(index, in_um=False)
        for one in (first, second):
            np.testing.assert_allclose(one.square, 100 * one.hours, rtol=0.25)
        assert times_longer(first, second) == pytest.approx(1.0, rel=0.25)
        half = displacements(index, in_um=True)[0]
        np.testing.assert_allclose(half.square, first.square / 4)

    @pytest.mark.parametrize(("said", "word"), [(80.0, "long"), (5.0, "short")])
    def test_the_odd_one_of_three_is_named(self, walkers, said, word):
        index = index_of(walkers("a", 10.0), walkers("b", 20.0, said), walkers("c", 30.0))
        (one,) = found("interval-suspect", index)
        assert (one.severity, one.experiment) == ("warning", "b")
        assert f"times too {word}" in one.sentence
        assert evidence(one)["interval"] == said
        assert evidence(one)["interval that would fit"] == pytest.approx(20.0, rel=0.3)

    def test_two_only_differ(self, walkers):
        index = index_of(walkers("a", 10.0), walkers("b", 20.0, 80.0))
        (one,) = found("interval-suspect", index)
        assert one.experiment == ""
        assert "a (10 min) and b (80 min) differ" in one.sentence
        assert "cannot tell" in one.sentence

    def test_a_small_difference_of_two_is_not_said(self, walkers):
        assert (
            found("interval-suspect", index_of(walkers("a", 10.0), walkers("b", 20.0, 30.0))) == []
        )

    def test_one_alone_or_few_cells_say_nothing(self, walkers):
        many, few = walkers("a", 10.0), walkers("b", 20.0, 200.0, n_cells=2)
        assert found("interval-suspect", index_of(many)) == []
        assert found("interval-suspect", index_of(many, few)) == []

    def test_unknown_pixel_sizes_are_said(self, make_experiment):
        tables = [
            {"A/1/0": walks(np.random.default_rng(seed), 30, 30, hours)}
            for seed, hours in enumerate((0.5, 8.0))
        ]
        one, two = (
            make_experiment(name, table, shape=(30, 2, 1, 600, 600), pixel_size_um=1.0)
            for name, table in zip(("a", "b"), tables, strict=True)
        )
        (finding,) = found("interval-suspect", index_of(one, two))
        assert "not every store gives the size of its pixels" in finding.sentence
        assert {one.unit for one in finding.evidence} == {"px", "min"}

    def test_the_cell_cycle_speaks_too(self, walkers):
        index = index_of(
            walkers("a", 30.0, n_frames=80, n_cells=10, cycle_hours=12.0),
            walkers("b", 30.0, 90.0, n_frames=80, n_cells=10, cycle_hours=12.0),
        )
        assert cycle_frames(index) == [24.0, 24.0]
        (one,) = found("interval-suspect", index)
        assert "divide 12 h after their birth, those of b 36 h" in one.sentence
        assert evidence(one)["cell cycle"] == 12.0

    def test_the_same_cycle_clears_slow_cells(self, walkers, make_experiment):
        lazy = walks(np.random.default_rng(1), 10, 80, 0.5, cycle_hours=12.0)
        lazy[["y", "x"]] = 300 + (lazy[["y", "x"]] - 300) / 4
        slow = make_experiment(
            "slow", {"A/1/0": lazy}, shape=(80, 2, 1, 600, 600), interval_minutes=30.0
        )
        index = index_of(walkers("a", 30.0, n_frames=80, n_cells=10, cycle_hours=12.0), slow)
        assert times_longer(*displacements(index, in_um=True)) < 1 / 4
        assert found("interval-suspect", index) == []


class TestCycle:
    def test_undivided_cells_count_as_long_as_they_were_seen(self, make_experiment):
        """Half of all are known to live longer than 6 frames, though most that divide do at 6."""
        tables = {}
        for number in range(8):
            short = number < 5
            daughters = [
                (2, range(2, 8), 1),
                (3, range(2, 8 if short else 30), 1),
                *[(track, range(8, 30), 2) for track in (4, 5)],
                *[(track, range(8, 30), 3) for track in (6, 7) if short],
            ]
            tables[f"A/1/{number}"] = track_table((1, range(2)), *daughters)
        one = make_experiment("one", tables, shape=(40, 2, 1, 40, 48))
        # 13 of 48 divide at 6 frames; 35 are never seen to.
        assert cycle_frames(index_of(one)) == [None]

    def test_an_only_child_is_the_same_cell(self, make_experiment):
        table = track_table(
            (1, range(2)),
            (2, range(2, 5), 1),
            (3, range(2, 8), 1),
            (4, range(5, 8), 2),
            *[(track, range(8, 10), 4) for track in (5, 6)],
        )
        tables = {f"A/1/{number}": table for number in range(8)}
        assert cycle_frames(index_of(make_experiment("one", tables))) == [6.0]


class TestChannelNames:
    @pytest.fixture
    def names(self, make_experiment):
        def run(*slots, **others):
            made = []
            for number, source in enumerate(slots):
                stored = [*source, *others.get(f"e{number}", ())]
                made.append(
                    make_experiment(
                        f"e{number}",
                        LONG,
                        shape=(12, len(stored), 1, 40, 48),
                        channels=stored,
                        source_channel=source,
                    )
                )
            return found("channel-names-unlike", index_of(*made))

        return run

    def test_like_names_are_well(self, names):
        names_of_gfp = ("H2B-GFP", "raw GFP EX488 EM525-45", "EGFP", "gfp")
        names_of_phase = ("Phase", "Phase3D", "BF", "Brightfield")
        assert names(*zip(names_of_phase, names_of_gfp, strict=True)) == []

    def test_unlike_names_are_a_note(self, names):
        (one,) = names(("Phase", "H2B-GFP"), ("Phase", "nuclei"))
        assert (one.severity, one.experiment) == ("note", "")
        assert "Slot 1 (H2B-GFP) has unlike names: 'H2B-GFP' in e0; 'nuclei' in e1" in one.sentence

    def test_exchanged_names_are_a_warning_once_for_two(self, names):
        first, second = names(("Phase", "H2B-GFP"), ("GFP", "Phase"))
        assert {first.severity, second.severity} == {"warning"}
        assert {first.experiment, second.experiment} == {"e1"}
        assert "'Phase', which is in slot 1 here, is more like it" in first.sentence

    def test_names_with_a_common_word(self, names):
        both = names(("FUCCI-cyan", "FUCCI-magenta"), ("FUCCI-magenta", "FUCCI-cyan"))
        assert [one.severity for one in both] == ["warning"] * 2

    def test_the_experiment_that_is_unlike_all_others_is_named(self, names):
        right = ("Phase", "GFP")
        swapped = names(right, ("GFP", "Phase"), right, right)
        assert {(one.severity, one.experiment) for one in swapped} == {("warning", "e1")}

    def test_a_channel_in_no_slot_that_fits_better(self, names):
        (one,) = names(("Phase", "GFP"), ("Phase", "mCherry"), e1=["GFP"])
        assert one.severity == "warning"
        assert "'GFP', which is in no slot here" in one.sentence

    @pytest.mark.parametrize(
        ("name", "other", "least", "most"),
        [
            ("Phase", "BF", 1, 1),
            ("GFP", "H2B-GFP", 1, 1),
            ("raw GFP EX488 EM525-45", "GFP", 1, 1),
            ("ch0", "ch0", 1, 1),
            ("GFP", "mCherry", 0, 0.4),
            ("H2B-GFP", "H2B-mCherry", 0, 0.6),
            ("", "GFP", 0, 0),
        ],
    )
    def test_likeness(self, name, other, least, most):
        assert least <= alike(name, other) <= most
        assert alike(name, other) == alike(other, name)


class TestAnchors:
    def many(self, make_experiment, name):
        return make_experiment(
            name, {"A/1/0": track_table(*[(track, range(12)) for track in range(1, 21)])}
        )

    def test_few_cells(self, make_experiment):
        few = make_experiment("few", LONG)
        index = index_of(*(self.many(make_experiment, name) for name in "abc"), few)
        (one,) = found("few-anchors", index)
        assert (one.kind, one.severity, one.experiment) == ("few-anchors", "warning", "few")
        assert "Only 11 cells" in one.sentence
        assert "the median of the 4 experiments is 220" in one.sentence
        assert "it has 12 observations in 1 FOV" in one.sentence
        assert evidence(one)["anchors"] == one.count == 11

    def test_short_lineages(self, make_experiment):
        table = track_table(*[(track, [0, 1]) for track in range(1, 60)], (60, range(12)))
        short = make_experiment("short", {"A/1/0": table})
        index = index_of(
            *(self.many(make_experiment, name) for name in "abc"), short, tau_range_hours=(1, 2)
        )
        (one,) = found("few-anchors", index)
        assert one.experiment == "short"
        assert "of its 130 observations 7.7 % have a positive 2 to 4 frames later" in one.sentence
        assert "half of its lineages span 2 frames or less" in one.sentence

    def test_none_at_all(self, make_experiment):
        one = make_experiment("one", {"A/1/0": track_table((1, [0]), (2, [1]))})
        (finding,) = found("few-anchors", index_of(one))
        assert (finding.kind, finding.severity) == ("no-anchors", "warning")
        assert "No cell of this experiment can be an anchor: of its 2 observations none" in (
            finding.sentence
        )

    def test_no_frame_of_tau_is_said_by_the_check_of_tau(self, make_experiment):
        one = make_experiment("one", LONG, interval_minutes=600.0)
        assert found("few-anchors", index_of(one)) == []

    def test_enough(self, make_experiment):
        half = make_experiment("half", {"A/1/0": track_table((1, range(12)), (2, range(12)))})
        index = index_of(*(self.many(make_experiment, name) for name in "ab"), half)
        assert found("few-anchors", index) == []


FAMILY = {"A/1/0": track_table((1, range(2)), (2, range(2, 12), 1), (3, range(2, 12), 1))}


class TestCollateral:
    def test_the_share_is_that_of_a_draw(self, make_experiment):
        index = index_of(make_experiment("one", FAMILY), make_experiment("two", LONG))
        (one,) = found("collateral-share", index)
        assert (one.experiment, one.severity) == ("one", "warning")
        source = PairSource(index, index.settings)
        rows = index.anchor_rows[index.experiment_of_row[index.anchor_rows] == 0]
        relation, _, _ = source.relations(source.draw(rows, 0, 0))
        share = np.mean(relation == Relation.SISTER)
        assert 0.3 < share < 0.8
        assert evidence(one)["share of sister"] == evidence(one)["share of other branches"] == share
        assert evidence(one)["pairs drawn"] == len(rows)
        assert f"{100 * share:.2g} % of the positives are another cell" in one.sentence
        assert "positive_relation: descendant" in one.remedy

    def test_descendants_alone_have_none(self, make_experiment):
        index = index_of(make_experiment("one", FAMILY), positive_relation="descendant")
        assert found("collateral-share", index) == []

    def test_a_small_share_is_a_note(self, make_experiment):
        table = pd.concat(
            [FAMILY["A/1/0"], track_table(*[(track, range(12)) for track in range(10, 30)])]
        )
        (one,) = found("collateral-share", index_of(make_experiment("one", {"A/1/0": table})))
        assert one.severity == "note"
        assert 0.01 <= evidence(one)["share of other branches"] <= 0.1

    def test_a_sample_stands_for_many(self, make_experiment, monkeypatch):
        tables = {f"A/1/{number}": FAMILY["A/1/0"] for number in range(40)}
        index = index_of(make_experiment("one", tables))
        (whole,) = found("collateral-share", index)
        monkeypatch.setattr(settings_collateral, "MOST_ANCHORS", 200)
        (part,) = found("collateral-share", index)
        assert evidence(part)["pairs drawn"] == 200
        share = evidence(whole)["share of other branches"]
        assert evidence(part)["share of other branches"] == pytest.approx(share, abs=0.12)
        assert f"200 of {len(index.anchor_rows):,} anchors" in part.sentence

    def test_settings_that_cannot_be_trained_do_not_stop_it(self, make_experiment):
        index = index_of(make_experiment("one", FAMILY), return_negative=True)
        assert len(found("collateral-share", index)) == 1


class TestScale:
    @staticmethod
    def z_step(experiment, step_um):
        file = Path(experiment.data_path, "A/1/0/.zattrs")
        content = json.loads(file.read_text())
        transforms = content["multiscales"][0]["datasets"][0]["coordinateTransformations"]
        transforms[0]["scale"][2] = step_um
        file.write_text(json.dumps(content))

    def test_pixels_of_unlike_size_give_both_fields_of_view(self, make_experiment):
        one = make_experiment("one", LONG, pixel_size_um=0.325)
        two = make_experiment("two", LONG, pixel_size_um=0.65)
        more = make_experiment("more", LONG, pixel_size_um=0.335)
        (finding,) = found("scales-differ", index_of(one, two, more))
        assert (finding.severity, finding.experiment, finding.count) == ("warning", "", 3)
        assert "5.28 x 5.28 um (16 x 16 pixels of 0.33 um) of one, more" in finding.sentence
        assert "10.4 x 10.4 um (16 x 16 pixels of 0.65 um) of two" in finding.sentence
        assert "2 times as much" in finding.sentence
        assert evidence(finding)["field of view of two"] == pytest.approx(16 * 0.65)
        assert "resample" in finding.remedy

    def test_one_scale_gives_nothing(self, make_experiment):
        one = make_experiment("one", LONG, pixel_size_um=0.5)
        two = make_experiment("two", LONG, pixel_size_um=0.52)
        assert found("scales-differ", index_of(one, two)) == []

    def test_a_store_that_gives_none_is_named_where_others_differ(self, make_experiment):
        one = make_experiment("one", LONG, pixel_size_um=0.325)
        # 1 in all axes is what writers put who do not know.
        none = make_experiment("none", LONG, pixel_size_um=1.0)
        assert found("scales-differ", index_of(one, none)) == []
        two = make_experiment("two", LONG, pixel_size_um=0.65)
        (finding,) = found("scales-differ", index_of(one, none, two))
        assert "The store of none gives no pixel size." in finding.sentence

    def test_slices_count_where_patches_have_several(self, make_experiment):
        shape = (12, 2, 4, 40, 48)
        one, two = (make_experiment(name, LONG, shape=shape) for name in ("one", "two"))
        self.z_step(two, 0.5)
        assert found("scales-differ", index_of(one, two)) == []
        (finding,) = found("scales-differ", index_of(one, two, z_range=3))
        assert "6 um in depth (3 slices of 2 um) of one" in finding.sentence
        assert "1.5 um in depth (3 slices of 0.5 um) of two" in finding.sentence

    def test_fovs_of_one_experiment(self, make_experiment):
        fovs = {"A/1/0": LONG["A/1/0"], "A/1/1": LONG["A/1/0"], "A/1/2": LONG["A/1/0"]}
        one = make_experiment("one", fovs)
        file = Path(one.data_path, "A/1/1/.zattrs")
        file.write_text(file.read_text().replace("0.5", "0.25"))
        (finding,) = found("scales-differ", index_of(one))
        assert "of 1 FOV of one" in finding.sentence
        assert "of 2 FOVs of one" in finding.sentence
