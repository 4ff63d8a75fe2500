"""What a source of images gives: planes, and what their files say of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.engine.plates.limits import claim_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from lineage_triplets.engine.errors import Severity

Index = tuple[int, ...]
"""A plane's place along the axes before y and x, in the source's own order."""


class Planes(Protocol):
    """Planes of an image, read one by one."""

    def read(self, index: Index) -> NDArray[Any] | None:
        """Read one plane (y, x); None where the source itself leaves it out.

        Raises
        ------
        OSError, ValueError
            It cannot be read.
        """

    def close(self) -> None:
        """Close what is open."""


@dataclass(frozen=True)
class FoundImage:
    """One field of view as its files have it.

    Attributes
    ----------
    path : Path
        File or folder, as it was named.
    name : str
        For people: the file, and which image of it.
    kind : str
        What it is, in words.
    axes : str
        One letter an axis before y and x: T, C or Z, and any other where none is known.
    sizes : tuple of int
    plane_shape : (int, int)
        Rows and columns.
    dtype : numpy.dtype
        In this machine's byte order.
    open : callable
        Gives its `Planes`.
    files : tuple of Path
        All that it is made of.
    doubt : str
        Why the axes are not sure; empty where they are.
    channel_names : tuple of str or None
        One a channel, or empty.
    pixel_size_um : tuple of float or None
        (z, y, x), None for what is not known.
    interval_minutes : float or None
    missing : frozenset of Index
        Planes that are not there.
    cut_off : str
        How it is known that the file ends too early, where nothing says how much is missing.
    t_numbers : tuple of int
        Numbers of the frames in file names.
    block : Index
        How many planes along each axis are read together.
    tables : tuple of Path
        Track tables that lie beside it.
    place : str
        ``"A/1/0"`` where the source says which FOV it is.
    attributes : dict
        What the image's metadata keep beside axes, scale and channels.
    problems : tuple of Problem
        What people should know; no errors.
    """

    path: Path
    name: str
    kind: str
    axes: str
    sizes: Index
    plane_shape: tuple[int, int]
    dtype: np.dtype[Any]
    open: Callable[[], Planes] = field(repr=False, compare=False)
    files: tuple[Path, ...]
    doubt: str = ""
    channel_names: tuple[str | None, ...] = ()
    pixel_size_um: tuple[float | None, float | None, float | None] = (None, None, None)
    interval_minutes: float | None = None
    missing: frozenset[Index] = frozenset()
    cut_off: str = ""
    t_numbers: tuple[int, ...] = ()
    block: Index = ()
    tables: tuple[Path, ...] = ()
    place: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def library(name: str, path: Path, what: str) -> Any:
    """Import a library of the extra ``import`` at its first use.

    Raises
    ------
    ConfigError
        It is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise fault(
            "needs-library",
            f"this is {what}, which is read with {package}, and that is not installed.",
            "pip install 'lineage-triplets[import]' adds it.",
            path,
        ) from error


def fault(kind: str, message: str, remedy: str, path: Path) -> ConfigError:
    """Make the error for a source."""
    return ConfigError(Problem(kind, message, remedy, file=str(path)))


def refuse_claim(shape: Sequence[int], item_bytes: int, path: Path) -> None:
    """Raise if an image claims more than is believed, before its planes are listed.

    Parameters
    ----------
    shape : sequence of int
        Rows and columns last.
    item_bytes : int
    path : Path

    Raises
    ------
    ConfigError
        It does.
    """
    problem = claim_fault([int(size) for size in shape], item_bytes, str(path))
    if problem is not None:
        raise ConfigError(problem)


def said(
    kind: str, message: str, remedy: str, path: Path, severity: Severity = "warning", count: int = 1
) -> Problem:
    """Make a warning or a note about a source."""
    return Problem(kind, message, remedy, severity, file=str(path), count=count)
