"""What the sampler is told about columns of ``index.tracks``, as numbers of each anchor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lineage_triplets.engine.errors import ConfigError, Problem, choices, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine import MultiExperimentIndex
    from lineage_triplets.engine.arrays import Float64Array, Int64Array

    Weights = str | Mapping[str, Mapping[Any, float]] | Sequence[float] | Float64Array | None

# A weight of less beside the largest one would never be drawn.
_NEGLIGIBLE = 1e-12


class Columns:
    """Columns of the anchors of a dataset.

    Parameters
    ----------
    index : MultiExperimentIndex
    rows : ndarray of int64
        Row of ``index.tracks`` of each anchor.
    """

    def __init__(self, index: MultiExperimentIndex, rows: Int64Array) -> None:
        self._index = index
        self._rows = rows
        self._table: pd.DataFrame | None = None

    def column(self, name: str, field: str) -> pd.Series[Any]:
        """Give one column.

        Raises
        ------
        ConfigError
            There is none of that name.
        """
        if self._table is None:
            self._table = self._index.describe(self._rows)
        if name not in self._table:
            raise ConfigError(
                Problem(
                    "unknown-column",
                    f"the tracks have no column {name!r}.",
                    nearest(name, list(map(str, self._table))),
                    field=field,
                )
            )
        return self._table[name]

    def numbers(self, names: Sequence[str] | str, field: str) -> Int64Array:
        """Number the values, or combinations of values, of some columns from 0 on."""
        names = [names] if isinstance(names, str) else names
        number = np.zeros(len(self._rows), dtype=np.int64)
        for name in names:
            values, _ = pd.factorize(self.column(name, field), use_na_sentinel=False)
            combined = number * (int(values.max(initial=0)) + 1) + values
            number = np.unique(combined, return_inverse=True)[1]
        return number

    def weights(self, weights: Weights) -> Float64Array | None:
        """Give each anchor's weight.

        Parameters
        ----------
        weights : str, mapping, sequence of float or None
            A column whose values shall all be drawn equally often; or
            ``{column: {value: weight}}``, 1 for values that are not named; or one an anchor.

        Raises
        ------
        ConfigError
            A weight is negative or no number, all are 0, or their number is not the anchors'.
        """
        if weights is None:
            return None
        n = len(self._rows)
        if isinstance(weights, str):
            number = self.numbers(weights, "weights")
            found = 1 / np.bincount(number)[number]
        elif isinstance(weights, Mapping):
            found = np.ones(n)
            for name, of_value in weights.items():
                found *= self._of_values(name, of_value)
        else:
            found = np.asarray(weights, dtype=np.float64)
            if found.shape != (n,):
                raise _bad_weights(
                    f"there are {found.size:,} weights for {n:,} anchors.",
                    "Give one an anchor, in the dataset's order.",
                )
        if not (np.isfinite(found) & (found >= 0)).all():
            raise _bad_weights("a weight is negative or no number.", "Give numbers from 0 on.")
        if not found.any():
            raise _bad_weights(
                "all anchors have a weight of 0, so that there is nothing to draw.",
                "Give some of them a weight above 0.",
            )
        return found

    def _of_values(self, name: str, of_value: Mapping[Any, float]) -> Float64Array:
        if not isinstance(of_value, Mapping):
            raise _bad_weights(
                f"the weights of {name!r} are {of_value!r}.",
                "Give {column: {value: weight}}, such as {'condition': {'infected': 2}}.",
            )
        column = self.column(name, "weights")
        unknown = [value for value in of_value if not (column == value).any()]
        if unknown:
            raise _bad_weights(
                f"no anchor has {name} {choices(map(repr, unknown))}.",
                f"There is: {choices(column.unique())}.",
            )
        found = np.ones(len(column))
        for value, weight in of_value.items():
            found[(column == value).to_numpy()] = weight
        return found

    def concentration(self, concentrate: tuple[float, float] | None) -> Float64Array | None:
        """Weigh anchors by a bell around some hours after the perturbation.

        Parameters
        ----------
        concentrate : (float, float), optional
            Its centre, and its width as standard deviation, in hours.

        Raises
        ------
        ConfigError
            The width is not above 0, or no anchor is anywhere near.
        """
        if concentrate is None:
            return None
        centre_hours, width_hours = (float(hours) for hours in concentrate)
        if not (np.isfinite(centre_hours) and np.isfinite(width_hours) and width_hours > 0):
            raise _bad_weights(
                f"concentrate is {concentrate}.",
                "Give (centre, width) in hours after the perturbation, with a width above 0.",
                "concentrate",
            )
        hours = self.column("hours_post_infection", "concentrate").to_numpy()
        found = np.asarray(np.exp(-0.5 * ((hours - centre_hours) / width_hours) ** 2))
        if found.max(initial=0) < _NEGLIGIBLE:
            raise _bad_weights(
                f"no anchor is near {centre_hours:g} h: they are from {hours.min():g} to "
                f"{hours.max():g} h.",
                "Choose a centre among them, or a larger width.",
                "concentrate",
            )
        return found


def _bad_weights(message: str, remedy: str, field: str = "weights") -> ConfigError:
    return ConfigError(Problem("bad-weights", message, remedy, field=field))
