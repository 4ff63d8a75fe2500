"""What frames of a FOV give while they are read, part by part, by several threads at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage_triplets.training.statistics.counts import Tally
from lineage_triplets.training.statistics.focus import Sharpness
from lineage_triplets.training.statistics.memory import ThreadMemory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lineage_triplets.engine.arrays import Pixels
    from lineage_triplets.engine.plates.image import Fov
    from lineage_triplets.engine.settings.model import MissingChunks


@dataclass(frozen=True, slots=True)
class Block:
    """Frames and channels that share chunks.

    Attributes
    ----------
    first_frame, n_frames : int
    channels : tuple of int
        Zarr indices, all in one chunk along c.
    """

    first_frame: int
    n_frames: int
    channels: tuple[int, ...]


class _Frame(NamedTuple):
    """One channel of a frame while it is read."""

    tally: Tally
    sharpness: Sharpness


@dataclass(frozen=True, eq=False)
class Shared:
    """What the readers of all FOVs have in common.

    Attributes
    ----------
    missing_chunks : {"warn", "error", "fill"}
    stopping : threading.Event
        Once it is set, nothing more is waited for.
    memory : ThreadMemory
    """

    missing_chunks: MissingChunks
    stopping: threading.Event
    memory: ThreadMemory = field(default_factory=ThreadMemory)


@dataclass(eq=False)
class Counted:
    """What the images of some frames gave; adds up.

    Attributes
    ----------
    frames : dict
        ``{channel: {t: statistics}}``; a frame of which no pixel counts is not there.
    tallies : dict of int to Tally
        Of all these frames, by channel.
    focus : dict
        ``{channel: {t: slice}}`` of stacks.
    absent : set of int
        Frames with chunks that were never written, which are the fill value.
    """

    frames: dict[int, dict[int, dict[str, float]]] = field(default_factory=dict)
    tallies: dict[int, Tally] = field(default_factory=dict)
    focus: dict[int, dict[int, int]] = field(default_factory=dict)
    absent: set[int] = field(default_factory=set)

    def add_frame(
        self, t: int, channel: int, frame: _Frame, statistics: dict[str, float] | None
    ) -> None:
        """Take in a frame that is whole, and its statistics, if any pixel counts."""
        if statistics is not None:
            self.frames.setdefault(channel, {})[t] = statistics
        in_focus = frame.sharpness.in_focus()
        if in_focus is not None:
            self.focus.setdefault(channel, {})[t] = in_focus
        self._take(channel, frame.tally)

    def merge(self, other: Counted) -> None:
        """Take in what other frames gave, which is nobody else's from now on."""
        for channel, tally in other.tallies.items():
            self._take(channel, tally)
        for own, given in ((self.frames, other.frames), (self.focus, other.focus)):
            _update_each(own, given)
        self.absent |= other.absent

    def _take(self, channel: int, tally: Tally) -> None:
        known = self.tallies.setdefault(channel, tally)
        if known is not tally:
            known.merge(tally)


def _update_each(own: dict[int, dict[int, Any]], given: Mapping[int, Mapping[int, Any]]) -> None:
    for channel, of_frames in given.items():
        own.setdefault(channel, {}).update(of_frames)


class Counting:
    """What a block has given so far; several threads take in frames at once.

    Parameters
    ----------
    fov : Fov
    block : Block
    memory : ThreadMemory
    """

    def __init__(self, fov: Fov, block: Block, memory: ThreadMemory) -> None:
        self._fov, self._block, self._memory = fov, block, memory
        self.counted = Counted()
        self._begun: dict[tuple[int, int], _Frame] = {}
        self._one_at_a_time = threading.Lock()

    def take(
        self,
        t: int,
        stacks: Iterable[Pixels],
        corner: tuple[int, int],
        *,
        is_all: bool,
        is_last: bool,
    ) -> None:
        """Take in a part of a frame: of each channel (Z, Y, X).

        Parameters
        ----------
        t : int
        stacks : iterable of ndarray
        corner : (int, int)
            Slice and row where it begins.
        is_all, is_last : bool
            Whether the frame has no other part, and none after it.
        """
        for channel, stack in zip(self._block.channels, stacks, strict=True):
            frame = self._begun.pop((t, channel), None)
            if frame is None:
                frame = _Frame(Tally(self._fov.dtype), Sharpness(self._fov.shape[2]))
            held = frame.tally.add(stack, self._memory)
            if self._fov.shape[2] > 1:
                frame.sharpness.add(stack, *corner)
            if not is_last:
                self._begun[t, channel] = frame
                continue
            statistics = frame.tally.statistics(held if is_all else None)
            with self._one_at_a_time:
                self.counted.add_frame(t, channel, frame, statistics)

    def forget(self, frames: Block) -> None:
        """Let go of what was taken in of frames that are not whole."""
        for t in range(frames.first_frame, frames.first_frame + frames.n_frames):
            for channel in frames.channels:
                self._begun.pop((t, channel), None)
