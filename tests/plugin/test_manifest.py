"""What napari learns of the plugin, and what it does with it."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from npe2 import PluginManifest
from qtpy.QtWidgets import QLabel, QTableView

import lineage_triplets
import trackers
from lineage_triplets.plugin.manifest import get_plate_reader, get_reader, get_tracks_reader
from lineage_triplets.plugin.start import sample
from lineage_triplets.plugin.start.new_config import NewConfigDialog
from lineage_triplets.simulate.scenario import Simulation
from reviews import write_config
from stores import track_table, write_collection, write_image, write_plate

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST = Path(lineage_triplets.__file__).parent / "napari.yaml"


@pytest.fixture
def manifest() -> PluginManifest:
    found = entry_points(group="napari.manifest", name="lineage-triplets")
    assert found, "reinstall the package: pip install -e ."
    return PluginManifest.from_distribution("lineage-triplets")


def test_the_manifest_is_found_and_everything_it_names_exists(manifest):
    assert manifest.name == "lineage-triplets"
    for command in manifest.contributions.commands:
        module, _, name = command.python_name.partition(":")
        assert callable(getattr(importlib.import_module(module), name)), command.id
    manifest.validate_imports()


def test_the_manifest_at_the_root_is_the_one_in_the_package():
    root = Path(__file__).parents[2] / "napari.yaml"
    assert root.is_symlink()
    assert not root.readlink().is_absolute()
    assert root.resolve() == MANIFEST.resolve()


def test_menu_widget_reader_and_sample_are_offered(manifest):
    offered = manifest.contributions
    commands = {one.id for one in offered.commands}
    used = {
        *(one.command for one in offered.widgets),
        *(one.command for one in offered.readers),
        *(one.command for one in offered.sample_data),
        *(one.command for one in offered.menus["napari/layers/track"]),
    }
    assert used == commands


@pytest.mark.parametrize(
    "text",
    [
        "experiments:\n- name: a\n",
        "# made by hand\nname: x\nexperiments: []\n",
        "\ufeff'experiments' :\n  - name: a\n",
    ],
)
def test_a_config_is_accepted(tmp_path, text):
    path = tmp_path / "config.YML"
    path.write_text(text, encoding="utf-8")
    assert get_reader(str(path)) is not None
    assert get_reader([str(path)]) is not None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("other.yml", b"plates:\n  experiments: 3\n"),
        ("other.yml", b"# experiments:\n"),
        ("config.txt", b"experiments:\n"),
        ("binary.yaml", b"\xff\xfe\x00experiments:"),
        ("missing.yml", None),
    ],
)
def test_other_files_are_left_to_others(tmp_path, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert get_reader(str(path)) is None


def test_folders_and_several_files_are_left_to_others(tmp_path):
    config = write_config(tmp_path)
    (tmp_path / "folder.yml").mkdir()
    assert get_reader(str(tmp_path / "folder.yml")) is None
    assert get_reader([str(config), str(config)]) is None


def test_tables_of_known_tools_are_reviewed(tmp_path):
    trackers.geff(tmp_path / "graph.geff")
    trackers.ctc(tmp_path / "01_RES")
    (tmp_path / "movie.xml").write_text(trackers.trackmate(), encoding="utf-8")
    track_table((1, range(3))).to_csv(tmp_path / "tracks.csv", index=False)
    for name in ("graph.geff", "01_RES", "movie.xml", "tracks.csv"):
        assert get_tracks_reader(str(tmp_path / name)) is not None, name
        assert get_tracks_reader([str(tmp_path / name)] * 2) is None


def test_files_and_folders_of_others_are_left_to_them(tmp_path):
    write_plate(tmp_path / "plate.zarr", ("A/1/0",), shape=(2, 1, 1, 16, 16))
    trackers.geff(tmp_path / "plate.zarr/tracks")
    (tmp_path / "points.csv").write_text("index,axis-0,axis-1\n0,1,2\n")
    (tmp_path / "page.xml").write_text("<html></html>")
    (tmp_path / "folder").mkdir()
    for name in ("plate.zarr", "points.csv", "page.xml", "folder", "missing.xml"):
        assert get_tracks_reader(str(tmp_path / name)) is None, name


def test_plates_and_series_are_reviewed_and_single_images_left_to_others(tmp_path):
    shape = (2, 1, 1, 16, 16)
    write_plate(tmp_path / "plate.zarr", ("A/1/0",), shape=shape)
    write_collection(tmp_path / "series.zarr", ("0", "1"), shape=shape)
    write_plate(tmp_path / "around.zarr/inside", ("A/1/0",), shape=shape)
    (tmp_path / "around.zarr/.zgroup").write_text("{}")
    write_image(tmp_path / "image.zarr", shape=shape)
    (tmp_path / "folder.zarr").mkdir()
    for name in ("plate.zarr", "series.zarr", "around.zarr"):
        assert get_plate_reader(str(tmp_path / name)) is not None, name
        assert get_plate_reader([str(tmp_path / name)] * 2) is None
    for name in ("image.zarr", "folder.zarr", "absent.zarr"):
        assert get_plate_reader(str(tmp_path / name)) is None, name


def test_series_that_are_dropped_begin_a_new_config(widget, qtbot, tmp_path):
    root = tmp_path / "series.zarr"
    write_collection(root, ("left", "right"), shape=(2, 1, 1, 16, 16))
    assert get_plate_reader(str(root))(str(root)) == [(None,)]
    wells = widget.findChild(NewConfigDialog).findChild(QTableView, "wells").model()
    qtbot.waitUntil(lambda: wells.rowCount() == 2)
    shown = {wells.index(row, column).data() for row in range(2) for column in range(3)}
    assert {"left/0", "right/0"} <= shown
    widget.findChild(NewConfigDialog).reject()


def test_a_table_that_is_dropped_begins_a_new_config(widget, qtbot, tmp_path):
    table = tmp_path / "movie.xml"
    table.write_text(trackers.trackmate(), encoding="utf-8")
    assert get_tracks_reader(str(table))(str(table)) == [(None,)]
    words = widget.findChild(NewConfigDialog).findChild(QLabel, "new_config_words")
    qtbot.waitUntil(lambda: "TrackMate's XML of 7.14.0: 9 cells" in words.text())
    widget.findChild(NewConfigDialog).reject()


@pytest.fixture
def quick_sample(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """A sample that takes no time; gives the folders that were simulated into."""
    made: list[Path] = []

    def simulate(folder, *, faults, progress):
        assert faults == sample.SAMPLE_FAULTS
        made.append(folder)
        if progress is not None:
            progress(1, 2)
        (folder / "experiments.yml").write_text("experiments: []\n")
        return Simulation(folder / "experiments.yml", ())

    monkeypatch.setattr(sample, "sample", simulate)
    return made


def test_the_sample_is_made_once_and_whole(tmp_path, quick_sample):
    folder = tmp_path / "cache" / "sample"
    config = sample.make_sample(folder)
    assert config == folder / "experiments.yml"
    assert config.is_file()
    assert sample.make_sample(folder) == config
    assert len(quick_sample) == 1
    assert list(folder.parent.iterdir()) == [folder]


def test_a_stopped_sample_leaves_nothing(tmp_path, quick_sample):
    def stop(done: int, total: int) -> None:
        raise sample.SampleStopped

    with pytest.raises(sample.SampleStopped):
        sample.make_sample(tmp_path / "cache" / "sample", stop)
    assert list((tmp_path / "cache").iterdir()) == []
    assert sample.make_sample(tmp_path / "cache" / "sample").is_file()


def test_the_cache_can_be_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("LINEAGE_TRIPLETS_CACHE", str(tmp_path))
    assert sample.sample_folder().parent == tmp_path


def test_the_cache_is_the_users_own(tmp_path, monkeypatch):
    monkeypatch.delenv("LINEAGE_TRIPLETS_CACHE", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name, **_: tmp_path / name)
    assert sample.sample_folder().parent == tmp_path / "lineage-triplets"
