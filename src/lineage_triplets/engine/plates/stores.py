"""Where stores are: folders and URLs alike, as text, and the files that describe zarr nodes."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

from lineage_triplets.engine.errors import Problem, StoreError
from lineage_triplets.engine.files import odd_kind
from lineage_triplets.engine.plates import remote, remote_files
from lineage_triplets.engine.plates.limits import in_words, most_metadata_bytes
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Sequence

NODE_FILES = ("zarr.json", ".zarray", ".zattrs", ".zgroup")


def location(path: str | Path) -> str:
    """Write a folder or URL as this package does: no slash at its end.

    Raises
    ------
    StoreError
        A URL of a kind that is not read.
    """
    if not is_url(str(path)):
        return str(Path(path))
    scheme, host, inside, query = remote.split_url(str(path))
    return f"{scheme}://{host}/{inside}".rstrip("/") + query


def join(folder: str, *parts: str) -> str:
    """Name something inside a folder."""
    if not is_url(folder):
        return str(Path(folder, *parts))
    scheme, host, path, query = remote.split_url(folder)
    inside = posixpath.normpath("/".join(part.strip("/") for part in parts))
    if scheme in {"http", "https"}:
        inside = quote(inside)
    return f"{scheme}://{posixpath.join(host, path, inside)}{query}".removesuffix("/.")


def join_inside(folder: str, path: str) -> str:
    """Name something inside a folder as its metadata do.

    Raises
    ------
    StoreError
        The path leads out of the folder. A link that somebody made inside may.
    """
    parts = path.replace("\\", "/").split("/")
    if ".." in parts or Path(path).is_absolute() or is_url(path):
        message = f"its metadata name the path {path!r}, which leads out of it."
        raise _fault(
            "bad-metadata", message, "Mend them: paths are those of what is inside.", folder
        )
    return join(folder, path)


def last_name(path: str | Path) -> str:
    """Name of the folder itself."""
    if is_url(str(path)):
        return posixpath.basename(remote.split_url(str(path))[2])
    return Path(path).resolve().name


def read_files(folder: str, names: Sequence[str] = NODE_FILES) -> dict[str, bytes]:
    """Contents of those files of a zarr node that are there, by name; none where no node is.

    Raises
    ------
    StoreError
        They may not or cannot be read.
    """
    if is_url(folder):
        return remote_files.read_files(folder, names)
    found = {}
    for name in names:
        content = _read(Path(folder) / name)
        if content is not None:
            found[name] = content
            if name == "zarr.json":
                break
    return found


def _read(file: Path) -> bytes | None:
    kind = odd_kind(file)
    if kind:
        message = f"it is {kind}, and no file."
        raise _fault("bad-metadata", message, "Restore the metadata.", file)
    try:
        if not file.is_file():
            return None
    except PermissionError:
        raise _fault(
            "unreadable", "no permission to read it.", "Ask for access.", file.parent
        ) from None
    except OSError as error:
        raise _fault(
            "missing-path",
            f"there is no such folder: {error.strerror}.",
            "Check the path.",
            file.parent,
        ) from None
    try:
        n_bytes = file.stat().st_size
        if n_bytes > most_metadata_bytes(file.name):
            most = in_words(most_metadata_bytes(file.name))
            message = f"it has {in_words(n_bytes)}, and metadata {most} at most."
            raise _fault("bad-metadata", message, "Restore the metadata.", file)
        return file.read_bytes()
    except PermissionError:
        raise _fault("unreadable", "no permission to read it.", "Ask for access.", file) from None
    except OSError as error:
        raise _fault(
            "bad-metadata", f"its metadata cannot be read: {error}.", "Restore the file.", file
        ) from None


def refuse_absent(folder: str) -> NoReturn:
    """Say why there is no zarr node in a folder.

    Raises
    ------
    StoreError
        Always.
    """
    if is_url(folder):
        raise _fault(
            "missing-path",
            "there is no zarr store: neither zarr.json nor .zattrs, .zarray or .zgroup.",
            "Check the address, from the bucket or host to the store's own folder.",
            folder,
        )
    try:
        os.scandir(folder).close()
    except PermissionError:
        raise _fault("unreadable", "no permission to read it.", "Ask for access.", folder) from None
    except (OSError, ValueError):
        raise _fault(
            "missing-path", "there is no such folder.", "Check the path.", folder
        ) from None
    raise _fault("not-zarr", "the folder has no zarr metadata.", "Name an OME-Zarr store.", folder)


def subfolders(folder: str) -> list[str] | None:
    """Names of the folders inside; None where they cannot be listed."""
    if is_url(folder):
        return None
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")
            )
    except PermissionError:
        return None


def _fault(kind: str, message: str, remedy: str, place: str | Path) -> StoreError:
    return StoreError(Problem(kind, message, remedy, file=str(place)))
