"""Words and counts that change with every answer, in places that stay as they are.

Qt's own labels have the whole window laid out anew, and its bars are drawn at once: too slow here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QPainter, QPalette
from qtpy.QtWidgets import QWidget

from lineage_triplets.plugin.common.patch_image import frame_colour

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent, QShowEvent


class SaidWords(QWidget):
    """Words in the room of some lines, whatever is said.

    Parameters
    ----------
    name : str
        ``objectName``.
    lines : int
    """

    def __init__(self, name: str, parent: QWidget | None = None, lines: int = 2) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._text, self._lines = "", lines

    def text(self) -> str:
        """Give what is said."""
        return self._text

    def set_text(self, text: str) -> None:
        """Say something else."""
        if text != self._text:
            self._text = text
            self.setAccessibleName(text)
            self.update()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Make room, once the font is known."""
        super().showEvent(event)
        self.setFixedHeight(self._lines * self.fontMetrics().lineSpacing() + 2)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the words."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        flags = int(Qt.AlignmentFlag.AlignTop) | int(Qt.TextFlag.TextWordWrap)
        painter.drawText(self.rect().adjusted(4, 0, -4, 0), flags, self._text)


class CountBar(QWidget):
    """How many are done, of how many; drawn with all else, and not at once as Qt's own bar is.

    Parameters
    ----------
    name : str
        ``objectName``.

    Attributes
    ----------
    done, total : float
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setFixedHeight(self.fontMetrics().height() + 4)
        self.done = self.total = 0.0
        self._words = ""

    def set_count(self, done: float, total: float, words: str = "") -> None:
        """Show other counts, and words in the bar; by default what they are."""
        self.done, self.total = done, total
        self._words = words or f"{done:g} of {total:g}"
        self.setAccessibleName(words or f"{self._words} judged")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw a bar with the counts in it."""
        painter, palette = QPainter(self), self.palette()
        outline = self.rect().adjusted(0, 0, -1, -1)
        share = self.done / self.total if self.total else 0.0
        done = QRect(outline.topLeft(), QSize(round(outline.width() * share), outline.height()))
        painter.fillRect(done, palette.color(QPalette.ColorRole.Highlight))
        painter.setPen(frame_colour(palette))
        painter.drawRect(outline)
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        painter.drawText(outline, int(Qt.AlignmentFlag.AlignCenter), self._words)
