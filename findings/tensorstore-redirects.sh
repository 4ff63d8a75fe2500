#!/bin/sh
# tensorstore 0.1.86, zarr 3.1.6 with fsspec 2026.9.0 and aiohttp 3.12: a plate that a web server moved
# (status 301, 302 or 308, with the new address) opens with zarr-python, which follows, and not with
# tensorstore, which does not, and does not say where it moved to. 308 is even tried again, as a
# server that fails is.
# For readers of plates behind URLs: an address that works in one viewer may fail in the next. Ask
# once by hand where the server sends on to, and name that address.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tensorstore==0.1.86 zarr==3.1.6 fsspec==2026.9.0 'aiohttp==3.12.*'
"$folder/venv/bin/python" - "$folder" <<'END'
import functools
import http.server
import sys
import threading
from pathlib import Path

import numpy as np
import tensorstore as ts
import zarr

root = Path(sys.argv[1])
zarr.create_array(root / "here.zarr", shape=(4, 4), chunks=(4, 4), dtype="u2")[:] = np.eye(4)


class Moved(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        _, status, rest = (*self.path.split("/", 2), "", "")[:3]
        if not status.isdigit():
            return super().do_GET()
        self.send_response(int(status))
        self.send_header("Location", f"/{rest}")
        self.send_header("Content-Length", "0")
        self.end_headers()


handler = functools.partial(Moved, directory=root)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"


def with_tensorstore(url):
    retries = {"max_retries": 1}
    kvstore = {"driver": "http", "base_url": f"{url}/", "http_request_retries": retries}
    try:
        opened = ts.open({"driver": "zarr3", "kvstore": kvstore}).result()
    except ValueError as error:
        return str(error).partition(":")[0], str(error)
    return int(opened.read().result().sum()), ""


seen = []
print("here", "tensorstore:", with_tensorstore(f"{base}/here.zarr")[0])
for status in (301, 302, 308):
    url = f"{base}/{status}/here.zarr"
    told, text = with_tensorstore(url)
    followed = int(zarr.open_array(url, mode="r")[:].sum())
    print(status, "zarr-python:", followed, "tensorstore:", told)
    seen.append((followed, told, f"{base}/here.zarr" in text))
if with_tensorstore(f"{base}/here.zarr")[0] != 4 or seen != [
    (4, "UNKNOWN", False),
    (4, "FAILED_PRECONDITION", False),
    (4, "ABORTED", False),
]:
    sys.exit("this is not what was seen with tensorstore 0.1.86")
END
