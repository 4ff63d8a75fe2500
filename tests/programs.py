"""Code that needs a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run some code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
