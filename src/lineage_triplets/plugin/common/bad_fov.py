"""A bad FOV goes with one key, from wherever it is selected or shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from lineage_triplets.engine.errors import counted
from lineage_triplets.plugin.common.keys import Key, KeyGroup
from lineage_triplets.plugin.common.reason import ReasonField, recent_reasons
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from lineage_triplets.plugin.common.session import Session

    Fov = tuple[str, str]

KEYS = KeyGroup("FOVs", (Key("X", "reject the FOV that is selected, or shown, with a reason"),))


class BadFov(QWidget):
    """Asks for a reason, and rejects the FOVs of the panel in front; hidden while it asks nothing.

    A panel says by ``fovs_in_hand`` which FOVs are selected in it, as (experiment, FOV); of others
    the one that the viewer shows is taken.

    Parameters
    ----------
    session : Session
    tabs : QTabWidget
        The panels.
    """

    def __init__(self, session: Session, tabs: QTabWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._tabs = session, tabs
        self._shown: Fov = ("", "")
        self.reason = ReasonField(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.reason)
        session.frame_changed.connect(self._on_frame)
        session.closed.connect(self._on_closed)

    def ask(self) -> None:
        """Ask why the FOVs are left out."""
        review, places = self._session.review, self._in_hand()
        if review is None or not places:
            self._session.failed.emit("No FOV is selected or shown that could be rejected.")
            return
        targets = [Target("fov", *place) for place in places]
        named = str(targets[0]) if len(targets) == 1 else counted(len(targets), "FOV")
        self.reason.ask(
            f"Reject {named}",
            recent_reasons(review, "reject"),
            lambda reason: self._session.decide(
                lambda review: review.decide("reject", targets, reason)
            ),
        )

    def _in_hand(self) -> list[Fov]:
        panel: Any = self._tabs.currentWidget()
        selected = getattr(panel, "fovs_in_hand", None)
        found = [self._shown] if selected is None else list(dict.fromkeys(selected))
        return [place for place in found if all(place)]

    def _on_frame(self, experiment: str, fov: str, _t: int) -> None:
        self._shown = (experiment, fov)

    def _on_closed(self) -> None:
        self._shown = ("", "")
        self.reason.put_away()
