"""Planes into a plate's arrays: a few in flight at a time, however long the movie is."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorstore as ts

from lineage_triplets.engine.process import note_read, usable_cpus
from lineage_triplets.imports.layout import array_spec

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lineage_triplets.imports.plan import PlannedFov
    from lineage_triplets.imports.sources.base import Index

# More of them bring no speed, and their memory comes back in pieces that are never given back.
_IN_FLIGHT_BYTES = 8 * 2**20


class PlaneWriter:
    """Writes planes in order, and knows how many of them are on disk.

    Parameters
    ----------
    n_written : int
        How many an earlier run has written.

    Attributes
    ----------
    n_written : int
        Planes from the first on that are on disk, absent ones counted.
    windows : dict of int to (float, float)
        Darkest and brightest pixel of each channel.
    """

    def __init__(self, n_written: int = 0) -> None:
        self.n_written = n_written
        self.windows: dict[int, tuple[float, float]] = {}
        self._pending: deque[tuple[Any, int]] = deque()
        self._bytes = 0
        self._store: Any = None

    def open(self, plate: Path, fov: PlannedFov) -> None:
        """Go on with a FOV's array; it is made where it is not there."""
        note_read()
        folder = plate / fov.name / "0"
        self._store = ts.open(array_spec(folder, fov), open=True, create=True).result()

    def write(self, place: Index, plane: NDArray[Any] | None) -> None:
        """Begin to write a plane at (t, c, z); None stays absent.

        Raises
        ------
        OSError, ValueError
            An earlier one could not be written.
        """
        if plane is None:
            self._pending.append((None, 0))
            return
        self._look(place[1], plane)
        written = self._store[place].write(plane, can_reference_source_data_indefinitely=True)
        self._pending.append((written, plane.nbytes))
        self._bytes += plane.nbytes
        while self._bytes > max(_IN_FLIGHT_BYTES, (usable_cpus() + 1) * plane.nbytes):
            self._await_one()

    def flush(self) -> None:
        """Wait until everything is on disk."""
        while self._pending:
            self._await_one()

    def abandon(self) -> None:
        """Wait for what is in flight; planes count up to the first that failed."""
        with contextlib.suppress(OSError, ValueError):
            self.flush()
        for written, _ in self._pending:
            with contextlib.suppress(OSError, ValueError):
                if written is not None:
                    written.result()
        self._pending.clear()

    def _await_one(self) -> None:
        written, n_bytes = self._pending[0]
        if written is not None:
            written.result()
        self._pending.popleft()
        self._bytes -= n_bytes
        self.n_written += 1

    def _look(self, channel: int, plane: NDArray[Any]) -> None:
        low, high = float(np.nanmin(plane)), float(np.nanmax(plane))
        if np.isfinite([low, high]).all():
            before = self.windows.get(channel, (low, high))
            self.windows[channel] = (min(low, before[0]), max(high, before[1]))
