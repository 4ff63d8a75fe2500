"""Links made, taken back, exchanged and kept: what is recorded, and what is refused."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.qc.decide.renamed import Relinking, Revised, revised
from lineage_triplets.qc.decide.targets import (
    about,
    nothing,
    reason_given,
    require_cells,
    require_target,
)
from lineage_triplets.qc.record.decision import NewDecision, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.qc.find.against.compare import Comparison
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record import Decision
    from lineage_triplets.qc.record.effect import Effect

    Cell = tuple[int, int]
    Follower = tuple[str, str, int | None, int | None]


@dataclass(frozen=True)
class Ends:
    """The cells that a link is between, by the table's track and the frame.

    Attributes
    ----------
    source, target : (int, int)
    """

    source: Cell
    target: Cell


def ends_of(data: ReviewData, link: Target) -> Ends:
    """Find the cells that a link is between, whether it is of the table or not.

    Raises
    ------
    ConfigError, UnknownNameError
        The table has no such link, or not both cells.
    """
    require_target(data, link)
    if link.level == "join":
        return Ends((int(link.track), link.t or 0), (link.daughter or 0, link.to_t or 0))
    track = int(link.track)
    frames = _frames(data, link, track)
    if link.daughter is None:
        at = int(np.searchsorted(frames, link.t or 0))
        return Ends((track, int(frames[at - 1])), (track, int(frames[at])))
    born = int(_frames(data, link, link.daughter)[0])
    at = int(np.searchsorted(frames, born))
    if at == 0:
        raise nothing(
            link, f"Track {track} has no cell before t = {born}, where {link.daughter} begins."
        )
    return Ends((track, int(frames[at - 1])), (link.daughter, born))


def link_into(data: ReviewData, experiment: str, fov: str, track: int, t: int) -> Target:
    """Name the link that leads to a cell now: inside its track, from a mother, or made by somebody.

    Raises
    ------
    ConfigError, UnknownNameError
        The table has no such cell, or nothing leads to it.
    """
    cell = Target("observation", experiment, fov, track=str(track), t=t)
    require_cells(data, cell, [(track, t)])
    for made in data.effect.links:
        if _place(made) == (experiment, fov) and (made.daughter, made.to_t) == (track, t):
            return made
    link = _link_into(data, cell, (track, t))
    if link is None or _is_cut(data, link):
        found = f"the {link} is cut." if link else f"track {track} at t = {t} follows no cell."
        raise _bad(cell, found, "No link leads to that cell; `link` makes one.")
    return link


def join_of(data: ReviewData, link: Target, other: Target) -> Target:
    """Name the link from where one begins to where another ends; raises as `ends_of`."""
    return _join(link, ends_of(data, link).source, ends_of(data, other).target)


def swap_targets(data: ReviewData, link: Target, other: Target) -> tuple[Target, ...]:
    """Give two links of the table to cut, and the two to make, so that they exchange their ends.

    It is an alternative as `Finding.settled_by` has them; raises as `ends_of`.
    """
    return link, other, join_of(data, link, other), join_of(data, other, link)


def relink(data: ReviewData, change: Relinking, reason: str) -> list[NewDecision]:
    """Make the decisions of a change of links, checked as after its cuts; cuts are first.

    What was rejected stays so by the names that its cells have then; what was accepted and is
    something else then is undecided.

    Parameters
    ----------
    data : ReviewData
    change : Relinking
        Its cuts are of links that there are.
    reason : str

    Raises
    ------
    ConfigError, UnknownNameError
        A link is not there, goes back in time, is there already, or a cell would follow two.
    TableChangedError
        A table changed since the review read it.
    """
    for link in change.unlink:
        if link not in data.effect.links:
            raise nothing(link, "Nobody made it; a link of the table is cut.")
    cut, unlink = frozenset(change.cut), frozenset(change.unlink)
    taken = {_follower(made): made for made in data.effect.links if made not in unlink}
    for link in change.link:
        _require_free(data, link, cut, taken)
        taken[_follower(link)] = link
    found = revised(data, change.of(data.effect), change.places)
    words = (
        "cut off from"
        if change.cut and not (change.link or change.unlink)
        else "linked otherwise, part of"
    )
    new = [about(data, "cut", link, reason) for link in change.cut]
    new += [about(data, "unlink", link, reason) for link in change.unlink]
    new += [about(data, "link", link, reason) for link in change.link]
    return new + _of_verdicts(data, found, words, reason)


def withdrawn(
    data: ReviewData, after: Effect, decisions: Sequence[Decision], reason: str
) -> list[NewDecision]:
    """Make the decisions that keep rejected what was so, when cuts and links are withdrawn.

    Parameters
    ----------
    data : ReviewData
    after : Effect
        What is in effect without `decisions`.
    decisions : sequence of Decision
        Those that are withdrawn.
    reason : str

    Raises
    ------
    ConfigError
        Something would be one with what is rejected.
    TableChangedError
        A table changed since the review read it.
    """
    if after.relinking.keys() == data.effect.relinking.keys():
        return []
    places = dict.fromkeys(_place(made.target) for made in decisions if made.target.of_table)
    # A link that rests on a cut may hold no longer: that is a finding.
    found = revised(data, after, places, all_hold=False)
    return _of_verdicts(data, found, "linked as before, part of", reason or "links were withdrawn")


def _of_verdicts(data: ReviewData, found: Revised, words: str, reason: str) -> list[NewDecision]:
    rejected = [
        about(data, "reject", target, f"{words} what was rejected: {before}")
        for target, before in found.rejected
    ]
    return rejected + [
        about(data, "undecided", target, f"it is something else: {reason}")
        for target in found.undecided
    ]


def cuts(data: ReviewData, link: Target, reason: str) -> list[NewDecision]:
    """Make the decision to cut a link, as `relink`, which needs a reason."""
    require_target(data, link)
    return relink(data, Relinking(cut=(link,)), reason_given(reason, "cut"))


def joins(data: ReviewData, link: Target, reason: str) -> list[NewDecision]:
    """Make the decision that one cell follows another, as `relink`, which needs a reason."""
    if link.level != "join":
        raise _bad(link, f"the {link} is the table's.", "Name both cells: a link that it lacks.")
    return relink(data, Relinking(link=(link,)), reason_given(reason, "link"))


def unlinks(data: ReviewData, link: Target, reason: str) -> list[NewDecision]:
    """Make the decision to take a link back that somebody made, as `relink`."""
    return relink(data, Relinking(unlink=(link,)), reason)


def swaps(data: ReviewData, link: Target, other: Target, reason: str) -> list[NewDecision]:
    """Make the decisions by which two links exchange their ends, as `relink`; needs a reason.

    A link that somebody made is taken back, one of the table is cut.
    """
    reason = reason_given(reason, "swap")
    first, second = ends_of(data, link), ends_of(data, other)
    if (
        first.source == second.source
        or first.target == second.target
        or _place(link) != _place(other)
    ):
        raise _bad(
            other,
            f"the {link} and the {other} have no ends to exchange.",
            "Name two links of one FOV, from two cells to two others.",
        )
    pair = (link, other)
    change = Relinking(
        cut=tuple(one for one in pair if one.level == "link" and not _is_cut(data, one)),
        unlink=tuple(one for one in pair if one.level == "join"),
        link=(_join(link, first.source, second.target), _join(link, second.source, first.target)),
    )
    return relink(data, change, reason)


def takes(
    data: ReviewData, found: Comparison, ranks: Sequence[int] | None, reason: str
) -> list[NewDecision]:
    """Make the decisions that take another table's links, as `relink`, which needs a reason.

    What was decided since the tables were compared is left out.

    Parameters
    ----------
    data : ReviewData
    found : Comparison
    ranks : sequence of int, or None
        Of its disagreements; None for all.
    reason : str
    """
    reason = reason_given(reason, "take another's link")
    targets, made = found.repair(ranks), data.effect.links
    cut = tuple(link for link in targets if link.level == "link" and not _is_cut(data, link))
    for link in cut:
        require_target(data, link)
    change = Relinking(
        cut=cut,
        unlink=tuple(link for link in targets if link in found.made and link in made),
        link=tuple(
            link
            for link in targets
            if link.level == "join" and link not in found.made and link not in made
        ),
    )
    return relink(data, change, reason) if change else []


def keeps(data: ReviewData, links: Sequence[Target], reason: str) -> list[NewDecision]:
    """Make the decisions that links were looked at and are right.

    Raises
    ------
    ConfigError, UnknownNameError
        One is not there, or is cut.
    TableChangedError
        A table changed since the review read it.
    """
    new = []
    for named in links:
        if named.level not in {"link", "join"}:
            raise _bad(named, f"a {named.level} is no link to keep.", "Accept it instead.")
        link = named
        if named.level == "join":
            if named not in data.effect.links:
                raise nothing(named, "Nobody made it.")
        else:
            ends = ends_of(data, named)
            if _is_cut(data, named):
                raise _bad(named, f"the {named} is cut.", "Undo or withdraw the cut first.")
            if named.t is not None:
                # In a gap of the track any frame names the link; it is called by the last one.
                link = replace(named, t=ends.target[1])
        new.append(about(data, "keep", link, reason))
    return new


def _require_free(
    data: ReviewData, link: Target, cut: Set[Target], taken: Mapping[Follower, Target]
) -> None:
    """Raise unless a new link goes forward to a cell that follows none, once links are cut.

    `taken` has the links that somebody made, by the cells that they lead to.
    """
    if link.to_t is not None and link.t is not None and link.to_t <= link.t:
        raise _bad(
            link,
            f"a link goes forward in time, not from t = {link.t} to t = {link.to_t}.",
            "Name the cell that is followed first.",
        )
    require_target(data, link)
    made = taken.get(_follower(link))
    if made == link:
        raise _bad(link, f"the {link} is there already.", "Nothing is left to link.")
    cell = (link.daughter or 0, link.to_t or 0)
    if made is not None:
        raise _bad(
            link,
            f"track {cell[0]} at t = {cell[1]} follows track {made.track} at t = {made.t} "
            "already, by a link that somebody made.",
            "Take that link back first: a cell follows one other at most.",
        )
    into = _link_into(data, link, cell)
    if into is None or _is_cut(data, into, cut):
        return
    source = ends_of(data, into).source
    if source == (int(link.track), link.t):
        raise _bad(link, f"the table has the {link} already.", "Nothing is left to link.")
    raise _bad(
        link,
        f"track {cell[0]} at t = {cell[1]} follows track {source[0]} at t = {source[1]} already.",
        f"Cut the {into} first; `swap` and `settle` cut and link in one step.",
    )


def _link_into(data: ReviewData, link: Target, cell: Cell) -> Target | None:
    """Name the link of the table that ends at a cell; None where there is none."""
    track, t = cell
    if _frames(data, link, track)[0] < t:
        return Target("link", *_place(link), track=str(track), t=t)
    raw = data.raw
    number = raw.names.find(replace(link, level="track", track=str(track), t=None).id)
    mother = int(raw.forest.parent[number])
    if mother < 0:
        return None
    return Target("link", *_place(link), track=raw.names.word(mother), daughter=track)


def _is_cut(data: ReviewData, link: Target, also: Set[Target] = frozenset()) -> bool:
    if link in data.effect.cuts or link in also or link.t is None:
        return link in data.effect.cuts or link in also
    frames = _frames(data, link, int(link.track))
    at = np.searchsorted(frames, link.t)
    return any(
        other.t is not None
        and (other.track, *_place(other)) == (link.track, *_place(link))
        and np.searchsorted(frames, other.t) == at
        for other in itertools.chain(data.effect.cuts, also)
    )


def _follower(link: Target) -> Follower:
    """Name the cell that a link leads to, of those that tables lack."""
    return *_place(link), link.daughter, link.to_t


def _frames(data: ReviewData, near: Target, track: int) -> Int64Array:
    """Frames of a track of the table, in the FOV of a target."""
    raw = data.raw
    number = raw.names.find(replace(near, level="track", track=str(track), t=None).id)
    first, last = np.searchsorted(raw.observations.track, [number, number + 1])
    frames: Int64Array = raw.observations.t[first:last]
    return frames


def _join(near: Target, source: Cell, target: Cell) -> Target:
    return Target(
        "join", *_place(near), track=str(source[0]), t=source[1], daughter=target[0], to_t=target[1]
    )


def _place(target: Target) -> tuple[str, str]:
    return target.experiment, target.fov


def _bad(link: Target, message: str, remedy: str) -> ConfigError:
    return ConfigError(
        Problem("bad-link", message, remedy, experiment=link.experiment, fov=link.fov)
    )
