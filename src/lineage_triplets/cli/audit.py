"""The audit without a screen: sheets of pairs to judge, their answers, and what these come to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from lineage_triplets.cli import common
from lineage_triplets.cli.common import deciding, terminal
from lineage_triplets.engine.errors import MOST_LISTED, ConfigError, Problem, choices
from lineage_triplets.engine.files import read_whole, whole_files

if TYPE_CHECKING:
    from PIL import Image

    from lineage_triplets.qc.audit.answers import Queue
    from lineage_triplets.qc.audit.sheets import ToJudge
    from lineage_triplets.qc.audit.state import AuditState
    from lineage_triplets.qc.decide.review import Review

_ANSWERS = "answers.csv"


@deciding
def audit(
    review: Review,
    n: Annotated[
        int | None,
        typer.Option(
            "--pairs", "-n", min=1, help="How many of each experiment to judge; 149 if not said."
        ),
    ] = None,
    experiments: Annotated[
        list[str] | None,
        typer.Option("--experiment", help="Only this one; repeatable. All by default."),
    ] = None,
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the sheets and the answer file are written.")
    ] = Path("audit"),
    answers: Annotated[
        Path | None,
        typer.Option("--answers", help="Read this file of answers instead of writing sheets."),
    ] = None,
    overwrite: common.Overwrite = False,
) -> None:
    """Judge a blind sample of pairs on paper, and bound the share of wrong ones.

    Without answers: fixes how many pairs are judged, and writes sheets of those that nobody
    judged, with a file for the answers. With them: takes all answers, or says what is wrong.
    """
    names = experiments or [opened.config.name for opened in review.data.opened]
    for name in names:
        review.data.registry.get_experiment(name)
    if answers is None:
        _plan(review, names, n)
        _write_sheets(review, names, folder, overwrite=overwrite)
    else:
        _take(review, names, answers)
    _print_bounds([review.audit(name) for name in names])


def _plan(review: Review, names: list[str], n: int | None) -> None:
    from lineage_triplets.qc.audit.sample import DEFAULT_PAIRS

    for name in names:
        state = review.audit(name)
        if state.state in {"not begun", "void"} or (n is not None and n != state.planned):
            with terminal(stderr=True).status(Text(f"Drawing pairs of {name}")):
                review.plan_audit(name, n or DEFAULT_PAIRS)


def _write_sheets(review: Review, names: list[str], folder: Path, *, overwrite: bool) -> None:
    from lineage_triplets.qc.audit.sheets import ToJudge, answer_file

    left = [ToJudge.of_state(review.audit(name)) for name in names]
    left = [to_judge for to_judge in left if any(to_judge.numbers.values())]
    console = terminal()
    if not left:
        console.print("Everything was judged.")
        return
    # All are drawn before one is written: a damaged chunk leaves no half of an audit behind.
    with terminal(stderr=True).status("Drawing sheets"):
        drawn = {
            folder / f"{to_judge.experiment}_{queue}_{sheet:02d}.png": image
            for to_judge in left
            for queue in to_judge.numbers
            for sheet, image in enumerate(_sheets(review, to_judge, queue), 1)
        }
    text = folder / _ANSWERS
    with whole_files([*drawn, text], overwrite=overwrite) as temporary:
        for path, image in drawn.items():
            image.save(temporary[path], "PNG")
        temporary[text].write_text(answer_file(left), encoding="utf-8")
    lines = (
        f"wrote {len(drawn)} sheets to {folder}",
        f"Write same, wrong or cannot tell into {text}, then:",
        f"lineage-triplets audit {review.config_path} --answers {text}",
    )
    for line in lines:
        console.print(line, soft_wrap=True)


def _sheets(review: Review, to_judge: ToJudge, queue: Queue) -> list[Image.Image]:
    from lineage_triplets.qc.audit.sheets import sheets

    name = to_judge.experiment
    pairs = review.audit_pairs(name, queue)
    title = name if queue == "sample" else f"{name}, across divisions"
    return list(sheets(review.data, pairs, to_judge.numbers[queue], queue, title))


def _take(review: Review, names: list[str], file: Path) -> None:
    from lineage_triplets.qc.audit.sheets import read_answers

    try:
        text = read_whole(file).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem("bad-answers", f"the answers cannot be read: {error}.", file=str(file))
        raise ConfigError(problem) from None
    states = {name: review.audit(name) for name in names}
    taken = read_answers(text, states, str(file))
    for (name, queue), verdicts in taken.items():
        review.judge_all(name, verdicts, queue=queue)
    count = sum(map(len, taken.values()))
    terminal().print(f"took {count} answers from {file}")


def _print_bounds(states: list[AuditState]) -> None:
    """Print what each audit says, and how many more pairs without a wrong one would say more."""
    from lineage_triplets.engine.dataset.verification import percent
    from lineage_triplets.qc.audit.bound import LIMITS

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("experiment", overflow="fold")
    for title in ("judged", "wrong", "cannot tell", "at most wrong"):
        table.add_column(title, justify="right")
    table.add_column(f"more for {', '.join(f'{limit:.0%}' for limit in LIMITS)}", justify="right")
    for state in states:
        more = ", ".join(str(state.more_needed(limit)) for limit in LIMITS)
        so_far = " so far" if state.state == "running" else ""
        table.add_row(
            state.experiment,
            f"{state.judged} of {state.planned}",
            str(state.wrong),
            str(state.cannot_tell),
            f"{percent(state.bound)}{so_far}" if state.judged else "not known",
            more if state.state == "running" else "",
        )
    console = terminal()
    console.print(table)
    for state in states:
        notes = [state.why_void] if state.why_void else []
        if state.counts.disagreements:
            listed = choices(state.counts.disagreements, limit=MOST_LISTED)
            notes.append(f"people differ about pairs {listed}; the worse answer counts")
        if state.samples_before:
            notes.append(f"{len(state.samples_before)} samples before, of other pairs")
        for note in notes:
            console.print(f"  {state.experiment}: {note}")
