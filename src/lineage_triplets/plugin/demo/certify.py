"""A review without a screen: channels approved, pairs judged, a config with its bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets import load_config
from lineage_triplets.engine.dataset.verification import percent
from lineage_triplets.qc import Review, export_review

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.plugin.demo.truth import TrueLineages

_PAIRS_JUDGED = 59


def certified(config: Path, truth: TrueLineages, folder: Path) -> Path:
    """Review a simulated config, answered by what is true, and export it.

    Parameters
    ----------
    config : Path
    truth : TrueLineages
    folder : Path
        Gets the decisions, and ``validated`` with the export.

    Returns
    -------
    Path
        The validated config.
    """
    decisions = folder / "decisions.db"
    decisions.unlink(missing_ok=True)
    with Review.open(config, by="demo", decisions=decisions) as review:
        review.checks.check_pixels()
        for experiment in review.data.registry.experiments:
            name = experiment.name
            review.approve(name)
            review.plan_audit(name, _PAIRS_JUDGED)
            while (number := review.audit(name).next) is not None:
                review.judge(name, number, truth.judge(review.audit_pairs(name), number))
            while (number := review.audit(name).divisions.next) is not None:
                verdict = truth.judge(review.audit_pairs(name, "divisions"), number)
                review.judge(name, number, verdict, queue="divisions")
        result = export_review(review, folder / "validated", overwrite=True)
    return folder / "validated" / result.files["config"].name


def bound_lines(config: Path) -> list[str]:
    """Say what the audits of a validated config came to, a line an experiment."""
    verification = load_config(config).verification
    audits = {} if verification is None else verification.audit
    return [
        f"{name}: at most {percent(audit.bound)} of pairs wrong ({audit.wrong} of {audit.judged} "
        "judged wrong, 95 % confidence)"
        for name, audit in audits.items()
        if audit.bound is not None
    ]
