"""The tiles of the board: each a FOV, drawn as they come into view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QModelIndex, QPointF, QRect, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFont, QPainter, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from lineage_triplets.plugin.board.model import SYMBOLS
from lineage_triplets.plugin.common.patch_image import (
    contrast_image,
    dimmed,
    draw_note,
    draw_plate,
    frame_colour,
    legible,
)
from lineage_triplets.plugin.common.patches_view import show_tiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtCore import QItemSelectionModel
    from qtpy.QtGui import QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent

    from lineage_triplets.plugin.board.model import BoardModel
    from lineage_triplets.plugin.board.reading import Thumbnails
    from lineage_triplets.qc.board.fovs import FovState, FovStateWord
    from lineage_triplets.qc.look.pictures.grey import GreyScale
    from lineage_triplets.qc.look.thumbnail import Thumbnail

    Place = tuple[str, str]

# Apart for any eyes (Okabe and Ito), beside a symbol for each.
COLOURS: dict[FovStateWord, QColor] = {
    "broken": QColor(213, 94, 0),
    "untouched": QColor(128, 128, 128),
    "begun": QColor(230, 159, 0),
    "partly rejected": QColor(204, 121, 167),
    "reviewed": QColor(86, 180, 233),
    "accepted": QColor(0, 158, 115),
    "rejected": QColor(110, 50, 120),
}
_ALARM = QColor(213, 94, 0)
_PLATE = QColor(0, 0, 0, 190)
_PAD, _EDGE = 3, 4
_WIDE = (5.0, 7.5, 12.0)
"""Of a tile of each size, in heights of a line."""
_CURVE_LINES = 1.2
_REJECTED_OPACITY = 0.35


@dataclass(frozen=True)
class TileShape:
    """Where things are on a tile, in pixels of the screen.

    Attributes
    ----------
    width, height, line : int
        Of the tile, and of a line of text.
    """

    width: int
    height: int
    line: int

    @classmethod
    def fitting(cls, room: int, metrics: QFontMetrics, size: int) -> TileShape:
        """Give the shape with which tiles of a size (0 to 2) fill the width."""
        line = metrics.height()
        least = round(_WIDE[size] * line)
        columns = max(1, room // least)
        width = max(least, room // columns)
        picture = round(0.72 * (width - 2 * _PAD - _EDGE))
        return cls(width, round(2 * _PAD + 2 * line + picture + _CURVE_LINES * line), line)

    def picture(self, tile: QRect) -> QRectF:
        """Where the thumbnail is."""
        top = tile.top() + 2 * self.line + _PAD
        height = self.height - 2 * _PAD - (2 + _CURVE_LINES) * self.line
        return QRectF(tile.left() + _EDGE + _PAD, top, tile.width() - _EDGE - 2 * _PAD, height - 2)

    def curve(self, tile: QRect) -> QRectF:
        """Where the cells over time are."""
        picture = self.picture(tile)
        top, bottom = picture.bottom() + 3, tile.bottom() - _PAD
        return QRectF(picture.left(), top, picture.width(), bottom - top)


class FovTiles(QStyledItemDelegate):
    """Draws the tiles.

    Attributes
    ----------
    shape : TileShape or None
    on_screen : (str, str)
        The FOV that the viewer shows.
    contrast : mapping of str to GreyScale
        Of experiments of which the viewer has one, in place of what was measured.
    """

    def __init__(self, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shape: TileShape | None = None
        self.on_screen: Place = ("", "")
        self.contrast: Mapping[str, GreyScale] = {}
        self.thumbnails = thumbnails
        self._images: dict[Place, tuple[Thumbnail, GreyScale, QImage]] = {}

    def forget(self) -> None:
        """Let go of all pictures."""
        self._images.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802
        """Give the size of a tile."""
        shape = self.shape
        return (
            super().sizeHint(option, index) if shape is None else QSize(shape.width, shape.height)
        )

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw one FOV."""
        state, shape = index.data(Qt.ItemDataRole.UserRole), self.shape
        if state is None or shape is None:
            return
        palette = option.widget.palette() if option.widget else option.palette
        ink = palette.color(QPalette.ColorRole.WindowText)
        tile = option.rect.adjusted(1, 1, -2, -2)
        colour = legible(COLOURS[state.state], palette)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            ground = QColor(palette.color(QPalette.ColorRole.Highlight))
            ground.setAlphaF(0.45)
            painter.fillRect(tile, ground)
        painter.fillRect(QRect(tile.left(), tile.top(), _EDGE, tile.height()), colour)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(ink, 2))
            painter.drawRect(tile.adjusted(1, 1, -1, -1))
        elif option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(ink)
            painter.drawRect(tile)
        elif state.place == self.on_screen:
            painter.setPen(QPen(dimmed(palette), 1, Qt.PenStyle.DashLine))
            painter.drawRect(tile)
        self._captions(painter, option, state, tile, palette)
        self._picture(painter, state, shape.picture(tile), palette)
        _draw_open(painter, shape.picture(tile), state, option.font)
        _draw_curve(painter, shape.curve(tile), state, palette)
        painter.restore()

    def _captions(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        state: FovState,
        tile: QRect,
        palette: QPalette,
    ) -> None:
        shape = self.shape
        if shape is None:
            return
        ink = palette.color(QPalette.ColorRole.WindowText)
        left, right = tile.left() + _EDGE + _PAD, tile.right() - _PAD
        row = QRect(left, tile.top() + 2, right - left, shape.line)
        bold = QFont(option.font)
        bold.setBold(True)
        painter.setFont(bold)
        metrics = painter.fontMetrics()
        symbol = SYMBOLS[state.state]
        painter.setPen(legible(COLOURS[state.state], palette))
        painter.drawText(row, int(Qt.AlignmentFlag.AlignLeft), symbol)
        row.setLeft(left + metrics.horizontalAdvance(symbol) + 4)
        painter.setPen(ink)
        name = metrics.elidedText(state.fov, Qt.TextElideMode.ElideMiddle, row.width())
        painter.drawText(row, int(Qt.AlignmentFlag.AlignLeft), name)
        row = QRect(left, row.top() + shape.line, right - left, shape.line)
        painter.setFont(option.font)
        painter.setPen(dimmed(palette))
        experiment = painter.fontMetrics().elidedText(
            state.experiment, Qt.TextElideMode.ElideRight, row.width()
        )
        painter.drawText(row, int(Qt.AlignmentFlag.AlignLeft), experiment)

    def _picture(self, painter: QPainter, state: FovState, box: QRectF, palette: QPalette) -> None:
        ink = palette.color(QPalette.ColorRole.WindowText)
        thumbnail = self.thumbnails.shown.get(state.place)
        if thumbnail is None:
            draw_note(painter, box, "⚠" if state.why_broken else "…", dimmed(palette))
            return
        image = self._image_of(state.place, thumbnail)
        if image is None:
            draw_note(painter, box, "⚠ no image", ink)
            return
        painter.setOpacity(_REJECTED_OPACITY if state.state == "rejected" else 1.0)
        scale = min(box.width() / image.width(), box.height() / image.height())
        shown = QRectF(0, 0, scale * image.width(), scale * image.height())
        shown.moveCenter(box.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        painter.drawImage(shown, image)
        painter.setOpacity(1.0)
        if thumbnail.note:
            draw_plate(painter, shown, thumbnail.note)

    def _image_of(self, place: Place, thumbnail: Thumbnail) -> QImage | None:
        scale = self.contrast.get(place[0]) or self.thumbnails.scales.get(place[0])
        if thumbnail.values is None or scale is None:
            return None
        kept = self._images.get(place)
        if kept is None or kept[0] is not thumbnail or kept[1] != scale:
            kept = (thumbnail, scale, contrast_image(thumbnail.values, scale))
            self._images[place] = kept
        return kept[2]


class BoardView(QListView):
    """The tiles. A click or Enter goes to the FOV; a click with Ctrl or Shift selects.

    Attributes
    ----------
    chosen : Signal(object)
        Gets the `FovState` that a person wants to go to.
    in_view : Signal()
        Other tiles may be in view.
    """

    chosen = Signal(object)
    in_view = Signal()

    def __init__(
        self, model: BoardModel, thumbnails: Thumbnails, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("board_tiles")
        self.setAccessibleName("FOVs of all experiments")
        show_tiles(self)
        self._model = model
        self._size = 1
        self.tiles = FovTiles(thumbnails, self)
        self.setModel(model)
        self.setItemDelegate(self.tiles)

    @property
    def size_of_tiles(self) -> int:
        """0 for the smallest, 2 for the largest."""
        return self._size

    def set_size_of_tiles(self, size: int) -> None:
        """Draw tiles of another size."""
        self._size = min(max(size, 0), len(_WIDE) - 1)
        self._fit()
        self.scrollTo(self.currentIndex())

    @property
    def has_pictures(self) -> bool:
        """Whether there are tiles, and all of them have been read."""
        shown = self.tiles.thumbnails.shown
        return bool(self._model.states) and all(
            state.place in shown or not state.n_cells for state in self._model.states
        )

    @property
    def current(self) -> FovState | None:
        """The FOV that keys are about; None where there is none."""
        return self._model.at(self.currentIndex().row())

    @property
    def selected(self) -> list[FovState]:
        """All FOVs that are selected, in their order."""
        rows = sorted(index.row() for index in self.selectedIndexes())
        return [self._model.states[row] for row in rows]

    def go_to(self, place: Place) -> None:
        """Make a FOV the current one, if it is shown."""
        row = self._model.row_of(place)
        if row >= 0 and row != self.currentIndex().row():
            self.setCurrentIndex(self._model.index(row))

    def step(self, by: int) -> None:
        """Go to the tile after, or before by a negative number."""
        row = self.currentIndex().row() + by
        if 0 <= row < self._model.rowCount():
            self.setCurrentIndex(self._model.index(row))

    def select_again(self, places: set[Place]) -> None:
        """Select FOVs, as far as they are shown."""
        chosen: QItemSelectionModel = self.selectionModel()
        for row, state in enumerate(self._model.states):
            if state.place in places:
                chosen.select(self._model.index(row), chosen.SelectionFlag.Select)

    def redraw(self, places: set[Place]) -> None:
        """Draw the tiles of some FOVs anew, and no others."""
        for row, state in enumerate(self._model.states):
            if state.place in places:
                self.update(self._model.index(row))

    def places_in_view(self) -> list[Place]:
        """FOVs whose tiles are on screen, from the top."""
        view = self.viewport().rect()
        return [
            state.place
            for row, state in enumerate(self._model.states)
            if self.visualRect(self._model.index(row)).intersects(view)
        ]

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Go to the current FOV by Enter."""
        current = self.current
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and current is not None:
            self.chosen.emit(current)
            return
        super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Go to the FOV that was clicked, unless it was selected beside others."""
        super().mouseReleaseEvent(event)
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        state = self._model.at(self.indexAt(event.pos()).row())
        alone = state is not None and [chosen.place for chosen in self.selected] == [state.place]
        if plain and alone and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(state)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw, and tell that other tiles may be in view."""
        super().paintEvent(event)
        self.in_view.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Fill the width."""
        self._fit()
        super().resizeEvent(event)

    def _fit(self) -> None:
        shape = TileShape.fitting(self.viewport().width() - 1, self.fontMetrics(), self._size)
        if shape != self.tiles.shape:
            self.tiles.shape = shape
            self.setGridSize(QSize(shape.width, shape.height))
        self.verticalScrollBar().setSingleStep(shape.line * 2)


def _draw_open(painter: QPainter, box: QRectF, state: FovState, font: QFont) -> None:
    """Write how many errors and warnings are open over a corner of the picture."""
    errors, warnings = state.n_open.get("error", 0), state.n_open.get("warning", 0)
    counts = [(f"{mark}{n:,}", n) for mark, n in (("✕", errors), ("▲", warnings)) if n]
    if not counts:
        return
    bold = QFont(font)
    bold.setBold(True)
    painter.setFont(bold)
    metrics = painter.fontMetrics()
    words = " ".join(word for word, _ in counts)
    plate = QRectF(0, 0, metrics.horizontalAdvance(words) + 6, metrics.height())
    plate.moveBottomRight(box.bottomRight())
    painter.fillRect(plate, _PLATE)
    painter.setPen(Qt.GlobalColor.white)
    painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter), words)
    if errors:
        painter.setPen(QPen(_ALARM, 2))
        painter.drawRect(plate)


def _draw_curve(painter: QPainter, box: QRectF, state: FovState, palette: QPalette) -> None:
    """Cells over time as an area from 0 up, and a tick under it for each bad frame."""
    cells = state.cells
    if len(cells) == 0:
        return
    columns = max(2, int(box.width() / 2))
    at = np.linspace(0, len(cells) - 1, min(columns, max(len(cells), 2))).astype(np.int64)
    height = box.height() - 4
    most = max(int(cells.max()), 1)
    x = box.left() + box.width() * np.linspace(0, 1, len(at))
    y = box.top() + height * (1 - cells[at] / most)
    ink = dimmed(palette)
    fill = frame_colour(palette)
    points = [QPointF(*point) for point in zip(x.tolist(), y.tolist(), strict=True)]
    ground = box.top() + height
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.drawPolygon(
        QPolygonF([QPointF(box.left(), ground), *points, QPointF(box.right(), ground)])
    )
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(ink, 1))
    painter.drawPolyline(QPolygonF(points))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(QPen(legible(_ALARM, palette), 2))
    for t in state.bad_frames:
        tick = box.left() + box.width() * (t + 0.5) / len(cells)
        painter.drawLine(QPointF(tick, ground + 1), QPointF(tick, box.bottom()))
