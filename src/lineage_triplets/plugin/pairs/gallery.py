"""The gallery: pairs as tiles, as many as there is room for, to be gone through by keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QItemSelectionModel, QSize, Qt, Signal
from qtpy.QtWidgets import QListView, QWidget

from lineage_triplets.plugin.common.patches_view import show_tiles
from lineage_triplets.plugin.pairs.model import PairModel
from lineage_triplets.plugin.pairs.tiles import PairTiles, TileSize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QKeyEvent, QPaintEvent, QResizeEvent

    from lineage_triplets.qc.look.pictures.grey import GreyScale

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_PAGES = {Qt.Key.Key_PageDown: 1, Qt.Key.Key_PageUp: -1}


class PairGallery(QListView):
    """Tiles of pairs. A click or the space bar chooses one; arrows go on, Shift and Ctrl add more.

    Attributes
    ----------
    chosen : Signal(int)
        Gets the number of the pair that a person wants to look at.
    unread : Signal()
        A pair came into view that was not read yet.
    next_wanted : Signal()
        A person wants to go on, by Enter.
    """

    chosen = Signal(int)
    unread = Signal()
    next_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pair_gallery")
        self.setAccessibleName("Pairs: anchor left, positive right")
        self.setToolTip("Click or space bar: show the pair in the viewer, and its way below")
        show_tiles(self)
        self.setMouseTracking(True)
        self._pairs = PairModel(self)
        self._tiles = PairTiles(self._pairs, self)
        self.setModel(self._pairs)
        self.setItemDelegate(self._tiles)
        self._n_slots, self._shape = 1, (1, 1)
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

    def set_outlined(self, outlined: bool) -> None:
        """Draw cells with their outlines, or without."""
        self._tiles.outlined = outlined
        self.viewport().update()

    def numbers_in_view(self) -> list[int]:
        """Give the pairs on screen."""
        view = self.viewport().rect()
        rows = range(self._pairs.rowCount())
        return [row for row in rows if self.visualRect(self._pairs.index(row)).intersects(view)]

    @property
    def current(self) -> int:
        """Number of the pair that has the ring; -1 for none."""
        return self.currentIndex().row()

    @property
    def selected(self) -> list[int]:
        """Numbers of the selected pairs, or of the current; in order."""
        selected = self.selectionModel().selectedIndexes() or [self.currentIndex()]
        return sorted(index.row() for index in selected if index.isValid())

    @property
    def chosen_seen(self) -> list[int]:
        """Those of the selected pairs that were on screen."""
        return [row for row in self.selected if row in self._tiles.painted]

    def go_to(self, number: int) -> None:
        """Give a pair the ring, and scroll as little as shows it."""
        index = self._pairs.index(number)
        self.selectionModel().setCurrentIndex(
            index, QItemSelectionModel.SelectionFlag.ClearAndSelect
        )
        self.scrollTo(index)

    def scroll_to_current(self) -> None:
        """Scroll as little as shows the pair that has the ring."""
        self.scrollTo(self.currentIndex())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Choose the current pair by the space bar, go on by Enter; scroll by the page keys."""
        if event.key() == Qt.Key.Key_Space and self.currentIndex().isValid():
            self.chosen.emit(self.current)
            return
        if event.key() in _ENTER:
            self.next_wanted.emit()
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
        if any(not self._pairs.shown.has(number) for number in self.numbers_in_view()):
            self.unread.emit()

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
