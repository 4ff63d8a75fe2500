"""An audit on paper: numbered sheets without ids, and the file that the answers are written in."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem, choices, shown
from lineage_triplets.engine.pairs.forest import Relation
from lineage_triplets.qc.audit.answers import JUDGEMENTS, Judgement, Queue
from lineage_triplets.qc.look.pictures.blind import BlindPair, blind_sheet
from lineage_triplets.qc.look.pictures.page import drawn
from lineage_triplets.qc.look.strip import strip_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from PIL import Image

    from lineage_triplets.engine.settings.model import PositiveRelation
    from lineage_triplets.qc.audit.state import AuditState
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.open.data import ReviewData

COLUMNS = ("experiment", "sample", "pair", "answer")
PAIRS_A_SHEET = 20
_FRAMES = 5
_SAMPLE_DIGITS = 12
_DIVISION = "D"
_ASKED: dict[PositiveRelation, str] = {
    "same_track": "is it the same cell?",
    "descendant": "is it the same cell, or its offspring?",
    "lineage": "is it the same cell, or its offspring? (kin: of another branch of its lineage)",
}
_WORDS: dict[str, Judgement] = {
    "s": "same", "same": "same", "w": "wrong", "wrong": "wrong",
    "c": "cannot tell", "cannottell": "cannot tell", "?": "cannot tell",
}  # fmt: skip


@dataclass(frozen=True)
class ToJudge:
    """Pairs of an experiment that are left to judge.

    Attributes
    ----------
    experiment : str
    population : str
        Of the sample that they are from.
    numbers : dict of str to tuple of int
        By queue, ``"sample"`` and ``"divisions"``.
    """

    experiment: str
    population: str
    numbers: Mapping[Queue, tuple[int, ...]]

    @classmethod
    def of_state(cls, state: AuditState) -> ToJudge:
        """Take what nobody judged yet, and is asked for."""
        left = tuple(number for number in state.numbers if number not in state.verdicts)
        return cls(
            state.experiment,
            state.population,
            {"sample": left, "divisions": state.divisions.left},
        )


def sheets(
    data: ReviewData, pairs: PairList, numbers: Sequence[int], queue: Queue, title: str
) -> Iterator[Image.Image]:
    """Draw pairs by their numbers, so many a sheet; patches are read sheet by sheet.

    Raises
    ------
    StoreError, ChunkError
        Pixels cannot be read.
    """
    n_sheets = -(-len(numbers) // PAIRS_A_SHEET)
    for sheet in range(n_sheets):
        some = numbers[sheet * PAIRS_A_SHEET : (sheet + 1) * PAIRS_A_SHEET]
        blind = [_blind(data, pairs, number, pair_name(number, queue)) for number in some]
        asked = _ASKED[data.settings.positive_relation]
        said = f"{title}, sheet {sheet + 1} of {n_sheets}: {asked}"
        yield drawn(blind_sheet(blind, slot_labels=data.registry.slot_labels, title=said))


def pair_name(number: int, queue: Queue) -> str:
    """Name a pair on paper: ``"7"``, or ``"D7"`` of the queue across divisions."""
    return f"{_DIVISION if queue == 'divisions' else ''}{number}"


def _blind(data: ReviewData, pairs: PairList, number: int, name: str) -> BlindPair:
    """Take the anchor, the positive, and the cell at some frames between."""
    chosen = pairs.take([number - 1])
    anchors, positives = chosen.images()
    (anchor_yx,), (positive_yx,) = chosen.centres()
    strip = strip_of(data, chosen, 0)
    between = np.flatnonzero(strip.lanes[0].present[1:-1]) + 1
    evenly = np.linspace(0, len(between) - 1, min(len(between), _FRAMES - 2)).round()
    between = between[evenly.astype(np.int64)]
    centres = strip.centres(0)
    steps = (strip.frames - strip.frames[0]).tolist()
    kin = Relation(int(chosen.relation[0])).is_collateral
    return BlindPair(
        name,
        [anchors[0], *strip.images(0, between), positives[0]],
        [anchor_yx, *(centres[place] or (0.0, 0.0) for place in between.tolist()), positive_yx],
        [0, *(steps[place] for place in between.tolist()), steps[-1]],
        kin,
    )


def answer_file(left: Sequence[ToJudge]) -> str:
    """Write the file for the answers, a line a pair, as CSV with a head."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for to_judge in left:
        for queue, numbers in to_judge.numbers.items():
            for number in numbers:
                sample = to_judge.population[:_SAMPLE_DIGITS]
                writer.writerow([to_judge.experiment, sample, pair_name(number, queue), ""])
    return text.getvalue()


def read_answers(
    text: str, states: Mapping[str, AuditState], file: str = ""
) -> dict[tuple[str, Queue], dict[int, Judgement]]:
    """Read the answers that people wrote; lines without one are left out.

    Parameters
    ----------
    text : str
        As of `answer_file`; commas, semicolons or tabs.
    states : mapping of str to AuditState
        How far the audit of each experiment is.
    file : str
        Its name, for messages.

    Raises
    ------
    ConfigError
        One problem for each line that cannot be taken; nothing is.
    """
    dialect = next((sign for sign in ("\t", ";", ",") if sign in text.partition("\n")[0]), ",")
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=dialect))
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    if not set(COLUMNS) <= set(head):
        raise ConfigError(
            Problem(
                "bad-answers", f"the first line has {choices(head)}.",
                f"It names the columns {choices(COLUMNS)}; `audit` writes such a file.", file=file,
            )
        )  # fmt: skip
    places = [head.index(name) for name in COLUMNS]
    answers: dict[tuple[str, Queue], dict[int, Judgement]] = {}
    problems, unplanned = [], dict[str, None]()
    for line, cells in enumerate(rows[1:], 2):
        padded = cells + [""] * len(head)
        given = [padded[place].strip() for place in places]
        if not given[-1]:
            continue
        if _waits_for_plan(given, states):
            unplanned[given[0]] = None
            continue
        wrong = _taken(given, states, answers)
        if wrong:
            problems.append(
                Problem("bad-answers", wrong, experiment=given[0], file=file, line=line)
            )
    problems += [
        Problem(
            "no-audit", "no sample is planned, or its plan was undone.",
            "Plan one: `audit CONFIG -n NUMBER --folder NEW`. If the number is the one before, and "
            "nothing was decided since, this file is of that sample.",
            experiment=name, file=file,
        )
        for name in unplanned
    ]  # fmt: skip
    if problems:
        raise ConfigError(*problems)
    return answers


def _waits_for_plan(given: list[str], states: Mapping[str, AuditState]) -> bool:
    """Whether a line is about the sample that would be drawn now, if one was planned."""
    state = states.get(given[0])
    return (
        state is not None
        and not state.planned
        and given[1] == state.population[:_SAMPLE_DIGITS]
        and not given[2].upper().startswith(_DIVISION)
    )


def _taken(
    given: list[str],
    states: Mapping[str, AuditState],
    answers: dict[tuple[str, Queue], dict[int, Judgement]],
) -> str:
    """Take one line up; gives what is wrong with it, empty for nothing."""
    experiment, sample, name, word = given
    state = states.get(experiment)
    if state is None:
        return f"there is no experiment {shown(experiment)}; there is: {choices(states)}."
    if sample != state.population[:_SAMPLE_DIGITS]:
        return (
            f"it is about the sample {shown(sample)}, and the sample now is "
            f"{state.population[:_SAMPLE_DIGITS]!r}: what pairs are drawn from changed since. "
            "Write the sheets anew."
        )
    queue: Queue = "divisions" if name.upper().startswith(_DIVISION) else "sample"
    digits = name[len(_DIVISION) :] if queue == "divisions" else name
    most = state.divisions.needed if queue == "divisions" else state.planned
    if not (digits.isascii() and digits.isdigit()) or not 1 <= int(digits) <= most:
        of_them = f"{pair_name(1, queue)} to {pair_name(most, queue)}" if most else "none"
        return f"there is no pair {shown(name)}; there is: {of_them}."
    verdict = _WORDS.get("".join(word.lower().split()))
    if verdict is None:
        return f"{shown(word)} is no answer; write one of: {choices(JUDGEMENTS)}, or s, w, c."
    of_queue = answers.setdefault((experiment, queue), {})
    before = of_queue.setdefault(int(digits), verdict)
    if before != verdict:
        return f"pair {name} has two answers, {before!r} and {verdict!r}."
    return ""
