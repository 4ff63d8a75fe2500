"""Browse: find a lineage, see its tree, go where it matters, decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QSplitter, QVBoxLayout, QWidget

from lineage_triplets.engine.index.names import word_within
from lineage_triplets.plugin.browse.decide_bar import CellMenu, DecideBar
from lineage_triplets.plugin.browse.lineage_list import LineageList, PlacePickers
from lineage_triplets.plugin.browse.model import LineageRows
from lineage_triplets.plugin.browse.tree_box import TreeBox
from lineage_triplets.plugin.common.keys import key_groups
from lineage_triplets.plugin.common.reason import CutPlace, Spot, cut_place
from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.session import Place
from lineage_triplets.qc.decide.links import joins

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.look.view import ReviewState
    from lineage_triplets.qc.record.decision import Target

_JOB = "lineages"
# Decisions and settings may follow each other fast; the row decided about is right at once.
_PATIENCE_MS = 120
_KEYS_OF = (
    "browse.decide_bar",
    "browse.lineage_list",
    "browse.tree_view",
    "browse.tree_box",
    "common.bad_fov",
    "common.outlines",
    "common.tails",
    "common.reason",
)


class BrowsePanel(QWidget):
    """Lineages of the open review, the tree of the one selected, and decisions about them.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    wanted : Signal()
        Something here asks for a person's answer.
    """

    wanted = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("browse")
        self._session = session
        self._state: ReviewState | None = None
        self._findings: dict[tuple[str, str], list[Finding]] = {}
        self._viewer_at: tuple[str, str, int] | None = None
        self._filled = False
        self._refresh = Refresh(
            session,
            _JOB,
            _lineage_job,
            self._show_lineages,
            wait_ms=_PATIENCE_MS,
            of=lambda review: review.intent.dataset,
            parent=self,
        )
        self.pickers = PlacePickers(session, self)
        self.lineages = LineageList(self)
        self.box = TreeBox(session, self)
        self.tree = self.box.view
        self.bar = DecideBar(session, key_groups(*_KEYS_OF), self)
        self.menu = CellMenu(self.bar.cut, self)
        splitter = QSplitter(Qt.Orientation.Vertical, self)
        splitter.setObjectName("browse_splitter")
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.lineages)
        splitter.addWidget(self.box)
        splitter.setStretchFactor(0, 2)
        splitter.setStretchFactor(1, 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.pickers)
        layout.addWidget(splitter, 1)
        layout.addWidget(self.bar)
        self.lineages.chosen.connect(lambda lineage: session.choose(lineage=lineage))
        self.lineages.many_changed.connect(
            lambda: self.bar.set_many(self.lineages.n_selected, self.lineages.selected)
        )
        self.lineages.table.activated.connect(self._on_activated)
        self.box.scope_changed.connect(self._draw)
        self.tree.node_chosen.connect(self._on_node)
        self.tree.link_wanted.connect(self._ask_to_link)
        self.tree.menu_wanted.connect(lambda at: self.menu.open_for(self.bar.spot, at))
        self.menu.aboutToShow.connect(lambda: self._mark_cut(self.bar.spot))
        self.menu.aboutToHide.connect(lambda: self._mark_cut(None))
        self.menu.cut_wanted.connect(self.wanted)
        session.menu_wanted.connect(lambda: self.menu.open_for(self.bar.spot))
        self.bar.cut_asked.connect(self._mark_cut)
        self.bar.decided.connect(self._on_decided_here)
        self.bar.gone_back.connect(self._on_gone_back)
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)
        session.state_changed.connect(self._on_state)
        session.findings_changed.connect(self._refresh.later)
        session.frame_changed.connect(self._on_frame)
        session.place_wanted.connect(self._on_place)
        session.pair_wanted.connect(self._on_pair)
        self._first_wanted = False
        self._on_closed()

    @property
    def is_reading(self) -> bool:
        """Whether the list of lineages is, or will be, read anew."""
        return self._refresh.is_due

    def show_first(self) -> None:
        """Go to a lineage with pairs as soon as they are listed, unless one is selected."""
        self._first_wanted = True

    def show_node(self, track: str, t: int) -> None:
        """Mark a track of the lineage shown at a frame, as if it was clicked.

        Parameters
        ----------
        track : str
            Its number, with ``@t`` after a cut.
        t : int
        """
        if self.box.mark(track, t):
            self._say_where()

    def _on_opened(self, review: Review) -> None:
        self._filled = False
        self.lineages.show_reading()
        # Stores and tables read anew change everything, and come with no change of the choice.
        review.events.data.connect(self._on_data)

    def _on_data(self) -> None:
        self._filled = False
        review = self._session.review
        if review is not None:
            self._session.attempt(lambda: self._on_state(review.state))
        self._refresh.later()

    def _on_closed(self) -> None:
        self._state = self._viewer_at = None
        self._findings = {}
        self.lineages.set_rows(LineageRows())
        self.box.clear("Open a config, or make a new one")
        self.bar.reason.put_away()
        self.bar.set_spot(Spot())

    def _on_state(self, state: ReviewState) -> None:
        review = self._session.review
        if review is None:
            return
        if not self._filled:
            self._filled = True
            self.pickers.fill(review)
        before, self._state = self._state, state
        self.pickers.follow(state.intent)
        self.lineages.set_place(state.intent.experiment, state.intent.fov)
        self._update_row(review, state)
        self.lineages.select(state.lineage)
        if state.lineage and self.isVisible():
            self._session.foretold.emit(self.lineages.foretold())
        self._draw()
        if before is None:
            self._refresh.now()
        elif not self._refresh.is_current:
            self._refresh.later()

    def _update_row(self, review: Review, state: ReviewState) -> None:
        """Show the selected lineage's decision before all others are read again."""
        if state.view is None:
            return
        excluded = state.view.part.excluded
        root = state.view.tracks["track"].iloc[int(np.argmin(state.view.tracks["parent"]))]
        target = Spot(state.experiment, state.fov, lineage=root).target("lineage")
        word = "accepted" if target in review.effect.accepted else ""
        if excluded.any():
            word = "rejected" if excluded.all() else "partly rejected"
        included = state.view.part.included
        # What matches a cell by equal columns lies outside the lineage; the list counts it anew.
        anchors = len(included.anchor_rows) if included.matches is None else len(included)
        anchors = 0 if excluded.all() else anchors
        self.lineages.model.set_decision(state.lineage, word, anchors)

    def _draw(self) -> None:
        review, state = self._session.review, self._state
        if review is None or state is None:
            return
        on_screen = None if self._viewer_at is None else self._viewer_at[:2]
        place = (state.experiment, state.fov)
        open_here = self._findings.get(place if all(place) else on_screen or place, [])
        self.box.show_state(review, state, open_here, on_screen)
        self._show_frame()
        self._say_where()

    def _say_where(self) -> None:
        """Tell the bar what it decides about."""
        state, node, tree = self._state, self.tree.node, self.tree.tree
        if state is None:
            return
        place = (state.experiment, state.fov)
        frame = self._viewer_at[2] if self._viewer_at and self._viewer_at[:2] == place else None
        spot = Spot(*place, frame=frame)
        if tree is not None and state.lineage:
            root = word_within(state.lineage, *place)
            spot = Spot(*place, lineage=root, frame=frame)
            if node is not None:
                layout, mother = tree.layout, int(tree.layout.parent[node[0]])
                spot = Spot(
                    *place,
                    lineage=tree.names[tree.root(node[0])],
                    track=tree.names[node[0]],
                    t=node[1],
                    frame=frame,
                    first_t=int(layout.first_t[node[0]]),
                    mother=tree.names[mother] if mother >= 0 else "",
                )
        self.bar.set_spot(spot)

    def _show_lineages(self, found: tuple[LineageRows, list[Finding]]) -> None:
        rows, findings = found
        self._findings = {}
        for finding in findings:
            self._findings.setdefault((finding.experiment, finding.fov), []).append(finding)
        self.lineages.set_rows(rows)
        self._draw()
        if self._first_wanted and rows.row_of:
            self._first_wanted = False
            if not self.lineages.lineage:
                self.lineages.go_to_first()
                self._on_activated()

    def _on_activated(self) -> None:
        """Go to the first cell of the lineage."""
        state, tree = self._state, self.tree.tree
        if state is not None and tree is not None:
            word = word_within(state.lineage, *tree.place)
            root = tree.names.index(word) if word in tree.names else int(tree.roots[0])
            self._go(root, int(tree.layout.first_t[root]))

    def _on_node(self, track: int, t: int) -> None:
        tree, state = self.tree.tree, self._state
        if tree is None or state is None:
            return
        lineage = tree.lineage_id(track)
        if lineage != state.lineage:
            self._session.choose(lineage=lineage)
        self._say_where()
        self._go(track, t)

    def _go(self, track: int, t: int) -> None:
        """Take the viewer to a track's cell at a frame, or the nearest frame that has one."""
        tree = self.tree.tree
        cell = None if tree is None else tree.cell(track, t)
        if tree is not None and cell is not None:
            z, y, x = tree.position(cell)
            place = Place(*tree.place, int(tree.t_of[cell]), y, x, z, (tree.names[track],))
            self._session.look_at(place)

    def _ask_to_link(self, source: int, target: int) -> None:
        """Ask for the reason of a link from one track's end to another's start, if it can be."""
        review, tree = self._session.review, self.tree.tree
        ends = None if tree is None else tree.ends(source, target)
        if review is None or tree is None or ends is None:
            return
        link = tree.join(*ends)
        # The same checks as when it is made, before anybody thinks of a reason.
        if self._session.attempt(lambda: joins(review.data, link, "proposed")):
            self.bar.ask_to_link(link)
            cells = tree.position(ends[0]), tree.position(ends[1])
            frames = (link.t or 0, link.to_t or 0)
            self._session.cut_marked.emit(
                CutPlace(*tree.place, frames, cells, "to be linked", crossed=False)
            )

    def _on_frame(self, experiment: str, fov: str, t: int) -> None:
        self._viewer_at = (experiment, fov, t)
        self._show_frame()
        self._say_where()

    def _show_frame(self) -> None:
        state, at = self._state, self._viewer_at
        here = state is not None and at is not None and at[:2] == (state.experiment, state.fov)
        self.tree.set_frame(at[2] if at is not None and here else None)

    def _on_place(self, place: Place) -> None:
        """Mark in the tree where somebody goes, if it is of this lineage."""
        state = self._state
        here = state is not None and (place.experiment, place.fov) == (state.experiment, state.fov)
        if here and place.tracks and place.t is not None:
            self.show_node(place.tracks[0], place.t)

    def _on_pair(self, pairs: PairList, number: int) -> None:
        """Mark in the tree the pair that somebody looks at, as far as it is here."""
        tree, nodes = self.tree.tree, []
        for meta in (pairs.anchors[number], pairs.positives[number]):
            place = (meta["experiment"], meta["fov_name"])
            word = word_within(meta["global_track_id"], *place)
            here = tree is not None and tree.place == place and word in tree.names
            nodes.append((tree.names.index(word), int(meta["t"])) if tree and here else None)
        self.tree.show_pair(nodes[0], nodes[1])

    def _mark_cut(self, spot: Spot | None) -> None:
        """Mark the link that is about to be cut, here and in the viewer."""
        view = None if self._state is None else self._state.view
        place = None if spot is None or view is None else cut_place(view, spot)
        self.tree.set_cut(None if place is None else place.frames)
        self._session.cut_marked.emit(place)

    def _on_decided_here(self, target: Target) -> None:
        if target.level == "lineage" and self.bar.go_on.isChecked():
            self.lineages.select_next_undecided()

    def _on_gone_back(self, target: Target) -> None:
        """Show the lineage about which something was undone or redone."""
        if target.level == "lineage" and target.id in self.lineages.model.rows.row_of:
            self._session.choose(lineage=target.id)


def _lineage_job(snapshot: Review) -> Callable[[Job], tuple[LineageRows, list[Finding]]]:
    """Make the job that lists the lineages and what is open about them."""

    def run(_job: Job) -> tuple[LineageRows, list[Finding]]:
        found = [known.finding for known in snapshot.findings() if known.status == "open"]
        counted = [finding for finding in found if finding.severity != "note"]
        return LineageRows.of(snapshot.data, counted), found

    return run
