"""The window of a viewer, if it has one: whether it is there, and its canvas held still."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtOpenGLWidgets import QOpenGLWidget

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_open(viewer: Any) -> bool:
    """Whether its window is there: napari's views of layers fail once it is not."""
    if _window(viewer) is None:
        return True
    main = _main(viewer)
    return main is not None and bool(isalive(main))


@contextmanager
def still_canvas(viewer: Any) -> Iterator[None]:
    """Keep on screen what is drawn, however layers change, and draw once at the end."""
    main = _main(viewer) if is_open(viewer) else None
    canvases = [] if main is None else main.findChildren(QOpenGLWidget)
    held = [one for one in canvases if one.updatesEnabled()]
    for one in held:
        one.setUpdatesEnabled(False)
    try:
        yield
    finally:
        for one in held:
            if isalive(one):
                one.setUpdatesEnabled(True)


def _window(viewer: Any) -> Any:
    # What plugins get is a proxy that warns of private names, and there is no public one.
    return getattr(getattr(viewer, "__wrapped__", viewer), "window", None)


def _main(viewer: Any) -> Any:
    return getattr(_window(viewer), "_qt_window", None)
