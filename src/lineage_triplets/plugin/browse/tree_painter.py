"""What is painted of a tree: the part of it that is in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QLineF, QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPen, QPolygonF

from lineage_triplets.plugin.browse.tree_scale import frame_step, hour_step, in_sight
from lineage_triplets.plugin.browse.tree_thumbs import SIDE_PX
from lineage_triplets.plugin.browse.tree_values import N_STEPS
from lineage_triplets.plugin.common.patch_image import role_colour
from lineage_triplets.qc.look.roles import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QImage

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.plugin.browse.tree import Mark, Tree
    from lineage_triplets.plugin.browse.tree_scale import TreeScale
    from lineage_triplets.plugin.browse.tree_thumbs import Thumb
    from lineage_triplets.plugin.browse.tree_values import TreeValues
    from lineage_triplets.qc.look.roles import Role

# Seen on dark and on light grounds, and told apart by their shapes too.
COLORS = {
    "error": QColor(226, 62, 62),
    "warning": QColor(224, 140, 0),
    "note": QColor(64, 140, 220),
    "accepted": QColor(40, 160, 80),
    "rejected": QColor(226, 62, 62),
    "cut": QColor(190, 90, 220),
    "linked": QColor(0, 150, 136),
}
# Blue to orange over grey: in sight on dark and on light grounds, and for colour-blind eyes.
_LOW, _MIDDLE, _HIGH = QColor(40, 110, 230), QColor(150, 150, 150), QColor(240, 130, 0)
# More cells in sight than these are coloured by the mean of their track.
_MOST_CELLS = 6000
_LEAST_MARK = 3.0
_LEAST_TICKS = 2.2  # line heights between two labels


def paint_tree(
    painter: QPainter,
    tree: Tree,
    scale: TreeScale,
    area: QRectF,
    ink: QColor,
    values: TreeValues | None = None,
) -> None:
    """Paint everything that does not move with the viewer, as far as it is in sight.

    Parameters
    ----------
    painter : QPainter
    tree : Tree
    scale : TreeScale
    area : QRectF
        Where the tree is; hours stand on its left, frames on its right.
    ink : QColor
    values : TreeValues, optional
        What lines are coloured by.
    """
    _paint_axes(painter, tree, scale, area, ink)
    layout, box = tree.layout, box_of(area)
    width = 2.0 if scale.column > 6 else 1.0
    seen = tracks_in_sight(tree, scale, box)
    painter.save()
    painter.setClipRect(area)
    painter.setPen(_pen(ink, width))
    painter.drawLines(_qlines(scale.lines(layout, box)))
    if values is not None:
        _paint_values(painter, tree, scale, box, values)
    _paint_single_frames(painter, tree, scale, ink, seen)
    _paint_left_out(painter, tree, scale, width, box)
    _paint_divisions(painter, tree, scale, ink, seen)
    _paint_names(painter, tree, scale, area, ink, seen)
    for mark in tree.marks:
        if seen[mark.track]:
            x, y = scale.x(layout.x[mark.track]), scale.y(mark.t)
            if box[1] - 9 <= y <= box[3] + 9:
                _paint_mark(painter, mark, x, y, small=scale.column < _LEAST_MARK)
    painter.restore()
    if values is not None:
        _paint_legend(painter, values, area, ink)


def paint_role(painter: QPainter, at: QPointF, role: Role) -> None:
    """Paint a role's letter on a dark plate beside a place, in the colour that it has anywhere."""
    metrics = QFontMetricsF(painter.font())
    plate = QRectF(0, 0, metrics.horizontalAdvance("M") + 4, metrics.height())
    plate.moveCenter(at + QPointF(plate.width() / 2 + 8, plate.height() / 2 + metrics.height() + 3))
    painter.fillRect(plate, QColor(0, 0, 0, 200))
    painter.setPen(role_colour(role))
    painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter), ROLES[role].letter)


def paint_thumbs(
    painter: QPainter,
    thumbs: Sequence[Thumb],
    image_of: Callable[[int], QImage | None],
    area: QRectF,
    ink: QColor,
) -> None:
    """Paint pictures of cells at their nodes; a frame alone where one is not read.

    Parameters
    ----------
    painter : QPainter
    thumbs : sequence of Thumb
    image_of : callable
        Gives the picture of a cell.
    area : QRectF
        Where the tree is.
    ink : QColor
    """
    painter.save()
    painter.setClipRect(area)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(_pen(faint(ink, 110), 1))
    for thumb in thumbs:
        box, image = QRectF(thumb.left, thumb.top, SIDE_PX, SIDE_PX), image_of(thumb.cell)
        if image is not None:
            painter.drawImage(box, image)
        painter.drawRect(box)
    painter.restore()


def box_of(area: QRectF) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a rectangle, and what is just outside."""
    return area.left() - 2, area.top() - 2, area.right() + 2, area.bottom() + 2


def tracks_in_sight(
    tree: Tree, scale: TreeScale, box: tuple[float, float, float, float]
) -> BoolArray:
    """Which tracks have their upright in sight."""
    layout = tree.layout
    x = scale.x0 + scale.column * layout.x
    top, bottom = scale.y0 + scale.frame * layout.top, scale.y0 + scale.frame * layout.bottom
    seen: BoolArray = (x >= box[0]) & (x <= box[2]) & (bottom >= box[1]) & (top <= box[3])
    return seen


def step_colour(step: int) -> QColor:
    """Give the colour of a step of `TreeValues`."""
    share = 2 * step / (N_STEPS - 1)
    one, other = (_LOW, _MIDDLE) if share < 1 else (_MIDDLE, _HIGH)
    share -= share >= 1
    return QColor(
        *(
            round(a + (b - a) * share)
            for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)
        )
    )


def _qlines(lines: Float64Array) -> list[QLineF]:
    return [QLineF(*line) for line in lines.tolist()]


def _paint_values(
    painter: QPainter,
    tree: Tree,
    scale: TreeScale,
    box: tuple[float, float, float, float],
    values: TreeValues,
) -> None:
    """Colour the uprights: half a frame around each cell, or whole tracks where there are many."""
    layout = tree.layout
    x = scale.x0 + scale.column * layout.x
    y = scale.y0 + scale.frame * tree.t_of
    seen = (x >= box[0])[tree.track_of] & (x <= box[2])[tree.track_of]
    seen &= (y >= box[1] - scale.frame) & (y <= box[3] + scale.frame)
    cells = np.flatnonzero(seen)
    if len(cells) <= _MOST_CELLS:
        track, steps = tree.track_of[cells], values.steps[cells]
        top = np.maximum(tree.t_of[cells] - 0.5, layout.top[track])
        bottom = np.minimum(tree.t_of[cells] + 0.5, layout.bottom[track])
    else:
        track = np.unique(tree.track_of[cells])
        steps = values.of_tracks(tree.track_of, len(layout.x))[track]
        top, bottom = layout.top[track], layout.bottom[track]
    lines = np.stack(
        [x[track], scale.y0 + scale.frame * top, x[track], scale.y0 + scale.frame * bottom], axis=1
    )
    width = min(max(scale.column * 0.3, 1.5), 5.0)
    for step in range(N_STEPS):
        painter.setPen(_pen(step_colour(step), width))
        painter.drawLines(_qlines(in_sight(lines[steps == step], box)))


def _paint_legend(painter: QPainter, values: TreeValues, area: QRectF, ink: QColor) -> None:
    """What the first and the last colour stand for, above the tree."""
    metrics = QFontMetricsF(painter.font())
    low, high = values.words
    words = (f"{values.measure}  {low}", high)
    wide = [metrics.horizontalAdvance(text) for text in words]
    bar = QRectF(0, 2, 54, metrics.height() * 0.7)
    left = area.center().x() - (sum(wide) + bar.width() + 12) / 2
    bar.moveLeft(left + wide[0] + 6)
    bar.moveTop((metrics.height() - bar.height()) / 2)
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for at, colour in ((0.0, _LOW), (0.5, _MIDDLE), (1.0, _HIGH)):
        gradient.setColorAt(at, colour)
    painter.fillRect(bar, gradient)
    painter.setPen(faint(ink, 200))
    painter.drawText(QPointF(left, metrics.ascent()), words[0])
    painter.drawText(QPointF(bar.right() + 6, metrics.ascent()), words[1])


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


def paint_link(
    painter: QPainter, tree: Tree, scale: TreeScale, source: int, to: QPointF, target: int | None
) -> None:
    """Paint a link that is proposed: from a track's end to the pointer, or to a track's start."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    layout, colour = tree.layout, role_colour("instead")
    start = QPointF(scale.x(layout.x[source]), scale.y(layout.last_t[source]))
    if target is not None:
        to = QPointF(scale.x(layout.x[target]), scale.y(layout.first_t[target]))
    painter.setPen(
        QPen(colour, 3, Qt.PenStyle.DashLine if target is None else Qt.PenStyle.SolidLine)
    )
    painter.drawLine(start, to)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for end in (start, to)[: 1 + (target is not None)]:
        painter.drawEllipse(end, 7, 7)
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
    painter.setPen(faint(ink, 170))
    for t in range(-(-int(first) // every) * every, int(last) + 1, every):
        y = scale.y(t)
        if area.top() <= y <= area.bottom():
            box = QRectF(area.right() + 6, y - half, 200, 2 * half)
            painter.drawText(box, int(left), str(t))
    painter.drawText(QRectF(area.right() + 6, 0, 200, 2 * half), int(left), "frame")
    painter.setPen(faint(ink, 200))
    painter.drawText(QRectF(0, 0, area.left() - 6, 2 * half), int(right), "hours")


def _paint_single_frames(
    painter: QPainter, tree: Tree, scale: TreeScale, ink: QColor, seen: BoolArray
) -> None:
    """Dots for tracks of one frame, whose line has no length."""
    layout = tree.layout
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    dot = QRectF(0, 0, 3, 3)
    for track in _apart(tree, scale, np.flatnonzero(seen & (layout.top == layout.bottom))):
        dot.moveCenter(QPointF(scale.x(layout.x[track]), scale.y(layout.top[track])))
        painter.drawRect(dot)


def _apart(tree: Tree, scale: TreeScale, tracks: Int64Array) -> list[int]:
    """Those of some tracks that do not stand on the same pixels."""
    layout = tree.layout
    places = np.rint(
        [scale.x0 + scale.column * layout.x[tracks], scale.y0 + scale.frame * layout.bottom[tracks]]
    )
    _, first = np.unique(places, axis=1, return_index=True)
    apart: list[int] = tracks[first].tolist()
    return apart


def _paint_left_out(
    painter: QPainter,
    tree: Tree,
    scale: TreeScale,
    width: float,
    box: tuple[float, float, float, float],
) -> None:
    """A broad see-through band over what training leaves out."""
    track, first, last = tree.left_out.T
    x = scale.x0 + scale.column * tree.layout.x[track]
    top, bottom = scale.y0 + scale.frame * first - 1.5, scale.y0 + scale.frame * last + 1.5
    bands = in_sight(np.stack([x, top, x, bottom], axis=1), box)
    broad = min(max(scale.column * 0.5, 2 * width), 9.0)
    painter.setPen(_pen(faint(COLORS["rejected"], 130), broad))
    painter.drawLines(_qlines(bands))


def _paint_divisions(
    painter: QPainter, tree: Tree, scale: TreeScale, ink: QColor, seen: BoolArray
) -> None:
    radius = min(3.5, scale.column * 0.7)
    if radius < 1:
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    divides = tree.layout.divides
    for track in divides[seen[divides]].tolist():
        center = QPointF(scale.x(tree.layout.x[track]), scale.y(tree.layout.bottom[track]))
        painter.drawEllipse(center, radius, radius)


def _paint_names(
    painter: QPainter, tree: Tree, scale: TreeScale, area: QRectF, ink: QColor, seen: BoolArray
) -> None:
    """Track numbers beside the lines, where there is room for all."""
    metrics = QFontMetricsF(painter.font())
    longest = max((len(name) for name in tree.names), default=0)
    if metrics.horizontalAdvance("8" * longest) + 8 > scale.column * 0.9:
        return
    painter.setPen(faint(ink, 170))
    for track in np.flatnonzero(seen).tolist():
        # Below the line of its link, and within sight where the track starts above.
        top = max(scale.y(tree.layout.top[track]), area.top()) + metrics.height()
        if top <= scale.y(tree.layout.bottom[track]):
            painter.drawText(QPointF(scale.x(tree.layout.x[track]) + 5, top), tree.names[track])


def _paint_mark(painter: QPainter, mark: Mark, x: float, y: float, *, small: bool) -> None:
    color = COLORS[mark.kind]
    if small:
        # Where columns are too narrow for signs, their colour alone.
        painter.fillRect(QRectF(x - 2, y - 2, 4, 4), color)
        return
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
        case "linked":
            painter.drawLine(QPointF(x - 6, y), QPointF(x + 6, y))
            painter.drawEllipse(QPointF(x, y), 4, 4)
        case "note":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawEllipse(QPointF(x, y), 3, 3)
        case _:
            painter.setPen(QPen(QColor("white"), 0.8))
            painter.setBrush(color)
            corners = [QPointF(x + 9, y - 5), QPointF(x + 14, y + 4), QPointF(x + 4, y + 4)]
            painter.drawPolygon(QPolygonF(corners))
