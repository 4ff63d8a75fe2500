"""What an export writes of the review itself: who let what through, and how much is known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.dataset.verification import config_hash
from lineage_triplets.engine.settings.verified import Audit, ImagesScanned, SampleBefore
from lineage_triplets.qc.audit.bound import CONFIDENCE
from lineage_triplets.qc.decide.seen import divisions_seen
from lineage_triplets.qc.gate import images_scanned, why_no_audit, why_no_bound

if TYPE_CHECKING:
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.qc.decide.channels import Approval
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.export.plan import ExportPlan
    from lineage_triplets.qc.gate import Asked


def recorded(
    review: Review, plan: ExportPlan, draft: TripletConfig, index: MultiExperimentIndex
) -> TripletConfig:
    """Add who approved, saw and judged what, and how much is known of the pairs.

    Parameters
    ----------
    review : Review
    plan : ExportPlan
    draft : TripletConfig
        With fingerprints.
    index : MultiExperimentIndex
        What training reads of it.
    """
    opened = [experiment.config.name for experiment in review.data.opened]
    approvals = {name: _approved(review, review.approval(name)) for name in opened}
    divisions = {name: _divisions(review, name) for name in opened}
    record = draft.verification.model_copy(
        update={
            "validated": plan.passed,
            "by": review.log.by,
            "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "channel_approvals": {name: said for name, said in approvals.items() if said},
            "divisions_seen": {name: said for name, said in divisions.items() if said},
            "pairs_judged": {name: said for name in opened if (said := _judged(review, name))},
            "audit": {name: audit_of(review, name, plan.asked, index) for name in opened},
            "images_scanned": {name: _images(review, name, plan.asked) for name in opened},
        }
    )
    # Only now: the hash covers what is known of the pairs too.
    whole = draft.model_copy(update={"verification": record})
    sealed = record.model_copy(update={"config_hash": config_hash(whole)})
    return draft.model_copy(update={"verification": sealed})


def _approved(review: Review, approval: Approval) -> dict[str, Any]:
    """Say who approved which channel in which slot; nothing if nobody did."""
    made = approval.decision
    if made is None:
        return {}
    labels = review.slot_labels if approval.holds else made.value["slot_labels"]
    channels = zip(made.value["source_channel"], made.value["zarr_index"], strict=True)
    slots = [{"channel": name, "zarr_index": number} for name, number in channels]
    return {
        "by": made.by,
        "at": made.at,
        "holds": approval.holds,
        "slots": dict(zip(labels, slots, strict=True)),
    }


def _divisions(review: Review, experiment: str) -> dict[str, Any]:
    """Say who judged or saw pairs across a division; nothing if nobody did."""
    looked = divisions_seen(review.data, experiment)
    judged, made = looked.judged, looked.decision
    if looked.by_judgement or (judged.judged and made is None):
        return {
            "n_pairs": judged.judged,
            "wrong": judged.wrong,
            "cannot_tell": judged.cannot_tell,
            "how": "judged",
            "by": ", ".join(judged.by),
            "at": judged.at,
            "holds": looked.holds,
        }
    if made is None:
        return {}
    return {
        "n_pairs": int(made.value["n_pairs"]),
        "how": made.value["how"],
        "by": made.by,
        "at": made.at,
        "holds": looked.holds,
    }


def _judged(review: Review, experiment: str) -> dict[str, Any]:
    """Say which pairs were judged where they are, and by whom; nothing if none were."""
    judged = review.pairs_judged(experiment)
    if not judged.judged:
        return {}
    return {
        "n_pairs": judged.judged,
        "wrong": judged.wrong,
        "unmended": judged.unmended,
        "cannot_tell": judged.cannot_tell,
        "by": ", ".join(judged.by),
        "at": judged.at,
    }


def _images(review: Review, experiment: str, asked: Asked) -> ImagesScanned:
    scanned, n_fovs = images_scanned(review, experiment)
    without = "" if scanned == n_fovs else asked.without_images
    return ImagesScanned(scanned=scanned, fovs=n_fovs, without=without)


def audit_of(review: Review, experiment: str, asked: Asked, index: MultiExperimentIndex) -> Audit:
    """Say what is known of the share of wrong pairs that an index draws of an experiment."""
    state = review.audit(experiment)
    counts = state.counts
    bounded = state.planned and not why_no_bound(review, experiment, index)
    short = why_no_audit(review, experiment, asked.max_wrong, index)
    return Audit(
        without=asked.without_audit if short else "",
        max_wrong=asked.max_wrong,
        bound=state.bound if bounded else None,
        confidence=CONFIDENCE,
        planned=counts.planned,
        judged=counts.judged,
        wrong=counts.wrong,
        cannot_tell=counts.cannot_tell,
        disagreements=len(counts.disagreements),
        changed=counts.changed,
        anchors=state.anchors,
        population=state.population,
        seed=state.seed,
        by=list(counts.by),
        at=counts.at,
        samples_before=[
            SampleBefore(
                planned=before.planned,
                judged=before.judged,
                wrong=before.wrong,
                cannot_tell=before.cannot_tell,
            )
            for before in state.samples_before
        ],
    )
