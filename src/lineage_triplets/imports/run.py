"""An import from the first plane to a whole plate, or to nothing; and on from where one stopped."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import (
    ConfigError,
    OutputError,
    OutputExistsError,
    Problem,
    StoreError,
    counted,
)
from lineage_triplets.engine.files import read_whole
from lineage_triplets.imports.ahead import read_ahead
from lineage_triplets.imports.layout import write_groups
from lineage_triplets.imports.write import PlaneWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from lineage_triplets.imports.plan import ImportPlan, PlannedFov
    from lineage_triplets.imports.sources.base import Index, Planes

_STATE = "import.json"
_NOTE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ImportStep:
    """How far an import is.

    Attributes
    ----------
    done, total : int
        Planes.
    n_bytes_done : int
        Bytes of their pixels, absent planes counted.
    """

    done: int
    total: int
    n_bytes_done: int


def run_import(
    plan: ImportPlan,
    out: str | Path,
    *,
    progress: Callable[[ImportStep], object] | None = None,
    resume: bool = False,
) -> Path:
    """Write a plan's plate, all of it or nothing.

    Parameters
    ----------
    plan : ImportPlan
        Without open questions.
    out : str or Path
        The plate's folder, which must not be there. It is written in a hidden folder beside it, and
        renamed at the end.
    progress : callable, optional
        Called after each plane; what it raises stops the import.
    resume : bool
        Keep what was written if the import stops, and go on from there the next time.

    Returns
    -------
    Path
        The plate.

    Raises
    ------
    ConfigError
        A question is open; or sources changed since the import that is resumed.
    OutputExistsError, OutputError
        `out` is there already; it cannot be written.
    StoreError
        A plane cannot be read.
    """
    for step in import_steps(plan, out, resume=resume):
        if progress is not None:
            progress(step)
    return Path(out)


def import_steps(
    plan: ImportPlan, out: str | Path, *, resume: bool = False
) -> Generator[ImportStep, None, None]:
    """As `run_import`, a step a plane; closing the iterator stops the import."""
    plan.refuse_questions()
    target = Path(out).absolute()
    staging = target.with_name(f".{target.name}.importing")
    _refuse(target, staging, resume)
    state = _State(staging / _STATE, _digest(plan))
    writer = PlaneWriter(state.read())
    try:
        staging.mkdir(parents=True, exist_ok=True)
        yield from _steps(plan, staging, writer, state)
        writer.flush()
        write_groups(staging, plan, writer.windows, _provenance(plan))
        (staging / _STATE).unlink(missing_ok=True)
        staging.rename(target)
    except BaseException as error:
        writer.abandon()
        if resume and staging.is_dir():
            state.write(writer.n_written)
        else:
            shutil.rmtree(staging, ignore_errors=True)
        if isinstance(error, OSError | ValueError) and not hasattr(error, "problems"):
            raise _failed(error, target, resume) from error
        raise


def _steps(
    plan: ImportPlan, staging: Path, writer: PlaneWriter, state: _State
) -> Iterator[ImportStep]:
    total = sum(fov.n_planes for fov in plan.fovs)
    first = writer.n_written
    number = n_bytes = 0
    noted = time.monotonic()
    for fov in plan.fovs:
        if number + fov.n_planes <= first:
            number += fov.n_planes
            n_bytes += fov.n_bytes
            continue
        plane_bytes = fov.n_bytes // fov.n_planes
        n_written = max(0, first - number)
        number, n_bytes = number + n_written, n_bytes + n_written * plane_bytes
        writer.open(staging, fov)
        planes = fov.image.open()
        read = functools.partial(_read, planes, fov)
        with (
            contextlib.closing(planes),
            contextlib.closing(
                read_ahead(read, itertools.islice(fov.planes(), n_written, None), plane_bytes)
            ) as done,
        ):
            for place, plane in done:
                number += 1
                n_bytes += plane_bytes
                writer.write(place, plane)
                if time.monotonic() - noted > _NOTE_SECONDS:
                    state.write(writer.n_written)
                    noted = time.monotonic()
                yield ImportStep(number, total, n_bytes)


def _read(planes: Planes, fov: PlannedFov, step: tuple[Index, Index | None]) -> tuple[Index, Any]:
    """One plane, in the form that the plan has, and its place; faults name the plane."""
    place, index = step
    if index is None:
        return place, None
    words = ", ".join(
        f"{letter.lower()} = {at}" for letter, at in zip(fov.letters, index, strict=True)
    )
    try:
        plane = planes.read(index)
    except (OSError, ValueError, RuntimeError, IndexError, KeyError) as error:
        raise StoreError(
            Problem(
                "unreadable-plane",
                f"the plane at {words or 'its start'} cannot be read: {error}.",
                "Copy the file again, or leave it out.",
                fov=fov.name,
                file=str(fov.image.path),
            )
        ) from error
    if plane is not None and plane.shape != fov.image.plane_shape:
        raise StoreError(
            Problem(
                "unlike-images",
                f"the plane at {words} is {plane.shape}, and the first {fov.image.plane_shape}.",
                "Put images of one size into a plate of their own.",
                fov=fov.name,
                file=str(fov.image.path),
            )
        )
    return place, plane


class _State:
    """How far an import is, beside what it wrote.

    Parameters
    ----------
    file : Path
    digest : str
        Of the plan and its sources.
    """

    def __init__(self, file: Path, digest: str) -> None:
        self._file, self._digest = file, digest

    def read(self) -> int:
        """Planes that were written; 0 where nothing was.

        Raises
        ------
        ConfigError
            Another plan, or other sources, were begun with.
        """
        try:
            content = json.loads(read_whole(self._file))
            digest, done = str(content["plan"]), int(content["done"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0
        if digest != self._digest:
            raise ConfigError(
                Problem(
                    "changed-import",
                    "sources or options changed since the import that stopped here.",
                    f"Remove the folder {self._file.parent} to begin anew.",
                    file=str(self._file.parent),
                )
            )
        return done

    def write(self, done: int) -> None:
        """Note how many planes are written."""
        temporary = self._file.with_suffix(".new")
        content = json.dumps({"plan": self._digest, "done": done})
        temporary.write_text(content, encoding="utf-8")
        temporary.replace(self._file)


def _refuse(target: Path, staging: Path, resume: bool) -> None:
    if os.path.lexists(target):
        raise OutputExistsError(
            Problem(
                "output-exists",
                "the output is there already.",
                "Name another folder, or remove this one.",
                file=str(target),
            )
        )
    if staging.exists() and not resume:
        raise OutputExistsError(
            Problem(
                "import-stopped",
                "an import of this name stopped here, or is still running.",
                "Go on with it (--resume, or “Go on” in the widget), or remove this folder.",
                file=str(staging),
            )
        )


def _digest(plan: ImportPlan) -> str:
    said: list[Any] = []
    for fov in plan.fovs:
        form = [fov.name, fov.letters, fov.frames, fov.shape, fov.image.dtype.name]
        stats = [(str(file), file.stat()) for file in fov.image.files]
        said.append([*form, [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]])
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _provenance(plan: ImportPlan) -> dict[str, Any]:
    from lineage_triplets import __version__

    return {
        "program": f"lineage-triplets {__version__}",
        "fovs": {
            fov.name: {
                "source": fov.image.path.name,
                "kind": fov.image.kind,
                "axes": f"{fov.letters}YX",
                "frames": f"{counted(fov.shape[0], 'frame')}",
                "first_number": fov.image.t_numbers[0] if fov.image.t_numbers else None,
                "absent_frames": [t for t, frame in enumerate(fov.frames) if frame is None],
            }
            for fov in plan.fovs
        },
    }


def _failed(error: Exception, target: Path, resume: bool) -> OutputError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    is_full = "No space left" in str(error) or "File too large" in str(error)
    kept = (
        "What was written is kept: the same import goes on from there (--resume)."
        if resume
        else "Nothing was left half written."
    )
    return OutputError(
        Problem(
            "output-failed",
            f"could not be written: {'the disk is full' if is_full else reason}.",
            f"{kept} Check that you may write there, and that the disk has room.",
            file=str(target),
        )
    )
