"""Commands at both ends of a review: check, export, report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text

from lineage_triplets.cli import common
from lineage_triplets.cli.against import (
    Against,
    Experiment,
    Fov,
    Within,
    compared,
    comparison_as_dict,
    config_against,
    print_comparison,
    write_comparison,
)
from lineage_triplets.cli.common import (
    By,
    Decisions,
    TakeOver,
    opened,
    severity_text,
    terminal,
    ways_words,
)
from lineage_triplets.cli.lists import first_of, first_of_each, in_full, print_more
from lineage_triplets.engine.errors import visible
from lineage_triplets.engine.files import refuse_existing, whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.decide.settled import ReviewedFinding
    from lineage_triplets.qc.export.plan import ExportPlan
    from lineage_triplets.qc.find.against.compare import Comparison

_VERDICTS = {
    "fits": ("fits", "green"),
    "misfit": ("does not fit", "bold red"),
    "unknown": ("does not fit", "bold red"),
    "cannot-tell": ("cannot tell", "yellow"),
}


def check(
    config: common.Config,
    pixels: Annotated[
        bool,
        typer.Option("--pixels", help="Scan all images too; finished FOVs are kept for next time."),
    ] = False,
    scheduler: common.Scheduler = None,
    everything: Annotated[
        bool, typer.Option("--all", help="List settled and waived findings too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    against: Against = None,
    within: Within = None,
    experiment: Experiment = None,
    fov: Fov = None,
    top: Annotated[
        int, typer.Option("--top", min=0, help="How many of what differs are printed.")
    ] = 20,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write all that differs to this file.")
    ] = None,
    by: By = None,
    decisions: Decisions = None,
    take_over: TakeOver = False,
    path_map: common.PathMap = None,
    overwrite: common.Overwrite = False,
) -> None:
    """List what automatic checks find, the worst first, and what became of it.

    Exits with 1 if an error is open, with 3 if a warning is or tables differ, with 0 otherwise.
    """
    if against is None and (within, experiment, fov, csv_file) != (None,) * 4:
        raise typer.BadParameter("it is of a comparison", param_hint="without --against")
    if scheduler is not None and not pixels:
        raise typer.BadParameter("its workers scan images: give --pixels", param_hint="--scheduler")
    if csv_file is not None:
        refuse_existing(csv_file, overwrite)
    with opened(
        config,
        by=by,
        decisions=decisions,
        read_only=not pixels,
        take_over=take_over,
        path_map=path_map,
        other=config_against(against),
    ) as review:
        look_with_progress(review)
        with terminal(stderr=True).status("Checking tables, settings and channels"):
            review.check()
        if pixels:
            scan_with_progress(review, scheduler)
        else:
            review.checks.recall_pixels()
        found = review.findings()
        differing = None
        if against is not None:
            differing = compared(review, against, within, experiment, fov, path_map)
        n_fovs = len(review.data.raw.fovs) if review.data.opened else 0
        scanned = len(review.checks.scanned)
    shown = [reviewed for reviewed in found if everything or reviewed.status == "open"]
    if as_json:
        _print_json(shown, scanned, n_fovs, differing)
    else:
        _print_findings(shown, terminal())
        _print_counts(found, scanned, n_fovs, terminal())
        if differing is not None:
            print_comparison(differing, top)
    if differing is not None and csv_file is not None:
        write_comparison(differing, csv_file, overwrite=overwrite)
    severities = {reviewed.finding.severity for reviewed in found if reviewed.status == "open"}
    if differing is not None and differing.disagreements:
        severities.add("warning")
    raise typer.Exit(1 if "error" in severities else 3 if "warning" in severities else 0)


def placement(
    config: common.Config,
    pictures: Annotated[
        Path | None,
        typer.Option("--pictures", help="A folder for a picture of each FOV: its rows on a frame."),
    ] = None,
    experiment: Annotated[
        list[str] | None, typer.Option("--experiment", "-e", help="Only this one; repeatable.")
    ] = None,
    decisions: Decisions = None,
    path_map: common.PathMap = None,
    overwrite: common.Overwrite = False,
) -> None:
    """Tell of each FOV whether its table lies on its images, and what would mend it.

    Exits with 1 if one does not, with 0 otherwise.
    """
    with opened(config, decisions=decisions, read_only=True, path_map=path_map) as review:
        for name in experiment or ():
            review.data.registry.get_experiment(name)
        look_with_progress(review)
        found = [
            placed
            for placed in review.checks.placements
            if not experiment or placed.experiment in experiment
        ]
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            for placed in found:
                name = f"{placed.experiment}_{placed.fov.replace('/', '_')}.png"
                picture = review.checks.placement_picture(placed.experiment, placed.fov)
                with whole_file(pictures / name, overwrite=overwrite) as temporary:
                    picture.save(temporary, format="png")
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for title in ("experiment", "FOV", "", "R", "what was found", "track_transform"):
        table.add_column(title, overflow="fold", justify="right" if title == "R" else "left")
    # What is cut off at the end is what fits.
    found.sort(key=lambda placed: (placed.status == "fits", placed.status == "cannot-tell"))
    for placed in first_of(found):
        words = placed.sentence if placed.status != "fits" else ""
        mends = "" if placed.transform is None else placed.transform.words
        verdict = _VERDICTS[placed.status]
        ratio = f"{placed.ratio:.1f}"
        table.add_row(placed.experiment, placed.fov, Text(*verdict), ratio, words, mends)
    terminal().print(table)
    print_more(found, terminal(), "FOVs")
    raise typer.Exit(1 if any(placed.status in {"misfit", "unknown"} for placed in found) else 0)


def export(
    config: common.Config,
    to: Annotated[Path, typer.Option("--to", "-o", help="The folder for the files.")],
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="config, cell_index, dynaclr_data, collection or report; repeatable. All by "
            "default.",
        ),
    ] = None,
    only_accepted: Annotated[
        bool, typer.Option("--only-accepted", help="Leave out what nobody accepted.")
    ] = False,
    draft: Annotated[
        bool, typer.Option("--draft", help="Write a draft, marked as one, gate or not.")
    ] = False,
    max_wrong: Annotated[
        float,
        typer.Option("--max-wrong", help="The bound on wrong pairs that every audit has to reach."),
    ] = 0.05,
    without_audit: Annotated[
        str,
        typer.Option(
            "--without-audit",
            help="Why experiments whose audit does not reach it are let through.",
            metavar="REASON",
        ),
    ] = "",
    without_images: Annotated[
        str,
        typer.Option(
            "--without-images",
            help="Why images that were not scanned are let through.",
            metavar="REASON",
        ),
    ] = "",
    seed: common.Seed = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written and left out, and stop.")
    ] = False,
    by: By = None,
    decisions: Decisions = None,
    path_map: common.PathMap = None,
    overwrite: common.Overwrite = False,
) -> None:
    """Write the validated config and its companions, all files or none.

    Exits with 1, and writes nothing, while something is open.
    """
    from lineage_triplets.qc.export.export import export_review, plan_export
    from lineage_triplets.qc.export.plan import FORMATS, Format

    wanted: list[Format] = [name for name in FORMATS if formats is None or name in formats]
    unknown = [name for name in formats or [] if name not in FORMATS]
    if unknown:
        raise typer.BadParameter(
            f"{unknown[0]!r} is none of {', '.join(FORMATS)}", param_hint="--format"
        )
    console = terminal()
    with opened(config, by=by, decisions=decisions, read_only=True, path_map=path_map) as review:
        with terminal(stderr=True).status("Running checks") as status:
            review.checks.recall_pixels()
            asked: dict[str, Any] = {
                "formats": wanted,
                "only_accepted": only_accepted,
                "draft": draft,
                "max_wrong": max_wrong,
                "without_audit": without_audit,
                "without_images": without_images,
                "seed": seed,
            }
            plan = plan_export(review, to, **asked)
            if dry_run or not (plan.passed or draft):
                result = None
            else:
                result = export_review(
                    review,
                    to,
                    **asked,
                    overwrite=overwrite,
                    progress=lambda words: status.update(Text(words.capitalize())),
                )
        print_plan(plan, console, dry_run=dry_run)
    if result is None:
        if not dry_run or not plan.passed:
            raise typer.Exit(0 if dry_run and draft else 1)
        return
    for path in result.files.values():
        console.print(f"wrote {path}", soft_wrap=True)
    if "config" in result.files:
        console.print(
            f'Train on it: MultiExperimentTripletDataset.from_config("{result.files["config"]}")',
            soft_wrap=True,
        )


def report(
    config: common.Config,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")],
    decisions: Decisions = None,
    path_map: common.PathMap = None,
    overwrite: common.Overwrite = False,
) -> None:
    """Write the report of the review as it stands: one HTML file that opens offline."""
    from lineage_triplets.qc.export.export import plan_export
    from lineage_triplets.qc.export.report.fill import report_of

    refuse_existing(out, overwrite)
    with (
        opened(config, decisions=decisions, read_only=True, path_map=path_map) as review,
        terminal(stderr=True).status("Checking, and reading patches"),
    ):
        review.checks.recall_pixels()
        plan = plan_export(review, out.parent, formats=["report"], draft=True)
        index = review.data.index_of(plan.config)
        text = report_of(review, plan, plan.config, index, review.config_path)
        with whole_file(out, overwrite=overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")
    terminal().print(f"wrote {out}", soft_wrap=True)


def look_with_progress(review: Review) -> None:
    """Look whether tables lie on their images, with a bar; Ctrl-C stops."""
    with Progress(console=terminal(stderr=True), transient=True) as progress:
        task = progress.add_task("Do tables lie on their images?", total=None)

        def show(_: str, done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        review.checks.check_placement(progress=show)


def scan_with_progress(review: Review, scheduler: str | None = None) -> None:
    """Scan all images with a bar; Ctrl-C stops, and finished FOVs are kept."""
    # Of the default columns but the first, which reads markup in names of FOVs.
    columns = (TextColumn("{task.description}", markup=False), *Progress.get_default_columns()[1:])
    with Progress(*columns, console=terminal(stderr=True), transient=True) as progress:
        task = progress.add_task("Scanning images", total=None)

        def show(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        review.checks.check_pixels(scheduler=scheduler, progress=show)


def print_plan(plan: ExportPlan, console: Console, *, dry_run: bool) -> None:
    """Print the checklist and what decisions cost; of a dry run, what formats lose too."""
    has_all = in_full(options="" if dry_run else "--dry-run")
    points, left = first_of_each(
        plan.points, lambda point: f"{'settled' if point.passed else 'open'} of [{point.kind}]"
    )
    for point in points:
        mark = ("yes", "green") if point.passed else ("no ", "bold red")
        where = f"{point.experiment}: " if point.experiment else ""
        more = [text for text in (point.remedy, point.finding_key) if text]
        console.print(
            Text.assemble(
                mark,
                visible(f" {where}{point.sentence}"),
                *((f"\n    {visible(text)}", "dim") for text in more),
            ),
            soft_wrap=True,
        )
    for what, n_left in left.items():
        console.print(f"… and {n_left:,} more {what}: {has_all}", soft_wrap=True)
    cost = Table(
        box=SIMPLE_HEAD,
        title="before and after all decisions",
        title_justify="left",
        padding=(0, 1, 0, 0),
    )
    cost.add_column("experiment", overflow="fold")
    for what in ("cells", "lineages", "divisions", "anchors"):
        cost.add_column(what, justify="right", no_wrap=True)
    for row in plan.cost.to_dict("records"):
        cost.add_row(
            str(row["experiment"]),
            *(
                f"{row[f'{what}_before']:,} → {row[f'{what}_after']:,}"
                for what in ("observations", "lineages", "divisions", "valid_anchors")
            ),
        )
    console.print(cost)
    excluded = plan.excluded.to_dict("records")
    for row in first_of(excluded):
        console.print(visible(f"  {row['what']}: {row['reason']} ({row['by']})"), soft_wrap=True)
    print_more(excluded, console, "of what is left out or mended", has_all)
    for name, sentences in plan.loses.items() if dry_run else ():
        for sentence in sentences:
            console.print(f"  {name}: {sentence}", style="dim")
    for note in plan.notes:
        console.print(f"  {note}", style="yellow")


def _print_findings(found: Sequence[ReviewedFinding], console: Console) -> None:
    first, left = first_of_each(found, lambda reviewed: reviewed.finding.kind)
    for reviewed in first:
        finding = reviewed.finding
        said = {"open": "", "settled": "settled: ", "waived": "waived: "}[reviewed.status]
        if reviewed.decision is not None:
            said += f"{reviewed.decision.reason} ({reviewed.decision.by})"
        ways = ways_words(finding) if reviewed.status == "open" else ""
        where = " ".join(part for part in (finding.experiment, finding.fov) if part)
        console.print(
            Text.assemble(
                severity_text(finding.severity),
                visible(f" {where}{': ' if where else ''}{finding.sentence}"),
                (f"\n  {visible(finding.remedy)}\n  {visible(finding.key)}", "dim"),
                (f"\n  {visible(ways)}" if ways else "", "dim"),
                f"\n  {visible(said)}" if said else "",
            ),
            soft_wrap=True,
        )
    for kind, n_left in left.items():
        console.print(f"… and {n_left:,} more of {kind}: {in_full()}", soft_wrap=True)


def _print_counts(
    found: Sequence[ReviewedFinding], scanned: int, n_fovs: int, console: Console
) -> None:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for title in ("kind", "severity"):
        table.add_column(title)
    for title in ("open", "settled", "waived"):
        table.add_column(title, justify="right")
    kinds = dict.fromkeys((reviewed.finding.severity, reviewed.finding.kind) for reviewed in found)
    for severity, kind in kinds:
        of_kind = [
            reviewed
            for reviewed in found
            if (reviewed.finding.severity, reviewed.finding.kind) == (severity, kind)
        ]
        counts = [
            sum(reviewed.status == status for reviewed in of_kind)
            for status in ("open", "settled", "waived")
        ]
        table.add_row(
            kind,
            severity_text(severity),
            *(str(count or "") for count in counts),
        )
    if kinds:
        console.print(table)
    else:
        console.print("Nothing was found.")
    if scanned < n_fovs:
        console.print(
            f"The images of {n_fovs - scanned} of {n_fovs} FOVs were not scanned: check --pixels.",
        )


def _print_json(
    found: Sequence[ReviewedFinding], scanned: int, n_fovs: int, differing: Comparison | None
) -> None:
    listed = [
        {
            **reviewed.finding.as_dict(),
            "status": reviewed.status,
            "decision": None if reviewed.decision is None else reviewed.decision.number,
            "can_be_waived": reviewed.can_be_waived,
        }
        for reviewed in found
    ]
    content: dict[str, Any] = {"findings": listed, "fovs_scanned": scanned, "fovs": n_fovs}
    if differing is not None:
        content["against"] = comparison_as_dict(differing)
    typer.echo(json.dumps(content, indent=2, allow_nan=False, default=str))
