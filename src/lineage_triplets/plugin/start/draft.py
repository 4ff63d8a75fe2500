"""A config in the making: plates and images, their tables, and what only a person knows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import ConfigError, choices, counted, listed_lines
from lineage_triplets.engine.first_config import (
    FoundPlate,
    find_tracks,
    save_draft,
    shared_channels,
)
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.imports.tables import plate_stem, size_words
from lineage_triplets.plugin.start.images import Images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.engine.settings.track_transform import TrackTransform
    from lineage_triplets.engine.tracks.formats.base import Lengths
    from lineage_triplets.plugin.start.images import Imported


@dataclass(frozen=True)
class FoundTable:
    """A track table, or a folder of them, as it was recognised.

    Attributes
    ----------
    path : Path
    words : str
        "TrackMate's XML of 7.14: 810 cells in 12 lineages".
    lengths : Lengths or None
        The unit of its positions, where it says one.
    reading, transform : TrackReading, TrackTransform, optional
        What a person said of its columns, and where it is in the images.
    """

    path: Path
    words: str
    lengths: Lengths | None = None
    reading: TrackReading | None = None
    transform: TrackTransform | None = None

    @property
    def in_um(self) -> bool:
        """Whether its positions are in micrometres, or another unit of length."""
        unit = None if self.transform is None else self.transform.unit
        return unit == "um" or (unit is None and self.lengths is not None)


@dataclass
class DraftPlate:
    """One experiment of the draft: a plate, or images that become one.

    Attributes
    ----------
    source : FoundPlate or Images
    tracks : tuple of Path
        A table, a folder of tables, or one table a FOV; empty while nobody named one.
    table : FoundTable or None
        What they are, where it is one.
    refused : str
        Why a table that lies beside it was not taken.
    name : str
        Of the experiment.
    interval : str
        Minutes between frames, as typed.
    conditions : dict of str to str
        Well to what it was treated with; empty where nobody said.
    own_transform : TrackTransform or None
        Where the tables that imported images brought along are in them.
    """

    source: FoundPlate | Images
    tracks: tuple[Path, ...] = ()
    table: FoundTable | None = None
    refused: str = ""
    name: str = ""
    interval: str = ""
    conditions: dict[str, str] = field(default_factory=dict)
    own_transform: TrackTransform | None = None

    def __post_init__(self) -> None:
        self.name = self.name or self.source.name
        # Of a microscope's file it is what was set; what stores say is often wrong.
        if isinstance(self.source, Images) and self.source.interval_minutes and not self.interval:
            self.interval = f"{self.source.interval_minutes:.6g}"

    @property
    def channel_names(self) -> list[str]:
        """A name for each channel."""
        return self.source.channel_names

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
        minutes = self.source.interval_minutes
        if minutes is None:
            return ""
        return f"{minutes:g} min" if minutes >= 1 else f"{minutes * 60:g} s"

    def words(self) -> str:
        """One line on what it is."""
        if isinstance(self.source, Images):
            return self.source.words()
        wells, fovs = len(self.source.wells), len(self.source.fov_names)
        frames = self.source.n_frames
        return ", ".join((counted(wells, "well"), counted(fovs, "FOV"), counted(frames, "frame")))

    def details(self) -> str:
        """Lines on its images and its tables."""
        said = [f"{self.name}: {self.source.description()}."]
        if isinstance(self.source, FoundPlate):
            said[0] += f" Channels: {choices(self.channel_names)}."
        else:
            met = [problem.message for problem in self.source.plan.warnings]
            said += listed_lines(met, "`lineage-triplets --full import FILES --dry-run` prints all")
        if self.table is not None:
            said.append(f"Tracks: {self.table.words}.")
        elif self.refused:
            said.append(self.refused)
        return "\n".join(said)

    def by_condition(self) -> dict[str, list[str]]:
        """Wells of each condition, in the plate's order."""
        wells: dict[str, list[str]] = {}
        for well in self.source.wells:
            condition = self.conditions.get(well, "").strip()
            if condition:
                wells.setdefault(condition, []).append(well)
        return wells

    def take_table(self, table: FoundTable) -> None:
        """Take its table, or the folder of its tables."""
        self.tracks = (table.path,)
        self.table, self.refused = table, ""

    def take_import(self, imported: Imported) -> None:
        """Be the plate that the images have become."""
        self.source, self.own_transform = imported.found, imported.transform
        self.tracks = (imported.tracks,)

    @property
    def reading(self) -> TrackReading | None:
        """What a person said of the columns of its tables."""
        return None if self.table is None else self.table.reading

    @property
    def transform(self) -> TrackTransform | None:
        """Where its tables are in the images."""
        said = None if self.table is None else self.table.transform
        return self.own_transform or said

    @property
    def size_to_type(self) -> str:
        """The pixel size that its table was made on, where the images say none; may be empty."""
        if self.table is None or self.table.lengths is None or isinstance(self.source, FoundPlate):
            return ""
        return size_words(self.table.lengths, self.source.plan)

    def missing(self) -> list[str]:
        """Say what is missing before it can be saved."""
        said = []
        if isinstance(self.source, Images):
            said += self.source.missing()
            in_um = self.table is not None and self.table.in_um
            if in_um and None in self.source.plan.pixel_size_um[1:]:
                by = f" ({self.size_to_type} by its table)" if self.size_to_type else ""
                said.append(f"its table is in micrometres: type the pixel size{by}.")
        if not self.tracks:
            is_one = len(self.source.fov_names) == 1
            said.append(f"choose {'its track table' if is_one else 'the folder of its tables'}.")
        if not self.interval.strip():
            said.append("type the minutes between frames.")
        elif self.minutes is None:
            said.append(f"{self.interval!r} is no number of minutes.")
        if not self.by_condition():
            said.append("type the condition of at least one well.")
        return [f"{self.name}: {text}" for text in said]


def together_of(plates: Sequence[DraftPlate], images: Images) -> DraftPlate:
    """Make one plate of several rows' images, with their tables where each FOV has one.

    Parameters
    ----------
    plates : sequence of DraftPlate
    images : Images
        Theirs, as `put_together` plans them.
    """
    one = DraftPlate(images)
    one.interval = next((plate.interval for plate in plates if plate.interval), "")
    if len(images.wells) == len(plates):
        said = (next(iter(plate.conditions.values()), "") for plate in plates)
        one.conditions = dict(zip(images.wells, said, strict=True))
    tables = tuple(table for plate in plates for table in plate.tracks)
    first = plates[0]
    alike = all(
        (plate.reading, plate.transform) == (first.reading, first.transform) for plate in plates
    )
    if len(tables) == len(images.fov_names) and alike:
        one.tracks = tables
        one.table = first.table and replace(first.table, words=counted(len(tables), "table"))
    elif tables:
        one.refused = "Choose the folder of its tables: not each FOV has one of the same columns."
    return one


def place_of_tables(
    source: FoundPlate | Images, path: Path, reading: TrackReading | None = None
) -> Path:
    """Find the tables of a plate, or of images: what is named, or a folder of their name in it.

    Raises
    ------
    LineageTripletsError
        There is no table for any FOV; or one for all of several.
    """
    if isinstance(source, Images):
        return source.find_tables(path, reading)
    return find_tracks(source, path, reading)


def folder_of(path: str | Path) -> Path | None:
    """Folder that a plate lies in; None of a plate behind a URL."""
    return None if is_url(str(path)) else Path(path).expanduser().absolute().parent


class ConfigDraft:
    """What a person put together so far.

    Attributes
    ----------
    plates : list of DraftPlate
    tables : list of FoundTable
        Tables of which nobody knows yet whose they are.
    """

    def __init__(self) -> None:
        self.plates: list[DraftPlate] = []
        self.tables: list[FoundTable] = []

    def add(self, plate: DraftPlate) -> bool:
        """Add a plate or images; False if they are there already."""
        if any(other.source.path == plate.source.path for other in self.plates):
            return False
        self.plates.append(plate)
        self._pair()
        return True

    def add_table(self, table: FoundTable) -> None:
        """Take a table in; it goes to the plate that it can only be of."""
        self.tables = [other for other in self.tables if other.path != table.path] + [table]
        self._pair()

    def replace_plates(self, old: Sequence[DraftPlate], new: DraftPlate) -> int:
        """Put one plate in the place of several; gives its row."""
        row = self.plates.index(old[0])
        self.plates[row] = new
        self.plates[:] = [plate for plate in self.plates if plate not in old]
        return row

    def rename(self, number: int, name: str) -> None:
        """Name the experiment of a plate; an empty name changes nothing."""
        if name.strip():
            self.plates[number].name = name.strip()

    def give_table(self, number: int, table: FoundTable) -> None:
        """Give a plate its table.

        Raises
        ------
        LineageTripletsError
            It has none for any FOV of the plate.
        """
        plate = self.plates[number]
        place = place_of_tables(plate.source, table.path, table.reading)
        plate.take_table(replace(table, path=place))
        self.forget_table(table)

    def forget_table(self, table: FoundTable) -> None:
        """Forget a table: it is somebody's."""
        self.tables = [other for other in self.tables if other.path != table.path]

    def _pair(self) -> None:
        """Give tables to plates: by name, and the only one to the only one."""
        for table in list(self.tables):
            lacking = [n for n, plate in enumerate(self.plates) if not plate.tracks]
            stem = plate_stem(table.path)
            named = [n for n in lacking if stem.startswith(self.plates[n].source.name)]
            fitting = named if len(named) == 1 else lacking
            if len(self.plates) == 1:
                fitting = [0]
            only = len(self.tables) == 1 or len(named) == 1
            if len(fitting) == 1 and only:
                self.give_table(fitting[0], table)

    def channels(self) -> list[str]:
        """Channels that all plates have; none if there is none."""
        try:
            return shared_channels(self.plates) if self.plates else []
        except ConfigError:
            return []

    def to_import(self) -> DraftPlate | None:
        """Return the first images that are no plate yet."""
        return next((plate for plate in self.plates if isinstance(plate.source, Images)), None)

    def missing(self, slots: Sequence[str]) -> list[str]:
        """Say what is missing before the config can be saved; nothing if it can."""
        said = []
        if not self.plates or not all(plate.tracks for plate in self.plates):
            said = [
                f"{table.path.name} is {table.words}. Add its images, or drop it onto their row."
                for table in self.tables
            ]
        if not self.plates:
            return said or ["Add a plate, or images, and their track tables."]
        names = [plate.name for plate in self.plates]
        said += [
            f"Two plates are called {name}: name one of them otherwise."
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        for plate in self.plates:
            said += plate.missing()
        if not self.channels():
            said.append(
                "No channel name is in all plates: make one config a plate and put them together."
            )
        elif not slots:
            said.append("Tick a channel.")
        return said

    def save(self, path: Path, slots: Sequence[str], *, overwrite: bool = False) -> None:
        """Write the config; nothing may be missing, and all images be imported.

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
        found = [
            replace(plate.source, name=plate.name)
            for plate in self.plates
            if isinstance(plate.source, FoundPlate)
        ]
        save_draft(
            path,
            found,
            [plate.tracks[0] for plate in self.plates],
            source_channel=slots,
            interval_minutes={plate.name: plate.minutes or 0.0 for plate in self.plates},
            conditions={plate.name: plate.by_condition() for plate in self.plates},
            track_transforms={
                plate.name: plate.transform for plate in self.plates if plate.transform
            },
            readings={plate.name: plate.reading for plate in self.plates},
            overwrite=overwrite,
        )
