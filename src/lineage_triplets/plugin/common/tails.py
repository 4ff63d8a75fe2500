"""The switch for the tails of all tracks in the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox, QWidget

from lineage_triplets.plugin.common.keys import Key, KeyGroup

if TYPE_CHECKING:
    from lineage_triplets.plugin.common.session import Session

KEYS = KeyGroup("Viewer", (Key("T", "tails of all tracks; only tracks that are marked"),))


class TailSwitch(QCheckBox):
    """Draws the tails of all tracks, or only the tracks that are marked.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Tails", parent)
        self.setObjectName("show_tails")
        self.setToolTip(
            "Tails of all tracks in the viewer; without, only tracks that are marked (T)"
        )
        self.setChecked(session.with_tails)
        self.toggled.connect(session.show_tails)
