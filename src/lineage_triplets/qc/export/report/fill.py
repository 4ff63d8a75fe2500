"""Fills the report of a review: what was looked at, decided, and left open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lineage_triplets import __version__
from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.dataset.verification import config_hash
from lineage_triplets.engine.errors import NoAnchorsError, StoreError, counted, without_query
from lineage_triplets.qc.decide.seen import divisions_seen
from lineage_triplets.qc.export.record import audit_of
from lineage_triplets.qc.export.report.content import (
    AuditRow,
    ChecksRun,
    ExperimentRow,
    ReportContent,
    Sheet,
    TauBars,
    Verdict,
)
from lineage_triplets.qc.export.report.page import encoded_picture, render_report
from lineage_triplets.qc.export.report.placed import placements_of
from lineage_triplets.qc.export.script import commands_of
from lineage_triplets.qc.find.channels.pictures import channel_grid
from lineage_triplets.qc.find.checks import PIXEL_CHECKS, SETTINGS_CHECKS, TABLE_CHECKS
from lineage_triplets.qc.gate import images_scanned, open_points, why_no_audit
from lineage_triplets.qc.look.pairs import preview_sheet, sample_pairs

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.export.plan import ExportPlan
    from lineage_triplets.qc.look.tables import TauTable

_SHEET_PAIRS = 8


def report_of(
    review: Review,
    plan: ExportPlan,
    config: TripletConfig,
    index: MultiExperimentIndex,
    config_path: Path,
) -> str:
    """Write the report as HTML.

    Parameters
    ----------
    review : Review
    plan : ExportPlan
    config : TripletConfig
        What is exported, with its verification if it has one.
    index : MultiExperimentIndex
        What training reads of it.
    config_path : Path
        The file that is reported on: the export's, or without one the reviewed config.
    """
    record = config.verification
    sheets, failed = _sheets(review, index)
    placements, unread = placements_of(review, index)
    table = review.tau_distribution()
    inspection = review.checks.inspection
    effect = review.effect
    stale = [made for made in effect.stale if made.kind in {"reject", "cut", "link"}]
    content = ReportContent(
        title=review.config_path.name,
        verdict=Verdict(
            validated=record.validated,
            by=record.by if record.validated else "",
            at=record.at if record.validated else "",
            open_points=tuple(
                f"{point.experiment}: {point.sentence}" if point.experiment else point.sentence
                for point in open_points(plan.points)
            ),
        ),
        config_path=str(config_path),
        decisions_path=str(review.log.path),
        program_version=__version__,
        config_hash=record.config_hash or config_hash(config),
        written_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        experiments=_experiments(review, plan, config, table),
        settings=config.dataset.model_dump(mode="json"),
        placements=tuple(placements),
        audits=_audits(review, plan, index),
        taus=_taus(review, table),
        sheets=tuple(sheets),
        channels=None
        if inspection is None
        else Sheet(
            "",
            encoded_picture(channel_grid(inspection)),
            "What is in each slot of each experiment.",
            "For every slot and experiment: patches at a common scale, and the histogram.",
        ),
        slots=() if inspection is None else inspection.slots,
        checks=(*_checks(review), *failed, *unread),
        findings=tuple(review.findings()),
        exclusions=tuple(
            sorted(
                [*effect.rejected.values(), *effect.relinking.values(), *stale],
                key=lambda made: made.number,
            )
        ),
        stale={made.number for made in stale},
        history=tuple(entry.decision for entry in review.history() if entry.what == "decided"),
        loses=plan.loses,
        commands=tuple(commands_of(review, only_accepted=plan.only_accepted, asked=plan.asked)),
    )
    return render_report(content)


def _by_experiment(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Counts of every experiment, as plain numbers."""
    return {
        str(row.pop("experiment")): {str(key): int(value) for key, value in row.items()}
        for row in table.to_dict("records")
    }


def _experiments(
    review: Review, plan: ExportPlan, config: TripletConfig, table: TauTable
) -> tuple[ExperimentRow, ...]:
    data = review.data
    counts = _by_experiment(data.raw.counts())
    cost = _by_experiment(plan.cost)
    matched = review.data.settings.positive_match
    tau = {
        shown.experiment: shown.words if matched is None else f"none: equal {', '.join(matched)}"
        for shown in review.state.tau
    }
    problems = {problem.experiment: problem.message for problem in data.open_problems}
    rows = []
    for experiment in config.experiments:
        name = experiment.name
        row = ExperimentRow(
            name,
            without_query(experiment.data_path),
            experiment.tracks_path,
            tuple((of, tuple(wells)) for of, wells in experiment.condition_wells.items()),
            tracks=experiment.tracks.words if experiment.tracks else "",
            track_transform=experiment.track_transform.words if experiment.track_transform else "",
        )
        if name not in counts:
            problem = problems.get(name, "It could not be opened.")
            rows.append(replace(row, problem=problem))
            continue
        own = counts[name]
        prints = config.verification.fingerprints.get(name)
        hashed = () if prints is None else ("images", "channels", "tables", "pixels")
        kin = table.relations[table.relations["experiment"] == name]
        rows.append(
            replace(
                row,
                interval_minutes=experiment.interval_minutes,
                start_hpi=experiment.start_hpi,
                n_fovs=own["fovs"],
                n_observations=own["observations"],
                n_tracks=own["tracks"],
                n_lineages=own["lineages"],
                n_divisions=own["divisions"],
                anchors_before=cost[name]["valid_anchors_before"],
                anchors_after=cost[name]["valid_anchors_after"],
                tau=tau.get(name, ""),
                fingerprints=tuple((part, getattr(prints, part)) for part in hashed),
                relations=tuple(zip(kin["relation"], kin["share"], strict=True)),
                n_pairs=table.looked_at.get(name, 0),
                seen=divisions_seen(data, name),
                judged=review.pairs_judged(name),
                approval=review.approval(name),
            )
        )
    return tuple(rows)


def _audits(review: Review, plan: ExportPlan, index: MultiExperimentIndex) -> tuple[AuditRow, ...]:
    rows = []
    for opened in review.data.opened:
        name = opened.config.name
        found = audit_of(review, name, plan.asked, index)
        why = why_no_audit(review, name, plan.asked.max_wrong, index)
        scanned, n_fovs = images_scanned(review, name)
        images = f"The images of {scanned} of {counted(n_fovs, 'FOV')} were scanned"
        if scanned < n_fovs and plan.asked.without_images:
            images += f", because: {plan.asked.without_images}"
        rows.append(AuditRow(name, why or review.audit(name).sentence, not why, found, images))
    return tuple(rows)


def _taus(review: Review, table: TauTable) -> tuple[TauBars, ...]:
    words = {shown.experiment: shown for shown in review.state.tau}
    matched = review.data.settings.positive_match
    taus = []
    for config in review.data.registry.experiments:
        own = table.taus[table.taus["experiment"] == config.name]
        tau = words[config.name]
        note = tau.words if tau.frames.low < 1 else ""
        if matched is not None:
            note = f"a positive has an equal {', '.join(matched)}"
        taus.append(
            TauBars(
                config.name,
                config.interval_minutes,
                tuple(own["tau_frames"].astype(int)),
                tuple(own["law"]),
                tuple(own["drawn"]),
                tuple(own["allowed"]),
                note,
            )
        )
    return tuple(taus)


def _sheets(review: Review, index: MultiExperimentIndex) -> tuple[list[Sheet], list[ChecksRun]]:
    """Contact sheets of pairs across divisions, and those that could not be read."""
    settings = review.data.settings.model_copy(update={"return_negative": False})
    source = PairSource(index, settings)
    seed = review.intent.seed
    sheets, failed = [], []
    for config in index.registry.experiments:
        try:
            pairs = sample_pairs(
                source, _SHEET_PAIRS, seed=seed, across_divisions=True, experiments=[config.name]
            )
            picture = encoded_picture(preview_sheet(source, pairs))
        except NoAnchorsError:
            continue
        except StoreError as error:
            failed.append(
                ChecksRun(f"contact sheet of {config.name}", f"not read: {error}", complete=False)
            )
            continue
        n_pairs = counted(len(pairs.anchor), "pair")
        sheets.append(
            Sheet(
                config.name,
                picture,
                f"{n_pairs} across a division, drawn with seed {seed}, epoch 0.",
                f"{n_pairs} of patches of {config.name}, anchor above positive, in every slot.",
            )
        )
    return sheets, failed


def _checks(review: Review) -> list[ChecksRun]:
    raw = review.data.raw
    scanned = len(review.checks.scanned)
    rows = counted(len(raw), "observation")
    return [
        ChecksRun(f"tables: {counted(len(TABLE_CHECKS), 'check')}", rows),
        ChecksRun(f"settings: {counted(len(SETTINGS_CHECKS), 'check')}", "the config"),
        ChecksRun(
            "placement of tables",
            f"{len(review.checks.placements)} of {counted(len(raw.fovs), 'FOV')}",
            len(review.checks.placements) == len(raw.fovs),
        ),
        ChecksRun(
            "channels",
            "a sample of cells of each experiment",
            review.checks.inspection is not None and review.checks.inspection.complete,
        ),
        ChecksRun(
            f"images: {counted(len(PIXEL_CHECKS), 'check')}",
            f"{scanned} of {counted(len(raw.fovs), 'FOV')}",
            scanned == len(raw.fovs),
        ),
    ]
