"""Images as they may be stored, and indexes of cells all over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numcodecs
import numpy as np
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, ZstdCodec

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from stores import make_experiment, numbered_pixels, track_table

if TYPE_CHECKING:
    from pathlib import Path

FOV = "A/1/0"
SIZES = {"t": 4, "c": 3, "z": 3, "y": 40, "x": 48}
SHUFFLES = ["noshuffle", "shuffle", "bitshuffle"]


@st.composite
def storages(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of `make_experiment` for one image of blosc, zstd or plain chunks."""
    version = draw(st.sampled_from(["0.4", "0.5"]))
    axes = draw(st.sampled_from(["tczyx", "tcyx", "TCZYX", "tyx", "ztcyx", "cxyt", "tzyxc"]))
    names = axes.lower()
    shape = [SIZES[axis] for axis in names]
    smallest = {"t": 1, "c": 1, "z": 1, "y": 11, "x": 13}
    chunks = [draw(st.integers(smallest[axis], SIZES[axis])) for axis in names]
    shuffle = draw(st.sampled_from([0, 1, 2]))
    codec = draw(st.sampled_from(["zstd", "lz4", "blosclz", "zlib"]))
    clevel = draw(st.sampled_from([0, 1, 5]))
    block_size = draw(st.sampled_from([0, 128, 1000, 1024]))
    kind, item_size = draw(st.sampled_from(["u1", "u2", "i4", "f4", "f8"]))
    order = draw(st.sampled_from(["little", "big"]))
    packed = draw(st.sampled_from(["blosc", "blosc", "blosc", "zstd", None]))
    checksum = draw(st.booleans())
    dtype = np.dtype(f"{'<' if version == '0.5' or order == 'little' else '>'}{kind}{item_size}")
    storage: dict[str, Any] = {
        "version": version,
        "axes": axes,
        "pixels": numbered_pixels(shape, seed=draw(st.integers(0, 99))).astype(dtype),
        "chunks": chunks,
        "channels": [f"channel {k}" for k in range(SIZES["c"] if "c" in names else 1)],
    }
    if version == "0.4":
        return storage | {
            "compressor": {
                "blosc": numcodecs.Blosc(codec, clevel, shuffle, block_size),
                "zstd": numcodecs.Zstd(clevel),
                None: None,
            }[packed],
            "order": draw(st.sampled_from("CF")),
            "key_encoding": ("v2", draw(st.sampled_from("./"))),
        }
    if draw(st.booleans()):
        per_shard = [draw(st.integers(1, 3)) for _ in names]
        storage |= {
            "shards": [n * size for n, size in zip(per_shard, chunks, strict=True)],
            "index_location": draw(st.sampled_from(["start", "end"])),
        }
    return storage | {
        "compressor": {
            "blosc": BloscCodec(
                cname=codec,
                clevel=clevel,
                shuffle=SHUFFLES[shuffle],
                blocksize=block_size,
                typesize=int(item_size),
            ),
            "zstd": ZstdCodec(level=clevel, checksum=checksum),
            None: None,
        }[packed],
        "transposed": draw(st.one_of(st.none(), st.permutations(range(len(names))))),
        "endian": order,
        "key_encoding": (draw(st.sampled_from(["default", "v2"])), draw(st.sampled_from("./"))),
    }


def index_of(
    root: Path, stored: list[dict[str, Any]], patch: tuple[int, int], **settings_: Any
) -> MultiExperimentIndex:
    """Index one experiment for each image, with cells everywhere."""
    rng = np.random.default_rng(0)
    table = track_table((1, range(4)), (2, range(1, 4)), (3, range(4)))
    experiments = []
    for number, storage in enumerate(stored):
        for axis in "zyx":
            table[axis] = rng.uniform(0, SIZES[axis], len(table))
        # As many slots for each: the number of channels must be the same in all experiments.
        chosen = storage["channels"][-1:] if len(stored) > 1 else storage["channels"][::-1]
        made = make_experiment(
            root, f"e{number}", {FOV: table}, source_channel=chosen, **storage
        )  # fmt: skip
        experiments.append(made)
    return MultiExperimentIndex(ExperimentRegistry(experiments), 1, patch, **settings_)
