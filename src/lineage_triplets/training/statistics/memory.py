"""Memory that a thread uses again and again."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


class ThreadMemory(threading.local):
    """What a thread reads and counts into: new memory costs more than a copy of it."""

    def __init__(self) -> None:
        self._of_use: dict[str, NDArray[np.uint8]] = {}

    def array(self, use: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array of any content, until the next one for the same use is asked for.

        Parameters
        ----------
        use : str
            What for.
        shape : tuple of int
        dtype : numpy.dtype
        """
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        if n_bytes > len(self._of_use.get(use, ())):
            self._of_use[use] = np.empty(n_bytes, np.uint8)
        return self._of_use[use][:n_bytes].view(dtype).reshape(shape)

    def let_go(self, use: str) -> None:
        """Take other memory from now on, since somebody may still write into this."""
        self._of_use.pop(use, None)
