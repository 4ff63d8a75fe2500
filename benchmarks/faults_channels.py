"""Swapped channels planted in simulated plates, and what the verdicts make of them."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorstore as ts

from benchmarks.timing import table, verdict
from lineage_triplets import DatasetConfig, MultiExperimentIndex, load_config
from lineage_triplets.qc.find.channels import ChannelInspection, inspect_channels
from lineage_triplets.qc.find.channels.verdict import verdicts
from lineage_triplets.simulate import Faults, SimulatedExperiment, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.table import Table

    Maps = Mapping[str, Mapping[int, int]]

SEEDS = 3
GAINS_OFFSETS = ((0.25, 0.0), (1.0, 300.0), (4.0, 1000.0))
STAINS = ("Phase", "H2B-GFP", "Virus-mCherry")
NAMES = ("one", "two", "three")
ORDERS = ((0, 1, 2), (2, 1, 0), (1, 2, 0))


@dataclass(frozen=True)
class Scenario:
    """Three experiments, and how they differ.

    Attributes
    ----------
    label : str
    each : tuple of dict
        Arguments of `SimulatedExperiment` for each of the three.
    noise : float
        Camera noise to add, in standard deviations of the channel's pixels.
    """

    label: str
    each: tuple[dict[str, Any], ...] = ({}, {}, {})
    noise: float = 0.0


SCENARIOS = (
    Scenario("alike"),
    Scenario(
        "0.3, 0.65 and 1.3 um a pixel",
        (
            {"pixel_size_um": 0.3, "shape": (220, 220), "n_cells": 5},
            {"pixel_size_um": 0.65, "shape": (180, 180)},
            {"pixel_size_um": 1.3, "shape": (140, 140), "n_cells": 30},
        ),
    ),
    Scenario("300, 1,200 and 3,000 cells a mm2", tuple({"n_cells": n} for n in (3, 12, 30))),
    Scenario(
        "5, 20 and 60 min, early and late",
        tuple(
            {"interval_minutes": minutes, "start_hpi": start}
            for minutes, start in ((5.0, 0.0), (20.0, 4.0), (60.0, 12.0))
        ),
    ),
    Scenario("1, 3 and 7 slices", tuple({"n_z": n, "n_frames": 4} for n in (1, 3, 7))),
    Scenario("noise as strong as the image", noise=1.0),
)


@dataclass
class Score:
    """What came of the sets of one scenario."""

    threes: int = 0
    named: int = 0
    named_surely: int = 0
    accused: int = 0
    twos: int = 0
    differ: int = 0
    other_stains: int = 0
    other_stains_found: int = 0
    sound: int = 0
    alarms: int = 0
    seconds: list[float] = field(default_factory=list)


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Swap, look and count."""
    scores = [_score(folder / str(number), scenario) for number, scenario in enumerate(SCENARIOS)]
    yield table(
        f"Swapped channels: found of planted, {SEEDS} seeds each",
        ("", "of three", "sure", "of two", "other stains", "false alarms", "s a plate", ""),
        _rows(scores),
        "phase and nuclei swapped in one store, with a gain of 0.25, 1 or 4 and an offset; of "
        "three: the right experiment is named (sure: at 0.9 or more); of two: said to differ; "
        "other stains: phase or nuclei against a dim punctate reporter, swapped in one of three; "
        "false alarms: sets of two or three with any finding, of all unswapped ones, and sound "
        "experiments accused beside a swapped one",
    )
    plates = Path(os.environ.get("LINEAGE_TRIPLETS_DATA", "../shared/data")) / "plates"
    if plates.is_dir():
        yield table(
            "Verdicts on real plates",
            ("", "status", "findings"),
            _real_rows(plates),
            "two FUCCI reporters look alike to a person, too: both are nuclear, and come and go "
            "with the cell cycle",
        )


def _score(folder: Path, scenario: Scenario) -> Score:
    score = Score()
    for seed in range(SEEDS):
        swapped = NAMES[seed % len(NAMES)]
        gain, offset = GAINS_OFFSETS[seed % len(GAINS_OFFSETS)]
        faults = Faults(swapped_channels=(swapped,), swapped_gain=gain, swapped_offset=offset)
        sound = _inspected(folder / f"sound{seed}", scenario, Faults(), seed, score)
        spoilt = _inspected(folder / f"spoilt{seed}", scenario, faults, seed, score)
        score.threes += 1
        named, sure, accused = _named(spoilt, spoilt.channel_maps, swapped)
        score.named += named
        score.named_surely += sure
        score.accused += accused
        for pair in combinations(NAMES, 2):
            if swapped in pair:
                score.twos += 1
                score.differ += _alarms(spoilt, _only(spoilt.channel_maps, pair)) == "differs"
            score.sound += 1
            score.alarms += bool(_alarms(sound, _only(sound.channel_maps, pair)))
        score.sound += 1
        score.alarms += bool(_alarms(sound, sound.channel_maps))
        for first, second in ((0, 2), (1, 2)):
            maps = {
                name: {0: order.index(first), 1: order.index(second)}
                for name, order in zip(NAMES, ORDERS, strict=True)
            }
            score.sound += 1
            score.alarms += bool(_alarms(sound, maps))
            maps[swapped] = {0: maps[swapped][1], 1: maps[swapped][0]}
            score.other_stains += 1
            score.other_stains_found += _named(sound, maps, swapped)[0]
    return score


def _inspected(
    folder: Path, scenario: Scenario, faults: Faults, seed: int, score: Score
) -> ChannelInspection:
    experiments = [
        replace(
            SimulatedExperiment(
                name,
                {"untreated": ["A/1"], "infected": ["B/1"]},
                n_frames=6,
                shape=(200, 200),
                interval_minutes=20.0,
                start_hpi=6.0,
                channel_order=tuple(STAINS[k] for k in order),
                source_channel=STAINS[:2],
            ),
            **given,
        )
        for name, order, given in zip(NAMES, ORDERS, scenario.each, strict=True)
    ]
    made = simulate(folder, experiments, faults=faults, seed=seed)
    if scenario.noise:
        for experiment in experiments:
            for fov in experiment.fovs:
                _add_noise(folder / f"{experiment.name}.zarr" / fov / "0", scenario.noise)
    config = load_config(made.config_path)
    dataset = DatasetConfig(yx_patch_size=(64, 64))
    index = MultiExperimentIndex.from_config(config.model_copy(update={"dataset": dataset}))
    start = time.perf_counter()
    inspection = inspect_channels(index)
    score.seconds.append((time.perf_counter() - start) / len(NAMES))
    return inspection


def _add_noise(array: Path, strength: float) -> None:
    spec = {"driver": "zarr", "kvstore": {"driver": "file", "path": f"{array}/"}}
    store = ts.open(spec, open=True).result()
    pixels = store.read().result().astype(np.float64)
    noise = np.random.default_rng(0).standard_normal(pixels.shape)
    noise *= strength * pixels.std(axis=(0, 2, 3, 4), keepdims=True)
    store.write(np.clip(np.rint(pixels + noise), 0, 65535).astype(np.uint16)).result()


def _only(maps: Maps, names: Sequence[str]) -> Maps:
    return {name: maps[name] for name in names}


def _alarms(inspection: ChannelInspection, maps: Maps) -> str:
    """The first status that is a warning or worse; empty where there is none."""
    found = verdicts(inspection.signatures, maps).values()
    bad = [one.status for one in found if one.status not in {"same", "cannot-tell", "alone"}]
    better = [one.status for one in found if one.better is not None]
    return (bad or better or [""])[0]


def _named(inspection: ChannelInspection, maps: Maps, swapped: str) -> tuple[bool, bool, int]:
    """Whether the experiment is named, whether surely, and how many others are accused."""
    found = verdicts(inspection.signatures, maps)
    own = [one for (name, _), one in found.items() if name == swapped]
    others = {
        name
        for (name, _), one in found.items()
        if name != swapped and (one.status not in {"same", "cannot-tell"} or one.better is not None)
    }
    named = all(one.status == "swapped" for one in own)
    return named, named and min(one.sure for one in own) >= 0.9, len(others)


def _rows(scores: Sequence[Score]) -> Iterator[Sequence[str]]:
    for scenario, one in zip(SCENARIOS, scores, strict=True):
        all_found = one.named == one.threes and one.differ == one.twos
        yield (
            scenario.label,
            f"{one.named}/{one.threes}",
            f"{one.named_surely}/{one.threes}",
            f"{one.differ}/{one.twos}",
            f"{one.other_stains_found}/{one.other_stains}",
            f"{one.alarms}/{one.sound} + {one.accused}",
            f"{statistics.median(one.seconds):.2f}",
            verdict(all_found and not one.alarms and not one.accused),
        )


def _real_rows(plates: Path) -> Iterator[Sequence[str]]:
    for file, size in (("fucci.yml", 96), ("nuclei.yml", 40)):
        config = load_config(plates / file)
        dataset = DatasetConfig(yx_patch_size=(size, size))
        index = MultiExperimentIndex.from_config(config.model_copy(update={"dataset": dataset}))
        inspection = inspect_channels(index)
        yield _real_row(file, inspection)
        if file == "fucci.yml":
            late = inspection.channel_maps["hacat_late"]
            yield _real_row(
                "fucci.yml, hacat_late swapped",
                inspection.remapped({"hacat_late": {0: late[1], 1: late[0]}}),
            )
            yield _real_row(
                "fucci.yml, hacat_late's labels in slot 0",
                inspection.remapped({"hacat_late": {0: 0, 1: late[1]}}),
            )


def _real_row(label: str, inspection: ChannelInspection) -> Sequence[str]:
    statuses = [f"{one.verdict.status} {one.verdict.sure:.2f}" for one in inspection.slots]
    findings = [f"{one.kind} {one.detail} ({one.severity})" for one in inspection.findings()]
    return label, ", ".join(statuses), ", ".join(findings) or "none"
