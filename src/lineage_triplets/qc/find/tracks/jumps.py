"""Steps that are out of line with their track: jumps, and cells that tracks exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.checks import TableCheck, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.track_data.data import (
    join_target,
    length,
    lengths,
    link_target,
    speed,
    track_name,
    track_target,
    where,
)
from lineage_triplets.qc.find.track_data.groups import group_median
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.qc.find.track_data.data import TrackData


# By the number of axes; a normal law is as rarely beyond it.
_LEAST_MISFIT = np.array([np.nan, 4.7, 5.0, 5.3])
_TAIL_POWER = 3.5
# Median, and upper quartile, of the length of a normal vector of unit variance, by its axes.
_NORMAL_MEDIAN = np.array([np.nan, 0.6745, 1.1774, 1.5382])
_NORMAL_QUARTILE = np.array([np.nan, 1.1503, 1.6651, 2.0269])
_LEAST_SHARE_OF_CELL = 0.85
_NEIGHBOUR_CELLS, _ONE_CELL_SHARE, _ALIKE_SHARE = 2.5, 0.3, 0.4


def find_jumps(data: TrackData) -> Iterator[Finding]:
    """One finding for each run of odd steps of a track, exchanges apart."""
    jumps = odd_links(data)
    explained = np.concatenate([data.exchanges.link, data.exchanges.other])
    jumps = jumps[~np.isin(jumps, explained)]
    jumps = jumps[~_carried_along(data, jumps)]
    usual = _usual_step(data)
    links = data.links
    first_of_run = np.ones(len(jumps), dtype=bool)
    first_of_run[1:] = (jumps[1:] != jumps[:-1] + 1) | (
        links.source[jumps[1:]] != links.target[jumps[:-1]]
    )
    for run in np.split(jumps, np.flatnonzero(first_of_run)[1:]) if len(jumps) else ():
        yield _jump(data, run, usual)


def odd_links(data: TrackData) -> Int64Array:
    """Links that are no divisions, and much longer than both the track and the FOV foretell."""
    links = data.links
    misfit = np.sqrt(data.links.misfit)
    least = _LEAST_MISFIT[data.n_axes]
    experiment = data.experiment[links.source]
    for number in range(data.n_experiments):
        own = misfit[(experiment == number) & ~links.is_division]
        if len(own):
            least[number] *= _tail(own, int(data.n_axes[number])) ** _TAIL_POWER
    odd = np.flatnonzero(misfit > least[experiment])
    source, target = links.source[odd], links.target[odd]
    long = data.distance(source, target) > _LEAST_SHARE_OF_CELL * data.cell_px[data.fov[source]]
    kept: Int64Array = odd[long]
    return kept


def _tail(misfit: Float64Array, n_axes: int) -> float:
    """How much longer the tail of steps is than a normal law's; 1 for that, and for a shorter one.

    Steps that are heavy in the tail are heavy in the shoulders: the upper quartile against the
    median tells it. Quantiles further out tell it as well, until there are errors beyond them.
    """
    median, quartile = (float(value) for value in np.quantile(misfit, [0.5, 0.75]))
    normal_median, normal_quartile = float(_NORMAL_MEDIAN[n_axes]), float(_NORMAL_QUARTILE[n_axes])
    # Cells that hardly move have no shape.
    median = max(median, normal_median / 2)
    return max(quartile / median / (normal_quartile / normal_median), 1.0)


def _carried_along(data: TrackData, jumps: Int64Array) -> BoolArray:
    """Jumps that a neighbour makes too: cells that move together, with nothing wrong in them."""
    links = data.links
    source, target = links.source[jumps], links.target[jumps]
    way = data.still[:, target] - data.still[:, source]
    cell = data.cell_px[data.fov[source]]
    of, near, apart = data.search.within(
        data.group[source], data.still[:, source], _NEIGHBOUR_CELLS * cell
    )
    # Two tracks on one cell jump together, too.
    able = (apart > _ONE_CELL_SHARE * cell[of]) & (links.gap[jumps[of]] == 1)
    able &= data.law.after[near] > 0
    of, near = of[able], near[able]
    its_way = data.still[:, near + 1] - data.still[:, near]
    differs = np.sqrt(((its_way - way[:, of]) ** 2).sum(axis=0))
    alike = differs < _ALIKE_SHARE * np.sqrt((way[:, of] ** 2).sum(axis=0))
    carried: BoolArray = np.bincount(of[alike], minlength=len(jumps)) > 0
    return carried


def _usual_step(data: TrackData) -> Float64Array:
    """Median step of every track from frame to frame, without drift, in px."""
    links = data.links
    inside = np.flatnonzero(links.is_inside & (links.gap == 1))
    source, target = links.source[inside], links.target[inside]
    return group_median(data.distance(source, target), data.track[source], len(data.parent))[0]


def _jump(data: TrackData, run: Int64Array, usual: Float64Array) -> Finding:
    links = data.links
    ways = data.still[:, links.target[run]] - data.still[:, links.source[run]]
    far = np.sqrt((ways**2).sum(axis=0))
    worst = int(far.argmax())
    link = int(run[worst])
    source, target = int(links.source[link]), int(links.target[link])
    fov, track = int(data.fov[source]), int(data.track[source])
    name, step = track_name(data, source), float(usual[track])
    times = f"{data.t[source]} and {data.t[target]}"
    middle = f"its usual step is {length(data, fov, step)}"
    settled: tuple[tuple[Target, ...], ...]
    cuts = tuple(link_target(data, int(link)) for link in run)
    there_and_back = len(run) == 2 and float(ways[:, 0] @ ways[:, 1]) < 0
    if there_and_back:
        row = int(links.target[run[0]])
        sentence = (
            f"Track {name} is {length(data, fov, float(far[worst]))} off its way in frame "
            f"{data.t[row]} alone; {middle}."
        )
        remedy = "Look at that frame; reject the observation if another cell is in the middle."
        alone = Target("observation", **where(data, fov), track=str(name), t=int(data.t[row]))
        settled = ((alone,), cuts)
    else:
        sentence = (
            f"Track {name} jumps {length(data, fov, float(far[worst]))} between frames {times}; "
            f"{middle}. The tracker may have taken another cell."
        )
        remedy = "Look at both frames; cut the link if the cells differ."
        settled = (cuts,)
    return Finding(
        kind="jump",
        severity="warning",
        sentence=sentence,
        remedy=remedy,
        **where(data, fov),
        tracks=(name,),
        t=int(data.t[links.target[run[0]] if there_and_back else target]),
        evidence=(
            *lengths(data, fov, step=float(far[worst]), usual_step=step),
            *speed(data, fov, "speed", float(far[worst]) / int(links.gap[link])),
            Evidence("times what is foretold", float(np.sqrt(data.links.misfit[link]))),
        ),
        settled_by=(*settled, (track_target(data, track),)),
    )


def find_swaps(data: TrackData) -> Iterator[Finding]:
    """One finding for each exchange; those of a mother's link alone are left to `daughters`."""
    exchanges = data.exchanges
    for number in range(len(exchanges)):
        if exchanges.other[number] >= 0:
            yield _swap(data, number)
        elif not data.links.is_division[exchanges.link[number]]:
            yield _wrong_link(data, number)


def _way(data: TrackData, source: int, target: int) -> float:
    """Distance of two rows in px, without the stage's drift."""
    return float(np.sqrt(((data.still[:, target] - data.still[:, source]) ** 2).sum()))


def _swap(data: TrackData, number: int) -> Finding:
    links, exchanges = data.links, data.exchanges
    pair = (int(exchanges.link[number]), int(exchanges.other[number]))
    rows = [(int(links.source[link]), int(links.target[link])) for link in pair]
    now = [_way(data, *ends) for ends in rows]
    if now[1] > now[0]:
        pair, rows, now = pair[::-1], rows[::-1], now[::-1]
    crossed = [_way(data, rows[0][0], rows[1][1]), _way(data, rows[1][0], rows[0][1])]
    fov = int(data.fov[rows[0][0]])
    before, after = ([track_name(data, row[end]) for row in rows] for end in (0, 1))
    t = int(data.t[rows[0][1]])
    cuts = tuple(link_target(data, link) for link in pair)
    joins = (
        join_target(data, rows[0][0], rows[1][1]),
        join_target(data, rows[1][0], rows[0][1]),
    )
    names = f"Tracks {before[0]} and {before[1]}"
    if before != after:
        names += f" (then {after[0]} and {after[1]})"
    return Finding(
        kind="identity-swap",
        severity="warning",
        sentence=(
            f"{names} seem to exchange cells between frames {t - 1} and {t}: they move "
            f"{length(data, fov, now[0])} and {length(data, fov, now[1])}; exchanged, it would be "
            f"{length(data, fov, crossed[0])} and {length(data, fov, crossed[1])}."
        ),
        remedy="Look at both frames; cut both links if the cells differ, and link them crosswise.",
        **where(data, fov),
        tracks=tuple(dict.fromkeys([*before, *after])),
        t=t,
        evidence=(
            *lengths(
                data,
                fov,
                step=now[0],
                other_step=now[1],
                step_if_exchanged=crossed[0],
                other_step_if_exchanged=crossed[1],
            ),
            Evidence("log-likelihood gained", float(exchanges.gain[number])),
        ),
        settled_by=tuple(
            dict.fromkeys(
                (
                    cuts,
                    tuple(track_target(data, int(data.track[row])) for row, _ in rows),
                    tuple(track_target(data, int(data.track[row])) for _, row in rows),
                    (*cuts, *joins),
                )
            )
        ),
    )


def _wrong_link(data: TrackData, number: int) -> Finding:
    links, exchanges = data.links, data.exchanges
    link = int(exchanges.link[number])
    begin, end = int(exchanges.begin[number]), int(exchanges.end[number])
    source, target = int(links.source[link]), int(links.target[link])
    fov, t = int(data.fov[source]), int(data.t[target])
    name, way = track_name(data, source), _way(data, source, target)
    reasons, measured = [], {"step": way}
    joins: list[Target] = []
    if begin >= 0:
        near = _way(data, source, begin)
        reasons.append(
            f"track {track_name(data, begin)} begins {length(data, fov, near)} from where it was"
        )
        measured["distance of the track that begins"] = near
        joins.append(join_target(data, source, begin))
    if end >= 0:
        near = _way(data, end, target)
        reasons.append(
            f"track {track_name(data, end)} ends {length(data, fov, near)} from where it goes"
        )
        measured["distance of the track that ends"] = near
        joins.append(join_target(data, end, target))
    others = [track_name(data, row) for row in (target, begin, end) if row >= 0]
    return Finding(
        kind="wrong-link",
        severity="warning",
        sentence=(
            f"Track {name} seems to go on along another cell from frame {t} on: it moves "
            f"{length(data, fov, way)}, and {' and '.join(reasons)}."
        ),
        remedy="Look at both frames; cut the link if the cells differ; link each where it goes on.",
        **where(data, fov),
        tracks=tuple(dict.fromkeys([name, *others])),
        t=t,
        evidence=(
            *lengths(data, fov, **measured),
            Evidence("log-likelihood gained", float(exchanges.gain[number])),
        ),
        settled_by=(
            (link_target(data, link),),
            (track_target(data, int(data.track[source])),),
            (link_target(data, link), *joins),
        ),
    )


register(TableCheck("jumps", ("jump",), find_jumps))
register(TableCheck("identity-swaps", ("identity-swap", "wrong-link"), find_swaps))
