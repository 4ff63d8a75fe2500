"""What was answered about links in a session, and what is still so; without Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.plugin.links.entries import Answer
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.record import Decision
    from lineage_triplets.qc.record.decision import Target


@dataclass(eq=False)
class Answered:
    """Answers by their links.

    Attributes
    ----------
    said : dict of Target to str
        What was done.
    harm_of : dict of Target to float
        Wrong pairs that were expected of a link by doubt when it was answered.
    passed : dict of Target to Decision or None
        Links about which nothing was decided, with the last decision before.
    """

    said: dict[Target, str] = field(default_factory=dict)
    harm_of: dict[Target, float] = field(default_factory=dict)
    passed: dict[Target, Decision | None] = field(default_factory=dict)

    def about(self, experiment: str, *, by_doubt: bool) -> list[Target]:
        """Give the links of one experiment, or all, that were answered in one of the two orders."""
        return [
            link
            for link in self.said
            if (link in self.harm_of) is by_doubt and experiment in {"", link.experiment}
        ]

    def take(self, links: Sequence[Target], answer: Answer, review: Review) -> None:
        """Remember an answer, once it is decided."""
        self.said |= dict.fromkeys(links, answer.done)
        for link in links:
            self.passed.pop(link, None)
            if answer.decide is None:
                self.passed[link] = _last_decision(review)

    def forget(self, links: Sequence[Target]) -> None:
        """Forget what was answered about links."""
        for link in links:
            for known in (self.said, self.harm_of, self.passed):
                known.pop(link, None)

    def last_passed(self, review: Review) -> list[Target]:
        """Give the link that was answered last, if nothing was decided by it or since."""
        last = next(reversed(self.passed), None)
        if last is None or self.passed[last] != _last_decision(review):
            return []
        return [last]

    def follow(self, review: Review) -> None:
        """Forget the answers that are no longer in effect."""
        effect = review.effect
        still = {*effect.kept, *effect.cuts, *effect.links, *self.passed}
        self.forget([link for link in self.said if link not in still])


def _last_decision(review: Review) -> Decision | None:
    return next(reversed(review.decisions), None)
