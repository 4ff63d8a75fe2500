"""Tau as people give it, in hours, and as frames of an experiment."""

from __future__ import annotations

from lineage_triplets.engine.errors import ConfigError, Problem

_MOST_FRAMES = 1_000_000


def tau_frames(hours: float, interval_minutes: float) -> int:
    """Hours as frames, rounded half to even as Python does: 1.5 and 2.5 frames are both 2."""
    return round(hours * 60 / interval_minutes)


def tau_range_in_frames(
    experiment: str, tau_range_hours: tuple[float, float], interval_minutes: float
) -> tuple[int, int]:
    """Give both ends of a range of tau in frames of one experiment.

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
    low, high = (tau_frames(hours, interval_minutes) for hours in tau_range_hours)
    return low, high
