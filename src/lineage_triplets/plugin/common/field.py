"""A line to type into, whose hint is read as well as all other text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QLineEdit

from lineage_triplets.plugin.common.patch_image import dimmed

if TYPE_CHECKING:
    from qtpy.QtGui import QShowEvent
    from qtpy.QtWidgets import QWidget


class Field(QLineEdit):
    """A line with a hint in it while it is empty; Qt draws that at half the contrast of text.

    Parameters
    ----------
    hint : str
    """

    def __init__(self, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(hint)
        self._follows = False

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Follow the theme that it is shown in."""
        super().showEvent(event)
        self._follow_theme()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Follow another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self.isVisible():
            self._follow_theme()

    def _follow_theme(self) -> None:
        """Take the colour of the hint from those of the theme; that is a change of style too."""
        if not self._follows:
            self._follows = True
            colour = dimmed(self.palette()).name()
            self.setStyleSheet(f"QLineEdit {{ placeholder-text-color: {colour}; }}")
            self._follows = False
