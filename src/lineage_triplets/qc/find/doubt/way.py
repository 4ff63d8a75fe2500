"""The links between anchor and positive, each with its doubt: where a wrong pair may break."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.doubt.repairs import LinkNames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.qc.find.doubt.links import DoubtedLink, LinkQueue
    from lineage_triplets.qc.look.strip import Strip
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record.decision import Target


@dataclass(frozen=True)
class WayLink:
    """A link that a pair rests on.

    Attributes
    ----------
    lane, place : int
        Lane of the strip, and which of its frames the link leads to.
    link : Target
    doubted : DoubtedLink or None
        What is known of it; None before links are weighed, or since it was made.
    """

    lane: int
    place: int
    link: Target
    doubted: DoubtedLink | None = None

    @property
    def doubt(self) -> float:
        """How likely it is wrong; 0 where that is not known."""
        return 0.0 if self.doubted is None else self.doubted.doubt

    @property
    def repair(self) -> tuple[Target, ...]:
        """What makes what may have been instead, where that is more than a cut; else empty."""
        made = () if self.doubted is None else self.doubted.repair
        return made if len(made) > 1 else ()


def way_links(data: ReviewData, strip: Strip, queue: LinkQueue | None = None) -> list[WayLink]:
    """List the links between the cells of a pair, lane by lane.

    Parameters
    ----------
    data : ReviewData
        As when the strip was made.
    strip : Strip
        Of kin from the cell that both come from.
    queue : LinkQueue, optional
        Links as they were weighed last, also under other decisions.
    """
    names = LinkNames(data.linked, data.effect.links)
    return [
        WayLink(lane, place, link, None if queue is None else queue.doubted(link))
        for lane, place, source, target in _steps(strip)
        for link in [names.link(source, target)]
    ]


def likeliest_break(way: list[WayLink]) -> int | None:
    """Give the place in the list of the link that is doubted most; None where none is."""
    if not any(link.doubt for link in way):
        return None
    return int(np.argmax([link.doubt for link in way]))


def _steps(strip: Strip) -> Iterator[tuple[int, int, int, int]]:
    """Lane, place and both rows of each step from anchor to positive, over the cell of both."""
    at = strip.anchor_place
    names = [lane.name for lane in strip.lanes]
    spans = {0: (0 if "anchor" in names else at, len(strip.frames) - 1)}
    if "anchor" in names:
        spans[names.index("anchor")] = (0, at)
    for lane, (first, last) in spans.items():
        rows = strip.lanes[lane].rows
        there = [place for place in range(first, last + 1) if rows[place] >= 0]
        for before, place in itertools.pairwise(there):
            yield lane, place, int(rows[before]), int(rows[place])
