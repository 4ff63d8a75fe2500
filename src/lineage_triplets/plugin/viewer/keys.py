"""Keys of the panel in front, also while the viewer's canvas has the focus."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from app_model.types import KeyBinding
from qtpy.compat import isalive
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QShortcut,
    QTabWidget,
    QTextEdit,
)

from lineage_triplets.plugin.common.keys import CANVAS_KEYS
from lineage_triplets.plugin.viewer.layer_stack import MARK

if TYPE_CHECKING:
    from collections.abc import Callable

# What Qt calls Ctrl.
_COMMAND = "Meta" if sys.platform == "darwin" else "Ctrl"
_WRITTEN_IN = (QLineEdit, QAbstractSpinBox, QComboBox, QTextEdit, QPlainTextEdit)


class ViewerKeys:
    """Lends the keys of the panel in front to a viewer, and gives them back.

    A key that the viewer, or a person, has for something else is left alone, and so are the keys
    of layers that are not the plugin's. On the plugin's own layers a key of napari's does again
    what it did while no panel is there that needs it.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    tabs : QTabWidget
        The panels.
    """

    def __init__(self, viewer: Any, tabs: QTabWidget) -> None:
        # What plugins get is a proxy, which keeps keys of its own.
        self._viewer = getattr(viewer, "__wrapped__", viewer)
        self._tabs = tabs
        self._lent: dict[int, tuple[Any, dict[KeyBinding, Any]]] = {}
        self._lend(self._viewer, own=False)
        layers = self._viewer.layers
        for layer in layers:
            self._lend_to_layer(layer)
        layers.events.inserted.connect(self._on_inserted)
        layers.events.removed.connect(self._on_removed)

    def leave(self) -> None:
        """Give all keys back."""
        layers = self._viewer.layers
        layers.events.inserted.disconnect(self._on_inserted)
        layers.events.removed.disconnect(self._on_removed)
        for number in list(self._lent):
            self._take_back(number)

    def _on_inserted(self, event: Any) -> None:
        self._lend_to_layer(event.value)

    def _on_removed(self, event: Any) -> None:
        self._take_back(id(event.value))

    def _lend_to_layer(self, layer: Any) -> None:
        if MARK in layer.metadata:
            self._lend(layer, own=True)

    def _lend(self, provider: Any, *, own: bool) -> None:
        lent = {}
        for key in CANVAS_KEYS:
            binding = KeyBinding.from_str(key.replace("Ctrl", _COMMAND))
            before = _of_class(provider, binding)
            is_held = inspect.isgeneratorfunction(before)
            if binding in provider.keymap or is_held or (before is not None and not own):
                continue
            pressed = self._pressed(key, before)
            provider.bind_key(binding, pressed)
            lent[binding] = pressed
        self._lent[id(provider)] = (provider, lent)

    def _take_back(self, number: int) -> None:
        provider, lent = self._lent.pop(number, (None, {}))
        for binding, pressed in lent.items():
            if provider.keymap.get(binding) is pressed:
                provider.bind_key(binding, None)

    def _pressed(self, key: str, before: Callable[[Any], Any] | None) -> Callable[[Any], None]:
        def press(provider: Any) -> None:
            if not self._press(key) and before is not None:
                before(provider)

        return press

    def _press(self, key: str) -> bool:
        """Do what a key does in the panel in front; False if it does nothing there."""
        tabs = self._tabs
        if not isalive(tabs) or not tabs.isVisible() or not tabs.isEnabled():
            return False
        # Keys that nobody took in the docks come here as well.
        if isinstance(QApplication.focusWidget(), _WRITTEN_IN):
            return False
        sequence = QKeySequence(key)
        found = [
            shortcut
            for shortcut in tabs.currentWidget().findChildren(QShortcut)
            if shortcut.key() == sequence and shortcut.isEnabled()
        ]
        for shortcut in found[:1]:
            shortcut.activated.emit()
        return bool(found)


def _of_class(provider: Any, binding: KeyBinding) -> Any:
    """Give what napari itself does by a key; None for nothing."""
    maps = [getattr(kind, "class_keymap", {}) for kind in type(provider).__mro__]
    return next((keymap[binding] for keymap in maps if binding in keymap), None)
