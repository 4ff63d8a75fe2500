"""Waiting for the review widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lineage_triplets.plugin.widget import ReviewWidget


def settled(qtbot: Any, widget: ReviewWidget) -> None:
    """Wait until no work is under way."""
    qtbot.waitUntil(lambda: not widget.session.work.running)
