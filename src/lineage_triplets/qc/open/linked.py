"""Tables with links cut and joined: of one FOV alone, and which tracks something is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.index.names import parse_word
from lineage_triplets.engine.plates.experiments import ExperimentRegistry
from lineage_triplets.engine.settings.model import Exclusions

if TYPE_CHECKING:
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.settings.model import DatasetConfig
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record.decision import Target
    from lineage_triplets.qc.record.effect import Effect


def linked_of_fov(
    data: ReviewData,
    source: FovSource,
    effect: Effect | None = None,
    settings: DatasetConfig | None = None,
) -> MultiExperimentIndex:
    """Give ``data.linked`` of one FOV alone, which takes no time that a person would notice.

    Parameters
    ----------
    data : ReviewData
    source : FovSource
        Of ``data.raw``.
    effect : Effect, optional
        Other decisions than those in effect.
    settings : DatasetConfig, optional
        Others than the data's.
    """
    experiment, fov, well = source.experiment, source.fov.name, source.fov.well_name
    opened = data.registry.get_opened(experiment)
    others = [name for name in opened.list_fovs([well])[0] if name != fov]
    narrowed = (settings or data.settings).model_copy(
        update={"include_wells": {experiment: [well]}, "exclude_fovs": {experiment: others}}
    )
    decided, place = effect or data.effect, (experiment, fov)
    return MultiExperimentIndex.of_what_loads(
        ExperimentRegistry.of_opened([opened], slot_labels=data.slot_labels),
        narrowed,
        Exclusions(),
        [cut for cut in decided.cut_list() if (cut.experiment, cut.fov) == place],
        [link for link in decided.link_list() if (link.experiment, link.fov) == place],
        read=data.tables,
    )


def parts_in(index: MultiExperimentIndex, target: Target) -> list[int]:
    """Give the tracks of a linked index that a target is, as `ReviewData.parts_of`."""
    fov, named = index.fov_number(target.experiment, target.fov), parse_word(target.track)
    if fov < 0 or named is None:
        return []
    parts = index.track_columns.parts
    track_id, cut_t = named
    cell = None if target.t is None else (track_id, target.t - (target.level == "link"))
    if target.level == "join":
        cell = target.daughter or 0, target.to_t or 0
    if cell is not None:
        part = parts.of_cell(fov, *cell)
        return [] if part < 0 else [int(parts.track[part])]
    own = parts.of_track(fov, track_id if target.daughter is None else target.daughter)
    tracks = parts.track[own]
    if target.daughter is not None:
        tracks = tracks[:1]
    elif cut_t >= 0:
        tracks = tracks[parts.cut_t[own] == cut_t]
    return list(dict.fromkeys(tracks.tolist()))
