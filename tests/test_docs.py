"""The manual and the program say the same: options, keys, defaults, owners, examples."""

from __future__ import annotations

import doctest
import inspect
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from pydantic_core import PydanticUndefined

import lineage_triplets
import reviews
from lineage_triplets import (
    DatasetConfig,
    ExperimentConfig,
    ExperimentRegistry,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    load_config,
)
from lineage_triplets.cli import app
from lineage_triplets.engine.tracks.formats import TRACK_FORMATS
from lineage_triplets.qc.decide.judgements import KIND as WRONG_PAIR
from lineage_triplets.qc.find.channels import findings as channel_findings
from lineage_triplets.qc.find.channels import fov_orders
from lineage_triplets.qc.find.checks import PIXEL_CHECKS, SETTINGS_CHECKS, TABLE_CHECKS, load_checks
from lineage_triplets.qc.find.pixels.frame_scan import READING_KINDS
from lineage_triplets.qc.find.placement.findings import KIND as PLACEMENT

ROOT = Path(__file__).parents[1]
DOCS, SOURCE = ROOT / "docs", ROOT / "src"
COMMAND = typer.main.get_command(app)
OWNERS = {
    "registry": ExperimentRegistry,
    "index": MultiExperimentIndex,
    "dataset": MultiExperimentTripletDataset,
}
EXPERIMENT = """\
experiments:
  - name: fast
    data_path: fast.zarr
    tracks_path: tracks
    channel_names: [Phase]
    source_channel: [Phase]
    condition_wells: {untreated: [A/1]}
"""


def section(page: str, title: str) -> str:
    """Text of a page's section, up to the next heading of level 2."""
    text = (DOCS / page).read_text(encoding="utf-8")
    _, _, rest = f"\n{text}".partition(f"\n## {title}\n")
    assert rest, f"{page} has no section {title!r}"
    return rest.partition("\n## ")[0]


def table_rows(text: str) -> list[list[str]]:
    """Cells of the rows of all tables whose first cell is code."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def option_rows(text: str) -> dict[str, list[str]]:
    """``{"--out": [names, value, default, meaning]}``; one row may name several options."""
    rows = {}
    for cells in table_rows(text):
        for name in re.findall(r"`(--[a-z-]+)`", cells[0]):
            rows[name] = cells
    return rows


def options_of(command: Any) -> dict[str, Any]:
    return {
        max(one.opts, key=len): one
        for one in command.params
        if one.param_type_name == "option" and "--help" not in one.opts
    }


@pytest.mark.parametrize("name", sorted(COMMAND.commands))
def test_cli_page_lists_every_option_with_its_default(name: str) -> None:
    written, options = option_rows(section("cli.md", name)), options_of(COMMAND.commands[name])
    assert set(written) == set(options)
    for option, cells in written.items():
        default = options[option].default
        expected = "" if default in (None, "") or isinstance(default, bool) else f"`{default}`"
        assert cells[2] == ("required" if options[option].required else expected), option
        assert [f"`{one}`" for one in options[option].opts] == cells[0].split(", "), option


def test_cli_page_lists_the_options_before_the_command() -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8").partition("\n## ")[0]
    assert set(option_rows(text)) == {*options_of(COMMAND), "--help"}


@pytest.mark.parametrize(
    ("title", "model"), [("Experiments", ExperimentConfig), ("Dataset", DatasetConfig)]
)
def test_config_page_lists_every_key_with_its_default(title: str, model: Any) -> None:
    rows = table_rows(section("config.md", title))
    assert [cells[0].strip("`") for cells in rows] == list(model.model_fields)
    for (_, _, default, _), field in zip(rows, model.model_fields.values(), strict=True):
        if field.default is PydanticUndefined:
            assert default == "required"
        else:
            given = field.default
            expected = list(given) if isinstance(given, tuple) else given
            assert yaml.safe_load(default.strip("`")) == expected


def test_config_page_names_the_owner_of_every_dataset_key() -> None:
    for cells in table_rows(section("config.md", "Dataset")):
        key, owner = cells[0].strip("`"), cells[1]
        assert key in inspect.signature(OWNERS[owner]).parameters, key


def test_config_page_says_what_the_keys_say_of_themselves() -> None:
    for cells in table_rows(section("config.md", "Dataset")):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", cells[3]).replace("`", "")
        said = DatasetConfig.model_fields[cells[0].strip("`")].description
        assert said, cells[0]
        assert words.startswith(said), cells[0]


def yaml_examples() -> list[str]:
    text = (DOCS / "config.md").read_text(encoding="utf-8")
    return re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", yaml_examples())
def test_config_page_examples_load(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in re.findall(r"\$\{(\w+)\}", example):
        monkeypatch.setenv(variable, str(tmp_path))
    whole = example if re.search(r"^experiments:", example, re.MULTILINE) else EXPERIMENT + example
    file = tmp_path / "example.yml"
    file.write_text(whole, encoding="utf-8")
    assert load_config(file).experiments


@pytest.mark.parametrize("page", ["formats.md", "howto-mend.md"])
def test_pages_name_kinds_that_the_program_has(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    tables = [table for table in re.split(r"\n\n", text) if table.startswith("| Kind")]
    kinds = {kind for rows in map(table_rows, tables) for row in rows for kind in names_in(row[0])}
    source = "".join(file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py"))
    assert kinds
    assert {kind for kind in kinds if f'"{kind}"' not in source} == set()


def test_formats_page_lists_every_ending_of_a_track_table() -> None:
    text = (DOCS / "formats.md").read_text(encoding="utf-8")
    for track_format in TRACK_FORMATS.values():
        for suffix in track_format.suffixes:
            plain = suffix.removesuffix(".gz")
            assert f"`{plain}`" in text, f"docs/formats.md does not name {suffix}"


def test_review_page_lists_every_kind_of_finding_once() -> None:
    load_checks()
    checks: list[Any] = [
        *TABLE_CHECKS.values(),
        *SETTINGS_CHECKS.values(),
        *PIXEL_CHECKS.values(),
    ]
    of_channels = [
        kind
        for module in (channel_findings, fov_orders)
        for kind in re.findall(r'"(channel-[a-z]+)"', inspect.getsource(module))
    ]
    declared = {kind for check in checks for kind in check.kinds}
    declared |= {*of_channels, *READING_KINDS, PLACEMENT, WRONG_PAIR}
    _, _, kinds = section("review.md", "Findings").partition("\n### Kinds\n")
    listed = [cells[0].strip("`") for cells in table_rows(kinds.partition("\n### ")[0])]
    page = "the table of docs/review.md, under Kinds,"
    assert declared - set(listed) == set(), f"{page} lacks a row"
    assert set(listed) - declared == set(), f"{page} has a row of no check"
    assert len(listed) == len(set(listed)), f"{page} has a row twice"


@pytest.mark.parametrize(
    "page",
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        *sorted(DOCS.glob("*.md")),
    ],
    ids=lambda page: page.name,
)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [one for one in targets if "://" not in one]
    assert [one for one in local if not (page.parent / one).exists()] == []


def test_the_drawing_of_the_house_is_that_of_the_code() -> None:
    drawn = runpy.run_path(str(DOCS / "architecture.py"))
    written = drawn["DRAWING"].read_text(encoding="utf-8")
    assert written == drawn["drawing"](), "run docs/architecture.py: it draws the house anew"


def test_no_room_imports_upward() -> None:
    built = runpy.run_path(str(DOCS / "architecture.py"))["house"]()
    order = list(built.says)
    assert len(order) > 25
    assert {"engine/reading", "qc/record", "plugin/browse"} <= {"/".join(room) for room in order}
    assert len(built.imports) > 100
    assert [(a, b) for a, b in sorted(built.imports) if order.index(a) > order.index(b)] == []


@pytest.mark.parametrize("name", sorted(lineage_triplets.__all__))
def test_examples_of_the_public_names_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reviews.write_config(tmp_path)
    (tmp_path / "copies").mkdir()
    finder = doctest.DocTestFinder(recurse=False)
    (examples,) = finder.find(getattr(lineage_triplets, name), name, globs={})
    said: list[str] = []
    results = doctest.DocTestRunner().run(examples, out=said.append)
    assert results.attempted > 0
    assert results.failed == 0, "".join(said)


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([a-z-]+)`", cell)
