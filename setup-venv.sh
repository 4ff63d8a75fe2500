#!/bin/sh
# Creates a virtual environment with the project (editable) and everything its checks need.
# Usage: setup-venv.sh FOLDER    PYTHON=... chooses the interpreter (3.11 or later).
set -eu
folder=$1

works() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    if works "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ] && [ -z "${PYTHON:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update && apt-get install -y --no-install-recommends python3 python3-venv
    if works python3; then python=python3; fi
fi
if [ -z "$python" ]; then
    echo "Python 3.11 or later was not found; install it, or name it: make PYTHON=/path/to/python3" >&2
    exit 1
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        apt-get update
        apt-get install -y --no-install-recommends "python$version-venv"
    else
        echo "Python's venv module is missing; on Debian and Ubuntu: sudo apt-get install python3-venv" >&2
        exit 1
    fi
fi

"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check "pip>=25.1"
# torch first and by its pin: a resolver left to itself fetches a build of several gigabytes.
"$folder/bin/python" -m pip install --quiet --constraint constraints.txt torch
"$folder/bin/python" -m pip install --quiet --constraint constraints.txt --editable . \
    --group test --group lint --group docs --group bench
