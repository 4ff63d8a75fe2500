"""Counter-based random numbers: every draw is a hash of what it is for, no state is carried along.

The mixing function is SplitMix64's (Steele, Lea and Flood, OOPSLA 2014,
doi:10.1145/2660193.2660195).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array, UInt64Array


_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_TO_UNIT = 2.0**-53

# Numbers that are drawn at once for all that still have none.
_MOST_AT_ONCE = 2**18

_SHIFTS = tuple(np.uint64(shift) for shift in (30, 27, 31, 11))
_FACTORS = (np.uint64(_FIRST), np.uint64(_SECOND))


def mix(values: UInt64Array) -> UInt64Array:
    """Mix each 64-bit value into one that looks random; a bijection. Works in place."""
    first, second, third, _ = _SHIFTS
    values ^= values >> first
    values *= _FACTORS[0]
    values ^= values >> second
    values *= _FACTORS[1]
    values ^= values >> third
    return values


def mix_number(value: int) -> int:
    """Mix one Python integer, taken modulo 2**64."""
    value &= _MASK
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def text_key(*parts: str) -> int:
    """Give a 64-bit key of some texts; ("a", "bc") and ("ab", "c") differ."""
    content = "".join(f"{len(part)}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(content.encode(), digest_size=8).digest(), "little")


def observation_keys(fov_key: UInt64Array, track_id: Int64Array, t: Int64Array) -> UInt64Array:
    """Give a 64-bit key of each observation (FOV, track, frame), whatever row it stands in."""
    golden = np.uint64(_GOLDEN)
    keys = mix(fov_key + track_id.astype(np.uint64) * golden)
    keys += t.astype(np.uint64) * golden
    return mix(keys)


def epoch_salt(seed: int, epoch: int) -> np.uint64:
    """Combine seed and epoch so that (1, 0) and (0, 1) have nothing in common."""
    return np.uint64(mix_number(mix_number(seed + _GOLDEN) + (epoch + 1) * _GOLDEN))


def streams(keys: UInt64Array, salt: np.uint64) -> UInt64Array:
    """Start one stream a key; `uniform` and `bits` read from it by counter."""
    return mix(keys ^ salt)


def bits(stream: UInt64Array, counter: int) -> UInt64Array:
    """Give the 64 random bits at a place of each stream."""
    return mix(stream + np.uint64((counter + 1) * _GOLDEN & _MASK))


def uniform(stream: UInt64Array, counter: int) -> Float64Array:
    """Give the number in [0, 1) at a place of each stream."""
    return (bits(stream, counter) >> _SHIFTS[3]).astype(np.float64) * _TO_UNIT


def uniforms(stream: UInt64Array, first_counter: int, n: int) -> Float64Array:
    """Give `n` numbers in [0, 1) of each stream, from a place on: shape (streams, n)."""
    places = np.arange(first_counter + 1, first_counter + n + 1, dtype=np.uint64)
    mixed = mix(stream[:, None] + places * np.uint64(_GOLDEN))
    return (mixed >> _SHIFTS[3]).astype(np.float64) * _TO_UNIT


def draw_until_there(
    row: Int64Array,
    stream: UInt64Array,
    can: BoolArray,
    place_of: Callable[[Float64Array, Int64Array], Int64Array],
    counter: int,
) -> Int64Array:
    """Draw places of a pool again and again until each has one that is not left out.

    Parameters
    ----------
    row : ndarray of int64
        What is at each place of the pool; -1 for what is left out.
    stream : ndarray of uint64, shape (N,)
    can : ndarray of bool, shape (N,)
        Who has a place that is not left out, and would otherwise draw forever.
    place_of : callable
        From numbers in [0, 1), shape (M, draws), and which M of the N they are for, to places.
    counter : int
        Where reading from each stream begins.

    Returns
    -------
    ndarray of int64, shape (N,)
        -1 for those who cannot.
    """
    drawn = np.full(len(stream), -1, dtype=np.int64)
    pending, n_draws = np.flatnonzero(can), 1
    while len(pending):
        number = uniforms(stream[pending], counter, n_draws)
        found = row[place_of(number, pending)]
        drawn[pending] = found[np.arange(len(pending)), np.argmax(found >= 0, axis=1)]
        pending = pending[drawn[pending] < 0]
        counter += n_draws
        n_draws = min(2 * n_draws, _MOST_AT_ONCE // max(len(pending), 1) + 1)
    return drawn
