"""The page of Links while there is no link on screen: why, and how to go on."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from lineage_triplets.plugin.common.views import words_label


class OverPage(QWidget):
    """Words, and a button that goes on with more links."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.words = words_label("link_words", self)
        self.more = QPushButton("Go on", self)
        self.more.setObjectName("link_more")
        self.more.setToolTip("Go on with the next links (Enter)")
        layout = QVBoxLayout(self)
        layout.addWidget(self.words)
        layout.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addStretch(1)

    def say(self, words: str, *, more: bool) -> None:
        """Say why there is no link, and whether there are more."""
        self.words.setText(words)
        self.more.setVisible(more)
