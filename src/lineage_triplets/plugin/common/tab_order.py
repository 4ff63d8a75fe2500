"""Tab goes through controls as they are read: by lines, from left to right, part after part.

Qt goes by the order in which controls were made; what is made as needed would come last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from collections.abc import Iterator


def in_tab_order(top: QWidget) -> list[QWidget]:
    """Give the controls in a widget that Tab goes to now, in its order."""
    return list(_walk(top))


def next_by_tab(top: QWidget, focus: QWidget | None, *, forward: bool) -> QWidget | None:
    """Give the control that Tab goes to from another one; None where it leaves the widget."""
    controls = in_tab_order(top)
    if focus is None or not controls:
        return None
    if focus not in controls:
        # What is no control by itself, as a page that takes keys, lies before what is in it.
        inside = [control for control in controls if focus.isAncestorOf(control)]
        return (inside or controls)[0 if forward else -1]
    number = controls.index(focus) + (1 if forward else -1)
    return controls[number] if 0 <= number < len(controls) else None


def go_round(window: QWidget, *, forward: bool) -> bool:
    """Go by Tab to the next control of a window, and after the last one to the first.

    Returns
    -------
    bool
        Whether there is one.
    """
    controls = in_tab_order(window)
    found = next_by_tab(window, window.focusWidget(), forward=forward)
    if found is None and controls:
        found = controls[0 if forward else -1]
    if found is not None:
        give_focus(found, forward=forward)
    return found is not None


def give_focus(control: QWidget, *, forward: bool) -> None:
    """Give a control the focus as Tab does, or Shift+Tab."""
    reasons = Qt.FocusReason
    control.setFocus(reasons.TabFocusReason if forward else reasons.BacktabFocusReason)


def next_outside(top: QWidget, *, forward: bool) -> QWidget | None:
    """Give the next control in the window that is not in a widget; None if there is none."""
    control = top
    while True:
        control = control.nextInFocusChain() if forward else control.previousInFocusChain()
        if control is None or control is top:
            return None
        if not top.isAncestorOf(control) and _takes_tab(control):
            return control


def _walk(part: QWidget) -> Iterator[QWidget]:
    for child in _by_lines(part):
        if _takes_tab(child):
            yield child
        yield from _walk(child)


def _by_lines(part: QWidget) -> list[QWidget]:
    """Give what is directly in a widget, line by line."""
    children = [
        child
        for child in part.children()
        if isinstance(child, QWidget) and child.isVisible() and not child.isWindow()
    ]
    children.sort(key=lambda child: child.geometry().top())
    lines: list[list[QWidget]] = []
    for child in children:
        if lines and child.geometry().center().y() < lines[-1][0].geometry().bottom():
            lines[-1].append(child)
        else:
            lines.append([child])
    rightwards = part.layoutDirection() == Qt.LayoutDirection.LeftToRight
    return [
        child
        for line in lines
        for child in sorted(
            line, key=lambda child: child.geometry().left() * (1 if rightwards else -1)
        )
    ]


def _takes_tab(control: QWidget) -> bool:
    by_tab = bool(control.focusPolicy() & Qt.FocusPolicy.TabFocus)
    return by_tab and control.isEnabled() and control.isVisible() and control.focusProxy() is None
