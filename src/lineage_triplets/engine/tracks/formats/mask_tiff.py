"""A TIFF of masks, of which no more is held than the pages of what is asked for."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.plates.tiff_claims import claims_fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    from lineage_triplets.engine.tracks.formats.base import TrackSource

WHAT = "masks of labelled cells"


class MaskTiff:
    """The pixels of the first image of a TIFF, in the order of its axes.

    The file is open while it is used as a context, and else between reads neither open nor held.

    Parameters
    ----------
    source : TrackSource
    file : Path

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype

    Raises
    ------
    TrackTableError
        The file is damaged, or claims more than is believed.
    """

    def __init__(self, source: TrackSource, file: Path) -> None:
        self._source, self._file = source, file
        tifffile = source.library("tifffile", WHAT)
        # What tifffile and its codecs raise for damaged files.
        self._faults = (
            ValueError, TypeError, RuntimeError, IndexError, AttributeError, tifffile.TiffFileError,
        )  # fmt: skip
        self._page: tuple[int, NDArray[Any]] | None = None
        self._is_in_use = False
        with self._told(), tifffile.TiffFile(str(file)) as opened:
            problem = claims_fault(opened, str(file))
            if problem is not None:
                raise source.damaged(f"the mask {file.name}", problem.message.rstrip("."))
            self._opened, self._series = opened, opened.series[0]
            self._offset: int | None = self._series.dataoffset
            self._page_size = math.prod(self._series.keyframe.shape)
        self.shape = tuple(map(int, self._series.shape))
        self.dtype: np.dtype[Any] = np.dtype(self._series.dtype)

    def __enter__(self) -> MaskTiff:
        self._is_in_use = True
        self._opened.filehandle.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_in_use, self._page = False, None
        self._opened.filehandle.close()

    def read(self, begin: int = 0, end: int | None = None) -> NDArray[Any]:
        """Read a stretch of the pixels, all by default.

        Returns
        -------
        ndarray, shape (end - begin,)

        Raises
        ------
        TrackTableError
            It is damaged, or memory does not hold it, or a page of it.
        """
        end = math.prod(self.shape) if end is None else end
        at_once = end - begin if self._offset is not None else max(end - begin, self._page_size)
        self._source.refuse_claim(f"the mask {self._file.name}", at_once * self.dtype.itemsize)
        with self._told(), _open(self._opened.filehandle) as handle:
            if self._offset is None:
                return self._of_pages(begin, end)
            typecode = self._opened.byteorder + self.dtype.char
            place = self._offset + begin * self.dtype.itemsize
            return np.asarray(handle.read_array(typecode, end - begin, place))

    def _of_pages(self, begin: int, end: int) -> NDArray[Any]:
        size = self._page_size
        if size * len(self._series) != math.prod(self.shape):
            raise ValueError(f"its pages are not those of {self.shape}")
        first, n_pages = begin // size, -(-end // size) - begin // size
        if n_pages == 1:
            return self._decoded(first)[begin - first * size : end - first * size]
        found = np.empty(end - begin, self.dtype)
        for number in range(first, first + n_pages):
            start, stop = max(begin, number * size), min(end, (number + 1) * size)
            page = self._decoded(number)
            found[start - begin : stop - begin] = page[start - number * size : stop - number * size]
        return found

    def _decoded(self, number: int) -> NDArray[Any]:
        """Decode a page; one with several frames is kept for the next of them."""
        if self._page is not None and self._page[0] == number:
            return self._page[1]
        self._page = None
        page = self._series[number]
        if page is None:
            # An OME-TIFF need not have all planes that it tells of.
            return np.zeros(self._page_size, self.dtype)
        with _open(page.parent.filehandle):
            pixels: NDArray[Any] = page.asarray().reshape(-1)
        if self._is_in_use and self._page_size > math.prod(self.shape[1:]):
            self._page = number, pixels
        return pixels

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Make a sentence of what tifffile raises."""
        try:
            yield
        except TrackTableError:
            raise
        except self._faults as error:
            hint = " (pip install imagecodecs)" if "imagecodecs" in str(error) else ""
            what = f"the mask {self._file.name}"
            raise self._source.damaged(what, f"{error}{hint}") from error


@contextlib.contextmanager
def _open(handle: Any) -> Iterator[Any]:
    """Open a file, if it is not, for as long as it is read."""
    if not handle.closed:
        yield handle
        return
    handle.open()
    try:
        yield handle
    finally:
        handle.close()
