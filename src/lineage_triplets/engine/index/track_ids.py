"""Tracks and lineages of an index by the ids that people see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem, choices

if TYPE_CHECKING:
    from lineage_triplets.engine.index.index import MultiExperimentIndex


# As ids are written: another spelling of a number would name nothing in an exported config.
_TRACK_WORD = re.compile(r"(0|-?[1-9]\d*)(@(0|[1-9]\d*))?", re.ASCII)


def find_lineage(index: MultiExperimentIndex, lineage_id: str) -> int:
    """Give the number of a lineage's root track.

    Raises
    ------
    ConfigError
        There is no such lineage; of a track that is no root the lineage is named.
    """
    track = find_track(index, lineage_id)
    root = int(index.forest.root[track]) if track >= 0 else -1
    if track >= 0 and root == track:
        return track
    if track >= 0:
        parent = track_id_text(index, root)
        remedy = f"It is a track of the lineage {parent!r}."
    else:
        roots = np.flatnonzero(index.forest.parent < 0)[:5]
        names = choices(track_id_text(index, int(one)) for one in roots)
        remedy = f"Lineages are named by their root: {names}, …"
    raise ConfigError(Problem("unknown-lineage", f"there is no lineage {lineage_id!r}.", remedy))


def find_track(index: MultiExperimentIndex, global_track_id: str) -> int:
    """Give the number of a track; -1 where there is none."""
    for number, source in enumerate(index.fovs):
        prefix = f"{source.experiment}_{source.fov.name}_"
        if not global_track_id.startswith(prefix):
            continue
        word = global_track_id[len(prefix) :]
        if not _TRACK_WORD.fullmatch(word):
            continue
        name, _, frame = word.partition("@")
        track_id, cut_t = int(name), int(frame) if frame else -1
        columns = index.track_columns
        low, high = np.searchsorted(columns.fov, [number, number + 1])
        own = slice(int(low), int(high))
        found = np.flatnonzero((columns.track_id[own] == track_id) & (columns.cut_t[own] == cut_t))
        if len(found):
            return int(low + found[0])
    return -1


def track_id_text(index: MultiExperimentIndex, track: int) -> str:
    """``global_track_id`` of one track."""
    source = index.fovs[int(index.fov_of_track[track])]
    return f"{source.experiment}_{source.fov.name}_{track_word(index, track)}"


def track_word(index: MultiExperimentIndex, track: int) -> str:
    """Give a track's number within its FOV, with ``@t`` after a cut."""
    cut_t = int(index.track_columns.cut_t[track])
    number = int(index.track_columns.track_id[track])
    return f"{number}@{cut_t}" if cut_t >= 0 else str(number)
