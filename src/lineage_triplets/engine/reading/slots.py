"""Memory for pixels that come and go: slots of equal size in blocks that lie outside the heap.

What is freed on the heap, among much that stays, is not given back to the system: holes of half of
what is kept again. A slot that is given back is taken by the next pixels of its size.
"""

from __future__ import annotations

import math
import mmap
import sys
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Pixels

# Small slots lie together in blocks of about so many bytes, or so small a share of all.
_BLOCK_BYTES = 1 << 20
_BLOCK_SHARE = 1 / 32


class _Block:
    """Slots that were taken from the system at once."""

    __slots__ = ("free", "memory", "n_slots")

    def __init__(self, n_slots: int, slot_bytes: int) -> None:
        self.n_slots = n_slots
        self.memory = _unshared(n_slots * slot_bytes).reshape(n_slots, slot_bytes)
        self.free = list(range(n_slots))


class Slot(NamedTuple):
    """Some memory, until it is given back.

    Attributes
    ----------
    block : _Block
    number : int
        Of the block, from 0 on in the order in which they were made.
    place : int
        Of the slot in its block.
    """

    block: _Block
    number: int
    place: int

    def array(self, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Pixels:
        """Give the memory, or the beginning of it, as an array of any content."""
        n_bytes = math.prod(shape) * dtype.itemsize
        return self.block.memory[self.place, :n_bytes].view(dtype).reshape(shape)


class Slots:
    """Slots of some sizes, all together of no more than a number of bytes.

    It is of one thread at a time.

    Parameters
    ----------
    limit_bytes : int

    Attributes
    ----------
    limit_bytes : int
    n_bytes : int
        Taken from the system, with slots that are free.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.n_bytes = 0
        self._n_made = 0
        # Of each size the blocks with free slots, the oldest first, lest all of them stay in use.
        self._with_room: dict[int, list[tuple[int, _Block]]] = {}

    def take(self, n_bytes: int) -> Slot | None:
        """Take a slot of some size; None where memory is full."""
        with_room = self._with_room.setdefault(n_bytes, [])
        if not with_room and not self._make(n_bytes, with_room):
            return None
        number, block = with_room[0]
        place = block.free.pop()
        if not block.free:
            heappop(with_room)
        return Slot(block, number, place)

    def give_back(self, slot: Slot) -> None:
        """Let others take a slot."""
        block = slot.block
        block.free.append(slot.place)
        if len(block.free) == 1:
            heappush(self._with_room[block.memory.shape[1]], (slot.number, block))

    def clear(self) -> None:
        """Let go of everything; the system gets it back once no array of it is left."""
        self._with_room.clear()
        self.n_bytes = 0

    def _make(self, slot_bytes: int, with_room: list[tuple[int, _Block]]) -> bool:
        """Make a block of slots of a size; False where there is no room for it."""
        most_bytes = min(_BLOCK_BYTES, int(_BLOCK_SHARE * self.limit_bytes))
        n_slots = max(1, most_bytes // slot_bytes)
        block_bytes = n_slots * slot_bytes
        if self.n_bytes + block_bytes > self.limit_bytes:
            self._drop_free()
        if self.n_bytes + block_bytes > self.limit_bytes:
            return False
        heappush(with_room, (self._n_made, _Block(n_slots, slot_bytes)))
        self._n_made += 1
        self.n_bytes += block_bytes
        return True

    def _drop_free(self) -> None:
        """Give blocks back to the system of which no slot is taken."""
        for blocks in self._with_room.values():
            free = [block for _, block in blocks if len(block.free) == block.n_slots]
            self.n_bytes -= sum(block.memory.nbytes for block in free)
            blocks[:] = [entry for entry in blocks if len(entry[1].free) < entry[1].n_slots]
            heapify(blocks)


def _unshared(n_bytes: int) -> NDArray[np.uint8]:
    """Memory of the system's, which goes back with the last array of it."""
    if sys.platform == "win32":
        return np.frombuffer(mmap.mmap(-1, n_bytes), np.uint8)
    # By default a forked child would write into it.
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    return np.frombuffer(mmap.mmap(-1, n_bytes, flags), np.uint8)
