"""Chunks behind URLs, read within their bounds, beside tensorstore's own reading without any."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import tensorstore as ts

from benchmarks.data import write_images
from benchmarks.read import PLANES, TILES
from benchmarks.timing import in_turns, table
from lineage_triplets.engine.plates.plate import open_plate
from lineage_triplets.engine.reading.tensorstore import open_array

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from rich.table import Table

N_CHUNKS = 128
BUDGET_S = 10.0
_BUCKET = "plates"


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Read as many chunks as a batch touches, none of which is kept."""
    yield table(
        f"{N_CHUNKS} chunks of a server on this machine",
        ("server", "chunks", "tensorstore's", "bounded", "times as fast", "by CPU time"),
        _rows(folder),
        "CPU time is that of the reading process alone; the server is one of Python's",
    )


def _rows(folder: Path) -> Iterator[Sequence[str]]:
    rng = np.random.default_rng(0)
    for chunking in (PLANES, TILES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        write_images(folder, chunking)
        plate = open_plate(folder / "plate.zarr")
        fov = plate.fov(plate.fov_names()[0])
        inside = fov.array_path.removeprefix(str(folder))
        with _server(folder) as url:
            keys = {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark"}
            with patch.dict(os.environ, {**keys, "AWS_ENDPOINT_URL": url}):
                for name, address, kvstore in (
                    ("web", url, {"driver": "http", "base_url": f"{url}{inside}/"}),
                    ("bucket", f"s3://{_BUCKET}", _in_bucket(url, inside)),
                ):
                    context = ts.Context({"cache_pool": {"total_bytes_limit": 0}})
                    spec = {"driver": "zarr", "kvstore": kvstore, "open": True}
                    theirs = ts.open(spec, context=context).result()
                    ours = open_array(f"{address}{inside}", fov.zarr_format, context).result()
                    places = _places(rng, theirs)
                    compared = in_turns(
                        partial(_read, theirs, places),
                        partial(_read, ours, places),
                        budget_s=BUDGET_S,
                    )
                    yield (
                        name,
                        chunking.label,
                        f"{1000 * compared.straightforward_s:.0f} ms",
                        f"{1000 * compared.ours_s:.0f} ms",
                        f"{compared.ratio:.2f}",
                        f"{compared.cpu_ratio:.2f}",
                    )


def _in_bucket(url: str, inside: str) -> dict[str, str]:
    """Tensorstore's specification of a folder of a bucket on the server."""
    where = {"endpoint": url, "aws_region": "us-east-1"}
    return {"driver": "s3", "bucket": _BUCKET, "path": f"{inside[1:]}/", **where}


def _places(rng: np.random.Generator, array: ts.TensorStore) -> list[tuple[slice, ...]]:
    """Chunks by chance, each another one."""
    sizes = array.chunk_layout.read_chunk.shape
    grid = [-(-length // size) for length, size in zip(array.shape, sizes, strict=True)]
    chosen = rng.choice(int(np.prod(grid)), min(N_CHUNKS, int(np.prod(grid))), replace=False)
    return [
        tuple(slice(at * size, at * size + size) for at, size in zip(place, sizes, strict=True))
        for place in np.stack(np.unravel_index(chosen, grid), axis=1).tolist()
    ]


def _read(array: ts.TensorStore, places: Sequence[tuple[slice, ...]]) -> None:
    for read in [array[place].read() for place in places]:
        read.result()


class _Handler(BaseHTTPRequestHandler):
    """Gives files, and those of a bucket, or parts of them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def __init__(self, *arguments: Any, folder: str) -> None:
        self._folder = Path(folder)
        super().__init__(*arguments)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        file = self._folder / self.path.removeprefix(f"/{_BUCKET}").lstrip("/")
        body = file.read_bytes() if file.is_file() else b""
        status, n_bytes = 200 if body else 404, len(body)
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if body and asked:
            first, last = map(int, asked.groups())
            body = body[first : last + 1]
            status = 206 if body else 416
        self.send_response(status)
        self.send_header("ETag", '"1"')
        if status == 206:
            span = f"bytes {first}-{first + len(body) - 1}/{n_bytes}"
            self.send_header("Content-Range", span)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _serve(folder: str, told: Connection) -> None:
    handler: Any = partial(_Handler, folder=folder)
    with _Server(("127.0.0.1", 0), handler) as server:
        told.send(server.server_port)
        server.serve_forever()


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """Serve a folder from a process of its own."""
    context = multiprocessing.get_context("spawn")
    told, tells = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(str(folder), tells), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{told.recv()}"
    finally:
        process.terminate()
        process.join()
