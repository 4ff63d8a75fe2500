"""The model of a review: what it shows is what training reads, and what is decided holds."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from lineage_triplets import MultiExperimentTripletDataset, load_config, save_config
from lineage_triplets.engine.errors import (
    ConfigError,
    LineageTripletsError,
    UnknownNameError,
)
from lineage_triplets.engine.settings.model import Cut, Exclusions, FovExclusion, LineageExclusion
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.open.tables import TableChangedError
from lineage_triplets.qc.record import DecisionsError
from lineage_triplets.qc.record.decision import Target
from reviews import (
    equal,
    everything,
    experiments,
    field,
    given,
    key,
    painted,
    save,
    write_config,
)
from stores import write_tables


def dataset_of(review: Review) -> MultiExperimentTripletDataset:
    return MultiExperimentTripletDataset.from_config(review.data.config)


def assert_same_as_training(review: Review, epoch: int = 0) -> None:
    """Every pair, relation, tau and pixel of the review is the dataset's."""
    dataset = dataset_of(review)
    dataset.set_epoch(epoch)
    batch = everything(dataset)
    of_training = {
        key(anchor): (positive, anchor_pixels.numpy(), positive_pixels.numpy())
        for anchor, positive, anchor_pixels, positive_pixels in zip(
            batch["anchor_meta"],
            batch["positive_meta"],
            batch["anchor"],
            batch["positive"],
            strict=True,
        )
    }
    lineages = review.lineages()
    shown = {}
    for lineage in lineages.loc[lineages["n_anchors"] > 0, "lineage_id"]:
        pairs = review.pairs(lineage, 10_000, epoch=epoch)
        anchors, positives = pairs.images()
        for number, anchor in enumerate(pairs.anchors):
            shown[key(anchor)] = pairs.positives[number], anchors[number], positives[number]
    assert shown.keys() == of_training.keys()
    for place, (positive, anchor_pixels, positive_pixels) in shown.items():
        assert positive == of_training[place][0]
        assert equal(anchor_pixels, of_training[place][1])
        assert equal(positive_pixels, of_training[place][2])


@pytest.mark.parametrize("relation", ["lineage", "descendant", "same_track"])
@pytest.mark.parametrize("epoch", [0, 5])
def test_pairs_and_pixels_are_the_datasets(review, relation, epoch):
    review.choose(positive_relation=relation, tau_fallback="renormalize")

    assert_same_as_training(review, epoch)


def test_pairs_are_the_datasets_after_decisions(review):
    review.reject(Target("track", "early", "A/1/0", track="2"), "blurred")
    review.reject(Target("frame", "late", "A/1/0", t=3), "out of focus")
    review.reject(Target("fov", "early", "B/2/0"), "dirt")
    review.reject(Target("observation", "late", "A/1/0", track="21", t=9), "dead")
    review.cut(Target("link", "early", "A/1/0", track="11", t=4), "jumps")
    review.cut(Target("link", "late", "A/1/0", track="1", daughter=3), "wrong cell")

    assert_same_as_training(review)


def test_pairs_of_a_fov_are_those_of_its_lineages(review):
    of_fov = review.pairs(n=10_000, experiment="early", fov="B/2/0")

    by_anchor = {key(one): of_fov.positives[n] for n, one in enumerate(of_fov.anchors)}
    assert {place[:2] for place in by_anchor} == {("early", "B/2/0")}
    for root in (1, 11, 21):
        of_lineage = review.pairs(f"early_B/2/0_{root}", 10_000)
        for number, anchor in enumerate(of_lineage.anchors):
            assert by_anchor.pop(key(anchor)) == of_lineage.positives[number]
    assert not by_anchor


@pytest.mark.parametrize("fallback", ["scan", "renormalize"])
def test_the_probability_of_a_pair_is_how_often_it_is_drawn(review, fallback):
    review.choose(tau_fallback=fallback, tau_range_hours=(0.5, 3.5))
    draws: dict[tuple, dict[tuple, int]] = {}
    chances: dict[tuple, dict[tuple, float]] = {}
    n_draws = 800
    for epoch in range(n_draws):
        pairs = review.pairs("early_A/1/0_1", 30, epoch=epoch)
        for number, anchor in enumerate(pairs.anchors):
            if key(anchor)[2:] not in {(1, 0), (1, 5), (2, 10)}:
                continue
            positive = key(pairs.positives[number])
            counts = draws.setdefault(key(anchor), {})
            counts[positive] = counts.get(positive, 0) + 1
            chances.setdefault(key(anchor), {})[positive] = float(pairs.probability[number])

    assert len(draws) == 3
    for anchor, counts in draws.items():
        assert sum(chances[anchor].values()) == pytest.approx(1, abs=0.02)
        for positive, count in counts.items():
            chance = chances[anchor][positive]
            deviation = np.sqrt(chance * (1 - chance) / n_draws)
            assert count / n_draws == pytest.approx(chance, abs=5 * deviation)


def test_the_tau_distribution_is_what_is_drawn(review):
    table = review.tau_distribution()

    for name, own in table.taus.groupby("experiment"):
        assert own["law"].sum() == pytest.approx(1)
        assert own["drawn"].sum() == pytest.approx(1)
        hours = {"early": 0.5, "late": 0.25}[name]
        assert (own["tau_hours"] == own["tau_frames"] * hours).all()
    batch = everything(dataset_of(review))
    taus = [one["tau_frames"] for one in batch["positive_meta"] if one["experiment"] == "early"]
    early = table.taus[table.taus["experiment"] == "early"].set_index("tau_frames")
    for tau, drawn in early["drawn"].items():
        assert taus.count(tau) / len(taus) == pytest.approx(drawn, abs=0.12)
    relations = [one["relation"] for one in batch["positive_meta"] if one["experiment"] == "early"]
    shares = table.relations[table.relations["experiment"] == "early"]
    assert dict(zip(shares["relation"], shares["share"], strict=True)) == {
        one: relations.count(one) / len(relations) for one in set(relations)
    }
    sisters = sum(one in {"sister", "niece", "aunt", "cousin"} for one in relations)
    assert table.collateral_share("early") == sisters / len(relations)


def test_a_choice_is_resolved_and_told(review):
    told = []
    review.events.intent.connect(told.append)

    state = review.choose(lineage="late_A/1/0_11", across_divisions=True, n_pairs=5)

    assert (state.experiment, state.fov) == ("late", "A/1/0")
    assert len(state.pairs) == 5
    assert set(state.pairs.relation_labels) == {"daughter"}
    assert state.view.tracks["track"].tolist() == ["11", "12", "13"]
    assert state.view.tracks["parent"].tolist() == [-1, 0, 0]
    assert not state.view.cells["excluded"].any()
    assert told == [review.intent]
    assert review.choose(experiment="early").lineage == ""


def test_tau_in_frames_is_said_for_every_experiment(review):
    early, late = review.choose(tau_range_hours=(0.1, 0.2)).tau

    assert (early.frames.first, early.frames.last) == (1, 0)
    assert "no frame" in early.words
    assert (late.frames.first, late.frames.last) == (1, 1)
    assert "1 frame only" in late.words
    assert "no frame" in review.choose(experiment="early").reason


def test_a_lineage_that_is_too_short_says_so(review):
    state = review.choose(lineage="early_A/1/0_21", tau_range_hours=(8, 9))

    assert len(state.pairs) == 0
    assert "frames 0 to 13" in state.reason


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"lineage": "early_A/1/0_2"}, "early_A/1/0_1"),
        ({"lineage": "nothing"}, "named by their root"),
        ({"experiment": "erly"}, "early, late"),
        ({"fov": "C/3/0"}, "A/1/0"),
        ({"tau_hours": (1, 2)}, "tau_range_hours"),
        ({"n_pairs": 0}, "n_pairs"),
        ({"tau_range_hours": (2, 1)}, "tau_range_hours"),
    ],
)
def test_a_choice_that_is_not_there_changes_nothing(review, choice, said):
    review.choose(experiment="early")
    before = review.intent

    with pytest.raises(LineageTripletsError, match=said):
        review.choose(**choice)

    assert review.intent == before
    assert review.state.intent == before
    assert review.data.settings == before.dataset


def test_settings_are_kept_until_the_config_says_others(config_path):
    with Review.open(config_path, by="ada") as review:
        review.choose(tau_range_hours=(0.5, 1.0), lineage="early_A/1/0_1")
    with Review.open(config_path, by="ada") as review:
        assert review.data.settings.tau_range_hours == (0.5, 1.0)
    config = load_config(config_path)
    dataset = config.dataset.model_copy(update={"tau_range_hours": (1.0, 3.0)})
    save_config(config.model_copy(update={"dataset": dataset}), config_path, overwrite=True)
    with Review.open(config_path, by="ada") as review:
        assert review.data.settings.tau_range_hours == (1.0, 3.0)


LEVELS = [
    Target("lineage", "early", "A/1/0", track="1"),
    Target("track", "early", "A/1/0", track="3"),
    Target("fov", "early", "B/2/0"),
    Target("well", "early", "B/2"),
    Target("frame", "early", "A/1/0", t=4),
    Target("observation", "early", "A/1/0", track="21", t=4),
]


def is_of(target: Target, place: tuple[str, str, int, int]) -> bool:
    """Whether an observation belongs to a target; lineage 1 has the tracks 1, 2 and 3."""
    experiment, fov, track_id, t = place
    if experiment != target.experiment or not fov.startswith(target.fov):
        return False
    tracks = {"lineage": {1, 2, 3}}.get(target.level, {int(target.track or track_id)})
    return track_id in tracks and target.t in (None, t)


@pytest.mark.parametrize("target", LEVELS, ids=[one.level for one in LEVELS])
def test_what_is_rejected_is_never_given(tmp_path, target):
    path = write_config(tmp_path, return_negative=True)
    with Review.open(path, by="ada") as review:
        before = given(dataset_of(review))
        review.reject(target, "looks wrong")
        after = given(dataset_of(review))
        gone = {one for one in before if is_of(target, one)}
        assert gone
        assert not gone & after
        review.undo()
        assert given(dataset_of(review)) == before
        review.redo()
        assert given(dataset_of(review)) == after


def test_a_rejection_at_any_level_wins(review):
    lineage = review.target("lineage", "early_A/1/0_1")
    review.reject(Target("fov", "early", "A/1/0"), "dirt")
    review.accept(lineage)

    assert review.choose(lineage=lineage.id).reason == "the whole lineage is rejected"
    row = review.lineages().set_index("lineage_id").loc[lineage.id]
    assert (row["n_anchors"], row["decision"]) == (0, "rejected")


def test_undecided_takes_a_rejection_back(review):
    lineage = review.target("lineage", "early_A/1/0_1")
    review.reject(lineage, "odd")
    review.undecide(lineage)

    assert review.choose(lineage=lineage.id).reason == ""
    assert len(review.state.pairs)


def test_never_a_pair_across_a_cut(review):
    review.cut(Target("link", "early", "A/1/0", track="1", daughter=2), "another cell")
    review.cut(Target("link", "early", "A/1/0", track="21", t=7), "jumps")

    batch = everything(dataset_of(review))

    for anchor, positive in zip(batch["anchor_meta"], batch["positive_meta"], strict=True):
        if key(anchor)[:2] != ("early", "A/1/0"):
            continue
        assert (anchor["track_id"] == 2) == (positive["track_id"] == 2)
        if anchor["track_id"] == 21:
            assert (anchor["t"] < 7) == (positive["t"] < 7)
    assert "early_A/1/0_21@7" in review.lineages()["lineage_id"].tolist()


def test_what_is_cut_off_from_a_rejected_lineage_stays_rejected(review):
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead cells")
    review.reject(review.target("track", "early_A/1/0_21"), "drifts")
    review.cut(Target("link", "early", "A/1/0", track="1", daughter=2), "another cell")
    review.cut(Target("link", "early", "A/1/0", track="21", t=7), "jumps")

    anchors = [key(one) for one in everything(dataset_of(review))["anchor_meta"]]

    assert {one[2] for one in anchors if one[:2] == ("early", "A/1/0")} == {11, 12, 13}
    review.undo()
    assert review.lineages().set_index("lineage_id").loc["early_A/1/0_21", "decision"] == "rejected"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target("lineage", "early", "A/1/0", track="99"), "no lineage"),
        (Target("track", "early", "A/1/0", track="99"), "no track"),
        (Target("fov", "early", "C/1/0"), "no FOV"),
        (Target("well", "early", "C/1"), "no well"),
        (Target("frame", "early", "A/1/0", t=14), "frames 0 to 13"),
        (Target("observation", "early", "A/1/0", track="2", t=2), "no observation"),
        (Target("fov", "none", "A/1/0"), "no experiment"),
        (Target("experiment", "early"), "not accepted or rejected"),
    ],
)
def test_what_is_not_there_cannot_be_rejected(review, target, said):
    with pytest.raises(LineageTripletsError, match=said):
        review.reject(target, "reason")

    assert review.decisions == ()


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (Target("link", "early", "A/1/0", track="1", daughter=12), "2, 3"),
        (Target("link", "early", "A/1/0", track="1", t=0), "frames 0 to 5"),
        (Target("link", "early", "A/1/0", track="99", t=3), "no such track"),
    ],
)
def test_a_link_that_is_not_there_cannot_be_cut(review, link, said):
    with pytest.raises(ConfigError, match=said):
        review.cut(link, "reason")


def test_a_rejection_needs_a_reason(review):
    with pytest.raises(ConfigError, match="reason"):
        review.reject(Target("fov", "early", "A/1/0"), "  ")


def test_remap_takes_effect_at_once_and_fells_the_approval(review):
    told = []
    review.events.channels.connect(told.append)
    before, _ = review.pairs("late_A/1/0_1", 4).images()
    review.approve("late")
    assert review.approval("late").holds

    review.remap("late", {0: "GFP", "GFP": "Phase"})

    after, _ = review.pairs("late_A/1/0_1", 4).images()
    assert equal(after, before[:, ::-1])
    assert told == ["late", "late"]
    assert not review.approval("late").holds
    assert "Phase, GFP" in review.approval("late").why_not
    assert review.data.config.experiments[1].source_channel == ["GFP", "Phase"]
    assert_same_as_training(review)
    review.undo()
    assert review.approval("late").holds


@pytest.mark.parametrize(
    ("slots", "said"),
    [
        ({0: "mCherry"}, "Known: GFP, Phase"),
        ({2: "GFP"}, "0 .Phase., 1 .GFP."),
        ({0: "GFP"}, "two slots"),
    ],
)
def test_a_remap_that_cannot_be_is_refused(review, slots, said):
    with pytest.raises(LineageTripletsError, match=said):
        review.remap("late", slots)


def test_an_approval_falls_when_the_images_change(review, tmp_path):
    review.approve("late")
    chunks = tmp_path / "late.zarr" / "A/1/0/0/c"
    shutil.copy(chunks / "6/0/0/0/0", chunks / "7/0/0/0/0")

    review.reload()

    assert "images are others" in review.approval("late").why_not
    assert review.approval("early").why_not == "nobody approved them yet"


def test_a_wrong_channel_order_is_found_and_mended_by_a_remap(tmp_path):
    early, late = experiments(tmp_path)
    wrong = late.model_copy(update={"channel_names": ["Phase", "GFP"]})
    path = save(tmp_path / "wrong.yml", [early, wrong])
    with Review.open(path, by="ada") as review:
        kinds = {one.finding.kind: one for one in review.findings()}
        assert kinds["channel-names"].finding.experiment == "late"
        assert not kinds["channel-names"].can_be_waived
        review.remap("late", {0: "Phase", 1: "GFP"})
        assert not any(one.finding.kind == "channel-names" for one in review.findings())
        assert_same_as_training(review)


def test_a_table_that_changed_is_told_before_anything_is_decided(review, tmp_path):
    lineage = review.target("lineage", "late_A/1/0_1")
    table = field()
    write_tables(tmp_path / "late_tracks", {"A/1/0": table[table["track_id"] != 21]})

    with pytest.raises(TableChangedError, match="Reload"):
        review.reject(lineage, "odd")

    assert review.decisions == ()
    review.reject(review.target("lineage", "early_A/1/0_1"), "another table")
    review.reload()
    assert "late_A/1/0_21" not in review.lineages()["lineage_id"].tolist()
    review.reject(lineage, "odd")


def test_a_decision_about_a_table_that_changed_is_stale_until_confirmed(config_path, tmp_path):
    with Review.open(config_path, by="ada") as review:
        made = review.reject(review.target("lineage", "late_A/1/0_1"), "odd")
        review.reject(Target("frame", "late", "A/1/0", t=2), "blank")
    table = field()
    write_tables(tmp_path / "late_tracks", {"A/1/0": table[table["track_id"] != 21]})

    with Review.open(config_path, by="bea") as review:
        assert review.effect.stale == (made,)
        assert review.lineages().set_index("lineage_id").loc["late_A/1/0_1", "n_anchors"] > 0
        assert [one.level for one in review.effect.rejected] == ["frame"]
        review.confirm(made)
        assert review.effect.stale == ()
        row = review.lineages().set_index("lineage_id").loc["late_A/1/0_1"]
        assert row["decision"] == "rejected"


def test_a_stale_decision_can_be_taken_back(config_path, tmp_path):
    with Review.open(config_path, by="ada") as review:
        cut = review.cut(Target("link", "late", "A/1/0", track="1", daughter=2), "far")
        kept = review.reject(review.target("lineage", "late_A/1/0_11"), "odd")
    table = field()
    write_tables(tmp_path / "late_tracks", {"A/1/0": table[table["track_id"] != 21]})

    with Review.open(config_path, by="bea") as review:
        assert review.effect.stale == (cut, kept)
        review.withdraw(cut, reason="the tracker was mended")
        assert review.effect.stale == (kept,)
        assert cut not in review.decisions and not review.effect.cuts
        with pytest.raises(ConfigError, match="no decision"):
            review.withdraw(cut)
        assert [one.kind for one in review.undo()] == ["withdraw"]
        assert review.effect.stale == (cut, kept)
        review.confirm(cut, kept)
        assert (len(review.effect.cuts), len(review.effect.rejected)) == (1, 1)
        assert [one.kind for one in review.undo()] == ["confirm", "confirm"]


def test_a_withdrawn_decision_leaves_what_was_decided_before(review):
    lineage = review.target("lineage", "late_A/1/0_1")
    review.accept(lineage)
    review.reject(lineage, "odd")
    review.withdraw(review.reject(lineage, "blurred"))
    assert review.effect.rejected[lineage].reason == "odd"
    told: list[str] = []
    review.events.channels.connect(told.append)
    review.withdraw(review.remap("late", {0: "GFP", 1: "Phase"}))
    assert told == ["late", "late"] and not review.effect.remaps


def test_undo_passes_over_pairs_that_were_on_screen(review):
    lineage = review.target("lineage", "late_A/1/0_1")
    review.reject(lineage, "odd")
    painted(review, "early")
    assert [one.kind for one in review.undo()] == ["reject"]
    painted(review, "late")
    assert [one.kind for one in review.redo()] == ["reject"]
    assert set(review.effect.seen) == {"early", "late"}
    assert lineage in review.effect.rejected


def test_a_configs_exclusions_and_cuts_become_decisions_once(config_path):
    config = load_config(config_path)
    exclude = Exclusions(
        fovs=[FovExclusion(experiment="early", fov="B/2/0", reason="dirt")],
        lineages=[LineageExclusion(lineage_id="late_A/1/0_1", reason="dead")],
    )
    cut = [Cut(experiment="early", fov="A/1/0", track_id=1, daughter=2, reason="wrong")]
    save_config(
        config.model_copy(update={"exclude": exclude, "cut": cut}), config_path, overwrite=True
    )
    with Review.open(config_path, by="ada", read_only=True) as review:
        assert [one.reason for one in review.decisions] == ["dirt", "dead", "wrong"]
        assert review.data.config.exclude == exclude
    with Review.open(config_path, by="ada") as review:
        assert [one.reason for one in review.decisions] == ["dirt", "dead", "wrong"]
        assert review.data.config.cut == cut
        assert_same_as_training(review)
        review.undo()
        assert review.decisions == ()
    with Review.open(config_path, by="ada") as review:
        assert review.decisions == ()


def test_read_only_decides_nothing_and_leaves_nothing(config_path, tmp_path):
    before = sorted(tmp_path.iterdir())
    with Review.open(config_path, read_only=True) as review:
        review.choose(tau_range_hours=(0.5, 1.0))
        assert len(review.state.pairs)
        with pytest.raises(DecisionsError):
            review.reject(Target("fov", "early", "A/1/0"), "dirt")

    assert sorted(tmp_path.iterdir()) == before


def test_the_lineage_table_counts_what_training_has(review):
    review.reject(review.target("track", "early_A/1/0_2"), "odd")

    table = review.lineages().set_index("lineage_id")

    anchors = [one["lineage_id"] for one in everything(dataset_of(review))["anchor_meta"]]
    assert table["n_anchors"].to_dict() == {one: anchors.count(one) for one in table.index}
    assert table.loc["early_A/1/0_1", ["n_cells", "n_tracks", "n_divisions"]].tolist() == [22, 3, 1]
    assert table.loc["early_A/1/0_1", "decision"] == "partly rejected"


def test_an_unknown_experiment_is_told(review):
    with pytest.raises(UnknownNameError, match="early, late"):
        review.approve("erly")
