"""Batches that are known before they come: what one of them decodes serves those that follow.

Once a chunk is decoded, the patches of the next batches that lie in it are cut and kept; where they
are more bytes than the whole frame, that is kept instead.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ChunkError
from lineage_triplets.engine.reading.threads import on_all_cpus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lineage_triplets.engine.arrays import Int64Array, Pixels
    from lineage_triplets.engine.index.rows import Observations
    from lineage_triplets.engine.reading.patches import PatchReader, Place
    from lineage_triplets.engine.reading.plan import ReadStrategy

_MOST_BATCHES = 512
# Patches that were cut are used up one by one, so that half of those ahead are there; a little
# memory is left for chance.
_SHARE_KEPT = 0.5
_SHARE_USED = 0.9
# Patches that a thread copies in one go.
_CUT_AT_ONCE = 16
# Turns numbers that follow one another into evenly spread shares of 1 (the golden ratio).
_SPREAD = 0.6180339887498949


class _Kept:
    """Pixels of a patch, or of a whole frame, that patches of batches to come are cut from."""

    __slots__ = ("is_frame", "n_uses", "pixels", "place")

    def __init__(self, place: Place, pixels: Pixels, *, is_frame: bool) -> None:
        self.place, self.pixels, self.is_frame = place, pixels, is_frame
        self.n_uses = 0

    def cut(self, place: Place, target: Pixels) -> None:
        """Copy the part of a patch that is inside the image."""
        z, y, x = place.z - self.place.z, place.top - self.place.top, place.left - self.place.left
        _, depth, height, width = target.shape
        target[...] = self.pixels[:, z : z + depth, y : y + height, x : x + width]


class _Unit:
    """Frames of a FOV that chunks hold together: decoded at once for all who wait for them."""

    __slots__ = ("alone", "frames", "key", "share", "wanted")

    def __init__(self, key: tuple[int, int], share: float) -> None:
        self.key = key
        # Of the first batches ahead those that it is decoded for, lest all units run out at once.
        self.share = share
        self.wanted: deque[_Wanted] = deque()
        self.frames: dict[int, _Kept] = {}
        # Where a chunk is absent or damaged, each batch reads its own patches alone.
        self.alone = False


class _Wanted:
    """A patch of a batch to come."""

    __slots__ = ("batch", "kept", "number", "place", "unit")

    def __init__(self, batch: int, number: int, place: Place, unit: _Unit) -> None:
        self.batch, self.number, self.place, self.unit = batch, number, place, unit
        self.kept: _Kept | None = None

    def use(self, kept: _Kept) -> None:
        """Be cut from what is kept."""
        self.kept = kept
        kept.n_uses += 1


class ReadAhead:
    """Reads the patches of batches that are told in advance.

    The pixels are those that `PatchReader.read` gives; what is kept is as its chunk was when it was
    decoded. It is of one thread at a time.

    Parameters
    ----------
    reader : PatchReader
        Whose memory for chunks is borrowed until `close`.
    memory_bytes : int
        For pixels that are kept.
    batch_patches : int
        Patches of a batch.

    Attributes
    ----------
    n_batches : int
        How many batches, with the one that is read, are worth to be told; one where there is no
        memory for more.
    n_bytes : int
        Of the pixels that are kept.
    """

    def __init__(self, reader: PatchReader, memory_bytes: int, batch_patches: int) -> None:
        self._reader = reader
        self._memory_bytes = memory_bytes
        self._dtypes = [np.dtype(source.fov.dtype).newbyteorder("=") for source in reader.sources]
        item_bytes = max((dtype.itemsize for dtype in self._dtypes), default=1)
        batch_bytes = batch_patches * math.prod(reader.patch_shape) * item_bytes
        fitting = int(_SHARE_USED * memory_bytes / (_SHARE_KEPT * max(batch_bytes, 1)))
        self.n_batches = max(1, min(fitting, _MOST_BATCHES))
        self.n_bytes = 0
        self._n_units = 0
        self._units: dict[tuple[int, int], _Unit] = {}
        self._batches: dict[int, list[_Wanted]] = {}
        self._strategy: ReadStrategy | None = None

    def expect(self, batch: int, rows: Observations, fov: Int64Array) -> None:
        """Tell the next batch that will come.

        Parameters
        ----------
        batch : int
            Its number, from 0 on, one after another.
        rows : Observations
        fov : ndarray of int64
            The FOV number of each.
        """
        sources = self._reader.sources
        wanted = self._batches[batch] = []
        for number, place in enumerate(self._reader.places(rows, fov)):
            key = place.fov, place.t // sources[place.fov].fov.chunk_shape[0]
            unit = self._units.get(key)
            if unit is None:
                unit = self._units[key] = _Unit(key, self._n_units * _SPREAD % 1)
                self._n_units += 1
            patch = _Wanted(batch, number, place, unit)
            if place.t in unit.frames:
                patch.use(unit.frames[place.t])
            unit.wanted.append(patch)
            wanted.append(patch)

    def read(self, batch: int) -> Pixels:
        """Read the patches of the batch of this number: (B, C, Z, Y, X), C in slot order.

        Batches before it that were not read are left out.

        Raises
        ------
        ChunkError, StoreError
            A chunk of this batch is damaged; a store is gone, or another one now.
        """
        for skipped in [number for number in self._batches if number < batch]:
            self._release(self._batches.pop(skipped))
        reader, wanted = self._reader, self._batches[batch]
        reader.pools.lend(self)
        reader.check(np.array([patch.place.fov for patch in wanted], dtype=np.int64))
        out = reader.blank([patch.place for patch in wanted])
        units = {id(patch.unit): patch.unit for patch in wanted if patch.kept is None}
        self._decode(batch, list(units.values()), out)
        blocks = range(0, len(wanted), _CUT_AT_ONCE)
        on_all_cpus(lambda first: _cut(wanted[first : first + _CUT_AT_ONCE], out), blocks)
        self._release(self._batches.pop(batch))
        reader.count_read()
        return out

    def forget(self) -> None:
        """Drop all pixels that are kept; what is wanted will be decoded again."""
        for unit in self._units.values():
            unit.frames.clear()
            for patch in unit.wanted:
                patch.kept = None
        self.n_bytes = 0

    def close(self) -> None:
        """Drop everything, and give the memory back."""
        self._batches.clear()
        self._units.clear()
        self.n_bytes = 0
        self._reader.pools.give_back(self)

    def _release(self, wanted: Iterable[_Wanted]) -> None:
        """Forget the first of the batches, and what was kept for it alone."""
        for patch in wanted:
            unit, kept = patch.unit, patch.kept
            unit.wanted.popleft()
            if kept is not None:
                kept.n_uses -= 1
                if not kept.n_uses:
                    self.n_bytes -= kept.pixels.nbytes
                    if kept.is_frame:
                        del unit.frames[patch.place.t]
            if not unit.wanted:
                del self._units[unit.key]

    def _decode(self, batch: int, units: Sequence[_Unit], out: Pixels) -> None:
        """Decode what a batch wants of some units, and keep what those after it want of them."""
        ahead = [unit for unit in units if not unit.alone]
        if ahead and not self._read_units(batch, ahead, out):
            for unit in ahead:
                unit.alone = not self._read_units(batch, [unit], out)
        windows = [
            self._reader.window(patch.place, patch.place.inside(out[patch.number]))
            for unit in units
            if unit.alone
            for patch in _of_batch(unit, batch)
        ]
        if windows:
            self._reader.strategy().read(windows)

    def _read_units(self, batch: int, units: Iterable[_Unit], out: Pixels) -> bool:
        """Read some units; False where a chunk of them cannot be read."""
        reader = self._reader
        if self._strategy is None:
            fill = reader.settings.missing_chunks == "fill"
            self._strategy = reader.new_strategy("fill" if fill else "error")
        targets: list[tuple[Place, Pixels]] = []
        uses: list[tuple[_Kept, list[_Wanted]]] = []
        for unit in units:
            kept_of = list(self._kept_of(unit, batch))
            uses += kept_of
            targets += [(kept.place, kept.pixels) for kept, _ in kept_of]
            provided = {id(patch) for _, patches in kept_of for patch in patches}
            targets += [
                (patch.place, patch.place.inside(out[patch.number]))
                for patch in _of_batch(unit, batch)
                if patch.kept is None and id(patch) not in provided
            ]
        targets.sort(key=lambda target: target[0])
        succeeded = False
        try:
            self._strategy.read([reader.window(*target) for target in targets])
            succeeded = True
        except ChunkError:
            pass
        finally:
            if not succeeded:
                self.n_bytes -= sum(kept.pixels.nbytes for kept, _ in uses)
        if succeeded:
            for kept, patches in uses:
                for patch in patches:
                    patch.use(kept)
                if kept.is_frame:
                    patches[0].unit.frames[kept.place.t] = kept
        return succeeded

    def _kept_of(self, unit: _Unit, batch: int) -> Iterator[tuple[_Kept, list[_Wanted]]]:
        """Choose what is kept of a unit and for whom, and take the memory for it."""
        by_frame: dict[int, dict[Place, list[_Wanted]]] = {}
        for patch in unit.wanted:
            if patch.kept is None:
                of_frame = by_frame.setdefault(patch.place.t, {})
                of_frame.setdefault(patch.place, []).append(patch)
        served = int(unit.share * self.n_batches)
        last = served if served > batch else batch + self.n_batches
        for by_place in by_frame.values():
            frame = self._whole(next(iter(by_place)))
            n_slots, depth, height, width = self._reader.patch_shape
            if math.prod(frame[1]) < len(by_place) * n_slots * depth * height * width:
                kept = self._new(*frame, is_frame=True)
                if kept is not None:
                    yield kept, [patch for patches in by_place.values() for patch in patches]
                    continue
            for place, patches in by_place.items():
                served_by_it = [patch for patch in patches if patch.batch <= last]
                if served_by_it and served_by_it[-1].batch > batch:
                    size = place.bottom - place.top, place.right - place.left
                    kept = self._new(place, (n_slots, depth, *size), is_frame=False)
                    if kept is not None:
                        yield kept, served_by_it

    def _whole(self, place: Place) -> tuple[Place, tuple[int, int, int, int]]:
        """Give a patch's frame: all rows and columns, and the slices that its patches may have."""
        source = self._reader.sources[place.fov]
        _, _, n_z, height, width = source.fov.shape
        z, depth = (0, n_z) if source.has_slices_of_cells else (place.z, source.depth)
        whole = place._replace(z=z, top=0, bottom=height, left=0, right=width, y=0, x=0)
        return whole, (self._reader.patch_shape[0], depth, height, width)

    def _new(
        self, place: Place, shape: tuple[int, int, int, int], *, is_frame: bool
    ) -> _Kept | None:
        """Make what keeps some pixels; None where memory is full."""
        dtype = self._dtypes[place.fov]
        n_bytes = math.prod(shape) * dtype.itemsize
        if self.n_bytes + n_bytes > self._memory_bytes:
            return None
        self.n_bytes += n_bytes
        return _Kept(place, np.empty(shape, dtype), is_frame=is_frame)


def _of_batch(unit: _Unit, batch: int) -> Iterator[_Wanted]:
    """Give the unit's patches of the batch that is read, which is the first one that wants any."""
    return takewhile(lambda patch: patch.batch == batch, unit.wanted)


def _cut(wanted: Sequence[_Wanted], out: Pixels) -> None:
    """Copy patches of a batch from what is kept."""
    # Values that float32 cannot hold are infinite, as where they are not kept.
    with np.errstate(over="ignore", invalid="ignore"):
        for patch in wanted:
            if patch.kept is not None:
                patch.kept.cut(patch.place, patch.place.inside(out[patch.number]))
