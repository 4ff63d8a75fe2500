"""Small changes by chance to bytes, to text, and to what JSON or YAML hold."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

Key = tuple[str | int, ...]

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, 0, 1, -1, 2, 3, 7, 14, 48, 64, 100, 1.5, 1e308, -0.0, 2**31, 2**40, 2**62),
    *(2**63, 2**64, 10**30, "", "0", "1", "x", "y", "T", "../..", "/etc", "NaN", "ä\n", ">u2"),
    *("<f4", "|b1", "<M8[s]", "|V9", "uint16", "float32", "int8", "r8", "bytes", "gzip", "blosc"),
    *([], [0], [1, 1], [1] * 5, [2, 1, 1, 48, 64], [0] * 5, [None], {}, {"name": "x"}),
    *({"type": "scale", "scale": [1, 1, 1, 0, 1]}, {"id": "zlib", "level": 1}, {"id": "lz4"}),
    {"path": "0"},
)  # fmt: skip
GONE = "gone"
"""Takes a key out, or an item out of its list."""

_ODD_BYTES = (b"\0", b"\xff", b"\n", b"\x1b[2J", b"\0" * 64, b"\xff" * 8, b"9" * 40)
_ODD_WORDS = (
    *("", "-1", "0", "1e400", "NaN", "inf", "-inf", "9" * 30, "4294967295", "2.5", "1,5", '"'),
    *("\x00", "\x1b[31mred\x1b[0m", "é", "\ufeff", "\u202e", "null", "~", "[", "{", "]]>", "<!--"),
    *("&amp;", "&x;", "- ", ": ", "*a", "&a", "!!python/none", "..", "/", "$HOME", "${A}"),
    "x" * 5000,
)  # fmt: skip
_WORD = re.compile(r"[\w.+-]+|[^\w\s]|\s+")


def keys_of(content: Any, above: Key = ()) -> Iterator[Key]:
    """All places inside JSON."""
    inner = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in inner:
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from keys_of(value, (*above, key))


def changed(content: Any, key: Key, value: Any) -> Any:
    """JSON with another value at a place, or without it."""
    new = copy.deepcopy(content)
    node = new
    for part in key[:-1]:
        node = node[part]
    if value is GONE:
        del node[key[-1]]
    else:
        node[key[-1]] = value
    return new


def change_json(content: Any, pick: Callable[[str, int], int]) -> Any:
    """JSON with one of the odd values somewhere, or without something.

    Parameters
    ----------
    content : dict or list
    pick : callable
        Picks a number below another one, for a purpose.
    """
    keys = list(keys_of(content))
    if not keys:
        return content
    key = keys[pick("key", len(keys))]
    place = pick("value", len(ODD_VALUES) + 1)
    return changed(content, key, GONE if place == len(ODD_VALUES) else ODD_VALUES[place])


def change_bytes(data: bytes, rng: random.Random) -> bytes:
    """Bytes with a bit turned, cut short, or with a piece more, less, twice or odd."""
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.choice((1, 2, 4, 8, 64, 1000)))
    match rng.randrange(7):
        case 0 if at < len(data):
            return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[end:]
        case 3:
            return data[:end] + data[at:]
        case 4:
            return data[:at] + rng.randbytes(end - at) + data[end:]
        case 5:
            return data[:at] + rng.choice(_ODD_BYTES) + data[at:]
        case _:
            odd = rng.choice(_ODD_BYTES)
            return data[:at] + odd + data[at + len(odd) :]


def change_text(text: str, rng: random.Random) -> str:
    """Text with another word somewhere, or with lines gone, twice, or exchanged."""
    lines = text.splitlines(keepends=True)
    if len(lines) > 1 and rng.random() < 0.3:
        one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(4):
            case 0:
                del lines[one]
            case 1:
                lines.insert(other, lines[one])
            case 2:
                lines[one], lines[other] = lines[other], lines[one]
            case _:
                # Further in, as YAML and XML take it.
                lines[one] = " " * rng.randrange(1, 5) + lines[one]
        return "".join(lines)
    words = _WORD.findall(text)
    if not words:
        return rng.choice(_ODD_WORDS)
    at = rng.randrange(len(words))
    match rng.randrange(3):
        case 0:
            words[at] = rng.choice(_ODD_WORDS)
        case 1:
            words[at] = rng.choice(words)
        case _:
            words.insert(at, rng.choice(_ODD_WORDS))
    return "".join(words)
