"""Zeiss CZI through pylibCZIrw; each scene is an image."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.plates.tiff_claims import parse_xml
from lineage_triplets.imports.sources.base import FoundImage, Index, fault, library, refuse_claim
from lineage_triplets.imports.sources.units import micrometers, minutes

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from pathlib import Path

    from numpy.typing import NDArray

_LETTERS = "TCZ"
_DTYPES = {"Gray8": "uint8", "Gray16": "uint16", "Gray32Float": "float32"}


def find(path: Path) -> list[FoundImage] | None:
    """Find the scenes of a CZI file.

    Raises
    ------
    ConfigError
        pylibCZIrw is not installed, the file cannot be read, or its pixels are colours.
    """
    if path.suffix.lower() != ".czi" or not path.is_file():
        return None
    czi = library("pylibCZIrw.czi", path, "a CZI file")
    try:
        with czi.open_czi(str(path)) as document:
            return _scenes(path, document)
    except RuntimeError as error:
        raise fault(
            "unreadable-image",
            f"it is no CZI file that can be read: {error}.",
            "Was it cut short while it was written or copied? Copy it again.",
            path,
        ) from error


def _scenes(path: Path, document: Any) -> list[FoundImage]:
    kinds = set(document.pixel_types.values())
    if len(kinds) != 1 or not kinds <= set(_DTYPES):
        raise fault(
            "unknown-pixels",
            f"its pixels are {', '.join(sorted(kinds))}; one of {', '.join(_DTYPES)} is expected.",
            "Write it as grey images.",
            path,
        )
    box = document.total_bounding_box
    sizes = tuple(box[letter][1] for letter in _LETTERS)
    written = _written(document)
    # The box begins at 0 whatever the first frame's number is.
    first = tuple(min((index[at] for index in written), default=0) for at in (1, 2, 3))
    scenes = document.scenes_bounding_rectangle_no_pyramid or {
        None: document.total_bounding_rectangle
    }
    about = parse_xml(document.raw_metadata)
    if about is None:
        raise fault(
            "unreadable-image",
            "its metadata are no XML that can be read.",
            "Was it cut short while it was written or copied? Copy it again.",
            path,
        )
    names = tuple(
        channel.get("Name") or None
        for channel in about.findall("./Metadata/Information/Image/Dimensions/Channels/Channel")
    )
    images = []
    for scene, rectangle in scenes.items():
        dtype = np.dtype(_DTYPES[next(iter(kinds))])
        refuse_claim((*sizes, rectangle.h, rectangle.w), dtype.itemsize, path)
        present = {index[1:] for index in written if scene is None or index[0] == scene}
        grid = itertools.product(*map(range, sizes))
        missing = frozenset(
            index
            for index in grid
            if tuple(a + b for a, b in zip(index, first, strict=True)) not in present
        )
        images.append(
            FoundImage(
                path=path,
                name=path.name if len(scenes) == 1 else f"{path.name}, scene {scene}",
                kind="CZI",
                axes=_LETTERS,
                sizes=sizes,
                plane_shape=(rectangle.h, rectangle.w),
                dtype=dtype,
                open=_opener(path, scene, rectangle, first),
                files=(path,),
                channel_names=names[: sizes[1]],
                pixel_size_um=_pixel_size(about),
                interval_minutes=_interval(about),
                missing=missing,
            )
        )
    return images


def _written(document: Any) -> set[Index]:
    """Planes that were written, as (scene, t, c, z): others would read as black."""
    found: set[Index] = set()

    def note(number: int, block: Any) -> bool:
        del number
        at = block.coordinate.to_dict()
        found.add(tuple(int(at.get(letter, 0)) for letter in f"S{_LETTERS}"))
        return True

    document.enumerate_subblocks(note)
    return found


def _opener(path: Path, scene: int | None, rectangle: Any, first: Index) -> Any:
    return lambda: CziPlanes(path, scene, tuple(rectangle), first)


def _pixel_size(about: ET.Element) -> tuple[float | None, float | None, float | None]:
    metres = {
        distance.get("Id"): distance.findtext("Value")
        for distance in about.findall("./Metadata/Scaling/Items/Distance")
    }
    z, y, x = (micrometers(metres.get(axis), "m") for axis in "ZYX")
    return z, y, x


def _interval(about: ET.Element) -> float | None:
    place = "./Metadata/Information/Image/Dimensions/T/Positions/Interval/Increment"
    return minutes(about.findtext(place), "s")


class CziPlanes:
    """Planes of one scene.

    Parameters
    ----------
    path : Path
    scene : int or None
    roi : tuple of int
        Its place: x, y, width, height.
    first : Index
        Numbers of the first frame, channel and slice.
    """

    def __init__(self, path: Path, scene: int | None, roi: tuple[int, ...], first: Index) -> None:
        czi = library("pylibCZIrw.czi", path, "a CZI file")
        self._opened = czi.open_czi(str(path))
        self._document = self._opened.__enter__()
        self._scene, self._roi, self._first = scene, roi, first

    def read(self, index: Index) -> NDArray[Any]:
        """Read one plane."""
        plane = {
            letter: begin + at
            for letter, begin, at in zip(_LETTERS, self._first, index, strict=True)
        }
        pixels = self._document.read(roi=self._roi, plane=plane, scene=self._scene)
        return np.asarray(pixels)[..., 0]

    def close(self) -> None:
        """Close the file."""
        self._opened.__exit__(None, None, None)
