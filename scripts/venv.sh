#!/bin/sh
# Creates the project's virtual environment and installs the locked requirements and the project itself into it.
# Usage: scripts/venv.sh DIRECTORY      (PYTHON=... chooses the interpreter)
set -eu
venv=$1

say() { printf '%s\n' "voyager-ops: $*" >&2; }

suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if suits "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    say "no Python 3.11, 3.12 or 3.13 found (tried: ${PYTHON:-python3 python3.13 python3.12 python3.11})." \
        "Install one, or name it: make venv PYTHON=/path/to/python3.12"
    exit 1
}

# Debian ships the venv module without ensurepip; a package of its own brings it.
need_ensurepip() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "$1 cannot create virtual environments yet: installing Debian's package $package"
        apt-get update -q >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package" >&2
    fi
    if ! "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        say "$1 cannot create virtual environments: its package $package is missing. Ask an administrator to run" \
            "'apt-get install $package', then run make again."
        exit 1
    fi
}

if ! { suits "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }; then
    python=$(find_python)
    need_ensurepip "$python"
    "$python" -m venv --clear "$venv"
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1
# The locked set is complete, so nothing outside it may be resolved (--no-deps); `pip check` proves it fits together.
"$venv/bin/python" -m pip install -q --no-deps --requirement requirements.txt
"$venv/bin/python" -m pip install -q --no-deps --no-build-isolation --editable .
"$venv/bin/python" -m pip check -q
