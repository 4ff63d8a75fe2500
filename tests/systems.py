"""What some tests ask of the system that they run on."""

from __future__ import annotations

import os
import sys

import pytest

needs_posix = pytest.mark.skipif(os.name != "posix", reason="Windows forks, limits and links less")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux's limits, forks and /proc")
needs_root = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root can become another user"
)
