"""The lineage tree on screen: hover, click, keys, zoom, and a line where the viewer is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QWheelEvent,
)
from qtpy.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from lineage_triplets.plugin.browse.tree_linking import TreeLinking
from lineage_triplets.plugin.browse.tree_marks import TreeMarks
from lineage_triplets.plugin.browse.tree_mouse import REACH_PX, TreeMouse
from lineage_triplets.plugin.browse.tree_painter import (
    box_of,
    faint,
    paint_thumbs,
    paint_tree,
)
from lineage_triplets.plugin.browse.tree_scale import TreeScale
from lineage_triplets.plugin.browse.tree_steps import step_along, step_aside
from lineage_triplets.plugin.browse.tree_thumbs import Thumb, place_thumbs
from lineage_triplets.plugin.common.keys import Key, KeyGroup

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.plugin.browse.tree import Tree
    from lineage_triplets.plugin.browse.tree_thumbs import TreeThumbs
    from lineage_triplets.plugin.browse.tree_values import TreeValues

# Pixels of a frame or a column at most.
_MOST_PX = 600.0
_PAN_SHARE = 0.25
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}

KEYS = KeyGroup(
    "Lineage tree",
    (
        Key("Up, Down", "a frame back or on, into mother or daughter"),
        Key("Left, Right", "the next branch at this frame"),
        Key(
            "Menu",
            "cut the link into the cell (or a click with the right button, also in the viewer)",
        ),
        Key("L", "link the end of the chosen track: go to another's start, and L again; Esc: not"),
        Key("+, -, 0", "zoom in, out, show all (wheel: time; with Shift columns, with Ctrl both)"),
        Key("Ctrl+Up, Ctrl+Down, Ctrl+Left, Ctrl+Right", "move along (or drag)"),
    ),
)


class TreeView(QAbstractScrollArea):
    """Draws lineages, time downwards in hours (left) and frames (right).

    Attributes
    ----------
    node_chosen : Signal(int, int)
        Gets the row of the track and the frame that was clicked, or gone to by keys.
    menu_wanted : Signal(object)
        Gets where on the screen, as QPoint: a person asks what can be done with the chosen node.
    link_wanted : Signal(int, int)
        Gets the rows of the tracks whose end and start a person wants to link.
    moved : Signal()
        Another part is in sight.
    """

    node_chosen = Signal(int, int)
    menu_wanted = Signal(object)
    link_wanted = Signal(int, int)
    moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("lineage_tree")
        self.setAccessibleName("Lineage tree")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(120)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.linking = TreeLinking(self)
        self._mouse = TreeMouse(self)
        self._tree: Tree | None = None
        self._values: TreeValues | None = None
        self._thumbs: TreeThumbs | None = None
        self._hint = ""
        self.marks = TreeMarks()
        self._zoom = (1.0, 1.0)
        self._still: QPixmap | None = None

    @property
    def tree(self) -> Tree | None:
        """What is shown."""
        return self._tree

    @property
    def node(self) -> tuple[int, int] | None:
        """Track and frame that are marked."""
        return self.marks.node

    @property
    def frame(self) -> int | None:
        """Frame that the line is at."""
        return self.marks.frame

    def show_tree(self, tree: Tree | None, hint: str = "", *, keep_zoom: bool = False) -> None:
        """Show another tree; `hint` stands there while there is none."""
        self._tree, self._hint, self._values = tree, hint, None
        self.marks.forget()
        self.linking.stop()
        if keep_zoom:
            self._changed()
        else:
            self._set_zoom(1.0, 1.0)

    def show_values(self, values: TreeValues | None) -> None:
        """Colour the lines by values of the tree's cells; None by nothing."""
        self._values = values
        self.forget_picture()

    @property
    def values(self) -> TreeValues | None:
        """What lines are coloured by."""
        return self._values

    def show_thumbs(self, thumbs: TreeThumbs | None) -> None:
        """Draw pictures at the nodes; None draws none."""
        self._thumbs = thumbs
        self.forget_picture()

    def thumbs(self) -> list[Thumb]:
        """Give the pictures in sight, and where they stand."""
        if self._tree is None or not len(self._tree.layout.x):
            return []
        return place_thumbs(self._tree, self.scale(), box_of(self._area()))

    def show_pair(self, anchor: tuple[int, int] | None, positive: tuple[int, int] | None) -> None:
        """Mark the tracks and frames of a pair that is looked at; None for those not here."""
        self.marks.pair = anchor, positive
        self.viewport().update()

    def show_band(self, tracks: Int64Array | None) -> None:
        """Put a band behind some tracks that stand beside each other; None for none."""
        self.marks.band = None
        if tracks is not None and self._tree is not None and len(tracks):
            x = self._tree.layout.x[tracks]
            self.marks.band = float(x.min()) - 0.5, float(x.max()) + 0.5
        self.viewport().update()

    def set_node(self, track: int, t: int) -> None:
        """Mark a track at a frame."""
        self.marks.node = (track, t)
        self.viewport().update()

    def set_cut(self, frames: tuple[int, int] | None) -> None:
        """Mark the link into the chosen node, between two frames, as about to be cut."""
        self.marks.cut = None
        if frames is not None and self.marks.node is not None and self._tree is not None:
            track, layout = self.marks.node[0], self._tree.layout
            starts_here = frames[0] < layout.first_t[track]
            before = int(layout.parent[track]) if starts_here else track
            self.marks.cut = (before, frames[0]), (track, frames[1])
        self.viewport().update()

    def set_frame(self, t: int | None) -> None:
        """Draw the line at the frame that the viewer shows; None for none."""
        if t != self.marks.frame:
            self.marks.frame = t
            self.viewport().update()

    def pixel_of(self, track: int, t: int) -> QPointF:
        """Where a track at a frame is in the viewport."""
        scale = self.scale()
        column = 0.0 if self._tree is None else float(self._tree.layout.x[track])
        return QPointF(scale.x(column), scale.y(t))

    def zoom(
        self,
        factor: float,
        x: float | None = None,
        y: float | None = None,
        *,
        across: bool = True,
        down: bool = True,
    ) -> None:
        """Zoom columns, time or both around a pixel, by default the middle."""
        area, before = self._area(), self.scale()
        x = area.center().x() if x is None else x
        y = area.center().y() if y is None else y
        column, t = (x - before.x0) / before.column, (y - before.y0) / before.frame
        most = _MOST_PX / before.column, _MOST_PX / before.frame
        zooms = [
            min(max(zoom * factor, 1.0), max(zoom * room, 1.0)) if wanted else zoom
            for zoom, room, wanted in zip(self._zoom, most, (across, down), strict=True)
        ]
        self._set_zoom(zooms[0], zooms[1])
        after, bars = self.scale(), (self.horizontalScrollBar(), self.verticalScrollBar())
        bars[0].setValue(bars[0].value() + round(after.x(column) - x))
        bars[1].setValue(bars[1].value() + round(after.y(t) - y))

    def show_all(self) -> None:
        """Zoom out until all is in sight."""
        self._set_zoom(1.0, 1.0)

    def forget_picture(self) -> None:
        """Paint all anew next time."""
        self._still = None
        self.viewport().update()

    def _set_zoom(self, across: float, down: float) -> None:
        self._zoom = (across, down)
        self._changed()

    def _changed(self) -> None:
        area = self._area()
        for bar, zoom, size in (
            (self.horizontalScrollBar(), self._zoom[0], area.width()),
            (self.verticalScrollBar(), self._zoom[1], area.height()),
        ):
            bar.setRange(0, max(0, round(size * (zoom - 1))))
            bar.setPageStep(max(1, round(size)))
            bar.setSingleStep(max(1, round(size / 20)))
        self.forget_picture()
        self.moved.emit()

    def _area(self) -> QRectF:
        """Where the tree is, between hours and frames."""
        metrics = QFontMetricsF(self.font())
        side = max(metrics.horizontalAdvance(words) for words in ("00000", "hours", "frame")) + 10
        head = 1.7 * metrics.height()
        size = self.viewport().size()
        width, height = size.width() - 2 * side, size.height() - head - metrics.height() * 0.6
        return QRectF(side, head, max(width, 1.0), max(height, 1.0))

    def scale(self) -> TreeScale:
        """Give where columns and frames are now."""
        area, tree = self._area(), self._tree
        if tree is None or not len(tree.layout.x):
            return TreeScale(area.left(), 1.0, area.top(), 1.0)
        first, last = int(tree.layout.top.min()), int(tree.layout.bottom.max())
        column = area.width() * self._zoom[0] / max(tree.layout.n_columns, 1)
        frame = area.height() * self._zoom[1] / (last - first + 1)
        x0 = area.left() + column / 2 - self.horizontalScrollBar().value()
        y0 = area.top() + frame / 2 - frame * first - self.verticalScrollBar().value()
        return TreeScale(x0, column, y0, frame)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw what is still from memory, then where the viewer and the choice are."""
        del event
        painter = QPainter(self.viewport())
        ink = self.palette().color(self.foregroundRole())
        if self._tree is None:
            painter.setPen(faint(ink, 170))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(
                self.viewport().rect().adjusted(12, 12, -12, -12), int(flags), self._hint
            )
        else:
            if self._still is None:
                self._still = self._draw_still(self._tree, ink)
            painter.drawPixmap(0, 0, self._still)
            painter.setClipRect(self._area())
            self.marks.paint(painter, self._tree.layout, self.scale(), self._area())
            self.linking.paint(painter)
        painter.end()

    def _draw_still(self, tree: Tree, ink: QColor) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(self.viewport().size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setFont(self.font())
        paint_tree(painter, tree, self.scale(), self._area(), ink, self._values)
        if self._thumbs is not None:
            paint_thumbs(painter, self.thumbs(), self._thumbs.image, self._area(), ink)
        painter.end()
        return pixmap

    def resizeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Fit to the new size."""
        super().resizeEvent(event)
        self._changed()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Follow the theme and the font."""
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.FontChange}:
            self._changed()
        elif event.type() == QEvent.Type.StyleChange:
            self._still = None

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: N802 - Qt's name
        """Draw another part."""
        del dx, dy
        self.forget_picture()
        self.moved.emit()

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Tell what is under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = self.under(QPointF(event.pos()))
            if found is None or self._tree is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), self._tree.words(*found), self.viewport())
            return True
        return bool(super().viewportEvent(event))

    def under(self, at: QPointF) -> tuple[int, int] | None:
        """Give the track and frame at a pixel; None where nothing is near."""
        if self._tree is None:
            return None
        return self.scale().nearest(self._tree.layout, at.x(), at.y(), REACH_PX)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Begin a click or a drag."""
        self._mouse.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Drag, or point."""
        self._mouse.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Choose what was clicked, or drop a link."""
        self._mouse.release(event)

    def choose_at(self, at: QPointF) -> None:
        """Choose what is at a pixel, if anything is."""
        found = self.under(at)
        if found is not None:
            self._choose(*found)

    def point_at(self, at: QPointF) -> None:
        """Show by the pointer where a link can begin."""
        tip = self._tree and self.scale().end_near(self._tree.layout, at.x(), at.y(), REACH_PX)
        if tip is None or self._tree is None:
            self.viewport().unsetCursor()
        else:
            self.viewport().setCursor(Qt.CursorShape.CrossCursor)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802 - Qt's name
        """Ask what can be done with what is under the pointer, or with what is chosen."""
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        found = self.under(QPointF(event.pos())) if by_mouse else self.marks.node
        if found is None:
            return
        if by_mouse:
            self._choose(*found)
            at = event.globalPos()
        else:
            at = self.viewport().mapToGlobal(self.pixel_of(*found).toPoint())
        self.menu_wanted.emit(at)

    def _choose(self, track: int, t: int) -> None:
        self.set_node(track, t)
        self._reveal()
        self.node_chosen.emit(track, t)

    def _reveal(self) -> None:
        """Scroll until the chosen node is in sight."""
        if self.marks.node is None:
            return
        area, at = self._area(), self.pixel_of(*self.marks.node)
        for bar, low, high, value in (
            (self.horizontalScrollBar(), area.left(), area.right(), at.x()),
            (self.verticalScrollBar(), area.top(), area.bottom(), at.y()),
        ):
            if not low <= value <= high:
                bar.setValue(bar.value() + round(value - (low + high) / 2))

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Zoom around the pointer."""
        self._mouse.wheel(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Go along the tree by arrows, zoom by + and -, show all by 0, link by L."""
        key = event.key()
        if key in {Qt.Key.Key_Plus, Qt.Key.Key_Equal}:
            self.zoom(1.25)
        elif key == Qt.Key.Key_Minus:
            self.zoom(0.8)
        elif key == Qt.Key.Key_0:
            self.show_all()
        elif key == Qt.Key.Key_L:
            self.linking.take_by_key()
        elif key in _ARROWS and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            across, down = _ARROWS[Qt.Key(key)]
            for bar, way in (
                (self.horizontalScrollBar(), across),
                (self.verticalScrollBar(), down),
            ):
                bar.setValue(bar.value() + round(way * _PAN_SHARE * bar.pageStep()))
        elif key in _ARROWS:
            self._step(key)
        elif key != Qt.Key.Key_Escape or not self._mouse.cancel():
            super().keyPressEvent(event)

    def _step(self, key: int) -> None:
        tree = self._tree
        if tree is None or not len(tree.layout.x):
            return
        across, down = _ARROWS[Qt.Key(key)]
        node: tuple[int, int] | None
        if self.marks.node is None:
            root = int(tree.roots[0])
            node = (root, int(tree.layout.first_t[root]))
        elif down:
            node = step_along(tree.layout, self.marks.node, forward=down > 0)
        else:
            node = step_aside(tree.layout, self.marks.node, to_right=across > 0)
        if node is not None:
            self._choose(*node)
