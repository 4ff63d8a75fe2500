"""Patches on screen: pictures, ticks at the cell's centre, and colours legible in any theme."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QLineF, QPointF, QRectF, QSizeF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPalette, QPen

from lineage_triplets.qc.look.pictures import RELATION_COLOURS, relation_kind
from lineage_triplets.qc.look.pictures.grey import rendered
from lineage_triplets.qc.look.roles import ROLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Float32Array
    from lineage_triplets.qc.look.pictures.grey import GreyScale
    from lineage_triplets.qc.look.roles import Role

OUTLINE = QColor(240, 228, 66)
"""Of masks: a light yellow stands out from grey and from other marks, with any eyes."""
_UNDER = QColor(0, 0, 0, 110)
_HALO = QColor(0, 0, 0, 200)
_LINES = {
    "solid": Qt.PenStyle.SolidLine,
    "dash": Qt.PenStyle.DashLine,
    "dot": Qt.PenStyle.DotLine,
    "dash dot": Qt.PenStyle.DashDotLine,
}
_SMOOTH_BELOW = 3
_DARK, _LIGHTEST = 128, 255
_DIMMED, _FAINT = 0.65, 0.4
LEAST_CONTRAST = 4.5
"""Of text and its ground, in any theme."""
# Steps between black and white before gamma spreads the dark ones.
_LEVELS = 4095


def patch_image(picture: NDArray[np.uint8]) -> QImage:
    """Make an image of (Y, X, 3) uint8."""
    rgb = np.ascontiguousarray(picture)
    height, width, _ = rgb.shape
    return QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def contrast_image(values: Float32Array, scale: GreyScale) -> QImage:
    """Make an image of (Y, X) values as `rendered` does, fast enough for a gallery at once."""
    span = scale.high - scale.low
    if span <= 0 or np.isnan(values).any():
        return patch_image(rendered(values, scale, 1.0))
    steps = np.clip((values - scale.low) * (_LEVELS / span) + 0.5, 0, _LEVELS).astype(np.uint16)
    shades = np.rint(255 * (np.arange(_LEVELS + 1) / _LEVELS) ** scale.gamma).astype(np.uint8)
    grey = shades[steps]
    height, width = grey.shape
    return QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8).copy()


def slot_image(
    values: Float32Array,
    picture: NDArray[np.uint8],
    scale: GreyScale | None,
) -> QImage:
    """Make an image of (Y, X) values at a contrast; of their picture where there is none."""
    return patch_image(picture) if scale is None else contrast_image(values, scale)


def is_dark(palette: QPalette) -> bool:
    """Whether the theme has light text on a dark ground."""
    return bool(palette.color(QPalette.ColorRole.WindowText).lightness() > _DARK)


def contrast(first: QColor, second: QColor) -> float:
    """Give the contrast of two colours, from 1 to 21, as WCAG 2 defines it."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: QColor) -> float:
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def legible(colour: QColor, palette: QPalette) -> QColor:
    """Give a colour of the same hue in which text is read on the theme's ground."""
    ground = palette.color(QPalette.ColorRole.Window)
    return QColor(_legible(colour.rgb(), ground.rgb(), is_dark(palette)))


@lru_cache(maxsize=256)
def _legible(colour: int, ground: int, dark: bool) -> int:
    hue, saturation, lightness, _ = QColor(colour).getHsl()
    lightness = max(lightness, 150) if dark else min(lightness, 110)
    found = _of_hsl(hue, saturation, lightness)
    while contrast(found, QColor(ground)) < LEAST_CONTRAST and 0 < lightness < _LIGHTEST:
        lightness += 1 if dark else -1
        found = _of_hsl(hue, saturation, lightness)
    return int(found.rgb())


def _of_hsl(hue: int, saturation: int, lightness: int) -> QColor:
    """Give a colour in whole steps of red, green and blue, as it is on screen."""
    return QColor(QColor.fromHsl(hue, saturation, lightness).rgb())


def relation_colour(relation: str, palette: QPalette) -> QColor:
    """Give the colour of a kind of relation, the same on contact sheets."""
    return legible(QColor(*RELATION_COLOURS[relation_kind(relation)]), palette)


def role_colour(role: Role) -> QColor:
    """Give the colour of a role, the same in the viewer and on patches."""
    return QColor(*ROLES[role].colour)


def draw_role(painter: QPainter, box: QRectF, role: Role, *, lettered: bool = True) -> None:
    """Draw a role's line around a patch, and its letter in the corner; seen on any ground.

    Parameters
    ----------
    painter : QPainter
    box : QRectF
        Of the patch.
    role : str
    lettered : bool
        Whether the letter is drawn.
    """
    mark = ROLES[role]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(_HALO, 3.5), QPen(role_colour(role), 1.8, _LINES[mark.line])):
        painter.setPen(pen)
        painter.drawRect(box)
    if lettered and mark.letter:
        metrics = painter.fontMetrics()
        plate = QRectF(box.topLeft(), QSizeF(metrics.horizontalAdvance("M") + 3, metrics.height()))
        painter.fillRect(plate, _HALO)
        painter.setPen(role_colour(role))
        painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter), mark.letter)


def dimmed(palette: QPalette) -> QColor:
    """Give the colour of text that matters less, which still is read on the theme's ground."""
    text = palette.color(QPalette.ColorRole.WindowText)
    return QColor(_dimmed(text.rgb(), palette.color(QPalette.ColorRole.Window).rgb()))


@lru_cache(maxsize=32)
def _dimmed(text: int, ground: int) -> int:
    share, found = _DIMMED, _mixed(QColor(text), QColor(ground), _DIMMED)
    while contrast(found, QColor(ground)) < LEAST_CONTRAST and share < 1:
        share += 0.01
        found = _mixed(QColor(text), QColor(ground), share)
    return int(found.rgb())


def _mixed(text: QColor, ground: QColor, share: float) -> QColor:
    parts = zip(text.getRgbF()[:3], ground.getRgbF()[:3], strict=True)
    shares = (share * of_text + (1 - share) * under for of_text, under in parts)
    return QColor(QColor.fromRgbF(*shares).rgb())


def frame_colour(palette: QPalette) -> QColor:
    """Give the colour of frames and lines, which nobody has to read."""
    ink = QColor(palette.color(QPalette.ColorRole.WindowText))
    ink.setAlphaF(_FAINT)
    return ink


def draw_patch(
    painter: QPainter,
    box: QRectF,
    image: QImage,
    centre_yx: tuple[float, float] | None,
    ink: QColor,
    tick: float = 4.0,
    outline: Float32Array | None = None,
) -> None:
    """Draw a patch into a box, with ticks outside it that point at the cell's centre.

    Parameters
    ----------
    painter : QPainter
    box : QRectF
    image : QImage
    centre_yx : (float, float) or None
        In pixels of the patch; (0, 0) is the middle of the first.
    ink : QColor
        Of the ticks.
    tick : float
        How long they are.
    outline : ndarray of float32, shape (n, 4), optional
        The cell's by its mask, in pixels of the patch, as `engine.masks.cells.outline` gives it.
    """
    smooth = box.width() / image.width() < _SMOOTH_BELOW
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    painter.drawImage(box, image)
    if outline is not None:
        _draw_outline(painter, box, image, outline)
    if centre_yx is None:
        return
    y = box.top() + (centre_yx[0] + 0.5) * box.height() / image.height()
    x = box.left() + (centre_yx[1] + 0.5) * box.width() / image.width()
    if not box.contains(QPointF(x, y)):
        return
    painter.setPen(QPen(ink, 1.5))
    painter.drawLines(
        [
            QLineF(x, box.top() - tick, x, box.top() - 1),
            QLineF(x, box.bottom() + 1, x, box.bottom() + tick),
            QLineF(box.left() - tick, y, box.left() - 1, y),
            QLineF(box.right() + 1, y, box.right() + tick, y),
        ]
    )


def _draw_outline(painter: QPainter, box: QRectF, image: QImage, outline: Float32Array) -> None:
    """Draw a cell's outline: a bright line on a darker one, seen on light and dark cells."""
    step = np.array([box.height() / image.height(), box.width() / image.width()] * 2)
    ends = outline * step + [box.top(), box.left()] * 2
    lines = [QLineF(x0, y0, x1, y1) for y0, x0, y1, x1 in ends.tolist()]
    painter.save()
    painter.setClipRect(box)
    for colour, width in ((_UNDER, 2.5), (OUTLINE, 1.0)):
        painter.setPen(QPen(colour, width))
        painter.drawLines(lines)
    painter.restore()


def draw_plate(painter: QPainter, box: QRectF, text: str) -> None:
    """Draw words over a picture that shows nothing."""
    room = painter.fontMetrics().boundingRect(text).adjusted(-4, -2, 4, 2)
    plate = QRectF(room)
    plate.moveCenter(box.center())
    painter.fillRect(plate, Qt.GlobalColor.white)
    painter.setPen(Qt.GlobalColor.black)
    painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter), text)


def draw_note(painter: QPainter, box: QRectF, text: str, ink: QColor) -> None:
    """Draw an empty frame with words in place of a picture."""
    outline = QColor(ink)
    outline.setAlphaF(0.35)
    painter.setPen(QPen(outline, 1, Qt.PenStyle.DashLine))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
    painter.setPen(ink)
    flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    painter.drawText(box.adjusted(2, 2, -2, -2), int(flags), text)
