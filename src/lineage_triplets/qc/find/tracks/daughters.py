"""Daughters that are too many, too late, or out of line with their mother's last place."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import choices, counted
from lineage_triplets.qc.find.checks import TableCheck, register
from lineage_triplets.qc.find.doubt.suspects import doubts_into
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.track_data.data import (
    length,
    lengths,
    link_target,
    track_name,
    track_target,
    where,
)
from lineage_triplets.qc.find.track_data.groups import group_median

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.qc.find.track_data.data import TrackData


_MANY_FRAMES = 3
_ENOUGH_FAMILIES, _FEW_LATE_SHARE = 5, 0.2
_MOST_ALTERNATIVES = 20
_ENOUGH_CYCLES, _SHORT_CYCLE_SHARE = 8, 0.25
_FAR_SPREADS, _FAR_SPREADS_WITH_ROOT = 5.0, 3.0
_LEAST_SHARE_OF_CELL = 1.0


def find_many_daughters(data: TrackData) -> Iterator[Finding]:
    """One finding a mother of more than two."""
    for mother, links in _families(data, np.flatnonzero(data.n_children > 2)):
        if len(links) < 3:
            continue
        children = data.track[data.links.target[links]]
        names = data.track_id[children].tolist()
        name = int(data.track_id[mother])
        t = int(data.t[data.links.target[links]].min())
        too_many = list(combinations(links.tolist(), len(links) - 2))
        yield Finding(
            kind="many-daughters",
            severity="warning",
            sentence=(
                f"Track {name} has {len(names)} daughters, the first in frame {t}: "
                f"{choices(names)}."
            ),
            remedy="Look at the division; cut the links to those that are not its daughters.",
            **where(data, int(data.track_fov[mother])),
            tracks=(name, *names),
            t=t,
            evidence=(Evidence("daughters", len(names)),),
            settled_by=(
                *(
                    tuple(link_target(data, link) for link in some)
                    for some in too_many[:_MOST_ALTERNATIVES]
                ),
                *(
                    tuple(
                        track_target(data, int(data.track[data.links.target[link]]))
                        for link in some
                    )
                    for some in too_many[:_MOST_ALTERNATIVES]
                ),
                (track_target(data, mother),),
            ),
            count=len(names),
        )


def find_late_daughters(data: TrackData) -> Iterator[Finding]:
    """One finding a mother whose daughters do not follow in the next frame."""
    links = data.links
    late = np.flatnonzero(links.is_division & (links.gap > 1))
    mothers = np.unique(data.track[links.source[late]])
    at_once, n_families = _families_at_once(data, mothers)
    for mother, of_mother in _families(data, mothers):
        own = of_mother[links.gap[of_mother] > 1]
        names = data.track_id[data.track[links.target[own]]].tolist()
        name = int(data.track_id[mother])
        end, t = int(data.t[links.source[own[0]]]), int(data.t[links.target[own]].min())
        gaps = links.gap[own]
        fov = int(data.track_fov[mother])
        hours = float(gaps.max() * data.interval_minutes[fov] / 60)
        words = f"{'daughter' if len(names) == 1 else 'daughters'} {' and '.join(map(str, names))}"
        experiment = int(data.fov_experiment[fov])
        others, prompt = int(n_families[experiment]) - 1, int(at_once[experiment])
        are_prompt = others >= _ENOUGH_FAMILIES and others - prompt <= _FEW_LATE_SHARE * others
        later = f"{gaps.max()} frames ({hours:.3g} h) later"
        if len(set(gaps.tolist())) > 1:
            later = f"up to {later}"
        when = " and ".join(
            str(value) for value in dict.fromkeys(data.t[links.target[own]].tolist())
        )
        yield Finding(
            kind="late-daughter",
            severity="warning" if are_prompt or gaps.max() > _MANY_FRAMES else "note",
            sentence=(
                f"Track {name} ends in frame {end}, and its {words} begin"
                f"{'s' if len(names) == 1 else ''} in frame {when}, {later}."
                + (f" Of {others} other mothers {prompt} have theirs at once." if others else "")
            ),
            remedy="Look at the frames between; cut the link if the cells are not its daughters.",
            **where(data, fov),
            tracks=(name, *names),
            t=t,
            evidence=(
                Evidence("frames from mother to daughter", float(gaps.max()), "frames"),
                Evidence("time from mother to daughter", hours, "h"),
                *((Evidence("other mothers with daughters at once", prompt),) if others else ()),
            ),
            settled_by=(
                tuple(link_target(data, int(link)) for link in own),
                tuple(track_target(data, int(data.track[links.target[link]])) for link in own),
                (track_target(data, mother),),
            ),
            count=len(names),
        )


def find_short_cycles(data: TrackData) -> Iterator[Finding]:
    """One finding a daughter that divides again long before cells of her experiment do."""
    whole = np.flatnonzero(data.is_daughter & (data.n_children > 1) & (data.first_row >= 0))
    frames = data.t[data.last_row[whole]] - data.t[data.first_row[whole]] + 1
    experiment = data.fov_experiment[data.track_fov[whole]]
    usual, n = group_median(frames.astype(np.float64), experiment, data.n_experiments)
    short = frames < _SHORT_CYCLE_SHARE * usual[experiment]
    short &= n[experiment] >= _ENOUGH_CYCLES
    doubt = doubts_into(data) if short.any() else np.zeros(0)
    for at in np.flatnonzero(short).tolist():
        track = int(whole[at])
        fov, row = int(data.track_fov[track]), int(data.first_row[track])
        hours = data.interval_minutes[fov] / 60
        own, middle = float(frames[at]), float(usual[experiment[at]])
        mother = int(data.track_id[data.parent[track]])
        after = np.flatnonzero(data.parent == track)
        sisters = np.flatnonzero(data.parent == data.parent[track])
        born = data.first_row[np.concatenate([after, [track], sisters[sisters != track]])]
        into = data.links.into[born[born >= 0]]
        into = into[into >= 0]
        # Of two divisions one is none: the link that is doubted most goes first.
        into = into[np.argsort(-doubt[data.links.target[into]], kind="stable")]
        yield Finding(
            kind="short-cycle",
            severity="warning",
            sentence=(
                f"Track {data.track_id[track]} begins as a daughter of {mother} in frame "
                f"{data.t[row]} and divides again {counted(int(own), 'frame')} "
                f"({own * hours:.3g} h) later; usual here is {middle:.0f} ({middle * hours:.3g} h)."
            ),
            remedy="Look at both divisions; cut the link to the daughter that is none.",
            **where(data, fov),
            tracks=(int(data.track_id[track]), mother, *data.track_id[after].tolist()),
            t=int(data.t[row]),
            evidence=(
                Evidence("frames between divisions", own, "frames"),
                Evidence("usual frames between divisions", middle, "frames"),
            ),
            settled_by=(
                *((link_target(data, link),) for link in into.tolist()),
                (track_target(data, track),),
            ),
        )


def _families_at_once(data: TrackData, late: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Mothers of each experiment whose daughters all begin in the next frame; and all mothers."""
    mothers = np.unique(data.track[data.links.source[data.links.is_division]])
    experiment = data.fov_experiment[data.track_fov[mothers]]
    all_of = np.bincount(experiment, minlength=data.n_experiments)
    prompt = np.bincount(experiment[~np.isin(mothers, late)], minlength=data.n_experiments)
    return prompt, all_of


def _families(data: TrackData, mothers: Int64Array) -> Iterator[tuple[int, Int64Array]]:
    """The links to the daughters of each of some mothers, by number."""
    links = data.links
    outer = np.flatnonzero(~links.is_inside)
    mother = data.track[links.source[outer]]
    order = np.argsort(mother, kind="stable")
    outer, mother = outer[order], mother[order]
    start = np.searchsorted(mother, mothers)
    end = np.searchsorted(mother, mothers, side="right")
    for number, first, last in zip(mothers.tolist(), start.tolist(), end.tolist(), strict=True):
        yield number, outer[first:last]


def find_far_daughters(data: TrackData) -> Iterator[Finding]:
    """One finding a daughter."""
    for link, misfit, root, end in zip(*(of.tolist() for of in _far(data)), strict=True):
        yield _far_daughter(data, link, misfit, root, end)


def far_links(data: TrackData) -> Int64Array:
    """Links to daughters that begin far from their mothers."""
    return _far(data)[0]


def _far(data: TrackData) -> tuple[Int64Array, Float64Array, Int64Array, Int64Array]:
    """Links to far daughters, by how many spreads; rows that begin and end beside them, or -1."""
    links, exchanges = data.links, data.exchanges
    divisions = np.flatnonzero(links.is_division)
    source, target = links.source[divisions], links.target[divisions]
    misfit = links.division_misfit(source, target)
    nearest = _root_near(data, source)
    far = misfit > np.where(nearest >= 0, _FAR_SPREADS_WITH_ROOT, _FAR_SPREADS)
    far &= data.distance(source, target) > _LEAST_SHARE_OF_CELL * data.cell_px[data.fov[source]]
    free = np.flatnonzero(exchanges.other < 0)
    exchange_of = np.full(len(links.source), -1, dtype=np.int64)
    exchange_of[exchanges.link[free]] = free
    number = exchange_of[divisions]
    # Number -1 takes the -1 that is appended.
    begin, end = (np.append(rows, -1)[number] for rows in (exchanges.begin, exchanges.end))
    root = np.where(begin >= 0, begin, nearest)
    exchanged = np.isin(divisions, exchanges.other) | np.isin(
        divisions, exchanges.link[exchanges.other >= 0]
    )
    found = (far | (number >= 0)) & ~exchanged
    return divisions[found], misfit[found], root[found], end[found]


def _root_near(data: TrackData, mother: Int64Array) -> Int64Array:
    """The nearest track without parent that begins beside a mother in the frame after; or -1."""
    links = data.links
    fov = data.fov[mother]
    reach = links.division_px[fov] + 2 * links.division_spread_px[fov]
    of, row, apart = data.search.within(data.group[mother] + 1, data.still[:, mother], reach)
    begins = np.flatnonzero(data.begins[row])
    order = begins[np.lexsort((row[begins], -apart[begins], of[begins]))]
    nearest = np.full(len(mother), -1, dtype=np.int64)
    # Of several values for one place, the last stays.
    nearest[of[order]] = row[order]
    return nearest


def _far_daughter(data: TrackData, link: int, misfit: float, root: int, end: int) -> Finding:
    links = data.links
    source, target = int(links.source[link]), int(links.target[link])
    away = float(data.distance(links.source[[link]], links.target[[link]])[0])
    fov, t = int(data.fov[source]), int(data.t[target])
    mother, daughter = track_name(data, source), track_name(data, target)
    usual = float(links.division_px[fov])
    sentence = (
        f"Track {daughter} begins {length(data, fov, away)} from its mother {mother} in frame {t}; "
        f"usual here is {length(data, fov, usual)}."
    )
    if end >= 0:
        sentence += f" It goes on where track {track_name(data, end)} ends."
    if root >= 0:
        sentence += (
            f" Track {track_name(data, root)} begins beside the mother and has no parent: it may "
            "be the true daughter."
        )
    others = [track_name(data, row) for row in (root, end) if row >= 0]
    return Finding(
        kind="far-daughter",
        severity="warning",
        sentence=sentence,
        remedy="Look at the division; cut the link if another cell was taken for the daughter.",
        **where(data, fov),
        tracks=(daughter, mother, *others),
        t=t,
        evidence=(
            *lengths(data, fov, distance=away, usual_distance=usual),
            Evidence("spreads beyond the usual", misfit),
        ),
        settled_by=(
            (link_target(data, link),),
            (track_target(data, int(data.track[target])),),
        ),
    )


register(TableCheck("many-daughters", ("many-daughters",), find_many_daughters))
register(TableCheck("late-daughters", ("late-daughter",), find_late_daughters))
register(TableCheck("short-cycles", ("short-cycle",), find_short_cycles))
register(TableCheck("far-daughters", ("far-daughter",), find_far_daughters))
