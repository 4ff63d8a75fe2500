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

# The viewer's tests open real windows, on a virtual screen where there is none.
screen="xvfb xauth libgl1 libegl1 libgl1-mesa-dri libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4
    libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0
    libxcb-xkb1 libxcb-xfixes0 libdbus-1-3 libfontconfig1 fonts-dejavu-core"
if [ "$(uname -s)" = Linux ] && ! command -v Xvfb >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update
        # shellcheck disable=SC2086 # one package a word
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $screen
    else
        echo "Xvfb was not found; tests of the viewer need it. On Debian and Ubuntu:" \
            "sudo apt-get install" $screen >&2
    fi
fi

"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check "pip>=25.1"
# torch first and by its pin: a resolver left to itself fetches a build of several gigabytes.
"$folder/bin/python" -m pip install --quiet --constraint constraints.txt torch
"$folder/bin/python" -m pip install --quiet --constraint constraints.txt --editable . \
    --group test --group gui --group lint --group docs --group bench
# A folder of its own, which only the tests under PyQt6 have on their path.
"$folder/bin/python" -m pip install --quiet --constraint constraints.txt --upgrade \
    --target "$folder/pyqt6" --group pyqt6
