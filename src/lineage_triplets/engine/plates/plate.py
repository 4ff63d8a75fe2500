"""OME-Zarr plates and FOVs from their JSON alone: axes, channels, pixel size, normalization.

Nothing here reads pixels, so that a process may look at plates on disk and fork afterwards; plates
behind URLs are looked at through tensorstore. Versions 0.1 to 0.5 are read
(https://ngff.openmicroscopy.org/0.4/, https://ngff.openmicroscopy.org/0.5/); axes in any case,
absent axes count as length 1, transformations are not judged.
"""

from __future__ import annotations

import contextlib
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import Problem, StoreError, choices
from lineage_triplets.engine.plates.channels import channel_labels
from lineage_triplets.engine.plates.stores import join, location, subfolders
from lineage_triplets.engine.plates.zarr_json import (
    ArrayForm,
    array_form,
    find_array,
    node_attributes,
    store_fault,
    understood,
)
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

CANONICAL_AXES = ("t", "c", "z", "y", "x")
SINGLE_IMAGE_FOV = "0/0/0"
_READ_AT_ONCE = 16
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


@dataclass(frozen=True, slots=True)
class Fov:
    """One field of view: where its pixels are, and what its metadata say.

    Attributes
    ----------
    name : str
        ``"{row}/{column}/{field}"``; ``"0/0/0"`` for a single image.
    path : str
        Folder or URL of the image (the OME-Zarr multiscales group).
    array_path : str
        Folder or URL of the full-resolution array.
    axes : tuple of str
        The array's axes in its own order, lower case.
    form : ArrayForm
        What the array was when the image was opened, along its own axes.
    shape : tuple of int
        (T, C, Z, Y, X); 1 for an axis that the image lacks.
    chunk_shape : tuple of int
        (T, C, Z, Y, X) of what is read at once, in the same way.
    level_shapes : tuple
        Shapes of all resolution levels that the metadata list, in the array's own order.
    channel_labels : tuple of str or None
        The labels that the store has, in order, None for a missing one; empty where it has none
        at all. There may be fewer or more than channels.
    pixel_size_um : tuple of float or None
        (z, y, x); None where the unit is unknown.
    interval_minutes : float or None
        The store's own time scale, often wrong; None where it has no unit.
    """

    name: str
    path: str
    array_path: str
    axes: tuple[str, ...]
    form: ArrayForm
    shape: tuple[int, int, int, int, int]
    chunk_shape: tuple[int, int, int, int, int]
    level_shapes: tuple[tuple[int, ...], ...]
    channel_labels: tuple[str | None, ...]
    pixel_size_um: tuple[float, float, float] | None
    interval_minutes: float | None

    @property
    def well_name(self) -> str:
        """``"{row}/{column}"``."""
        return self.name.rsplit("/", 1)[0]

    @property
    def channel_names(self) -> tuple[str, ...] | None:
        """The store's names, one a channel; None where it does not name every channel."""
        named = tuple(label for label in self.channel_labels if label is not None)
        whole = len(named) == len(self.channel_labels) == self.shape[1]
        return named if whole else None

    @property
    def zarr_format(self) -> int:
        """2 or 3."""
        return self.form.zarr_format

    @property
    def dtype(self) -> str:
        """NumPy's name of the pixels' type."""
        return self.form.dtype

    @property
    def codecs(self) -> str:
        """The array's compression as JSON, for fingerprints."""
        return self.form.codecs

    @property
    def chunk_bytes(self) -> int:
        """Size of one decoded chunk."""
        return math.prod(self.chunk_shape) * np.dtype(self.form.dtype).itemsize

    def normalization(self) -> dict[str, Any] | None:
        """Read the FOV's ``normalization`` attribute; None where it has none."""
        attributes, _ = node_attributes(self.path)
        found = attributes.get("normalization")
        return found if isinstance(found, dict) else None


@dataclass(frozen=True)
class Plate:
    """A plate's wells, or a single image that stands for a plate with one FOV.

    Attributes
    ----------
    path : str
    wells : tuple of str
        As the plate's metadata list them, ``"A/1"``.
    single_image : bool
        Whether `path` is one image.
    """

    path: str
    wells: tuple[str, ...]
    single_image: bool
    _fovs: dict[str, Fov] = field(default_factory=dict, repr=False, compare=False)
    _names: dict[str, list[str]] = field(default_factory=dict, repr=False, compare=False)

    def fov_names(self, wells: Iterable[str] | None = None) -> list[str]:
        """Names of the FOVs in some wells (all by default); reads the wells' metadata alone.

        Raises
        ------
        StoreError
            A well that the plate lists is absent or has no metadata.
        """
        if self.single_image:
            return [SINGLE_IMAGE_FOV]
        wanted = list(self.wells if wells is None else wells)
        self.read_ahead(wells=wanted)
        return [name for well in wanted for name in self._fovs_of_well(well)]

    def read_ahead(self, *, wells: Sequence[str] = (), fovs: Sequence[str] = ()) -> None:
        """Read metadata of wells and FOVs side by side, if each costs a server's round trips.

        What is wrong with one is said when it is asked for.
        """
        if not is_url(self.path) or self.single_image:
            return
        with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
            for read, names, known in (
                (self._fovs_of_well, wells, self._names),
                (self.fov, fovs, self._fovs),
            ):
                asked = [pool.submit(read, name) for name in names if name not in known]
                for answer in asked:
                    with contextlib.suppress(StoreError):
                        answer.result()

    def _fovs_of_well(self, well: str) -> list[str]:
        if well not in self._names:
            folder = join(self.path, well)
            with understood(folder):
                attributes, _ = node_attributes(folder)
                images = attributes.get("well", {}).get("images")
                if isinstance(images, list):
                    paths = [str(image["path"]) for image in images if "path" in image]
            if not isinstance(images, list):
                raise store_fault(
                    "not-a-well",
                    f"the plate lists the well {well}, which has no well metadata.",
                    "Mend the plate, or leave that well out with include_wells.",
                    folder,
                )
            self._names[well] = [f"{well}/{path}" for path in dict.fromkeys(paths)]
        return self._names[well]

    def fov(self, name: str) -> Fov:
        """Open one FOV; no other FOV is touched.

        Raises
        ------
        StoreError
            It is absent, unreadable, or no image that we know.
        """
        if name not in self._fovs:
            path = self.path if self.single_image else join(self.path, name)
            self._fovs[name] = open_image(path, name)
        return self._fovs[name]

    def first_fov(self) -> Fov:
        """Open the first FOV that is really there; plates may list some that are absent.

        Raises
        ------
        StoreError
            There is none.
        """
        first_error: StoreError | None = None
        for well in self.wells:
            try:
                for name in self.fov_names([well]):
                    try:
                        return self.fov(name)
                    except StoreError as error:
                        first_error = first_error or error
            except StoreError as error:
                first_error = first_error or error
        raise first_error or StoreError(
            Problem("empty-plate", "the plate has no FOV.", "Name another plate.", file=self.path)
        )

    def has_fov(self, name: str) -> bool:
        """Whether the plate lists a FOV."""
        well = name.rsplit("/", 1)[0]
        try:
            return well in self.wells and name in self.fov_names([well])
        except StoreError:
            return False


def open_plate(path: str | Path) -> Plate:
    """Open a plate, or one image as a plate with one FOV ``0/0/0``.

    Raises
    ------
    StoreError
        There is nothing, it cannot be read, or it is neither a plate nor an image.
    """
    folder = location(path)
    with understood(folder):
        attributes, node = node_attributes(folder)
        if isinstance(attributes.get("plate"), dict):
            wells = [well["path"].strip("/") for well in attributes["plate"].get("wells", [])]
            return Plate(folder, tuple(dict.fromkeys(wells)), False)
    if node == "array" or "multiscales" in attributes:
        return Plate(folder, ("0/0",), True)
    inside = subfolders(folder)
    holds = "" if inside is None else f"; it holds {choices(inside)}"
    raise store_fault(
        "not-a-plate",
        f"neither an OME-Zarr plate nor an image{holds}.",
        "Name the folder whose metadata have 'plate' or 'multiscales'.",
        folder,
    )


def open_image(path: str | Path, name: str = SINGLE_IMAGE_FOV) -> Fov:
    """Open one OME-Zarr image, or a bare array whose axes are named or five.

    Raises
    ------
    StoreError
        It is absent, unreadable, or its metadata do not describe an image in t, c, z, y, x.
    """
    folder = location(path)
    with understood(folder):
        return _image(folder, name)


def _image(folder: str, name: str) -> Fov:
    attributes, node = node_attributes(folder)
    multiscales = attributes.get("multiscales")
    if multiscales:
        scales = multiscales[0]
        levels = [level["path"] for level in scales.get("datasets", []) if "path" in level]
        if not levels:
            raise store_fault("not-an-image", "its multiscales list no levels.", "Mend it.", folder)
        smaller = (find_array(join(folder, level)) for level in levels[1:])
        arrays = [array_form(join(folder, levels[0]))]
        arrays += [array for array in smaller if array is not None]
        named = scales.get("axes")
        transforms = scales["datasets"][0].get("coordinateTransformations", [])
    elif node == "array":
        levels, arrays = [""], [array_form(folder)]
        named, transforms = arrays[0].dimension_names, []
        scales = {}
    else:
        raise store_fault(
            "not-an-image",
            "its metadata have no 'multiscales'.",
            "Name an OME-Zarr image of version 0.1 to 0.5.",
            folder,
        )
    form = arrays[0]
    axes, units = _axes(named, len(form.shape), folder)
    shape = canonical(axes, form.shape)
    scale = _scale(transforms, scales.get("coordinateTransformations", []), len(axes))
    return Fov(
        name=name,
        path=folder,
        array_path=join(folder, levels[0]) if levels[0] else folder,
        axes=axes,
        form=form,
        shape=shape,
        chunk_shape=canonical(axes, form.chunk_shape),
        level_shapes=tuple(array.shape for array in arrays),
        channel_labels=channel_labels(attributes),
        pixel_size_um=_pixel_size_um(axes, units, scale),
        interval_minutes=_interval_minutes(axes, units, scale),
    )


def canonical(
    axes: Sequence[str], values: Iterable[int], absent: int = 1
) -> tuple[int, int, int, int, int]:
    """Order values by axis as t, c, z, y, x, with another for axes that the array lacks."""
    by_axis = dict(zip(axes, values, strict=True))
    t, c, z, y, x = (int(by_axis.get(axis, absent)) for axis in CANONICAL_AXES)
    return t, c, z, y, x


def _axes(named: object, ndim: int, path: str) -> tuple[tuple[str, ...], dict[str, str | None]]:
    """Axes in lower case and their units; five axes without names are t, c, z, y, x."""
    if not named:
        entries: list[Any] = list(CANONICAL_AXES) if ndim == 5 else []
    else:
        entries = list(named) if isinstance(named, list | tuple) else []
    names, units = [], {}
    for entry in entries:
        given = entry.get("name") if isinstance(entry, dict) else entry
        axis = str(given).lower()
        names.append(axis)
        units[axis] = entry.get("unit") if isinstance(entry, dict) else None
    known = len(set(names)) == len(names) == ndim and set(names) <= set(CANONICAL_AXES)
    if not known or not {"y", "x"} <= set(names):
        raise store_fault(
            "unknown-axes",
            f"its {ndim} axes are {choices(names)}, where y and x, and at most t, c and z beside "
            "them, are expected.",
            "Write the image with axes out of t, c, z, y, x.",
            path,
        )
    return tuple(names), units


def _scale(transforms: object, outer: object, ndim: int) -> list[float] | None:
    """Product of the level's and the multiscales' scales; None where there is none."""
    product = None
    for transform in [*_as_list(transforms), *_as_list(outer)]:
        scale = transform.get("scale") if isinstance(transform, dict) else None
        if isinstance(scale, list) and len(scale) == ndim:
            before = product or [1.0] * ndim
            product = [a * float(b) for a, b in zip(before, scale, strict=True)]
    return product


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _pixel_size_um(
    axes: tuple[str, ...], units: dict[str, str | None], scale: list[float] | None
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
    axes: tuple[str, ...], units: dict[str, str | None], scale: list[float] | None
) -> float | None:
    factor = _MINUTES.get(units.get("t") or "")
    return None if factor is None or scale is None else scale[axes.index("t")] * factor
