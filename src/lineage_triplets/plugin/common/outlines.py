"""The switch for outlines of masks, the same for all panels and the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox, QWidget

from lineage_triplets.plugin.common.keys import Key, KeyGroup

if TYPE_CHECKING:
    from lineage_triplets.plugin.common.session import Session

KEYS = KeyGroup("Pictures", (Key("O", "outlines of the masks; hide them"),))
_WORDS = "Outlines of the masks, in the viewer and around the cells of patches (O)"


class OutlineSwitch(QCheckBox):
    """Shows outlines, or none; not there until the viewer met a FOV that has masks.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Outlines", parent)
        self.setObjectName("show_outlines")
        self._session = session
        self.setChecked(session.outlined)
        self.toggled.connect(session.show_outlines)
        session.masks_found.connect(self._on_found)
        session.closed.connect(self.hide)
        self.hide()

    def _on_found(self, words: str, there: bool) -> None:
        self.setToolTip(f"{_WORDS}\n{words}")
        self.setVisible(there or not self.isHidden())
