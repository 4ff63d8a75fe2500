"""Configs to review: small plates with lineages that divide, and cells that move apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from lineage_triplets import TripletConfig, save_config
from lineage_triplets.qc.decide.seen import seen_value
from lineage_triplets.qc.record.decision import NewDecision, Target
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

    from lineage_triplets.engine.settings.model import ExperimentConfig
    from lineage_triplets.qc import Review

N_FRAMES = 14
ACROSS: Literal["divisions"] = "divisions"
WITHOUT = {"without_audit": "a test of something else", "without_images": "random pixels"}
"""What lets a review through whose pairs and images a test is not about."""
SHAPE = (N_FRAMES, 2, 1, 48, 64)


def family(first_id: int, y: float, x: float, *, divides_at: int = 6) -> pd.DataFrame:
    """A mother and two daughters that part slowly: ids `first_id`, + 1 and + 2."""
    rows = [(first_id, t, -1, y, x + 0.3 * t) for t in range(divides_at)]
    for number, side in ((1, -1.0), (2, 1.0)):
        rows += [
            (first_id + number, t, first_id, y + side * (1.5 + 0.5 * (t - divides_at)), x + 0.3 * t)
            for t in range(divides_at, N_FRAMES)
        ]
    table = pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id", "y", "x"])
    return table.assign(z=0.0)


def single(track_id: int, y: float, x: float) -> pd.DataFrame:
    """A cell that never divides."""
    rows = [(track_id, t, -1, y, x + 0.2 * t) for t in range(N_FRAMES)]
    table = pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id", "y", "x"])
    return table.assign(z=0.0)


def field() -> pd.DataFrame:
    """Three lineages: 1 (with 2, 3), 11 (with 12, 13), and 21."""
    return pd.concat([family(1, 12, 14), family(11, 34, 16, divides_at=8), single(21, 24, 50)])


def experiments(root: Path) -> list[ExperimentConfig]:
    """Two experiments in two channel orders, at 30 and 15 minutes, with a FOV of one name."""
    return [
        make_experiment(
            root,
            "early",
            {"A/1/0": field(), "B/2/0": field()},
            channels=("Phase", "GFP"),
            source_channel=("Phase", "GFP"),
            pixels={
                "A/1/0": numbered_pixels(SHAPE, seed=1),
                "B/2/0": numbered_pixels(SHAPE, seed=2),
            },
        ),
        make_experiment(
            root,
            "late",
            {"A/1/0": field()},
            channels=("GFP", "Phase"),
            source_channel=("Phase", "GFP"),
            pixels=numbered_pixels(SHAPE, seed=3),
            version="0.5",
            interval_minutes=15.0,
        ),
    ]


def write_config(root: Path, name: str = "experiments.yml", **changes: Any) -> Path:
    """Write the experiments and a config that reads them; `changes` are dataset settings."""
    return save(root / name, experiments(root), **changes)


def save(path: Path, listed: list[ExperimentConfig], **changes: Any) -> Path:
    """Write a config of some experiments."""
    config = TripletConfig(experiments=listed)
    settings = {"yx_patch_size": (16, 16), "tau_range_hours": (0.5, 2.0), "seed": 7, **changes}
    dataset = config.dataset.model_validate({**config.dataset.model_dump(), **settings})
    save_config(config.model_copy(update={"dataset": dataset}), path, overwrite=True)
    return path


def audit(review: Review, experiments: Sequence[str], n: int = 59) -> None:
    """Judge every pair of a sample, and those across divisions: all are right."""
    for name in experiments:
        review.plan_audit(name, n)
        review.judge_all(name, dict.fromkeys(range(1, n + 1), "same"))
        left = review.audit(name).divisions
        if left.next is not None:
            review.judge_all(name, dict.fromkeys(range(1, left.needed + 1), "same"), queue=ACROSS)


def certify(review: Review, experiments: Sequence[str] = ("early", "late"), n: int = 59) -> None:
    """Do all that the gate asks for: look at channels, images and pairs, and waive errors."""
    review.checks.check_pixels()
    for name in experiments:
        review.approve(name)
    for reviewed in review.check():
        if reviewed.status == "open" and reviewed.finding.severity == "error":
            review.waive(reviewed.finding.key, "random pixels")
    audit(review, experiments, n)


def painted(review: Review, experiment: str) -> None:
    """Record that eight pairs across a division were on screen, as older versions did."""
    value = {**seen_value(review.data, experiment, 8, 0), "how": "painted"}
    review.carry_out(NewDecision("seen", Target("experiment", experiment), value, ""))


def key(meta: dict[str, Any]) -> tuple[str, str, int, int]:
    """Identify an observation of a batch."""
    return meta["experiment"], meta["fov_name"], meta["track_id"], meta["t"]


def everything(dataset: Any) -> dict[str, Any]:
    """Give one batch of all anchors."""
    return dataset.__getitems__(range(len(dataset)))


def given(dataset: Any, epochs: int = 3) -> set[tuple[str, str, int, int]]:
    """Collect every observation that a dataset gives in some epochs, in whatever role."""
    seen = set()
    for epoch in range(epochs):
        dataset.set_epoch(epoch)
        batch = everything(dataset)
        for role in ("anchor_meta", "positive_meta", "negative_meta"):
            seen |= {key(one) for one in batch.get(role, [])}
    return seen


def equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays hold the same bits."""
    return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())
