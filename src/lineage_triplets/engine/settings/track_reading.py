"""How an experiment's tables are read, as a config says it, where their content does not."""

from __future__ import annotations

import json
import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, model_validator

from lineage_triplets.engine.errors import choices, nearest
from lineage_triplets.engine.settings.values import Name, StrictModel

OUR_COLUMNS = ("track_id", "t", "y", "x", "z", "parent_track_id", "id", "parent_id")
"""Columns that a table may have, by this program's names."""


def _known(column: object) -> object:
    if column not in OUR_COLUMNS:
        # That a name begins with a letter is no likeness.
        near = nearest(str(column), [ours for ours in OUR_COLUMNS if len(ours) > 1])
        near = "" if near.startswith("Known") else f" {near}"
        raise ValueError(
            f"columns names {column!r}, which is none of ours.{near} Known: {choices(OUR_COLUMNS)}"
        )
    return column


def _as_yaml(name: str) -> str:
    is_plain = re.fullmatch(r"[^\W\d][\w .-]*", name) and not name.endswith(" ")
    return name if is_plain else json.dumps(name, ensure_ascii=False)


class TrackReading(StrictModel):
    """How an experiment's tables are read.

    What is not said is told by the content of each table. Where and when its cells are in the
    image is said by `TrackTransform`.

    Attributes
    ----------
    format : str or None
        Name of the format that the tables are read as, whatever their content; by default the one
        that is recognised.
    columns : dict of str to str
        This program's name of a column to the one that the tables of text or Parquet have for it,
        in upper or lower case. Columns that are not named have this program's names.
    parent : {"track", "node"}
        What a cell's parent is: "track" is a track, in ``parent_track_id``; "node" the cell before
        it, in ``parent_id``, an ``id`` of the same table, and tracks are rebuilt from cells.

    Examples
    --------
    >>> from lineage_triplets import TrackReading
    >>> reading = TrackReading(columns={"track_id": "cell", "t": "FRAME", "y": "cy", "x": "cx"})
    >>> reading.words
    'columns: {track_id: cell, t: FRAME, y: cy, x: cx}'
    """

    format: Name | None = None
    columns: dict[Annotated[str, BeforeValidator(_known)], Name] = {}
    parent: Literal["track", "node"] = "track"

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        ours_of: dict[str, list[str]] = {}
        for ours, theirs in self.columns.items():
            ours_of.setdefault(theirs, []).append(ours)
        for theirs, ours_of_it in ours_of.items():
            if len(ours_of_it) > 1:
                raise ValueError(
                    f"columns takes {theirs!r} for {' and for '.join(ours_of_it)}: give each its"
                    " own"
                )
        if self.parent == "node" and "parent_track_id" in self.columns:
            raise ValueError(
                "parent: node says that parents are cells: name their column as parent_id, and not"
                " as parent_track_id"
            )
        return self

    def __hash__(self) -> int:
        return hash((self.format, tuple(sorted(self.columns.items())), self.parent))

    @property
    def names_columns(self) -> bool:
        """Whether tables are read by the columns that are said here."""
        return bool(self.columns) or self.parent != "track"

    @property
    def words(self) -> str:
        """What it says, as the config does; empty if it says nothing."""
        said = []
        if self.format is not None:
            said.append(f"format: {self.format}")
        if self.columns:
            pairs = ", ".join(f"{ours}: {_as_yaml(name)}" for ours, name in self.columns.items())
            said.append(f"columns: {{{pairs}}}")
        if self.parent != "track":
            said.append(f"parent: {self.parent}")
        return ", ".join(said)
