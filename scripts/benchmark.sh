#!/usr/bin/env bash
# benchmark.sh [ARGUMENTS]: benchmarks/run.py, side by side with helm where Go is there to build it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=${XDG_CACHE_HOME:-$HOME/.cache}/atomicapp-benchmark
export PATH=$PATH:$tools
if ! command -v helm >/dev/null; then
    if command -v go >/dev/null; then
        echo "building helm, once (some minutes)"
        mkdir -p "$tools"
        GOBIN=$tools GOFLAGS=-modcacherw go install helm.sh/helm/v4/cmd/helm@latest
    else
        echo "benchmark.sh: neither helm nor go is there, so there is nothing to compare with (install one of them)" >&2
    fi
fi
exec .venv/bin/python benchmarks/run.py "$@"
