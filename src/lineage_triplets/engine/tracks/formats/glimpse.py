"""The beginning of a file, or the names in a folder: enough to tell a format by."""

from __future__ import annotations

import codecs
import csv
import json
import os
import zlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.files import odd_kind, read_whole

if TYPE_CHECKING:
    from pathlib import Path

HEAD_BYTES = 1 << 16
_FIRST_CHARACTERS = 2048
_GZIP_BITS = 16 + zlib.MAX_WBITS
DELIMITERS = (",", ";", "\t", " ")


class Glimpse:
    """What can be seen of a file or folder without reading it.

    Nothing is raised for what cannot be read: it is then not recognised, and the reader says why.

    Attributes
    ----------
    path : Path
    is_folder : bool
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_folder = os.path.isdir(path)  # noqa: PTH112 - never raises, as pathlib's may

    @cached_property
    def head(self) -> bytes:
        """The first bytes of a file, unpacked if it is gzipped; of a folder, nothing."""
        if self.is_folder:
            return b""
        try:
            if odd_kind(self.path):
                return b""
            with self.path.open("rb") as stream:
                head = stream.read(HEAD_BYTES)
            if head.startswith(b"\x1f\x8b"):
                # What there is of a file that was cut off.
                head = zlib.decompressobj(wbits=_GZIP_BITS).decompress(head, HEAD_BYTES)
        except (OSError, zlib.error):
            return b""
        return head

    @property
    def is_hdf5(self) -> bool:
        """Whether the file is an HDF5, of whatever."""
        return self.head.startswith(b"\x89HDF\r\n\x1a\n")

    @cached_property
    def text(self) -> str:
        """The beginning of a text file; empty for another one."""
        head = self.head
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return head[: len(head) & ~1].decode("utf-16", "replace")
        if b"\0" in head:
            return ""
        return head.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Lines that are not blank; the last one may be cut."""
        return tuple(line for line in self.text.splitlines() if line.strip())

    @cached_property
    def first_lines(self) -> tuple[str, ...]:
        """The first two of `lines`; splitting all of them takes long beside reading a table."""
        start = self.text[:_FIRST_CHARACTERS]
        whole = [line for line in start.splitlines() if line.strip()][:-1]
        return tuple(whole[:2]) if len(whole) > 1 else self.lines[:2]

    @cached_property
    def columns(self) -> frozenset[str]:
        """Cells of the first line, in lower case; blanks part them where nothing else does."""
        if not self.first_lines:
            return frozenset()
        found = []
        for delimiter in DELIMITERS:
            try:
                cells = next(csv.reader([self.first_lines[0]], delimiter=delimiter))
            except (csv.Error, StopIteration):
                continue
            found.append(frozenset(cell.strip().lower() for cell in cells) - {""})
        parted = max(found[:-1], key=len, default=frozenset())
        return parted if len(parted) > 1 or not found else found[-1]

    @cached_property
    def _names(self) -> list[str]:
        """All names in a folder, sorted."""
        if not self.is_folder:
            return []
        try:
            return sorted(entry.name for entry in self.path.iterdir())
        except OSError:
            return []

    @cached_property
    def entries(self) -> tuple[Path, ...]:
        """What is in a folder, sorted, without hidden entries."""
        return tuple(self.path / name for name in self._names if not name.startswith("."))

    @cached_property
    def attributes(self) -> dict[str, Any] | None:
        """Attributes of a folder that is a zarr group or array, of zarr 2 or 3; None for others."""
        for name in ("zarr.json", ".zattrs", ".zgroup", ".zarray"):
            if name not in self._names:
                continue
            try:
                content = json.loads(read_whole(self.path / name))
            except (OSError, ValueError):
                continue
            if not isinstance(content, dict):
                return None
            if name == ".zattrs":
                return content
            inner = content.get("attributes") if name == "zarr.json" else None
            return inner if isinstance(inner, dict) else {}
        return None
