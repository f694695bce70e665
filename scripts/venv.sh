#!/usr/bin/env bash
# venv.sh FOLDER: a virtual environment with this project (editable) and its development tools.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$1

good() { "$1" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if ! good "$folder/bin/python"; then
    "$here/scripts/packages.sh" venv || true
    for python in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if good "$python"; then break; fi
        python=
    done
    if [ -z "$python" ]; then
        echo "venv.sh: no Python 3.11 or newer with venv is there (Debian 12: apt-get install python3-venv;" >&2
        echo "         Ubuntu 22.04: apt-get install python3.11-venv; others: python.org), or set PYTHON=PATH" >&2
        exit 1
    fi
    echo "making $folder with $("$python" --version)"
    "$python" -m venv --clear "$folder"
fi
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$here[dev]"
