#!/bin/sh
# pycellin 0.5.1 (geff 1.3.1.1.3): `export_GEFF`, called as it comes, writes a valid GEFF whose only axis
# is time. Positions are there as node properties, named after their source (x, y of trackpy), and nothing in
# the file says that these are places: who takes positions from the axes gets cells without any.
# For readers of GEFF: where space axes are absent, look among the properties, and take the unit from
# their metadata.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pycellin==0.5.1 geff==1.3.1.1.3
"$folder/venv/bin/python" - "$folder" <<'END'
import sys
from pathlib import Path

import pandas as pd
import pycellin
import zarr

folder = Path(sys.argv[1])
table = pd.DataFrame(
    {"frame": [0, 1, 2], "particle": [0, 0, 0], "x": [5.0, 6.0, 7.0], "y": [20.0, 21.0, 22.0]}
)
model = pycellin.load_trackpy_dataframe(table)
pycellin.export_GEFF(model, str(folder / "cells.geff"))
group = zarr.open_group(folder / "cells.geff", mode="r")
axes = [(axis["name"], axis["type"]) for axis in group.attrs["geff"]["axes"]]
properties = sorted(group["nodes/props"])
print("axes:", axes)
print("node properties:", properties)
if [kind for _, kind in axes] != ["time"] or not {"x", "y"} <= set(properties):
    sys.exit("this is not what was seen with pycellin 0.5.1")
END
