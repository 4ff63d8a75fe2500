"""Nikon ND2 through nd2; each position is an image."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.imports.sources.base import FoundImage, Index, fault, library, refuse_claim
from lineage_triplets.imports.sources.units import micrometers, minutes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

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
    except (ValueError, KeyError, NotImplementedError) as error:
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
    voxel = file.voxel_size()
    channels = file.metadata.channels or []
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
                channel_names=tuple(channel.channel.name or None for channel in channels),
                pixel_size_um=(
                    micrometers(voxel.z, "um"),
                    micrometers(voxel.y, "um"),
                    micrometers(voxel.x, "um"),
                ),
                interval_minutes=_interval(file),
                missing=frozenset(index for index in grid if (index[0], index[2]) not in numbers),
                # A frame of the file has all channels.
                block=(1, sizes[1], 1),
            )
        )
    return images


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
