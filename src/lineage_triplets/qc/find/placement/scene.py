"""What is compared: some frames of an FOV's images, read and binned, and its table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ChunkError, StoppedError
from lineage_triplets.engine.plates.limits import require_room
from lineage_triplets.engine.reading.plan import Window
from lineage_triplets.engine.reading.tensorstore import TensorStoreStrategy
from lineage_triplets.qc.find.placement.hypotheses import Hypothesis, rows_at
from lineage_triplets.qc.find.placement.objects import (
    Detector,
    Kind,
    Objects,
    all_objects,
    binned,
    find_objects,
    usable_widths,
)
from lineage_triplets.qc.find.placement.offsets import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lineage_triplets.engine.arrays import Float32Array, Float64Array, Int64Array
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.tracks.table import TrackTable

_SIDE_PX = 512
_ROWS_WANTED = 240
_ROWS_SEARCHED = 400
_FEWEST_FRAMES, _MOST_FRAMES = 4, 16
_MOST_FINER_FRAMES = 6
_FRAMES_FOR_TIME = 40
_BYTES = 256_000_000
_BYTES_FOR_TIME = 64_000_000
_MOST_CHANNELS = 4
_MOST_SLICES = 12


@dataclass(frozen=True, eq=False)
class Scene:
    """What is compared: some frames of an FOV's images, and its table.

    Attributes
    ----------
    channels : sequence of sequences of ndarray of float32
        For each channel its frames, each (Y, X) and maybe binned.
    frames : tuple of int
        Numbers of these frames in the movie, sorted.
    shape : (int, int)
        Of the images, in pixels.
    bin_px : int
        Pixels of the images in one of `channels`.
    n_frames : int
        Of the movie.
    t, track : ndarray of int64, shape (rows,)
        Of the whole table, also beyond movie and image.
    y, x : ndarray of float64, shape (rows,)
        In pixels of the image, if the table is right.
    pixel_size_um : tuple of float or None
        (y, x), where the store tells.
    more : callable, optional
        Gives the same with more frames, to tell which frame is which.
    go_on : callable, optional
        Called before each step of a search; what it raises ends that.
    """

    channels: Sequence[Sequence[Float32Array]]
    frames: tuple[int, ...]
    shape: tuple[int, int]
    bin_px: int
    n_frames: int
    t: Int64Array
    track: Int64Array
    y: Float64Array
    x: Float64Array
    pixel_size_um: tuple[float, float] | None = None
    more: Callable[[], Scene] | None = None
    go_on: Callable[[], None] | None = None

    def some_rows(self, hypothesis: Hypothesis) -> Rows:
        """Give as many rows as a search needs, evenly of all frames."""
        rows = self.rows(hypothesis)
        some = np.linspace(0, len(rows) - 1, min(len(rows), _ROWS_SEARCHED)).astype(np.int64)
        return Rows(rows.frame[some], rows.track[some], rows.y[some], rows.x[some])

    def rows(self, hypothesis: Hypothesis | None = None) -> Rows:
        """Give the table's rows in these frames, in the table's own places."""
        late = Hypothesis() if hypothesis is None else hypothesis
        return rows_at(
            self.frames, self.t, self.track, self.y, self.x,
            first_frame=late.first_frame,
            reversed_from=self.n_frames - 1 if late.reversed_time else None,
        )  # fmt: skip

    def objects_of(self, detectors: Sequence[Detector]) -> list[Objects]:
        """Find objects by some detectors, in pixels of the image."""
        kinds: dict[tuple[int, float], list[Kind]] = {}
        for known in detectors:
            kinds.setdefault((known.channel, known.width), []).append(known.kind)
        found = {
            objects.detector: objects
            for (channel, width), of_width in kinds.items()
            for blurred in find_objects(
                self.channels[channel], channel, width / self.bin_px, sorted(set(of_width))
            )
            for objects in [_unbinned(blurred, self.bin_px)]
        }
        return [found[known] for known in detectors]

    def objects(self) -> Iterator[list[Objects]]:
        """Find objects by all detectors, a width at a time, in pixels of the image."""
        first = self.channels[0][0]
        for batch in all_objects(self.channels, usable_widths(first.shape)):
            if self.go_on is not None:
                self.go_on()
            yield [_unbinned(found, self.bin_px) for found in batch]


def _unbinned(found: Objects, bin_px: int) -> Objects:
    if bin_px == 1:
        return found
    detector = replace(found.detector, width=found.detector.width * bin_px)
    y, x = ((p + 0.5) * bin_px - 0.5 for p in (found.y, found.x))
    return Objects(detector, found.frame, y, x, found.n_frames)


class SceneReader:
    """Reads some frames of one FOV, whole.

    Parameters
    ----------
    source : FovSource
    table : TrackTable
        In the image's frames and pixels, as far as is known.
    stop : callable, optional
        Asked between frames; reading ends early once it says so.

    Attributes
    ----------
    unreadable : str
        Why a frame could not be read; empty if all could.
    """

    def __init__(
        self, source: FovSource, table: TrackTable, stop: Callable[[], bool] | None = None
    ) -> None:
        self.unreadable = ""
        self._source = replace(source, channels=tuple(dict.fromkeys(source.channels)))
        self._table = table
        self._stop = stop
        self._strategy = TensorStoreStrategy("fill", 0)
        self._known: dict[int, list[Float32Array] | None] = {}
        height, width = source.fov.shape[3:]
        self._bin_px = max(1, round(min(height, width) / _SIDE_PX))

    @property
    def frame_bytes(self) -> int:
        """Of what is read of one frame."""
        _, _, depth, height, width = self._source.fov.shape
        n_channels = min(len(self._source.channels), _MOST_CHANNELS)
        item = np.dtype(self._source.fov.dtype).itemsize
        return n_channels * min(depth, _MOST_SLICES) * height * width * item

    def scene(self, *, finer: bool = False) -> Scene | None:
        """Read what is compared first.

        Parameters
        ----------
        finer : bool
            Whether images are binned half as much, and fewer frames looked at.

        Returns
        -------
        Scene or None
            None where no frame can be read.
        """
        if finer:
            self._bin_px = max(1, self._bin_px // 2)
            self._known.clear()
        n_frames = self._source.fov.shape[0]
        rows_a_frame = max(1.0, len(self._table.t) / max(n_frames, 1))
        wanted = int(
            np.clip(2 * round(_ROWS_WANTED / rows_a_frame / 2), _FEWEST_FRAMES, _MOST_FRAMES)
        )
        allowed = max(_FEWEST_FRAMES, _BYTES // max(self.frame_bytes, 1))
        more = min(_FRAMES_FOR_TIME, _BYTES_FOR_TIME // max(self.frame_bytes, 1))
        chosen = self._scene(min(wanted, allowed))
        if chosen is None or more <= len(chosen.frames):
            return chosen
        return replace(chosen, more=lambda: self._scene(more) or chosen)

    @property
    def is_binned(self) -> bool:
        """Whether images are looked at in larger pixels."""
        return self._bin_px > 1

    def _scene(self, n_frames: int) -> Scene | None:
        images: dict[int, list[Float32Array]] = {}
        for t in frames_in_pairs(self._source.fov.shape[0], n_frames):
            if self._stop is not None and self._stop():
                break
            read = self._frame(t)
            if read is not None:
                images[t] = read
        if not images:
            return None
        n_channels = len(next(iter(images.values())))
        size = self._source.fov.pixel_size_um
        told = None if size is None or size == (1.0, 1.0, 1.0) else (size[1], size[2])
        table = self._table
        return Scene(
            channels=[[images[t][channel] for t in images] for channel in range(n_channels)],
            frames=tuple(images),
            shape=(self._source.fov.shape[3], self._source.fov.shape[4]),
            bin_px=self._bin_px,
            n_frames=self._source.fov.shape[0],
            t=table.t,
            track=table.track_id,
            y=table.y,
            x=table.x,
            pixel_size_um=told,
            go_on=self._go_on,
        )

    def _go_on(self) -> None:
        if self._stop is not None and self._stop():
            raise StoppedError

    def _frame(self, t: int) -> list[Float32Array] | None:
        if t not in self._known:
            self._known[t] = self._read(t)
        return self._known[t]

    def _read(self, t: int) -> list[Float32Array] | None:
        try:
            stack = self.stack(t, self._source.channels[:_MOST_CHANNELS], _MOST_SLICES)
        except ChunkError as error:
            self.unreadable = error.problems[0].message
            return None
        return [binned(slices.max(axis=0), self._bin_px) for slices in stack]

    def stack(self, t: int, channels: Sequence[int], n_slices: int) -> Float32Array:
        """Read some channels and evenly chosen slices of a frame: (C, Z, Y, X).

        Raises
        ------
        StoreError, ChunkError
            It cannot be read.
        """
        source = replace(self._source, channels=tuple(channels))
        _, _, depth, height, width = source.fov.shape
        chosen = np.unique(np.linspace(0, depth - 1, min(depth, n_slices)).astype(int)).tolist()
        shape = (len(channels), len(chosen), height, width)
        require_room(shape, np.dtype(np.float32).itemsize, source.fov.array_path)
        image = np.empty(shape, dtype=np.float32)
        rows, columns = slice(0, height), slice(0, width)
        self._strategy.read(
            [
                Window(source, t, slice(z, z + 1), rows, columns, image[:, number : number + 1])
                for number, z in enumerate(chosen)
            ]
        )
        return np.nan_to_num(image, copy=False, posinf=0.0, neginf=0.0)


def frames_in_pairs(n_frames: int, n_wanted: int) -> list[int]:
    """Choose frames spread over a movie, each with the next one."""
    first = np.linspace(0, max(n_frames - 2, 0), max(1, n_wanted // 2)).astype(int)
    frames: list[int] = np.unique(np.minimum(np.r_[first, first + 1], n_frames - 1)).tolist()
    return frames
