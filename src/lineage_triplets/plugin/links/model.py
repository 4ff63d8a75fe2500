"""The links by doubt that are gone through, and what is settled of them; without Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.plugin.links.answers import doubt_answers
from lineage_triplets.plugin.links.entries import Entry, InOrder
from lineage_triplets.plugin.links.words import doubt_words, harm_words, question, title
from lineage_triplets.qc.look.link_view import LinkView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.qc.find.doubt.links import DoubtedLink, LinkQueue
    from lineage_triplets.qc.open.patches import IndexPatches
    from lineage_triplets.qc.record.decision import Target

SHARE = 0.05
"""So many of the links are gone through at a time, as the command ``links`` lists them."""


@dataclass(frozen=True, eq=False)
class LinkList(InOrder):
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
    expected : float
        Wrong pairs that were expected before any link was settled.
    """

    queue: LinkQueue
    own: Int64Array
    n_listed: int
    settled: BoolArray
    expected: float = 0.0

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
        made = cls(queue, own, n_listed, settled, patches=patches).with_settled(known)
        told = made.places_of(known)
        new = [at for at, status in queue.status.items() if status == "made"]
        before = own[made.settled[own] & ~np.isin(own, [*told, *new])]
        of_answers = sum(
            harm for link, harm in known.items() if experiment in {"", link.experiment}
        )
        return replace(made, expected=made.harm_left + of_answers + made.harm_at(before))

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

    def entry(self, number: int) -> Entry:
        """Give all that is shown of a link, and what can be answered."""
        link, view = self.link(number), self.view(number)
        return Entry(
            key=link.link,
            experiment=link.experiment,
            fov_name=link.fov_name,
            t=link.t,
            view=view,
            title=title(link),
            question=question(view),
            words=doubt_words(link),
            answers=doubt_answers(link, view),
        )

    @property
    def harm(self) -> float:
        """Wrong pairs that were expected before any link was settled."""
        return self.expected

    @property
    def origin(self) -> object:
        """The index: that links are kept changes nothing that is shown."""
        return self.queue.index

    @property
    def is_open(self) -> BoolArray:
        """Which links are not settled, by their numbers."""
        is_open: BoolArray = ~self.settled[self.places]
        return is_open

    @property
    def harm_words(self) -> str:
        """``"120 of 340 wrong pairs left"``; those that are expected."""
        return harm_words(self.harm_left, self.harm, "wrong pairs")

    @property
    def harm_tip(self) -> str:
        """What that is."""
        return (
            "Wrong pairs of an epoch that are expected of the links that nobody looked at: doubt "
            "times pairs. It is a rough guide, no bound; the audit gives one."
        )

    @property
    def over_words(self) -> str:
        """Say that all are gone through."""
        if not len(self.own):
            return "There is no link in the tables."
        words = f"The first {len(self):,} of {len(self.own):,} links are looked at."
        return f"{words} Expected: {self.harm_words}."

    @property
    def has_more(self) -> bool:
        """Whether there are links that are not gone through."""
        return self.n_listed < len(self.own)

    def with_settled(self, targets: Iterable[Target], *, settled: bool = True) -> LinkList:
        """Give the list with some links settled, or open again; others than the queue's are not."""
        places = self.places_of(targets)
        if not places:
            return self
        mask = self.settled.copy()
        mask[places] = settled
        return replace(self, settled=mask)

    def known(self, targets: Iterable[Target]) -> list[Target]:
        """Give those of some links that are in the list's queue."""
        return [target for target in targets if self.places_of([target])]

    def places_of(self, targets: Iterable[Target]) -> list[int]:
        """Give the places of links in the queue's arrays; those that are not there are left out."""
        found = [self.queue.place_of(link) for link in targets]
        return [at for at in found if at >= 0]

    def n_listed_of(self, targets: Iterable[Target]) -> int:
        """Count those of some links that are gone through."""
        return int(np.isin(self.places, self.places_of(targets)).sum())

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
