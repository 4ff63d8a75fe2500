"""How a report spells numbers, times and text that people wrote."""

from __future__ import annotations

import re
from datetime import datetime

# Control characters, lone surrogates, and marks that turn the direction of the text after them.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufffe\uffff]"
)


def cleaned(text: str) -> str:
    """Put U+FFFD for what cannot be written as UTF-8, shown, or would reorder the rest."""
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def percent(share: float) -> str:
    """``"6.1 %"``; what is not nothing is never said to be 0."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    digits = 0 if share in (0, 1) else 1
    return f"{share * 100:.{digits}f}\u00a0%"


def count(number: int, singular: str = "", plural: str = "") -> str:
    """``"1,204"``, or with a noun ``"1 finding"``, ``"no findings"``."""
    if not singular:
        return f"{number:,}"
    noun = singular if number == 1 else plural or f"{singular}s"
    return f"{number or 'no'} {noun}" if number < 1000 else f"{number:,} {noun}"


def number(value: float) -> str:
    """``"0.5"``, ``"1,440"``, ``"0.167"``: three digits that count."""
    digits = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return digits.replace("-", "\u2212")


def when(text: str) -> str:
    """``"2026-11-22 21:05 UTC"`` of an ISO 8601 time; any other text as it is."""
    if len(text) < len("2026-11-22T21:05"):
        return text
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    offset = time.strftime("%z")
    zone = "" if not offset else " UTC" if offset == "+0000" else f" {offset[:3]}:{offset[3:5]}"
    return f"{time:%Y-%m-%d %H:%M}{zone}"


def day(text: str) -> str:
    """``"2026-11-22"`` of an ISO 8601 time; any other text as it is."""
    return text[:10] if when(text) != text else text


def ended(text: str) -> str:
    """Text with a full stop at its end."""
    text = text.strip()
    return text if not text or text[-1] in ".!?…" else f"{text}."
