"""Stopwatches, and how results are printed."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Comparison(NamedTuple):
    """Two ways timed in turns.

    Attributes
    ----------
    straightforward_s, ours_s : float
        Median seconds of a call.
    ratio : float
        Median over rounds of straightforward / ours: above 1 ours is faster.
    cpu_ratio : float
        The same for the CPU time of all threads, which other programs disturb less.
    rounds : int
    """

    straightforward_s: float
    ours_s: float
    ratio: float
    cpu_ratio: float
    rounds: int


def seconds(call: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turns(
    straightforward: Callable[[], object],
    ours: Callable[[], object],
    *,
    budget_s: float,
    rounds: tuple[int, int] = (4, 20),
) -> Comparison:
    """Time two ways alternately (A B B A …) until the budget is spent."""
    walls: list[tuple[float, float]] = []
    cpus: list[tuple[float, float]] = []
    end = time.perf_counter() + budget_s
    while len(walls) < rounds[0] or (len(walls) < rounds[1] and time.perf_counter() < end):
        ways = (straightforward, ours)
        wall, cpu = [0.0, 0.0], [0.0, 0.0]
        for way in (0, 1) if len(walls) % 2 == 0 else (1, 0):
            cpu_start = time.process_time()
            wall[way] = seconds(ways[way])
            cpu[way] = time.process_time() - cpu_start
        walls.append((wall[0], wall[1]))
        cpus.append((cpu[0], cpu[1]))
    return Comparison(
        statistics.median(one for one, _ in walls),
        statistics.median(one for _, one in walls),
        statistics.median(one / other for one, other in walls),
        statistics.median(one / other for one, other in cpus),
        len(walls),
    )


def table(title: str, columns: Sequence[str], rows: Iterator[Sequence[str]], caption: str) -> Table:
    """Make a table whose first column is text and whose others are figures."""
    result = Table(title=title, caption=caption, box=box.SIMPLE_HEAD, title_justify="left")
    for number, column in enumerate(columns):
        result.add_column(column, justify="right" if number else "left", no_wrap=number > 0)
    for row in rows:
        result.add_row(*row)
    return result


def verdict(reached: bool) -> str:
    return "[green]reached[/]" if reached else "[red]missed[/]"
