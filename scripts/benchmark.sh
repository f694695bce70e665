#!/usr/bin/env bash
# benchmark.sh [ARGUMENTS]: benchmarks/run.py, side by side with helm, kompose and kubectl.
#
# They are built once into a cache, where Go is there. The part `cluster` takes the cluster of the tests
# (scripts/cluster.sh) that runs, and leaves it; else it starts one, where it was built and root asks, and stops it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=${XDG_CACHE_HOME:-$HOME/.cache}/atomicapp-benchmark
# the kubectl of the cluster's own version goes before the machine's; the machine's helm before ours
kubectl=$tools/kubectl-$(sed -n 's/^.*k8s.io\/kubernetes v\([0-9.]*\)$/\1/p' tests/engines/k8s/kube/go.mod)
export PATH=$kubectl:$PATH:$tools GOFLAGS=-modcacherw

build() { # NAME COMMAND...
    local name=$1
    shift
    if ! command -v go >/dev/null; then
        echo "benchmark.sh: go is not there to build $name" >&2
        return
    fi
    echo "building $name, once (some minutes)" >&2
    "$@" || echo "benchmark.sh: $name could not be built" >&2
}

get_helm() { GOBIN=$tools go install helm.sh/helm/v4/cmd/helm@latest; }
get_kompose() { GOBIN=$tools go install github.com/kubernetes/kompose@latest; }
get_kubectl() { # of the cluster's module, whose go.sum does not have all that kubectl needs
    mkdir -p "$kubectl"
    cp tests/engines/k8s/kube/go.{mod,sum} "$kubectl/"
    (cd tests/engines/k8s/kube && GOTOOLCHAIN=local CGO_ENABLED=0 go build -modfile="$kubectl/go.mod" -mod=mod \
        -trimpath -ldflags='-s -w' -o "$kubectl/kubectl" k8s.io/kubernetes/cmd/kubectl)
}

mkdir -p "$tools"
command -v helm >/dev/null || build helm get_helm
command -v kompose >/dev/null || build kompose get_kompose
[ -x "$kubectl/kubectl" ] || build kubectl get_kubectl
exec .venv/bin/python benchmarks/run.py "$@"
