"""What a small encoder learns from clean pairs, from spoiled ones, and from these once reviewed.

Each seed has movies of its own, which are simulated, spoiled, reviewed with the truth for an eye,
and trained on; all encoders are judged on the clean cells of FOVs that none was trained on.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.repair import WHY, look_at_links
from benchmarks.timing import table
from benchmarks.true_lineages import TrueJudge
from lineage_triplets import (
    ExperimentConfig,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    TripletConfig,
    load_config,
    save_config,
)
from lineage_triplets.qc import Review
from lineage_triplets.simulate import Faults
from lineage_triplets.simulate.faults import plant
from lineage_triplets.simulate.plates import write_tables
from lineage_triplets.training import split_anchors
from lineage_triplets.training.example.run import Judged, judge, new_encoder, train_encoder
from lineage_triplets.training.example.sample import EXPERIMENTS, HELD_OUT, write_sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.table import Table

    from benchmarks.true_lineages import Answer
    from lineage_triplets.qc.find.doubt.links import DoubtedLink
    from lineage_triplets.simulate import SimulatedExperiment

SEEDS, EPOCHS, LOOKS = 5, 6, 30
FAULTS = Faults(
    identity_swaps=0.1, wrong_daughters=0.2, missed_divisions=0.2, duplicated_tracks=0.05
)
SWAPPED, IN_UM = "second", "third"
ALL = frozenset({"links", "channel", "place"})
SPOILED = {
    "spoiled: tracker's errors": frozenset({"links"}),
    "spoiled: swapped channel": frozenset({"channel"}),
    "spoiled: table in um": frozenset({"place"}),
}
NORMALIZE = "fov_statistics"
UNTRAINED = "nothing"


@dataclass
class Case:
    """One seed's movies, and what was done with them.

    Attributes
    ----------
    folder, clean : Path
        Of everything, and the config of the clean movies.
    seed : int
    wrong : dict of str to float
        Share of wrong pairs of an epoch, spoiled and reviewed.
    looks : int
        Links that were looked at.
    settled : list of str
        What else the review settled.
    """

    folder: Path
    clean: Path
    seed: int
    wrong: dict[str, float] = field(default_factory=dict)
    looks: int = 0
    settled: list[str] = field(default_factory=list)


class TrueCells(TrueJudge):
    """Knows the true cell of each row of spoiled tables of several FOVs.

    Parameters
    ----------
    true, spoiled : dict of (str, str) to DataFrame
        Tables by experiment and FOV, in pixels of the images.
    """

    def __init__(
        self,
        true: dict[tuple[str, str], pd.DataFrame],
        spoiled: dict[tuple[str, str], pd.DataFrame],
    ) -> None:
        self._known: dict[tuple[str, str, int, int], int] = {}
        before, frames, roots = [], [], []
        n_cells = 0
        for place, own in true.items():
            rows = own.reset_index(drop=True)
            number = dict(
                zip(rows["id"].tolist(), range(n_cells, n_cells + len(rows)), strict=True)
            )
            ends = [number.get(parent, -1) for parent in rows["parent_id"].tolist()]
            before += ends
            frames += rows["t"].tolist()
            n_cells += len(rows)
            by_frame = dict(iter(rows.groupby("t")))
            for row in spoiled[place].itertuples():
                there = by_frame[row.t]
                nearest = np.hypot(there.y - row.y, there.x - row.x).idxmin()
                cell = number[int(rows.id[nearest])]
                self._known[(*place, int(row.track_id), int(row.t))] = cell
        self._before, self._t = np.array(before), np.array(frames)
        roots = np.arange(n_cells)
        for cell in np.argsort(self._t, kind="stable").tolist():
            roots[cell] = roots[before[cell]] if before[cell] >= 0 else cell
        self._root = roots

    def cells(self, index: MultiExperimentIndex) -> np.ndarray:
        """Give the cell of each row."""
        places = [(source.experiment, source.fov.name) for source in index.fovs]
        rows = zip(
            index.fov_of_row.tolist(),
            index.track_id_of_row.tolist(),
            index.observations.t.tolist(),
            strict=True,
        )
        return np.array([self._known[(*places[fov], track, t)] for fov, track, t in rows])

    def answer(self, index: MultiExperimentIndex, link: DoubtedLink) -> Answer:
        """Answer about a link; a second one to a cell that follows another already waits."""
        said = super().answer(index, link)
        if said != "both":
            return said
        row = next(ends[1] for ends in link.instead if ends not in link.now)
        track = index.observations.track
        is_first = row == 0 or track[row - 1] != track[row]
        is_free = is_first and index.forest.parent[track[row]] < 0
        return said if is_free else "later"


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    """Train on everything, seed by seed."""
    del large
    start = time.process_time()
    figures: dict[str, list[tuple[float, ...]]] = {}
    cases = []
    for seed in range(SEEDS):
        own = folder / str(seed)
        case = Case(own, write_sample(own / "clean", seed=seed), seed)
        cases.append(case)
        for name, judged in _judged(case):
            if name == UNTRAINED:
                figures.setdefault("by chance", []).append(_chances(judged))
            figures.setdefault(name, []).append(_figures(judged))
    minutes = (time.process_time() - start) / 60
    settled = sorted({words for case in cases for words in case.settled})
    counts = ", ".join(
        f"{words} ({sum(words in case.settled for case in cases)})" for words in settled
    )
    shares = ", ".join(
        f"{name} {_spread([case.wrong[name] for case in cases])} %" for name in cases[0].wrong
    )
    yield table(
        f"What is learned: {SEEDS} seeds, mean and standard deviation, in %",
        ("trained on", "lineage", "beside clean", "relatives", "condition", "divides soon"),
        _rows(figures),
        f"{EPOCHS} epochs. Beside clean: the difference of lineage within a seed. Wrong pairs: "
        f"{shares}. Looked at: {np.mean([case.looks for case in cases]):.0f} links a seed. "
        f"Settled in of {SEEDS} reviews: {counts}. {minutes:.1f} CPU minutes.",
    )


def _judged(case: Case) -> Iterator[tuple[str, Judged]]:
    """Train on all kinds of pairs of one seed's movies."""
    clean = MultiExperimentTripletDataset.from_config(case.clean, seed=case.seed)
    split = split_anchors(clean.index, "fov", val=HELD_OUT)

    def judged(encoder: Any) -> Judged:
        return judge(encoder, clean, split, normalize=NORMALIZE, seed=case.seed)

    def trained(dataset: MultiExperimentTripletDataset, **how: Any) -> Judged:
        anchors = split.train if dataset is clean else np.arange(len(dataset))
        made = train_encoder(
            dataset, anchors, epochs=EPOCHS, seed=case.seed, normalize=NORMALIZE, **how
        )
        return judged(made.encoder)

    yield UNTRAINED, judged(new_encoder(clean, case.seed))
    yield "clean", trained(clean)
    yield "clean, random order", trained(clean, order="random")
    for name, faults in SPOILED.items():
        config, _ = spoil(case, faults)
        yield name, trained(_dataset(MultiExperimentIndex.from_config(config), case))
    config, cells = spoil(case, ALL)
    spoiled = MultiExperimentIndex.from_config(config)
    case.wrong["spoiled"] = _share_wrong(cells, spoiled)
    yield "spoiled: all three", trained(_dataset(spoiled, case))
    with Review.open(config, by="truth") as review:
        _review(review, cells, case)
        reviewed = review.data.training
        case.wrong["reviewed"] = _share_wrong(cells, reviewed)
        yield "all three, then reviewed", trained(_dataset(reviewed, case))


def _dataset(index: MultiExperimentIndex, case: Case) -> MultiExperimentTripletDataset:
    return MultiExperimentTripletDataset(index, seed=case.seed)


def _share_wrong(cells: TrueCells, index: MultiExperimentIndex) -> float:
    wrong, total = cells.wrong_pairs(index)
    return wrong / total


def spoil(case: Case, faults: frozenset[str]) -> tuple[Path, TrueCells]:
    """Write a config of the FOVs to train on, with some faults, and the truth of its tables."""
    folder = case.folder / "+".join(sorted(faults))
    folder.mkdir()
    clean = load_config(case.clean)
    true, spoiled, entries = {}, {}, []
    for simulated, entry in zip(EXPERIMENTS, clean.experiments, strict=True):
        changed = {"tracks_path": str(folder / f"{entry.name}_tracks")}
        for number, fov in enumerate(simulated.fovs):
            if fov in HELD_OUT:
                continue
            own = pd.read_csv(case.folder / "clean" / f"{entry.name}_tracks" / fov / "tracks.csv")
            rows = own
            if "links" in faults:
                rng = np.random.default_rng([case.seed, number, len(entries)])
                rows = plant(own, FAULTS, simulated, fov, rng).table
            true[entry.name, fov], spoiled[entry.name, fov] = own, rows
            if "place" in faults and entry.name == IN_UM:
                rows = rows.assign(
                    y=rows.y * simulated.pixel_size_um, x=rows.x * simulated.pixel_size_um
                )
            write_tables({fov: rows}, folder / f"{entry.name}_tracks")
        if "channel" in faults and entry.name == SWAPPED:
            changed["data_path"] = str(folder / f"{entry.name}.zarr")
            _swap_labels(case.folder / "clean" / f"{entry.name}.zarr", folder, simulated)
            changed["channel_names"] = list(simulated.channel_order[::-1])
        entries.append(ExperimentConfig(**{**entry.model_dump(), **changed}))
    settings = clean.dataset.model_copy(update={"exclude_fovs": list(HELD_OUT)})
    config = folder / "config.yml"
    save_config(TripletConfig(experiments=entries, dataset=settings), config)
    return config, TrueCells(true, spoiled)


def _swap_labels(plate: Path, folder: Path, simulated: SimulatedExperiment) -> None:
    """Copy a plate whose two channels have each other's name, as have their statistics."""
    copy = folder / plate.name
    shutil.copytree(plate, copy)
    for fov in simulated.fovs:
        file = copy / fov / ".zattrs"
        attributes = json.loads(file.read_text())
        channels = attributes["omero"]["channels"]
        names = [channel["label"] for channel in channels]
        for channel, name in zip(channels, names[::-1], strict=True):
            channel["label"] = name
        known = attributes["normalization"]
        attributes["normalization"] = {
            new: known[old] for old, new in zip(names, names[::-1], strict=True)
        }
        file.write_text(json.dumps(attributes))


def _review(review: Review, cells: TrueCells, case: Case) -> None:
    """Do what a review offers: place, remap, reject, and look at the first links by doubt."""
    review.check()
    for experiment in EXPERIMENTS:
        transform = review.checks.placement_remedy(experiment.name)
        if transform is not None:
            review.place(experiment.name, transform, WHY)
            case.settled.append(f"{experiment.name} placed")
    accused = {
        found.finding.experiment
        for found in review.check()
        if found.finding.kind in {"channel-swapped", "channel-differs"}
        and found.finding.severity == "error"
    }
    for name in sorted(accused):
        first, second = review.data.registry.get_experiment(name).source_channel[:2]
        review.remap(name, {0: second, 1: first}, WHY)
        case.settled.append(f"{name} remapped")
    for found in review.check():
        if found.finding.kind == "duplicate-track" and found.status == "open":
            review.settle(found.finding.settled_by[0], WHY)
    for experiment in EXPERIMENTS:
        case.looks += look_at_links(review, cells, LOOKS, experiment=experiment.name).total()


def _figures(judged: Judged) -> tuple[float, ...]:
    probes = (judged.condition, judged.fate)
    return (
        judged.lineages.recall,
        judged.relatives.recall,
        *(np.nan if told is None else told.balanced_accuracy for told in probes),
    )


def _chances(judged: Judged) -> tuple[float, ...]:
    probes = (judged.condition, judged.fate)
    return (
        judged.lineages.chance,
        judged.relatives.chance,
        *(np.nan if told is None else told.chance for told in probes),
    )


def _rows(figures: dict[str, list[tuple[float, ...]]]) -> Iterator[Sequence[str]]:
    clean = np.array(figures["clean"])
    for name, of_seeds in figures.items():
        values = np.array(of_seeds)
        beside = (
            "" if name in {"clean", "by chance"} else _spread(values[:, 0] - clean[:, 0], sign="+")
        )
        lineage, *others = (_spread(column) for column in values.T)
        yield name, lineage, beside, *others


def _spread(shares: Sequence[float] | np.ndarray, sign: str = "") -> str:
    """Mean and standard deviation of shares, in percent."""
    values = 100 * np.asarray(shares)
    return f"{values.mean():{sign}.1f} ± {values.std(ddof=1):.1f}"
