"""The link that a finding is about: its cells, and those of what may have been instead; no Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import LineageTripletsError
from lineage_triplets.qc.decide.links import ends_of
from lineage_triplets.qc.look.link_view import LinkView

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record.decision import Target

    Cells = tuple[int, int]

# Other cells farther away than so many patches are no candidates.
_REACH_PATCHES = 1.5
_MOST_ENDS = 2


def link_of_finding(data: ReviewData, finding: Finding) -> LinkView | None:
    """Collect the cells of a finding's link, as it is and as it may be; None where it has none.

    What would be linked instead is what the finding proposes; else two links exchange their ends,
    and one goes to another track that the finding names, or to the nearest other cell.

    Parameters
    ----------
    data : ReviewData
    finding : Finding
    """
    links = [
        target
        for targets in finding.settled_by
        for target in targets
        if target.level in {"link", "join"}
    ]
    if not links or not data.opened:
        return None
    number = data.linked.fov_number(finding.experiment, finding.fov)
    if number < 0:
        return None
    now: list[Cells] = []
    instead: list[Cells] = []
    for link in dict.fromkeys(links):
        cells = _cells_of(data, number, link)
        if cells is not None:
            chosen = now if link.level == "link" else instead
            if _has_room([*now, *instead], cells) and cells not in chosen:
                chosen.append(cells)
    if not instead and len(now) == _MOST_ENDS and len({*now[0], *now[1]}) == 2 * _MOST_ENDS:
        instead = [(now[0][0], now[1][1]), (now[1][0], now[0][1])]
    elif not instead and len(now) == 1:
        instead = _candidates(data, number, now[0], finding.tracks)
    if not (now or instead):
        return None
    patches = data.patches_of(data.linked)
    return LinkView.of(patches, tuple(now), tuple(instead), asked=(now or instead)[0])


def link_words(view: LinkView) -> str:
    """Say which cells are which: ``"a: track 3, a': track 5 in frame 7; b: …"``."""
    sides = []
    for side, lanes in enumerate((view.before, view.after)):
        names = ", ".join(f"{lane.name}: track {lane.track}" for lane in lanes)
        sides.append(f"{names} in frame {view.frames[side]}")
    return "; ".join(sides)


def _has_room(taken: list[Cells], cells: Cells) -> bool:
    """Whether a picture holds some more cells: two at each end."""
    return all(len({link[end] for link in (*taken, cells)}) <= _MOST_ENDS for end in (0, 1))


def _cells_of(data: ReviewData, number: int, link: Target) -> Cells | None:
    try:
        ends = ends_of(data, link)
    except LineageTripletsError:
        # The table has changed since it was found.
        return None
    rows = [_row(data.linked, number, *cell) for cell in (ends.source, ends.target)]
    return None if min(rows) < 0 else (rows[0], rows[1])


def _row(index: MultiExperimentIndex, number: int, track_id: int, t: int) -> int:
    """Find the row of a table's cell; -1 where there is none."""
    parts = index.track_columns.parts
    part = parts.of_cell(number, track_id, t)
    if part < 0:
        return -1
    rows = _rows(index, int(parts.track[part]))
    own = rows[(index.observations.t[rows] == t) & (index.track_id_of_row[rows] == track_id)]
    return int(own[0]) if len(own) else -1


def _rows(index: MultiExperimentIndex, track: int) -> Int64Array:
    first, end = np.searchsorted(index.observations.track, [track, track + 1]).tolist()
    return np.arange(first, end, dtype=np.int64)


def _candidates(data: ReviewData, number: int, link: Cells, tracks: tuple[int, ...]) -> list[Cells]:
    """Give a link to another cell than there is, or from another one, by what is named or near."""
    index, (source, target) = data.linked, link
    cells = index.observations
    first, end = np.searchsorted(index.track_columns.fov, [number, number + 1]).tolist()
    low, high = np.searchsorted(cells.track, [first, end]).tolist()
    reach = _REACH_PATCHES * max(data.settings.yx_patch_size)

    def nearest(t: int, to: int, but: int) -> tuple[bool, float, int] | None:
        rows = low + np.flatnonzero(cells.t[low:high] == t)
        rows = rows[rows != but]
        away = np.hypot(cells.y[rows] - cells.y[to], cells.x[rows] - cells.x[to])
        rows, away = rows[away <= reach], away[away <= reach]
        if not len(rows):
            return None
        unnamed = ~np.isin(index.track_id_of_row[rows], tracks)
        best = int(np.lexsort((away, unnamed))[0])
        return bool(unnamed[best]), float(away[best]), int(rows[best])

    on = nearest(int(cells.t[target]), source, target)
    back = nearest(int(cells.t[source]), target, source)
    if on is not None and (back is None or on[:2] <= back[:2]):
        return [(source, on[2])]
    return [] if back is None else [(back[2], target)]
