"""The one dock widget of a viewer, opened where it is not open yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import ConfigError, Problem

if TYPE_CHECKING:
    import napari

    from lineage_triplets.plugin.widget import ReviewWidget

_SHARE_OF_WINDOW = 1 / 3
DOCK_NAME = "Review pairs (Lineage Triplets)"
"""As napari's own menu names it, so that the menu shows and hides the same widget."""


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
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QDockWidget, QMainWindow

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
    found = (one for one in viewer.window.dock_widgets.values() if isinstance(one, ReviewWidget))
    widget = next(found, None)
    is_new = widget is None
    if widget is None:
        widget = ReviewWidget(viewer)
        viewer.window.add_dock_widget(
            widget, name=DOCK_NAME, area="right", add_vertical_stretch=False
        )
    dock = widget.parent()
    if isinstance(dock, QDockWidget):
        window = dock.parent()
        if is_new and isinstance(window, QMainWindow):
            width = max(round(_SHARE_OF_WINDOW * window.width()), widget.minimumWidth())
            window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)
        dock.show()
        dock.raise_()
    return widget
