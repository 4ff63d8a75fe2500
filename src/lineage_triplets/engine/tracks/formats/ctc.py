"""Cell Tracking Challenge: a text of label, begin, end, parent, and masks beside it.

The masks say where the cells are, and when: one TIFF a frame, numbered in its name; one TIFF, or a
zarr array, with frames first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import TrackTableError, choices, counted
from lineage_triplets.engine.tracks.formats.base import RawTable, TrackFormat, TrackSource
from lineage_triplets.engine.tracks.formats.glimpse import Glimpse
from lineage_triplets.engine.tracks.formats.mask_files import (
    TIFF_ENDINGS,
    mask_files,
    of_tiffs,
    of_zarr,
)
from lineage_triplets.engine.tracks.formats.masks import label_cells, table_of_labels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.tracks.formats.masks import LabelledCells

_WHAT = "a table of the Cell Tracking Challenge"
_TRACK = re.compile(r"\s*\d+\s+\d+\s+\d+\s+\d+\s*")


@dataclass(frozen=True, slots=True)
class _Track:
    """A line of the text."""

    label: int
    begin: int
    end: int
    parent: int
    line: int


def read(source: TrackSource) -> RawTable:
    """Read tracks from the text, and their cells' centroids from the masks.

    Raises
    ------
    TrackTableError
        There are no masks, or they cannot be read; a line or a file name is not understood.
    OSError
        A file cannot be read.
    """
    text = _text_in(Glimpse(source.file))
    if text is None:
        raise source.damaged(_WHAT, "its text is gone")
    tracks = _read_tracks(source, text)
    frames: list[int] = []
    cells = label_cells(_noted(_masks(source, text), frames))
    problems = tuple(_disagreements(source, tracks, cells, frames))
    known = np.isin(cells.label, list(tracks))
    if not known.all():
        cells = cells.take(known)
    parent_of = {track.label: track.parent for track in tracks.values() if track.parent}
    return table_of_labels(source, cells, parent_of, problems=problems)


def is_ctc(path: Path) -> bool:
    """Say whether a table is one of the Cell Tracking Challenge."""
    return recognises(Glimpse(path))


def masks_folder(path: Path) -> Path | None:
    """Give the folder that has the masks of a table; None for a table that `is_ctc` not."""
    text = _text_in(Glimpse(path))
    return None if text is None else text.parent


def _read_tracks(source: TrackSource, text: Path) -> dict[int, _Track]:
    tracks: dict[int, _Track] = {}
    faults = []
    lines = text.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if not _TRACK.fullmatch(line):
            reason = f"line {number} of {text.name} is not label, begin, end, parent: {line[:80]!r}"
            raise source.damaged(_WHAT, reason)
        label, begin, end, parent = (int(word) for word in line.split())
        if label in tracks:
            faults.append(
                source.problem(
                    "repeated-id",
                    f"The label {label} is in lines {tracks[label].line} and {number} of"
                    f" {text.name}.",
                    "Give each track its own label.",
                )
            )
        tracks[label] = _Track(label, begin, end, parent, number)
    if faults:
        raise TrackTableError(*faults)
    return tracks


def _disagreements(
    source: TrackSource, tracks: dict[int, _Track], cells: LabelledCells, frames: list[int]
) -> Iterator[Problem]:
    """Say where text and masks do not agree; the masks count."""
    gaps = [
        (before + 1, after - 1)
        for before, after in pairwise(sorted(frames))
        if after - before > 1
        and any(track.begin < after and track.end > before for track in tracks.values())
    ]
    if gaps:
        n_gone = sum(last - first + 1 for first, last in gaps)
        names = choices(
            f"{first}" if first == last else f"{first} to {last}" for first, last in gaps
        )
        yield source.problem(
            "frame-without-mask",
            f"{counted(n_gone, 'frame')} without a mask, in which the text has tracks: {names}.",
            "Put their masks beside the others, or tracks have gaps there.",
            "warning",
            count=n_gone,
        )
    order = np.lexsort((cells.t, cells.label))
    labels, start = np.unique(cells.label[order], return_index=True)
    unknown = ~np.isin(cells.label, list(tracks))
    if unknown.any():
        names = np.unique(cells.label[unknown]).tolist()
        yield source.problem(
            "label-without-track",
            f"{counted(int(unknown.sum()), 'cell')} of the masks left out, by labels that the text "
            f"does not have: {choices(names)}.",
            "Add their tracks if they are to be used.",
            "warning",
            count=int(unknown.sum()),
        )
    absent = sorted(set(tracks) - set(labels.tolist()))
    if absent:
        yield source.problem(
            "track-without-mask",
            f"no mask shows {counted(len(absent), 'track')} of the text: {choices(absent)}.",
            "Are these the masks of this text?",
            "warning",
            count=len(absent),
        )
    seen = {
        label: (int(own[0]), int(own[-1]))
        for label, own in zip(labels.tolist(), np.split(cells.t[order], start[1:]), strict=True)
    }
    other = [
        track
        for label, span in seen.items()
        if (track := tracks.get(label)) and (track.begin, track.end) != span
    ]
    if other:
        track = other[0]
        begin, end = seen[track.label]
        yield source.problem(
            "other-span",
            f"{counted(len(other), 'track')} begin or end in other frames than the masks show, and"
            f" the masks count; first: {track.label}, {track.begin} to {track.end} in the text"
            f" and {begin} to {end} in the masks.",
            "Are these the masks of this text?",
            "warning",
            count=len(other),
        )


def _noted(
    masks: Iterator[tuple[int, NDArray[Any]]], frames: list[int]
) -> Iterator[tuple[int, NDArray[Any]]]:
    for t, mask in masks:
        frames.append(t)
        yield t, mask


def _masks(source: TrackSource, text: Path) -> Iterator[tuple[int, NDArray[Any]]]:
    tiffs, zarrs = mask_files(text.parent)
    if not tiffs and not zarrs:
        raise TrackTableError(
            source.problem(
                "needs-part",
                f"This is {_WHAT}, which has no positions: they are in its masks, and there are"
                f" none beside {text.name}.",
                "Put the masks (one TIFF a frame) into its folder.",
            )
        )
    if (tiffs and zarrs) or len(zarrs) > 1:
        names = [path.name for path in (*tiffs[:1], *zarrs)]
        raise TrackTableError(
            source.problem(
                "two-tables",
                f"Several masks lie beside {text.name}: {choices(names)}.",
                "Keep one.",
            )
        )
    return of_zarr(source, zarrs[0]) if zarrs else of_tiffs(source, tiffs)


def _text_in(glimpse: Glimpse) -> Path | None:
    """Return the text of a folder, or the file itself if it is one."""
    if not glimpse.is_folder:
        return glimpse.path if _is_text(glimpse) else None
    found = [
        entry
        for entry in glimpse.entries
        if not entry.name.lower().endswith(TIFF_ENDINGS)
        and entry.is_file()
        and _is_text(Glimpse(entry))
    ]
    return found[0] if len(found) == 1 else None


def _is_text(glimpse: Glimpse) -> bool:
    first = glimpse.first_lines
    if len(first) > 1 and not _TRACK.fullmatch(first[0]):
        return False
    lines = glimpse.lines[:-1] if len(glimpse.lines) > 1 else glimpse.lines
    return bool(lines) and all(_TRACK.fullmatch(line) for line in lines)


def recognises(glimpse: Glimpse) -> bool:
    """Say whether a file is such a text, or a folder has one and masks."""
    text = _text_in(glimpse)
    return text is not None and (not glimpse.is_folder or any(mask_files(text.parent)))


def files(path: Path) -> tuple[Path, ...]:
    """Return the text and all files of the masks."""
    text = _text_in(Glimpse(path))
    if text is None:
        return (path,)
    tiffs, zarrs = mask_files(text.parent)
    inner = [file for folder in zarrs for file in sorted(folder.rglob("*")) if file.is_file()]
    return (text, *tiffs, *inner)


FORMAT = TrackFormat("ctc", (), read, recognises, files, lambda _: _WHAT)
