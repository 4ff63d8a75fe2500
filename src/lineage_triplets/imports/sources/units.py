"""Lengths and times as files write them, in micrometres and minutes."""

from __future__ import annotations

import math
from typing import Any

_UM = {
    "um": 1.0, "µm": 1.0, "μm": 1.0, "\\u00b5m": 1.0, "micron": 1.0, "microns": 1.0,
    "micrometer": 1.0, "micrometre": 1.0, "nm": 1e-3, "nanometer": 1e-3, "mm": 1e3,
    "millimeter": 1e3, "cm": 1e4, "centimeter": 1e4, "m": 1e6, "meter": 1e6, "å": 1e-4,
    "inch": 25_400.0, "in": 25_400.0,
}  # fmt: skip
_MINUTES = {
    "ms": 1 / 60_000, "msec": 1 / 60_000, "millisecond": 1 / 60_000, "s": 1 / 60, "sec": 1 / 60,
    "second": 1 / 60, "seconds": 1 / 60, "min": 1.0, "minute": 1.0, "minutes": 1.0, "h": 60.0,
    "hour": 60.0, "hours": 60.0, "hr": 60.0, "d": 1440.0, "day": 1440.0, "days": 1440.0,
}  # fmt: skip


def micrometers(value: Any, unit: Any) -> float | None:
    """A length; None where it or its unit is not known. Exactly 1 is what nobody has set."""
    return _known(value, _UM.get(str(unit).strip().lower()))


def minutes(value: Any, unit: Any) -> float | None:
    """A time; None where it or its unit is not known. Exactly 1 is what nobody has set."""
    return _known(value, _MINUTES.get(str(unit).strip().lower()))


def _known(value: Any, factor: float | None) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if factor is None or not math.isfinite(number) or number <= 0 or number == 1.0:
        return None
    # Twelve digits: 1 / 0.325 and back is 0.325.
    return float(f"{number * factor:.12g}")
