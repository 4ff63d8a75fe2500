"""Which FOV's images are scanned next."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Place = tuple[str, str]


class ScanOrder:
    """Which FOV is scanned next; one thread takes them while another says which is wanted first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[Place] = []
        self._first: Place | None = None

    def put(self, places: Sequence[Place]) -> None:
        """Scan these experiments and FOVs, in this order unless one is wanted first."""
        with self._lock:
            self._left = list(places)

    def want_first(self, place: Place) -> None:
        """Take this one next, if it is still to be scanned."""
        with self._lock:
            self._first = place

    def take(self) -> Place | None:
        """Give the next one, which is then no longer to be scanned; None at the end."""
        with self._lock:
            if not self._left:
                return None
            number = self._left.index(self._first) if self._first in self._left else 0
            return self._left.pop(number)
