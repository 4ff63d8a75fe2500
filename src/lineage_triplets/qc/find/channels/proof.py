"""Proof that a slot holds the channel that it names: the dataset's pixels beside the store's own.

Of the engine's reading the second uses the opening of an array alone: the channel is looked up by
its name in the FOV's own metadata, and the patch is cut by the documented rule.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates.remote import answer
from lineage_triplets.engine.plates.stores import read_files
from lineage_triplets.engine.reading.tensorstore import open_array

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Int64Array, Pixels
    from lineage_triplets.engine.dataset.source import PairSource
    from lineage_triplets.engine.index.fovs import FovSource


@dataclass(frozen=True, slots=True)
class Proof:
    """Patches of one slot, as the dataset reads them and as the store has the named channel.

    Attributes
    ----------
    channel : str
    n_patches, n_equal, n_unreadable : int
        Patches compared; equal in all pixels; not readable in one of the two ways.
    n_unnamed : int
        Patches of FOVs whose store does not name the channel: the config's order stood in for it.
    first_difference : str
        Where the first unequal pixel is, and both its values; empty if there is none.
    first_failure : str
        Why the first unreadable patch could not be read.
    """

    channel: str
    n_patches: int
    n_equal: int
    n_unreadable: int = 0
    n_unnamed: int = 0
    first_difference: str = ""
    first_failure: str = ""

    @property
    def holds(self) -> bool:
        """Whether some patch could be compared, and none differs."""
        return self.n_equal > 0 and not self.first_difference

    @property
    def words(self) -> str:
        """The result in words."""
        if not self.n_patches:
            return "Nothing to compare: no cell."
        patches = "patch equals" if self.n_patches == 1 else "patches equal"
        equal = f"{self.n_equal} of {self.n_patches} {patches} the store's {self.channel}"
        parts = [f"{equal}, pixel for pixel"]
        if self.first_difference:
            parts.append(f"first difference: {self.first_difference}")
        if self.n_unreadable:
            parts.append(f"{self.n_unreadable} could not be read: {self.first_failure}")
        if self.n_unnamed:
            parts.append("the store does not name this channel, so the config's order was taken")
        return f"{'; '.join(parts).rstrip('.')}."


def prove(
    source: PairSource,
    rows: Int64Array,
    channels: Sequence[str],
    fallback_names: Sequence[str],
    stop: Callable[[], bool] | None = None,
) -> tuple[Proof, ...]:
    """Compare patches of some rows of one experiment, for each slot.

    Parameters
    ----------
    source : PairSource
        The dataset's own source of patches.
    rows : ndarray of int64
        Rows of the index.
    channels : sequence of str
        Name of the channel in every slot.
    fallback_names : sequence of str
        The experiment's channels in order, for channels that the store does not name.
    stop : callable, optional
        Asked before each patch; where it says so, only the slots before it are proved.
    """
    given = _read_by_dataset(source, rows)
    stores: dict[int, _Store | str] = {}
    proofs: list[Proof] = []
    for slot, channel in enumerate(channels):
        tally = _Tally(channel)
        for row, patch in zip(rows.tolist(), given, strict=True):
            if stop is not None and stop():
                return tuple(proofs)
            tally.n_patches += 1
            if isinstance(patch, str):
                tally.fail(patch)
                continue
            fov = int(source.index.fov_of_row[row])
            if fov not in stores:
                stores[fov] = _opened(source.index.fovs[fov], fallback_names)
            store = stores[fov]
            if isinstance(store, str):
                tally.fail(store)
                continue
            try:
                expected, corner = store.cut(source, row, channel)
            except (ValueError, OSError, LookupError) as error:
                tally.fail(f"{store.fov_name}: {_first_line(error)}")
                continue
            tally.n_unnamed += channel not in store.labels
            tally.compare(patch[slot], expected.astype(patch.dtype), corner, source, row)
        proofs.append(tally.proof())
    return tuple(proofs)


def _read_by_dataset(source: PairSource, rows: Int64Array) -> list[Pixels | str]:
    if not len(rows):
        return []
    try:
        return list(source.read(rows))
    except StoreError as error:
        if len(rows) == 1:
            return [_first_line(error)]
    return [patch for row in rows for patch in _read_by_dataset(source, row[None])]


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:300]


class _Tally:
    """Counts of one slot's proof."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.n_patches = self.n_equal = self.n_unreadable = self.n_unnamed = 0
        self.first_difference = self.first_failure = ""

    def fail(self, why: str) -> None:
        self.n_unreadable += 1
        self.first_failure = self.first_failure or why

    def compare(
        self,
        given: NDArray[Any],
        expected: NDArray[Any],
        corner: tuple[int, int, int],
        source: PairSource,
        row: int,
    ) -> None:
        if np.array_equal(given, expected, equal_nan=given.dtype.kind == "f"):
            self.n_equal += 1
            return
        if self.first_difference:
            return
        index = source.index
        same = (given == expected) | ((given != given) & (expected != expected))
        place = tuple(int(at) for at in np.argwhere(~same)[0])
        z, y, x = (a + b for a, b in zip(place, corner, strict=True))
        self.first_difference = (
            f"FOV {index.fovs[index.fov_of_row[row]].fov.name}, t = {index.observations.t[row]}, "
            f"z = {z}, y = {y}, x = {x} is {given[place]:g} in the dataset and "
            f"{expected[place]:g} in the store"
        )

    def proof(self) -> Proof:
        return Proof(
            self.channel,
            self.n_patches,
            self.n_equal,
            self.n_unreadable,
            self.n_unnamed,
            self.first_difference,
            self.first_failure,
        )


def _opened(source: FovSource, fallback_names: Sequence[str]) -> _Store | str:
    try:
        return _Store(source, fallback_names)
    except (ValueError, OSError, LookupError, AttributeError, TypeError) as error:
        return f"FOV {source.fov.name}: {_first_line(error)}"


class _Store:
    """One FOV's full-resolution array, opened by itself, and its channels' names."""

    def __init__(self, source: FovSource, fallback_names: Sequence[str]) -> None:
        self.source, self.fov_name = source, source.fov.name
        self.labels = _stored_labels(source.fov.path)
        n_channels = source.fov.shape[1]
        own = [*self.labels[:n_channels], *[None] * (n_channels - len(self.labels))]
        self.names = [
            label if label is not None else name
            for label, name in zip(own, fallback_names, strict=True)
        ]
        self.array = answer(open_array(source.fov.array_path, source.fov.zarr_format))
        axes = source.fov.axes
        self.axis = {name: axes.index(name) for name in axes}

    def cut(
        self, source: PairSource, row: int, channel: str
    ) -> tuple[NDArray[Any], tuple[int, int, int]]:
        """Cut a row's patch out of the named channel, (Z, Y, X); give it and its corner."""
        if self.names.count(channel) != 1 or channel in self.labels[len(self.names) :]:
            raise LookupError(f"the store has {self.names}, and no single {channel!r}")
        settings = source.index.settings
        where = source.index.observations.take(np.array([row]))
        _, _, n_z, n_y, n_x = self.source.fov.shape
        height, width = settings.yx_patch_size
        depth = self.source.depth
        first = self.source.z_start
        if first is None:
            around = int(np.floor(where.z[0] - (depth - 1) / 2 + 0.5))
            first = min(max(around, 0), n_z - depth)
        top = int(np.floor(where.y_clamp[0])) - height // 2
        left = int(np.floor(where.x_clamp[0])) - width // 2
        inside = (max(top, 0), min(top + height, n_y), max(left, 0), min(left + width, n_x))
        wanted: dict[str, int | slice] = {
            "t": int(where.t[0]),
            "c": self.names.index(channel),
            "z": slice(first, first + depth),
            "y": slice(*inside[:2]),
            "x": slice(*inside[2:]),
        }
        key = tuple(wanted[name] for name in self.axis)
        pixels = np.asarray(answer(self.array[key].read()))
        kept = [name for name in self.axis if name in "zyx"]
        pixels = pixels.transpose([kept.index(name) for name in "zyx" if name in kept])
        pixels = pixels if "z" in kept else pixels[None]
        patch = np.zeros((depth, height, width), dtype=pixels.dtype)
        rows = slice(inside[0] - top, inside[1] - top)
        columns = slice(inside[2] - left, inside[3] - left)
        patch[:, rows, columns] = pixels
        return patch, (first, top, left)


def _stored_labels(folder: str) -> list[str | None]:
    """Labels of the channels in the image's own ``omero`` metadata, None where one is missing."""
    for name, text in read_files(folder, ("zarr.json", ".zattrs")).items():
        content = json.loads(text)
        attributes = content.get("attributes", {}) if name == "zarr.json" else content
        attributes = attributes.get("ome", attributes)
        omero = attributes.get("omero")
        channels = (omero.get("channels") if isinstance(omero, dict) else None) or []
        return [_label(channel) for channel in channels]
    return []


def _label(channel: object) -> str | None:
    given = channel.get("label") if isinstance(channel, dict) else None
    if isinstance(given, str):
        return given if given.strip() else None
    if not isinstance(given, int | float) or isinstance(given, bool):
        return None
    return str(given) if given and np.isfinite(given) else None
