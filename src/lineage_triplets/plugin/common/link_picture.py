"""The picture of a link: its cells, those of what may have been instead, and what is around."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QLineF, QPointF, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette, QPen

from lineage_triplets.plugin.common.link_layout import BESIDE, TICK, LinkLayout
from lineage_triplets.plugin.common.patch_image import (
    contrast_image,
    dimmed,
    draw_note,
    draw_patch,
    draw_plate,
    legible,
)
from lineage_triplets.plugin.common.patches_view import PatchesView
from lineage_triplets.qc.look.pictures.grey import blank_note
from lineage_triplets.qc.look.roles import ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QPaintEvent
    from qtpy.QtWidgets import QWidget

    from lineage_triplets.engine.arrays import Float32Array
    from lineage_triplets.qc.look.link_view import LinkLane, LinkView, ShownLink
    from lineage_triplets.qc.look.pictures.grey import GreyScale

# Apart for colour-blind readers, and light enough for rings on dark images.
TABLE_COLOUR, OTHER_COLOUR = (QColor(*ROLES[role].colour) for role in ("table", "instead"))
_PLAIN = QColor(235, 235, 235)
_HALO = QColor(0, 0, 0, 170)
_RING_SHARE = 0.18
_LEAST_RING = 6.0
_FLAT_HEIGHT = 144


class LinkPicture(PatchesView):
    """Draws one link that was read.

    Parameters
    ----------
    is_flat : bool
        Whether it takes little height where it is wide: fields and cells beside each other.

    Attributes
    ----------
    painted : int
        Number of the link on screen with its pictures; -1 while there is none.
    """

    def __init__(self, parent: QWidget | None = None, *, is_flat: bool = False) -> None:
        super().__init__(parent)
        self._is_flat = is_flat
        self.setObjectName("link_picture")
        self.setAccessibleName("The cells of the link, and those of what may have been instead")
        self._number = -1
        self._view: LinkView | None = None
        self._shown: ShownLink | None = None
        self._scales: Sequence[GreyScale] = ()
        self.painted = -1

    def set_patches(self, yx_patch_size: tuple[int, int]) -> None:
        """Say how large patches are."""
        self._shape = yx_patch_size
        self._fit()

    def show_link(
        self,
        number: int,
        view: LinkView | None,
        shown: ShownLink | None,
        scales: Sequence[GreyScale] = (),
    ) -> None:
        """Show a link by its number in the list; without pixels while they are read."""
        is_same = number == self._number and view is self._view
        if is_same and shown is self._shown and scales is self._scales:
            return
        self._number, self._view, self._shown, self._scales = number, view, shown, scales
        self.painted = -1
        if not is_same:
            self._fit()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give the least size that is of use."""
        return QSize(300, self.minimumHeight())

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Ask for the height that pictures of this width need."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the link."""
        painter, view, shown = QPainter(self), self._view, self._shown
        if view is None:
            return
        if shown is None:
            ink = self.palette().color(QPalette.ColorRole.WindowText)
            draw_note(painter, QRectF(self.rect()), "…", ink)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        layout = self._layout(view, self.size())
        for side in (0, 1):
            self._draw_field(painter, layout.fields[side], view, shown, side)
        self._draw_joints(painter, layout, view)
        for lane in (*view.before, *view.after):
            self._draw_lane(painter, layout, view, shown, lane)
        # Nobody judges what was not there to be seen.
        self.painted = self._number

    def _layout(self, view: LinkView, room: QSize) -> LinkLayout:
        line = self.fontMetrics().height()
        return LinkLayout.fitting(room, view, len(self._slots), self._shape, line)

    def _fit(self) -> None:
        if self._view is not None:
            high = self._layout(self._view, QSize(self.width(), 0)).height
            is_wide = self._is_flat and self.width() >= BESIDE * _FLAT_HEIGHT
            self.setMinimumHeight(min(high, _FLAT_HEIGHT) if is_wide else high)
        self.update()

    def _draw_image(self, painter: QPainter, box: QRectF, values: Float32Array, slot: int) -> None:
        scale = self._contrast.get(slot) or self._scales[slot]
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        painter.drawImage(box, contrast_image(values[slot], scale))

    # The field around the cells

    def _draw_field(
        self, painter: QPainter, box: QRectF, view: LinkView, shown: ShownLink, side: int
    ) -> None:
        frame = view.frames[side]
        self._write(painter, box, (f"frame {frame}", f"{frame}"), dimmed(self.palette()))
        values = shown.around[side]
        if isinstance(values, str):
            ink = self.palette().color(QPalette.ColorRole.WindowText)
            draw_note(painter, box, f"⚠ Cannot be read\n{values}", ink)
            return
        painter.save()
        painter.setClipRect(box)
        self._draw_image(painter, box, values, self._slots[0])
        zoom = box.width() / view.side
        radius = max(_RING_SHARE * min(self._shape) * zoom, _LEAST_RING)
        if side:
            self._draw_ways(painter, box, view, zoom, radius)
        lanes = view.after if side else view.before
        places = [_at(box, view, lane, zoom) for lane in lanes]
        for lane, at, other in zip(lanes, places, places[::-1], strict=True):
            self._draw_ring(painter, at, radius, _role(view, lane))
            corner = self._name_corner(box, at, other, radius, lane.name)
            _write_over(painter, corner, lane.name, _role(view, lane))
        painter.restore()

    def _draw_ways(
        self, painter: QPainter, box: QRectF, view: LinkView, zoom: float, radius: float
    ) -> None:
        """Draw from where cells were in the frame before to where they are, or would be."""
        for link in dict.fromkeys((*view.now, *view.instead)):
            source = _at(box, view, view.before[link[0]], zoom)
            way = QLineF(source, _at(box, view, view.after[link[1]], zoom))
            colour, style = _of_link(view, link)
            if way.length() > radius:
                way.setLength(way.length() - radius)
                painter.setPen(QPen(_HALO, 4))
                painter.drawLine(way)
                painter.setPen(QPen(colour, 2, style))
                painter.drawLine(way)
            painter.setPen(QPen(_HALO, 1))
            painter.setBrush(_PLAIN)
            painter.drawEllipse(source, 2.5, 2.5)
            painter.setBrush(Qt.BrushStyle.NoBrush)

    def _draw_ring(self, painter: QPainter, at: QPointF, radius: float, colour: QColor) -> None:
        for pen in (QPen(_HALO, 4), QPen(colour, 2)):
            painter.setPen(pen)
            painter.drawEllipse(at, radius, radius)

    def _name_corner(
        self, box: QRectF, at: QPointF, other: QPointF, radius: float, name: str
    ) -> QPointF:
        """Say where a cell's name stands: beside its ring, away from the other one, in the box."""
        metrics = QFontMetrics(_bold(self.font()))
        width, ascent = metrics.horizontalAdvance(name), metrics.ascent()
        x = at.x() + (-0.75 * radius - 2 - width if at.x() < other.x() else 0.75 * radius + 2)
        y = at.y() + (-0.75 * radius if at.y() <= other.y() else 0.75 * radius + ascent)
        return QPointF(
            min(max(x, box.left() + 2), box.right() - width - 2),
            min(max(y, box.top() + ascent), box.bottom() - 3),
        )

    # The cells in line

    def _draw_joints(self, painter: QPainter, layout: LinkLayout, view: LinkView) -> None:
        for link in dict.fromkeys((*view.now, *view.instead)):
            begin = layout.joints[view.before[link[0]].name]
            end = layout.joints[view.after[link[1]].name]
            colour, style = _of_link(view, link)
            painter.setPen(QPen(self._on_ground(colour), 2.5, style))
            painter.drawLine(begin + QPointF(3, 0), end - QPointF(3, 0))

    def _draw_lane(
        self,
        painter: QPainter,
        layout: LinkLayout,
        view: LinkView,
        shown: ShownLink,
        lane: LinkLane,
    ) -> None:
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        is_before = lane in view.before
        n_cells = len(lane.rows)
        for away in range(1 + max(far for name, far in layout.cells if name == lane.name)):
            boxes = layout.cells[lane.name, away]
            number = n_cells - 1 - away if is_before else away
            if not 0 <= number < n_cells:
                if away == n_cells and lane.limit:
                    draw_note(
                        painter, boxes[0].united(boxes[-1]), lane.limit, dimmed(self.palette())
                    )
                continue
            role = self._on_ground(_role(view, lane))
            frame = lane.t[number]
            # What names a cell, or a frame, is whole also over a small picture.
            words = (f"t {frame}", f"{frame}") if away else (f"{lane.name}  t {frame}", lane.name)
            self._write(painter, boxes[0], words, dimmed(self.palette()) if away else role)
            values, centre = shown.lanes[lane.name][number], shown.centres[lane.name][number]
            outline = None
            if self._outlined and shown.outlines:
                outline = shown.outlines[lane.name][number]
            for slot, box in zip(self._slots, boxes, strict=True):
                if isinstance(values, str):
                    draw_note(painter, box, "⚠ cannot be read", ink)
                    continue
                scale = self._contrast.get(slot) or self._scales[slot]
                image = contrast_image(values[slot], scale)
                draw_patch(painter, box, image, centre, ink, TICK, outline)
                if note := blank_note(values[slot]):
                    draw_plate(painter, box, note)
                if not away:
                    painter.setPen(QPen(role, 2))
                    painter.drawRect(box)

    def _write(
        self, painter: QPainter, box: QRectF, words: tuple[str, ...], colour: QColor
    ) -> None:
        """Write the first of some words that fits over a box; the last is cut if none does."""
        metrics = self.fontMetrics()
        line = metrics.height()
        row = QRect(round(box.left()), round(box.top()) - line - 1, round(box.width()), line)
        fitting = [text for text in words if metrics.horizontalAdvance(text) <= row.width()]
        text = fitting[0] if fitting else words[-1]
        short = metrics.elidedText(text, Qt.TextElideMode.ElideRight, row.width())
        painter.setPen(colour)
        painter.drawText(row, int(Qt.AlignmentFlag.AlignLeft), short)

    def _on_ground(self, colour: QColor) -> QColor:
        """Give a colour that is seen on the panel's ground, light or dark."""
        if colour == _PLAIN:
            return dimmed(self.palette())
        return legible(colour, self.palette())


def _write_over(painter: QPainter, corner: QPointF, words: str, colour: QColor) -> None:
    """Write words over a picture, whatever it shows."""
    painter.setFont(_bold(painter.font()))
    painter.setPen(_HALO)
    for dx, dy in ((-1, -1), (-1, 1), (1, -1), (1, 1), (-2, 0), (2, 0), (0, -2), (0, 2)):
        painter.drawText(corner + QPointF(dx, dy), words)
    painter.setPen(colour)
    painter.drawText(corner, words)


def _bold(font: QFont) -> QFont:
    """Give a font for words over pictures: thin ones are lost on a cell as light as they are."""
    bold = QFont(font)
    bold.setBold(True)
    return bold


def _at(box: QRectF, view: LinkView, lane: LinkLane, zoom: float) -> QPointF:
    y, x = view.place(lane)
    return box.topLeft() + QPointF((x + 0.5) * zoom, (y + 0.5) * zoom)


def _of_link(view: LinkView, link: tuple[int, int]) -> tuple[QColor, Qt.PenStyle]:
    """Give colour and style of a link: of the table alone, of what may have been alone, of both."""
    if link not in view.now:
        return OTHER_COLOUR, Qt.PenStyle.DashLine
    return (_PLAIN if link in view.instead else TABLE_COLOUR), Qt.PenStyle.SolidLine


def _role(view: LinkView, lane: LinkLane) -> QColor:
    """Give a cell's colour: where the table's link goes blue, where it would go orange."""
    asked = view.before if view.asks_back else view.after
    if lane not in asked:
        return _PLAIN
    number = asked.index(lane)
    link = (number, 0) if view.asks_back else (0, number)
    if (link in view.now) == (link in view.instead):
        return _PLAIN
    return TABLE_COLOUR if link in view.now else OTHER_COLOUR
