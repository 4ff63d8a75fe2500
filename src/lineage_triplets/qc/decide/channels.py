"""Which channel is in which slot: choosing another one, and approvals that fall when it changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import (
    ChunkError,
    ConfigError,
    LineageTripletsError,
    Problem,
    UnknownNameError,
    choices,
    nearest,
)
from lineage_triplets.engine.index.rows import Observations
from lineage_triplets.engine.plates.channels import resolve_channels
from lineage_triplets.engine.plates.plate import open_plate
from lineage_triplets.engine.reading.patches import PatchReader
from lineage_triplets.engine.settings.model import DatasetConfig
from lineage_triplets.qc.decide.targets import require_target
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.settings.model import ExperimentConfig
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record import Decision

_WINDOW = 64
_FOVS = 4


@dataclass(frozen=True)
class Approval:
    """Whether an experiment's channels are approved.

    Attributes
    ----------
    experiment : str
    holds : bool
    decision : Decision or None
        The last approval, whether it holds or not.
    why_not : str
        Empty if it holds.
    """

    experiment: str
    holds: bool
    decision: Decision | None
    why_not: str


def channel_names_in_store(config: ExperimentConfig) -> list[str]:
    """Names of an experiment's channels as its store has them; the config's where it has none.

    Raises
    ------
    StoreError
        The store cannot be opened.
    """
    plate = open_plate(config.data_path)
    for name in plate.fov_names():
        try:
            fov = plate.fov(name)
        except LineageTripletsError:
            continue
        if fov.channel_labels:
            return list(resolve_channels(fov, config.channel_names)[0])
        break
    return list(config.channel_names)


def remapped(data: ReviewData, experiment: str, chosen: Mapping[int | str, str]) -> dict[str, Any]:
    """Say which channels an experiment has after other ones were chosen for some slots.

    Parameters
    ----------
    data : ReviewData
    experiment : str
    chosen : dict
        Slot number or label to the channel's name in the store.

    Returns
    -------
    dict
        ``source_channel`` and ``channel_names``.

    Raises
    ------
    UnknownNameError, ConfigError
        There is no such experiment, slot or channel, or a channel would be in two slots.
    """
    require_target(data, Target("experiment", experiment))
    config = next(known for known in data.experiments if known.name == experiment)
    names = channel_names_in_store(config)
    channels = list(config.source_channel)
    for slot, name in chosen.items():
        if name not in names:
            raise UnknownNameError(
                Problem(
                    "unknown-channel",
                    f"the store has no channel {name!r}.",
                    nearest(name, names),
                    experiment=config.name,
                )
            )
        channels[_slot_number(slot, data.slot_labels, len(channels), config.name)] = name
    twice = sorted({name for name in channels if channels.count(name) > 1})
    if twice:
        raise ConfigError(
            Problem(
                "channel-twice",
                f"{twice[0]!r} would be in two slots: {choices(channels)}.",
                "Choose the channels of both slots at once.",
                experiment=config.name,
                field="source_channel",
            )
        )
    return {"source_channel": channels, "channel_names": names}


def _slot_number(slot: int | str, slot_labels: Sequence[str], n_slots: int, experiment: str) -> int:
    if isinstance(slot, str) and slot in slot_labels:
        return list(slot_labels).index(slot)
    number = int(slot) if str(slot).isdigit() else -1
    if 0 <= number < n_slots:
        return number
    listed = choices(f"{k} ({label})" for k, label in enumerate(slot_labels))
    raise UnknownNameError(
        Problem(
            "unknown-slot", f"there is no slot {slot!r}.", f"There is: {listed}.",
            experiment=experiment,
        )
    )  # fmt: skip


def chosen_slots(channels: Sequence[str], slot: int, name: str) -> dict[int | str, str]:
    """Give the slots to remap so that one shows a channel; one that has it gets the other's.

    Parameters
    ----------
    channels : sequence of str
        Channel of each slot now.
    slot : int
    name : str
        The channel that the slot shall show.
    """
    chosen: dict[int | str, str] = {slot: name}
    for other, channel in enumerate(channels):
        if channel == name and other != slot:
            chosen[other] = channels[slot]
    return chosen


def approval_value(data: ReviewData, experiment: str, images: str = "") -> dict[str, Any]:
    """Record what an approval is bound to: the mapping, and the images as they are.

    Parameters
    ----------
    data : ReviewData
    experiment : str
    images : str
        Their `images_hash`; read by default.

    Raises
    ------
    ConfigError, UnknownNameError, StoreError
        No such experiment could be opened, or its images cannot be read.
    """
    opened = data.registry.get_opened(experiment)
    return {
        "source_channel": list(opened.config.source_channel),
        "channel_names": list(opened.channel_names),
        "zarr_index": [opened.channel_map[slot] for slot in sorted(opened.channel_map)],
        "slot_labels": list(data.registry.slot_labels),
        "images": images or images_hash(data, experiment),
    }


def approval_of(data: ReviewData, experiment: str) -> Approval:
    """Say whether an experiment's channels are approved as they are now."""
    decision = data.effect.approvals.get(experiment)
    if decision is None:
        return Approval(experiment, False, None, "nobody approved them yet")
    try:
        now = approval_value(data, experiment)
    except LineageTripletsError as error:
        return Approval(experiment, False, decision, f"they cannot be looked at: {error}")
    before = decision.value
    if before.get("source_channel") != now["source_channel"]:
        why = (
            f"another mapping was approved: {choices(before.get('source_channel', []))}, now "
            f"{choices(now['source_channel'])}"
        )
    elif before.get("zarr_index") != now["zarr_index"]:
        why = (
            f"the channels stood elsewhere in the store: zarr indices "
            f"{choices(before.get('zarr_index', []))}, now {choices(now['zarr_index'])}"
        )
    elif before.get("images") != now["images"]:
        why = "the images are others than those that were approved"
    else:
        why = ""
    return Approval(experiment, not why, decision, why)


def images_hash(data: ReviewData, experiment: str) -> str:
    """Hash of an experiment's images: their metadata, and small windows of all channels.

    Raises
    ------
    StoreError
        They cannot be read, single damaged chunks apart.
    """
    sources = [source for source in data.raw.fovs if source.experiment == experiment]
    digest = hashlib.sha256()
    for source in sources:
        fov = source.fov
        labels = fov.channel_labels or None
        described = [fov.name, fov.axes, fov.shape, fov.dtype, fov.codecs, labels]
        digest.update(json.dumps(described).encode())
    step = max(1, len(sources) // _FOVS)
    for source in sources[::step][:_FOVS]:
        for window in _windows(source):
            digest.update(window)
    return digest.hexdigest()[:32]


def _windows(source: FovSource) -> Iterator[bytes]:
    """Read the middle of the first, middle and last frame, in every channel."""
    n_frames, n_channels, n_z, height, width = source.fov.shape
    size = (min(_WINDOW, height), min(_WINDOW, width))
    whole = replace(source, channels=tuple(range(n_channels)), z_start=n_z // 2, depth=1)
    settings = DatasetConfig(
        yx_patch_size=size, dtype="float64", missing_chunks="fill", cache_pool_bytes=0
    )
    reader = PatchReader([whole], settings)
    t = np.unique(np.array([0, n_frames // 2, n_frames - 1], dtype=np.int64))
    middle_y, middle_x = np.full(len(t), float(height // 2)), np.full(len(t), float(width // 2))
    none = np.full(len(t), -1, dtype=np.int64)
    rows = Observations(
        track=none, track_id=none, t=t, y=middle_y, x=middle_x, z=np.zeros(len(t)),
        y_clamp=middle_y, x_clamp=middle_x, id=none, parent_id=none,
    )  # fmt: skip
    for number in range(len(t)):
        row = np.array([number])
        try:
            yield reader.read(rows.take(row), np.zeros(1, dtype=np.int64)).tobytes()
        except ChunkError:
            # Damage is no other mapping: who approves sees it, and it counts until it is mended.
            yield b"damaged"
