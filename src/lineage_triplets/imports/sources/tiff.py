"""One TIFF file: pages, ImageJ hyperstacks, OME-TIFF, in the file's own order of planes."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import ConfigError, counted
from lineage_triplets.engine.plates.limits import room_fault
from lineage_triplets.imports.sources.base import (
    FoundImage,
    Index,
    fault,
    library,
    refuse_claim,
    said,
)
from lineage_triplets.imports.sources.tiff_metadata import (
    TiffFacts,
    facts_of,
    planes_promised,
    refuse_claims,
    refuse_foreign_files,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lineage_triplets.engine.errors import Problem

ENDINGS = (".tif", ".tiff", ".btf", ".tf8", ".tf2", ".lsm", ".stk")
_LETTERS = frozenset("TCZ")


def is_tiff(path: Path) -> bool:
    """Whether a file's name ends as a TIFF's."""
    return path.suffix.lower() in ENDINGS


def find(path: Path) -> list[FoundImage] | None:
    """Find the images of one TIFF file.

    Raises
    ------
    ConfigError
        It is no TIFF, or of a kind that is not imported.
    OSError
        It cannot be read.
    """
    if not path.is_file() or not is_tiff(path):
        return None
    with listening() as complaints, open_tiff(path) as tif:
        refuse_claims(path, tif)
        every = list(tif.series)
        if not every:
            raise fault(
                "no-planes", "the TIFF has no page that can be read.", "Copy it again.", path
            )
        series = every if tif.is_ome else every[:1]
        images = [_image(path, tif, one, number) for number, one in enumerate(series)]
        others = len(every) - len(series)
        general = _complained(path, complaints)
        general += _others(path, others)
        cut = next((text for text in complaints if _is_cut(text)), "")
    return [_with(image, general, cut, len(images)) for image in images]


class _Listener(logging.Filter):
    """Keeps what tifffile logs in a thread from the log, and collects it."""

    def __init__(self) -> None:
        super().__init__()
        self._of_thread = threading.local()

    @contextlib.contextmanager
    def listening(self) -> Iterator[list[str]]:
        logging.getLogger("tifffile").addFilter(self)
        before = getattr(self._of_thread, "texts", None)
        texts: list[str] = []
        self._of_thread.texts = texts
        try:
            yield texts
        finally:
            self._of_thread.texts = before

    def filter(self, record: logging.LogRecord) -> bool:
        texts = getattr(self._of_thread, "texts", None)
        if texts is not None:
            texts.append(record.getMessage())
        return texts is None


_LISTENER = _Listener()


def listening() -> contextlib.AbstractContextManager[list[str]]:
    """Collect what tifffile logs in this thread, since it goes on after faults."""
    return _LISTENER.listening()


def open_tiff(path: Path) -> Any:
    """Open a TIFF.

    Raises
    ------
    ConfigError
        It is none, or tifffile is not installed.
    """
    tifffile = library("tifffile", path, "a TIFF")
    try:
        return tifffile.TiffFile(path)
    except tifffile.TiffFileError as error:
        raise fault(
            "unreadable-image",
            f"it is no TIFF that can be read: {error}.",
            "Was it cut short while it was written or copied? Copy it again.",
            path,
        ) from error


def _is_cut(text: str) -> bool:
    words = ("invalid page offset", "corrupted tag list", "invalid value offset")
    return any(word in text for word in words)


def _complained(path: Path, texts: list[str]) -> tuple[Problem, ...]:
    other = [text for text in texts if not _is_cut(text)]
    if not other:
        return ()
    return (
        said(
            "odd-tiff",
            f"tifffile says of it, first of {len(other)}: {other[0]}",
            "Look whether all planes are there.",
            path,
            count=len(other),
        ),
    )


def _others(path: Path, number: int) -> tuple[Problem, ...]:
    if not number:
        return ()
    return (
        said(
            "other-images",
            f"{counted(number, 'image')} of other sizes behind the first, which alone is imported.",
            "Thumbnails are no loss; else write the images into files of their own.",
            path,
            count=number,
        ),
    )


def _with(image: FoundImage, general: tuple[Problem, ...], cut: str, n_images: int) -> FoundImage:
    name = image.name if n_images > 1 else image.path.name
    values = {**vars(image), "name": name, "problems": (*image.problems, *general)}
    if cut and not image.cut_off:
        values["cut_off"] = f"the file ends too early ({cut})"
    return FoundImage(**values)


def _image(path: Path, tif: Any, series: Any, number: int) -> FoundImage:
    axes, shape, samples_last = _axes(path, series)
    refuse_claim(shape, series.dtype.itemsize, path)
    if samples_last or _offset(series) is None:
        _refuse_page(path, series)
    facts = facts_of(tif, series, number)
    refuse_foreign_files(path, tif, number)
    sizes = tuple(shape[: len(axes)])
    n_found = math.prod(sizes)
    missing = _missing(path, series, sizes)
    cut_off = ""
    promised = planes_promised(tif, number)
    if promised > n_found:
        cut_off = f"its own metadata say {promised:,} planes, and {n_found:,} are there"
    dtype = np.dtype(series.dtype).newbyteorder("=")
    n_extra = len(sizes)
    return FoundImage(
        path=path,
        name=f"{path.name}, image {number}" + (f" ({facts.name})" if facts.name else ""),
        kind=facts.kind,
        axes=axes,
        sizes=sizes,
        plane_shape=(int(shape[n_extra]), int(shape[n_extra + 1])),
        dtype=np.dtype("uint8") if dtype == np.bool_ else dtype,
        open=lambda: TiffPlanes(path, number, sizes, samples_last),
        files=tuple(sorted(_files(path, series))),
        doubt=_doubt(axes, sizes, facts),
        channel_names=facts.channel_names,
        pixel_size_um=facts.pixel_size_um,
        interval_minutes=facts.interval_minutes,
        missing=missing,
        cut_off=cut_off,
        block=tuple(n if letter == "S" else 1 for letter, n in zip(axes, sizes, strict=True)),
    )


def _refuse_page(path: Path, series: Any) -> None:
    """Raise if a page, which may have several planes and is decoded whole, does not fit."""
    page, item_bytes = series.keyframe.shape, series.dtype.itemsize
    problem = room_fault(page, item_bytes, str(path), "one page, which is decoded whole,")
    if problem is not None:
        raise ConfigError(problem)


def _axes(path: Path, series: Any) -> tuple[str, tuple[int, ...], bool]:
    """Letters before y and x, the shape with colours before them, and whether they lay behind."""
    axes, shape = series.axes, tuple(int(size) for size in series.shape)
    samples_last = axes.endswith("YXS")
    if samples_last:
        axes = f"{axes[:-3]}SYX"
        shape = (*shape[:-3], shape[-1], *shape[-3:-1])
    if not axes.endswith("YX"):
        raise fault(
            "unknown-axes",
            f"its axes are {axes}, where planes of y and x are expected at the end.",
            "Write it again with rows and columns as the last axes.",
            path,
        )
    return axes[:-2], shape, samples_last


def _doubt(axes: str, sizes: Index, facts: TiffFacts) -> str:
    """Why axes are not sure: letters that say nothing, or no time in what should be a movie."""
    real = {letter for letter, size in zip(axes, sizes, strict=True) if size > 1}
    unknown = real - _LETTERS
    if unknown:
        return (
            "planes are one colour image, which may be channels or frames"
            if unknown == {"S"}
            else "the file does not say what its pages are"
        )
    if real and "T" not in real:
        words = {"C": "channels", "Z": "slices"}
        listed = " and ".join(words[letter] for letter in sorted(real))
        return f"by the {facts.kind} its planes are {listed} of one frame, and a movie has frames"
    return ""


def _files(path: Path, series: Any) -> set[Path]:
    pages = _pages(series)
    return {path, *(Path(page.parent.filehandle.path) for page in pages if page is not None)}


def _pages(series: Any) -> list[Any]:
    """Pages of an image; None for those that the file does not have."""
    pages = []
    for number in range(len(series.pages)):
        try:
            pages.append(series.pages[number])
        except IndexError:
            pages.append(None)
    return pages


def _offset(series: Any) -> int | None:
    """Where planes lie one behind the other, not packed; None where they do not."""
    try:
        offset: int | None = series.dataoffset
    except IndexError:
        return None
    return offset


def _missing(path: Path, series: Any, sizes: Index) -> frozenset[Index]:
    """Planes whose pages are not there, or whose bytes lie behind the end of their file."""
    pages, offset = _pages(series), _offset(series)
    n_planes = math.prod(sizes)
    if offset is not None and not series.axes.endswith("S"):
        n_bytes = math.prod(series.shape[-2:]) * series.dtype.itemsize
        there = max(0, (path.stat().st_size - offset) // n_bytes)
        return _indices(range(min(n_planes, there), n_planes), sizes)
    lacking: list[int] = []
    inner = n_planes // max(1, len(pages))
    lengths: dict[str, int] = {}
    for number, page in enumerate(pages):
        if page is not None:
            file = page.parent.filehandle.path
            if file not in lengths:
                lengths[file] = Path(file).stat().st_size
            counts = page.databytecounts
            ends = (start + n for start, n in zip(page.dataoffsets, counts, strict=False))
            # Strips of no bytes are decoded as zeros.
            if counts and min(counts) > 0 and max(ends, default=0) <= lengths[file]:
                continue
        lacking += range(number * inner, (number + 1) * inner)
    return _indices(lacking, sizes)


def _indices(numbers: Any, sizes: Index) -> frozenset[Index]:
    return frozenset(tuple(map(int, np.unravel_index(number, sizes))) for number in numbers)


class TiffPlanes:
    """Planes of one image of a TIFF: from their place in the file, or page by page.

    Parameters
    ----------
    path : Path
    number : int
        Which of the file's images.
    sizes : Index
        Axes before y and x; colours, which TIFF has behind them, the last.
    samples_last : bool
        Whether pages have colours behind x.
    """

    def __init__(self, path: Path, number: int, sizes: Index, samples_last: bool) -> None:
        with listening():
            self._tif = tif = open_tiff(path)
            self._series = tif.series[number]
            self._pages = _pages(self._series)
            self._offset = None if samples_last else _offset(self._series)
        self._sizes, self._samples_last = sizes, samples_last
        self._file = self._last_file = tif.filehandle
        self._dtype = np.dtype(tif.byteorder + self._series.dtype.char)
        self._inner = math.prod(sizes) // max(1, len(self._pages))
        self._last: tuple[int, Any] = (-1, None)

    def read(self, index: Index) -> NDArray[Any]:
        """Read one plane; the page that it lies in is kept for the next one."""
        number = int(np.ravel_multi_index(index, self._sizes)) if index else 0
        rows, columns = self._plane_shape()
        if self._offset is not None and self._dtype.kind in "uif":
            n_bytes = rows * columns * self._dtype.itemsize
            self._file.seek(self._offset + number * n_bytes)
            data = self._file.read(n_bytes)
            return _native(np.frombuffer(data, self._dtype).reshape(rows, columns))
        page_number, inner = divmod(number, self._inner)
        if self._last[0] != page_number:
            page = self._decoded(self._pages[page_number])
            if self._samples_last:
                page = np.moveaxis(page, -1, -3)
            self._last = (page_number, page.reshape(-1, rows, columns))
        return _native(self._last[1][inner])

    def _decoded(self, page: Any) -> NDArray[Any]:
        """Decode a page; the set's other files are opened one at a time."""
        file = page.parent.filehandle
        if file is not self._last_file:
            if self._last_file is not self._file:
                self._last_file.close()
            self._last_file = file
        if file.closed:
            file.open()
        pixels: NDArray[Any] = page.asarray()
        return pixels

    def _plane_shape(self) -> tuple[int, int]:
        shape = self._series.shape
        rows, columns = shape[-3:-1] if self._samples_last else shape[-2:]
        return int(rows), int(columns)

    def close(self) -> None:
        """Close the file."""
        self._last = (-1, None)
        self._last_file.close()
        self._tif.close()


def _native(plane: NDArray[Any]) -> NDArray[Any]:
    if plane.dtype == np.bool_:
        return plane.astype(np.uint8)
    return plane.astype(plane.dtype.newbyteorder("="), copy=False)
