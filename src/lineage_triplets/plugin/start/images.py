"""Images that are no plate yet: what is known and asked of them, and the job that imports them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import (
    ConfigError,
    LineageTripletsError,
    Problem,
    counted,
)
from lineage_triplets.engine.first_config import FoundPlate, find_tracks, inspect_plate
from lineage_triplets.engine.plates.channels import placeholder_names
from lineage_triplets.engine.tracks.read import find_track_table
from lineage_triplets.imports import ImportPlan, Question, import_steps, plan_import
from lineage_triplets.imports.tables import (
    place_tables,
    plate_stem,
    refuse_tables,
    refuse_unknown_size,
    transform_of_own,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.engine.settings.track_transform import TrackTransform
    from lineage_triplets.plugin.common.work import Job

# Typed where plates have it too.
_ASKED_ELSEWHERE = "interval_minutes"
_TO_CHOOSE = {
    "axes": "choose what the axes are",
    "gaps": "choose what becomes of planes that are not there",
    "channel_names": "name the channels",
}


@dataclass(frozen=True)
class Images:
    """Images that have to be imported, as far as they are understood.

    Attributes
    ----------
    source : Path
        File or folder.
    plan : ImportPlan
        With the answers that were given.
    out : Path
        The plate to be.
    answers : dict
        Arguments of `plan_import`.
    asked : dict of str to Question
        All that was ever asked, answered or not.
    resume : bool
        Whether to keep what is written where the import stops, and go on from there.
    together : tuple of str
        All sources where several become one plate, as `plan_import` takes them; empty for one.
    """

    source: Path
    plan: ImportPlan
    out: Path
    answers: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Question] = field(default_factory=dict)
    resume: bool = False
    together: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the plate to be, without its ending."""
        return plate_stem(self.out)

    @property
    def path(self) -> str:
        """The source, as plates have a path."""
        return str(self.source)

    @property
    def fov_names(self) -> list[str]:
        """FOVs of the plate to be."""
        return [fov.name for fov in self.plan.fovs]

    @property
    def wells(self) -> tuple[str, ...]:
        """Wells of the plate to be."""
        return tuple(dict.fromkeys(name.rpartition("/")[0] for name in self.fov_names))

    @property
    def n_frames(self) -> int:
        """Frames of the first FOV."""
        return self.plan.fovs[0].shape[0]

    @property
    def interval_minutes(self) -> float | None:
        """The files' own interval."""
        return self.plan.interval_minutes

    @property
    def channel_names(self) -> list[str]:
        """``channel 0``, … where nobody has named one."""
        return list(placeholder_names(self.plan.channel_names, self.plan.fovs[0].shape[1]))

    @property
    def staging_is_there(self) -> bool:
        """Whether an import of this plate stopped half-way."""
        return self.out.with_name(f".{self.out.name}.importing").is_dir()

    def words(self) -> str:
        """One line: kind, frames, channels."""
        first = self.plan.fovs[0]
        parts = [counted(first.shape[0], "frame"), counted(first.shape[1], "channel")]
        n_fovs = len(self.plan.fovs)
        parts = [counted(n_fovs, "FOV"), *parts] if n_fovs > 1 else parts
        return f"{first.image.kind}: {', '.join(parts)}; has to be imported"

    def description(self) -> str:
        """What the plan is: axes, sizes, scale, and what is worth knowing."""
        plan = self.plan
        said = []
        for fov in plan.fovs[:3]:
            t, c, z, y, x = fov.shape
            unsure = "?" if self.open_question("axes") and fov.image.doubt else ""
            said.append(
                f"{fov.name} is {fov.image.name}, {fov.letters}YX{unsure}: "
                f"{counted(t, 'frame')}, {counted(c, 'channel')}, {counted(z, 'slice')} of "
                f"{y} x {x}, {fov.image.dtype.name}"
            )
        if len(plan.fovs) > 3:
            said.append(f"and {counted(len(plan.fovs) - 3, 'FOV')} more")
        _, size_y, size_x = plan.pixel_size_um
        pixel = f"{size_y:g} x {size_x:g} um pixels" if size_y and size_x else "pixel size unknown"
        return f"{'; '.join(said)}; {pixel}; {_bytes(plan.n_bytes)} of pixels"

    def open_question(self, name: str) -> Question | None:
        """Return a question that is not answered."""
        return next((asked for asked in self.plan.questions if asked.field == name), None)

    def missing(self) -> list[str]:
        """Say what has to be answered before the images can be imported."""
        first = self.plan.fovs[0].image.name
        said = [
            f"{_TO_CHOOSE[question.field]}: {question.text.removeprefix(first + ': ')}"
            for question in self.plan.questions
            if question.field != _ASKED_ELSEWHERE
        ]
        if self.out.exists():
            said.append(f"{self.out} is there already: name another plate, or add that one.")
        elif self.staging_is_there and not self.resume:
            said.append(
                f"an import of {self.out.name} stopped before, or is under way: tick “Go on”, or "
                "name another plate."
            )
        return said

    def find_tables(self, folder: Path, reading: TrackReading | None = None) -> Path:
        """Check that a table, or a folder of them, goes with these images.

        Raises
        ------
        LineageTripletsError
            It does not.
        """
        refuse_tables((folder,), self.plan, self.out, reading)
        return folder


def read_images(source: Path) -> Images:
    """Recognise images, and the plate beside them that they would become.

    Raises
    ------
    LineageTripletsError
        They are nothing that is known, or cannot be read.
    """
    plan = plan_import([source])
    stem = source.name if source.is_dir() else source.name.split(".")[0]
    out = source.absolute().with_name(f"{stem}.zarr")
    return Images(source, plan, out, asked=_asked({}, plan))


def tables_beside(images: Images) -> tuple[Path, ...]:
    """Find the track tables of images: the tracker's own, or the one in or beside their folder."""
    if images.plan.tables:
        return images.plan.tables
    if len(images.plan.fovs) > 1:
        return ()
    for folder in (images.source, images.source.absolute().parent):
        try:
            table = find_track_table(folder) if folder.is_dir() else None
        except LineageTripletsError:
            continue
        if table is not None:
            return (table,)
    return ()


def with_answer(images: Images, name: str, answer: Any) -> Images:
    """Plan anew with an answer; an empty one is taken back.

    Raises
    ------
    LineageTripletsError
        It cannot be.
    """
    answers = {key: value for key, value in images.answers.items() if key != name}
    if answer:
        answers[name] = answer
    plan = plan_import(images.together or [images.source], **answers)
    return replace(images, plan=plan, answers=answers, asked=_asked(images.asked, plan))


def planned(plan: Callable[[], Images]) -> Callable[[Job], Images | LineageTripletsError]:
    """Give the job that plans images; what cannot be is its result too."""

    def run(_: Job) -> Images | LineageTripletsError:
        try:
            return plan()
        except LineageTripletsError as error:
            return error

    return run


def put_together(listed: Sequence[Images]) -> Images:
    """Plan one plate of several sources: a well each, where each is one FOV.

    Raises
    ------
    LineageTripletsError
        They do not go together: other channels, or another pixel type.
    """
    sources = tuple(
        str(images.source)
        if len(images.plan.fovs) > 1 or images.plan.fovs[0].image.place
        else f"A/{number}/0={images.source}"
        for number, images in enumerate(listed, start=1)
    )
    answers = {key: value for images in reversed(listed) for key, value in images.answers.items()}
    plan = plan_import(sources, **answers)
    first = listed[0]
    out = first.out.with_name(f"{first.out.parent.name or first.name}.zarr")
    return Images(first.source, plan, out, answers, _asked({}, plan), together=sources)


def _bytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:,.3g} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.3g} MB"


def _asked(before: dict[str, Question], plan: ImportPlan) -> dict[str, Question]:
    return {**before, **{question.field: question for question in plan.questions}}


@dataclass(frozen=True)
class Imported:
    """A plate that was imported, and where its tables are.

    Attributes
    ----------
    found : FoundPlate
    tracks : Path
    transform : TrackTransform or None
    """

    found: FoundPlate
    tracks: Path
    transform: TrackTransform | None


def import_job(
    images: Images,
    minutes: float,
    tables: Sequence[Path],
    stop: threading.Event,
    *,
    reading: TrackReading | None = None,
    transform: TrackTransform | None = None,
) -> Callable[[Job], Imported | LineageTripletsError | None]:
    """Give the job that imports images; it gives None once it is stopped, and all is tidied up."""

    def run(job: Job) -> Imported | LineageTripletsError | None:
        try:
            plan = with_answer(images, _ASKED_ELSEWHERE, minutes).plan
            refuse_tables(tables, plan, images.out, reading)
            refuse_unknown_size(tables, plan, reading, transform)
            with closing(import_steps(plan, images.out, resume=images.resume)) as steps:
                for step in steps:
                    job.progress(step.done, step.total)
                    if job.stopped() or stop.is_set():
                        return None
            found = inspect_plate(images.out)
            place = place_tables(images.out, plan, tables, reading)
            tracks = find_tracks(found, place, reading)
        except LineageTripletsError as error:
            return error
        own = transform_of_own(plan) if tuple(tables) == plan.tables else None
        return Imported(found, tracks, own)

    return run


def parsed(name: str, text: str) -> Any:
    """Return an answer as `plan_import` takes it; None for one that is empty.

    Raises
    ------
    ConfigError
        It is no number where one is expected.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if name == "channel_names":
        return parts
    if name != "pixel_size_um":
        return text or None
    try:
        return [float(part) for part in parts]
    except ValueError:
        raise ConfigError(
            Problem("bad-import", f"{text!r} is no size of a pixel, as in 0.5 or 0.5, 0.5.")
        ) from None
