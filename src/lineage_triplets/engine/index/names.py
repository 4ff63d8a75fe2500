"""The ids that people see: ``{experiment}_{fov_name}_{track_id}``, with ``@{t}`` after a cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.rows import Tracks

TEXT_DTYPE = pd.StringDtype("pyarrow", na_value=np.nan)


def _as_text(words: pa.Array) -> pd.arrays.ArrowStringArray:
    column: pd.arrays.ArrowStringArray = pd.array(words, dtype=TEXT_DTYPE)
    return column


def text_column(words: pa.Array, codes: NDArray[np.int64]) -> pd.arrays.ArrowStringArray:
    """Words by their number, as pandas' string column."""
    taken = words.cast(pa.large_string()).take(pa.array(codes))
    return _as_text(taken)


def track_name_words(tracks: Tracks, sources: Sequence[FovSource]) -> pa.Array:
    """``global_track_id`` of every track, as an Arrow array."""
    prefixes = pa.array([f"{one.experiment}_{one.fov.name}_" for one in sources], pa.large_string())
    large, nothing = pa.large_string(), pa.scalar("", pa.large_string())
    prefix = prefixes.take(pa.array(tracks.fov))
    number = pa.array(tracks.track_id).cast(large)
    if not (tracks.cut_t >= 0).any():
        return pc.binary_join_element_wise(prefix, number, nothing)
    frame = pc.binary_join_element_wise(
        pa.scalar("@", large), pa.array(tracks.cut_t).cast(large), nothing
    )
    after_cut = pc.if_else(pa.array(tracks.cut_t >= 0), frame, nothing)
    return pc.binary_join_element_wise(prefix, number, after_cut, nothing)


def track_names(tracks: Tracks, sources: Sequence[FovSource]) -> pd.arrays.ArrowStringArray:
    """``global_track_id`` of every track."""
    return _as_text(track_name_words(tracks, sources))
