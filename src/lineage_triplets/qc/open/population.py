"""What an experiment's pairs are drawn from, as hashes: the same as long as the pairs are.

Paths, seed and epoch are no part of it, nor the reasons of decisions; neither is a decision that
leaves out nothing. What a pair shows is: patch, slices, slots and the images' metadata.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex

_VERSION = "population/1"


@dataclass(frozen=True, eq=False)
class Population:
    """The pairs that training may draw of one experiment.

    Attributes
    ----------
    experiment : str
    anchors : ndarray of int64
        Rows of the index that are valid anchors.
    parts : mapping of str to str
        Hashes: ``cells`` (who is there, where, and of which lineage), ``law`` (how anchor and
        positive are drawn), ``patch`` (size, slices), ``slots`` (channels), ``images`` (their
        metadata).
    hash : str
        Of all parts.
    """

    experiment: str
    anchors: Int64Array
    parts: Mapping[str, str]

    @property
    def hash(self) -> str:
        """Hash of all parts."""
        return _hash([_VERSION, *sorted(self.parts.items())])

    @property
    def seed(self) -> int:
        """What every sample of this population is drawn with: nobody chooses it."""
        return int(_hash(["seed", self.hash]), 16) >> 65


def population_of(index: MultiExperimentIndex, experiment: str) -> Population:
    """Describe what an index draws an experiment's pairs from.

    Raises
    ------
    UnknownNameError
        There is no such experiment.
    """
    opened = index.registry.get_opened(experiment)
    number = [config.name for config in index.registry.experiments].index(opened.config.name)
    anchors = _range(index.experiment_of_row[index.anchor_rows], number)
    settings, frames = index.settings, index.tau_range_frames[number]
    rows = _range(index.experiment_of_row, number)
    sources = [index.fovs[fov] for fov in np.unique(index.fov_of_row[rows]).tolist()]
    law: list[object] = [
        frames.first, frames.last, settings.tau_decay_rate, settings.tau_fallback,
        settings.positive_relation,
    ]  # fmt: skip
    if settings.positive_match is not None:
        law.append(settings.positive_match)
    slots = [
        list(opened.config.source_channel), sorted({source.channels for source in sources})
    ]  # fmt: skip
    patch = [
        settings.yx_patch_size, settings.border,
        sorted({(source.z_start, source.depth, *source.z_starts) for source in sources}, key=str),
    ]  # fmt: skip
    images = [
        [source.fov.name, source.fov.axes, source.fov.shape, source.fov.dtype,
         source.fov.channel_names]
        for source in sources
    ]  # fmt: skip
    parts = {
        "cells": _cells(index, rows, anchors),
        "law": _hash(law),
        "patch": _hash(patch),
        "slots": _hash(slots),
        "images": _hash(images),
    }
    return Population(experiment, index.anchor_rows[anchors], parts)


def _range(number_of: Int64Array, number: int) -> slice:
    """Where an experiment's rows are: they follow each other."""
    first, end = np.searchsorted(number_of, [number, number + 1])
    return slice(int(first), int(end))


def _cells(index: MultiExperimentIndex, rows: slice, anchors: slice) -> str:
    """Hash who is there, where, who descends from whom, and who is an anchor."""
    digest = hashlib.blake2b(digest_size=16)
    observations, forest = index.observations, index.forest
    track = observations.track[rows]
    present, of_row = np.unique(track, return_inverse=True)
    fov, of_track = np.unique(index.fov_of_track[present], return_inverse=True)
    digest.update(json.dumps([index.fovs[number].fov.name for number in fov.tolist()]).encode())
    root = forest.root[present]
    columns = index.track_columns
    # Numbers within the FOV and lineage, so that other experiments change none of them.
    of_tracks = (
        of_track, columns.track_id[present], columns.cut_t[present], columns.track_id[root],
        columns.cut_t[root], forest.enter[present] - forest.enter[root],
        forest.leave[present] - forest.enter[root],
    )  # fmt: skip
    of_rows = [
        of_row, observations.t[rows], observations.z[rows], observations.y[rows],
        observations.x[rows], observations.y_clamp[rows], observations.x_clamp[rows],
        index.anchor_rows[anchors] - rows.start,
    ]  # fmt: skip
    # Draws follow the tables' own numbers, which those of tracks are but where parts were joined.
    if (observations.track_id[rows] != columns.track_id[track]).any():
        of_rows.append(observations.track_id[rows])
    for values in (*of_tracks, *of_rows):
        digest.update(np.ascontiguousarray(values).tobytes())
        digest.update(b"|")
    return digest.hexdigest()


def _hash(content: object) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
