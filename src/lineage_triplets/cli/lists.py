"""Lists have an end: the first of them are printed, and which command prints all."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from lineage_triplets.engine.errors import MOST_LISTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.console import Console

_Item = TypeVar("_Item")
_limit: ContextVar[int | None] = ContextVar("limit", default=MOST_LISTED)
_command: ContextVar[str] = ContextVar("command", default="COMMAND")


def begin_command(name: str, *, in_full: bool) -> None:
    """Say which command runs, and whether its lists are printed whole."""
    _command.set(name)
    _limit.set(None if in_full else MOST_LISTED)


def limit() -> int | None:
    """How many of a list are printed; None for all of them."""
    return _limit.get()


def first_of(items: Sequence[_Item]) -> Sequence[_Item]:
    """Give what is printed of a list."""
    return items[: limit()]


def in_full(command: str = "", options: str = "") -> str:
    """Say which command prints whole lists: the one that runs, unless another is named.

    Parameters
    ----------
    command : str
        With its arguments, where it is another one.
    options : str
        What it needs besides what it was given.
    """
    words = command or f"{_command.get()} …{f' {options}' if options else ''}"
    return f"`lineage-triplets --full {words}` prints all"


def print_more(
    items: Sequence[object], console: Console, what: str = "", see: str | None = None
) -> None:
    """Say how many of a list were not printed, and which command prints all."""
    n_left = len(items) - len(first_of(items))
    if n_left:
        console.print(
            f"… and {n_left:,} more{f' {what}' if what else ''}: {see or in_full()}",
            soft_wrap=True,
        )


def first_of_each(
    items: Iterable[_Item], kind_of: Callable[[_Item], str]
) -> tuple[list[_Item], dict[str, int]]:
    """Give what is printed of each kind, and how many more there are of which kind."""
    n_of_kind: dict[str, int] = {}
    first = []
    most = limit()
    for item in items:
        kind = kind_of(item)
        n_of_kind[kind] = n_of_kind.get(kind, 0) + 1
        if most is None or n_of_kind[kind] <= most:
            first.append(item)
    left = {} if most is None else {kind: n - most for kind, n in n_of_kind.items() if n > most}
    return first, left
