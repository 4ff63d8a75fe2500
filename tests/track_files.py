"""Track tables written as text, and what reading says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lineage_triplets.engine.errors import Problem, TrackTableError
from lineage_triplets.engine.tracks.read import (
    TrackTable,
    read_track_table,
)

if TYPE_CHECKING:
    from pathlib import Path


HEADER = "track_id,t,parent_track_id,y,x"
# Track 1 divides after t=1 into 2 and 3.
MOTHER = ["1,0,-1,10,20", "1,1,-1,11,21"]
DAUGHTERS = ["2,2,1,12,22", "3,2,1,8,18"]


def write(folder: Path, *rows: str, header: str = HEADER, name: str = "tracks.csv") -> Path:
    file = folder / name
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return file


def faults_of(file: Path) -> tuple[Problem, ...]:
    with pytest.raises(TrackTableError) as caught:
        read_track_table(file, experiment="exp", fov="A/1/0")
    for problem in caught.value.problems:
        assert problem.severity == "error"
        assert (problem.experiment, problem.fov, problem.file) == ("exp", "A/1/0", str(file))
    return caught.value.problems


def the_fault(file: Path) -> Problem:
    (problem,) = faults_of(file)
    return problem


def the_problem(table: TrackTable, kind: str, severity: str) -> Problem:
    (problem,) = table.problems
    assert (problem.kind, problem.severity) == (kind, severity)
    assert problem.file == str(table.file)
    return problem


def parents(table: TrackTable) -> dict[int, int]:
    return dict(zip(table.track_id.tolist(), table.parent_track_id.tolist(), strict=True))


def same(a: TrackTable, b: TrackTable) -> bool:
    columns = ("track_id", "t", "parent_track_id", "y", "x", "z", "id", "parent_id")
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        and np.asarray(getattr(a, name)).dtype == np.asarray(getattr(b, name)).dtype
        for name in columns
    )
