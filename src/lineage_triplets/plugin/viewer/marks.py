"""What is drawn over the images: the pair looked at, and the link that is about to be cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Shapes

from lineage_triplets.engine.index.names import word_within
from lineage_triplets.plugin.viewer.name_layer import Name
from lineage_triplets.qc.look.roles import ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import Float64Array
    from lineage_triplets.plugin.common.reason import CutPlace
    from lineage_triplets.plugin.viewer.layer_stack import LayerStack
    from lineage_triplets.plugin.viewer.shown_fov import ShownFov
    from lineage_triplets.qc.look.pairs import PairList

OVERLAY_ROLE = "pair"
_OVERLAY_ORDER = 400
_ANCHOR, _POSITIVE, _LINE = (ROLES[role].hex for role in ("anchor", "positive", "cell"))
_FAINT = 0.35
_WIDTH_SHARE = 120
CUT_ROLE = "link to cut"
_CUT_ORDER = 500
_COLOR = "#ff40ff"


@dataclass(frozen=True)
class PairPlace:
    """Where a pair is.

    Attributes
    ----------
    experiment, fov : str
    t : (int, int)
        Frame of anchor and positive.
    cells : tuple of (float, float, float)
        (z, y, x) of both cells, in pixels.
    boxes : tuple of (float, float, float, float)
        Outer edges of both patches, in pixels: top, left, bottom, right.
    tracks : (str, str)
        Numbers of the tracks of both, with ``@t`` after a cut.
    words : (str, str)
        What is written at the boxes.
    """

    experiment: str
    fov: str
    t: tuple[int, int]
    cells: tuple[tuple[float, float, float], tuple[float, float, float]]
    boxes: tuple[tuple[float, float, float, float], tuple[float, float, float, float]]
    tracks: tuple[str, str]
    words: tuple[str, str]

    @property
    def names(self) -> tuple[Name, Name]:
        """What is written at the boxes, over the first and under the second."""
        (first, second), (one, other) = self.boxes, self.words
        return (
            Name("anchor", one, first[0], first[1], "above"),
            Name("positive", other, second[2], second[1], "below"),
        )

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The box around both."""
        (a, b), low, high = self.boxes, min, max
        return low(a[0], b[0]), low(a[1], b[1]), high(a[2], b[2]), high(a[3], b[3])


def pair_place(pairs: PairList, number: int) -> PairPlace:
    """Say where one of some pairs is: exactly the patches that are read."""
    pair = pairs.take([number])
    height, width = pair.index.settings.yx_patch_size
    metas = (pair.anchors[0], pair.positives[0])
    rows = np.array([pair.pairs.anchor[0], pair.pairs.positive[0]])
    depths = np.nan_to_num(pair.index.observations.z[rows])
    cells, boxes = [], []
    for meta, (inner,), z in zip(metas, pair.centres(), depths, strict=True):
        y, x = float(meta["y"]), float(meta["x"])
        # Pixel k reaches from k - 0.5 to k + 0.5.
        top, left = round(y - inner[0]) - 0.5, round(x - inner[1]) - 0.5
        cells.append((float(z), y, x))
        boxes.append((top, left, top + height, left + width))
    frames = (int(metas[0]["t"]), int(metas[1]["t"]))
    relation = metas[1]["relation"]
    place = metas[0]["experiment"], metas[0]["fov_name"]
    first, second = (word_within(meta["global_track_id"], *place) for meta in metas)
    return PairPlace(
        *place,
        frames,
        (cells[0], cells[1]),
        (boxes[0], boxes[1]),
        (first, second),
        (
            f"anchor {first}, frame {frames[0]}",
            f"positive {second}, frame {frames[1]}: {relation}",
        ),
    )


class PairOverlay:
    """Draws one pair over the images.

    Both boxes and the line are there in every frame, so that the way between them is seen; a box
    is faint in other frames than its own.

    Parameters
    ----------
    stack : LayerStack
    """

    def __init__(self, stack: LayerStack) -> None:
        self._stack = stack
        self._place: PairPlace | None = None
        self._scale: Sequence[float] = ()
        self._units: Sequence[str] = ()
        self._drawn: tuple[object, ...] = ()

    @property
    def place(self) -> PairPlace | None:
        """The pair that is drawn."""
        return self._place

    def show(
        self,
        place: PairPlace,
        scale: Sequence[float],
        units: Sequence[str],
        t: int,
        z: float | None,
    ) -> None:
        """Draw a pair; `scale` and `units` are of (y, x), or (z, y, x) in a volume."""
        self._place, self._scale, self._units, self._drawn = place, scale, units, ()
        self.step(t, z)
        layer = self._stack.get(OVERLAY_ROLE)
        if layer is not None:
            layer.visible = True

    def step(self, t: int, z: float | None) -> None:
        """Follow the viewer to a frame and slice; None for z draws each at its own."""
        place = self._place
        if place is None or (self._drawn and self._stack.get(OVERLAY_ROLE) is None):
            return
        now = (t == place.t[0], t == place.t[1])
        if self._drawn == (place, now, z):
            return
        layer = self._stack.get(OVERLAY_ROLE)
        if layer is None:
            axes = {"scale": self._scale, "units": self._units}
            made = Shapes(ndim=len(self._scale), name="pair", **axes)
            layer = self._stack.put(OVERLAY_ROLE, _OVERLAY_ORDER, made)
        if self._drawn[:1] != (place,) or self._drawn[2:] != (z,):
            self._draw(layer, place, z)
        layer.edge_color = [
            _faded(_ANCHOR, now[0]),
            _faded(_POSITIVE, now[1]),
            _faded(_LINE, any(now)),
        ]
        self._drawn = (place, now, z)

    def hide(self) -> None:
        """Take the pair away; its layer stays for the next."""
        self._place, self._drawn = None, ()
        layer = self._stack.get(OVERLAY_ROLE)
        if layer is not None:
            # What is hidden extends the axes too.
            layer.data = []
            layer.visible = False

    def drop(self) -> None:
        """Remove its layer."""
        self._place, self._drawn = None, ()
        self._stack.drop(OVERLAY_ROLE)

    def _draw(self, layer: Any, place: PairPlace, z: float | None) -> None:
        shapes = [
            (self._flat(_corners(box), cell[0], z), "rectangle")
            for box, cell in zip(place.boxes, place.cells, strict=True)
        ]
        ends = np.array([cell[1:] for cell in place.cells])
        line = self._flat(ends, 0.0, z)
        if len(self._scale) > 2 and z is None:
            line[:, 0] = [cell[0] for cell in place.cells]
        shapes.append((line, "line"))
        top, left, bottom, right = place.boxes[0]
        layer.editable = True
        layer.scale = self._scale
        layer.data = shapes
        layer.edge_width = max(0.25, min(bottom - top, right - left) / _WIDTH_SHARE)
        layer.face_color = "transparent"
        layer.editable = False

    def _flat(self, yx: Float64Array, own_z: float, z: float | None) -> Float64Array:
        """Give vertices the slice that is on screen, or their own; none in a plane."""
        if len(self._scale) < 3:
            return yx
        return np.column_stack([np.full(len(yx), own_z if z is None else z), yx])


def _corners(box: tuple[float, float, float, float]) -> Float64Array:
    top, left, bottom, right = box
    return np.array([[top, left], [top, right], [bottom, right], [bottom, left]])


def _faded(color: str, full: bool) -> list[float]:
    red, green, blue = (int(color[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return [red, green, blue, 1.0 if full else _FAINT]


class CutMark:
    """A line between the two cells of a link, in every frame; with a cross if it is to be cut.

    Parameters
    ----------
    stack : LayerStack
    """

    def __init__(self, stack: LayerStack) -> None:
        self._stack = stack

    def show(self, place: CutPlace | None, shown: ShownFov | None, z: float | None) -> None:
        """Draw a link, in place of the one before.

        Parameters
        ----------
        place : CutPlace or None
            None, or one of another FOV, is none.
        shown : ShownFov or None
            What is on screen.
        z : float or None
            Slice on screen; None for the cells' own.
        """
        self.hide()
        if place is None or shown is None:
            return
        if (place.experiment, place.fov) != shown.wanted.place:
            return
        scale, units = (of_axes[1:] for of_axes in shown.axes()[:2])
        size = min(shown.wanted.settings.yx_patch_size) / 10
        ends = np.array(place.cells)
        if z is not None:
            ends[:, 0] = z
        middle, arms = ends.mean(axis=0), size / 2 * np.array([[0, -1, -1], [0, 1, 1]])
        cross = [middle + arms, middle + arms * [1, 1, -1]] if place.crossed else []
        lines = [ends, *cross]
        n_axes = len(scale)
        layer = Shapes(
            [line[:, -n_axes:] for line in lines],
            shape_type="line",
            edge_color=_COLOR,
            edge_width=max(0.3, size / 10),
            features={
                "words": [
                    f"frame {place.frames[0]} to {place.frames[1]}: {place.words}",
                    *("" for _ in cross),
                ]
            },
            text={"string": "{words}", "anchor": "upper_left", "color": _COLOR, "size": 11},
            name=CUT_ROLE,
            scale=scale,
            units=units,
        )
        layer.editable = False
        self._stack.put(CUT_ROLE, _CUT_ORDER, layer)

    def hide(self) -> None:
        """Take it away."""
        self._stack.drop(CUT_ROLE)
