"""What a link, a division, a start and an end cost: minus the logarithm of how likely each is.

All in nats, so that alternatives of different kinds can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.doubt.scales import student_cost

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.qc.find.doubt.cells import Cells
    from lineage_triplets.qc.find.doubt.scales import Scales

_LEAST_SHARE_OF_HALF = 0.02


@dataclass(frozen=True, eq=False)
class Costs:
    """What may have happened between cells, in nats.

    Attributes
    ----------
    cells : Cells
    scales : Scales
    """

    cells: Cells
    scales: Scales

    def follow(self, cell: Int64Array, later: Int64Array) -> Float64Array:
        """Cost of one cell going on as another, of a later frame."""
        place, n_axes = self.scales.place, len(self.scales.place)
        gap = self.cells.t[later] - self.cells.t[cell]
        forward, backward = np.zeros((2, len(cell)))
        for axis in range(n_axes):
            way = place[axis, later] - place[axis, cell]
            forward += (way - gap * self.scales.forth[axis, cell]) ** 2
            backward += (way - gap * self.scales.back[axis, later]) ** 2
        # One step seen from both its ends: two views of one event, not two events.
        scale = self.scales.sigma_px * np.sqrt(gap)
        both = student_cost(forward, scale, n_axes) + student_cost(backward, scale, n_axes)
        gap_cost = self.scales.gap_cost
        cost: Float64Array = both / 2 + gap_cost[np.minimum(gap, len(gap_cost) - 1)]
        return cost

    @cached_property
    def as_they_are(self) -> Float64Array:
        """Cost of each link's target beginning as it does, with its sister if it has one."""
        return self.to(np.arange(len(self.cells.source)), self.cells.target)

    def divide(self, mother: Int64Array, one: Int64Array, other: Int64Array) -> Float64Array:
        """Cost of a mother having two daughters."""
        place, law, t = self.scales.place, self.scales.division, self.cells.t
        n_axes = len(place)
        late = np.maximum(t[one], t[other]) - t[mother]
        midpoint = (((place[:, one] + place[:, other]) / 2 - place[:, mother]) ** 2).sum(axis=0)
        half = np.sqrt(((place[:, one] - place[:, other]) ** 2).sum(axis=0)) / 2
        log_half = np.log(np.maximum(half, _LEAST_SHARE_OF_HALF * np.exp(law.log_half_px)))
        directions = np.log(2 * np.pi) if n_axes == 2 else np.log(4 * np.pi)
        apart = student_cost((log_half - law.log_half_px) ** 2, law.log_spread, 1)
        apart += directions + n_axes * log_half
        cost: Float64Array = (
            student_cost(midpoint, law.midpoint_px * np.sqrt(late), n_axes)
            + apart
            + n_axes * np.log(2.0)
            - law.log_share
        )
        return cost

    def start(self, cell: Int64Array) -> Float64Array:
        """Cost of a cell that follows none."""
        cost: Float64Array = -(self.scales.log_start + self.scales.log_density[cell])
        return cost

    @property
    def end(self) -> float:
        """Cost of a cell that none follows."""
        return -self.scales.log_end

    def to(self, link: Int64Array, cell: Int64Array) -> Float64Array:
        """Cost of what begins at the source of a link, were another cell its target.

        With its sister, where the link is of a division.
        """
        source, sister = self.cells.source[link], self.cells.sister[link]
        cost = np.empty(len(link))
        of_two = sister >= 0
        cost[~of_two] = self.follow(source[~of_two], cell[~of_two])
        cost[of_two] = self.divide(source[of_two], cell[of_two], sister[of_two])
        return cost

    def without(self, link: Int64Array) -> Float64Array:
        """Cost of what begins at the source of a link, were the link not there."""
        sister = self.cells.sister[link]
        cost = np.full(len(link), self.end)
        of_two = sister >= 0
        cost[of_two] = self.follow(self.cells.source[link][of_two], sister[of_two])
        return cost
