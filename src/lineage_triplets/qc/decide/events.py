"""What a review tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal, SignalGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.qc.record import Decision


class ReviewEvents(SignalGroup):
    """What changed; views read it from the review again.

    Attributes
    ----------
    intent
        Gets the new `Intent`.
    decisions
        Gets the decisions that were made, undone or redone.
    channels
        Gets the experiment whose slots show other channels now, or whose approval changed.
    findings
        Checks found something, or something became of a finding.
    data
        Stores and tables were read anew.
    """

    intent = Signal(object)
    decisions = Signal(object)
    channels = Signal(str)
    findings = Signal()
    data = Signal()

    def tell(self, decisions: Sequence[Decision]) -> None:
        """Tell of decisions that were made, undone or redone, and whose channels they concern."""
        kinds = {"remap", "approve", "disapprove", "withdraw"}
        of_channels = [
            made for made in decisions if made.kind in kinds and made.target.level == "experiment"
        ]
        for experiment in dict.fromkeys(made.target.experiment for made in of_channels):
            self.channels.emit(experiment)
        self.decisions.emit(decisions)
