"""A folder of TIFFs: one a frame, or one a frame, channel, slice and position."""

from __future__ import annotations

import itertools
import math
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import choices, counted
from lineage_triplets.imports.sources import tiff
from lineage_triplets.imports.sources.base import FoundImage, Index, Planes, fault, said
from lineage_triplets.imports.sources.names import (
    NamedAxis,
    read_names,
    step_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lineage_triplets.engine.errors import Problem

_OPENED_AT_ONCE = 8


def find(path: Path) -> list[FoundImage] | None:
    """Find the images that the TIFFs of a folder make together.

    Raises
    ------
    ConfigError
        The files are not of one form, or their names do not say what each is.
    """
    if not path.is_dir():
        return None
    files = tiffs_in(path)
    if not files:
        return None
    first = tiff.find(files[0]) or []
    if set(files) <= {file for image in first for file in image.files}:
        return first
    if len(first) > 1:
        raise fault(
            "several-images",
            f"{files[0].name} has {len(first)} images itself, and there are {len(files)} files.",
            "Name the files one by one instead of their folder.",
            path,
        )
    return images_of(path, files, first[0])


def tiffs_in(folder: Path) -> list[Path]:
    """TIFFs of a folder in the order of their names, numbers as numbers."""
    found = [
        file
        for file in folder.iterdir()
        if tiff.is_tiff(file) and not file.name.startswith(".") and file.is_file()
    ]
    return sorted(found, key=_natural)


def _natural(file: Path) -> list[Any]:
    parts = re.split(r"(\d+)", file.name)
    return [int(part) if part.isdigit() else part for part in parts]


def images_of(path: Path, files: Sequence[Path], first: FoundImage) -> list[FoundImage]:
    """Lay files out by their names; a position in them makes an image each."""
    stems = [re.sub(r"(\.ome)?\.\w+$", "", file.name) for file in files]
    named = read_names(stems)
    if named is None or not _is_told_apart(named, len(files)):
        raise fault(
            "unlike-names",
            f"the names of its {len(files)} TIFFs do not say which frame each is: "
            f"{choices((file.name for file in files), 4)}.",
            "Name them alike but for numbers, as in t000_ch0.tif, or name the files one by one.",
            path,
        )
    lacking, problems = _compared(path, files, first)
    positions = [axis for axis in named if axis.letter == "P"]
    axes = [axis for axis in named if axis.letter != "P"]
    images = []
    for place in itertools.product(*(range(len(axis.values)) for axis in positions)):
        grid = {
            tuple(axis.of_file[i] for axis in axes): file
            for i, file in enumerate(files)
            if tuple(axis.of_file[i] for axis in positions) == place
        }
        if grid:
            labels = [axis.values[at] for axis, at in zip(positions, place, strict=True)]
            name = "/".join([path.name, *labels])
            images.append(_image(path, name, axes, grid, first, lacking, problems))
    return images


def _is_told_apart(named: Sequence[NamedAxis], n_files: int) -> bool:
    return len({tuple(axis.of_file[i] for axis in named) for i in range(n_files)}) == n_files


def _compared(
    path: Path, files: Sequence[Path], first: FoundImage
) -> tuple[dict[Path, frozenset[Index]], tuple[Problem, ...]]:
    """Look whether all files have the first one's form; planes that some of them lack."""
    with ThreadPoolExecutor(_OPENED_AT_ONCE) as pool:
        forms = [(tiff.find(files[0]) or [])[:1], *pool.map(tiff.find, files[1:])]
    lacking: dict[Path, frozenset[Index]] = {}
    complaints: dict[str, Problem] = {}
    indices = list(itertools.product(*map(range, first.sizes)))
    for file, found in zip(files, forms, strict=True):
        image = (found or [first])[0]
        if (image.plane_shape, image.dtype) != (first.plane_shape, first.dtype):
            raise fault(
                "unlike-images",
                f"{file.name} is {_form(image)}, and {files[0].name} {_form(first)}.",
                "Put files of one size and type into a folder of their own.",
                path,
            )
        n_planes = math.prod(image.sizes)
        if n_planes > len(indices):
            raise fault(
                "unlike-images",
                f"{file.name} has {counted(n_planes, 'plane')}, and {files[0].name} "
                f"{counted(len(indices), 'plane')}.",
                "Is the first file cut short? Copy it again, or leave it out.",
                path,
            )
        gone = frozenset(indices[n_planes:])
        gone |= image.missing if image.sizes == first.sizes else frozenset()
        if gone:
            lacking[file] = gone
        for problem in image.problems:
            complaints.setdefault(problem.kind, problem)
    return lacking, tuple(complaints.values())


def _form(image: FoundImage) -> str:
    return f"{image.plane_shape[0]} x {image.plane_shape[1]} {image.dtype}"


def _image(
    path: Path,
    name: str,
    axes: Sequence[NamedAxis],
    grid: Mapping[Index, Path],
    first: FoundImage,
    lacking: Mapping[Path, frozenset[Index]],
    problems: tuple[Problem, ...],
) -> FoundImage:
    used = [sorted({key[at] for key in grid}) for at in range(len(axes))]
    place = [{value: i for i, value in enumerate(values)} for values in used]
    files = {
        tuple(of[value] for of, value in zip(place, key, strict=True)): file
        for key, file in grid.items()
    }
    outer = tuple(len(values) for values in used)
    letters, guessed = _letters(axes, first)
    missing = {
        key + inner
        for key in itertools.product(*map(range, outer))
        for inner in (
            lacking.get(files[key], ())
            if key in files
            else itertools.product(*map(range, first.sizes))
        )
    }
    words = next((i for i, letter in enumerate(letters) if letter == "C"), None)
    channels = first.channel_names
    if words is not None and axes[words].numbers is None:
        channels = tuple(axes[words].values[value] for value in used[words])
    at_t = letters.find("T")
    numbers: tuple[int, ...] = ()
    interval = first.interval_minutes
    notes = list(problems)
    if at_t >= 0:
        all_numbers = axes[at_t].numbers or ()
        numbers = tuple(all_numbers[value] for value in used[at_t])
        if axes[at_t].is_clock and interval is None:
            interval = float(step_of(numbers))
        if guessed == "T":
            notes.append(
                said(
                    "time-by-number",
                    "its files are taken for frames, by the number in their names.",
                    "Give --axes if they are something else.",
                    path,
                    "note",
                )
            )
    return FoundImage(
        path=path,
        name=name,
        kind=f"{counted(len(files), 'TIFF')} in a folder",
        axes=letters + first.axes,
        sizes=outer + first.sizes,
        plane_shape=first.plane_shape,
        dtype=first.dtype,
        open=lambda: SeriesPlanes(files, len(outer)),
        files=tuple(files[key] for key in sorted(files)),
        doubt=_doubt(letters + first.axes, outer + first.sizes),
        channel_names=channels,
        pixel_size_um=first.pixel_size_um,
        interval_minutes=interval,
        missing=frozenset(missing),
        t_numbers=numbers,
        block=(1,) * len(outer) + first.block,
        problems=tuple(notes),
    )


def _letters(axes: Sequence[NamedAxis], first: FoundImage) -> tuple[str, str]:
    """One letter an axis of names; and "T" where a lone number was taken for the frame's."""
    letters = ["C" if axis.letter == "W" else axis.letter for axis in axes]
    inside = {letter for letter, size in zip(first.axes, first.sizes, strict=True) if size > 1}
    if "T" not in {*letters, *inside} and letters.count("Q") == 1:
        return "".join(letters).replace("Q", "T"), "T"
    return "".join(letters), ""


def _doubt(letters: str, sizes: Index) -> str:
    real = [letter for letter, size in zip(letters, sizes, strict=True) if size > 1]
    if set(real) - set("TCZ"):
        return "names or pages do not say what they are"
    if len(set(real)) < len(real):
        return "names and pages say the same axis twice"
    return "" if "T" in real or not real else "nothing is the time"


class SeriesPlanes:
    """Planes of files that are laid out by their names; one file is open at a time.

    Parameters
    ----------
    files : mapping of Index to Path
    n_outer : int
        How many of an index's axes the names give.
    """

    def __init__(self, files: Mapping[Index, Path], n_outer: int) -> None:
        self._files, self._n_outer = files, n_outer
        self._open: tuple[Path, Planes] | None = None

    def read(self, index: Index) -> NDArray[Any] | None:
        """Read one plane."""
        file = self._files[index[: self._n_outer]]
        if self._open is None or self._open[0] != file:
            self.close()
            image = (tiff.find(file) or [])[0]
            self._open = (file, image.open())
        return self._open[1].read(index[self._n_outer :])

    def close(self) -> None:
        """Close the file that is open."""
        if self._open is not None:
            self._open[1].close()
        self._open = None
