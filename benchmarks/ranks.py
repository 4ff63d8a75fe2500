"""What several ranks read together in an epoch, beside what one reads."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import torch.distributed

from benchmarks.timing import table, verdict
from benchmarks.training import CASES, Reader, count_decoded, write_images

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.table import Table

WORLD_SIZES = (1, 2, 4)
MOST = 1.1


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Read a whole epoch in near order by processes that torch.distributed (gloo) joins."""
    yield table(
        "An epoch in near order by several ranks",
        ("chunks", "ranks", "batches each", "MB", "of one rank's", ""),
        _rows(folder),
        "MB: what is decoded in all ranks together; at most "
        f"{MOST} times as much as by one rank is wanted; each has memory of its own",
    )


def _rows(folder: Path) -> Iterator[Sequence[str]]:
    for case in CASES:
        shutil.rmtree(folder / "images", ignore_errors=True)
        write_images(folder / "images", case)
        alone = 0
        for world_size in WORLD_SIZES:
            n_batches, n_bytes = _read(folder, world_size)
            alone = alone or n_bytes
            yield (
                case.label,
                str(world_size),
                str(n_batches),
                f"{n_bytes / 1e6:,.0f}",
                f"{n_bytes / alone:.2f} (≤ {MOST})",
                verdict(n_bytes <= MOST * alone),
            )


def _read(folder: Path, world_size: int) -> tuple[int, int]:
    """Batches of a rank, and bytes of all."""
    meeting = folder / f"meeting-{world_size}"
    meeting.unlink(missing_ok=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(world_size, context) as ranks:
        of_rank = partial(_read_as_rank, folder / "images", meeting, world_size)
        parts = list(ranks.map(of_rank, range(world_size)))
    return parts[0][0], sum(n_bytes for _, n_bytes in parts)


def _read_as_rank(images: Path, meeting: Path, world_size: int, rank: int) -> tuple[int, int]:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=world_size
    )
    try:
        count_decoded()
        reader = Reader(images, "near")
        return reader.read(sys.maxsize), reader.decoded_bytes
    finally:
        torch.distributed.destroy_process_group()
