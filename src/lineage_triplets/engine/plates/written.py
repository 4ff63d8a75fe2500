"""How far a movie is written: an acquisition under way has frames without a file at its end.

Only names of files are looked at, and the indices of shards that hold several frames. Chunks that
are absent among others are those that writers leave out as empty: frames count as not written where
they have no chunk of any channel, and neither has any frame after them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.plates.chunks import ShardIndexError, read_shard_index
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.plates.chunks import ChunkFiles, Shards
    from lineage_triplets.engine.plates.image import Fov

_NOTHING = 2**64 - 1


def n_frames_written(fov: Fov) -> int:
    """Count frames up to the last one of which a chunk is on disk.

    All frames count where that is not known: behind a URL, and in an image without any chunk. Of a
    complete movie it costs to ask for one file, and to read the index of a shard of several frames.
    """
    n_frames, files = fov.shape[0], fov.form.files
    if files is None or "t" not in fov.axes or not n_frames or is_url(fov.array_path):
        return n_frames
    axis, folder = fov.axes.index("t"), Path(fov.array_path)
    try:
        last = (n_frames - 1) // files.shape[axis]
        if not any((folder / key).exists() for key in _first_keys(fov, files, last)):
            found = _last_number(folder, files, axis)
            if found is None:
                return n_frames
            last = found
        return min(n_frames, last * files.shape[axis] + _frames_in_row(folder, files, axis, last))
    except OSError:
        return n_frames


def has_pixels(fov: Fov) -> bool:
    """Whether any chunk of an image is on disk; so it counts where that is not known."""
    files = fov.form.files
    if files is None or is_url(fov.array_path):
        return True
    try:
        return _last_number(Path(fov.array_path), files, 0) is not None
    except OSError:
        return True


def _first_keys(fov: Fov, files: ChunkFiles, number: int) -> Iterator[str]:
    """Files of the first chunks of each channel, with one number along t."""
    per_file = files.shape[fov.axes.index("c")] if "c" in fov.axes else 1
    for channel in range(-(-fov.shape[1] // per_file)):
        at = {"t": number, "c": channel}
        yield files.key(at.get(axis, 0) for axis in fov.axes)


def _last_number(folder: Path, files: ChunkFiles, axis: int) -> int | None:
    """Highest number along an axis that a file has; None where there is no file."""
    if files.separator == "/":
        return _last_nested(folder / files.prefix, axis)
    return max((numbers[axis] for numbers, _ in _flat(folder, files)), default=None)


def _last_nested(folder: Path, depth: int) -> int | None:
    numbers = _numbers(folder)
    if depth:
        below = (_last_nested(folder / str(number), depth - 1) for number in numbers)
        return max((number for number in below if number is not None), default=None)
    return next((number for number in numbers if _has_file(folder / str(number))), None)


def _numbers(folder: Path) -> list[int]:
    """Names inside that are numbers, the highest first; none where there is no folder."""
    if not folder.is_dir():
        return []
    names = (entry.name for entry in folder.iterdir())
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def _has_file(path: Path) -> bool:
    return path.is_file() or any(_has_file(path / str(number)) for number in _numbers(path))


def _flat(folder: Path, files: ChunkFiles) -> Iterator[tuple[list[int], Path]]:
    """Files whose names are all their numbers."""
    with os.scandir(folder) as entries:
        for entry in entries:
            parts = entry.name.removeprefix(files.prefix).split(files.separator)
            if len(parts) == len(files.shape) and all(part.isdecimal() for part in parts):
                yield [int(part) for part in parts], Path(entry.path)


def _files_of(folder: Path, files: ChunkFiles, axis: int, number: int) -> Iterator[Path]:
    """All files with one number along an axis."""
    if files.separator == "/":
        pattern = ["*"] * len(files.shape)
        pattern[axis] = str(number)
        yield from (folder / files.prefix).glob("/".join(pattern))
    else:
        yield from (path for numbers, path in _flat(folder, files) if numbers[axis] == number)


def _frames_in_row(folder: Path, files: ChunkFiles, axis: int, number: int) -> int:
    """Frames of the files with one number along t, up to the last that has a chunk."""
    shards = files.shards
    if shards is None or shards.n_chunks[axis] == 1:
        return files.shape[axis]
    frames_of_chunk = files.shape[axis] // shards.n_chunks[axis]
    most = 0
    for path in _files_of(folder, files, axis, number):
        most = max(most, _chunks_in_shard(path, shards, axis))
        if most == shards.n_chunks[axis]:
            break
    return most * frames_of_chunk


def _chunks_in_shard(path: Path, shards: Shards, axis: int) -> int:
    """Chunks along an axis up to the last that is there; all where the index cannot be read."""
    try:
        with path.open("rb") as file:
            index = read_shard_index(file.fileno(), path.stat().st_size, shards)
    except ShardIndexError:
        return shards.n_chunks[axis]
    there = (index[:, 1] != _NOTHING).reshape(shards.n_chunks)
    others = tuple(place for place in range(there.ndim) if place != axis)
    along = np.flatnonzero(there.any(axis=others))
    return int(along[-1]) + 1 if len(along) else 0
