"""Where the pictures of a link are: the field around its cells, and under it the cells in line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF

if TYPE_CHECKING:
    from qtpy.QtCore import QSize

    from lineage_triplets.qc.look.link_view import LinkView

TICK = 3
_GAP = 6
_JOINT = 28
_WIDE = 480
# As many times as wide as high, fields and cells are beside each other.
BESIDE = 1.6
_LEAST_CELL, _LEGIBLE_CELL, _MOST_CELL = 56.0, 72.0, 150.0
_LEAST_FIELD, _MOST_FIELD = 120.0, 460.0
# Beside each other, cells in line need more of the width than the fields around them.
_FIELDS_SHARE = 0.42


@dataclass(frozen=True)
class LinkLayout:
    """Places in pixels of the screen.

    Attributes
    ----------
    fields : (QRectF, QRectF)
        The field in the frame before the link, and in that after it.
    cells : dict of (str, int) to tuple of QRectF
        By a lane's name and how far from the link, from 0: a box a slot.
    joints : dict of str to QPointF
        By a lane's name, where lines of links begin and end.
    height : int
        Of all.
    """

    fields: tuple[QRectF, QRectF]
    cells: dict[tuple[str, int], tuple[QRectF, ...]]
    joints: dict[str, QPointF]
    height: int

    @classmethod
    def fitting(
        cls, room: QSize, view: LinkView, n_slots: int, yx_patch_size: tuple[int, int], line: int
    ) -> LinkLayout:
        """Give the layout for some room: a row for each line of cells, those of a link beside.

        Parameters
        ----------
        room : QSize
            A height of 0 asks for the least that is legible.
        view : LinkView
        n_slots : int
        yx_patch_size : (int, int)
        line : int
            Height of a line of text: one is above each box.
        """
        shape = yx_patch_size[0] / yx_patch_size[1]
        n_rows = max(len(view.before), len(view.after))

        def rows_height(side: float) -> float:
            return n_rows * (line + n_slots * (side * shape + 2 * TICK) + _GAP)

        def cell_by_width(width: float, n_columns: int) -> float:
            side = (width - _JOINT) / (2 * n_columns) - 2 * TICK
            return min(side, _MOST_CELL)

        def cell_by_height(height: float) -> float:
            return ((height / n_rows - line - _GAP) / n_slots - 2 * TICK) / shape

        width, height = float(room.width()), float(room.height())
        is_beside = 0 < height < width / BESIDE
        if is_beside:
            field = max(_LEAST_FIELD, min(_FIELDS_SHARE * width / 2, height - line))
            of_cells = width - 2 * field - 3 * _GAP
            n_columns = 3 if cell_by_width(of_cells, 3) >= _LEGIBLE_CELL else 2
            by_height = max(_LEAST_CELL, cell_by_height(height))
            cell = min(cell_by_width(of_cells, n_columns), by_height)
        else:
            n_columns = 3 if room.width() >= _WIDE else 2
            cell, field = cell_by_width(width, n_columns), min((width - _GAP) / 2, _MOST_FIELD)
            # Fields are the first to give way, to a third of the height.
            least = max(_LEAST_FIELD, height / 3)
            field = min(field, max(least, height - line - _GAP - rows_height(cell)))
            left = height - line - _GAP - field
            cell = min(cell, max(_LEAST_CELL, cell_by_height(left)))
        field_left = 0.0 if is_beside else width / 2 - field - _GAP / 2
        first = QRectF(max(field_left, 0.0), line, field, field)
        fields = (first, first.translated(field + _GAP, 0))
        strip = 2 * n_columns * (cell + 2 * TICK) + _JOINT
        left = 2 * field + 3 * _GAP if is_beside else 0.0
        origin = QPointF(
            left + max(width - left - strip, 0) / 2, 0.0 if is_beside else line + field + _GAP
        )
        cells, joints = _lanes(view, origin, cell, cell * shape, n_columns, n_slots, line)
        bottom = origin.y() + rows_height(cell)
        return cls(fields, cells, joints, round(max(bottom, fields[0].bottom() + TICK)))


def _lanes(
    view: LinkView,
    origin: QPointF,
    width: float,
    height: float,
    n_columns: int,
    n_slots: int,
    line: int,
) -> tuple[dict[tuple[str, int], tuple[QRectF, ...]], dict[str, QPointF]]:
    """Place the cells: those before the link to the left, the link's own next to the middle."""
    cells, joints = {}, {}
    n_rows = max(len(view.before), len(view.after))
    row_height = line + n_slots * (height + 2 * TICK) + _GAP
    step = width + 2 * TICK
    for is_after, lanes in enumerate((view.before, view.after)):
        # One cell beside two is in their middle.
        down = (n_rows - len(lanes)) / 2 * row_height
        for number, lane in enumerate(lanes):
            top = origin.y() + down + number * row_height + line
            for away in range(n_columns):
                column = n_columns + away if is_after else n_columns - 1 - away
                left = origin.x() + column * step + (_JOINT if is_after else 0) + TICK
                cells[lane.name, away] = tuple(
                    QRectF(left, top + slot * (height + 2 * TICK) + TICK, width, height)
                    for slot in range(n_slots)
                )
            boxes = cells[lane.name, 0]
            whole = boxes[0].united(boxes[-1])
            x = whole.left() - TICK if is_after else whole.right() + TICK
            joints[lane.name] = QPointF(x, whole.center().y())
    return cells, joints
