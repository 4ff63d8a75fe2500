"""YAML with line numbers: text stays text, a key given twice is an error, faults have a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.engine.files import read_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yaml.nodes import MappingNode, Node, ScalarNode

    KeyPath = tuple[str | int, ...]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

MOST_DEPTH = 100
"""Lists and mappings in each other; a config has ten."""


class IntText(int):
    """An integer that remembers how it was written, so that a name 007 stays "007"."""

    text: str


class FloatText(float):
    """A number that remembers how it was written."""

    text: str


class _TextKeepingLoader(_Loader):  # type: ignore[misc, valid-type]
    """YAML 1.2's core scalars: no dates, yes/no or base 60; numbers keep their text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[object, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge" or not isinstance(
                key_node, yaml.ScalarNode
            ):
                continue
            key, line = self.construct_object(key_node, deep=True), key_node.start_mark.line + 1
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    f"the key {key!r} is given twice, first in line {seen[key]}",
                    key_node.start_mark,
                )
            seen[key] = line
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def _int_text(_loader: object, node: ScalarNode) -> IntText:
    number = IntText(node.value, 0 if node.value[:2] in {"0x", "0o"} else 10)
    number.text = node.value
    return number


def _float_text(_loader: object, node: ScalarNode) -> FloatText:
    number = FloatText(re.sub(r"^([-+]?)\.(inf|nan)$", r"\1\2", node.value.lower()))
    number.text = node.value
    return number


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    (
        "float",
        (
            r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        "-+.0123456789",
    ),
    ("merge", r"^<<$", "<"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
):
    _TextKeepingLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first)
    )
_TextKeepingLoader.add_constructor("tag:yaml.org,2002:int", _int_text)
_TextKeepingLoader.add_constructor("tag:yaml.org,2002:float", _float_text)


@dataclass(frozen=True)
class YamlDocument:
    """What a YAML file says, and the line of every key and list item.

    Attributes
    ----------
    file : Path
    content : dict
    lines : dict
        ``{("experiments", 0, "name"): 3, ...}``, lines counted from 1.
    """

    file: Path
    content: dict[str, Any]
    lines: Mapping[KeyPath, int]

    def line(self, path: KeyPath) -> int | None:
        """Line of a key path, or of its nearest parent that has one."""
        for stop in range(len(path), 0, -1):
            if path[:stop] in self.lines:
                return self.lines[path[:stop]]
        return None


def _key_lines(node: Node, path: KeyPath, lines: dict[KeyPath, int], seen: set[int]) -> None:
    """Note the lines below a node; of a node with aliases, at its first place alone."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            lines[inner] = key.start_mark.line + 1
            _key_lines(value, inner, lines, seen)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            lines[(*path, position)] = value.start_mark.line + 1
            _key_lines(value, (*path, position), lines, seen)


def _fault(
    file: Path, kind: str, message: str, remedy: str, line: int | None = None
) -> ConfigError:
    return ConfigError(Problem(kind, message, remedy, file=str(file), line=line))


def _read_text(file: Path) -> str:
    try:
        return read_whole(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _fault(
            file, "not-yaml", f"it is no UTF-8 text ({error}).", "Save it as UTF-8."
        ) from None
    except OSError as error:
        known = {
            FileNotFoundError: ("missing-path", "there is no such file.", "Check the path."),
            IsADirectoryError: ("not-yaml", "this is a folder, not a YAML file.", "Name the file."),
            PermissionError: ("unreadable", "no permission to read it.", "Ask for read access."),
        }
        other = ("unreadable", f"it cannot be read: {error.strerror}.", "Check the path.")
        raise _fault(file, *known.get(type(error), other)) from None


def _refuse_deep(text: str) -> None:
    """Look at the depth before anything is built: the parser below Python ends the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_TextKeepingLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_DEPTH:
            mark: Any = event.start_mark
            message = f"it is nested more than {MOST_DEPTH} deep"
            raise yaml.composer.ComposerError(None, None, message, mark)


def read_yaml(path: str | Path) -> YamlDocument:
    """Read a YAML file whose top level is a mapping.

    Raises
    ------
    ConfigError
        The file is absent, unreadable, not UTF-8, no YAML, or its top level is no mapping; the
        problem has the line where YAML names one.
    """
    file = Path(path)
    text = _read_text(file)
    loader = _TextKeepingLoader(text)
    try:
        _refuse_deep(text)
        node = loader.get_single_node()
        content = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or str(error)
        raise _fault(
            file,
            "not-yaml",
            f"not valid YAML: {what}.",
            "Mend that line.",
            mark.line + 1 if mark else None,
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise _fault(
            file, "not-yaml", f"not valid YAML: {error}.", "Save it as plain YAML."
        ) from None
    except (ValueError, LookupError, AttributeError) as error:
        raise _fault(
            file,
            "not-yaml",
            f"a value is not of the type that its tag says: {error}.",
            "Remove tags such as !!int, or mend the value.",
        ) from None
    finally:
        loader.dispose()
    if not isinstance(content, dict):
        found = "empty" if content is None else f"a {type(content).__name__}"
        raise _fault(
            file,
            "not-a-config",
            f"the top level is {found}, where a mapping with the key 'experiments' is expected.",
            "`lineage-triplets init` writes such a file from your plates.",
        )
    lines: dict[KeyPath, int] = {}
    _key_lines(node, (), lines, set())
    return YamlDocument(file, {str(key): value for key, value in content.items()}, lines)


def write_yaml_text(content: Mapping[str, Any], header: str = "") -> str:
    """Turn plain Python values into YAML, keys in their order, short lists on one line."""
    body: str = yaml.dump(
        dict(content),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=100,
        default_flow_style=None,
    )
    return f"{header}{body}"
