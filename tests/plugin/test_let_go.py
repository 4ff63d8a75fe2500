"""What a review that is closed leaves behind in the widget."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

from widgets import settled

if TYPE_CHECKING:
    from lineage_triplets.plugin.widget import ReviewWidget


def test_nothing_of_a_review_is_held_once_it_is_closed(review: ReviewWidget, qtbot: Any) -> None:
    for title in review.panels:
        review.show_panel(title)
        settled(qtbot, review)
    opened = review.session.review
    opened.choose(lineage="early_A/1/0_1")
    settled(qtbot, review)
    data = opened.data
    held = {
        name: weakref.ref(kept)
        for name, kept in {
            "review": opened, "data": data, "raw": data.raw, "training": data.training,
            "linked": data.linked, "checks": opened.checks, "state": opened.state,
            "pixels": data.pixels, "tables": data.tables,
        }.items()
    }  # fmt: skip
    del opened, data
    review.session.close()
    settled(qtbot, review)

    def left() -> list[str]:
        gc.collect()
        return [name for name, kept in held.items() if kept() is not None]

    qtbot.waitUntil(lambda: not left(), timeout=10_000)
