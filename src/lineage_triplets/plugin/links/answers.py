"""What an answer about a link decides, and where the viewer finds the link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.plugin.common.reason import CutPlace
from lineage_triplets.plugin.common.session import Place
from lineage_triplets.plugin.links.model import division

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find.doubt.links import DoubtedLink
    from lineage_triplets.qc.look.link_view import LinkView
    from lineage_triplets.qc.record.decision import Target

DONE = {
    "same": "right, as the table has it",
    "wrong": "cut",
    "instead": "cut, and linked anew",
    "both": "right, and a division",
}
"""What was done by each answer that decides something."""
_OF_LINKS = ("keep", "cut", "link")


def answered(answer: str, link: DoubtedLink, view: LinkView) -> tuple[Target, ...]:
    """Give the links that an answer is about; the first is the one that is asked about."""
    if answer == "same":
        return (link.link, *link.partners)
    if answer == "instead":
        return link.repair
    made = division(link, view) if answer == "both" else None
    return (link.link,) if made is None else (link.link, made)


def decide(answer: str, targets: Sequence[Target], review: Review) -> None:
    """Decide what an answer says, in one step; raises as the review does."""
    if answer == "same":
        review.keep(targets, "looked at")
    elif answer == "wrong":
        review.cut(targets[0], "looked at: another cell")
    elif answer == "both":
        review.settle(targets[1:], "looked at: it divides", right=targets[:1])
    else:
        review.settle(targets, "looked at: it goes on there")


def last_answer(review: Review) -> list[Target]:
    """Give the links of this person's last decision; none if that is about something else."""
    # That pairs were on screen is passed over by undo.
    made = [decision for decision in review.log.active if decision.kind != "seen"]
    last = [decision for decision in made if decision.group == made[-1].group]
    if not last or last[0].by != review.log.by:
        return []
    return [decision.target for decision in last if decision.kind in _OF_LINKS]


def where(link: DoubtedLink, view: LinkView) -> tuple[Place, CutPlace]:
    """Say where the viewer is to look, and what it marks there."""
    first, second = (view.position(lane) for lane in (view.before[0], view.after[0]))
    z, y, x = ((one + other) / 2 for one, other in zip(first, second, strict=True))
    tracks = tuple(dict.fromkeys(lane.track for lane in (*view.before, *view.after)))
    place = Place(link.experiment, link.fov_name, t=link.t, y=y, x=x, z=z, tracks=tracks)
    mark = CutPlace(
        link.experiment, link.fov_name, view.frames, (first, second), "in doubt", crossed=False
    )
    return place, mark
