"""btrack's HDF5: objects, and tracks that point to them or to interpolated dummies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from lineage_triplets.engine.errors import TrackTableError, choices
from lineage_triplets.engine.tracks.formats.base import RawTable, TrackFormat, TrackSource
from lineage_triplets.engine.tracks.formats.btrack_csv import dummies_left_out

if TYPE_CHECKING:
    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.tracks.formats.glimpse import Glimpse

_WHAT = "btrack's HDF5"
# Names of its groups, which stand near the beginning.
_NAMES = (b"objects", b"tracks")


def read(source: TrackSource) -> RawTable:
    """Read the objects of each track.

    Raises
    ------
    TrackTableError
        It is damaged, or has the tracks of several kinds of objects.
    OSError
        The file cannot be read.
    """
    h5py = source.library("h5py", _WHAT)
    try:
        with h5py.File(source.file, "r") as file:
            return _read(source, file)
    # h5py says with an OSError without a number that a file is cut off.
    except (KeyError, ValueError, RuntimeError, IndexError, OSError) as error:
        if isinstance(error, TrackTableError) or getattr(error, "errno", None):
            raise
        raise source.damaged(_WHAT, error) from error


def _read(source: TrackSource, file: Any) -> RawTable:
    if "tracks" not in file or "objects" not in file:
        raise source.not_a_table(
            f"this HDF5 has {choices(file.keys(), limit=20)}, and not btrack's objects and tracks"
        )
    kinds = list(file["tracks"].keys())
    if len(kinds) != 1:
        raise TrackTableError(
            source.problem(
                "two-tables",
                f"There are tracks of {len(kinds)} kinds of objects: {choices(kinds)}.",
                "Export one kind.",
                count=len(kinds),
            )
        )
    tracks, objects = file["tracks"][kinds[0]], file["objects"].get(kinds[0], {})
    absent = [
        name
        for name, group in (("coords", objects), ("tracks", tracks), ("map", tracks),
                            ("LBEPR", tracks))
        if not isinstance(group, Mapping) or name not in group
    ]  # fmt: skip
    if absent:
        raise source.not_a_table(
            f"this HDF5 has objects and tracks as btrack, without {choices(absent)}"
        )
    coords = source.whole(_WHAT, objects["coords"])
    pointers, spans, lbep = (
        source.whole(_WHAT, tracks[name]).astype(np.int64) for name in ("tracks", "map", "LBEPR")
    )
    if len(spans) != len(lbep) or (spans[:, 1] > len(pointers)).any():
        raise source.damaged(_WHAT, "its tracks point beyond its objects")
    lengths = spans[:, 1] - spans[:, 0]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    place = pointers[np.repeat(spans[:, 0], lengths) + within]
    track, parent = (np.repeat(lbep[:, column], lengths) for column in (0, 3))
    is_seen = place >= 0
    problems: tuple[Problem, ...] = ()
    if not is_seen.all():
        problems = (dummies_left_out(source, int((~is_seen).sum())),)
        place, track, parent = place[is_seen], track[is_seen], parent[is_seen]
    t, x, y, z = (coords[place, column].astype(float) for column in range(4))
    columns = {
        "track_id": track, "t": t, "z": z, "y": y, "x": x,
        # A founder is its own parent.
        "parent_track_id": np.where((parent == track) | (parent == 0), -1, parent),
        "id": place,
    }  # fmt: skip
    return RawTable(
        {name: pa.array(values) for name, values in columns.items()}, tuple(columns),
        np.arange(len(place), dtype=np.int64), has_lines=False, problems=problems,
    )  # fmt: skip


def recognises(glimpse: Glimpse) -> bool:
    """Say whether a file is an HDF5 with btrack's groups."""
    return glimpse.is_hdf5 and all(name in glimpse.head for name in _NAMES)


FORMAT = TrackFormat("btrack-hdf5", (), read, recognises, words=lambda _: _WHAT)
