"""The table of lineages, by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.plugin.browse.lineage_list import LineageList
from lineage_triplets.plugin.browse.model import COLUMNS, LineageRows
from lineage_triplets.qc.decide.review import Review
from reviews import write_config

if TYPE_CHECKING:
    from pathlib import Path


def test_numbers_of_a_lineage_with_thousands_of_cells_are_not_cut(
    tmp_path: Path, qtbot: Any
) -> None:
    with Review.open(write_config(tmp_path), read_only=True) as review:
        rows = LineageRows.of(review.data, [])
    large = {key: np.full(len(rows), 26_920) for key in ("n_cells", "n_divisions", "n_anchors")}
    view = LineageList()
    qtbot.addWidget(view)
    view.resize(600, 300)
    view.show()
    view.set_rows(replace(rows, numbers=rows.numbers | large))
    for number, column in enumerate(COLUMNS):
        if column.key in large:
            text = view.model.index(0, number).data()
            assert text == "26,920"
            width = view.table.fontMetrics().horizontalAdvance(text)
            assert view.table.columnWidth(number) > width
