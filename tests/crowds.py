"""Crowds of cells that walk, divide, jump and swap, and what is found in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from lineage_triplets.qc.find import Finding
from lineage_triplets.qc.record.decision import Target

Tables = pd.DataFrame | Mapping[tuple[str, str], pd.DataFrame]
Check = Callable[..., list[Finding]]

FRAMES, LONG, SIZE, UM = 20, 60, 480, 0.5
FOV = "A/1/0"
NEW = 101


def crowd(seed: int = 0, frames: int = FRAMES, rows: int = 6, step: float = 2.0) -> pd.DataFrame:
    """Cells on a grid of 60 px that walk at random, far from the border; tracks from 1."""
    rng = np.random.default_rng(seed)
    place = 90 + 60 * np.arange(rows)
    start = np.stack(np.meshgrid(place, place, indexing="ij"), axis=-1).reshape(-1, 2)
    walk = start + np.cumsum(rng.normal(0, step, (frames, len(start), 2)), axis=0)
    t, cell = np.divmod(np.arange(frames * len(start)), len(start))
    return pd.DataFrame(
        {
            "track_id": cell + 1,
            "t": t,
            "parent_track_id": -1,
            "z": 0.0,
            "y": walk[t, cell, 0],
            "x": walk[t, cell, 1],
        }
    )


def divided(
    table: pd.DataFrame, mother: int, t: int, *, first: int = NEW, gap: int = 1, part: float = 7.0
) -> pd.DataFrame:
    """Let a track end before frame `t` as a mother of two, each `part` px away a frame later."""
    own = table["track_id"] == mother
    later = table[own & (table["t"] >= t + gap - 1)]
    born = later["t"].min()
    parts = [table[~own | (table["t"] < t)]]
    for side in (1, -1):
        away = side * np.where(later["t"] > born, 6 + part, 6)
        parts.append(
            later.assign(track_id=first + (side < 0), parent_track_id=mother, x=later["x"] + away)
        )
    return pd.concat(parts, ignore_index=True)


def family_crowd(part: float = 7.0) -> pd.DataFrame:
    """A crowd with eight divisions; daughters are 41 to 56."""
    table = crowd()
    for number, mother in enumerate((1, 3, 5, 25, 27, 31, 33, 35)):
        table = divided(table, mother, 5 + number, first=41 + 2 * number, part=part)
    return table


def moved(table: pd.DataFrame, where: pd.Series, y: float = 0.0, x: float = 0.0) -> pd.DataFrame:
    table = table.copy()
    table.loc[where, "y"] += y
    table.loc[where, "x"] += x
    return table


def renamed(table: pd.DataFrame, t: int, names: Mapping[int, int]) -> pd.DataFrame:
    """Give tracks other numbers from frame `t` on; a new track is a root."""
    table = table.copy()
    later = table["t"] >= t
    table.loc[later, "track_id"] = table.loc[later, "track_id"].replace(names)
    return table


def warnings(findings: list[Finding]) -> list[Finding]:
    return [one for one in findings if one.severity != "note"]


def kinds(findings: list[Finding]) -> list[str]:
    return [one.kind for one in findings]


def only(findings: list[Finding], kind: str) -> Finding:
    """The one warning, of a kind."""
    found = warnings(findings)
    assert kinds(found) == [kind], [one.sentence for one in found]
    return found[0]


def link(track: int, **place: int) -> Target:
    return Target("link", "one", FOV, str(track), **place)


def join(track_id: int, t: int, to_track_id: int, to_t: int) -> Target:
    return Target("join", "one", FOV, str(track_id), t, daughter=to_track_id, to_t=to_t)


def track(number: int) -> Target:
    return Target("track", "one", FOV, str(number))
