"""What is gone through: an entry of a list, what can be answered, and which comes next; no Qt."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from lineage_triplets.engine.arrays import BoolArray
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.look.link_view import LinkView
    from lineage_triplets.qc.open.patches import IndexPatches
    from lineage_triplets.qc.record.decision import Target


@dataclass(frozen=True)
class Answer:
    """One answer about a link.

    Attributes
    ----------
    label, tip : str
        On its button.
    targets : tuple of Target
        The links that are settled by it; none where it cannot be given.
    done : str
        What was done by it, ``"cut"``.
    decide : callable, optional
        Gets the review, and decides in one step; without it nothing is decided, and the link is
        passed in this session.
    """

    label: str
    tip: str
    targets: tuple[Target, ...] = ()
    done: str = ""
    decide: Callable[[Review], object] | None = None


@dataclass(frozen=True, eq=False)
class Entry:
    """A link that is asked about.

    Attributes
    ----------
    key : Target
        The link; of one that the table lacks what would make it.
    experiment, fov_name : str
    t : int
        Frame where it begins.
    view : LinkView
        Its cells, linked now and instead.
    title, question, words : str
    answers : mapping of str to Answer
        By ``"same"``, ``"wrong"``, ``"instead"`` and ``"both"``.
    """

    key: Target
    experiment: str
    fov_name: str
    t: int
    view: LinkView
    title: str
    question: str
    words: str
    answers: Mapping[str, Answer]


@dataclass(frozen=True, eq=False, kw_only=True)
class InOrder(ABC):
    """Entries by number, from 0, in the order in which they are gone through; a value.

    Attributes
    ----------
    patches : IndexPatches
        Of the index in whose rows cells are.
    later : tuple of int
        Numbers of entries that were put off.
    n_gone : int
        So many were answered before, and are in the list no more: a link that was cut is gone.
    """

    patches: IndexPatches
    later: tuple[int, ...] = ()
    n_gone: int = 0

    @abstractmethod
    def __len__(self) -> int:
        """Count the entries."""

    @abstractmethod
    def entry(self, number: int) -> Entry:
        """Give all that is shown of an entry, and what can be answered."""

    @abstractmethod
    def row(self, number: int) -> int:
        """Give the row of the index where an entry's link ends."""

    @abstractmethod
    def view(self, number: int) -> LinkView:
        """Collect the cells of an entry."""

    @abstractmethod
    def number_of(self, target: Target) -> int | None:
        """Give the number of an entry by its link; None if it is not among them."""

    @abstractmethod
    def n_listed_of(self, targets: Iterable[Target]) -> int:
        """Count those of some links that are among the entries."""

    @abstractmethod
    def known(self, targets: Iterable[Target]) -> list[Target]:
        """Give those of some links that can be settled in the list."""

    @abstractmethod
    def with_settled(self, targets: Iterable[Target], *, settled: bool = True) -> Self:
        """Give the list with some links settled, or open again; others than its own are not."""

    @property
    @abstractmethod
    def origin(self) -> object:
        """What was listed: of another, the same rows may be shown otherwise."""

    @property
    @abstractmethod
    def is_open(self) -> BoolArray:
        """Which entries are not settled, by their numbers."""

    @property
    @abstractmethod
    def harm_left(self) -> float:
        """Harm of what is not settled."""

    @property
    @abstractmethod
    def harm(self) -> float:
        """Harm of all, before anything was settled."""

    @property
    @abstractmethod
    def harm_words(self) -> str:
        """How much of the harm is left."""

    @property
    @abstractmethod
    def harm_tip(self) -> str:
        """What that is."""

    @property
    @abstractmethod
    def over_words(self) -> str:
        """Say that all are gone through."""

    @property
    def has_more(self) -> bool:
        """Whether there are links that are not gone through."""
        return False

    def with_answered(self, targets: Collection[Target]) -> Self:
        """Give the list that counts those of some answered links that it lacks as gone."""
        return replace(self, n_gone=len(targets) - self.n_listed_of(targets))

    def put_off(self, number: int) -> Self:
        """Give the list with a link to be looked at after all others."""
        return replace(self, later=(*(n for n in self.later if n != number), number))

    def next(self, after: int = -1) -> int | None:
        """Give the next open link, from the start after the last; in the end one put off."""
        is_open = self.is_open.copy()
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
