"""Mothers of more than two, and daughters that begin frames after their mother's end."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.registry import TableCheck, register
from lineage_triplets.qc.find.tracks.words import link_target, track_target, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lineage_triplets.qc.find.track_data.data import TrackData

    Int64Array = NDArray[np.int64]

_MANY_FRAMES = 3
_MOST_ALTERNATIVES = 20


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
                f"{', '.join(map(str, names))}."
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
    for mother, of_mother in _families(data, mothers):
        own = of_mother[links.gap[of_mother] > 1]
        names = data.track_id[data.track[links.target[own]]].tolist()
        name = int(data.track_id[mother])
        end, t = int(data.t[links.source[own[0]]]), int(data.t[links.target[own]].min())
        gaps = links.gap[own]
        fov = int(data.track_fov[mother])
        hours = float(gaps.max() * data.interval_minutes[fov] / 60)
        words = f"{'daughter' if len(names) == 1 else 'daughters'} {' and '.join(map(str, names))}"
        later = f"{gaps.max()} frames ({hours:.3g} h) later"
        if len(set(gaps.tolist())) > 1:
            later = f"up to {later}"
        when = " and ".join(
            str(value) for value in dict.fromkeys(data.t[links.target[own]].tolist())
        )
        yield Finding(
            kind="late-daughter",
            severity="warning" if gaps.max() > _MANY_FRAMES else "note",
            sentence=(
                f"Track {name} ends in frame {end}, and its {words} begin"
                f"{'s' if len(names) == 1 else ''} in frame {when}, {later}."
            ),
            remedy="Look at the frames between; cut the link if the cells are not its daughters.",
            **where(data, fov),
            tracks=(name, *names),
            t=t,
            evidence=(
                Evidence("frames from mother to daughter", float(gaps.max()), "frames"),
                Evidence("time from mother to daughter", hours, "h"),
            ),
            settled_by=(
                tuple(link_target(data, int(link)) for link in own),
                tuple(track_target(data, int(data.track[links.target[link]])) for link in own),
                (track_target(data, mother),),
            ),
            count=len(names),
        )


def _families(data: TrackData, mothers: Int64Array) -> Iterator[tuple[int, Int64Array]]:
    """The links to the daughters of each of some mothers, by number."""
    links = data.links
    outer = np.flatnonzero(~links.is_inside)
    mother = data.track[links.source[outer]]
    order = np.argsort(mother, kind="stable")
    outer, mother = outer[order], mother[order]
    start = np.searchsorted(mother, mothers)
    end = np.searchsorted(mother, mothers, side="right")
    for one, first, last in zip(mothers.tolist(), start.tolist(), end.tolist(), strict=True):
        yield one, outer[first:last]


register(TableCheck("many-daughters", ("many-daughters",), find_many_daughters))
register(TableCheck("late-daughters", ("late-daughter",), find_late_daughters))
