"""What lines of a tree are coloured by: a number for each cell, in a few steps; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float64Array, Int64Array

Measure = Literal["nothing", "size", "brightness", "doubt"]
N_STEPS = 9
_ENDS = (4, 96)


@dataclass(frozen=True, eq=False)
class TreeValues:
    """A number for each cell of a tree.

    Attributes
    ----------
    measure : str
        One of `Measure`.
    unit : str
    values : ndarray of float64, shape (cells,)
        NaN where it is not known.
    """

    measure: Measure
    unit: str
    values: Float64Array

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The values of the first and the last step; those beyond are like them."""
        known = self.values[np.isfinite(self.values)]
        if not len(known):
            return 0.0, 0.0
        if self.measure == "doubt":
            return 0.0, max(float(known.max()), 0.1)
        low, high = np.percentile(known, _ENDS).tolist()
        return low, high

    @cached_property
    def steps(self) -> Int64Array:
        """Step of each cell, from 0 to `N_STEPS` - 1; -1 where its value is not known."""
        return self._steps(self.values)

    def of_tracks(self, track_of: Int64Array, n_tracks: int) -> Int64Array:
        """Give the step of each track by its mean; -1 where no value is known.

        Parameters
        ----------
        track_of : ndarray of int64, shape (cells,)
        n_tracks : int
        """
        known = np.isfinite(self.values)
        n_known = np.bincount(track_of[known], minlength=n_tracks)
        sums = np.bincount(track_of[known], self.values[known], minlength=n_tracks)
        means = np.full(n_tracks, np.nan)
        np.divide(sums, n_known, out=means, where=n_known > 0)
        return self._steps(means)

    def _steps(self, values: Float64Array) -> Int64Array:
        low, high = self.limits
        share = (values - low) / (high - low) if high > low else np.where(values > low, 1.0, 0.0)
        share = np.where(np.isfinite(values), np.clip(np.nan_to_num(share), 0, 1), -1)
        return np.where(share < 0, -1, np.rint(share * (N_STEPS - 1))).astype(np.int64)

    @property
    def words(self) -> tuple[str, str]:
        """What the first and the last step stand for."""
        low, high = self.limits
        unit = f" {self.unit}" if self.unit else ""
        first, last = (f"{end:,.0f}" if abs(end) >= 100 else f"{end:.3g}" for end in (low, high))
        return first, f"{last}{unit}"
