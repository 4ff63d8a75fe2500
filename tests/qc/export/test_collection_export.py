"""A config as DynaCLR's collection: loaded again, it is the same experiments and slots."""

from __future__ import annotations

import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets import (
    DatasetConfig,
    ExperimentConfig,
    MultiExperimentIndex,
    TripletConfig,
    load_config,
)
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.engine.settings.model import Exclusions
from lineage_triplets.qc.export.collection import COLLECTION_LOSES, collection_of, write_collection
from stores import make_experiment, track_table

TABLES = {name: track_table((1, range(6))) for name in ("A/1/0", "A/1/1", "B/2/0", "B/2/1")}
SETTINGS = {"yx_patch_size": (16, 16)}


def exported(config, folder, **arguments):
    index = MultiExperimentIndex.from_config(config)
    content = collection_of(config, index, name="all of it", **arguments)
    file = folder / "collection.yml"
    write_collection(content, file)
    return index, content, file


@pytest.fixture
def config(make_experiment):
    one = make_experiment(
        "one",
        TABLES,
        channels=("Phase", "GFP"),
        condition_wells={"mock": ["A/1"], "infected": ["B/2"]},
        config={"start_hpi": 3.5, "moi": 0.5, "organelle": "ER", "date": "2024-05-01"},
    )
    two = make_experiment(
        "two",
        TABLES,
        shape=(12, 3, 1, 40, 48),
        channels=("raw mCherry", "BF", "raw GFP"),
        source_channel=("BF", "raw GFP"),
        interval_minutes=12.5,
    )
    return TripletConfig(
        experiments=[one, two], dataset=DatasetConfig(**SETTINGS, slot_labels=["phase", "virus"])
    )


class TestRoundTrip:
    def test_experiments_slots_and_labels_are_the_same(self, config, tmp_path):
        index, _, file = exported(config, tmp_path)
        again = load_config(file)
        assert [one.model_dump() for one in again.experiments] == [
            one.model_dump() for one in config.experiments
        ]
        assert again.dataset.slot_labels == ["phase", "virus"]
        loaded = MultiExperimentIndex.from_config(
            again.model_copy(update={"dataset": again.dataset.model_copy(update=SETTINGS)})
        )
        assert (
            loaded.registry.channel_maps
            == index.registry.channel_maps
            == {
                "one": {0: 0, 1: 1},
                "two": {0: 1, 1: 2},
            }
        )
        assert loaded.tracks.equals(index.tracks)

    def test_excluded_wells_and_fovs_stay_out(self, config, tmp_path):
        exclude = Exclusions(
            wells=[{"experiment": "one", "well": "B/2"}],
            fovs=[
                {"experiment": "two", "fov": "A/1/1"},
                {"experiment": "two", "fov": "Z/9/9"},
            ],
        )
        left = config.model_copy(update={"exclude": exclude})
        index, content, file = exported(left, tmp_path)
        assert [one.get("exclude_fovs") for one in content["experiments"]] == [
            ["B/2/0", "B/2/1"],
            ["A/1/1"],
        ]
        again = load_config(file)
        loaded = MultiExperimentIndex.from_config(
            again.model_copy(update={"dataset": again.dataset.model_copy(update=SETTINGS)})
        )
        assert loaded.tracks.equals(index.tracks)
        assert not any(one.kind == "unknown-fov" for one in loaded.problems)

    def test_fovs_that_settings_leave_out_or_that_have_no_table_stay_out(
        self, make_experiment, tmp_path
    ):
        one = make_experiment("one", {"A/1/0": TABLES["A/1/0"]}, fovs=["A/1/0", "A/1/1", "B/2/0"])
        two = make_experiment("two", TABLES)
        dataset = DatasetConfig(
            **SETTINGS, include_wells={"two": ["B/2"]}, exclude_fovs={"two": ["B/2/1"]}
        )
        config = TripletConfig(experiments=[one, two], dataset=dataset)
        _, content, _ = exported(config, tmp_path)
        assert [entry["exclude_fovs"] for entry in content["experiments"]] == [
            ["A/1/1", "B/2/0"],
            ["A/1/0", "A/1/1", "B/2/1"],
        ]

    def test_a_single_image(self, make_experiment, tmp_path):
        one = make_experiment("one", {"0/0/0": TABLES["A/1/0"]}, single_image=True)
        config = TripletConfig(experiments=[one], dataset=DatasetConfig(**SETTINGS))
        _, content, file = exported(config, tmp_path)
        assert "exclude_fovs" not in content["experiments"][0]
        assert load_config(file).experiments[0].model_dump() == one.model_dump()

    @given(data=st.data())
    @settings(max_examples=40)
    def test_any_names(self, data, tmp_path_factory):
        root = tmp_path_factory.getbasetemp() / "any_names"
        if not root.exists():
            root.mkdir()
            make_experiment(root, "one", {"A/1/0": TABLES["A/1/0"]}, omero=False)
        hard = st.sampled_from(
            [
                "007",
                "1e3",
                "0",
                "0x1F",
                "true",
                "yes",
                "null",
                "~",
                "2024-01-01",
                "a: b",
                "- x",
                "#",
            ]
        )
        text = hard | st.text(
            st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t\u2028"),
            min_size=1,
            max_size=8,
        )
        name = hard | st.text(string.ascii_letters + "0123456789 _-.äµ:#", min_size=1).map(
            lambda word: word.strip() or "x"
        )
        channels = data.draw(st.lists(text, min_size=2, max_size=2, unique=True))
        one = ExperimentConfig(
            name=data.draw(name),
            data_path=str(root / "one.zarr"),
            tracks_path=str(root / "one_tracks"),
            channel_names=channels,
            source_channel=channels[::-1],
            condition_wells=data.draw(
                st.dictionaries(text, st.just(["A/1"]), min_size=1, max_size=1)
            ),
            organelle=data.draw(st.just("") | text),
            date=data.draw(st.just("") | text),
        )
        labels = data.draw(st.lists(text, min_size=2, max_size=2, unique=True))
        config = TripletConfig(
            experiments=[one], dataset=DatasetConfig(**SETTINGS, slot_labels=labels)
        )
        _, _, file = exported(config, root, description=data.draw(text))
        again = load_config(file)
        assert [loaded.model_dump() for loaded in again.experiments] == [one.model_dump()]
        assert again.dataset.slot_labels == labels


class TestPaths:
    def test_they_are_absolute(self, config, tmp_path):
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        file = tmp_path / "experiments.yml"
        entries = [one.model_dump() for one in config.experiments]
        entries[0] |= {"data_path": "one.zarr", "tracks_path": "one_tracks"}
        file.write_text(yaml.safe_dump({"experiments": entries, "dataset": SETTINGS_YAML}))
        _, content, _ = exported(load_config(file), elsewhere)
        assert content["experiments"][0]["data_path"] == str(tmp_path / "one.zarr")
        assert content["experiments"][0]["tracks_path"] == str(tmp_path / "one_tracks")

    def test_a_variable_stays_where_the_path_is_whole(self, config, tmp_path, monkeypatch):
        monkeypatch.setenv("LAB_DATA", str(tmp_path))
        monkeypatch.setenv("TABLES", "one_tracks")
        file = tmp_path / "experiments.yml"
        entry = config.experiments[0].model_dump()
        entry |= {"data_path": "${LAB_DATA}/one.zarr", "tracks_path": "${TABLES}"}
        file.write_text(yaml.safe_dump({"experiments": [entry], "dataset": SETTINGS_YAML}))
        _, content, written = exported(load_config(file), tmp_path)
        assert content["experiments"][0]["data_path"] == "${LAB_DATA}/one.zarr"
        assert content["experiments"][0]["tracks_path"] == str(tmp_path / "one_tracks")
        assert load_config(written).experiments[0].data_path == str(tmp_path / "one.zarr")


SETTINGS_YAML = {"yx_patch_size": [16, 16]}


class TestWhatIsLost:
    def test_the_description_counts_it(self, config, tmp_path):
        exclude = Exclusions(
            lineages=[{"lineage_id": "one_A/1/0_1"}],
            frames=[
                {"experiment": "two", "fov": "A/1/0", "frames": [1, 2]},
                {"experiment": "two", "fov": "A/1/0", "frames": [2]},
            ],
        )
        cut = [{"experiment": "two", "fov": "B/2/0", "track_id": 1, "t": 3}]
        lossy = TripletConfig(
            experiments=config.experiments, dataset=config.dataset, exclude=exclude, cut=cut
        )
        _, content, file = exported(lossy, tmp_path, description="Ours.")
        assert content["description"].startswith("Ours. ")
        assert "1 lineage, 2 frames and 1 cut link" in content["description"]
        assert yaml.safe_load(file.read_text())["description"] == content["description"]
        assert all(one.endswith(".") for one in COLLECTION_LOSES)

    def test_nothing_lost_is_said_too(self, config, tmp_path):
        assert "(there are none)" in exported(config, tmp_path)[1]["description"]

    def test_slots_of_one_label_are_refused(self, config, tmp_path):
        dataset = DatasetConfig(**SETTINGS, slot_labels=["same", "same"])
        with pytest.raises(ConfigError, match="two slots have the label 'same'"):
            exported(config.model_copy(update={"dataset": dataset}), tmp_path)


def test_their_keys_and_types(config, tmp_path):
    _, _, file = exported(config, tmp_path)
    content = yaml.safe_load(file.read_text())
    assert set(content) == {"name", "description", "experiments"}
    one = content["experiments"][0]
    assert one["channels"] == [
        {"name": "Phase", "marker": "phase"},
        {"name": "GFP", "marker": "virus"},
    ]
    assert one["perturbation_wells"] == {"mock": ["A/1"], "infected": ["B/2"]}
    assert (one["pixel_size_xy_um"], one["pixel_size_z_um"]) == (0.5, 2.0)
    assert (one["start_hpi"], one["moi"], one["date"]) == (3.5, 0.5, "2024-05-01")
