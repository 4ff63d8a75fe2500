"""The strip under the gallery: a pair's cell at every frame from anchor to positive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPalette, QPen
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.plugin.common.patch_image import (
    dimmed,
    draw_note,
    draw_patch,
    draw_role,
    relation_colour,
    slot_image,
)
from lineage_triplets.plugin.common.views import words_label
from lineage_triplets.plugin.pairs.model import hours_words
from lineage_triplets.plugin.pairs.strip_model import STATE_ROLE, StripModel
from lineage_triplets.qc.look.shown_pixels import read_strip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qtpy.QtGui import QKeyEvent

    from lineage_triplets.engine.arrays import Float32Array
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.look.pictures.grey import GreyScale
    from lineage_triplets.qc.look.strip import Strip

_TICK = 4
_GAP = 3
_LETTERS_WIDE = 4.0
JOB = "Strip"


class StripView(QTableView):
    """Pictures of a strip. A click or Enter chooses a frame.

    Attributes
    ----------
    place_chosen : Signal(object)
        Gets a `Place`.
    """

    place_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.setAccessibleName("From anchor to positive")
        self.setToolTip("Click or Enter: take the viewer to that frame")
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

    @property
    def strip(self) -> StripModel:
        """What is shown."""
        return self._model

    def set_strip(self, strip: Strip | None, n_slots: int, yx_patch_size: tuple[int, int]) -> None:
        """Show another strip."""
        self._model.set_strip(strip)
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

    def full_height(self) -> int:
        """Give the height that shows all lanes."""
        lanes = self._model.rowCount() * self.verticalHeader().defaultSectionSize()
        bar = self.horizontalScrollBar().sizeHint().height()
        return int(self.horizontalHeader().height() + lanes + bar + 4)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Choose the current frame by Enter or the space bar."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if event.key() in keys and self.currentIndex().isValid():
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
            painter.setPen(dimmed(palette, 0.4))
            painter.drawText(whole, int(Qt.AlignmentFlag.AlignCenter), "·")
        if option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_HasFocus):
            painter.setPen(QPen(ink, 2))
            painter.setBrush(QColor(0, 0, 0, 0))
            painter.drawRect(whole.adjusted(-1, -1, 1, 1))
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


class StripBox(QWidget):
    """The strip of one pair; hidden while there is none.

    Attributes
    ----------
    view : StripView
    changed : Signal()
        It is shown, hidden, or has other lanes.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._title = words_label("strip_title", self)
        self.view = StripView(self)
        self.view.place_chosen.connect(session.look_at)
        session.contrast_changed.connect(self._on_contrast)
        session.outlines_changed.connect(self._on_outlines)
        self._read: Callable[[], None] | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self._title)
        layout.addWidget(self.view)
        self.hide()

    def show_pair(self, pairs: PairList, number: int, scales: Sequence[GreyScale]) -> None:
        """Show the way of a pair, and read it.

        Parameters
        ----------
        pairs : PairList
        number : int
        scales : sequence of GreyScale
            One a slot, for slots that the viewer shows at no contrast; measured if there are none.

        Raises
        ------
        ConfigError
            A track of it is there no more.
        """
        review = self._session.review
        if review is None:
            return
        strip, positive = review.strip(pairs, number), pairs.positives[number]
        places = strip.thinned()
        thinned = len(strip.frames) - len(places)
        left_out = f"; {thinned} frames left out" if thinned else ""
        self._title.setText(
            f"<b>{positive['relation']}</b>, {hours_words(positive['tau_hours'])} later, in "
            f"{strip.experiment} {strip.fov}{left_out}"
        )
        height, width = review.data.settings.yx_patch_size
        self.view.set_contrast(self._session.contrast)
        self.view.set_strip(strip, len(review.slot_labels), (height, width))
        self.show()
        self.changed.emit()
        self.view.show_division()

        def read() -> None:
            outlined = self._session.outlined
            self.view.set_outlined(outlined)
            self._session.work.start(
                self,
                JOB,
                lambda _job: read_strip(strip, places, scales, outlined=outlined),
                self.view.strip.set_shown,
            )

        self._read = read
        read()

    def close_strip(self) -> None:
        """Show none."""
        self._session.work.cancel(JOB)
        self._read = None
        self.view.strip.set_strip(None)
        self.hide()
        self.changed.emit()

    def full_height(self) -> int:
        """Give the height that shows all lanes; 0 while it is hidden."""
        lines = 2 * self.fontMetrics().height()
        return 0 if self.isHidden() else self.view.full_height() + lines

    def _on_outlines(self) -> None:
        shown = self.view.strip.shown
        self.view.set_outlined(self._session.outlined)
        if self._read is not None and self._session.outlined and not (shown and shown.outlines):
            self._read()

    def _on_contrast(self) -> None:
        self.view.set_contrast(self._session.contrast)
