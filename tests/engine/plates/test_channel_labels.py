"""Labels that a store has bind their channels, whatever other labels are missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex, diagnose
from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.engine.first_config import inspect_plate
from lineage_triplets.engine.plates.channels import channel_labels, resolve_channels
from lineage_triplets.engine.plates.image import open_image
from lineage_triplets.qc import Review
from lineage_triplets.qc.find.channels.proof import prove
from stores import numbered_pixels, track_table, write_image

TABLE = {"A/1/0": track_table((1, range(5)), y=9.0, x=9.0)}
NAMES = ("Phase", "GFP", "RFP", "channel 0", "channel 1")
MISSING = (
    {},
    {"label": None},
    {"label": ""},
    {"label": "  "},
    {"label": 0},
    {"label": False},
    None,
)


def relabel(folder: str | Path, channels: list) -> None:
    file = Path(folder, ".zattrs")
    content = json.loads(file.read_text())
    content["omero"] = {"channels": channels}
    file.write_text(json.dumps(content))


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image") / "i.zarr"
    write_image(folder, shape=(1, 2, 1, 5, 6))
    return open_image(folder)


@st.composite
def labelled(draw):
    """Entries of ``omero.channels`` for some channels, what they say, and a config's names."""
    true = draw(st.permutations(NAMES))[: draw(st.integers(1, 4))]
    entries, said = [], []
    for name in true:
        there = draw(st.booleans())
        entries.append({"label": name} if there else draw(st.sampled_from(MISSING)))
        said.append(name if there else None)
    n_entries = draw(st.integers(0, len(true)))
    more = draw(st.booleans())
    entries = [*entries, {"label": "more"}] if more else entries[:n_entries]
    said = [*said, "more"] if more else said[:n_entries]
    configured = draw(
        st.one_of(
            st.just(list(true)),
            st.permutations(true),
            st.lists(st.sampled_from((*NAMES, "more", "other")), unique=True, max_size=5),
        )
    )
    return len(true), entries, said, configured


@given(labelled())
def test_no_name_reads_a_channel_that_a_label_contradicts(image, drawn):
    n_channels, entries, said, configured = drawn
    labels = channel_labels({"omero": {"channels": entries}})
    assert labels == (tuple(said) if any(said) else ())
    fov = replace(image, channel_labels=labels, shape=(1, n_channels, 1, 5, 6))
    names, problem = resolve_channels(fov, configured)
    assert len(names) == len(set(names)) == n_channels
    bound = [*said, *[None] * n_channels][:n_channels]
    for place, name in enumerate(names):
        # Also where the config is refused: a review opens the store by these names.
        assert bound[place] in {None, name}
        assert name not in said or said[place] == name
    consistent = len(configured) == n_channels and all(
        label == name if label else name not in said
        for label, name in zip(bound, configured, strict=True)
    )
    assert consistent == (problem is None or problem.severity == "warning")
    assert not consistent or list(names) == list(configured)
    assert (problem is None) == (consistent and all(said) and len(said) == n_channels)


@pytest.mark.parametrize("missing", MISSING)
def test_a_config_in_another_order_is_an_error_where_a_label_is_missing(make_experiment, missing):
    one = make_experiment("one", TABLE, shape=(5, 2, 1, 20, 20))
    relabel(Path(one.data_path, "A/1/0"), [missing, {"label": "GFP"}])
    swapped = one.model_copy(update={"channel_names": ["GFP", "Phase"]})
    with pytest.raises(ConfigError, match="contradict the store's labels") as caught:
        ExperimentRegistry([swapped])
    (problem,) = caught.value.problems
    assert (problem.kind, problem.field) == ("channel-names", "channel_names")
    assert "['no label', 'GFP'] for 2 channels" in problem.message
    registry = ExperimentRegistry([one])
    assert registry.channel_maps == {"one": {0: 0, 1: 1}}
    (warning,) = registry.problems
    assert (warning.kind, warning.severity) == ("some-channel-names", "warning")
    assert "names 1 of its 2 channels; for zarr 0" in warning.message


@pytest.mark.parametrize(
    ("labels", "names", "loads"),
    [
        (["Phase"], ["Phase", "GFP"], True),
        (["Phase"], ["GFP", "Phase"], False),
        (["Phase", "GFP", "RFP"], ["Phase", "GFP"], True),
        (["Phase", "GFP", "RFP"], ["GFP", "Phase"], False),
        ([None, "GFP", "RFP"], ["RFP", "GFP"], False),
        ([None, "GFP", None], ["Phase", "GFP", "RFP"], True),
        ([None, "GFP", None], ["Phase", "RFP", "GFP"], False),
        ([7, 488], ["7", "488"], True),
    ],
)
def test_fewer_and_more_labels_than_channels(make_experiment, labels, names, loads):
    one = make_experiment("one", TABLE, shape=(5, len(names), 1, 20, 20), channels=names)
    relabel(Path(one.data_path, "A/1/0"), [{"label": label} for label in labels])
    if loads:
        assert ExperimentRegistry([one]).channel_maps["one"] == {k: k for k in range(len(names))}
    else:
        with pytest.raises(ConfigError, match="contradict"):
            ExperimentRegistry([one])


def test_another_fov_with_a_label_that_contradicts_is_an_error(make_experiment):
    one = make_experiment(
        "one", {"A/1/0": TABLE["A/1/0"], "A/1/1": TABLE["A/1/0"]}, shape=(5, 2, 1, 20, 20)
    )
    relabel(Path(one.data_path, "A/1/1"), [{}, {"label": "Phase"}])
    with pytest.raises(ConfigError, match="contradict") as caught:
        MultiExperimentIndex(ExperimentRegistry([one]), 1, (8, 8))
    assert caught.value.problems[0].fov == "A/1/1"
    relabel(Path(one.data_path, "A/1/1"), [{}, {"label": "GFP"}])
    index = MultiExperimentIndex(ExperimentRegistry([one]), 1, (8, 8))
    (warning,) = [problem for problem in index.problems if problem.kind == "some-channel-names"]
    assert warning.fov == "A/1/1"


def test_the_proof_looks_a_channel_up_by_the_labels_that_are_there(make_experiment):
    pixels = numbered_pixels((5, 3, 1, 20, 20))
    one = make_experiment("one", TABLE, pixels=pixels, channels=["a", "b", "c"])
    relabel(Path(one.data_path, "A/1/0"), [{"label": 0}, {"label": "b"}])
    index = MultiExperimentIndex(ExperimentRegistry([one]), 1, (8, 8))
    source = PairSource(index, index.settings)
    names = index.registry.opened[0].channel_names
    proofs = prove(source, index.anchor_rows, ["a", "b", "c"], names)
    assert [proof.holds for proof in proofs] == [True] * 3
    n = len(index.anchor_rows)
    assert [proof.n_unnamed for proof in proofs] == [n, 0, n]
    assert "does not name this channel" in proofs[0].words
    assert "does not name" not in proofs[1].words
    relabel(Path(one.data_path, "A/1/0"), [{"label": "b"}, {"label": "x"}])
    proofs = prove(source, index.anchor_rows, ["a", "b", "c"], names)
    assert [bool(proof.first_difference) for proof in proofs] == [False, True, False]
    assert [proof.holds for proof in proofs] == [False, False, True]


def test_a_first_config_names_channels_by_label_or_place(make_experiment):
    one = make_experiment("one", TABLE, shape=(5, 3, 1, 20, 20), channels=["a", "b", "c"])
    relabel(Path(one.data_path, "A/1/0"), [{}, {"label": "GFP"}, {"label": "channel 0"}])
    found = inspect_plate(one.data_path)
    assert found.channel_names == ["channel 0'", "GFP", "channel 0"]
    assert "3 channels, 2 of them named" in found.description()
    drafted = one.model_copy(
        update={"channel_names": found.channel_names, "source_channel": ["GFP"]}
    )
    assert ExperimentRegistry([drafted]).channel_maps == {"one": {0: 1}}


def test_a_review_opens_by_the_labels_and_mends_it_by_remapping(make_experiment, tmp_path):
    one = make_experiment("one", TABLE, shape=(5, 2, 1, 20, 20))
    relabel(Path(one.data_path, "A/1/0"), [{}, {"label": "GFP"}])
    swapped = one.model_dump() | {"channel_names": ["GFP", "Phase"]}
    file = tmp_path / "experiments.yml"
    settings = {"z_range": 1, "yx_patch_size": [8, 8], "tau_range_hours": [0.5, 1.0]}
    file.write_text(
        json.dumps({"format": "lineage-triplets/1", "experiments": [swapped], "dataset": settings})
    )
    assert [problem.kind for problem in diagnose(file).errors] == ["channel-names"]
    with Review.open(file) as review:
        assert review.data.registry.channel_maps == {"one": {0: 0, 1: 1}}
        review.remap("one", {"Phase": "Phase", "GFP": "GFP"})
        kinds = {reviewed.finding.kind for reviewed in review.findings()}
        assert "channel-names" not in kinds
        assert "some-channel-names" in kinds
        assert review.data.registry.get_experiment("one").channel_names == ["Phase", "GFP"]
