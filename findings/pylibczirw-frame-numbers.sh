#!/bin/sh
# pylibCZIrw 6.1.0: of a CZI whose frames are numbered 4 to 6 (a part of a longer recording), the box of
# all that is there says T from 0 to 3. It has the right number of frames and none of their numbers: the
# frames that it names are out of range, and the pixels are at T = 4, 5 and 6.
# For readers of CZI: take the frames' numbers from the planes that are there, and only their count from
# the box.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pylibCZIrw==6.1.0 numpy
"$folder/venv/bin/python" - "$folder/part.czi" <<'END'
import sys

import numpy as np
from pylibCZIrw import czi

path = sys.argv[1]
with czi.create_czi(path) as document:
    for t in (4, 5, 6):
        document.write(np.full((8, 8, 1), 100 + t, np.uint16), plane={"T": t, "C": 0, "Z": 0})


def brightest(document, t):
    try:
        return int(document.read(plane={"T": t, "C": 0, "Z": 0}).max())
    except RuntimeError as error:
        return str(error)


with czi.open_czi(path) as document:
    first, end = document.total_bounding_box["T"]
    named = [brightest(document, t) for t in range(first, end)]
    written = [brightest(document, t) for t in (4, 5, 6)]
print("frames in the box:", (first, end), "- brightest pixel of each:", named)
print("frames 4, 5, 6 - brightest pixel of each:          ", written)
if (first, end) != (0, 3) or not all(isinstance(found, str) for found in named) or written != [104, 105, 106]:
    sys.exit("this is not what was seen with pylibCZIrw 6.1.0")
END
