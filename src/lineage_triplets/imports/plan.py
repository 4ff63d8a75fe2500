"""What an import would write: recognised, still to be answered, and worth knowing."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import ConfigError, Problem, choices

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lineage_triplets.imports.sources.base import FoundImage, Index

LETTERS = "TCZ"
_OPTIONS = {
    "axes": "--axes",
    "gaps": "--gaps",
    "interval_minutes": "--interval-minutes",
    "channel_names": "--channel",
}


@dataclass(frozen=True)
class Question:
    """What files do not say, and a person must.

    Attributes
    ----------
    field : str
        The argument of `plan_import` that answers it.
    text : str
        What was found, and what is asked.
    choices : tuple of str
        Answers; empty where it is a number or a name.
    """

    field: str
    text: str
    choices: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """The command line's option that answers it."""
        return _OPTIONS[self.field]


@dataclass(frozen=True)
class PlannedFov:
    """One FOV of the plate to be, and where its planes come from.

    Attributes
    ----------
    name : str
        ``"A/1/0"``.
    image : FoundImage
    letters : str
        T, C or Z for each axis of the image before y and x.
    frames : tuple of int or None
        The image's frame for each of the FOV's; None for one that is not there.
    shape : tuple of int
        (T, C, Z, Y, X).
    """

    name: str
    image: FoundImage
    letters: str
    frames: tuple[int | None, ...]
    shape: tuple[int, int, int, int, int]

    @property
    def n_planes(self) -> int:
        """Planes to be written, those included that are not there."""
        return math.prod(self.shape[:3])

    @property
    def n_bytes(self) -> int:
        """Bytes of all pixels."""
        return math.prod(self.shape) * self.image.dtype.itemsize

    def planes(self) -> Iterator[tuple[Index, Index | None]]:
        """Each plane as (t, c, z) and its index in the source, None where it is not there.

        In the order in which the source has them together.
        """
        places = [self.letters.find(letter) for letter in LETTERS]
        block = [self.image.block[at] if at >= 0 and self.image.block else 1 for at in places]
        steps = [range(0, size, step) for size, step in zip(self.shape[:3], block, strict=True)]
        for corner in itertools.product(*steps):
            inside = (
                range(start, min(start + step, size))
                for start, step, size in zip(corner, block, self.shape[:3], strict=True)
            )
            for t, c, z in itertools.product(*inside):
                yield (t, c, z), self._source_index(self.frames[t], c, z)

    def _source_index(self, frame: int | None, c: int, z: int) -> Index | None:
        if frame is None:
            return None
        at = {"T": frame, "C": c, "Z": z}
        index = tuple(at.get(letter, 0) for letter in self.letters)
        return None if index in self.image.missing else index


@dataclass(frozen=True)
class ImportPlan:
    """What an import would write.

    Attributes
    ----------
    fovs : tuple of PlannedFov
    channel_names : tuple of str or None
        One a channel; None where nobody has said.
    pixel_size_um : tuple of float or None
        (z, y, x).
    interval_minutes : float or None
    questions : tuple of Question
        To be answered before anything is written.
    warnings : tuple of Problem
        Worth knowing.
    """

    fovs: tuple[PlannedFov, ...]
    channel_names: tuple[str | None, ...]
    pixel_size_um: tuple[float | None, float | None, float | None]
    interval_minutes: float | None
    questions: tuple[Question, ...]
    warnings: tuple[Problem, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes of all pixels."""
        return sum(fov.n_bytes for fov in self.fovs)

    @property
    def tables(self) -> tuple[Path, ...]:
        """Track tables that lie beside the sources, one a FOV; empty unless all have one."""
        found = tuple(fov.image.tables[0] for fov in self.fovs if fov.image.tables)
        return found if len(found) == len(self.fovs) else ()

    def refuse_questions(self) -> None:
        """Raise what is not answered.

        Raises
        ------
        ConfigError
            One problem a question, with its choices.
        """
        problems = [
            Problem(
                "open-question",
                question.text,
                f"Give {question.option}"
                + (f", one of: {choices(question.choices)}." if question.choices else "."),
                field=question.field,
            )
            for question in self.questions
        ]
        if problems:
            raise ConfigError(*problems)
