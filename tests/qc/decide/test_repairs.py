"""Links made, taken back, exchanged and kept: what holds then, and what is refused."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from typer.testing import CliRunner

from lineage_triplets import MultiExperimentIndex, load_config
from lineage_triplets.cli.app import app
from lineage_triplets.engine.errors import ConfigError, UnknownNameError
from lineage_triplets.qc.decide.links import join_of, link_into, swap_targets
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.export.collection import collection_of
from lineage_triplets.qc.export.export import export_review, plan_export
from lineage_triplets.qc.export.script import commands_of
from lineage_triplets.qc.gate import gate_points, open_points
from lineage_triplets.qc.record.decision import Target
from reviews import WITHOUT, family, save, single
from stores import make_experiment, numbered_pixels, write_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOV = ("one", "A/1/0")
SHAPE = (14, 1, 1, 48, 64)


def cells() -> pd.DataFrame:
    """A family of 1, 2 and 3; 21 and 22; 31 to t = 5, which 32 goes on from t = 7."""
    broken = single(31, 40, 20)
    broken = broken[broken["t"] != 6]
    broken = broken.assign(track_id=broken["track_id"].mask(broken["t"] > 6, 32))
    return pd.concat([family(1, 12, 14), single(21, 24, 50), single(22, 30, 50), broken])


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repairs")
    pixels = numbered_pixels(SHAPE)
    fovs = {"A/1/0": cells(), "B/1/0": cells()}
    listed = [make_experiment(root, "one", fovs, channels=["Phase"], pixels=pixels)]
    return save(root / "c.yml", listed)


@pytest.fixture
def review(config: Path, tmp_path: Path) -> Iterator[Review]:
    with Review.open(config, by="ada", decisions=tmp_path / "d.db") as opened:
        yield opened


def join(track: int, t: int, to_track: int, to_t: int, fov: str = "A/1/0") -> Target:
    return Target("join", "one", fov, track=str(track), t=t, daughter=to_track, to_t=to_t)


def link(track: int, *, t: int | None = None, daughter: int | None = None) -> Target:
    return Target("link", *FOV, track=str(track), t=t, daughter=daughter)


def thing(level: str, track: str, t: int | None = None) -> Target:
    return Target(level, *FOV, track=track, t=t)


GAP = join(31, 5, 32, 7)


def named(index: MultiExperimentIndex, column: str = "global_track_id") -> dict[tuple, str]:
    """Name of each cell of the first FOV, by the table's track and frame."""
    table = index.tracks
    table = table[table["fov_name"] == FOV[1]]
    words = table[column].str.removeprefix("one_A/1/0_")
    return dict(zip(zip(table["track_id"], table["t"], strict=True), words, strict=True))


def given(review: Review) -> set[tuple[int, int]]:
    return set(named(review.data.training))


def made(decisions: tuple) -> list[tuple[str, str]]:
    """What was decided, in words without the place."""
    return [(one.kind, str(one.target).replace("one A/1/0 ", "")) for one in decisions]


# What holds.


def test_a_cell_that_nothing_follows_goes_on_and_both_tracks_are_one(review):
    assert made(review.link(GAP, "same cell")) == [
        ("link", "link of track 31 at t = 5 to track 32 at t = 7")
    ]
    found = named(review.data.training)
    assert {found[31, 0], found[32, 7], found[32, 13]} == {"31"}
    assert review.data.config.link[0].reason == "same cell"
    review.unlink(GAP)
    assert named(review.data.training)[32, 7] == "32"
    assert not review.data.config.link
    review.undo()
    assert named(review.data.training)[32, 7] == "31"


def test_a_cell_that_is_followed_divides(review):
    review.link(join(21, 6, 32, 7), "her daughter")
    tracks, lineages = (
        named(review.data.training, column) for column in ("global_track_id", "lineage_id")
    )
    assert (tracks[21, 6], tracks[21, 7], tracks[32, 7]) == ("21", "21@7", "32")
    assert {lineages[21, 6], lineages[21, 7], lineages[32, 13]} == {"21"}


def test_two_links_exchange_their_ends_in_one_step(review):
    decisions = review.swap(link(21, t=7), link(22, t=7), "exchanged")
    assert [kind for kind, _ in made(decisions)] == ["cut", "cut", "link", "link"]
    assert len({one.group for one in decisions}) == 1
    found = named(review.data.training)
    assert (found[21, 6], found[22, 7], found[22, 6], found[21, 7]) == ("21", "21", "22", "22")
    assert len(review.undo()) == 4
    assert named(review.data.training)[22, 7] == "22"
    review.redo()
    again = review.swap(join(21, 6, 22, 7), join(22, 6, 21, 7), "not so")
    assert [kind for kind, _ in made(again)] == ["unlink", "unlink", "link", "link"]
    assert named(review.data.training)[22, 7] == "22"


def test_a_daughter_is_exchanged_with_what_another_cell_goes_on_as(review):
    review.swap(link(1, daughter=2), link(21, t=6), "the wrong daughter")
    tracks, lineages = (
        named(review.data.linked, column) for column in ("global_track_id", "lineage_id")
    )
    assert {lineages[1, 0], lineages[21, 6], lineages[3, 6]} == {"1"}
    assert (tracks[21, 5], tracks[2, 6], lineages[2, 6]) == ("21", "21", "21")


def test_alternatives_may_hold_joins_beside_cuts_and_rejections(review):
    targets = (thing("track", "3"), *swap_targets(review.data, link(21, t=7), link(22, t=7)))
    decisions = review.settle(targets, "by the finding")
    assert [kind for kind, _ in made(decisions)] == ["cut", "cut", "link", "link", "reject"]
    assert review.settle(targets, "again") == ()
    assert named(review.data.training)[22, 7] == "21"


def test_of_repairs_that_conflict_those_that_fit_are_made_in_one_step(review):
    repairs = [(GAP,), (join(22, 6, 32, 7),), (thing("track", "3"),), (link(21, t=4),)]
    decisions, left = review.settle_all(repairs, "all at once")
    assert {kind for kind, _ in made(decisions)} == {"cut", "link", "reject"}
    assert [words for kind, words in made(decisions) if kind == "link"] == [
        "link of track 31 at t = 5 to track 32 at t = 7"
    ]
    assert list(left) == [1]
    assert "track 32" in left[1]
    assert len(review.undo()) == 3
    assert review.effect.cuts == review.effect.links == review.effect.rejected == {}
    with pytest.raises(ConfigError, match="no reason"):
        review.settle_all(repairs, " ")


def test_a_link_of_an_alternative_takes_the_place_of_an_older_one(review):
    review.link(GAP, "same cell")
    decisions = review.settle((join(22, 6, 32, 7),), "her daughter")
    assert [kind for kind, _ in made(decisions)] == ["unlink", "link"]
    assert named(review.data.training, "lineage_id")[32, 7] == "22"


def test_what_a_step_rejects_is_named_as_it_is_after_its_links(review):
    decisions = review.settle((link(32, t=9), GAP, thing("track", "32")), "dirt")
    assert ("reject", "track one_A/1/0_31") in made(decisions)
    assert ("reject", "track one_A/1/0_32@9") in made(decisions)
    assert not given(review) & {(31, 0), (32, 7), (32, 13)}


def test_the_helpers_name_links_by_their_cells(review):
    assert join_of(review.data, link(1, daughter=2), link(21, t=6)) == join(1, 5, 21, 6)
    assert link_into(review.data, *FOV, 2, 6) == link(1, daughter=2)
    assert link_into(review.data, *FOV, 21, 6) == link(21, t=6)
    review.link(GAP, "same cell")
    assert link_into(review.data, *FOV, 32, 7) == GAP
    review.cut(link(21, t=6), "jumps")
    for track, t in ((21, 6), (22, 0)):
        with pytest.raises(ConfigError, match="No link leads"):
            link_into(review.data, *FOV, track, t)


# What is refused.


@pytest.mark.parametrize(
    ("wanted", "kind", "words"),
    [
        (join(31, 5, 99, 7), "unknown-target", "no track 99"),
        (
            join(31, 6, 32, 7),
            "unknown-target",
            "Track 31 has no cell at t = 6: its frames are 0 to 5",
        ),
        (join(31, 5, 32, 7, fov="A/1/9"), "unknown-join", "no FOV"),
        (join(32, 8, 31, 5), "bad-link", "forward in time"),
        (join(31, 5, 22, 7), "bad-link", "follows track 22 at t = 6 already"),
        (join(31, 5, 2, 6), "bad-link", "follows track 1 at t = 5 already"),
        (join(22, 6, 22, 7), "bad-link", "the table has"),
        (link(21, t=7), "bad-link", "is the table's"),
    ],
)
def test_a_link_that_cannot_be_is_refused(review, wanted, kind, words):
    with pytest.raises((ConfigError, UnknownNameError), match=words) as refused:
        review.link(wanted, "same cell")
    assert [problem.kind for problem in refused.value.problems] == [kind]
    assert not review.decisions


def test_no_link_is_of_a_fov_whose_table_is_not_read(review):
    review.choose(include_wells=["B/1"])
    for refused in (lambda: review.link(GAP, "same cell"), lambda: review.cut(link(21, t=7), "no")):
        with pytest.raises(ConfigError, match="No table of that FOV is read"):
            refused()


def test_what_is_in_the_way_is_named_with_what_would_do_both(review):
    with pytest.raises(ConfigError, match=r"Cut the link inside one A/1/0 track 22 .* `swap`"):
        review.link(join(31, 5, 22, 7), "same cell")
    review.link(GAP, "same cell")
    with pytest.raises(ConfigError, match="there already"):
        review.link(GAP, "same cell")
    with pytest.raises(ConfigError, match="follows track 31 at t = 5 already, by a link"):
        review.link(join(22, 6, 32, 7), "another cell")
    with pytest.raises(ConfigError, match="Nobody made it"):
        review.unlink(join(22, 6, 32, 7))
    with pytest.raises(ConfigError, match="no reason"):
        review.link(join(22, 6, 32, 7), " ")
    with pytest.raises(ConfigError, match="no ends to exchange"):
        review.swap(link(1, daughter=2), link(1, daughter=3), "exchanged")
    assert len(review.decisions) == 1


# What was rejected and accepted.


def test_a_rejected_cell_stays_rejected_by_its_new_name(review):
    review.reject(thing("observation", "32", 9), "dead")
    review.reject(thing("observation", "22", 9), "dead")
    review.link(GAP, "same cell")
    decisions = review.swap(link(21, t=7), link(22, t=7), "exchanged")
    assert ("reject", "observation one_A/1/0_21 at t = 9") in made(decisions)
    assert not given(review) & {(32, 9), (22, 9)}
    assert (21, 9) in given(review)
    review.unlink(GAP)
    assert not given(review) & {(32, 9), (22, 9)}
    plan = plan_export(review, "unused", draft=True, **WITHOUT)
    index = review.data.index_of(plan.config)
    assert not [problem for problem in index.problems if "unmatched" in problem.kind]


@pytest.mark.parametrize("level", ["track", "lineage"])
@pytest.mark.parametrize("track", ["31", "32"])
def test_a_link_joins_nothing_with_what_is_rejected(review, level, track):
    review.reject(thing(level, track), "debris")
    with pytest.raises(ConfigError, match=rf"{level} one_A/1/0_{track} is rejected \(debris\)"):
        review.link(GAP, "same cell")
    review.undecide(thing(level, track))
    review.link(GAP, "same cell")


def test_a_link_between_rejected_tracks_leaves_one_rejection(review):
    for track in ("31", "32"):
        review.reject(thing("track", track), "debris")
    decisions = review.link(GAP, "same cell")
    assert made(decisions)[1:] == [("undecided", "track one_A/1/0_32")]
    assert not given(review) & {(31, 0), (32, 9)}
    assert [target.track for target in review.effect.rejected] == ["31"]
    review.undo()
    assert {target.track for target in review.effect.rejected} == {"31", "32"}


def test_what_was_accepted_and_is_something_else_now_is_undecided(review):
    for track in ("21", "22", "31", "32"):
        review.accept(thing("lineage", track))
    review.swap(link(21, t=7), link(22, t=7), "exchanged")
    assert {target.track for target in review.effect.accepted} == {"21", "22", "31", "32"}
    review.link(GAP, "same cell")
    assert {target.track for target in review.effect.accepted} == {"21", "22", "31"}


def test_a_lineage_that_takes_in_what_nobody_accepted_is_undecided(review):
    review.accept(thing("lineage", "31"))
    assert ("undecided", "lineage one_A/1/0_31") in made(review.link(GAP, "same cell"))
    review.undo()
    assert [target.track for target in review.effect.accepted] == ["31"]


def test_what_is_rejected_stays_so_when_links_and_cuts_are_withdrawn(review):
    (linked,) = review.link(GAP, "same cell")
    review.reject(thing("lineage", "31"), "debris")
    decisions = review.withdraw(linked)
    assert made(decisions)[1:] == [("reject", "lineage one_A/1/0_32")]
    assert not given(review) & {(31, 0), (32, 9)}
    assert len(review.undo()) == 2

    cut = review.cut(link(21, t=7), "jumps")
    review.reject(thing("track", "21@7"), "debris")
    with pytest.raises(ConfigError, match="one_A/1/0_21@7 is rejected"):
        review.withdraw(cut)
    review.reject(thing("track", "21"), "debris")
    assert ("undecided", "track one_A/1/0_21@7") in made(review.withdraw(cut))
    assert not given(review) & {(21, 0), (21, 9)}


# What becomes of it later.


def test_a_link_whose_cut_is_taken_back_is_a_finding_until_it_is_unlinked(review):
    cut = review.cut(link(22, t=7), "jumps")
    review.link(join(31, 5, 22, 7), "same cell")
    review.withdraw(cut)
    assert named(review.data.training)[22, 7] == "22"
    (found,) = [
        one
        for one in review.check(channels=False, placement=False)
        if one.finding.kind == "bad-link"
    ]
    assert (found.status, found.finding.severity, found.can_be_waived) == ("open", "error", False)
    assert "track 22 at t = 7" in found.finding.sentence
    assert "Unlink" in found.finding.remedy
    assert [point.kind for point in open_points(gate_points(review)) if point.kind == "loading"]
    review.unlink(join(31, 5, 22, 7))
    assert not [one for one in review.findings() if one.finding.kind == "bad-link"]


def test_links_of_a_table_that_changed_are_stale_until_confirmed(review, config):
    review.link(GAP, "same cell")
    review.keep([link(21, t=7)])
    tracks = config.parent / "one_tracks"
    before = cells()
    try:
        write_tables(tracks, {"A/1/0": before.assign(y=before["y"] + 1)})
        review.reload()
        assert [one.kind for one in review.effect.stale] == ["link", "keep"]
        assert named(review.data.training)[32, 7] == "32"
        review.confirm(*review.effect.stale)
        assert named(review.data.training)[32, 7] == "31"
    finally:
        write_tables(tracks, {"A/1/0": before})


def test_links_are_stale_where_frames_are_others(review):
    review.link(GAP, "same cell")
    review.place("one", {"first_frame": 1})
    assert [one.kind for one in review.effect.stale] == ["link"]


def test_what_is_exported_draws_what_the_review_showed(review, tmp_path):
    review.swap(link(21, t=7), link(22, t=7), "exchanged")
    review.swap(link(1, daughter=2), link(21, t=6), "the wrong daughter")
    review.link(GAP, "same cell")
    review.reject(thing("lineage", "31"), "debris")
    shown = review.pairs(n=10_000)
    path = export_review(review, tmp_path / "out", draft=True, formats=["config"]).files["config"]
    with Review.open(path, by="bea") as again:
        exported = again.pairs(n=10_000)
        assert not [one for one in again.checks.config_problems if "unmatched" in one.kind]
        assert again.effect.links.keys() == review.effect.links.keys()
    assert len(shown.anchors) > 50
    assert exported.anchors == shown.anchors
    assert exported.positives == shown.positives
    loaded = load_config(path)
    assert MultiExperimentIndex.from_config(loaded).counts().equals(review.data.training.counts())


def test_the_commands_of_a_review_repeat_its_links(review, config, tmp_path, monkeypatch):
    for name in ("21", "22", "31", "32"):
        review.accept(thing("lineage", name))
    review.reject(thing("observation", "22", 9), "dead")
    review.swap(link(21, t=7), link(22, t=7), "exchanged")
    review.link(GAP, "same cell")
    review.keep([link(1, daughter=2), link(3, t=8)], "looks right")
    first = export_review(review, tmp_path / "first", draft=True, formats=["config"])
    lines = commands_of(review, str(tmp_path / "second"))

    monkeypatch.chdir(config.parent)
    where = ["--decisions", str(tmp_path / "again.db")]
    for line in lines:
        command, *words = shlex.split(line)[1:]
        more = ["--draft", "--format", "config"] if command == "export" else []
        answer = CliRunner().invoke(app, [command, *where, *more, *words])
        assert answer.exit_code == 0, (line, answer.output)
    one, other = load_config(first.files["config"]), load_config(tmp_path / "second" / "draft.yaml")
    assert (other.exclude, other.cut) == (one.exclude, one.cut)
    assert other.link == one.link
    with Review.open(config, by="ada", decisions=tmp_path / "again.db") as again:
        assert again.effect.accepted.keys() == review.effect.accepted.keys()
        assert again.effect.kept.keys() == review.effect.kept.keys()


def test_links_void_a_sample_as_cuts_do_and_kept_ones_do_not(review):
    review.plan_audit("one", 20)
    review.judge("one", 1, "same")
    review.keep([link(21, t=7)])
    assert review.audit("one").state == "running"
    (number,) = (one.number for one in review.link(GAP, "same cell"))
    state = review.audit("one")
    assert state.state == "void"
    assert f"voided by decision {number}: link one A/1/0 track 31" in state.why_void
    review.undo()
    assert review.audit("one").state == "running"


def test_plan_report_and_collection_say_what_was_linked(review, tmp_path):
    review.link(GAP, "same cell")
    review.cut(link(21, t=7), "jumps")
    plan = plan_export(review, tmp_path, draft=True)
    assert plan.excluded["what"].tolist() == [
        "link one A/1/0 track 31 at t = 5 to track 32 at t = 7",
        f"cut {link(21, t=7)}",
    ]
    config = review.data.config
    said = collection_of(config, review.data.training, name="c")["description"]
    assert "1 cut link and 1 link that no table has" in said
    report = export_review(review, tmp_path / "out", draft=True, formats=["report"]).files["report"]
    text = report.read_text(encoding="utf-8")
    assert "2 exclusions, cuts and links" in text
    assert f"{GAP}</th><td>linked</td><td>same cell" in text


# What was looked at, and is right.


def test_a_kept_link_leaves_the_queue_and_changes_nothing_else(review):
    first, *others = review.links()
    harm, training = review.harm_left(), review.data.training
    review.keep([first.link], "looks right")
    assert review.data.training is training
    assert [one.link for one in review.links()] == [one.link for one in others]
    assert review.links(1, judged=True)[0].status == "kept"
    after = review.harm_left()
    assert after.total == harm.total == harm.left
    assert after.left == pytest.approx(harm.left - first.wrong_pairs)
    review.undo()
    assert review.links(1)[0] == first


def test_a_link_that_is_cut_is_kept_no_longer_and_one_that_is_made_is_not_doubted(review):
    review.keep([link(21, t=7), link(1, daughter=2)])
    review.cut(link(21, t=7), "jumps after all")
    assert list(review.effect.kept) == [link(1, daughter=2)]
    with pytest.raises(ConfigError, match="is cut"):
        review.keep([link(21, t=7)])
    with pytest.raises(ConfigError, match="Nobody made it"):
        review.keep([GAP])
    review.link(GAP, "same cell")
    assert GAP not in {one.link for one in review.links()}
    (found,) = [one for one in review.links(judged=True) if one.link == GAP]
    assert (found.status, found.repair) == ("made", ())
