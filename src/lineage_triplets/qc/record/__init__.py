"""The record of a review: who decided what, when, and why; crash-safe, with undo.

`decision` says what can be decided, `log` keeps it in a `file` that a `lease` guards, `effect`
says what holds of it, and `record` puts them together for one config.
"""

from lineage_triplets.qc.record.decision import (
    DECISION_KINDS,
    Decision,
    DecisionKind,
    HistoryEntry,
    NewDecision,
)
from lineage_triplets.qc.record.errors import DecisionsError, ReviewInUseError, ReviewOwnerError
from lineage_triplets.qc.record.log import DecisionLog

__all__ = [
    "DECISION_KINDS",
    "Decision",
    "DecisionKind",
    "DecisionLog",
    "DecisionsError",
    "HistoryEntry",
    "NewDecision",
    "ReviewInUseError",
    "ReviewOwnerError",
]
