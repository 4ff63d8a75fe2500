"""A link that is proposed in a tree: from a track's end to the pointer, or to the chosen track."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF

from lineage_triplets.plugin.browse.tree_painter import paint_link

if TYPE_CHECKING:
    from qtpy.QtGui import QPainter

    from lineage_triplets.plugin.browse.tree_view import TreeView

_REACH_PX = 20.0


class TreeLinking:
    """Holds the link while it is drawn.

    Parameters
    ----------
    view : TreeView

    Attributes
    ----------
    source : int or None
        Row of the track whose end is about to be linked; None while none is.
    """

    def __init__(self, view: TreeView) -> None:
        self._view = view
        self.source: int | None = None
        self._at: QPointF | None = None

    def draw(self, source: int, at: QPointF | None) -> None:
        """Draw a link from a track's end to a pixel; for None to the chosen track."""
        self.source, self._at = source, at
        self._view.viewport().update()

    def stop(self) -> bool:
        """Draw none any more; False if none was drawn."""
        drawn, self.source = self.source is not None, None
        self._view.viewport().update()
        return drawn

    def drop(self, at: QPointF, nearest: int | None) -> None:
        """Propose the link to the start that is at a pixel; where nothing is, there is none.

        Parameters
        ----------
        at : QPointF
        nearest : int or None
            The track that is there: on its middle its start is meant, and the review says whether
            that can be.
        """
        self._at = at
        source, target = self.source, self.target
        self.stop()
        target = nearest if target is None else target
        if source is not None and target is not None:
            self._view.link_wanted.emit(source, target)

    def take_by_key(self) -> None:
        """Take the chosen track's end, or propose a link from it to the chosen track's start."""
        node, source, target = self._view.node, self.source, self.target
        if node is None:
            return
        if source is None:
            self.draw(node[0], None)
        elif target is not None:
            self.stop()
            self._view.link_wanted.emit(source, target)

    @property
    def target(self) -> int | None:
        """Row of the track to whose start it is drawn."""
        view, tree = self._view, self._view.tree
        if tree is None or self.source is None:
            return None
        target: int | None
        if self._at is None:
            target = None if view.node is None else view.node[0]
        else:
            target = view.scale().start_near(tree.layout, self._at.x(), self._at.y(), _REACH_PX)
        return None if target == self.source else target

    def paint(self, painter: QPainter) -> None:
        """Paint it, if there is one."""
        tree, target = self._view.tree, self.target
        if tree is not None and self.source is not None and (self._at or target is not None):
            at = self._at or QPointF()
            paint_link(painter, tree, self._view.scale(), self.source, at, target)
