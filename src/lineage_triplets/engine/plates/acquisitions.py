"""FOVs of several acquisitions in one plate: another day, another magnification, or the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import Problem, choices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.plates.image import Fov
    from lineage_triplets.engine.plates.plate import Plate


def several_acquisitions(plate: Plate, fovs: Sequence[Fov]) -> Problem | None:
    """Say which FOVs are of which acquisition, and how these differ; None where there is one.

    Parameters
    ----------
    plate : Plate
    fovs : sequence of Fov
        Those that are read.
    """
    members: dict[int, list[Fov]] = {}
    for fov in fovs:
        number = plate.acquisition_of(fov.name)
        if number is not None:
            members.setdefault(number, []).append(fov)
    if len(members) < 2:
        return None
    named = "; ".join(
        f"{_name(plate, number)}: {choices(fov.name for fov in members[number])}"
        for number in sorted(members)
    )
    differing = [
        f"{what} ({' and '.join(sorted(values))})"
        for what, values in _values([fov for group in members.values() for fov in group]).items()
        if len(values) > 1
    ]
    unlike = f"They differ in {' and in '.join(differing)}." if differing else ""
    some = [fov.name for fov in members[max(members)]]
    return Problem(
        "several-acquisitions",
        f"its FOVs are of {len(members)} acquisitions ({named}), which may be another time or "
        f"magnification. {unlike}".rstrip(),
        "An experiment has one start and one interval: list the plate as one experiment an "
        "acquisition, each with exclude_fovs for the others' FOVs; or leave some out, as in "
        f"exclude_fovs: [{', '.join(some[:3])}{', …' if len(some) > 3 else ''}].",
        severity="warning",
        file=plate.path,
        field="exclude_fovs",
        count=sum(map(len, members.values())),
    )


def _name(plate: Plate, number: int) -> str:
    name = plate.acquisitions.get(number, "")
    return f"{number} {name!r}" if name else str(number)


def _values(fovs: Sequence[Fov]) -> dict[str, set[str]]:
    """What the FOVs have, in words, of all that tells acquisitions apart."""

    def said(value: Any, words: str) -> str:
        return "unknown" if value is None else words.format(*value)

    return {
        "frames": {f"{fov.shape[0]}" for fov in fovs},
        "channels": {f"{fov.shape[1]}" for fov in fovs},
        "slices": {f"{fov.shape[2]}" for fov in fovs},
        "size": {f"{fov.shape[3]} x {fov.shape[4]} pixels" for fov in fovs},
        "pixel size": {said(fov.pixel_size_um, "{0:g} x {1:g} x {2:g} µm") for fov in fovs},
        "interval": {
            said(fov.interval_minutes and (fov.interval_minutes,), "{0:g} min") for fov in fovs
        },
    }
