"""Statistics in the plates' own metadata, where other tools look for them.

A FOV's attributes get ``normalization`` and, of stacks, ``focus_slice``; the plate's get what its
FOVs have together. Of both, the channels in slots are written and others stay; so does everything
else that the file says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import (
    OutputExistsError,
    Problem,
    StoreError,
    choices,
    counted,
)
from lineage_triplets.engine.files import read_whole, whole_file
from lineage_triplets.engine.plates.statistics import StatisticsFolder
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_triplets.engine.index.index import MultiExperimentIndex

_KEYS = ("normalization", "focus_slice")


@dataclass(frozen=True)
class _Node:
    """A group of a plate, its metadata file, and what comes into its attributes."""

    file: Path
    experiment: str
    fov: str
    new: Mapping[str, Mapping[str, Any]]

    def content(self) -> dict[str, Any]:
        if not self.file.exists():
            return {}
        try:
            content = json.loads(read_whole(self.file))
        except (OSError, ValueError) as error:
            raise self.fault("bad-metadata", f"it cannot be read: {error}.", "Mend it.") from None
        if not isinstance(content, dict):
            raise self.fault("bad-metadata", "it is no JSON object.", "Mend it.")
        return content

    def attributes(self, content: dict[str, Any]) -> dict[str, Any]:
        """Where attributes stand in the file's content, which may be changed there."""
        if self.file.name == ".zattrs":
            return content
        found: dict[str, Any] = content.setdefault("attributes", {})
        return found

    def already(self) -> list[str]:
        """Channels whose statistics are there."""
        attributes = self.attributes(self.content())
        return [
            channel
            for key in _KEYS
            for channel in self.new.get(key, {})
            if channel in (attributes.get(key) or {})
        ]

    def write(self) -> None:
        content = self.content()
        attributes = self.attributes(content)
        for key in _KEYS:
            if self.new.get(key):
                attributes[key] = {**(attributes.get(key) or {}), **self.new[key]}
        with whole_file(self.file, overwrite=True) as temporary:
            temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")

    def fault(self, kind: str, message: str, remedy: str) -> StoreError:
        return StoreError(
            Problem(
                kind,
                message,
                remedy,
                experiment=self.experiment,
                fov=self.fov,
                file=str(self.file),
            )
        )


def write_into_plates(
    index: MultiExperimentIndex, folder: str | Path, *, overwrite: bool = False
) -> tuple[int, list[Problem]]:
    """Write a folder's statistics into the attributes of the plates and their FOVs.

    Parameters
    ----------
    index : MultiExperimentIndex
    folder : str or Path
        As `compute_statistics` wrote it.
    overwrite : bool
        Whether statistics that are there already are replaced.

    Returns
    -------
    n_written : int
        FOVs.
    problems : list of Problem
        What was replaced, and what other copies of the metadata do not know of it, as notes.

    Raises
    ------
    OutputExistsError
        Statistics are there, and `overwrite` is false: nothing is written.
    StoreError
        A plate is behind a URL, or a FOV has no statistics in the folder: nothing is written.
    OutputError
        A file cannot be written; those before it are.
    """
    nodes = _nodes(index, StatisticsFolder(folder))
    replaced = {node.file: channels for node in nodes if (channels := node.already())}
    if replaced and not overwrite:
        file, channels = next(iter(replaced.items()))
        raise OutputExistsError(
            Problem(
                "output-exists",
                f"statistics of {choices(dict.fromkeys(channels))} are there already, as in "
                f"{counted(len(replaced), 'file')} of these plates.",
                "Say overwrite (--overwrite) to replace them, or leave --into-plate out.",
                file=str(file),
            )
        )
    for node in nodes:
        node.write()
    return sum(bool(node.fov) for node in nodes), [
        *_replaced(nodes, replaced),
        *_other_copies(nodes),
    ]


def _nodes(index: MultiExperimentIndex, statistics: StatisticsFolder) -> list[_Node]:
    nodes = []
    for opened in index.registry.opened:
        name, plate = opened.config.name, opened.plate
        sources = [source for source in index.fovs if source.experiment == name]
        if is_url(plate.path):
            raise StoreError(
                Problem(
                    "remote-store",
                    "statistics are not written into a plate behind a URL.",
                    "Leave --into-plate out: training reads the folder of statistics.",
                    experiment=name,
                    file=plate.path,
                )
            )
        of_plate = statistics.read(statistics.plate_file(name)) or {}
        if of_plate and not plate.single_image:
            nodes.append(_node(plate.path, name, "", of_plate))
        for source in sources:
            # Whether they are of this image is asked there.
            normalization = statistics.normalization(name, source.fov)
            written = statistics.read(statistics.fov_file(name, source.fov.name)) or {}
            focus = {
                channel: {**of_plate.get("focus_slice", {}).get(channel, {}), **found}
                for channel, found in written.get("focus_slice", {}).items()
            }
            new = {"normalization": normalization, "focus_slice": focus}
            nodes.append(_node(source.fov.path, name, source.fov.name, new))
    return nodes


def _node(path: str, experiment: str, fov: str, new: Mapping[str, Any]) -> _Node:
    file = Path(path, "zarr.json")
    return _Node(file if file.exists() else Path(path, ".zattrs"), experiment, fov, new)


def _replaced(nodes: list[_Node], replaced: Mapping[Path, list[str]]) -> list[Problem]:
    problems = []
    for experiment in dict.fromkeys(node.experiment for node in nodes):
        files = [node.file for node in nodes if node.experiment == experiment]
        known = [file for file in files if file in replaced]
        if known:
            channels = dict.fromkeys(channel for file in known for channel in replaced[file])
            problems.append(
                Problem(
                    "statistics-replaced",
                    f"statistics of {choices(channels)} were there, and are replaced, in "
                    f"{counted(len(known), 'file')}.",
                    severity="note",
                    experiment=experiment,
                    count=len(known),
                )
            )
    return problems


def _other_copies(nodes: list[_Node]) -> list[Problem]:
    """Say where consolidated metadata keep the attributes as they were."""
    problems = []
    for node in nodes:
        folder = node.file.parent
        consolidated = (folder / ".zmetadata").exists() or (
            node.file.name == "zarr.json" and bool(node.content().get("consolidated_metadata"))
        )
        if consolidated:
            problems.append(
                Problem(
                    "consolidated-metadata",
                    "the store's consolidated metadata do not have the new statistics.",
                    f'Consolidate them anew: zarr.consolidate_metadata("{folder}").',
                    severity="note",
                    experiment=node.experiment,
                    fov=node.fov,
                    file=str(folder),
                )
            )
    return problems
