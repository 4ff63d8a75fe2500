"""The parts of a FOV's images that could not be read."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    # Channel and frame.
    Key = tuple[int, int]
    # Level, and start and stop along z, y and x.
    Part = tuple[int, ...]


class UnreadParts:
    """The parts that could not be read, by channel and frame; for any thread."""

    def __init__(self) -> None:
        self._parts: dict[Key, set[Part]] = {}
        self._lock = threading.Lock()

    def add(self, key: Key, level: int, box: Sequence[slice]) -> None:
        """Note a part of a frame at some level; `box` is of (t, c, z, y, x)."""
        ends = (end for side in box[2:] for end in (side.start, side.stop))
        with self._lock:
            self._parts.setdefault(key, set()).add((level, *ends))

    def read_well(self, level: int, box: Sequence[slice]) -> list[Key]:
        """Forget the parts within a box; gives the frames of which all was read now."""
        whole = []
        with self._lock:
            for key in [known for known in self._parts if _has(box, known)]:
                left = {
                    part for part in self._parts[key] if part[0] != level or not _within(part, box)
                }
                if left:
                    self._parts[key] = left
                else:
                    del self._parts[key]
                    whole.append(key)
        return whole


def _has(box: Sequence[slice], key: Key) -> bool:
    channel, t = key
    return box[1].start <= channel < box[1].stop and box[0].start <= t < box[0].stop


def _within(part: Part, box: Sequence[slice]) -> bool:
    ends = zip(part[1::2], part[2::2], box[2:], strict=True)
    return all(end.start <= start and stop <= end.stop for start, stop, end in ends)
