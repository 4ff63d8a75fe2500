"""Slots whose channels have unlike names in different experiments."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import choices
from lineage_triplets.qc.find.checks import SettingsCheck, register
from lineage_triplets.qc.find.finding import Evidence, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.index.index import MultiExperimentIndex

    Float64Array = NDArray[np.float64]

_UNLIKE = 0.5
_CLEARLY_BETTER = 0.25
_LABEL_FREE = frozenset(
    {"phase", "phase3d", "bf", "brightfield", "dic", "pc", "trans", "transmitted", "label", "free"}
)
_EMPTY_WORD = re.compile(r"\d+|(?:ch|channel|c|ex|em)\d*|raw|image|camera|laser")


def check_channel_names(index: MultiExperimentIndex) -> Iterator[Finding]:
    """Compare the names in each slot; one that fits another slot better may be swapped."""
    opened = index.registry.opened
    if len(opened) < 2:
        return
    slots = [experiment.config.source_channel for experiment in opened]
    labels = index.registry.slot_labels
    swapped: set[tuple[int, int]] = set()
    # With two experiments a swap is symmetric: it is said once.
    for number in range(len(opened)) if len(opened) > 2 else (1,):
        others = [names for k, names in enumerate(slots) if k != number]
        for slot, name in enumerate(slots[number]):
            rival = _better(name, slot, others, opened[number].channel_names, slots[number])
            if rival is None:
                continue
            swapped.add((number, slot))
            yield _swap(opened[number].config.name, slots, number, slot, rival, labels)
    for slot, label in enumerate(labels):
        if any(where == slot for _, where in swapped):
            continue
        names = [channels[slot] for channels in slots]
        least = min(alike(name, other) for name in names for other in names)
        if least < _UNLIKE:
            yield _unlike(
                [experiment.config.name for experiment in opened], names, slot, label, least
            )


def names_unlike(index: MultiExperimentIndex) -> dict[tuple[str, int], str]:
    """Say of each (experiment, slot) whose name differs what the names are.

    A slot whose names are unlike without one that would fit better counts in every experiment.
    """
    said: dict[tuple[str, int], str] = {}
    for finding in check_channel_names(index):
        slot = int(finding.detail.removeprefix("slot").partition("=")[0])
        everywhere = [experiment.config.name for experiment in index.registry.opened]
        for experiment in [finding.experiment] if finding.experiment else everywhere:
            said[experiment, slot] = finding.sentence
    return said


def alike(name: str, other: str) -> float:
    """Say how alike two channel names are, from 0 to 1."""
    return _alike(*sorted((name, other)))


@lru_cache(maxsize=4096)
def _alike(name: str, other: str) -> float:
    first, second = _words(name), _words(other)
    one, two = frozenset(first), frozenset(second)
    if one == two or (one & _LABEL_FREE and two & _LABEL_FREE):
        return 1.0
    shared = len(one & two) / min(len(one), len(two)) if one and two else 0.0
    # What one of many words says may be said of every channel ("FUCCI-cyan", "FUCCI-magenta").
    shared = shared if len(one & two) == min(len(one), len(two)) else shared / 2
    letters = SequenceMatcher(None, "".join(first), "".join(second)).ratio()
    return max(shared, letters)


def _words(name: str) -> list[str]:
    """Words that tell channels apart, in order; all if none does."""
    parts = re.findall(r"[^\W\d_]+\d*[^\W\d_]*|\d+", name.lower())
    return [part for part in parts if not _EMPTY_WORD.fullmatch(part)] or parts


def _better(
    name: str,
    slot: int,
    others: Sequence[Sequence[str]],
    in_store: Sequence[str],
    chosen: Sequence[str],
) -> str | None:
    """Give the channel of the store that is in another slot, or in none, and fits this one better.

    Where it is the name in another slot, that slot's name must fit no worse in its new place.
    """
    here = _mean_alike(name, [names[slot] for names in others])
    if here >= _UNLIKE + _CLEARLY_BETTER:
        return None
    fits = {
        channel: _mean_alike(channel, [other[slot] for other in others])
        for channel in in_store
        if channel != name
    }
    if not fits:
        return None
    best = max(fits, key=lambda channel: fits[channel])
    if fits[best] < max(_UNLIKE, here + _CLEARLY_BETTER):
        return None
    if best in chosen:
        stays = _mean_alike(best, [names[list(chosen).index(best)] for names in others])
        if stays >= fits[best]:
            return None
    return best


def _mean_alike(name: str, others: Sequence[str]) -> float:
    return float(np.mean([alike(name, other) for other in others]))


def _swap(
    experiment: str,
    slots: Sequence[Sequence[str]],
    number: int,
    slot: int,
    rival: str,
    labels: Sequence[str],
) -> Finding:
    name = slots[number][slot]
    others = list(dict.fromkeys(names[slot] for k, names in enumerate(slots) if k != number))
    where = "no slot"
    if rival in slots[number]:
        where = f"slot {list(slots[number]).index(rival)}"
    here = _mean_alike(name, others)
    return Finding(
        kind="channel-names-unlike",
        severity="warning",
        sentence=(
            f"Slot {slot} ({labels[slot]}) is {name!r} here and {_listed(others)} in the other "
            f"experiment{'s' * (len(slots) > 2)}; {rival!r}, which is in {where} here, is more "
            "like it."
        ),
        remedy=f"Look at the channels; choose {rival!r} for this slot if they are exchanged.",
        experiment=experiment,
        evidence=(
            Evidence(f"likeness of {name}", here),
            Evidence(f"likeness of {rival}", _mean_alike(rival, others)),
        ),
        detail=f"slot{slot}={name}",
    )


def _unlike(
    experiments: Sequence[str], names: Sequence[str], slot: int, label: str, least: float
) -> Finding:
    by_name: dict[str, list[str]] = {}
    for experiment, name in zip(experiments, names, strict=True):
        by_name.setdefault(name, []).append(experiment)
    told = (f"{name!r} in {_some(where)}" for name, where in by_name.items())
    return Finding(
        kind="channel-names-unlike",
        severity="note",
        sentence=f"Slot {slot} ({label}) has unlike names: {choices(told, separator='; ')}.",
        remedy="Look at the channels, and approve them if they show the same.",
        evidence=(Evidence("least likeness", least),),
        detail=f"slot{slot}=" + "+".join(by_name),
    )


def _listed(names: Sequence[str]) -> str:
    return " or ".join(map(repr, names[:4])) + (" or others" if len(names) > 4 else "")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


register(SettingsCheck("channel-names-unlike", ("channel-names-unlike",), check_channel_names))
