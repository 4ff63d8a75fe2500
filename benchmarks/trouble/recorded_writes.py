"""What SQLite does to its files, in order: a layer over its own way to the disk, by `ctypes`.

Python's `sqlite3` opens files through SQLite's default "VFS", a table of C functions. A copy of
that table is made the default, in which the functions that open, write, cut, sync and delete also
note what they do; all others are SQLite's own. This needs an SQLite that is a shared library.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sqlite3
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Done(NamedTuple):
    """One thing that was done to a file, or a mark that the program set.

    Attributes
    ----------
    what : {"write", "cut", "sync", "delete", "mark"}
    name : str
        Of the file, without its folder; of a mark what it says.
    at : int
        Where it was written, or the length that it was cut to; of a deletion 1 if it was synced.
    data : bytes
    """

    what: Literal["write", "cut", "sync", "delete", "mark"]
    name: str
    at: int = 0
    data: bytes = b""


_Read = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)
_Delete = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)


class _Methods(Structure):
    _fields_ = (
        ("version", c_int), ("close", c_void_p), ("read", c_void_p), ("write", _Write),
        ("truncate", _Truncate), ("sync", _Sync), *((f"other{n}", c_void_p) for n in range(13)),
    )  # fmt: skip


class _File(Structure):
    _fields_ = (("methods", POINTER(_Methods)),)


# The path as an address, since the file that is opened keeps it.
_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(_File), c_int, POINTER(c_int))


class _Vfs(Structure):
    _fields_ = (
        ("version", c_int), ("file_bytes", c_int), ("most_path", c_int), ("next", c_void_p),
        ("name", c_char_p), ("data", c_void_p), ("open", _Open), ("delete", _Delete),
        *((f"other{n}", c_void_p) for n in range(14)),
    )  # fmt: skip


def library() -> ctypes.CDLL | None:
    """Give the SQLite that Python's `sqlite3` uses; None where it is no library of its own."""
    try:
        found = ctypes.CDLL("libsqlite3.so.0")
        found.sqlite3_libversion.restype = c_char_p
        version: bytes = found.sqlite3_libversion()
    except (OSError, AttributeError):
        return None
    mapped = _mapped()
    # Another copy of the library would have another default.
    same = version.decode() == sqlite3.sqlite_version and len(mapped) == 1
    return found if same else None


def _mapped() -> set[str]:
    with Path("/proc/self/maps").open() as maps:
        return {line.split()[-1] for line in maps if "libsqlite3" in line}


@contextlib.contextmanager
def recorded() -> Iterator[list[Done]]:
    """Note what is done to all databases that are opened in the block.

    They are to be closed in it too.
    """
    sqlite = library()
    if sqlite is None:
        raise RuntimeError("SQLite is no shared library here")
    layer = _Layer(sqlite)
    try:
        yield layer.done
    finally:
        layer.remove()


class _Layer:
    """The copied table, and what was noted."""

    def __init__(self, sqlite: ctypes.CDLL) -> None:
        self.done: list[Done] = []
        sqlite.sqlite3_vfs_find.restype = POINTER(_Vfs)
        sqlite.sqlite3_vfs_register.argtypes = (POINTER(_Vfs), c_int)
        self._sqlite = sqlite
        self._below = sqlite.sqlite3_vfs_find(None)
        self._names: dict[int, str] = {}
        self._own: dict[int, tuple[_Methods, Any]] = {}
        self._vfs = _Vfs()
        ctypes.pointer(self._vfs)[0] = self._below[0]
        # Its functions look into the table that they are given for what is theirs.
        self._vfs.name = b"recorded"
        self._vfs.next = None
        self._vfs.open, self._vfs.delete = _Open(self._opened), _Delete(self._deleted)
        sqlite.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)

    def remove(self) -> None:
        self._sqlite.sqlite3_vfs_register(self._below, 1)
        self._sqlite.sqlite3_vfs_unregister(ctypes.byref(self._vfs))

    def _opened(self, _: int, path: int | None, file: Any, flags: int, out: Any) -> int:
        code: int = self._below[0].open(ctypes.addressof(self._below[0]), path, file, flags, out)
        methods = file[0].methods
        if code or not methods or path is None:
            return code
        address = ctypes.addressof(file[0])
        self._names[address] = _name(ctypes.string_at(path))
        kind = ctypes.addressof(methods[0])
        if kind not in self._own:
            self._own[kind] = (self._noting(methods[0]), methods)
        file[0].methods = ctypes.pointer(self._own[kind][0])
        return code

    def _noting(self, below: _Methods) -> _Methods:
        """Copy a file's functions; those that change it note it after it succeeded."""
        noting = _Methods()
        ctypes.pointer(noting)[0] = below

        def write(file: int, data: int, n_bytes: int, at: int) -> int:
            code: int = below.write(file, data, n_bytes, at)
            if not code:
                self._note("write", self._names[file], at, ctypes.string_at(data, n_bytes))
            return code

        def cut(file: int, length: int) -> int:
            code: int = below.truncate(file, length)
            if not code:
                self._note("cut", self._names[file], length)
            return code

        def sync(file: int, flags: int) -> int:
            code: int = below.sync(file, flags)
            if not code:
                self._note("sync", self._names[file])
            return code

        noting.write, noting.truncate, noting.sync = _Write(write), _Truncate(cut), _Sync(sync)
        return noting

    def _deleted(self, _: int, path: bytes, is_synced: int) -> int:
        code: int = self._below[0].delete(ctypes.addressof(self._below[0]), path, is_synced)
        if not code:
            self._note("delete", _name(path), is_synced)
        return code

    def _note(self, *values: Any) -> None:
        self.done.append(Done(*values))


def _name(path: bytes) -> str:
    return Path(os.fsdecode(path)).name
