"""Where arrows lead in a tree: along a track, into mother and daughter, to the branch beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.plugin.browse.tree_layout import TreeLayout

    Node = tuple[int, int]


def step_along(layout: TreeLayout, node: Node, forward: bool) -> Node | None:
    """Give the next frame of a track, or of its daughter or mother; None where there is none."""
    track, t = node
    if not forward and t == layout.first_t[track]:
        mother = int(layout.parent[track])
        return (mother, int(layout.last_t[mother])) if mother >= 0 else None
    if forward and t == layout.last_t[track]:
        daughters = np.flatnonzero(layout.parent == track)
        return (int(daughters[0]), int(layout.first_t[daughters[0]])) if len(daughters) else None
    return track, t + (1 if forward else -1)


def step_aside(layout: TreeLayout, node: Node, to_right: bool) -> Node | None:
    """Give the nearest track on one side that has cells at about this frame."""
    track, t = node
    away = (1 if to_right else -1) * (layout.x - layout.x[track])
    beside = np.flatnonzero((away > 0) & (layout.first_t <= t) & (t <= layout.last_t))
    return (int(beside[np.argmin(away[beside])]), t) if len(beside) else None
