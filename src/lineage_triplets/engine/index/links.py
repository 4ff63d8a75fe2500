"""Links that tables lack: gaps closed, swaps put back, daughters added, after wrong links are cut.

A link goes forward in time, and a cell follows one other at most: what is made is a forest, as the
tables' own links are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import Problem
from lineage_triplets.engine.index.rows import Parts, Tracks, part_followed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.engine.errors import Severity
    from lineage_triplets.engine.settings.model import Link


@dataclass(frozen=True)
class LinkedTracks:
    """What links make of tracks that were cut.

    Attributes
    ----------
    tracks : Tracks
    parent : ndarray of int64, shape (tracks,)
        Number of the parent track, -1 for a root.
    order : ndarray of int64, shape (rows,), or None
        Rows by track and frame, by the number that they had; None where they keep it.
    track : ndarray of int64, shape (rows,)
        Number of each row's track, in that order.
    problems : list of Problem
        Links that match nothing, are there already, or cannot be; all these are left out.
    """

    tracks: Tracks
    parent: Int64Array
    order: Int64Array | None
    track: Int64Array
    problems: list[Problem]


def link_tracks(
    tracks: Tracks,
    parent: Int64Array,
    track: Int64Array,
    t: Int64Array,
    links: Sequence[Link],
    fov_number: Mapping[tuple[str, str], int],
) -> LinkedTracks:
    """Add links to tracks that were cut.

    A cell that nothing else follows goes on as the one that it is linked to: both parts are one
    track. A cell that is followed already divides, and inside a track the track ends with it.

    Parameters
    ----------
    tracks : Tracks
        After the cuts, none joined.
    parent : ndarray of int64, shape (tracks,)
        Number of the parent track, -1 for a root.
    track, t : ndarray of int64, shape (rows,)
        Number of each row's track, ascending, and its frame.
    links : sequence of Link
    fov_number : mapping
        Number of each FOV by the names of its experiment and itself.
    """
    choice = _Choice(tracks, parent, track, t)
    source, target = choice.edges(links, fov_number)
    start = np.union1d(choice.start, source + 1)[:-1]
    length, first_t = np.diff(np.append(start, len(t))), t[start]
    old = np.searchsorted(choice.start, start, side="right") - 1
    is_rest = start != choice.start[old]
    cut_t = np.where(is_rest, first_t, tracks.cut_t[old])
    mother = _mothers(parent, old, is_rest, first_t)
    followed = np.searchsorted(start, source, side="right") - 1
    follower = np.searchsorted(start, target)
    n_followers = np.bincount(np.append(mother[mother >= 0], followed), minlength=len(start))
    goes_on = n_followers[followed] == 1
    mother[follower[~goes_on]] = followed[~goes_on]
    head = np.arange(len(start))
    # They come by time: what a part is joined to has been joined before.
    for before, after in zip(followed[goes_on], follower[goes_on], strict=True):
        head[after] = head[before]
    is_head = head == np.arange(len(start))
    number = (np.cumsum(is_head) - 1)[head]
    new_parent = np.where(mother[is_head] >= 0, number[mother[is_head]], -1)
    fov, track_id = tracks.fov[old], tracks.track_id[old]
    made = Tracks(
        fov[is_head],
        track_id[is_head],
        np.where(new_parent >= 0, track_id[is_head][new_parent], -1),
        cut_t[is_head],
        Parts(fov[~is_head], track_id[~is_head], cut_t[~is_head], number[~is_head]),
    )
    if is_head.all():
        return LinkedTracks(made, new_parent, None, np.repeat(number, length), choice.problems)
    by_track = np.lexsort((first_t, number))
    length = length[by_track]
    shift = np.repeat(start[by_track] - (np.cumsum(length) - length), length)
    order = np.arange(len(t)) + shift
    return LinkedTracks(
        made, new_parent, order, np.repeat(number[by_track], length), choice.problems
    )


def _mothers(
    parent: Int64Array, old: Int64Array, is_rest: BoolArray, first_t: Int64Array
) -> Int64Array:
    """Mother of each part: of the rest of a track its beginning, else the part that it follows."""
    mother = np.where(is_rest, np.arange(len(old)) - 1, -1)
    bounds = np.searchsorted(old, np.arange(len(parent) + 1))
    child = np.flatnonzero(~is_rest & (parent[old] >= 0))
    of_child = parent[old[child]]
    mother[child] = part_followed(bounds[of_child], bounds[of_child + 1], first_t, first_t[child])
    return mother


class _Choice:
    """Tells the links that can be from those that cannot.

    Attributes
    ----------
    start : ndarray of int64, shape (tracks + 1,)
        First row of each track, and the number of all rows.
    problems : list of Problem
    """

    def __init__(
        self, tracks: Tracks, parent: Int64Array, track: Int64Array, t: Int64Array
    ) -> None:
        self._tracks, self._parent, self._track, self._t = tracks, parent, track, t
        self.start = np.searchsorted(track, np.arange(len(parent) + 1))
        self.problems: list[Problem] = []

    def edges(
        self, links: Sequence[Link], fov_number: Mapping[tuple[str, str], int]
    ) -> tuple[Int64Array, Int64Array]:
        """Give the rows of cells that are followed, and of those that follow, these by time."""
        wanted: dict[int, dict[int, Link]] = {}
        for link in links:
            fov = fov_number.get((link.experiment, link.fov), -1)
            source = self._row(fov, link.track_id, link.t)
            target = self._row(fov, link.to_track_id, link.to_t)
            if source < 0 or target < 0:
                missing = _followed(link) if source < 0 else _following(link)
                self.problems.append(
                    _problem(
                        "unmatched-link",
                        f"{_named(link)} matches nothing: there is no {missing}.",
                        "Remove it from the config, or mend its numbers.",
                        link,
                    )
                )
            elif source == self._predecessor(target) or source in wanted.get(target, {}):
                known = "config" if source in wanted.get(target, {}) else "table"
                self.problems.append(
                    _problem(
                        "repeated-link",
                        f"{_named(link)} is in the {known} already, and counts once.",
                        "Remove it from the config.",
                        link,
                    )
                )
            else:
                wanted.setdefault(target, {})[source] = link
        mother = dict(enumerate(self._parent.tolist()))
        edges = []
        for target, by_source in sorted(wanted.items(), key=lambda item: int(self._t[item[0]])):
            if self._can_be(by_source, target, mother):
                (source,) = by_source
                mother[int(self._track[target])] = int(self._track[source])
                edges.append((source, target))
        source_rows, target_rows = np.array(edges, dtype=np.int64).reshape(-1, 2).T
        return source_rows, target_rows

    def _row(self, fov: int, track_id: int, t: int) -> int:
        """Row of a table's cell, -1 where there is none."""
        own = self._tracks.parts.of_track(fov, track_id)
        first, end = self.start[own.start], self.start[own.stop]
        row = int(first + np.searchsorted(self._t[first:end], t))
        return row if row < end and self._t[row] == t else -1

    def _predecessor(self, row: int) -> int:
        """Row of the cell that a cell follows after the cuts, -1 where it is a root's first."""
        track = self._track[row]
        if row != self.start[track]:
            return row - 1
        mother = int(self._parent[track])
        return -1 if mother < 0 else int(self.start[mother + 1]) - 1

    def _can_be(
        self, by_source: Mapping[int, Link], target: int, mother: Mapping[int, int]
    ) -> bool:
        """Whether nothing but one link leads to a cell, and it does not follow itself."""
        links = list(by_source.values())
        before = self._predecessor(target)
        if before >= 0:
            known = _cell(int(self._tracks.track_id[self._track[before]]), int(self._t[before]))
            found = f"a merge: {_following(links[0])} already follows {known}"
            remedy = "Cut that link first, or remove this one from the config."
            self.problems += [_bad(link, found, remedy) for link in links]
            return False
        if len(links) > 1:
            others = " and ".join(_followed(link) for link in links[1:])
            found = f"a merge: {_following(links[0])} is linked to {others} too"
            self.problems.append(_bad(links[0], found, "Keep one of these links."))
            return False
        (source,) = by_source
        track = int(self._track[source])
        while track >= 0 and track != self._track[target]:
            track = mother[track]
        if track >= 0:
            found = f"a cycle: {_followed(links[0])} descends from {_following(links[0])}"
            remedy = "Cut a link between them first, or remove this one from the config."
            self.problems.append(_bad(links[0], found, remedy))
        return track < 0


def _cell(track_id: int, t: int) -> str:
    return f"track {track_id} at t = {t}"


def _followed(link: Link) -> str:
    return _cell(link.track_id, link.t)


def _following(link: Link) -> str:
    return _cell(link.to_track_id, link.to_t)


def _named(link: Link) -> str:
    return f"the link from {_followed(link)} to {_following(link)}"


def _bad(link: Link, found: str, remedy: str) -> Problem:
    return _problem("bad-link", f"{_named(link)} makes {found}.", remedy, link, "error")


def _problem(
    kind: str, message: str, remedy: str, link: Link, severity: Severity = "warning"
) -> Problem:
    return Problem(
        kind,
        message,
        remedy,
        severity=severity,
        experiment=link.experiment,
        fov=link.fov,
        field="link",
    )
