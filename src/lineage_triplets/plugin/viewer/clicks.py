"""Clicks on cells in the viewer: they choose the lineage, or ask what to do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.plugin.common.session import Place, Session
from lineage_triplets.plugin.common.work import soon

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from lineage_triplets.plugin.viewer.layer_stack import Viewpoint
    from lineage_triplets.plugin.viewer.shown_fov import ShownFov

_CLICK_PIXELS = 4.0


class CellClicks:
    """Takes clicks on cells of the FOV on screen, while the viewer's own mode leaves them free.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    session : Session
    view : Viewpoint
    shown : callable
        Gives the FOV on screen, or None.
    """

    def __init__(
        self,
        viewer: Any,
        session: Session,
        view: Viewpoint,
        shown: Callable[[], ShownFov | None],
    ) -> None:
        self._viewer = viewer
        self._session = session
        self._view = view
        self._shown = shown
        viewer.mouse_drag_callbacks.append(self._on_mouse)

    def leave(self) -> None:
        """Take no more clicks."""
        if self._on_mouse in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_mouse)

    def _on_mouse(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        """Select the cell that is clicked on, or ask what to do with it; a drag is none."""
        active = viewer.layers.selection.active
        mode = "pan_zoom" if active is None else str(active.mode)
        button = event.button
        if mode != "pan_zoom" or button not in {1, 2} or list(event.modifiers):
            return
        start, position = np.array(event.pos, dtype=float), event.position
        direction = event.view_direction
        yield
        while event.type == "mouse_move":
            if np.abs(np.array(event.pos, dtype=float) - start).max() > _CLICK_PIXELS:
                return
            yield
        if self._choose(position, direction) and button == 2:
            # Not in the middle of the event: a menu is a loop of its own.
            soon(self._session, self._session.menu_wanted.emit)

    def _choose(self, position: Any, direction: Any) -> bool:
        """Select the lineage of the cell at a place; False if there is none."""
        shown, review, t = self._shown(), self._session.review, self._view.t
        if shown is None or review is None or t is None or shown.cells is None:
            return False
        at = self._view.pixel(position)
        within = min(review.data.settings.yx_patch_size) / 2
        if self._view.is_flat or direction is None or len(at) < 4:
            found = shown.cells.nearest(t, at[-2], at[-1], within)
        else:
            found = shown.cells.nearest_to_ray(t, at[-3:], self._view.pixel(direction)[-3:], within)
        if found >= 0:
            place = Place(*shown.wanted.place, t=t, tracks=(shown.cells.track_word(found),))
            if self._session.choose(lineage=shown.cells.lineage_id(found)):
                self._session.look_at(place)
                return True
        return False
