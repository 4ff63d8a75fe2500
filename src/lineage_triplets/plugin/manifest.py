"""What napari calls: its one dock widget, configs and tables dragged onto it, and the sample."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import napari

    from lineage_triplets.plugin.widget import ReviewWidget

    LayerData = list[tuple[None]]
    Reader = Callable[[str | Sequence[str]], LayerData]

DOCK_NAME = "Review pairs (Lineage Triplets)"
"""As napari's own menu names it, so that the menu shows and hides the same widget."""
_MOST_BYTES = 4_000_000
_EXPERIMENTS = re.compile(r"^(?:experiments|[\"']experiments[\"'])\s*:", re.MULTILINE)
_IMAGES = {"plate", "multiscales", "well", "bioformats2raw.layout"}
_PLACEHOLDER = "Lineage Triplets: the sample is being simulated"


def review_widget(viewer: napari.Viewer | None = None) -> ReviewWidget:
    """Give a viewer's review widget, shown in front.

    Parameters
    ----------
    viewer : napari.Viewer, optional
        The current one by default.

    Raises
    ------
    ConfigError
        There is no viewer with a window.
    """
    import napari
    from qtpy.QtWidgets import QDockWidget

    from lineage_triplets.plugin.widget import ReviewWidget

    viewer = viewer or napari.current_viewer()
    if viewer is None:
        raise ConfigError(
            Problem(
                "no-viewer",
                "there is no napari window to show the review in.",
                "Open napari first; without a screen use `lineage-triplets check`.",
            )
        )
    found = (
        docked for docked in viewer.window.dock_widgets.values() if isinstance(docked, ReviewWidget)
    )
    widget = next(found, None)
    if widget is None:
        widget = ReviewWidget(viewer)
        viewer.window.add_dock_widget(
            widget, name=DOCK_NAME, area="right", add_vertical_stretch=False
        )
    dock = widget.parent()
    if isinstance(dock, QDockWidget):
        dock.show()
        dock.raise_()
    return widget


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Give a reader for a config, an experiments YAML or a ``collection.yml``.

    Parameters
    ----------
    path : str or sequence of str
        What was dropped or opened.

    Returns
    -------
    callable or None
        None for every other file, and for several at once.
    """
    if not isinstance(path, str):
        if len(path) != 1:
            return None
        path = path[0]
    return _open_config if _lists_experiments(Path(path)) else None


def get_tracks_reader(path: str | Sequence[str]) -> Reader | None:
    """Give a reader for a track table of a known tool, which a new config begins with.

    Parameters
    ----------
    path : str or sequence of str
        What was dropped or opened: a GEFF, a folder of the Cell Tracking Challenge, TrackMate's
        XML, a table of tracks.

    Returns
    -------
    callable or None
        None for every other file and folder, images among them, and for several at once.
    """
    if not isinstance(path, str):
        if len(path) != 1:
            return None
        path = path[0]
    return _make_config if _holds_tracks(Path(path)) else None


def get_plate_reader(path: str | Sequence[str]) -> Reader | None:
    """Give a reader for an OME-Zarr plate or a collection of series, for a new config.

    Parameters
    ----------
    path : str or sequence of str
        What was dropped or opened: the root, or a group that holds just one below.

    Returns
    -------
    callable or None
        None for everything else, single images among them, and for several at once.
    """
    if not isinstance(path, str):
        if len(path) != 1:
            return None
        path = path[0]
    return _make_config if _is_plate(Path(path)) else None


def _is_plate(path: Path) -> bool:
    from lineage_triplets.engine.errors import StoreError
    from lineage_triplets.engine.plates.collections import look_inside
    from lineage_triplets.engine.plates.plate import open_plate
    from lineage_triplets.engine.plates.stores import NODE_FILES

    if not any((path / name).is_file() for name in NODE_FILES):
        return False
    try:
        return not open_plate(path).single_image
    except StoreError:
        inside = look_inside(str(path))
        return len(inside.plates or inside.collections) == 1


def _holds_tracks(path: Path) -> bool:
    """Whether content is a track table's; a store of images with one in it is left to others."""
    from lineage_triplets.engine.tracks.formats import recognise
    from lineage_triplets.engine.tracks.formats.glimpse import Glimpse

    glimpse = Glimpse(path)
    attributes = glimpse.attributes or {}
    return not _IMAGES & set(attributes.get("ome") or attributes) and recognise(glimpse) is not None


def _make_config(path: str | Sequence[str]) -> LayerData:
    """Begin a new config in the dock widget."""
    review_widget().make_config([path] if isinstance(path, str) else path)
    return [(None,)]


def _lists_experiments(path: Path) -> bool:
    """Whether a YAML has ``experiments:`` at its top level; only its text is looked at."""
    if path.suffix.lower() not in {".yml", ".yaml"}:
        return False
    try:
        with path.open(encoding="utf-8-sig") as file:
            return _EXPERIMENTS.search(file.read(_MOST_BYTES)) is not None
    except (OSError, UnicodeDecodeError):
        return False


def _open_config(path: str | Sequence[str]) -> LayerData:
    """Open the config in the dock widget, which adds its own layers."""
    review_widget().start_opening(path if isinstance(path, str) else path[0])
    return [(None,)]


def open_sample() -> list[tuple[Any, dict[str, Any], str]]:
    """Open the sample in the dock widget; it is simulated beside the event loop the first time.

    Returns
    -------
    list
        An empty layer, since napari takes no sample without one; it is gone once the event loop
        runs again.
    """
    import napari
    import numpy as np

    from lineage_triplets.plugin.common.work import soon

    viewer = napari.current_viewer()
    widget = review_widget(viewer)
    widget.open_sample()
    soon(widget, lambda: _remove_placeholder(viewer))
    return [(np.empty((0, 2)), {"name": _PLACEHOLDER}, "points")]


def _remove_placeholder(viewer: napari.Viewer) -> None:
    if _PLACEHOLDER in viewer.layers:
        viewer.layers.remove(_PLACEHOLDER)
