"""The checks of tables, run on plates whose tables change from test to test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import stores
from crowds import FOV, FRAMES, SIZE, UM, Check, Tables
from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.qc.find.checks import TABLE_CHECKS, load_checks
from lineage_triplets.qc.find.track_data.data import TrackData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_triplets.qc.find import Finding


@pytest.fixture(scope="module")
def check(tmp_path_factory) -> Check:
    """All findings of the table checks: ``check(table)``, or by experiment and FOV."""
    load_checks()
    experiments: dict[tuple, object] = {}

    def run(
        tables: Tables,
        *,
        shape: tuple[int, int] = (FRAMES, 1),
        intervals: Mapping[str, float] | None = None,
        pixel_size_um: float = UM,
        slice_um: float = 2.0,
        **index: object,
    ) -> list[Finding]:
        if isinstance(tables, pd.DataFrame):
            tables = {("one", FOV): tables}
        configs = []
        for name in dict.fromkeys(name for name, _ in tables):
            by_fov = {fov: table for (other, fov), table in tables.items() if other == name}
            interval = (intervals or {}).get(name, 15.0)
            key = (name, tuple(by_fov), shape, interval, pixel_size_um, slice_um)
            if key not in experiments:
                experiments[key] = stores.make_experiment(
                    tmp_path_factory.mktemp("plate"),
                    name,
                    {},
                    fovs=list(by_fov),
                    shape=(shape[0], 1, shape[1], SIZE, SIZE),
                    channels=["Phase"],
                    pixel_size_um=pixel_size_um,
                    slice_um=slice_um,
                    interval_minutes=interval,
                )
            configs.append(experiments[key])
            stores.write_tables(Path(configs[-1].tracks_path), by_fov)
        arguments = {"z_range": 1, "yx_patch_size": (64, 64), **index}
        made = MultiExperimentIndex(ExperimentRegistry(configs), **arguments)
        data = TrackData.of_index(made)
        return [one for name in sorted(TABLE_CHECKS) for one in TABLE_CHECKS[name].run(data)]

    return run
