"""Commands about findings: settle and waive them, one by one or all that are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lineage_triplets.cli.common import Reason, deciding, say, terminal
from lineage_triplets.cli.lists import first_of, in_full, print_more
from lineage_triplets.engine.errors import ConfigError, Problem, choices, counted, nearest

if TYPE_CHECKING:
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.decide.settled import ReviewedFinding

Keys = Annotated[list[str] | None, typer.Argument(help="Keys of findings, as `check` prints them.")]
Kind = Annotated[
    str | None, typer.Option("--kind", help="All open findings of this kind, in one step.")
]
OfExperiment = Annotated[
    str | None, typer.Option("--experiment", "-e", help="With --kind: only of this one.")
]
OfFov = Annotated[str | None, typer.Option("--fov", help="With --kind: only of this FOV.")]


@deciding
def settle(
    review: Review,
    reason: Reason,
    keys: Keys = None,
    kind: Kind = None,
    experiment: OfExperiment = None,
    fov: OfFov = None,
    way: Annotated[
        int,
        typer.Option("--way", min=1, help="Which of the ways that `check` prints below a finding."),
    ] = 1,
) -> None:
    """Cut, link or reject what settles findings, in one step of undo."""
    chosen = _chosen(review, keys, kind, experiment, fov)
    can = [reviewed for reviewed in chosen if len(reviewed.finding.settled_by) >= way]
    if can:
        made, left = review.settle_all([one.finding.settled_by[way - 1] for one in can], reason)
        say(*made)
        refused = [f"{can[number].finding.key} is left open: {why}" for number, why in left.items()]
        for line in first_of(refused):
            terminal().print(line, soft_wrap=True)
        print_more(refused, terminal(), "left open", in_full("check CONFIG"))
    _say_left(len(chosen) - len(can), f"no decision settles in way {way}: see its remedy")


@deciding
def waive(
    review: Review,
    reason: Reason,
    keys: Keys = None,
    kind: Kind = None,
    experiment: OfExperiment = None,
    fov: OfFov = None,
) -> None:
    """Say that findings are no faults, in one step of undo."""
    chosen = _chosen(review, keys, kind, experiment, fov)
    can = [reviewed for reviewed in chosen if keys or reviewed.can_be_waived]
    say(*review.waive_all([reviewed.finding.key for reviewed in can], reason))
    _say_left(len(chosen) - len(can), "training could not load the data with")


@deciding
def unwaive(
    review: Review,
    keys: Annotated[list[str], typer.Argument(help="Keys of waived findings.")],
    reason: Reason = "",
) -> None:
    """Open waived findings again."""
    waived = review.effect.waived
    unknown = [key for key in keys if key not in waived]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]} is not waived; waived are: {choices(waived)}")
    for key in keys:
        say(review.unwaive(key, reason))


def _chosen(
    review: Review,
    keys: list[str] | None,
    kind: str | None,
    experiment: str | None,
    fov: str | None,
) -> list[ReviewedFinding]:
    """Find the findings that are named, or those that are open and of a kind."""
    if bool(keys) == (kind is not None):
        raise typer.BadParameter("name findings by their keys, or all of a --kind")
    if keys and (experiment, fov) != (None, None):
        raise typer.BadParameter(
            "findings named by their keys are taken wherever they are",
            param_hint="--experiment or --fov without --kind",
        )
    with terminal(stderr=True).status("Running checks"):
        found = review.check()
    if keys:
        by_key = {reviewed.finding.key: reviewed for reviewed in found}
        unknown = [key for key in keys if key not in by_key]
        if unknown:
            message = f"the checks found no {unknown[0]!r}."
            raise ConfigError(
                Problem("unknown-finding", message, nearest(unknown[0], list(by_key)))
            )
        return [by_key[key] for key in keys]
    is_open = [reviewed for reviewed in found if reviewed.status == "open"]
    chosen = [
        reviewed
        for reviewed in is_open
        if reviewed.finding.kind == kind
        and experiment in {None, reviewed.finding.experiment}
        and fov in {None, reviewed.finding.fov}
    ]
    if not chosen:
        kinds = dict.fromkeys(reviewed.finding.kind for reviewed in is_open)
        raise typer.BadParameter(
            f"no finding of kind {kind!r} is open there; open: {choices(kinds)}"
        )
    return chosen


def _say_left(number: int, why: str) -> None:
    if number:
        terminal().print(f"{counted(number, 'finding')} left open, which {why}.", soft_wrap=True)
