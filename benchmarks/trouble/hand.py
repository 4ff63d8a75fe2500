"""The list of inputs broken by hand: what is changed in which study, and whether it works then."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from benchmarks.trouble.mutate import GONE, Key, changed
from benchmarks.trouble.samples import CONFIG, FOV, cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Spoil = Callable[[Path], object]


class Trial(NamedTuple):
    """One input.

    Attributes
    ----------
    kind, study : str
        Of `samples.KINDS`, and the name of a sample of it.
    name : str
    spoil : callable
        Gets a copy of the study.
    works : bool
        Whether all ways work with it then, and nothing need be told.
    """

    kind: str
    study: str
    name: str
    spoil: Spoil
    works: bool = False


V2, V3, SHARDS = "0.4, blosc", "0.5, zstd", "0.5, shards"
IMAGE, ARRAY = f"plate.zarr/{FOV}", f"plate.zarr/{FOV}/0"
LABEL = ("omero", "channels", 0, "label")
DATASET = ("multiscales", 0, "datasets", 0)
SCALE = (*DATASET, "coordinateTransformations", 0, "scale")
WORKS = "works"
DEEP = "[" * 5000 + "]" * 5000
HOUR = "2026-11-30T21:00:00Z"

# File, place, value, and whether it works all the same.
_V2_METADATA: tuple[tuple[str, Key, Any] | tuple[str, Key, Any, str], ...] = (
    *((f"{ARRAY}/.zarray", ("shape",), value) for value in (
        [], [0, 2, 1, 48, 64], [8, 2, 1, 48], [2**40] * 5, [8, 2, 1, -48, 64], "48", None,
        [8.5, 2, 1, 48, 64], [8, 2, 1, 48, 2**62], [10**30, 2, 1, 48, 64], {"a": 1},
        [8, 2, 1, True, 64],
    )),
    *((f"{ARRAY}/.zarray", ("chunks",), value) for value in (
        [], [1, 1, 1, 0, 64], [1, 1, 1, 48], [2**31] * 5, [1, 1, 1, -1, 64], None, "all",
        [1, 1, 1, 2**20, 2**20],
    )),
    *((f"{ARRAY}/.zarray", ("dtype",), value) for value in (
        "|O", "<U8", "<M8[s]", "<c8", "|V16", ">x2", "", None, 7, [["a", "<u2"]], "<f16", "|b1",
    )),
    *((f"{ARRAY}/.zarray", ("compressor",), value) for value in (
        {"id": "lz4"}, {"id": "nobody"}, {}, "blosc", 3, {"id": "blosc", "cname": "nobody"},
        {"id": "zlib", "level": 99}, {"id": "pickle"}, [],
    )),
    *((f"{ARRAY}/.zarray", ("filters",), value) for value in (
        [{"id": "delta", "dtype": "<u2"}], [{"id": "pickle"}], "none", [3],
    )),
    *((f"{ARRAY}/.zarray", (key,), value) for key, value in (
        ("order", "X"), ("order", None), ("zarr_format", 9), ("zarr_format", "2"),
        ("dimension_separator", "-"), ("fill_value", "NaN"), ("fill_value", 10**30),
        ("fill_value", []), ("shape", GONE), ("chunks", GONE), ("dtype", GONE),
    )),
    *((f"{IMAGE}/.zattrs", ("multiscales",), value) for value in ([], {}, None, "x", [[]], [7])),
    *((f"{IMAGE}/.zattrs", (*DATASET, "path"), value) for value in (
        "../../../..", "/etc", "1", "", None, 7, "0/0", "a\n\x1b[2Jb", "x" * 5000,
    )),
    (f"{IMAGE}/.zattrs", ("multiscales", 0, "axes"), [], WORKS),
    *((f"{IMAGE}/.zattrs", ("multiscales", 0, "axes"), value) for value in (
        [{"name": "x"}], ["t", "c", "z", "y"], [{"name": "y"}] * 5, 5, [None] * 5,
        [{"name": name} for name in "tczyw"],
    )),
    (f"{IMAGE}/.zattrs", LABEL, "GFP"),
    (f"{IMAGE}/.zattrs", LABEL, "Other"),
    (f"{IMAGE}/.zattrs", LABEL, "\x1b]0;title\x07"),
    (f"{IMAGE}/.zattrs", LABEL, {"a": 1}, WORKS),
    (f"{IMAGE}/.zattrs", ("omero", "channels"), "both", WORKS),
    (f"{IMAGE}/.zattrs", ("omero",), [1, 2], WORKS),
    (f"{IMAGE}/.zattrs", SCALE, [1, 1, 1, 0, 0], WORKS),
    (f"{IMAGE}/.zattrs", SCALE, [1, 1, 1, -1, 1e308], WORKS),
    (f"{IMAGE}/.zattrs", SCALE, "no", WORKS),
    *(("plate.zarr/.zattrs", ("plate", "wells"), value) for value in (
        [], None, 7, [{"path": "../.."}], [{"path": "/etc"}], [{"path": 7}], [{}], ["A/1"],
        [{"path": "Z/9"}],
    )),
    *(("plate.zarr/A/1/.zattrs", ("well", "images"), value) for value in (
        [], None, [{"path": ".."}], [{}], [{"path": "9"}], "0",
    )),
)  # fmt: skip

_V3_METADATA: tuple[tuple[str, Key, Any], ...] = tuple(
    (f"{ARRAY}/zarr.json", key, value) for key, value in (
        (("shape",), [2**40] * 5), (("shape",), GONE), (("data_type",), "complex128"),
        (("data_type",), {"name": "numpy.datetime64"}), (("codecs",), []), (("codecs",), GONE),
        (("codecs",), [{"name": "nobody"}]), (("codecs",), [{"name": "gzip"}] * 40),
        (("codecs", 0, "configuration", "endian"), "middle"), (("chunk_grid",), {"name": "odd"}),
        (("chunk_grid", "configuration", "chunk_shape"), [1, 1, 1, 2**30, 2**30]),
        (("chunk_key_encoding",), {"name": "odd"}), (("zarr_format",), 4),
        (("node_type",), "group"), (("storage_transformers",), [{"name": "odd"}]),
        (("fill_value",), "lots"), (("dimension_names",), ["y"] * 5),
    )
)  # fmt: skip
_SHARD_METADATA = tuple(
    (f"{ARRAY}/zarr.json", ("codecs", 0, "configuration", key), value) for key, value in (
        ("chunk_shape", [1, 1, 1, 100, 100]), ("chunk_shape", [1, 1, 1, 0, 0]),
        ("chunk_shape", []), ("index_codecs", []), ("index_codecs", [{"name": "gzip"}]),
        ("index_location", "middle"), ("codecs", []), ("codecs", GONE),
    )
)  # fmt: skip

HEAD = "track_id,t,y,x,parent_track_id\n"
_TABLES: dict[str, str | bytes] = {
    "empty": "",
    "a head alone": HEAD,
    "no columns that are known": "a,b\n1,2\n",
    "no y": "track_id,t,x\n1,0,5\n1,1,5\n",
    "two columns of one name": "track_id,t,y,x,y\n1,0,5,5,6\n1,1,5,5,6\n",
    "rows of unlike length": HEAD + "1,0,5,5,-1\n1,1,5\n",
    "too many fields": HEAD + "1,0,5,5,-1,7,8,9\n1,1,5,5,-1\n",
    "a track that is a word": HEAD + "one,0,5,5,-1\none,1,5,5,-1\n",
    "a track of half": HEAD + "1.5,0,5,5,-1\n1.5,1,5,5,-1\n",
    "a frame of half": HEAD + "1,0.5,5,5,-1\n1,1,5,5,-1\n",
    "a frame below zero": HEAD + "1,-1,5,5,-1\n1,0,5,5,-1\n",
    "a frame of 10^30": HEAD + f"1,{10**30},5,5,-1\n1,0,5,5,-1\n",
    "a track of 2^70": HEAD + f"{2**70},0,5,5,-1\n{2**70},1,5,5,-1\n",
    "no track": HEAD + ",0,5,5,-1\n1,1,5,5,-1\n",
    "two cells of one track in a frame": HEAD + "1,0,5,5,-1\n1,0,6,6,-1\n",
    "two parents of one track": HEAD + "1,0,5,5,-1\n2,1,5,5,1\n2,2,5,5,3\n3,0,5,5,-1\n",
    "parents in a ring": HEAD + "1,0,5,5,2\n1,1,5,5,2\n2,0,5,5,1\n2,1,5,5,1\n",
    "a parent that is a word": HEAD + "1,0,5,5,mother\n1,1,5,5,mother\n",
    "a place that is a word": HEAD + "1,0,left,5,-1\n1,1,left,5,-1\n",
    "all places not a number": HEAD + "1,0,nan,nan,-1\n1,1,nan,nan,-1\n",
    "all places infinite": HEAD + "1,0,inf,5,-1\n1,1,-inf,5,-1\n",
    "all places 1e300": HEAD + "1,0,1e300,5,-1\n1,1,1e300,5,-1\n",
    "all frames after the movie": HEAD + "1,90,5,5,-1\n1,91,5,5,-1\n",
    "zeros": b"\0" * 4096,
    "0xff": b"\xff" * 4096,
    "a picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    "a pickle": b"\x80\x04\x95\x0f\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    "a zip": b"PK\x03\x04" + b"\0" * 60,
    "a gzip that ends": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03abc",
    "an HDF5 that ends": b"\x89HDF\r\n\x1a\n",
    "a Parquet that ends": b"PAR1\x15\x04\x15",
    "a database": b"SQLite format 3\0" + b"\0" * 100,
    "XML with a document type": '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "XML that ends": '<?xml version="1.0"?><TrackMate version="7"><Model>',
    "XML of something else": '<?xml version="1.0"?><svg></svg>',
    "JSON": '{"a": [1, 2]}',
    "one long line": "x" * 3_000_000,
    "ten thousand columns": ",".join(f"c{n}" for n in range(10_000)) + "\n",
    "a quote that never ends": HEAD + '1,0,5,5,"\n' + "1,1,5,5,-1\n" * 50,
    "escape sequences in the head": "\x1b[2Jtrack_id,t,\x1b]0;x\x07y,x\n1,0,5,5\n",
}
_FINE_TABLES: dict[str, str] = {
    "with a byte order mark": "\ufeff",
    "in UTF-16": "utf-16",
    "with Windows' line ends": "\r\n",
    "with semicolons": ";",
    "with empty lines": "\n\n",
    "in reversed order": "reversed",
    "with a column of escape sequences": "escape",
    "with quoted fields": "quoted",
}

_CONFIGS: dict[str, str | bytes] = {
    "empty": "",
    "blank": "   \n\n",
    "a number": "7",
    "a list": "- 1\n- 2\n",
    "a word": "experiments",
    "no experiments": "experiments: []\n",
    "experiments are a word": "experiments: all\n",
    "experiments are numbers": "experiments: [1, 2]\n",
    "experiments are nothing": "experiments:\n",
    "an experiment without a name": "experiments:\n- data_path: plate.zarr\n",
    "zeros": b"\0" * 300,
    "0xff": b"\xff\xfe\xfd" * 100,
    "UTF-16 that ends": b"\xff\xfee",
    "tabs": "experiments:\n\t- name: e\n",
    "a brace that never ends": "experiments: {",
    "a quote that never ends": 'experiments: "',
    "nested 5,000 deep": DEEP,
    "an alias of nothing": "experiments: *a\n",
    "an alias of itself": "experiments: &a [*a]\n",
    "aliases that multiply": "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ) + "experiments: *i\n",
    "a Python object": "experiments: !!python/object/apply:os.getcwd []\n",
    "an odd tag": "experiments: !odd x\n",
    "two documents": "experiments: []\n---\nexperiments: []\n",
    "a key twice": "experiments: []\nexperiments: []\n",
    "a list for a key": "? [a, b]\n: c\n",
    "a mapping for a key": "? {a: b}\n: c\n",
    "a control character": "experiments: \x07\n",
    "an integer of 10,000 digits": "experiments: " + "9" * 10_000 + "\n",
    "an odd date": "experiments: 2026-99-99\n",
}  # fmt: skip
_EXPERIMENT: tuple[tuple[str, Any], ...] = (
    ("name", ""), ("name", None), ("name", [1]), ("data_path", ""), ("data_path", "nowhere"),
    ("data_path", "/"), ("data_path", "a\0b"), ("data_path", "x" * 5000), ("data_path", 7),
    ("data_path", "http://"), ("data_path", "s3://"), ("data_path", "ftp://a/b"),
    ("data_path", "${NOBODY_SET_THIS}/x"), ("tracks_path", "nowhere"), ("tracks_path", "a\0b"),
    ("tracks_path", "/dev/null"), ("tracks_path", CONFIG), ("channel_names", []),
    ("channel_names", ["GFP", "Phase"]), ("channel_names", "Phase"), ("channel_names", [None]),
    ("source_channel", []), ("source_channel", ["nobody"]), ("source_channel", {"a": 1}),
    ("condition_wells", {}), ("condition_wells", ["A/1"]), ("condition_wells", {"a": 7}),
    ("interval_minutes", 0), ("interval_minutes", -5), ("interval_minutes", "often"),
    ("interval_minutes", float("nan")), ("interval_minutes", float("inf")),
    ("interval_minutes", 1e-300), ("interval_minutes", 10**400), ("start_hpi", float("inf")),
    ("nobody_knows", 1),
    ("track_transform", {"scale": {"y": 0}}), ("track_transform", {"first_frame": 2**80}),
    ("track_transform", {"offset": {"y": float("nan")}}), ("tracks", {"format": "odd"}),
    ("tracks", {"columns": {"t": "nobody"}}),
)  # fmt: skip
_DATASET: tuple[tuple[str, Any], ...] = (
    ("yx_patch_size", [0, 16]), ("yx_patch_size", [-16, 16]), ("yx_patch_size", [16]),
    ("yx_patch_size", [2**31, 2**31]), ("yx_patch_size", [10**30, 16]), ("yx_patch_size", "big"),
    ("yx_patch_size", [1.5, 16]), ("z_range", 0), ("z_range", -1), ("z_range", 2**40),
    ("z_range", [5, 1]), ("tau_range_hours", [2, 1]), ("tau_range_hours", [-1, 1]),
    ("tau_range_hours", [float("nan"), 1]), ("tau_range_hours", [1e300, 1e301]),
    ("tau_decay_rate", float("inf")), ("dtype", "object"), ("dtype", "complex64"), ("seed", -1),
    ("seed", 2**80), ("border", "odd"), ("positive_relation", "friend"), ("nobody_knows", 1),
    ("cache_pool_bytes", -5), ("tau_fallback", 7), ("missing_chunks", "hope"),
)  # fmt: skip
_TOP: tuple[tuple[str, Any], ...] = (
    ("format", "lineage-triplets/99"), ("format", 7), ("exclude", [1]), ("exclude", {"e": 7}),
    ("cut", [{"experiment": "e"}]), ("cut", 7), ("link", ["x"]), ("dataset", []),
    ("verification", {"validated": "perhaps"}), ("verification", 7), ("nobody_knows", 1),
)  # fmt: skip

_DATABASE = (
    "UPDATE event SET what = 'said'", "UPDATE event SET step = 'one' WHERE number = 1",
    "UPDATE event SET step = 99 WHERE number = 1", "UPDATE event SET at = x'ff'",
    "UPDATE event SET number = 77 WHERE number = 2", "DELETE FROM event WHERE number = 1",
    "DELETE FROM decision WHERE number = 1", "UPDATE decision SET kind = 'agree'",
    "UPDATE decision SET target = '{'", "UPDATE decision SET target = '7'",
    "UPDATE decision SET target = '{}'", "UPDATE decision SET value = '[]'",
    "UPDATE decision SET value = x'ff'", "UPDATE decision SET reason = x'ff'",
    "DROP TABLE decision", "DROP TABLE event", "DROP TABLE about",
    "ALTER TABLE decision RENAME COLUMN kind TO sort", "PRAGMA user_version = 99",
    "PRAGMA application_id = 7", "UPDATE about SET value = '{}'",
    "UPDATE about SET value = '[\"other\"]'",
)  # fmt: skip
# A key of what the kind of decision says, or of its target, which goes, or gets a value.
_ODD_KEYS: tuple[tuple[str, str], ...] = (
    ("reject", "target.level"), ("reject", "target.experiment"), ("reject", "target.fov"),
    ("reject", "target.track"), ("cut", "target.track"), ("cut", "target.t"),
    ("approve", "value.source_channel"), ("approve", "value.channel_names"),
    ("approve", "value.zarr_index"), ("approve", "value.slot_labels"), ("approve", "value.images"),
    ("seen", "value.how"), ("seen", "value.n_pairs"), ("seen", "value.tau_range_hours"),
    ("seen", "value.positive_relation"), ("seen", "value.source_channel"),
)  # fmt: skip
_ODD_VALUES = ("gone", "null", "[null]", '{"a": 1}', "1e300")
_LOCKS: dict[str, str] = {
    "empty": "", "a number": "7", "a list": "[]", "nested 5,000 deep": DEEP, "words": "locked",
    "a token that is a path": '{"token": "../../x", "host": "h", "user": "u", "pid": 7}',
    "a number below zero": '{"token": "ab", "host": "h", "user": "u", "pid": -1}',
    "zeros": "\0" * 400, "a long one": "x" * 3_000_000,
    "escape sequences": json.dumps({
        "host": "\x1b[2J", "user": "\x1b]0;x\x07\nroot", "pid": 7, "token": "ab", "since": HOUR,
        "heartbeat": HOUR, "process_start": "",
    }),
}  # fmt: skip


_CHUNKS: dict[str, bytes] = {
    "empty": b"",
    "one byte": b"\x02",
    "zeros": b"\0" * 500,
    "0xff": b"\xff" * 500,
    "a claim of 2 GB": b"\x02\x01\x91\x02" + (2**31 - 1).to_bytes(4, "little") + b"\0" * 40,
    "text": b"not found\n" * 30,
}


def _metadata() -> Iterator[Trial]:
    yield from _of_json(V2, _V2_METADATA)
    yield from _of_json(V3, _V3_METADATA)
    yield from _of_json(SHARDS, _SHARD_METADATA)
    for name, text in {"empty": "", "no JSON": "{", "zeros": "\0" * 99, "deep": DEEP}.items():
        for file in (f"{ARRAY}/.zarray", f"{IMAGE}/.zattrs", "plate.zarr/.zattrs"):
            yield Trial("metadata", V2, f"{file}: {name}", _writes(file, text))


def _odd_files() -> Iterator[Trial]:
    database = f"{CONFIG}.review.db"
    for name, put in _ODD_FILES.items():
        for kind, study, what, file in (
            ("metadata", V2, ".zarray", f"{ARRAY}/.zarray"),
            ("chunks", V2, "a chunk", f"{ARRAY}/0/0/0/0/0"),
            ("tables", "CSV", "a table", f"tracks/{FOV}/tracks.csv"),
            ("YAML", "config", "the config", CONFIG),
            ("decisions", "database", "the database", database),
            ("decisions", "database", "the lock", f"{database}.lock"),
        ):
            # What is no file counts as an absent chunk, of which a warning is given.
            absent = kind == "chunks" and name not in {"a pipe", "a link to itself"}
            new = what == "the database" and name == "a link to nothing"
            spoil = _puts(file, put)
            yield Trial(kind, study, f"{name} for {what}", spoil, works=absent or new)


def _chunks() -> Iterator[Trial]:
    for name, data in _CHUNKS.items():
        yield Trial("chunks", V2, f"a blosc chunk: {name}", _writes(f"{ARRAY}/1/0/0/0/0", data))
        yield Trial("chunks", V3, f"a zstd chunk: {name}", _writes(f"{ARRAY}/c/1/0/0/0/0", data))
        yield Trial("chunks", SHARDS, f"a shard: {name}", _writes(f"{ARRAY}/c/1/0/0/0/0", data))


def _tables() -> Iterator[Trial]:
    for name, text in _TABLES.items():
        yield Trial("tables", "CSV", name, _writes(f"tracks/{FOV}/tracks.csv", text))
    for name, how in _FINE_TABLES.items():
        yield Trial("tables", "CSV", name, _rewrites(how), works=True)


def _configs() -> Iterator[Trial]:
    for name, text in _CONFIGS.items():
        yield Trial("YAML", "config", name, _writes(CONFIG, text))
    above: dict[Key, tuple[tuple[str, Any], ...]] = {
        ("experiments", 0): _EXPERIMENT,
        ("dataset",): _DATASET,
        (): _TOP,
    }
    for keys, values in above.items():
        for key, value in values:
            spoil = _of_config((*keys, key), value)
            yield Trial("YAML", "config", f"{key}: {str(value)[:40]!r}", spoil)


def _decisions() -> Iterator[Trial]:
    for statement in _DATABASE:
        yield Trial("decisions", "database", statement, _executes(statement))
    for kind, place in _ODD_KEYS:
        column, key = place.split(".")
        for odd in _ODD_VALUES:
            change = f"json_remove({column}, '$.{key}')"
            if odd != "gone":
                change = f"json_set({column}, '$.{key}', json('{odd}'))"
            statement = f"UPDATE decision SET {column} = {change} WHERE kind = '{kind}'"
            yield Trial("decisions", "database", f"{place} of {kind}: {odd}", _executes(statement))
    for name, text in _LOCKS.items():
        lock = f"{CONFIG}.review.db.lock"
        yield Trial("decisions", "lock", f"a lock: {name}", _writes(lock, text))


def _of_json(study: str, rows: tuple[Any, ...]) -> Iterator[Trial]:
    for file, key, value, *works in rows:
        place = ".".join(map(str, key[-2:]))
        name = f"{file.rpartition('/')[2]} {place}: {str(value)[:40]!r}"
        yield Trial("metadata", study, name, _changes(file, key, value), works=bool(works))


def _changes(file: str, key: Key, value: Any) -> Spoil:
    def spoil(copy: Path) -> None:
        content = json.loads((copy / file).read_text())
        (copy / file).write_text(json.dumps(changed(content, key, value)))

    return spoil


def _writes(file: str, data: str | bytes) -> Spoil:
    whole = data if isinstance(data, bytes) else data.encode()
    return lambda copy: (copy / file).write_bytes(whole)


def _puts(file: str, put: Callable[[Path], object]) -> Spoil:
    def spoil(copy: Path) -> None:
        (copy / file).unlink(missing_ok=True)
        put(copy / file)

    return spoil


def _put_socket(place: Path) -> None:
    here = os.open(place.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as opened:
        # A socket's name is short.
        opened.bind(f"/proc/self/fd/{here}/{place.name}")
    os.close(here)


_ODD_FILES: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a socket": _put_socket,
    "a device": lambda place: place.symlink_to("/dev/zero"),
    "a folder": lambda place: place.mkdir(),
    "a link to itself": lambda place: place.symlink_to(place.name),
    "a link to nothing": lambda place: place.symlink_to("nowhere"),
}


def _rewrites(how: str) -> Spoil:
    def spoil(copy: Path) -> None:
        file = copy / "tracks" / FOV / "tracks.csv"
        text = file.read_text()
        match how:
            case "utf-16":
                file.write_bytes(text.encode("utf-16"))
            case ";":
                file.write_text(text.replace(",", ";"))
            case "\ufeff":
                file.write_text(how + text, encoding="utf-8")
            case "reversed":
                cells().iloc[::-1].to_csv(file, index=False)
            case "escape":
                cells().assign(note="\x1b[2J").to_csv(file, index=False)
            case "quoted":
                cells().to_csv(file, index=False, quoting=1)
            case _:
                file.write_bytes(text.replace("\n", how).encode())

    return spoil


def _of_config(key: Key, value: Any) -> Spoil:
    def spoil(copy: Path) -> None:
        content = yaml.safe_load((copy / CONFIG).read_text())
        content.setdefault("link", [])
        new = changed(content, key, value)
        (copy / CONFIG).write_text(yaml.safe_dump(new, allow_unicode=True))

    return spoil


def _executes(statement: str) -> Spoil:
    def spoil(copy: Path) -> None:
        with closing(sqlite3.connect(copy / f"{CONFIG}.review.db")) as opened, opened:
            opened.execute(statement)

    return spoil


TRIALS = (
    *_metadata(),
    *_chunks(),
    *_tables(),
    *_configs(),
    *_decisions(),
    *_odd_files(),
)
