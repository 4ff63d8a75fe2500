"""Findings on tables that trackers made: which wrong links and missed divisions they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.timing import table
from lineage_triplets import ExperimentConfig, ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.qc.find.checks import TABLE_CHECKS, load_checks
from lineage_triplets.qc.find.track_data.data import TrackData
from lineage_triplets.simulate import PlateLayout, empty_plate
from lineage_triplets.simulate.plates import write_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from rich.table import Table

    from benchmarks.trackers import Run
    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.record.decision import Target

FOV, PATCH = "A/1/0", (32, 32)
GROUPS = ("doubtful-link", "short-cycle", "all others")
_OF_LINKS = ("doubtful-link", "short-cycle", "identity-swap", "wrong-link", "jump", "far-daughter")


class Found:
    """What the checks find in a table, held against the truth.

    Attributes
    ----------
    named : dict of str to ndarray of bool, shape (links,)
        Links that findings would have cut, by group.
    n_missed : int
        Divisions of the truth of which the table has one link or none.
    right, told : int
        Missed divisions found with their mother and both daughters; findings that add a daughter.
    """

    def __init__(self, folder: Path, run: Run) -> None:
        self.run = run
        findings = [
            finding
            for check in TABLE_CHECKS.values()
            for finding in check.run(_track_data(folder, run))
            if finding.severity != "note"
        ]
        self._row = {
            (int(track) + 1, int(t)): row
            for row, (track, t) in enumerate(zip(run.track, run.t, strict=True))
        }
        self.named = {group: np.zeros(len(run.is_wrong), dtype=bool) for group in GROUPS}
        for finding in findings:
            if finding.kind in _OF_LINKS:
                group = finding.kind if finding.kind in GROUPS else GROUPS[-1]
                self.named[group][self._cut(finding)] = True
        links = run.cells
        linked = np.zeros(len(run.t), dtype=np.int64)
        np.add.at(linked, links.source[run.was[links.target] == links.source], 1)
        of_two = np.bincount(run.was[run.was >= 0], minlength=len(run.t)) == 2
        self._missed = of_two & (linked < 2)
        self.n_missed = int(self._missed.sum())
        self.told = self.right = 0
        for finding in findings:
            if finding.kind in ("missed-division", "doubtful-link"):
                self._count(finding)

    def _cut(self, finding: Finding) -> list[int]:
        """Links that the first way to settle a finding cuts, if any way does."""
        for way in finding.settled_by:
            cuts = [self._link(target) for target in way if target.level == "link"]
            if cuts:
                return cuts
        return []

    def _link(self, target: Target) -> int:
        into = self.run.cells.link_into
        if target.daughter is None:
            return int(into[self._row[int(target.track), target.t or 0]])
        first = np.flatnonzero(self.run.track == target.daughter - 1)[0]
        return int(into[first])

    def _count(self, finding: Finding) -> None:
        """Count a finding that adds a daughter to a mother who has another one, or gets two."""
        cells, was = self.run.cells, self.run.was
        cut = self._cut(finding)
        joins = [target for target in finding.settled_by[0] if target.level == "join"]
        pairs = [
            (self._row[int(join.track), join.t or 0], self._row[join.daughter or 0, join.to_t or 0])
            for join in joins
        ]
        mothers = {mother for mother, _ in pairs}
        if len(mothers) != 1:
            return
        (mother,) = mothers
        kept = [int(link) for link in np.flatnonzero(cells.source == mother) if link not in cut]
        daughters = {daughter for _, daughter in pairs} | {int(cells.target[link]) for link in kept}
        if len(daughters) == 2:
            self.told += 1
            are_hers = all(was[daughter] == mother for daughter in daughters)
            self.right += bool(self._missed[mother]) and are_hers

    def of_links(self, *groups: str) -> tuple[float, float]:
        """Recall and precision of the links that some groups name."""
        named = np.logical_or.reduce([self.named[group] for group in groups])
        return _shares(int((named & self.run.is_wrong).sum()), self.run.is_wrong.sum(), named.sum())

    def of_divisions(self) -> tuple[float, float]:
        """Recall and precision of missed divisions."""
        return _shares(self.right, self.n_missed, self.told)


def _shares(right: int, of: int, told: int) -> tuple[float, float]:
    return right / of if of else np.nan, right / told if told else np.nan


def tables(
    folder: Path, runs: Sequence[Run], true: Sequence[Run], enough_wrong: int
) -> Iterator[Table]:
    load_checks()
    found = [Found(folder / str(number), run) for number, run in enumerate(runs)]
    columns = ("wrong links", "doubtful-link", "all kinds", "missed divisions", "found")
    yield table(
        "Findings on trackers' tables: recall / precision",
        ("movie", "tracker", "gate", *columns),
        ((*of.run.label, *_cells(of)) for of in found),
        "of links that findings would have cut, all kinds of findings on links and doubtful-link "
        "alone; of missed divisions found with mother and both daughters",
    )
    groups = {f"{enough_wrong} wrong links or more": [
        of for of in found if of.run.is_wrong.sum() >= enough_wrong
    ]}  # fmt: skip
    for of in found:
        groups.setdefault(of.run.movie, []).append(of)
    yield table(
        "Medians: recall / precision",
        ("runs", "", "doubtful-link", "all kinds", "missed divisions"),
        ((name, str(len(group)), *_medians(group)) for name, group in groups.items()),
        "precision of the runs in which something is named",
    )
    clean = [Found(folder / f"true {number}", run) for number, run in enumerate(true)]
    yield table(
        "Findings on true tables",
        ("movie", "links", *GROUPS, "per 1,000", "missed-division"),
        (_true_row(of) for of in clean),
        "links that findings would have cut, by kind; missed divisions named",
    )


def _cells(found: Found) -> tuple[str, ...]:
    return (
        str(found.run.is_wrong.sum()),
        _both(found.of_links(GROUPS[0])),
        _both(found.of_links(*GROUPS)),
        str(found.n_missed),
        _both(found.of_divisions()),
    )


def _medians(group: Sequence[Found]) -> Iterator[str]:
    for values in (
        [of.of_links(GROUPS[0]) for of in group],
        [of.of_links(*GROUPS) for of in group],
        [of.of_divisions() for of in group],
    ):
        known = [np.array(column)[~np.isnan(column)] for column in zip(*values, strict=True)]
        yield _both(tuple(float(np.median(of)) if len(of) else np.nan for of in known))


def _both(shares: Sequence[float]) -> str:
    return " / ".join("-" if np.isnan(share) else f"{share:.0%}" for share in shares)


def _true_row(found: Found) -> tuple[str, ...]:
    n_links = len(found.run.is_wrong)
    named = np.logical_or.reduce(list(found.named.values()))
    return (
        found.run.label[0],
        f"{n_links:,}",
        *(str(of.sum()) for of in found.named.values()),
        f"{1000 * named.sum() / n_links:.2f}",
        str(found.told),
    )


def _track_data(folder: Path, run: Run) -> TrackData:
    """Write a table beside a plate of metadata alone, whose voxels have no known size."""
    place: NDArray[np.float64] = run.place - np.minimum(run.place.min(axis=1, keepdims=True), 0.0)
    deep = len(place) == 3
    rows = pd.DataFrame(
        {
            "track_id": run.track + 1,
            "t": run.t,
            "parent_track_id": np.where(run.parent[run.track] >= 0, run.parent[run.track] + 1, -1),
            "z": place[2] if deep else 0.0,
            "y": place[0],
            "x": place[1],
        }
    )
    write_tables({FOV: rows}, folder / "tracks")
    height, width, *depth = (int(np.ceil(along.max())) + 1 for along in place)
    shape = (int(run.t.max()) + 1, 1, depth[0] if deep else 1, height, width)
    empty_plate(folder / "plate.zarr", {FOV: shape}, PlateLayout(("nuclei",)))
    config = ExperimentConfig(
        name="tracker",
        data_path=str(folder / "plate.zarr"),
        tracks_path=str(folder / "tracks"),
        channel_names=["nuclei"],
        source_channel=["nuclei"],
        condition_wells={"untreated": ["A/1"]},
        interval_minutes=15.0,
    )
    return TrackData.of_index(MultiExperimentIndex(ExperimentRegistry([config]), 1, PATCH))
