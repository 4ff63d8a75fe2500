"""Tracks as a result of the Cell Tracking Challenge: the source's masks under new labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem, counted
from lineage_triplets.engine.tracks.formats.base import TrackSource
from lineage_triplets.engine.tracks.formats.ctc import is_ctc, read_labels, read_masks
from lineage_triplets.qc.export.tracks.words import overlap_notes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.qc.export.tracks.mended import FovTracks

NAME = "man_track.txt"
_MAX_LABEL = np.iinfo(np.uint16).max
_USE_OTHERS = "Take csv, geff or trackmate."


def require(fovs: tuple[FovTracks, ...]) -> None:
    """Raise for FOVs that have no masks, or masks elsewhere than their image.

    Raises
    ------
    ConfigError
        Each FOV that cannot be written is named.
    """
    faults = []
    for fov in fovs:
        found = ""
        if not is_ctc(fov.source.table):
            found = "the Cell Tracking Challenge has positions in masks alone, and its table none."
        elif fov.source.track_transform is not None:
            found = "its masks are not in the frames and pixels of the image (track_transform)."
        elif len(np.unique(fov.tracklets(split_gaps=True))) > _MAX_LABEL:
            found = f"it has more tracks than the {_MAX_LABEL} labels that masks may have."
        if found:
            faults.append(
                Problem(
                    "ctc-masks",
                    found,
                    _USE_OTHERS,
                    experiment=fov.source.experiment,
                    fov=fov.source.fov.name,
                    file=str(fov.source.table),
                )
            )
    if faults:
        raise ConfigError(*faults)


def write(tracks: FovTracks, path: Path) -> None:
    """Write one FOV's text and, beside it, a mask a frame.

    Raises
    ------
    TrackTableError
        The masks cannot be read.
    OSError
        A file cannot be written.
    """
    source = TrackSource(tracks.source.table, tracks.source.experiment, tracks.source.fov.name)
    tifffile = source.library("tifffile", "masks of the Cell Tracking Challenge")
    new = tracks.tracklets(split_gaps=True)
    if len(new) and (new.min() < 1 or new.max() > _MAX_LABEL):
        new = np.unique(new, return_inverse=True)[1] + 1
    old = read_labels(source)[tracks.cell]
    labels = np.unique(new)
    begin = np.full(len(labels), np.iinfo(np.int64).max)
    end = np.full(len(labels), -1)
    number = np.searchsorted(labels, new)
    np.minimum.at(begin, number, tracks.t)
    np.maximum.at(end, number, tracks.t)
    mother = _mothers(tracks, new, number, begin)
    rows = zip(labels.tolist(), begin.tolist(), end.tolist(), mother.tolist(), strict=True)
    path.write_text("".join(f"{a} {b} {c} {d}\n" for a, b, c, d in rows), encoding="utf-8")
    for t, mask in read_masks(source):
        own = np.flatnonzero(tracks.t == t)
        relabelled = _relabelled(mask, old[own], new[own])
        file = path.with_name(f"man_track{t:03d}.tif")
        tifffile.imwrite(file, relabelled, compression="zlib", photometric="minisblack")


def _mothers(
    tracks: FovTracks, new: Int64Array, number: Int64Array, begin: Int64Array
) -> Int64Array:
    """Label of each label's mother; 0 for none."""
    mother = np.zeros(len(begin), np.int64)
    heads = np.flatnonzero((tracks.t == begin[number]) & (tracks.previous >= 0))
    mother[number[heads]] = new[tracks.previous[heads]]
    return mother


def _relabelled(mask: NDArray[Any], old: Int64Array, new: Int64Array) -> NDArray[np.uint16]:
    """Give a mask its new labels; what has none is background."""
    order = np.argsort(old)
    known, labels = np.append(0, old[order]), np.append(0, new[order])
    place = np.minimum(np.searchsorted(known, mask), len(known) - 1)
    return np.where(known[place] == mask, labels[place], 0).astype(np.uint16)


def notes(fovs: tuple[FovTracks, ...]) -> list[str]:
    """Say where a label ends though its cell goes on."""
    said = overlap_notes(fovs)
    n_gaps = sum(
        int((fov.t[to] - fov.t[source] > 1).sum()) for fov in fovs for source, to in [fov.links]
    )
    if n_gaps:
        said.append(f"{counted(n_gaps, 'gap')}: a new label begins after each, its parent before.")
    return said
