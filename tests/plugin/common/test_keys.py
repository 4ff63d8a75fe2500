"""Keys of a panel: bound, listed, and each for one thing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from lineage_triplets.plugin.audit import panel as audit
from lineage_triplets.plugin.browse import panel as browse
from lineage_triplets.plugin.common.keys import Key, KeyButton, KeyGroup, key_groups
from lineage_triplets.plugin.problems import panel as problems

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def panel(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def button_of(panel: QWidget, *keys: Key) -> KeyButton:
    button = KeyButton("keys", (KeyGroup("Mine", keys),), panel, panel)
    QVBoxLayout(panel).addWidget(button)
    panel.show()
    panel.activateWindow()
    button.setFocus()
    return button


def test_a_key_runs_what_it_is_for_and_gets_its_panel(qtbot: QtBot, panel: QWidget) -> None:
    given: list[Any] = []
    button = button_of(panel, Key("N, F7", "the next one", given.append), Key("Enter", "go there"))
    qtbot.waitUntil(button.hasFocus)
    qtbot.keyClick(button, Qt.Key.Key_N)
    qtbot.keyClick(button, Qt.Key.Key_F7)
    assert given == [panel, panel]


def test_f1_lists_all_keys_also_those_that_are_not_bound_here(qtbot: QtBot, panel: QWidget) -> None:
    button = button_of(panel, Key("N", "the next one", lambda _: None), Key("Enter", "go there"))
    qtbot.waitUntil(button.hasFocus)
    qtbot.keyClick(button, Qt.Key.Key_F1)
    shown = panel.findChild(QWidget, "key_list")
    assert shown is not None
    qtbot.waitUntil(shown.isVisible)
    words = [label.text() for label in shown.findChildren(QLabel)]
    assert {"<i>Mine</i>", "<b>N</b>", "the next one", "<b>Enter</b>", "go there"} <= set(words)
    assert "these keys" in words
    shown.close()


@pytest.mark.parametrize("module", [audit, browse, problems])
def test_no_key_of_a_panel_is_for_two_things(module: Any) -> None:
    groups = key_groups(*module._KEYS_OF)
    bound = Counter(
        name
        for group in groups
        for key in group.keys
        if key.run is not None
        for name in key.name.split(", ")
    )
    assert len(bound) > 4
    assert {name for name, n in bound.items() if n > 1} == set()
