"""The command `audit`: sheets out, answers in, and every line that cannot be taken is named."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from lineage_triplets.cli import main
from lineage_triplets.qc import Review
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path)


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    def call(*arguments: Any) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stop:
            main(["audit", str(config), *map(str, arguments)])
        said = capsys.readouterr()
        return int(stop.value.code or 0), said.out + said.err

    return call


@pytest.fixture
def answers(run: Run, tmp_path: Path) -> Path:
    assert run("-n", 59, "--folder", tmp_path / "audit")[0] == 0
    return tmp_path / "audit" / "answers.csv"


def rows(answers: Path) -> list[list[str]]:
    return list(csv.reader(answers.read_text().splitlines()))


def fill(answers: Path, word: str = "same", *, sign: str = ",") -> None:
    head, *lines = rows(answers)
    filled = [head, *([*cells[:3], word] for cells in lines)]
    answers.write_text("\n".join(sign.join(cells) for cells in filled))


def test_sheets_and_a_line_for_every_pair_without_any_id(answers, tmp_path):
    names = sorted(path.name for path in answers.parent.iterdir() if path.suffix == ".png")
    assert names[:2] == ["early_divisions_01.png", "early_sample_01.png"]
    with Image.open(answers.parent / names[1]) as sheet:
        assert sheet.width > 500
    head, *lines = rows(answers)
    assert head == ["experiment", "sample", "pair", "answer"]
    with Review.open(tmp_path / "experiments.yml", read_only=True) as review:
        state = review.audit("early")
        own = [cells for cells in lines if cells[0] == "early"]
        assert [cells[2] for cells in own] == [
            *map(str, state.numbers),
            *(f"D{number}" for number in state.divisions.left),
        ]
        assert {cells[1] for cells in own} == {state.population[:12]}
    assert "A/1/0" not in answers.read_text()


@pytest.mark.parametrize(
    ("word", "sign"), [("same", ","), ("S", ";"), (" w ", "\t"), ("Cannot Tell", ","), ("?", ",")]
)
def test_answers_are_taken_as_people_write_them(answers, run, tmp_path, word, sign):
    fill(answers, word, sign=sign)
    code, said = run("--answers", answers)
    assert code == 0, said
    with Review.open(tmp_path / "experiments.yml", read_only=True) as review:
        state = review.audit("late")
        assert (state.state, state.divisions.enough) == ("finished", True)
        expected = {"s": 0, "w": state.wrong, "c": state.cannot_tell, "?": state.cannot_tell}
        assert expected[word.strip().lower()[0]] in {0, 59}
        assert state.wrong + state.cannot_tell == (0 if word in {"same", "S"} else 59)


def test_what_was_not_answered_waits(answers, run, tmp_path):
    head, first, *_ = rows(answers)
    answers.write_text("\n".join([",".join(head), ",".join([*first[:3], "same"])]))
    code, said = run("--answers", answers)
    assert code == 0
    assert "took 1 answers" in said
    assert "so far" in said
    code, said = run("--folder", tmp_path / "more")
    assert code == 0
    assert first[:3] not in [cells[:3] for cells in rows(tmp_path / "more" / "answers.csv")]


def test_every_line_that_cannot_be_taken_is_named_and_none_is_taken(answers, run, tmp_path):
    head, *lines = rows(answers)
    lines[0][3], lines[1][3] = "same", "perhaps"
    lines[2][2:] = ["600", "same"]
    lines[3][:] = ["others", "0", "1", "same"]
    lines[4][1:] = ["000000000000", lines[4][2], "same"]
    lines += [[*lines[0][:3], "wrong"], [*lines[0][:2], "D9", "same"], [*lines[0][:2], "x", "s"]]
    answers.write_text("\n".join(",".join(cells) for cells in [head, *lines]))
    code, said = run("--answers", answers)
    assert code == 1
    said = " ".join(said.split())
    for words in (
        "'perhaps' is no answer",
        "there is no pair '600'; there is: 1 to 59",
        "there is no experiment 'others'",
        "it is about the sample '000000000000'",
        "pair 1 has two answers, 'same' and 'wrong'",
        "there is no pair 'D9'; there is: D1 to D8",
        "there is no pair 'x'",
        "line 3",
    ):
        assert words in said
    with Review.open(tmp_path / "experiments.yml", read_only=True) as review:
        assert review.audit("early").judged == 0


def test_answers_without_a_plan_say_so_once_for_each_experiment(answers, run, config):
    fill(answers)
    with Review.open(config) as review:
        undone = [decision.words for decision in (*review.undo(), *review.undo())]
    assert undone == [
        "audit_plan experiment late: 59 pairs",
        "audit_plan experiment early: 59 pairs",
    ]
    code, said = run("--answers", answers)
    assert code == 1
    assert said.count("no sample is planned") == 2
    assert "audit CONFIG -n" in said
    assert "there is no pair" not in said
    # The same number gives the same sample.
    assert run("-n", 59, "--folder", answers.parent / "again")[0] == 0
    assert run("--answers", answers)[0] == 0


def test_answers_about_what_is_drawn_no_longer_are_refused(answers, run, tmp_path):
    fill(answers)
    with Review.open(tmp_path / "experiments.yml") as review:
        review.reject(review.target("lineage", "early_A/1/0_21"), "drifts")
    code, said = run("--answers", answers)
    assert code == 1
    assert "what pairs are drawn from changed since" in " ".join(said.split())
    assert run("--answers", answers, "--experiment", "late")[0] == 1
    code, said = run("--folder", tmp_path / "new")
    assert code == 0
    assert "void" not in said


@pytest.mark.parametrize("text", ["", "pair,answer\n1,same", "\x00\x01"])
def test_another_file_is_refused_with_what_it_should_be(run, answers, tmp_path, text):
    other = tmp_path / "other.csv"
    other.write_text(text)
    code, said = run("--answers", other)
    assert code == 1
    assert "experiment, sample, pair, answer" in said
    assert run("--answers", tmp_path / "none.csv")[0] == 1


def test_sheets_replace_nothing_unless_told(answers, run, tmp_path):
    fill(answers)
    before = answers.read_text()
    assert run("--folder", answers.parent)[0] == 1
    assert answers.read_text() == before
    assert run("--folder", answers.parent, "--overwrite")[0] == 0
    code, said = run("-n", 93, "--folder", tmp_path / "b")
    assert code == 0
    assert "0 of 93" in said


def test_two_people_are_told_where_they_differ(answers, run, tmp_path):
    fill(answers)
    assert run("--answers", answers, "--by", "ada")[0] == 0
    head, first, *_ = rows(answers)
    answers.write_text("\n".join([",".join(head), ",".join([*first[:3], "wrong"])]))
    code, said = run("--answers", answers, "--by", "bob")
    assert code == 0
    assert "people differ about pairs 1; the worse answer counts" in said
