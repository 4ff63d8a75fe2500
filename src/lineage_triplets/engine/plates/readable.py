"""What keeps tensorstore from reading an array, told from the array's JSON alone.

Tensorstore judges the JSON itself, without a store; what it looks at only when it opens one is
looked at here. Only arrays of numbers are put before it: for some types it aborts the process.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorstore as ts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Other members of a .zarray are passed over when it is opened.
_OF_V2 = {
    *("zarr_format", "chunks", "dtype", "compressor", "fill_value", "order", "filters"),
    "dimension_separator",
}
_NOT_JUDGED = {"shape"}
_REQUIRED = {
    2: ("zarr_format", "compressor", "filters", "order", "fill_value"),
    3: ("zarr_format", "node_type", "chunk_key_encoding", "codecs", "fill_value"),
}
# What the configuration of a codec of zarr v3 must have for an array to be opened.
_OPTIONS = {
    "blosc": ("typesize", "cname", "clevel", "shuffle", "blocksize"),
    "gzip": ("level",),
    "zstd": ("level",),
    "sharding_indexed": ("chunk_shape", "codecs", "index_codecs"),
}

_INSIDE_SHARDS = ("codecs", "index_codecs")


def why_unreadable(zarr_format: int, described: dict[str, Any]) -> str:
    """Say what tensorstore does not take, in a clause; empty where it takes all.

    Parameters
    ----------
    zarr_format : int
        2 or 3.
    described : dict
        The array's metadata.
    """
    missing = [key for key in _REQUIRED[zarr_format] if key not in described]
    if missing:
        return f"its metadata have no {missing[0]!r}"
    dtype = described.get("dtype" if zarr_format == 2 else "data_type")
    size = _bytes_of_number(dtype)
    if size is None:
        return f"its values are of the type {dtype!r}, and no numbers"
    return _refused(zarr_format, described) or (
        _lacking(described["codecs"], size) or _uneven(described) if zarr_format == 3 else ""
    )


def _bytes_of_number(dtype: object) -> int | None:
    try:
        known = np.dtype(dtype) if isinstance(dtype, str) else None
    except TypeError:
        return None
    return known.itemsize if known is not None and known.kind in "biufc" else None


def _refused(zarr_format: int, described: dict[str, Any]) -> str:
    judged = {
        key: value
        for key, value in described.items()
        if (key in _OF_V2 if zarr_format == 2 else key not in _NOT_JUDGED)
    }
    try:
        ts.Spec(
            {
                "driver": "zarr" if zarr_format == 2 else "zarr3",
                "kvstore": {"driver": "memory"},
                "metadata": judged,
            }
        )
    except (ValueError, OverflowError) as error:
        return _in_words(str(error))
    return ""


def _in_words(text: str) -> str:
    """Tensorstore's words without the way through the JSON, but for the member that it is about."""
    text = text.partition(" [")[0].rstrip(".")
    members = re.findall(r'Error parsing object member "([^"]+)": ', text)[1:]
    reason = re.sub(r'Error parsing (?:object member "[^"]+"|value at position \d+): ', "", text)
    codec = re.fullmatch(r'"([^"]+)" is not registered', reason)
    if codec is not None:
        return f"the codec {codec[1]!r} is not known to it"
    return f"{members[0]}: {reason}" if members else reason


def _lacking(codecs: Sequence[Any], item_bytes: int) -> str:
    """What codecs of zarr v3 lack."""
    if not _makes_bytes(codecs):
        return "no codec makes bytes of its values"
    faults = (_fault(codec, outer, item_bytes) for codec, outer in _walk(codecs))
    return next((fault for fault in faults if fault), "")


def _fault(codec: Any, outer: Sequence[Any], item_bytes: int) -> str:
    """What one codec lacks; `outer` is the list that it is in."""
    name = _name(codec)
    if name is None:
        return f"the codec {codec!r} is no object with a name"
    options = codec.get("configuration") or {}
    lacked = [option for option in _OPTIONS.get(name, ()) if option not in options]
    if options.get("shuffle") == "noshuffle":
        lacked = [option for option in lacked if option != "typesize"]
    if lacked:
        return f"the codec {name!r} has no {' and no '.join(map(repr, lacked))}"
    if name == "bytes" and item_bytes > 1 and "endian" not in options:
        return "the codec 'bytes' does not say in which order ('endian')"
    if name != "sharding_indexed":
        return ""
    if outer[-1] is not codec:
        return f"shards are packed again, with {_name(outer[-1])!r}"
    for of_what in _INSIDE_SHARDS:
        if not _makes_bytes(options[of_what]):
            return f"no codec makes bytes of what is in shards ({of_what!r})"
    return ""


def _makes_bytes(codecs: Sequence[Any]) -> bool:
    return any(_name(codec) in {"bytes", "sharding_indexed"} for codec in codecs)


def _uneven(described: dict[str, Any]) -> str:
    """What of axes and shards of zarr v3 does not fit together."""
    labels = [label for label in described.get("dimension_names") or () if label]
    if len(set(labels)) < len(labels):
        return f"dimension_names: two axes have one name in {labels}"
    shard = described["chunk_grid"]["configuration"]["chunk_shape"]
    for codec in described["codecs"]:
        if _name(codec) == "sharding_indexed":
            inside = codec["configuration"]["chunk_shape"]
            if any(length % max(1, part) for length, part in zip(shard, inside, strict=False)):
                return f"chunks of {inside} do not fill shards of {shard}"
    return ""


def _walk(codecs: Sequence[Any]) -> Iterator[tuple[Any, Sequence[Any]]]:
    """Codecs, those inside shards too, each with the list that it is in."""
    for codec in codecs:
        yield codec, codecs
        if _name(codec) == "sharding_indexed":
            for of_what in _INSIDE_SHARDS:
                yield from _walk((codec.get("configuration") or {}).get(of_what) or ())


def _name(codec: object) -> str | None:
    name = codec.get("name") if isinstance(codec, dict) else None
    return name if isinstance(name, str) else None
