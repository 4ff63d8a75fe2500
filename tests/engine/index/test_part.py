"""One lineage by itself draws what the whole index draws, whatever is excluded."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage_triplets.engine.index.one_lineage import LineageParts
from lineage_triplets.engine.pairs.positives import positive_chances, tau_chances
from lineage_triplets.engine.settings.model import Exclusions
from reference import RELATIONS, movies, tau_law
from stores import source_of

PLACES = (("one", "A/1/0"), ("one", "B/2/0"), ("two", "A/1/0"))
on_stores = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
three_movies = st.tuples(*[movies(max_tracks=6, max_frame=20)] * 3)
tau_ranges = st.tuples(st.integers(0, 3), st.integers(0, 6)).map(lambda r: (r[0], r[0] + r[1]))
fallbacks = st.sampled_from(["scan", "renormalize"])
chosen = st.sets(st.integers(0, 40), max_size=4)


def exclusions_among(cells, chosen: set[int]) -> Exclusions:
    """Exclude some lineage, track, cell and frame that there are."""
    picked = [cells.iloc[number % len(cells)] for number in sorted(chosen)] if len(cells) else []
    items = {"lineages": [], "tracks": [], "observations": [], "frames": []}
    for number, row in enumerate(picked):
        track = {"global_track_id": row["global_track_id"]}
        one = [
            ("lineages", {"lineage_id": row["lineage_id"]}),
            ("tracks", track),
            ("observations", {**track, "t": int(row["t"])}),
            (
                "frames",
                {
                    "experiment": row["experiment"],
                    "fov": row["fov_name"],
                    "frames": [int(row["t"])],
                },
            ),
        ][number % 4]
        items[one[0]].append(one[1])
    return Exclusions.model_validate(items)


@on_stores
@given(three_movies, st.sampled_from(RELATIONS), tau_ranges, fallbacks, chosen)
def test_parts_draw_what_the_whole_draws(plates, found, relation, tau_range, fallback, chosen):
    tables = {place: movie.table() for place, movie in zip(PLACES, found, strict=True)}
    settings_of = {"positive_relation": relation, "tau_range_hours": tau_range}
    everything = plates.index(tables, **settings_of)
    exclude = exclusions_among(everything.tracks, chosen)
    whole = plates.index(tables, exclude=exclude, **settings_of)
    columns = ["experiment", "fov_name", "track_id", "t"]

    def named(index, rows):
        return list(index.describe(rows)[columns].itertuples(index=False, name=None))

    def drawn(index):
        pairs = source_of(index, tau_fallback=fallback).draw(index.anchor_rows, 3, 1)
        ends = zip(named(index, pairs.positive), pairs.tau_frames.tolist(), strict=True)
        return dict(zip(named(index, pairs.anchor), ends, strict=True))

    parts = LineageParts(everything)
    of_parts, rows = {}, []
    for root in np.flatnonzero(everything.forest.parent < 0).tolist():
        part = parts.part(root, exclude, everything.settings)
        of_parts |= drawn(part.included)
        rows += part.rows[~part.excluded].tolist()
        assert named(everything, part.rows) == named(part.whole, np.arange(len(part.whole)))
    assert of_parts == drawn(whole)
    kept = np.array(sorted(rows), dtype=np.int64)
    assert named(everything, kept) == named(whole, np.arange(len(whole)))


@on_stores
@given(three_movies, st.sampled_from(RELATIONS), tau_ranges, fallbacks)
def test_chances_are_those_of_the_rules(plates, found, relation, tau_range, fallback):
    tables = {place: movie.table() for place, movie in zip(PLACES, found, strict=True)}
    index = plates.index(tables, positive_relation=relation, tau_range_hours=tau_range)
    source = source_of(index, tau_fallback=fallback)
    cells = index.tracks[["track_id", "t"]].to_numpy()
    first, last = max(1, tau_range[0]), tau_range[1]
    law = tau_law(first, last, 2.0) if last >= first else {}
    for number in range(len(index.registry.experiments)):
        rows = np.flatnonzero(index.experiment_of_row == number)
        chances = tau_chances(index.positives, source.law, fallback, number, rows)
        assert np.allclose(chances.law, list(law.values()))
        for place, row in enumerate(rows.tolist()):
            source_fov = index.fovs[int(index.fov_of_row[row])]
            movie = dict(zip(PLACES, found, strict=True))[
                source_fov.experiment, source_fov.fov.name
            ]
            inside = [cell for cell in movie.cells if cell[1] < plates.n_frames]
            counts = [len(movie.positives(tuple(cells[row]), tau, relation, inside)) for tau in law]
            assert chances.n_candidates[place].tolist() == counts
            there = {tau: p for (tau, p), n in zip(law.items(), counts, strict=True) if n}
            expected = dict.fromkeys(law, 0.0) | there
            if there and fallback == "scan":
                expected[min(there)] += 1 - sum(there.values())
            elif there:
                total = sum(there.values())
                expected |= {tau: p / total for tau, p in there.items()}
            assert np.allclose(chances.drawn[place], list(expected.values()))
            for tau, n in zip(law, counts, strict=True):
                one = tau_chances(index.positives, source.law, fallback, number, rows[[place]])
                chance = positive_chances(one, np.array([tau]))[0]
                assert np.isclose(chance, expected[tau] / n if n else 0.0)
