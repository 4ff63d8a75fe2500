"""Boxes of the settings of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox

from lineage_triplets.plugin.common.keys import LettersStay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtWidgets import QWidget

    from lineage_triplets.plugin.common.session import Session

BUTTONS_WIDE = 40
"""Pixels of a box's buttons, beside its number."""


def setting_box(
    session: Session, name: str, words: Mapping[str, str], tip: str, parent: QWidget
) -> QComboBox:
    """Make a box of the values of a dataset setting; the one that a person takes is chosen.

    Parameters
    ----------
    session : Session
    name : str
        Of the setting.
    words : mapping
        From a value to what is said of it.
    tip : str
    parent : QWidget
    """
    box = QComboBox(parent)
    box.setObjectName(name)
    box.setToolTip(tip)
    box.setAccessibleName(tip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(12)
    LettersStay(box)
    for value, text in words.items():
        box.addItem(text, value)
    box.activated.connect(lambda _: session.choose(**{name: box.currentData()}))
    return box
