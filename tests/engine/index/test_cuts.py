"""Wrong links are cut before anything else: what follows is a root of its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage_triplets.engine import PairSource
from lineage_triplets.engine.pairs.forest import RELATION_LABELS
from lineage_triplets.engine.settings.model import Cut, Exclusions
from reference import Movie, movies

ONE = ("one", "A/1/0")
# 1 (frames 0 to 5) divides into 2 (6 to 9) and 3 (6 to 9); 2 divides into 4 and 5 (10 to 12).
FAMILY = Movie(
    {1: None, 2: 1, 3: 1, 4: 2, 5: 2},
    {1: range(6), 2: range(6, 10), 3: range(6, 10), 4: range(10, 13), 5: range(10, 13)},
)


def cut_of(track: int, fov: str = "A/1/0", **where: int) -> Cut:
    return Cut(experiment="one", fov=fov, track_id=track, **where)


def name(key: tuple[int, int], fov: str = "A/1/0") -> str:
    track, cut_t = key
    return f"one_{fov}_{track}" + (f"@{cut_t}" if cut_t >= 0 else "")


def lineages(index) -> dict[str, str]:
    return dict(zip(index.tracks.global_track_id, index.tracks.lineage_id, strict=True))


def unmatched(index) -> list[str]:
    return [one.message for one in index.problems if one.kind == "unmatched-cut"]


@st.composite
def movies_with_cuts(draw):
    movie = draw(movies(max_frame=20))
    tracks = st.sampled_from([*movie.parent, 777])
    inside = draw(st.lists(st.tuples(tracks, st.integers(0, 22)), max_size=4))
    links = draw(st.lists(st.tuples(tracks, tracks), max_size=3))
    linked = [(mother, one) for one, mother in movie.parent.items() if mother is not None]
    if linked:
        links += draw(st.lists(st.sampled_from(linked), max_size=2))
    return movie, inside, links


class TestAgainstWalking:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(movies_with_cuts())
    def test_ids_lineages_generations_and_parents(self, plates, case):
        movie, inside, links = case
        cuts = [cut_of(track, t=t) for track, t in inside]
        cuts += [cut_of(mother, daughter=daughter) for mother, daughter in links]
        index = plates.index({ONE: movie.table()}, cut=cuts)
        after = movie.cut(inside, links)
        expected = [
            (
                *(key[0], t, name(key), name(after.root(key)), after.generation(key)),
                -1 if after.parent[key] is None else after.parent[key][0],
            )
            for key, t in after.cells
            if t < plates.n_frames
        ]
        columns = ["track_id", "t", "global_track_id", "lineage_id", "generation"]
        found = index.tracks[[*columns, "parent_track_id"]].itertuples(index=False, name=None)
        assert list(found) == expected
        parents = [index.forest.parent[index.observations.track]]
        linked_to = np.array([*sorted(after.parent), None], dtype=object)[parents[0]]
        assert linked_to.tolist() == [
            after.parent[key] for key, t in after.cells if t < plates.n_frames
        ]

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(movies_with_cuts())
    def test_every_cut_that_matches_nothing_is_said(self, plates, case):
        movie, inside, links = case
        cuts = [cut_of(track, t=t) for track, t in inside]
        cuts += [cut_of(mother, daughter=daughter) for mother, daughter in links]
        frames = {**movie.frames, 777: ()}
        expected = [
            f"track {track} at t = {t} "
            for track, t in inside
            if not (
                any(one < t for one in frames[track]) and any(one >= t for one in frames[track])
            )
        ]
        expected += [
            f"track {mother} to daughter {daughter} "
            for mother, daughter in links
            if mother == 777 or movie.parent.get(daughter) != mother
        ]
        said = unmatched(plates.index({ONE: movie.table()}, cut=cuts))
        assert len(said) == len(expected)
        assert all(part in message for part, message in zip(expected, said, strict=True))


class TestCutToDaughter:
    def test_the_daughter_and_all_below_are_a_lineage_of_their_own(self, plates):
        index = plates.index({ONE: FAMILY.table()}, cut=[cut_of(1, daughter=2)])
        one, two = name((1, -1)), name((2, -1))
        assert lineages(index) == {
            name((track, -1)): root
            for track, root in ((1, one), (2, two), (3, one), (4, two), (5, two))
        }
        assert index.problems == ()

    def test_the_other_daughter_is_the_same_cell_then(self, plates):
        index = plates.index(
            {ONE: FAMILY.table()}, tau_range_hours=(1, 9), cut=[cut_of(1, daughter=2)]
        )
        tracks = index.tracks
        assert set(tracks.generation[tracks.track_id == 3]) == {0}
        source = PairSource(index)
        pairs = source.draw(np.flatnonzero(tracks.track_id == 1), seed=0, epoch=0)
        relation, _, _ = source.relations(pairs)
        assert set(RELATION_LABELS[relation]) == {"same track", "continuation"}


class TestCutInsideATrack:
    def test_names_and_roots(self, plates):
        index = plates.index({ONE: FAMILY.table()}, cut=[cut_of(1, t=3)])
        first, rest = name((1, -1)), name((1, 3))
        assert rest == "one_A/1/0_1@3"
        of_track = index.tracks[index.tracks.track_id == 1]
        assert of_track.global_track_id.tolist() == [first] * 3 + [rest] * 3
        assert set(lineages(index).values()) == {first, rest}
        assert lineages(index)[name((5, -1))] == rest

    def test_children_hang_on_the_part_that_they_follow(self, plates):
        # 2 starts before, 3 at, and 4 after the cut of their mother at t = 4.
        movie = Movie({1: None, 2: 1, 3: 1, 4: 1}, {1: range(8), 2: (3, 4), 3: (4, 5), 4: (8, 9)})
        found = lineages(plates.index({ONE: movie.table()}, cut=[cut_of(1, t=4)]))
        assert found[name((2, -1))] == found[name((3, -1))] == name((1, -1))
        assert found[name((4, -1))] == name((1, 4))

    def test_several_cuts_of_one_track(self, plates):
        cuts = [cut_of(2, t=9), cut_of(2, t=7), cut_of(2, t=8)]
        found = lineages(plates.index({ONE: FAMILY.table()}, cut=cuts))
        parts = [name((2, t)) for t in (7, 8, 9)]
        assert [found[part] for part in parts] == parts
        assert found[name((2, -1))] == name((1, -1))
        assert found[name((4, -1))] == found[name((5, -1))] == parts[-1]

    @pytest.mark.parametrize("frames", [(3, 5), (5, 3)])
    def test_cuts_in_one_gap_are_one_cut_at_the_later_frame(self, plates, frames):
        movie = Movie({1: None}, {1: (0, 1, 6, 7)})
        cuts = [cut_of(1, t=t) for t in frames]
        index = plates.index({ONE: movie.table()}, cut=cuts)
        assert list(lineages(index)) == [name((1, -1)), name((1, 5))]
        assert index.problems == ()

    def test_no_pair_crosses_a_cut(self, plates):
        index = plates.index(
            {ONE: FAMILY.table()}, tau_range_hours=(0, 6), cut=[cut_of(1, t=3), cut_of(2, t=8)]
        )
        lineage, t = index.tracks.lineage_id.to_numpy(), index.tracks.t.to_numpy()
        source = PairSource(index)
        for epoch in range(20):
            pairs = source.draw(index.anchor_rows, seed=0, epoch=epoch)
            assert (lineage[pairs.anchor] == lineage[pairs.positive]).all()
        # Frame 2 is the last before the cut: nobody follows.
        assert 2 not in t[index.anchor_rows][lineage[index.anchor_rows] == name((1, -1))]


class TestOtherPlaces:
    @pytest.mark.parametrize(
        "cut",
        [
            Cut(experiment="one", fov="A/1/1", track_id=1, t=3),
            Cut(experiment="two", fov="A/1/0", track_id=1, daughter=2),
        ],
    )
    def test_a_cut_holds_in_its_own_fov_and_experiment_alone(self, plates, cut):
        tables = {
            (experiment, fov): FAMILY.table()
            for experiment in ("one", "two")
            for fov in ("A/1/0", "A/1/1")
        }
        before, after = plates.index(tables).tracks, plates.index(tables, cut=[cut]).tracks
        changed = before.lineage_id != after.lineage_id
        assert changed.any()
        assert set(after.experiment[changed]) == {cut.experiment}
        assert set(after.fov_name[changed]) == {cut.fov}

    @pytest.mark.parametrize(
        "cut",
        [
            Cut(experiment="three", fov="A/1/0", track_id=1, t=3),
            Cut(experiment="one", fov="C/1/0", track_id=1, t=3),
            Cut(experiment="one", fov="A/1/0", track_id=9, t=3),
            Cut(experiment="one", fov="A/1/0", track_id=1, t=0),
            Cut(experiment="one", fov="A/1/0", track_id=1, t=6),
            Cut(experiment="one", fov="A/1/0", track_id=1, daughter=4),
            Cut(experiment="one", fov="A/1/0", track_id=2, daughter=1),
        ],
    )
    def test_unmatched_cuts_are_warnings_that_say_where(self, plates, cut):
        index = plates.index({ONE: FAMILY.table()}, cut=[cut])
        (problem,) = index.problems
        assert (problem.kind, problem.severity) == ("unmatched-cut", "warning")
        assert (problem.experiment, problem.fov) == (cut.experiment, cut.fov)
        assert set(lineages(index).values()) == {name((1, -1))}


class TestExclusionsAfterCuts:
    @pytest.mark.parametrize(
        ("exclude", "left_out"),
        [
            ({"tracks": [{"global_track_id": "one_A/1/0_1@3"}]}, {(1, 3), (1, 4), (1, 5)}),
            ({"tracks": [{"global_track_id": "one_A/1/0_1"}]}, {(1, 0), (1, 1), (1, 2)}),
            ({"lineages": [{"lineage_id": "one_A/1/0_1"}]}, {(1, 0), (1, 1), (1, 2)}),
            ({"observations": [{"global_track_id": "one_A/1/0_1@3", "t": 4}]}, {(1, 4)}),
        ],
    )
    def test_they_name_what_is_there_after_cuts(self, plates, exclude, left_out):
        index = plates.index(
            {ONE: FAMILY.table()},
            cut=[cut_of(1, t=3)],
            exclude=Exclusions.model_validate(exclude),
        )
        left = set(zip(index.tracks.track_id, index.tracks.t, strict=True))
        assert set(FAMILY.cells) - left == left_out
        assert index.problems == ()

    def test_the_lineage_after_a_cut_goes_with_all_below(self, plates):
        exclude = Exclusions.model_validate({"lineages": [{"lineage_id": "one_A/1/0_1@3"}]})
        index = plates.index({ONE: FAMILY.table()}, cut=[cut_of(1, t=3)], exclude=exclude)
        assert set(zip(index.tracks.track_id, index.tracks.t, strict=True)) == {
            (1, 0),
            (1, 1),
            (1, 2),
        }

    @pytest.mark.parametrize(
        "exclude",
        [
            {"lineages": [{"lineage_id": "one_A/1/0_1@4"}]},
            {"lineages": [{"lineage_id": "one_A/1/0_4"}]},
            {"observations": [{"global_track_id": "one_A/1/0_1", "t": 4}]},
        ],
    )
    def test_ids_that_are_not_there_after_cuts_are_said(self, plates, exclude):
        index = plates.index(
            {ONE: FAMILY.table()},
            cut=[cut_of(1, t=3)],
            exclude=Exclusions.model_validate(exclude),
        )
        assert [one.kind for one in index.problems] == ["unmatched-exclusion"]
        assert len(index) == len(FAMILY.cells)
