"""Readers of track tables, one small module a format, found through `TRACK_FORMATS`."""

from __future__ import annotations

from lineage_triplets.engine.tracks.formats import delimited, parquet
from lineage_triplets.engine.tracks.formats.base import (
    TRACK_FORMATS,
    RawTable,
    TrackFormat,
    TrackSource,
    format_of,
    register,
)

register(delimited.FORMAT)
register(parquet.FORMAT)

__all__ = ["TRACK_FORMATS", "RawTable", "TrackFormat", "TrackSource", "format_of", "register"]
