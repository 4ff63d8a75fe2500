"""Which resolution levels of an image have the same frames, channels and slices, only smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates.image import canonical
from lineage_triplets.engine.plates.stores import join
from lineage_triplets.engine.plates.zarr_json import describing_file, node_attributes, understood

if TYPE_CHECKING:
    from lineage_triplets.engine.plates.image import Fov


def usable_levels(fov: Fov) -> tuple[list[str], list[tuple[int, int, int, int, int]]]:
    """Give folder and (T, C, Z, Y, X) of the full image, and of levels that only have less of y, x.

    Reads metadata alone; where these cannot be read any more, the full image is what there is.
    """
    paths, shapes = [fov.array_path], [fov.shape]
    try:
        with understood(fov.path):
            scales = node_attributes(fov.path)[0].get("multiscales") or [{}]
            names = [
                dataset["path"] for dataset in scales[0].get("datasets", []) if "path" in dataset
            ]
            there = [
                level for level in names[1:] if describing_file(join(fov.path, level)) is not None
            ]
    except StoreError:
        return paths, shapes
    for name, shape in zip(there, fov.level_shapes[1:], strict=False):
        t, c, z, y, x = canonical(fov.axes, shape)
        last = shapes[-1]
        smaller = y <= last[3] and x <= last[4] and z <= last[2] and y * x < last[3] * last[4]
        if (t, c) == last[:2] and smaller:
            paths.append(join(fov.path, name))
            shapes.append((t, c, z, y, x))
    return paths, shapes
