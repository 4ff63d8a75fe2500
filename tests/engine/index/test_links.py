"""Links that tables lack are added after the cuts: one track goes on as another, or divides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage_triplets.engine import PairSource
from lineage_triplets.engine.dataset.source import observation_meta, prediction_index
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.index.one_lineage import LineageParts
from lineage_triplets.engine.pairs.forest import RELATION_LABELS
from lineage_triplets.engine.settings.model import Cut, Exclusions, Link
from lineage_triplets.qc.export.cell_index import cell_index_batches
from reference import Movie, movies

ONE = ("one", "A/1/0")
# 1 (0 to 5) divides into 2 and 3 (6 to 9); 4 (12 to 14) begins alone; 5 (10 to 13) and 6 too.
FIELD = Movie(
    {1: None, 2: 1, 3: 1, 4: None, 5: None, 6: None},
    {
        1: range(6),
        2: range(6, 10),
        3: range(6, 10),
        4: range(12, 15),
        5: range(10, 14),
        6: range(10, 14),
    },
)


def link_of(track: int, t: int, to_track: int, to_t: int, **place: str) -> Link:
    place = {"experiment": "one", "fov": "A/1/0"} | place
    return Link(track_id=track, t=t, to_track_id=to_track, to_t=to_t, **place)


def cut_of(track: int, **where: int) -> Cut:
    return Cut(experiment="one", fov="A/1/0", track_id=track, **where)


def word(key: tuple[int, int]) -> str:
    track, cut_t = key
    return f"{track}@{cut_t}" if cut_t >= 0 else str(track)


def words(column) -> list[str]:
    return [one.removeprefix("one_A/1/0_") for one in column]


def what_loads(plates, movie: Movie, cuts, links) -> MultiExperimentIndex:
    """Index as the review has it, with what cannot be among its problems."""
    plain = plates.index({ONE: movie.table()})
    nothing = Exclusions()
    return MultiExperimentIndex.of_what_loads(plain.registry, plain.settings, nothing, cuts, links)


def parents(index) -> dict[str, str]:
    """Each track's word, and its mother's."""
    names = index.names
    return {
        names.word(track): "" if parent < 0 else names.word(parent)
        for track, parent in enumerate(index.forest.parent.tolist())
    }


def relations(index) -> dict[tuple[int, int], set[str]]:
    """What pairs drawn of an index are, by anchor's and positive's track in the table."""
    source = PairSource(index)
    found: dict[tuple[int, int], set[str]] = {}
    for epoch in range(10):
        pairs = source.draw(index.anchor_rows, seed=0, epoch=epoch)
        relation = RELATION_LABELS[source.relations(pairs)[0]].tolist()
        anchor, positive = (
            index.track_id_of_row[rows].tolist() for rows in (pairs.anchor, pairs.positive)
        )
        for *ends, label in zip(anchor, positive, relation, strict=True):
            found.setdefault(tuple(ends), set()).add(label)
    return found


@st.composite
def movies_to_mend(draw):
    """A movie, cuts, and links between its cells, or to a track that is not there."""
    movie = draw(movies(max_frame=20))
    cells = movie.cells
    places = st.sampled_from(cells)
    inside = draw(st.lists(places, max_size=4))
    linked = [(mother, one) for one, mother in movie.parent.items() if mother is not None]
    cut = draw(st.lists(st.sampled_from(linked), max_size=3)) if linked else []
    firsts = [(track, t) for track, t in inside] + [
        (one, movie.frames[one][0]) for one in movie.frames
    ]
    ends = [(one, movie.frames[one][-1]) for one in movie.frames]
    pairs = st.tuples(places | st.sampled_from(ends), places | st.sampled_from(firsts))
    links = draw(st.lists(pairs.filter(lambda pair: pair[0][1] < pair[1][1]), max_size=6))
    if links and draw(st.booleans()):
        links.append(draw(st.sampled_from(links)))
    if draw(st.integers(0, 4)) == 0:
        links.append((draw(places), (777, 29)))
    return movie, inside, cut, links


def judged(after: Movie, links):
    """Links that can be, and how many of each kind cannot."""
    before = after.before()
    kinds = dict.fromkeys(("unmatched-link", "repeated-link", "bad-link"), 0)
    wanted: dict = {}
    for source, target in links:
        if target not in before:
            kinds["unmatched-link"] += 1
        elif before[target] == source or source in wanted.get(target, ()):
            kinds["repeated-link"] += 1
        else:
            wanted.setdefault(target, []).append(source)
    can_be = []
    for target, sources in wanted.items():
        if before[target] is not None:
            kinds["bad-link"] += len(sources)
        elif len(sources) > 1:
            kinds["bad-link"] += 1
        else:
            can_be.append((sources[0], target))
    return can_be, {kind: n for kind, n in kinds.items() if n}


class TestAgainstWalking:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(movies_to_mend())
    def test_ids_lineages_generations_and_parents(self, plates, case):
        movie, inside, to_daughters, links = case
        cuts = [cut_of(track, t=t) for track, t in inside]
        cuts += [cut_of(mother, daughter=daughter) for mother, daughter in to_daughters]
        after = movie.cut(inside, to_daughters)
        can_be, kinds = judged(after, links)
        every = [link_of(*source, *target) for source, target in links]
        index = what_loads(plates, movie, cuts, every)
        said = [one.kind for one in index.problems if one.kind.endswith("-link")]
        assert {kind: said.count(kind) for kind in set(said)} == kinds
        after, numbers = after.link(can_be)
        cells = [(key, t) for key, t in after.cells if t < plates.n_frames]
        expected = [
            (
                *(numbers[key, t], t, word(key), word(after.root(key)), after.generation(key)),
                -1 if after.parent[key] is None else after.parent[key][0],
                after.parent[key],
            )
            for key, t in cells
        ]
        table = index.tracks
        keys = np.array([*sorted(after.parent), None], dtype=object)
        found = zip(
            table.track_id,
            table.t,
            words(table.global_track_id),
            words(table.lineage_id),
            table.generation,
            table.parent_track_id,
            keys[index.forest.parent[index.observations.track]],
            strict=True,
        )
        assert list(found) == expected
        parts = index.track_columns.parts
        of_cells = [
            parts.track[parts.of_cell(0, track, t)]
            for track, t in zip(index.track_id_of_row, index.observations.t, strict=True)
        ]
        assert of_cells == index.observations.track.tolist()

    @settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(movies_to_mend())
    def test_a_lineage_by_itself_has_the_pairs_and_the_parts_of_the_whole(self, plates, case):
        movie, inside, to_daughters, links = case
        cuts = [cut_of(track, t=t) for track, t in inside]
        cuts += [cut_of(mother, daughter=daughter) for mother, daughter in to_daughters]
        every = [link_of(*source, *target) for source, target in links]
        index = what_loads(plates, movie, cuts, every)
        drawn = PairSource(index).draw(index.anchor_rows, seed=1, epoch=0)
        positive = dict(zip(drawn.anchor.tolist(), drawn.positive.tolist(), strict=True))
        parts = LineageParts(index)
        for root in np.flatnonzero(index.forest.parent < 0).tolist():
            part = parts.part(root, Exclusions(), index.settings)
            rows, in_tables = part.whole.observations, part.whole.track_columns.parts
            of_cells = [
                in_tables.of_cell(0, track, t)
                for track, t in zip(rows.track_id, rows.t, strict=True)
            ]
            assert min(of_cells) >= 0
            assert (in_tables.track[of_cells] == rows.track).all()
            if len(part.included.anchor_rows):
                own = PairSource(part.included).draw(part.included.anchor_rows, seed=1, epoch=0)
                rows = part.rows[own.anchor].tolist()
                assert [positive[row] for row in rows] == part.rows[own.positive].tolist()


class TestGapClosed:
    index_of = staticmethod(
        lambda plates, **arguments: plates.index(
            {ONE: FIELD.table()}, link=[link_of(3, 9, 4, 12)], **arguments
        )
    )

    def test_both_are_one_track_called_after_the_first(self, plates):
        index = self.index_of(plates, tau_range_hours=(1, 9))
        table = index.tracks
        joined = table[table.global_track_id == "one_A/1/0_3"]
        assert joined.t.tolist() == [6, 7, 8, 9, 12, 13, 14]
        assert joined.track_id.tolist() == [3] * 4 + [4] * 3
        assert set(joined.parent_track_id) == {1}
        assert "4" not in parents(index)
        assert relations(index)[3, 4] == {"same track"}
        assert index.problems == ()

    def test_what_batches_and_exports_say(self, plates):
        index = self.index_of(plates)
        row = np.flatnonzero((index.tracks.track_id == 4) & (index.tracks.t == 12))
        of_batch, asked = observation_meta(index, row)[0], prediction_index(index, row)[0]
        exported = next(
            one
            for batch in cell_index_batches(index)
            for one in batch.to_pylist()
            if one["cell_id"] == "one_A/1/0_3_12"
        )
        for found in (of_batch, asked, exported):
            assert found["track_id"] == 4
            assert found.get("parent_track_id", 1) == 1
            assert found.get("global_track_id", "one_A/1/0_3") == "one_A/1/0_3"
            assert found.get("lineage_id", "one_A/1/0_1") == "one_A/1/0_1"

    def test_no_anchor_has_another_stream(self, plates):
        plain, linked = plates.index({ONE: FIELD.table()}), self.index_of(plates)
        keys = [
            dict(
                zip(
                    zip(index.track_id_of_row.tolist(), index.observations.t.tolist(), strict=True),
                    PairSource(index).keys(np.arange(len(index))).tolist(),
                    strict=True,
                )
            )
            for index in (plain, linked)
        ]
        assert keys[0] == keys[1]

    def test_exclusions_name_the_track_that_is_there(self, plates):
        exclude = Exclusions.model_validate(
            {"tracks": [{"global_track_id": "one_A/1/0_3"}, {"global_track_id": "one_A/1/0_4"}]}
        )
        index = self.index_of(plates, exclude=exclude)
        assert {3, 4}.isdisjoint(index.track_id_of_row.tolist())
        (problem,) = index.problems
        assert "'one_A/1/0_4'" in problem.message

    def test_cells_that_are_not_looked_at_hold_tracks_together(self, plates):
        table = FIELD.table()
        table.loc[(table.track_id == 3) & (table.t == 9), "y"] = 99.0
        index = plates.index({ONE: table}, link=[link_of(3, 9, 4, 12)])
        assert set(index.tracks.global_track_id[index.tracks.track_id == 4]) == {"one_A/1/0_3"}
        assert [one.kind for one in index.problems] == ["outside-image"]


class TestSwapPutBack:
    def test_it_is_the_table_written_rightly(self, plates):
        movie = Movie(
            {5: None, 6: None, 7: 5, 8: 5, 9: 6, 10: 6},
            {5: range(8), 6: range(1, 9), 7: (8, 9), 8: (8, 9), 9: (9, 10), 10: (9, 11)},
        )
        right = movie.table()
        right["y"] = 5.0 + np.arange(len(right)) % 30
        swapped = right.copy()
        other = {5: 6, 6: 5}
        after = right.t >= 4
        swapped.loc[after, "track_id"] = right.track_id.map(other).fillna(right.track_id)[after]
        of_daughter = right.parent_track_id > 0
        swapped.loc[of_daughter, "parent_track_id"] = right.parent_track_id.map(other)
        mended = plates.index(
            {ONE: swapped.astype({"track_id": int, "parent_track_id": int})},
            cut=[cut_of(5, t=4), cut_of(6, t=4)],
            link=[link_of(5, 3, 6, 4), link_of(6, 3, 5, 4)],
        )
        wanted = plates.index({ONE: right})
        assert set(mended.tracks.track_id[mended.tracks.global_track_id == "one_A/1/0_5"]) == {5, 6}
        same = mended.tracks.drop(columns="track_id")
        assert same.equals(wanted.tracks.drop(columns="track_id"))
        assert (mended.anchor_rows == wanted.anchor_rows).all()


class TestDivisions:
    def test_two_links_from_the_end_of_a_track(self, plates):
        links = [link_of(2, 9, 5, 10), link_of(2, 9, 6, 10)]
        index = plates.index({ONE: FIELD.table()}, link=links, tau_range_hours=(1, 9))
        assert parents(index) == {"1": "", "2": "1", "3": "1", "4": "", "5": "2", "6": "2"}
        assert set(index.tracks.generation[index.tracks.track_id == 5]) == {2}
        assert set(index.tracks.parent_track_id[index.tracks.track_id == 6]) == {2}
        assert relations(index)[2, 5] == {"daughter"}

    def test_one_more_daughter_of_the_table(self, plates):
        index = plates.index({ONE: FIELD.table()}, link=[link_of(1, 5, 4, 12)])
        assert [one for one, mother in parents(index).items() if mother == "1"] == ["2", "3", "4"]

    def test_the_sister_of_an_only_child(self, plates):
        movie = Movie({1: None, 2: 1, 3: None}, {1: range(6), 2: range(6, 9), 3: range(7, 9)})
        index = plates.index({ONE: movie.table()}, link=[link_of(1, 5, 3, 7)])
        assert parents(index) == {"1": "", "2": "1", "3": "1"}
        assert index.tracks.generation.max() == 1

    def test_inside_a_track(self, plates):
        index = plates.index({ONE: FIELD.table()}, link=[link_of(1, 2, 5, 10)])
        found = parents(index)
        assert found == {"1": "", "1@3": "1", "2": "1@3", "3": "1@3", "4": "", "5": "1", "6": ""}
        rest = index.tracks[index.tracks.global_track_id == "one_A/1/0_1@3"]
        assert rest.t.tolist() == [3, 4, 5]
        assert set(rest.track_id) == set(rest.parent_track_id) == {1}
        assert set(index.tracks.generation[index.tracks.track_id == 2]) == {2}

    def test_a_link_that_was_cut_is_a_goes_on_of_its_own(self, plates):
        movie = Movie({1: None, 2: 1}, {1: range(6), 2: range(6, 9)})
        tables, link = {ONE: movie.table()}, [link_of(1, 5, 2, 6)]
        assert parents(plates.index(tables)) == {"1": "", "2": "1"}
        assert parents(plates.index(tables, cut=[cut_of(1, daughter=2)], link=link)) == {"1": ""}


class TestWhatCannotBe:
    @pytest.mark.parametrize(
        ("links", "ends", "why"),
        [
            (
                [link_of(4, 12, 5, 13)],
                "track 4 at t = 12 to track 5 at t = 13",
                "track 5 at t = 13 already follows track 5 at t = 12.",
            ),
            (
                [link_of(1, 3, 2, 6)],
                "track 1 at t = 3 to track 2 at t = 6",
                "track 2 at t = 6 already follows track 1 at t = 5.",
            ),
            (
                [link_of(2, 9, 4, 12), link_of(3, 9, 4, 12)],
                "track 2 at t = 9 to track 4 at t = 12",
                "track 4 at t = 12 is linked to track 3 at t = 9 too.",
            ),
        ],
    )
    def test_merges_are_errors_and_are_left_out(self, plates, links, ends, why):
        with pytest.raises(ConfigError) as raised:
            plates.index({ONE: FIELD.table()}, link=links)
        (problem,) = raised.value.problems
        assert (problem.kind, problem.severity) == ("bad-link", "error")
        assert problem.message == f"the link from {ends} makes a merge: {why}"
        assert (problem.experiment, problem.fov, problem.field) == ("one", "A/1/0", "link")
        loaded = what_loads(plates, FIELD, (), [*links, link_of(1, 5, 6, 10)])
        assert parents(loaded) == {"1": "", "2": "1", "3": "1", "4": "", "5": "", "6": "1"}
        assert loaded.problems == (problem,)

    def test_a_cycle(self, plates):
        # The mother's first cell is left out, so that her daughter begins before what is left.
        movie = Movie({1: None, 2: 1}, {1: (0, 5, 6), 2: (3, 4)})
        table = movie.table()
        table.loc[0, "y"] = np.nan
        with pytest.raises(ConfigError, match="makes a cycle: track 2 at t = 4 descends from"):
            plates.index({ONE: table}, link=[link_of(2, 4, 1, 5)])

    @pytest.mark.parametrize(
        ("link", "missing"),
        [
            (link_of(3, 9, 7, 12), "track 7 at t = 12"),
            (link_of(3, 10, 4, 12), "track 3 at t = 10"),
            (link_of(3, 9, 4, 12, fov="C/1/0"), "track 3 at t = 9"),
            (link_of(3, 9, 4, 12, experiment="two"), "track 3 at t = 9"),
        ],
    )
    def test_cells_that_are_not_there_are_said(self, plates, link, missing):
        index = plates.index({ONE: FIELD.table()}, link=[link])
        (problem,) = index.problems
        assert (problem.kind, problem.severity) == ("unmatched-link", "warning")
        assert problem.message.endswith(f"matches nothing: there is no {missing}.")
        assert (problem.experiment, problem.fov) == (link.experiment, link.fov)
        assert parents(index) == parents(plates.index({ONE: FIELD.table()}))

    @pytest.mark.parametrize(
        ("links", "place"),
        [
            ([link_of(3, 9, 4, 12)] * 2, "config"),
            ([link_of(3, 9, 4, 12), link_of(1, 5, 2, 6)], "table"),
            ([link_of(3, 9, 4, 12), link_of(5, 11, 5, 12)], "table"),
        ],
    )
    def test_a_link_that_is_there_already_counts_once(self, plates, links, place):
        index = plates.index({ONE: FIELD.table()}, link=links)
        (problem,) = index.problems
        assert (problem.kind, problem.severity) == ("repeated-link", "warning")
        assert f"is in the {place} already" in problem.message
        assert "4" not in parents(index)
        assert parents(index)["2"] == "1"
