"""A movie of the Cell Tracking Challenge: ``01`` with t000.tif, …, and ``01_GT``, ``01_RES``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import choices
from lineage_triplets.imports.sources import series, tiff
from lineage_triplets.imports.sources.base import FoundImage, said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOVIE = re.compile(r"\d{2,3}")
_FRAME = re.compile(r"t\d{3,}\.tiff?")


def find(path: Path) -> list[FoundImage] | None:
    """Find the movies of a data set, or the one whose folder is named."""
    movies = _movies(path)
    return [_with_tables(image) for movie in movies for image in _images(movie)] or None


def brings_tables(path: Path) -> bool:
    """Whether a movie, or one of a data set, has tables beside it; no image is opened."""
    return any(any(_tables(movie)) for movie in _movies(path))


def _movies(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    if _is_movie(path):
        return [path]
    return sorted(folder for folder in path.iterdir() if folder.is_dir() and _is_movie(folder))


def _is_movie(folder: Path) -> bool:
    if not _MOVIE.fullmatch(folder.name):
        return False
    files = series.tiffs_in(folder)
    return bool(files) and all(_FRAME.fullmatch(file.name) for file in files)


def _images(folder: Path) -> list[FoundImage]:
    """A stack in each file has slices: the challenge says so, whatever the TIFF does."""
    files = series.tiffs_in(folder)
    first = (tiff.find(files[0]) or [])[0]
    axes = "Z" if len(first.axes) == 1 else first.axes
    images = series.images_of(folder, files, replace(first, axes=axes))
    return [replace(image, kind="movie of the Cell Tracking Challenge") for image in images]


def _with_tables(image: FoundImage) -> FoundImage:
    tables = tuple(_tables(image.path))
    if len(tables) < 2:
        return replace(image, tables=tables)
    note = said(
        "several-tables",
        f"its tracks are there more than once: {choices(tables)}; the first is taken.",
        "Give --tracks to choose.",
        image.path,
        "note",
    )
    return replace(image, tables=tables, problems=(*image.problems, note))


def _tables(movie: Path) -> Iterator[Path]:
    for name in (f"{movie.name}_GT/TRA", f"{movie.name}_RES"):
        folder = movie.parent / name
        if any((folder / text).is_file() for text in ("man_track.txt", "res_track.txt")):
            yield folder
