"""What a contact sheet is made of, and whether it fits together."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Limits = tuple[float, float]


@dataclass(frozen=True, eq=False)
class PairPicture:
    """One anchor/positive pair: its pixels, and what the caption says.

    Attributes
    ----------
    anchor, positive : ndarray
        Patches (C, Z, Y, X) of a real dtype; C as many as there are slots.
    experiment, fov : str
        Where the pair is from; pairs are grouped by experiment.
    anchor_track, positive_track : str
        Track ids as they are to be shown.
    anchor_t, positive_t : int
        Frames.
    tau_frames : int
        Frames from the anchor to the positive.
    tau_hours : float
        The same in hours.
    relation : str
        What the positive is to the anchor: ``"same track"``, ``"daughter"``, ``"sister"``, ...
    anchor_yx, positive_yx : tuple of float
        The cell's centre inside the patch, in patch pixels: (0, 0) is the middle of the first.
    """

    anchor: NDArray[Any]
    positive: NDArray[Any]
    experiment: str
    fov: str
    anchor_track: str
    positive_track: str
    anchor_t: int
    positive_t: int
    tau_frames: int
    tau_hours: float
    relation: str
    anchor_yx: tuple[float, float]
    positive_yx: tuple[float, float]


def check_pairs(
    pairs: Sequence[PairPicture],
    slot_labels: Sequence[str],
    columns: int | None,
    patch_pixels: int,
) -> None:
    """Raise `ConfigError` if the pairs cannot be drawn so."""
    if not len(pairs):
        raise _problem(
            "there are no pairs to draw.",
            "Give at least one; a lineage has pairs only if it spans the tau range, so choose "
            "another lineage or a wider tau_range_hours.",
        )
    if not len(slot_labels):
        raise _problem("slot_labels is empty.", "Give one name for each slot of the patches.")
    if columns is not None and columns < 1:
        raise _problem(f"columns is {columns}.", "Give 1 or more, or None to have it chosen.")
    if patch_pixels < 16:
        raise _problem(f"patch_pixels is {patch_pixels}.", "Give 16 or more.")
    for number, pair in enumerate(pairs):
        for role, patch in (("anchor", pair.anchor), ("positive", pair.positive)):
            if patch.ndim != 4 or patch.shape[0] != len(slot_labels) or 0 in patch.shape:
                raise _problem(
                    f"the {role} of pair {number} has shape {tuple(patch.shape)}.",
                    f"Give arrays (C, Z, Y, X) with C = {len(slot_labels)}, one for each of the "
                    f"slot labels {list(slot_labels)}, and no side of length 0.",
                    pair.experiment,
                )


@dataclass(frozen=True)
class ExperimentInputs:
    """What the caller says about one experiment; lists have one entry a slot."""

    channels: list[str]
    limits: list[Limits | None]
    pixel_size_um: float | None

    @classmethod
    def select(
        cls,
        experiment: str,
        slot_labels: Sequence[str],
        channel_names: Mapping[str, Sequence[str]] | None,
        limits: Mapping[str, Sequence[Limits | None]] | None,
        pixel_size_um: Mapping[str, float | None] | None,
    ) -> ExperimentInputs:
        """Take an experiment's entries, raising `ConfigError` if they do not fit."""
        slots = len(slot_labels)
        own_channels = list((channel_names or {}).get(experiment, [""] * slots))
        own_limits = list((limits or {}).get(experiment, [None] * slots))
        for name, values in (("channel_names", own_channels), ("limits", own_limits)):
            if len(values) != slots:
                raise _problem(
                    f"{name} has {len(values)} entries for {slots} slots.",
                    f"Give one for each of {list(slot_labels)}.",
                    experiment,
                )
        for low, high in filter(None, own_limits):
            if not (isfinite(low) and isfinite(high) and low < high):
                raise _problem(
                    f"limits {low} and {high} leave nothing to show.",
                    "Give (black, white) with black below white, or None to have them measured.",
                    experiment,
                )
        own_size = (pixel_size_um or {}).get(experiment)
        if own_size is not None and not (isfinite(own_size) and own_size > 0):
            raise _problem(
                f"pixel_size_um is {own_size}.",
                "Give the width of a pixel in micrometers, or None for no scale bar.",
                experiment,
            )
        return cls(own_channels, own_limits, own_size)


def _problem(message: str, remedy: str, experiment: str = "") -> ConfigError:
    return ConfigError(Problem("contact-sheet", message, remedy, experiment=experiment))
