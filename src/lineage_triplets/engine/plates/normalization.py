"""Normalization statistics of FOVs: read once a FOV, sent between processes as plain arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lineage_triplets.engine.plates.statistics import normalization_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import Float32Array, Int64Array
    from lineage_triplets.engine.plates.image import Fov

    Statistics = dict[str, Any] | None


class NormalizationCache:
    """Statistics of the FOVs of an index, as nested dicts of float32 tensors.

    Parameters
    ----------
    statistics_path : str or None
        Folder of statistics; None takes the attributes of the plates.
    fovs : sequence of (str, Fov)
        Experiment and FOV, by FOV number.
    """

    def __init__(self, statistics_path: str | None, fovs: Sequence[tuple[str, Fov]]) -> None:
        self._statistics_path = statistics_path
        self._fovs = fovs
        self._known: dict[int, Statistics] = {}

    def of_fovs(self, numbers: Int64Array) -> list[Statistics]:
        """Statistics of each FOV: ``{channel: {level: {statistic: tensor}}}``, or None."""
        listed = numbers.tolist()
        for number in set(listed) - self._known.keys():
            found = normalization_of(self._statistics_path, *self._fovs[number])
            self._known[number] = None if found is None else _as_tensors(found)
        return NormMetaList(self._known[number] for number in listed)


class NormMetaList(list["Statistics"]):
    """A list of statistics that is pickled as one array a FOV.

    Hundreds of scalar tensors in a worker's queue would run out of file descriptors.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        distinct = {id(statistics): statistics for statistics in self if statistics is not None}
        place = {key: number for number, key in enumerate(distinct)}
        packed = [_pack(statistics) for statistics in distinct.values()]
        return _unpack_list, ([place.get(id(statistics), -1) for statistics in self], packed)


def _unpack_list(places: list[int], packed: list[tuple[Any, Float32Array]]) -> NormMetaList:
    unpacked: list[Statistics] = [_unpack(*pair) for pair in packed]
    unpacked.append(None)
    return NormMetaList(unpacked[place] for place in places)


def _as_tensors(found: dict[str, Any]) -> dict[str, Any]:
    """Numbers at any depth as float32 tensors; other values as they are."""
    return {
        key: _as_tensors(value)
        if isinstance(value, dict)
        else torch.tensor(value, dtype=torch.float32)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else value
        for key, value in found.items()
    }


def _pack(statistics: dict[str, Any]) -> tuple[Any, Float32Array]:
    """The nested keys, with a number's place in the array where a tensor was."""
    numbers: list[float] = []

    def places(node: dict[str, Any]) -> dict[str, Any]:
        skeleton: dict[str, Any] = {}
        for key, value in node.items():
            if isinstance(value, dict):
                skeleton[key] = places(value)
            elif isinstance(value, torch.Tensor):
                skeleton[key] = _Place(len(numbers))
                numbers.append(float(value))
            else:
                skeleton[key] = value
        return skeleton

    return places(statistics), np.array(numbers, dtype=np.float32)


class _Place(int):
    """Where in the array of numbers a value is."""


def _unpack(skeleton: dict[str, Any], numbers: Float32Array) -> dict[str, Any]:
    tensors = torch.from_numpy(numbers.copy()).unbind()

    def filled(node: dict[str, Any]) -> dict[str, Any]:
        return {
            key: filled(value)
            if isinstance(value, dict)
            else tensors[value]
            if isinstance(value, _Place)
            else value
            for key, value in node.items()
        }

    return filled(skeleton)
