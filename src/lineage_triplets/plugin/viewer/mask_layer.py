"""The layer of a FOV's masks: outlines over the images, read frame by frame as they are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils import DirectLabelColormap

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.plugin.viewer.lazy_image import LazyImage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.reading.masks import MaskReader
    from lineage_triplets.plugin.viewer.layer_stack import LayerStack
    from lineage_triplets.plugin.viewer.lazy_image import Box

MASKS = "masks"
_ORDER = 50
_OUTLINE = (0.94, 0.89, 0.26, 1.0)
_OPACITY = 0.8
_MOST_PX = 8
# Pixels of small images are large on the screen, and an outline is no less than one.
_FINE_SIDE, _MOST_FINE = 1024, 4


class MaskImages:
    """Masks as `LazyImage` reads them; frames that cannot be read are 0, and said once.

    Parameters
    ----------
    reader : MaskReader
    on_fault : callable
        Gets what is wrong, in words, in the thread that reads.

    Attributes
    ----------
    fine : int
        Into how many each pixel is divided along y and x.
    """

    def __init__(self, reader: MaskReader, on_fault: Callable[[str], None]) -> None:
        self.reader = reader
        self._on_fault = on_fault
        self._told = False
        t, z, y, x = reader.masks.shape
        self.fine = int(np.clip(_FINE_SIDE // max(y, x), 1, _MOST_FINE))
        self.shapes = [(t, 1, z, self.fine * y, self.fine * x)]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the labels."""
        return self.reader.masks.dtype

    @property
    def is_volume(self) -> bool:
        """Whether the image has more than one slice."""
        return self.shapes[0][2] > 1

    def read(self, _level: int, box: Box) -> NDArray[Any]:
        """Read a box of (t, c, z, y, x)."""
        times, _, z, y, x = box
        fine, pixels = (
            self.fine,
            [slice(side.start // self.fine, -(-side.stop // self.fine)) for side in (y, x)],
        )
        inside = [
            slice(side.start - fine * of.start, side.stop - fine * of.start)
            for side, of in zip((y, x), pixels, strict=True)
        ]
        out = np.zeros([part.stop - part.start for part in box], dtype=self.dtype)
        for number, t in enumerate(range(times.start, times.stop) if out.size else ()):
            try:
                mask = self.reader.read(t, z, *pixels)
                out[number, 0] = mask.repeat(fine, axis=1).repeat(fine, axis=2)[:, *inside]
            except StoreError as error:
                if not self._told:
                    self._told = True
                    self._on_fault(str(error))
        return out


class MaskLayer:
    """Keeps the layer of the masks of the FOV on screen; there is none while nobody wants it.

    Parameters
    ----------
    stack : LayerStack
    """

    def __init__(self, stack: LayerStack) -> None:
        self._stack = stack
        self._reader: MaskReader | None = None
        self._axes: tuple[Sequence[float], Sequence[str], Sequence[str]] = ((), (), ())

    def show(
        self,
        reader: MaskReader | None,
        axes: tuple[Sequence[float], Sequence[str], Sequence[str]],
        on_fault: Callable[[str], None],
    ) -> None:
        """Show the masks of a FOV, or none.

        Parameters
        ----------
        reader : MaskReader or None
        axes : tuple
            Scale, units and names of (t, y, x) or (t, z, y, x).
        on_fault : callable
            Gets what cannot be read, in any thread.
        """
        layer = self._stack.get(MASKS)
        if reader is None:
            self.drop()
        elif layer is None or self._axes[1:] != axes[1:]:
            self.drop()
            self._stack.put(MASKS, _ORDER, _made(MaskImages(reader, on_fault), axes))
        elif reader is not self._reader or self._axes != axes:
            images = MaskImages(reader, on_fault)
            layer.data = LazyImage.whole(images, 0, 0)
            layer.scale, layer.translate = _placed(images, axes[0])
        self._reader, self._axes = reader, axes

    def fit(self, screen_px: float) -> None:
        """Make outlines a pixel of the screen wide, and never less than one of the image.

        Parameters
        ----------
        screen_px : float
            Width of a pixel of the image on the screen.
        """
        layer = self._stack.get(MASKS)
        fine = 1 if layer is None else layer.data.images.fine
        width = int(np.clip(np.ceil(fine / max(screen_px, 1e-3)), 1, _MOST_PX))
        if layer is not None and layer.contour != width:
            layer.contour = width

    def drop(self) -> None:
        """Remove it."""
        self._reader = None
        self._stack.drop(MASKS)


def _made(images: MaskImages, axes: tuple[Sequence[float], Sequence[str], Sequence[str]]) -> Labels:
    _, units, labels = axes
    scale, translate = _placed(images, axes[0])
    layer = Labels(
        LazyImage.whole(images, 0, 0),
        colormap=DirectLabelColormap(
            color_dict={None: np.array(_OUTLINE), 0: np.zeros(4)},
        ),
        blending="translucent_no_depth",
        opacity=_OPACITY,
        name=MASKS,
        scale=scale,
        translate=translate,
        units=units,
        axis_labels=labels,
    )
    layer.contour = 1
    layer.editable = False
    return layer


def _placed(images: MaskImages, scale: Sequence[float]) -> tuple[list[float], list[float]]:
    """Scale and translation of the masks, so that they lie on the pixels of the image."""
    fine = images.fine
    yx = [step / fine for step in scale[-2:]]
    first = [step * (1 / fine - 1) / 2 for step in scale[-2:]]
    return [*scale[:-2], *yx], [0.0] * (len(scale) - 2) + first
