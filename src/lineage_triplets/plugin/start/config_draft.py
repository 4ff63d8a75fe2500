"""A config in the making: plates, where their tables are, and what only a person knows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.engine.first_config import (
    FoundPlate,
    find_tracks,
    inspect_plate,
    save_draft,
    shared_channels,
)
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class DraftPlate:
    """One plate of the draft.

    Attributes
    ----------
    found : FoundPlate
        Its name is the experiment's.
    tracks : Path or None
        Folder of its tables; None while nobody named one.
    interval : str
        Minutes between frames, as typed.
    conditions : dict of str to str
        Well to what it was treated with; empty where nobody said.
    """

    found: FoundPlate
    tracks: Path | None = None
    interval: str = ""
    conditions: dict[str, str] = field(default_factory=dict)

    @property
    def minutes(self) -> float | None:
        """Interval as a number; None where it is none."""
        try:
            minutes = float(self.interval.replace(",", "."))
        except ValueError:
            return None
        return minutes if 0 < minutes < float("inf") else None

    @property
    def suggestion(self) -> str:
        """The store's own interval in words, often wrong; empty where it has none."""
        minutes = self.found.first_fov.interval_minutes
        if minutes is None:
            return ""
        return f"{minutes:g} min" if minutes >= 1 else f"{minutes * 60:g} s"

    def by_condition(self) -> dict[str, list[str]]:
        """Wells of each condition, in the plate's order."""
        wells: dict[str, list[str]] = {}
        for well in self.found.plate.wells:
            condition = self.conditions.get(well, "").strip()
            if condition:
                wells.setdefault(condition, []).append(well)
        return wells


def folder_of(path: str | Path) -> Path | None:
    """Folder that a plate lies in; None of a plate behind a URL."""
    return None if is_url(str(path)) else Path(path).expanduser().absolute().parent


def read_plate(path: str | Path) -> DraftPlate:
    """Read what a plate says about itself, and look for its tables beside it.

    Raises
    ------
    StoreError
        It is no plate and no image, or has no FOV.
    """
    found = inspect_plate(path)
    beside = folder_of(path)
    try:
        return DraftPlate(found, None if beside is None else find_tracks(found, beside))
    except ConfigError:
        return DraftPlate(found)


class ConfigDraft:
    """What a person put together so far.

    Attributes
    ----------
    plates : list of DraftPlate
    """

    def __init__(self) -> None:
        self.plates: list[DraftPlate] = []

    def add(self, plate: DraftPlate) -> bool:
        """Add a plate; False if it is there already."""
        if any(other.found.plate.path == plate.found.plate.path for other in self.plates):
            return False
        self.plates.append(plate)
        return True

    def rename(self, number: int, name: str) -> None:
        """Name the experiment of a plate; an empty name changes nothing."""
        if name.strip():
            plate = self.plates[number]
            plate.found = replace(plate.found, name=name.strip())

    def set_tracks(self, number: int, folder: Path) -> None:
        """Name the folder of a plate's tables, or one that holds it.

        Raises
        ------
        ConfigError
            There is no table for any FOV of the plate.
        """
        plate = self.plates[number]
        plate.tracks = find_tracks(plate.found, folder)

    def channels(self) -> list[str]:
        """Channels that all plates have; none if there is none."""
        try:
            return shared_channels([plate.found for plate in self.plates]) if self.plates else []
        except ConfigError:
            return []

    def missing(self, slots: Sequence[str]) -> list[str]:
        """Say what is missing before the config can be saved; nothing if it can."""
        if not self.plates:
            return ["Add a plate."]
        names = [plate.found.name for plate in self.plates]
        said = [
            f"Two plates are called {name}: name one of them otherwise."
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        for plate in self.plates:
            if plate.tracks is None:
                said.append(f"{plate.found.name}: choose the folder of its tables.")
            if not plate.interval.strip():
                said.append(f"{plate.found.name}: type the minutes between frames.")
            elif plate.minutes is None:
                said.append(f"{plate.found.name}: {plate.interval!r} is no number of minutes.")
            if not plate.by_condition():
                said.append(f"{plate.found.name}: type the condition of at least one well.")
        if not self.channels():
            said.append(
                "No channel name is in all plates: make one config a plate and put them together."
            )
        elif not slots:
            said.append("Tick a channel.")
        return said

    def save(self, path: Path, slots: Sequence[str], *, overwrite: bool = False) -> None:
        """Write the config; nothing may be missing.

        Raises
        ------
        ConfigError
            Something is missing, or the plates do not have it.
        OutputExistsError, OutputError
            Nothing is left half written.
        """
        missing = self.missing(slots)
        if missing:
            raise ConfigError(*missing)
        save_draft(
            path,
            [plate.found for plate in self.plates],
            [plate.tracks for plate in self.plates if plate.tracks is not None],
            source_channel=slots,
            interval_minutes={plate.found.name: plate.minutes or 0.0 for plate in self.plates},
            conditions={plate.found.name: plate.by_condition() for plate in self.plates},
            overwrite=overwrite,
        )
