"""The ids that people see, ``{experiment}_{fov}_{track_id}[@{t}]``: written here, and read.

What follows the FOV is the track's word: its number in the table, and the first frame after a cut.
Ids alone need no arrays: whoever records decisions imports neither NumPy nor pandas with this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    import pyarrow as pa

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.index.rows import Tracks

# Another spelling of a number would name nothing in an exported config.
_WORD = re.compile(r"(?P<track_id>0|-?[1-9]\d*)(@(?P<cut_t>0|[1-9]\d*))?", re.ASCII)


def global_id(experiment: str, fov: str, word: str = "") -> str:
    """``global_track_id`` of a track, ``lineage_id`` of a root; without a word, how they begin."""
    return f"{experiment}_{fov}_{word}"


def track_word(track_id: int, cut_t: int | None = None) -> str:
    """Name a track within its FOV: its number, with ``@t`` where a cut at frame t precedes it."""
    return str(track_id) if cut_t is None or cut_t < 0 else f"{track_id}@{cut_t}"


def parse_word(word: str) -> tuple[int, int] | None:
    """Number and first frame after a cut (-1 for none) of a track's word; None for another text."""
    match = _WORD.fullmatch(word)
    return match and (int(match["track_id"]), int(match["cut_t"] or -1))


def whole_track(name: str) -> str:
    """Leave out what a track's word or id says of a cut."""
    return re.sub(r"@\d+$", "", name)


def word_within(name: str, experiment: str, fov: str) -> str:
    """Shorten an id to the track's word, if it is of this FOV."""
    return name.removeprefix(global_id(experiment, fov))


def parse_id(name: str, experiments: Iterable[str]) -> tuple[str, str, str] | None:
    """Experiment, FOV and track's word of an id; of two experiments that fit, the longer name's."""
    start, _, word = name.rpartition("_")
    if not _WORD.fullmatch(word):
        return None
    for experiment in sorted(experiments, key=len, reverse=True):
        fov = start.removeprefix(f"{experiment}_")
        if fov and fov != start:
            return experiment, fov, word
    return None


def text_column(words: pa.Array, codes: Int64Array | None = None) -> pd.arrays.ArrowStringArray:
    """Words as pandas' string column: all, or some by their number."""
    import pandas as pd
    import pyarrow as pa

    if codes is not None:
        words = words.cast(pa.large_string()).take(pa.array(codes))
    column: pd.arrays.ArrowStringArray = pd.array(
        words, dtype=pd.StringDtype("pyarrow", na_value=float("nan"))
    )
    return column


@dataclass(frozen=True)
class TrackNames:
    """The ids of all tracks of an index.

    Attributes
    ----------
    tracks : Tracks
    prefixes : sequence of str
        How the ids of each FOV's tracks begin.
    """

    tracks: Tracks
    prefixes: Sequence[str]

    @cached_property
    def words(self) -> pa.Array:
        """``global_track_id`` of every track, as an Arrow array."""
        import pyarrow as pa
        import pyarrow.compute as pc

        large, nothing = pa.large_string(), pa.scalar("", pa.large_string())
        prefix = pa.array(self.prefixes, large).take(pa.array(self.tracks.fov))
        number = pa.array(self.tracks.track_id).cast(large)
        is_cut = self.tracks.cut_t >= 0
        if not is_cut.any():
            return pc.binary_join_element_wise(prefix, number, nothing)
        frame = pc.binary_join_element_wise(
            pa.scalar("@", large), pa.array(self.tracks.cut_t).cast(large), nothing
        )
        after_cut = pc.if_else(pa.array(is_cut), frame, nothing)
        return pc.binary_join_element_wise(prefix, number, after_cut, nothing)

    def of_tracks(self, tracks: Int64Array) -> list[str]:
        """``global_track_id`` of some tracks; for few, quicker than all `words`."""
        return [
            self.prefixes[fov] + track_word(track_id, cut_t)
            for fov, track_id, cut_t in zip(
                self.tracks.fov[tracks].tolist(),
                self.tracks.track_id[tracks].tolist(),
                self.tracks.cut_t[tracks].tolist(),
                strict=True,
            )
        ]

    def of(self, track: int) -> str:
        """``global_track_id`` of one track."""
        return self.prefixes[int(self.tracks.fov[track])] + self.word(track)

    def word(self, track: int) -> str:
        """Name a track within its FOV."""
        return track_word(int(self.tracks.track_id[track]), int(self.tracks.cut_t[track]))

    def find(self, global_track_id: str) -> int:
        """Give the number of a track; -1 where there is none."""
        for fov, prefix in enumerate(self.prefixes):
            parsed = global_track_id.startswith(prefix) and parse_word(
                global_track_id[len(prefix) :]
            )
            if not parsed:
                continue
            first, end = self.tracks.fov.searchsorted([fov, fov + 1]).tolist()
            track_id, cut_t = self.tracks.track_id[first:end], self.tracks.cut_t[first:end]
            found = ((track_id == parsed[0]) & (cut_t == parsed[1])).nonzero()[0]
            if len(found):
                return int(first + found[0])
        return -1
