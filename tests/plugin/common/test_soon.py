"""What happens soon, and does not once its owner is gone."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication

from lineage_triplets.plugin.common.work import soon


def test_in_the_next_round_of_the_event_loop_and_once(qtbot):
    owner, done = QObject(), []
    soon(owner, lambda: done.append(1))

    assert not done
    qtbot.waitUntil(lambda: bool(done))
    QApplication.processEvents()
    assert done == [1]
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert not owner.children()


def test_not_at_all_once_the_owner_is_gone(qtbot):
    owner, other, done, later = QObject(), QObject(), [], []
    soon(owner, lambda: done.append(1))
    soon(other, lambda: later.append(1))
    owner.deleteLater()
    QApplication.sendPostedEvents(owner, QEvent.Type.DeferredDelete.value)

    qtbot.waitUntil(lambda: bool(later))
    assert not done
