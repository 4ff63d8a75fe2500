"""Draws the house from the code: its rooms in their order, and which of them import which.

``python docs/architecture.py`` writes ``docs/images/architecture.svg`` anew.
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "lineage_triplets"
DRAWING = ROOT / "docs" / "images" / "architecture.svg"
# From the roof to the ground. A package without a contract of its own is one room.
STOREYS = ("plugin", "cli", "qc", "training", "imports", "simulate", "engine")
_ROW, _COLUMN, _NAME, _SAYS, _HEAD, _MARGIN = 22, 17, 158, 520, 120, 8
_INK, _QUIET, _UPWARD = "#16202c", "#5b7694", "#c62828"
_TINTS = ("#e3ebf4", "#f3f6fa")

Room = tuple[str, str]
"""Package, and the part of it: a folder, a module, or "" for all of it."""


@dataclass(frozen=True)
class House:
    """The rooms from the top to the ground, and who imports whom.

    Attributes
    ----------
    says : dict of Room to str
        First line of each room's docstring.
    imports : set of (Room, Room)
        Also those for types alone, and those inside functions.
    """

    says: dict[Room, str]
    imports: set[tuple[Room, Room]]


def modules() -> dict[tuple[str, ...], ast.Module]:
    """All modules by the parts of their names below the package."""
    source = ROOT / "src" / PACKAGE
    parsed = {}
    for file in sorted(source.rglob("*.py")):
        parts = file.relative_to(source).with_suffix("").parts
        name = parts[:-1] if parts[-1] == "__init__" else parts
        parsed[name] = ast.parse(file.read_text(encoding="utf-8"))
    return parsed


@cache
def orders() -> dict[str, list[str]]:
    """The rooms of each package, the top one first, as the import contracts have them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        container.removeprefix(f"{PACKAGE}."): [
            room.strip() for layer in contract["layers"] for room in layer.split("|")
        ]
        for contract in settings["tool"]["importlinter"]["contracts"]
        for container in contract.get("containers", ())
    }


def room_of(name: tuple[str, ...]) -> Room | None:
    """Room of a module; None for the faces of packages, which only hand names on."""
    package, *below = name or ("",)
    if package not in STOREYS:
        return None
    if package not in orders():
        return package, ""
    return (package, below[0]) if below else None


def house() -> House:
    """Read the code."""
    parsed = modules()
    rooms = [
        (package, room)
        for package in STOREYS
        if (package,) in parsed
        for room in orders().get(package, [""])
    ]
    says = {
        room: (ast.get_docstring(parsed[tuple(part for part in room if part)]) or "").split("\n")[0]
        for room in rooms
    }
    imports = set()
    for name, module in parsed.items():
        for node in ast.walk(module):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith(PACKAGE):
                base = tuple(str(node.module).split(".")[1:])
                below = [(*base, alias.name) for alias in node.names]
                targets = {room_of(part if part in parsed else base) for part in below}
                imports |= {(room_of(name), target) for target in targets}
    return House(says, {(a, b) for a, b in imports if a and b and a != b})


def drawing() -> str:
    """One row a room, and the same rooms as columns: a dot says that the row imports the column.

    While every import goes down, all dots stand right of the diagonal.
    """
    built = house()
    rooms, left = list(built.says), _NAME + _SAYS
    width, height = left + _COLUMN * len(rooms) + 60, _HEAD + _ROW * len(rooms) + _MARGIN
    style = f'font-family="sans-serif" font-size="12" fill="{_INK}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {style}>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for number, room in enumerate(rooms):
        top, x = _HEAD + _ROW * number, left + _COLUMN * number
        tint, title = _TINTS[STOREYS.index(room[0]) % 2], escape("/".join(filter(None, room)))
        parts += [
            f'<rect x="{_MARGIN}" y="{top}" width="{width - 60}" height="{_ROW}" fill="{tint}"/>',
            f'<text x="{_MARGIN + 6}" y="{top + 15}" font-weight="bold">{title}</text>',
            f'<text x="{_NAME}" y="{top + 15}">{escape(built.says[room])}</text>',
            f'<text transform="translate({x + 13} {_HEAD - 6}) rotate(-55)">{title}</text>',
        ]
        for column, other in enumerate(rooms):
            middle = f'cx="{left + _COLUMN * column + _COLUMN / 2}" cy="{top + _ROW / 2}"'
            if room == other:
                parts.append(f'<circle {middle} r="7" fill="{_QUIET}"/>')
            elif (room, other) in built.imports:
                colour = _INK if column > number else _UPWARD
                parts.append(f'<circle {middle} r="3" fill="{colour}"/>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
