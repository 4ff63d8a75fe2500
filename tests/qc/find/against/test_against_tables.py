"""A review's tables held against another's, on small fields with one thing unlike, or anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lineage_triplets import TripletConfig, load_config, save_config
from lineage_triplets.cli import main
from lineage_triplets.engine.errors import ConfigError, TrackTableError, UnknownNameError
from lineage_triplets.engine.settings.model import Cut
from lineage_triplets.engine.settings.track_transform import TrackTransform
from lineage_triplets.qc import Review, Target
from reviews import N_FRAMES, SHAPE, field, save, single
from stores import make_experiment, write_tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lineage_triplets.qc import Comparison, Disagreement

FOV = "A/1/0"
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)


def plates(root: Path, tables: dict[str, dict[str, pd.DataFrame]], **changes) -> Path:
    """Write experiments without pixels, and a config of them."""
    listed = [make_experiment(root, name, fovs, shape=SHAPE) for name, fovs in tables.items()]
    return save(root / "config.yml", listed, **changes)


def compared(root: Path, mine: pd.DataFrame, other: pd.DataFrame, **asked) -> Comparison:
    """Hold one FOV's table against another."""
    config = plates(root, {"one": {FOV: mine}})
    write_tables(root / "other", {FOV: other})
    with Review.open(config, read_only=True) as review:
        return review.against(root / "other", **asked)


def exchanged(table: pd.DataFrame, one: int, other: int, t: int) -> pd.DataFrame:
    """Let two tracks exchange cells from a frame on."""
    later = table["t"] >= t
    first, second = later & (table["track_id"] == one), later & (table["track_id"] == other)
    return table.assign(track_id=table["track_id"].mask(first, other).mask(second, one))


def parent(table: pd.DataFrame, track: int, mother: int) -> pd.DataFrame:
    own = table["track_id"] == track
    return table.assign(parent_track_id=table["parent_track_id"].mask(own, mother))


def broken(table: pd.DataFrame, track: int, t: int) -> pd.DataFrame:
    """Let what follows in a track be a track of its own, 99."""
    later = (table["track_id"] == track) & (table["t"] >= t)
    return table.assign(track_id=table["track_id"].mask(later, 99))


def named(found: Disagreement) -> tuple[str, int, int, int, int]:
    return found.kind, found.track_id, found.t, found.to_track_id, found.to_t


def link(track: int, **more: int) -> Target:
    return Target("link", "one", FOV, track=str(track), **more)


def join(track: int, t: int, to_track: int, to_t: int) -> Target:
    return Target("join", "one", FOV, track=str(track), t=t, daughter=to_track, to_t=to_t)


def same(table: pd.DataFrame) -> pd.DataFrame:
    return table


CASES: dict[str, tuple[Callable, Callable, list[tuple], tuple[Target, ...]]] = {
    "wrong": (same, lambda table: broken(table, 21, 5), [("wrong", 21, 4, 21, 5)],
              (link(21, t=5),)),
    "missed": (lambda table: broken(table, 21, 5), same, [("missed", 21, 4, 99, 5)],
               (join(21, 4, 99, 5),)),
    "exchange": (lambda table: exchanged(table, 21, 12, 10), same,
                 [("wrong", 12, 9, 12, 10), ("wrong", 21, 9, 21, 10)],
                 (link(12, t=10), link(21, t=10), join(12, 9, 21, 10), join(21, 9, 12, 10))),
    "division missed": (lambda table: parent(table, 3, -1), same,
                        [("division missed", 1, 5, 3, 6)], (join(1, 5, 3, 6),)),
    "both daughters missed": (lambda table: parent(parent(table, 3, -1), 2, -1), same,
                              [("division missed", 1, 5, 2, 6), ("division missed", 1, 5, 3, 6)],
                              (join(1, 5, 2, 6), join(1, 5, 3, 6))),
    "division extra": (same, lambda table: parent(table, 3, -1),
                       [("division extra", 1, 5, 3, 6)], (link(1, daughter=3),)),
    "other mother": (lambda table: parent(table, 13, 1), same,
                     [("other mother", 1, 5, 13, 8)], (link(1, daughter=13), join(11, 7, 13, 8))),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_differs_is_named_with_what_takes_the_others_link(case, tmp_path):
    spoil_mine, spoil_other, expected, repair = CASES[case]
    found = compared(tmp_path, spoil_mine(field()), spoil_other(field()))
    assert sorted(map(named, found.disagreements)) == sorted(expected)
    for differing in found.disagreements:
        assert set(differing.repair) == set(repair)
        levels = [target.level for target in differing.repair]
        assert levels == sorted(levels, reverse=True)
    assert set(found.repair()) == set(repair)
    (agreement,) = found.agreements
    assert agreement.wrong + agreement.missed >= len(expected)
    assert agreement.low <= agreement.share < 1


def test_pairs_are_those_on_the_link_here_or_were_it_here(tmp_path):
    whole, ended = field(), broken(field(), 21, 5)
    wrong = compared(tmp_path / "a", whole, ended).disagreements[0]
    missed = compared(tmp_path / "b", ended, whole).disagreements[0]
    with Review.open(tmp_path / "a" / "config.yml", read_only=True) as review:
        rests = {(doubted.to_track_id, doubted.to_t): doubted.pairs for doubted in review.links()}
    assert wrong.pairs == pytest.approx(rests[21, 5])
    assert missed.pairs == pytest.approx(rests[21, 5])
    assert wrong.pairs > 0


def test_what_most_pairs_rest_on_comes_first_and_rejected_cells_last(tmp_path):
    spoilt = parent(broken(exchanged(field(), 12, 13, 11), 21, 7), 3, -1)
    config = plates(tmp_path, {"one": {FOV: field()}})
    write_tables(tmp_path / "other", {FOV: spoilt})
    with Review.open(config, by="ada") as review:
        before = review.against(tmp_path / "other").disagreements
        review.reject(Target("lineage", "one", FOV, track="1"), "drifts")
        after = review.against(tmp_path / "other").disagreements
    assert [found.rank for found in before] == [1, 2, 3, 4]
    worth: dict[tuple, float] = {}
    for found in before:
        worth[found.repair] = worth.get(found.repair, 0.0) + found.pairs
    assert list(worth.values()) == sorted(worth.values(), reverse=True)
    assert [found.to_track_id for found in before].index(3) == 0
    assert [found.to_track_id for found in after].index(3) == 3
    assert [found.pairs > 0 for found in after] == [True, True, True, False]


def test_no_pairs_would_rest_on_a_missed_link_of_rejected_cells(tmp_path):
    config = plates(tmp_path, {"one": {FOV: parent(field(), 3, -1)}})
    write_tables(tmp_path / "other", {FOV: field()})
    with Review.open(config, by="ada") as review:
        (before,) = review.against(tmp_path / "other").disagreements
        review.reject(Target("track", "one", FOV, track="3"), "blurred")
        (after,) = review.against(tmp_path / "other").disagreements
    assert before.kind == after.kind == "division missed"
    assert before.pairs > 0
    assert after.pairs == 0


def test_cells_that_one_table_lacks_are_counted_and_gaps_are_passed_over(tmp_path):
    other = field().query("not (track_id == 21 and t == 6) and track_id != 13")
    other = pd.concat([other, single(77, 5, 5).query("t < 4")])
    found = compared(tmp_path, field(), other)
    (agreement,) = found.agreements
    n_other_tracks = N_FRAMES - 8
    assert (agreement.unmatched, agreement.other_unmatched) == (1 + n_other_tracks, 4)
    assert (agreement.not_comparable, agreement.other_not_comparable) == (n_other_tracks, 3)
    assert not found.disagreements
    assert agreement.share == 1
    assert agreement.links == agreement.agreed + 1 + n_other_tracks


def test_a_daughter_is_added_where_the_other_lacks_a_cell_on_the_way_to_her_sister(tmp_path):
    late = single(50, 24, 53).query("t > 6")
    mine = pd.concat([field(), late])
    goes_on = field().query("track_id == 21 and t > 6").assign(track_id=51, parent_track_id=21)
    other = pd.concat(
        [
            field().query("track_id != 21 or t < 6"),
            goes_on,
            late.assign(parent_track_id=21),
        ]
    )
    found = compared(tmp_path, mine, other, within=1)
    assert [named(differing) for differing in found.disagreements] == [
        ("division missed", 21, 5, 50, 7)
    ]
    assert found.repair() == (join(21, 5, 50, 7),)


def test_a_link_to_a_cell_that_this_table_lacks_is_cut_and_cannot_be_added(tmp_path):
    mine = field().query("not (track_id == 21 and t == 6)")
    elsewhere = field().query("track_id == 21 and t == 6").assign(track_id=50, y=5.0, x=5.0)
    other = pd.concat([broken(mine, 21, 7), elsewhere]).replace({"track_id": {99: 50}})
    found = compared(tmp_path, mine, other)
    assert [named(differing) for differing in found.disagreements] == [("wrong", 21, 5, 21, 7)]
    assert found.disagreements[0].reason == "In the other it follows a cell that this table lacks."
    assert found.repair() == (link(21, t=7),)


def test_a_table_elsewhere_matches_little_and_says_so_and_a_wider_limit_finds_it(tmp_path):
    moved = field().assign(x=field()["x"] + 3)
    far = compared(tmp_path / "a", field(), moved, within=1)
    assert [problem.kind for problem in far.problems] == ["few-matched"]
    assert far.agreements[0].matched == 0
    assert np.isnan(far.agreements[0].share)
    assert (far.agreements[0].low, far.agreements[0].high) == (0, 1)
    near = compared(tmp_path / "b", field(), moved, within=3.5)
    assert near.agreements[0].matched == len(field())
    assert not near.disagreements


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    """Two experiments; the first has two FOVs."""
    root = tmp_path_factory.mktemp("two")
    return plates(root, {"one": {FOV: field(), "B/2/0": field()}, "two": {FOV: field()}})


def test_the_other_may_be_a_folder_for_each_experiment_a_table_or_a_config(two, tmp_path):
    ended = broken(field(), 21, 5)
    write_tables(tmp_path / "all" / "two", {FOV: ended})
    write_tables(tmp_path / "one", {FOV: ended, "B/2/0": field(), "C/3/0": field()})
    table = tmp_path / "one" / FOV / "tracks.csv"
    with Review.open(two, read_only=True) as review:
        by_folder = review.against(tmp_path / "all")
        of_one = review.against(tmp_path / "one", experiment="one")
        by_table = review.against(table, experiment="one", fov="B/2/0")
        by_config = review.against(two)
    assert [agreement.experiment for agreement in by_folder.agreements] == ["two"]
    assert by_folder.problems[0].kind == "no-other-table"
    assert by_folder.problems[0].count == 2
    assert [(found.experiment, found.fov_name) for found in of_one.disagreements] == [("one", FOV)]
    assert of_one.agreements[0].fovs == 2
    assert [found.fov_name for found in by_table.disagreements] == ["B/2/0"]
    assert [agreement.share for agreement in by_config.agreements] == [1, 1]


def test_another_configs_cuts_and_places_hold_for_its_tables(two, tmp_path):
    config = load_config(two)
    shifted = field().assign(x=field()["x"] + 30, t=field()["t"] + 1)
    write_tables(tmp_path / "shifted", {FOV: shifted})
    experiment = type(config.experiments[0])(
        **config.experiments[0].model_dump()
        | {
            "name": "mine",
            "tracks_path": str(tmp_path / "shifted"),
            "track_transform": TrackTransform(first_frame=1, offset=(0, 0, -30)),
        }
    )
    cut = Cut(experiment="mine", fov=FOV, track_id=21, t=5)
    other = tmp_path / "other.yml"
    save_config(TripletConfig(experiments=[experiment], cut=[cut]), other)
    with Review.open(two, read_only=True) as review:
        found = review.against(other)
    assert found.agreements[0].matched == len(field())
    assert [named(differing) for differing in found.disagreements] == [("wrong", 21, 4, 21, 5)]


def test_a_table_is_placed_as_the_experiments_own(tmp_path):
    shifted = field().assign(x=field()["x"] + 30, t=field()["t"] + 1)
    config = load_config(plates(tmp_path, {"one": {FOV: shifted}}))
    placed = TrackTransform(first_frame=1, offset=(0, 0, -30))
    experiment = config.experiments[0].model_copy(update={"track_transform": placed})
    save(tmp_path / "placed.yml", [experiment])
    write_tables(tmp_path / "other", {FOV: broken(shifted, 21, 6)})
    with Review.open(tmp_path / "placed.yml", read_only=True) as review:
        found = review.against(tmp_path / "other")
    assert [named(differing) for differing in found.disagreements] == [("wrong", 21, 4, 21, 5)]


def test_cells_near_the_border_are_compared_though_training_leaves_them_out(tmp_path):
    config = plates(tmp_path, {"one": {FOV: field()}}, border="exclude", yx_patch_size=(32, 32))
    write_tables(tmp_path / "other", {FOV: field()})
    with Review.open(config, read_only=True) as review:
        assert len(review.data.linked) < len(field())
        assert review.against(tmp_path / "other").agreements[0].matched == len(field())


def test_what_cannot_be_compared_is_refused_with_the_choices(two, tmp_path):
    write_tables(tmp_path / "other", {FOV: field()})
    write_tables(tmp_path / "strange", {"Z/9/9": field()})
    table = tmp_path / "other" / FOV / "tracks.csv"
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n", encoding="utf-8")
    with Review.open(two, read_only=True) as review:
        for asked, kind in (
            ({"other": tmp_path / "absent"}, "no-other"),
            ({"other": tmp_path / "other"}, "whose-tables"),
            ({"other": table}, "whose-table"),
            ({"other": tmp_path / "strange", "experiment": "two"}, "no-other-tables"),
            ({"other": table, "fov": "Z/9/9"}, "nothing-to-compare"),
            ({"other": two, "within": 0}, "bad-value"),
        ):
            with pytest.raises(ConfigError) as raised:
                review.against(**asked)
            assert raised.value.problems[0].kind == kind
        with pytest.raises(TrackTableError):
            review.against(bad, experiment="two")
        with pytest.raises(UnknownNameError):
            review.against(table, experiment="three")
        with pytest.raises(ConfigError) as raised:
            review.against(two).repair([1])
        assert raised.value.problems[0].kind == "unknown-rank"


def test_the_command_prints_what_differs_writes_it_all_and_exits_with_3(tmp_path, capsys):
    config = plates(tmp_path, {"two": {FOV: field()}})
    write_tables(tmp_path / "other", {FOV: exchanged(field(), 21, 12, 10)})
    asked = ["check", str(config), "--against", str(tmp_path / "other"), "--experiment", "two"]
    with pytest.raises(SystemExit) as ended:
        main([*asked, "--top", "1", "--csv", str(tmp_path / "all.csv")])
    printed = capsys.readouterr().out
    written = pd.read_csv(tmp_path / "all.csv")
    assert ended.value.code in {1, 3}
    assert "two: 92." in printed
    assert "1 of 2 that differ" in printed
    assert written["kind"].tolist() == ["wrong", "wrong"]
    assert written["pairs"].gt(0).all()
    with pytest.raises(SystemExit):
        main([*asked, "--json"])
    content = json.loads(capsys.readouterr().out)["against"]
    assert [found["rank"] for found in content["disagreements"]] == [1, 2]
    assert content["disagreements"][0]["repair"][0]["level"] == "link"
    assert content["agreements"][0]["wrong"] == 2
    with pytest.raises(SystemExit) as ended:
        main(["check", str(config), "--within", "3"])
    assert ended.value.code == 2


def test_folders_that_are_replaced_may_be_those_of_the_other_config_alone(tmp_path, capsys, caplog):
    (tmp_path / "theirs").mkdir()
    config = plates(tmp_path, {"one": {FOV: field()}})
    other = plates(tmp_path / "theirs", {"one": {FOV: exchanged(field(), 21, 12, 10)}})
    other.write_text(other.read_text().replace(f"{tmp_path}/theirs", "/gone"))
    asked = ["check", str(config), "--against", str(other)]
    replaced = "--path-map", f"/gone={tmp_path}/theirs"
    with pytest.raises(SystemExit) as ended:
        main([*asked, *replaced])
    assert ended.value.code in {1, 3}
    assert "2 of 2 that differ" in capsys.readouterr().out
    assert not caplog.messages
    with pytest.raises(SystemExit):
        main([*asked, *replaced, "--path-map", "/elswhere=/a"])
    said = capsys.readouterr()
    assert "2 of 2 that differ" in said.out
    assert "begins with '/elswhere'" in " ".join(said.err.split())
    with pytest.raises(SystemExit) as ended:
        main([*asked, "--path-map", "/elswhere=/a"])
    assert ended.value.code == 2


def anything(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables of one field, each without some of its cells and linked in a way of its own."""
    t = np.repeat(np.arange(7), 5)
    place = np.stack([8.0 * (1 + np.tile(np.arange(5), 7)), np.full(35, 30.0)])
    place += rng.uniform(-1, 1, place.shape)
    return tuple(linked_anyhow(rng, t, place, rng.random(35) < 0.85) for _ in range(2))


def linked_anyhow(rng, t: np.ndarray, place: np.ndarray, there: np.ndarray) -> pd.DataFrame:
    """Let cells follow any of the two frames before; one that nothing else follows goes on."""
    cells = np.flatnonzero(there)
    before = {}
    for cell in cells:
        earlier = cells[(t[cells] < t[cell]) & (t[cells] >= t[cell] - 2)]
        before[cell] = rng.choice(earlier) if len(earlier) and rng.random() < 0.8 else -1
    n_after = pd.Series(before).value_counts()
    names = iter(rng.permutation(100) + 1)
    track, mother = {}, {}
    for cell in cells:
        source = before[cell]
        goes_on = source >= 0 and n_after[source] == 1
        track[cell] = track[source] if goes_on else next(names)
        mother[cell] = mother[source] if goes_on else track.get(source, -1)
    columns = {"track_id": pd.Series(track), "parent_track_id": pd.Series(mother)}
    return pd.DataFrame(columns).assign(t=t[cells], y=place[0, cells], x=place[1, cells])


@given(seed=st.integers(0, 10_000))
@settings(max_examples=5, deadline=None, phases=WITHOUT_SHRINKING)
def test_all_of_the_others_links_taken_leave_nothing_that_differs(seed, tmp_path_factory):
    rng = np.random.default_rng(seed)
    root = tmp_path_factory.mktemp("anything")
    (mine, other), (_, third) = anything(rng), anything(rng)
    config = plates(root, {"one": {FOV: mine}})
    write_tables(root / "other", {FOV: other})
    write_tables(root / "third", {FOV: third})
    with Review.open(config, by="ada") as review:
        for name in ("other", "third"):
            found = review.against(root / name, within=3)
            if found.disagreements:
                first = int(rng.integers(1, 1 + len(found.disagreements)))
                review.take(found, "the truth", [first])
                left = review.against(root / name, within=3)
                taken = found.disagreements[first - 1]
                assert (taken.to_track_id, taken.to_t) not in {
                    (differing.to_track_id, differing.to_t) for differing in left.disagreements
                }
                assert len(left.disagreements) < len(found.disagreements)
                review.take(found, "the truth")
            again = review.against(root / name, within=3)
            assert not again.disagreements
            assert again.agreements[0].share == 1
            assert again.agreements[0].matched == found.agreements[0].matched


def test_the_command_takes_what_is_named_in_one_step_that_undo_takes_back(tmp_path, capsys):
    config = plates(tmp_path, {"one": {FOV: parent(exchanged(field(), 21, 12, 10), 3, -1)}})
    write_tables(tmp_path / "other", {FOV: field()})
    asked = [str(config), "--against", str(tmp_path / "other"), "--reason", "the truth"]

    def left() -> int:
        with Review.open(config, read_only=True) as review:
            return len(review.against(tmp_path / "other").disagreements)

    assert left() == 3
    for wrong in ([], ["--rank", "1", "--all"], ["--rank", "3-1"], ["--rank", "1-99999999"]):
        with pytest.raises(SystemExit) as ended:
            main(["take", *asked, *wrong])
        assert ended.value.code == 2
    assert left() == 3
    with pytest.raises(SystemExit):
        main(["take", *asked, "--rank", "1,2-3"])
    assert left() == 0
    assert "the truth" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["undo", str(config)])
    assert left() == 3
    with pytest.raises(SystemExit):
        main(["take", *asked, "--all"])
    assert left() == 0
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["take", *asked, "--all"])
    assert "nothing to take" in capsys.readouterr().out


def test_links_made_before_are_taken_back_where_the_other_lacks_them(tmp_path):
    config = plates(tmp_path, {"one": {FOV: field()}})
    write_tables(tmp_path / "other", {FOV: field()})
    made = join(1, 3, 21, 4)
    with Review.open(config, by="ada") as review:
        review.settle([link(21, t=4), made], "a mistake")
        found = review.against(tmp_path / "other")
        assert found.made == {made}
        assert set(found.repair()) == {made, join(21, 3, 21, 4)}
        review.take(found, "the truth", [1])
        assert not review.effect.links.keys() & {made}
        assert not review.against(tmp_path / "other").disagreements
        n_decisions = len(review.decisions)
        review.take(found, "the truth", [1])
        assert len(review.decisions) == n_decisions


def test_between_two_cells_as_near_the_choice_does_not_hang_on_links(tmp_path):
    mine = pd.concat([single(track, 24, 0).assign(x=x) for track, x in ((1, 50), (2, 10), (3, 20))])
    late = mine["t"] >= 6
    # Where tracks 2 and 3 go on, the other has one cell amid both.
    amid = mine["x"].mask(late & (mine["track_id"] == 2), 15)
    other = mine.assign(x=amid)[~late | (mine["track_id"] != 3)]
    config = plates(tmp_path, {"one": {FOV: mine}})
    write_tables(tmp_path / "other", {FOV: other})
    with Review.open(config, by="ada") as review:
        before = review.against(tmp_path / "other", within=6)
        review.settle([link(1, t=6), link(3, t=6), join(1, 5, 3, 6)], "3 is read before 2 then")
        after = review.against(tmp_path / "other", within=6)
    assert before.agreements[0].wrong == 0
    assert {found.to_track_id for found in after.disagreements} == {1}


def test_what_the_review_cannot_read_is_said_and_not_passed_over(tmp_path, capsys):
    config = plates(tmp_path, {"one": {FOV: field()}, "two": {FOV: field()}})
    (tmp_path / "two_tracks" / FOV / "tracks.csv").write_text("of,something,else\n1,2,3\n")
    with Review.open(config, read_only=True) as review:
        found = review.against(config)
        assert [(met.experiment, met.severity) for met in found.problems] == [("two", "warning")]
        assert not review.against(config, experiment="one").problems
    with pytest.raises(SystemExit):
        main(["links", str(config)])
    assert "'two', FOV A/1/0" in capsys.readouterr().err
