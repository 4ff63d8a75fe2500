"""Tracks as a result of the Cell Tracking Challenge: the source's masks under new labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem, StoreError, counted
from lineage_triplets.engine.masks.cells import labels_at
from lineage_triplets.engine.reading.masks import open_masks
from lineage_triplets.engine.tracks.formats.base import TrackSource
from lineage_triplets.qc.export.tracks.words import overlap_notes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.reading.masks import MaskReader
    from lineage_triplets.qc.export.tracks.mended import FovTracks

NAME = "man_track.txt"
_MAX_LABEL = np.iinfo(np.uint16).max
_USE_OTHERS = "Take csv, geff or trackmate."


def require(fovs: tuple[FovTracks, ...]) -> None:
    """Raise for FOVs that have no masks, or of which a cell has none of its own.

    Raises
    ------
    ConfigError
        Each FOV that cannot be written is named.
    """
    faults = []
    for fov in fovs:
        found = _why_not(fov)
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


def _why_not(fov: FovTracks) -> str:
    """Why there is no file of a FOV; empty where there is."""
    if len(np.unique(fov.tracklets(split_gaps=True))) > _MAX_LABEL:
        return f"it has more tracks than the {_MAX_LABEL} labels that masks may have."
    try:
        masks = open_masks(fov.source)
        if masks is None:
            return "the Cell Tracking Challenge has positions in masks alone, and it has none."
        labels = [labels for _, _, labels in _frames(fov, masks)]
    except StoreError as error:
        return error.problems[0].message
    n_without = sum(int((of_frame == 0).sum()) for of_frame in labels)
    if n_without:
        return f"{counted(n_without, 'cell')} of {len(fov)} lie in no mask."
    n_shared = sum(len(of_frame) - len(np.unique(of_frame)) for of_frame in labels)
    return f"{counted(n_shared, 'cell')} lie in the mask of another one." if n_shared else ""


def _frames(
    fov: FovTracks, masks: MaskReader
) -> Iterator[tuple[NDArray[Any], Int64Array, NDArray[Any]]]:
    """Masks of each frame, the rows of its cells, and the labels of these."""
    for t in range(masks.masks.shape[0]):
        rows = np.flatnonzero(fov.t == t)
        mask = masks.frame(t)
        places = np.stack([np.nan_to_num(fov.z[rows]), fov.y[rows], fov.x[rows]], axis=1)
        yield mask, rows, labels_at(mask, places)


def write(tracks: FovTracks, path: Path) -> None:
    """Write one FOV's text and, beside it, a mask a frame.

    Raises
    ------
    StoreError
        The masks cannot be read.
    TrackTableError
        A library is not installed.
    OSError
        A file cannot be written.
    """
    source, masks = TrackSource(tracks.source.table), open_masks(tracks.source)
    tifffile = source.library("tifffile", "masks of the Cell Tracking Challenge")
    new = tracks.tracklets(split_gaps=True)
    if len(new) and (new.min() < 1 or new.max() > _MAX_LABEL):
        new = np.unique(new, return_inverse=True)[1] + 1
    labels = np.unique(new)
    begin = np.full(len(labels), np.iinfo(np.int64).max)
    end = np.full(len(labels), -1)
    number = np.searchsorted(labels, new)
    np.minimum.at(begin, number, tracks.t)
    np.maximum.at(end, number, tracks.t)
    mother = _mothers(tracks, new, number, begin)
    rows = zip(labels.tolist(), begin.tolist(), end.tolist(), mother.tolist(), strict=True)
    path.write_text("".join(f"{a} {b} {c} {d}\n" for a, b, c, d in rows), encoding="utf-8")
    for t, (mask, own, old) in enumerate(_frames(tracks, masks) if masks is not None else ()):
        relabelled = _relabelled(mask, old, new[own])
        file = path.with_name(f"man_track{t:03d}.tif")
        flat = relabelled[0] if len(relabelled) == 1 else relabelled
        tifffile.imwrite(file, flat, compression="zlib", photometric="minisblack")


def _mothers(
    tracks: FovTracks, new: Int64Array, number: Int64Array, begin: Int64Array
) -> Int64Array:
    """Label of each label's mother; 0 for none."""
    mother = np.zeros(len(begin), np.int64)
    heads = np.flatnonzero((tracks.t == begin[number]) & (tracks.previous >= 0))
    mother[number[heads]] = new[tracks.previous[heads]]
    return mother


def _relabelled(mask: NDArray[Any], old: NDArray[Any], new: Int64Array) -> NDArray[np.uint16]:
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
