"""The widget in a real viewer: opening, choosing, stepping, filtering; freezes, times, memory."""

from __future__ import annotations

import gc
import resource
import statistics
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.data import Chunking, write_images, write_observations
from benchmarks.desk import Desk, display, own_settings
from benchmarks.timing import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.table import Table

    from benchmarks.event_loop import Measured, Pulse

ROWS = 1_000_000
FREEZE_MS, SELECTION_MS, OPEN_MS, GROWTH_MB = 50.0, 150.0, 5_000.0, 50.0
SELECTIONS, FOV_CHANGES, FINDINGS = 1_000, 100, 100_000
NEXT_PAIR_MS = 50.0
REPEATS, ANSWERS = 20, 100
FIRST_PAIRS = 3
IMAGES = Chunking("planes", (1, 1, 1, 1024, 1024), n_fovs=4, n_frames=12)


class Line(NamedTuple):
    """One line of the table; figures are in milliseconds unless `unit` says else.

    `alone` is of the same done by napari alone.
    """

    what: str
    values: Sequence[float]
    asked: float | None = None
    unit: str = "ms"
    alone: Sequence[float] = ()
    digits: int = 0

    def cells(self) -> tuple[str, ...]:
        """Least, median and most, napari's share, what is above that, and what was asked."""
        middle = statistics.median(self.values)
        ends = (min(self.values), middle, max(self.values))
        spread = [f"{one:,.{self.digits}f}" for one in ends]
        if len(self.values) == 1:
            spread[0] = spread[2] = ""
        alone = statistics.median(self.alone) if self.alone else None
        shares = ("", "") if alone is None else (f"{alone:,.0f}", f"{middle - alone:+,.0f}")
        asked = "" if self.asked is None else f"{self.asked:,.0f}"
        return f"{self.what}, {self.unit}", *spread, *shares, asked


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    """Time the widget on images, beside napari alone, and on a million rows."""
    del large
    small, many = folder / "images", folder / "observations"
    small.mkdir()
    many.mkdir()
    write_images(small, IMAGES)
    write_observations(many, ROWS)
    columns = ("what", "least", "median", "most", "napari", "ours", "asked")
    with display(), own_settings(folder):
        yield table(
            f"Widget: {IMAGES.n_fovs} FOVs, 3 channels of 1024 by 1024 pixels",
            columns,
            (one.cells() for one in _on_images(small)),
            "freeze: longest time for which the event loop took no event, drawing by software "
            "included; napari: median of the same layers in the same window with nobody of ours "
            "following, or given other data one by one, and of the pair on screen drawn again; "
            "ours: what is above that",
        )
        yield table(
            f"Widget: {ROWS:,} observations, no images",
            columns,
            (one.cells() for one in _on_observations(many)),
            f"memory grows by what is there after {SELECTIONS:,} selections and {FOV_CHANGES} FOV "
            "changes above what was there after a tenth of them",
        )


def _freezes(
    pulse: Pulse, actions: Sequence[Callable[[], object]], until: Callable[[], bool] = lambda: True
) -> list[float]:
    return [pulse.measure(one, until).freeze_ms for one in actions]


def _steps(viewer: Any) -> list[Callable[[], object]]:
    frames = [k % IMAGES.n_frames for k in range(1, REPEATS + 1)]
    return [lambda k=k: viewer.dims.set_current_step(0, k) for k in frames]  # type: ignore[misc]


def _split(what: str, measured: Sequence[Measured], asked_ms: float) -> Iterator[Line]:
    yield Line(f"{what}, freeze", [one.freeze_ms for one in measured], asked_ms)
    yield Line(f"{what}, until done", [one.until_ms for one in measured])


def _on_images(folder: Path) -> Iterator[Line]:
    desk = Desk()
    yield from _opening(desk, folder)
    desk.measure(desk.fov_changes(2))
    _freezes(desk.pulse, _steps(desk.viewer))
    ours, alone = [], []
    for _ in range(2):
        ours += _freezes(desk.pulse, _steps(desk.viewer))
        with desk.napari_alone():
            alone += _freezes(desk.pulse, _steps(desk.viewer))
    yield Line("frame step, freeze", ours, FREEZE_MS, alone=alone)
    changes = desk.measure(desk.fov_changes(REPEATS))
    with desk.napari_alone():
        by_hand = desk.fov_changes_by_hand(REPEATS)
    freezes = [one.freeze_ms for one in changes], [one.freeze_ms for one in by_hand]
    yield Line("FOV change, freeze", freezes[0], FREEZE_MS, alone=freezes[1])
    yield Line("FOV change, until done", [one.until_ms for one in changes])
    desk.measure(desk.fov_changes(1))
    ways: tuple[tuple[str, Callable[..., list[Measured]]], ...] = (
        ("tree", desk.trees),
        ("first pairs", partial(desk.pairs, n=FIRST_PAIRS)),
        ("all in view", partial(desk.pairs, n=desk.session.review.intent.n_pairs)),
    )
    for what, drawn in ways:
        drawn(desk.lineages(2))
        times = [one.until_ms for one in drawn(desk.lineages(REPEATS + 2)[2:])]
        asked = None if what.startswith("all") else SELECTION_MS
        yield Line(f"lineage → {what}", times, asked)
    desk.answers(2)
    judged, again = ([one.until_ms for one in measured] for measured in desk.answers(ANSWERS))
    yield Line("answer → next pair", judged, NEXT_PAIR_MS, alone=again)
    late = statistics.quantiles(judged, n=20)[-1]
    yield Line("answer → next pair, 95 in 100", [late], NEXT_PAIR_MS)
    desk.close()


def _opening(desk: Desk, folder: Path, asked_ms: float | None = None) -> Iterator[Line]:
    opened = desk.open(folder)
    yield Line("open → list", [opened.listed_ms])
    yield Line("open → first tree", [opened.usable_ms], asked_ms)
    yield Line("open → last check", [opened.checked_ms])
    yield Line("open, freeze", [opened.freeze_ms])


def _on_observations(folder: Path) -> Iterator[Line]:
    from qtpy.QtCore import Qt

    desk = Desk()
    yield from _opening(desk, folder, OPEN_MS)
    desk.measure([lambda: desk.session.choose(tau_range_hours=(0.5, 2.5))])
    tau = desk.measure(
        [partial(desk.session.choose, tau_range_hours=(0.5, 3.0 + 0.1 * k)) for k in range(5)]
    )
    yield from _split("tau, no lineage chosen", tau, FREEZE_MS)
    browse: Any = desk.widget.panels["Browse"]
    desk.widget.show_panel("Browse")
    texts = [
        lambda word=word: browse.lineages.filter_text.setText(word) for word in ("1", "12", "")
    ]
    checks = [lambda on=on: browse.lineages.has_divisions.setChecked(on) for on in (True, False)]
    n_lineages = len(browse.lineages.model.rows)
    yield Line(f"filter {n_lineages:,} lineages", _freezes(desk.pulse, texts + checks), FREEZE_MS)
    ways = [Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder]
    sorts = [
        lambda c=c, way=way: browse.lineages.table.sortByColumn(c, way)
        for c in range(1, 7)
        for way in ways
    ]
    yield Line(f"sort {n_lineages:,} lineages", _freezes(desk.pulse, sorts), FREEZE_MS)
    yield from _split("FOV change", desk.measure(desk.fov_changes(REPEATS)), FREEZE_MS)
    yield Line(f"filter {FINDINGS:,} findings", _findings(desk), FREEZE_MS)
    yield Line("memory grown", [_growth_mb(desk)], GROWTH_MB, "MB")
    desk.close()


def _findings(desk: Desk) -> list[float]:
    from lineage_triplets.plugin.problems.finding_list import FindingList
    from lineage_triplets.plugin.problems.model import FindingRows
    from lineage_triplets.qc.decide.settled import ReviewedFinding
    from lineage_triplets.qc.find import Finding

    reviewed = [
        ReviewedFinding(
            Finding(
                kind="jump" if k % 3 else "wrong-link",
                severity="warning",
                experiment="simulated",
                fov=f"A/{k % 12}/0",
                t=k % 100,
                tracks=(k,),
                sentence=f"track {k} moves 31 pixels in a frame, others move 4.",
                remedy="Cut the link.",
            ),
            "open",
        )
        for k in range(FINDINGS)
    ]
    found = FindingList(desk.widget)
    found.resize(420, 600)
    found.show()
    found.set_rows(FindingRows.of(reviewed))
    words = ("jump", "track 12", "a/3/0 moves", "")
    freezes = _freezes(
        desk.pulse,
        [lambda word=word: found.filter_text.setText(word) for word in words],  # type: ignore[misc]
    )
    found.deleteLater()
    return freezes


def _growth_mb(desk: Desk) -> float:
    """Memory after all selections and FOV changes above that after the first tenth of them."""
    after: list[float] = []
    rounds = 10
    for _ in range(rounds):
        for change in desk.fov_changes(FOV_CHANGES // rounds):
            desk.pulse.measure(change, desk.is_idle)
        for choice in desk.lineages(SELECTIONS // rounds):
            desk.pulse.measure(choice, lambda: True)
        desk.pulse.measure(bool, desk.is_idle)
        gc.collect()
        after.append(resident_mb())
    return after[-1] - after[0]


def resident_mb() -> float:
    """Memory that this process holds."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
