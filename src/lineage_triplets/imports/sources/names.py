"""Which frame, channel, slice and position a file is, by its name among the others.

A name is cut at ``_ - . blank``; parts that differ between the files say something: ``t012``,
``ch1``, ``z3``, ``xy05``, ``00d02h15m``, a bare number, or a word.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_HINTS = {
    "T": {"t", "time", "timepoint", "tp", "frame"},
    "C": {"c", "ch", "channel", "chan", "w", "wv", "wavelength"},
    "Z": {"z", "slice", "sl", "stack"},
    "P": {"p", "s", "pos", "position", "xy", "fov", "field", "site", "well"},
}
_NUMBERED = re.compile(r"(\D*)(\d+)(\D*)")
_PIECES = re.compile(r"[A-Za-z]*\d+")
_WELL = re.compile(r"([A-P])\d{1,2}")
_CLOCK = re.compile(r"(\d+)d(\d+)h(?:(\d+)m)?")
_MINUTES_A_DAY = 1440


@dataclass(frozen=True)
class NamedAxis:
    """What one part of the names says.

    Attributes
    ----------
    letter : str
        T, C, Z or P by a hint beside the number, P for wells; Q for a number without a hint; W
        for words.
    values : tuple of str
        As they stand in the names, in order.
    numbers : tuple of int or None
        None for words. Minutes where the part is a clock.
    of_file : tuple of int
        For each file, which of the values it has.
    is_clock : bool
    """

    letter: str
    values: tuple[str, ...]
    numbers: tuple[int, ...] | None
    of_file: tuple[int, ...]
    is_clock: bool = False


def read_names(stems: Sequence[str]) -> list[NamedAxis] | None:
    """Read what differs between names; None where they are not alike."""
    split = [re.split(r"[_\-. ]+", stem) for stem in stems]
    if len({len(parts) for parts in split}) > 1:
        return None
    axes: list[NamedAxis] = []
    before = ""
    for column in zip(*split, strict=True):
        for pieces in _in_pieces(column):
            if len(set(pieces)) > 1:
                axes.append(_axis(pieces, before))
            before = pieces[0]
    return _without_repeats(axes)


def _in_pieces(column: Sequence[str]) -> list[Sequence[str]]:
    """Cut ``T0001F001Z02`` where all parts are made so."""
    found = [_PIECES.findall(part) for part in column]
    whole = all("".join(pieces) == part for pieces, part in zip(found, column, strict=True))
    if not whole or len({len(pieces) for pieces in found}) > 1:
        return [column]
    return list(zip(*found, strict=True))


def _axis(column: Sequence[str], before: str) -> NamedAxis:
    clocks = [_CLOCK.fullmatch(part) for part in column]
    if all(clocks):
        minutes = [
            int(clock[1]) * _MINUTES_A_DAY + int(clock[2]) * 60 + int(clock[3] or 0)
            for clock in clocks
            if clock
        ]
        return _numbered(column, minutes, "T", is_clock=True)
    matches = [_NUMBERED.fullmatch(part) for part in column]
    if all(matches) and len({(match[1], match[3]) for match in matches if match}) == 1:
        first = matches[0]
        hint = (first[1] if first and first[1] else before).lower()
        return _numbered(column, [int(match[2]) for match in matches if match], _letter(hint))
    values = sorted(set(column))
    letter = "P" if all(_WELL.fullmatch(part) for part in column) else "W"
    return NamedAxis(letter, tuple(values), None, tuple(values.index(part) for part in column))


def _letter(hint: str) -> str:
    word = re.split(r"[^a-z]+", hint.strip())[-1]
    return next((letter for letter, words in _HINTS.items() if word in words), "Q")


def _numbered(
    column: Sequence[str], numbers: Sequence[int], letter: str, *, is_clock: bool = False
) -> NamedAxis:
    first_text = dict(zip(reversed(numbers), reversed(column), strict=True))
    ordered = sorted(first_text)
    place = {number: i for i, number in enumerate(ordered)}
    return NamedAxis(
        letter,
        tuple(first_text[number] for number in ordered),
        tuple(ordered),
        tuple(place[number] for number in numbers),
        is_clock,
    )


def _without_repeats(axes: list[NamedAxis]) -> list[NamedAxis]:
    """Leave out parts that another part decides, as the time of day beside the frame."""
    hinted = sorted(axes, key=lambda axis: axis.letter in {"Q", "W"})
    kept: list[NamedAxis] = []
    for axis in hinted:
        decided = any(
            len(set(zip(other.of_file, axis.of_file, strict=True))) == len(other.values)
            and len(axis.values) > 1
            for other in kept
        )
        if not decided:
            kept.append(axis)
    return [axis for axis in axes if axis in kept]


def step_of(numbers: Sequence[int]) -> int:
    """The number by which all steps between numbers can be divided."""
    return reduce(math.gcd, (b - a for a, b in itertools.pairwise(numbers)), 0) or 1


def absent_numbers(numbers: Sequence[int]) -> list[int]:
    """Numbers that an even row from the first to the last has, and this one lacks."""
    there = set(numbers)
    row = range(numbers[0], numbers[-1] + 1, step_of(numbers))
    return [number for number in row if number not in there] if len(row) < 10**7 else []
