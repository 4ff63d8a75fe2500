"""The source of pairs and pixels: the one code path under training and review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ConfigError, NoAnchorsError, Problem
from lineage_triplets.engine.pairs.negatives import ExperimentPool, FovPool
from lineage_triplets.engine.pairs.randomness import (
    UInt64Array,
    epoch_salt,
    observation_keys,
    streams,
)
from lineage_triplets.engine.pairs.tau import TauLaw
from lineage_triplets.engine.reading.patches import PatchReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import (
        DatasetConfig,
        DtypeName,
        MissingChunks,
        NegativeFrom,
        ReadStrategyName,
        TauFallback,
    )

    Int64Array = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Drawn pairs as row numbers of the index's ``tracks``.

    Attributes
    ----------
    anchor, positive : ndarray of int64, shape (B,)
        `positive` is -1 where an anchor has none at any tau in range.
    tau_frames : ndarray of int64, shape (B,)
    negative : ndarray of int64, shape (B,), or None
    """

    anchor: Int64Array
    positive: Int64Array
    tau_frames: Int64Array
    negative: Int64Array | None = None


class PairSource:
    """Draws pairs from an index and reads their patches.

    Parameters
    ----------
    index : MultiExperimentIndex
    tau_decay_rate : float
        Decay of the law of tau; 0 is uniform.
    tau_fallback : {"scan", "renormalize"}
        What happens where the lineage has nobody at the drawn tau.
    return_negative : bool
        Whether pairs get a negative.
    negative_from : {"experiment", "fov"}
        Where negatives come from.
    dtype : str
        Data type of the patches.
    missing_chunks : {"warn", "error", "fill"}
        What a chunk that was never written means.
    cache_pool_bytes : int, optional
        Memory for decoded chunks; 0 keeps none. By default a share of what the process may use.
    read_strategy : {"auto", "blosc-blocks", "tensorstore"}
        How pixels are read; they are the same in each way.

    Raises
    ------
    ConfigError
        Negatives are asked for, and an experiment or FOV with anchors has one lineage only.
    """

    def __init__(
        self,
        index: MultiExperimentIndex,
        *,
        tau_decay_rate: float = 2.0,
        tau_fallback: TauFallback = "scan",
        return_negative: bool = False,
        negative_from: NegativeFrom = "experiment",
        dtype: DtypeName = "float32",
        missing_chunks: MissingChunks = "warn",
        cache_pool_bytes: int | None = None,
        read_strategy: ReadStrategyName = "auto",
    ) -> None:
        self.index = index
        self.tau_fallback = tau_fallback
        self.law = TauLaw.build(index.tau_range_frames, tau_decay_rate)
        rows, fov = index.observations, index.fov_of_row
        fov_keys = np.array([one.key for one in index.fovs], dtype=np.uint64)
        self._key = observation_keys(fov_keys[fov], index.track_id_of_row, rows.t)
        self.reader = PatchReader(
            index.fovs,
            index.settings.yx_patch_size,
            dtype=dtype,
            missing_chunks=missing_chunks,
            cache_pool_bytes=cache_pool_bytes,
            strategy=read_strategy,
        )
        self._negatives: ExperimentPool | FovPool | None = None
        if return_negative:
            self._negatives = (
                self._fov_pool() if negative_from == "fov" else self._experiment_pool()
            )

    @classmethod
    def of_settings(cls, index: MultiExperimentIndex, settings: DatasetConfig) -> PairSource:
        """Make a source as a config's dataset section says; raises as the constructor."""
        return cls(
            index,
            tau_decay_rate=settings.tau_decay_rate,
            tau_fallback=settings.tau_fallback,
            return_negative=settings.return_negative,
            negative_from=settings.negative_from,
            dtype=settings.dtype,
            missing_chunks=settings.missing_chunks,
            cache_pool_bytes=settings.cache_pool_bytes,
            read_strategy=settings.read_strategy,
        )

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
        positive, tau = index.positives.draw(
            anchor_rows, experiment, stream, self.law, self.tau_fallback
        )
        negative = None
        if self._negatives is not None:
            lineage = index.forest.lineage[index.observations.track[anchor_rows]]
            if isinstance(self._negatives, FovPool):
                t = index.observations.t[anchor_rows]
                negative = self._negatives.draw(lineage, index.fov_of_row[anchor_rows], t, stream)
            else:
                negative = self._negatives.draw(lineage, experiment, stream)
        return Pairs(anchor_rows, positive, tau, negative)

    def relations(self, pairs: Pairs) -> tuple[Int64Array, Int64Array, Int64Array]:
        """Relate anchors and positives: relation, generations up, and down (see `Forest`)."""
        track = self.index.observations.track
        return self.index.forest.relations(track[pairs.anchor], track[pairs.positive])

    def read(self, rows: Int64Array) -> NDArray[np.generic]:
        """Read the patches of some rows of ``tracks``: (B, C, Z, Y, X), C in slot order."""
        return self.reader.read(self.index.observations.take(rows), self.index.fov_of_row[rows])

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
        reasons = [one for one in self.index.problems if one.kind == "no-anchors"]
        raise NoAnchorsError(
            Problem("no-anchors", "there is no valid anchor in any experiment."), *reasons
        )

    def _experiment_pool(self) -> ExperimentPool:
        index = self.index
        n_experiments = len(index.registry.experiments)
        lineage = index.forest.lineage[index.observations.track]
        pairs = np.unique(np.stack([index.experiment_of_row, lineage]), axis=1)
        n_lineages = np.bincount(pairs[0], minlength=n_experiments)
        with_anchors = np.unique(index.experiment_of_row[index.anchor_rows])
        for number in with_anchors[n_lineages[with_anchors] < 2]:
            raise _one_lineage(index.registry.experiments[number].name, "")
        fov_experiment = np.array([one.experiment_number for one in index.fovs], dtype=np.int64)
        roots = np.flatnonzero(index.forest.parent < 0)
        experiment_of_lineage = fov_experiment[index.fov_of_track[roots]]
        first_lineage = np.searchsorted(experiment_of_lineage, np.arange(n_experiments + 1))
        return ExperimentPool.build(index.pool_row, index.pool_lineage_start, first_lineage)

    def _fov_pool(self) -> FovPool:
        index = self.index
        lineage = index.forest.lineage[index.observations.track]
        pairs = np.unique(np.stack([index.fov_of_row, lineage]), axis=1)
        n_lineages = np.bincount(pairs[0], minlength=len(index.fovs))
        with_anchors = np.unique(index.fov_of_row[index.anchor_rows])
        for number in with_anchors[n_lineages[with_anchors] < 2]:
            source = index.fovs[number]
            raise _one_lineage(source.experiment, source.fov.name)
        n_frames = np.array([one.fov.shape[0] for one in index.fovs], dtype=np.int64)
        return FovPool.build(index.fov_of_row, index.observations.t, lineage, self._key, n_frames)


def _one_lineage(experiment: str, fov: str) -> ConfigError:
    place = "FOV" if fov else "experiment"
    return ConfigError(
        Problem(
            "one-lineage",
            f"negatives are asked for, and this {place} has one lineage only.",
            "Choose negative_from='experiment', or exclude the FOV."
            if fov
            else "Leave return_negative off, or remove the experiment.",
            experiment=experiment,
            fov=fov,
            field="negative_from",
        )
    )
