#!/bin/sh
# Creates a virtual environment with the project (editable) and everything its checks need.
# Usage: setup-venv.sh FOLDER    PYTHON=... chooses the interpreter (3.11 or later).
# RESOLUTION=pinned (the default: constraints.txt), newest, or lowest (what pyproject.toml allows; torch by its
# pin, as its old builds for Linux are of several gigabytes: TORCH=2.6 takes another).
set -eu
folder=$1
resolution=${RESOLUTION:-pinned}
case $resolution in
    pinned | newest | lowest) ;;
    *) echo "RESOLUTION is '$resolution'; it must be pinned, newest or lowest" >&2; exit 1 ;;
esac

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
screen=$(cat apt-packages.txt)
if [ "$(uname -s)" = Linux ] && ! command -v Xvfb >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update
        # shellcheck disable=SC2086 # one package a word
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $screen
    else
        echo "Xvfb was not found; tests of the viewer need it. On Debian and Ubuntu:" \
            "xargs -a apt-packages.txt sudo apt-get install" >&2
    fi
fi

"$python" -m venv "$folder"
install() {
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}
install "pip>=25.1"
constraints=$folder/constraints.txt
if [ "$resolution" = lowest ]; then
    "$folder/bin/python" - >"$constraints" <<'END'
import os, re, tomllib
with open("pyproject.toml", "rb") as file:
    content = tomllib.load(file)
project, groups = content["project"], content["dependency-groups"]
needed = project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]
bounds = {}
for requirement in [*needed, *groups["test"], *groups["bench"], *groups["gui"]]:
    if requirement.startswith(project["name"] + "["):
        continue
    name, version = re.match(r"([\w.-]+)(?:\[.*\])?>=([\w.]+)", requirement).groups()
    # What newer Pythons need is named after what the oldest one does.
    bounds.setdefault(name, version)
with open("constraints.txt", encoding="utf-8") as file:
    pin = re.search(r"^torch==(\S+)$", file.read(), re.MULTILINE)[1]
bounds["torch"] = os.environ.get("TORCH") or pin
for name, version in bounds.items():
    print(f"{name}=={version}")
END
elif [ "$resolution" = newest ]; then
    : >"$constraints"
else
    cp constraints.txt "$constraints"
fi
# torch first and by its pin: a resolver left to itself fetches a build of several gigabytes.
install --constraint "$constraints" torch
set -- --group test --group gui --group bench
# What the other checks need is not of the versions that are tried.
if [ "$resolution" = pinned ]; then set -- "$@" --group lint --group docs; fi
install --constraint "$constraints" --editable ".[formats,import,napari,training,distributed]" "$@"
# A folder of its own, which only the tests under PyQt6 have on their path.
if [ "$resolution" = pinned ]; then
    install --constraint "$constraints" --upgrade --target "$folder/pyqt6" --group pyqt6
fi
