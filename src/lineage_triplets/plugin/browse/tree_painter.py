"""A lineage tree in pixels: its scale, and what is painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF, QTransform

if TYPE_CHECKING:
    from lineage_triplets.plugin.browse.tree import Mark, Tree, TreeLayout

_HOUR_STEPS = (0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 96, 168, 336)
_FRAME_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
# Seen on dark and on light grounds, and told apart by their shapes too.
COLORS = {
    "error": QColor(226, 62, 62),
    "warning": QColor(224, 140, 0),
    "note": QColor(64, 140, 220),
    "accepted": QColor(40, 160, 80),
    "rejected": QColor(226, 62, 62),
    "cut": QColor(190, 90, 220),
}
_LEAST_TICKS = 2.2  # line heights between two labels


@dataclass(frozen=True)
class TreeScale:
    """Places of a tree in a viewport: pixel = origin + size * number.

    Attributes
    ----------
    x0, column : float
        Pixel of column 0, pixels a column.
    y0, frame : float
        Pixel of frame 0, pixels a frame.
    """

    x0: float
    column: float
    y0: float
    frame: float

    def x(self, column: float) -> float:
        """Pixel of a column."""
        return self.x0 + self.column * column

    def y(self, t: float) -> float:
        """Pixel of a frame."""
        return self.y0 + self.frame * t

    def nearest(
        self, layout: TreeLayout, x: float, y: float, reach: float
    ) -> tuple[int, int] | None:
        """Track and frame nearest to a pixel; of a link its daughter at her first frame.

        None where nothing is within `reach` pixels.
        """
        if not len(layout.x):
            return None
        top, bottom = self.y0 + self.frame * layout.top, self.y0 + self.frame * layout.bottom
        off = np.maximum(np.maximum(top - y, y - bottom), 0)
        to_tracks = np.hypot(self.x0 + self.column * layout.x - x, off)
        track = int(np.argmin(to_tracks))
        distance = float(to_tracks[track])
        daughters = layout.daughters
        if len(daughters):
            own = self.x0 + self.column * layout.x[daughters]
            hers = self.x0 + self.column * layout.x[layout.parent[daughters]]
            beside = np.maximum(np.maximum(np.minimum(own, hers) - x, x - np.maximum(own, hers)), 0)
            to_links = np.hypot(beside, top[daughters] - y)
            nearest = int(np.argmin(to_links))
            if to_links[nearest] < distance and to_links[nearest] <= reach:
                daughter = int(daughters[nearest])
                return daughter, int(layout.first_t[daughter])
        if distance > reach:
            return None
        t = round((y - self.y0) / self.frame)
        return track, int(np.clip(t, layout.first_t[track], layout.last_t[track]))


def hour_step(pixels_per_hour: float, least: float) -> float:
    """Hours between two lines of the grid, at least so many pixels apart."""
    fitting = [step for step in _HOUR_STEPS if step * pixels_per_hour >= least]
    return float(fitting[0] if fitting else _HOUR_STEPS[-1])


def frame_step(pixels_per_frame: float, least: float) -> int:
    """Frames between two labels, at least so many pixels apart."""
    fitting = [step for step in _FRAME_STEPS if step * pixels_per_frame >= least]
    return fitting[0] if fitting else _FRAME_STEPS[-1]


def line_path(layout: TreeLayout) -> QPainterPath:
    """All lines of a tree as one path, in columns and frames."""
    path = QPainterPath()
    for (x0, t0), (x1, t1) in layout.vertices[layout.connect].tolist():
        path.moveTo(x0, t0)
        path.lineTo(x1, t1)
    return path


def paint_tree(
    painter: QPainter,
    tree: Tree,
    path: QPainterPath,
    scale: TreeScale,
    area: QRectF,
    ink: QColor,
) -> None:
    """Paint everything that does not move with the viewer.

    Parameters
    ----------
    painter : QPainter
    tree : Tree
    path : QPainterPath
        Of `line_path`.
    scale : TreeScale
    area : QRectF
        Where the tree is; hours stand on its left, frames on its right.
    ink : QColor
    """
    _paint_axes(painter, tree, scale, area, ink)
    painter.save()
    painter.setClipRect(area)
    width = 2.0 if scale.column > 6 else 1.0
    painter.setPen(_pen(ink, width))
    painter.setTransform(
        QTransform(scale.column, 0, 0, scale.frame, scale.x0, scale.y0), combine=True
    )
    painter.drawPath(path)
    painter.restore()
    painter.save()
    painter.setClipRect(area)
    _paint_single_frames(painter, tree, scale, ink)
    _paint_left_out(painter, tree, scale, width)
    _paint_divisions(painter, tree, scale, ink)
    _paint_names(painter, tree, scale, area, ink)
    for mark in tree.marks:
        _paint_mark(painter, mark, scale.x(tree.layout.x[mark.track]), scale.y(mark.t))
    painter.restore()


def paint_cut(painter: QPainter, before: QPointF, after: QPointF) -> None:
    """Paint the link that is about to be cut: broad and dashed, with a cross on it."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    corner = QPointF(after.x(), before.y())
    painter.setPen(QPen(COLORS["cut"], 4, Qt.PenStyle.DotLine))
    painter.drawPolyline(QPolygonF([before, corner, after]))
    painter.setPen(QPen(COLORS["cut"], 3))
    middle = (corner + after) / 2
    for side in (-1, 1):
        arm = QPointF(7, 7 * side)
        painter.drawLine(middle - arm, middle + arm)
    painter.restore()


def _pen(color: QColor, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    pen = QPen(color, width, style, Qt.PenCapStyle.FlatCap)
    pen.setCosmetic(True)
    return pen


def faint(ink: QColor, alpha: int) -> QColor:
    """A colour, more or less see-through."""
    color = QColor(ink)
    color.setAlpha(alpha)
    return color


def _paint_axes(painter: QPainter, tree: Tree, scale: TreeScale, area: QRectF, ink: QColor) -> None:
    metrics = QFontMetricsF(painter.font())
    least = _LEAST_TICKS * metrics.height()
    per_hour = 60 / tree.interval_minutes
    first, last = tree.layout.top.min(), tree.layout.bottom.max()
    step = hour_step(scale.frame * per_hour, least)
    low, high = tree.hours(float(first)), tree.hours(float(last))
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    half = metrics.height() / 2
    for hour in np.arange(np.ceil(low / step) * step, high + 1e-9, step).tolist():
        y = scale.y((hour - tree.start_hours) * per_hour)
        if area.top() <= y <= area.bottom():
            painter.setPen(_pen(faint(ink, 45), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(faint(ink, 200))
            box = QRectF(0, y - half, area.left() - 6, 2 * half)
            painter.drawText(box, int(right), f"{hour:g}")
    every = frame_step(scale.frame, least)
    painter.setPen(faint(ink, 150))
    for t in range(-(-int(first) // every) * every, int(last) + 1, every):
        y = scale.y(t)
        if area.top() <= y <= area.bottom():
            box = QRectF(area.right() + 6, y - half, 200, 2 * half)
            painter.drawText(box, int(left), str(t))
    painter.drawText(QRectF(area.right() + 6, 0, 200, 2 * half), int(left), "frame")
    painter.setPen(faint(ink, 200))
    painter.drawText(QRectF(0, 0, area.left() - 6, 2 * half), int(right), "hours")


def _paint_single_frames(painter: QPainter, tree: Tree, scale: TreeScale, ink: QColor) -> None:
    """Dots for tracks of one frame, whose line has no length."""
    layout = tree.layout
    short = np.flatnonzero(layout.top == layout.bottom).tolist()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    for track in short:
        painter.drawRect(
            QRectF(scale.x(layout.x[track]) - 1.5, scale.y(layout.top[track]) - 1.5, 3, 3)
        )


def _paint_left_out(painter: QPainter, tree: Tree, scale: TreeScale, width: float) -> None:
    """A broad see-through band over what training leaves out."""
    broad = min(max(scale.column * 0.5, 2 * width), 9.0)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(faint(COLORS["rejected"], 130))
    for track, first, last in tree.left_out.tolist():
        x, top, bottom = scale.x(tree.layout.x[track]), scale.y(first), scale.y(last)
        painter.drawRect(QRectF(x - broad / 2, top - 1.5, broad, bottom - top + 3))


def _paint_divisions(painter: QPainter, tree: Tree, scale: TreeScale, ink: QColor) -> None:
    radius = min(3.5, scale.column * 0.7)
    if radius < 1:
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    for track in tree.layout.divides.tolist():
        center = QPointF(scale.x(tree.layout.x[track]), scale.y(tree.layout.bottom[track]))
        painter.drawEllipse(center, radius, radius)


def _paint_names(
    painter: QPainter, tree: Tree, scale: TreeScale, area: QRectF, ink: QColor
) -> None:
    """Track numbers beside the lines, where there is room for all."""
    metrics = QFontMetricsF(painter.font())
    longest = max((len(name) for name in tree.names), default=0)
    if metrics.horizontalAdvance("8" * longest) + 8 > scale.column * 0.9:
        return
    painter.setPen(faint(ink, 170))
    for track, name in enumerate(tree.names):
        # Below the line of its link, and within sight where the track starts above.
        top = max(scale.y(tree.layout.top[track]), area.top()) + metrics.height()
        if top <= scale.y(tree.layout.bottom[track]):
            painter.drawText(QPointF(scale.x(tree.layout.x[track]) + 5, top), name)


def _paint_mark(painter: QPainter, mark: Mark, x: float, y: float) -> None:
    color = COLORS[mark.kind]
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(color, 2.2))
    match mark.kind:
        case "accepted":
            painter.drawPolyline(
                QPolygonF([QPointF(x - 11, y), QPointF(x - 8, y + 4), QPointF(x - 3, y - 5)])
            )
        case "rejected":
            painter.drawLine(QPointF(x - 11, y - 4), QPointF(x - 3, y + 4))
            painter.drawLine(QPointF(x - 11, y + 4), QPointF(x - 3, y - 4))
        case "cut":
            for up in (-2.5, 2.5):
                painter.drawLine(QPointF(x - 6, y + up + 3), QPointF(x + 6, y + up - 3))
        case "note":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawEllipse(QPointF(x, y), 3, 3)
        case _:
            painter.setPen(QPen(QColor("white"), 0.8))
            painter.setBrush(color)
            corners = [QPointF(x + 9, y - 5), QPointF(x + 14, y + 4), QPointF(x + 4, y + 4)]
            painter.drawPolygon(QPolygonF(corners))
