"""The gallery: pairs as tiles that fill the width, read as they come into view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, QTimer, Signal
from qtpy.QtWidgets import QAbstractItemView, QListView, QWidget

from lineage_triplets.plugin.pairs.model import PairModel
from lineage_triplets.plugin.pairs.tiles import PairTiles, TileSize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QKeyEvent, QPaintEvent, QResizeEvent

    from lineage_triplets.qc.look.pictures.grey import GreyScale

_LOOK_MS = 250
_LARGE_PART = 0.75
_PAGES = {Qt.Key.Key_PageDown: 1, Qt.Key.Key_PageUp: -1}


class PairGallery(QListView):
    """Tiles of pairs. A click, Enter or the space bar chooses one.

    Attributes
    ----------
    chosen : Signal(int)
        Gets the number of the pair that a person wants to look at.
    unread : Signal()
        A pair came into view that was not read yet.
    looked_at : Signal(object)
        Gets the numbers of the pairs whose pictures are on screen in full, and were for a while.
    """

    chosen = Signal(int)
    unread = Signal()
    looked_at = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pair_gallery")
        self.setAccessibleName("Pairs: anchor left, positive right")
        self.setToolTip("Click or Enter: show the pair in the viewer, and its way below")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setMouseTracking(True)
        self._pairs = PairModel(self)
        self._tiles = PairTiles(self._pairs, self)
        self.setModel(self._pairs)
        self.setItemDelegate(self._tiles)
        self._n_slots, self._shape = 1, (1, 1)
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._tell_looked_at)
        self.clicked.connect(lambda index: self.chosen.emit(index.row()))

    @property
    def pairs(self) -> PairModel:
        """What is shown."""
        return self._pairs

    def set_patches(self, n_slots: int, yx_patch_size: tuple[int, int]) -> None:
        """Say what patches look like."""
        self._n_slots, self._shape = n_slots, yx_patch_size
        self._tiles.forget()
        self._fit()

    def set_contrast(self, contrast: Mapping[str, Mapping[int, GreyScale]]) -> None:
        """Draw the slots of experiments at a contrast, from what was read already."""
        self._tiles.contrast = {name: dict(slots) for name, slots in contrast.items()}
        self.viewport().update()

    def numbers_in_view(self, *, in_full: bool = False) -> list[int]:
        """Give the pairs on screen; only those whose pictures are there in full, if asked.

        A narrow strip may be missing, and pictures higher than the view are there in full where
        they fill it.
        """
        view = self.viewport().rect()
        found = []
        for row in range(self._pairs.rowCount()):
            tile = self.visualRect(self._pairs.index(row))
            pictures = self._tiles.pictures_box(tile)
            needed = _LARGE_PART * min(pictures.height(), view.height()) if in_full else 0
            if tile.intersects(view) and pictures.intersected(view).height() >= needed:
                found.append(row)
        return found

    def bring_into_view(self, number: int) -> None:
        """Scroll as little as shows a pair."""
        self.scrollTo(self._pairs.index(number))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Choose the current pair by Enter or the space bar; scroll by the page keys."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if event.key() in keys and self.currentIndex().isValid():
            self.chosen.emit(self.currentIndex().row())
            return
        if event.key() in _PAGES:
            # By whole tiles, so that each is once on screen in full.
            bar, tile = self.verticalScrollBar(), self.gridSize().height()
            step = max(self.viewport().height() // max(tile, 1), 1) * tile
            bar.setValue(bar.value() + _PAGES[event.key()] * step)
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw, and ask for pairs that came into view."""
        super().paintEvent(event)
        if any(not self._pairs.shown.has(one) for one in self.numbers_in_view()):
            self.unread.emit()
        self._look.start()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Fill the width."""
        self._fit()
        super().resizeEvent(event)

    def _fit(self) -> None:
        size = TileSize.fitting(
            self.viewport().width() - 1, self.fontMetrics(), self._n_slots, self._shape
        )
        if size != self._tiles.size:
            self._tiles.set_size(size)
            self.setGridSize(QSize(size.width, size.height))
        self.verticalScrollBar().setSingleStep(self.fontMetrics().height() * 2)

    def _tell_looked_at(self) -> None:
        if self.isVisible() and not self.window().isMinimized():
            numbers = [
                one
                for one in self.numbers_in_view(in_full=True)
                if one in self._pairs.shown.pictures and one in self._tiles.painted
            ]
            if numbers:
                self.looked_at.emit(numbers)
