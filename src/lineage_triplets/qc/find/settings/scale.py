"""Experiments whose patches show fields of unlike size, since their pixels or slices are unlike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import choices, counted
from lineage_triplets.qc.find.checks import SettingsCheck, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.look.patch_fit import pixel_um

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex

_SAME = 1.05
_REMEDY = (
    "Use experiments of one scale, or resample the images and tables of the others to it; mend the "
    "store if it gives a wrong size. Waive this if the model shall see both scales."
)


def check_scales(index: MultiExperimentIndex) -> Iterator[Finding]:
    """Compare what one patch shows of each experiment, across and in depth, in micrometers."""
    height, width = index.settings.yx_patch_size
    across = [pixel_um(source) for source in index.fovs]
    yield from _compare(
        index.fovs,
        across,
        "pixel size",
        lambda um: (
            f"{height * um:.3g} x {width * um:.3g} um ({height} x {width} pixels of {um:.3g} um)"
        ),
        height,
    )
    if any(source.depth > 1 for source in index.fovs):
        depth = max(source.depth for source in index.fovs)
        yield from _compare(
            index.fovs,
            [_step_um(source) for source in index.fovs],
            "distance between slices",
            lambda um: f"{depth * um:.3g} um in depth ({depth} slices of {um:.3g} um)",
            depth,
        )


def _step_um(source: FovSource) -> float | None:
    """Distance between slices; None where the store does not tell."""
    size = source.fov.pixel_size_um
    return None if size is None or pixel_um(source) is None or not size[0] > 0 else size[0]


def _compare(
    fovs: Sequence[FovSource],
    sizes_um: Sequence[float | None],
    what: str,
    field_of_view: Callable[[float], str],
    n_along: int,
) -> Iterator[Finding]:
    """Give one finding where sizes differ: every scale with the experiments that have it."""
    known = sorted({size for size in sizes_um if size is not None})
    if not known or known[-1] <= _SAME * known[0]:
        return
    scales: list[list[float]] = []
    for size in known:
        if scales and size <= _SAME * scales[-1][0]:
            scales[-1].append(size)
        else:
            scales.append([size])
    of_fov = [next((k for k, some in enumerate(scales) if size in some), None) for size in sizes_um]
    seen = [float(np.median(some)) for some in scales]
    parts = [
        f"{field_of_view(size)} of {_members(fovs, of_fov, number)}"
        for number, size in enumerate(seen)
    ]
    unknown = _members(fovs, of_fov, None)
    untold = f" The store of {unknown} gives no {what}." if unknown else ""
    yield Finding(
        kind="scales-differ",
        severity="warning",
        sentence=(
            f"One patch shows {', '.join(parts[:-1])} and {parts[-1]}: up to "
            f"{seen[-1] / seen[0]:.2g} times as much in one as in the other.{untold}"
        ),
        remedy=_REMEDY,
        evidence=tuple(
            Evidence(f"field of view of {_members(fovs, of_fov, number)}", n_along * size, "um")
            for number, size in enumerate(seen)
        ),
        detail=f"{what}={'+'.join(f'{size:.3g}' for size in seen)}",
        count=len({fov.experiment for fov in fovs}),
    )


def _members(fovs: Sequence[FovSource], of_fov: Sequence[int | None], scale: int | None) -> str:
    """Name experiments of one scale; of one that has several, how many FOVs."""
    names = []
    for experiment in dict.fromkeys(source.experiment for source in fovs):
        own = [k for source, k in zip(fovs, of_fov, strict=True) if source.experiment == experiment]
        n = own.count(scale)
        if n == len(own):
            names.append(experiment)
        elif n:
            names.append(f"{counted(n, 'FOV')} of {experiment}")
    return choices(names) if names else ""


register(SettingsCheck("scales-differ", ("scales-differ",), check_scales))
