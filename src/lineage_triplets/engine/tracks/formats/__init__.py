"""Readers of track tables, one small module a format, found through `TRACK_FORMATS`."""

from __future__ import annotations

from importlib import import_module

from lineage_triplets.engine.tracks.formats.base import (
    TRACK_FORMATS,
    RawTable,
    TrackFormat,
    TrackSource,
    format_of,
    register,
)

MODULES: tuple[str, ...] = (
    "delimited",
    "parquet",
)
"""Modules of this package whose ``FORMAT`` is registered, sorted."""

for _name in MODULES:
    register(import_module(f"{__name__}.{_name}").FORMAT)

__all__ = ["TRACK_FORMATS", "RawTable", "TrackFormat", "TrackSource", "format_of", "register"]
