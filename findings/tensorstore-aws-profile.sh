#!/bin/sh
# tensorstore 0.1.81 to 0.1.86, driver "s3", no "aws_credentials" in the specification, or those of
# the type "default" without a name: a profile of the shared credentials file is not found, neither
# the one that AWS_PROFILE names nor `default`. The request goes out unsigned, with no error but a
# line of the log ("could not load a profile at ."). With {"type": "default", "profile": NAME} it is
# signed.
# For readers of buckets: who logs in with `aws configure` is refused as if the keys were wrong, or
# reads public buckets unsigned. Pass os.environ.get("AWS_PROFILE") or "default" as the profile.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorstore==0.1.86
printf '[default]\naws_access_key_id=KEY\naws_secret_access_key=secret\n' >"$folder/credentials"
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE
export AWS_SHARED_CREDENTIALS_FILE="$folder/credentials" AWS_CONFIG_FILE="$folder/config"
export AWS_EC2_METADATA_DISABLED=true
"$folder/venv/bin/python" - <<'END'
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import tensorstore as ts

signed = []


class Bucket(BaseHTTPRequestHandler):
    def do_GET(self):
        signed.append("Authorization" in self.headers)
        self.send_error(404)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = f"http://127.0.0.1:{server.server_port}"
for credentials in ({"type": "default"}, {"type": "default", "profile": "default"}):
    spec = {"driver": "s3", "bucket": "lab", "endpoint": endpoint, "aws_region": "us-east-1"}
    store = ts.KvStore.open({**spec, "aws_credentials": credentials}).result()
    store.read("zarr.json").result()
    print(credentials, "signed" if signed[-1] else "not signed")
if signed != [False, True]:
    sys.exit("this was expected: not signed, and signed")
END
