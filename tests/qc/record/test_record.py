"""The record of a review, alone: what was decided about a config, and what of it holds."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets import DatasetConfig, ExperimentConfig, TripletConfig
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.engine.settings.model import Cut, Exclusions, LineageExclusion
from lineage_triplets.qc.record import DecisionsError, NewDecision
from lineage_triplets.qc.record.decision import Target
from lineage_triplets.qc.record.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lineage_triplets.qc.record.effect import Effect

    Opener = Callable[..., Record]

PLACE = ("one", "A/1/0")
VERSIONS = itertools.count(1)


def config(**more: Any) -> TripletConfig:
    """A config of two experiments, none of whose files is there."""
    experiments = [
        ExperimentConfig(
            name=name,
            data_path=f"/nowhere/{name}.zarr",
            tracks_path=f"/nowhere/{name}",
            channel_names=["Phase"],
            source_channel=["Phase"],
            condition_wells={"untreated": ["A/1"]},
            interval_minutes=30,
        )
        for name in ("one", "two")
    ]
    return TripletConfig(experiments=experiments, **more)


def track(number: int) -> Target:
    return Target("track", *PLACE, track=str(number))


def reject(number: int, table_hash: str = "") -> NewDecision:
    return NewDecision("reject", track(number), reason="drifts", table_hash=table_hash)


def effect_of(
    record: Record, table_hashes: dict[tuple[str, str], str], version: int | None = None
) -> Effect:
    """What holds with tables of these hashes; worked out anew unless it is of a version."""
    anew = next(VERSIONS) if version is None else version
    return record.effect(lambda _: table_hashes, anew)


@pytest.fixture
def open_record(tmp_path: Path) -> Iterator[Opener]:
    """Open the record of a config, in one file; all are closed after the test."""
    opened: list[Record] = []

    def opener(of: TripletConfig | None = None, **options: Any) -> Record:
        for before in opened:
            before.log.close()
        record = Record.open(tmp_path / "plates.yml", of or config(), by="anna", **options)
        opened.append(record)
        return record

    yield opener
    for record in opened:
        record.log.close()


def test_it_is_kept_beside_the_config(open_record: Opener, tmp_path: Path) -> None:
    assert open_record().log.path == tmp_path / "plates.yml.review.db"
    assert open_record(decisions=tmp_path / "mine.db").log.path == tmp_path / "mine.db"


def test_what_is_undone_does_not_hold_and_can_be_redone(open_record: Opener) -> None:
    record = open_record()
    record.add(reject(1))
    record.add(reject(2))
    assert set(effect_of(record, {}).rejected) == {track(1), track(2)}
    assert [made.target for made in record.undo()] == [track(2)]
    assert set(effect_of(record, {}).rejected) == {track(1)}
    record.redo()
    assert set(effect_of(record, {}).rejected) == {track(1), track(2)}
    assert [entry.what for entry in record.history()] == ["decided", "decided", "undone", "redone"]


def test_a_decision_holds_for_the_table_it_was_made_about(open_record: Opener) -> None:
    record = open_record()
    made = record.add(reject(1, "ab"), reject(2))
    assert set(effect_of(record, {PLACE: "ab"}).rejected) == {track(1), track(2)}
    other = effect_of(record, {PLACE: "cd"})
    assert set(other.rejected) == {track(2)}
    assert other.stale == made[:1]
    # Where there is no table, nothing speaks against it.
    assert effect_of(record, {}).stale == ()


def test_a_stale_decision_holds_once_it_is_confirmed_for_that_table(open_record: Opener) -> None:
    record = open_record()
    record.confirm(record.add(reject(1, "ab")), {PLACE: "cd"})
    assert set(effect_of(record, {PLACE: "cd"}).rejected) == {track(1)}
    assert len(effect_of(record, {PLACE: "ef"}).stale) == 1
    record.undo()
    assert len(effect_of(record, {PLACE: "cd"}).stale) == 1


def test_any_decision_can_be_withdrawn_once(open_record: Opener) -> None:
    record = open_record()
    first, _ = record.add(reject(1)), record.add(reject(2))
    record.withdraw(first, "seen again")
    assert set(effect_of(record, {}).rejected) == {track(2)}
    with pytest.raises(ConfigError, match="no decision 1 to take back"):
        record.withdraw(first)
    assert len(record.history()) == 3
    record.undo()
    assert set(effect_of(record, {}).rejected) == {track(1), track(2)}


def test_the_config_s_own_exclusions_are_decisions_once(open_record: Opener) -> None:
    lineage = LineageExclusion(lineage_id="one_A/1/0_7", reason="left the field")
    link = Cut(experiment="one", fov="A/1/0", track_id=3, daughter=4)
    said = config(exclude=Exclusions(lineages=[lineage]), cut=[link])
    record = open_record(said)
    effect = effect_of(record, {})
    rejected = Target("lineage", *PLACE, track="7")
    assert effect.rejected[rejected].reason == "left the field"
    assert set(effect.cuts) == {Target("link", *PLACE, track="3", daughter=4)}
    record.withdraw([effect.rejected[rejected]])
    again = open_record(said)
    assert effect_of(again, {}).rejected == {}
    assert len(again.history()) == 3


def test_an_exclusion_of_no_experiment_is_told_and_left_out(open_record: Opener) -> None:
    unknown = LineageExclusion(lineage_id="three_A/1/0_7", reason="gone")
    record = open_record(config(exclude=Exclusions(lineages=[unknown])))
    assert [problem.kind for problem in record.problems] == ["unmatched-exclusion"]
    assert record.decisions == ()


def test_read_only_the_config_s_exclusions_hold_and_nothing_is_recorded(
    open_record: Opener, tmp_path: Path
) -> None:
    lineage = LineageExclusion(lineage_id="one_A/1/0_7", reason="left the field")
    record = open_record(config(exclude=Exclusions(lineages=[lineage])), read_only=True)
    assert set(effect_of(record, {}).rejected) == {Target("lineage", *PLACE, track="7")}
    assert record.history() == []
    with pytest.raises(ConfigError, match="no decision -1 to take back"):
        record.withdraw(record.decisions)
    with pytest.raises(DecisionsError, match="read-only"):
        record.add(reject(1))
    assert list(tmp_path.iterdir()) == []


def test_settings_are_kept_until_the_config_says_others(open_record: Opener) -> None:
    record = open_record()
    assert record.settings == DatasetConfig()
    record.keep_settings(DatasetConfig(tau_range_hours=(1, 2)))
    assert open_record().settings.tau_range_hours == (1, 2)
    other = DatasetConfig(yx_patch_size=(16, 16))
    assert open_record(config(dataset=other)).settings == other


def test_what_is_decided_later_does_not_reach_a_snapshot(open_record: Opener) -> None:
    record = open_record()
    record.add(reject(1))
    snapshot = record.snapshot()
    record.add(reject(2))
    record.undo()
    record.undo()
    assert set(effect_of(snapshot, {}).rejected) == {track(1)}
    assert [entry.what for entry in snapshot.history()] == ["decided"]
    with pytest.raises(DecisionsError, match="read-only"):
        snapshot.add(reject(3))


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["undo", "redo", "withdraw"]),
        st.lists(
            st.builds(
                NewDecision,
                st.sampled_from(["accept", "reject", "undecided"]),
                st.sampled_from([track(1), track(2), Target("fov", *PLACE)]),
                table_hash=st.sampled_from(["", "ab", "cd"]),
            )
            | st.builds(
                NewDecision,
                st.sampled_from(["cut", "keep"]),
                st.just(Target("link", *PLACE, "1", 3)),
            )
            | st.builds(
                NewDecision,
                st.sampled_from(["link", "keep", "unlink"]),
                st.just(Target("join", *PLACE, "1", 3, daughter=2, to_t=4)),
            )
            | st.builds(
                NewDecision,
                st.sampled_from(["waive", "unwaive"]),
                st.just(Target("finding", key="one/blank")),
            ),
            min_size=1,
            max_size=3,
        ),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_what_holds_after_each_step_is_what_holds_of_all_of_them(steps: list[Any]) -> None:
    hashes = {PLACE: "ab"}
    with tempfile.TemporaryDirectory() as folder:
        record = Record.open(Path(folder) / "plates.yml", config(), by="anna")
        for step in steps:
            if step == "withdraw":
                record.withdraw([made for made in record.decisions if made.kind != "withdraw"][:1])
            elif isinstance(step, str):
                getattr(record, step)()
            else:
                record.add(*step)
            held = effect_of(record, hashes, version=0)
            anew = effect_of(record.snapshot(), hashes)
            assert held == anew
            assert list(held.verdicts) == list(anew.verdicts)
            assert set(held.rejected) == {
                target for at in held.rejected_at.values() for target in at
            }
        record.log.close()
