"""The review, without a screen: what a person sees, what is found, decided, and exported.

In the order in which a review goes::

    with Review.open("plates.yml", by="ada") as review:       # record, open
        review.choose(tau_range_hours=(0.5, 2))               # look
        review.pairs("early_A/1/0_1", across_divisions=True)
        for found in review.check(pixels=True):               # find
            print(found.finding.sentence, found.status)
        review.reject(review.target("lineage", "early_A/1/0_1"), "drifts")  # decide
        review.approve("early")
        review.saw("early", 12)
        for point in gate_points(review):                     # gate
            print(point.passed, point.sentence)
        export_review(review, "out", draft=True)              # export

Names are imported when they are first used.
"""

from typing import TYPE_CHECKING

from lineage_triplets.engine.lazy import lazy_names

if TYPE_CHECKING:
    from lineage_triplets.qc.decide.channels import Approval
    from lineage_triplets.qc.decide.events import ReviewEvents
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.decide.seen import DivisionsSeen
    from lineage_triplets.qc.decide.settled import ReviewedFinding
    from lineage_triplets.qc.export.cell_index import write_cell_index
    from lineage_triplets.qc.export.collection import collection_of
    from lineage_triplets.qc.export.export import ExportResult, export_review, plan_export
    from lineage_triplets.qc.export.plan import ExportPlan
    from lineage_triplets.qc.find.channels import ChannelInspection, SlotView
    from lineage_triplets.qc.find.checks import PixelCheck, SettingsCheck, TableCheck, register
    from lineage_triplets.qc.find.finding import Evidence, Finding
    from lineage_triplets.qc.find.run import Checks
    from lineage_triplets.qc.gate import GateClosedError, GatePoint, gate_points
    from lineage_triplets.qc.look.pairs import (
        PairList,
        pair_pictures,
        preview_sheet,
        sample_pairs,
    )
    from lineage_triplets.qc.look.pictures import PairPicture, contact_sheet
    from lineage_triplets.qc.look.strip import Strip, StripLane
    from lineage_triplets.qc.look.tables import TauTable, lineage_table, tau_table
    from lineage_triplets.qc.look.view import ExperimentTau, Intent, LineageView, ReviewState
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.open.tables import TableChangedError
    from lineage_triplets.qc.record.decision import Decision, HistoryEntry, NewDecision, Target
    from lineage_triplets.qc.record.errors import (
        DecisionsError,
        ReviewInUseError,
        ReviewOwnerError,
    )
    from lineage_triplets.qc.record.record import Record

_HOMES = {
    "Approval": f"{__name__}.decide.channels",
    "ChannelInspection": f"{__name__}.find.channels",
    "Checks": f"{__name__}.find.run",
    "Decision": f"{__name__}.record.decision",
    "DecisionsError": f"{__name__}.record.errors",
    "DivisionsSeen": f"{__name__}.decide.seen",
    "Evidence": f"{__name__}.find.finding",
    "ExperimentTau": f"{__name__}.look.view",
    "ExportPlan": f"{__name__}.export.plan",
    "ExportResult": f"{__name__}.export.export",
    "Finding": f"{__name__}.find.finding",
    "GateClosedError": f"{__name__}.gate",
    "GatePoint": f"{__name__}.gate",
    "HistoryEntry": f"{__name__}.record.decision",
    "Intent": f"{__name__}.look.view",
    "LineageView": f"{__name__}.look.view",
    "NewDecision": f"{__name__}.record.decision",
    "PairList": f"{__name__}.look.pairs",
    "PairPicture": f"{__name__}.look.pictures",
    "PixelCheck": f"{__name__}.find.checks",
    "Record": f"{__name__}.record.record",
    "Review": f"{__name__}.decide.review",
    "ReviewData": f"{__name__}.open.data",
    "ReviewEvents": f"{__name__}.decide.events",
    "ReviewInUseError": f"{__name__}.record.errors",
    "ReviewOwnerError": f"{__name__}.record.errors",
    "ReviewState": f"{__name__}.look.view",
    "ReviewedFinding": f"{__name__}.decide.settled",
    "SettingsCheck": f"{__name__}.find.checks",
    "SlotView": f"{__name__}.find.channels",
    "Strip": f"{__name__}.look.strip",
    "StripLane": f"{__name__}.look.strip",
    "TableChangedError": f"{__name__}.open.tables",
    "TableCheck": f"{__name__}.find.checks",
    "Target": f"{__name__}.record.decision",
    "TauTable": f"{__name__}.look.tables",
    "collection_of": f"{__name__}.export.collection",
    "contact_sheet": f"{__name__}.look.pictures",
    "export_review": f"{__name__}.export.export",
    "gate_points": f"{__name__}.gate",
    "lineage_table": f"{__name__}.look.tables",
    "pair_pictures": f"{__name__}.look.pairs",
    "plan_export": f"{__name__}.export.export",
    "preview_sheet": f"{__name__}.look.pairs",
    "register": f"{__name__}.find.checks",
    "sample_pairs": f"{__name__}.look.pairs",
    "tau_table": f"{__name__}.look.tables",
    "write_cell_index": f"{__name__}.export.cell_index",
}

__all__ = [
    "Approval",
    "ChannelInspection",
    "Checks",
    "Decision",
    "DecisionsError",
    "DivisionsSeen",
    "Evidence",
    "ExperimentTau",
    "ExportPlan",
    "ExportResult",
    "Finding",
    "GateClosedError",
    "GatePoint",
    "HistoryEntry",
    "Intent",
    "LineageView",
    "NewDecision",
    "PairList",
    "PairPicture",
    "PixelCheck",
    "Record",
    "Review",
    "ReviewData",
    "ReviewEvents",
    "ReviewInUseError",
    "ReviewOwnerError",
    "ReviewState",
    "ReviewedFinding",
    "SettingsCheck",
    "SlotView",
    "Strip",
    "StripLane",
    "TableChangedError",
    "TableCheck",
    "Target",
    "TauTable",
    "collection_of",
    "contact_sheet",
    "export_review",
    "gate_points",
    "lineage_table",
    "pair_pictures",
    "plan_export",
    "preview_sheet",
    "register",
    "sample_pairs",
    "tau_table",
    "write_cell_index",
]

__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
