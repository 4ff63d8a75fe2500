"""All that is said of links and of what may have been instead; without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import counted

if TYPE_CHECKING:
    from lineage_triplets.qc.find.against.disagreements import Disagreement
    from lineage_triplets.qc.find.doubt.links import DoubtedLink
    from lineage_triplets.qc.look.link_view import LinkView
    from lineage_triplets.qc.record.decision import Target

_LEAST_DOUBT = 0.01


def title(link: DoubtedLink | Disagreement) -> str:
    """``"hela A/1/0 · track 12 → 14 · frames 40, 41"``."""
    track = str(link.track_id)
    if link.to_track_id != link.track_id:
        track += f" → {link.to_track_id}"
    return f"{link.experiment} {link.fov_name} · track {track} · frames {link.t}, {link.to_t}"


def question(view: LinkView, *, may_divide: bool = True) -> str:
    """Ask what the pictures are to answer; blue is the table, orange what may have been.

    With `may_divide`, both blue and orange may be right.
    """
    new = [link for link in view.instead if link not in view.now]
    if (0, 0) not in view.now:
        return _question_of_missed(view)
    if is_exchange(view):
        return "Straight on, as the table has it (blue), or exchanged (orange)?"
    if view.asks_back:
        return "Does b come from a, as the table has it (blue), or from a' (orange)?"
    if (0, 1) in new:
        other = "as b' (orange), or as both?" if may_divide else "or as b' (orange)?"
        return f"Does a go on as b, as the table has it (blue), {other}"
    if len(view.now) > 1:
        return "Does a divide into b and b', as the table has it, or is b none of hers?"
    if view.before[0].track != view.after[0].track:
        return "Is b a daughter of a, or her continuation, as the table has it?"
    return "Are a and b the same cell, as the table has it?"


def is_exchange(view: LinkView) -> bool:
    """Whether two links exchange their ends in what may have been."""
    return {(0, 1), (1, 0)} <= {link for link in view.instead if link not in view.now}


def _question_of_missed(view: LinkView) -> str:
    """Ask about a link that the table lacks."""
    if (0, 1) in view.now and (0, 1) in view.instead:
        return "Does a divide into b' and b (orange), or go on as b' alone, as the table has it?"
    if (0, 1) in view.now:
        return "Does a go on as b', as the table has it (blue), or as b (orange)?"
    if (0, 1) in view.instead:
        return "Does a divide into b and b' (orange), or does b begin there, as the table has it?"
    return "Does a go on as b (orange), or does b begin there, as the table has it?"


def instead_label(view: LinkView) -> str:
    """Say on a button where the link goes instead; empty where nothing is likelier."""
    new = [link for link in view.instead if link not in view.now]
    if is_exchange(view):
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
    doubt = f"{link.doubt:.2f}" if link.doubt >= _LEAST_DOUBT else "below 0.01"
    return f"Doubt {doubt}; {pairs_words(link.pairs)}. {link.reason}"


def pairs_words(pairs: float) -> str:
    """``"12 pairs of an epoch rest on it"``."""
    n_pairs = round(pairs)
    return f"{counted(n_pairs, 'pair')} of an epoch rest{'s' * (n_pairs == 1)} on it"


def harm_words(left: float, total: float, of: str) -> str:
    """``"120 of 340 wrong pairs left"``."""
    return f"{_rounded(left)} of {_rounded(total)} {of} left"


def settled_words(n_links: int, did: str) -> str:
    """``"2 links settled: right"``."""
    return f"{counted(n_links, 'link')} settled: {did}."


def _rounded(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or not number else f"{number:.2g}"
