"""A chunk with a checksum that does not fit its bytes is an error, and never pixels."""

from __future__ import annotations

import numcodecs
import numpy as np
import pytest
from zarr.codecs import BloscCodec, Crc32cCodec, GzipCodec, ZstdCodec

from lineage_triplets import MultiExperimentIndex, TripletConfig
from lineage_triplets.engine import PairSource
from lineage_triplets.engine.errors import ChunkError
from stores import numbered_pixels, track_table

SIZE = 256
WITH_CHECKSUM = {
    "zlib": {"compressor": numcodecs.Zlib(1)},
    "gzip": {"version": "0.5", "compressor": [GzipCodec(level=1)]},
    "zstd": {"version": "0.5", "compressor": [ZstdCodec(level=1, checksum=True)]},
    "plain": {"version": "0.5", "compressor": [Crc32cCodec()]},
    "blosc": {"version": "0.5", "compressor": [BloscCodec(), Crc32cCodec()]},
    "shards": {
        "version": "0.5",
        "compressor": [BloscCodec(), Crc32cCodec()],
        "shards": (1, 1, 1, SIZE, SIZE),
        "chunks": (1, 1, 1, SIZE, SIZE // 2),
    },
}


@pytest.mark.parametrize("name", WITH_CHECKSUM)
def test_a_flipped_bit_is_told(make_experiment, tmp_path, name):
    pixels = numbered_pixels((2, 1, 1, SIZE, SIZE))
    cell = track_table((1, range(2)), y=SIZE // 2, x=SIZE // 2)
    one = make_experiment(
        "one", {"A/1/0": cell}, pixels=pixels, channels=["GFP"], **WITH_CHECKSUM[name]
    )
    size = {"yx_patch_size": (SIZE, SIZE), "cache_pool_bytes": 0}
    config = TripletConfig(experiments=[one], dataset=size)
    source = PairSource(MultiExperimentIndex.from_config(config))
    assert (source.read(np.array([0]))[0] == pixels[0]).all()
    array = tmp_path / "one.zarr/A/1/0/0"
    (chunk,) = [file for file in array.rglob("*/0/0/0/0") if "0/0/0/0/0" in str(file)]
    content = chunk.read_bytes()
    told = 0
    for place in np.linspace(0, len(content) - 1, 12).astype(int):
        flipped = bytearray(content)
        flipped[place] ^= 4
        chunk.write_bytes(flipped)
        try:
            assert (source.read(np.array([0]))[0] == pixels[0]).all()
        except ChunkError as error:
            assert "A/1/0" in str(error)
            told += 1
    # Some bits of zlib's and gzip's headers mean nothing.
    assert told >= 10
