"""Links by doubt in a review and by command, on a small field with one thing wrong, or none."""

from __future__ import annotations

import csv
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from lineage_triplets.cli import main
from lineage_triplets.engine.errors import ConfigError, UnknownNameError
from lineage_triplets.qc import Review, Target
from lineage_triplets.qc.decide.links import swap_targets
from reviews import save
from stores import make_experiment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FRAMES, CELLS, APART = 16, 6, 40
FOV = "A/1/0"


def crowd() -> pd.DataFrame:
    """Cells on a grid of 40 px that walk at random; those of the first row divide at 5 to 10."""
    rng = np.random.default_rng(3)
    grid = 60 + APART * np.arange(CELLS)
    start = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    way = start + np.cumsum(rng.normal(0, 2, (FRAMES, len(start), 2)), axis=0)
    rows = []
    for cell in range(len(start)):
        born = 5 + cell if cell < CELLS else FRAMES
        rows += [(cell + 1, t, -1, *way[t, cell]) for t in range(born)]
        for side in (0, 1):
            away = np.array([0.0, 7.0 if side else -7.0])
            rows += [
                (101 + 2 * cell + side, t, cell + 1, *(way[t, cell] + away + rng.normal(0, 1, 2)))
                for t in range(born, FRAMES)
            ]
    columns = ["track_id", "t", "parent_track_id", "y", "x"]
    return pd.DataFrame(rows, columns=columns).assign(z=0.0)


def exchanged(table: pd.DataFrame) -> pd.DataFrame:
    """Let tracks 15 and 16 exchange cells from frame 8 on."""
    later = table["t"] >= 8
    one, other = later & (table["track_id"] == 15), later & (table["track_id"] == 16)
    return table.assign(track_id=table["track_id"].mask(one, 16).mask(other, 15))


def adopted(table: pd.DataFrame) -> pd.DataFrame:
    """Let the second daughter of 3 be the rest of track 9, which lies beside her."""
    own = (table["track_id"] == 9) & (table["t"] >= 7)
    sister = table["track_id"] == 106
    changed = table.assign(
        track_id=table["track_id"].mask(own, 106).mask(sister, 200),
        parent_track_id=table["parent_track_id"].mask(own, 3).mask(sister, -1),
    )
    return changed.sort_values(["track_id", "t"], ignore_index=True)


def jumped(table: pd.DataFrame) -> pd.DataFrame:
    """Let track 20 go on where no cell was, and the rest of its own begin anew."""
    own = (table["track_id"] == 20) & (table["t"] >= 9)
    found = table[own].assign(x=table["x"] + 1.5 * APART)
    lost = table.assign(track_id=table["track_id"].mask(own, 300))
    return pd.concat([lost, found], ignore_index=True)


def stolen(table: pd.DataFrame) -> pd.DataFrame:
    """Let the second daughter of 4 be one of 10, which goes on as 400."""
    own = (table["track_id"] == 10) & (table["t"] >= 8)
    changed = table.assign(track_id=table["track_id"].mask(own, 400))
    taken = changed["track_id"].isin([400, 108])
    return changed.assign(parent_track_id=changed["parent_track_id"].mask(taken, 10))


PLANTED: list[tuple[Callable[[pd.DataFrame], pd.DataFrame], set[tuple[int, int]]]] = [
    (exchanged, {(15, 8), (16, 8)}),
    (adopted, {(106, 7)}),
    (jumped, {(20, 9)}),
]


def write(root: Path, table: pd.DataFrame, **changes: object) -> Path:
    experiment = make_experiment(
        root,
        "one",
        {FOV: table},
        shape=(FRAMES, 1, 1, 360, 360),
        channels=["Phase"],
    )
    return save(root / "experiments.yml", [experiment], **changes)


@pytest.mark.parametrize(("plant", "wrong"), PLANTED)
def test_what_is_wrong_stands_first(tmp_path, plant, wrong):
    with Review.open(write(tmp_path, plant(crowd()))) as review:
        links = review.links()
    first = links[: len(wrong)]
    assert {(link.to_track_id, link.to_t) for link in first} == wrong
    assert all(link.doubt > 0.85 for link in first)
    assert [link.rank for link in links] == list(range(1, len(links) + 1))


def test_a_true_table_is_hardly_doubted(tmp_path):
    table = crowd()
    with Review.open(write(tmp_path, table)) as review:
        links = review.links()
    n_tracks, n_children = table["track_id"].nunique(), 2 * CELLS
    assert len(links) == len(table) - n_tracks + n_children
    doubts = np.array([link.doubt for link in links])
    assert np.median(doubts) < 0.001
    assert (doubts > 0.5).sum() == 0
    divisions = [link for link in links if link.partners and link.partners[0].daughter]
    undivided = [link for link in divisions if link.instead == link.now[1:]]
    assert {link.to_track_id for link in undivided} <= set(range(101, 101 + n_children))
    assert undivided
    for link in undivided:
        sister = 203 - link.to_track_id + 4 * (link.track_id - 1)
        assert link.partners == (
            Target("link", "one", FOV, track=str(link.track_id), daughter=sister),
        )


def test_an_exchange_names_both_links_and_lengths(tmp_path):
    with Review.open(write(tmp_path, exchanged(crowd()))) as review:
        link = review.links(1)[0]
        other = 31 - link.track_id
        assert link.link == Target("link", "one", FOV, track=str(link.track_id), t=8)
        exchanged_with = Target("link", "one", FOV, track=str(other), t=8)
        assert link.repair[:2] == (link.link, exchanged_with)
        assert link.repair == swap_targets(review.data, link.link, exchanged_with)
        assert f"track {other}" in link.reason
        assert "px" in link.reason
        assert link.wrong_pairs == link.doubt * link.pairs
        assert link.partners == (link.repair[1],)
        (a, b), (other, into) = link.now
        assert link.instead == ((a, into), (other, b))
        cells = review.data.linked.observations.take(np.array([a, b, other, into]))
        assert cells.t.tolist() == [7, 8, 7, 8]
        with pytest.raises(FrozenInstanceError):
            link.doubt = 0.0
        review.settle(link.repair, "exchanged")
        joined = [found for found in review.links(judged=True) if found.status == "made"]
    assert {(found.track_id, found.to_track_id, found.to_t) for found in joined} == {
        (15, 16, 8),
        (16, 15, 8),
    }
    assert max(found.doubt for found in joined) < 0.1


@pytest.mark.parametrize(
    ("plant", "wrong", "repair"),
    [
        (adopted, (106, 7), [("link", "3", None, 106, None), ("join", "9", 6, 106, 7)]),
        (jumped, (20, 9), [("link", "20", 9, None, None), ("join", "20", 8, 300, 9)]),
        (stolen, (108, 8), [("link", "10", None, 108, None), ("join", "4", 7, 108, 8)]),
    ],
)
def test_a_repair_cuts_and_joins_for_what_may_have_been_instead(tmp_path, plant, wrong, repair):
    with Review.open(write(tmp_path, plant(crowd()))) as review:
        (link,) = [one for one in review.links(9) if (one.to_track_id, one.to_t) == wrong]
        named = [(one.level, one.track, one.t, one.daughter, one.to_t) for one in link.repair]
        assert named == repair
        doubted = review.harm_left().total
        review.settle(link.repair, "as it may have been")
        assert review.harm_left().total < doubted
        assert review.undo()


def test_the_second_daughter_can_be_cut_off(tmp_path):
    with Review.open(write(tmp_path, adopted(crowd()))) as review:
        link = review.links(1)[0]
        assert link.link == Target("link", "one", FOV, track="3", daughter=106)
        (_, b), (end, instead) = link.now[0], link.instead[0]
        assert (link.partners, instead) == ((), b)
        assert (
            review.data.linked.names.of(review.data.linked.observations.track[end]) == "one_A/1/0_9"
        )
        n_links = len(review.links())
        review.cut(link.link, "another cell")
        assert len(review.links()) == n_links - 1
        review.undo()
        assert review.links(1)[0] == link


def test_links_follow_cuts_and_rejections_and_stay_when_accepted(tmp_path):
    with Review.open(write(tmp_path, jumped(crowd()))) as review:
        link = review.links(1)[0]
        review.accept(review.target("track", f"one_{FOV}_20"))
        assert review.links(1)[0] == link
        review.reject(review.target("track", f"one_{FOV}_20"), "out of focus")
        rejected = [found for found in review.links() if found.track_id == 20]
        assert rejected
        assert all(found.pairs == 0 for found in rejected)
        assert review.links(1)[0].track_id != 20
        review.undo()
        review.reject(Target("fov", "one", FOV), "drifts")
        assert all(found.pairs == 0 for found in review.links())


def test_pairs_follow_tau_and_relation(tmp_path):
    with Review.open(write(tmp_path, crowd(), positive_relation="same_track")) as review:
        assert all(link.pairs == 0 for link in review.links() if link.track_id != link.to_track_id)
        review.choose(positive_relation="lineage")
        assert all(link.pairs > 0 for link in review.links() if link.track_id != link.to_track_id)


def test_rows_in_another_order_give_the_same_links(tmp_path):
    table = adopted(crowd())
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    with Review.open(write(tmp_path / "one", table)) as review:
        links = review.links()
    shuffled = table.sample(frac=1.0, random_state=1)
    with Review.open(write(tmp_path / "other", shuffled)) as review:
        assert review.links() == links


def test_some_of_them(tmp_path):
    with Review.open(write(tmp_path, crowd())) as review:
        links = review.links()
        assert review.links(3) == links[:3]
        assert review.links(0.05) == links[: int(np.ceil(0.05 * len(links)))]
        assert review.links(0) == ()
        assert review.links(experiment="one") == links
        with pytest.raises(UnknownNameError):
            review.links(experiment="two")
        for wrong in (-1, 1.5, float("nan")):
            with pytest.raises(ConfigError, match="neither a number of links nor a share"):
                review.links(wrong)


@pytest.mark.parametrize("n_frames", [1, 2])
def test_a_movie_with_hardly_a_link(tmp_path, n_frames):
    table = crowd()
    with Review.open(write(tmp_path, table[table["t"] < n_frames])) as review:
        assert len(review.links()) == (n_frames - 1) * CELLS**2


def test_the_command_lists_and_writes_them(tmp_path, capsys):
    config = write(tmp_path, exchanged(crowd()))
    with pytest.raises(SystemExit) as stop:
        main(["links", str(config), "--top", "2"])
        raise SystemExit(0)
    said = capsys.readouterr().out
    assert stop.value.code == 0
    assert said.split()[:4] == ["rank", "experiment", "fov_name", "track_id"]
    assert "Exchanged with the link of track" in said
    file = tmp_path / "links.csv"
    with pytest.raises(SystemExit) as stop:
        main(["links", str(config), "--top", "100%", "--csv", str(file), "--experiment", "one"])
        raise SystemExit(0)
    assert stop.value.code == 0
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    columns = [
        "rank",
        "experiment",
        "fov_name",
        "track_id",
        "t",
        "to_track_id",
        "to_t",
        "doubt",
        "pairs",
        "reason",
    ]
    assert list(rows[0]) == columns
    assert {(row["to_track_id"], row["to_t"]) for row in rows[:2]} == {("15", "8"), ("16", "8")}
    with Review.open(config, read_only=True) as review:
        assert len(rows) == len(review.links())
    with pytest.raises(SystemExit) as stop:
        main(["links", str(config), "--top", "many"])
    assert stop.value.code == 2
