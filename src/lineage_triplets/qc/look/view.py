"""What a person asked to see, and what that comes to: resolved once, frozen, drawn by views."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError

from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.errors import (
    ConfigError,
    LineageTripletsError,
    NoAnchorsError,
    Problem,
    UnknownNameError,
    choices,
    nearest,
    shown,
)
from lineage_triplets.engine.index.names import parse_id, text_column, whole_track
from lineage_triplets.engine.settings.faults import checked_settings, distinct_faults
from lineage_triplets.engine.settings.model import DatasetConfig
from lineage_triplets.engine.settings.tau import TauFrames
from lineage_triplets.engine.settings.values import StrictModel, Text
from lineage_triplets.qc.look.pairs import PairList, sample_pairs
from lineage_triplets.qc.open.derived import Derived
from lineage_triplets.qc.open.linked import linked_of_fov, parts_in
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.index.one_lineage import LineagePart
    from lineage_triplets.engine.settings.model import ExperimentConfig
    from lineage_triplets.qc.open.data import ReviewData


class Intent(StrictModel):
    """What a person wants to see.

    Attributes
    ----------
    experiment, fov, lineage : str
        Narrow what is shown; empty for all. A lineage is named by its ``lineage_id``.
    across_divisions : bool
        Only pairs with a division between anchor and positive.
    n_pairs : int
        At most so many pairs of each experiment.
    seed, epoch : int
        Whose draw is shown.
    dataset : DatasetConfig
        Tau, decay, relation, fallback, patch size: what is exported.
    """

    experiment: Text = ""
    fov: Text = ""
    lineage: Text = ""
    across_divisions: bool = False
    n_pairs: Annotated[int, Field(ge=1, le=10_000)] = 12
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0
    epoch: Annotated[int, Field(ge=0)] = 0
    dataset: DatasetConfig = DatasetConfig()

    def changed(self, changes: Mapping[str, Any]) -> Intent:
        """Give the intent after some changes: of its own fields, or of the dataset's.

        Choosing an experiment lets go of FOV and lineage, choosing a FOV of the lineage.

        Raises
        ------
        ConfigError
            No such field, or a value that cannot be.
        """
        own = [name for name in Intent.model_fields if name != "dataset"]
        known = [*own, *DatasetConfig.model_fields]
        for name in changes:
            if name not in known:
                raise ConfigError(
                    Problem("unknown-choice", f"there is no choice {name!r}.", nearest(name, known))
                )
        of_view = {name: changes[name] for name in changes if name in own}
        of_dataset = {name: changes[name] for name in changes if name not in own}
        if "experiment" in of_view:
            of_view = {"fov": "", "lineage": "", **of_view}
        elif "fov" in of_view:
            of_view = {"lineage": "", **of_view}
        settings = self.dataset
        if of_dataset:
            settings = checked_settings(**{**settings.model_dump(), **of_dataset})
        kept = self.model_dump(exclude={"dataset"})
        try:
            return Intent.model_validate({**kept, **of_view, "dataset": settings})
        except ValidationError as error:
            fault = distinct_faults(error)[0]
            name = str(fault["loc"][0])
            raise ConfigError(
                Problem("bad-value", f"{fault['msg']}, found {shown(fault['input'])}.", field=name)
            ) from None


@dataclass(frozen=True)
class ExperimentTau:
    """The tau range in one experiment.

    Attributes
    ----------
    experiment : str
    interval_minutes : float
    asked_hours : (float, float)
    frames : TauFrames
    """

    experiment: str
    interval_minutes: float
    asked_hours: tuple[float, float]
    frames: TauFrames

    @property
    def words(self) -> str:
        """``"2 to 8 frames (0.5 to 2 h)"``, or what is the matter."""
        frames = self.frames
        if frames.is_empty:
            return f"no frame: tau is 0 at {self.interval_minutes:g} min"
        hours = [frame * self.interval_minutes / 60 for frame in (frames.first, frames.last)]
        zero = ", never 0" if frames.low < 1 else ""
        if frames.is_single:
            only = f"{frames.first} frame{'s' * (frames.first != 1)} only"
            return f"{only} ({hours[0]:.3g} h){zero}"
        return f"{frames.words} frames ({hours[0]:.3g} to {hours[1]:.3g} h){zero}"


@dataclass(frozen=True, eq=False)
class LineageView:
    """One lineage, drawn from tables alone.

    Attributes
    ----------
    lineage_id, experiment, fov : str
    cells : DataFrame
        Its observations as ``index.tracks`` has them, and ``excluded``: whether training leaves it
        out.
    tracks : DataFrame
        ``track`` (number, with ``@t`` after a cut), ``global_track_id, parent`` (row of this
        table, -1 for the root), ``generation, first_t, last_t, n_cells, n_daughters, excluded``
        (all of its cells are).
    part : LineagePart
    """

    lineage_id: str
    experiment: str
    fov: str
    cells: pd.DataFrame
    tracks: pd.DataFrame
    part: LineagePart


@dataclass(frozen=True, eq=False)
class ReviewState:
    """What is to be shown.

    Attributes
    ----------
    intent : Intent
    experiment, fov, lineage : str
        As asked; of a lineage its experiment and FOV too.
    tau : tuple of ExperimentTau
    view : LineageView or None
        The lineage, if one is chosen.
    pairs : PairList
        Empty where there is nothing to show.
    reason : str
        Why there is nothing to show; empty if there is something.
    """

    intent: Intent
    experiment: str
    fov: str
    lineage: str
    tau: tuple[ExperimentTau, ...]
    view: LineageView | None
    pairs: PairList
    reason: str


class View:
    """What a person wants to see of some data, and what that shows: a value.

    Parameters
    ----------
    intent : Intent
    data : ReviewData
        With the intent's settings.
    """

    def __init__(self, intent: Intent, data: ReviewData) -> None:
        self.intent = intent
        self.data = data

    @Derived
    def state(self) -> ReviewState:
        """What is to be shown; raises as `resolve`."""
        return resolve(self.intent, self.data)


def resolve(intent: Intent, data: ReviewData) -> ReviewState:
    """Work out what an intent shows, given the data and the decisions in effect.

    Nothing is raised for a choice that shows nothing: the state says why.

    Raises
    ------
    UnknownNameError, ConfigError
        There is no such experiment, FOV or lineage; no experiment could be opened.
    """
    data = data.with_settings(intent.dataset)
    tau, reasons = _taus(data)
    experiment, fov, view = intent.experiment, intent.fov, None
    if experiment:
        data.registry.get_experiment(experiment)
    if fov:
        _require_fov(data, experiment, fov)
    if intent.lineage:
        view = _view(data, intent.lineage)
        experiment, fov = view.experiment, view.fov
    pairs, reason = _pairs(intent, data, view, experiment, fov)
    if reason:
        reason = "; ".join(
            [*(reasons[name] for name in reasons if experiment in ("", name)), reason]
        )
    return ReviewState(intent, experiment, fov, intent.lineage, tau, view, pairs, reason)


def still_there(intent: Intent, data: ReviewData) -> Intent:
    """Give an intent without what there is no longer: after a cut, an undo, or a reload.

    Of a lineage that is part of another one now, that one is taken; of one whose root a link
    joined to another track, that track's.
    """
    if not data.opened:
        return intent
    places = {(source.experiment, source.fov.name) for source in data.raw.fovs}
    experiments = {config.name for config in data.registry.experiments}
    changes: dict[str, str] = {}
    if intent.experiment and intent.experiment not in experiments:
        changes = {"experiment": "", "fov": ""}
    elif intent.fov and not any(
        fov == intent.fov and intent.experiment in {"", name} for name, fov in places
    ):
        changes = {"fov": ""}
    if intent.lineage:
        changes["lineage"] = _lineage_now(data, intent.lineage)
    return intent.model_copy(update=changes)


def _lineage_now(data: ReviewData, name: str) -> str:
    """Name the lineage that one is, or is part of; empty where it is gone.

    Where the whole index is not there yet, its FOV alone tells.
    """
    place = parse_id(name, [config.name for config in data.registry.experiments])
    source = data.source_of(*place[:2]) if place is not None else None
    if place is None or source is None:
        return ""
    index = data.linked if data.has_linked else linked_of_fov(data, source)
    named = index.names.find(name)
    tracks = [named] if named >= 0 else _tracks_now(index, *place)
    return index.names.of(index.forest.root[tracks[0]]) if tracks else ""


def _tracks_now(index: MultiExperimentIndex, experiment: str, fov: str, word: str) -> list[int]:
    """Give what a track is part of that has no name of its own any more."""
    wanted = Target("track", experiment, fov, track=word)
    return parts_in(index, wanted) or parts_in(index, replace(wanted, track=whole_track(word)))


def taus_in_frames(
    experiments: Sequence[ExperimentConfig], tau_range_hours: tuple[float, float]
) -> tuple[ExperimentTau, ...]:
    """Say what a range of tau comes to in each experiment.

    Raises
    ------
    ConfigError
        It is more than a million frames.
    """
    return tuple(
        ExperimentTau(
            config.name,
            config.interval_minutes,
            tau_range_hours,
            TauFrames.of_hours(tau_range_hours, config.interval_minutes, config.name),
        )
        for config in experiments
    )


def _taus(data: ReviewData) -> tuple[tuple[ExperimentTau, ...], dict[str, str]]:
    taus = taus_in_frames(data.registry.experiments, data.settings.tau_range_hours)
    return taus, {
        tau.experiment: f"{tau.experiment}: {tau.words}" for tau in taus if tau.frames.is_empty
    }


def _require_fov(data: ReviewData, experiment: str, fov: str) -> None:
    known = [
        source.fov.name
        for source in data.raw.fovs
        if not experiment or source.experiment == experiment
    ]
    if fov not in known:
        raise UnknownNameError(
            Problem(
                "unknown-fov",
                f"there is no FOV {fov!r} with a track table.",
                f"There is: {choices(known)}.",
                experiment=experiment,
            )
        )


def _view(data: ReviewData, lineage_id: str) -> LineageView:
    linked = data.linked
    part = data.part(linked.find_lineage(lineage_id))
    whole = part.whole
    cells = whole.describe(np.arange(len(whole)))
    cells["excluded"] = part.excluded
    track = whole.observations.track
    n_tracks = len(part.tracks)
    n_cells = np.bincount(track, minlength=n_tracks)
    n_excluded = np.bincount(track[part.excluded], minlength=n_tracks)
    first = np.full(n_tracks, -1, dtype=np.int64)
    last = np.full(n_tracks, -1, dtype=np.int64)
    present, start = np.unique(track, return_index=True)
    first[present] = whole.observations.t[start]
    last[present] = whole.observations.t[start + n_cells[present] - 1]
    tracks = pd.DataFrame(
        {
            "track": [whole.names.word(number) for number in range(n_tracks)],
            "global_track_id": text_column(whole.names.words),
            "parent": whole.forest.parent,
            "generation": whole.forest.generation,
            "first_t": first,
            "last_t": last,
            "n_cells": n_cells,
            "n_daughters": whole.forest.n_children,
            "excluded": n_excluded == n_cells,
        }
    )
    source = whole.fovs[0]
    return LineageView(lineage_id, source.experiment, source.fov.name, cells, tracks, part)


def _pairs(
    intent: Intent, data: ReviewData, view: LineageView | None, experiment: str, fov: str
) -> tuple[PairList, str]:
    settings = data.settings.model_copy(update={"return_negative": False})
    # Positives by equal columns are of other lineages than the one that is looked at.
    is_matched = settings.positive_match is not None
    index = data.training if view is None or is_matched else view.part.included
    if view is not None and view.part.excluded.all():
        return PairList.empty(data, index), "the whole lineage is rejected"
    try:
        source = PairSource(index, settings)
        pairs = sample_pairs(
            source,
            intent.n_pairs,
            seed=intent.seed,
            epoch=intent.epoch,
            across_divisions=intent.across_divisions,
            experiments=[experiment] if experiment else None,
            fov=fov or None,
            lineage_id=view.lineage_id if view is not None and is_matched else None,
        )
    except NoAnchorsError as error:
        return PairList.empty(data, index), _why_nothing(intent, index, view, error)
    return PairList.of(data, source, pairs), ""


def _why_nothing(
    intent: Intent,
    index: MultiExperimentIndex,
    view: LineageView | None,
    error: LineageTripletsError,
) -> str:
    if len(index.anchor_rows) and intent.across_divisions:
        return (
            f"none of the {len(index.anchor_rows)} anchors draws a positive across a division "
            f"with seed {intent.seed}: take another sample, or widen tau"
        )
    if view is not None and index.matches is not None:
        return "no cell of this lineage matches another one"
    if view is not None:
        frames = [int(view.cells["t"].min()), int(view.cells["t"].max())]
        return (
            f"no two cells of this lineage (frames {frames[0]} to {frames[1]}) are as far apart "
            "as tau asks"
        )
    return error.problems[0].message
