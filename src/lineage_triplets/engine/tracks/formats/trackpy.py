"""trackpy's table, also as pycellin writes it: tracks without divisions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.tracks.formats.dialects import Dialect
from lineage_triplets.engine.tracks.formats.values import with_parents

if TYPE_CHECKING:
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource


def _finish(source: TrackSource, raw: RawTable) -> RawTable:
    problem = source.problem(
        "no-divisions",
        "This is trackpy's table, which has no divisions: every track is a root.",
        "If the cells divide, give what says who is whose mother.",
        "warning",
        count=len(raw.row),
    )
    raw = replace(raw, problems=(*raw.problems, problem))
    return with_parents(raw, np.full(len(raw.row), -1, np.int64))


def _dialect(frame: str) -> Dialect:
    return Dialect(
        "trackpy's table",
        {"track_id": "particle", "t": frame, "z": "z", "y": "y", "x": "x"},
        _finish,
        telling=frozenset({"particle", frame, "y", "x"}),
        without=frozenset({"t"} if frame == "frame" else {"t", "frame"}),
    )


DIALECTS = (_dialect("frame"), _dialect("timepoint"))
