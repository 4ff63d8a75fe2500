"""Readers of track tables, one small module a format, found through `TRACK_FORMATS`.

A module has a ``FORMAT``, or ``DIALECTS`` of the tables of text and Parquet, with the ``PARTS``
that lie beside them.
"""

from __future__ import annotations

from importlib import import_module

from lineage_triplets.engine.tracks.formats.base import (
    TRACK_FORMATS,
    RawTable,
    TrackFormat,
    TrackSource,
    format_of,
    recognise,
    register,
)
from lineage_triplets.engine.tracks.formats.dialects import add_dialects

MODULES: tuple[str, ...] = (
    "btrack_csv",
    "btrack_hdf5",
    "cell_acdc",
    "ctc",
    "deepcell",
    "delimited",
    "funtracks",
    "geff",
    "laptrack",
    "mastodon",
    "napari_tracks",
    "parquet",
    "trackmate_csv",
    "trackmate_xml",
    "trackpy",
)
"""Modules of this package whose formats and dialects are registered, sorted."""

for _name in MODULES:
    _module = import_module(f"{__name__}.{_name}")
    if hasattr(_module, "FORMAT"):
        register(_module.FORMAT)
    add_dialects(getattr(_module, "DIALECTS", ()), getattr(_module, "PARTS", ()))

__all__ = [
    "TRACK_FORMATS",
    "RawTable",
    "TrackFormat",
    "TrackSource",
    "format_of",
    "recognise",
    "register",
]
