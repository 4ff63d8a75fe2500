"""Track tables that go with an import: which FOV each is of, and what a config says of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import ConfigError, Problem, TrackTableError, choices, counted
from lineage_triplets.engine.settings.track_transform import TrackTransform
from lineage_triplets.engine.tracks.formats.base import Lengths
from lineage_triplets.engine.tracks.read import (
    find_track_table,
    is_track_table,
    read_track_table,
    table_files,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.imports.plan import ImportPlan


def plate_stem(plate: str | Path) -> str:
    """Return a plate's name without its ending."""
    return Path(plate).name.removesuffix(".zarr").removesuffix(".ome")


def refuse_tables(
    tables: Sequence[Path], plan: ImportPlan, out: Path, reading: TrackReading | None = None
) -> None:
    """Refuse tables that are not there, or of no FOV of a plan, before anything is written.

    Parameters
    ----------
    tables : sequence of Path
        One a FOV, or one table or folder of all.
    plan : ImportPlan
    out : Path
        The plate to be: a folder of all may have them in ``{plate}`` or ``{plate}_tracks``.
    reading : TrackReading, optional
        What the config will say of them.

    Raises
    ------
    ConfigError
        What they are instead.
    TrackTableError
        There are two for one FOV.
    """
    for table in tables:
        if not table.exists():
            raise _refused(
                "missing-path", "there is no such table or folder.", "Check the path.", table
            )
    names = [fov.name for fov in plan.fovs]
    if len(tables) != 1:
        return
    root, name = tables[0], plate_stem(out)
    if not is_track_table(root):
        folders = [root / f"{name}_tracks", root / name, root]
        places = [folder / fov for folder in folders for fov in names]
        places += folders if len(names) == 1 else []
        if all(find_track_table(place, reading) is None for place in places):
            raise _refused(
                "no-table",
                f"there is no track table for {choices(names)} in this folder.",
                "Tables are expected at {tracks}/{row}/{column}/{fov}/.",
                root,
            )
    elif len(names) > 1:
        raise _refused(
            "one-table-for-all",
            f"this is one table, and there are {counted(len(names), 'FOV')}: {choices(names)}.",
            "Give a folder that has the table of each FOV in {row}/{column}/{fov}/, or one table "
            "a FOV.",
            tables[0],
        )


def first_table(tables: Sequence[Path], plan: ImportPlan, reading: TrackReading | None) -> Path:
    """Return the first of some tables, in a folder of all perhaps."""
    places = [tables[0], *(tables[0] / fov.name for fov in plan.fovs)]
    found = (find_track_table(place, reading) for place in places)
    return next((table for table in found if table is not None), tables[0])


def lengths_of_tables(
    tables: Sequence[Path], reading: TrackReading | None = None
) -> tuple[Path, Lengths] | None:
    """Find the first of some tables that says a unit of its positions; None if none does."""
    for given in tables:
        try:
            table = find_track_table(given, reading)
            lengths = None if table is None else read_track_table(table, reading=reading).lengths
        except TrackTableError:
            # Left to validate, which lists all that is wrong with it.
            continue
        if lengths is not None:
            return given, lengths
    return None


def refuse_unknown_size(
    tables: Sequence[Path],
    plan: ImportPlan,
    reading: TrackReading | None = None,
    transform: TrackTransform | None = None,
) -> None:
    """Refuse tables in micrometres for images without a pixel size, before anything is written.

    Parameters
    ----------
    tables : sequence of Path
    plan : ImportPlan
    reading, transform : TrackReading, TrackTransform, optional
        What the config will say of them.

    Raises
    ------
    ConfigError
        With the pixel size that the table was made on, if it says one.
    """
    unit = None if transform is None else transform.unit
    if None not in plan.pixel_size_um[1:] or unit == "pixel":
        return
    found = lengths_of_tables(tables, reading)
    if found is None and unit == "um":
        found = tables[0], Lengths((1.0, 1.0, 1.0), "um")
    if found is None:
        return
    table, lengths = found
    made_on = size_words(lengths, plan)
    made_on = f"; the table was made on images of {made_on}" if made_on else ""
    problem = Problem(
        "unknown-pixel-size",
        f"its positions are in {lengths.unit}, and the images say no pixel size.",
        f"Give the pixel size (--pixel-size-um){made_on}.",
        file=str(table),
        field="pixel_size_um",
    )
    raise ConfigError(problem)


def size_words(lengths: Lengths, plan: ImportPlan) -> str:
    """Return the pixel size that a table was made on, as it is typed; empty where it says none."""
    if lengths.pixel_um is None:
        return ""
    numbers = lengths.pixel_um if plan.fovs[0].shape[2] > 1 else lengths.pixel_um[1:]
    return ",".join(f"{number:.6g}" for number in numbers)


def place_tables(
    out: Path, plan: ImportPlan, tables: Sequence[Path], reading: TrackReading | None = None
) -> Path:
    """Give the one table or folder for a config, several tables copied to where it looks for them.

    Parameters
    ----------
    out : Path
        The plate; tables are copied to ``{plate}_tracks/{row}/{column}/{fov}/`` beside it.
    plan : ImportPlan
    tables : sequence of Path
        One, or one a FOV.
    reading : TrackReading, optional
        What the config will say of how they are read.
    """
    if len(tables) == 1:
        return tables[0]
    root = out.with_name(f"{plate_stem(out)}_tracks")
    for fov, given in zip(plan.fovs, tables, strict=True):
        table = find_track_table(given, reading) or given
        target = root / fov.name
        if table.is_dir():
            shutil.copytree(table, target / table.name)
            continue
        target.mkdir(parents=True)
        for file in table_files(table, reading):
            shutil.copy2(file, target / file.name)
    return root


def transform_of_own(plan: ImportPlan) -> TrackTransform | None:
    """Return where tables that lie beside the images count frames from; None for 0."""
    firsts = {fov.image.t_numbers[0] for fov in plan.fovs if fov.image.t_numbers}
    first = firsts.pop() if len(firsts) == 1 else 0
    return TrackTransform(first_frame=first) if first else None


def _refused(kind: str, message: str, remedy: str, table: Path) -> ConfigError:
    return ConfigError(Problem(kind, message, remedy, file=str(table), field="tracks_path"))
