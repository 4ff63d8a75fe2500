"""The gallery: a tile a pair, in every slot, with its caption; as many as there is room for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, QRect, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QFont, QImage, QPainter, QPalette, QPen
from qtpy.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)
from superqt.utils import qdebounced

from lineage_triplets.plugin.common.patch_image import (
    dimmed,
    draw_note,
    draw_patch,
    draw_plate,
    draw_role,
    relation_colour,
    slot_image,
)
from lineage_triplets.plugin.pairs.model import PairModel, hours_words, track_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QFontMetrics, QKeyEvent, QPaintEvent, QResizeEvent

    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.look.pictures.grey import GreyScale
    from lineage_triplets.qc.look.roles import Role

    Centre = tuple[float, float]

_PAD = 5
_TICK = 5
_RULE = 3
_LETTERS_WIDE = 11.5
_LOOK_MS = 250
_LARGE_PART = 0.75
_SIDES: tuple[Role, Role] = ("anchor", "positive")
_PAGES = {Qt.Key.Key_PageDown: 1, Qt.Key.Key_PageUp: -1}


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
        Pairs whose pictures were drawn.
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
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(ink, 2))
            painter.drawRect(tile.adjusted(1, 1, -1, -1))
        elif option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(ink, 1, Qt.PenStyle.DotLine))
            painter.drawRect(tile.adjusted(1, 1, -1, -1))
        self._captions(painter, option, number)
        if number in self._pairs.shown.pictures:
            self._patches(painter, option, number)
            self.painted.add(number)
        else:
            damage = self._pairs.shown.damage.get(number, "")
            words = f"⚠ Cannot be read\n{damage}" if damage else "…"
            draw_note(painter, QRectF(self.pictures_box(option.rect)), words, ink)
        painter.restore()

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
        self._tell_later = qdebounced(self._tell_looked_at, timeout=_LOOK_MS)
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
        if any(not self._pairs.shown.has(number) for number in self.numbers_in_view()):
            self.unread.emit()
        self._tell_later()

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
                number
                for number in self.numbers_in_view(in_full=True)
                if number in self._pairs.shown.pictures and number in self._tiles.painted
            ]
            if numbers:
                self.looked_at.emit(numbers)
