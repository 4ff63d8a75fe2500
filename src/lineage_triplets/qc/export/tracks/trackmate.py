"""Tracks as TrackMate's XML: spots, and a track for each lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.export.tracks.words import overlap_notes

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.qc.export.tracks.mended import FovTracks

NAME = "tracks.xml"
# TrackMate draws a circle for every spot; tables have none.
_RADIUS_PX = 5.0
_SPOT_FEATURES = (
    ("QUALITY", "Quality", "QUALITY", False),
    ("POSITION_X", "X", "POSITION", False),
    ("POSITION_Y", "Y", "POSITION", False),
    ("POSITION_Z", "Z", "POSITION", False),
    ("POSITION_T", "T", "TIME", False),
    ("FRAME", "Frame", "NONE", True),
    ("RADIUS", "Radius", "LENGTH", False),
    ("VISIBILITY", "Visibility", "NONE", True),
)
_EDGE_FEATURES = (
    ("SPOT_SOURCE_ID", "Source spot ID", "NONE", True),
    ("SPOT_TARGET_ID", "Target spot ID", "NONE", True),
)
_TRACK_FEATURES = (
    ("TRACK_INDEX", "Track index", "NONE", True),
    ("TRACK_ID", "Track ID", "NONE", True),
)


def write(tracks: FovTracks, path: Path) -> None:
    """Write one FOV's spots, links and lineages, in pixels and frames.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    source, target = tracks.links
    by_lineage = np.argsort(tracks.lineage[target], kind="stable")
    source, target = source[by_lineage], target[by_lineage]
    lineages, start = np.unique(tracks.lineage[target], return_index=True)
    end = np.append(start[1:], len(target))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<TrackMate version="7.14.0">\n'
            '<Model spatialunits="pixel" timeunits="frame">\n<FeatureDeclarations>\n'
        )
        _declare(file, "SpotFeatures", _SPOT_FEATURES)
        _declare(file, "EdgeFeatures", _EDGE_FEATURES)
        _declare(file, "TrackFeatures", _TRACK_FEATURES)
        file.write("</FeatureDeclarations>\n")
        _write_spots(file, tracks)
        file.write("<AllTracks>\n")
        for index, lineage in enumerate(lineages.tolist()):
            own = slice(start[index], end[index])
            _write_track(file, lineage, index, tracks.cell[source[own]], tracks.cell[target[own]])
        file.write("</AllTracks>\n<FilteredTracks>\n")
        file.writelines(f'<TrackID TRACK_ID="{lineage}" />\n' for lineage in lineages.tolist())
        shape = tracks.source.fov.shape
        file.write(
            '</FilteredTracks>\n</Model>\n<Settings>\n<ImageData filename="" folder="" '
            f'width="{shape[4]}" height="{shape[3]}" nslices="{shape[2]}" nframes="{shape[0]}" '
            'pixelwidth="1.0" pixelheight="1.0" voxeldepth="1.0" timeinterval="1.0" />\n'
            "</Settings>\n</TrackMate>\n"
        )


def _declare(file: TextIO, of: str, features: tuple[tuple[str, str, str, bool], ...]) -> None:
    file.write(f"<{of}>\n")
    file.writelines(
        f'<Feature feature="{feature}" name="{name}" shortname="{name}" dimension="{dimension}" '
        f'isint="{str(is_whole).lower()}" />\n'
        for feature, name, dimension, is_whole in features
    )
    file.write(f"</{of}>\n")


def _write_spots(file: TextIO, tracks: FovTracks) -> None:
    """Write all spots by frame; each has its track's id for a name."""
    file.write(f'<AllSpots nspots="{len(tracks)}">\n')
    order = np.argsort(tracks.t, kind="stable")
    columns = (tracks.cell, tracks.track, tracks.t, tracks.x, tracks.y, tracks.z)
    frame = None
    for cell, track, t, x, y, z in zip(
        *(column[order].tolist() for column in columns), strict=True
    ):
        if t != frame:
            file.write("</SpotsInFrame>\n" if frame is not None else "")
            file.write(f'<SpotsInFrame frame="{t}">\n')
            frame = t
        file.write(
            f'<Spot ID="{cell}" name="{track}" QUALITY="-1.0" POSITION_X="{x!r}" '
            f'POSITION_Y="{y!r}" POSITION_Z="{z!r}" POSITION_T="{float(t)}" FRAME="{t}" '
            f'RADIUS="{_RADIUS_PX}" VISIBILITY="1" />\n'
        )
    file.write("</SpotsInFrame>\n" if frame is not None else "")
    file.write("</AllSpots>\n")


def _write_track(
    file: TextIO, lineage: int, index: int, source: Int64Array, target: Int64Array
) -> None:
    file.write(f'<Track name="{lineage}" TRACK_INDEX="{index}" TRACK_ID="{lineage}">\n')
    file.writelines(
        f'<Edge SPOT_SOURCE_ID="{before}" SPOT_TARGET_ID="{after}" />\n'
        for before, after in zip(source.tolist(), target.tolist(), strict=True)
    )
    file.write("</Track>\n")


def notes(fovs: tuple[FovTracks, ...]) -> list[str]:
    """Say what is in no track, since it has no link, and where a mother goes on."""
    n_alone = sum(len(fov) - len(np.unique(np.concatenate(fov.links))) for fov in fovs)
    said = overlap_notes(fovs)
    if n_alone:
        said.append(f"{counted(n_alone, 'cell')} without a link: a spot in no track of TrackMate.")
    return said
