"""Pairs and links judged by keys alone, and a study's findings settled: times, freezes, keys."""

from __future__ import annotations

import statistics
import time
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.data import CHANNELS, SOURCE_CHANNELS, Chunking, write_images
from benchmarks.desk import Desk, display, own_settings
from benchmarks.timing import table
from lineage_triplets import ExperimentConfig, TripletConfig, save_config
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.simulate.plates import (
    PlateLayout,
    empty_plate,
    simulate_tables,
    write_tables,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rich.table import Table

    from benchmarks.event_loop import Measured
    from lineage_triplets.qc.decide.settled import ReviewedFinding

PLANES = Chunking(
    "zstd", (1, 1, 1, 2048, 2048), n_fovs=4, n_frames=24, n_distinct=3, plain_zstd=True,
    size_pixels=2048, cells_per_fov=60,
)  # fmt: skip
PAIRS, LINKS, AUDITED = 500, 100, 299
# Keys in a row that go on to more, before it is plain that there is nothing.
MOST_IN_VAIN = 20
AT_ONCE = 100
NEXT_MS, FREEZE_MS = 50.0, 100.0
EXPERIMENTS, FOVS, CELLS, FRAMES = 3, 60, 30, 40
# Planted in each FOV: cells off their way for a frame, tracks twice, tracks that exchange cells.
JUMPS, COPIES, SWAPS = 4, 3, 3
MOST_DECISIONS = 40


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    """Time answers by keys, each until the next is drawn; and settle all findings of a study."""
    del large
    images, study = folder / "images", folder / "study"
    images.mkdir()
    study.mkdir()
    write_images(images, PLANES)
    with display(), own_settings(folder):
        yield table(
            f"Judged by keys: planes of {PLANES.size_pixels} by {PLANES.size_pixels}, zstd",
            (
                "what",
                "answers",
                "keys",
                "median ms",
                "95 in 100, ms",
                "asked",
                "freeze ms",
                "asked",
            ),
            _judged(images),
            "from the key until the next is drawn with its images, decided and synced to the disk; "
            "before each key there is time to read ahead, as somebody takes who looks; CPU: of the "
            "window's thread alone; freeze: the longest time for which the event loop took no "
            "event, of all answers",
        )
    yield table(
        f"A study settled: {EXPERIMENTS} experiments of {FOVS} FOVs",
        ("findings", "settled", "decisions", "asked", "longest s", "all s"),
        [_settled(study)],
        "one decision for each kind and experiment; in Python, without the widget",
    )


def _judged(folder: Path) -> Iterator[Sequence[str]]:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    desk = Desk()
    desk.open(folder)

    def answer(
        view: Any, key: Qt.Key, times: int, where: Callable[[], object],
        is_there: Callable[[], bool], after: Callable[[], object],
    ) -> tuple[list[Measured], list[float], int]:  # fmt: skip
        """Press a key so many times, each until something else is there; count all keys."""
        measured, spent, keys, in_vain = [], [], 0, 0
        while len(measured) < times:
            desk.settle()
            before, begun, ended = where(), 0.0, 0.0
            if before is None:
                after()
                keys, in_vain = keys + 1, in_vain + 1
                if in_vain > MOST_IN_VAIN:
                    raise TimeoutError(f"nothing is left after {len(measured)} answers")
                continue
            in_vain = 0

            def press() -> None:
                nonlocal begun
                begun = time.thread_time()
                QTest.keyClick(view, key)

            def is_next(before: object = before) -> bool:
                nonlocal ended
                reached = where() is None or (where() != before and is_there())
                ended = ended or (time.thread_time() if reached else 0.0)
                return reached

            done = desk.pulse.measure(press, is_next)
            keys += 1
            if where() is not None:
                measured.append(done)
                spent.append(1000 * (ended - begun))
        return measured, spent, keys

    window = desk.widget.window()
    window.activateWindow()
    # Shortcuts are those of the window that is used.
    desk.pulse.measure(bool, window.isActiveWindow)
    pairs: Any = desk.widget.panels["Pairs"]
    desk.widget.show_panel("Pairs")
    desk.session.choose(lineage="", n_pairs=AT_ONCE)
    desk.settle()
    gallery = pairs.gallery
    gallery.setFocus()
    gallery.go_to(0)
    yield _line("pair", *answer(
        gallery, Qt.Key.Key_S, PAIRS,
        lambda: None if gallery.pairs.next_open() is None else gallery.current,
        lambda: gallery.chosen_seen == [gallery.current],
        lambda: (QTest.keyClick(gallery, Qt.Key.Key_N), desk.settle(),
                 QTest.keyClick(gallery, Qt.Key.Key_Return)),
    ))  # fmt: skip

    audit: Any = desk.widget.panels["Audit"]
    desk.widget.show_panel("Audit")
    desk.settle()
    audit.overview.list.setFocus()
    name = desk.session.review.data.registry.experiments[0].name
    desk.session.decide(lambda review: review.plan_audit(name, AUDITED, images="benchmark"))
    desk.settle()
    audit.overview.select(name)
    QTest.keyClick(audit.overview.list, Qt.Key.Key_Return)
    desk.settle()
    looks = len(desk.session.review.audit(name).numbers)
    yield _line(f"audit pair, of {looks}", *answer(
        audit.judging, Qt.Key.Key_S, looks - 1,
        lambda: (audit._turn.queue, audit._number) if audit._turn else None,  # noqa: SLF001
        lambda: audit.judging.pair.painted == audit._number - 1,  # noqa: SLF001
        lambda: None,
    ))  # fmt: skip

    links: Any = desk.widget.panels["Links"]
    desk.widget.show_panel("Links")
    desk.pulse.measure(bool, lambda: links._number >= 0 and desk.is_idle())  # noqa: SLF001
    yield _line("link", *answer(
        links.looking, Qt.Key.Key_S, LINKS,
        lambda: links._number if links._number >= 0 else None,  # noqa: SLF001
        lambda: links.looking.picture.painted == links._number,  # noqa: SLF001
        lambda: (links.setFocus(), QTest.keyClick(links, Qt.Key.Key_Return)),
    ))  # fmt: skip
    desk.close()


def _line(what: str, measured: list[Measured], spent: list[float], keys: int) -> Sequence[str]:
    times = [one.until_ms for one in measured]
    freeze = max(one.freeze_ms for one in measured)
    return (
        what, f"{len(measured):,}", f"{keys:,}", f"{statistics.median(times):.0f}",
        f"{_late(times):.0f}", f"{_late(spent):.0f}", f"{NEXT_MS:.0f}", f"{freeze:.0f}",
        f"{FREEZE_MS:.0f}",
    )  # fmt: skip


def _late(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _settled(folder: Path) -> Sequence[str]:
    """Settle or waive all findings of a study, one decision a kind and experiment."""
    experiments = [_write(folder, f"exp{number}", number) for number in range(EXPERIMENTS)]
    config = folder / "experiments.yml"
    save_config(TripletConfig(experiments=experiments), config)

    def of_group(reviewed: ReviewedFinding) -> tuple[str, str]:
        return reviewed.finding.kind, reviewed.finding.experiment

    with Review.open(config, by="benchmark") as review:
        found = review.check(channels=False, placement=False)
        took = []
        for _, group in groupby(sorted(found, key=of_group), of_group):
            alike = list(group)
            targets = [
                target for reviewed in alike for target in (reviewed.finding.settled_by or [()])[-1]
            ]
            start = time.perf_counter()
            if targets:
                review.settle(targets, "benchmark")
            left = {known.finding.key for known in review.findings() if known.status == "open"}
            keys = [known.finding.key for known in alike if known.finding.key in left]
            if keys:
                review.waive_all(keys, "benchmark")
            took.append(time.perf_counter() - start)
        settled = sum(known.status != "open" for known in review.findings())
        steps = len({made.group for made in review.decisions})
    return (
        f"{len(found):,}", f"{settled:,}", str(steps), str(MOST_DECISIONS), f"{max(took):.1f}",
        f"{sum(took):.1f}",
    )  # fmt: skip


def _write(folder: Path, name: str, seed: int) -> ExperimentConfig:
    truth = simulate_tables(FOVS, CELLS, FRAMES, seed=seed, cycle_frames=30.0)
    rng = np.random.default_rng(seed)
    planted = {fov: _with_faults(rows, rng) for fov, rows in truth.items()}
    write_tables(planted, folder / f"{name}_tracks")
    shape = (FRAMES, len(CHANNELS), 1, 1024, 1024)
    plate = folder / f"{name}.zarr"
    empty_plate(plate, dict.fromkeys(planted, shape), PlateLayout(CHANNELS))
    wells = sorted({fov.rpartition("/")[0] for fov in planted})
    return ExperimentConfig(
        name=name,
        data_path=str(plate),
        tracks_path=str(folder / f"{name}_tracks"),
        channel_names=list(CHANNELS),
        source_channel=list(SOURCE_CHANNELS),
        condition_wells={"untreated": wells},
        interval_minutes=30.0,
    )


def _with_faults(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Plant cells off their way, tracks twice, and tracks that exchange their cells."""
    rows = rows.reset_index(drop=True)
    long = [track for track, own in rows.groupby("track_id") if len(own) > 15]
    chosen = rng.permutation(long)[: JUMPS + COPIES + 2 * SWAPS].tolist()
    for track in chosen[:JUMPS]:
        own = rows.index[rows["track_id"] == track]
        rows.loc[own[len(own) // 2], ["y", "x"]] += 90.0
    copied = [
        rows[rows["track_id"] == track].assign(
            track_id=int(rows["track_id"].max()) + 1 + number,
            parent_track_id=-1,
            y=lambda own: own["y"] + 0.2,
        )
        for number, track in enumerate(chosen[JUMPS : JUMPS + COPIES])
    ]
    mother = rows.groupby("track_id")["parent_track_id"].first()
    swapped = chosen[JUMPS + COPIES :]
    for first, other in zip(swapped[::2], swapped[1::2], strict=False):
        spans = [rows.loc[rows["track_id"] == track, "t"] for track in (first, other)]
        low, high = max(span.min() for span in spans), min(span.max() for span in spans)
        at = (low + high) // 2
        later = rows["t"] >= at
        if high - low > 4:
            names = rows["track_id"].where(
                ~later, rows["track_id"].replace({first: other, other: first})
            )
            rows["track_id"] = names
    rows["parent_track_id"] = rows["track_id"].map(mother)
    return pd.concat([rows, *copied]).sort_values(["track_id", "t"]).reset_index(drop=True)
