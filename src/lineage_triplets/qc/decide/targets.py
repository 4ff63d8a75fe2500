"""What is decided about: whether it is there, and what a decision about it says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from lineage_triplets.engine.errors import (
    ConfigError,
    NoAnchorsError,
    Problem,
    UnknownNameError,
    choices,
    nearest,
)
from lineage_triplets.qc.record.decision import NewDecision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.plates.experiments import OpenedExperiment
    from lineage_triplets.engine.plates.plate import Plate
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record.decision import DecisionKind, Target

Verdict = Literal["accept", "reject", "undecided"]


def find_target(data: ReviewData, level: Literal["lineage", "track"], name: str) -> Target:
    """Find a lineage or track, as it is after the cuts, by its id.

    Raises
    ------
    ConfigError
        There is none.
    """
    index = data.linked
    if level == "lineage":
        return data.track_target("lineage", index.find_lineage(name))
    track = index.names.find(name)
    if track < 0:
        raise ConfigError(
            Problem(
                "unknown-track",
                f"there is no track {name!r}.",
                "Tracks are named {experiment}_{fov}_{track_id}, with @{t} after a cut inside.",
            )
        )
    return data.track_target("track", track)


def require_target(data: ReviewData, target: Target) -> None:
    """Raise if there is nothing of that name.

    Raises
    ------
    UnknownNameError, ConfigError
        It says what there is.
    """
    if target.level == "finding":
        return
    names = [config.name for config in data.experiments]
    if target.experiment not in names:
        raise UnknownNameError(
            Problem(
                "unknown-experiment",
                f"there is no experiment {target.experiment!r}.",
                nearest(target.experiment, names),
            )
        )
    opened = {found.config.name: found for found in data.opened}.get(target.experiment)
    if opened is None or target.level == "experiment":
        return
    if not _is_read(data, target):
        _require_in_plate(opened, target)
        if target.level in {"link", "join", "pair"}:
            raise nothing(
                target,
                "No table of that FOV is read: it has none, cannot be loaded, or the settings "
                "leave it out. `check` says what keeps it from being loaded.",
            )
    _require_inside(data, opened.plate, target)


def _is_read(data: ReviewData, target: Target) -> bool:
    """Whether a well or FOV is among those with tables; the plate may have more."""
    try:
        sources = data.raw.fovs
    except (ConfigError, NoAnchorsError):
        # What keeps the data from being loaded can be left out.
        return False
    of_well = target.level == "well"
    return any(
        source.experiment == target.experiment
        and target.fov == (source.fov.well_name if of_well else source.fov.name)
        for source in sources
    )


def _require_in_plate(opened: OpenedExperiment, target: Target) -> None:
    wells = list(opened.plate.wells)
    if target.level != "well" and opened.plate.has_fov(target.fov):
        return
    known = wells if target.level == "well" else opened.list_fovs(wells)[0]
    if target.fov not in known:
        raise UnknownNameError(
            Problem(
                f"unknown-{target.level}",
                f"the plate has no {'well' if target.level == 'well' else 'FOV'} {target.fov!r}.",
                f"It has: {choices(known)}.",
                experiment=target.experiment,
            )
        )


def _require_inside(data: ReviewData, plate: Plate, target: Target) -> None:
    """Raise if a FOV has no such frame, track, lineage, link or cell."""
    if target.level == "link":
        _require_link(data, target)
    elif target.level in {"join", "pair"}:
        ends = [(int(target.track), target.t or 0), (target.daughter or 0, target.to_t or 0)]
        require_cells(data, target, ends)
    elif target.level == "frame":
        source = data.source_of(target.experiment, target.fov) if _is_read(data, target) else None
        n_frames = (plate.fov(target.fov) if source is None else source.fov).shape[0]
        if not 0 <= (target.t or 0) < n_frames:
            raise nothing(target, f"The FOV has the frames 0 to {n_frames - 1}.")
    elif target.level == "lineage":
        data.linked.find_lineage(target.id)
    elif target.level in {"track", "observation"}:
        found = find_target(data, "track", target.id)
        if target.level == "observation":
            _require_frame(data.linked, target, data.linked.names.find(found.id))


def require_verdict_target(data: ReviewData, target: Target) -> None:
    """Raise if there is nothing of that name, or it cannot be accepted and rejected."""
    known = ["well", "fov", "frame", "lineage", "track", "observation"]
    if target.level not in known:
        raise ConfigError(
            Problem(
                "bad-target",
                f"a {target.level} is not accepted or rejected.",
                f"Name one of: {choices(known)}.",
            )
        )
    require_target(data, target)


def verdicts(
    data: ReviewData, verdict: Verdict, targets: Sequence[Target], reason: str
) -> list[NewDecision]:
    """Make the decisions that accept, reject or undecide several things.

    Parameters
    ----------
    data : ReviewData
    verdict : {"accept", "reject", "undecided"}
    targets : sequence of Target
        Wells, FOVs, frames, lineages, tracks, observations.
    reason : str
        Needed to reject.

    Raises
    ------
    ConfigError, UnknownNameError
        One is not there, or no reason is given.
    TableChangedError
        A table changed since the review read it.
    """
    if verdict == "reject":
        reason = reason_given(reason, "reject")
    for target in targets:
        require_verdict_target(data, target)
    return [about(data, verdict, target, reason) for target in targets]


def about(data: ReviewData, kind: DecisionKind, target: Target, reason: str) -> NewDecision:
    """Make a decision about a target as its table is now; `TableChangedError` if it changed."""
    table_hash = data.table_hash(target.experiment, target.fov) if target.of_table else ""
    return NewDecision(kind, target, {}, reason, table_hash)


def reason_given(reason: str, verb: str) -> str:
    """Give a reason without blanks around it; `ConfigError` if there is none."""
    if not reason.strip():
        raise ConfigError(
            Problem("no-reason", f"no reason is given to {verb}.", "Say why, in a few words.")
        )
    return reason.strip()


def _require_link(data: ReviewData, link: Target) -> None:
    raw = data.raw
    mother = raw.names.find(link.id)
    if mother < 0:
        raise nothing(link, "There is no such track in the table; a cut names it without '@'.")
    if link.daughter is not None:
        daughters = np.flatnonzero(raw.forest.parent == mother)
        known = raw.track_columns.track_id[daughters].tolist()
        if link.daughter not in known:
            raise nothing(link, f"Its daughters: {choices(known)}.")
        return
    first, last = np.searchsorted(raw.observations.track, [mother, mother + 1])
    frames = raw.observations.t[first:last]
    t = link.t or 0
    if not len(frames) or not frames[0] < t <= frames[-1]:
        span = f"{frames[0]} to {frames[-1]}" if len(frames) else "none"
        raise nothing(link, f"The track has the frames {span}; t is the first after the cut.")
    for cut in data.effect.cuts:
        if cut.t is None or cut.t == t or replace(cut, t=t) != link:
            continue
        # In a gap of the track two cuts are one link, and would rename what is decided already.
        if np.searchsorted(frames, t) == np.searchsorted(frames, cut.t):
            raise ConfigError(
                Problem(
                    "cut-already",
                    f"the track is cut there already, at t = {cut.t}: it has no cell between.",
                    "Nothing is left to cut.",
                    experiment=link.experiment,
                    fov=link.fov,
                )
            )


def require_cells(data: ReviewData, target: Target, cells: Sequence[tuple[int, int]]) -> None:
    """Raise unless the table of a target's FOV has some cells, by track and frame."""
    raw = data.raw
    for track_id, t in cells:
        track = raw.names.find(replace(target, track=str(track_id)).id)
        if track < 0:
            raise nothing(target, f"The table has no track {track_id}, as links name them.")
        first, last = np.searchsorted(raw.observations.track, [track, track + 1])
        frames = raw.observations.t[first:last]
        if t not in frames:
            has = f"{frames[0]} to {frames[-1]}" if len(frames) else "none"
            but = (
                ", but not all between"
                if len(frames) and len(frames) <= frames[-1] - frames[0]
                else ""
            )
            raise nothing(
                target, f"Track {track_id} has no cell at t = {t}: its frames are {has}{but}."
            )


def _require_frame(index: MultiExperimentIndex, target: Target, track: int) -> None:
    first, last = np.searchsorted(index.observations.track, [track, track + 1])
    if target.t not in index.observations.t[first:last]:
        raise nothing(target, "The track is in no table at that frame.")


def nothing(target: Target, remedy: str) -> ConfigError:
    """Say that there is no such thing."""
    return ConfigError(
        Problem(
            "unknown-target",
            f"there is no {target}.",
            remedy,
            experiment=target.experiment,
            fov=target.fov,
        )
    )
