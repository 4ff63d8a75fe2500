"""Nikon ND2 through nd2; each position is an image."""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.imports.sources.base import (
    FoundImage,
    Index,
    fault,
    library,
    refuse_claim,
    said,
)
from lineage_triplets.imports.sources.units import micrometers, minutes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from lineage_triplets.engine.errors import Problem

    _Names = tuple[str | None, ...]
    _Sizes = tuple[float | None, float | None, float | None]

_LETTERS = "TCZ"


def find(path: Path) -> list[FoundImage] | None:
    """Find the positions of an ND2 file.

    Raises
    ------
    ConfigError
        nd2 is not installed, the file cannot be read, or its pixels are colours.
    """
    if path.suffix.lower() != ".nd2" or not path.is_file():
        return None
    nd2 = library("nd2", path, "an ND2 file")
    try:
        with nd2.ND2File(path) as file:
            return _positions(path, file)
    except ConfigError:
        raise
    # What nd2 raises for damaged files.
    except (
        ValueError, LookupError, TypeError, AttributeError, ArithmeticError, NotImplementedError,
        struct.error,
    ) as error:  # fmt: skip
        raise fault(
            "unreadable-image",
            f"it is no ND2 file that can be read: {error}.",
            "Was it cut short while it was written or copied? Copy it again.",
            path,
        ) from error


def _positions(path: Path, file: Any) -> list[FoundImage]:
    if file.is_rgb:
        raise fault("unknown-pixels", "its pixels are colours.", "Write it as grey images.", path)
    size_of = dict(file.sizes)
    sizes = tuple(int(size_of.get(letter, 1)) for letter in _LETTERS)
    plane_shape = (int(size_of["Y"]), int(size_of["X"]))
    positions = int(size_of.get("P", 1))
    refuse_claim((positions, *sizes, *plane_shape), np.dtype(file.dtype).itemsize, path)
    frames: dict[int, dict[Index, int]] = {}
    for number, at in enumerate(file.loop_indices or ({},)):
        place = (int(at.get("T", 0)), int(at.get("Z", 0)))
        frames.setdefault(int(at.get("P", 0)), {})[place] = number
    names, size, problems = _told(path, file, sizes[1])
    images = []
    for position, numbers in sorted(frames.items()):
        grid = itertools.product(*map(range, sizes))
        images.append(
            FoundImage(
                path=path,
                name=path.name if len(frames) == 1 else f"{path.name}, position {position}",
                kind="ND2",
                axes=_LETTERS,
                sizes=(sizes[0], sizes[1], sizes[2]),
                plane_shape=plane_shape,
                dtype=np.dtype(file.dtype),
                open=_opener(path, numbers, sizes[1]),
                files=(path,),
                channel_names=names,
                pixel_size_um=size,
                interval_minutes=_interval(file),
                missing=frozenset(index for index in grid if (index[0], index[2]) not in numbers),
                # A frame of the file has all channels.
                block=(1, sizes[1], 1),
                problems=problems,
            )
        )
    return images


def _told(path: Path, file: Any, n_channels: int) -> tuple[_Names, _Sizes, tuple[Problem, ...]]:
    """Names of channels and (z, y, x) of a pixel; what is not known is asked for."""
    try:
        voxel, channels = file.voxel_size(), file.metadata.channels or []
    except UnboundLocalError as error:
        # nd2 0.12 fails so on a channel of which no fluorescent probe is told.
        note = said(
            "unread-metadata",
            f"nd2 cannot read what it says of its channels and pixel size: {error}.",
            "Say them (--channel, --pixel-size-um).",
            path,
        )
        return (None,) * n_channels, (None, None, None), (note,)
    z, y, x = (micrometers(length, "um") for length in (voxel.z, voxel.y, voxel.x))
    return tuple(channel.channel.name or None for channel in channels), (z, y, x), ()


def _opener(path: Path, numbers: dict[Index, int], n_channels: int) -> Callable[[], Nd2Planes]:
    return lambda: Nd2Planes(path, numbers, n_channels)


def _interval(file: Any) -> float | None:
    """The period of the first time loop; its mean where the camera was slower than asked."""
    for loop in file.experiment:
        parameters = loop.parameters
        for period in getattr(parameters, "periods", None) or [parameters]:
            asked = getattr(period, "periodMs", None)
            measured = getattr(getattr(period, "periodDiff", None), "avg", None)
            found = minutes(measured, "ms") or minutes(asked, "ms")
            if found:
                return found
    return None


class Nd2Planes:
    """Planes of one position; the frame that was read last is kept for its other channels.

    Parameters
    ----------
    path : Path
    numbers : dict of Index to int
        The file's frame of each (t, z).
    n_channels : int
    """

    def __init__(self, path: Path, numbers: dict[Index, int], n_channels: int) -> None:
        self._file = library("nd2", path, "an ND2 file").ND2File(path)
        self._numbers, self._n_channels = numbers, n_channels
        self._last: tuple[int, Any] = (-1, None)

    def read(self, index: Index) -> NDArray[Any]:
        """Read one plane."""
        t, c, z = index
        number = self._numbers[t, z]
        if self._last[0] != number:
            frame = np.array(self._file.read_frame(number))
            self._last = (number, frame.reshape(self._n_channels, *frame.shape[-2:]))
        plane: NDArray[Any] = self._last[1][c]
        return plane

    def close(self) -> None:
        """Close the file."""
        self._file.close()
