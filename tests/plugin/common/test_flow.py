"""Controls that flow into lines: nothing is cut, nothing overlaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qtpy.QtWidgets import QPushButton, QWidget

from lineage_triplets.plugin.common.flow import FlowLayout

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def row(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    layout = FlowLayout(widget)
    for stretch, text in enumerate(("Accept", "Reject…", "Undecided", "Cut link…")):
        layout.addWidget(QPushButton(text, widget), int(stretch > 1))
    widget.show()
    return widget


@pytest.mark.parametrize("width", [90, 150, 210, 330, 700])
def test_all_are_whole_in_order_and_apart(row: QWidget, width: int) -> None:
    row.resize(width, row.layout().heightForWidth(width))
    row.layout().activate()
    buttons = row.findChildren(QPushButton)
    places = [button.geometry() for button in buttons]
    assert all(row.rect().contains(place) for place in places)
    assert all(
        place.width() >= button.minimumSizeHint().width()
        for place, button in zip(places, buttons, strict=True)
    )
    assert sorted(places, key=lambda place: (place.top(), place.left())) == places
    assert not any(
        first.intersects(second) for first in places for second in places if first is not second
    )


def test_what_is_left_of_a_line_goes_to_those_that_stretch(row: QWidget) -> None:
    row.resize(700, 40)
    row.layout().activate()
    places = [button.geometry() for button in row.findChildren(QPushButton)]
    assert len({place.top() for place in places}) == 1
    assert places[-1].right() >= 697
    assert places[0].width() == row.findChildren(QPushButton)[0].sizeHint().width()


def test_what_is_hidden_takes_no_room(row: QWidget) -> None:
    whole = row.layout().heightForWidth(90)
    row.findChildren(QPushButton)[0].hide()
    assert row.layout().heightForWidth(90) < whole
