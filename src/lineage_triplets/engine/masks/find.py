"""Which masks a FOV has: those that a config names, a table's own, or its NGFF labels.

Nothing is read but names, JSON and the header of one TIFF.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import (
    LineageTripletsError,
    Problem,
    StoreError,
    choices,
)
from lineage_triplets.engine.plates.image import canonical, open_image
from lineage_triplets.engine.plates.stores import join, join_inside
from lineage_triplets.engine.plates.zarr_json import array_form, describing_file, node_attributes
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.engine.tracks.formats.base import TrackSource
from lineage_triplets.engine.tracks.formats.ctc import is_ctc, masks_folder
from lineage_triplets.engine.tracks.formats.mask_files import (
    TIFF_ENDINGS,
    frame_numbers,
    mask_files,
)
from lineage_triplets.engine.tracks.formats.mask_tiff import MaskTiff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.plates.image import Fov
    from lineage_triplets.engine.plates.plate import Plate
    from lineage_triplets.engine.settings.track_transform import TrackTransform

_AXES_OF_BARE = {2: "yx", 3: "tyx", 4: "tzyx", 5: "tczyx"}


@dataclass(frozen=True)
class Masks:
    """Labels of a FOV's cells in each frame, 0 where there is none; they fit the image.

    Attributes
    ----------
    path : str
        Folder or URL of the zarr array; the TIFF, or the folder of the TIFFs.
    shape : (int, int, int, int)
        (T, Z, Y, X) of the image that they are of.
    depth : int
        Slices of the masks: the image's, or 1 for masks of a projection.
    n_frames : int
        Frames of a zarr array or of a single TIFF.
    dtype : dtype
        That labels are given in: uint32, or uint64 where they may be larger.
    axes : tuple of str
        Of a zarr array; empty for TIFFs.
    zarr_format : int
    frames : dict of int to Path
        The TIFF of each frame, where each has its own.
    first_frame : int
        Their own number of the image's frame 0.
    """

    path: str
    shape: tuple[int, int, int, int]
    depth: int
    n_frames: int
    dtype: np.dtype[Any]
    axes: tuple[str, ...] = ()
    zarr_format: int = 0
    frames: dict[int, Path] = field(default_factory=dict)
    first_frame: int = 0

    def has(self, t: int) -> bool:
        """Whether there are masks of a frame of the image."""
        own = t + self.first_frame
        return own in self.frames if self.frames else 0 <= own < self.n_frames

    @property
    def missing(self) -> list[int]:
        """Frames of the image that there are no masks of."""
        return [t for t in range(self.shape[0]) if not self.has(t)]


def find_masks(
    fov: Fov,
    table: Path,
    labels_path: str = "",
    labels_name: str = "",
    track_transform: TrackTransform | None = None,
) -> Masks | None:
    """Find the masks of a FOV.

    Parameters
    ----------
    fov : Fov
    table : Path
        Its track table. One of the Cell Tracking Challenge has masks of its own.
    labels_path : str
        The FOV's masks themselves, where the config names them; they come before the table's, and
        these before the image's.
    labels_name : str
        Which of the image's NGFF labels, where it has several.
    track_transform : TrackTransform, optional
        Where the table's frames and positions are in the image; its masks are shifted in time
        alone.

    Returns
    -------
    Masks or None
        None where there are none and none were asked for.

    Raises
    ------
    StoreError
        They cannot be used: they are absent, not of the image's shape, or hold no labels.
    """
    if labels_path:
        with _about(labels_path):
            return _at(labels_path, fov)
    if not labels_name and is_ctc(table):
        with _about(str(table)):
            return _of_table(table, fov, track_transform)
    return _of_image(fov, labels_name)


def masks_place(plate: Plate, root: str | None, fov: str) -> str:
    """Say where a FOV's masks are: in its folder below `root`, or `root` where there is one FOV."""
    if not root:
        return ""
    own = join(root, fov)
    if plate.single_image and not (is_url(root) or Path(own).exists()):
        return root
    is_only = not plate.single_image and len(plate.wells) == 1 and len(plate.fov_names()) == 1
    return root if is_only and not is_url(root) and not Path(own).exists() else own


def _of_table(table: Path, fov: Fov, track_transform: TrackTransform | None) -> Masks | None:
    folder = masks_folder(table)
    if folder is None:
        return None
    if track_transform is None:
        return _in_folder(folder, fov)
    if track_transform.model_copy(update={"first_frame": 0}) != type(track_transform)():
        raise _fault(
            "the table's masks are not in the pixels of the image (track_transform).",
            "Name masks that are in labels_path, if there are any.",
            folder,
        )
    return _in_folder(folder, fov, track_transform.first_frame)


def _of_image(fov: Fov, labels_name: str) -> Masks | None:
    group = join(fov.path, "labels")
    listed: list[str] = []
    if describing_file(group) is not None:
        found = node_attributes(group)[0].get("labels")
        listed = [str(name) for name in found] if isinstance(found, list) else []
    if labels_name and labels_name not in listed:
        raise _fault(
            f"the image has no labels {labels_name!r}.",
            f"It has: {choices(listed)}." if listed else "It has none; is labels_name meant?",
            group,
            "labels_name",
        )
    if not listed:
        return None
    if len(listed) > 1 and not labels_name:
        raise _fault(
            f"the image has several labels: {choices(listed)}.",
            "Say which in labels_name.",
            group,
            "labels_name",
        )
    folder = join_inside(group, labels_name or listed[0])
    with _about(folder):
        if describing_file(folder) is None:
            raise _fault(
                "the image lists these labels, and they are absent.",
                "Restore them, or take them off the list.",
                folder,
            )
        return _of_zarr(folder, fov)


def _at(path: str, fov: Fov) -> Masks:
    """Masks at a place that a config names."""
    if is_url(path):
        return _of_zarr(path, fov)
    place = Path(path)
    if place.is_file() and place.name.lower().endswith(TIFF_ENDINGS):
        return _of_tiffs([place], fov)
    if describing_file(path) is not None:
        return _of_zarr(path, fov)
    if place.is_dir():
        return _in_folder(place, fov)
    raise _fault("there are no masks here.", "Check labels_path.", place, "labels_path")


def _in_folder(folder: Path, fov: Fov, first_frame: int = 0) -> Masks:
    tiffs, zarrs = mask_files(folder)
    if len(zarrs) == 1 and not tiffs:
        return _of_zarr(str(zarrs[0]), fov, first_frame)
    if not tiffs or zarrs:
        found = choices(entry.name for entry in (*tiffs[:1], *zarrs))
        raise _fault(
            f"there is not one movie of masks in this folder, but: {found}.",
            "Give a TIFF a frame, one TIFF, or one zarr array.",
            folder,
        )
    return _of_tiffs(tiffs, fov, first_frame)


def _of_zarr(folder: str, fov: Fov, first_frame: int = 0) -> Masks:
    attributes, node = node_attributes(folder)
    if node == "array" and not attributes.get("multiscales"):
        form = array_form(folder)
        named = form.dimension_names
        given = [str(name).lower() for name in named] if named else []
        axes = tuple(given or _AXES_OF_BARE.get(len(form.shape), ""))
        if not {"y", "x"} <= set(axes) <= set("tczyx") or len(axes) != len(form.shape):
            raise _unfit(form.shape, fov, folder)
        path, shape, dtype = folder, canonical(axes, form.shape), form.dtype
    else:
        image = open_image(folder)
        form, path, axes = image.form, image.array_path, image.axes
        shape, dtype = image.shape, image.dtype
    if shape[1] != 1:
        raise _unfit(form.shape, fov, folder)
    t, _, z, y, x = shape
    masks = _fitting(fov, folder, (t - first_frame, z, y, x), np.dtype(dtype), form.shape)
    masks = replace(masks, n_frames=t, first_frame=first_frame)
    return replace(masks, path=path, axes=axes, zarr_format=form.zarr_format)


def _of_tiffs(files: list[Path], fov: Fov, first_frame: int = 0) -> Masks:
    source = TrackSource(files[0] if len(files) == 1 else files[0].parent)
    tiff = MaskTiff(source, files[0])
    shape, dtype = tiff.shape, tiff.dtype
    whole = tuple(n for n in shape if n > 1)
    n_frames, depth, height, width = fov.shape[0], *fov.shape[2:]
    plane = tuple(n for n in (height, width) if n > 1)
    if len(files) > 1:
        frames = dict(zip(frame_numbers(source, files), files, strict=True))
        t, inner = len(frames), whole
    else:
        frames = {}
        rest = whole[: len(whole) - len(plane)]
        # A lone axis beside y and x is time, if the image is no single volume.
        is_volume = n_frames == 1 and len(rest) == 1 and rest[0] == depth
        t = rest[0] if rest and not is_volume else 1
        inner = whole if is_volume else whole[len(rest[:1]) :]
    depths = inner[: len(inner) - len(plane)]
    if inner[len(depths) :] != plane or len(depths) > 1:
        raise _unfit(shape, fov, str(files[0]))
    z = depths[0] if depths else 1
    own = range(first_frame, first_frame + n_frames)
    fitting = 0 if frames else t - first_frame
    masks = _fitting(fov, str(files[0]), (fitting, z, height, width), dtype, shape)
    # Longer masks than images are whole; where frames lack too, they count in another way.
    if frames and max(frames) not in own and not set(own) <= set(frames):
        raise _fault(
            f"there are masks of frame {max(frames)}, and the image has {n_frames} frames, from "
            f"{first_frame} on.",
            "The number in a file's name is its frame, the first being 0.",
            files[0].parent,
        )
    return replace(masks, path=str(source.file), n_frames=t, frames=frames, first_frame=first_frame)


def _fitting(
    fov: Fov,
    path: str,
    tzyx: tuple[int, int, int, int],
    dtype: np.dtype[Any],
    stored: tuple[int, ...],
) -> Masks:
    """Masks of a shape, if that fits the image and they hold whole numbers."""
    n_frames, _, depth, height, width = fov.shape
    t, z, y, x = tzyx
    if (y, x) != (height, width) or z not in {1, depth} or t > n_frames:
        raise _unfit(stored, fov, path)
    if dtype.kind not in "iu":
        raise _fault(
            f"labels are whole numbers, and these are {dtype}.", "Write them as integers.", path
        )
    wide = np.uint64 if dtype.itemsize > 4 else np.uint32
    return Masks(path, (n_frames, depth, height, width), z, t, np.dtype(wide))


def _unfit(stored: tuple[int, ...], fov: Fov, path: str) -> StoreError:
    t, _, z, y, x = fov.shape
    return _fault(
        f"the masks are {stored}, and the image is {t} frames of {z} x {y} x {x} (z, y, x).",
        "Masks have the image's frames, slices (or one), rows and columns.",
        path,
    )


def _fault(message: str, remedy: str, path: str | Path, key: str = "") -> StoreError:
    return StoreError(
        Problem("unusable-masks", message, remedy, "warning", file=str(path), field=key)
    )


@contextmanager
def _about(path: str) -> Iterator[None]:
    """Say of anything that is wrong with masks that it is no more than that."""
    try:
        yield
    except LineageTripletsError as error:
        told = error.problems[0]
        raise StoreError(
            replace(told, kind="unusable-masks", severity="warning", file=told.file or path)
        ) from error
    except OSError as error:
        raise _fault(
            f"masks cannot be read: {error.strerror or error}.", "Check the path.", path
        ) from error
