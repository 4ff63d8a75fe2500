"""Pairs as training gets them: index and source together, on small stores, against scanning."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage_triplets.engine import PairSource
from lineage_triplets.engine.errors import ConfigError, NoAnchorsError
from lineage_triplets.engine.pairs.forest import RELATION_LABELS
from lineage_triplets.engine.settings.model import Exclusions
from reference import RELATIONS, Movie, count, fits, movies, tau_law, uniform_over
from stores import source_of

if TYPE_CHECKING:
    from lineage_triplets import MultiExperimentIndex

Place = tuple[str, str]  # experiment and FOV
Cell = tuple[str, str, int, int]  # experiment, FOV, track, frame

PLACES = (("one", "A/1/0"), ("one", "B/2/0"), ("two", "A/1/0"))
on_stores = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
tau_ranges = st.tuples(st.integers(0, 3), st.integers(0, 6)).map(lambda r: (r[0], r[0] + r[1]))
fallbacks = st.sampled_from(["scan", "renormalize"])
three_movies = st.tuples(*[movies(max_tracks=6, max_frame=20)] * 3)


def two_cells(frames: range, n: int = 2) -> Movie:
    return Movie(dict.fromkeys(range(1, n + 1)), dict.fromkeys(range(1, n + 1), tuple(frames)))


def tables_of(found: tuple[Movie, ...]) -> dict[Place, pd.DataFrame]:
    return {place: movie.table() for place, movie in zip(PLACES, found, strict=True)}


def cells_of(index: MultiExperimentIndex) -> list[Cell]:
    columns = ["experiment", "fov_name", "track_id", "t"]
    return list(index.tracks[columns].itertuples(index=False, name=None))


@dataclass
class Drawn:
    """What was drawn for each anchor, by names and not by rows."""

    positive: dict[Cell, Cell]
    tau: dict[Cell, int]
    negative: dict[Cell, Cell]

    @classmethod
    def of(
        cls, index: MultiExperimentIndex, seed: int = 0, epoch: int = 0, **arguments: object
    ) -> Drawn:
        cells = cells_of(index)
        pairs = source_of(index, **arguments).draw(index.anchor_rows, seed, epoch)
        anchors = [cells[row] for row in pairs.anchor]
        negatives = [] if pairs.negative is None else [cells[row] for row in pairs.negative]
        return cls(
            dict(zip(anchors, (cells[row] for row in pairs.positive), strict=True)),
            dict(zip(anchors, pairs.tau_frames.tolist(), strict=True)),
            dict(zip(anchors, negatives, strict=False)),
        )


class TestAgainstScanning:
    @on_stores
    @given(three_movies, st.sampled_from(RELATIONS), tau_ranges)
    def test_valid_anchors(self, plates, found, relation, tau_range):
        index = plates.index(
            tables_of(found), positive_relation=relation, tau_range_hours=tau_range
        )
        expected = []
        for (experiment, fov), movie in zip(PLACES, found, strict=True):
            inside = [cell for cell in movie.cells if cell[1] < plates.n_frames]
            expected += [
                (experiment, fov, *cell)
                for cell in inside
                if any(
                    movie.positives(cell, tau, relation, inside)
                    for tau in range(max(1, tau_range[0]), tau_range[1] + 1)
                )
            ]
        columns = ["experiment", "fov_name", "track_id", "t"]
        anchors = index.valid_anchors
        assert list(anchors[columns].itertuples(index=False, name=None)) == expected
        assert [cells_of(index)[row] for row in index.anchor_rows] == expected

    @on_stores
    @given(three_movies, st.sampled_from(RELATIONS), tau_ranges, fallbacks)
    def test_positives_and_what_they_are(self, plates, found, relation, tau_range, fallback):
        index = plates.index(
            tables_of(found), positive_relation=relation, tau_range_hours=tau_range
        )
        source, cells = source_of(index, tau_fallback=fallback), cells_of(index)
        movie_of = dict(zip(PLACES, found, strict=True))
        for epoch in range(3):
            pairs = source.draw(index.anchor_rows, seed=5, epoch=epoch)
            kin, up, down = source.relations(pairs)
            for k, row in enumerate(pairs.anchor):
                anchor, positive = cells[row], cells[pairs.positive[k]]
                tau = pairs.tau_frames[k]
                assert max(1, tau_range[0]) <= tau <= tau_range[1]
                assert positive[:2] == anchor[:2]
                movie = movie_of[anchor[:2]]
                assert positive[2:] in movie.positives(anchor[2:], tau, relation)
                expected = movie.relation(anchor[2], positive[2])
                assert (RELATION_LABELS[kin[k]], up[k], down[k]) == expected

    @on_stores
    @given(three_movies, st.sampled_from(["experiment", "fov"]))
    def test_negatives_are_of_other_lineages(self, plates, found, negative_from):
        # One more cell a FOV, so that each has two lineages.
        found = tuple(
            Movie({**one.parent, 500: None}, {**one.frames, 500: (3, 9)}) for one in found
        )
        index = plates.index(tables_of(found), tau_range_hours=(1, 4))
        lineage = dict(zip(cells_of(index), index.tracks.lineage_id, strict=True))
        drawn = Drawn.of(index, return_negative=True, negative_from=negative_from)
        for anchor, negative in drawn.negative.items():
            assert lineage[anchor] != lineage[negative]
            assert anchor[0] == negative[0]
            if negative_from == "fov":
                assert anchor[1] == negative[1]
                distance = {
                    abs(cell[3] - anchor[3])
                    for cell in lineage
                    if cell[:2] == anchor[:2] and lineage[cell] != lineage[anchor]
                }
                assert abs(negative[3] - anchor[3]) == min(distance)

    def test_negatives_change_no_positive(self, plates):
        index = plates.index({PLACES[0]: two_cells(range(20)).table()})
        plain = Drawn.of(index)
        for negative_from in ("experiment", "fov"):
            with_negatives = Drawn.of(index, return_negative=True, negative_from=negative_from)
            assert with_negatives.positive == plain.positive


class TestWhatADrawDependsOn:
    """Seed, epoch and anchor alone."""

    family = Movie(
        {1: None, 2: 1, 3: 1, 4: 3}, {1: range(8), 2: range(8, 20), 3: (9, 11), 4: (12,)}
    )

    def tables(self) -> dict[Place, pd.DataFrame]:
        return {place: two_cells(range(25), 6).table() for place in PLACES}

    @pytest.mark.parametrize("negative_from", ["experiment", "fov"])
    @pytest.mark.parametrize("fallback", ["scan", "renormalize"])
    def test_any_batch_order_and_repeats(self, plates, negative_from, fallback):
        tables = self.tables() | {PLACES[1]: pd.concat([two_cells(range(25)).table()])}
        tables[PLACES[0]] = Movie(
            {**self.family.parent, 7: None}, {**self.family.frames, 7: range(3)}
        ).table()
        index = plates.index(tables, tau_range_hours=(0, 5))
        source = source_of(
            index, tau_fallback=fallback, return_negative=True, negative_from=negative_from
        )
        rows = index.anchor_rows
        whole = source.draw(rows, seed=3, epoch=1)
        of_row = {
            row: (positive, tau, negative)
            for row, positive, tau, negative in zip(
                rows, whole.positive, whole.tau_frames, whole.negative, strict=True
            )
        }
        rng = np.random.default_rng(0)
        for size in (1, 2, 7, 64):
            for _ in range(10):
                some = rng.choice(rows, size)
                part = source.draw(some, seed=3, epoch=1)
                assert np.array_equal(part.anchor, some)
                got = zip(part.positive, part.tau_frames, part.negative, strict=True)
                assert list(got) == [of_row[row] for row in some]

    def test_rows_in_any_order_in_the_file(self, plates):
        tables = self.tables()
        sorted_draws = Drawn.of(plates.index(tables), return_negative=True)
        mixed = {place: table.sample(frac=1, random_state=1) for place, table in tables.items()}
        assert Drawn.of(plates.index(mixed), return_negative=True) == sorted_draws

    def test_other_fovs_experiments_and_cells_change_no_positive(self, plates):
        alone = Drawn.of(plates.index({PLACES[1]: self.family.table()}))
        more = self.tables() | {PLACES[1]: self.family.table()}
        among_others = Drawn.of(plates.index(more))
        cell = Movie({**self.family.parent, 0: None}, {**self.family.frames, 0: range(12)})
        beside_another = Drawn.of(plates.index({PLACES[1]: cell.table()}))
        assert len(alone.positive) > 20
        for other in (among_others, beside_another):
            assert alone.positive.items() <= other.positive.items()

    @pytest.mark.parametrize("negative_from", ["experiment", "fov"])
    @pytest.mark.parametrize("already", [(), (1, 2, 3)])
    def test_excluding_a_lineage_changes_no_other_pair(self, plates, negative_from, already):
        def exclude(tracks):
            names = [{"lineage_id": f"one_A/1/0_{track}"} for track in tracks]
            return Exclusions.model_validate({"lineages": names})

        before, after = (
            Drawn.of(
                plates.index(self.tables(), exclude=exclude(tracks)),
                return_negative=True,
                negative_from=negative_from,
            )
            for tracks in (already, (*already, 5))
        )
        gone = ("one", "A/1/0", 5)
        assert {cell for cell in before.positive if cell[:3] == gone}
        kept = {a: p for a, p in before.positive.items() if a[:3] != gone}
        assert after.positive == kept
        was_of_it = {a for a, n in before.negative.items() if n[:3] == gone and a in kept}
        assert was_of_it
        for anchor in kept:
            if anchor in was_of_it:
                assert after.negative[anchor][:3] != gone
            else:
                assert after.negative[anchor] == before.negative[anchor]

    @staticmethod
    def taus(
        index: MultiExperimentIndex, place: Place, seed: int = 0, epoch: int = 0
    ) -> np.ndarray:
        """Taus of the cells that have somebody at all of them, each of 9 equally likely."""
        drawn = Drawn.of(index, seed, epoch, tau_decay_rate=0.0).tau
        return np.array([tau for cell, tau in drawn.items() if cell[:2] == place and cell[3] < 16])

    def test_seeds_and_epochs_all_differ(self, plates):
        index = plates.index(self.tables(), tau_range_hours=(1, 9))
        taus = {
            (seed, epoch): self.taus(index, PLACES[0], seed, epoch)
            for seed in range(3)
            for epoch in range(3)
        }
        for one, other in itertools.combinations(taus, 2):
            # One in nine of the 96 cells agrees by chance.
            assert np.mean(taus[one] == taus[other]) < 0.25

    def test_cells_of_the_same_name_in_other_experiments_and_fovs_draw_differently(self, plates):
        index = plates.index(self.tables(), tau_range_hours=(1, 9))
        first, *others = (self.taus(index, place) for place in PLACES)
        for other in others:
            assert np.mean(first == other) < 0.25

    def test_pairs_stay_what_they_are_from_version_to_version(self, plates):
        # A validated config promises its pairs: change these numbers knowingly, or never.
        movie = Movie({**self.family.parent, 7: None}, {**self.family.frames, 7: (0, 5)})
        index = plates.index({PLACES[0]: movie.table()}, tau_range_hours=(1, 5))
        drawn = Drawn.of(index, 1, 2, tau_fallback="renormalize", return_negative=True)
        found = {
            anchor[2:]: (positive[2:], drawn.negative[anchor][2:])
            for anchor, positive in drawn.positive.items()
            if anchor[2] != 2
        }
        assert found == {
            (1, 0): ((1, 1), (7, 0)),
            (1, 1): ((1, 2), (7, 5)),
            (1, 2): ((1, 5), (7, 0)),
            (1, 3): ((1, 4), (7, 5)),
            (1, 4): ((1, 7), (7, 0)),
            (1, 5): ((1, 6), (7, 5)),
            (1, 6): ((2, 8), (7, 5)),
            (1, 7): ((2, 8), (7, 0)),
            (3, 9): ((2, 10), (7, 0)),
            (3, 11): ((2, 13), (7, 5)),
            (4, 12): ((2, 13), (7, 0)),
            (7, 0): ((7, 5), (1, 7)),
        }


class TestFrequencies:
    def drawn(self, plates, tables, anchor: tuple[int, int], n: int, **arguments) -> pd.DataFrame:
        """Pairs of one anchor in many epochs."""
        index_arguments = {
            key: arguments.pop(key)
            for key in ("tau_range_hours", "positive_relation", "exclude")
            if key in arguments
        }
        index = plates.index(tables, **index_arguments)
        cells = cells_of(index)
        row = cells.index((*PLACES[0], *anchor))
        source = source_of(index, **arguments)
        columns = []
        for epoch in range(n):
            pairs = source.draw(np.array([row]), seed=0, epoch=epoch)
            negative = None if pairs.negative is None else cells[pairs.negative[0]]
            columns.append((cells[pairs.positive[0]], int(pairs.tau_frames[0]), negative))
        return pd.DataFrame(columns, columns=["positive", "tau", "negative"])

    def test_law_of_tau_over_epochs(self, plates):
        found = self.drawn(
            plates, {PLACES[0]: two_cells(range(12)).table()}, (1, 2), 4000, tau_range_hours=(0, 5)
        )
        assert fits(count(found.tau), tau_law(1, 5, 2.0))

    def test_decay_rate(self, plates):
        found = self.drawn(
            plates,
            {PLACES[0]: two_cells(range(12)).table()},
            (1, 2),
            4000,
            tau_range_hours=(2, 5),
            tau_decay_rate=0.5,
        )
        assert fits(count(found.tau), tau_law(2, 5, 0.5))

    def test_daughters_are_equally_likely(self, plates):
        movie = Movie({1: None, 2: 1, 3: 1, 4: 1}, {1: (0, 1), **dict.fromkeys((2, 3, 4), (2, 3))})
        found = self.drawn(plates, {PLACES[0]: movie.table()}, (1, 1), 4000, tau_range_hours=(1, 2))
        both = [(tau, cell[2]) for tau, cell in zip(found.tau, found.positive, strict=True)]
        law = tau_law(1, 2, 2.0)
        assert fits(count(both), {(tau, k): law[tau] / 3 for tau in (1, 2) for k in (2, 3, 4)})

    def test_negatives_over_all_observations_of_the_experiment(self, plates):
        movie = Movie({1: None, 2: 1, 3: None, 4: None}, {1: (0, 1), 2: (2,), 3: (0, 5), 4: (9,)})
        tables = {
            PLACES[0]: movie.table(),
            PLACES[1]: two_cells(range(2)).table(),
            PLACES[2]: movie.table(),
        }
        exclude = Exclusions.model_validate(
            {"observations": [{"global_track_id": "one_B/2/0_1", "t": 1}]}
        )
        found = self.drawn(plates, tables, (1, 0), 4000, return_negative=True, exclude=exclude)
        expected = {(*PLACES[0], *cell) for cell in ((3, 0), (3, 5), (4, 9))}
        expected |= {(*PLACES[1], *cell) for cell in ((1, 0), (2, 0), (2, 1))}
        assert fits(count(found.negative), uniform_over(expected))


class TestNarrowing:
    @pytest.mark.parametrize("relation", ["descendant", "same_track"])
    def test_no_sister_is_ever_drawn(self, plates, relation):
        family = Movie({1: None, 2: 1, 3: 1}, {1: (0, 1), 2: range(2, 9), 3: range(2, 9)})
        index = plates.index(
            {PLACES[0]: family.table()}, positive_relation=relation, tau_range_hours=(1, 4)
        )
        source = PairSource(index)
        seen = set()
        for epoch in range(50):
            kin, _, _ = source.relations(source.draw(index.anchor_rows, 0, epoch))
            seen |= set(RELATION_LABELS[kin].tolist())
        expected = {"same track", "daughter"} if relation == "descendant" else {"same track"}
        assert seen == expected
        # With "lineage", half of a daughter's positives are its sister.
        source = PairSource(plates.index({PLACES[0]: family.table()}, tau_range_hours=(1, 4)))
        kin, _, _ = source.relations(source.draw(source.index.anchor_rows, 0, 0))
        assert "sister" in RELATION_LABELS[kin]


class TestExclusions:
    family = Movie(
        {1: None, 2: 1, 3: 1, 4: None, 5: None},
        {1: range(4), 2: range(4, 8), 3: range(4, 8), 4: range(8), 5: range(8)},
    )

    @pytest.mark.parametrize(
        ("exclude", "left_out"),
        [
            (
                {"tracks": [{"global_track_id": "one_A/1/0_1"}]},
                lambda cell: cell[:3] == ("one", "A/1/0", 1),
            ),
            (
                {"lineages": [{"lineage_id": "two_A/1/0_1"}]},
                lambda cell: cell[0] == "two" and cell[2] < 4,
            ),
            (
                {"observations": [{"global_track_id": "one_B/2/0_2", "t": 6}]},
                lambda cell: cell == ("one", "B/2/0", 2, 6),
            ),
            (
                {"frames": [{"experiment": "one", "fov": "A/1/0", "frames": [2, 5]}]},
                lambda cell: cell[:2] == ("one", "A/1/0") and cell[3] in (2, 5),
            ),
            (
                {"fovs": [{"experiment": "one", "fov": "A/1/0"}]},
                lambda cell: cell[:2] == ("one", "A/1/0"),
            ),
            (
                {"wells": [{"experiment": "two", "well": "A/1"}]},
                lambda cell: cell[0] == "two",
            ),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_neither_anchor_nor_positive_nor_negative(self, plates, exclude, left_out):
        tables = {place: self.family.table() for place in PLACES}
        before = plates.index(tables, tau_range_hours=(1, 4))
        index = plates.index(
            tables, tau_range_hours=(1, 4), exclude=Exclusions.model_validate(exclude)
        )
        expected = [cell for cell in cells_of(before) if not left_out(cell)]
        assert cells_of(index) == expected
        assert [p for p in index.problems if p.kind == "unmatched-exclusion"] == []
        for negative_from in ("experiment", "fov"):
            drawn = Drawn.of(index, return_negative=True, negative_from=negative_from)
            for cells in (drawn.positive, drawn.positive.values(), drawn.negative.values()):
                assert not any(map(left_out, cells))
        # Ids and generations are what they were.
        columns = ["global_track_id", "lineage_id", "generation", "parent_track_id"]
        was = before.tracks[[not left_out(cell) for cell in cells_of(before)]]
        pd.testing.assert_frame_equal(index.tracks[columns], was[columns].reset_index(drop=True))

    def test_a_lineage_goes_on_across_an_excluded_track(self, plates):
        exclude = Exclusions.model_validate({"tracks": [{"global_track_id": "one_A/1/0_2"}]})
        family = Movie({1: None, 2: 1, 3: 2}, {1: (0,), 2: (1, 2), 3: (3,)})
        index = plates.index({PLACES[0]: family.table()}, tau_range_hours=(1, 3), exclude=exclude)
        drawn = Drawn.of(index)
        assert drawn.positive == {(*PLACES[0], 1, 0): (*PLACES[0], 3, 3)}
        assert drawn.tau == {(*PLACES[0], 1, 0): 3}

    @pytest.mark.parametrize(
        "exclude",
        [
            {"tracks": [{"global_track_id": "one_A/1/0_9"}]},
            {"lineages": [{"lineage_id": "one_A/1/0_2"}]},
            {"observations": [{"global_track_id": "one_A/1/0_1", "t": 4}]},
            {"observations": [{"global_track_id": "one_A/1/0_1", "t": -1}]},
            {"observations": [{"global_track_id": "one_A/1/0_1", "t": 2**62}]},
            {"frames": [{"experiment": "one", "fov": "A/1/7", "frames": [0]}]},
            {"frames": [{"experiment": "one", "fov": "A/1/0", "frames": [0, 30]}]},
            {"fovs": [{"experiment": "one", "fov": "A/1/7"}]},
            {"fovs": [{"experiment": "three", "fov": "A/1/0"}]},
            {"wells": [{"experiment": "one", "well": "C/1"}]},
        ],
        ids=str,
    )
    def test_exclusions_of_nothing_are_said(self, plates, exclude):
        index = plates.index(
            {PLACES[0]: self.family.table()}, exclude=Exclusions.model_validate(exclude)
        )
        (problem,) = index.problems
        assert (problem.kind, problem.severity) == ("unmatched-exclusion", "warning")
        assert problem.field == f"exclude.{next(iter(exclude))}"


class TestNothingToDraw:
    def test_one_lineage_has_no_negatives(self, plates):
        tables = {
            PLACES[0]: two_cells(range(6), 1).table(),
            PLACES[1]: two_cells(range(6), 1).table(),
            PLACES[2]: two_cells(range(6)).table(),
        }
        index = plates.index(tables)
        assert set(Drawn.of(index, return_negative=True).negative) == set(Drawn.of(index).positive)
        with pytest.raises(ConfigError, match=r"FOV A/1/0.*one lineage only") as caught:
            source_of(index, return_negative=True, negative_from="fov")
        assert caught.value.problems[0].experiment == "one"
        del tables[PLACES[1]]
        with pytest.raises(ConfigError, match=r"experiment 'one'.*one lineage only"):
            source_of(plates.index(tables), return_negative=True)

    def test_a_lineage_that_is_excluded_is_no_other_lineage(self, plates):
        exclude = Exclusions.model_validate({"lineages": [{"lineage_id": "one_A/1/0_2"}]})
        index = plates.index({PLACES[0]: two_cells(range(6)).table()}, exclude=exclude)
        for negative_from in ("experiment", "fov"):
            with pytest.raises(ConfigError, match="one lineage only"):
                source_of(index, return_negative=True, negative_from=negative_from)

    def test_a_range_that_rounds_to_no_frame(self, plates, caplog):
        with caplog.at_level(logging.WARNING):
            index = plates.index({PLACES[0]: two_cells(range(6)).table()}, tau_range_hours=(0, 0.4))
        assert len(index.valid_anchors) == 0
        (problem,) = index.problems
        assert (problem.kind, problem.experiment) == ("no-anchors", "one")
        assert "frames 0 to 0" in problem.message
        with pytest.raises(NoAnchorsError, match="no valid anchor"):
            PairSource(index).require_anchors()

    @pytest.mark.parametrize("fallback", ["scan", "renormalize"])
    @pytest.mark.parametrize("negative_from", ["experiment", "fov"])
    @pytest.mark.parametrize("hours", [(0, 0.4), (1, 2)])
    def test_rows_that_are_no_anchors_get_nobody(self, plates, fallback, negative_from, hours):
        # One cell in a frame, alone in its FOV and experiment; and an experiment with pairs.
        tables = {
            PLACES[0]: two_cells(range(1), 1).table(),
            PLACES[2]: two_cells(range(6)).table(),
        }
        index = plates.index(tables, tau_range_hours=hours)
        source = source_of(
            index, tau_fallback=fallback, return_negative=True, negative_from=negative_from
        )
        pairs = source.draw(np.array([0]), seed=0, epoch=0)
        assert pairs.positive.tolist() == [-1]
        assert pairs.tau_frames.tolist() == [0]
        assert pairs.negative.tolist() == [-1]

    def test_no_anchors_asked_for(self, plates):
        index = plates.index({PLACES[0]: two_cells(range(6)).table()})
        for negative_from in ("experiment", "fov"):
            source = source_of(index, return_negative=True, negative_from=negative_from)
            pairs = source.draw(np.empty(0, dtype=np.int64), seed=0, epoch=0)
            assert len(pairs.positive) == len(pairs.tau_frames) == len(pairs.negative) == 0
