"""The table of lineages: arrays that are sorted and filtered, and a Qt model over them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from qtpy.QtCore import QModelIndex, QObject, Qt

from lineage_triplets.plugin.common.views import RowTable
from lineage_triplets.qc.find import lineage_problems
from lineage_triplets.qc.look.tables import lineage_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.open.data import ReviewData

DECISIONS = ("", "accepted", "partly rejected", "rejected")
_SHOWN = ("", "✓ accepted", "◐ partly", "✕ rejected")


@dataclass(frozen=True)
class Column:
    """A column of the table: title, key in `LineageRows.numbers`, and what it is in words."""

    title: str
    key: str
    words: str


COLUMNS = (
    Column("Lineage", "", "Lineage: experiment, FOV and number of its first track"),
    Column("Cells", "n_cells", "Cells: observations in all frames"),
    Column("Div.", "n_divisions", "Divisions"),
    Column("Frames", "n_frames", "Frames from the first cell to the last"),
    Column("Anch.", "n_anchors", "Anchors that training has, with tau and decisions as they are"),
    Column("Prob.", "n_problems", "Open errors and warnings that name one of its tracks"),
    Column("Dec.", "decision", "Decision: ✓ accepted, ◐ partly rejected, ✕ rejected"),
)


@dataclass(frozen=True)
class LineageFilter:
    """Which lineages are shown.

    Attributes
    ----------
    text : str
        Words that must all be in the id or the condition, in any case.
    experiment, fov : str
        Empty for all.
    has_divisions, undecided, has_problems : bool
    """

    text: str = ""
    experiment: str = ""
    fov: str = ""
    has_divisions: bool = False
    undecided: bool = False
    has_problems: bool = False


def _no_numbers() -> dict[str, Int64Array]:
    keys = ["first_t", "last_t", *(column.key for column in COLUMNS if column.key)]
    return {key: np.empty(0, dtype=np.int64) for key in keys}


@dataclass(frozen=True, eq=False)
class LineageRows:
    """All lineages as columns, in the order of experiments, FOVs and tracks.

    Attributes
    ----------
    ids : list of str
    numbers : dict of str to ndarray of int64
        ``n_cells, n_divisions, n_frames, first_t, last_t, n_anchors, n_problems``, and
        ``decision``: number in `DECISIONS`.
    place : DataFrame
        ``experiment, fov_name, well_name, condition``, categorical.
    text : pyarrow.Array
        What the filter's words are looked for in.
    row_of : dict of str to int
    """

    ids: list[str] = field(default_factory=list)
    numbers: dict[str, Int64Array] = field(default_factory=_no_numbers)
    place: pd.DataFrame = field(default_factory=pd.DataFrame)
    text: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    row_of: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, data: ReviewData, findings: Sequence[Finding]) -> LineageRows:
        """Collect all lineages, and how many of some findings concern each."""
        table = lineage_table(data)
        ids = table["lineage_id"].tolist()
        concerned = lineage_problems(data.linked, findings)[["finding", "lineage_id"]]
        n_problems = concerned.drop_duplicates()["lineage_id"].value_counts()
        names = ("n_cells", "n_divisions", "first_t", "last_t", "n_anchors")
        numbers = {name: table[name].to_numpy(dtype=np.int64) for name in names}
        numbers["n_frames"] = numbers["last_t"] - numbers["first_t"] + 1
        counts = n_problems.reindex(ids, fill_value=0) if len(n_problems) else np.zeros(len(ids))
        numbers["n_problems"] = np.asarray(counts, dtype=np.int64)
        numbers["decision"] = pd.Index(DECISIONS).get_indexer(pd.Index(table["decision"]))
        condition = pa.array(table["condition"].tolist(), pa.string())
        text = pc.utf8_lower(
            pc.binary_join_element_wise(pa.array(ids, pa.string()), condition, " ")
        )
        place = table[["experiment", "fov_name", "well_name", "condition"]].astype("category")
        return cls(ids, numbers, place, text, {lineage_id: k for k, lineage_id in enumerate(ids)})

    def __len__(self) -> int:
        return len(self.ids)

    def matching(self, wanted: LineageFilter) -> BoolArray:
        """Whether each lineage is shown."""
        kept = np.ones(len(self), dtype=bool)
        if not len(self):
            return kept
        for column, name in (("experiment", wanted.experiment), ("fov_name", wanted.fov)):
            if name:
                kept &= (self.place[column] == name).to_numpy(dtype=bool)
        for key, asked in (
            ("n_divisions", wanted.has_divisions),
            ("n_problems", wanted.has_problems),
        ):
            if asked:
                kept &= self.numbers[key] > 0
        if wanted.undecided:
            kept &= self.numbers["decision"] == 0
        for word in wanted.text.lower().split():
            kept &= pc.match_substring(self.text, word).to_numpy(zero_copy_only=False)
        return kept

    def sorted(self, rows: Int64Array, column: int, *, descending: bool) -> Int64Array:
        """Give some rows, ascending, sorted by a column; equal ones stay in their order."""
        key = COLUMNS[column].key
        if not key:
            return rows[::-1] if descending else rows
        values = self.numbers[key][rows]
        return rows[np.argsort(-values if descending else values, kind="stable")]

    def with_decision(self, lineage_id: str, decision: str, n_anchors: int) -> LineageRows:
        """Give the same lineages with one decided otherwise."""
        row = self.row_of.get(lineage_id)
        if row is None:
            return self
        numbers = dict(self.numbers)
        for key, value in (("decision", DECISIONS.index(decision)), ("n_anchors", n_anchors)):
            numbers[key] = self.numbers[key].copy()
            numbers[key][row] = value
        return replace(self, numbers=numbers)


class LineageModel(RowTable):
    """Lineages for a table view; ``UserRole`` hands out the ``lineage_id``.

    Filtering and sorting hold an array of row numbers: nothing is made a row.
    """

    headings = tuple(column.title for column in COLUMNS)
    tips = tuple(column.words for column in COLUMNS)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows = LineageRows()
        self.filter = LineageFilter()
        self.kept = ""
        self._shown: Int64Array = np.empty(0, dtype=np.int64)
        self._column, self._descending = 0, False

    def set_rows(self, rows: LineageRows) -> None:
        """Show other lineages, filtered and sorted as before."""
        self.beginResetModel()
        self.rows = rows
        self._arrange()
        self.endResetModel()

    def set_filter(self, wanted: LineageFilter, kept: str = "") -> None:
        """Show lineages that match; `kept` stays even where it does not."""
        self.beginResetModel()
        self.filter, self.kept = wanted, kept
        self._arrange()
        self.endResetModel()

    def set_decision(self, lineage_id: str, decision: str, n_anchors: int) -> None:
        """Show another decision of a lineage, which stays in its place."""
        self.rows = self.rows.with_decision(lineage_id, decision, n_anchors)
        row = self.row_of(lineage_id)
        if row >= 0:
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def row_of(self, lineage_id: str) -> int:
        """Row in the view; -1 where it is not shown."""
        row = self.rows.row_of.get(lineage_id)
        if row is None:
            return -1
        found = np.flatnonzero(self._shown == row)
        return int(found[0]) if len(found) else -1

    def lineage_at(self, row: int) -> str:
        """``lineage_id`` of a row in the view; empty where there is none."""
        return self.rows.ids[int(self._shown[row])] if 0 <= row < len(self._shown) else ""

    def next_undecided(self, lineage_id: str) -> str:
        """Give the next lineage in the view without a decision, from the top again at the end."""
        open_rows = np.flatnonzero(self.rows.numbers["decision"][self._shown] == 0)
        row = self.row_of(lineage_id)
        open_rows = open_rows[open_rows != row]
        if not len(open_rows):
            return ""
        after = open_rows[open_rows > row]
        return self.lineage_at(int(after[0] if len(after) else open_rows[0]))

    @property
    def first_with_pairs(self) -> int:
        """Row in the view of the first lineage with anchors; without any, of the largest."""
        if not len(self._shown):
            return -1
        n_anchors, n_cells = (self.rows.numbers[key] for key in ("n_anchors", "n_cells"))
        with_pairs = n_anchors[self._shown] > 0
        return int(np.argmax(with_pairs if with_pairs.any() else n_cells[self._shown]))

    @property
    def n_rows(self) -> int:
        """Lineages shown."""
        return len(self._shown)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text of a cell, tooltip of its lineage, alignment, ``lineage_id``."""
        if not index.isValid() or index.row() >= len(self._shown):
            return None
        row, key = int(self._shown[index.row()]), COLUMNS[index.column()].key
        if role == Qt.ItemDataRole.UserRole:
            return self.rows.ids[row]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, key)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._words(row)
        if role == Qt.ItemDataRole.TextAlignmentRole and key not in ("", "decision"):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; what is selected stays selected."""
        if column < 0:
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        rows = [int(self._shown[index.row()]) for index in before]
        self._column, self._descending = column, order == Qt.SortOrder.DescendingOrder
        self._arrange()
        place = dict.fromkeys(rows, -1)
        for row in place:
            place[row] = int(np.flatnonzero(self._shown == row)[0])
        after = [
            self.index(place[row], index.column()) for row, index in zip(rows, before, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _arrange(self) -> None:
        matching = self.rows.matching(self.filter)
        kept = self.rows.row_of.get(self.kept)
        if kept is not None:
            matching[kept] = True
        self._shown = self.rows.sorted(
            np.flatnonzero(matching), self._column, descending=self._descending
        )

    def _text(self, row: int, key: str) -> str:
        if not key:
            return self.rows.ids[row]
        value = int(self.rows.numbers[key][row])
        if key == "decision":
            return _SHOWN[value]
        return "" if key == "n_problems" and not value else f"{value:,}"

    def _words(self, row: int) -> str:
        place, numbers = self.rows.place.iloc[row], self.rows.numbers
        n_problems = int(numbers["n_problems"][row])
        problems = f"\n{n_problems} open problem{'s' * (n_problems != 1)}" if n_problems else ""
        decision = DECISIONS[int(numbers["decision"][row])] or "undecided"
        return (
            f"{self.rows.ids[row]}, {decision}\n{place['experiment']}, well {place['well_name']}, "
            f"{place['condition']}\nframes {numbers['first_t'][row]} to "
            f"{numbers['last_t'][row]}, cells {numbers['n_cells'][row]:,}, divisions "
            f"{numbers['n_divisions'][row]:,}, anchors {numbers['n_anchors'][row]:,}{problems}"
        )
