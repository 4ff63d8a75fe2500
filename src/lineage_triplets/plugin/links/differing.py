"""The links on which a table and another's differ, and which of them are settled; without Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from lineage_triplets.engine.errors import counted, listed_lines
from lineage_triplets.plugin.links.answers import key_of, other_answers
from lineage_triplets.plugin.links.entries import Entry, InOrder
from lineage_triplets.plugin.links.words import harm_words, pairs_words, question, title
from lineage_triplets.qc.look.link_view import LinkView

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lineage_triplets.engine.arrays import BoolArray, Float64Array
    from lineage_triplets.qc.find.against.compare import Comparison
    from lineage_triplets.qc.find.against.disagreements import Disagreement
    from lineage_triplets.qc.open.patches import IndexPatches
    from lineage_triplets.qc.record.decision import Target
    from lineage_triplets.qc.record.effect import Effect


@dataclass(frozen=True, eq=False)
class DifferingList(InOrder):
    """What a comparison found to differ, in its order; a value.

    Attributes
    ----------
    comparison : Comparison
    found : tuple of Disagreement
        Those of the chosen experiment, or all.
    settled : ndarray of bool, shape (found,)
        Those that were answered, here or before.
    """

    comparison: Comparison
    found: tuple[Disagreement, ...]
    settled: BoolArray

    @classmethod
    def of(
        cls,
        comparison: Comparison,
        patches: IndexPatches,
        effect: Effect,
        experiment: str = "",
        *,
        answered: Collection[Target] = (),
    ) -> DifferingList:
        """List what differs in one experiment, or in all.

        Parameters
        ----------
        comparison : Comparison
        patches : IndexPatches
            Of its index.
        effect : Effect
            Of the decisions until now: links that were kept, cut, made or taken back are settled.
        experiment : str
        answered : collection of Target
            Entries that were answered otherwise.
        """
        found = tuple(one for one in comparison.disagreements if experiment in {"", one.experiment})
        before, now = comparison.made, frozenset(effect.links)
        done = {*answered, *effect.kept, *effect.cuts, *(before ^ now)}
        settled = np.array([key_of(one) in done for one in found], dtype=bool)
        return cls(comparison, found, settled, patches=patches)

    def __len__(self) -> int:
        return len(self.found)

    def row(self, number: int) -> int:
        """Give the row of the comparison's index of the cell that differs."""
        return self.found[number].cells.asked[1]

    def view(self, number: int) -> LinkView:
        """Collect the cells."""
        cells = self.found[number].cells
        return LinkView.of(self.patches, cells.now, cells.instead, asked=cells.asked)

    def entry(self, number: int) -> Entry:
        """Give all that is shown of what differs, and what can be answered."""
        found, view = self.found[number], self.view(number)
        return Entry(
            key=self._keys[number],
            experiment=found.experiment,
            fov_name=found.fov_name,
            t=found.t,
            view=view,
            title=title(found),
            question=question(view, may_divide=False),
            words=f"{found.kind.capitalize()}; {pairs_words(found.pairs)}. {found.reason}",
            answers=other_answers(found, self.comparison),
        )

    def number_of(self, target: Target) -> int | None:
        """Give the number of what differs by its link; None if it is not among them."""
        return self._keys.index(target) if target in self._keys else None

    def n_listed_of(self, targets: Iterable[Target]) -> int:
        """Count those of some links that are asked about."""
        return len({*targets} & {*self._keys})

    def known(self, targets: Iterable[Target]) -> list[Target]:
        """Give those of some links that are asked about."""
        return [target for target in targets if target in self._keys]

    def with_settled(self, targets: Iterable[Target], *, settled: bool = True) -> Self:
        """Give the list with some links settled, or open again; others than its own are not."""
        chosen = frozenset(targets)
        own = np.array([key in chosen for key in self._keys], dtype=bool)
        return replace(self, settled=np.where(own, settled, self.settled))

    @property
    def origin(self) -> object:
        """The comparison."""
        return self.comparison

    @property
    def is_open(self) -> BoolArray:
        """What is not settled, by number."""
        return ~self.settled

    @property
    def harm_left(self) -> float:
        """Pairs that rest on what is not settled."""
        return float(self._pairs[~self.settled].sum())

    @property
    def harm(self) -> float:
        """Pairs that rest on all that differs."""
        return float(self._pairs.sum())

    @property
    def harm_words(self) -> str:
        """``"120 of 340 pairs left"``."""
        return harm_words(self.harm_left, self.harm, "pairs")

    @property
    def harm_tip(self) -> str:
        """What that is."""
        return "Pairs of an epoch that rest on what differs and is not answered"

    @property
    def over_words(self) -> str:
        """Say that all is gone through."""
        if not any(of_one.share >= 0 for of_one in self.comparison.agreements):
            return "No link can be compared."
        if not self.found:
            return "No link differs."
        return f"All {counted(len(self.found), 'link')} that differed are looked at."

    @cached_property
    def _keys(self) -> list[Target]:
        return [key_of(one) for one in self.found]

    @cached_property
    def _pairs(self) -> Float64Array:
        return np.array([one.pairs for one in self.found], dtype=np.float64)


def listed_words(comparison: Comparison) -> str:
    """``"Against truth: 12 links to look at."``."""
    n_links = counted(len(comparison.disagreements), "link")
    return f"Against {Path(comparison.other).name}: {n_links} to look at."


def comparison_words(comparison: Comparison) -> str:
    """Say how far two tables agree, and what was not compared."""
    lines = []
    for of_one in comparison.agreements:
        words = f"{of_one.matched:,} of {of_one.cells:,} cells are in both tables"
        if of_one.share >= 0:
            words += f"; of the links between them {of_one.share:.1%} agree"
        lines.append(f"{of_one.experiment}: {words}.")
    lines.append(listed_words(comparison))
    warned = [f"⚠ {problem}" for problem in comparison.problems]
    has_all = "`lineage-triplets --full check CONFIG --against OTHER` prints all"
    return "\n\n".join((*lines, *listed_lines(warned, has_all)))
