"""Problems: what is wrong, where it is, and what to do; and the errors that carry them."""

from __future__ import annotations

import difflib
import re
import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a config, a store or a table.

    Attributes
    ----------
    kind : str
        A stable word for programs, such as ``"channel-names"``.
    message : str
        What was found, for people, with values.
    remedy : str
        What to do about it, with the choices where there are choices.
    severity : {"error", "warning", "note"}
        An error keeps something from being loaded; a warning is loaded and needs a look.
    experiment, fov, file, field : str
        Where it is; empty where that does not apply.
    line, row : int or None
        Line of a text file, counted from 1; row of a table without lines, counted from 0.
    count : int
        How many observations, rows or FOVs it concerns.
    fovs : tuple of str
        All of them, where it is about several FOVs alike.
    """

    kind: str
    message: str
    remedy: str = ""
    severity: Severity = "error"
    experiment: str = ""
    fov: str = ""
    file: str = ""
    field: str = ""
    line: int | None = None
    row: int | None = None
    count: int = 1
    fovs: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Experiment, FOV, file and line in one phrase; empty if unknown."""
        place = without_query(self.file)
        if place and self.line is not None:
            place += f", line {self.line}"
        elif place and self.row is not None:
            place += f", row {self.row}"
        parts = [
            f"experiment {self.experiment!r}" if self.experiment else "",
            f"FOV {self.fov}" if self.fov else "",
            place,
            f"field {self.field!r}" if self.field else "",
        ]
        return ", ".join(part for part in parts if part)

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return visible(f"{text} {self.remedy}" if self.remedy else text)


class LineageTripletsError(Exception):
    """Base of all errors of this package; never raised itself.

    Parameters
    ----------
    problems : Problem or str
        What went wrong, the first one foremost. A plain text serves where an error crosses a
        process boundary and only its text survives.

    Examples
    --------
    >>> from lineage_triplets import LineageTripletsError, load_config
    >>> try:
    ...     load_config("absent.yml")
    ... except LineageTripletsError as error:
    ...     problem = error.problems[0]
    >>> problem.severity
    'error'
    """

    def __init__(self, *problems: Problem | str) -> None:
        super().__init__(*problems)
        self.problems = tuple(
            Problem(kind="error", message=self._own_words(p)) if isinstance(p, str) else p
            for p in problems
        )

    def _own_words(self, text: str) -> str:
        """What was said in a worker of torch's, which puts a traceback before: a note from here."""
        _, named, words = text.rpartition(f".{type(self).__name__}: ")
        if not named:
            return text
        self.add_note(text)
        return words.rstrip()

    def __str__(self) -> str:
        if not self.problems:
            return type(self).__name__
        more = len(self.problems) - 1
        tail = f" (and {more} more: `problems` of this error has all)" if more else ""
        return f"{self.problems[0]}{tail}"


class StoppedError(Exception):
    """Whoever asked for something wants it no more; nothing is known of what was being read."""


class ConfigError(LineageTripletsError, ValueError):
    """A config or an argument says something that cannot be."""


class TrackTableError(LineageTripletsError, ValueError):
    """A track table whose faults make its lineages meaningless."""


class NoAnchorsError(LineageTripletsError, ValueError):
    """No observation has a positive in the tau range, so that there is nothing to draw."""


class VerificationError(LineageTripletsError, ValueError):
    """A validated config whose data, or whose own text, changed since."""


class StoreError(LineageTripletsError, OSError):
    """An image store that is absent, unreadable, or no OME-Zarr that we know."""


class ChunkError(StoreError):
    """A chunk that is damaged, or absent where absent chunks are errors."""


class OutputExistsError(LineageTripletsError, FileExistsError):
    """A file that would be written exists, and nobody said to overwrite it."""


class OutputError(LineageTripletsError, OSError):
    """A file could not be written; nothing half written is left."""


class UnknownNameError(LineageTripletsError, KeyError):
    """A name that is not there; the message lists those that are."""


class ForkedReadError(LineageTripletsError, RuntimeError):
    """A forked child would read through tensorstore after its parent has."""


_STORE_KINDS = {
    "missing-path",
    "unreadable",
    "unreadable-codec",
    "unreachable",
    "bad-metadata",
    "not-zarr",
    "not-an-image",
    "not-a-plate",
    "not-a-well",
    "missing-level",
    "shape-too-large",
    "chunk-too-large",
    "unknown-axes",
    "empty-plate",
    "remote-store",
}


MOST_LISTED = 20
"""Problems of one kind that are told one by one, where nobody asks for all."""


def first_of_kinds(
    problems: Iterable[Problem], has_all: str, limit: int | None = MOST_LISTED
) -> tuple[list[Problem], list[str]]:
    """Give the first problems of each kind, and a line for each kind of which there are more.

    Parameters
    ----------
    problems : iterable of Problem
    has_all : str
        What gives the whole list, as the end of a sentence: ``"`validate CONFIG --all` prints
        all"``.
    limit : int or None
        How many of a kind; None for all.
    """
    n_of_kind: dict[str, int] = {}
    first = []
    for problem in problems:
        n_of_kind[problem.kind] = n_of_kind.get(problem.kind, 0) + 1
        if limit is None or n_of_kind[problem.kind] <= limit:
            first.append(problem)
    more = [
        f"… and {number - limit:,} more of [{kind}]: {has_all}"
        for kind, number in n_of_kind.items()
        if limit is not None and number > limit
    ]
    return first, more


def listed_lines(lines: Sequence[str], has_all: str, limit: int = MOST_LISTED) -> list[str]:
    """Give the first of some lines, and one that says how many more there are."""
    n_left = len(lines) - limit
    return [*lines[:limit], *([f"… and {n_left:,} more: {has_all}"] if n_left > 0 else [])]


def raise_errors(problems: Iterable[Problem]) -> None:
    """Raise the errors among some problems together, as what the first one is.

    Raises
    ------
    StoreError, ConfigError, TrackTableError
        A store that cannot be opened; a field of the config; a table.
    """
    errors = [problem for problem in problems if problem.severity == "error"]
    if not errors:
        return
    if errors[0].field:
        raise ConfigError(*errors)
    raise StoreError(*errors) if errors[0].kind in _STORE_KINDS else TrackTableError(*errors)


_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 2, 80, 80, 80


def shown(value: object) -> str:
    """Show what was found, cut short: a config may hold anything."""
    return _SHORT.repr(value)


# Control characters, those that turn the direction of a line, and what ends one.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def visible(text: str, *, lines: bool = False) -> str:
    """Give a text from a file as a terminal may have it: what it does not show is written out.

    Names and reasons may hold sequences that clear a screen, and line breaks that forge a line.

    Parameters
    ----------
    text : str
    lines : bool
        Whether line breaks and tabs are left as they are.
    """
    kept = "\n\t" if lines else ""
    return _UNSEEN.sub(lambda found: found[0] if found[0] in kept else _escaped(found[0]), text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def without_query(path: str) -> str:
    """Leave out what a URL says after ``?``, which may be secret."""
    return path.partition("?")[0] if "://" in path else path


def choices(names: Iterable[object], limit: int = 12, separator: str = ", ") -> str:
    """Names for a message: all of them, or the first `limit` and how many more."""
    listed = [str(name) for name in names]
    text = separator.join(listed[:limit])
    more = f"{separator}… ({len(listed)} in all)" if len(listed) > limit else ""
    return f"{text}{more}" or "none"


def counted(number: int, noun: str) -> str:
    """``1 frame``, ``2 frames``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def nearest(name: str, known: Sequence[str]) -> str:
    """Ask for the nearest known name, or list the known ones if none is near."""
    begun = [
        candidate
        for candidate in known
        if name and (candidate.startswith(name) or name.startswith(candidate))
    ]
    near = begun or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {choices(known, limit=40)}."
