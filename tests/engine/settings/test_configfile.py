"""Config files: what is wrong is said with its line; what is written is what was read."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets import (
    DatasetConfig,
    ExperimentConfig,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    TripletConfig,
    diagnose,
    load_config,
    save_config,
)
from lineage_triplets.engine.dataset.verification import config_hash
from lineage_triplets.engine.errors import ConfigError, OutputError, OutputExistsError, Problem
from lineage_triplets.engine.settings.file import DRAFT_HEADER, read_config
from programs import run
from systems import needs_posix

if TYPE_CHECKING:
    from pathlib import Path

ONE = """\
experiments:
  - name: first
    data_path: plates/first.zarr
    tracks_path: tracks/first
    channel_names: [Phase, GFP]
    source_channel: [GFP]
    condition_wells: {untreated: [A/1]}
"""


def write(folder: Path, text: str, name: str = "experiments.yml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def faults_of(file: Path) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert isinstance(caught.value, ValueError)
    assert all(problem.file == str(file) for problem in caught.value.problems)
    return caught.value.problems


def the_fault(file: Path) -> Problem:
    (problem,) = faults_of(file)
    return problem


def same(a: TripletConfig, b: TripletConfig) -> bool:
    """Whether two configs say the same, wherever they were written."""
    return a.model_dump() == b.model_dump()


class TestReading:
    def test_a_plain_list_of_experiments_is_a_config(self, tmp_path):
        config = load_config(write(tmp_path, ONE))
        assert config.format == "lineage-triplets/1"
        assert config.dataset.yx_patch_size == (160, 160)
        assert config.dataset.z_range == 1
        (experiment,) = config.experiments
        assert experiment.data_path == str(tmp_path / "plates/first.zarr")
        assert experiment.tracks_path == str(tmp_path / "tracks/first")
        assert (experiment.interval_minutes, experiment.start_hpi) == (30.0, 0.0)
        assert not config.verification.validated

    def test_text_fields_are_read_as_written(self, tmp_path):
        text = """\
experiments:
  - name: 007
    date: 2024-03-01
    organelle: no
    data_path: 1.50
    tracks_path: 0x10
    channel_names: [405, 1e3, TRUE]
    source_channel: [405]
    condition_wells: {1.0: [1/02], no: [A/1]}
"""
        (experiment,) = load_config(write(tmp_path, text)).experiments
        assert experiment.name == "007"
        assert experiment.date == "2024-03-01"
        assert experiment.organelle == "no"
        assert experiment.data_path == str(tmp_path / "1.50")
        assert experiment.tracks_path == str(tmp_path / "0x10")
        assert experiment.channel_names[:2] == ["405", "1e3"]
        assert experiment.condition_wells == {"1.0": ["1/02"], "no": ["A/1"]}

    def test_z_range_for_each_experiment(self, tmp_path):
        text = ONE + "dataset: {z_range: {first: [3, 5]}, seed: 3}\n"
        assert load_config(write(tmp_path, text)).dataset.z_range == {"first": (3, 5)}
        assert DatasetConfig(z_range=slice(2, 4)).z_range == (2, 4)

    def test_variables_and_path_map(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PLATES", "/mnt/plates")
        text = ONE.replace("plates/first.zarr", "${PLATES}/first.zarr")
        file = write(tmp_path, text)
        assert load_config(file).experiments[0].data_path == "/mnt/plates/first.zarr"
        (moved,) = load_config(file, {"/mnt": "/scratch"}).experiments
        assert moved.data_path == "/scratch/plates/first.zarr"
        assert moved.tracks_path == str(tmp_path / "tracks/first")

    def test_a_path_map_that_fits_nothing_is_an_error_with_the_folders(self, tmp_path):
        file = write(tmp_path, ONE + "dataset: {statistics_path: ../first.statistics}\n")
        with pytest.raises(ConfigError) as raised:
            load_config(file, {"/elsewhere": "/new", str(tmp_path / "plate"): "/new"})
        first, second = raised.value.problems
        assert first.kind == "unmatched-path-map"
        assert first.file == str(file)
        assert "begins with '/elsewhere'" in first.message
        assert f"begins with '{tmp_path}/plate'" in second.message
        folders = tmp_path / "plates", tmp_path / "tracks", tmp_path.parent
        assert first.remedy.endswith(f"{', '.join(map(str, folders))}.")
        assert load_config(file, {str(tmp_path.parent): "/new"}).dataset.statistics_path == (
            "/new/first.statistics"
        )

    @pytest.mark.parametrize(
        ("path_map", "said"),
        [
            ({"plates": "/new", "/elsewhere": "/other"}, "'/elsewhere'"),
            # The plate is at its new place already; a short name begins other words too.
            ({"/elsewhere": "{folder}/plates"}, "already"),
            ({"plates": "/new", "plate": "/other"}, "'plate'"),
        ],
    )
    def test_an_entry_that_fits_nothing_is_said_beside_one_that_does(
        self, tmp_path, caplog, path_map, said
    ):
        file = write(tmp_path, ONE)
        path_map = {old: new.format(folder=tmp_path) for old, new in path_map.items()}
        (experiment,) = load_config(file, path_map).experiments
        expected = "/new/first.zarr" if "plates" in path_map else f"{tmp_path}/plates/first.zarr"
        assert experiment.data_path == expected
        (told,) = caplog.messages
        assert "no path of the config begins with" in told
        assert said in told

    def test_where_not_all_paths_are_known_no_entry_is_refused(self, tmp_path, caplog):
        unset = ONE.replace("first", "second").replace("plates/", "${NOT_SET_HERE}/")
        file = write(tmp_path, ONE + unset.partition("\n")[2])
        config, problems = read_config(file, {"/elsewhere": "/new"})
        assert [experiment.name for experiment in config.experiments] == ["first"]
        assert [problem.kind for problem in problems] == ["missing-path"]
        assert "'/elsewhere'" in caplog.text
        mapped, problems = read_config(file, {"${NOT_SET_HERE}": "/new"})
        assert not problems
        assert mapped.experiments[1].data_path == "/new/second.zarr"

    @pytest.mark.parametrize(
        "take",
        [diagnose, MultiExperimentIndex.from_config, MultiExperimentTripletDataset.from_config],
    )
    def test_a_path_map_beside_a_config_that_is_loaded_is_an_error(self, tmp_path, take):
        config = load_config(write(tmp_path, ONE))
        with pytest.raises(ConfigError, match="Give path_map to load_config"):
            take(config, path_map={"/old": "/new"})


class TestFaults:
    @pytest.mark.parametrize(
        ("text", "field", "line", "suggestion"),
        [
            (
                ONE.replace("tracks_path", "track_path"),
                "experiments.0.track_path",
                4,
                "tracks_path",
            ),
            (ONE + "datset: {}\n", "datset", 8, "dataset"),
            (ONE + "dataset:\n  tau_range: [1, 2]\n", "dataset.tau_range", 9, "tau_range_hours"),
            (
                ONE + "exclude:\n  lineages:\n    - {lineage: a_A/1/0_1}\n",
                "exclude.lineages.0.lineage",
                10,
                "lineage_id",
            ),
            (
                ONE + "cut:\n  - {experiment: a, fov: b, track_id: 1, dauhgter: 2, t: 3}\n",
                "cut.0.dauhgter",
                9,
                "daughter",
            ),
            (ONE + "verification: {validatd: true}\n", "verification.validatd", 8, "validated"),
        ],
    )
    def test_an_unknown_key_suggests_the_nearest(self, tmp_path, text, field, line, suggestion):
        problem = next(one for one in faults_of(write(tmp_path, text)) if one.kind == "unknown-key")
        assert (problem.field, problem.line) == (field, line)
        assert f"Did you mean {suggestion!r}?" in problem.remedy

    def test_a_missing_key_names_the_experiment(self, tmp_path):
        problem = the_fault(write(tmp_path, ONE.replace("    source_channel: [GFP]\n", "")))
        assert (problem.kind, problem.experiment, problem.line) == ("missing-key", "first", 2)
        assert "'source_channel'" in problem.message

    @pytest.mark.parametrize(
        "setting",
        [
            "z_range: 0",
            "z_range: [3, 1]",
            "z_range: [1, 2, 3]",
            "z_range: [-1, 2]",
            "z_range: true",
            "z_range: {first: [0, 1], second: [0, 2]}",
            "z_range: {first: 3}",
            "z_range: all",
            "yx_patch_size: 32",
            "yx_patch_size: [0, 32]",
            "yx_patch_size: [32.5, 32]",
            "tau_range_hours: [2, 1]",
            "tau_range_hours: [-1, 1]",
            "tau_range_hours: [0, .inf]",
            "tau_range_hours: [0, .nan]",
            "tau_decay_rate: .nan",
            "tau_decay_rate: fast",
            "positive_relation: sister",
            "tau_fallback: none",
            "border: reflect",
            "dtype: float16",
            "seed: -1",
            "seed: 99999999999999999999999",
            "missing_chunks: ignore",
            "cache_pool_bytes: -1",
            "include_wells: A/1",
            "exclude_fovs: 3",
            "exclude_fovs: {first: A/1/0}",
            "slot_labels: ['']",
            "return_negative: maybe",
        ],
    )
    def test_a_bad_setting_is_one_message_with_its_line(self, tmp_path, setting):
        file = write(
            tmp_path,
            f"{ONE}dataset:\n  border: clamp\n  {setting}\n".replace(
                "  border: clamp\n  border", "  dtype: float32\n  border"
            ),
        )
        problems = faults_of(file)
        key = setting.partition(":")[0]
        assert {problem.line for problem in problems} == {10}
        assert {problem.field.split(".")[1] for problem in problems} == {key}
        assert {problem.kind for problem in problems} == {"bad-value"}
        assert len(problems) == 1

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("experiments: 5\n", "bad-value"),
            ("experiments: [5]\n", "bad-value"),
            ("experiments: {first: {}}\n", "bad-value"),
            ("experiments:\n", "bad-value"),
            ("dataset: {}\n", "missing-key"),
            ("format: lineage-triplets/9\n" + ONE, "unknown-format"),
            (ONE.replace("name: first", "name: ''"), "bad-value"),
            (ONE.replace("name: first", "name: a/b"), "bad-value"),
            (ONE.replace("name: first", "name: [a]"), "bad-value"),
            (ONE.replace("[Phase, GFP]", "Phase"), "bad-value"),
            (ONE.replace("{untreated: [A/1]}", "[A/1]"), "bad-value"),
            (ONE.replace("{untreated: [A/1]}", "{untreated: A/1}"), "bad-value"),
            (ONE + "    interval_minutes: often\n", "bad-value"),
            (ONE + "    interval_minutes: true\n", "bad-value"),
            (ONE + "    moi: .inf\n", "bad-value"),
            (ONE + "cut: [{experiment: a, fov: A/1/0, track_id: 1}]\n", "bad-value"),
            (ONE + "cut: {}\n", "bad-value"),
            (ONE + "exclude: []\n", "bad-value"),
            ("experiments: &a [*a]\n", "bad-value"),
        ],
    )
    def test_a_wrong_type_is_one_message(self, tmp_path, text, kind):
        problem = the_fault(write(tmp_path, text))
        assert problem.kind == kind
        assert problem.line or kind == "missing-key"

    def test_a_message_stays_short_whatever_was_found(self, tmp_path):
        text = ONE + f"dataset: {{dtype: [{', '.join(['[a, b, c]'] * 9999)}]}}\n"
        assert len(str(the_fault(write(tmp_path, text)))) < 1000

    def test_aliases_of_aliases_do_not_explode(self, tmp_path):
        levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
        text = "a0: &a0 x\n" + "\n".join(levels) + "\nexperiments: *a29\n"
        assert len(faults_of(write(tmp_path, text))) > 29

    def test_a_variable_that_is_not_set_is_named(self, tmp_path, monkeypatch):
        monkeypatch.delenv("ABSENT", raising=False)
        problem = the_fault(write(tmp_path, ONE.replace("plates/first", "${ABSENT}/first")))
        assert problem.experiment == "first"
        assert "ABSENT is not set" in problem.message

    def test_all_faults_are_collected_and_the_rest_is_read(self, tmp_path):
        second = ONE.partition("\n")[2].replace("first", "second") + "    intervall_minutes: 3\n"
        file = write(tmp_path, ONE + second + "dataset: {border: none, seed: 1}\ntitle: x\n")
        config, problems = read_config(file)
        assert [one.name for one in config.experiments] == ["first"]
        assert config.dataset == DatasetConfig(seed=1)
        assert {(one.experiment, one.line) for one in problems} == {
            ("second", 14),
            ("", 15),
            ("", 16),
        }

    @settings(max_examples=60)
    @given(
        path=st.lists(st.sampled_from([0, 1, 2, 3, 4, 5]), min_size=1, max_size=4),
        value=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
            ),
            max_leaves=5,
        ),
    )
    def test_any_value_anywhere_is_read_or_is_a_config_error(self, tmp_path_factory, path, value):
        content = yaml.safe_load(
            ONE
            + "dataset: {z_range: {first: [0, 1]}, include_wells: [A/1], seed: 1}\n"
            + "exclude: {frames: [{experiment: first, fov: A/1/0, frames: [1]}]}\n"
            + "cut: [{experiment: first, fov: A/1/0, track_id: 1, t: 3}]\n"
            + "verification: {channel_approvals: {first: {x: 1}}, counts: {first: {n: 1}}}\n"
        )
        place: Any = content
        holder, key = content, ""
        for step in path:
            if not isinstance(place, dict | list) or not place:
                break
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            holder, key = place, keys[step % len(keys)]
            place = holder[key]
        holder[key] = value
        folder = tmp_path_factory.mktemp("any")
        config, problems = read_config(write(folder, yaml.safe_dump(content)))
        for problem in problems:
            assert problem.message
            assert problem.file
        if config is not None:
            save_config(config, folder / "again.yml")
            assert same(load_config(folder / "again.yml"), config)


class TestSaving:
    def test_what_is_saved_is_what_is_loaded(self, tmp_path):
        text = (
            ONE.replace("name: first", "name: 007")
            + """\
    date: 2024-03-01
    moi: 1e-7
dataset: {z_range: [2, 4], seed: 12345678901234567890, slot_labels: [0o17], tau_decay_rate: 0}
exclude:
  frames: [{experiment: 007, fov: A/1/0, frames: [3, 4], reason: 12:30}]
  lineages: [{lineage_id: 007_A/1/0_1, reason: "a: b # c"}]
cut: [{experiment: 007, fov: A/1/0, track_id: 1, daughter: 2}]
verification:
  validated: true
  by: 1e5
  at: 2024-03-01
  channel_approvals: {007: {slot 0: {channel: GFP, contrast: 1.50, ok: true, n: 3}}}
  fingerprints: {007: {images: 12, channels: 1e4, tables: a, pixels: b, fovs: 1}}
  counts: {007: {observations: 12}}
"""
        )
        config = load_config(write(tmp_path, text))
        save_config(config, tmp_path / "again.yml")
        again = load_config(tmp_path / "again.yml")
        assert same(again, config)
        assert again.verification.by == "1e5"
        assert config_hash(again) == config_hash(config)

    def test_paths_are_rewritten_for_the_new_folder_and_variables_kept(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PLATES", "/mnt/plates")
        file = write(tmp_path, ONE.replace("plates/first.zarr", "${PLATES}/first.zarr"))
        target = tmp_path / "deep" / "er" / "config.yml"
        target.parent.mkdir(parents=True)
        config = load_config(file)
        save_config(config, target)
        (entry,) = yaml.safe_load(target.read_text())["experiments"]
        assert entry["data_path"] == "${PLATES}/first.zarr"
        assert entry["tracks_path"] == "../../tracks/first"
        assert same(load_config(target), config)

    def test_a_second_move_still_finds_the_files(self, tmp_path):
        (tmp_path / "a" / "b").mkdir(parents=True)
        config = load_config(write(tmp_path, ONE))
        save_config(config, tmp_path / "a" / "one.yml")
        save_config(load_config(tmp_path / "a" / "one.yml"), tmp_path / "a" / "b" / "two.yml")
        assert same(load_config(tmp_path / "a" / "b" / "two.yml"), config)

    def test_mapped_paths_are_saved_as_they_are_now(self, tmp_path):
        file = write(tmp_path, ONE)
        mapped = load_config(file, {str(tmp_path / "plates"): "/scratch"})
        save_config(mapped, tmp_path / "mapped.yml")
        assert same(load_config(tmp_path / "mapped.yml"), mapped)

    def test_a_draft_says_so_and_a_validated_config_does_not(self, tmp_path):
        config = load_config(write(tmp_path, ONE))
        save_config(config, tmp_path / "draft.yml")
        assert (tmp_path / "draft.yml").read_text().startswith(DRAFT_HEADER)
        verified = config.verification.model_copy(update={"validated": True})
        save_config(
            config.model_copy(update={"verification": verified}), tmp_path / "validated.yml"
        )
        assert "DRAFT" not in (tmp_path / "validated.yml").read_text()

    def test_an_existing_file_is_kept_unless_said(self, tmp_path):
        file = write(tmp_path, ONE)
        config = load_config(file)
        with pytest.raises(OutputExistsError, match=r"experiments\.yml") as caught:
            save_config(config, file)
        assert isinstance(caught.value, FileExistsError)
        assert file.read_text() == ONE
        save_config(config, file, overwrite=True)
        assert same(load_config(file), config)

    def test_no_folder_to_write_to(self, tmp_path):
        config = load_config(write(tmp_path, ONE))
        with pytest.raises(OutputError, match="could not be written"):
            save_config(config, tmp_path / "absent" / "config.yml")

    @needs_posix
    def test_a_full_disk_leaves_the_old_file_whole(self, tmp_path):
        file = write(tmp_path, ONE)
        code = """
            import resource, sys
            from lineage_triplets import load_config, save_config
            from lineage_triplets.engine.errors import OutputError
            config = load_config(sys.argv[1])
            resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
            try:
                save_config(config, sys.argv[1], overwrite=True)
            except OutputError as error:
                print(error)
        """
        done = run(code, file)
        assert "could not be written: File too large" in done.stdout, done.stderr
        assert [one.name for one in tmp_path.iterdir()] == [file.name]
        assert file.read_text() == ONE


COLLECTION = """\
name: screen
description: two plates
datasets_root: /mnt/data
experiments:
  - name: 2024_07_24
    data_path: a.zarr
    tracks_path: ${datasets_root}/a_tracks
    channels:
      - {name: raw GFP, marker: nuclei}
      - {name: Phase3D, marker: phase}
    channel_names: [Phase3D, raw GFP]
    perturbation_wells: {uninfected: [A/1], ZIKV: [A/2]}
    interval_minutes: 15
    start_hpi: 3.5
    organelle: nuclei
    microscope: mantis
    pixel_size_xy_um: 0.1494
    date: 2024-07-24
    moi: 5
    exclude_fovs: [A/1/000001]
  - name: second
    data_path: /abs/b.zarr
    tracks_path: ~/b_tracks
    channels:
      - {name: phase, marker: phase}
      - {name: mCherry, marker: nuclei, wells: [B/1]}
    channel_names: [mCherry, phase]
    perturbation_wells: {uninfected: [B/1]}
"""


class TestCollection:
    def test_it_is_read_with_slots_aligned_by_marker(self, tmp_path, monkeypatch, caplog):
        monkeypatch.setenv("HOME", "/home/me")
        config = load_config(write(tmp_path, COLLECTION, "collection.yml"))
        first, second = config.experiments
        assert (
            first.model_dump()
            == ExperimentConfig(
                name="2024_07_24",
                data_path="/mnt/data/a.zarr",
                tracks_path="/mnt/data/a_tracks",
                channel_names=["Phase3D", "raw GFP"],
                source_channel=["raw GFP", "Phase3D"],
                condition_wells={"uninfected": ["A/1"], "ZIKV": ["A/2"]},
                interval_minutes=15,
                start_hpi=3.5,
                organelle="nuclei",
                date="2024-07-24",
                moi=5,
            ).model_dump()
        )
        assert (second.data_path, second.tracks_path) == ("/abs/b.zarr", "/home/me/b_tracks")
        assert second.source_channel == ["mCherry", "phase"]
        assert config.dataset.slot_labels == ["nuclei", "phase"]
        assert config.dataset.exclude_fovs == {"2024_07_24": ["A/1/000001"]}
        assert "Experiment second: 'wells' of its channels are not looked at" in caplog.text
        assert "2024_07_24" not in caplog.text

    def test_it_is_saved_as_a_config_of_ours(self, tmp_path, caplog):
        caplog.set_level(logging.ERROR)
        config = load_config(write(tmp_path, COLLECTION, "collection.yml"))
        save_config(config, tmp_path / "ours.yml")
        assert same(load_config(tmp_path / "ours.yml"), config)

    def test_no_root_means_relative_to_the_file(self, tmp_path):
        text = COLLECTION.replace("datasets_root: /mnt/data\n", "").replace("${datasets_root}/", "")
        first = load_config(write(tmp_path, text)).experiments[0]
        assert first.data_path == str(tmp_path / "a.zarr")

    @pytest.mark.parametrize(
        ("old", "new", "experiment", "said"),
        [
            ("name: phase, marker: phase", "name: phase, marker: nucleoli", "second", "nucleoli"),
            ("name: phase, marker: phase", "name: phase, marker: nuclei", "second", "same marker"),
            ("name: phase, marker: phase", "marker: phase", "second", "entries with a name"),
            ("wells: [B/1]", "weels: [B/1]", "second", "weels"),
            ("microscope: mantis", "microscop: mantis", "2024_07_24", "microscop"),
            ("    interval_minutes: 15", "    interval_minutes: x", "2024_07_24", "x"),
            ("description: two plates", "dataset_root: /mnt", "", "dataset_root"),
            ("exclude_fovs: [A/1/000001]", "exclude_fovs: 3", "", "exclude_fovs"),
            ("perturbation_wells: {uninfected: [B/1]}", "moi: 1", "second", "condition_wells"),
        ],
    )
    def test_its_faults_name_the_experiment(self, tmp_path, old, new, experiment, said):
        assert old in COLLECTION
        problems = faults_of(write(tmp_path, COLLECTION.replace(old, new), "collection.yml"))
        assert experiment in {one.experiment for one in problems}
        assert said in " ".join(map(str, problems))
        assert all(one.line for one in problems if one.experiment)

    def test_a_dataset_that_is_none_is_a_fault(self, tmp_path):
        assert the_fault(write(tmp_path, COLLECTION + "dataset: 5\n")).field == "dataset"

    @pytest.mark.parametrize("wells", ["3", "[[B]]", "{B: 1}"])
    def test_wells_of_a_channel_are_not_looked_at_whatever_they_are(self, tmp_path, wells, caplog):
        text = COLLECTION.replace("wells: [B/1]}\n", f"wells: {wells}}}\n")
        load_config(write(tmp_path, text))
        assert "Experiment second: 'wells' of its channels are not looked at" in caplog.text

    @pytest.mark.parametrize("experiments", ["5", "{a: 1}", "[5]", "[{}]", "abc", "[]", ""])
    def test_experiments_of_another_type(self, tmp_path, experiments):
        text = f"datasets_root: /mnt\nexperiments: {experiments}\n"
        config, problems = read_config(write(tmp_path, text))
        assert (config is None and problems) or config.experiments == []

    def test_the_rest_of_a_config_is_never_dropped(self, tmp_path):
        text = ONE + "    channels: [{name: GFP, marker: nuclei}]\n"
        text = text.replace("    source_channel: [GFP]\n", "")
        text = text.replace("condition_wells", "perturbation_wells")
        config = load_config(write(tmp_path, text + "dataset: {seed: 3, border: pad}\n"))
        assert (config.dataset.seed, config.dataset.border) == (3, "pad")
        assert config.dataset.slot_labels == ["nuclei"]


class TestModels:
    def test_they_are_frozen(self):
        config = TripletConfig(experiments=[])
        with pytest.raises(ValueError, match="frozen"):
            config.cut = []

    def test_every_setting_is_an_argument_of_the_index_or_the_dataset(self):
        import inspect

        from lineage_triplets import MultiExperimentIndex, MultiExperimentTripletDataset

        arguments = itertools.chain(
            inspect.signature(MultiExperimentIndex).parameters,
            inspect.signature(MultiExperimentTripletDataset).parameters,
            ["slot_labels"],
        )
        assert set(DatasetConfig.model_fields) <= set(arguments)
