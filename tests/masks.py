"""Masks of labelled cells, for the movies that tests make."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from stores import write_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd


def discs(table: pd.DataFrame, shape: Sequence[int], radius: float = 3) -> np.ndarray:
    """Draw a disc, labelled by its track, around each cell: (T, Y, X) uint32."""
    y, x = np.ogrid[: shape[-2], : shape[-1]]
    masks = np.zeros((shape[0], *shape[-2:]), np.uint32)
    for cell in table.itertuples():
        masks[cell.t][np.hypot(y - cell.y, x - cell.x) <= radius] = cell.track_id
    return masks


def write_tiffs(folder: Path, masks: np.ndarray, first: int = 0) -> Path:
    """Write a TIFF a frame."""
    folder.mkdir(parents=True)
    for t, mask in enumerate(masks, first):
        tifffile.imwrite(folder / f"mask{t:03d}.tif", mask)
    return folder


def write_labels(image: Path, version: str = "0.5", **named: np.ndarray) -> None:
    """Write NGFF labels of an image, (T, Y, X) or (T, Z, Y, X) each."""
    for name, masks in named.items():
        axes = "tyx" if masks.ndim == 3 else "tzyx"
        write_image(image / "labels" / name, pixels=masks, axes=axes, version=version)
    list_labels(image, list(named), version)


def list_labels(image: Path, names: Sequence[str], version: str = "0.5") -> None:
    """Write which labels an image has."""
    folder = image / "labels"
    folder.mkdir(exist_ok=True)
    if version == "0.5":
        ome = {"ome": {"version": "0.5", "labels": list(names)}}
        content = {"zarr_format": 3, "node_type": "group", "attributes": ome}
        (folder / "zarr.json").write_text(json.dumps(content))
    else:
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
        (folder / ".zattrs").write_text(json.dumps({"labels": list(names)}))
