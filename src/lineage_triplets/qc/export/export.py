"""The gate, and the files behind it: all of them or none, and a draft where the gate is closed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineage_triplets import __version__
from lineage_triplets.engine.dataset.verification import draft_of, verify_config
from lineage_triplets.engine.errors import ConfigError, Problem, choices, counted
from lineage_triplets.engine.files import refuse_existing, whole_files
from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.settings.faults import checked_settings
from lineage_triplets.engine.settings.file import load_config, save_config
from lineage_triplets.qc.export.cell_index import CELL_INDEX_LOSES, write_cell_index
from lineage_triplets.qc.export.collection import (
    COLLECTION_LOSES,
    cannot_place,
    collection_of,
    placed_experiments,
    write_collection,
)
from lineage_triplets.qc.export.dynaclr_data import (
    DYNACLR_LOSES,
    not_honoured,
    write_dynaclr_data,
)
from lineage_triplets.qc.export.plan import (
    FILE_NAMES,
    FORMATS,
    ExportPlan,
    Format,
    cost_table,
    not_accepted,
)
from lineage_triplets.qc.export.record import recorded
from lineage_triplets.qc.export.report.fill import report_of
from lineage_triplets.qc.gate import MAX_WRONG, Asked, GatePoint, closed, gate_points, open_points
from lineage_triplets.qc.record.effect import exclusions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.qc.decide.review import Review

DRAFT_NAME = "draft.yaml"
LOSES: dict[Format, tuple[str, ...]] = {
    "config": (),
    "cell_index": CELL_INDEX_LOSES,
    "dynaclr_data": DYNACLR_LOSES,
    "collection": COLLECTION_LOSES,
    "report": (),
}


@dataclass(frozen=True)
class ExportResult:
    """What was written.

    Attributes
    ----------
    files : dict of str to Path
        By format.
    validated : bool
    """

    files: dict[Format, Path]
    validated: bool


def plan_export(
    review: Review,
    folder: str | Path,
    *,
    formats: Sequence[Format] = FORMATS,
    only_accepted: bool = False,
    draft: bool = False,
    max_wrong: float = MAX_WRONG,
    without_audit: str = "",
    without_images: str = "",
    seed: int | None = None,
) -> ExportPlan:
    """Say what an export would write, what it leaves out, and what keeps the gate closed.

    Parameters
    ----------
    review : Review
    folder : str or Path
    formats : sequence of str
        Of "config", "cell_index", "dynaclr_data", "collection" and "report".
    only_accepted : bool
        Leave out what nobody accepted; by default only what somebody rejected.
    draft : bool
        Write a draft, gate or not.
    max_wrong : float
        The bound that the audit of every experiment has to reach, as a share of pairs.
    without_audit, without_images : str
        Why experiments whose audit does not reach it, or images that were not scanned, are let
        through all the same: config, report and training's log say so ever after.
    seed : int, optional
        With which training draws, in place of the config's.

    Raises
    ------
    ConfigError
        There is no such format; no experiment could be opened; `max_wrong` is no share; `seed` is
        none.
    """
    unknown = [format_ for format_ in formats if format_ not in FORMATS]
    if unknown or not formats:
        raise ConfigError(
            Problem("unknown-format", f"there is no format {unknown}.", f"Of: {choices(FORMATS)}.")
        )
    asked = Asked(max_wrong, without_audit.strip(), without_images.strip())
    config = _config(review, only_accepted, seed)
    data = review.data
    after = data.index_of(config)
    points = gate_points(review, asked, after)
    if only_accepted and not len(after.anchor_rows):
        remedy = "Accept some lineages, tracks or FOVs."
        points.append(GatePoint("anchors", False, "No anchor was accepted.", remedy))
    passed = not open_points(points) and not draft
    placed = placed_experiments(config)
    loses = {format_: LOSES[format_] for format_ in formats}
    if "dynaclr_data" in loses:
        loses["dynaclr_data"] = (*not_honoured(after, config.dataset), *DYNACLR_LOSES)
    if placed and "collection" in loses:
        loses["collection"] = (f"{cannot_place(placed)} It is not written.",)
    return ExportPlan(
        points=tuple(points),
        passed=passed,
        config=config,
        cost=cost_table(data, after),
        excluded=_excluded(review),
        loses=loses,
        files=tuple(path for _, path in _files(Path(folder), formats, passed, config)),
        notes=(
            *_notes(review, config, only_accepted),
            *(loses["collection"] if placed and "collection" in loses else ()),
        ),
        only_accepted=only_accepted,
        asked=asked,
    )


def export_review(
    review: Review,
    folder: str | Path,
    *,
    formats: Sequence[Format] = FORMATS,
    only_accepted: bool = False,
    draft: bool = False,
    overwrite: bool = False,
    max_wrong: float = MAX_WRONG,
    without_audit: str = "",
    without_images: str = "",
    seed: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> ExportResult:
    """Write what training reads, all files or none.

    Parameters
    ----------
    review : Review
    folder : str or Path
        Made if it is missing.
    formats : sequence of str
        Of "config", "cell_index", "dynaclr_data", "collection" and "report". Of a draft only
        config and report are written: the others cannot say that they are one. No collection is
        written of experiments with a `track_transform`, which it cannot say either.
    only_accepted : bool
        Leave out what nobody accepted.
    draft : bool
        Write a draft, marked as one, gate or not.
    overwrite : bool
        Whether files of these names may be replaced.
    max_wrong : float
    without_audit, without_images : str
    seed : int, optional
        As of `plan_export`.
    progress : callable, optional
        Gets what is done next, in words.

    Raises
    ------
    GateClosedError
        Something is open; each point says how to settle it.
    TableChangedError
        A table changed since the review read it.
    ConfigError
        Only a collection is asked for, and cannot be written.
    OutputExistsError, OutputError
        Nothing is left half written.
    StoreError, ChunkError
        Pixels for the fingerprints cannot be read.
    """
    tell = progress or (lambda _: None)
    data = review.data
    tell("checking that the tables are what was reviewed")
    data.tables.require_unchanged([source.table_as for source in data.raw.fovs])
    tell("running checks")
    plan = plan_export(
        review,
        folder,
        formats=formats,
        only_accepted=only_accepted,
        draft=draft,
        max_wrong=max_wrong,
        without_audit=without_audit,
        without_images=without_images,
        seed=seed,
    )
    if not plan.passed and not draft:
        raise closed(plan.points)
    files = _files(Path(folder).absolute(), formats, plan.passed, plan.config)
    if not files and plan.passed:
        # Of a collection alone, that says why it cannot be written.
        collection_of(plan.config, data.index_of(plan.config), name=review.config_path.stem)
    for _, path in files:
        refuse_existing(path, overwrite)
    tell("fingerprinting tables and images")
    index = data.index_of(plan.config)
    config = recorded(review, plan, draft_of(plan.config, index, __version__), index)
    with whole_files([path for _, path in files], overwrite=overwrite) as temporary:
        for name, path in files:
            tell(f"writing {path.name}")
            _write(name, temporary[path], path, review, plan, config, index)
        for name, path in files:
            if name == "config" and all(
                point.kind != "loading" for point in open_points(plan.points)
            ):
                tell("loading what was written")
                _require_same(temporary[path], index)
    return ExportResult(dict(files), plan.passed)


def _write(
    name: Format,
    temporary: Path,
    final: Path,
    review: Review,
    plan: ExportPlan,
    config: TripletConfig,
    index: MultiExperimentIndex,
) -> None:
    if name == "config":
        save_config(config, temporary, overwrite=True)
    elif name == "cell_index":
        write_cell_index(index, temporary, config.verification)
    elif name == "dynaclr_data":
        table = final.with_name(FILE_NAMES["cell_index"])
        of_config = config.verification.config_hash
        write_dynaclr_data(index, config.dataset, table, temporary, of_config)
    elif name == "collection":
        content = collection_of(config, index, name=review.config_path.stem)
        write_collection(content, temporary, config.verification.config_hash)
    else:
        written = final.with_name(FILE_NAMES["config"] if plan.passed else DRAFT_NAME)
        text = report_of(review, plan, config, index, written)
        temporary.write_text(text, encoding="utf-8")


def _files(
    folder: Path, formats: Sequence[Format], passed: bool, config: TripletConfig
) -> list[tuple[Format, Path]]:
    """Formats that are written, and paths, the config last."""
    cannot = set() if passed else {"cell_index", "dynaclr_data", "collection"}
    if placed_experiments(config):
        cannot.add("collection")
    return [
        (name, folder / (DRAFT_NAME if name == "config" and not passed else file))
        for name, file in FILE_NAMES.items()
        if name in formats and name not in cannot
    ]


def _config(review: Review, only_accepted: bool, seed: int | None) -> TripletConfig:
    data = review.data
    config = data.config
    changed: dict[str, Any] = {"slot_labels": list(data.registry.slot_labels)}
    if seed is not None:
        changed["seed"] = seed
    settings = checked_settings(**{**config.dataset.model_dump(), **changed})
    update: dict[str, Any] = {"dataset": settings}
    if only_accepted:
        rejected = [(key, made.reason) for key, made in data.effect.rejected.items()]
        chosen = {key for key, _ in rejected}
        rejected += [left for left in not_accepted(data) if left[0] not in chosen]
        update["exclude"] = exclusions_of(rejected)
    return config.model_copy(update=update)


def _require_same(path: Path, index: MultiExperimentIndex) -> None:
    """Load what was written as training will, and compare it with what was reviewed."""
    loaded = load_config(path)
    again = MultiExperimentIndex.from_config(loaded)
    verify_config(loaded, again)
    if not again.counts().equals(index.counts()):
        raise ConfigError(
            Problem(
                "export-differs",
                "what was written loads as something else than what was reviewed.",
                "Nothing was written. Reload the review, and tell the makers of this program.",
                file=str(path),
            )
        )


def _excluded(review: Review) -> pd.DataFrame:
    import pandas as pd

    effect = review.effect
    decisions = [*effect.rejected.values(), *effect.relinking.values()]
    decisions.sort(key=lambda made: made.number)
    return pd.DataFrame(
        [
            {
                "what": made.words,
                "reason": made.reason,
                "by": made.by,
                "at": made.at,
            }
            for made in decisions
        ],
        columns=["what", "reason", "by", "at"],
    )


def _notes(review: Review, config: TripletConfig, only_accepted: bool) -> list[str]:
    """What the gate does not ask for, and one should know."""
    data = review.data
    notes = []
    total = len(data.raw.fovs)
    missing = total - len(review.checks.scanned)
    if missing:
        notes.append(f"The images of {counted(missing, 'FOV')} of {total} were not checked.")
    if config.dataset.seed is None:
        notes.append("The dataset has no seed: every training run draws other pairs.")
    waiting = [
        reviewed
        for reviewed in review.findings()
        if reviewed.status == "open" and reviewed.finding.severity == "warning"
    ]
    if waiting:
        notes.append(f"{counted(len(waiting), 'warning')} nobody settled or waived.")
    if only_accepted:
        notes.append("Only what was accepted is kept.")
    return notes
