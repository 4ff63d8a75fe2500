"""What an image's axes are, and how large a pixel is: from axes or coordinate systems.

OME-Zarr up to 0.5 lists ``axes`` and scales; 0.6 names coordinate systems, and transformations that
lead from the array to them (https://ngff.openmicroscopy.org/). The intrinsic system is the one that
the full-resolution level leads to. Translations move no pixel of the array and are passed over.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage_triplets.engine.errors import choices
from lineage_triplets.engine.plates.zarr_json import store_fault

if TYPE_CHECKING:
    from collections.abc import Sequence

CANONICAL_AXES = ("t", "c", "z", "y", "x")
_MICROMETERS = {
    None: 1.0,
    "micrometer": 1.0,
    "micron": 1.0,
    "um": 1.0,
    "µm": 1.0,
    "nanometer": 1e-3,
    "millimeter": 1e3,
    "meter": 1e6,
}
_MINUTES = {"second": 1 / 60, "minute": 1.0, "hour": 60.0, "millisecond": 1 / 60_000, "day": 1440.0}
_OF_NO_SCALE = {"identity", "translation"}


class Coordinates(NamedTuple):
    """Axes of an array, and what a step along them is.

    Attributes
    ----------
    axes : tuple of str
        In the array's own order, lower case.
    pixel_size_um : tuple of float or None
        (z, y, x), 1 along an axis that is absent; None where it is not known.
    interval_minutes : float or None
        None where time has no unit.
    unread : str
        The kind of a transformation that is more than a scale and a translation, or by which a
        pixel has no size, so that it is not known; empty where there is none.
    """

    axes: tuple[str, ...]
    pixel_size_um: tuple[float, float, float] | None
    interval_minutes: float | None
    unread: str


class _System(NamedTuple):
    """A coordinate system, and the scale that leads from the array to it."""

    axes: Any
    scale: list[float] | None
    unread: str


def of_multiscales(
    multiscales: dict[str, Any], dimension_names: object, ndim: int, path: str
) -> Coordinates:
    """Coordinates of the full-resolution level.

    Parameters
    ----------
    multiscales : dict
        The first entry of the image's ``multiscales``, which lists a level.
    dimension_names : sequence of str or None
        Names of the array's own axes in zarr v3.
    ndim : int
        Axes of the array.
    path : str
        The image, for messages.

    Raises
    ------
    StoreError
        The axes are not t, c, z, y, x.
    """
    of_level = _as_list(multiscales["datasets"][0].get("coordinateTransformations"))
    of_image = _as_list(multiscales.get("coordinateTransformations"))
    systems = multiscales.get("coordinateSystems")
    if systems:
        found = _best_system(systems, of_level, of_image, ndim)
        named = found.axes
        if found.unread and _are_known(_names(dimension_names), ndim):
            # What turns or exchanges axes leaves open which axis of the array is which.
            named = _in_order(named, dimension_names)
    else:
        scale, unread = _product([*of_level, *of_image], ndim)
        found, named = _System(None, scale, unread), multiscales.get("axes")
    return _coordinates(named, found.scale, found.unread, ndim, path)


def of_array(dimension_names: object, ndim: int, path: str) -> Coordinates:
    """Coordinates of an array without OME metadata; raises as `of_multiscales`."""
    return _coordinates(dimension_names, None, "", ndim, path)


def _best_system(systems: object, of_level: list[Any], of_image: list[Any], ndim: int) -> _System:
    """The intrinsic system; where it has no unit, one with units that scales lead on to."""
    axes_of = {system["name"]: system["axes"] for system in _as_list(systems)}
    if not axes_of:
        raise ValueError("no coordinate system")
    steps = {_end(transform, "output"): transform for transform in of_level}
    names = [name for name in axes_of if name in steps]
    intrinsic = names[0] if names else next(iter(axes_of))
    way = [steps[intrinsic]] if names else of_level[:1]
    scale, unread = _product(way, ndim)
    found = _System(axes_of[intrinsic], scale, unread)
    if unread or _has_units(found.axes):
        return found
    for transform in of_image:
        output = _end(transform, "output")
        if _end(transform, "input") == intrinsic and _has_units(axes_of.get(output)):
            scale, unread = _product([*way, transform], ndim)
            if not unread:
                return _System(axes_of[output], scale, "")
    return found


def _end(transform: object, which: str) -> str | None:
    """Name of the system at one end of a transformation: text, or a name or path in an object."""
    end = transform.get(which) if isinstance(transform, dict) else None
    if isinstance(end, dict):
        end = end.get("name", end.get("path"))
    return end if isinstance(end, str) else None


def _has_units(axes: object) -> bool:
    return any(
        isinstance(axis, dict) and axis.get("unit") and str(axis.get("name")).lower() in {"y", "x"}
        for axis in _as_list(axes)
    )


def _product(transforms: Sequence[Any], ndim: int) -> tuple[list[float] | None, str]:
    """Product of scales, None where there is none; and the kind of what is more than a scale."""
    product: list[float] | None = None
    for transform in transforms:
        scale, unread = _scale(transform, ndim)
        if unread:
            return None, unread
        if scale is not None:
            product = [a * b for a, b in zip(product or [1.0] * ndim, scale, strict=True)]
    return product, ""


def _scale(transform: Any, ndim: int) -> tuple[list[float] | None, str]:
    kind = str(transform.get("type", "scale"))
    if kind == "sequence":
        return _product(_as_list(transform.get("transformations")), ndim)
    if kind in _OF_NO_SCALE:
        return None, ""
    if kind == "scale":
        scale = transform.get("scale")
        fits = isinstance(scale, list) and len(scale) == ndim
        return ([float(size) for size in scale], "") if fits else (None, kind)
    if kind == "affine":
        diagonal = _diagonal(transform.get("affine"), ndim)
        return (diagonal, "") if diagonal else (None, kind)
    return None, kind


def _diagonal(matrix: Any, ndim: int) -> list[float] | None:
    """Scale of an affine matrix of ndim rows and ndim + 1 columns that only scales and moves."""
    rows = _as_list(matrix)
    if len(rows) != ndim or any(len(_as_list(row)) != ndim + 1 for row in rows):
        return None
    straight = all(
        (entry == 0) == (row != column)
        for row in range(ndim)
        for column, entry in enumerate(rows[row][:ndim])
    )
    sizes = [float(rows[axis][axis]) for axis in range(ndim)]
    return sizes if straight and min(sizes, default=0) > 0 else None


def _in_order(axes: object, dimension_names: Any) -> list[Any]:
    """Axes of a system by the array's own names, as far as it has them."""
    known = {str(axis["name"]).lower(): axis for axis in _as_list(axes) if isinstance(axis, dict)}
    return [known.get(str(name).lower(), name) for name in dimension_names]


def _names(entries: object) -> list[str]:
    listed = entries if isinstance(entries, list | tuple) else []
    return [
        str(entry.get("name") if isinstance(entry, dict) else entry).lower() for entry in listed
    ]


def _are_known(names: list[str], ndim: int) -> bool:
    known = len(set(names)) == len(names) == ndim and set(names) <= set(CANONICAL_AXES)
    return known and {"y", "x"} <= set(names)


def _coordinates(
    named: object, scale: list[float] | None, unread: str, ndim: int, path: str
) -> Coordinates:
    """Axes in lower case with what a step is; five axes without names are t, c, z, y, x."""
    entries: list[Any] = list(named) if isinstance(named, list | tuple) else []
    if not named and ndim == len(CANONICAL_AXES):
        entries = list(CANONICAL_AXES)
    axes = _names(entries)
    if not _are_known(axes, ndim):
        raise store_fault(
            "unknown-axes",
            f"its {ndim} axes are {choices(axes)}, where y and x, and at most t, c and z beside "
            "them, are expected.",
            "Write the image with axes out of t, c, z, y, x.",
            path,
        )
    units = {
        axis: entry.get("unit") if isinstance(entry, dict) else None
        for axis, entry in zip(axes, entries, strict=True)
    }
    size = _pixel_size_um(axes, units, scale)
    if size is not None and not all(0 < length < math.inf for length in size):
        size, unread = None, "scale"
    interval = _interval_minutes(axes, units, scale)
    known = interval is not None and 0 < interval < math.inf
    return Coordinates(tuple(axes), size, interval if known else None, unread)


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _pixel_size_um(
    axes: list[str], units: dict[str, str | None], scale: list[float] | None
) -> tuple[float, float, float] | None:
    if scale is None:
        return None
    sizes = []
    for axis in ("z", "y", "x"):
        factor = _MICROMETERS.get(units.get(axis))
        if factor is None:
            return None
        sizes.append(scale[axes.index(axis)] * factor if axis in axes else 1.0)
    return sizes[0], sizes[1], sizes[2]


def _interval_minutes(
    axes: list[str], units: dict[str, str | None], scale: list[float] | None
) -> float | None:
    factor = _MINUTES.get(units.get("t") or "")
    return None if factor is None or scale is None else scale[axes.index("t")] * factor
