"""Pairs and strips as grey pictures: read a few at a time, and shown even where one is damaged."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.qc.look.pictures.grey import (
    GreyScale,
    blank_note,
    measured_scale,
    projected,
    rendered,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Float32Array, Int64Array
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.look.strip import Strip

    # Of one patch: a picture a slot, (Y, X, 3) uint8.
    Pictures = tuple[NDArray[np.uint8], ...]
    # Of the cell in its patch, as `outline` gives it; None where no mask has it.
    Outline = Float32Array | None
    Projections = dict[str, Float32Array]

Made = TypeVar("Made")
SCALE_PAIRS = 12
_MOST_BYTES = 256 * 2**20


@dataclass(frozen=True, eq=False)
class ShownPairs:
    """The pairs of a list whose pixels were read so far.

    Attributes
    ----------
    values : dict of int to dict
        By the pair's number ``anchor`` and ``positive``: (C, Y, X) float32, maximum over z.
    damage : dict of int to str
        Of pairs that cannot be read: why.
    scales : dict of str to tuple of GreyScale
        Of each experiment, one a slot: measured over its first 12 pairs, for now over fewer.
    pictures : dict of int to dict
        As `values`, each a tuple of (Y, X, 3) uint8, one a slot, in that scale.
    notes : dict of int to dict
        As `pictures`: what a patch is where it shows nothing, ``"all 0"``; empty for others.
    tried : frozenset of int
        All pairs that were ever read, those dropped since too.
    outlines : dict of int to dict
        As `values`, the outline of each cell by its mask, or None; empty unless `outlined`.
    outlined : bool
        Whether masks are read with the pixels.
    """

    values: Mapping[int, Projections] = field(default_factory=dict)
    damage: Mapping[int, str] = field(default_factory=dict)
    scales: Mapping[str, tuple[GreyScale, ...]] = field(default_factory=dict)
    pictures: Mapping[int, Mapping[str, Pictures]] = field(default_factory=dict)
    notes: Mapping[int, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    tried: frozenset[int] = frozenset()
    outlines: Mapping[int, Mapping[str, Outline]] = field(default_factory=dict)
    outlined: bool = False

    def has(self, number: int) -> bool:
        """Whether a pair is there to be shown, or known to be damaged."""
        return number in self.values or number in self.damage

    def without_damage(self, number: int) -> ShownPairs:
        """Give the same, with a pair not read yet that could not be read."""
        return replace(self, damage={n: why for n, why in self.damage.items() if n != number})

    def moved(self, number_of: Mapping[int, int]) -> ShownPairs:
        """Give what was read of some pairs that stand elsewhere in another list, by old numbers.

        Scales hold for those, too, until they are measured anew.
        """

        def carried(known: Mapping[int, Made]) -> dict[int, Made]:
            return {number_of[old]: held for old, held in known.items() if old in number_of}

        return ShownPairs(
            carried(self.values),
            carried(self.damage),
            self.scales,
            carried(self.pictures),
            carried(self.notes),
            frozenset(number_of[old] for old in self.tried if old in number_of),
            carried(self.outlines),
            self.outlined,
        )

    def next_numbers(
        self, experiments: Sequence[str], wanted: Sequence[int], most: int = 8
    ) -> list[int]:
        """Say which pairs to read next: those wanted now, then those that scales rest on.

        Parameters
        ----------
        experiments : sequence of str
            Of each pair.
        wanted : sequence of int
            Pairs to be shown now.
        most : int
        """
        numbers = [number for number in wanted if not self.has(number)]
        if len(numbers) < most:
            of_scales = scale_numbers(experiments)
            numbers += [n for n in of_scales if n not in numbers and n not in self.tried]
        return numbers[:most]

    def read_more(
        self, pairs: PairList, numbers: Sequence[int], keep: Sequence[int] = ()
    ) -> ShownPairs:
        """Read some more pairs; scales that change by that hold for all pairs of the experiment.

        Parameters
        ----------
        pairs : PairList
        numbers : sequence of int
        keep : sequence of int
            Pairs that are not dropped; those read first are, where more than 256 MB are held.
        """
        read = read_pairs(pairs, numbers)
        values = {
            **self.values,
            **{n: found for n, found in read.items() if isinstance(found, dict)},
        }
        damage = {
            **self.damage,
            **{n: found for n, found in read.items() if isinstance(found, str)},
        }
        values = _youngest(values, {*numbers, *keep})
        experiments = [anchor["experiment"] for anchor in pairs.anchors]
        scales, pictures = dict(self.scales), dict(self.pictures)
        of_scales = scale_numbers(experiments)
        for name in dict.fromkeys(experiments[n] for n in read):
            own = [n for n in values if experiments[n] == name]
            basis = [n for n in own if n in of_scales]
            new = any(n in of_scales and n not in self.tried for n in read)
            if own and (name not in scales or new):
                scales[name] = scales_of([values[n] for n in basis or own])
                if scales[name] != self.scales.get(name):
                    pictures = {n: drawn for n, drawn in pictures.items() if n not in own}
        shown = {
            n: pictures[n] if n in pictures else _pictures(patches, scales[experiments[n]])
            for n, patches in values.items()
        }
        notes = {
            n: self.notes.get(n)
            or {role: tuple(map(blank_note, image)) for role, image in patches.items()}
            for n, patches in values.items()
        }
        outlines = {n: drawn for n, drawn in self.outlines.items() if n in values}
        if self.outlined:
            anew = [n for n in numbers if n in values]
            for n, *both in zip(anew, *pairs.take(anew).outlines(), strict=True):
                outlines[n] = dict(zip(("anchor", "positive"), both, strict=True))
        tried = self.tried.union(read)
        return ShownPairs(values, damage, scales, shown, notes, tried, outlines, self.outlined)


def scale_numbers(experiments: Sequence[str]) -> list[int]:
    """Give the first pairs of each experiment, over which its grey scales are measured."""
    taken: dict[str, int] = {}
    numbers = []
    for number, name in enumerate(experiments):
        taken[name] = taken.get(name, 0) + 1
        if taken[name] <= SCALE_PAIRS:
            numbers.append(number)
    return numbers


def scales_of(patches: Sequence[Projections]) -> tuple[GreyScale, ...]:
    """Measure one grey scale a slot over all of some patches."""
    images = [image for pair in patches for image in pair.values()]
    return tuple(
        measured_scale([image[slot] for image in images]) for slot in range(len(images[0]))
    )


def read_pairs(pairs: PairList, numbers: Sequence[int]) -> dict[int, Projections | str]:
    """Read some pairs; of one that cannot be read, say why."""

    def read(chosen: Sequence[int]) -> list[Projections]:
        anchors, positives = pairs.take(chosen).images()
        return [
            {"anchor": projected(anchor), "positive": projected(positive)}
            for anchor, positive in zip(anchors, positives, strict=True)
        ]

    return dict(zip(numbers, read_each(read, numbers), strict=True))


@dataclass(frozen=True, eq=False)
class ShownStrip:
    """A strip's pictures.

    Attributes
    ----------
    places : ndarray of int64
        Which of the strip's frames are shown.
    lanes : tuple of list
        Of each lane, for each of these frames: its pictures, one a slot; None where there is no
        cell; a str where it cannot be read: why.
    values : tuple of list
        As `lanes`: (C, Y, X) float32, maximum over z; None where there is no picture.
    outlines : tuple of list
        As `lanes`: the outline of each cell by its mask, or None; empty if none were asked for.
    """

    places: Int64Array
    lanes: tuple[list[Pictures | str | None], ...]
    values: tuple[list[Float32Array | None], ...]
    outlines: tuple[list[Outline], ...] = ()


def read_strip(
    strip: Strip,
    places: Int64Array,
    scales: Sequence[GreyScale] = (),
    *,
    outlined: bool = False,
) -> ShownStrip:
    """Read a strip at some frames.

    Parameters
    ----------
    strip : Strip
    places : ndarray of int64
        Which of its frames.
    scales : sequence of GreyScale, optional
        One a slot; by default as measured over the strip.
    outlined : bool
        Whether to read masks too.
    """
    lanes: list[list[Projections | str | None]] = []
    for number, lane in enumerate(strip.lanes):
        there = [int(place) for place in places if lane.rows[place] >= 0]

        def read(chosen: Sequence[int], number: int = number) -> list[Projections]:
            images = strip.images(number, np.asarray(chosen, dtype=np.int64))
            return [{"cell": projected(image)} for image in images]

        found = dict(zip(there, read_each(read, there), strict=True))
        lanes.append([found.get(int(place)) for place in places])
    whole = [cell for lane in lanes for cell in lane if isinstance(cell, dict)]
    used = tuple(scales) or (scales_of(whole) if whole else ())
    return ShownStrip(
        places,
        tuple(
            [_pictures(cell, used)["cell"] if isinstance(cell, dict) else cell for cell in lane]
            for lane in lanes
        ),
        tuple(
            [cell["cell"] if isinstance(cell, dict) else None for cell in lane] for lane in lanes
        ),
        tuple(strip.outlines(lane, places) for lane in range(len(lanes))) if outlined else (),
    )


def read_each(
    read: Callable[[Sequence[int]], Sequence[Made]], numbers: Sequence[int]
) -> list[Made | str]:
    """Read all at once, and each by itself where that fails; why, of those that cannot be read."""
    if not len(numbers):
        return []
    try:
        return list(read(numbers))
    except StoreError as error:
        if len(numbers) == 1:
            return [error.problems[0].message]
    return [read_each(read, [number])[0] for number in numbers]


def _pictures(values: Projections, scales: Sequence[GreyScale]) -> dict[str, Pictures]:
    return {
        role: tuple(rendered(slot, scale, 1.0) for slot, scale in zip(image, scales, strict=True))
        for role, image in values.items()
    }


def _youngest(values: dict[int, Projections], needed: set[int]) -> dict[int, Projections]:
    """Drop those read first until what is left takes no more memory than it may."""
    size = sum(image.nbytes for pair in values.values() for image in pair.values())
    kept: dict[int, Any] = dict(values)
    for number in values:
        if size <= _MOST_BYTES:
            break
        if number not in needed:
            size -= sum(image.nbytes for image in kept.pop(number).values())
    return kept
