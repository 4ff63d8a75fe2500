#!/bin/sh
# tensorstore 0.1.86: a zarr v3 array of raw bits (data type r16) is opened from disk, but a Spec with
# the same metadata ends the whole process (SIGABRT, "Check failed"), where a ValueError could be
# caught. Metadata that come from other people's stores can so take a program down.
# For readers of such metadata: look at the data type before tensorstore judges them.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorstore==0.1.86
cat > "$folder/try.py" <<'END'
import json
import pathlib
import sys

import tensorstore as ts

metadata = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [4, 8],
    "data_type": "r16",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 8]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": "AAA=",
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
}
folder = pathlib.Path(sys.argv[1])
folder.mkdir()
(folder / "zarr.json").write_text(json.dumps(metadata))
kvstore = {"driver": "file", "path": f"{folder}/"}
array = ts.open({"driver": "zarr3", "kvstore": kvstore, "open": True}).result()
print(f"opened from disk: {array.shape} of {array.dtype.name}", flush=True)
ts.Spec({"driver": "zarr3", "kvstore": kvstore, "metadata": metadata})
print("and as a Spec")
END
status=0
"$folder/venv/bin/python" "$folder/try.py" "$folder/array" 2> "$folder/errors" || status=$?
echo "a Spec of the same metadata: exit status $status, $(grep -o 'Check failed.*' "$folder/errors" || true)"
test "$status" -eq 134 || { echo "this is not what was seen with tensorstore 0.1.86"; exit 1; }
