"""Findings that another thread looks for, where they are, and what settles them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.qc.decide.channels import chosen_slots, images_hash
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.find import Finding, finding_place
from lineage_triplets.qc.find.checks import TABLE_CHECKS
from lineage_triplets.qc.find.pixels.scan_order import ScanOrder
from lineage_triplets.qc.record.decision import Target
from reviews import SHAPE, experiments, field, save, single
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from collections.abc import Callable

PLACE = ("early", "A/1/0")


def in_thread(action: Callable[[], Any]) -> Any:
    """Do something in another thread, and give or raise what it gave."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(action).result()


def keys(review: Review) -> list[str]:
    return [one.finding.key for one in review.findings()]


def test_images_scanned_in_another_thread_are_kept_by_this_one(tmp_path):
    pixels = numbered_pixels(SHAPE, seed=1)
    pixels[5] = 0
    bad = make_experiment(
        tmp_path, "bad", {"A/1/0": field()}, channels=("Phase", "GFP"),
        source_channel=("Phase", "GFP"), pixels=pixels,
    )  # fmt: skip
    path = save(tmp_path / "config.yml", [bad])
    told = []
    with Review.open(path) as review:
        review.events.findings.connect(lambda: told.append(1))
        snapshot = review.snapshot()
        frames = []
        scan = in_thread(
            lambda: snapshot.checks.scan_pixels(
                "bad", "A/1/0", on_frame=lambda *one: frames.append(one)
            )
        )
        assert frames[-1] == (SHAPE[0], SHAPE[0])
        assert (review.checks.scanned, told) == (set(), [])
        review.take_pixels(scan)
        assert review.checks.scanned == {("bad", "A/1/0")}
        assert "blank-frame:bad:A/1/0:t5" in keys(review)
        assert told == [1]

    with Review.open(path) as again:
        scan = again.checks.scan_pixels("bad", "A/1/0")
        assert scan.result.n_frames == 0
        assert again.checks.scan_pixels("bad", "A/1/0", anew=True).result.n_frames == SHAPE[0]


def test_a_scan_that_is_stopped_gives_nothing(review):
    assert review.snapshot().checks.scan_pixels(*PLACE, stop=lambda: True) is None


def test_checks_of_tables_are_stopped_amid_a_long_one_and_begin_anew(review):
    asked = []

    def stop_at_last() -> bool:
        asked.append(1)
        return len(asked) == most

    most = 0
    whole = review.snapshot()
    whole.checks.check_tables(stop_at_last)
    # Those of doubt ask before each part of their work.
    most, asked = len(asked), []
    assert most > len(TABLE_CHECKS) + 5
    stopped = review.snapshot()
    stopped.checks.check_tables(stop_at_last)
    assert len(asked) == most
    assert not review.checks.take_up(stopped.checks)
    stopped.checks.check_tables()
    assert review.checks.take_up(stopped.checks)


def test_images_scanned_under_another_mapping_are_kept_but_not_shown(review):
    snapshot = review.snapshot()
    scan = in_thread(lambda: snapshot.checks.scan_pixels(*PLACE))
    review.remap("early", {0: "GFP", 1: "Phase"})
    review.take_pixels(scan)
    assert review.checks.scanned == set()

    review.undo()
    review.checks.recall_pixels()
    assert review.checks.scanned == {PLACE}


def test_the_fov_on_screen_is_scanned_next():
    order = ScanOrder()
    order.want_first(("a", "3"))
    order.put([("a", "1"), ("a", "2"), ("a", "3")])
    assert order.take() == ("a", "3")
    order.want_first(("a", "3"))
    assert order.take() == ("a", "1")
    assert (order.take(), order.take()) == (("a", "2"), None)


def test_proofs_made_anew_after_a_remap_are_taken_up(review):
    review.checks.check_channels()
    review.remap("early", {0: "GFP", 1: "Phase"})
    assert [one.proof for one in review.checks.inspection.of_experiment("early")] == [None, None]
    snapshot = review.snapshot()
    in_thread(snapshot.checks.check_channels)
    review.take_up(snapshot)
    proofs = [one.proof for one in review.checks.inspection.of_experiment("early")]
    assert [(one.channel, one.holds) for one in proofs] == [("GFP", True), ("Phase", True)]


def test_proofs_are_not_replaced_by_an_inspection_without(review):
    before = review.snapshot()
    before.checks.check_channels(stop=lambda: True)
    review.checks.check_channels()
    whole = review.checks.inspection
    review.take_up(before)
    assert review.checks.inspection is whole


def test_choosing_a_channel_of_another_slot_exchanges_the_two(review):
    assert chosen_slots(["Phase", "GFP", "RFP"], 0, "RFP") == {0: "RFP", 2: "Phase"}
    assert chosen_slots(["Phase", "GFP"], 1, "RFP") == {1: "RFP"}
    assert chosen_slots(["Phase", "GFP"], 1, "GFP") == {1: "GFP"}
    review.remap("early", chosen_slots(["Phase", "GFP"], 0, "GFP"))
    assert review.data.experiments[0].source_channel == ["GFP", "Phase"]


def test_approved_with_a_hash_that_another_thread_read(review):
    snapshot = review.snapshot()
    images = in_thread(lambda: images_hash(snapshot.data, "late"))
    assert review.approve("late", images=images).value["images"] == images
    assert review.approval("late").holds
    review.approve("late", images="others")
    assert review.approval("late").why_not == "the images are others than those that were approved"


def finding(**changes: Any) -> Finding:
    of_track = Finding("jump", "warning", "It jumps.", experiment=PLACE[0], fov=PLACE[1])
    return replace(of_track, **changes)


def test_a_finding_is_where_its_worst_track_is_at_its_frame(review):
    place = finding_place(review.data, finding(tracks=(11, 1), t=4))
    assert (place.experiment, place.fov, place.t) == (*PLACE, 4)
    assert (place.y, place.x, place.z) == (34.0, pytest.approx(17.2), 0.0)
    assert place.tracks == ("11", "1")


def test_a_finding_without_frame_is_where_its_track_begins(review):
    place = finding_place(review.data, finding(tracks=(12,)))
    assert (place.t, place.y) == (8, pytest.approx(32.5))


def test_a_finding_of_no_cell_or_no_fov(review):
    place = finding_place(review.data, finding(t=3))
    assert (place.t, place.y, place.tracks) == (3, None, ())
    assert finding_place(review.data, finding(fov="")) is None
    assert finding_place(review.data, finding(fov="C/9/9")) is None


def test_after_a_cut_a_finding_is_of_the_part_that_has_its_frame(review):
    review.cut(Target("link", *PLACE, track="21", t=6), "another cell")
    for t, part in ((5, "21"), (6, "21@6")):
        assert finding_place(review.data, finding(tracks=(21,), t=t)).tracks == (part,)
    everywhere = finding_place(review.data, finding(tracks=(21,)))
    assert (everywhere.tracks, everywhere.t) == (("21", "21@6"), 0)


def test_an_alternative_is_settled_in_one_step(review):
    links = [Target("link", *PLACE, track="1", daughter=2), Target("link", *PLACE, track="21", t=5)]
    frame = Target("frame", *PLACE, t=3)
    made = review.settle([*links, frame], "they exchange cells")
    assert [(one.kind, one.target) for one in made] == [
        ("cut", links[0]), ("cut", links[1]), ("reject", frame)
    ]  # fmt: skip
    assert {one.reason for one in made} == {"they exchange cells"}
    review.undo()
    assert review.decisions == ()


def test_what_is_decided_already_is_not_decided_again(review):
    track, frame = Target("track", *PLACE, track="2"), Target("frame", *PLACE, t=3)
    review.reject(track, "dead")
    made = review.settle([track, frame], "blank")
    assert [one.target for one in made] == [frame]
    assert review.settle([track, frame], "blank") == ()


def test_rejecting_a_track_that_was_cut_settles_its_finding(tmp_path):
    twins = pd.concat([field(), single(31, 24, 50.5)])
    listed = experiments(tmp_path)
    listed[1] = make_experiment(
        tmp_path, "twins", {"A/1/0": twins}, channels=("Phase", "GFP"),
        source_channel=("Phase", "GFP"), pixels=numbered_pixels(SHAPE, seed=4),
    )  # fmt: skip
    with Review.open(save(tmp_path / "config.yml", listed)) as review:
        review.checks.check_tables()
        (found,) = [one for one in review.findings() if one.finding.kind == "duplicate-track"]
        review.cut(Target("link", "twins", "A/1/0", track="31", t=6), "another cell")
        alternative = next(
            one for one in found.finding.settled_by if one[0].track == "31"
        )  # fmt: skip
        review.settle(alternative, "twice")
        assert {one.track for one in review.effect.rejected} == {"31", "31@6"}
        (found,) = [one for one in review.findings() if one.finding.kind == "duplicate-track"]
        assert (found.status, found.decision.reason) == ("settled", "twice")


def test_nothing_is_settled_without_a_reason_or_where_one_is_not_there(review):
    frame, gone = Target("frame", *PLACE, t=3), Target("track", *PLACE, track="99")
    with pytest.raises(ConfigError, match="no reason"):
        review.settle([frame], " ")
    with pytest.raises(ConfigError, match="there is no track"):
        review.settle([frame, gone], "blank")
    assert review.decisions == ()
