"""Whatever is cut, linked, exchanged and rejected, in any order: cells stay where they are put."""

from __future__ import annotations

import copy
import itertools
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage_triplets import MultiExperimentIndex
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.qc.decide.links import link_into
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.export.export import export_review
from lineage_triplets.qc.record.decision import Target
from reviews import save
from stores import make_experiment, track_table, write_tables

if TYPE_CHECKING:
    from collections.abc import Iterable

Cell = tuple[int, int]
PLACE = ("one", "A/1/0")
N_FRAMES = 7


@st.composite
def forests(draw: st.DrawFn) -> pd.DataFrame:
    """A table of a few tracks, maybe with gaps; daughters begin after their mothers end."""
    rows: list[tuple[int, int, int]] = []
    last: dict[int, int] = {}
    for track in range(1, draw(st.integers(2, 5)) + 1):
        mother = draw(st.sampled_from([-1, *(one for one, t in last.items() if t < N_FRAMES - 1)]))
        first = 0 if mother < 0 else last[mother] + 1
        frames = draw(st.sets(st.integers(first, N_FRAMES - 1), min_size=1))
        last[track] = max(frames)
        rows += [(track, t, mother) for t in sorted(frames)]
    table = pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id"])
    return table.assign(z=0.0, y=12.0, x=12.0 + table["track_id"])


@dataclass
class Plain:
    """Cells and what each follows, cell by cell; which are rejected, and which were accepted."""

    before: dict[Cell, Cell | None]
    made: set[Cell] = field(default_factory=set)
    cut: set[Cell] = field(default_factory=set)
    rejected: set[Cell] = field(default_factory=set)
    accepted: set[Cell] = field(default_factory=set)

    @classmethod
    def of(cls, table: pd.DataFrame) -> Plain:
        frames = {int(track): sorted(own["t"]) for track, own in table.groupby("track_id")}
        before: dict[Cell, Cell | None] = {}
        for track, mother in dict(
            zip(table["track_id"], table["parent_track_id"], strict=True)
        ).items():
            listed = frames[track]
            before[track, listed[0]] = None if mother < 0 else (mother, frames[mother][-1])
            before |= {(track, t): (track, s) for s, t in itertools.pairwise(listed)}
        return cls(before)

    def lineages(self, cells: Iterable[Cell]) -> set[frozenset[Cell]]:
        """The cells of each lineage, as far as they are among some."""
        groups: dict[Cell, set[Cell]] = {}
        for cell in cells:
            root = cell
            while (mother := self.before[root]) is not None:
                root = mother
            groups.setdefault(root, set()).add(cell)
        return set(map(frozenset, groups.values()))

    def links(self) -> list[Cell]:
        """The cells that links lead to."""
        return sorted(cell for cell, mother in self.before.items() if mother is not None)


def join(source: Cell, target: Cell) -> Target:
    return Target(
        "join", *PLACE, track=str(source[0]), t=source[1], daughter=target[0], to_t=target[1]
    )


def cells_of(index: MultiExperimentIndex, target: Target | None = None) -> set[Cell]:
    table = index.tracks
    if target is not None:
        column = "lineage_id" if target.level == "lineage" else "global_track_id"
        table = table[(table[column] == target.id) & (target.t in (None, *table["t"]))]
        table = table if target.t is None else table[table["t"] == target.t]
    return set(zip(table["track_id"].tolist(), table["t"].tolist(), strict=True))


def lineages_of(index: MultiExperimentIndex) -> set[frozenset[Cell]]:
    groups = index.tracks.groupby("lineage_id")[["track_id", "t"]]
    return {frozenset(map(tuple, own.to_numpy().tolist())) for _, own in groups}


def thing_with(review: Review, level: str, cell: Cell) -> Target:
    """Name the track, lineage or observation that a cell is (in) now."""
    index = review.data.linked
    row = cells_in_order(index).index(cell)
    track = int(index.observations.track[row])
    target = review.data.track_target("lineage" if level == "lineage" else "track", track)
    return (
        target if level != "observation" else Target(level, *PLACE, track=target.track, t=cell[1])
    )


def cells_in_order(index: MultiExperimentIndex) -> list[Cell]:
    return list(zip(index.track_id_of_row.tolist(), index.observations.t.tolist(), strict=True))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repairs hold")
    nothing = track_table((1, range(2))).iloc[:0]
    shape = (N_FRAMES, 1, 1, 24, 32)
    listed = [make_experiment(root, "one", {PLACE[1]: nothing}, shape=shape, channels=["Phase"])]
    return save(root / "c.yml", listed, yx_patch_size=(4, 4), tau_range_hours=(0.5, 1.5))


def step(review: Review, plain: Plain, what: str, data: st.DataObject) -> bool:
    """Do one thing in both; gives whether anything was decided."""
    cells = sorted(plain.before)
    if what in {"reject", "accept"}:
        level = data.draw(st.sampled_from(["lineage", "track", "observation"]))
        target = thing_with(review, level, data.draw(st.sampled_from(cells)))
        own = cells_of(review.data.linked, target)
        if what == "reject":
            review.reject(target, "bad")
            plain.rejected |= own
        else:
            if target in review.effect.rejected or own & plain.rejected:
                return False
            review.accept(target)
            plain.accepted |= own
        return True
    if what == "link":
        source, target = data.draw(st.sampled_from(cells)), data.draw(st.sampled_from(cells))
        if target[1] <= source[1] or plain.before[target] is not None:
            with pytest.raises(ConfigError) as refused:
                review.link(join(source, target), "same cell")
            assert refused.value.problems[0].kind == "bad-link"
            return False
        review.link(join(source, target), "same cell")
        plain.before[target] = source
        plain.made.add(target)
        return True
    if not plain.links():
        return False
    cell = data.draw(st.sampled_from(plain.links()))
    link = link_into(review.data, *PLACE, *cell)
    assert (link.level == "join") == (cell in plain.made)
    if what == "keep":
        review.keep([link])
    elif what == "cut":
        (review.unlink if cell in plain.made else review.cut)(link, "wrong")
        plain.before[cell] = None
        plain.made.discard(cell)
    else:
        other = data.draw(st.sampled_from(plain.links()))
        one_source, other_source = plain.before[cell], plain.before[other]
        assert one_source is not None and other_source is not None
        forward = one_source[1] < other[1] and other_source[1] < cell[1]
        if cell == other or one_source == other_source or not forward:
            with pytest.raises(ConfigError):
                review.swap(link, link_into(review.data, *PLACE, *other), "exchanged")
            return False
        review.swap(link, link_into(review.data, *PLACE, *other), "exchanged")
        plain.before |= {cell: other_source, other: one_source}
        plain.made |= {cell, other}
    return True


WHAT = ["reject", "accept", "link", "link", "swap", "swap", "cut", "keep", "undo", "redo"]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(table=forests(), data=st.data())
def test_cells_stay_rejected_and_linked_as_somebody_decided(config, table, data):
    write_tables(config.parent / "one_tracks", {PLACE[1]: table})
    plain = Plain.of(table)
    past: list[Plain] = []
    undone: list[Plain] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Review.open(config, by="ada", decisions=Path(folder) / "d.db") as review,
    ):
        for what in data.draw(st.lists(st.sampled_from(WHAT), min_size=2, max_size=9)):
            before = copy.deepcopy(plain)
            if what == "undo":
                assert bool(review.undo()) == bool(past)
                if past:
                    undone.append(plain)
                    plain = past.pop()
            elif what == "redo":
                assert bool(review.redo()) == bool(undone)
                if undone:
                    past.append(plain)
                    plain = undone.pop()
            else:
                n_decisions = len(review.decisions)
                try:
                    decided = step(review, plain, what, data)
                except ConfigError as refused:
                    assert {one.kind for one in refused.problems} == {"joins-rejected"}
                    assert len(review.decisions) == n_decisions
                    plain, decided = before, False
                if decided:
                    past.append(before)
                    undone = []
            training = review.data.training
            assert not [
                one for one in training.problems if "unmatched" in one.kind or "link" in one.kind
            ]
            allowed = set(plain.before) - plain.rejected
            assert cells_of(training) == allowed
            assert lineages_of(review.data.linked) == plain.lineages(plain.before)
            for target in review.effect.accepted:
                assert cells_of(review.data.linked, target) <= plain.accepted
        path = export_review(review, folder, draft=True, formats=["config"]).files["config"]
        again = MultiExperimentIndex.from_config(path)
        assert again.tracks.equals(training.tracks)
        assert lineages_of(again) == plain.lineages(allowed)
