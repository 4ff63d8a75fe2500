"""What moves over a tree: where the viewer is, what is chosen, who is who, what will be cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen

from lineage_triplets.plugin.browse.tree_painter import faint, paint_cut, paint_role
from lineage_triplets.qc.look.roles import kin_of, kin_role

if TYPE_CHECKING:
    from lineage_triplets.plugin.browse.tree_layout import TreeLayout
    from lineage_triplets.plugin.browse.tree_scale import TreeScale
    from lineage_triplets.qc.look.roles import Role

    Node = tuple[int, int]

_COLOUR = QColor(0, 170, 200)


@dataclass
class TreeMarks:
    """Marks of a tree; tracks are its rows, and a node is a track at a frame.

    Attributes
    ----------
    frame : int or None
        That the viewer shows.
    node : (int, int) or None
        That is chosen.
    cut : tuple of nodes, or None
        The ends of the link that is about to be cut.
    band : (float, float) or None
        Columns of what is drawn out.
    pair : tuple
        Nodes of the anchor and the positive that somebody looks at; None for one that is not here.
    """

    frame: int | None = None
    node: Node | None = None
    cut: tuple[Node, Node] | None = None
    band: tuple[float, float] | None = None
    pair: tuple[Node | None, Node | None] = (None, None)

    def forget(self) -> None:
        """Keep where the viewer is, and nothing that was of another tree."""
        self.node = self.cut = self.band = None
        self.pair = (None, None)

    def roles(self, layout: TreeLayout) -> list[tuple[Role, int, int]]:
        """Give who is who: role, track and frame of the pair, and of the chosen track's kin."""
        of_pair: tuple[Role, Role] = ("anchor", "positive")
        found: list[tuple[Role, int, int]] = [
            (role, *node) for role, node in zip(of_pair, self.pair, strict=True) if node
        ]
        if self.node is not None:
            chosen = self.node[0]
            for track in kin_of(layout.parent, chosen):
                role = kin_role(layout.parent, track, chosen)
                if role is not None:
                    found.append((role, track, int(layout.first_t[track])))
        return found

    def paint(self, painter: QPainter, layout: TreeLayout, scale: TreeScale, area: QRectF) -> None:
        """Paint them all.

        Parameters
        ----------
        painter : QPainter
        layout : TreeLayout
        scale : TreeScale
        area : QRectF
            Where the tree is.
        """

        def place(node: Node) -> QPointF:
            return QPointF(scale.x(float(layout.x[node[0]])), scale.y(node[1]))

        if self.band is not None:
            left, right = (scale.x(column) for column in self.band)
            band = QRectF(left, area.top(), right - left, area.height())
            painter.fillRect(band, faint(_COLOUR, 45))
        if self.frame is not None:
            y = scale.y(self.frame)
            painter.setPen(QPen(_COLOUR, 2))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        if self.cut is not None:
            paint_cut(painter, place(self.cut[0]), place(self.cut[1]))
        for role, *node in self.roles(layout):
            paint_role(painter, place((node[0], node[1])), role)
        if self.node is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(_COLOUR, 2.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(place(self.node), 6, 6)
