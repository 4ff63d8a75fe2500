"""Panels as tabs, each with a control that has the focus when somebody goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QApplication, QTabWidget, QWidget

from lineage_triplets.plugin.common.tab_order import in_tab_order
from lineage_triplets.plugin.common.work import soon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QKeyEvent


class Panels(QTabWidget):
    """Panels under their titles.

    Who goes to a panel by keys, from its tab or from another panel, is where its own keys work, and
    stays there where a control is disabled or hidden that had the focus. Qt by itself goes to the
    first control, which may be a field that letters go into, or to the next one anywhere.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panels")
        self.setDocumentMode(True)
        self.tabBar().setAccessibleName("Panels")
        # Themes leave its colour to the platform: a white line on dark.
        self.tabBar().setDrawBase(False)
        # All titles fit into a narrow dock.
        self.tabBar().setStyleSheet("QTabBar::tab { padding-left: 1px; padding-right: 1px; }")
        self._homes: dict[QWidget, list[QWidget]] = {}
        self.currentChanged.connect(self._on_current)
        QApplication.instance().focusChanged.connect(self._on_focus)

    def add_panel(self, panel: QWidget, title: str, homes: Sequence[str]) -> None:
        """Add a panel after all others.

        Parameters
        ----------
        panel : QWidget
        title : str
        homes : sequence of str
            ``objectName`` of what gets the focus; the first of them that is shown. Without any it
            is the first control, and where none of them is shown the panel itself.
        """
        panel.setAccessibleName(title)
        self._homes[panel] = [panel.findChild(QWidget, name) for name in homes]
        for home in self._homes[panel]:
            home.installEventFilter(self)
        self.addTab(panel, title)

    def go_in(self) -> None:
        """Give the focus to the panel in front."""
        panel = self.currentWidget()
        controls = self._homes[panel] or in_tab_order(panel)
        shown = (control for control in controls if control.isVisible())
        next(shown, panel).setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Go into the panel to which Ctrl+Tab leads, also from the tabs."""
        before = self.currentIndex()
        super().keyPressEvent(event)
        by_control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if by_control and self.currentIndex() != before:
            self.go_in()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Go on from a panel itself, once what its keys are about is there (again)."""
        is_back = event.type() in {QEvent.Type.Show, QEvent.Type.EnabledChange}
        if is_back and self._rests and isinstance(watched, QWidget):
            soon(self, lambda: self._go_on(watched))
        return bool(super().eventFilter(watched, event))

    @property
    def _rests(self) -> bool:
        """Whether the focus is on the panel in front, and on nothing in it."""
        return QApplication.focusWidget() is self.currentWidget()

    def _go_on(self, control: QWidget) -> None:
        if self._rests and isalive(control) and _can_be_used(control):
            control.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_current(self) -> None:
        focus = QApplication.focusWidget()
        if focus is not None and self.currentWidget().isAncestorOf(focus):
            self.go_in()

    def _on_focus(self, before: QWidget | None, now: QWidget | None) -> None:
        """Keep the focus in a panel where a control goes away, or is disabled, under it."""
        panel = self.currentWidget()
        if before is None or now is None or not isalive(before) or not panel.isAncestorOf(before):
            return
        if panel.isVisible() and panel.isEnabled() and not _can_be_used(before):
            soon(self, lambda: self._take_back(before, now))

    def _take_back(self, lost: QWidget, drifted_to: QWidget) -> None:
        if QApplication.focusWidget() is not drifted_to:
            return
        panel = self.currentWidget()
        if isalive(lost) and _can_be_used(lost):
            lost.setFocus(Qt.FocusReason.OtherFocusReason)
        elif self._homes[panel]:
            self.go_in()
        else:
            panel.setFocus(Qt.FocusReason.OtherFocusReason)
            if isalive(lost):
                lost.installEventFilter(self)


def _can_be_used(control: QWidget) -> bool:
    return control.isVisible() and control.isEnabled()
