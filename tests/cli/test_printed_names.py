"""Names and keys are printed as they are, whatever brackets and colons they have."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from lineage_triplets.cli import main
from stores import make_experiment, numbered_pixels, track_table

if TYPE_CHECKING:
    from pathlib import Path

CHANNELS = ("Retardance [nm]", "GFP [/au]")


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Run a command on the config of `mouse`; gives exit code, output and errors."""
    # Wide enough that no table folds a name.
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    table = track_table((1, range(6)), (2, range(6, 12), 1), (3, range(9, 12), 1))
    folder = tmp_path / "of [b] :cat:"
    folder.mkdir()
    make_experiment(
        folder,
        "mouse",
        {"A/1/0": table},
        channels=CHANNELS,
        pixels=numbered_pixels((12, 2, 1, 40, 48)),
    )

    def call(command: str, *arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([command, *map(str, arguments)])
            raise SystemExit(0)
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def config(run, tmp_path: Path) -> Path:
    folder = tmp_path / "of [b] :cat:"
    out = folder / "config [nm].yml"
    code, said, _ = run(
        *("init", folder / "mouse.zarr", "--tracks", folder, "--interval", 30),
        *("--condition", "mock=A/1", "--out", out),
    )
    assert code == 0
    assert f"channels: {', '.join(CHANNELS)}" in said
    assert f"{out} is written" in said
    # The images are 40 x 48, and usual patches 160 x 160.
    assert "yx_patch_size: [16, 16]" in out.read_text()
    return out


def test_validate_prints_channels_with_their_units(run, config):
    code, said, _ = run("validate", config)
    assert code == 0
    for slot, channel in enumerate(CHANNELS):
        assert f"slot {slot}: {channel}" in said
        assert f"{channel} ({slot})" in said
    assert f"{config}: usable" in said


def test_what_is_wrong_names_things_as_they_are(run, config):
    config.write_text(config.read_text().replace("tracks_path: mouse", "tracks_path: no[b] :cat:"))
    code, said, _ = run("validate", config)
    assert code == 1
    assert "/no[b] :cat:" in said
    assert f"{config}: not usable" in said


def test_keys_that_check_prints_are_keys_that_waive_takes(run, config):
    _, listed, _ = run("check", config, "--pixels", "--json")
    keys = [finding["key"] for finding in json.loads(listed)["findings"]]
    assert any(":mouse:" in key for key in keys)
    _, said, _ = run("check", config)
    lines = {line.strip() for line in said.splitlines()}
    assert set(keys) <= lines
    waived = next(key for key in keys if ":mouse:" in key)
    code, said, _ = run("waive", config, waived, "--reason", "a [b] :cat: [/c]")
    assert code == 0
    assert f"{waived}: a [b] :cat: [/c]" in said
    assert "a [b] :cat: [/c]" in run("check", config, "--all")[1]
    assert f"{waived}" in run("history", config)[1]


def test_an_experiment_s_name_with_brackets_goes_through_a_review(run, config, tmp_path):
    config.write_text(config.read_text().replace("name: mouse", "name: 'm[b] :cat:'"))
    code, said, _ = run("audit", config, "-n", 1, "--folder", tmp_path / "sheets")
    assert code == 0
    assert "m[b] :cat:" in said
    assert "m[b] :cat:" in run("placement", config)[1]
    _, said, _ = run("export", config, "--to", tmp_path / "out", "--dry-run")
    assert "m[b] :cat:: " in said


def test_what_a_file_says_can_neither_steer_the_terminal_nor_forge_a_line(run, config):
    reason = "drifts\x1b[2J\u202e\nwrote validated.yaml"
    code, said, _ = run("reject", config, "fov", "mouse", "A/1/0", "--reason", reason)
    assert code == 0
    _, listed, _ = run("history", config)
    for printed in (said, listed):
        assert "\x1b" not in printed
        assert "\u202e" not in printed
    assert r"drifts\x1b[2J\u202e\nwrote validated.yaml" in said


def test_nor_can_the_names_of_folders_and_experiments(run, config, tmp_path):
    text = config.read_text().replace("name: mouse", r'name: "m\e[2J\n  yes all is well"')
    odd = config.with_name("c\x1b[31m\nusable.yml")
    odd.write_text(text)
    out = tmp_path / "o\x1b[31m"
    said = [
        run("validate", odd)[1],
        run("export", odd, "--to", out, "--draft")[1],
        run("tracks", odd, "--out", out / "tracks")[1],
    ]
    for printed in said:
        assert "\x1b" not in printed
        assert r"\x1b[31m" in printed
        assert "\n  yes all is well" not in printed
    assert r"c\x1b[31m\nusable.yml: usable" in said[0]


def test_a_list_of_problems_ends_and_says_where_all_are(run, config):
    listed = "".join(f"    - {{lineage_id: absent_{number}, reason: r}}\n" for number in range(30))
    config.write_text(config.read_text() + f"exclude:\n  lineages:\n{listed}")
    _, said, _ = run("validate", config)
    assert said.count("[unmatched-exclusion] ") == 20
    assert "and 10 more of [unmatched-exclusion]: `validate CONFIG --all`" in said
    assert said.count("Remove it from the config, or mend the name.") == 1
    assert "30 warnings" in said
    assert run("validate", config, "--all")[1].count("[unmatched-exclusion] ") == 30


def test_a_folder_is_replaced_by_one_other(run, config):
    maps = ("--path-map", "/data=/a", "--path-map", "/data=/b")
    code, _, said = run("validate", config, *maps)
    assert code == 2
    assert "replaced by '/a' and by '/b'" in " ".join(said.replace("│", " ").split())


OF_A_CONFIG = (
    "validate", "preview --out p.png", "draft --out d.yml", "index --out i.parquet", "stats",
    "check", "links", "report --out r.html", "history", "placement", "audit --pairs 5",
    "approve mouse", "reject lineage 1 -r x", "export --to out", "tracks --out out",
)  # fmt: skip


def test_a_folder_that_no_path_has_is_refused_by_every_command(run, config):
    for command in OF_A_CONFIG:
        name, *options = command.split()
        code, _, said = run(name, config, *options, "--path-map", "/elswhere=/a")
        said = " ".join(said.replace("│", " ").split())
        assert code == 2, said
        assert "value for --path-map: no path of the config begins with '/elswhere'" in said, name
        assert f"Its paths are in: {config.parent}" in said


@pytest.mark.parametrize("command", ["validate", "history", "preview --out {out}"])
def test_a_folder_that_no_path_has_is_told_beside_one_that_some_have(
    run, config, tmp_path, command
):
    name, *options = command.format(out=tmp_path / "p.png").split()
    moved = config.parent.rename(tmp_path / "moved")
    maps = "--path-map", f"{config.parent}={moved}", "--path-map", "/elswhere=/a"
    absolute = moved / config.name
    absolute.write_text(absolute.read_text().replace("_path: ", f"_path: {config.parent}/"))
    code, _, said = run(name, absolute, *options, *maps)
    assert code == 0, said
    assert said.count("no path of the config begins with '/elswhere'") == 1
