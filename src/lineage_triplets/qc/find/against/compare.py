"""A review's tables held against another's: how many links agree, and which do not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem, TrackTableError, choices
from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.settings.model import Exclusions
from lineage_triplets.qc.find.against.agreement import Agreement, per_unit, share_limits, units_of
from lineage_triplets.qc.find.against.chains import LinksCompared
from lineage_triplets.qc.find.against.disagreements import Differences, Disagreement, in_order
from lineage_triplets.qc.find.against.match import match_cells, usual_limit_px
from lineage_triplets.qc.find.against.other import find_other
from lineage_triplets.qc.find.doubt.cells import Cells
from lineage_triplets.qc.find.doubt.harm import pairs_into, tracks_read
from lineage_triplets.qc.find.track_data.rows import TrackRows, places_px
from lineage_triplets.qc.open.data import unread_problems

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record.decision import Target

_FEW_MATCHED = 0.5


@dataclass(frozen=True)
class Comparison:
    """A review's tables, as cut and linked now, held against another's.

    Attributes
    ----------
    other : str
        What they were held against.
    agreements : tuple of Agreement
        One of each experiment that is compared.
    disagreements : tuple of Disagreement
        Those first on which most pairs rest.
    problems : tuple of Problem
        What was not compared, and why.
    made : frozenset of Target
        Links that somebody had made: what takes the other's word takes them back.
    index : MultiExperimentIndex
        That was compared; rows of what is to be seen are of it.
    """

    other: str
    agreements: tuple[Agreement, ...]
    disagreements: tuple[Disagreement, ...]
    problems: tuple[Problem, ...]
    made: frozenset[Target]
    index: MultiExperimentIndex = field(compare=False, repr=False)

    def repair(self, ranks: Sequence[int] | None = None) -> tuple[Target, ...]:
        """Give what takes the other's links: those to cut, or of `made` to take back, and to add.

        Parameters
        ----------
        ranks : sequence of int, optional
            Of the disagreements; all by default.

        Raises
        ------
        ConfigError
            There is no such rank.
        """
        n = len(self.disagreements)
        wanted = range(1, n + 1) if ranks is None else ranks
        unknown = [rank for rank in wanted if not 1 <= rank <= n]
        if unknown:
            raise ConfigError(
                Problem(
                    "unknown-rank",
                    f"there is no disagreement {choices(unknown)}.",
                    f"They are numbered from 1 to {n}." if n else "The tables agree.",
                )
            )
        chosen = (self.disagreements[rank - 1] for rank in wanted)
        targets = dict.fromkeys(target for found in chosen for target in found.repair)
        # What is cut makes room for what is added.
        return tuple(
            sorted(targets, key=lambda link: link.level == "join" and link not in self.made)
        )


def compare(
    data: ReviewData,
    other: str | Path,
    *,
    within: float | None = None,
    experiment: str | None = None,
    fov: str | None = None,
    path_map: Mapping[str, str] | None = None,
) -> Comparison:
    """Hold a review's tables against another's, as ``Review.against``."""
    if within is not None and not (np.isfinite(within) and within > 0):
        raise ConfigError(
            Problem("bad-value", f"cells cannot be one within {within} px.", "Give a length.")
        )
    tables = find_other(data, Path(other).expanduser(), experiment, fov, path_map)
    mine, theirs = _whole(data), tables.index(data)
    places = [(source.experiment, source.fov.name) for source in mine.fovs]
    number = np.array([theirs.fov_number(*place) for place in places], dtype=np.int64)
    number[[place not in tables.tables for place in places]] = -1
    unread = [
        met
        for met in unread_problems(data)
        if experiment in (None, met.experiment) and (fov is None or met.fov in ("", fov))
    ]
    problems = [*unread, *tables.problems, *tables.said(theirs.problems)]
    if not (number >= 0).any():
        raise TrackTableError(*problems)
    sides = _Sides(data, mine, theirs, number)
    agreements: list[Agreement] = []
    differences: list[Differences] = []
    for of_one in np.unique(mine.experiment_of_fov[number >= 0]).tolist():
        agreement, found = sides.compare(of_one, within)
        agreements.append(agreement)
        differences.append(found)
        if agreement.matched < _FEW_MATCHED * min(agreement.cells, agreement.other_cells):
            problems.append(_few_matched(agreement, tables.name))
    return Comparison(
        other=tables.name,
        agreements=tuple(agreements),
        disagreements=tuple(in_order(differences)),
        problems=tuple(problems),
        made=frozenset(data.effect.links),
        index=mine,
    )


def _whole(data: ReviewData) -> MultiExperimentIndex:
    """Give the review's tables as linked now, nothing excluded, with cells near the border."""
    if data.raw.settings == data.settings:
        return data.linked
    return MultiExperimentIndex.of_what_loads(
        data.registry,
        data.raw.settings,
        Exclusions(),
        data.effect.cut_list(),
        data.effect.link_list(),
        read=data.tables,
    )


def _few_matched(agreement: Agreement, other: str) -> Problem:
    share = agreement.matched / max(agreement.cells, 1)
    return Problem(
        "few-matched",
        f"{agreement.matched} of {agreement.cells} cells ({share:.0%}) are found in the other's "
        f"table of {agreement.other_cells}, within {agreement.within_px:.3g} px.",
        "See if both are in the same frames and pixels; a wider limit matches more.",
        severity="warning",
        experiment=agreement.experiment,
        file=other,
    )


class _Sides:
    """Both indices, with the rows of FOVs that both have.

    Parameters
    ----------
    data : ReviewData
    mine, theirs : MultiExperimentIndex
    number : ndarray of int64, shape (fovs,)
        The number in `theirs` of each FOV of `mine`, or -1.
    """

    def __init__(
        self,
        data: ReviewData,
        mine: MultiExperimentIndex,
        theirs: MultiExperimentIndex,
        number: Int64Array,
    ) -> None:
        self._data, self._mine, self._theirs = data, mine, theirs
        here = np.full(len(theirs.fovs), -1, dtype=np.int64)
        here[number[number >= 0]] = np.flatnonzero(number >= 0)
        self._fov = np.where(number[mine.fov_of_row] >= 0, mine.fov_of_row, -1)
        self._other_fov = here[theirs.fov_of_row]
        # Of the tables as they are on disk: what was decided moves no cell.
        rows = TrackRows.of_index(data.raw)
        self._patch_px = rows.patch_px
        px = rows.px_per_unit
        self._place = places_px(mine, px[:, mine.fov_of_row])
        self._other_place = places_px(theirs, px[:, np.maximum(self._other_fov, 0)])
        self._before, self._other_before = _before(mine), _before(theirs)

    def compare(self, experiment: int, within: float | None) -> tuple[Agreement, Differences]:
        """Match cells of an experiment, and compare their links."""
        mine, theirs = self._mine, self._theirs
        of_fov = np.append(mine.experiment_of_fov, -1)
        rows = np.flatnonzero(of_fov[self._fov] == experiment)
        other_rows = np.flatnonzero(of_fov[self._other_fov] == experiment)
        # Always the same order, whatever is cut and linked: matching does not hang on it.
        order = (mine.observations.t[rows], mine.track_id_of_row[rows], self._fov[rows])
        rows = rows[np.lexsort(order)]
        n_frames = 1 + max(int(index.observations.t.max(initial=0)) for index in (mine, theirs))
        frame = self._fov[rows] * n_frames + mine.observations.t[rows]
        other_frame = self._other_fov[other_rows] * n_frames + theirs.observations.t[other_rows]
        place, other_place = self._place[:, rows], self._other_place[:, other_rows]
        limit = within or usual_limit_px(frame, place, self._patch_px)
        links = LinksCompared.of_tables(
            _among(self._before, rows),
            _among(self._other_before, other_rows),
            match_cells(frame, place, other_frame, other_place, limit),
        )
        pairs = self._pairs(rows, other_rows, links)
        found = Differences(mine, rows, links, pairs, self._data.effect.links)
        return self._agreement(experiment, limit, links, found), found

    def _pairs(
        self, rows: Int64Array, other_rows: Int64Array, links: LinksCompared
    ) -> Float64Array:
        """Pairs that rest on the links that differ; of missed ones in the other's lineages."""
        data = self._data
        pairs = np.zeros(len(rows))
        wrong = np.flatnonzero(links.is_wrong)
        pairs[wrong] = pairs_into(self._mine, data.training, data.settings, rows[wrong])
        missed = np.flatnonzero(links.is_missed & ~links.is_wrong)
        read = _is_read(self._mine, data.training, rows)
        missed = missed[read[missed] & read[links.origin[missed]]]
        there = other_rows[links.partner[missed]]
        pairs[missed] = pairs_into(self._theirs, self._theirs, data.settings, there)
        return pairs

    def _agreement(
        self, experiment: int, limit: float, links: LinksCompared, found: Differences
    ) -> Agreement:
        agrees, wrong, missed = links.agrees, links.is_wrong, links.is_missed
        compared = np.flatnonzero(agrees | wrong | missed)
        fov = self._fov[found.rows]
        weight = wrong.astype(np.int64) + missed
        unit, of_unit = units_of(fov[compared], links.lineages()[compared])
        right = per_unit(of_unit, agrees[compared].astype(np.int64))
        counted = per_unit(of_unit, (weight + agrees)[compared])
        differs = np.flatnonzero(links.event >= 0)
        low, high = share_limits(right, counted, per_unit(links.event[differs], weight[differs]))
        n_divisions, n_other_divisions, n_same = links.divisions()
        return Agreement(
            experiment=self._mine.registry.experiments[experiment].name,
            fovs=len(np.unique(fov)),
            within_px=limit,
            cells=len(found.rows),
            other_cells=len(links.others.before),
            matched=int(np.count_nonzero(links.partner >= 0)),
            links=links.mine.n_links,
            other_links=links.others.n_links,
            agreed=int(np.count_nonzero(agrees)),
            wrong=int(np.count_nonzero(wrong)),
            missed=int(np.count_nonzero(missed)),
            not_comparable=links.mine.n_unused,
            other_not_comparable=links.others.n_unused,
            divisions=n_divisions,
            other_divisions=n_other_divisions,
            divisions_agreed=n_same,
            unit=unit,
            n_units=len(right),
            low=low,
            high=high,
        )


def _before(index: MultiExperimentIndex) -> Int64Array:
    """The row that each row follows, or -1."""
    rows = index.observations
    nowhere = np.zeros((0, len(rows)))
    cells = Cells.of_arrays(nowhere, index.fov_of_row, rows.t, rows.track, index.forest.parent)
    before = np.full(len(rows), -1, dtype=np.int64)
    before[cells.target] = cells.source
    return before


def _among(before: Int64Array, rows: Int64Array) -> Int64Array:
    """What some rows follow, by their places among these rows."""
    place = np.full(len(before) + 1, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return place[before[rows]]


def _is_read(
    linked: MultiExperimentIndex, training: MultiExperimentIndex, rows: Int64Array
) -> BoolArray:
    """Whether training reads rows of an index with the same tables."""
    read, track = tracks_read(linked, training, rows)
    t, there = linked.observations.t[rows], training.observations
    n_frames = 1 + int(max(t.max(initial=0), there.t.max(initial=0)))
    return read & np.isin(track * n_frames + t, there.track * n_frames + there.t)
