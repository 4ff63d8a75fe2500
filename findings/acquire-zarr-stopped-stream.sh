#!/bin/sh
# acquire-zarr 0.10.0: a stream that is stopped amid a frame counts that frame. With two channels and
# five images written the array has three frames, and the last frame's second channel is zeros;
# nothing in the store says that it was never acquired.
# For readers of such movies: the last frame of a stopped acquisition may lack channels. Zeros there
# are no cell that turned dark; leave the frame out.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check acquire-zarr==0.10.0 zarr==3.1.6
"$folder/venv/bin/python" - "$folder/movie.zarr" <<'END'
import sys

import acquire_zarr as aqz
import numpy as np
import zarr

SIZES = {"t": 0, "c": 2, "y": 16, "x": 16}
KINDS = {"t": aqz.DimensionType.TIME, "c": aqz.DimensionType.CHANNEL}
dimensions = [
    aqz.Dimension(
        name=name,
        kind=KINDS.get(name, aqz.DimensionType.SPACE),
        array_size_px=size,
        chunk_size_px=size if name in "yx" else 1,
        shard_size_chunks=1,
    )
    for name, size in SIZES.items()
]
settings = aqz.StreamSettings(store_path=sys.argv[1])
settings.arrays = [aqz.ArraySettings(dimensions=dimensions, data_type=aqz.DataType.UINT16)]
stream = aqz.ZarrStream(settings)
for number in range(1, 6):
    stream.append(np.full((16, 16), number, np.uint16))
stream.close()
movie = zarr.open(sys.argv[1], mode="r")
brightest = movie[:].max(axis=(2, 3)).tolist()
print(f"5 images of 2 channels: shape {movie.shape}, brightest pixels {brightest}")
if brightest != [[1, 2], [3, 4], [5, 0]]:
    sys.exit("this is not what was seen with acquire-zarr 0.10.0")
END
