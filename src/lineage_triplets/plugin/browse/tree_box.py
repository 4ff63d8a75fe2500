"""The tree with its choices: one lineage with others kept beside it, or a whole FOV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QToolButton, QVBoxLayout, QWidget

from lineage_triplets.plugin.browse.tree import tree_of
from lineage_triplets.plugin.browse.tree_colours import TreeColours
from lineage_triplets.plugin.browse.tree_thumbs import TreeThumbs
from lineage_triplets.plugin.browse.tree_view import TreeView
from lineage_triplets.plugin.common.flow import FlowLayout
from lineage_triplets.plugin.common.fov_part import FovPart
from lineage_triplets.plugin.common.keys import Key, KeyGroup, LettersStay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QShowEvent

    from lineage_triplets.plugin.browse.tree import Tree
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.look.view import ReviewState

KEYS = KeyGroup(
    "What the tree shows",
    (
        Key("M", "the whole FOV; the lineage alone", lambda panel: panel.box.switch_scope()),
        Key("N", "keep the lineage beside the next ones", lambda panel: panel.box.keep.click()),
        Key("Y", "the next colour of its lines", lambda panel: panel.box.colours.step()),
        Key("I", "pictures of cells at its nodes", lambda panel: panel.box.pictures.click()),
    ),
)


@dataclass(frozen=True)
class Shown:
    """What a tree is of: the same trees are zoomed and scrolled alike.

    Attributes
    ----------
    place : (str, str)
        Experiment and FOV.
    roots : tuple of str or None
        ``lineage_id`` of those that are shown; None for all.
    """

    place: tuple[str, str]
    roots: tuple[str, ...] | None


class TreeBox(QWidget):
    """A tree, and what it is of.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    view : TreeView
    scope_changed : Signal()
        Something else is to be shown.
    """

    scope_changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tree_box")
        self.view = TreeView(self)
        self._kept: tuple[str, ...] = ()
        self._lineage = ""
        self._shown: Shown | None = None
        self._part: FovPart | None = None
        self.scope = QComboBox(self)
        self.scope.setObjectName("tree_scope")
        self.scope.setAccessibleName("What the tree shows")
        self.scope.addItems(["this lineage", "whole FOV"])
        self.scope.setToolTip("The lineage that is selected, or all of its FOV (M)")
        LettersStay(self.scope)
        self.scope.currentIndexChanged.connect(self.scope_changed)
        self.keep = QToolButton(self)
        self.keep.setObjectName("keep_lineage")
        self.keep.setText("Keep")
        self.keep.setCheckable(True)
        self.keep.setToolTip(
            "Keep this lineage in the tree beside those that are selected next (N)"
        )
        self.keep.clicked.connect(self._on_keep)
        self.head = FlowLayout()
        self.head.addWidget(self.scope)
        self.head.addWidget(self.keep)
        self.colours = TreeColours(session, self)
        self.colours.changed.connect(self._show_values)
        self.pictures = QCheckBox("Pictures", self)
        self.pictures.setObjectName("tree_pictures")
        self.pictures.setToolTip("Pictures of cells where tracks begin, divide and end (I)")
        self.pictures.setChecked(True)
        self.pictures.toggled.connect(self._show_thumbs)
        self.thumbs = TreeThumbs(session, self)
        self.thumbs.read.connect(self._draw_thumbs)
        self.view.moved.connect(self._want_thumbs)
        self.head.addWidget(self.colours, 1)
        self.head.addWidget(self.pictures)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(self.head)
        layout.addWidget(self.view, 1)

    @property
    def tree(self) -> Tree | None:
        """What is shown."""
        return self.view.tree

    def switch_scope(self) -> None:
        """Show the whole FOV, or the lineage alone."""
        self.scope.setCurrentIndex(1 - self.scope.currentIndex())

    def clear(self, hint: str) -> None:
        """Show nothing, and say why."""
        self._shown, self._part, self._lineage = None, None, ""
        self.view.show_tree(None, hint)
        self._follow(None)

    def show_state(
        self,
        review: Review,
        state: ReviewState,
        findings: Sequence[Finding],
        on_screen: tuple[str, str] | None,
    ) -> None:
        """Show the tree of what is chosen.

        Parameters
        ----------
        review : Review
        state : ReviewState
        findings : sequence of Finding
            Open ones of its FOV.
        on_screen : (str, str) or None
            Experiment and FOV that the viewer shows, where none is chosen.
        """
        whole = self.scope.currentIndex() == 1
        place = (state.experiment, state.fov)
        if whole and not all(place):
            place = on_screen or place
        self._lineage = state.lineage
        self.keep.setEnabled(bool(state.lineage) and not whole)
        self.keep.setChecked(state.lineage in self._kept)
        if not (state.lineage or (whole and all(place))):
            self._shown = None
            hint = "Choose a FOV" if whole else "Select a lineage to see its tree"
            self.view.show_tree(None, hint)
            self._follow(None)
            return
        part = self._part_of(review, place)
        roots = None if whole else self._roots(part, state.lineage)
        tree = None if part is None else tree_of(part, roots, findings, review.effect)
        shown = Shown(place, roots)
        same, before, node = shown == self._shown, self.view.tree, self.view.node
        self._shown = shown
        self.view.show_tree(tree, "No cell is here", keep_zoom=same)
        if tree is not None and len(tree.roots) > 1:
            self.view.show_band(tree.rows_of(state.lineage))
        self._follow(part)
        # What was chosen stays, in another scope too, as long as it is of the lineage.
        if tree is not None and before is not None and node is not None:
            name = before.names[node[0]]
            if before.place == tree.place and name in tree.names:
                row = tree.names.index(name)
                if tree.lineage_id(row) == state.lineage:
                    self.mark(name, node[1])

    def mark(self, track: str, t: int) -> bool:
        """Mark a track at a frame; False where it is not in the tree.

        Parameters
        ----------
        track : str
            Its number, with ``@t`` after a cut.
        t : int
        """
        tree = self.view.tree
        if tree is None or track not in tree.names:
            return False
        row = tree.names.index(track)
        first, last = int(tree.layout.first_t[row]), int(tree.layout.last_t[row])
        self.view.set_node(row, min(max(t, first), last))
        return True

    def _follow(self, part: FovPart | None) -> None:
        """Read pictures and values of the tree that is shown now, and of no other."""
        self.thumbs.set_part(part)
        self.colours.set_part(part)
        self._show_values()
        self._show_thumbs()

    def _show_values(self) -> None:
        tree = self.view.tree
        self.view.show_values(None if tree is None else self.colours.values_of(tree.cells))

    def _show_thumbs(self) -> None:
        self.view.show_thumbs(self.thumbs if self.pictures.isChecked() else None)
        self._want_thumbs()

    def _draw_thumbs(self) -> None:
        if self.pictures.isChecked():
            self.view.show_thumbs(self.thumbs)

    def _want_thumbs(self) -> None:
        """Read the pictures that are in sight."""
        wanted = self.pictures.isChecked() and self.isVisible()
        self.thumbs.want([thumb.cell for thumb in self.view.thumbs()] if wanted else [])

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Read what nobody looked at before."""
        super().showEvent(event)
        self._want_thumbs()

    def _part_of(self, review: Review, place: tuple[str, str]) -> FovPart | None:
        """Give a FOV's tracks and cells; what was taken out last is kept."""
        data, part = review.data, self._part
        exclude = data.effect.exclusions_near(*place)
        if (
            part is None
            or part.index is not data.linked
            or part.place != place
            or part.exclude != exclude
        ):
            self._part = FovPart.of(data.linked, *place, exclude)
        return self._part

    def _roots(self, part: FovPart | None, lineage: str) -> tuple[str, ...]:
        """Lineages that were kept, as far as they are of this FOV, and the one that is selected."""
        prefix = "" if part is None else part.source.id_prefix
        kept = [name for name in self._kept if name.startswith(prefix)]
        return tuple(dict.fromkeys([*kept, lineage]))

    def _on_keep(self, kept: bool) -> None:
        others = tuple(name for name in self._kept if name != self._lineage)
        self._kept = (*others, self._lineage) if kept else others
        self.scope_changed.emit()
