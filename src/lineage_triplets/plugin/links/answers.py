"""What each answer about a link decides, and where the viewer finds the link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.plugin.common.reason import CutPlace
from lineage_triplets.plugin.common.session import Place
from lineage_triplets.plugin.links.entries import Answer
from lineage_triplets.plugin.links.words import division, instead_label

if TYPE_CHECKING:
    from lineage_triplets.plugin.links.entries import Entry
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find.against.compare import Comparison
    from lineage_triplets.qc.find.against.disagreements import Disagreement
    from lineage_triplets.qc.find.doubt.links import DoubtedLink
    from lineage_triplets.qc.look.link_view import LinkView
    from lineage_triplets.qc.record.decision import Target

_OF_LINKS = ("keep", "cut", "link", "unlink")
_CUT_TIP = "Cut the link: another cell, and nobody knows where it goes (W)"


def doubt_answers(link: DoubtedLink, view: LinkView) -> dict[str, Answer]:
    """Give what can be answered about a link that is doubted."""
    right, repair, made = (link.link, *link.partners), link.repair, division(link, view)
    also = " both links drawn blue are" if len(right) > 1 else " the link is"
    label = instead_label(view) if len(repair) > 1 else ""
    return {
        "same": Answer(
            "Same",
            f"As the table has it:{also} right (S)",
            right,
            "right, as the table has it",
            lambda review: review.keep(right, "looked at"),
        ),
        "wrong": Answer(
            "Wrong",
            _CUT_TIP,
            (link.link,),
            "cut",
            lambda review: review.cut(link.link, "looked at: another cell"),
        ),
        "instead": Answer(
            label,
            "It goes where orange goes: cut, and linked so (G)",
            repair,
            "cut, and linked anew",
            lambda review: review.settle(repair, "looked at: it goes on there"),
        )
        if label
        else Answer("Other", "Nothing else is near: a wrong link is cut (W)"),
        "both": Answer("Both", "No cell begins here that could be another daughter")
        if made is None
        else Answer(
            "Both",
            "It divides: the link is right, and the orange one is made besides (D)",
            (link.link, made),
            "right, and a division",
            lambda review: review.settle([made], "looked at: it divides", right=[link.link]),
        ),
    }


def other_answers(found: Disagreement, comparison: Comparison) -> dict[str, Answer]:
    """Give what can be answered where a table differs from another's."""
    link, key = found.cells.link, key_of(found)

    def cut(review: Review) -> None:
        if link is not None and link in review.effect.links:
            review.unlink(link, "looked at: another cell")
        elif link is not None:
            review.cut(link, "looked at: another cell")

    return {
        "same": Answer(
            "This",
            "This table is right: its link is kept (S)",
            (link,),
            "right, as this table has it",
            lambda review: review.keep([link], "looked at, against another table"),
        )
        if link is not None
        else Answer(
            "This",
            "This table is right: no link is there, so it is passed in this session (S)",
            (key,),
            "right, as this table has it",
        ),
        "wrong": Answer("Wrong", "This table has no link here that could be cut")
        if link is None
        else Answer("Wrong", _CUT_TIP, (link,), "cut", cut),
        "instead": Answer(
            "The other",
            "The other is right: what is orange is taken, with all that hangs together (G)",
            tuple(dict.fromkeys((key, *found.repair))),
            "as the other has it",
            lambda review: review.take(
                comparison, f"looked at: as {comparison.other} has it", [found.rank]
            ),
        ),
        "both": Answer("Both", "It is asked which table is right: this one, or the other"),
    }


def key_of(found: Disagreement) -> Target:
    """Give this table's link to the cell that differs, or what would make the other's."""
    if found.cells.link is not None:
        return found.cells.link
    return next(
        join
        for join in found.repair
        if join.level == "join" and (join.daughter, join.to_t) == (found.to_track_id, found.to_t)
    )


def last_answer(review: Review) -> list[Target]:
    """Give the links of this person's last decision; none if that is about something else."""
    # That pairs were on screen is passed over by undo.
    made = [decision for decision in review.log.active if decision.kind != "seen"]
    last = [decision for decision in made if decision.group == made[-1].group]
    if not last or last[0].by != review.log.by:
        return []
    return [decision.target for decision in last if decision.kind in _OF_LINKS]


def where(entry: Entry) -> tuple[Place, CutPlace]:
    """Say where the viewer is to look, and what it marks there."""
    view = entry.view
    first, second = (view.position(lane) for lane in (view.before[0], view.after[0]))
    z, y, x = ((one + other) / 2 for one, other in zip(first, second, strict=True))
    tracks = tuple(dict.fromkeys(lane.track for lane in (*view.before, *view.after)))
    place = Place(entry.experiment, entry.fov_name, t=entry.t, y=y, x=x, z=z, tracks=tracks)
    mark = CutPlace(
        entry.experiment, entry.fov_name, view.frames, (first, second), "in doubt", crossed=False
    )
    return place, mark
