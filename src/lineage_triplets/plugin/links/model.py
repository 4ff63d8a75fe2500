"""The links that are gone through, what is settled of them, and all that is said; without Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.look.link_view import LinkView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.qc.find.doubt.links import DoubtedLink, LinkQueue
    from lineage_triplets.qc.open.patches import IndexPatches
    from lineage_triplets.qc.record.decision import Target

SHARE = 0.05
"""So many of the links are gone through at a time, as the command ``links`` lists them."""

_LEAST_DOUBT = 0.01


@dataclass(frozen=True, eq=False)
class LinkList:
    """Links of a queue in the order in which they are gone through; a value.

    Attributes
    ----------
    queue : LinkQueue
    patches : IndexPatches
        Of the queue's index.
    own : ndarray of int64, shape (own links,)
        Places in the queue's arrays of the links of the chosen experiment, or of all.
    n_listed : int
        So many of these, the first ones, are gone through.
    settled : ndarray of bool, shape (queue's links,)
        Those that were looked at, or are gone.
    later : tuple of int
        Numbers of links that were put off.
    harm : float
        Wrong pairs that were expected before any link was settled.
    """

    queue: LinkQueue
    patches: IndexPatches
    own: Int64Array
    n_listed: int
    settled: BoolArray
    later: tuple[int, ...] = ()
    harm: float = 0.0

    @classmethod
    def of(
        cls,
        queue: LinkQueue,
        patches: IndexPatches,
        experiment: str = "",
        *,
        parts: int = 1,
        answered: Mapping[Target, float] | None = None,
    ) -> LinkList:
        """List links of one experiment, or of all; those that were judged are settled.

        Parameters
        ----------
        queue : LinkQueue
        patches : IndexPatches
            Of the queue's index.
        experiment : str
        parts : int
            How many times 5 % of the links are gone through.
        answered : mapping of Target to float, optional
            Links that were answered, also since the queue was made, and the wrong pairs that were
            expected of them then.
        """
        own = np.arange(len(queue.target))
        if experiment:
            names = [config.name for config in queue.index.registry.experiments]
            of_link = queue.rows.experiment[queue.target]
            own = np.flatnonzero(of_link == names.index(experiment))
        settled = np.zeros(len(queue.target), dtype=bool)
        settled[list(queue.status)] = True
        n_listed = min(int(np.ceil(parts * SHARE * len(own))), len(own))
        known = answered or {}
        made = cls(queue, patches, own, n_listed, settled).with_settled(known)
        told = made.places_of(known)
        new = [at for at, status in queue.status.items() if status == "made"]
        before = own[made.settled[own] & ~np.isin(own, [*told, *new])]
        of_answers = sum(
            harm for link, harm in known.items() if experiment in {"", link.experiment}
        )
        return replace(made, harm=made.harm_left + of_answers + made.harm_at(before))

    def __len__(self) -> int:
        return self.n_listed

    @cached_property
    def places(self) -> Int64Array:
        """Places of the links that are gone through in the queue's arrays."""
        return self.own[: self.n_listed]

    def link(self, number: int) -> DoubtedLink:
        """Give a link by its number, from 0."""
        return self.queue.link(int(self.places[number]), number + 1)

    def row(self, number: int) -> int:
        """Give the row of the queue's index where a link ends."""
        return int(self.queue.target[self.places[number]])

    def view(self, number: int) -> LinkView:
        """Collect the cells of a link."""
        link = self.link(number)
        return LinkView.of(self.patches, link.now, link.instead)

    def with_settled(self, targets: Iterable[Target], *, settled: bool = True) -> LinkList:
        """Give the list with some links settled, or open again; others than the queue's are not."""
        places = self.places_of(targets)
        if not places:
            return self
        mask = self.settled.copy()
        mask[places] = settled
        return replace(self, settled=mask)

    def put_off(self, number: int) -> LinkList:
        """Give the list with a link to be looked at after all others."""
        return replace(self, later=(*(n for n in self.later if n != number), number))

    def next(self, after: int = -1) -> int | None:
        """Give the next open link, from the start after the last; in the end one put off."""
        is_open = ~self.settled[self.places]
        put_off = [number for number in self.later if is_open[number]]
        is_open[put_off] = False
        found = np.flatnonzero(is_open)
        if len(found):
            onward = found[found > after]
            return int(onward[0] if len(onward) else found[0])
        others = [number for number in put_off if number != after]
        return others[0] if others else (put_off[0] if put_off else None)

    def ahead(self, number: int, most: int) -> list[int]:
        """Give a link and those that will follow, `most` in all."""
        found, seen = [number], self.put_off(number)
        following = seen.next(number)
        while following is not None and following not in found and len(found) < most:
            found.append(following)
            seen = seen.put_off(following)
            following = seen.next(following)
        return found

    def places_of(self, targets: Iterable[Target]) -> list[int]:
        """Give the places of links in the queue's arrays; those that are not there are left out."""
        queue, places = self.queue, []
        for link in targets:
            row = queue.names.row_into(link)
            at = int(self._into[row]) if row >= 0 else -1
            # Another link may lead to that cell.
            if at >= 0 and queue.names.link(int(queue.source[at]), row) == link:
                places.append(at)
        return places

    @cached_property
    def _into(self) -> Int64Array:
        """Place of the link into each row, -1 where there is none."""
        into = np.full(len(self.queue.rows.t), -1, dtype=np.int64)
        into[self.queue.target] = np.arange(len(self.queue.target))
        return into

    def number_of(self, target: Target) -> int | None:
        """Give the number of a link that is gone through; None if it is not among them."""
        found = np.flatnonzero(np.isin(self.places, self.places_of([target])))
        return int(found[0]) if len(found) else None

    @cached_property
    def harm_left(self) -> float:
        """Wrong pairs that are expected of the links that are not settled."""
        return self.harm_at(self.own[~self.settled[self.own]])

    def harm_at(self, places: Int64Array) -> float:
        """Give the wrong pairs that are expected of some links, by their places."""
        return float((self.queue.doubt[places] * self.queue.pairs[places]).sum())

    def harm_of(self, target: Target) -> float:
        """Give the wrong pairs that are expected of a link; 0 of one that is not there."""
        return self.harm_at(np.array(self.places_of([target]), dtype=np.int64))


def title(link: DoubtedLink) -> str:
    """``"hela A/1/0 · track 12 → 14 · frames 40, 41"``."""
    track = str(link.track_id)
    if link.to_track_id != link.track_id:
        track += f" → {link.to_track_id}"
    return f"{link.experiment} {link.fov_name} · track {track} · frames {link.t}, {link.to_t}"


def question(view: LinkView) -> str:
    """Ask what the pictures are to answer; blue is the table, orange what may have been."""
    new = [link for link in view.instead if link not in view.now]
    if len(new) == 2:
        return "Straight on, as the table has it (blue), or exchanged (orange)?"
    if new and view.asks_back:
        return "Does b come from a, as the table has it (blue), or from a' (orange)?"
    if new:
        return "Does a go on as b, as the table has it (blue), as b' (orange), or as both?"
    if len(view.now) > 1:
        return "Does a divide into b and b', as the table has it, or is b none of hers?"
    if view.before[0].track != view.after[0].track:
        return "Is b a daughter of a, or her continuation, as the table has it?"
    return "Are a and b the same cell, as the table has it?"


def instead_label(view: LinkView) -> str:
    """Say on a button where the link goes instead; empty where nothing is likelier."""
    new = [link for link in view.instead if link not in view.now]
    if len(new) == 2:
        return "Exchange"
    if not new:
        return ""
    return (
        f"From {view.before[new[0][0]].name}"
        if view.asks_back
        else f"To {view.after[new[0][1]].name}"
    )


def division(link: DoubtedLink, view: LinkView) -> Target | None:
    """Give the link that makes a division of one: both cells follow; None where none can be."""
    new = [ends for ends in view.instead if ends not in view.now]
    joins = [target for target in link.repair if target.level == "join"]
    return joins[0] if len(new) == len(joins) == 1 and not view.asks_back else None


def doubt_words(link: DoubtedLink) -> str:
    """Say doubt, pairs and reason."""
    n_pairs = round(link.pairs)
    rest = f"{counted(n_pairs, 'pair')} of an epoch rest{'s' * (n_pairs == 1)} on it"
    doubt = f"{link.doubt:.2f}" if link.doubt >= _LEAST_DOUBT else "below 0.01"
    return f"Doubt {doubt}; {rest}. {link.reason}"


def harm_words(links: LinkList) -> str:
    """``"120 of 340 wrong pairs left"``; those that are expected."""
    return f"{_rounded(links.harm_left)} of {_rounded(links.harm)} wrong pairs left"


def settled_words(n_links: int, did: str) -> str:
    """``"2 links settled: right"``."""
    return f"{counted(n_links, 'link')} settled: {did}."


def _rounded(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or not number else f"{number:.2g}"
