"""Tracks as CSV, with the columns of ultrack's export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.qc.export.tracks.mended import FovTracks

NAME = "tracks.csv"


def write(tracks: FovTracks, path: Path) -> None:
    """Write one FOV's tracks, a row a cell; -1 stands for no parent.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    before = np.where(tracks.previous >= 0, tracks.cell[tracks.previous], -1)
    table = pd.DataFrame(
        {
            "track_id": tracks.track,
            "t": tracks.t,
            "z": tracks.z,
            "y": tracks.y,
            "x": tracks.x,
            "id": tracks.cell,
            "parent_track_id": tracks.parent,
            "parent_id": before,
        }
    )
    table.to_csv(path, index=False, lineterminator="\n")


def notes(_: tuple[FovTracks, ...]) -> list[str]:
    """Nothing is lost."""
    return []
