"""A window of an image, what reads windows, and what is said where one cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lineage_triplets.engine.errors import ChunkError, Problem, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lineage_triplets.engine.index.fovs import FovSource


@dataclass(frozen=True, slots=True)
class Window:
    """A box of one frame of a FOV, and where it goes.

    Attributes
    ----------
    source : FovSource
    t : int
    z, y, x : slice
        Inside the image.
    target : ndarray, shape (C, Z, Y, X)
        The part of the output that it fills, C in slot order; values are converted to its dtype.
    """

    source: FovSource
    t: int
    z: slice
    y: slice
    x: slice
    target: NDArray[np.generic]


class ReadStrategy(Protocol):
    """Something that reads windows; ``missing`` counts patches that met absent chunks."""

    @property
    def missing(self) -> dict[tuple[str, str], int]:
        """``{(experiment, FOV): patches}`` that met absent chunks."""

    def read(self, windows: Sequence[Window]) -> None:
        """Fill the targets of all windows.

        Raises
        ------
        ChunkError
            A chunk is damaged; or absent, where absent chunks are errors.
        StoreError
            A store cannot be opened.
        """


def array_error(source: FovSource, kind: str, message: str, remedy: str) -> StoreError:
    """Make the error of a FOV's array."""
    return StoreError(_problem(source, kind, message, remedy))


def chunk_error(source: FovSource, kind: str, message: str, remedy: str) -> ChunkError:
    """Make the error of a chunk of a FOV's array."""
    return ChunkError(_problem(source, kind, message, remedy))


def _problem(source: FovSource, kind: str, message: str, remedy: str) -> Problem:
    return Problem(
        kind,
        message,
        remedy,
        experiment=source.experiment,
        fov=source.fov.name,
        file=source.fov.array_path,
    )
