"""Imported by processes that serve a loader, and once a run is interrupted: how they end.

Python looks for garbage once more when a process ends, among all that torch and Lightning have
made: half a second of CPU and more, while somebody waits for the end of an interrupted run.
"""

from __future__ import annotations

import atexit
import gc

atexit.register(gc.freeze)
