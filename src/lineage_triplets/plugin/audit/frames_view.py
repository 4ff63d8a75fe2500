"""The frames between anchor and positive, all at once: no scrolling, no ids."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import QRect, QRectF, Qt
from qtpy.QtGui import QPainter, QPalette

from lineage_triplets.plugin.audit.pair_view import ROLES, TICK
from lineage_triplets.plugin.common.patch_image import (
    dimmed,
    draw_note,
    draw_patch,
    draw_role,
    slot_image,
)
from lineage_triplets.plugin.common.patches_view import PatchesView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtCore import QSize
    from qtpy.QtGui import QPaintEvent
    from qtpy.QtWidgets import QWidget

    from lineage_triplets.qc.look.shown_pixels import ShownStrip
    from lineage_triplets.qc.look.strip import Strip

_LEAST_SIDE = 56


class _Frame(NamedTuple):
    """A frame of a lane; `column` counts the frames that are shown."""

    lane: int
    column: int
    words: str


class FramesView(PatchesView):
    """Draws the cell at every frame from anchor to positive.

    Of kin the cell comes first that both come from, and its line to the anchor.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("audit_frames")
        self.setAccessibleName("The frames from anchor to positive")
        self._strip: Strip | None = None
        self._later = ""
        self._shown: ShownStrip | None = None
        self._frames: list[_Frame] = []

    @property
    def is_read(self) -> bool:
        """Whether there are pictures to see."""
        return self._shown is not None

    def set_strip(
        self, strip: Strip | None, yx_patch_size: tuple[int, int] = (1, 1), later: str = ""
    ) -> None:
        """Show another strip, not read yet; `later` says above how much later the positive is."""
        self._strip, self._shown, self._shape = strip, None, yx_patch_size
        self._later = f"The positive is {later}" if later else ""
        self.setAccessibleDescription(self._later)
        self._frames = [] if strip is None else _frames(strip)
        self._fit()

    def set_shown(self, shown: ShownStrip) -> None:
        """Show what was read of it."""
        self._shown = shown
        self.update()

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Ask for the height that all frames need."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw all frames."""
        strip, shown = self._strip, self._shown
        painter = QPainter(self)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        if strip is None or shown is None:
            draw_note(painter, QRectF(self.rect()), "…", ink)
            return
        boxes, line = self._boxes(self.size()), self.fontMetrics().height()
        painter.setPen(dimmed(self.palette()))
        head = QRect(TICK, 0, self.width() - 2 * TICK, line)
        painter.drawText(head, int(Qt.AlignmentFlag.AlignHCenter), self._later)
        centres = [strip.centres(lane) for lane in range(len(strip.lanes))]
        for frame, box in zip(self._frames, boxes, strict=True):
            painter.setPen(dimmed(self.palette()))
            row = QRect(round(box.left()), round(box.top()) - line - TICK, round(box.width()), line)
            short = self.fontMetrics().elidedText(
                frame.words, Qt.TextElideMode.ElideRight, row.width()
            )
            painter.drawText(row, int(Qt.AlignmentFlag.AlignLeft), short)
            pictures = shown.lanes[frame.lane][frame.column]
            values = shown.values[frame.lane][frame.column]
            if values is None or pictures is None or isinstance(pictures, str):
                draw_note(painter, box, "⚠ cannot be read" if pictures else "no cell", ink)
                continue
            centre = centres[frame.lane][int(shown.places[frame.column])]
            outline = None
            if self._outlined and shown.outlines:
                outline = shown.outlines[frame.lane][frame.column]
            high = box.height() / len(self._slots)
            for number, slot in enumerate(self._slots):
                top = box.top() + number * high
                part = QRectF(box.left(), top, box.width(), high - 2 * TICK)
                image = slot_image(values[slot], pictures[slot], self._contrast.get(slot))
                draw_patch(painter, part, image, centre, ink, TICK - 1, outline)
                for role in ROLES:
                    if frame.words == role:
                        draw_role(painter, part, role, lettered=False)

    def _fit(self) -> None:
        boxes = self._boxes(
            self.size().scaled(self.width(), 0, Qt.AspectRatioMode.IgnoreAspectRatio)
        )
        self.setMinimumHeight(round(max((box.bottom() for box in boxes), default=0)) + TICK)
        self.update()

    def _boxes(self, room: QSize) -> list[QRectF]:
        """Give the places of all frames: as large as lets them all be seen, legible in any case.

        Each line begins a row.
        """
        lengths = [len(list(frames)) for _, frames in groupby(self._frames, key=attrgetter("lane"))]
        n_slots, shape = len(self._slots), self._shape[0] / self._shape[1]
        line = self.fontMetrics().height() + TICK
        head = line if self._later else 0
        best, columns = 0.0, 1
        for n_columns in range(1, max(lengths, default=1) + 1):
            n_rows = sum(-(-length // n_columns) for length in lengths)
            by_width = room.width() / n_columns - 2 * TICK
            by_slot = ((room.height() - head) / max(n_rows, 1) - line) / n_slots - 2 * TICK
            by_height = by_slot / shape
            side = min(by_width, max(by_height, min(by_width, _LEAST_SIDE)))
            if side >= best:
                best, columns = side, n_columns
        width, high = best + 2 * TICK, n_slots * (best * shape + 2 * TICK)
        left = (room.width() - columns * width) / 2 + TICK
        boxes, first_row = [], 0
        for length in lengths:
            for number in range(length):
                row, column = divmod(number, columns)
                top = head + (first_row + row) * (line + high) + line
                boxes.append(QRectF(left + column * width, top, best, high))
            first_row += -(-length // columns)
        return boxes


def _frames(strip: Strip) -> list[_Frame]:
    """List the frames to show: of kin first the anchor's own line, from the cell of both on."""
    places, at = strip.thinned().tolist(), strip.anchor_place
    last = len(strip.frames) - 1
    lanes = {lane.name: number for number, lane in enumerate(strip.lanes)}
    own = lanes.get("anchor")
    names = {at: "anchor", last: "positive"} if own is None else {last: "positive"}

    def frame(lane: int, column: int, words: Mapping[int, str]) -> _Frame:
        hours = round(float(strip.hours[places[column]]), 2)
        sign = "+" if hours >= 0 else "\N{MINUS SIGN}"
        return _Frame(lane, column, words.get(places[column], f"{sign}{abs(hours):g} h"))

    columns = range(len(places))
    if own is None:
        return [frame(lanes["positive"], column, names) for column in columns]
    common = {0: "cell of both"} if at else {}
    first = [frame(own, k, {**common, at: "anchor"}) for k in columns if places[k] <= at]
    return first + [frame(lanes["positive"], k, names) for k in columns if places[k] or not at]
