#!/bin/sh
# laptrack 0.17.1 (`LapTrack.predict_dataframe`): the rows come back sorted by frame under an index of
# their own. Who puts the new track_id beside the table that was given, row by row, gives cells the
# tracks of others.
# For readers of such tables: join on a column of one's own that names the cell, and check places.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check laptrack==0.17.1
"$folder/venv/bin/python" - <<'END'
import sys

import pandas as pd
from laptrack import LapTrack

# Two cells that stand still, written cell by cell as many programs do.
given = pd.DataFrame(
    [(cell, t, 10.0 * cell, 5.0) for cell in (1, 2) for t in range(3)],
    columns=["cell", "frame", "y", "x"],
)
tracks, splits, merges = LapTrack(cutoff=9).predict_dataframe(
    given, coordinate_cols=["y", "x"], frame_col="frame", only_coordinate_cols=False
)
beside = given.assign(track_id=tracks["track_id"].to_numpy())
joined = given.merge(tracks[["cell", "frame", "track_id"]], on=["cell", "frame"])


def tracks_of(table):
    return {cell: sorted(set(rows.tolist())) for cell, rows in table.groupby("cell")["track_id"]}


print("put beside, row by row:", tracks_of(beside))
print("joined on the cell:    ", tracks_of(joined))
mixed = beside.groupby("cell")["track_id"].nunique().max() > 1
if not mixed or joined.groupby("cell")["track_id"].nunique().max() != 1:
    sys.exit("this is not what was seen with laptrack 0.17.1")
END
