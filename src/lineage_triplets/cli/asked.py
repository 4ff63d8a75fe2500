"""What stores do not say, of options or people: intervals, and what wells were treated with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from lineage_triplets.engine.errors import choices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.plates.image import Fov

_CONDITION = "--condition"


def intervals_of(names: Sequence[str], given: Sequence[str]) -> dict[str, float]:
    """Read ``[PLATE=]MINUTES``: minutes between frames of each plate that is spoken of."""
    of_plate: dict[str, float] = {}
    for_all: list[float] = []
    for text in given:
        name, separator, minutes = text.rpartition("=")
        if separator and name not in names:
            raise typer.BadParameter(
                f"there is no plate {name!r}, but {choices(names)}", param_hint="--interval"
            )
        if (name in of_plate) if separator else for_all:
            raise typer.BadParameter(
                f"that of {name or 'all plates'} is given twice", param_hint="--interval"
            )
        if separator:
            of_plate[name] = _minutes(minutes)
        else:
            for_all.append(_minutes(minutes))
    return {name: minutes for minutes in for_all for name in names} | of_plate


def ask_interval(name: str, fov: Fov) -> float:
    """Ask a person for the minutes between frames."""
    suggested = fov.interval_minutes
    text = ask(
        f"{name}: minutes between frames"
        + (f" (its store says {suggested:g}, which is often wrong)" if suggested else ""),
        "--interval",
    )
    return _minutes(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 0 < minutes < float("inf"):
        raise typer.BadParameter(f"{text!r} is no number of minutes", param_hint="--interval")
    return minutes


def check_conditions(wells: Mapping[str, Sequence[str]], given: Sequence[str]) -> None:
    """Refuse wells that no plate has, and plates that are not there.

    Parameters
    ----------
    wells : dict of str to sequence of str
        Of each plate.
    given : sequence of str
        ``[PLATE:]NAME=WELL,WELL``
    """
    for text in given:
        plate, _, listed = _parsed(text)
        if plate and plate not in wells:
            raise typer.BadParameter(
                f"in {text!r}, there is no plate {plate!r}, but {choices(wells)}; before a colon "
                "is a plate's name",
                param_hint=_CONDITION,
            )
        known = {well for name in ([plate] if plate else wells) for well in wells[name]}
        unknown = [well for well in listed if well not in known]
        if unknown:
            where = plate or (next(iter(wells)) if len(wells) == 1 else "no plate")
            raise typer.BadParameter(
                f"{where} has {'a' if where == 'no plate' else 'no'} well {choices(unknown)}; "
                f"there is: {choices(sorted(known))}",
                param_hint=_CONDITION,
            )


def conditions_of(
    name: str, wells: Sequence[str], given: Sequence[str], unless_asked: str | None = None
) -> dict[str, list[str]]:
    """Condition to wells of a plate, from options that were checked, or a person.

    Where nobody is there to ask, all wells are of the condition `unless_asked`, if there is one.
    """
    parsed: dict[str, list[str]] = {}
    elsewhere: list[str] = []
    for text in given:
        plate, condition, listed = _parsed(text)
        if plate not in {"", name}:
            continue
        here = [well for well in listed if well in wells]
        elsewhere += [well for well in listed if well not in wells]
        if here:
            parsed.setdefault(condition, []).extend(here)
    if parsed:
        return parsed
    if elsewhere and not sys.stdin.isatty():
        raise typer.BadParameter(
            f"{name} has no well {elsewhere[0]!r}, and none of its wells is named; it has: "
            f"{choices(wells)}",
            param_hint=_CONDITION,
        )
    if unless_asked is not None and not sys.stdin.isatty():
        return {unless_asked: list(wells)}
    for well in wells:
        answer = ask(f"{name}: condition of well {well}", _CONDITION)
        parsed.setdefault(answer, []).append(well)
    return parsed


def _parsed(text: str) -> tuple[str, str, list[str]]:
    """Read ``[PLATE:]NAME=WELL,WELL``."""
    before, _, of = text.partition("=")
    plate, colon, rest = before.partition(":")
    name = rest if colon else before
    listed = [well.strip() for well in of.split(",") if well.strip()]
    if not (name and listed):
        raise typer.BadParameter(f"{text!r} is not NAME=WELL,WELL", param_hint=_CONDITION)
    return plate if colon else "", name, listed


def ask(question: str, option: str) -> str:
    """Ask a person; where there is none, say which option answers."""
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{question}? Nobody is there to ask: give {option}")
    answer: str = typer.prompt(question)
    return answer.strip()
