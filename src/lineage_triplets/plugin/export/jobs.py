"""What the export panel runs beside the event loop, on a snapshot of the review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import LineageTripletsError
from lineage_triplets.qc.export.export import ExportResult, export_review, plan_export
from lineage_triplets.qc.gate import GatePoint, gate_points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.export.plan import ExportPlan, Format
    from lineage_triplets.qc.gate import Asked

# What `export` tells before and after it writes the files.
_STEPS_AROUND_FILES = 4


@dataclass(frozen=True, eq=False)
class Planned:
    """What the gate asks for, and what an export would do.

    Attributes
    ----------
    points : tuple of GatePoint
    plan : ExportPlan or None
        None where nothing can be exported, not even a draft.
    why_not : str
        Then, why.
    """

    points: tuple[GatePoint, ...]
    plan: ExportPlan | None
    why_not: str = ""


class ExportStopped(Exception):  # noqa: N818 - the outcome of a wish, no error
    """A person stopped the export; nothing was written."""


def plan_job(
    snapshot: Review, folder: Path, *, only_accepted: bool, asked: Asked
) -> Callable[[Job], Planned]:
    """Make the job that runs checks and plans an export."""

    def run(job: Job) -> Planned:
        # Reading is what takes time, and can be stopped in between.
        _look(snapshot, job)
        if job.stopped():
            # Nobody waits for the plan, and planning would look at all that is left, unstopped.
            return Planned((), None)
        try:
            plan = plan_export(
                snapshot,
                folder,
                only_accepted=only_accepted,
                max_wrong=asked.max_wrong,
                without_audit=asked.without_audit,
                without_images=asked.without_images,
            )
        except LineageTripletsError as error:
            return Planned(tuple(gate_points(snapshot, asked)), None, str(error))
        return Planned(plan.points, plan)

    return run


def _look(snapshot: Review, job: Job) -> None:
    """Look at what the gate asks for, as far as it was not looked at."""

    def said(_: str, done: int, total: int) -> None:
        job.progress(done, total)

    snapshot.checks.check_placement(said, job.stopped)
    snapshot.checks.check_channels(said, job.stopped)


def export_job(
    snapshot: Review,
    folder: Path,
    formats: Sequence[Format],
    *,
    only_accepted: bool,
    asked: Asked,
    draft: bool,
    overwrite: bool,
    tell: Callable[[str], None],
) -> Callable[[Job], ExportResult | LineageTripletsError]:
    """Make the job that exports; it gives the error where nothing was written."""

    def run(job: Job) -> ExportResult | LineageTripletsError:
        done = 0

        def progress(words: str) -> None:
            nonlocal done
            if job.stopped():
                raise ExportStopped
            tell(words)
            job.progress(done, len(formats) + _STEPS_AROUND_FILES)
            done += 1

        _look(snapshot, job)
        if job.stopped():
            raise ExportStopped
        try:
            return export_review(
                snapshot,
                folder,
                formats=formats,
                only_accepted=only_accepted,
                draft=draft,
                overwrite=overwrite,
                max_wrong=asked.max_wrong,
                without_audit=asked.without_audit,
                without_images=asked.without_images,
                progress=progress,
            )
        except LineageTripletsError as error:
            return error

    return run
