"""Repairs end to end on real cells: how many wrong pairs there are before and after, and the work.

The true cells of HeLa are linked anew by laptrack, and the table is reviewed as a lab would, with
the truth for an eye: a blind audit, the first links by doubt, findings that name links to make, a
comparison, another audit, an export, and an epoch of training.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import tensorstore as ts

from benchmarks.timing import table
from benchmarks.true_lineages import TrueJudge, loose_ends_joined, true_tracks, write_tracks
from benchmarks.true_movies import DATA, by_laptrack, read_table
from lineage_triplets import (
    DatasetConfig,
    ExperimentConfig,
    MultiExperimentTripletDataset,
    TripletConfig,
    save_config,
)
from lineage_triplets.engine.dataset.verification import percent
from lineage_triplets.qc import Review, Target, export_review
from lineage_triplets.simulate.plates import PlateLayout, write_plate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.table import Table

    from lineage_triplets.qc import AuditState
    from lineage_triplets.qc.audit.answers import Judgement, Queue
    from lineage_triplets.qc.find.finding import Finding

NAME, FOV, CHANNEL = "hela", "A/1/0", "H2B-GFP"
MINUTES, FRAMES_APART = 30, (1, 8)
# Every so many frames, and the gate in median steps.
CASES = ((1, 8.0), (2, 8.0), (1, 3.0))
KEYS = {"same": "S", "wrong": "W", "instead": "G", "both": "D", "later": "C"}
LINKS = 0.05
FIRST = 20
PAIRS, SEEN = 149, 8
WHY = "the truth says so"


@dataclass(frozen=True)
class Case:
    """HeLa linked anew, written as a lab has it: a plate, a table, a config.

    Attributes
    ----------
    config, truth : Path
        What is reviewed, and a folder of true tables.
    judge : TrueJudge
    """

    config: Path
    truth: Path
    judge: TrueJudge

    @classmethod
    def written(cls, folder: Path, every: int, gate: float, *, loose_joined: bool = False) -> Case:
        """Write every `every`-th frame, linked by laptrack; in a truth loose ends may be joined."""
        movie = read_table("HeLa", "hela_tracks/A/1/0/tracks.csv", 0.0).every(every)
        with warnings.catch_warnings():
            # laptrack warns of changes in what it stands on.
            warnings.simplefilter("ignore")
            track, mothers = by_laptrack(movie, gate * movie.step_px)
        true = loose_ends_joined(movie, track, mothers) if loose_joined else movie
        write_tracks(folder / "tracks" / FOV / "tracks.csv", movie, track, mothers)
        write_tracks(folder / "truth" / FOV / "tracks.csv", true, *true_tracks(true))
        minutes = MINUTES * every
        _write_images(folder / "hela.zarr", every, minutes)
        experiment = ExperimentConfig(
            name=NAME,
            data_path=str(folder / "hela.zarr"),
            tracks_path=str(folder / "tracks"),
            channel_names=[CHANNEL],
            source_channel=[CHANNEL],
            condition_wells={"untreated": ["A/1"]},
            interval_minutes=minutes,
        )
        tau = (FRAMES_APART[0] * minutes / 60, FRAMES_APART[1] * minutes / 60)
        settings = DatasetConfig(yx_patch_size=(64, 64), tau_range_hours=tau, seed=0)
        config = folder / "experiments.yml"
        save_config(TripletConfig(experiments=[experiment], dataset=settings), config)
        return cls(config, folder / "truth", TrueJudge(true, track))


def _write_images(path: Path, every: int, minutes: float) -> None:
    store = DATA / "plates" / "hela.zarr" / FOV / "s0"
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{store}/"}}
    images = ts.open(spec, open=True).result()[::every].read().result()
    layout = PlateLayout((CHANNEL,), 0.645, interval_minutes=minutes, ome_version="0.5")
    write_plate(path, {FOV: images}, layout)


@dataclass(frozen=True)
class State:
    """How a review's tables are at one time.

    Attributes
    ----------
    links, wrong_links : int
    wrong_pairs, agree : float
        Share of what training would draw; share of links that the truth has too.
    divisions, true_divisions : int
        Those with the daughters that they have in the truth, and those of the truth.
    audit : tuple of str
        Pairs judged wrong, and the bound; empty where nobody judged.
    """

    links: int
    wrong_links: int
    wrong_pairs: float
    agree: float
    divisions: int
    true_divisions: int
    audit: tuple[str, str] = ("", "")

    @classmethod
    def of(cls, review: Review, case: Case) -> State:
        """Count by the truth what nobody else could."""
        links = review.links(judged=True)
        wrong, total = case.judge.wrong_pairs(review.data.training)
        (agreement,) = review.against(case.truth).agreements
        return cls(
            len(links), case.judge.wrong_links(review.data.linked, list(links)), wrong / total,
            agreement.share, agreement.divisions_agreed, agreement.other_divisions,
        )  # fmt: skip

    def audited(self, review: Review, case: Case) -> State:
        """Give it with what a blind audit says."""
        audit = _audit(review, case.judge)
        return replace(self, audit=(f"{audit.wrong} of {audit.judged}", percent(audit.bound)))


def _audit(review: Review, judge: TrueJudge) -> AuditState:
    """Plan an audit; judge its pairs, and those across divisions."""
    review.plan_audit(NAME, PAIRS)
    queues: tuple[Queue, ...] = ("sample", "divisions")
    for queue in queues:
        pairs = review.audit_pairs(NAME, queue)
        same = judge.same(pairs.index, pairs.pairs.anchor, pairs.pairs.positive)
        numbers = review.audit(NAME).numbers if queue == "sample" else range(1, len(pairs) + 1)
        said: dict[int, Judgement] = {
            number: "same" if same[number - 1] else "wrong" for number in numbers
        }
        review.judge_all(NAME, said, queue=queue)
    return review.audit(NAME)


def look_at_links(
    review: Review,
    judge: TrueJudge,
    most: float = np.inf,
    asked: set[Target] | None = None,
    experiment: str = NAME,
) -> Counter[str]:
    """Go through the first links by doubt as the panel does, and count the answers.

    Parameters
    ----------
    review : Review
    judge : TrueJudge
    most : float
        Answers at most.
    asked : set of Target, optional
        Links that are not asked about again; gets those that are.
    experiment : str
        Whose links.
    """
    given: Counter[str] = Counter()
    asked = set() if asked is None else asked
    while True:
        listed = review.links(LINKS, experiment, judged=True)
        link = next((one for one in listed if one.status == "open" and one.link not in asked), None)
        if link is None or given.total() >= most:
            return given
        asked.add(link.link)
        answer = judge.answer(review.data.linked, link)
        given[answer] += 1
        joins = [target for target in link.repair if target.level == "join"]
        match answer:
            case "same":
                review.keep((link.link, *link.partners), WHY)
            case "wrong":
                review.cut(link.link, WHY)
            case "instead":
                review.settle(link.repair, WHY)
            case "both":
                review.settle(joins, WHY, right=[link.link])


def take_findings(review: Review, judge: TrueJudge) -> dict[str, tuple[int, int]]:
    """Settle findings by the links that they name, where these are true: taken, of how many."""
    counts: dict[str, tuple[int, int]] = {}
    left: set[str] = set()
    while True:
        named = [
            one.finding for one in review.check() if one.status == "open" and _joins(one.finding)
        ]
        finding = next((one for one in named if one.key not in left), None)
        if finding is None:
            return counts
        left.add(finding.key)
        is_true = all(judge.is_join(link) for link in _joins(finding))
        taken, seen = counts.get(finding.kind, (0, 0))
        counts[finding.kind] = taken + is_true, seen + 1
        if is_true:
            review.settle(_repair(finding), WHY)


def _repair(finding: Finding) -> tuple[Target, ...]:
    """What settles a finding by links that the table lacks; nothing where none is named."""
    made = (way for way in finding.settled_by if any(one.level == "join" for one in way))
    return next(made, ())


def _joins(finding: Finding) -> list[Target]:
    return [target for target in _repair(finding) if target.level == "join"]


def train_an_epoch(config: Path) -> tuple[int, int]:
    """Read every pair of an epoch as training does: anchors, and anchors without pixels."""
    dataset = MultiExperimentTripletDataset.from_config(config)
    flat = 0
    for start in range(0, len(dataset), 256):
        batch = dataset.__getitems__(range(start, min(start + 256, len(dataset))))
        flat += int((np.ptp(batch["anchor"].numpy(), axis=(1, 2, 3, 4)) == 0).sum())
    return len(dataset), flat


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    del large
    if not DATA.exists():
        raise SystemExit(f"no real movies in {DATA} (LINEAGE_TRIPLETS_DATA names them)")
    for every, gate in CASES:
        for loose_joined in (False, True):
            own = folder / f"{every} {gate} {loose_joined}"
            case = Case.written(own, every, gate, loose_joined=loose_joined)
            truth = "loose ends joined" if loose_joined else "as it is"
            minutes = MINUTES * every
            yield _of_case(case, f"HeLa every {minutes} min, gate {gate:g}, truth {truth}")


def _of_case(case: Case, title: str) -> Table:
    judge, asked = case.judge, set[Target]()
    with Review.open(case.config, by="truth") as review:
        review.check(pixels=True)
        review.approve(NAME)
        states = [State.of(review, case).audited(review, case)]
        given = look_at_links(review, judge, FIRST, asked)
        states.append(State.of(review, case))
        given += look_at_links(review, judge, asked=asked)
        states.append(State.of(review, case))
        found = take_findings(review, judge)
        states.append(State.of(review, case).audited(review, case))
        review.saw(NAME, SEEN)
        result = export_review(review, case.config.parent / "validated")
    n_anchors, n_flat = train_an_epoch(result.files["config"])
    keys = ", ".join(f"{given[said]} {key}" for said, key in KEYS.items() if given[said])
    taken = "; ".join(f"{n} of {of} {kind}" for kind, (n, of) in found.items()) or "none"
    first = states[0]
    names = ("linked", f"{FIRST} looks", f"{given.total()} looks", "findings")
    return table(
        title,
        ("", "wrong", "of pairs", "links true", "divisions", "audit", "at most"),
        (
            (name, str(state.wrong_links), f"{state.wrong_pairs:.2%}", f"{state.agree:.2%}",
             str(state.divisions), *state.audit)
            for name, state in zip(names, states, strict=True)
        ),
        f"Wrong ones of {first.links:,} links; {first.true_divisions} true divisions. A key a "
        f"look: {keys}. Findings taken: {taken}. Trained on {n_anchors:,} anchors, {n_flat} "
        "without an image.",
    )  # fmt: skip
