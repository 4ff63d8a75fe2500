"""Batches that are known before they come: what one of them decodes serves those that follow.

Once a chunk is decoded, the patches of the next batches that lie in it are cut and kept; or the
whole frame, where that is fewer bytes.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ChunkError
from lineage_triplets.engine.process import usable_cpus
from lineage_triplets.engine.reading.patches import Place
from lineage_triplets.engine.reading.plan import CODED_AND_DECODED
from lineage_triplets.engine.reading.slots import Slots
from lineage_triplets.engine.reading.threads import on_all_cpus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lineage_triplets.engine.arrays import Int64Array, Pixels
    from lineage_triplets.engine.index.rows import Observations
    from lineage_triplets.engine.reading.patches import PatchReader
    from lineage_triplets.engine.reading.slots import Slot

_MOST_BATCHES = 512
# Patches that were cut are used up one by one, so that half of those ahead are there; a little
# memory is left for chance.
_SHARE_KEPT = 0.5
_SHARE_USED = 0.9
# What is told of a patch, beside its pixels, and of those that are told early.
_TOLD_BYTES = 1000
# Of the memory, for chunks that are decoded at once and the files that they come from: no more than
# all CPUs have, where one chunk is not more.
_SHARE_DECODED = 1 / 8
# The batch that is made, and the one before, which the loop still has.
_BATCHES_MADE = 2
# Patches that a thread copies in one go.
_CUT_AT_ONCE = 16
# Turns numbers that follow one another into evenly spread shares of 1 (the golden ratio).
_SPREAD = 0.6180339887498949


class _Kept:
    """Pixels of a patch, or of a whole frame, that patches of batches to come are cut from."""

    __slots__ = ("is_frame", "n_uses", "pixels", "place", "slot")

    def __init__(self, place: Place, pixels: Pixels, slot: Slot, *, is_frame: bool) -> None:
        self.place, self.pixels, self.slot, self.is_frame = place, pixels, slot, is_frame
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
        For pixels that are kept, chunks that are being decoded, what is told of batches, the batch
        that is made and the one before.
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
        self._dtypes = [np.dtype(source.fov.dtype).newbyteorder("=") for source in reader.sources]
        fill = reader.settings.missing_chunks == "fill"
        self._strategy = reader.new_strategy("fill" if fill else "error")
        self._decoding_bytes = self._most_decoding(memory_bytes)
        n_pixels = batch_patches * math.prod(reader.patch_shape)
        made_bytes = _BATCHES_MADE * n_pixels * reader.dtype.itemsize
        left_bytes = max(0, memory_bytes - made_bytes - self._decoding_bytes)
        told_bytes = max(1, batch_patches) * _TOLD_BYTES
        item_bytes = max((dtype.itemsize for dtype in self._dtypes), default=1)
        of_batch = _SHARE_KEPT * n_pixels * item_bytes + told_bytes
        self.n_batches = max(1, min(int(_SHARE_USED * left_bytes / of_batch), _MOST_BATCHES))
        self._slots = Slots(max(0, left_bytes - self.n_batches * told_bytes))
        self.n_bytes = 0
        # By (FOV, frame), the last batch with an anchor of frames that are kept whole until then.
        self._last: dict[tuple[int, int], int] = {}
        self._ending: dict[int, list[tuple[int, int]]] = {}
        self._n_units = 0
        self._units: dict[tuple[int, int], _Unit] = {}
        self._batches: dict[int, list[_Wanted]] = {}

    def keep_frames(self, fov: Int64Array, t: Int64Array, batch: Int64Array, n_parts: int) -> None:
        """Tell all anchors of batches that stay near each other, each with its batch.

        Their frames are kept as long as anchors come from them, if all their patches are more.

        Parameters
        ----------
        fov, t, batch : ndarray of int64
        n_parts : int
            Patches of a sample, most of them in frames near the anchor's.
        """
        n_frames = int(t.max(initial=0)) + 1
        frames, of_frame, counts = np.unique(
            fov * n_frames + t, return_inverse=True, return_counts=True
        )
        last = np.zeros(len(frames), dtype=np.int64)
        np.maximum.at(last, of_frame, batch)
        for frame, count, end in zip(frames.tolist(), counts.tolist(), last.tolist(), strict=True):
            key = divmod(frame, n_frames)
            if self._frame_bytes(key[0]) < count * n_parts * self._patch_bytes(key[0]):
                self._last[key] = end
                self._ending.setdefault(end, []).append(key)

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
        wanted = self._batches[batch] = []
        for number, place in enumerate(self._reader.places(rows, fov)):
            key = self._unit_key(place.fov, place.t)
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
            self._release(skipped)
        reader, wanted = self._reader, self._batches[batch]
        reader.pools.lend(self, self._decoding_bytes)
        reader.check(np.array([patch.place.fov for patch in wanted], dtype=np.int64))
        out = reader.blank([patch.place for patch in wanted])
        units = {id(patch.unit): patch.unit for patch in wanted if patch.kept is None}
        self._decode(batch, list(units.values()), out)
        blocks = range(0, len(wanted), _CUT_AT_ONCE)
        on_all_cpus(lambda first: _cut(wanted[first : first + _CUT_AT_ONCE], out), blocks)
        self._release(batch)
        reader.count_read()
        return out

    def forget(self) -> None:
        """Drop all pixels that are kept; what is wanted will be decoded again."""
        for unit in self._units.values():
            unit.frames.clear()
            for patch in unit.wanted:
                patch.kept = None
        self._slots.clear()
        self.n_bytes = 0

    def close(self) -> None:
        """Drop everything, and give the memory back."""
        self._batches.clear()
        self._units.clear()
        self._slots.clear()
        self.n_bytes = 0
        self._reader.pools.give_back(self)

    def _release(self, batch: int) -> None:
        """Forget the first of the batches, and what was kept for it alone."""
        for patch in self._batches.pop(batch):
            unit, kept = patch.unit, patch.kept
            unit.wanted.popleft()
            if kept is not None:
                kept.n_uses -= 1
                self._drop_unused(unit, kept, batch)
            self._drop_empty(unit)
        for fov, t in self._ending.pop(batch, []):
            unit_of_frame = self._units.get(self._unit_key(fov, t))
            if unit_of_frame is not None and t in unit_of_frame.frames:
                self._drop_unused(unit_of_frame, unit_of_frame.frames[t], batch)
                self._drop_empty(unit_of_frame)

    def _drop_unused(self, unit: _Unit, kept: _Kept, batch: int) -> None:
        place = kept.place
        if kept.n_uses or (kept.is_frame and self._last.get((place.fov, place.t), -1) > batch):
            return
        self._free(kept)
        if kept.is_frame:
            del unit.frames[place.t]

    def _drop_empty(self, unit: _Unit) -> None:
        if not unit.wanted and not unit.frames:
            self._units.pop(unit.key, None)

    def _unit_key(self, fov: int, t: int) -> tuple[int, int]:
        return fov, t // self._reader.sources[fov].fov.chunk_shape[0]

    def _decode(self, batch: int, units: Sequence[_Unit], out: Pixels) -> None:
        """Decode what a batch wants of some units, and keep what those after it want of them."""
        for ahead in self._at_once([unit for unit in units if not unit.alone]):
            if not self._read_units(batch, ahead, out):
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

    def _at_once(self, units: Sequence[_Unit]) -> Iterator[list[_Unit]]:
        """Divide units so that not all their chunks are decoded before any is cut."""
        portion: list[_Unit] = []
        n_bytes = 0
        for unit in units:
            own_bytes = self._unit_decoding_bytes(unit.key[0])
            if portion and n_bytes + own_bytes > self._decoding_bytes:
                yield portion
                portion, n_bytes = [], 0
            portion.append(unit)
            n_bytes += own_bytes
        if portion:
            yield portion

    def _read_units(self, batch: int, units: Iterable[_Unit], out: Pixels) -> bool:
        """Read some units; False where a chunk of them cannot be read."""
        reader = self._reader
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
                for kept, _ in uses:
                    self._free(kept)
        if succeeded:
            for kept, patches in uses:
                for patch in patches:
                    patch.use(kept)
                if kept.is_frame:
                    self._units[self._unit_key(*kept.place[:2])].frames[kept.place.t] = kept
        return succeeded

    def _kept_of(self, unit: _Unit, batch: int) -> Iterator[tuple[_Kept, list[_Wanted]]]:
        """Choose what is kept of a unit and for whom, and take the memory for it."""
        fov, slab = unit.key
        n_frames = self._reader.sources[fov].fov.chunk_shape[0]
        by_frame: dict[int, dict[Place, list[_Wanted]]] = {
            t: {}
            for t in range(slab * n_frames, (slab + 1) * n_frames)
            if self._last.get((fov, t), -1) > batch and t not in unit.frames
        }
        for patch in unit.wanted:
            if patch.kept is None:
                of_frame = by_frame.setdefault(patch.place.t, {})
                of_frame.setdefault(patch.place, []).append(patch)
        served = int(unit.share * self.n_batches)
        last = served if served > batch else batch + self.n_batches
        n_slots, depth, _, _ = self._reader.patch_shape
        for t, by_place in by_frame.items():
            patches_bytes = _SHARE_KEPT * len(by_place) * self._patch_bytes(fov)
            if self._last.get((fov, t), -1) > batch or self._frame_bytes(fov) < patches_bytes:
                kept = self._new(*self._whole(fov, t), is_frame=True)
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

    def _most_decoding(self, memory_bytes: int) -> int:
        """Bytes that chunks which are decoded at once, and their files, take of some memory."""
        share = int(_SHARE_DECODED * memory_bytes)
        most = 0
        for number, source in enumerate(self._reader.sources):
            one_chunk = CODED_AND_DECODED * source.fov.chunk_bytes
            unit_bytes = self._unit_decoding_bytes(number)
            if unit_bytes:
                most = max(most, unit_bytes, share)
            else:
                most = max(most, one_chunk, min(usable_cpus() * one_chunk, share))
        return min(most, memory_bytes // 2)

    def _unit_decoding_bytes(self, number: int) -> int:
        """Bytes of all chunks of a unit and their files; 0 where they are decoded one by one."""
        source = self._reader.sources[number]
        if self._strategy.decodes_one_by_one(source.fov):
            return 0
        _, of_c, of_z, of_y, of_x = source.fov.chunk_shape
        _, _, n_z, height, width = source.fov.shape
        depth = n_z if source.has_slices_of_cells else min(n_z, source.depth + of_z - 1)
        n_chunks = len({channel // of_c for channel in source.channels})
        for size, of_chunk in ((depth, of_z), (height, of_y), (width, of_x)):
            n_chunks *= -(-size // of_chunk)
        return CODED_AND_DECODED * n_chunks * source.fov.chunk_bytes

    def _patch_bytes(self, fov: int) -> int:
        return math.prod(self._reader.patch_shape) * self._dtypes[fov].itemsize

    def _frame_bytes(self, fov: int) -> int:
        return math.prod(self._whole(fov, 0)[1]) * self._dtypes[fov].itemsize

    def _whole(self, fov: int, t: int) -> tuple[Place, tuple[int, int, int, int]]:
        """Give all rows and columns of a frame, and the slices that its patches may have."""
        source = self._reader.sources[fov]
        _, _, n_z, height, width = source.fov.shape
        if source.has_slices_of_cells:
            z, depth = 0, n_z
        else:
            z = source.z_starts[t] if source.z_start is None else source.z_start
            depth = source.depth
        whole = Place(fov, t, z, 0, height, 0, width, 0, 0)
        return whole, (self._reader.patch_shape[0], depth, height, width)

    def _new(
        self, place: Place, shape: tuple[int, int, int, int], *, is_frame: bool
    ) -> _Kept | None:
        """Make what keeps some pixels; None where memory is full."""
        fov = place.fov
        slot = self._slots.take(self._frame_bytes(fov) if is_frame else self._patch_bytes(fov))
        if slot is None:
            return None
        kept = _Kept(place, slot.array(shape, self._dtypes[fov]), slot, is_frame=is_frame)
        self.n_bytes += kept.pixels.nbytes
        return kept

    def _free(self, kept: _Kept) -> None:
        self._slots.give_back(kept.slot)
        self.n_bytes -= kept.pixels.nbytes


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
