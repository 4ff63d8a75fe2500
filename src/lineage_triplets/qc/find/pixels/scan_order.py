"""Scanning images beside the thread that decisions belong to: in which order, and what comes back.

A snapshot of the findings scans FOV by FOV in its thread; the findings that it was taken of take
each `PixelScan` in theirs, and keep it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.qc.find.pixels.frame_scan import FovResult, KeptResults

    Place = tuple[str, str]


@dataclass(frozen=True)
class PixelScan:
    """What the images of one FOV gave.

    Attributes
    ----------
    result : FovResult
    to_keep : tuple
        Arguments of `KeptResults.keep_result`; empty where another try is worth it.
    data_version : int
        Of the data that was scanned.
    """

    result: FovResult
    to_keep: tuple[tuple[Any, ...], ...]
    data_version: int


@dataclass
class HeldResults:
    """Looks results up where they are kept, and holds new ones back.

    Attributes
    ----------
    kept : KeptResults
    held : list of tuple
        Arguments with which `keep_result` was called.
    """

    kept: KeptResults
    held: list[tuple[Any, ...]] = field(default_factory=list)

    def kept_result(
        self, experiment: str, fov: str, check: str, version: int, data_key: str
    ) -> list[dict[str, Any]] | None:
        """Give a check's findings of one FOV; None if they are not kept."""
        return self.kept.kept_result(experiment, fov, check, version, data_key)

    def keep_result(self, *of_one_check: Any) -> None:
        """Hold a check's findings of one FOV."""
        self.held.append(of_one_check)


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
