"""Arrays opened and read through tensorstore, and its errors in words."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import tensorstore as ts

from lineage_triplets.engine.plates.coordinates import CANONICAL_AXES
from lineage_triplets.engine.plates.remote import answer, first_line, trouble
from lineage_triplets.engine.plates.requests import RemoteError
from lineage_triplets.engine.process import note_read
from lineage_triplets.engine.reading.cache import CachePools
from lineage_triplets.engine.reading.pipes import PipeWatch
from lineage_triplets.engine.reading.plan import array_error, chunk_error
from lineage_triplets.engine.reading.remote_arrays import AbsentError, open_remote_array
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import Pixels
    from lineage_triplets.engine.errors import ChunkError
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.plates.image import Fov
    from lineage_triplets.engine.reading.plan import Window
    from lineage_triplets.engine.settings.model import MissingChunks

_log = logging.getLogger(__name__)

_LARGE_CHUNK_BYTES = 1_000_000


def open_array(
    folder: str,
    zarr_format: int,
    context: ts.Context | None = None,
    *,
    fill_absent: bool = False,
    recheck: bool | Literal["open"] = True,
) -> ts.Future[ts.TensorStore]:
    """Begin to open a zarr array for reading.

    Parameters
    ----------
    folder : str
        Folder or URL.
    zarr_format : int
        2 or 3.
    context : tensorstore.Context, optional
        Its memory for decoded chunks, and its threads.
    fill_absent : bool
        Whether chunks that were never written are the fill value, and no error.
    recheck : bool or "open", optional
        When chunks in memory are compared with the store's: at each read, or when the array is
        opened. Those behind a URL never are: an array that is opened anew has none.

    Raises
    ------
    ForkedReadError
        This process was forked from one that had read through tensorstore.
    """
    note_read()
    if is_url(folder):
        return open_remote_array(folder, zarr_format, context, fill_absent=fill_absent)
    spec = {
        "driver": "zarr" if zarr_format == 2 else "zarr3",
        "kvstore": {"driver": "file", "path": f"{folder}/"},
        "fill_missing_data_reads": fill_absent,
        "open": True,
        "recheck_cached_data": recheck,
    }
    return ts.open(spec, context=context)


def canonical_view(store: ts.TensorStore, axes: Sequence[str]) -> ts.TensorStore:
    """The array as (t, c, z, y, x), absent axes of length 1."""
    view = store.transpose([axes.index(axis) for axis in CANONICAL_AXES if axis in axes])
    for place, axis in enumerate(CANONICAL_AXES):
        if axis not in axes:
            view = view[(slice(None),) * place + (ts.newaxis,)]
    return view


def is_absent(error: Exception) -> bool:
    """Whether the error is that something is not there, and not that it is damaged."""
    return isinstance(error, AbsentError) or "NOT_FOUND" in str(error)


def named_chunk(error: Exception) -> str | None:
    """File of the chunk that the error is about, without what may be secret in a URL."""
    if isinstance(error, RemoteError):
        return error.url.partition("?")[0]
    pattern = r'(?:stored at|entry|Error reading|Error opening)[^"]*"([^"?]+)[^"]*"'
    named = re.search(pattern, str(error))
    return named[1] if named else None


class _Asked(NamedTuple):
    """A window that is on its way, and where from: tensorstore does not hold that by itself."""

    view: ts.TensorStore
    done: ts.WriteFutures


class TensorStoreStrategy:
    """Reads any store through tensorstore, all windows of a call as one batch of requests.

    Parameters
    ----------
    missing_chunks : {"warn", "error", "fill"}
        What a chunk that was never written means.
    cache_pool_bytes : int, CachePools or None
        Memory for decoded chunks, all of it for tensorstore unless pools are shared with another
        way to read; 0 keeps none beyond the batch that needs them, None takes the pools of the
        process.
    """

    def __init__(
        self, missing_chunks: MissingChunks, cache_pool_bytes: int | CachePools | None
    ) -> None:
        self.missing_chunks = missing_chunks
        self._pools = CachePools.of(cache_pool_bytes)
        self._missing: dict[tuple[str, str], int] = {}
        self._handles: dict[tuple[str, bool], ts.TensorStore] = {}
        self._context: ts.Context | None = None
        self._pipes = PipeWatch()

    @property
    def missing(self) -> dict[tuple[str, str], int]:
        """``{(experiment, FOV): patches}`` that met absent chunks."""
        return dict(self._missing)

    def decodes_one_by_one(self, fov: Fov) -> bool:  # noqa: ARG002
        """Never: chunks are decoded as their files come, and cut once all are asked for."""
        return False

    def read(self, windows: Sequence[Window]) -> None:
        """Fill the targets of all windows; windows that share chunks best come in a row.

        Windows of large chunks are read as one stack, so that a chunk is decoded once; of small
        chunks, requests that write into the targets cost less.
        """
        note_read()
        for window in windows:
            self._refuse_pipes(window)
        fill = self.missing_chunks == "fill"
        for array_path in {window.source.fov.array_path for window in windows}:
            self._pools.note(array_path, in_parts=False)
        self._open([window.source for window in windows], fill)
        stacks: dict[tuple[str, tuple[int, ...]], list[Window]] = {}
        singles = []
        for window in windows:
            if window.source.fov.chunk_bytes < _LARGE_CHUNK_BYTES:
                singles.append(window)
            else:
                key = (window.source.fov.dtype, window.target.shape)
                stacks.setdefault(key, []).append(window)
        # A chunk that came before its last window was asked for would be fetched again.
        with ts.Batch() as batch:
            requests = [self._request(window, fill, batch) for window in singles]
            stacked = [
                ts.stack([self._view(window, fill).translate_to[0] for window in group]).read(
                    batch=batch
                )
                for group in stacks.values()
            ]
        for window, request in zip(singles, requests, strict=True):
            self._finish(window, request, fill)
        for group, stack in zip(stacks.values(), stacked, strict=True):
            self._fill_from_stack(group, stack, fill)

    def _refuse_pipes(self, window: Window) -> None:
        fov = window.source.fov
        box = (slice(window.t, window.t + 1), window.source.channels, window.z, window.y, window.x)
        pipe = self._pipes.find(fov.array_path, fov.form, fov.axes, box)
        if pipe:
            message = f"the chunk {pipe} of frame {window.t} is a pipe, and no file."
            remedy = "Restore the file, or exclude this frame."
            raise chunk_error(window.source, "damaged-chunk", message, remedy)

    def _request(self, window: Window, fill: bool, batch: ts.Batch | None = None) -> _Asked:
        """Ask for one window; tensorstore converts and copies into the target by itself."""
        view = self._view(window, fill)
        if view.dtype != window.target.dtype:
            view = ts.cast(view, window.target.dtype)
        return _Asked(view, ts.array(window.target).write(view, batch=batch))

    def _fill_from_stack(
        self, windows: Sequence[Window], stack: ts.Future[Pixels], fill: bool
    ) -> None:
        try:
            pixels = answer(stack)
        except (ValueError, TimeoutError):
            for window in windows:
                self._finish(window, self._request(window, fill), fill)
            return
        # Values that float32 cannot hold are infinite, as where tensorstore converts.
        with np.errstate(over="ignore", invalid="ignore"):
            for window, patch in zip(windows, pixels, strict=True):
                window.target[...] = patch

    def _finish(self, window: Window, asked: _Asked, fill: bool) -> None:
        """Take absent chunks as the fill value, in no silence; anything else is an error."""
        try:
            answer(asked.done)
        except (ValueError, TimeoutError) as error:
            if fill or not is_absent(error) or self.missing_chunks == "error":
                raise _chunk_error(window, error) from None
            key = (window.source.experiment, window.source.fov.name)
            if key not in self._missing:
                _log.warning(
                    "%s Its pixels are the format's fill value.", _chunk_error(window, error)
                )
            self._missing[key] = self._missing.get(key, 0) + 1
            self._open([window.source], fill=True)
            self._finish(window, self._request(window, fill=True), fill=True)

    def _open(self, sources: Sequence[FovSource], fill: bool) -> None:
        """Open the arrays that are not open yet, side by side."""
        context = self._pools.context()
        if context is not self._context:
            # What is kept by the context before goes with its arrays.
            self._context, self._handles = context, {}
        pending = {}
        for source in sources:
            path = source.fov.array_path
            if (path, fill) not in self._handles and path not in pending:
                opening = open_array(path, source.fov.zarr_format, context, fill_absent=fill)
                pending[path] = source, opening
        for path, (source, future) in pending.items():
            try:
                view = canonical_view(answer(future), source.fov.axes)
            except (ValueError, TimeoutError) as error:
                raise array_error(source, *_why_closed(source, error)) from None
            # A stack reads what is out of range as the fill value, where a plain read raises.
            if not source.fov.is_within(view.shape):
                raise array_error(
                    source,
                    "store-changed",
                    f"the array is {view.shape} now, and was {source.fov.shape} when the index "
                    "was built.",
                    "Build the index again.",
                )
            self._handles[path, fill] = view

    def _view(self, window: Window, fill: bool) -> ts.TensorStore:
        key = (window.source.fov.array_path, fill)
        if key not in self._handles:
            # Another thread has begun with another context.
            self._open([window.source], fill)
        store = self._handles[key]
        channels = window.source.channels
        first, last = channels[0], channels[-1]
        in_a_row = channels == tuple(range(first, last + 1))
        c = slice(first, last + 1) if in_a_row else list(channels)
        return store[window.t, c, window.z, window.y, window.x]


def _why_closed(source: FovSource, error: Exception) -> tuple[str, str, str]:
    """Kind, message and remedy where an array could not be opened."""
    what = _trouble(error, source)
    if what is not None:
        return what
    return (
        "unreadable",
        f"the array cannot be opened: {first_line(error)}.",
        "Check that the store is there, readable, and of a codec that tensorstore knows.",
    )


def _trouble(error: Exception, source: FovSource) -> tuple[str, str, str] | None:
    """Kind, message and remedy of what is no fault of the store; else None."""
    if "Too many open files" in str(error):
        remedy = "Close some, or raise the limit (ulimit -n)."
        return "unreadable", "it cannot be read (Too many open files).", remedy
    return trouble(error, source.fov.array_path)


def _chunk_error(window: Window, error: Exception) -> ChunkError:
    chunk = named_chunk(error) or _chunk_of(window)
    source = window.source
    what = _trouble(error, source)
    absent = is_absent(error)
    if what is not None:
        kind, message, remedy = what
        message = f"the chunk {chunk} of frame {window.t}: {message}"
    else:
        kind = "missing-chunk" if absent else "damaged-chunk"
        message = (
            f"the chunk {chunk} of frame {window.t} is "
            f"{'absent' if absent else 'damaged or unreadable'} ({first_line(error)})."
        )
        remedy = (
            "Write it, or choose missing_chunks='fill' if empty chunks were left out on purpose."
            if absent
            else "Restore the file, or exclude this frame."
        )
    return chunk_error(source, kind, message, remedy)


def _chunk_of(window: Window) -> str:
    """Place of a window's first chunk among the image's."""
    fov = window.source.fov
    first = (window.t, window.source.channels[0], window.z.start, window.y.start, window.x.start)
    place = {
        axis: str(start // size)
        for axis, start, size in zip(CANONICAL_AXES, first, fov.chunk_shape, strict=True)
    }
    return f"({', '.join(place[axis] for axis in fov.axes)} in {', '.join(fov.axes)})"
