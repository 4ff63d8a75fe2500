#!/bin/sh
# tensorstore 0.1.86: a read over HTTP that is cancelled, and of which nothing is kept, goes on: the
# whole body is taken from the server all the same, although `cancel()` says True and the future is
# done at once. urllib3 2.8.0 lets go when it is closed.
# For readers of plates behind URLs: a viewer that leaves a frame, or a limit on what is read, saves
# nothing once a chunk or a file of metadata was asked for. Small files whose length is not to be
# trusted are better counted while they come, by a library for HTTP.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorstore==0.1.86 urllib3==2.8.0
"$folder/venv/bin/python" - <<'END'
import http.server
import sys
import threading

import tensorstore as ts
import urllib3

PIECE, N_PIECES = bytes(1 << 20), 64


class Answer:
    """What became of one body."""

    def __init__(self):
        self.begun, self.left, self.over = (threading.Event() for _ in range(3))
        self.sent = 0


answers = {"tensorstore": Answer(), "urllib3": Answer()}


class Slow(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        answer = answers[self.path.strip("/")]
        self.send_response(200)
        self.send_header("Content-Length", str(len(PIECE) * N_PIECES))
        self.end_headers()
        try:
            for number in range(N_PIECES):
                self.wfile.write(PIECE)
                answer.sent += 1
                if number == 1:
                    answer.begun.set()
                    answer.left.wait(30)
        except ConnectionError:
            pass
        answer.over.set()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}/"


def what_was_sent(name):
    answers[name].left.set()
    answers[name].over.wait(30)
    return answers[name].sent


store = ts.KvStore.open({"driver": "http", "base_url": base}).result()
future = store.read("tensorstore")
answers["tensorstore"].begun.wait(30)
cancelled, done = future.cancel(), future.done()
del future
by_tensorstore = what_was_sent("tensorstore")

response = urllib3.PoolManager().request("GET", base + "urllib3", preload_content=False)
answers["urllib3"].begun.wait(30)
response.close()
by_urllib3 = what_was_sent("urllib3")

print(f"tensorstore: cancel() {cancelled}, done() {done}, then {by_tensorstore} of {N_PIECES} MiB came")
print(f"urllib3: closed, then the server could send {by_urllib3} of {N_PIECES} MiB")
if not (cancelled and done and by_tensorstore == N_PIECES > by_urllib3):
    sys.exit("this is not what was seen with tensorstore 0.1.86")
END
