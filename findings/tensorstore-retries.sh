#!/bin/sh
# tensorstore 0.1.85 and 0.1.86 (kvstore driver "http"; "s3" and "gcs" share the option's code):
# the number in `http_request_retries: {max_retries: N}` changed its meaning from one release to the
# next. 0.1.85 asks a server that answers 503 N times in all, the first time included; 0.1.86 asks
# once and then N times again. With N = 1 the older one does not try again at all.
# For readers of remote stores: a setting tuned on one version waits once less, or once more, on the
# other; with N = 1 a single hiccup of the server ends the reading. Add one below 0.1.86.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/count.py" <<'END'
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import tensorstore as ts

asked = []


class Busy(BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        self.send_error(503)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
threading.Thread(target=server.serve_forever, daemon=True).start()
for n in (1, 2, 3):
    asked.clear()
    retries = {"max_retries": n, "initial_delay": "10ms", "max_delay": "20ms"}
    url = f"http://127.0.0.1:{server.server_port}/"
    spec = {"driver": "http", "base_url": url, "http_request_retries": retries}
    store = ts.KvStore.open(spec).result()
    try:
        store.read("zarr.json").result()
    except Exception as error:
        kind = type(error).__name__
    print(f"max_retries {n}: asked {len(asked)} times, then {kind}")
    if len(asked) != n + int(sys.argv[1]):
        sys.exit(f"this was expected: {n + int(sys.argv[1])}")
END
for release in 0.1.85:0 0.1.86:1; do
    version=${release%:*}
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "tensorstore==$version"
    echo "tensorstore $version"
    "$folder/$version/bin/python" "$folder/count.py" "${release#*:}"
done
