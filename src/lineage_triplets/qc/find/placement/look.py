"""Looks at one FOV: reads some of its frames, and judges its table by them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import StoppedError, StoreError
from lineage_triplets.engine.plates.written import has_pixels
from lineage_triplets.qc.find.placement.hypotheses import Hypothesis, rows_at
from lineage_triplets.qc.find.placement.judge import Judgement, judge
from lineage_triplets.qc.find.placement.scene import Scene, SceneReader
from lineage_triplets.qc.find.placement.verdict import Placement, placement_of
from lineage_triplets.qc.find.placement.z import ZJudgement, judge_z, seen_slices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.tracks.table import TrackTable

_BYTES_FOR_Z = 256_000_000
_MOST_FRAMES_FOR_Z = 8
_AS_IS = Hypothesis()
_ROWS_FOR_CORNER = 60
_CORNER = 0.7
_WORTH_FINER = {"unknown", "cannot-tell"}


def look_at_fov(
    source: FovSource,
    table: TrackTable,
    likely: Sequence[Hypothesis] = (),
    *,
    stop: Callable[[], bool] | None = None,
) -> tuple[Placement, Hypothesis] | None:
    """Tell whether an FOV's table lies on its images.

    Parameters
    ----------
    source : FovSource
    table : TrackTable
        As it is taken to lie in the image: the config's transform applied.
    likely : sequence of Hypothesis
        What was found in other FOVs of the experiment.
    stop : callable, optional
        Asked between frames, and before each step of a search.

    Returns
    -------
    (Placement, Hypothesis) or None
        The hypothesis is for the next FOVs. None if it was stopped.
    """
    place = source.experiment, source.fov.name
    reader = SceneReader(source, table, stop)
    signs = table_signs(table, source.fov.shape)

    def untold(why: str) -> tuple[Placement, Hypothesis]:
        return Placement(*place, "cannot-tell", why=why.rstrip("."), signs=signs), _AS_IS

    if not len(table.t):
        return untold("the table has no rows")
    if not has_pixels(source.fov):
        return untold("no chunk of the images is on disk")
    try:
        scene = reader.scene()
        judgement = None if scene is None else judge(scene, likely)
        if judgement is not None and reader.is_binned and judgement.status in _WORTH_FINER:
            scene = reader.scene(finer=True)
            judgement = judgement if scene is None else judge(scene, likely)
    except StoppedError:
        return None
    except StoreError as error:
        return untold(f"the images cannot be read: {error.problems[0].message}")
    if stop is not None and stop():
        return None
    if scene is None or judgement is None:
        return untold(f"no frame can be read: {reader.unreadable}")
    placement = placement_of(
        *place,
        judgement,
        scene.frames,
        scene.shape,
        pixel_size_um=scene.pixel_size_um,
        before=source.track_transform,
        z=_look_at_z(source, table, scene, judgement, reader),
    )
    if placement.status == "cannot-tell":
        placement = replace(placement, signs=signs)
    return placement, judgement.hypothesis if judgement.status == "misfit" else _AS_IS


def table_signs(table: TrackTable, shape: tuple[int, int, int, int, int]) -> tuple[str, ...]:
    """Say what looks odd about a table's frames and positions, images unseen.

    Parameters
    ----------
    table : TrackTable
    shape : tuple of int
        (T, C, Z, Y, X) of the image.
    """
    if not len(table.t):
        return ()
    n_frames, _, _, height, width = shape
    signs = []
    if table.t.min() == 1 and table.t.max() == n_frames and n_frames > 1:
        signs.append(
            f"It has no row in frame 0, and rows in frame {n_frames}, one past the last: its "
            "frames may count from 1."
        )
    corner = table.y.max() / height, table.x.max() / width
    if len(table.t) >= _ROWS_FOR_CORNER and max(corner) < _CORNER and min(corner) > 0:
        signs.append(
            f"Its rows fill the first {corner[0]:.0%} of the image's height and {corner[1]:.0%} of "
            "its width alone: its positions may be in micrometres."
        )
    return tuple(signs)


def _look_at_z(
    source: FovSource, table: TrackTable, scene: Scene, judgement: Judgement, reader: SceneReader
) -> ZJudgement | None:
    """Judge slices, where the table lies on the images in y and x, and slices follow the cells."""
    depth = source.fov.shape[2]
    if depth < 2 or source.z_start is not None or judgement.status not in {"fits", "misfit"}:
        return None
    if judgement.hypothesis.reversed_time:
        return None
    detector = judgement.objects.detector
    channel = tuple(dict.fromkeys(source.channels))[detector.channel]
    frame_bytes = 4 * depth * scene.shape[0] * scene.shape[1]
    n_frames = min(_MOST_FRAMES_FOR_Z, len(scene.frames), _BYTES_FOR_Z // max(frame_bytes, 1))
    if not n_frames:
        return None
    chosen = np.unique(np.linspace(0, len(scene.frames) - 1, n_frames).astype(int))
    frames = [scene.frames[number] for number in chosen]
    try:
        stacks = [reader.stack(t, (channel,), depth)[0] for t in frames]
    except StoreError:
        return None
    known = judgement.hypothesis
    rows = rows_at(
        frames, table.t, np.arange(len(table.t)), table.y, table.x, first_frame=known.first_frame
    )
    row_of, placed = rows.track, known.place(rows)
    seen = seen_slices(stacks, placed, detector.width, bright=detector.bright)
    there = np.isfinite(seen)
    at = row_of[there]
    return judge_z(table.z[at], table.track_id[at], rows.frame[there], seen[there], depth)
