"""Text in the embedded font: its spelling, its size, and what fits a given width."""

from __future__ import annotations

import string
import unicodedata
from bisect import bisect_right
from functools import cache
from math import ceil
from typing import cast

from PIL import ImageFont

# The font inside Pillow has these glyphs and no accents, arrows or Greek.
_GLYPHS = frozenset(string.ascii_letters + string.digits + string.punctuation + " ·±…")
_SPELLED = str.maketrans(
    {"µ": "u", "μ": "u", "Δ": "D", "τ": "tau", "→": "->", "ß": "ss", "ø": "o", "Ø": "O"}
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
    | {"\u00d7": "x", "æ": "ae", "Æ": "AE"}
)


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's embedded font."""
    return cast("ImageFont.FreeTypeFont", ImageFont.load_default(size=size))


def line_height(size: int) -> int:
    """Pixels from one line of text to the next at font size `size`."""
    ascent, descent = font(size).getmetrics()
    return ascent + descent + max(1, size // 8)


def text_width(text: str, size: int) -> int:
    """Pixels that the text takes as it is printed, rounded up."""
    return ceil(font(size).getlength(printable(text)))


def printable(text: str) -> str:
    """Spell text with the glyphs of the embedded font: accents go, the rest becomes escapes."""
    return "".join(_glyphs(character) for character in text.translate(_SPELLED))


def _glyphs(character: str) -> str:
    if character in _GLYPHS:
        return character
    if character.isspace():
        return " "
    base = "".join(c for c in unicodedata.normalize("NFKD", character) if c in _GLYPHS)
    return base or character.encode("unicode_escape").decode()


def shortened(text: str, width: int, size: int) -> str:
    """Text that fits `width` pixels at font size `size`, an ellipsis in its middle if need be."""
    text = printable(text)
    if font(size).getlength(text) <= width:
        return text

    def without_middle(kept: int) -> str:
        return text[: (kept + 1) // 2] + "…" + text[len(text) - kept // 2 :]

    def width_keeping(kept: int) -> int:
        return ceil(font(size).getlength(without_middle(kept)))

    fitting = bisect_right(range(len(text)), width, key=width_keeping)
    return without_middle(fitting - 1) if fitting else ""


def wrapped(text: str, width: int, size: int) -> list[str]:
    """Break text at spaces into lines of a width."""
    lines: list[str] = []
    for word in printable(text).split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def short_number(value: float) -> str:
    """Write a pixel value in at most three significant digits, or as a whole number."""
    return f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"
