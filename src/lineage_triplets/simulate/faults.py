"""Faults of trackers, planted in true tables: what a person must find, with a list of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lineage_triplets.simulate.plates import link
from lineage_triplets.simulate.scenario import PlantedFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.simulate.scenario import Faults, SimulatedExperiment

_JITTER_PX = 0.4


@dataclass
class FovFaults:
    """What is planted in one FOV.

    Attributes
    ----------
    table : DataFrame
        The table that users get.
    planted : list of PlantedFault
    blank, repeated : set of int
        Frames whose pixels are all zero, or those of the frame before.
    """

    table: pd.DataFrame
    planted: list[PlantedFault] = field(default_factory=list)
    blank: set[int] = field(default_factory=set)
    repeated: set[int] = field(default_factory=set)


def plant(
    table: pd.DataFrame,
    faults: Faults,
    experiment: SimulatedExperiment,
    fov: str,
    rng: np.random.Generator,
) -> FovFaults:
    """Plant the faults of one FOV; no track has two of them.

    Parameters
    ----------
    table : DataFrame
        The true table, sorted by track and frame.
    faults : Faults
    experiment : SimulatedExperiment
    fov : str
    rng : numpy.random.Generator
    """
    planter = _Planter(table, experiment.name, fov, rng)
    divisions = planter.divisions()
    for count, plant_one in (
        (_count(faults.identity_swaps, len(planter.tracks())), planter.swap_identities),
        (_count(faults.wrong_daughters, len(divisions)), planter.link_wrong_daughter),
        (_count(faults.missed_divisions, len(divisions)), planter.miss_division),
        (_count(faults.duplicated_tracks, len(planter.tracks())), planter.duplicate_track),
    ):
        for _ in range(count):
            if not plant_one():
                break
    result = FovFaults(link(planter.table), planter.planted)
    frames = rng.permutation(np.arange(1, experiment.n_frames)).tolist()
    n_blank = _count(faults.blank_frames, experiment.n_frames)
    n_repeated = _count(faults.repeated_frames, experiment.n_frames)
    result.blank = set(frames[:n_blank])
    # A copy of a blank frame would be a second blank one.
    fit = [t for t in frames[n_blank:] if t - 1 not in result.blank]
    result.repeated = set(fit[:n_repeated])
    for kind, chosen, detail in (
        ("blank-frame", result.blank, "All pixels are zero."),
        ("repeated-frame", result.repeated, "The pixels are those of the frame before."),
    ):
        result.planted += [
            PlantedFault(kind, experiment.name, fov, frames=(t,), detail=detail)
            for t in sorted(chosen)
        ]
    return result


def _count(asked: float, available: int) -> int:
    """A number, or a share of what there is."""
    return asked if isinstance(asked, int) else round(asked * available)


class _Planter:
    """Spoils a table, one fault after the other, each on tracks that are sound yet."""

    def __init__(
        self, table: pd.DataFrame, experiment: str, fov: str, rng: np.random.Generator
    ) -> None:
        self.table = table.copy()
        self.planted: list[PlantedFault] = []
        self._spoilt: set[int] = set()
        self._experiment, self._fov, self._rng = experiment, fov, rng

    def tracks(self) -> list[int]:
        """Tracks without a fault, in random order."""
        sound = sorted(set(self.table["track_id"].tolist()) - self._spoilt)
        return [sound[place] for place in self._rng.permutation(len(sound))]

    def divisions(self) -> list[tuple[int, list[int]]]:
        """Mothers and their daughters, all of them sound, in random order."""
        first = self.table.drop_duplicates("track_id")
        linked = first[first["parent_track_id"] >= 0]
        daughters: dict[int, list[int]] = {}
        for mother, daughter in zip(
            linked["parent_track_id"].tolist(), linked["track_id"].tolist(), strict=True
        ):
            daughters.setdefault(mother, []).append(daughter)
        families = [
            (mother, listed)
            for mother, listed in daughters.items()
            if len(listed) > 1 and not {mother, *listed} & self._spoilt
        ]
        return [families[place] for place in self._rng.permutation(len(families))]

    def swap_identities(self) -> bool:
        """Two neighbours exchange their tracks from some frame on."""
        for track in self.tracks():
            frames = self._frames(track)
            inner = frames[2:-2]
            if len(inner) == 0:
                continue
            t = int(self._rng.choice(inner))
            other, distance = self._neighbour(track, t)
            if other is None:
                continue
            for name in ("track_id", "parent_track_id"):
                of_row = self.table[name].to_numpy()
                later = self.table["t"].to_numpy() >= t
                if name == "parent_track_id":
                    own = self.table["track_id"].isin([track, other]).to_numpy()
                    later = later & ~own
                exchanged = np.select([of_row == track, of_row == other], [other, track], of_row)
                self.table[name] = np.where(later, exchanged, of_row)
            # Each keeps the parent that it had in its own first frame.
            by_frame = self.table.sort_values("t", kind="stable")
            parents = by_frame.drop_duplicates("track_id").set_index("track_id")
            of_track = self.table["track_id"].isin([track, other])
            self.table.loc[of_track, "parent_track_id"] = self.table.loc[of_track, "track_id"].map(
                parents["parent_track_id"]
            )
            self._note(
                "identity-swap",
                (track, other),
                (t,),
                f"They exchange cells, {distance:.1f} px apart, from frame {t} on.",
            )
            return True
        return False

    def link_wrong_daughter(self) -> bool:
        """A mother gets a neighbour's later part as her daughter; the true one is a root."""
        for mother, daughters in self.divisions():
            lost = int(self._rng.choice(daughters))
            t = int(self._frames(lost)[0])
            neighbour, distance = self._neighbour(lost, t, others=(mother, *daughters))
            if neighbour is None:
                continue
            new = int(self.table["track_id"].max()) + 1
            track_id = self.table["track_id"]
            taken = (track_id == neighbour) & (self.table["t"] >= t)
            self.table.loc[self.table["parent_track_id"] == neighbour, "parent_track_id"] = new
            self.table.loc[taken, ["track_id", "parent_track_id"]] = [new, mother]
            self.table.loc[track_id == lost, "parent_track_id"] = -1
            self._spoilt.add(neighbour)
            self._note(
                "wrong-daughter",
                (mother, lost, new),
                (t,),
                f"The daughter {lost} is a root; track {neighbour}, {distance:.1f} px away, goes "
                f"on as {new}, a daughter.",
            )
            return True
        return False

    def miss_division(self) -> bool:
        """All daughters of a mother are roots."""
        for mother, daughters in self.divisions():
            t = min(int(self._frames(daughter)[0]) for daughter in daughters)
            self.table.loc[self.table["track_id"].isin(daughters), "parent_track_id"] = -1
            self._note("missed-division", (mother, *daughters), (t,), "The daughters are roots.")
            return True
        return False

    def duplicate_track(self) -> bool:
        """A track is there twice, a little beside itself."""
        for track in self.tracks():
            rows = self.table[self.table["track_id"] == track].copy()
            new = int(self.table["track_id"].max()) + 1
            rows["track_id"], rows["parent_track_id"] = new, -1
            for axis in ("y", "x"):
                moved = rows[axis] + self._rng.normal(0, _JITTER_PX, len(rows))
                rows[axis] = moved.clip(rows[axis].min(), rows[axis].max())
            rows["id"] = int(self.table["id"].max()) + 1 + np.arange(len(rows))
            self.table = pd.concat([self.table, rows], ignore_index=True)
            frames = rows["t"].tolist()
            self._note(
                "duplicated-track", (track, new), (frames[0], frames[-1]), "Two tracks on one cell."
            )
            return True
        return False

    def _frames(self, track: int) -> list[int]:
        return self.table.loc[self.table["track_id"] == track, "t"].tolist()

    def _neighbour(
        self, track: int, t: int, others: Sequence[int] = ()
    ) -> tuple[int | None, float]:
        """The nearest sound track that has frames before and from `t` on, and its distance."""
        now = self.table[self.table["t"] == t].set_index("track_id")[["y", "x"]]
        before = set(self.table.loc[self.table["t"] == t - 1, "track_id"].tolist())
        near = now.drop(index=track)
        near = near[[track in before - self._spoilt - set(others) for track in near.index]]
        if near.empty:
            return None, 0.0
        gap = np.hypot(*(near.to_numpy() - now.loc[track].to_numpy()).T)
        return int(near.index[int(gap.argmin())]), float(gap.min())

    def _note(
        self, kind: str, tracks: tuple[int, ...], frames: tuple[int, ...], detail: str
    ) -> None:
        self._spoilt.update(tracks)
        self.planted.append(PlantedFault(kind, self._experiment, self._fov, tracks, frames, detail))
