"""What files of cells and links cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import counted

if TYPE_CHECKING:
    from lineage_triplets.qc.export.tracks.mended import FovTracks


def overlap_notes(fovs: tuple[FovTracks, ...]) -> list[str]:
    """Say where a mother goes on beside her daughter, which links alone show as a division."""
    n_overlaps = sum(fov.n_overlaps for fov in fovs)
    if not n_overlaps:
        return []
    what = f"{counted(n_overlaps, 'track')} beginning before the mother ends"
    return [f"{what}: in links alone she divides there, and goes on as one of the daughters."]
