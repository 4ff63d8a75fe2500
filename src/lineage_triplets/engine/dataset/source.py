"""The source of pairs and pixels, and what is said of them: the one path under training and review.

What batches say is made from whole columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.dataset.samples import Samples, drawn_slots
from lineage_triplets.engine.errors import ConfigError, NoAnchorsError, Problem, counted
from lineage_triplets.engine.pairs.forest import RELATION_LABELS, Relation
from lineage_triplets.engine.pairs.negatives import ExperimentPool, FovPool
from lineage_triplets.engine.pairs.randomness import (
    epoch_salt,
    observation_keys,
    streams,
)
from lineage_triplets.engine.reading.patches import PatchReader
from lineage_triplets.engine.settings.tau import TauLaw

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Int64Array, Pixels, UInt64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.index.rows import Observations
    from lineage_triplets.engine.settings.model import DatasetConfig


@dataclass(frozen=True)
class Pairs:
    """Drawn pairs as row numbers of the index's ``tracks``.

    Attributes
    ----------
    anchor, positive : ndarray of int64, shape (B,)
        `positive` is -1 where an anchor has none at any tau in range.
    tau_frames : ndarray of int64, shape (B,)
    negative : ndarray of int64, shape (B,), or None
    slot : ndarray of int64, shape (B,), or None
        Where a sample has one slot, which.
    """

    anchor: Int64Array
    positive: Int64Array
    tau_frames: Int64Array
    negative: Int64Array | None = None
    slot: Int64Array | None = None

    @property
    def parts(self) -> dict[str, Int64Array]:
        """The rows of anchors, positives and any negatives, by name."""
        parts = {"anchor": self.anchor, "positive": self.positive}
        return parts if self.negative is None else {**parts, "negative": self.negative}

    @property
    def rows(self) -> Int64Array:
        """The rows of all parts, one part after another."""
        return np.concatenate(list(self.parts.values()))

    @property
    def slots(self) -> Int64Array | None:
        """The slot of each of these rows."""
        return None if self.slot is None else np.tile(self.slot, len(self.parts))

    def part(self, start: int, stop: int) -> Pairs:
        """Give the pairs from `start` to `stop`."""
        chosen = slice(start, stop)
        return Pairs(
            self.anchor[chosen],
            self.positive[chosen],
            self.tau_frames[chosen],
            None if self.negative is None else self.negative[chosen],
            None if self.slot is None else self.slot[chosen],
        )


class PairSource:
    """Draws pairs from an index and reads their patches.

    Parameters
    ----------
    index : MultiExperimentIndex
    settings : DatasetConfig, optional
        How pairs are drawn and patches are read; the index's by default. Range of tau, relation and
        size of the patches are those of the index.
    among : ndarray of bool, optional
        Which rows of ``tracks`` anchors are drawn for, and negatives and positives by equal columns
        are drawn from, whole lineages: one side of a split. All by default.
    samples : Samples, optional
        Whether positives are the anchors themselves, whether a pair has one slot, and how far
        patches reach beyond their size.

    Raises
    ------
    ConfigError
        Negatives are asked for, and an experiment or FOV with anchors has one lineage only; an
        anchor among the rows matches none of them; or the data type cannot hold what a store holds.
    """

    def __init__(
        self,
        index: MultiExperimentIndex,
        settings: DatasetConfig | None = None,
        among: BoolArray | None = None,
        samples: Samples | None = None,
    ) -> None:
        self.index = index
        self.samples = samples or Samples()
        self._margin = self.samples.margin_pixels
        height, width = index.settings.yx_patch_size
        own = {"yx_patch_size": (height + 2 * self._margin, width + 2 * self._margin)}
        self.settings = (settings or index.settings).model_copy(update=own)
        self.law = TauLaw.build(index.tau_range_frames, self.settings.tau_decay_rate)
        rows, fov = index.observations, index.fov_of_row
        fov_keys = np.array([source.key for source in index.fovs], dtype=np.uint64)
        self._key = observation_keys(fov_keys[fov], index.track_id_of_row, rows.t)
        self.reader = PatchReader(index.fovs, self.settings)
        self._matches = index.matches
        if index.matches is not None and among is not None:
            self._matches = index.matches.among(among)
            self._require_matches(index.anchor_rows[among[index.anchor_rows]])
        self._n_slots = self.reader.patch_shape[0]
        self._of_one_slot: PatchReader | None = None
        if self.samples.slots == "one":
            # A FOV of each slot, so that nothing of the other slots is read.
            sources = [
                replace(source, channels=(channel,))
                for source in index.fovs
                for channel in source.channels
            ]
            self._of_one_slot = PatchReader(sources, self.settings)
        self._negatives: ExperimentPool | FovPool | None = None
        if self.settings.return_negative:
            rows_among = np.ones(len(index), dtype=bool) if among is None else among
            from_fov = self.settings.negative_from == "fov"
            make = self._fov_pool if from_fov else self._experiment_pool
            self._negatives = make(rows_among)

    def draw(self, anchor_rows: Int64Array, seed: int, epoch: int) -> Pairs:
        """Draw a positive (and a negative) for each anchor.

        What is drawn depends on the seed, the epoch, and the anchor's experiment, FOV, track and
        frame alone.

        Parameters
        ----------
        anchor_rows : ndarray of int64, shape (B,)
            Row numbers of the index's ``tracks``.
        seed, epoch : int
        """
        index = self.index
        stream = streams(self._key[anchor_rows], epoch_salt(seed, epoch))
        experiment = index.experiment_of_row[anchor_rows]
        if self.samples.positive == "self":
            positive, tau = anchor_rows, np.zeros(len(anchor_rows), dtype=np.int64)
        elif self._matches is not None:
            positive = self._matches.draw(anchor_rows, stream)
            tau = np.zeros(len(anchor_rows), dtype=np.int64)
        else:
            positive, tau = index.positives.draw(
                anchor_rows, experiment, stream, self.law, self.settings.tau_fallback
            )
        negative = None
        if self._negatives is not None:
            lineage = index.forest.lineage[index.observations.track[anchor_rows]]
            if isinstance(self._negatives, FovPool):
                t = index.observations.t[anchor_rows]
                negative = self._negatives.draw(lineage, index.fov_of_row[anchor_rows], t, stream)
            else:
                negative = self._negatives.draw(lineage, experiment, stream)
        slot = drawn_slots(stream, self._n_slots) if self._of_one_slot is not None else None
        return Pairs(anchor_rows, positive, tau, negative, slot)

    def relations(self, pairs: Pairs) -> tuple[Int64Array, Int64Array, Int64Array]:
        """Relate anchors and positives: relation, generations up, and down (see `Forest`).

        Those by equal columns are matched, whatever else they are, and 0 generations apart.
        """
        if self._matches is not None and self.samples.positive == "drawn":
            none = np.zeros(len(pairs.anchor), dtype=np.int64)
            return np.full(len(none), int(Relation.MATCHED)), none, none
        track = self.index.observations.track
        return self.index.forest.relations(track[pairs.anchor], track[pairs.positive])

    def read(self, rows: Int64Array, slot: Int64Array | None = None) -> Pixels:
        """Read the patches of some rows of ``tracks``: (B, C, Z, Y, X), C in slot order.

        With one slot a row, C is 1.
        """
        return self.with_borders(self.patch_reader.read(*self.located(rows, slot)), rows)

    @property
    def patch_reader(self) -> PatchReader:
        """What reads the patches of samples: of all slots, or of one slot each."""
        return self._of_one_slot or self.reader

    def located(self, rows: Int64Array, slot: Int64Array | None) -> tuple[Observations, Int64Array]:
        """Give observations and FOV numbers of some rows, as `patch_reader` takes them."""
        fov = self.index.fov_of_row[rows]
        if self._of_one_slot is not None and slot is not None:
            fov = fov * self._n_slots + slot
        return self.index.observations.take(rows), fov

    def with_borders(self, patches: Pixels, rows: Int64Array) -> Pixels:
        """Fill what a margin reaches beyond the images, if anything."""
        if self._margin and self.settings.border != "pad":
            observations, fov = self.index.observations.take(rows), self.index.fov_of_row[rows]
            self._repeat_borders(patches, observations, fov)
        return patches

    def _repeat_borders(self, patches: Pixels, observations: Observations, fov: Int64Array) -> None:
        """Fill what lies outside the images with the pixels of their borders."""
        _, top, left = self.reader.corners(observations, fov)
        for axis, corner in ((3, top), (4, left)):
            size = patches.shape[axis]
            shape = np.array([source.fov.shape[axis] for source in self.index.fovs])[fov]
            for number in np.flatnonzero((corner < 0) | (corner + size > shape)).tolist():
                place = np.arange(size) + corner[number]
                inside = np.clip(place, 0, shape[number] - 1) - corner[number]
                patches[number] = np.take(patches[number], inside, axis=axis - 1)

    def keys(self, rows: Int64Array) -> UInt64Array:
        """Give the 64-bit key of each row's observation, whatever row it stands in."""
        return self._key[rows]

    def centres(self, rows: Int64Array) -> list[tuple[float, float]]:
        """Give the (y, x) of each row's cell inside its patch, in pixels of the patch."""
        observations = self.index.observations.take(rows)
        _, top, left = self.reader.corners(observations, self.index.fov_of_row[rows])
        inside = zip(observations.y - top, observations.x - left, strict=True)
        return [(float(y), float(x)) for y, x in inside]

    def require_anchors(self) -> None:
        """Raise `NoAnchorsError` if there is nothing to draw from."""
        if len(self.index.anchor_rows):
            return
        reasons = [problem for problem in self.index.problems if problem.kind == "no-anchors"]
        raise NoAnchorsError(
            Problem("no-anchors", "there is no valid anchor in any experiment."), *reasons
        )

    def _require_matches(self, anchor_rows: Int64Array) -> None:
        """Raise if anchors of this side match observations of other sides alone."""
        if self._matches is None or self.samples.positive == "self":
            return
        alone = anchor_rows[self._matches.n_candidates(anchor_rows) == 0]
        if not len(alone):
            return
        columns = self.settings.positive_match or []
        source = self.index.fovs[int(self.index.fov_of_row[alone[0]])]
        raise ConfigError(
            Problem(
                "unmatched-anchors",
                f"{counted(len(alone), 'anchor')} of this side of the split match only others by "
                f"{', '.join(columns)}.",
                "Split so that what matches is on one side, or match by other columns.",
                experiment=source.experiment,
                fov=source.fov.name,
                field="positive_match",
                count=len(alone),
            )
        )

    def _experiment_pool(self, among: BoolArray) -> ExperimentPool:
        index = self.index
        n_experiments = len(index.registry.experiments)
        self._require_others(among, index.experiment_of_row, n_experiments)
        roots = np.flatnonzero(index.forest.parent < 0)
        experiment_of_lineage = index.experiment_of_fov[index.fov_of_track[roots]]
        first_lineage = np.searchsorted(experiment_of_lineage, np.arange(n_experiments + 1))
        # As for what is excluded: other rows stay in the pool, and are drawn again.
        is_there = np.append(among, False)[index.pool_row]
        pool_row = np.where(is_there, index.pool_row, -1)
        return ExperimentPool.build(pool_row, index.pool_lineage_start, first_lineage)

    def _fov_pool(self, among: BoolArray) -> FovPool:
        index = self.index
        self._require_others(among, index.fov_of_row, len(index.fovs))
        lineage = index.forest.lineage[index.observations.track]
        n_frames = np.array([source.fov.shape[0] for source in index.fovs], dtype=np.int64)
        return FovPool.build(
            np.flatnonzero(among), index.fov_of_row, index.observations.t, lineage, self._key,
            n_frames,
        )  # fmt: skip

    def _require_others(self, among: BoolArray, place: Int64Array, n_places: int) -> None:
        """Raise if an experiment or FOV (`place` of each row) has anchors, and one lineage only."""
        index = self.index
        lineage = index.forest.lineage[index.observations.track]
        pairs = np.unique(np.stack([place[among], lineage[among]]), axis=1)
        n_lineages = np.bincount(pairs[0], minlength=n_places)
        with_anchors = np.unique(place[index.anchor_rows[among[index.anchor_rows]]])
        for number in with_anchors[n_lineages[with_anchors] < 2]:
            if place is index.fov_of_row:
                source = index.fovs[number]
                raise _one_lineage(source.experiment, source.fov.name, split=not among.all())
            name = index.registry.experiments[number].name
            raise _one_lineage(name, "", split=not among.all())


def _one_lineage(experiment: str, fov: str, *, split: bool) -> ConfigError:
    place = "FOV" if fov else "experiment"
    side = " on this side of the split" if split else ""
    instead = "split by fov" if split else "exclude the FOV"
    return ConfigError(
        Problem(
            "one-lineage",
            f"negatives are asked for, and this {place} has one lineage only{side}.",
            f"Choose negative_from='experiment', or {instead}."
            if fov
            else "Leave return_negative off, or remove the experiment.",
            experiment=experiment,
            fov=fov,
            field="negative_from",
        )
    )


def observation_meta(index: MultiExperimentIndex, rows: Int64Array) -> list[dict[str, Any]]:
    """Identify some rows of ``tracks``: one dict a row."""
    return _dicts(_observation_columns(index, rows))


def positive_meta(source: PairSource, pairs: Pairs) -> list[dict[str, Any]]:
    """Identify positives, with tau and relation; ``generations`` is (up, down)."""
    index = source.index
    relation, up, down = source.relations(pairs)
    experiments = index.registry.experiments
    interval_minutes = np.array([config.interval_minutes for config in experiments])
    tau_hours = pairs.tau_frames * interval_minutes[index.experiment_of_row[pairs.anchor]] / 60
    return _dicts(
        {
            **_observation_columns(index, pairs.positive),
            "tau_frames": pairs.tau_frames.tolist(),
            "tau_hours": tau_hours.tolist(),
            "relation": RELATION_LABELS[relation].tolist(),
            "generations": list(zip(up.tolist(), down.tolist(), strict=True)),
        }
    )


def prediction_index(index: MultiExperimentIndex, rows: Int64Array) -> list[dict[str, Any]]:
    """Identify rows as the tables do; ``id`` and ``parent_id`` where the table has them."""
    observations = index.observations
    sources = [index.fovs[fov] for fov in index.fov_of_row[rows].tolist()]
    columns = {
        "experiment": [source.experiment for source in sources],
        "fov_name": [source.fov.name for source in sources],
        "track_id": index.track_id_of_row[rows].tolist(),
        "t": observations.t[rows].tolist(),
        "id": observations.id[rows].tolist(),
        "parent_track_id": index.track_columns.parent_track_id[observations.track[rows]].tolist(),
        "parent_id": observations.parent_id[rows].tolist(),
        "z": observations.z[rows].tolist(),
        "y": observations.y[rows].tolist(),
        "x": observations.x[rows].tolist(),
    }
    entries = _dicts(columns)
    for entry, source in zip(entries, sources, strict=True):
        if not source.has_id:
            del entry["id"]
        if not source.has_parent_id:
            del entry["parent_id"]
    return entries


def _observation_columns(index: MultiExperimentIndex, rows: Int64Array) -> dict[str, list[Any]]:
    observations = index.observations
    track = observations.track[rows]
    t = observations.t[rows]
    sources = [index.fovs[fov] for fov in index.fov_of_row[rows].tolist()]
    experiments = index.registry.experiments
    start_hpi = np.array([config.start_hpi for config in experiments])
    interval_minutes = np.array([config.interval_minutes for config in experiments])
    experiment = index.experiment_of_row[rows]
    hours = start_hpi[experiment] + t * interval_minutes[experiment] / 60
    return {
        "experiment": [source.experiment for source in sources],
        "fov_name": [source.fov.name for source in sources],
        "track_id": index.track_id_of_row[rows].tolist(),
        "global_track_id": index.names.of_tracks(track),
        "lineage_id": index.names.of_tracks(index.forest.root[track]),
        "t": t.tolist(),
        "y": observations.y[rows].tolist(),
        "x": observations.x[rows].tolist(),
        "condition": [source.condition for source in sources],
        "hours_post_infection": hours.tolist(),
    }


def _dicts(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
