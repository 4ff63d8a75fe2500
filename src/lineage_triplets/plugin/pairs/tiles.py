"""A tile of the gallery: a pair in every slot, its caption, and what somebody said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPalette, QPen
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from lineage_triplets.plugin.common.patch_image import (
    dimmed,
    draw_note,
    draw_patch,
    draw_plate,
    draw_role,
    legible,
    relation_colour,
    slot_image,
)
from lineage_triplets.plugin.pairs.model import VERDICT_MARKS, PairModel, hours_words, track_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QFontMetrics

    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.look.pictures.grey import GreyScale
    from lineage_triplets.qc.look.roles import Role

    Centre = tuple[float, float]

_PAD = 5
_TICK = 5
_RULE = 3
_LARGE_PART = 0.75
_SIDES: tuple[Role, Role] = ("anchor", "positive")
_LETTERS_WIDE = 11.5
# Told apart by any eyes, and by their signs; dark enough for white letters.
_VERDICT_COLOURS = {
    "same": QColor(0, 110, 80),
    "wrong": QColor(178, 60, 0),
    "cannot tell": QColor(95, 95, 95),
}
_RING = QColor(0, 114, 178)


@dataclass(frozen=True)
class TileSize:
    """Where things are on a tile, in pixels of the screen.

    Attributes
    ----------
    width, height : int
        Of the tile.
    patch_width, patch_height : float
    line : int
        Height of a line of text.
    n_slots : int
    """

    width: int
    height: int
    patch_width: float
    patch_height: float
    line: int
    n_slots: int

    @classmethod
    def fitting(
        cls, room: int, metrics: QFontMetrics, n_slots: int, yx_patch_size: tuple[int, int]
    ) -> TileSize:
        """Give the size with which as many tiles as are legible fill the width."""
        line = metrics.height()
        least = round(_LETTERS_WIDE * line)
        columns = max(1, room // least)
        width = max(least, room // columns)
        patch_width = (width - 2 * _PAD - 4 * _TICK) / 2
        patch_height = patch_width * yx_patch_size[0] / yx_patch_size[1]
        slots = n_slots * (patch_height + 2 * _TICK)
        height = round(2 * _PAD + _RULE + 3 * line + slots + _PAD)
        return cls(width, height, patch_width, patch_height, line, n_slots)

    @property
    def slots_top(self) -> int:
        """From the tile's top to its pictures."""
        return _PAD + _RULE + 2 * self.line

    @property
    def slots_height(self) -> float:
        """Of all pictures, ticks included."""
        return self.n_slots * (self.patch_height + 2 * _TICK)


class PairTiles(QStyledItemDelegate):
    """Draws the tiles.

    Attributes
    ----------
    size : TileSize or None
    painted : set of int
        Pairs whose pictures were drawn in full, a narrow strip apart.
    contrast : mapping of str to mapping
        Of an experiment's slots: their `GreyScale`, in place of what the pairs themselves give.
    outlined : bool
        Whether cells have outlines, as far as these were read.
    """

    def __init__(self, pairs: PairModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.size: TileSize | None = None
        self.painted: set[int] = set()
        self.contrast: Mapping[str, Mapping[int, GreyScale]] = {}
        self.outlined = False
        self._pairs = pairs
        self._images: dict[int, tuple[object, object, list[tuple[QImage, QImage]]]] = {}
        self._centres: tuple[PairList, list[Centre], list[Centre]] | None = None
        pairs.modelReset.connect(self.forget)

    def forget(self) -> None:
        """Draw everything anew."""
        self.painted.clear()
        self._images.clear()
        self._centres = None

    def set_size(self, size: TileSize) -> None:
        """Draw tiles of another size."""
        self.size = size

    def pictures_box(self, tile: QRect) -> QRect:
        """Where a tile's pictures are."""
        size = self.size
        if size is None:
            return tile
        return QRect(
            tile.left() + _PAD,
            tile.top() + size.slots_top,
            size.width - 2 * _PAD,
            int(size.slots_height),
        )

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802
        """Give the size of a tile."""
        size = self.size
        return super().sizeHint(option, index) if size is None else QSize(size.width, size.height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw one pair."""
        pairs, size = self._pairs.pairs, self.size
        if pairs is None or size is None:
            return
        number = index.row()
        palette = option.widget.palette() if option.widget else option.palette
        ink = palette.color(QPalette.ColorRole.WindowText)
        tile = option.rect.adjusted(_PAD // 2, _PAD // 2, -(_PAD // 2), -(_PAD // 2))
        relation = pairs.relation_labels[number]
        colour = relation_colour(relation, palette)
        painter.save()
        painter.fillRect(QRect(tile.left(), tile.top(), tile.width(), _RULE), colour)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if option.state & QStyle.StateFlag.State_HasFocus:
            # Seen also by those who see no colour: it is twice as wide as a selection.
            painter.setPen(QPen(legible(_RING, palette), 4))
            painter.drawRect(tile.adjusted(2, 2, -2, -2))
        elif is_selected:
            painter.setPen(QPen(ink, 2))
            painter.drawRect(tile.adjusted(1, 1, -1, -1))
        self._captions(painter, option, number)
        if number in self._pairs.shown.pictures:
            self._patches(painter, option, number)
            if self._is_seen(option):
                self.painted.add(number)
        else:
            damage = self._pairs.shown.damage.get(number, "")
            words = f"⚠ Cannot be read\n{damage}" if damage else "…"
            draw_note(painter, QRectF(self.pictures_box(option.rect)), words, ink)
        self._verdict(painter, option, number)
        painter.restore()

    def _is_seen(self, option: QStyleOptionViewItem) -> bool:
        """Whether a tile's pictures are in view; those higher than the view where they fill it."""
        view = option.widget.viewport().rect() if option.widget else option.rect
        pictures = self.pictures_box(option.rect)
        needed = _LARGE_PART * min(pictures.height(), view.height())
        return bool(pictures.intersected(view).height() >= needed)

    def _verdict(self, painter: QPainter, option: QStyleOptionViewItem, number: int) -> None:
        """Draw what was said of a pair over the middle of its pictures' lower edge."""
        verdict = self._pairs.verdicts.get(number)
        if verdict is None:
            return
        bold = QFont(option.font)
        bold.setBold(True)
        painter.setFont(bold)
        words, metrics = VERDICT_MARKS[verdict], painter.fontMetrics()
        plate = QRect(0, 0, metrics.horizontalAdvance(words) + 10, metrics.height() + 4)
        box = self.pictures_box(option.rect)
        plate.moveBottom(box.bottom())
        plate.moveLeft(box.center().x() - plate.width() // 2)
        painter.fillRect(plate, _VERDICT_COLOURS[verdict])
        painter.setPen(Qt.GlobalColor.white)
        painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter), words)

    def _captions(self, painter: QPainter, option: QStyleOptionViewItem, number: int) -> None:
        pairs, size = self._pairs.pairs, self.size
        if pairs is None or size is None:
            return
        palette = option.widget.palette() if option.widget else option.palette
        ink, faint = palette.color(QPalette.ColorRole.WindowText), dimmed(palette)
        anchor, positive = pairs.anchors[number], pairs.positives[number]
        left, right = option.rect.left() + _PAD + 2, option.rect.right() - _PAD - 1
        top = option.rect.top() + _PAD + _RULE
        frames = positive["tau_frames"]
        bold = QFont(option.font)
        bold.setBold(True)

        def line(y: int, first: str, second: str, font: QFont, colour: object) -> None:
            painter.setPen(colour)
            painter.setFont(option.font)
            wide = painter.fontMetrics().horizontalAdvance(second)
            row = QRect(left, y, right - left, size.line)
            painter.drawText(row, int(Qt.AlignmentFlag.AlignRight), second)
            painter.setFont(font)
            room = right - left - wide - 6
            short = painter.fontMetrics().elidedText(first, Qt.TextElideMode.ElideMiddle, room)
            painter.drawText(row, int(Qt.AlignmentFlag.AlignLeft), short)

        hours = f"+{hours_words(positive['tau_hours'])}"
        line(top, pairs.relation_labels[number], hours, bold, ink)
        place = f"{anchor['experiment']} {anchor['fov_name']}"
        later = f"{frames} frame{'s' * (frames != 1)}"
        line(top + size.line, place, later, option.font, faint)
        bottom = int(option.rect.top() + size.slots_top + size.slots_height)
        middle = left + (right - left) // 2
        painter.setPen(faint)
        painter.setFont(option.font)
        for x, meta in ((left, anchor), (middle + _TICK, positive)):
            room = middle - left - _TICK
            metrics, track = painter.fontMetrics(), f"{track_word(meta)}, t {meta['t']}"
            fits = metrics.horizontalAdvance(f"track {track}") <= room
            words = metrics.elidedText(
                f"track {track}" if fits else track, Qt.TextElideMode.ElideLeft, room
            )
            painter.drawText(
                QRect(x, bottom, room, size.line), int(Qt.AlignmentFlag.AlignLeft), words
            )

    def _patches(self, painter: QPainter, option: QStyleOptionViewItem, number: int) -> None:
        pairs, size = self._pairs.pairs, self.size
        if pairs is None or size is None:
            return
        palette = option.widget.palette() if option.widget else option.palette
        ink = palette.color(QPalette.ColorRole.WindowText)
        centres = self._centres_of(pairs, number)
        left = option.rect.left() + _PAD + _TICK
        notes = self._pairs.shown.notes[number]
        outlines = self._pairs.shown.outlines.get(number, {}) if self.outlined else {}
        experiment = pairs.anchors[number]["experiment"]
        for slot, images in enumerate(self._images_of(number, experiment)):
            top = (
                option.rect.top() + size.slots_top + _TICK + slot * (size.patch_height + 2 * _TICK)
            )
            for side, image in enumerate(images):
                x = left + side * (size.patch_width + 2 * _TICK)
                box = QRectF(x, top, size.patch_width, size.patch_height)
                role = _SIDES[side]
                draw_patch(painter, box, image, centres[side], ink, _TICK, outlines.get(role))
                draw_role(painter, box, role, lettered=slot == 0)
                note = notes[role][slot]
                if note:
                    draw_plate(painter, box, note)

    def _images_of(self, number: int, experiment: str) -> list[tuple[QImage, QImage]]:
        pictures, scales = self._pairs.shown.pictures[number], self.contrast.get(experiment, {})
        kept = self._images.get(number)
        if kept is None or kept[0] is not pictures or kept[1] != scales:
            values = self._pairs.shown.values[number]
            anchor, positive = (
                [
                    slot_image(values[role][slot], picture, scales.get(slot))
                    for slot, picture in enumerate(pictures[role])
                ]
                for role in ("anchor", "positive")
            )
            kept = (pictures, scales, list(zip(anchor, positive, strict=True)))
            self._images[number] = kept
        return kept[2]

    def _centres_of(self, pairs: PairList, number: int) -> tuple[Centre, Centre]:
        if self._centres is None or self._centres[0] is not pairs:
            self._centres = (pairs, *pairs.centres())
        return self._centres[1][number], self._centres[2][number]
