"""What a TIFF says of itself: names, sizes, times; and what does not belong to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import ConfigError, choices
from lineage_triplets.engine.plates.tiff_claims import (
    claims_fault,
    local_name,
    ome_images,
    ome_pixels,
    parse_xml,
    shape_said,
)
from lineage_triplets.imports.sources.base import fault, library
from lineage_triplets.imports.sources.units import micrometers, minutes

if TYPE_CHECKING:
    from pathlib import Path

_RESOLUTION_UNITS = {2: "inch", 3: "cm"}
_PREFIX = "urn:uuid:"


@dataclass(frozen=True, slots=True)
class TiffFacts:
    """What a TIFF says of one of its images.

    Attributes
    ----------
    kind : str
        In words.
    name : str
    channel_names : tuple of str or None
    pixel_size_um : tuple of float or None
        (z, y, x).
    interval_minutes : float or None
    """

    kind: str
    name: str = ""
    channel_names: tuple[str | None, ...] = ()
    pixel_size_um: tuple[float | None, float | None, float | None] = (None, None, None)
    interval_minutes: float | None = None


def facts_of(tif: Any, series: Any, number: int) -> TiffFacts:
    """Read an image's metadata, value and unit together."""
    if tif.is_ome:
        return _of_ome(tif, number)
    if tif.is_imagej:
        return _of_imagej(tif)
    y, x = _resolution(tif, None)
    kind = {"lsm": "LSM", "stk": "MetaMorph stack"}.get(series.kind, "multi-page TIFF")
    return TiffFacts(
        kind if len(series.pages) > 1 or series.kind == "stk" else "TIFF",
        pixel_size_um=(None, y, x),
    )


def refuse_claims(path: Path, tif: Any) -> None:
    """Refuse sizes beyond reason in the metadata, by which tifffile makes lists.

    Raises
    ------
    ConfigError
        There are some, or such that are no numbers.
    """
    problem = claims_fault(tif, str(path))
    if problem is not None:
        raise ConfigError(problem)


def planes_promised(tif: Any, number: int) -> int:
    """How many planes the metadata count; 0 where they do not."""
    if tif.is_ome:
        pixels = ome_pixels(tif, number)
        if pixels is None:
            return 0
        return math.prod(int(pixels.get(f"Size{axis}", 1)) for axis in "TCZ")
    first = tif.pages[0]
    if tif.is_imagej:
        return int((tif.imagej_metadata or {}).get("images", 0) or 0)
    if first.is_shaped:
        n_pixels = int(first.imagelength * first.imagewidth or 1)
        return math.prod(map(int, shape_said(first))) // n_pixels
    return 0


def _of_imagej(tif: Any) -> TiffFacts:
    about = tif.imagej_metadata or {}
    unit = about.get("unit")
    y, x = _resolution(tif, unit)
    interval = minutes(about.get("finterval"), about.get("tunit", "s"))
    return TiffFacts(
        "ImageJ hyperstack",
        pixel_size_um=(micrometers(about.get("spacing"), unit), y, x),
        interval_minutes=interval,
    )


def _resolution(tif: Any, unit: str | None) -> tuple[float | None, float | None]:
    """Size of a pixel along y and x by the TIFF's own tags; in ImageJ's unit where it has one.

    Without a unit of ImageJ, values that are usual of screens and printers say nothing.
    """
    tags = tif.pages[0].tags
    if unit is None:
        code = int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 2
        unit = _RESOLUTION_UNITS.get(code)
    sizes = []
    for name in ("YResolution", "XResolution"):
        value = tags[name].value if name in tags else (0, 1)
        per_unit = value[0] / value[1] if value[1] else 0.0
        size = micrometers(1 / per_unit, unit) if per_unit else None
        is_printers = unit in _RESOLUTION_UNITS.values() and size is not None and size > 50
        sizes.append(None if is_printers else size)
    return sizes[0], sizes[1]


def _of_ome(tif: Any, number: int) -> TiffFacts:
    pixels = ome_pixels(tif, number)
    if pixels is None:
        return TiffFacts("OME-TIFF")
    sizes = [
        micrometers(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "um"))
        for axis in "ZYX"
    ]
    image = ome_images(tif)[number]
    channels = [child for child in pixels if local_name(child) == "Channel"]
    return TiffFacts(
        "OME-TIFF",
        image.get("Name", ""),
        tuple(channel.get("Name") or None for channel in channels),
        (sizes[0], sizes[1], sizes[2]),
        minutes(pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s")),
    )


def refuse_foreign_files(path: Path, tif: Any, number: int) -> None:
    """Refuse an OME-TIFF set that has another recording's files.

    Files are joined by their names alone; their UUIDs tell others from its own.

    Raises
    ------
    ConfigError
        It has.
    """
    pixels = ome_pixels(tif, number) if tif.is_ome else None
    wanted: dict[str, str] = {}
    for child in pixels.iter() if pixels is not None else ():
        if local_name(child) == "UUID" and child.text:
            wanted[child.get("FileName", path.name)] = child.text.strip().removeprefix(_PREFIX)
    there = {name: path.parent / name for name in wanted if (path.parent / name).is_file()}
    others = [name for name, file in there.items() if _own_uuid(file) not in {"", wanted[name]}]
    if others:
        raise fault(
            "foreign-file",
            f"it is an OME-TIFF set, and by their UUIDs files are another recording's: "
            f"{choices(others)}.",
            "Put this recording's own files there.",
            path,
        )


def _own_uuid(file: Path) -> str:
    tifffile = library("tifffile", file, "a TIFF")
    try:
        with tifffile.TiffFile(file) as tif:
            root = parse_xml(tif.ome_metadata) if tif.is_ome else None
    except tifffile.TiffFileError:
        return ""
    return "" if root is None else root.get("UUID", "").removeprefix(_PREFIX)
