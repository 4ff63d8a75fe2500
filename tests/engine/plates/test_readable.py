"""Arrays that tensorstore reads or not, told from their JSON: the same as by opening them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numcodecs
import numpy as np
import pytest
import tensorstore as ts
import zarr

from lineage_triplets import MultiExperimentIndex, TripletConfig, diagnose
from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates import readable
from lineage_triplets.engine.plates.image import open_image
from lineage_triplets.engine.plates.readable import why_unreadable
from lineage_triplets.imports import plan_import, run_import
from stores import make_experiment, numbered_pixels, track_table, write_image

if TYPE_CHECKING:
    from pathlib import Path

BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
BLOSC = {"typesize": 2, "cname": "zstd", "clevel": 5, "shuffle": "shuffle", "blocksize": 0}
CRC = {"name": "crc32c"}
GZIP = {"name": "gzip", "configuration": {"level": 1}}
RECTILINEAR = {"name": "rectilinear", "configuration": {"chunk_shapes": [[2, 2], [8]]}}


def v2(**changes: Any) -> dict[str, Any]:
    whole = {
        "zarr_format": 2,
        "shape": [4, 8],
        "chunks": [2, 8],
        "dtype": "<u2",
        "compressor": None,
        "fill_value": 0,
        "filters": None,
        "order": "C",
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not ...}


def v3(*codecs: Any, **changes: Any) -> dict[str, Any]:
    whole = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [4, 8],
        "data_type": "uint16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 8]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": list(codecs or [BYTES]),
        "attributes": {"any": 1},
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not ...}


def packed(name: str, **options: Any) -> dict[str, Any]:
    """Zarr v3 with a compression after the bytes."""
    return v3(BYTES, {"name": name, "configuration": options})


def sharded(*codecs: Any, after: tuple[Any, ...] = (), **changes: Any) -> dict[str, Any]:
    options = {"chunk_shape": [1, 8], "codecs": list(codecs), "index_codecs": [BYTES, CRC]}
    options = {key: value for key, value in {**options, **changes}.items() if value is not ...}
    return v3({"name": "sharding_indexed", "configuration": options}, *after)


def blosc_without(option: str) -> dict[str, Any]:
    options = {key: value for key, value in BLOSC.items() if key != option}
    return {"name": "blosc", "configuration": options}


READ = [
    v2(),
    *(v2(compressor=getattr(numcodecs, name)().get_config()) for name in ("Blosc", "Zlib", "GZip")),
    v2(compressor=numcodecs.BZ2().get_config()),
    v2(compressor={"id": "zstd", "level": 3}),
    v2(filters=[], fill_value=None, order="F", dimension_separator="/"),
    v2(anything=1),
    v3(data_type="complex64", fill_value=[0, 0]),
    *(v2(dtype=dtype) for dtype in (">u2", "<f2", "|i1")),
    v2(dtype="|b1", fill_value=False),
    v3(),
    v3({"name": "bytes"}, data_type="uint8"),
    v3({"name": "bytes", "configuration": {"endian": "big"}}),
    v3({"name": "transpose", "configuration": {"order": [1, 0]}}, BYTES),
    v3(data_type="float32", fill_value="NaN"),
    v3(chunk_key_encoding={"name": "v2", "configuration": {"separator": "."}}),
    v3(dimension_names=["y", None], storage_transformers=[]),
    v3(unknown={"must_understand": False}),
    v3(BYTES, CRC),
    packed("blosc", **BLOSC),
    packed("blosc", cname="lz4", clevel=5, blocksize=0, shuffle="noshuffle"),
    packed("gzip", level=5),
    packed("zstd", level=5, checksum=False),
    sharded(BYTES, {"name": "zstd", "configuration": {"level": 0, "checksum": True}}),
]
NOT_READ = [
    ("the codec 'lz4' is not known", v2(compressor=numcodecs.LZ4().get_config())),
    ("the codec 'lzma' is not known", v2(compressor=numcodecs.LZMA().get_config())),
    ("compressor: Object includes extra members", v2(compressor=numcodecs.Zstd().get_config())),
    ("filters are not supported", v2(filters=[numcodecs.Delta("<u2").get_config()])),
    ("no 'filters'", v2(filters=...)),
    ("fill_value", v2(dtype="|i1", fill_value="0")),
    ("fill_value", v2(fill_value=-1)),
    ("fill_value", v3(data_type="complex64")),
    ("'<M8[s]', and no numbers", v2(dtype="<M8[s]")),
    ("no numbers", v2(dtype=[["a", "<u2"], ["b", "<u2"]])),
    ("the codec 'numcodecs.lz4' is not known", packed("numcodecs.lz4")),
    ("the codec 'zlib' is not known", packed("zlib", level=1)),
    ("'numcodecs.delta' is not known", v3({"name": "numcodecs.delta"}, BYTES)),
    ("'jpegxl' is not known", sharded(BYTES, {"name": "jpegxl"})),
    ("the codec 'blosc' has no 'typesize'", v3(BYTES, blosc_without("typesize"))),
    ("the codec 'blosc' has no 'blocksize'", sharded(BYTES, blosc_without("blocksize"))),
    ("the codec 'gzip' has no 'level'", packed("gzip")),
    ("the codec 'zstd' has no 'level'", packed("zstd", checksum=True)),
    ("'sharding_indexed' has no 'index_codecs'", sharded(BYTES, index_codecs=...)),
    ("what is in shards ('index_codecs')", sharded(BYTES, index_codecs=[])),
    ("the codec 'gzip' has no 'level'", sharded(BYTES, index_codecs=[BYTES, {"name": "gzip"}])),
    ("what is in shards ('codecs')", sharded()),
    ("chunks of [2, 5] do not fill shards of [2, 8]", sharded(BYTES, chunk_shape=[2, 5])),
    ("two axes have one name", v3(dimension_names=["y", "y"])),
    ("does not say in which order", v3({"name": "bytes"})),
    ("no codec makes bytes", v3(GZIP)),
    ("is no object with a name", v3(BYTES, "crc32c")),
    ("shards are packed again, with 'gzip'", sharded(BYTES, after=(GZIP,))),
    ('Expected "regular", but received: "rectilinear"', v3(chunk_grid=RECTILINEAR)),
    ("chunk_key_encoding", v3(chunk_key_encoding={"name": "fanout"})),
    ("No storage transformers supported", v3(storage_transformers=[{"name": "x"}])),
    ("consolidated_metadata", v3(consolidated_metadata=None)),
    ("zarr_format", v2(zarr_format=3)),
    ("zarr_format", v3(zarr_format=2)),
    ("no 'zarr_format'", v2(zarr_format=...)),
    ("no 'zarr_format'", v3(zarr_format=...)),
    ("attributes: Expected object", v3(attributes="none")),
    ("should have length 1", v3(dimension_names=["y"])),
    ("'string', and no numbers", v3(data_type="string", fill_value="")),
]  # fmt: skip


def format_of(described: dict[str, Any]) -> int:
    return 2 if "chunks" in described else 3


def opens(folder: Path, described: dict[str, Any]) -> bool:
    zarr_format = format_of(described)
    (folder / (".zarray" if zarr_format == 2 else "zarr.json")).write_text(json.dumps(described))
    kvstore = {"driver": "file", "path": f"{folder}/"}
    spec = {"driver": "zarr" if zarr_format == 2 else "zarr3", "kvstore": kvstore, "open": True}
    try:
        return ts.open(spec).result() is not None
    except ValueError:
        return False


def test_what_is_read_is_what_tensorstore_opens(tmp_path):
    for described in READ:
        assert opens(tmp_path, described), described
        assert why_unreadable(format_of(described), described) == "", described


def test_what_is_not_read_is_what_tensorstore_refuses(tmp_path):
    for words, described in NOT_READ:
        assert not opens(tmp_path, described), described
        assert words in why_unreadable(format_of(described), described)


def test_a_type_that_is_no_number_is_refused_before_tensorstore_sees_it(monkeypatch):
    """Tensorstore 0.1.86 ends the whole process for some, where an error could be caught."""
    monkeypatch.setattr(readable, "ts", None)
    described = v3(data_type="string", fill_value="")
    assert "'string', and no numbers" in why_unreadable(3, described)


def lz4_experiment(root: Path, pixels: np.ndarray):
    return make_experiment(
        root, "one", {fov: track_table((1, range(6))) for fov in ("A/1/0", "A/1/1")},
        pixels=pixels, compressor=numcodecs.LZ4(),
    )  # fmt: skip


def test_validate_and_index_say_it_and_rechunking_reads_it_through_zarr(tmp_path):
    pixels = numbered_pixels((6, 2, 1, 40, 48))
    one = lz4_experiment(tmp_path, pixels)
    config = TripletConfig(experiments=[one], dataset={"yx_patch_size": (16, 16)})
    problem, *others = diagnose(config).errors
    assert {other.kind for other in others} <= {"no-anchors"}
    assert (problem.kind, problem.experiment) == ("unreadable-codec", "one")
    assert problem.fovs == ("A/1/0", "A/1/1")
    assert problem.file == str(tmp_path / "one.zarr/A/1/0/0")
    assert "the codec 'lz4' is not known" in problem.message
    assert f"import --rechunk {tmp_path / 'one.zarr'} --out" in problem.remedy
    with pytest.raises(StoreError, match="'lz4'"):
        MultiExperimentIndex.from_config(config)
    plan = plan_import([one.data_path], rewrite=True)
    assert {warning.kind for warning in plan.warnings} == {"read-with-zarr"}
    run_import(plan, tmp_path / "new.zarr")
    found = zarr.open_array(tmp_path / "new.zarr/A/1/1/0", mode="r")
    np.testing.assert_array_equal(found[:], pixels)
    again = one.model_copy(update={"data_path": str(tmp_path / "new.zarr")})
    assert diagnose(config.model_copy(update={"experiments": [again]})).errors == ()


def test_blocks_of_axes_in_any_order_are_read_through_zarr(tmp_path):
    """As TileDB or cloud tools keep them: y and x first, several frames a chunk, no channels."""
    pixels = numbered_pixels((8, 9, 5, 2))
    write_image(
        tmp_path / "i.zarr", pixels=pixels, axes="yxtz", chunks=(4, 9, 2, 2),
        compressor=numcodecs.LZ4(),
    )  # fmt: skip
    run_import(plan_import([tmp_path / "i.zarr"], rewrite=True), tmp_path / "new.zarr")
    found = zarr.open_array(tmp_path / "new.zarr/0/0/0/0", mode="r")
    np.testing.assert_array_equal(found[:, 0], pixels.transpose(2, 3, 0, 1))


def test_a_grid_without_one_chunk_shape_is_refused_when_it_is_opened(tmp_path):
    """zarr 3.4.2 writes rectilinear grids behind a flag."""
    write_image(tmp_path / "i.zarr", shape=(4, 8), axes="yx", version="0.5")
    file = tmp_path / "i.zarr/0/zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"chunk_grid": RECTILINEAR}))
    with pytest.raises(StoreError) as caught:
        open_image(tmp_path / "i.zarr")
    (problem,) = caught.value.problems
    assert problem.kind == "unreadable-codec"
    assert "rectilinear" in problem.message


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"codecs": [BYTES, "crc32c"]}, "unreadable-codec"),
        ({"codecs": sharded(BYTES, chunk_shape=[0, 0])["codecs"]}, "bad-metadata"),
        ({"data_type": "string"}, "unreadable-codec"),
    ],
)
def test_metadata_that_have_no_form(tmp_path, changes, kind):
    write_image(tmp_path / "i.zarr", shape=(4, 8), axes="yx", version="0.5")
    file = tmp_path / "i.zarr/0/zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(StoreError) as caught:
        open_image(tmp_path / "i.zarr")
    assert caught.value.problems[0].kind == kind
