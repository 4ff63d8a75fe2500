"""Batches that are planned: each process draws the pairs, and decodes the pixels, of those to come.

A sampler writes the batches of a pass into memory that all workers share. A batch that is not among
them, or not in its turn, is drawn and read by itself.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.data import get_worker_info

from lineage_triplets.engine.reading.ahead import ReadAhead

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Int64Array, Pixels
    from lineage_triplets.engine.dataset.source import Pairs, PairSource

    Int32Array = NDArray[np.int32]

# Drawing for several batches at once costs little more than for one.
_DRAWN_AT_ONCE = 16
_NUMBER, _FIRST, _N_BATCHES, _MEMORY_BYTES, _NEAR, _N_FIELDS = range(6)


def shared(tensor: torch.Tensor) -> torch.Tensor:
    """Move a tensor into memory that worker processes share."""
    moved: torch.Tensor = tensor.share_memory_()  # type: ignore[no-untyped-call]
    return moved


class Pass(NamedTuple):
    """One pass over the data, as a sampler planned it.

    Attributes
    ----------
    number : int
        Of this pass among all, from 1 on.
    first : int
        The batch that comes first: not 0 where an epoch is gone on with.
    memory_bytes : int
        For decoded pixels in each process that reads.
    near : bool
        Whether batches stay for a while near each other in FOV and time.
    anchors : ndarray of int32
        Of all batches, one batch after another.
    starts : ndarray of int32, shape (batches + 1,)
        Where each batch begins among them.
    """

    number: int
    first: int
    memory_bytes: int
    near: bool
    anchors: Int32Array
    starts: Int32Array

    def batch(self, number: int) -> Int32Array:
        """Anchors of one batch."""
        return self.anchors[self.starts[number] : self.starts[number + 1]]

    def find(self, anchors: Int64Array) -> int | None:
        """Give the number of the batch with these anchors."""
        begins = self.anchors[self.starts[:-1]] == anchors[0]
        for number in np.flatnonzero(begins).tolist():
            if np.array_equal(self.batch(number), anchors):
                return int(number)
        return None


class BatchPlan:
    """The batches of the pass that has begun last, in memory that worker processes share.

    Parameters
    ----------
    most_anchors : int
        Most anchors of all batches of a pass.
    """

    def __init__(self, most_anchors: int) -> None:
        # One block, since each takes a file descriptor.
        self._block = shared(torch.zeros(2 * _N_FIELDS + 2 * most_anchors + 1, dtype=torch.int32))
        self._most_anchors = most_anchors
        self._n_told = 0

    def tell(
        self,
        anchors: Int64Array,
        starts: Int64Array,
        first: int,
        memory_bytes: int,
        *,
        near: bool,
    ) -> int:
        """Let a pass begin, and give its number; one that there is no room for is not planned.

        Parameters
        ----------
        anchors, starts, first, memory_bytes, near
            See `Pass`.
        """
        fields, room, starts_room = self._views()
        fields[_NUMBER] = 0
        if len(anchors) > self._most_anchors:
            return 0
        room[: len(anchors)], starts_room[: len(starts)] = anchors, starts
        fields[_FIRST], fields[_N_BATCHES] = first, len(starts) - 1
        fields[_MEMORY_BYTES], fields[_NEAR] = memory_bytes, near
        self._n_told += 1
        # Last, so that nobody reads what is half written.
        fields[_NUMBER] = self._n_told
        return self._n_told

    def end(self, number: int) -> None:
        """Let nobody look ahead any more, unless another pass than this one has begun."""
        fields, _, _ = self._views()
        if fields[_NUMBER] == number:
            fields[_NUMBER] = 0

    def now(self) -> Pass | None:
        """Give the pass that has begun."""
        fields, anchors, starts = self._views()
        number, first, n_batches, memory_bytes, near = fields.tolist()
        if not number:
            return None
        starts = starts[: n_batches + 1]
        return Pass(number, first, memory_bytes, bool(near), anchors[: int(starts[-1])], starts)

    def _views(self) -> tuple[Int64Array, Int32Array, Int32Array]:
        """Fields, anchors and starts, as they lie in the block."""
        block: Int32Array = self._block.numpy()
        fields, rest = block[: 2 * _N_FIELDS].view(np.int64), block[2 * _N_FIELDS :]
        return fields, rest[: self._most_anchors], rest[self._most_anchors :]


class ComingBatches:
    """What one process has drawn and decoded of the batches that will be its own.

    Parameters
    ----------
    source : PairSource
    plan : BatchPlan
    draw : callable
        From anchors' numbers to their pairs.
    """

    def __init__(
        self, source: PairSource, plan: BatchPlan, draw: Callable[[Int64Array], Pairs]
    ) -> None:
        self._source, self._plan, self._draw = source, plan, draw
        self._one_at_a_time = threading.Lock()
        self._turns: _Turns | None = None
        self._of: tuple[int, int] | None = None

    def take(self, anchors: Int64Array, epoch: int) -> tuple[Pairs, Pixels] | None:
        """Give pairs and patches of a batch; None where it is not the plan's, or not in its turn.

        Parameters
        ----------
        anchors : ndarray of int64
        epoch : int
            Pairs of another one are drawn anew.

        Raises
        ------
        ChunkError, StoreError
            Pixels of this batch cannot be read.
        """
        with self._one_at_a_time:
            now = self._plan.now()
            if self._of != (None if now is None else (now.number, epoch)):
                self._close()
                if now is not None:
                    self._of = now.number, epoch
                    self._turns = _Turns(self._source, now, self._draw)
            return None if self._turns is None else self._turns.take(anchors)

    def close(self) -> None:
        """Forget all pixels, and give their memory back."""
        with self._one_at_a_time:
            self._close()

    def _close(self) -> None:
        if self._turns is not None:
            self._turns.ahead.close()
        self._turns = self._of = None


class _Turns:
    """The batches of a pass that one process reads, in their turn."""

    def __init__(
        self, source: PairSource, of_pass: Pass, draw: Callable[[Int64Array], Pairs]
    ) -> None:
        self._source, self._pass, self._draw = source, of_pass, draw
        worker = get_worker_info()
        begin, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        self._own = range(of_pass.first + begin, len(of_pass.starts) - 1, step)
        self._next = 0
        self._drawn: dict[int, Pairs] = {}
        self._n_drawn = 0
        largest = int(np.diff(of_pass.starts).max(initial=0))
        n_parts = 3 if source.settings.return_negative else 2
        self.ahead = ReadAhead(source.patch_reader, of_pass.memory_bytes, largest * n_parts)
        if of_pass.near and source.samples.slots == "all" and len(self._own):
            batches = [of_pass.batch(number) for number in self._own]
            rows = source.index.anchor_rows[np.concatenate(batches)]
            turns = np.repeat(np.arange(len(batches)), [len(batch) for batch in batches])
            t = source.index.observations.t[rows]
            self.ahead.keep_frames(source.index.fov_of_row[rows], t, turns, n_parts)

    def take(self, anchors: Int64Array) -> tuple[Pairs, Pixels] | None:
        turn = self._turn_of(anchors) if self.ahead.n_batches > 1 and len(anchors) else None
        if turn is None:
            return None
        while self._n_drawn < min(turn + self.ahead.n_batches, len(self._own)):
            self._draw_some()
        pairs, patches = self._drawn[turn], self.ahead.read(turn)
        self._next = turn + 1
        for passed in [number for number in self._drawn if number <= turn]:
            del self._drawn[passed]
        if self._next == len(self._own):
            self.ahead.close()
        return pairs, self._source.with_borders(patches, pairs.rows)

    def _turn_of(self, anchors: Int64Array) -> int | None:
        """Find which of the own batches it is; those that have passed are none."""
        if self._next < len(self._own):
            if np.array_equal(self._pass.batch(self._own[self._next]), anchors):
                return self._next
            number = self._pass.find(anchors)
            if number is not None and number in self._own[self._next :]:
                return self._own.index(number)
        return None

    def _draw_some(self) -> None:
        """Draw the pairs of some batches more, and tell what they will read."""
        first = self._n_drawn
        last = first + min(_DRAWN_AT_ONCE, self.ahead.n_batches)
        batches = [self._pass.batch(number) for number in self._own[first:last]]
        pairs = self._draw(np.concatenate(batches).astype(np.int64))
        start = 0
        for number, batch in enumerate(batches, first):
            drawn = self._drawn[number] = pairs.part(start, start + len(batch))
            self.ahead.expect(number, *self._source.located(drawn.rows, drawn.slots))
            start += len(batch)
        self._n_drawn += len(batches)
