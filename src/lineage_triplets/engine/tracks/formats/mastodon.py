"""Mastodon's tables of spots and of links, with their three lines of names and units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.tracks.formats.delimited import read_part
from lineage_triplets.engine.tracks.formats.dialects import (
    Dialect,
    Part,
    has_columns,
    one_part,
)
from lineage_triplets.engine.tracks.formats.graph import Cells, table_of_links
from lineage_triplets.engine.tracks.formats.values import lengths_of_column, require_columns

if TYPE_CHECKING:
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource

_LINKS = "mastodon-links"
_PLACE = "spot position"
_SOURCE, _TARGET = "link target ids source spot id", "link target ids target spot id"


def _finish(source: TrackSource, raw: RawTable) -> RawTable:
    require_columns(source, raw, "Mastodon's table of spots", "id", "t", "y", "x")
    links = one_part(
        source,
        _LINKS,
        needed="This is Mastodon's table of spots: it does not say which spot follows which.",
    )
    assert links is not None
    pairs = read_part(links, source, (_SOURCE, _TARGET), joined=True)
    cells = Cells.of_table(source, raw, word="spot")
    return table_of_links(
        source,
        cells,
        (pairs[_SOURCE], pairs[_TARGET]),
        found=raw.found,
        has_lines=raw.has_lines,
        problems=raw.problems,
        lengths=lengths_of_column(raw, f"{_PLACE} x"),
    )


DIALECTS = (
    Dialect(
        "Mastodon's table of spots",
        {"id": "id", "t": "spot frame", "z": f"{_PLACE} z", "y": f"{_PLACE} y", "x": f"{_PLACE} x"},
        _finish,
        telling=frozenset({"id", "spot frame", _PLACE}),
        parts=(_LINKS,),
        heads=True,
        joined=True,
    ),
)
PARTS = (
    Part(
        _LINKS,
        "Mastodon's table of links",
        "Export both of Mastodon's tables, of spots and of links, with their feature "
        "'Link target IDs', into one folder.",
        has_columns("id", "link target ids"),
    ),
)
