"""Fills the report of a review: what was looked at, decided, and left open."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lineage_triplets import __version__
from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.dataset.verification import config_hash
from lineage_triplets.engine.errors import NoAnchorsError, StoreError, counted, without_query
from lineage_triplets.qc.decide.seen import divisions_seen
from lineage_triplets.qc.export.report.content import (
    ApprovalLine,
    ChannelGrid,
    CheckLine,
    ExclusionLine,
    ExperimentLine,
    FindingLine,
    FormatLine,
    HistoryLine,
    RelationShares,
    ReportContent,
    ReviewerLine,
    SeenLine,
    Setting,
    Sheet,
    SlotLine,
    TauBars,
    Verdict,
)
from lineage_triplets.qc.export.report.page import encoded_picture, render_report
from lineage_triplets.qc.export.script import commands_of
from lineage_triplets.qc.find.channels.pictures import channel_grid
from lineage_triplets.qc.find.checks import PIXEL_CHECKS, SETTINGS_CHECKS, TABLE_CHECKS
from lineage_triplets.qc.gate import open_points
from lineage_triplets.qc.look.preview import preview_sheet, sample_pairs

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.decide.settled import ReviewedFinding
    from lineage_triplets.qc.export.plan import ExportPlan
    from lineage_triplets.qc.record import Decision

_SHEET_PAIRS = 8
_PURPOSES = {
    "config": ("validated.yaml", "What training loads."),
    "cell_index": ("cell_index.parquet", "The flat table for DynaCLR's training."),
    "collection": ("collection.yml", "DynaCLR's list of experiments."),
    "report": ("review.html", "This page."),
}
_MEANINGS = {
    "z_range": "slices around each cell, or first and one after last",
    "yx_patch_size": "rows and columns of a patch, in pixels",
    "tau_range_hours": "least and largest time from anchor to positive",
    "tau_decay_rate": "how strongly short tau is preferred; 0 is uniform",
    "positive_relation": "who may be a positive",
    "tau_fallback": "what happens where nobody is there at the drawn tau",
    "border": "cells whose patch does not fit into the image",
    "return_negative": "whether batches have negatives",
    "negative_from": "where negatives come from",
    "dtype": "data type of the patches",
    "seed": "pairs depend on seed, epoch and anchor alone; none draws anew",
    "missing_chunks": "what a chunk that was never written means",
    "cache_pool_bytes": "memory for decoded chunks",
    "read_strategy": "how pixels are read; the same pixels in each way",
    "include_wells": "wells that are taken; all if none",
    "exclude_fovs": "FOVs that the config left out before the review",
    "slot_labels": "names of the slots",
}
_HOW = {"painted": "painted on screen", "attested": "attested by a script's caller"}


def report_of(
    review: Review,
    plan: ExportPlan,
    config: TripletConfig,
    index: MultiExperimentIndex,
    folder: Path,
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
    folder : Path
        Where the files are, or will be.
    """
    record = config.verification
    name = "validated.yaml" if plan.passed else "draft.yaml"
    sheets, failed = _sheets(review, index)
    taus, relations = _taus(review)
    content = ReportContent(
        title=review.config_path.name,
        verdict=Verdict(
            validated=record.validated,
            by=record.by if record.validated else "",
            at=record.at if record.validated else "",
            open_points=tuple(
                f"{one.experiment}: {one.sentence}" if one.experiment else one.sentence
                for one in open_points(plan.points)
            ),
        ),
        config_path=str(folder / name),
        decisions_path=str(review.log.path),
        program_version=__version__,
        config_hash=record.config_hash or config_hash(config),
        written_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        reviewers=_reviewers(review),
        experiments=_experiments(review, plan, config),
        settings=tuple(
            Setting(key, _as_yaml(value), _MEANINGS.get(key, ""))
            for key, value in config.dataset.model_dump(mode="json").items()
        ),
        taus=taus,
        relations=relations,
        sheets=tuple(sheets),
        channels=_channels(review),
        seen=_seen(review),
        checks=(*_checks(review), *failed),
        findings=tuple(_finding(one) for one in review.findings()),
        exclusions=_exclusions(review),
        history=_history(review),
        formats=tuple(
            FormatLine(*_PURPOSES[one], loses=sentences) for one, sentences in plan.loses.items()
        ),
        commands=tuple(commands_of(review, only_accepted=plan.only_accepted)),
    )
    return render_report(content)


def _by_experiment(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Counts of every experiment, as plain numbers."""
    return {
        str(row.pop("experiment")): {str(key): int(value) for key, value in row.items()}
        for row in table.to_dict("records")
    }


def _as_yaml(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _reviewers(review: Review) -> tuple[ReviewerLine, ...]:
    entries = [one for one in review.history() if one.what == "decided"]
    times: dict[str, list[str]] = {}
    for one in entries:
        times.setdefault(one.by, []).append(one.at)
    return tuple(
        ReviewerLine(name, len(listed), listed[0], listed[-1]) for name, listed in times.items()
    )


def _experiments(
    review: Review, plan: ExportPlan, config: TripletConfig
) -> tuple[ExperimentLine, ...]:
    data = review.data
    counts = _by_experiment(data.raw.counts())
    cost = _by_experiment(plan.cost)
    tau = {one.experiment: one.words for one in review.state.tau}
    problems = {one.experiment: one.message for one in data.open_problems}
    lines = []
    for one in config.experiments:
        conditions = tuple((name, tuple(wells)) for name, wells in one.condition_wells.items())
        if one.name not in counts:
            problem = problems.get(one.name, "It could not be opened.")
            lines.append(
                ExperimentLine(
                    one.name,
                    without_query(one.data_path),
                    one.tracks_path,
                    conditions,
                    problem=problem,
                )
            )
            continue
        row = counts[one.name]
        prints = config.verification.fingerprints.get(one.name)
        hashed = ("images", "channels", "tables", "pixels")
        lines.append(
            ExperimentLine(
                name=one.name,
                data_path=without_query(one.data_path),
                tracks_path=one.tracks_path,
                conditions=conditions,
                interval_minutes=one.interval_minutes,
                start_hpi=one.start_hpi,
                n_fovs=row["fovs"],
                n_observations=row["observations"],
                n_tracks=row["tracks"],
                n_lineages=row["lineages"],
                n_divisions=row["divisions"],
                anchors_before=cost[one.name]["valid_anchors_before"],
                anchors_after=cost[one.name]["valid_anchors_after"],
                tau=tau.get(one.name, ""),
                fingerprints=()
                if prints is None
                else tuple((part, getattr(prints, part)) for part in hashed),
            )
        )
    return tuple(lines)


def _taus(review: Review) -> tuple[tuple[TauBars, ...], tuple[RelationShares, ...]]:
    table = review.tau_distribution()
    words = {one.experiment: one for one in review.state.tau}
    taus, relations = [], []
    for config in review.data.registry.experiments:
        own = table.taus[table.taus["experiment"] == config.name]
        tau = words[config.name]
        note = tau.words if tau.last < tau.first or tau.rounded_frames[0] < 1 else ""
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
        kin = table.relations[table.relations["experiment"] == config.name]
        shares = tuple(zip(kin["relation"], kin["share"], strict=True))
        relations.append(RelationShares(config.name, shares, table.looked_at[config.name]))
    return tuple(taus), tuple(relations)


def _sheets(review: Review, index: MultiExperimentIndex) -> tuple[list[Sheet], list[CheckLine]]:
    """Contact sheets of pairs across divisions, and those that could not be read."""
    settings = review.data.settings.model_copy(update={"return_negative": False})
    source = PairSource.of_settings(index, settings)
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
                CheckLine(f"contact sheet of {config.name}", f"not read: {error}", complete=False)
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


def _channels(review: Review) -> ChannelGrid:
    inspection = review.checks.inspection
    approvals = []
    for config in review.data.registry.experiments:
        one = review.approval(config.name)
        made = one.decision
        approvals.append(
            ApprovalLine(
                config.name,
                one.holds,
                made.by if made else "",
                made.at if made else "",
                one.why_not,
            )
        )
    if inspection is None:
        return ChannelGrid(approvals=tuple(approvals))
    suspicious = {
        (one.finding.experiment, one.finding.detail)
        for one in review.findings()
        if one.finding.kind.startswith("channel-")
    }
    slots = tuple(
        SlotLine(
            one.experiment,
            one.slot,
            one.label,
            one.channel_name,
            one.zarr_index,
            "" if one.proof is None else one.proof.words,
            one.proof is not None and one.proof.holds,
            one.sentence,
            (one.experiment, f"slot{one.slot}") in suspicious,
        )
        for one in inspection.slots
    )
    return ChannelGrid(
        slots,
        tuple(approvals),
        encoded_picture(channel_grid(inspection)),
        "For every slot and experiment: patches at a common scale, and the histogram.",
        "What is in each slot of each experiment.",
    )


def _seen(review: Review) -> tuple[SeenLine, ...]:
    counts = _by_experiment(review.data.raw.counts())
    lines = []
    for name in counts:
        looked = divisions_seen(review.data, name)
        made = looked.decision if looked.holds else None
        lines.append(
            SeenLine(
                experiment=name,
                n_divisions=counts[name]["divisions"],
                n_pairs=int(made.value["n_pairs"]) if made else 0,
                how=_HOW[made.value["how"]] if made else "",
                by=made.by if made else "",
                at=made.at if made else "",
            )
        )
    return tuple(lines)


def _checks(review: Review) -> list[CheckLine]:
    raw = review.data.raw
    scanned = len(review.checks.scanned)
    rows = counted(len(raw), "observation")
    return [
        CheckLine(f"tables: {counted(len(TABLE_CHECKS), 'check')}", rows),
        CheckLine(f"settings: {counted(len(SETTINGS_CHECKS), 'check')}", "the config"),
        CheckLine(
            "channels",
            "a sample of cells of each experiment",
            review.checks.inspection is not None and review.checks.inspection.complete,
        ),
        CheckLine(
            f"images: {counted(len(PIXEL_CHECKS), 'check')}",
            f"{scanned} of {counted(len(raw.fovs), 'FOV')}",
            scanned == len(raw.fovs),
        ),
    ]


def _finding(one: ReviewedFinding) -> FindingLine:
    made = one.decision
    if made is None:
        return FindingLine(one.finding, one.status)
    how = "link cut" if made.kind == "cut" else f"{made.target.level} rejected"
    return FindingLine(
        one.finding,
        one.status,
        "" if one.status == "waived" else how,
        made.by,
        made.at,
        made.reason,
    )


def _exclusions(review: Review) -> tuple[ExclusionLine, ...]:
    effect = review.effect
    in_effect = [*effect.rejected.values(), *effect.cuts.values()]
    stale = [one for one in effect.stale if one.kind in {"reject", "cut"}]
    lines: list[tuple[int, ExclusionLine]] = [
        (
            one.number,
            ExclusionLine(
                str(one.target),
                "cut" if one.kind == "cut" else "rejected",
                one.reason,
                one.by,
                one.at,
                is_stale,
            ),
        )
        for listed, is_stale in ((in_effect, False), (stale, True))
        for one in listed
    ]
    return tuple(line for _, line in sorted(lines, key=lambda item: item[0]))


def _history(review: Review) -> tuple[HistoryLine, ...]:
    decided = [one.decision for one in review.history() if one.what == "decided"]
    return tuple(_history_line(one) for one in decided)


def _history_line(one: Decision) -> HistoryLine:
    undone = one.state == "undone"
    return HistoryLine(one.number, str(one.target), one.kind, one.reason, one.by, one.at, undone)
