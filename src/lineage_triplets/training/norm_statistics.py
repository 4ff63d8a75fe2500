"""What normalizes each patch and slot of a batch, from the statistics that its FOVs have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lineage_triplets.engine.errors import ConfigError, Problem, choices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import Float32Array, Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex


class SlotStatistics:
    """Two statistics of each sample and slot: one that is taken off, one that is divided by.

    Parameters
    ----------
    index : MultiExperimentIndex
    level : str
        "fov_statistics", "dataset_statistics" or "timepoint_statistics".
    names : (str, str)
        Such as ``("mean", "std")``.
    """

    def __init__(self, index: MultiExperimentIndex, level: str, names: tuple[str, str]) -> None:
        self._level = level
        self._names = names
        self._channels = {
            (source.experiment, source.fov.name): _channel_names(index, number)
            for number, source in enumerate(index.fovs)
        }
        self._known: dict[tuple[str, str, int], Float32Array] = {}

    def of(
        self,
        meta: dict[str, Any],
        statistics: Sequence[dict[str, Any] | None],
        slot: Int64Array | None = None,
    ) -> dict[str, torch.Tensor]:
        """Look up some samples.

        Parameters
        ----------
        meta : dict of str to ndarray
            ``experiment``, ``fov_name`` and ``t`` of each sample.
        statistics : sequence of dict or None
            As batches have them, ``{channel: {level: {statistic: number}}}``.
        slot : ndarray of int64, optional
            Which slot each sample has, where it has one.

        Returns
        -------
        dict of str to Tensor, shape (B, C)

        Raises
        ------
        ConfigError
            A statistic is absent, or no number that can be normalized by.
        """
        by_frame = self._level == "timepoint_statistics"
        frames = meta["t"].tolist() if by_frame else [-1] * len(statistics)
        places = zip(meta["experiment"].tolist(), meta["fov_name"].tolist(), frames, strict=True)
        rows = [
            self._of_fov(*place, found) for place, found in zip(places, statistics, strict=True)
        ]
        both = np.stack(rows)
        if slot is not None:
            both = np.take_along_axis(both, slot[:, None, None], axis=2)
        return {name: torch.from_numpy(both[:, k].copy()) for k, name in enumerate(self._names)}

    def _of_fov(
        self, experiment: str, fov: str, t: int, statistics: dict[str, Any] | None
    ) -> Float32Array:
        """Both statistics of all slots: shape (2, C)."""
        key = (experiment, fov, t)
        if key not in self._known:
            columns = [
                self._of_channel(channel, statistics, key)
                for channel in self._channels[experiment, fov]
            ]
            self._known[key] = np.array(columns, dtype=np.float32).T
        return self._known[key]

    def _of_channel(
        self, channel: str, statistics: dict[str, Any] | None, key: tuple[str, str, int]
    ) -> tuple[float, float]:
        experiment, fov, t = key
        found: Any = (statistics or {}).get(channel)
        of_level = found.get(self._level) if isinstance(found, dict) else None
        if t >= 0 and isinstance(of_level, dict):
            of_level = of_level.get(str(t))
        centre, scale = (
            _number(of_level.get(name)) if isinstance(of_level, dict) else math.nan
            for name in self._names
        )
        frame = f" of frame {t}" if t >= 0 else ""
        if not (math.isfinite(centre) and math.isfinite(scale)):
            known = [name for name, value in (statistics or {}).items() if isinstance(value, dict)]
            raise _refused(
                experiment,
                fov,
                f"{self._level}{frame} of channel {channel!r} have no "
                f"{' and '.join(self._names)}; statistics are of: {choices(known)}.",
                "`lineage-triplets stats CONFIG` computes them and says the key with which the "
                "config names them; or normalize by 'patch'.",
            )
        if scale < 0 or (scale == 0 and self._names[1] != "std"):
            raise _refused(
                experiment,
                fov,
                f"the {self._names[1]} in {self._level}{frame} of channel {channel!r} is "
                f"{scale:g}, by which nothing can be divided.",
                "Normalize by the mean (normalize_by), or by 'patch'.",
            )
        # With a deviation of 0 all pixels are the mean: they become 0 whatever divides them.
        return centre, scale or 1.0


def _channel_names(index: MultiExperimentIndex, fov: int) -> list[str]:
    """Name the channel of each slot as the FOV's statistics do: by the store's own label."""
    source = index.fovs[fov]
    names = index.registry.experiments[source.experiment_number].channel_names
    labels = source.fov.channel_labels
    return [
        (labels[channel] if channel < len(labels) else None) or names[channel]
        for channel in source.channels
    ]


def _number(value: Any) -> float:
    """A statistic as a number; NaN for what is none."""
    return float(value) if isinstance(value, (int, float, torch.Tensor)) else math.nan


def _refused(experiment: str, fov: str, message: str, remedy: str) -> ConfigError:
    return ConfigError(
        Problem("no-statistics", message, remedy, experiment=experiment, fov=fov, field="normalize")
    )
