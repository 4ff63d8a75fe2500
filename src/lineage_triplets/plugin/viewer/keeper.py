"""The viewer's side: layers of the FOV on screen, and where it looks."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.transforms._units import get_units_from_name
from qtpy.QtCore import QObject, Qt, Signal

from lineage_triplets.engine.errors import counted
from lineage_triplets.plugin.viewer.ahead import FramesAhead
from lineage_triplets.plugin.viewer.clicks import CellClicks
from lineage_triplets.plugin.viewer.image_layers import ImageLayers
from lineage_triplets.plugin.viewer.layer_stack import (
    LayerStack,
    SlotContrast,
    Viewpoint,
    is_open,
    still_canvas,
)
from lineage_triplets.plugin.viewer.marks import CutMark, PairOverlay, PairPlace, pair_place
from lineage_triplets.plugin.viewer.mask_layer import MaskLayer
from lineage_triplets.plugin.viewer.name_layer import Name, NameLayer
from lineage_triplets.plugin.viewer.shown_fov import ShownFov, Wanted, fov_of_state, prepare
from lineage_triplets.plugin.viewer.table_layers import TableLayers

if TYPE_CHECKING:
    from collections.abc import Generator

    from lineage_triplets.plugin.common.reason import CutPlace
    from lineage_triplets.plugin.common.session import Place, Session
    from lineage_triplets.plugin.viewer.lazy_image import Fault, FovImages
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.look.view import ReviewState

JOB = "images and tracks of the FOV"
_PATCHES_AROUND = 4.0
_PAIR_MARGIN = 1.3
_FOV_MARGIN = 1.05


class LayerKeeper(QObject):
    """Shows the FOV that is chosen in a viewer, in layers of its own.

    What is chosen is opened and read beside the event loop, and shown when it is there; a place
    or pair that is wanted meanwhile is looked at then.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    session : Session
    """

    _faulted = Signal(object, object)
    _came = Signal(object)
    _masks_faulted = Signal(str)

    def __init__(self, viewer: Any, session: Session) -> None:
        super().__init__()
        # napari's table of units is made by whoever needs it first: better now than with a layer.
        get_units_from_name(("pixel", "um"))
        self._viewer = viewer
        self._session = session
        self._stack = LayerStack(viewer)
        self._images = ImageLayers(self._stack)
        self._tables = TableLayers(self._stack)
        self._masks = MaskLayer(self._stack)
        self._pair = PairOverlay(self._stack)
        self._names = NameLayer(self._stack)
        self._view = Viewpoint(viewer, self._stack)
        self._contrast = SlotContrast(viewer, session)
        self._cut = CutMark(self._stack)
        self._clicks = CellClicks(viewer, session, self._view, lambda: self._shown)
        self._ahead = FramesAhead(session, self._faulted.emit, self._came.emit, self)
        self._marked: CutPlace | None = None
        # What is on screen as a whole, and what the layers were made for last.
        self._shown: ShownFov | None = None
        self._begun: ShownFov | None = None
        self._coming: Wanted | None = None
        self._look_next: Place | PairPlace | None = None
        self._told: tuple[str, str] | None = None
        self._told_masks: tuple[str, str] | None = None
        self._said: tuple[str, str, int] | None = None
        self._changing = False
        self._slots: tuple[tuple[Any, Any], ...] = (
            (session.state_changed, self._on_state),
            (session.closed, self._on_closed),
            (session.place_wanted, self._on_place),
            (session.pair_wanted, self._on_pair),
            (session.cut_marked, self._on_cut_marked),
            (session.outlines_changed, self._on_outlines),
            (session.tails_changed, self._on_tails),
        )
        for signal, slot in self._slots:
            signal.connect(slot)
        # Pixels are read in any thread, and in the middle of drawing.
        self._faulted.connect(self._on_fault, Qt.ConnectionType.QueuedConnection)
        self._came.connect(self._on_came, Qt.ConnectionType.QueuedConnection)
        self._masks_faulted.connect(session.failed, Qt.ConnectionType.QueuedConnection)
        viewer.dims.events.point.connect(self._on_step)
        viewer.dims.events.ndisplay.connect(self._on_step)
        viewer.scene.camera.events.zoom.connect(self._on_zoom)
        if session.review is not None:
            self._on_state(session.review.state)

    def leave(self) -> None:
        """Remove from the viewer what it made, and let go of it."""
        if not self._slots:
            return
        for signal, slot in self._slots:
            signal.disconnect(slot)
        self._slots = ()
        viewer = self._viewer
        if not is_open(viewer):
            self._stack.abandon()
        self._contrast.leave()
        viewer.dims.events.point.disconnect(self._on_step)
        viewer.dims.events.ndisplay.disconnect(self._on_step)
        viewer.scene.camera.events.zoom.disconnect(self._on_zoom)
        self._clicks.leave()
        self._session.work.cancel(JOB)
        self._on_closed()

    @property
    def place(self) -> tuple[str, str] | None:
        """Experiment and FOV on screen, or coming onto it."""
        return None if self._begun is None else self._begun.wanted.place

    # What is chosen

    def _on_state(self, state: ReviewState) -> None:
        review, work = self._session.review, self._session.work
        if review is None:
            return
        source = fov_of_state(review.data, state, self.place)
        if source is None:
            work.cancel(JOB)
            self._clear()
            return
        wanted = Wanted.of(review.data, source)
        if self._shown is not None and wanted.is_like(self._shown.wanted):
            work.cancel(JOB)
            self._coming = None
            self._arrive(state)
        elif not wanted.is_like(self._coming) or JOB not in work.running:
            self._prepare(wanted)

    def _prepare(self, wanted: Wanted) -> None:
        """Open and read what is to be shown, beside the event loop."""
        shown = self._shown
        keeps_images = shown is not None and wanted.has_images_of(shown.wanted)
        if shown is not None and keeps_images:
            images, t = shown.images, None
        else:
            fill = wanted.settings.missing_chunks == "fill"
            images = self._ahead.images_of(wanted.source, fill_absent=fill)
            t = self._first_frame()
        unknown = self._images.unknown(wanted.source.experiment, wanted.plans)
        self._coming = wanted
        self._session.work.start(
            self, JOB, lambda job: prepare(wanted, images, t, unknown, job.stopped), self._show
        )

    def _first_frame(self) -> int:
        """Give the frame of a FOV that will be looked at first."""
        wanted = self._look_next
        if isinstance(wanted, PairPlace):
            return wanted.t[0]
        if wanted is not None and wanted.t is not None:
            return wanted.t
        return self._view.t or 0

    def _show(self, ready: ShownFov) -> Generator[None, None, None]:
        """Show what is ready, layer by layer; the event loop goes on in between.

        The first FOV is drawn so, too, another once all is there; before what is patient begins.
        """
        with nullcontext() if self._begun is None else still_canvas(self._viewer):
            yield from self._change(ready)
            if self._view.t is not None:
                self._tables.step(self._view.t, self._view.z)
                yield
            review = self._session.review
            if review is not None:
                self._coming, self._shown = None, ready
                self._on_outlines()
                self._say_masks(ready)
                self._arrive(review.state)
                yield
        yield

    def _change(self, ready: ShownFov) -> Generator[None, None, None]:
        before, self._begun, self._shown = self._begun, ready, None
        source = ready.wanted.source
        n_frames, depth, height, width = ready.shape_tzyx
        self._images.learn(source.experiment, ready.contrast)
        scale, units, labels = ready.axes()
        other_axes = before is None or before.axes()[1] != units
        self._cut.hide()
        if other_axes:
            # Layers of unlike units beside each other would be a warning of napari's.
            self._tables.clear()
            self._pair.drop()
            self._names.drop()
        if not self._images.shows(ready.images):
            self._contrast.follow("")
            yield from self._view.widen(len(labels))
            yield from self._images.show(ready.images, ready.wanted.plans, scale, units, labels)
            self._contrast.follow(source.experiment)
        size = float(np.clip(min(ready.wanted.settings.yx_patch_size) / 6, 3, 24))
        self._tables.show_tails(self._session.with_tails)
        yield from self._tables.show(ready.cells, scale, units, n_frames, size)
        if self._pair.place is not None and _of(self._pair.place) != ready.wanted.place:
            self._pair.hide()
        if before is None:
            self._view.go(0)
        if other_axes:
            self._view.go(z=depth // 2)
        if before is None or before.shape_tzyx != ready.shape_tzyx:
            self._view.frame((0, 0, height, width), _FOV_MARGIN)

    def _arrive(self, state: ReviewState) -> None:
        """Look at what was wanted of the FOV that is on screen now."""
        wanted, self._look_next = self._look_next, None
        if wanted is not None and _of(wanted) == self.place:
            self._look(wanted)
            if self._marked is not None and _of(self._marked) == self.place:
                self._on_cut_marked(self._marked)
        self._choose_lineage(state)

    def _choose_lineage(self, state: ReviewState) -> None:
        """Draw out the lineage that is chosen."""
        cells = self._tables.cells
        found = cells is not None and state.lineage
        self._tables.choose(cells.index.names.find(state.lineage) if cells and found else -1)
        self._on_step()

    def _on_closed(self) -> None:
        self._clear()
        self._ahead.forget()
        self._images.forget()

    def _clear(self) -> None:
        self._shown = self._begun = self._coming = None
        self._look_next = self._told = self._told_masks = self._said = None
        self._contrast.follow("")
        self._stack.clear()
        self._pair.drop()
        self._names.drop()
        self._tables.clear()
        self._masks.drop()
        self._images.let_go()

    def _on_outlines(self) -> None:
        """Show the masks of the FOV on screen as outlines, if these are wanted."""
        shown = self._shown
        if shown is not None:
            wanted = shown.masks if self._session.outlined else None
            self._changing = True
            try:
                self._masks.show(wanted, shown.axes(), self._masks_faulted.emit)
            finally:
                self._changing = False
            self._on_zoom()

    def _on_zoom(self, _event: object = None) -> None:
        """Keep outlines as wide on the screen as can be seen."""
        screen_px = float(self._viewer.scene.camera.zoom * self._view.steps()[-1])
        self._masks.fit(screen_px)
        self._names.fit(screen_px)

    def _on_tails(self) -> None:
        """Draw the tails of all tracks of the FOV on screen, or those that are marked alone."""
        self._changing = True
        try:
            self._tables.show_tails(self._session.with_tails)
        finally:
            self._changing = False

    def _say_masks(self, shown: ShownFov) -> None:
        """Say which masks there are; of those that cannot be used, once a FOV."""
        fault, masks = shown.masks_fault, shown.masks
        if fault is not None and self._told_masks != shown.wanted.place:
            self._told_masks = shown.wanted.place
            self._session.failed.emit(str(fault))
        words = "This FOV has no masks." if masks is None else f"Here: {masks.masks.path}"
        missing = [] if masks is None else masks.masks.missing
        if missing:
            words += f"; none of {counted(len(missing), 'frame')}, the first {missing[0]}"
        self._session.masks_found.emit(str(fault or words), masks is not None)

    # Where the viewer is

    def _on_step(self, _event: object = None) -> None:
        shown, t = self._shown, self._view.t
        # Layers that change make the viewer's dims report again.
        if self._changing or shown is None or t is None:
            return
        self._changing = True
        try:
            self._tables.step(t, self._view.z)
            self._pair.step(t, self._view.z)
            self._name_cells(shown)
            self._say_blank(t)
        finally:
            self._changing = False
        now = (*shown.wanted.place, t)
        if now != self._said:
            self._said = now
            self._session.frame_changed.emit(*now)
            self._ahead.follow(shown, t, self._view.z)

    def _name_cells(self, shown: ShownFov) -> None:
        """Write who is who: at the rings, and at the boxes of a pair."""
        cells, pair = self._tables.cells, self._pair.place
        names: list[Name] = [] if pair is None else list(pair.names)
        others = np.empty((0, 2))
        if cells is not None and self._view.t is not None:
            here = cells.at(self._view.t)
            entries = [named.entry for named in self._tables.named]
            for named in self._tables.named:
                if pair is None or named.role not in {"anchor", "positive"}:
                    y, x = float(cells.y[named.entry]), float(cells.x[named.entry])
                    names.append(Name(named.role, named.words, y, x))
            places = np.stack([cells.y[here], cells.x[here]], axis=1)
            others = np.delete(places, np.array(entries, dtype=np.int64) - here.start, axis=0)
        scale, units, _ = shown.axes()
        axes = scale[1:], units[1:]
        self._names.show(names, others, self._tables.ring_px, self._view.z, axes)

    def _on_place(self, place: Place) -> None:
        if self._is_here(place):
            self._look(place)

    def _on_pair(self, pairs: PairList, number: int) -> None:
        place = pair_place(pairs, number)
        if self._is_here(place):
            self._look(place)

    def _is_here(self, place: Place | PairPlace) -> bool:
        """Whether the FOV is on screen; else it is chosen, and looked at when it is there."""
        review, coming = self._session.review, self._coming
        if self._shown is not None and (coming is None or coming.place == self.place):
            if _of(place) == self.place:
                return True
        elif coming is not None and coming.place == _of(place):
            self._look_next = place
            return False
        if review is not None:
            self._look_next = place
            state = review.state
            # Choosing a FOV lets go of the lineage in it.
            if (state.experiment, state.fov) == _of(place):
                self._on_state(state)
            elif not self._session.choose(experiment=place.experiment, fov=place.fov):
                self._look_next = None
        return False

    def _look(self, place: Place | PairPlace) -> None:
        review, shown = self._session.review, self._shown
        if shown is None or review is None:
            return
        n_frames = shown.shape_tzyx[0]
        t, z = (
            (place.t[0], place.cells[0][0]) if isinstance(place, PairPlace) else (place.t, place.z)
        )
        self._view.go(t if t is not None and 0 <= t < n_frames else None, z)
        self._changing = True
        try:
            if isinstance(place, PairPlace):
                scale, units, _ = shown.axes()
                self._tables.show_pair(place.tracks, place.t)
                self._pair.show(place, scale[1:], units[1:], place.t[0], self._view.z)
                self._view.frame(place.bounds, _PAIR_MARGIN)
            else:
                self._tables.mark(place.tracks)
                if place.y is not None and place.x is not None:
                    side = _PATCHES_AROUND * max(review.data.settings.yx_patch_size)
                    self._view.center(place.y, place.x, side)
        finally:
            self._changing = False
        self._on_step()

    def _on_cut_marked(self, cut: CutPlace | None) -> None:
        """Draw the link that is about to be cut; where its FOV is to come, once it is there."""
        self._marked = cut
        self._changing = True
        try:
            self._cut.show(cut, self._shown, self._view.z)
        finally:
            self._changing = False

    # What came late, and what cannot be read

    def _on_came(self, images: FovImages) -> None:
        """Draw what was still on its way."""
        self._images.draw_anew(images)

    def _on_fault(self, images: FovImages, _fault: Fault) -> None:
        if self._shown is not None and images is self._shown.images and self._view.t is not None:
            self._say_blank(self._view.t)

    def _say_blank(self, t: int) -> None:
        """Mark the layers of a frame that is blank, and say it once a FOV."""
        self._images.name(t)
        fault, place = self._images.fault_at(t), self.place
        if fault is not None and self._told != place:
            self._told = place
            # Writers leave out empty chunks: that is no failure.
            is_blank = fault.absent and not fault.gone
            tell = self._session.told if is_blank else self._session.failed
            tell.emit(fault.what)


def _of(place: Place | PairPlace | CutPlace) -> tuple[str, str]:
    return place.experiment, place.fov
