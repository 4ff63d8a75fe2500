"""One pair, as large as there is room: anchor left, positive right, in every slot or in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QRect, QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPalette

from lineage_triplets.plugin.common.patch_image import (
    dimmed,
    draw_note,
    draw_patch,
    draw_plate,
    draw_role,
    slot_image,
)
from lineage_triplets.plugin.common.patches_view import PatchesView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QPaintEvent
    from qtpy.QtWidgets import QWidget

    from lineage_triplets.qc.look.roles import Role
    from lineage_triplets.qc.look.shown_pixels import ShownPairs

    Centre = tuple[float, float]

LEAST_SIDE = 150
"""A patch is never narrower, in pixels of the screen; what does not fit is scrolled."""
TICK = 4
_GAP = 4
ROLES: tuple[Role, Role] = ("anchor", "positive")


@dataclass(frozen=True)
class PairLayout:
    """Where the patches of a pair are, in pixels of the screen.

    Attributes
    ----------
    boxes : tuple of (QRectF, QRectF)
        Of each slot: anchor and positive.
    height : int
        Of all.
    """

    boxes: tuple[tuple[QRectF, QRectF], ...]
    height: int

    @classmethod
    def fitting(
        cls, room: QSize, n_slots: int, yx_patch_size: tuple[int, int], line: int
    ) -> PairLayout:
        """Give the layout with the largest patches; slots below or beside each other.

        Parameters
        ----------
        room : QSize
        n_slots : int
        yx_patch_size : (int, int)
        line : int
            Height of a line of text: one is above each slot.
        """
        shape = yx_patch_size[0] / yx_patch_size[1]
        best, columns = 0.0, 1
        for n_columns in range(1, n_slots + 1):
            n_rows = -(-n_slots // n_columns)
            by_width = (room.width() / n_columns - _GAP) / 2 - 2 * TICK
            by_height = (room.height() / n_rows - line - 2 * TICK) / shape
            side = min(by_width, max(by_height, min(by_width, LEAST_SIDE)))
            if side > best:
                best, columns = side, n_columns
        wide, high = best, best * shape
        width, height = 2 * (wide + 2 * TICK) + _GAP, line + high + 2 * TICK
        left = (room.width() - columns * width) / 2
        boxes = []
        for slot in range(n_slots):
            row, column = divmod(slot, columns)
            x, y = left + column * width + TICK, row * height + line + TICK
            first = QRectF(x, y, wide, high)
            boxes.append((first, first.translated(wide + 2 * TICK + _GAP, 0)))
        return cls(tuple(boxes), round(-(-n_slots // columns) * height))


class PairView(PatchesView):
    """Draws one pair that was read, and nothing that tells whose it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("audit_pair")
        self.setAccessibleName("Anchor left, positive right")
        self._labels: Sequence[str] = ()
        self._number = -1
        self._later = ""
        self._note = ""
        self._shown: ShownPairs | None = None
        self._pictures: object = None
        self._centres: tuple[Centre, Centre] | None = None
        self.painted = -1

    def set_patches(self, labels: Sequence[str], yx_patch_size: tuple[int, int]) -> None:
        """Say what patches look like."""
        self._labels, self._shape = labels, yx_patch_size
        self.set_slots(tuple(range(len(labels))))

    def show_pair(
        self, number: int, shown: ShownPairs, centres: tuple[Centre, Centre], later: str
    ) -> None:
        """Show a pair of those that were read, by its place among them.

        Parameters
        ----------
        number : int
        shown : ShownPairs
        centres : ((float, float), (float, float))
            The cells' (y, x) in their patches.
        later : str
            How much later the positive is, in words.
        """
        note = "" if number in shown.pictures else "…"
        if number in shown.damage:
            note = f"⚠ Cannot be read\n{shown.damage[number]}"
        pictures = shown.pictures.get(number)
        is_same = (number, note) == (self._number, self._note) and pictures is self._pictures
        self._number, self._shown, self._centres, self._later = number, shown, centres, later
        self._note, self._pictures = note, pictures
        # Others that were read meanwhile change nothing here.
        if not is_same:
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give the least size that is of use."""
        return QSize(2 * (LEAST_SIDE + 2 * TICK) + _GAP, self.minimumHeight())

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Ask for the height that patches of this width need."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the pair."""
        painter = QPainter(self)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        layout = self._layout(self.size())
        for place, (slot, boxes) in enumerate(zip(self._slots, layout.boxes, strict=True)):
            self._draw_words(painter, place, slot, boxes)
            if self._shown is None or self._note:
                whole = boxes[0].united(boxes[1])
                draw_note(painter, whole, self._note if not place else "", ink)
            else:
                self._draw_patches(painter, self._shown, slot, boxes)
        # Nobody judges what was not there to be seen.
        self.painted = -1 if self._note == "…" else self._number

    def _layout(self, room: QSize) -> PairLayout:
        return PairLayout.fitting(room, len(self._slots), self._shape, self.fontMetrics().height())

    def _fit(self) -> None:
        narrow = QSize(self.width(), 0)
        self.setMinimumHeight(self._layout(narrow).height)
        self.update()

    def _draw_words(
        self, painter: QPainter, place: int, slot: int, boxes: tuple[QRectF, QRectF]
    ) -> None:
        line = self.fontMetrics().height()
        painter.setPen(dimmed(self.palette()))
        label = self._labels[slot] if slot < len(self._labels) else ""
        words = (label, self._later if not place else "")
        for text, box in zip(words, boxes, strict=True):
            row = QRect(round(box.left()), round(box.top()) - TICK - line, round(box.width()), line)
            short = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, row.width())
            painter.drawText(row, int(Qt.AlignmentFlag.AlignLeft), short)

    def _draw_patches(
        self, painter: QPainter, shown: ShownPairs, slot: int, boxes: tuple[QRectF, QRectF]
    ) -> None:
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        for side, (role, box) in enumerate(zip(ROLES, boxes, strict=True)):
            image = self._image(shown, role, slot)
            centre = None if self._centres is None else self._centres[side]
            outlines = shown.outlines.get(self._number, {}) if self._outlined else {}
            draw_patch(painter, box, image, centre, ink, TICK, outlines.get(role))
            draw_role(painter, box, role, lettered=False)
            note = shown.notes[self._number][role][slot]
            if note:
                draw_plate(painter, box, note)

    def _image(self, shown: ShownPairs, role: Role, slot: int) -> QImage:
        values = shown.values[self._number][role][slot]
        picture = shown.pictures[self._number][role][slot]
        return slot_image(values, picture, self._contrast.get(slot))
