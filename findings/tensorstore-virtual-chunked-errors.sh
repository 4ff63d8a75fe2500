#!/bin/sh
# tensorstore 0.1.86: an error that is raised by the function behind a `virtual_chunked` array reaches
# who reads that array as a copy, made anew from a pickle. If its class cannot be made anew of the
# error's `args` (keyword-only arguments, or a message that the constructor composes of several), no
# error says so: what arrives is a plain ValueError "INTERNAL: Python error" with the pickle's bytes
# for its text. The same error set on a `Promise` directly arrives as itself.
# For readers of plates that serve chunks by such an array: `except MyError` never catches it, and the
# name of the chunk is lost with it. Errors that have to cross it pass all their arguments on to
# `super().__init__`, and word themselves in `__str__`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorstore==0.1.86
cat > "$folder/seen.py" <<'END'
import sys

import tensorstore as ts


class Plain(ValueError):
    def __init__(self, chunk):
        super().__init__(chunk)
        self.chunk = chunk


class WithKeyword(ValueError):
    def __init__(self, words, *, chunk):
        super().__init__(words)
        self.chunk = chunk


def through_an_array(error):
    def read(_domain, _target, _parameters):
        raise error

    try:
        ts.virtual_chunked(read, dtype=ts.uint8, shape=(3,)).read().result()
    except Exception as arrived:
        return arrived


def through_a_promise(error):
    promise, future = ts.Promise.new()
    promise.set_exception(error)
    try:
        future.result()
    except Exception as arrived:
        return arrived


plain, keyword = Plain("c/0/1"), WithKeyword("damaged", chunk="c/0/1")
seen = {
    "plain, by a promise": through_a_promise(plain) is plain,
    "keyword, by a promise": through_a_promise(keyword) is keyword,
    "plain, by an array: the same class and chunk": (
        type(through_an_array(plain)) is Plain and through_an_array(plain).chunk == "c/0/1"
    ),
    "plain, by an array: a copy": through_an_array(plain) is not plain,
    "keyword, by an array: a ValueError and no more": (
        type(through_an_array(keyword)) is ValueError
        and str(through_an_array(keyword)).startswith("INTERNAL: Python error")
    ),
}
for what, is_so in seen.items():
    print(f"{what}: {is_so}")
sys.exit(not all(seen.values()))
END
"$folder/venv/bin/python" "$folder/seen.py"
