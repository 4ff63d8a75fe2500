"""Pairs in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lineage_triplets.qc.look.pair_list import PairList


def pair_words(pairs: PairList, number: int) -> list[str]:
    """Say what a pair is."""
    anchor, positive = pairs.anchors[number], pairs.positives[number]
    frames = positive["tau_frames"]
    later = f"{hours_words(positive['tau_hours'])} ({frames} frame{'s' * (frames != 1)}) later"
    return [
        f"{positive['relation']}, {later}",
        f"{anchor['experiment']}, {anchor['fov_name']}",
        f"anchor: track {track_word(anchor)}, frame {anchor['t']}",
        f"positive: track {track_word(positive)}, frame {positive['t']}",
    ]


def hours_words(hours: float) -> str:
    """Give hours with at most two decimals."""
    return f"{round(hours, 2):g} h"


def track_word(meta: dict[str, Any]) -> str:
    """Give a track's number within its FOV, with ``@t`` after a cut."""
    prefix = f"{meta['experiment']}_{meta['fov_name']}_"
    return str(meta["global_track_id"]).removeprefix(prefix)
