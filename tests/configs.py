"""A config of one experiment as text, for tests of one key of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets import TripletConfig, load_config

if TYPE_CHECKING:
    from pathlib import Path

ONE = """\
experiments:
  - name: one
    data_path: /plates/one.zarr
    tracks_path: /tracks/one
    channel_names: [Phase, GFP]
    source_channel: [GFP]
    condition_wells: {c: [A/1]}
    interval_minutes: 15
"""


def load_one(folder: Path, key: str, value: str = "") -> TripletConfig:
    """Load `ONE` with a key of its experiment; as it is where no value is given."""
    file = folder / "one.yml"
    file.write_text(ONE + (f"    {key}: {value}\n" if value else ""), encoding="utf-8")
    return load_config(file)
