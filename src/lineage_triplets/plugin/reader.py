"""A config dragged onto napari opens for review."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    LayerData = list[tuple[None]]
    Reader = Callable[[str | Sequence[str]], LayerData]

_MOST_BYTES = 4_000_000
_EXPERIMENTS = re.compile(r"^(?:experiments|[\"']experiments[\"'])\s*:", re.MULTILINE)


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Give a reader for a config, an experiments YAML or a ``collection.yml``.

    Parameters
    ----------
    path : str or sequence of str
        What was dropped or opened.

    Returns
    -------
    callable or None
        None for every other file, and for several at once.
    """
    if not isinstance(path, str):
        if len(path) != 1:
            return None
        path = path[0]
    return _open_config if _lists_experiments(Path(path)) else None


def _lists_experiments(path: Path) -> bool:
    """Whether a YAML has ``experiments:`` at its top level; only its text is looked at."""
    if path.suffix.lower() not in {".yml", ".yaml"}:
        return False
    try:
        with path.open(encoding="utf-8-sig") as file:
            return _EXPERIMENTS.search(file.read(_MOST_BYTES)) is not None
    except (OSError, UnicodeDecodeError):
        return False


def _open_config(path: str | Sequence[str]) -> LayerData:
    """Open the config in the dock widget, which adds its own layers."""
    from lineage_triplets.plugin.docking import review_widget

    review_widget().start_opening(path if isinstance(path, str) else path[0])
    return [(None,)]
