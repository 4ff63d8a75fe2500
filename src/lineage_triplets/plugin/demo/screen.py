"""A screen for a machine that has none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZE = "1920x1080x24"


def has_screen() -> bool:
    """Whether windows can be opened here."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def can_pretend() -> bool:
    """Whether `virtual_screen` works here."""
    return sys.platform == "linux" and shutil.which("Xvfb") is not None


@contextmanager
def virtual_screen() -> Iterator[None]:
    """Let windows open on a screen that nobody sees (Xvfb); before Qt is imported.

    Raises
    ------
    OSError
        The screen did not start.
    """
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", _SIZE, "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(writing,), stderr=subprocess.DEVNULL)
    os.close(writing)
    before = os.environ.get("DISPLAY")
    try:
        with os.fdopen(reading) as said:
            number = said.readline().strip()
        if not number:
            raise OSError(f"Xvfb did not start (exit code {server.wait()})")
        os.environ["DISPLAY"] = f":{number}"
        yield
    finally:
        if before is None:
            os.environ.pop("DISPLAY", None)
        else:
            os.environ["DISPLAY"] = before
        server.terminate()
        server.wait()
