"""Frames that will be looked at next, read while nobody waits for anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject

from lineage_triplets.plugin.viewer.image_layers import channel_plans
from lineage_triplets.plugin.viewer.lazy_image import FovImages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.plugin.common.session import Place, Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.plugin.viewer.lazy_image import Fault
    from lineage_triplets.plugin.viewer.shown_fov import ShownFov
    from lineage_triplets.qc.open.data import ReviewData

JOB = "frames ahead"
# Planes larger than this are not read ahead.
_MOST_BYTES = 64 * 2**20
_STEPS = 2
_KEPT = 2


class FramesAhead(QObject):
    """Reads the frames after the one on screen, and those that panels foretell.

    Parameters
    ----------
    session : Session
    on_fault : callable
        Gets what cannot be read, as `FovImages` tells it.
    on_late : callable
        Gets images of which something came late.
    """

    def __init__(
        self,
        session: Session,
        on_fault: Callable[[FovImages, Fault], None],
        on_late: Callable[[FovImages], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._told: dict[str, Any] = {"on_fault": on_fault, "on_late": on_late}
        self._shown: ShownFov | None = None
        self._at: tuple[int, int | None] = (0, None)
        self._foretold: tuple[Place, ...] = ()
        self._kept: list[FovImages] = []
        session.foretold.connect(self._on_foretold)

    def images_of(self, source: FovSource, *, fill_absent: bool) -> FovImages:
        """Give the images of a FOV: those of which something was read ahead, or new ones."""
        found = next((images for images in self._kept if images.source is source), None)
        return found or FovImages(source, fill_absent=fill_absent, **self._told)

    def follow(self, shown: ShownFov, t: int, z: float | None) -> None:
        """Read on from a frame, and slice, that is on screen."""
        self._shown, self._at = shown, (t, None if z is None else round(z))
        self._begin()

    def forget(self) -> None:
        """Let go of all images."""
        self._shown, self._foretold, self._kept = None, (), []
        self._session.work.cancel(JOB)

    def _on_foretold(self, places: Sequence[Place]) -> None:
        self._foretold = tuple(places)
        if self._shown is not None:
            self._begin()

    def _begin(self) -> None:
        review, shown = self._session.review, self._shown
        if review is None or shown is None:
            return
        data, places, (t, z) = review.data, self._foretold, self._at
        kept = [shown.images, *self._kept]

        def run(job: Job) -> list[FovImages]:
            for step in range(1, _STEPS + 1):
                _read(data, shown.images, t + step, z, job)
            others = []
            for place in places:
                source = None if job.stopped() else data.source_of(place.experiment, place.fov)
                if source is not None:
                    images = next((known for known in kept if known.source is source), None)
                    images = images or self.images_of(
                        source, fill_absent=data.settings.missing_chunks == "fill"
                    )
                    _read(data, images, t if place.t is None else place.t, None, job)
                    others.append(images)
            return [images for images in others if images is not shown.images]

        self._session.work.start(self, JOB, run, self._keep, patient=True)

    def _keep(self, found: list[FovImages]) -> None:
        others = [images for images in self._kept if images not in found]
        self._kept = [*dict.fromkeys(found), *others][:_KEPT]


def _read(data: ReviewData, images: FovImages, t: int, z: int | None, job: Job) -> None:
    """Read the slots of a frame, so that drawing them finds their chunks decoded."""
    for plan in channel_plans(data, images.source):
        if plan.visible and not job.stopped():
            read_ahead(images, plan.number, t, z)


def read_ahead(images: FovImages, channel: int, t: int, z: int | None = None) -> None:
    """Read a channel's frame: one slice, by default the middle one; nothing where there is none."""
    n_frames, _, depth, height, width = images.shapes[0]
    if not 0 <= t < n_frames or height * width * images.dtype.itemsize > _MOST_BYTES:
        return
    z = depth // 2 if z is None or not 0 <= z < depth else z
    first = (slice(t, t + 1), slice(channel, channel + 1), slice(z, z + 1))
    images.read(0, (*first, slice(0, height), slice(0, width)))
