"""A config's own ``exclude`` and ``cut``, from an earlier review, as decisions of this one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import Problem
from lineage_triplets.qc.record import NewDecision
from lineage_triplets.qc.record.targets import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.qc.record import DecisionKind

_ID = re.compile(r"(?P<fov>.+)_(?P<track>-?\d+(@\d+)?)")


def import_key(decision: NewDecision) -> str:
    """Tell imported decisions apart."""
    return json.dumps([decision.kind, decision.target.as_dict()], sort_keys=True)


def imported_decisions(
    config: TripletConfig, known: Sequence[str]
) -> tuple[list[NewDecision], list[Problem]]:
    """Turn exclusions and cuts into decisions, but for those that were before.

    Parameters
    ----------
    config : TripletConfig
    known : sequence of str
        Keys of those that are decisions already.

    Returns
    -------
    decisions : list of NewDecision
    problems : list of Problem
        Those that name no experiment of the config.
    """
    names = [one.name for one in config.experiments]
    decisions, problems = [], []
    seen = set(known)
    for field, target, reason, words in _targets(config, names):
        if target is None:
            problems.append(
                Problem(
                    "unmatched-exclusion",
                    f"{words} names no experiment of the config; it is left out.",
                    "Remove it from the config, or mend the name.",
                    severity="warning",
                    field=field,
                )
            )
            continue
        kind: DecisionKind = "cut" if field == "cut" else "reject"
        new = NewDecision(kind, target, {"from": "config"}, reason or "said by the config")
        if import_key(new) not in seen:
            seen.add(import_key(new))
            decisions.append(new)
    return decisions, problems


def _targets(
    config: TripletConfig, names: list[str]
) -> Iterator[tuple[str, Target | None, str, str]]:
    """Field, target, reason and words of each exclusion and cut."""
    exclude = config.exclude
    for well in exclude.wells:
        target = Target("well", well.experiment, well.well)
        known = well.experiment in names
        yield "exclude.wells", target if known else None, well.reason, f"well {well.well}"
    for fov in exclude.fovs:
        target = Target("fov", fov.experiment, fov.fov)
        known = fov.experiment in names
        yield "exclude.fovs", target if known else None, fov.reason, f"FOV {fov.fov}"
    for frames in exclude.frames:
        for t in frames.frames:
            target = Target("frame", frames.experiment, frames.fov, t=t)
            known = frames.experiment in names
            words = f"frame {t} of {frames.fov}"
            yield "exclude.frames", target if known else None, frames.reason, words
    for lineage in exclude.lineages:
        place = _place(lineage.lineage_id, names)
        found = place and Target("lineage", place[0], place[1], track=place[2])
        yield "exclude.lineages", found or None, lineage.reason, lineage.lineage_id
    for track in exclude.tracks:
        place = _place(track.global_track_id, names)
        found = place and Target("track", place[0], place[1], track=place[2])
        yield "exclude.tracks", found or None, track.reason, track.global_track_id
    for cell in exclude.observations:
        place = _place(cell.global_track_id, names)
        found = place and Target("observation", place[0], place[1], track=place[2], t=cell.t)
        yield "exclude.observations", found or None, cell.reason, cell.global_track_id
    for cut in config.cut:
        known = cut.experiment in names
        link = Target(
            "link", cut.experiment, cut.fov, track=str(cut.track_id), t=cut.t, daughter=cut.daughter
        )
        yield "cut", link if known else None, cut.reason, f"the cut of track {cut.track_id}"


def _place(global_track_id: str, names: list[str]) -> tuple[str, str, str] | None:
    """Experiment, FOV and track of an id; of two names that fit, the longer one's."""
    for name in sorted(names, key=len, reverse=True):
        if global_track_id.startswith(f"{name}_"):
            match = _ID.fullmatch(global_track_id[len(name) + 1 :])
            if match:
                return name, match["fov"], match["track"]
    return None
