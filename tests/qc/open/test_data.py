"""A config's data under some settings and decisions: a value, of which another is made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from lineage_triplets import load_config
from lineage_triplets.qc.open.data import ReviewData
from lineage_triplets.qc.open.tables import TableChangedError
from lineage_triplets.qc.record.decision import Decision, DecisionKind, Target
from lineage_triplets.qc.record.effect import Effect
from lineage_triplets.qc.record.standing import apply_decisions
from reviews import write_config

if TYPE_CHECKING:
    from pathlib import Path

PLACE = ("early", "A/1/0")


def decided(kind: DecisionKind, target: Target, **value: object) -> Effect:
    made = Decision(kind, target, value, "drifts", number=1, group=1, by="ada", at="")
    return apply_decisions([made], {})


@pytest.fixture
def data(tmp_path: Path) -> ReviewData:
    return ReviewData(load_config(write_config(tmp_path)))


def test_a_rejection_makes_training_anew_and_nothing_else(data: ReviewData) -> None:
    before, kept = data.training, (data.raw, data.linked, data.pixels)
    other = data.with_effect(decided("reject", Target("lineage", *PLACE, track="1")))
    assert (other.raw, other.linked, other.pixels) == kept
    assert len(other.training) < len(before)
    assert (data.training, data.effect) == (before, Effect())
    assert other.data_version == data.data_version
    assert other.version != data.version


def test_training_is_what_is_linked_as_long_as_nothing_is_left_out(data: ReviewData) -> None:
    assert data.training is data.linked
    longer = data.with_settings(data.settings.model_copy(update={"tau_range_hours": (4.0, 6.0)}))
    assert longer.linked is data.linked
    assert longer.training.settings == longer.settings
    assert len(longer.training.anchor_rows) != len(data.training.anchor_rows)
    cut = data.with_effect(decided("cut", Target("link", *PLACE, track="1", daughter=2)))
    assert cut.training is cut.linked


def test_a_cut_makes_what_is_linked_anew(data: ReviewData) -> None:
    link = Target("link", *PLACE, track="1", daughter=2)
    n_lineages = int((data.linked.forest.parent < 0).sum())
    other = data.with_effect(decided("cut", link))
    assert int((other.linked.forest.parent < 0).sum()) == n_lineages + 1
    assert other.raw is data.raw


def test_other_channels_are_other_data(data: ReviewData) -> None:
    names = {"source_channel": ["GFP", "Phase"], "channel_names": ["Phase", "GFP"]}
    other = data.with_effect(decided("remap", Target("experiment", "early"), **names))
    assert data.raw.fovs[0].channels != other.raw.fovs[0].channels
    assert other.data_version != data.data_version


def test_settings_of_the_draw_keep_what_is_on_disk(data: ReviewData) -> None:
    raw = data.raw
    assert data.with_settings(data.settings) is data
    shorter = data.with_settings(data.settings.model_copy(update={"tau_range_hours": (0.5, 1.0)}))
    assert shorter.raw is raw
    assert shorter.data_version == data.data_version
    smaller = data.with_settings(data.settings.model_copy(update={"yx_patch_size": (12, 12)}))
    assert smaller.raw is not raw
    assert smaller.data_version not in (data.data_version, shorter.data_version)


def test_a_table_that_changed_is_told_until_it_is_read_anew(data: ReviewData) -> None:
    known = data.table_hash(*PLACE)
    assert data.table_hashes([PLACE, ("early", "Z/9/9")]) == {PLACE: known}
    table = data.table_of(*PLACE)
    assert table is not None
    table.write_text(table.read_text().rstrip("\n") + "\n\n")
    with pytest.raises(TableChangedError, match="changed since the review read it"):
        data.table_hash(*PLACE)
    anew = data.read_anew()
    assert anew.table_hash(*PLACE) not in ("", known)
    assert anew.data_version != data.data_version


def test_a_thread_that_is_given_the_data_makes_what_all_read(data: ReviewData) -> None:
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(lambda: data.training).result()
    assert data.has_training
    assert data.training is made
