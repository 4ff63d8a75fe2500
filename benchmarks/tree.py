"""How long the tree of lineages takes to be painted: 500 of a FOV, and one of 3,000 cells."""

from __future__ import annotations

import gc
import statistics
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from benchmarks.desk import display
from benchmarks.timing import table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.table import Table

    from lineage_triplets.plugin.browse.tree import Tree

SIZE_PX = (600, 700)
# Columns and frames, so many times as large as what shows all.
ZOOMS = ((1, 1), (6, 1), (40, 3), (200, 10))
_ROUNDS = 15
_N_MARKS, _N_LEFT_OUT = 300, 50


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    """Paint trees at several zooms, all of them and at places along them."""
    del folder, large
    with display():
        yield table(
            f"The tree, {SIZE_PX[0]} by {SIZE_PX[1]} pixels",
            ("of", "coloured by", "zoom", "median", "most"),
            _rows(),
            "CPU time of painting anew what is in sight, at places along the tree; what the viewer "
            "moves is painted over a picture in memory",
        )


def _rows() -> Iterator[tuple[str, ...]]:
    from qtpy.QtWidgets import QApplication

    from lineage_triplets.plugin.browse.tree_values import TreeValues
    from lineage_triplets.plugin.browse.tree_view import TreeView

    app = QApplication.instance() or QApplication([])
    for n_lineages, n_frames in ((500, 100), (1, 330)):
        tree = _tree(n_lineages, n_frames)
        words = f"{n_lineages} lineages, {len(tree.names):,} tracks, {len(tree.cells):,} cells"
        values = np.random.default_rng(1).normal(300, 80, len(tree.cells))
        for chosen in (None, TreeValues("size", "px", values)):
            view = TreeView()
            view.resize(*SIZE_PX)
            view.show_tree(tree)
            view.show_values(chosen)
            view.show()
            for zoom in ZOOMS:
                view.show_all()
                view.zoom(zoom[0], across=True, down=False)
                view.zoom(zoom[1], across=False)
                app.processEvents()
                taken_ms = [_painted_ms(view, place / _ROUNDS) for place in range(_ROUNDS)]
                yield (
                    words,
                    "nothing" if chosen is None else chosen.measure,
                    f"{zoom[0]} x {zoom[1]}",
                    f"{statistics.median(taken_ms):.1f} ms",
                    f"{max(taken_ms):.1f} ms",
                )
            view.close()


def _painted_ms(view: Any, share: float) -> float:
    # In the widget Python collects garbage by a timer, never amid painting.
    gc.disable()
    bar = view.horizontalScrollBar()
    bar.setValue(round(bar.maximum() * share))
    view.forget_picture()
    start = time.thread_time()
    view.viewport().repaint()
    taken_ms = 1e3 * (time.thread_time() - start)
    gc.enable()
    return taken_ms


def _tree(n_lineages: int, n_frames: int) -> Tree:
    """Make a tree of cells that divide every 15 to 45 frames."""
    from lineage_triplets.plugin.browse.tree import Mark, MarkKind, Tree
    from lineage_triplets.plugin.browse.tree_layout import lay_out

    rng = np.random.default_rng(0)
    tracks: list[tuple[int, int, int]] = []
    for _ in range(n_lineages):
        waiting = [(-1, int(rng.integers(0, 10)))]
        while waiting:
            mother, first = waiting.pop()
            last = min(first + int(rng.integers(15, 45)), n_frames - 1)
            tracks.append((mother, first, last))
            if last < n_frames - 1 and (n_lineages == 1 or rng.random() < 0.75):
                waiting += [(len(tracks) - 1, last + 1)] * 2
            if n_lineages == 1 and len(tracks) > 150:
                break
    parent, first_t, last_t = np.array(tracks, dtype=np.int64).T
    length = last_t - first_t + 1
    track_of = np.repeat(np.arange(len(parent)), length)
    t_of = np.concatenate([np.arange(a, b + 1) for a, b in zip(first_t, last_t, strict=True)])
    kinds: tuple[MarkKind, ...] = ("warning", "error", "cut", "linked")
    marked = rng.integers(0, len(parent), _N_MARKS).tolist()
    left_out = rng.integers(0, len(parent), _N_LEFT_OUT)
    return Tree(
        part=cast("Any", SimpleNamespace(place=("experiment", "FOV"))),
        tracks=np.arange(len(parent)),
        layout=lay_out(parent, first_t, last_t),
        names=tuple(map(str, range(len(parent)))),
        cells=np.arange(len(t_of)),
        track_of=track_of,
        t_of=t_of,
        interval_minutes=10.0,
        start_hours=0.0,
        left_out=np.stack([left_out, first_t[left_out], last_t[left_out]], axis=1),
        marks=tuple(
            Mark(track, int(first_t[track]), kinds[place % len(kinds)], "")
            for place, track in enumerate(marked)
        ),
    )
