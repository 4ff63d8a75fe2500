"""Files that an export writes beside its config, and whether they are of that export."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CELL_INDEX_NAME = "cell_index.parquet"
CELL_INDEX_KEY = "lineage_triplets"
"""Under which the schema's metadata of a cell index say which config it was exported with."""
DYNACLR_DATA_NAME = "dynaclr_data.yml"
COLLECTION_NAME = "collection.yml"
_YAML_NAMES = (DYNACLR_DATA_NAME, COLLECTION_NAME)
# Readers of both formats refuse keys that they do not know, and pass over comments.
_LINE_BEGINS = "# lineage-triplets config_hash: "


def hash_line(config_hash: str) -> str:
    """The first line of a companion in YAML; empty where it is of no config."""
    return f"{_LINE_BEGINS}{config_hash}\n" if config_hash else ""


def others_beside(config: Path, config_hash: str) -> Iterator[tuple[str, str]]:
    """Find companions beside a config that were exported with another one.

    Of files that do not say it, as of those that a person or an earlier version wrote, nothing is
    known.

    Yields
    ------
    name, hash : str
        Of the file, and of the config that it says; the hash is shown, whatever it holds.
    """
    table = config.with_name(CELL_INDEX_NAME)
    of_files = {table.name: _hash_of_table(table) if table.is_file() else ""}
    of_files |= {name: _hash_in_text(config.with_name(name)) for name in _YAML_NAMES}
    for name, found in of_files.items():
        if found and found != config_hash:
            yield name, shown(found)


def _hash_of_table(table: Path) -> str:
    from pyarrow import ArrowException
    from pyarrow.parquet import read_schema

    try:
        said = json.loads((read_schema(table).metadata or {}).get(CELL_INDEX_KEY.encode(), b"{}"))
        return str(said.get("config_hash", ""))
    except (OSError, ValueError, AttributeError, ArrowException) as error:
        return f"unreadable: {error}"


def _hash_in_text(file: Path) -> str:
    if not file.is_file():
        return ""
    try:
        with file.open(encoding="utf-8", errors="replace") as text:
            first = text.readline(len(_LINE_BEGINS) + 100)
    except OSError as error:
        return f"unreadable: {error}"
    return first.removeprefix(_LINE_BEGINS).strip() if first.startswith(_LINE_BEGINS) else ""
