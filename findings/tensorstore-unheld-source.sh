#!/bin/sh
# tensorstore 0.1.86: a read from a `virtual_chunked` array holds the Python function behind it until
# the read is done; a write into another array, `ts.array(target).write(source)`, holds neither the
# source nor its function. If the last Python handle of the source goes while the write is under way,
# it ends with ValueError "Expired weak reference", and the target stays as it was. Arrays that are
# opened by a driver of tensorstore's own (here zarr in memory) are held by both.
# For readers of plates: writing into an array of one's own is the way to read without a copy. Code
# that lets go of an array while others still read from it (an LRU of open arrays, a reader of another
# thread that opens anew) works with stores and fails, now and then, with virtual arrays. Keep the
# source beside the future of its write.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorstore==0.1.86
cat > "$folder/seen.py" <<'END'
import gc
import sys

import numpy as np
import tensorstore as ts


def virtual():
    def read(_domain, target, _parameters):
        target[...] = 7

    return ts.virtual_chunked(read, dtype=ts.uint16, shape=(4, 4))


def stored():
    spec = {
        "driver": "zarr3",
        "kvstore": "memory://",
        "metadata": {"shape": [4, 4], "data_type": "uint16"},
        "create": True,
    }
    store = ts.open(spec).result()
    store[...] = 7
    return store


def write(make, held):
    target = np.zeros((4, 4), np.uint16)
    source = make()
    done = ts.array(target).write(source)
    if not held:
        del source
        gc.collect()
    try:
        done.result()
    except ValueError as error:
        return str(error).partition(" [")[0]
    return int(target[0, 0])


def read():
    done = virtual().read()
    gc.collect()
    return int(done.result()[0, 0])


expected = {
    "read, not held": (read(), 7),
    "write from a virtual array that is held": (write(virtual, held=True), 7),
    "write from a virtual array that is not": (write(virtual, held=False), "Expired weak reference"),
    "write from a stored array that is not": (write(stored, held=False), 7),
}
for what, (seen, _) in expected.items():
    print(f"{what}: {seen}")
sys.exit(any(seen != wanted for seen, wanted in expected.values()))
END
"$folder/venv/bin/python" "$folder/seen.py"
