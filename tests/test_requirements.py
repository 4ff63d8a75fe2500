"""What pyproject.toml says of versions is what is tested: bounds, pins, and Pythons."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
CONTENT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = CONTENT["project"]
OF_USERS = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
OF_CHECKS = [*chain(*CONTENT["dependency-groups"].values())]


def requirements(lines: list[str]) -> list[Requirement]:
    found = [Requirement(line) for line in lines]
    return [one for one in found if one.name != PROJECT["name"]]


def test_all_that_users_need_has_a_lowest_version_which_make_lowest_tries():
    found = requirements(OF_USERS)
    assert len(found) > 30
    without = [str(one) for one in found if not re.search(r">=\d", str(one.specifier))]
    assert without == []


def test_the_pinned_versions_are_allowed():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line.split("==") for line in text.splitlines() if not line.startswith("#")]
    pins = {canonicalize_name(name): version for name, version in lines}
    refused = [
        str(one)
        for one in requirements([*OF_USERS, *OF_CHECKS])
        if (one.marker is None or one.marker.evaluate())
        and not one.specifier.contains(pins[canonicalize_name(one.name)])
    ]
    assert refused == []


def test_the_pythons_that_are_named_are_those_that_make_tries():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    tried = re.search(r"^PYTHONS := (.*)$", makefile, re.MULTILINE)[1].split()
    prefix = "Programming Language :: Python :: 3."
    named = [one for one in PROJECT["classifiers"] if one.startswith(prefix)]
    assert [one.removeprefix(prefix) for one in named] == [one.removeprefix("3.") for one in tried]
    allowed = SpecifierSet(PROJECT["requires-python"])
    oldest = int(tried[0].removeprefix("3."))
    assert f"3.{oldest}" in allowed
    assert f"3.{oldest - 1}" not in allowed
