"""Controls side by side, in as many lines as they need: nothing is cut in a narrow dock."""

from __future__ import annotations

from qtpy.QtCore import QPoint, QRect, QSize, Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QLayout, QLayoutItem, QWidget, QWidgetItem

_SPACE = 5


class FlowLayout(QLayout):
    """Puts widgets into lines, each as full as it gets, in the order in which they were added.

    What is left of a line goes to the widgets in it by their stretch; with none, to its end.

    Parameters
    ----------
    parent : QWidget, optional
        It gets this layout.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[tuple[QLayoutItem, int]] = []
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(_SPACE)

    def addWidget(self, widget: QWidget, stretch: int = 0) -> None:  # noqa: N802 - Qt's name
        """Add a widget after all others."""
        self.addChildWidget(widget)
        self._items.append((QWidgetItem(widget), stretch))
        self.invalidate()

    def addItem(self, item: QLayoutItem) -> None:  # noqa: N802 - Qt's name
        """Add an item after all others."""
        self._items.append((item, 0))

    def count(self) -> int:
        """Give the number of widgets."""
        return len(self._items)

    def itemAt(self, number: int) -> QLayoutItem | None:  # noqa: N802 - Qt's name
        """Give an item; None if there is none of that number."""
        return self._items[number][0] if 0 <= number < len(self._items) else None

    def takeAt(self, number: int) -> QLayoutItem | None:  # noqa: N802 - Qt's name
        """Take an item out."""
        return self._items.pop(number)[0] if 0 <= number < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:  # noqa: N802 - Qt's name
        """Take width where there is some left for a widget, and never height."""
        wide = any(stretch for _, stretch in self._items)
        return Qt.Orientation.Horizontal if wide else Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """Say that the height depends on the width."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """Give the height of the lines that a width comes to."""
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """All in one line."""
        shown = self._shown()
        width = sum(item.sizeHint().width() for item, _ in shown)
        height = max((item.sizeHint().height() for item, _ in shown), default=0)
        return QSize(width + self.spacing() * max(len(shown) - 1, 0), height)

    def minimumSize(self) -> QSize:  # noqa: N802 - Qt's name
        """As wide as the widest one."""
        least = QSize(0, 0)
        for item, _ in self._shown():
            least = least.expandedTo(item.minimumSize())
        return least

    def setGeometry(self, rect: QRect) -> None:  # noqa: N802 - Qt's name
        """Put all in their places."""
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def _shown(self) -> list[tuple[QLayoutItem, int]]:
        return [(item, stretch) for item, stretch in self._items if not item.isEmpty()]

    def _arrange(self, room: QRect, *, move: bool) -> int:
        """Fill lines; gives their height together."""
        line: list[tuple[QLayoutItem, int]] = []
        used, top = 0, room.top()
        for item, stretch in self._shown():
            width = _least(item, stretch)
            if line and used + self.spacing() + width > room.width():
                top += self._place(line, QPoint(room.left(), top), room.width(), move=move)
                top += self.spacing()
                line, used = [], 0
            used += width + (self.spacing() if line else 0)
            line.append((item, stretch))
        last = self._place(line, QPoint(room.left(), top), room.width(), move=move)
        return top + last - room.top()

    def _place(
        self, line: list[tuple[QLayoutItem, int]], corner: QPoint, width: int, *, move: bool
    ) -> int:
        """Put a line's widgets in their places; gives its height."""
        height = max((item.sizeHint().height() for item, _ in line), default=0)
        if not move:
            return height
        least = [_least(item, stretch) for item, stretch in line]
        left = width - sum(least) - self.spacing() * (len(line) - 1)
        shares, x = sum(stretch for _, stretch in line), corner.x()
        for (item, stretch), of_item in zip(line, least, strict=True):
            wide = min(of_item + (left * stretch // shares if left > 0 and shares else 0), width)
            high = height if _fills(item) else item.sizeHint().height()
            y = corner.y() + (height - high) // 2
            item.setGeometry(QRect(QPoint(x, y), QSize(wide, high)))
            x += wide + self.spacing()
        return height


def _least(item: QLayoutItem, stretch: int) -> int:
    """Give the width without which a widget goes to the next line."""
    return int(item.minimumSize().width() if stretch else item.sizeHint().width())


def _fills(item: QLayoutItem) -> bool:
    return bool(item.expandingDirections() & Qt.Orientation.Vertical)


def labelled(text: str, box: QWidget) -> QWidget:
    """Put a label before a box, which its mnemonic goes to; they stay in one line."""
    pair = QWidget(box.parentWidget())
    label = QLabel(text, pair)
    label.setBuddy(box)
    row = QHBoxLayout(pair)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    row.addWidget(label)
    row.addWidget(box)
    return pair
