"""Kinds of sample beside the pair of all slots: self positives, one slot, labels, a margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem, choices, nearest, shown
from lineage_triplets.engine.pairs.randomness import uniform

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Int64Array, UInt64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex

PositiveKind = Literal["drawn", "self"]
SlotsKind = Literal["all", "one"]
# The draws of tau and of the positive come before, those of negatives after.
_SLOT_COUNTER = 3
_OF_FOV = ("experiment", "condition", "well_name", "fov_name")
_OF_TRACK = ("lineage_id", "global_track_id")
LABEL_COLUMNS = (*_OF_FOV, *_OF_TRACK)


@dataclass(frozen=True)
class Samples:
    """What a sample of the dataset is.

    Attributes
    ----------
    positive : {"drawn", "self"}
        "self" gives the anchor's own patch once more, for two views of it.
    slots : {"all", "one"}
        "one" gives one slot a pair, the same of all its patches (a bag of channels). Which one
        follows from (seed, epoch, anchor); batches say it as ``slot``.
    labels : tuple of str
        Columns of ``index.tracks`` whose codes batches have, as ``labels``.
    margin_pixels : int
        How far patches reach beyond `yx_patch_size` on each side, for augmentation. What is outside
        the image repeats its border, and is 0 with ``border="pad"``.

    Raises
    ------
    ConfigError
        A value that is none of these.
    """

    positive: PositiveKind = "drawn"
    slots: SlotsKind = "all"
    labels: tuple[str, ...] = ()
    margin_pixels: int = 0

    def __post_init__(self) -> None:
        for field, kind in (("positive", PositiveKind), ("slots", SlotsKind)):
            value = getattr(self, field)
            if value not in get_args(kind):
                remedy = f"There is: {choices(get_args(kind))}."
                raise _refused(field, f"there is no {shown(value)}.", remedy)
        for column in self.labels:
            if column not in LABEL_COLUMNS:
                raise _refused(
                    "labels",
                    f"there are no labels of {column!r}.",
                    nearest(str(column), LABEL_COLUMNS),
                )
        if not isinstance(self.margin_pixels, int) or self.margin_pixels < 0:
            raise _refused(
                "margin_pixels", f"{shown(self.margin_pixels)} is no number of pixels.", "Give 0."
            )


def drawn_slots(stream: UInt64Array, n_slots: int) -> Int64Array:
    """Draw a slot for each anchor's stream, all alike likely."""
    return (uniform(stream, _SLOT_COUNTER) * n_slots).astype(np.int64)


class Labels:
    """Codes of some columns of ``index.tracks``: 0 to n - 1 in the order of the words.

    Attributes
    ----------
    classes : dict of str to list of str
        The words by code.
    """

    def __init__(self, index: MultiExperimentIndex, columns: tuple[str, ...]) -> None:
        self._fov_of_row = index.fov_of_row
        self._track_of_row = index.observations.track
        self.classes: dict[str, list[str]] = {}
        self._codes: dict[str, Int64Array] = {}
        for column in columns:
            words = _words_of(index, column)
            self.classes[column] = sorted(set(words))
            place = {word: code for code, word in enumerate(self.classes[column])}
            self._codes[column] = np.array([place[word] for word in words], dtype=np.int64)

    def of_rows(self, rows: Int64Array) -> dict[str, Int64Array]:
        """Codes of some rows, by column."""
        return {
            column: codes[(self._fov_of_row if column in _OF_FOV else self._track_of_row)[rows]]
            for column, codes in self._codes.items()
        }


def _words_of(index: MultiExperimentIndex, column: str) -> list[str]:
    """A column's words by FOV, or by track."""
    if column in _OF_FOV:
        return [
            {
                "experiment": source.experiment,
                "condition": source.condition,
                "well_name": source.fov.well_name,
                "fov_name": source.fov.name,
            }[column]
            for source in index.fovs
        ]
    tracks = np.arange(len(index.forest.parent))
    return index.names.of_tracks(index.forest.root if column == "lineage_id" else tracks)


def _refused(field: str, message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem("bad-value", message, remedy, field=field))
