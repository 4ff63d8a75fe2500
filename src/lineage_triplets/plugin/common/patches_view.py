"""What widgets that draw patches have in common: slots, contrast, outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QListView, QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_triplets.qc.look.pictures.grey import GreyScale


class PatchesView(QWidget):
    """Draws patches of some slots."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._shape = (1, 1)
        self._slots: tuple[int, ...] = (0,)
        self._contrast: Mapping[int, GreyScale] = {}
        self._outlined = False

    def set_slots(self, slots: tuple[int, ...]) -> None:
        """Show some slots alone; where there is one place, the first of them."""
        self._slots = slots
        self._fit()

    def set_contrast(self, contrast: Mapping[int, GreyScale]) -> None:
        """Draw slots at a contrast, in place of what the pictures themselves give."""
        self._contrast = dict(contrast)
        self.update()

    def set_outlined(self, outlined: bool) -> None:
        """Draw cells with their outlines, as far as these were read, or without."""
        self._outlined = outlined
        self.update()

    def _fit(self) -> None:
        """Draw what is there anew, with the room that it needs."""
        self.update()


def show_tiles(view: QListView) -> None:
    """Let a list show tiles of one size, many of which can be selected."""
    view.setViewMode(QListView.ViewMode.IconMode)
    view.setMovement(QListView.Movement.Static)
    view.setResizeMode(QListView.ResizeMode.Adjust)
    view.setUniformItemSizes(True)
    view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
