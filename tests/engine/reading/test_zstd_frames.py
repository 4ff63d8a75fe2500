"""Chunks of one zstd frame: decoded here as tensorstore has them, and refused where it is odd."""

from __future__ import annotations

import numcodecs
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from zarr.codecs import ZstdCodec

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.engine.errors import ChunkError
from lineage_triplets.engine.reading import zstd as frames
from lineage_triplets.engine.reading.local import LocalChunkStrategy
from stores import make_experiment, numbered_pixels, patch_reader, track_table

FOV = "A/1/0"


class Unasked:
    """A strategy that must not be needed."""

    missing: dict = {}  # noqa: RUF012

    def read(self, windows):
        raise AssertionError(f"{len(windows)} windows were left to tensorstore")


@pytest.fixture(scope="module")
def one_chunk(tmp_path_factory):
    """An index, the file of its one chunk, and what is in it."""
    root = tmp_path_factory.mktemp("plate")
    one = make_experiment(
        root, "one", {FOV: track_table((1, [0]), y=20.0, x=20.0)}, channels=["GFP"],
        pixels=numbered_pixels((1, 1, 1, 40, 48)) % 300 + 1, compressor=numcodecs.Zstd(1),
    )  # fmt: skip
    file = root / "one.zarr" / FOV / "0" / "0" / "0" / "0" / "0" / "0"
    return MultiExperimentIndex(ExperimentRegistry([one]), 1, (4, 6)), file, file.read_bytes()


def verdict_of(index: MultiExperimentIndex, strategy: str) -> np.ndarray | str:
    """Patches, or the words of the error."""
    try:
        reader = patch_reader(index, read_strategy=strategy)
        return reader.read(index.observations, index.fov_of_row)
    except ChunkError as error:
        return str(error)


def mutated(content: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    found = bytearray(content)
    for what, where, value in changes:
        if what == "cut":
            del found[where % (len(found) + 1) :]
        elif what == "append":
            found += bytes([value]) * (where % 40)
        elif what == "twice":
            found += content
        elif found:
            found[where % (20 if what == "header" else len(found)) % len(found)] = value
    return bytes(found)


@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(["header", "byte", "cut", "append", "twice"]),
            st.integers(0, 10_000), st.integers(0, 255),
        ),
        min_size=1, max_size=3,
    )
)  # fmt: skip
@example(changes=[("twice", 0, 0)])
@example(changes=[("cut", 0, 0)])
@settings(max_examples=60, deadline=None)
def test_damaged_frames_never_give_other_pixels_than_tensorstore(one_chunk, changes):
    index, file, content = one_chunk
    file.write_bytes(mutated(content, changes))
    ours, theirs = (verdict_of(index, one) for one in ("blosc-blocks", "tensorstore"))
    if isinstance(ours, str):
        assert ours == theirs
    else:
        np.testing.assert_array_equal(ours, theirs)


def test_a_frame_asks_for_no_more_memory_than_its_chunk(one_chunk, monkeypatch):
    index, file, content = one_chunk
    asked = []
    monkeypatch.setattr(frames.zstd, "decompress", lambda content: asked.append(len(content)))
    huge = content[:4] + b"\xe0" + (2**50).to_bytes(8, "little") + content[7:]
    file.write_bytes(huge)
    assert "damaged" in verdict_of(index, "blosc-blocks")
    assert not asked


@pytest.mark.parametrize("n_pixels", [100, 200, 300, 40_000])
def test_chunks_of_all_sizes_are_decoded_here(tmp_path, n_pixels):
    pixels = numbered_pixels((2, 1, 1, 10, n_pixels // 10)).astype("u1")
    one = make_experiment(
        tmp_path, "one", {FOV: track_table((1, range(2)), y=4.0, x=4.0)}, channels=["GFP"],
        pixels=pixels, version="0.5", compressor=ZstdCodec(level=3, checksum=True),
    )  # fmt: skip
    index = MultiExperimentIndex(ExperimentRegistry([one]), 1, (4, 4))
    reader = patch_reader(index, dtype="uint8")
    reader._reader = LocalChunkStrategy(Unasked(), 0)
    read = reader.read(index.observations, index.fov_of_row)
    np.testing.assert_array_equal(read, pixels[:, :, :, 2:6, 2:6])
