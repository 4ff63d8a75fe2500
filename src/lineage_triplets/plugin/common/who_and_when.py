"""Who decided, and when, in words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage_triplets.qc.record import Decision


def who_and_when(decision: Decision) -> str:
    """``"by ada, 2026-03-04 17:05"``, in local time."""
    if not decision.at:
        return "in the config"
    at = datetime.fromisoformat(decision.at).astimezone()
    return f"by {decision.by}, {at:%Y-%m-%d %H:%M}"
