"""Whole batches as torch's loaders hand them on, with any collate function or none."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data._utils.collate import default_collate_fn_map


class Batch(dict[str, Any]):
    """A batch by key, which torch's default collate function gives back as it is.

    That function asks a batch for its first element, to see what kind it is: a batch is its own.
    Several batches, as of a `torch.utils.data.ConcatDataset`, become one.
    """

    def __missing__(self, key: object) -> Batch:
        if key == 0 and isinstance(key, int):
            return self
        raise KeyError(key)


def joined(batches: Batch | list[Batch] | tuple[Batch, ...], **_: Any) -> Batch:
    """Make one batch of what a loader collected, which is one batch already or a list of them."""
    if isinstance(batches, Batch):
        return batches
    first = batches[0]
    if len(batches) == 1:
        return first
    return Batch({key: _together([batch[key] for batch in batches]) for key in first})


def _together(values: list[Any]) -> Any:
    if isinstance(values[0], torch.Tensor):
        return torch.cat(values)
    if isinstance(values[0], dict):
        return {key: _together([value[key] for value in values]) for key in values[0]}
    return type(values[0])(entry for value in values for entry in value)


# The way that the documentation of `torch.utils.data.default_collate` gives for types of one's own.
default_collate_fn_map[Batch] = joined
