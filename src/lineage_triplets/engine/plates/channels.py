"""Channel names of a store: the labels that it has, and what a config may call the others.

A label binds its channel, whatever other labels are missing. What the store does not name, the
config does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import Problem, choices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.plates.image import Fov

    Labels = tuple[str | None, ...]


def channel_labels(attributes: dict[str, Any]) -> Labels:
    """Labels of ``omero.channels`` in order, None for one that is missing; empty if all are.

    There may be fewer or more than the image has channels. Nothing, empty text and the number 0,
    which writers put where they know none, are no labels.
    """
    omero = attributes.get("omero")
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list):
        return ()
    labels = tuple(
        _label(channel.get("label") if isinstance(channel, dict) else None) for channel in channels
    )
    return labels if any(labels) else ()


def _label(value: object) -> str | None:
    if isinstance(value, str):
        return value if value.strip() else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return str(value) if value and math.isfinite(value) else None


def placeholder_names(labels: Labels, n_channels: int) -> tuple[str, ...]:
    """Name every channel: by its label, or by its place where it has none."""
    return _filled(labels, n_channels, ())


def resolve_channels(fov: Fov, configured: Sequence[str]) -> tuple[tuple[str, ...], Problem | None]:
    """Channel names of a FOV: the store's; the config's for channels that the store does not name.

    Parameters
    ----------
    fov : Fov
    configured : sequence of str
        The config's names of all channels, in order.

    Returns
    -------
    names : tuple of str
        One a channel. A label that is there always names its own channel.
    problem : Problem or None
        A warning where the store leaves channels without a name; an error where the config
        contradicts a label, or does not count up.
    """
    labels, n_channels = fov.channel_labels, fov.shape[1]
    bound = labels[:n_channels] + (None,) * (n_channels - len(labels))
    given = list(configured)
    if not labels:
        return _without_labels(fov, given)
    if len(given) == n_channels and not _contradicted(labels, bound, given):
        return tuple(given), _partly_named(fov, bound)
    names = _filled(labels, n_channels, given)
    if fov.channel_names is not None:
        order = "in another order" if sorted(names) == sorted(given) else "others"
        message = f"the config's channels are {order} than the store's: config {given}, store "
        message += f"{list(names)}."
    else:
        message = (
            f"the config's channels contradict the store's labels: config {given}, store "
            f"{[label or 'no label' for label in labels]} for {n_channels} channels."
        )
    return names, _fault(
        fov,
        message,
        "Copy the store's list into channel_names."
        if fov.channel_names is not None
        else "Put each name where the store has it in channel_names; channels that the store does "
        "not name take any other name.",
    )


def _contradicted(labels: Labels, bound: Labels, given: list[str]) -> bool:
    """Whether a label stands for another channel than a config's name does."""
    elsewhere = {label for label in labels if label is not None}
    return any(
        name in elsewhere if label is None else name != label
        for label, name in zip(bound, given, strict=True)
    )


def _filled(labels: Labels, n_channels: int, given: Sequence[str]) -> tuple[str, ...]:
    """Name what has no label: by the config's name there, else by one left over, else by place.

    No name that a label has, or another channel got, is given to a second one.
    """
    names: list[str | None] = [*labels[:n_channels], *[None] * (n_channels - len(labels))]
    taken = {label for label in labels if label is not None}
    free = [place for place, name in enumerate(names) if name is None]
    for place in free:
        if place < len(given) and given[place] not in taken:
            names[place] = given[place]
            taken.add(given[place])
    left = [name for name in dict.fromkeys(given) if name not in taken]
    for place in free:
        if names[place] is None:
            name = left.pop(0) if left else f"channel {place}"
            while name in taken:
                name += "'"
            names[place] = name
            taken.add(name)
    return tuple(name or "" for name in names)


def _without_labels(fov: Fov, given: list[str]) -> tuple[tuple[str, ...], Problem]:
    n_channels = fov.shape[1]
    if len(given) == n_channels:
        return tuple(given), _warning(
            fov,
            "no-channel-names",
            f"the store names no channels; the config's {given} are taken for its {n_channels}.",
        )
    return placeholder_names((), n_channels), _fault(
        fov,
        f"the store names no channels and has {n_channels}, the config lists {len(given)}: "
        f"{given}.",
        "List all channels of the store, in its order.",
    )


def _partly_named(fov: Fov, bound: Labels) -> Problem | None:
    """Give a warning where labels and channels do not count up, or some have no label."""
    n_labels, n_channels = len(fov.channel_labels), fov.shape[1]
    unnamed = [place for place, label in enumerate(bound) if label is None]
    if not unnamed and n_labels == n_channels:
        return None
    if not unnamed:
        more = choices(label for label in fov.channel_labels[n_channels:] if label)
        said = f"the store has {n_labels} labels for {n_channels} channels; the last are of none"
        said += f": {more}." if more else "."
    else:
        which = choices(unnamed)
        said = (
            f"the store names {n_channels - len(unnamed)} of its {n_channels} channels; for zarr "
            f"{which} the config's order is taken."
        )
    return _warning(fov, "some-channel-names", said)


def _warning(fov: Fov, kind: str, message: str) -> Problem:
    return Problem(
        kind,
        message,
        "Check their order by eye.",
        severity="warning",
        fov=fov.name,
        file=fov.path,
        field="channel_names",
    )


def _fault(fov: Fov, message: str, remedy: str) -> Problem:
    return Problem(
        "channel-names",
        message,
        remedy,
        fov=fov.name,
        file=fov.path,
        field="channel_names",
    )
