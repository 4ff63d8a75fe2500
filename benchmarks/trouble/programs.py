"""What the parts share that are programs of their own: lines of JSON, and what is done apart."""

from __future__ import annotations

import json
import multiprocessing
import sys
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


def say(**values: Any) -> None:
    """Tell whoever started this program how far it is, a line of JSON."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def apart(function: Callable[..., Result], *arguments: object) -> Result:
    """Call something in a child: where images were read, nothing may be forked afterwards."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(function, arguments)
