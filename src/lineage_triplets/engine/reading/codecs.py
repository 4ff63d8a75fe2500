"""What decodes chunks here: blosc containers, zstd frames, and chunks that are not compressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lineage_triplets.engine.reading import blosc, zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from lineage_triplets.engine.plates.chunks import Compressor
    from lineage_triplets.engine.reading.blosc import FileRange
    from lineage_triplets.engine.reading.cache import Part


class Codec(NamedTuple):
    """How the chunks of one compressor are decoded.

    Attributes
    ----------
    decode_ranges : callable
        From a container, the bytes of the decoded chunk, and ranges of these bytes: parts of the
        chunk in which each range lies.
    decode_into : callable
        From a container to an array that is as long as the chunk shall be.
    """

    decode_ranges: Callable[[FileRange, int, Iterable[tuple[int, int]]], list[Part]]
    decode_into: Callable[[FileRange, NDArray[np.uint8]], None]


CODECS: dict[Compressor | None, Codec] = {
    "blosc": Codec(blosc.decode_ranges, blosc.decode_into),
    "zstd": Codec(zstd.decode_frame, zstd.decode_frame_into),
    None: Codec(blosc.plain_ranges, blosc.plain_into),
}
