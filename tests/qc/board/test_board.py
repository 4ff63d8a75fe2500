"""The board's model: the state of every FOV, how far the review is, and small pictures."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lineage_triplets.qc import Review
from lineage_triplets.qc.board.progress import board_of, steps_a_minute
from lineage_triplets.qc.look.thumbnail import read_thumbnail
from lineage_triplets.qc.record.decision import Decision, HistoryEntry, Target
from reviews import N_FRAMES, SHAPE, field, save
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.qc.board.fovs import FovState

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
BLANK = 4


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three FOVs of ``early``: one has a blank frame, of one the table is broken."""
    folder = tmp_path_factory.mktemp("board")
    pixels = {name: numbered_pixels(SHAPE, seed=k) for k, name in enumerate(("A/1/0", "B/2/0"))}
    pixels["B/2/0"][BLANK] = 7
    pixels["C/3/0"] = pixels["A/1/0"]
    listed = [
        make_experiment(
            folder,
            "early",
            dict.fromkeys(pixels, field()),
            channels=("Phase", "GFP"),
            source_channel=("GFP", "Phase"),
            pixels=pixels,
        )
    ]
    (table,) = folder.rglob("C/3/0/tracks.csv")
    table.write_text("track_id,t\n1,0\n")
    return save(folder / "experiments.yml", listed)


@pytest.fixture
def review(root: Path, tmp_path: Path) -> Iterator[Review]:
    with Review.open(root, by="ada", decisions=tmp_path / "decisions.db") as opened:
        yield opened


def states(review: Review) -> dict[str, FovState]:
    return {state.fov: state for state in board_of(review).fovs}


def test_every_fov_is_there_with_its_cells_also_one_that_cannot_be_read(review):
    found = states(review)

    assert list(found) == ["A/1/0", "B/2/0", "C/3/0"]
    one = found["A/1/0"]
    expected = np.bincount(field()["t"], minlength=N_FRAMES)
    assert one.cells.tolist() == expected.tolist()
    assert (one.state, one.n_lineages, one.n_left_out) == ("untouched", 3, 0)
    broken = found["C/3/0"]
    assert broken.state == "broken"
    assert "tracks" in broken.why_broken or "column" in broken.why_broken
    assert board_of(review).next.fov == "C/3/0"


def test_what_was_decided_makes_the_state(review):
    review.check(channels=False, placement=False)
    assert board_of(review).progress.n_done == 0

    review.reject(Target("lineage", "early", "A/1/0", track="21"), "drifts")
    partly = states(review)["A/1/0"]
    open_before = [
        found.finding.key
        for found in review.findings()
        if found.status == "open"
        and found.finding.fov == "A/1/0"
        and found.finding.severity in {"error", "warning"}
    ]
    assert partly.n_pressing == len(open_before)
    assert partly.state == ("begun" if open_before else "partly rejected")
    for key in open_before:
        review.waive(key, "as it should be")
    assert states(review)["A/1/0"].state == "partly rejected"
    assert states(review)["A/1/0"].n_left_out == N_FRAMES

    review.accept(Target("fov", "early", "A/1/0"))
    assert states(review)["A/1/0"].state == "accepted"
    review.reject(Target("well", "early", "B/2"), "empty")
    review.reject(Target("fov", "early", "C/3/0"), "no table")
    found = states(review)
    assert [found[name].state for name in ("B/2/0", "C/3/0")] == ["rejected", "rejected"]
    board = board_of(review)
    assert (board.progress.n_done, board.next) == (3, None)


def test_with_all_rejected_there_is_a_board(review):
    for name in ("A/1/0", "B/2/0"):
        review.reject(Target("fov", "early", name), "empty")

    assert {states(review)[name].state for name in ("A/1/0", "B/2/0")} == {"rejected"}


def test_a_blank_frame_is_marked_once_images_were_scanned(review):
    assert not states(review)["B/2/0"].scanned

    review.checks.check_pixels()

    found = states(review)["B/2/0"]
    assert found.scanned
    assert BLANK in found.bad_frames
    assert found.bad_frames[BLANK] == "blank-frame"


def entry(number: int, minutes: float, by: str = "ada", group: int = 0) -> HistoryEntry:
    at = (NOON + timedelta(minutes=minutes)).isoformat()
    made = Decision(
        "accept", Target("fov", "e", "A/1/0"), number=number, group=group or number, by=by, at=at
    )
    return HistoryEntry(group or number, at, by, "decided", made)


def test_pace_is_of_the_sitting_that_goes_on():
    before = [entry(1, 0), entry(2, 1)]
    # A pause of 28 minutes; the fourth step has two decisions, the sixth is somebody else's.
    now = [entry(3, 29), entry(4, 30, group=40), entry(5, 30, group=40), entry(60, 31)]
    now += [entry(70, 31.5, by="bea"), entry(80, 32)]

    pace = steps_a_minute(before + now, "ada", NOON + timedelta(minutes=33))

    assert pace == pytest.approx(1.0)
    assert steps_a_minute(before + now, "ada", NOON + timedelta(minutes=60)) is None
    assert steps_a_minute(before, "ada", NOON + timedelta(minutes=2)) is None
    assert steps_a_minute([], "ada", NOON) is None


def test_a_thumbnail_is_the_middle_frame_of_the_slot_or_says_why_not(review):
    source = review.data.raw.fovs[0]
    expected = numbered_pixels(SHAPE, seed=0)[N_FRAMES // 2, source.channels[1], 0]

    whole = read_thumbnail(source, 1, side_px=64)
    small = read_thumbnail(source, 1, side_px=32)

    assert np.array_equal(whole.values, expected.astype(np.float32))
    assert small.values.shape == (24, 32)
    blocks = expected.reshape(24, 2, 32, 2).mean(axis=(1, 3))
    assert np.allclose(small.values, blocks, rtol=1e-3)
    assert (whole.note, whole.fault) == ("", "")


def test_a_thumbnail_of_a_damaged_or_absent_store_says_so(review, tmp_path):
    source = review.data.raw.fovs[1]
    chunk = Path(source.fov.array_path)
    kept = tmp_path / "kept"
    shutil.move(chunk, kept)
    try:
        assert read_thumbnail(source, 0, 64).fault
    finally:
        shutil.move(kept, chunk)
    assert read_thumbnail(source, 0, 64).fault == ""
