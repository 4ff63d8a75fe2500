"""What the checks of track tables share: places, steps and links of all cells, computed once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.track_data.groups import FrameSearch
from lineage_triplets.qc.find.track_data.links import Links, cell_sizes
from lineage_triplets.qc.find.track_data.mislinks import (
    Exchanges,
    UnlinkedDivisions,
    find_exchanges,
    find_unlinked_divisions,
)
from lineage_triplets.qc.find.track_data.rows import TrackRows
from lineage_triplets.qc.find.track_data.steps import StepLaw

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MARGIN_SIGMAS = 3.0


class TrackData(TrackRows):
    """All observations of an index, with what can be told from them, each made when first asked."""

    @cached_property
    def search(self) -> FrameSearch:
        """Rows by group and place without drift."""
        return FrameSearch.build(self.group, self.still)

    @cached_property
    def cell_px(self) -> NDArray[np.float64]:
        """A cell's diameter in each FOV, about."""
        return cell_sizes(self, self.search)

    @cached_property
    def law(self) -> StepLaw:
        """What is usual for the steps of each cell."""
        return StepLaw.of_rows(self)

    @cached_property
    def links(self) -> Links:
        """All links, from row to row."""
        return Links.of_rows(self, self.law, self.cell_px)

    @cached_property
    def exchanges(self) -> Exchanges:
        """Links that fit much better when they exchange their ends."""
        return find_exchanges(self, self.links, self.search, self.is_amid)

    @cached_property
    def unlinked_divisions(self) -> UnlinkedDivisions:
        """Ends of tracks that look like divisions without links."""
        return find_unlinked_divisions(self, self.links, self.exchanges, self.is_amid)

    @cached_property
    def is_amid(self) -> NDArray[np.bool_]:
        """Rows so far from the border of the image that a cell does not cross it in a few steps."""
        steps = _MARGIN_SIGMAS * self.law.sigma_px(np.arange(len(self.t)))
        moved = np.maximum(self.drift_px, np.append(0.0, self.drift_px[:-1])[: len(self.drift_px)])
        margin = self.left_out_px + np.maximum(steps, self.cell_px[self.fov]) + moved[self.group]
        amid: NDArray[np.bool_] = self.to_border_px > margin
        return amid
