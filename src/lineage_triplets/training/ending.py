"""Imported by processes that serve a loader and by nothing else: what they do at their end.

Python looks for garbage once more when a process ends, among all that torch has made: half a second
of CPU, while somebody waits for the last process of an interrupted run.
"""

from __future__ import annotations

import atexit
import gc

atexit.register(gc.freeze)
