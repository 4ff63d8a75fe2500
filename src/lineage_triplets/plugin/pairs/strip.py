"""The strip under the gallery: a pair's cell at every frame from anchor to positive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPalette, QPen
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from lineage_triplets.plugin.common.patch_image import (
    draw_note,
    draw_patch,
    draw_role,
    frame_colour,
    legible,
    relation_colour,
    slot_image,
)
from lineage_triplets.plugin.pairs.strip_model import LEAST_DOUBT, LINK_ROLE, STATE_ROLE, StripModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtGui import QKeyEvent

    from lineage_triplets.engine.arrays import Float32Array
    from lineage_triplets.qc.find.doubt.way import WayLink
    from lineage_triplets.qc.look.pictures.grey import GreyScale
    from lineage_triplets.qc.look.strip import Strip

_TICK = 4
_GAP = 3
_WIDEST_BAR = 8
_LETTERS_WIDE = 4.0
# Vermilion: told from the blues and greens of relations by any eyes.
_DOUBTED = QColor(213, 94, 0)
_PLATE = QColor(178, 60, 0)


class StripView(QTableView):
    """Pictures of a strip. A click or the space bar chooses a frame, and the link that leads to it.

    Links in doubt are drawn as bars before the frame that they lead to, the wider the likelier they
    are wrong, with how likely that is.

    Attributes
    ----------
    place_chosen : Signal(object)
        Gets a `Place`.
    link_chosen : Signal(object)
        Gets the `WayLink` that leads to the current frame; None where the pair rests on none.
    next_wanted : Signal()
        A person wants to go on, by Enter.
    """

    place_chosen = Signal(object)
    link_chosen = Signal(object)
    next_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.setAccessibleName("From anchor to positive")
        self.setToolTip("Click or space bar: take the viewer to that frame")
        self._model = StripModel(self)
        self._frames = _StripFrames(self._model, self)
        self.setModel(self._model)
        self.setItemDelegate(self._frames)
        self.setShowGrid(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setSectionsClickable(False)
            header.setHighlightSections(False)
        self.setTabKeyNavigation(False)
        self.clicked.connect(self._choose)
        self.selectionModel().currentChanged.connect(
            lambda index: self.link_chosen.emit(self._model.data(index, LINK_ROLE))
        )

    @property
    def strip(self) -> StripModel:
        """What is shown."""
        return self._model

    def set_strip(
        self,
        strip: Strip | None,
        n_slots: int,
        yx_patch_size: tuple[int, int],
        way: Sequence[WayLink] = (),
    ) -> None:
        """Show another strip, with the links that the pair rests on."""
        self._model.set_strip(strip, way)
        metrics = self.fontMetrics()
        side = round(_LETTERS_WIDE * metrics.height())
        header = metrics.horizontalAdvance("÷ t 8888 ")
        width = max(side + 2 * _TICK, header)
        high = (width - 2 * _TICK) * yx_patch_size[0] / yx_patch_size[1]
        self._frames.n_slots, self._frames.patch = n_slots, (high, float(width - 2 * _TICK))
        self.horizontalHeader().setDefaultSectionSize(width + _GAP)
        self.horizontalHeader().setFixedHeight(2 * metrics.height() + 6)
        self.verticalHeader().setDefaultSectionSize(round(n_slots * (high + 2 * _TICK)) + _GAP)
        self.scrollToTop()
        self.horizontalScrollBar().setValue(0)

    def set_contrast(self, contrast: Mapping[str, Mapping[int, GreyScale]]) -> None:
        """Draw the slots of experiments at a contrast, from what was read already."""
        self._frames.contrast = {name: dict(slots) for name, slots in contrast.items()}
        self.viewport().update()

    def set_outlined(self, outlined: bool) -> None:
        """Draw cells with their outlines, or without."""
        self._frames.outlined = outlined
        self.viewport().update()

    def show_division(self) -> None:
        """Bring the first division into view, where not all frames are."""
        for column in range(self._model.columnCount()):
            if self._model.divides_before(column):
                hint = QAbstractItemView.ScrollHint.PositionAtCenter
                self.scrollTo(self._model.index(0, column), hint)
                return

    def show_link(self, link: WayLink) -> None:
        """Choose a link, and bring it into view."""
        index = self._model.index_of(link)
        self.setCurrentIndex(index)
        self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
        # Its lane from the top: a lane may be higher than the view.
        self.verticalScrollBar().setValue(self.verticalHeader().sectionPosition(index.row()))

    def full_height(self) -> int:
        """Give the height that shows all lanes."""
        lanes = self._model.rowCount() * self.verticalHeader().defaultSectionSize()
        bar = self.horizontalScrollBar().sizeHint().height()
        return int(self.horizontalHeader().height() + lanes + bar + 4)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Choose the current frame by the space bar; go on by Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.next_wanted.emit()
            return
        if event.key() == Qt.Key.Key_Space and self.currentIndex().isValid():
            self._choose(self.currentIndex())
            return
        super().keyPressEvent(event)

    def _choose(self, index: QModelIndex) -> None:
        place = self._model.place(index.row(), index.column())
        if place is not None:
            self.place_chosen.emit(place)


class _StripFrames(QStyledItemDelegate):
    """Draws one frame of a lane: its slots below each other."""

    def __init__(self, strip: StripModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.n_slots = 1
        self.patch = (1.0, 1.0)
        self._strip = strip
        self.contrast: dict[str, dict[int, GreyScale]] = {}
        self.outlined = False
        self._images: dict[tuple[int, int], tuple[object, object, list[QImage]]] = {}
        self._centres: dict[int, Any] = {}
        strip.modelReset.connect(self._images.clear)
        strip.modelReset.connect(self._centres.clear)

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex) -> QSize:  # noqa: N802
        """Give the size of a frame."""
        high, wide = self.patch
        return QSize(round(wide) + 2 * _TICK, round(self.n_slots * (high + 2 * _TICK)))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw one frame."""
        palette = option.widget.palette() if option.widget else option.palette
        ink = palette.color(QPalette.ColorRole.WindowText)
        lane, column = index.row(), index.column()
        cell = self._strip.data(index, STATE_ROLE)
        high, wide = self.patch
        painter.save()
        if self._strip.divides_before(column):
            colour = relation_colour("daughter", palette)
            painter.fillRect(
                QRectF(option.rect.left(), option.rect.top(), 2.5, option.rect.height()), colour
            )
        link = self._strip.data(index, LINK_ROLE)
        if link is not None and link.doubt >= LEAST_DOUBT:
            wide_px = 2 + round(_WIDEST_BAR * link.doubt)
            bar = QRectF(option.rect.left(), option.rect.top(), wide_px, option.rect.height())
            painter.fillRect(bar, legible(_DOUBTED, palette))
        else:
            link = None
        left, top = option.rect.left() + _TICK + 2, option.rect.top() + _TICK
        whole = QRectF(left, top, wide - 2, self.n_slots * (high + 2 * _TICK) - 2 * _TICK)
        if cell.state == "cell":
            for slot, image in enumerate(self._images_of(lane, column)):
                box = QRectF(left, top + slot * (high + 2 * _TICK), wide - 2, high)
                centre, outline = self._centre(lane, column), self._outline(lane, column)
                draw_patch(painter, box, image, centre, ink, _TICK - 1, outline)
                role = self._strip.role(lane, column)
                if role is not None:
                    draw_role(painter, box, role, lettered=slot == 0)
        elif cell.state != "unborn":
            words = {"absent": "no cell", "damaged": "⚠ cannot\nbe read", "unread": "…"}
            draw_note(painter, whole, words[cell.state], ink)
        else:
            painter.setPen(frame_colour(palette))
            painter.drawText(whole, int(Qt.AlignmentFlag.AlignCenter), "·")
        if option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_HasFocus):
            painter.setPen(QPen(ink, 2))
            painter.setBrush(QColor(0, 0, 0, 0))
            painter.drawRect(whole.adjusted(-1, -1, 1, 1))
        if link is not None:
            doubt, metrics = f"? {100 * link.doubt:.0f} %", painter.fontMetrics()
            size = QSizeF(metrics.horizontalAdvance(doubt) + 4, metrics.height())
            plate = QRectF(QPointF(option.rect.left(), option.rect.top()), size)
            painter.fillRect(plate, _PLATE)
            painter.setPen(Qt.GlobalColor.white)
            painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter), doubt)
        painter.restore()

    def _images_of(self, lane: int, column: int) -> list[QImage]:
        strip, shown = self._strip.strip, self._strip.shown
        if strip is None or shown is None:
            return []
        pictures, values = shown.lanes[lane][column], shown.values[lane][column]
        if pictures is None or isinstance(pictures, str) or values is None:
            return []
        scales = self.contrast.get(strip.experiment, {})
        kept = self._images.get((lane, column))
        if kept is None or kept[0] is not pictures or kept[1] != scales:
            images = [
                slot_image(values[slot], picture, scales.get(slot))
                for slot, picture in enumerate(pictures)
            ]
            kept = (pictures, scales, images)
            self._images[lane, column] = kept
        return kept[2]

    def _outline(self, lane: int, column: int) -> Float32Array | None:
        shown = self._strip.shown
        if shown is None or not self.outlined or not shown.outlines:
            return None
        return shown.outlines[lane][column]

    def _centre(self, lane: int, column: int) -> tuple[float, float] | None:
        strip = self._strip.strip
        if strip is None:
            return None
        if lane not in self._centres:
            self._centres[lane] = strip.centres(lane)
        centre: tuple[float, float] | None = self._centres[lane][self._strip.places[column]]
        return centre
