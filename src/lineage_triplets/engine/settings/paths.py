"""Paths as people write them in a config."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_url(path: str) -> bool:
    """Whether a path names a remote store (``s3://…``)."""
    return re.match(r"^[A-Za-z][A-Za-z0-9+.-]+://", path) is not None


def expand(path: str) -> str:
    """Expand ``~`` and ``${VAR}``.

    Raises
    ------
    ValueError
        A variable is not set, or there is no such user; the message names it.
    """
    expanded = os.path.expandvars(path)
    unset = re.search(r"\$\{([^}]+)\}|\$(\w+)", expanded)
    if unset:
        raise ValueError(f"the environment variable {unset[1] or unset[2]} is not set")
    home = os.path.expanduser(expanded)  # noqa: PTH111 - leaves an unknown user as written
    if home.startswith("~"):
        raise ValueError(f"there is no home folder for {home.split('/')[0]!r}")
    return home


def decisions_path(config: Path) -> Path:
    """Where the decisions about a config are kept, unless another place is named."""
    return config.with_name(f"{config.name}.review.db")


def replace_prefix(path: str, path_map: Mapping[str, str]) -> str:
    """Replace the longest leading folder that `path_map` names."""
    for old in sorted(path_map, key=len, reverse=True):
        if begins_with(path, old):
            return path_map[old].rstrip("/") + path[len(old.rstrip("/")) :]
    return path


def begins_with(path: str, folder: str) -> bool:
    """Whether a path is that of a folder, or of something in it."""
    stem = folder.rstrip("/")
    return path == stem or path.startswith(f"{stem}/")


def locate(path: str, base: str | Path, path_map: Mapping[str, str] | None = None) -> str:
    """Turn a written path into an absolute one: mapped, expanded, relative to `base`."""
    path_map = path_map or {}
    mapped = replace_prefix(path, path_map)
    expanded = expand(mapped)
    whole = expanded if is_url(expanded) else os.path.normpath(Path(base).absolute() / expanded)
    return replace_prefix(whole, path_map) if mapped == path else whole


def rebase(written: str, old_base: str | Path, new_base: str | Path) -> str:
    """Rewrite a relative path for another folder; keep what is absolute or becomes so.

    ``${VAR}`` is kept as written.
    """
    try:
        expanded = expand(written)
    except ValueError:
        return written
    if is_url(expanded) or Path(expanded).is_absolute():
        return written
    old, new = Path(old_base).absolute(), Path(new_base).absolute()
    step = os.path.relpath(old, new)
    rebased = os.path.normpath(str(Path(step) / written))
    # Through a link, ".." leads elsewhere for those who come by the folder's real name.
    here, there = (os.path.normpath(base / rebased) for base in (new, Path(os.path.realpath(new))))
    if os.path.realpath(here) != os.path.realpath(there):
        return os.path.normpath(old / written)
    return rebased
