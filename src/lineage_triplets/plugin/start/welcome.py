"""What stands in the widget while no config is open: the ways in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from lineage_triplets.plugin.common.keys import Key, KeyButton, KeyGroup
from lineage_triplets.plugin.common.views import empty_layout

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_RECENT = 4
_RIGHT = Qt.AlignmentFlag.AlignRight
_WAYS = (
    ("welcome_open", "&Open a config…", "A config, or a list of experiments (YAML)"),
    ("welcome_new", "&Make one from images…", "Images or plates of any kind, and track tables"),
    ("welcome_sample", "Try the &sample", "Simulated dividing cells with planted faults"),
)


KEYS = KeyGroup(
    "To begin",
    (
        Key("Alt+O", "open a config"),
        Key("Alt+M", "make one from images"),
        Key("Alt+S", "try the sample"),
    ),
)


class Welcome(QWidget):
    """Ways to begin, and the configs that were open last.

    Attributes
    ----------
    open_wanted, new_wanted, sample_wanted : Signal()
        A person chose that way.
    recent_wanted : Signal(str)
        Gets the path of the config that was chosen.
    """

    open_wanted = Signal()
    new_wanted = Signal()
    sample_wanted = Signal()
    recent_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        words = QLabel(
            "See the anchor/positive pairs that training will read, verify the channels, leave "
            "out what is wrong, and export a validated config.",
            self,
        )
        words.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(words)
        layout.addSpacing(8)
        wanted = (self.open_wanted, self.new_wanted, self.sample_wanted)
        for (name, text, tip), signal in zip(_WAYS, wanted, strict=True):
            button = QPushButton(text, self)
            button.setObjectName(name)
            button.setToolTip(tip)
            button.clicked.connect(lambda _=False, signal=signal: signal.emit())
            layout.addWidget(button)
            note = QLabel(tip, self)
            note.setWordWrap(True)
            layout.addWidget(note)
        drop = QLabel("Or drop a config, or images and tables, here.", self)
        drop.setWordWrap(True)
        layout.addWidget(drop)
        self._recent = QLabel(self)
        self._recent.setObjectName("welcome_recent")
        self._recent.setTextFormat(Qt.TextFormat.PlainText)
        layout.addSpacing(8)
        layout.addWidget(self._recent)
        self._links = QVBoxLayout()
        layout.addLayout(self._links)
        layout.addStretch(1)
        layout.addWidget(KeyButton("welcome_keys", (KEYS,), self, self), 0, _RIGHT)

    def show_recent(self, paths: Sequence[str]) -> None:
        """Offer the configs that were open last, as far as they are still there."""
        empty_layout(self._links)
        there = [recent for recent in paths if Path(recent).is_file()][:_MOST_RECENT]
        self._recent.setText("Open again:" if there else "")
        for number, path in enumerate(there):
            button = QPushButton(f"{Path(path).parent.name}/{Path(path).name}", self)
            button.setObjectName(f"welcome_recent_{number}")
            button.setToolTip(path)
            button.clicked.connect(lambda _=False, path=path: self.recent_wanted.emit(path))
            self._links.addWidget(button)
