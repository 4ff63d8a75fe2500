"""What the widget remembers from one opening to the next, in one place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QByteArray, QRect, QSettings

if TYPE_CHECKING:
    from pathlib import Path

    from qtpy.QtWidgets import QSplitter

SETTINGS = "LINEAGE_TRIPLETS_SETTINGS"
"""Variable of the environment: a file in which all is remembered, in place of a person's own."""
_RECENT = "recent configs"
_MOST_RECENT = 8
_PANEL, _WIDTH, _FLOATING, _LAYERS, _PARTS = "panel", "width", "floating", "layers", "parts"


class Remembered:
    """Configs opened last, the panel in front, and the room that the widget takes."""

    def __init__(self) -> None:
        given = os.environ.get(SETTINGS)
        self._settings = (
            QSettings(given, QSettings.Format.IniFormat)
            if given
            else QSettings("lineage-triplets", "lineage-triplets")
        )

    @property
    def recent(self) -> list[str]:
        """Configs that were open, the last one first."""
        value = self._settings.value(_RECENT, [])
        return [value] if isinstance(value, str) else list(value or [])

    def add_recent(self, path: Path) -> None:
        """Remember that a config was open."""
        name = str(path.absolute())
        others = [recent for recent in self.recent if recent != name]
        self._settings.setValue(_RECENT, [name, *others][:_MOST_RECENT])

    @property
    def panel(self) -> str:
        """Title of the panel that was in front; empty for none."""
        return str(self._settings.value(_PANEL, ""))

    @panel.setter
    def panel(self, title: str) -> None:
        self._settings.setValue(_PANEL, title)

    def width(self, *, wide: bool) -> int:
        """Give the widget's width in a wide or narrow window, in pixels; 0 for none."""
        return _as_int(self._settings.value(_width_in(wide), 0))

    def set_width(self, width: int, *, wide: bool) -> None:
        """Remember the widget's width in a wide or narrow window."""
        self._settings.setValue(_width_in(wide), width)

    @property
    def floating(self) -> QRect:
        """Where the widget is on the screens as a window of its own; null where it is docked."""
        value = self._settings.value(_FLOATING)
        return value if isinstance(value, QRect) else QRect()

    @floating.setter
    def floating(self, place: QRect) -> None:
        self._settings.setValue(_FLOATING, place)

    @property
    def layers(self) -> bool | None:
        """Whether a person wants napari's own docks beside the widget; None if nobody said."""
        value = self._settings.value(_LAYERS)
        return None if value is None else str(value).lower() == "true"

    @layers.setter
    def layers(self, wanted: bool) -> None:
        self._settings.setValue(_LAYERS, wanted)

    def restore(self, splitter: QSplitter) -> None:
        """Share out a splitter's room as it was; from now on, what a person does is remembered."""
        name = f"{_PARTS}/{splitter.objectName()}"
        value = self._settings.value(name)
        if isinstance(value, QByteArray):
            splitter.restoreState(value)
        splitter.splitterMoved.connect(
            lambda *_: self._settings.setValue(name, splitter.saveState())
        )


def _width_in(wide: bool) -> str:
    return f"{_WIDTH}/{'wide' if wide else 'narrow'}"


def _as_int(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
