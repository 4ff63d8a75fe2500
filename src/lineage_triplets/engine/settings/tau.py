"""Tau as people give it, in hours, and as frames of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lineage_triplets.engine.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

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
