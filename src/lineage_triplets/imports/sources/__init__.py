"""Kinds of images that are imported, one small module each, found through `MODULES`.

A module has ``find(path)``, which gives the images of a file or folder, or None where it is not of
its kind.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from lineage_triplets.engine.errors import StoreError, choices
from lineage_triplets.imports.sources.base import FoundImage, Planes, fault, library, said
from lineage_triplets.imports.sources.tiff import is_tiff

MODULES = ("store", "nd2", "czi", "lif", "ctc", "tiff", "series")
"""Modules of this package, in the order in which they are asked."""


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
    inside = choices(sorted(entry.name for entry in source.iterdir())) if source.is_dir() else ""
    raise fault(
        "unknown-images",
        f"the folder holds no images that are known: {inside}."
        if source.is_dir()
        else "its name ends as no image's that is known.",
        "Name a TIFF, ND2, CZI or LIF file, a folder of TIFFs, or one of the Cell Tracking "
        "Challenge; an OME-Zarr store that is to be written anew needs --rechunk.",
        source,
    )


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
