"""DynaCLR's ``collection.yml``: read as a config of ours.

Its experiments have ``channels: [{name, marker, wells}]`` where ours have ``source_channel``, and
``perturbation_wells`` where ours have ``condition_wells``; a slot is known by its marker.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import ConfigError, Problem, nearest

if TYPE_CHECKING:
    from lineage_triplets.engine.settings.yaml import YamlDocument

_log = logging.getLogger(__name__)

EXPERIMENT_KEYS = {
    "name": "name",
    "data_path": "data_path",
    "tracks_path": "tracks_path",
    "channels": "source_channel",
    "channel_names": "channel_names",
    "perturbation_wells": "condition_wells",
    "interval_minutes": "interval_minutes",
    "start_hpi": "start_hpi",
    "organelle": "organelle",
    "microscope": "",
    "pixel_size_xy_um": "",
    "pixel_size_z_um": "",
    "date": "date",
    "moi": "moi",
    "exclude_fovs": "",
    "organism": "",
    "description": "",
}
"""Keys of a collection's experiment, as it is written, and what ours has for each; or nothing."""
_TOP_LEVEL = ("name", "description", "datasets_root", "experiments")
_OF_A_CHANNEL = ("name", "marker", "wells")


def is_collection(content: dict[str, Any]) -> bool:
    """Whether a YAML file's content is a collection and not a config of ours."""
    experiments = content.get("experiments")
    return "format" not in content and (
        "datasets_root" in content
        or (
            isinstance(experiments, list)
            and any(isinstance(entry, dict) and "channels" in entry for entry in experiments)
        )
    )


def convert(document: YamlDocument) -> YamlDocument:
    """Turn a collection into a config's content; slots are aligned by marker.

    Raises
    ------
    ConfigError
        An experiment's channels are no list of names, or its markers are not the first one's.
    """
    root = document.content.get("datasets_root")
    entries = document.content.get("experiments") or []
    if not isinstance(entries, list):
        return document
    experiments, excluded, labels = [], {}, None
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise _fault(document, number, "", "an experiment is a mapping.", "Mend the entry.")
        name = str(getattr(entry.get("name"), "text", entry.get("name")))
        markers = _markers(document, number, name, entry)
        labels = labels or list(markers)
        if sorted(labels) != sorted(markers):
            raise _fault(
                document,
                number,
                name,
                f"its channels have the markers {sorted(markers)}, where the first experiment has "
                f"{sorted(labels)}.",
                "Give every experiment the same markers.",
            )
        experiments.append(_entry(entry, [markers[label] for label in labels], root))
        if entry.get("exclude_fovs"):
            excluded[name] = entry["exclude_fovs"]
    dataset: dict[str, Any] = {"slot_labels": labels} if labels else {}
    if excluded:
        dataset["exclude_fovs"] = excluded
    rest = {key: value for key, value in document.content.items() if key not in _TOP_LEVEL}
    given = rest.get("dataset", {})
    rest["dataset"] = {**dataset, **given} if isinstance(given, dict) else given
    return replace(document, content={**rest, "experiments": experiments})


def _entry(entry: dict[str, Any], source_channel: list[object], root: object) -> dict[str, Any]:
    """One experiment in our words; keys that neither has stay, to be complained about."""
    ours = {
        key: entry[key]
        for key, own in EXPERIMENT_KEYS.items()
        if key == own and entry.get(key) is not None
    }
    ours |= {key: value for key, value in entry.items() if key not in EXPERIMENT_KEYS}
    if root is not None:
        for key in ("data_path", "tracks_path"):
            if isinstance(ours.get(key), str):
                ours[key] = _below_root(str(root), ours[key])
    ours["source_channel"] = source_channel
    if "perturbation_wells" in entry:
        ours["condition_wells"] = entry["perturbation_wells"]
    return ours


def _below_root(root: str, path: str) -> str:
    path = path.replace("${datasets_root}", root).replace("$datasets_root", root)
    return path if path.startswith(("/", "~", "$")) or "://" in path else f"{root}/{path}"


def _markers(
    document: YamlDocument, number: int, name: str, entry: dict[str, Any]
) -> dict[str, object]:
    """Marker (or the name, where there is none) to channel name."""
    channels = entry.get("channels")
    if not isinstance(channels, list) or not all(
        isinstance(channel, dict) and "name" in channel for channel in channels
    ):
        raise _fault(
            document,
            number,
            name,
            "'channels' is no list of entries with a name.",
            "Write channels: [{name: …, marker: …}].",
        )
    markers = {_marker(channel): channel["name"] for channel in channels}
    if len(markers) < len(channels):
        raise _fault(
            document,
            number,
            name,
            "two channels have the same marker.",
            "A slot takes one channel: list only the one that training shall see.",
        )
    unknown = [key for channel in channels for key in channel if key not in _OF_A_CHANNEL]
    if unknown:
        raise _fault(
            document,
            number,
            name,
            f"a channel has the unknown key {unknown[0]!r}.",
            nearest(str(unknown[0]), _OF_A_CHANNEL),
        )
    if any(channel.get("wells") for channel in channels):
        _log.warning(
            "Experiment %s: 'wells' of its channels are not looked at; use exclude_fovs or "
            "include_wells to leave out wells without a stain.",
            name,
        )
    return markers


def _marker(channel: dict[str, Any]) -> str:
    """A channel's marker, or its name, as it was written."""
    given = channel.get("marker")
    value = channel["name"] if given in (None, "") else given
    return str(getattr(value, "text", value))


def _fault(
    document: YamlDocument, number: int, name: str, message: str, remedy: str
) -> ConfigError:
    return ConfigError(
        Problem(
            "bad-collection",
            message,
            remedy,
            experiment=name,
            file=str(document.file),
            line=document.line(("experiments", number)),
        )
    )
