"""Mended tracks into a new folder, one file a FOV: all of them, or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from lineage_triplets.engine.errors import ConfigError, Problem, choices
from lineage_triplets.engine.files import refuse_folder, whole_folder
from lineage_triplets.qc.export.tracks import csv_table, ctc, geff, trackmate
from lineage_triplets.qc.export.tracks.mended import FovTracks, mended_tracks
from lineage_triplets.qc.find.against.other import ORIGIN_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.qc.decide.review import Review

TracksFormat = Literal["csv", "geff", "ctc", "trackmate"]

TRACKS_FORMATS: tuple[TracksFormat, ...] = get_args(TracksFormat)


class _Format(NamedTuple):
    name: str
    write: Callable[[FovTracks, Path], None]
    notes: Callable[[tuple[FovTracks, ...]], list[str]]
    require: Callable[[tuple[FovTracks, ...]], None] | None = None


_WRITERS: dict[TracksFormat, _Format] = {
    "csv": _Format(csv_table.NAME, csv_table.write, csv_table.notes),
    "geff": _Format(geff.NAME, geff.write, geff.notes),
    "ctc": _Format(ctc.NAME, ctc.write, ctc.notes, ctc.require),
    "trackmate": _Format(trackmate.NAME, trackmate.write, trackmate.notes),
}


@dataclass(frozen=True)
class WrittenTracks:
    """What was written.

    Attributes
    ----------
    files : tuple of Path
        One a FOV: a file, or a folder for GEFF; of the Cell Tracking Challenge the text.
    origin : Path
        Which track of the tables is now which, as CSV.
    n_cells, n_tracks : int
        In all files together.
    n_new_ids : int
        Tracks that have another id than in their table.
    notes : tuple of str
        What is left out or cannot be said, with counts.
    """

    files: tuple[Path, ...]
    origin: Path
    n_cells: int
    n_tracks: int
    n_new_ids: int
    notes: tuple[str, ...]


def write_tracks(
    review: Review, folder: str | Path, format_: TracksFormat, *, keep_rejected: bool = False
) -> WrittenTracks:
    """Write the tracks as decisions leave them, links cut and joined: all files or none.

    Tables are ``FOLDER/{experiment}/{row}/{column}/{fov}/tracks.*``, so that a folder of an
    experiment can be its ``tracks_path``; beside them is ``track_ids.csv``. Frames and positions
    are those of the image, also where the experiment has a `track_transform`.

    Parameters
    ----------
    review : Review
    folder : str or Path
        Must not be there; the folder that it is in must.
    format_ : {"csv", "geff", "ctc", "trackmate"}
        With the columns of ultrack's export; as graph of cells and links; as text and masks of the
        Cell Tracking Challenge, where there are masks; as TrackMate's XML.
    keep_rejected : bool
        Write rejected cells, tracks and FOVs too; by default they are left out.

    Raises
    ------
    ConfigError
        There is no such format, or a FOV lacks what it needs; no experiment could be opened.
    TableChangedError
        A table changed since the review read it.
    OutputExistsError, OutputError
        Nothing is left half written.
    """
    target = Path(folder).absolute()
    if format_ not in _WRITERS:
        raise ConfigError(
            Problem(
                "unknown-format",
                f"there is no format {format_!r} of tracks.",
                f"Of: {choices(TRACKS_FORMATS)}.",
            )
        )
    refuse_folder(target)
    data = review.data
    data.tables.require_unchanged([source.table_as for source in data.raw.fovs])
    mended = mended_tracks(data, keep_rejected=keep_rejected)
    writer = _WRITERS[format_]
    if writer.require is not None:
        writer.require(mended.fovs)
    files = []
    with whole_folder(target) as staging:
        for tracks in mended.fovs:
            inside = Path(tracks.source.experiment) / tracks.source.fov.name / writer.name
            (staging / inside).parent.mkdir(parents=True)
            writer.write(tracks, staging / inside)
            files.append(target / inside)
        mended.origin.to_csv(staging / ORIGIN_NAME, index=False, lineterminator="\n")
    written = mended.origin[mended.origin["cells_written"] > 0]
    of_track = written.drop_duplicates(["experiment", "fov_name", "new_track_id"])
    return WrittenTracks(
        files=tuple(files),
        origin=target / ORIGIN_NAME,
        n_cells=int(written["cells_written"].sum()),
        n_tracks=len(of_track),
        n_new_ids=int((of_track["track_id"] != of_track["new_track_id"]).sum()),
        notes=(*mended.notes, *writer.notes(mended.fovs)),
    )
