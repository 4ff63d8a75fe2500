"""Any decisions in any order hold in the exported config, held against a slow reference."""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage_triplets import (
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    load_config,
)
from lineage_triplets.engine.errors import ConfigError, LineageTripletsError
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.export.export import export_review
from lineage_triplets.qc.record.decision import Target
from reviews import everything, field, key, save
from stores import make_experiment, write_tables

N_FRAMES = 7
PLACES = [("one", "A/1/0"), ("one", "B/1/0"), ("two", "A/1/0")]


@st.composite
def forests(draw: st.DrawFn) -> pd.DataFrame:
    """A table of a few tracks with gaps, some of them daughters of earlier ones."""
    rows: list[tuple[int, int, int]] = []
    first_frame: dict[int, int] = {}
    for track in range(1, draw(st.integers(2, 5)) + 1):
        frames = draw(st.sets(st.integers(0, N_FRAMES - 1), min_size=1, max_size=N_FRAMES))
        mothers = [-1, *(one for one, t in first_frame.items() if t < min(frames))]
        mother = draw(st.sampled_from(mothers))
        first_frame[track] = min(frames)
        rows += [(track, t, mother) for t in sorted(frames)]
    table = pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id"])
    return table.assign(z=0.0, y=12.0, x=12.0 + table["track_id"])


class Reference:
    """What may be given, worked out cell by cell."""

    def __init__(self, tables: dict[tuple[str, str], pd.DataFrame]) -> None:
        self.cells: dict[tuple[str, str], dict[int, list[int]]] = {}
        self.mother: dict[tuple[str, str, int], int] = {}
        for place, table in tables.items():
            self.cells[place] = {}
            for track, t, mother in table[["track_id", "t", "parent_track_id"]].to_numpy().tolist():
                self.cells[place].setdefault(track, []).append(t)
                self.mother[(*place, track)] = mother
        self.inside: set[tuple[str, str, int, int]] = set()
        self.daughters: set[tuple[str, str, int]] = set()
        self.rejected: dict[Target, set[tuple[str, str, int, int]]] = {}

    def every_cell(self) -> list[tuple[str, str, int, int]]:
        return [
            (*place, track, t)
            for place, tracks in self.cells.items()
            for track, frames in tracks.items()
            for t in frames
        ]

    def part(self, cell: tuple[str, str, int, int]) -> str:
        """Number of the cell's track, and after a cut its frame."""
        experiment, fov, track, t = cell
        cuts = [at for *where, at in self.inside if where == [experiment, fov, track] and at <= t]
        return f"{track}@{max(cuts)}" if cuts else str(track)

    def root(self, cell: tuple[str, str, int, int]) -> str:
        """Number of the root of the cell's lineage."""
        experiment, fov, track, _ = cell
        part = self.part(cell)
        mother = self.mother[experiment, fov, track]
        if "@" in part or mother < 0 or (experiment, fov, track) in self.daughters:
            return part
        born = self.cells[experiment, fov][track][0]
        before = [one for one in self.cells[experiment, fov][mother] if one < born]
        return self.root((experiment, fov, mother, before[-1]))

    def members(self, target: Target) -> set[tuple[str, str, int, int]]:
        """The cells of a target as the lineages are now."""
        own = [
            one
            for one in self.every_cell()
            if one[0] == target.experiment
            and (one[1].rpartition("/")[0] if target.level == "well" else one[1]) == target.fov
        ]
        if target.level == "lineage":
            own = [one for one in own if self.root(one) == target.track]
        elif target.track:
            own = [one for one in own if self.part(one) == target.track]
        return {one for one in own if target.t in (None, one[3])}

    def cut(self, target: Target) -> None:
        """Cut a link; what is rejected keeps its cells, by the names that they have now."""
        place = (target.experiment, target.fov)
        if target.daughter is not None:
            self.daughters.add((*place, target.daughter))
        else:
            self.inside.add((*place, int(target.track), target.t or 0))
        for old, cells in list(self.rejected.items()):
            if old.level not in {"lineage", "track", "observation"}:
                continue
            name = self.root if old.level == "lineage" else self.part
            for new, own in itertools.groupby(sorted(cells, key=name), name):
                renamed = dataclasses.replace(old, track=new)
                self.rejected.setdefault(renamed, set()).update(own)
            self.rejected[old] = {one for one in cells if name(one) == old.track}

    def allowed(self) -> set[tuple[str, str, int, int]]:
        return set(self.every_cell()).difference(*self.rejected.values())


def possible_targets(reference: Reference) -> list[Target]:
    """All that can be rejected now."""
    cells = reference.every_cell()
    levels = [Target("fov", *place) for place in PLACES]
    levels += [Target("well", name, fov.rpartition("/")[0]) for name, fov in PLACES]
    levels += [Target("frame", *place, t=t) for place in PLACES for t in range(N_FRAMES)]
    for one in cells:
        levels.append(Target("lineage", *one[:2], track=reference.root(one)))
        levels.append(Target("track", *one[:2], track=reference.part(one)))
        levels.append(Target("observation", *one[:2], track=reference.part(one), t=one[3]))
    return list(dict.fromkeys(levels))


def possible_cuts(reference: Reference) -> list[Target]:
    """All that can be cut now."""
    cuts = []
    for place, tracks in reference.cells.items():
        for track, frames in tracks.items():
            cuts += [Target("link", *place, track=str(track), t=t) for t in frames[1:]]
            mother = reference.mother[(*place, track)]
            if mother > 0:
                cuts.append(Target("link", *place, track=str(mother), daughter=track))
    return cuts


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config of two experiments whose tables are written anew for each example."""
    root = tmp_path_factory.mktemp("any order")
    nothing = field().iloc[:0]
    listed = []
    for name in ("one", "two"):
        # Every plane has one value, and it tells frame and channel.
        t, c = np.meshgrid(np.arange(N_FRAMES), np.arange(2), indexing="ij")
        values = (1 + 10 * t + c).astype("uint16")[:, :, None, None, None]
        pixels = np.broadcast_to(values, (N_FRAMES, 2, 1, 24, 32)).copy()
        fovs = {fov: nothing for experiment, fov in PLACES if experiment == name}
        listed.append(make_experiment(root, name, fovs, pixels=pixels))
    return save(
        root / "c.yml",
        listed,
        yx_patch_size=(4, 4),
        tau_range_hours=(0.5, 1.5),
        return_negative=True,
    )


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_decisions_in_any_order_hold_in_the_export(plates, data):
    tables = {place: data.draw(forests(), label=f"{place}") for place in PLACES}
    for (name, fov), table in tables.items():
        write_tables(plates.parent / f"{name}_tracks", {fov: table})
    reference = Reference(tables)
    mapping = {"one": [0, 1], "two": [0, 1]}
    past: list[tuple[Any, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with Review.open(plates, by="ada", decisions=place / "d.db") as review:
            for _ in range(data.draw(st.integers(1, 8), label="steps")):
                what = data.draw(
                    st.sampled_from(
                        ["reject", "reject", "cut", "cut", "undo", "take back", "remap"]
                    )
                )
                before = _copied(reference), dict(mapping)
                if what == "undo":
                    assert bool(review.undo()) == bool(past)
                    if past:
                        reference, mapping = past.pop()
                    continue
                past.append(before)
                if what == "remap":
                    name = data.draw(st.sampled_from(["one", "two"]))
                    mapping[name] = mapping[name][::-1]
                    channels = [("Phase", "GFP")[k] for k in mapping[name]]
                    review.remap(name, dict(enumerate(channels)))
                elif what == "cut" and (cuts := possible_cuts(reference)):
                    link = data.draw(st.sampled_from(cuts))
                    review.cut(link, "wrong")
                    reference.cut(link)
                elif what == "reject":
                    target = data.draw(st.sampled_from(possible_targets(reference)))
                    review.reject(target, "bad")
                    reference.rejected[target] = reference.members(target)
                elif reference.rejected:
                    target = data.draw(st.sampled_from(sorted(reference.rejected, key=str)))
                    try:
                        review.accept(target)
                    except LineageTripletsError:
                        past.pop()
                        continue
                    del reference.rejected[target]
                else:
                    past.pop()
            path = export_review(review, place, draft=True, formats=["config"]).files["config"]
        _require_as_allowed(path, reference, mapping)


def _copied(reference: Reference) -> Reference:
    copy = Reference.__new__(Reference)
    copy.cells, copy.mother = reference.cells, reference.mother
    copy.inside, copy.daughters = set(reference.inside), set(reference.daughters)
    copy.rejected = {one: set(cells) for one, cells in reference.rejected.items()}
    return copy


def _require_as_allowed(path: Path, reference: Reference, mapping: dict[str, list[int]]) -> None:
    """A dataset has what is allowed, all of it, and joins what is joined."""
    config = load_config(path)
    allowed = reference.allowed()
    index = MultiExperimentIndex.from_config(config)
    columns = ["experiment", "fov_name", "track_id", "t"]
    assert set(index.tracks[columns].itertuples(index=False, name=None)) == allowed
    with_anchors = set(index.valid_anchors["experiment"])
    if not with_anchors:
        return
    lineages = {(one[0], one[1], reference.root(one)) for one in allowed}
    if any(sum(one[0] == name for one in lineages) < 2 for name in with_anchors):
        with pytest.raises(ConfigError, match="one lineage only"):
            MultiExperimentTripletDataset.from_config(path)
        return
    dataset = MultiExperimentTripletDataset.from_config(path)
    for epoch in range(2):
        dataset.set_epoch(epoch)
        batch = everything(dataset)
        for number, anchor in enumerate(batch["anchor_meta"]):
            one, other = key(anchor), key(batch["positive_meta"][number])
            assert {one, other} <= allowed
            assert one[:2] == other[:2]
            assert reference.root(one) == reference.root(other)
            assert 1 <= other[3] - one[3] <= 3
            for role, cell in (("anchor", one), ("positive", other)):
                values = [1 + 10 * cell[3] + c for c in mapping[cell[0]]]
                assert batch[role][number].amin((1, 2, 3)).tolist() == values
            negative = key(batch["negative_meta"][number])
            assert negative in allowed
            assert negative[0] == one[0]
            assert (negative[1], reference.root(negative)) != (one[1], reference.root(one))
