"""The image layers of a FOV: one a channel, those in slots first, with contrast of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from lineage_triplets.engine.plates.channels import resolve_channels
from lineage_triplets.qc.look.pictures.grey import gamma_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.plugin.viewer.layer_stack import LayerStack
    from lineage_triplets.plugin.viewer.lazy_image import Fault, FovImages
    from lineage_triplets.qc.open.data import ReviewData

_PERCENTILES = (0.5, 50, 99.8)
_SAMPLE_SIDE = 512
_NO_CHANNEL = "(not in this FOV)"
_UNIT_NAMES = {"um": "micrometer"}
_LOOKS = (
    "colormap",
    "blending",
    "visible",
    "opacity",
    "gamma",
    "interpolation2d",
    "interpolation3d",
    "rendering",
)
_COLORS_IN_TURN = ("green", "magenta", "cyan", "yellow", "red", "blue")
_COLOR_WORDS = {
    "gray": r"phase|bright|^bf\b|dic\b|trans|retardance|label[- ]?free",
    "cyan": r"cyan|cfp|turquoise|cerulean",
    "magenta": r"magenta|mcherry|rfp|tomato|scarlet|cy5|far[- ]?red",
    "green": r"green|gfp|fitc|venus|neon",
    "yellow": r"yellow|yfp|citrine",
    "red": r"\bred\b|cy3|texas",
    "blue": r"blue|bfp|dapi|hoechst",
}


@dataclass(frozen=True)
class ChannelPlan:
    """How one channel is shown.

    Attributes
    ----------
    role : str
        ``"slot 0"``, …, or ``"channel 0"``, … for what is in no slot.
    channel : str
    number : int
        The channel's number in the store.
    name : str
        Of the layer.
    colormap : str
    visible : bool
        When it is first shown.
    """

    role: str
    channel: str
    number: int
    name: str
    colormap: str
    visible: bool


@dataclass(frozen=True)
class Contrast:
    """Between which values a channel is shown and how, and which there are.

    Attributes
    ----------
    limits, span : (float, float)
    gamma : float
        As the pictures of sheets and reports have it.
    """

    limits: tuple[float, float]
    span: tuple[float, float]
    gamma: float = 1.0


def channel_plans(data: ReviewData, source: FovSource) -> tuple[ChannelPlan, ...]:
    """Say how the channels of a FOV are shown: the slots, then what is in none."""
    opened = next(
        experiment for experiment in data.opened if experiment.config.name == source.experiment
    )
    names, _ = resolve_channels(source.fov, list(opened.channel_names))
    labels = data.slot_labels
    colors = slot_colormaps(labels)
    plans = []
    for slot, (label, color, number) in enumerate(
        zip(labels, colors, source.channels, strict=True)
    ):
        name = label if label == names[number] else f"{label} · {names[number]}"
        plans.append(ChannelPlan(f"slot {slot}", names[number], number, name, color, True))
    others = [number for number in range(len(names)) if number not in source.channels]
    for place, number in enumerate(others):
        color = _color_by_name(names[number]) or "gray"
        role = f"channel {place}"
        plans.append(ChannelPlan(role, names[number], number, names[number], color, False))
    return tuple(plans)


def slot_colormaps(labels: Sequence[str]) -> list[str]:
    """Give a colormap a slot: what its name says, else gray for the first, then distinct ones.

    A slot that is alone is gray: nothing is seen better.
    """
    if len(labels) == 1:
        return ["gray"]
    said = [_color_by_name(label) for label in labels]
    free = [colour for colour in ("gray", *_COLORS_IN_TURN) if colour not in said]
    colors: list[str] = []
    for asked in said:
        taken = asked is None or (asked != "gray" and asked in colors)
        colors.append((free.pop(0) if free else "gray") if taken or asked is None else asked)
    return colors


def _color_by_name(name: str) -> str | None:
    for color, words in _COLOR_WORDS.items():
        if re.search(words, name, re.IGNORECASE):
            return color
    return None


def sampled_contrast(images: FovImages, number: int) -> Contrast | None:
    """Measure a channel's contrast on three frames, coarsely; None where there is nothing to see.

    One frame would not do: reporters of the cell cycle come and go.
    """
    coarse = [k for k, shape in enumerate(images.shapes) if min(shape[3:]) >= _SAMPLE_SIDE // 4]
    level = coarse[-1] if coarse else 0
    n_frames, _, depth, height, width = images.shapes[level]
    thinned = tuple(slice(None, None, max(1, size // _SAMPLE_SIDE)) for size in (height, width))
    plane = slice(depth // 2, depth // 2 + 1), slice(0, height), slice(0, width)
    planes = []
    for t in dict.fromkeys((n_frames // 4, n_frames // 2, 3 * n_frames // 4)):
        pixels = images.read(level, (slice(t, t + 1), slice(number, number + 1), *plane))[0, 0, 0]
        pixels = pixels[thinned]
        pixels = pixels[np.isfinite(pixels)].astype(np.float64)
        # A frame that is blank throughout was not taken, or cannot be read.
        if len(pixels) and pixels.min() < pixels.max():
            planes.append(pixels)
    if not planes:
        return None
    pixels = np.concatenate(planes)
    low, middle, high = (float(value) for value in np.percentile(pixels, _PERCENTILES))
    least, most = float(pixels.min()), float(pixels.max())
    if low == high:
        low, high = least, most
    return Contrast((low, high), (least, most), gamma_for(low, middle, high))


class ImageLayers:
    """Keeps the image layers of the FOV on screen.

    A layer is made once a slot and serves all FOVs; contrast is an experiment's channel's.

    Parameters
    ----------
    stack : LayerStack
    """

    def __init__(self, stack: LayerStack) -> None:
        self._stack = stack
        self._contrast: dict[tuple[str, str], Contrast] = {}
        self._shown: dict[str, tuple[str, str]] = {}
        self._looks: dict[str, dict[str, Any]] = {}
        self._away: dict[str, bool] = {}
        self._plans: tuple[ChannelPlan, ...] = ()
        self._images: FovImages | None = None

    def unknown(self, experiment: str, plans: Sequence[ChannelPlan]) -> set[str]:
        """Give the channels whose contrast was not measured yet."""
        return {plan.channel for plan in plans if (experiment, plan.channel) not in self._contrast}

    def learn(self, experiment: str, found: dict[str, Contrast | None]) -> None:
        """Keep the contrast that was measured, by channel."""
        for channel, contrast in found.items():
            if contrast is not None:
                self._contrast.setdefault((experiment, channel), contrast)

    def show(
        self,
        images: FovImages,
        plans: tuple[ChannelPlan, ...],
        scale: Sequence[float],
        units: Sequence[str],
        labels: Sequence[str],
    ) -> Iterator[None]:
        """Show the channels of a FOV in the layers that there are, and make those that lack.

        One layer is done at a step. A layer that the FOV has no channel for stays, hidden and
        blank: napari takes long to remove one.
        """
        self._remember()
        self._plans, self._images = (), None
        experiment = images.source.experiment
        pixels: dict[str, list[Any]] = {shown.role: images.channel(shown.number) for shown in plans}
        unfit = []
        for role in [*self._stack.roles("slot "), *self._stack.roles("channel ")]:
            levels = pixels.get(role) or [np.zeros((1,) * len(scale), images.dtype)]
            if not _fits(self._stack.get(role), levels, units):
                unfit.append(role)
            elif role not in pixels:
                self._put_away(role, levels[0], scale)
        self._drop(unfit)
        yield
        for order, plan in enumerate(plans):
            levels = pixels[plan.role]
            layer = self._stack.get(plan.role)
            contrast = self._contrast.get((experiment, plan.channel))
            if layer is None:
                looks: dict[str, Any] = {
                    "name": plan.name,
                    "colormap": plan.colormap,
                    "blending": "additive",
                    "visible": plan.visible,
                    **self._looks.get(plan.role, {}),
                }
                axes = {"scale": scale, "units": units, "axis_labels": labels}
                if contrast is not None:
                    # Napari measures its own of a frame that comes late, and takes that.
                    looks["contrast_limits"] = contrast.limits
                made = Image(**_data(levels), rgb=False, **axes, **looks)
                layer = self._stack.put(plan.role, order, made)
            else:
                _replace(layer, levels, scale)
                if plan.role in self._away:
                    layer.visible = self._away.pop(plan.role)
            self._shown.pop(plan.role, None)
            if contrast is not None:
                (least, most), (low, high) = contrast.span, contrast.limits
                layer.contrast_limits_range = (min(least, low), max(most, high))
                layer.contrast_limits, layer.gamma = contrast.limits, contrast.gamma
                self._shown[plan.role] = (experiment, plan.channel)
            yield
        self._plans, self._images = plans, images

    def shows(self, images: FovImages) -> bool:
        """Whether the layers show these images, all of them."""
        return self._images is images

    def draw_anew(self, images: FovImages) -> None:
        """Draw images again, if they are shown: something of them came late."""
        layers = [self._stack.get(plan.role) for plan in self._plans if self.shows(images)]
        for layer in layers:
            if layer is not None and layer.visible:
                layer.refresh()

    def name(self, t: int) -> None:
        """Name the layers, and say in the name what of this frame is blank."""
        images = self._images
        if images is None:
            return
        for plan in self._plans:
            layer = self._stack.get(plan.role)
            fault = images.faults.get((plan.number, t))
            name = plan.name
            if fault is not None and not (fault.absent and not plan.visible):
                name += " (absent)" if fault.absent else " (damaged)"
            if layer is not None and layer.name != name:
                layer.name = name

    def fault_at(self, t: int) -> Fault | None:
        """Give what is blank in a frame; of channels in no slot, absent chunks are none."""
        images = self._images
        faults = (
            []
            if images is None
            else [images.faults.get((plan.number, t)) for plan in self._plans if plan.visible]
        )
        return next((fault for fault in faults if fault is not None), None)

    def forget(self) -> None:
        """Let go of all that is known of an experiment; the layers are gone."""
        self.let_go()
        self._contrast.clear()
        self._looks.clear()

    def let_go(self) -> None:
        """Let go of the images; the layers are gone."""
        self._plans, self._images = (), None
        self._shown.clear()
        self._away.clear()

    def _remember(self) -> None:
        """Keep the contrast that a person chose."""
        for role, key in self._shown.items():
            layer = self._stack.get(role)
            if layer is not None and key in self._contrast:
                low, high = (float(limit) for limit in layer.contrast_limits)
                least, most = (float(limit) for limit in layer.contrast_limits_range)
                self._contrast[key] = Contrast((low, high), (least, most), float(layer.gamma))

    def _put_away(self, role: str, blank: Any, scale: Sequence[float]) -> None:
        """Hide a layer that there is no channel for, and remember whether it was seen."""
        layer = self._stack.get(role)
        self._shown.pop(role, None)
        if layer is None:
            return
        if role not in self._away:
            self._away[role] = bool(layer.visible)
            layer.visible = False
            layer.data = blank
            layer.name = _NO_CHANNEL
        # For its extent, as in `_replace`.
        layer.scale = scale

    def _drop(self, roles: Sequence[str]) -> None:
        """Remove layers, and remember their looks: napari keeps axes and pyramid fixed."""
        for role in roles:
            layer = self._stack.get(role)
            if layer is not None:
                self._looks[role] = {name: getattr(layer, name) for name in _LOOKS}
                self._looks[role]["visible"] = self._away.pop(role, layer.visible)
        self._stack.drop(*roles)


def _data(levels: list[Any]) -> dict[str, Any]:
    several = len(levels) > 1
    return {"data": levels if several else levels[0], "multiscale": several}


def _fits(layer: Any, levels: list[Any], units: Sequence[str]) -> bool:
    known = [str(unit) for unit in layer.units] == [_UNIT_NAMES.get(unit, unit) for unit in units]
    return bool(layer.multiscale == (len(levels) > 1) and known)


def _replace(layer: Any, levels: list[Any], scale: Sequence[float]) -> None:
    """Give a layer other pixels; each change draws it anew."""
    layer.data = _data(levels)["data"]
    # Napari takes note of a hidden layer's new extent only with its scale.
    if tuple(layer.scale) != tuple(scale) or not layer.visible:
        layer.scale = scale
