"""Normalization statistics of FOVs: in a folder beside a config, or in the plate's attributes.

The folder has a file a FOV, ``{experiment}/{row}/{column}/{field}.json``, and one an experiment,
``{experiment}/plate.json``, for what all its FOVs have together. Each is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lineage_triplets.engine.errors import Problem, StoreError, choices
from lineage_triplets.engine.files import read_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lineage_triplets.engine.plates.image import Fov

FORMAT = "lineage-triplets-statistics/1"
SUFFIX = ".statistics"
"""What a config's folder of statistics has in the place of the config's own ending."""


class StatisticsFolder:
    """Files of statistics, by experiment and FOV.

    Parameters
    ----------
    path : str or Path
        The folder; it need not be there.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def fov_file(self, experiment: str, fov: str) -> Path:
        """File of one FOV."""
        folder = self._of_experiment(experiment).joinpath(*fov.split("/"))
        return folder.with_name(f"{folder.name}.json")

    def plate_file(self, experiment: str) -> Path:
        """File of what all FOVs of an experiment have together."""
        return self._of_experiment(experiment) / "plate.json"

    def _of_experiment(self, experiment: str) -> Path:
        # No name is a folder's own "." or "..", nor has what a file system may refuse.
        return self.path / quote(experiment, safe=" ").replace(".", "%2E")

    def read(self, file: Path) -> dict[str, Any] | None:
        """Content of one of the files; None where it is absent.

        Raises
        ------
        StoreError
            It cannot be read, or is of another kind.
        """
        try:
            content = json.loads(read_whole(file))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise _fault("bad-statistics", f"it cannot be read: {error}.", file) from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise _fault("bad-statistics", f"it is no file of {FORMAT}.", file)
        return content

    def require(self, fovs: Iterable[tuple[str, Fov]]) -> None:
        """Look whether there is a file for each experiment's FOV, before any batch is drawn.

        Raises
        ------
        StoreError
            Some have none.
        """
        absent = [
            f"{experiment}/{fov.name}"
            for experiment, fov in fovs
            if not self.fov_file(experiment, fov.name).is_file()
        ]
        if absent:
            what = f"there are no statistics of {choices(absent)}."
            raise _fault("no-statistics", what, self.path)

    def normalization(self, experiment: str, fov: Fov) -> dict[str, Any]:
        """Statistics of a FOV, ``{channel: {level: {statistic: number}}}``.

        Raises
        ------
        StoreError
            The folder has none of this FOV, or of another image under its name.
        """
        content = self._of_image(experiment, fov)
        of_plate = (self.read(self.plate_file(experiment)) or {}).get("normalization", {})
        found: dict[str, Any] = content["normalization"]
        return {channel: {**of_plate.get(channel, {}), **found[channel]} for channel in found}

    def focus_slice(self, experiment: str, fov: Fov) -> dict[str, Any]:
        """Slices in focus of a FOV, ``{channel: {level: …}}``; raises as `normalization`."""
        found: dict[str, Any] = self._of_image(experiment, fov).get("focus_slice", {})
        return found

    def _of_image(self, experiment: str, fov: Fov) -> dict[str, Any]:
        file = self.fov_file(experiment, fov.name)
        content = self.read(file)
        if content is None:
            raise _fault("no-statistics", "there are no statistics of this FOV.", file)
        if content.get("image") != image_key(fov):
            raise _fault("old-statistics", "its statistics are of another image.", file)
        return content


def normalization_of(
    statistics_path: str | None, experiment: str, fov: Fov
) -> dict[str, Any] | None:
    """Statistics of a FOV: from the folder that a config names, else the plate's attribute.

    Raises
    ------
    StoreError
        The folder has no statistics of this image.
    """
    if statistics_path is None:
        return fov.normalization()
    return StatisticsFolder(statistics_path).normalization(experiment, fov)


def focus_of(
    statistics_path: str | None, experiment: str, fov: Fov, channel: str
) -> dict[str, Any]:
    """Slices in focus of a FOV's channel: ``fov_statistics`` and ``per_timepoint``, or nothing.

    From the folder that a config names, else the plate's attribute.

    Raises
    ------
    StoreError
        The folder has no statistics of this image.
    """
    if statistics_path is None:
        known = fov.focus_slice() or {}
    else:
        known = StatisticsFolder(statistics_path).focus_slice(experiment, fov)
    found = known.get(channel)
    return found if isinstance(found, dict) else {}


def image_key(fov: Fov) -> str:
    """Hash of what an image is, its pixels apart."""
    told = [fov.shape, fov.axes, fov.dtype, fov.codecs, fov.zarr_format]
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=16).hexdigest()


def _fault(kind: str, message: str, file: Path) -> StoreError:
    remedy = "Run `lineage-triplets stats` on the config, or leave statistics_path out."
    return StoreError(Problem(kind, message, remedy, file=str(file), field="statistics_path"))
