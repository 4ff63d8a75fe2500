#!/bin/sh
# tensorstore 0.1.86: `ts.stack` of frames (or of an array indexed by lists) that are not in the array
# reads the fill value there, zeros, and says nothing; the same frame read by itself is an error.
# For readers of patches: who gathers a batch by `ts.stack` gets black frames that look like data
# where a table has a frame beyond the movie. Compare frames, slices and rows with the shape first.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorstore==0.1.86 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/movie.zarr" <<'END'
import sys

import numpy as np
import tensorstore as ts

movie = ts.open(
    {
        "driver": "zarr",
        "kvstore": {"driver": "file", "path": sys.argv[1]},
        "metadata": {"shape": [4, 8, 8], "chunks": [1, 8, 8], "dtype": "<u2"},
        "create": True,
    }
).result()
movie[...] = np.full((4, 8, 8), 7, np.uint16)


def values(read):
    try:
        return np.unique(read()).tolist()
    except Exception as error:
        return type(error).__name__


seen = {
    "frame 5 of 4 alone": values(lambda: movie[5].read().result()),
    "frames 5 and 1, stacked": values(lambda: ts.stack([movie[5], movie[1]]).read().result()),
    "frames 3 and 5 by a list": values(lambda: movie[[3, 5]].read().result()),
    "the same twice, stacked": values(
        lambda: ts.stack([movie[[3, 5]], movie[[3, 5]]]).read().result()
    ),
}
for what, found in seen.items():
    print(f"{what}: {found}")
if list(seen.values()) != ["ValueError", [0, 7], "ValueError", [0, 7]]:
    sys.exit("this is not what was seen with 0.1.86")
END
