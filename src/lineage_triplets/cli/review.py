"""Commands that decide: each opens the review, decides one thing, and lets go of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table

from lineage_triplets.cli import common
from lineage_triplets.cli.common import Decisions, Reason, deciding, opened, say, terminal
from lineage_triplets.cli.lists import in_full, limit

if TYPE_CHECKING:
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.record.decision import Target

Level = Annotated[
    str, typer.Argument(help="lineage, track, cell, frame, fov or well.", metavar="LEVEL")
]
Name = Annotated[
    list[str],
    typer.Argument(
        help="lineage ID… | track ID… | cell ID FRAME… | frame EXPERIMENT FOV FRAME… | "
        "fov EXPERIMENT FOV… | well EXPERIMENT WELL…",
        metavar="NAME…",
    ),
]
Experiment = Annotated[str, typer.Argument()]
Fov = Annotated[str, typer.Argument(help="As in A/1/0.")]
Experiments = Annotated[list[str], typer.Argument(help="Names of experiments.")]


@deciding
def reject(
    review: Review,
    level: Level,
    name: Name,
    reason: Reason,
) -> None:
    """Leave a lineage, track, cell, frame, FOV or well out of training."""
    say(*review.decide("reject", _targets(review, level, name), reason))


@deciding
def accept(
    review: Review,
    level: Level,
    name: Name,
    reason: Reason = "",
) -> None:
    """Say that something is good; ``export --only-accepted`` keeps nothing else."""
    say(*review.decide("accept", _targets(review, level, name), reason))


@deciding
def undecide(
    review: Review,
    level: Level,
    name: Name,
    reason: Reason = "",
) -> None:
    """Take an accept or reject back."""
    say(*review.decide("undecided", _targets(review, level, name), reason))


@deciding
def cut(
    review: Review,
    experiment: Experiment,
    fov: Fov,
    track: Annotated[int, typer.Argument(help="The mother, or the track that is cut.")],
    reason: Reason,
    daughter: Annotated[
        int | None, typer.Option("--daughter", help="Cut the link to this daughter.")
    ] = None,
    at: Annotated[
        int | None, typer.Option("--at", help="Cut inside the track: the first frame after.")
    ] = None,
) -> None:
    """Cut a wrong link; what comes after it becomes a lineage of its own."""
    from lineage_triplets.qc.record.decision import Target

    if (daughter is None) == (at is None):
        raise typer.BadParameter("name one of --daughter and --at")
    link = Target("link", experiment, fov, track=str(track), t=at, daughter=daughter)
    say(review.cut(link, reason))


@deciding
def link(
    review: Review,
    experiment: Experiment,
    fov: Fov,
    track: Annotated[int, typer.Argument(help="The table's track of the cell that is followed.")],
    t: Annotated[int, typer.Argument(help="Its frame.")],
    to_track: Annotated[int, typer.Argument(help="The table's track of the cell that follows.")],
    to_t: Annotated[int, typer.Argument(help="Its frame.")],
    reason: Reason,
) -> None:
    """Make a link that the table lacks: a cell goes on as another one, or divides."""
    say(*review.link(_join(experiment, fov, track, t, to_track, to_t), reason))


@deciding
def unlink(
    review: Review,
    experiment: Experiment,
    fov: Fov,
    track: Annotated[int, typer.Argument(help="The table's track of the cell that is followed.")],
    t: Annotated[int, typer.Argument(help="Its frame.")],
    to_track: Annotated[int, typer.Argument(help="The table's track of the cell that follows.")],
    to_t: Annotated[int, typer.Argument(help="Its frame.")],
    reason: Reason = "",
) -> None:
    """Take a link back that somebody made; one of the table is cut."""
    say(*review.unlink(_join(experiment, fov, track, t, to_track, to_t), reason))


@deciding
def swap(
    review: Review,
    experiment: Experiment,
    fov: Fov,
    track: Annotated[int, typer.Argument(help="The table's track of a cell that a link leads to.")],
    t: Annotated[int, typer.Argument(help="Its frame.")],
    other_track: Annotated[int, typer.Argument(help="The track of the other such cell.")],
    reason: Reason,
    other_t: Annotated[
        int | None, typer.Argument(help="Its frame; that of the first by default.")
    ] = None,
) -> None:
    """Let the links that lead to two cells exchange them."""
    from lineage_triplets.qc.decide.links import link_into

    first = link_into(review.data, experiment, fov, track, t)
    other = link_into(review.data, experiment, fov, other_track, t if other_t is None else other_t)
    say(*review.swap(first, other, reason))


@deciding
def keep(
    review: Review,
    experiment: Experiment,
    fov: Fov,
    track: Annotated[int, typer.Argument(help="The mother, or the track of the link.")],
    daughter: Annotated[
        int | None, typer.Option("--daughter", help="The link to this daughter is right.")
    ] = None,
    at: Annotated[
        int | None, typer.Option("--at", help="The link to the track's cell in this frame is.")
    ] = None,
    reason: Reason = "",
) -> None:
    """Say that a link was looked at and is right; `links` lists it no more."""
    from lineage_triplets.qc.decide.links import link_into
    from lineage_triplets.qc.record.decision import Target

    if at is not None and daughter is None:
        kept = link_into(review.data, experiment, fov, track, at)
    elif daughter is not None and at is None:
        kept = Target("link", experiment, fov, track=str(track), daughter=daughter)
    else:
        raise typer.BadParameter("name one of --daughter and --at")
    say(*review.keep([kept], reason))


@deciding
def remap(
    review: Review,
    experiment: Annotated[str, typer.Argument()],
    slots: Annotated[
        list[str],
        typer.Argument(
            help="The channel for a slot, by its number or label.", metavar="SLOT=CHANNEL…"
        ),
    ],
    reason: Reason = "",
) -> None:
    """Choose other channels for an experiment's slots; its approval falls."""
    chosen: dict[int | str, str] = {}
    for choice in slots:
        slot, separator, channel = choice.partition("=")
        if not (slot and separator and channel):
            raise typer.BadParameter(f"{choice!r} is not SLOT=CHANNEL", param_hint="SLOT=CHANNEL")
        chosen[slot] = channel
    say(review.remap(experiment, chosen, reason))


@deciding
def place(
    review: Review,
    experiment: Annotated[str, typer.Argument()],
    first_frame: Annotated[
        int, typer.Option("--first-frame", help="The table's t of the image's frame 0.")
    ] = 0,
    swap_xy: Annotated[
        bool, typer.Option("--swap-xy", help="The table's y is the image's x; done first.")
    ] = False,
    scale: Annotated[
        tuple[float, float, float] | None,
        typer.Option("--scale", help="Pixels for one unit of the table.", metavar="Z Y X"),
    ] = None,
    offset: Annotated[
        tuple[float, float, float] | None,
        typer.Option("--offset", help="Pixels, added last.", metavar="Z Y X"),
    ] = None,
    as_written: Annotated[
        bool, typer.Option("--as-written", help="Frames and positions are as in the tables.")
    ] = False,
    reason: Reason = "",
) -> None:
    """Say where an experiment's tables are in its images, as ``track_transform`` does."""
    given: dict[str, Any] = {
        "first_frame": first_frame, "swap_xy": swap_xy, "scale": scale, "offset": offset
    }  # fmt: skip
    chosen = {key: value for key, value in given.items() if value}
    if bool(chosen) == as_written:
        raise typer.BadParameter("say where the tables are, or --as-written")
    say(review.place(experiment, chosen, reason))


@deciding
def approve(
    review: Review,
    experiments: Experiments,
    reason: Reason = "",
) -> None:
    """Approve the channels that the slots of experiments have, for the images as they are."""
    for experiment in experiments:
        say(review.approve(experiment, reason))


@deciding
def disapprove(
    review: Review,
    experiments: Experiments,
    reason: Reason = "",
) -> None:
    """Take the approval of experiments' channels back."""
    for experiment in experiments:
        say(review.disapprove(experiment, reason))


@deciding
def seen(
    review: Review,
    experiments: Experiments,
    n_pairs: Annotated[int, typer.Option("--pairs", "-n", min=1, help="How many were looked at.")],
    reason: Reason = "",
) -> None:
    """Attest that pairs across a division were looked at (`preview --across-divisions`)."""
    for experiment in experiments:
        say(review.saw(experiment, n_pairs, reason=reason))


@deciding
def judge(
    review: Review,
    experiment: Experiment,
    fov: Fov,
    track: Annotated[int, typer.Argument(help="The table's track of the anchor.")],
    t: Annotated[int, typer.Argument(help="Its frame.")],
    to_track: Annotated[int, typer.Argument(help="The table's track of the positive.")],
    to_t: Annotated[int, typer.Argument(help="Its frame.")],
    verdict: Annotated[str, typer.Argument(help="same, wrong or 'cannot tell'.")],
    reason: Reason = "",
) -> None:
    """Say whether a pair, as `preview` shows it, is of the same cell, its offspring or kin."""
    from lineage_triplets.qc.record.decision import Target

    pair = Target("pair", experiment, fov, track=str(track), t=t, daughter=to_track, to_t=to_t)
    # Another word is refused with the list of those that there are.
    answer: Any = verdict
    say(*review.judge_pairs({pair: answer}, reason))


@deciding
def confirm(
    review: Review,
    numbers: Annotated[
        list[int], typer.Argument(help="Numbers of stale decisions; see `history`.")
    ],
) -> None:
    """Put decisions in effect again whose tables changed since."""
    stale = {decision.number: decision for decision in review.effect.stale}
    unknown = [number for number in numbers if number not in stale]
    if unknown:
        raise typer.BadParameter(
            f"decision {unknown[0]} is not stale; stale are: {sorted(stale) or 'none'}"
        )
    say(*review.confirm(*(stale[number] for number in numbers)))


@deciding
def withdraw(
    review: Review,
    numbers: Annotated[list[int], typer.Argument(help="Numbers of decisions; see `history`.")],
    reason: Reason = "",
) -> None:
    """Take decisions back whenever they were made, stale ones too."""
    made = {decision.number: decision for decision in review.decisions}
    unknown = [number for number in numbers if number not in made]
    if unknown:
        raise typer.BadParameter(f"there is no decision {unknown[0]} to take back; see `history`")
    say(*review.withdraw(*(made[number] for number in numbers), reason=reason))


@deciding
def undo(
    review: Review,
) -> None:
    """Undo the last decision."""
    _say_or_nothing(review.undo(), "undo")


@deciding
def redo(
    review: Review,
) -> None:
    """Decide again what was undone last."""
    _say_or_nothing(review.redo(), "redo")


def history(
    config: common.Config, decisions: Decisions = None, path_map: common.PathMap = None
) -> None:
    """List everything that was ever decided, undone and redone."""
    with opened(config, decisions=decisions, read_only=True, path_map=path_map) as review:
        stale = {decision.number for decision in review.effect.stale}
        entries = review.history()
    if not entries:
        terminal().print("Nothing was decided yet.")
        return
    most = limit() or len(entries)
    if len(entries) > most:
        terminal().print(f"… {len(entries) - most:,} before these: {in_full()}", soft_wrap=True)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("", "when", "who", "what", "reason"):
        table.add_column(title, overflow="fold")
    for entry in entries[-most:]:
        decision = entry.decision
        state = "undid " if entry.what == "undone" else "redid " if entry.what == "redone" else ""
        mark = "  (stale)" if decision.number in stale and entry.what == "decided" else ""
        clock = "  (clock went back)" if entry.clock_back else ""
        table.add_row(
            str(decision.number), entry.at + clock, entry.by,
            f"{state}{decision.words}{mark}", decision.reason,
        )  # fmt: skip
    terminal().print(table)


def _join(experiment: str, fov: str, track: int, t: int, to_track: int, to_t: int) -> Target:
    from lineage_triplets.qc.record.decision import Target

    return Target("join", experiment, fov, track=str(track), t=t, daughter=to_track, to_t=to_t)


def _say_or_nothing(decisions: Any, verb: str) -> None:
    if decisions:
        terminal().print(f"{verb}: ", end="")
        say(*decisions)
    else:
        terminal().print(f"There is nothing to {verb}.")


def _targets(review: Review, level: str, name: list[str]) -> list[Target]:
    """Read what a command line names."""
    from lineage_triplets.qc.record.decision import Target

    if level in {"lineage", "track"}:
        kind: Literal["lineage", "track"] = "lineage" if level == "lineage" else "track"
        return [review.target(kind, word) for word in name]
    if level == "cell":
        track = review.target("track", name[0])
        return [
            Target("observation", track.experiment, track.fov, track=track.track, t=_frame(frame))
            for frame in _more(name, 1, "a track's id and frames")
        ]
    if level == "frame":
        frames = _more(name, 2, "an experiment, a FOV and frames")
        return [Target("frame", name[0], name[1], t=_frame(frame)) for frame in frames]
    if level == "fov":
        fovs = _more(name, 1, "an experiment and FOVs")
        return [Target("fov", name[0], fov) for fov in fovs]
    if level == "well":
        wells = _more(name, 1, "an experiment and wells")
        return [Target("well", name[0], well) for well in wells]
    raise typer.BadParameter(
        f"{level!r} is none of lineage, track, cell, frame, fov, well", param_hint="LEVEL"
    )


def _more(name: list[str], before: int, wanted: str) -> list[str]:
    if len(name) <= before:
        raise typer.BadParameter(f"name {wanted}", param_hint="NAME…")
    return name[before:]


def _frame(text: str) -> int:
    if not text.isdigit():
        raise typer.BadParameter(f"{text!r} is no frame", param_hint="FRAME")
    return int(text)
