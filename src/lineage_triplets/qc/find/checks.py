"""What a check is, and which there are: each registers itself when its module is imported."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lineage_triplets.engine.arrays import Float64Array, Int64Array, Pixels
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.find.finding import Finding
    from lineage_triplets.qc.find.track_data.data import TrackData

MODULES: tuple[str, ...] = (
    "pixels.brightness",
    "pixels.changed_cell",
    "pixels.mask_sizes",
    "pixels.poor_frames",
    "pixels.spoilt_frames",
    "settings.anchors",
    "settings.channel_names",
    "settings.interval",
    "settings.scale",
    "tracks.daughters",
    "tracks.doubtful_links",
    "tracks.jumps",
    "tracks.missed_divisions",
    "tracks.odd_tracks",
    "tracks.power",
)
"""Modules of `lineage_triplets.qc.find` that register a check, sorted."""


@dataclass(frozen=True)
class TableCheck:
    """A check of all track tables at once, by arrays: positions, frames and links.

    Attributes
    ----------
    name : str
    kinds : tuple of str
        The kinds of its findings.
    run : callable
        From `TrackData` to findings.
    """

    name: str
    kinds: tuple[str, ...]
    run: Callable[[TrackData], Iterable[Finding]]


@dataclass(frozen=True)
class SettingsCheck:
    """A check of what config, settings and tables come to: quick, and run after each change.

    Attributes
    ----------
    name : str
    kinds : tuple of str
    run : callable
        From the index that training reads to findings.
    """

    name: str
    kinds: tuple[str, ...]
    run: Callable[[MultiExperimentIndex], Iterable[Finding]]


class FovScan(Protocol):
    """A pixel check at work on one FOV: sees every frame once, in order."""

    def see(self, t: int, image: Pixels) -> None:
        """Take frame `t`: (C, Z, Y, X), C in slot order, as stored."""

    def findings(self) -> Iterable[Finding]:
        """Give what was found, after the last frame."""


@dataclass(frozen=True, eq=False)
class ScannedFov:
    """What a pixel check knows about the FOV that it scans.

    Attributes
    ----------
    source : FovSource
    slot_labels : tuple of str
    t, track_id : ndarray of int64, shape (cells,)
        The FOV's observations, sorted by frame.
    y, x, z : ndarray of float64, shape (cells,)
        Their places, in pixels.
    interval_minutes : float
        Time between frames.
    """

    source: FovSource
    slot_labels: tuple[str, ...]
    t: Int64Array
    track_id: Int64Array
    y: Float64Array
    x: Float64Array
    z: Float64Array
    interval_minutes: float


@dataclass(frozen=True)
class PixelCheck:
    """A check of images, FOV by FOV.

    Attributes
    ----------
    name : str
    kinds : tuple of str
    version : int
        Raised when its findings change, so that kept results are not taken for new ones.
    start : callable
        From a `ScannedFov` to a `FovScan`.
    stamp : callable, optional
        From a `FovSource` to what tells whether anything that the check reads beside images and
        tables has changed.
    """

    name: str
    kinds: tuple[str, ...]
    version: int
    start: Callable[[ScannedFov], FovScan]
    stamp: Callable[[FovSource], str] | None = None


TABLE_CHECKS: dict[str, TableCheck] = {}
SETTINGS_CHECKS: dict[str, SettingsCheck] = {}
PIXEL_CHECKS: dict[str, PixelCheck] = {}


def register(check: TableCheck | SettingsCheck | PixelCheck) -> None:
    """Add a check to those that are run."""
    if isinstance(check, TableCheck):
        TABLE_CHECKS[check.name] = check
    elif isinstance(check, SettingsCheck):
        SETTINGS_CHECKS[check.name] = check
    else:
        PIXEL_CHECKS[check.name] = check


def load_checks() -> None:
    """Import all checks, which fills `TABLE_CHECKS`, `SETTINGS_CHECKS` and `PIXEL_CHECKS`."""
    for name in MODULES:
        import_module(f"{__package__}.{name}")
