"""YAML as people write it: text stays text, every fault has its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.engine.settings.yaml import read_yaml, write_yaml_text

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "config.yml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def the_fault(file: Path) -> Problem:
    with pytest.raises(ConfigError) as caught:
        read_yaml(file)
    (problem,) = caught.value.problems
    assert problem.file == str(file)
    return problem


class TestScalars:
    def test_numbers_remember_how_they_were_written(self, tmp_path):
        content = read_yaml(write(tmp_path, "a: 007\nb: 1.50\nc: 0x10\nd: 1e3\ne: -4\n")).content
        assert content == {"a": 7, "b": 1.5, "c": 16, "d": 1000.0, "e": -4}
        assert [content[key].text for key in "abcde"] == ["007", "1.50", "0x10", "1e3", "-4"]

    @pytest.mark.parametrize(
        "text", ["yes", "no", "on", "off", "2024-03-01", "12:30", "1_000", "Y"]
    )
    def test_what_only_yaml_1_1_reads_as_something_else_stays_text(self, tmp_path, text):
        assert read_yaml(write(tmp_path, f"a: {text}\n")).content == {"a": text}

    def test_booleans_nulls_and_infinities(self, tmp_path):
        content = read_yaml(write(tmp_path, "a: true\nb: ~\nc:\nd: -.inf\ne: False\n")).content
        assert content == {"a": True, "b": None, "c": None, "d": float("-inf"), "e": False}

    def test_merge_keys_and_aliases(self, tmp_path):
        text = "base: &base {a: 1, b: 2}\nhere: {<<: *base, b: 3}\n"
        assert read_yaml(write(tmp_path, text)).content["here"] == {"a": 1, "b": 3}

    def test_a_byte_order_mark_is_no_part_of_the_first_key(self, tmp_path):
        assert read_yaml(write(tmp_path, b"\xef\xbb\xbfa: 1\n")).content == {"a": 1}


class TestLines:
    def test_keys_and_items_have_lines_and_others_their_parents(self, tmp_path):
        document = read_yaml(
            write(
                tmp_path, "# top\nexperiments:\n  - name: a\n    wells:\n      - x\n  - name: b\n"
            )
        )
        assert document.line(("experiments",)) == 2
        assert document.line(("experiments", 0, "name")) == 3
        assert document.line(("experiments", 0, "wells", 0)) == 5
        assert document.line(("experiments", 1, "name")) == 6
        assert document.line(("experiments", 1, "absent", "deeper")) == 6
        assert document.line(("nowhere",)) is None


class TestFaults:
    def test_a_key_given_twice_names_both_lines(self, tmp_path):
        problem = the_fault(write(tmp_path, "a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n"))
        assert problem.kind == "not-yaml"
        assert problem.line == 5
        assert "'c' is given twice, first in line 3" in problem.message

    def test_broken_yaml_has_its_line(self, tmp_path):
        problem = the_fault(write(tmp_path, "a: 1\nb: [1, 2\nc: 3\n"))
        assert (problem.kind, problem.line) == ("not-yaml", 3)

    @pytest.mark.parametrize(
        ("text", "found"),
        [("", "empty"), ("# just this\n", "empty"), ("- a\n", "a list"), ("hello\n", "a str")],
    )
    def test_the_top_level_is_a_mapping(self, tmp_path, text, found):
        problem = the_fault(write(tmp_path, text))
        assert problem.kind == "not-a-config"
        assert found in problem.message
        assert "experiments" in problem.message

    @pytest.mark.parametrize(
        "text",
        [
            "a: !!int abc\n",
            "a: !!float abc\n",
            f"a: {'1' * 5000}\n",
            "a: !!timestamp abc\n",
            "a: !!bool abc\n",
            "a: !!binary 'é'\n",
            "a: !!python/object:os.system {}\n",
            "a: !unknown 1\n",
            "? [a, b]\n: 1\n",
            "a: *nowhere\n",
            "<<: 3\n",
            "a: 1\n---\nb: 2\n",
            "%YAML 3.0\n---\na: 1\n",
            b"a: \x00\n",
            b"a: \x07\n",
            b"a: \xff\xfe\n",
            "[" * 3000,
        ],
        ids=lambda text: repr(text[:24]),
    )
    def test_strange_yaml_is_one_clear_error(self, tmp_path, text):
        assert the_fault(write(tmp_path, text)).kind == "not-yaml"

    def test_aliases_of_aliases_do_not_explode(self, tmp_path):
        levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
        document = read_yaml(write(tmp_path, "a0: &a0 x\n" + "\n".join(levels) + "\n"))
        assert document.line(("a29",)) == 30

    def test_an_absent_file(self, tmp_path):
        assert the_fault(tmp_path / "absent.yml").kind == "missing-path"

    def test_a_folder(self, tmp_path):
        assert the_fault(tmp_path).kind == "not-yaml"

    def test_a_file_used_as_a_folder(self, tmp_path):
        file = write(tmp_path, "a: 1\n")
        assert the_fault(file / "config.yml").kind in {"missing-path", "unreadable"}

    def test_a_name_that_no_file_can_have(self, tmp_path):
        assert the_fault(tmp_path / ("x" * 5000)).kind in {"missing-path", "unreadable"}


class TestWriting:
    def test_what_is_written_is_read_again(self, tmp_path):
        content = {
            "name": "007",
            "date": "2024-03-01",
            "yes": "no",
            "list": ["1e5", "~", "", "ä", "0o17", "1.0", "null", "12:30"],
            "number": 1.5,
            "nested": {"a": [1, 2], "b": None, "c": True},
        }
        again = read_yaml(write(tmp_path, write_yaml_text(content, "# header\n"))).content
        texts = [getattr(one, "text", one) for one in again.pop("list")]
        assert texts == content.pop("list")
        assert again == content
