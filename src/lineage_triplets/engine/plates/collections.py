"""Groups that hold images without being a plate: series of one acquisition, and what lies below.

bioformats2raw writes series ``0``, ``1``, … below a root that says ``bioformats2raw.layout``, and
lists them in the group ``OME``; ome-writers writes positions by name in the same way
(https://ngff.openmicroscopy.org/0.5/#bf2raw).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage_triplets.engine.errors import StoreError, choices, counted
from lineage_triplets.engine.plates.stores import join, read_files, subfolders
from lineage_triplets.engine.plates.zarr_json import node_attributes, store_fault
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Iterator

_LAYOUT = "bioformats2raw.layout"
_LIST = "OME"
_MOST_NODES = 200
_DEPTH = 2


class Inside(NamedTuple):
    """Plates, collections of series and images below a group, as paths inside it."""

    plates: tuple[str, ...]
    collections: tuple[str, ...]
    images: tuple[str, ...]

    @property
    def best(self) -> tuple[str, ...]:
        """The plates; where there are none the collections; else the images."""
        return self.plates or self.collections or self.images

    def description(self) -> str:
        """``1 plate (plate)``; empty where there is nothing."""
        named = zip(("plate", "collection of series", "image"), self, strict=True)
        return " and ".join(
            f"{counted(len(paths), word)} ({choices(paths)})" for word, paths in named if paths
        )


def is_collection(attributes: dict[str, Any]) -> bool:
    """Whether a group holds series."""
    layout = attributes.get(_LAYOUT)
    return isinstance(layout, int) and not isinstance(layout, bool)


def find_series(folder: str) -> dict[str, str]:
    """Series of a collection, in its order: name of the FOV to the series' path inside.

    Series ``Pos1`` is the FOV ``Pos1/0/0`` of the well ``Pos1/0``. A slash in its path becomes
    ``-``, so that a name has three parts.

    Raises
    ------
    StoreError
        There is none, or a path leads outside.
    """
    series: dict[str, str] = {}
    for path in _listed(folder) or _numbered(folder) or list(_images(folder)):
        parts = [part for part in path.split("/") if part not in {"", "."}]
        if not parts or ".." in parts:
            raise store_fault(
                "bad-metadata",
                f"it lists a series {path!r}, which is no path inside.",
                "Mend the list in its group OME.",
                folder,
            )
        name = "-".join(parts)
        while f"{name}/0/0" in series and series[f"{name}/0/0"] != "/".join(parts):
            name += "_"
        series[f"{name}/0/0"] = "/".join(parts)
    if not series:
        raise store_fault("empty-plate", "it has no series.", "Name another store.", folder)
    return series


def _listed(folder: str) -> list[str]:
    group = join(folder, _LIST)
    if not _is_there(group):
        return []
    series = node_attributes(group)[0].get("series")
    return [str(path) for path in series] if isinstance(series, list) else []


def _numbered(folder: str) -> list[str]:
    """Series by number, where nothing lists them."""
    names = subfolders(folder)
    if names is not None:
        return sorted((name for name in names if name.isdecimal()), key=int)
    count = 0
    while _is_there(join(folder, str(count))):
        count += 1
    return [str(number) for number in range(count)]


def _images(folder: str) -> Iterator[str]:
    for name in subfolders(folder) or []:
        with contextlib.suppress(StoreError):
            if "multiscales" in node_attributes(join(folder, name))[0]:
                yield name


def _is_there(folder: str) -> bool:
    """Whether there is a node; servers that may not list refuse what is absent."""
    try:
        return bool(read_files(folder))
    except StoreError as error:
        if is_url(folder) and error.problems[0].kind == "unreadable":
            return False
        raise


def look_inside(folder: str) -> Inside:
    """Find plates, collections and images in a folder of this machine and in its groups."""
    found: tuple[list[str], list[str], list[str]] = ([], [], [])
    left = [(name, 1) for name in subfolders(folder) or []]
    n_seen = 0
    while left and n_seen < _MOST_NODES:
        (path, depth), n_seen = left.pop(0), n_seen + 1
        try:
            attributes, _ = node_attributes(join(folder, path))
        except StoreError:
            continue
        kind = _kind(attributes)
        if kind is not None:
            found[kind].append(path)
        elif depth < _DEPTH:
            inside = subfolders(join(folder, path)) or []
            left += [(f"{path}/{name}", depth + 1) for name in inside]
    return Inside(*(tuple(paths) for paths in found))


def _kind(attributes: dict[str, Any]) -> int | None:
    """Place of a node's kind in `Inside`; None for any other node."""
    if isinstance(attributes.get("plate"), dict):
        return 0
    if "multiscales" in attributes:
        return 2
    return 1 if is_collection(attributes) else None
