"""DeepCell's .trk: a tar of masks and of a JSON with parents. No pickle is ever loaded."""

from __future__ import annotations

import io
import json
import lzma
import tarfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.tracks.formats.base import RawTable, TrackFormat, TrackSource
from lineage_triplets.engine.tracks.formats.masks import label_cells, table_of_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.tracks.formats.glimpse import Glimpse

_WHAT = "DeepCell's .trk"
_MASKS = "tracked.npy"
_LINEAGES = ("lineages.json", "lineage.json")
_MAGIC_AT = 257


def read(source: TrackSource) -> RawTable:
    """Read the masks, and each track's parent.

    Raises
    ------
    TrackTableError
        It is damaged, has several movies, or an array that is a pickle.
    OSError
        The file cannot be read.
    """
    masks, lineage = None, None
    try:
        with tarfile.open(source.file) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is None or member.name not in {_MASKS, *_LINEAGES}:
                    continue
                source.refuse_claim(_WHAT, member.size)
                if member.name == _MASKS:
                    masks = np.load(io.BytesIO(content.read()), allow_pickle=False)
                else:
                    lineage = json.loads(content.read())
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        raise source.damaged(_WHAT, error) from error
    if masks is None or lineage is None:
        raise source.damaged(_WHAT, f"it has no {_MASKS}" if masks is None else "it has no lineage")
    tracks = _only_movie(source, masks, lineage)
    labels = masks.reshape(masks.shape[-4:]) if masks.ndim == 5 else masks
    labels = labels[..., 0] if labels.ndim == 4 else labels
    if labels.ndim != 3 or labels.dtype.kind not in "iuf":
        raise source.damaged(_WHAT, f"its masks have the shape {masks.shape}")
    cells = label_cells(enumerate(labels))
    return table_of_labels(source, cells, _parents(source, tracks))


def _only_movie(source: TrackSource, masks: NDArray[Any], lineage: Any) -> dict[str, Any]:
    movies = lineage if isinstance(lineage, list) else [lineage]
    n_movies = max(len(movies), masks.shape[0] if masks.ndim == 5 else 1)
    if n_movies > 1:
        raise TrackTableError(
            source.problem(
                "two-tables",
                f"This holds {n_movies} movies (.trks).",
                "Save each as a .trk of its own.",
                count=n_movies,
            )
        )
    if not movies or not isinstance(movies[0], dict):
        raise source.damaged(_WHAT, "its lineage is no table of tracks")
    return movies[0]


def _parents(source: TrackSource, tracks: dict[str, Any]) -> dict[int, int]:
    try:
        of_children = {
            int(label): int(track["parent"])
            for label, track in tracks.items()
            if track.get("parent") is not None
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise source.damaged(_WHAT, f"its lineage is not understood ({error})") from error
    return of_children


def recognises(glimpse: Glimpse) -> bool:
    """Say whether a file is a tar, packed or not, with names of DeepCell's."""
    head = glimpse.head
    first = head[:100].split(b"\0")[0].decode("ascii", "replace")
    is_tar = head[_MAGIC_AT : _MAGIC_AT + 5] == b"ustar"
    return is_tar and first in {_MASKS, "raw.npy", *_LINEAGES}


FORMAT = TrackFormat("deepcell-trk", (), read, recognises, words=lambda _: _WHAT)
