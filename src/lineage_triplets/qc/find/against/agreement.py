"""How many links of two tables agree, and what that says of other movies of the kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaincinv, stdtrit

if TYPE_CHECKING:
    from typing import Literal

    from lineage_triplets.engine.arrays import Int64Array

CONFIDENCE = 0.95
ENOUGH_FOVS = 8
_LINKS_OF_AN_EVENT = 4.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the tables of an experiment agree with another's.

    Attributes
    ----------
    experiment : str
    fovs : int
        FOVs for which both have a table: all numbers are of these.
    within_px : float
        Cells of a frame nearer than this may be one.
    cells, other_cells, matched : int
        Cells and frames of this table, of the other, and those that are one.
    links, other_links : int
        All links of either table.
    agreed : int
        Links between cells that both have, which both tables have; cells between them that only
        one has are passed over.
    wrong, missed : int
        Of this table and not the other; of the other and not this one. A cell that follows another
        one in the other table has one of each.
    not_comparable, other_not_comparable : int
        Links of either table that are on no way between two cells that both have.
    divisions, other_divisions, divisions_agreed : int
        Cells that go on as two or more which both tables have; with the same daughters.
    unit : {"FOVs", "lineages"}
        What was taken for independent.
    n_units : int
    low, high : float
        Limits of the `share`, 95 %.
    """

    experiment: str
    fovs: int
    within_px: float
    cells: int
    other_cells: int
    matched: int
    links: int
    other_links: int
    agreed: int
    wrong: int
    missed: int
    not_comparable: int
    other_not_comparable: int
    divisions: int
    other_divisions: int
    divisions_agreed: int
    unit: Literal["FOVs", "lineages"]
    n_units: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Share of the links, of either table, that both have; NaN where none can be compared."""
        compared = self.agreed + self.wrong + self.missed
        return self.agreed / compared if compared else float("nan")

    @property
    def unmatched(self) -> int:
        """Cells of this table that the other lacks."""
        return self.cells - self.matched

    @property
    def other_unmatched(self) -> int:
        """Cells of the other table that this one lacks."""
        return self.other_cells - self.matched


def share_limits(
    agreed: Int64Array, compared: Int64Array, event_links: Int64Array
) -> tuple[float, float]:
    """Give the limits of a share of links that come in lineages or FOVs.

    Links of one lineage are not independent, so there are fewer of them than it seems. How many
    they are worth is told from how the share varies between units, and from how many links one
    mistake takes along; for so many the limits are exact (Korn and Graubard, Survey Methodology 24,
    1998, after Clopper and Pearson).

    Parameters
    ----------
    agreed, compared : ndarray of int64, shape (units,)
        Links that agree, and all, of each.
    event_links : ndarray of int64, shape (events,)
        Links that differ together. One event of four, as an exchange is, is always added to them:
        where few differ, they tell little.

    Returns
    -------
    low, high : float
        0 and 1 for fewer than two units.
    """
    kept = compared > 0
    agreed, compared = agreed[kept], compared[kept]
    n_units, n_links = len(compared), int(compared.sum())
    if n_units < 2:
        return 0.0, 1.0
    share = float(agreed.sum() / n_links)
    events = np.append(event_links, _LINKS_OF_AN_EVENT)
    effect = float((events**2).sum() / events.sum())
    if 0 < share < 1:
        apart = agreed - share * compared
        variance = n_units / (n_units - 1) * float((apart**2).sum()) / n_links**2
        effect = max(effect, variance * n_links / (share * (1 - share)))
    tail = (1 - CONFIDENCE) / 2
    wider = stdtrit(max(n_links - 1, 1), 1 - tail) / stdtrit(n_units - 1, 1 - tail)
    worth = n_links / effect * float(wider) ** 2
    return _exact_limits(share * worth, worth, tail)


def _exact_limits(right: float, n: float, tail: float) -> tuple[float, float]:
    low = float(betaincinv(right, n - right + 1, tail)) if right > 0 else 0.0
    high = float(betaincinv(right + 1, n - right, 1 - tail)) if right < n else 1.0
    return low, high


def units_of(
    fov: Int64Array, lineage: Int64Array
) -> tuple[Literal["FOVs", "lineages"], Int64Array]:
    """Choose what is taken for independent: FOVs where there are enough, else lineages.

    Parameters
    ----------
    fov, lineage : ndarray of int64, shape (cells,)
        Of the cells with a link that is compared.

    Returns
    -------
    unit : {"FOVs", "lineages"}
    number : ndarray of int64, shape (cells,)
        From 0.
    """
    fovs, of_fov = np.unique(fov, return_inverse=True)
    if len(fovs) >= ENOUGH_FOVS:
        return "FOVs", of_fov.astype(np.int64)
    return "lineages", np.unique(lineage, return_inverse=True)[1].astype(np.int64)


def per_unit(unit: Int64Array, weight: Int64Array) -> Int64Array:
    """Sum whole numbers over units."""
    return np.bincount(unit, weight).astype(np.int64)
