"""TrackMate's XML, also as ultrack and pycellin write it: spots, edges, and the tracks kept."""

from __future__ import annotations

import gzip
import re
import zlib
from typing import TYPE_CHECKING, BinaryIO
from xml.parsers import expat

import numpy as np

from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.tracks.formats.base import RawTable, TrackFormat, TrackSource
from lineage_triplets.engine.tracks.formats.graph import Cells, table_of_links
from lineage_triplets.engine.tracks.formats.trackmate_csv import spots_left_out
from lineage_triplets.engine.tracks.formats.values import lengths_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import Float64Array
    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.tracks.formats.glimpse import Glimpse

_WHAT = "TrackMate's XML"
_ROOT = re.compile(r"<TrackMate[\s>]")
_VERSION = re.compile(r"<TrackMate\s[^>]*version=\"([^\"]+)\"")
_GZIP = b"\x1f\x8b"
_BLOCK_BYTES = 1 << 20


def read(source: TrackSource) -> RawTable:
    """Read spots and edges; of the tracks, those that the filter kept.

    Raises
    ------
    TrackTableError
        It is damaged, or its links cannot be; a document type, by which a small file can become
        a large one or fetch others, is refused.
    OSError
        The file cannot be read.
    """
    document = _Document(source)
    with source.file.open("rb") as plain:
        is_packed = plain.read(2) == _GZIP
        plain.seek(0)
        if is_packed:
            with gzip.open(plain) as unpacked:
                document.parse(unpacked)  # type: ignore[arg-type]
        else:
            document.parse(plain)
    return document.table()


class _Document:
    """What the parser meets, as lists: handlers are called once an element, and do no more."""

    def __init__(self, source: TrackSource) -> None:
        self._source = source
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._handlers: dict[str, Callable[[dict[str, str]], None]] = {
            "Spot": self._spot,
            "Edge": self._edge,
            "Track": self._begin_track,
            "FilteredTracks": self._begin_kept,
            "TrackID": self._keep,
            "Model": self._model,
            "ImageData": self._image,
        }
        self._ids: list[int] = []
        self._numbers: list[float] = []
        self._lines: list[int] = []
        self._edges: list[int] = []
        self._track = -1
        self._track_numbers: dict[str, int] = {}
        self._kept: set[str] | None = None
        self._unit = ""
        self._pixel_um: tuple[float, float, float] | None = None

    def parse(self, stream: BinaryIO) -> None:
        """Read to the end."""
        try:
            # ParseFile reads two kilobytes at a time.
            while block := stream.read(_BLOCK_BYTES):
                self._parser.Parse(block, False)
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise self._source.damaged(
                _WHAT, f"{reason} in column {error.offset + 1}", line=error.lineno
            ) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            line = self._parser.CurrentLineNumber
            raise self._source.damaged(_WHAT, f"its gzip stream ends ({error})", line=line) from (
                error
            )

    def table(self) -> RawTable:
        """Return the spots of the tracks that were kept."""
        ids = np.array(self._ids, np.int64)
        t, x, y, z = np.array(self._numbers, float).reshape(-1, 4).T
        self._require_whole(t)
        edges = np.array(self._edges, np.int64).reshape(-1, 3)
        if self._kept is not None:
            kept = [self._track_numbers[track] for track in self._kept & set(self._track_numbers)]
            edges = edges[np.isin(edges[:, 2], kept)]
        cells = Cells(
            id=ids, t=t.astype(np.int64), y=y, x=x, z=z, row=np.array(self._lines, np.int64),
            word="spot",
        )  # fmt: skip
        in_track = np.isin(ids, edges[:, :2])
        problems: tuple[Problem, ...] = ()
        if not in_track.all():
            problems = (spots_left_out(self._source, int((~in_track).sum())),)
            cells = cells.take(in_track)
        return table_of_links(
            self._source,
            cells,
            (edges[:, 0], edges[:, 1]),
            has_lines=True,
            problems=problems,
            lengths=lengths_of(self._unit, self._pixel_um),
        )

    def _require_whole(self, t: Float64Array) -> None:
        bad = ~np.isfinite(t) | (t != np.floor(t))
        if bad.any():
            first = int(np.argmax(bad))
            raise TrackTableError(
                self._source.problem(
                    "integer-value",
                    f"The FRAME of a Spot is {t[first]:g}, which is not a whole number.",
                    "Save the file anew in TrackMate.",
                    line=self._lines[first],
                    count=int(bad.sum()),
                )
            )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        handle = self._handlers.get(name)
        if handle is None:
            return
        try:
            handle(attributes)
        except (KeyError, ValueError) as error:
            absent = isinstance(error, KeyError)
            raise TrackTableError(
                self._source.problem(
                    "missing-column" if absent else "integer-value",
                    f"A {name} of {_WHAT} has no {error.args[0]}."
                    if absent
                    else f"A {name} of {_WHAT} has a value that is no number: {error}.",
                    "Save the file anew in TrackMate.",
                    line=self._parser.CurrentLineNumber,
                )
            ) from error

    def _spot(self, attributes: dict[str, str]) -> None:
        self._ids.append(int(attributes["ID"]))
        self._numbers += (
            float(attributes["FRAME"]),
            float(attributes["POSITION_X"]),
            float(attributes["POSITION_Y"]),
            float(attributes.get("POSITION_Z", 0)),
        )
        self._lines.append(self._parser.CurrentLineNumber)

    def _edge(self, attributes: dict[str, str]) -> None:
        self._edges += (
            int(attributes["SPOT_SOURCE_ID"]),
            int(attributes["SPOT_TARGET_ID"]),
            self._track,
        )

    def _begin_track(self, attributes: dict[str, str]) -> None:
        track = attributes["TRACK_ID"]
        self._track = self._track_numbers.setdefault(track, len(self._track_numbers))

    def _begin_kept(self, _: dict[str, str]) -> None:
        self._kept = set()

    def _keep(self, attributes: dict[str, str]) -> None:
        if self._kept is not None:
            self._kept.add(attributes["TRACK_ID"])

    def _model(self, attributes: dict[str, str]) -> None:
        self._unit = attributes.get("spatialunits", "")

    def _image(self, attributes: dict[str, str]) -> None:
        self._pixel_um = self._pixel_size(attributes)

    def _pixel_size(self, attributes: dict[str, str]) -> tuple[float, float, float] | None:
        lengths = lengths_of(self._unit)
        if lengths is None:
            return None
        names = ("voxeldepth", "pixelheight", "pixelwidth")
        z, y, x = (float(attributes.get(name, 0)) * lengths.um[0] for name in names)
        return z, y, x

    def _refuse(self, *_: object) -> None:
        raise TrackTableError(
            self._source.problem(
                "not-a-table",
                "This XML has a document type (<!DOCTYPE …>), which TrackMate's never has: by one "
                "a small file becomes a huge one, or fetches others.",
                "Remove it if you know where the file is from.",
                line=self._parser.CurrentLineNumber,
            )
        )


def recognises(glimpse: Glimpse) -> bool:
    """Say whether a file's root is TrackMate's."""
    return "<" in glimpse.text[:1024] and _ROOT.search(glimpse.text) is not None


def words(glimpse: Glimpse) -> str:
    """Say which version of TrackMate wrote it."""
    version = _VERSION.search(glimpse.text)
    return f"{_WHAT} of {version[1]}" if version else _WHAT


FORMAT = TrackFormat("trackmate-xml", (), read, recognises, words=words)
