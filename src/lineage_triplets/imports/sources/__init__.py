"""Kinds of images that are imported, one small module each, found through `MODULES`.

A module has ``find(path)``, which gives the images of a file or folder, or None where it is not of
its kind.
"""

from __future__ import annotations

import shlex
from importlib import import_module
from pathlib import Path

from lineage_triplets.engine.errors import ConfigError, StoreError, choices, counted
from lineage_triplets.imports.sources.base import FoundImage, Planes, fault, library, said
from lineage_triplets.imports.sources.tiff import is_tiff

MODULES = ("store", "nd2", "czi", "lif", "ctc", "tiff", "series")
"""Modules of this package, in the order in which they are asked."""
_KNOWN = (
    "Name a TIFF, ND2, CZI or LIF file, a folder of TIFFs, or one of the Cell Tracking Challenge; "
    "an OME-Zarr store that is to be written anew needs --rechunk."
)
_MOST_NAMED = 4


def find_images(path: str | Path) -> list[FoundImage]:
    """Recognise a file or folder.

    Raises
    ------
    ConfigError
        It is nothing that is known, or its reader is not installed.
    StoreError
        It cannot be read.
    """
    source = Path(path)
    if source.name in {"", ".."}:
        source = source.resolve()
    if not source.exists():
        raise fault("missing-path", "there is no such file or folder.", "Check the path.", source)
    try:
        for name in MODULES:
            images: list[FoundImage] | None = import_module(f"{__name__}.{name}").find(source)
            if images is not None:
                return images
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            *fault(
                "unreadable",
                f"it cannot be read: {error.strerror or error}.",
                "Check that it is whole, and that you may read it.",
                source,
            ).problems
        ) from error
    if source.is_dir():
        raise _no_images_of_one_kind(source)
    raise fault(
        "unknown-images",
        "its name ends as no image's that is known.",
        _KNOWN,
        source,
    )


def _no_images_of_one_kind(folder: Path) -> ConfigError:
    """Say what lies in a folder that is no source itself; files and folders of images may."""
    entries = sorted(folder.iterdir())
    sources = [entry for entry in entries if not entry.name.startswith(".") and _is_source(entry)]
    if sources:
        named = " ".join(shlex.quote(str(source)) for source in sources[:_MOST_NAMED])
        more = " …" if len(sources) > _MOST_NAMED else ""
        return fault(
            "unknown-images",
            f"the folder holds no images itself, and {counted(len(sources), 'source')} of images: "
            f"{choices(source.name for source in sources)}.",
            f"Name them: `lineage-triplets import {named}{more} --out PLATE.zarr` makes one plate.",
            folder,
        )
    return fault(
        "unknown-images",
        f"the folder holds no images that are known: {choices(entry.name for entry in entries)}.",
        _KNOWN,
        folder,
    )


def _is_source(path: Path) -> bool:
    """Whether a file is an image that is known, or a folder has TIFFs."""
    if path.is_dir():
        return any(is_tiff(file) for file in path.iterdir())
    return is_importable(path)


def is_importable(path: str | Path) -> bool:
    """Whether a file or folder looks like images that are imported; nothing is opened."""
    source = Path(path)
    if source.is_file():
        return source.suffix.lower() in {".nd2", ".czi", ".lif"} or is_tiff(source)
    if not source.is_dir():
        return False
    inside = [source, *(folder for folder in source.iterdir() if folder.is_dir())]
    return any(is_tiff(file) for folder in inside for file in folder.iterdir())


__all__ = [
    "MODULES",
    "FoundImage",
    "Planes",
    "fault",
    "find_images",
    "is_importable",
    "library",
    "said",
]
