"""A validated config notices what matters of its data and its text, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from test_dataset import in_child

from lineage_triplets import (
    DatasetConfig,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    TripletConfig,
    load_config,
    save_config,
)
from lineage_triplets.engine.dataset import seeded
from lineage_triplets.engine.dataset.verification import config_hash, fingerprints, verify_config
from lineage_triplets.engine.errors import ChunkError, VerificationError
from lineage_triplets.engine.process import note_read
from lineage_triplets.engine.settings.model import Exclusions, TrackExclusion
from lineage_triplets.engine.settings.verified import Verification
from stores import numbered_pixels, track_table
from systems import needs_posix

N_FRAMES = 6


def validated(config: TripletConfig) -> TripletConfig:
    """The config as an export writes it."""
    index = MultiExperimentIndex.from_config(config)
    record = Verification(
        validated=True, by="me", config_hash=config_hash(config), fingerprints=fingerprints(index)
    )
    return config.model_copy(update={"verification": record})


@pytest.fixture(scope="module", autouse=True)
def _read_here():
    """A process that has read fingerprints by itself, which is faster."""
    note_read()


@pytest.fixture
def config(make_experiment):
    """Two experiments, few enough rows that all of them are among the 32 patches."""
    made = [
        make_experiment(
            name, {"A/1/0": track_table((1, range(N_FRAMES)), (2, range(N_FRAMES)))},
            pixels=numbered_pixels((N_FRAMES, 2, 1, 40, 48), seed=seed), source_channel=["GFP"],
            version=version,
        )
        for seed, (name, version) in enumerate([("one", "0.4"), ("two", "0.5")])
    ]  # fmt: skip
    return TripletConfig(experiments=made, dataset=DatasetConfig(yx_patch_size=(16, 16), seed=1))


@pytest.fixture
def file(config, tmp_path):
    save_config(validated(config), tmp_path / "validated.yml")
    return tmp_path / "validated.yml"


def edit(file: Path, change: Any) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def write_pixel(path: Path, channel: int, y: int, x: int) -> None:
    array = zarr.open_array(str(path), mode="r+")
    array[2, channel, 0, y, x] = int(array[2, channel, 0, y, x]) + 1


def append_row(folder: Path, row: str = "9,0,-1,0,20,20\n") -> None:
    with (folder / "tracks.csv").open("a") as table:
        table.write(row)


IMAGE = "one.zarr/A/1/0"

CHANGES = {
    "a byte of a table": (
        lambda root: append_row(root / "two_tracks/A/1/0"), "two", "track tables",
    ),
    "a byte that says the same": (
        lambda root: append_row(root / "one_tracks/A/1/0", "\n"), "one",
        "track tables",
    ),
    "a pixel of a patch": (
        lambda root: write_pixel(root / IMAGE / "0", 1, 20, 20), "one", "pixels",
    ),
    "a chunk that is gone": (
        lambda root: (root / IMAGE / "0/2/1/0/0/0").unlink(), "one", "pixels",
    ),
    "the label of a channel that is not read": (
        lambda root: edit(
            root / IMAGE / ".zattrs", lambda c: c["omero"]["channels"][0].update(label="Phase3D")
        ),
        "one",
        "channel labels",
    ),
    "the number of frames": (
        lambda root: edit(root / IMAGE / "0/.zarray", lambda c: c.update(shape=[7, 2, 1, 40, 48])),
        "one",
        "shape",
    ),
    "the codec": (
        lambda root: edit(root / IMAGE / "0/.zarray", lambda c: c["compressor"].update(level=2)),
        "one",
        "codecs",
    ),
    "a FOV that is gone": (
        lambda root: shutil.rmtree(root / "two_tracks/A/1/0"), "two", "set of FOVs",
    ),
}  # fmt: skip

NO_CHANGES = {
    "display windows": lambda root: edit(
        root / IMAGE / ".zattrs",
        lambda c: c["omero"]["channels"][0].update(window={"start": 0, "end": 9}, color="FF0000"),
    ),
    "normalization": lambda root: edit(
        root / IMAGE / ".zattrs", lambda c: c.update(normalization={"GFP": {"fov_statistics": {}}})
    ),
    "times of files": lambda root: [one.touch() for one in root.rglob("*") if one.is_file()],
    "a pixel of a channel that is not read": lambda root: write_pixel(
        root / IMAGE / "0", 0, 20, 20
    ),
    "a pixel outside all patches": lambda root: write_pixel(root / IMAGE / "0", 1, 1, 47),
    "the scale": lambda root: edit(
        root / IMAGE / ".zattrs",
        lambda c: c["multiscales"][0]["datasets"][0]["coordinateTransformations"][0].update(
            scale=[9.0] * 5
        ),
    ),
    "another file beside the plate": lambda root: (root / "one.zarr/notes.txt").write_text("x"),
}


class TestData:
    @pytest.mark.parametrize("name", sorted(CHANGES))
    def test_what_matters_is_noticed_and_named(self, file, tmp_path, name):
        change, experiment, said = CHANGES[name]
        change(tmp_path)
        if name.startswith("the label"):
            text = file.read_text()
            assert text.count("[Phase, GFP]") == 2
            file.write_text(text.replace("[Phase, GFP]", "[Phase3D, GFP]", 1))
        with pytest.raises(VerificationError) as caught:
            MultiExperimentTripletDataset.from_config(file)
        assert isinstance(caught.value, ValueError)
        (problem,) = [
            one
            for one in caught.value.problems
            if one.experiment == experiment and said in one.message
        ]
        assert "changed since the config was validated" in problem.message
        assert {one.experiment for one in caught.value.problems} <= {experiment, ""}

    @pytest.mark.parametrize("name", sorted(NO_CHANGES))
    def test_what_does_not_matter_is_not(self, file, tmp_path, name):
        NO_CHANGES[name](tmp_path)
        assert len(MultiExperimentTripletDataset.from_config(file)) > 0

    def test_moved_data_keep_their_verification(self, file, tmp_path):
        shutil.move(tmp_path / "one.zarr", tmp_path / "scratch" / "one.zarr")
        shutil.move(tmp_path / "one_tracks", tmp_path / "scratch" / "one_tracks")
        path_map = {
            f"{tmp_path}/{name}": f"{tmp_path}/scratch/{name}"
            for name in ("one.zarr", "one_tracks")
        }
        dataset = MultiExperimentTripletDataset.from_config(file, path_map=path_map)
        assert dataset.index.registry.experiments[0].data_path == f"{tmp_path}/scratch/one.zarr"
        mapped = load_config(file, path_map)
        save_config(mapped, tmp_path / "mapped.yml")
        assert len(MultiExperimentTripletDataset.from_config(tmp_path / "mapped.yml")) == len(
            dataset
        )

    def test_all_that_changed_is_listed(self, file, tmp_path):
        append_row(tmp_path / "one_tracks/A/1/0")
        append_row(tmp_path / "two_tracks/A/1/0")
        with pytest.raises(VerificationError) as caught:
            MultiExperimentTripletDataset.from_config(file)
        assert {one.experiment for one in caught.value.problems} == {"one", "two"}

    @pytest.mark.parametrize("read_here", [True, False])
    def test_a_chunk_that_became_damaged_is_named(self, file, tmp_path, read_here, monkeypatch):
        monkeypatch.setattr(seeded, "has_read", lambda: read_here)
        (tmp_path / IMAGE / "0/2/1/0/0/0").write_bytes(b"x")
        with pytest.raises(ChunkError, match=r"experiment 'one', FOV A/1/0.*2/1/0/0/0"):
            MultiExperimentTripletDataset.from_config(file)

    def test_the_same_pixels_in_a_process_of_its_own(self, config, monkeypatch):
        index = MultiExperimentIndex.from_config(config)
        here = fingerprints(index)
        monkeypatch.setattr(seeded, "has_read", lambda: False)
        assert fingerprints(index) == here

    def test_pixels_are_those_of_32_rows_at_most(self, make_experiment):
        tracks = track_table(*[(k, range(N_FRAMES)) for k in range(1, 12)])
        tracks["y"], tracks["x"] = 4.0 + 3 * tracks.track_id, 20.0
        pixels = np.zeros((N_FRAMES, 1, 1, 40, 48), "uint16")
        made = make_experiment("one", {"A/1/0": tracks}, pixels=pixels, channels=["a"])
        config = TripletConfig(experiments=[made], dataset=DatasetConfig(yx_patch_size=(1, 1)))
        before = fingerprints(MultiExperimentIndex.from_config(config))["one"].pixels
        # Black frames at the end must stay: without a chunk they would be frames that are to come.
        array = zarr.open_array(str(Path(made.data_path, "A/1/0/0")), mode="r+")
        array = array.with_config({"write_empty_chunks": True})
        noticed = 0
        for row in tracks.itertuples():
            array[row.t, 0, 0, int(row.y), int(row.x)] = 1
            index = MultiExperimentIndex.from_config(config)
            noticed += fingerprints(index)["one"].pixels != before
            array[row.t, 0, 0, int(row.y), int(row.x)] = 0
        assert noticed == 32


class TestText:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("seed: 1", "seed: 2"),
            ("border: clamp", "border: pad"),
            ("yx_patch_size: [16, 16]", "yx_patch_size: [8, 16]"),
            ("interval_minutes: 30.0", "interval_minutes: 15.0"),
            ("control: [A/1]", "drug: [A/1]"),
            ("cut: []", "cut: [{experiment: one, fov: A/1/0, track_id: 1, t: 3}]"),
            ("tracks: []", "tracks: [{global_track_id: one_A/1/0_1}]"),
            ("config_hash: ", "config_hash: 0"),
        ],
    )
    def test_its_own_text_changed(self, file, old, new):
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        with pytest.raises(VerificationError, match="its own text changed"):
            MultiExperimentTripletDataset.from_config(file)

    @pytest.mark.parametrize(
        ("old", "new"),
        [("cache_pool_bytes: null", "cache_pool_bytes: 99"), ("by: me", "by: you"),
         ("read_strategy: auto", "read_strategy: tensorstore"),
         ("experiments:", "# a remark\nexperiments:"),
         ("program_version: ''", "program_version: 9")],
    )  # fmt: skip
    def test_what_its_text_may_change(self, file, old, new):
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        assert len(MultiExperimentTripletDataset.from_config(file)) > 0

    def test_an_experiment_added_or_taken_away(self, file, make_experiment):
        config = load_config(file)
        fewer = config.model_copy(update={"experiments": config.experiments[:1]})
        more = make_experiment(
            "three", {"A/1/0": track_table((1, range(6)))}, source_channel=["GFP"]
        )
        for changed in (
            fewer,
            config.model_copy(update={"experiments": [*config.experiments, more]}),
        ):
            with pytest.raises(VerificationError) as caught:
                MultiExperimentTripletDataset.from_config(changed)
            assert {one.experiment for one in caught.value.problems} & {"two", "three"}

    def test_an_exclusion_keeps_what_it_does_not_touch(self, config):
        """Excluding changes the text, and the pixels only by the rows that are left out."""
        exclude = Exclusions(tracks=[TrackExclusion(global_track_id="one_A/1/0_1")])
        other = config.model_copy(update={"exclude": exclude})
        assert config_hash(other) != config_hash(config)
        before, after = (
            fingerprints(MultiExperimentIndex.from_config(one)) for one in (config, other)
        )
        assert before["two"] == after["two"]
        assert before["one"].tables == after["one"].tables
        assert before["one"].pixels != after["one"].pixels


class TestModes:
    def test_warn_says_it_and_off_does_not(self, file, tmp_path, caplog):
        append_row(tmp_path / "one_tracks/A/1/0")
        MultiExperimentTripletDataset.from_config(file, verify="off")
        assert "changed since" not in caplog.text
        MultiExperimentTripletDataset.from_config(file, verify="warn")
        assert "experiment 'one': its track tables changed since" in caplog.text

    def test_a_draft_is_not_verified(self, config, tmp_path):
        save_config(config, tmp_path / "draft.yml")
        append_row(tmp_path / "one_tracks/A/1/0")
        assert len(MultiExperimentTripletDataset.from_config(tmp_path / "draft.yml")) > 0

    def test_an_unknown_mode_is_refused(self, config):
        index = MultiExperimentIndex.from_config(config)
        with pytest.raises(ValueError, match="verify"):
            verify_config(validated(config), index, "maybe")

    @needs_posix
    def test_workers_can_be_forked_afterwards(self, file):
        results = in_child(check_verified=file)
        assert results["check_verified"] == {"found": True}, results["check_verified"]["error"]
