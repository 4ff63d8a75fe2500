"""Tau: hours as frames of an experiment, and the law by which one is drawn.

p(tau) ∝ exp(-decay · (tau - tau_min) / (tau_max - tau_min)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.engine.settings.model import ExperimentConfig

_MOST_FRAMES = 1_000_000


def tau_frames(hours: float, interval_minutes: float) -> int:
    """Hours as frames, rounded half to even as Python does: 1.5 and 2.5 frames are both 2."""
    return round(hours * 60 / interval_minutes)


class TauFrames(NamedTuple):
    """A range of tau in frames of one experiment, as rounded and as it is drawn from.

    Attributes
    ----------
    low, high : int
        Both ends of the range in frames, both included. Tau is never 0, whatever `low` is.
    """

    low: int
    high: int

    @classmethod
    def of_hours(
        cls, tau_range_hours: tuple[float, float], interval_minutes: float, experiment: str
    ) -> TauFrames:
        """Turn hours into frames of an experiment.

        Raises
        ------
        ConfigError
            It is more than a million frames.
        """
        if tau_range_hours[1] * 60 / interval_minutes > _MOST_FRAMES:
            raise ConfigError(
                Problem(
                    "bad-interval",
                    f"tau up to {tau_range_hours[1]:g} h is more than {_MOST_FRAMES} frames at "
                    f"{interval_minutes:g} min.",
                    "Check interval_minutes and tau_range_hours.",
                    experiment=experiment,
                    field="interval_minutes",
                )
            )
        return cls(*(tau_frames(hours, interval_minutes) for hours in tau_range_hours))

    @property
    def first(self) -> int:
        """Least tau that is drawn, in frames."""
        return max(1, self.low)

    @property
    def last(self) -> int:
        """Largest tau that is drawn, in frames; below `first` where nothing is drawn."""
        return self.high

    @property
    def is_empty(self) -> bool:
        """Whether there is no tau to draw."""
        return self.last < self.first

    @property
    def is_single(self) -> bool:
        """Whether there is one tau to draw."""
        return self.last == self.first

    @property
    def words(self) -> str:
        """What is drawn from, in frames: ``"2 to 8"``, ``"2"`` or ``"none"``."""
        if self.is_empty:
            return "none"
        return str(self.first) if self.is_single else f"{self.first} to {self.last}"


def tau_ranges(
    experiments: Iterable[ExperimentConfig], tau_range_hours: tuple[float, float]
) -> tuple[list[TauFrames], list[Problem]]:
    """Turn hours into frames of every experiment; no frame, and a problem, where that cannot be."""
    ranges: list[TauFrames] = []
    problems: list[Problem] = []
    for config in experiments:
        try:
            frames = TauFrames.of_hours(tau_range_hours, config.interval_minutes, config.name)
        except ConfigError as error:
            problems += error.problems
            frames = TauFrames(0, 0)
        ranges.append(frames)
    return ranges, problems


def tau_distribution(
    tau_min: int, tau_max: int, decay_rate: float = 2.0
) -> tuple[Int64Array, Float64Array]:
    """Give the taus in frames from `tau_min` to `tau_max` (both included) and their probabilities.

    Raises
    ------
    ConfigError
        `tau_min` is larger than `tau_max`.
    """
    if tau_min > tau_max:
        raise ConfigError(
            Problem(
                "bad-tau",
                f"tau_min {tau_min} is larger than tau_max {tau_max}.",
                "Swap them.",
                field="tau_range_hours",
            )
        )
    taus = np.arange(tau_min, tau_max + 1, dtype=np.int64)
    weights = np.exp(_log_weights(taus, decay_rate))
    return taus, weights / weights.sum()


def _log_weights(taus: Int64Array, decay_rate: float) -> Float64Array:
    """Logarithms of the law up to a factor, the largest being 0."""
    exponents = -decay_rate * (np.arange(len(taus)) / max(len(taus) - 1, 1))
    log_weights: Float64Array = exponents - exponents.max(initial=-np.inf)
    return log_weights


def sample_tau(
    tau_min: int, tau_max: int, rng: np.random.Generator, decay_rate: float = 2.0
) -> int:
    """Draw one tau in frames, both ends included.

    Examples
    --------
    >>> import numpy as np
    >>> from lineage_triplets import sample_tau
    >>> sample_tau(2, 6, np.random.default_rng(0)) in range(2, 7)
    True
    """
    taus, probabilities = tau_distribution(tau_min, tau_max, decay_rate)
    return int(rng.choice(taus, p=probabilities))


@dataclass(frozen=True)
class TauLaw:
    """The laws of all experiments in one table, so that a batch is drawn at once.

    Attributes
    ----------
    first, last : ndarray of int64, shape (experiments,)
        Effective range in frames, never below 1; ``last < first`` where there is no tau.
    start : ndarray of int64, shape (experiments + 1,)
        Where an experiment's taus begin in the tables below.
    tau : ndarray of int64
    log_weight : ndarray of float64
        Logarithm of each tau's probability, up to a factor for each experiment.
    """

    first: Int64Array
    last: Int64Array
    start: Int64Array
    tau: Int64Array
    log_weight: Float64Array
    _upper: Float64Array

    @classmethod
    def build(cls, ranges: Sequence[TauFrames], decay_rate: float) -> TauLaw:
        """Build from one range an experiment."""
        first = np.array([frames.first for frames in ranges], dtype=np.int64)
        last = np.array([frames.last for frames in ranges], dtype=np.int64)
        taus = [np.arange(low, high + 1) for low, high in zip(first, last, strict=True)]
        log_weights = [_log_weights(tau, decay_rate) for tau in taus]
        upper = []
        for experiment, log_weight in enumerate(log_weights):
            cumulative = np.cumsum(np.exp(log_weight))
            upper.append(experiment + cumulative / cumulative[-1:])
        return cls(
            first,
            last,
            np.concatenate([[0], np.cumsum([len(tau) for tau in taus])]).astype(np.int64),
            np.concatenate([np.empty(0, np.int64), *taus]),
            np.concatenate([np.empty(0), *log_weights]),
            np.concatenate([np.empty(0), *upper]),
        )

    def draw(self, experiment: Int64Array, uniform: Float64Array) -> Int64Array:
        """Draw one tau for each (experiment, number in [0, 1)); experiments have a tau."""
        place = np.searchsorted(self._upper, experiment + uniform, side="right")
        return self.tau[np.minimum(place, self.start[experiment + 1] - 1)]
