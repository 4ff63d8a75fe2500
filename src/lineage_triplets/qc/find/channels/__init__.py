"""What is really in each slot: proof, looks, and how it compares with the other experiments."""

from lineage_triplets.qc.find.channels.inspection import (
    ChannelInspection,
    SlotView,
    inspect_channels,
)

__all__ = ["ChannelInspection", "SlotView", "inspect_channels"]
