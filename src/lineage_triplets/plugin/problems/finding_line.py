"""A line in the list of findings: a finding in two lines of text, or the head of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from qtpy.QtGui import QColor, QFont, QPainter, QPalette
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from lineage_triplets.plugin.common.patch_image import dimmed, legible
from lineage_triplets.plugin.problems.groups import kind_words
from lineage_triplets.plugin.problems.model import (
    FINDING_ROLE,
    GROUP_ROLE,
    MARKS,
    STATUS_WORDS,
    group_words,
    where_words,
)

if TYPE_CHECKING:
    from lineage_triplets.plugin.problems.groups import FindingGroup
    from lineage_triplets.qc.decide.settled import ReviewedFinding

# Apart for any eyes, as dark and as light as themes have them.
_COLOURS = {
    "error": QColor(200, 30, 60),
    "warning": QColor(240, 228, 66),
    "note": QColor(0, 114, 178),
}
_PAD = 4


def severity_colour(severity: str, palette: QPalette) -> QColor:
    """Colour of a severity's mark, legible in the theme."""
    return legible(_COLOURS[severity], palette)


def row_height(table: QTableView) -> int:
    """Height of a finding in the list."""
    return 2 * table.fontMetrics().height() + 3 * _PAD


class FindingDelegate(QStyledItemDelegate):
    """Mark, kind, place and status over the sentence; of a group's head its name and number."""

    def sizeHint(  # noqa: N802 - Qt's name
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Two lines."""
        del index
        return QSize(200, 2 * option.fontMetrics.height() + 3 * _PAD)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draw one finding."""
        head = index.data(GROUP_ROLE)
        if head is not None:
            self._paint_head(painter, option, *head)
            return
        reviewed: ReviewedFinding | None = index.data(FINDING_ROLE)
        if reviewed is None:
            return
        finding, palette = reviewed.finding, option.palette
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        ink = palette.color(QPalette.ColorRole.Text)
        if is_selected:
            painter.fillRect(option.rect, palette.color(QPalette.ColorRole.Highlight))
            ink = palette.color(QPalette.ColorRole.HighlightedText)
        dim = ink if is_selected else dimmed(palette)
        room = option.rect.adjusted(_PAD + 1, _PAD, -_PAD - 1, -_PAD)
        metrics, line = option.fontMetrics, option.fontMetrics.height()
        top = QRect(room.left(), room.top(), room.width(), line)
        painter.setFont(option.font)
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)

        mark = metrics.horizontalAdvance("▲ ")
        painter.setPen(ink if is_selected else severity_colour(finding.severity, palette))
        painter.drawText(top, flags, MARKS[finding.severity])
        status = STATUS_WORDS[reviewed.status]
        painter.setPen(ink if status else dim)
        painter.drawText(
            top, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), status
        )
        left = top.adjusted(mark, 0, -metrics.horizontalAdvance(f"{status} "), 0)
        bold = QFont(option.font)
        bold.setBold(True)
        painter.setFont(bold)
        painter.setPen(ink)
        kind = painter.fontMetrics().elidedText(
            kind_words(finding.kind), Qt.TextElideMode.ElideRight, left.width()
        )
        painter.drawText(left, flags, kind)
        left.setLeft(left.left() + painter.fontMetrics().horizontalAdvance(f"{kind}  "))
        painter.setFont(option.font)
        painter.setPen(dim)
        where = metrics.elidedText(where_words(finding), Qt.TextElideMode.ElideMiddle, left.width())
        painter.drawText(left, flags, where)
        below = QRect(room.left() + mark, top.bottom() + _PAD, room.width() - mark, line)
        painter.setPen(ink)
        sentence = metrics.elidedText(finding.sentence, Qt.TextElideMode.ElideRight, below.width())
        painter.drawText(below, flags, sentence)
        painter.restore()

    def _paint_head(
        self, painter: QPainter, option: QStyleOptionViewItem, group: FindingGroup, is_open: bool
    ) -> None:
        """Draw the head of a group, further in the more groups it is in."""
        palette = option.palette
        painter.save()
        ink = palette.color(QPalette.ColorRole.Text)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, palette.color(QPalette.ColorRole.Highlight))
            ink = palette.color(QPalette.ColorRole.HighlightedText)
        painter.setPen(ink)
        bold = QFont(option.font)
        bold.setBold(True)
        painter.setFont(bold)
        indent = group.depth * option.fontMetrics.height()
        room = option.rect.adjusted(_PAD + 1 + indent, 0, -_PAD - 1, 0)
        arrow = "▾" if is_open else "▸"
        words = painter.fontMetrics().elidedText(
            f"{arrow} {group_words(group)}", Qt.TextElideMode.ElideRight, room.width()
        )
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.drawText(room, flags, words)
        painter.restore()
