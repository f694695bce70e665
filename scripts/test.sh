#!/usr/bin/env bash
# test.sh [PYTEST ARGUMENTS]: all tests, with real engines, and branch coverage of at least 90 %.
#
# With arguments, only what they select runs and coverage is not judged. What can't be had is skipped with a
# reason, or is a failure when CI=true. Everything that is started is stopped again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PATH:/usr/sbin:/sbin
bin=.venv/bin

if ! scripts/packages.sh test; then
    [ "${CI:-}" != true ] || exit 1
    echo "test.sh: going on without; the tests that need it are skipped" >&2
fi
ATOMICAPP_ENGINE_DIR=$(mktemp -d)
export ATOMICAPP_ENGINE_DIR
build=
images=
trap 'for job in $build $images; do kill -- "-$job" 2>/dev/null; done; scripts/engine.sh down; rm -rf "$ATOMICAPP_ENGINE_DIR"' EXIT
trap 'exit 130' INT TERM
if ! scripts/engine.sh up; then
    [ "${CI:-}" != true ] || exit 1
fi

# on a new machine the programs of the Kubernetes cluster and the samples' images take minutes: made beside the unit tests
case $* in
'' | *engines* | *contract* | *compat*)
    setsid scripts/cluster.sh build &
    build=$!
    # a failure is told by the tests that need them
    setsid sh -c 'tests/engines/node/build.sh; samples/images/build.sh mariadb wordpress httpd redis guestbook voting python
        exec tests/engines/node/build.sh podman' \
        >/dev/null 2>&1 &
    images=$!
    ;;
esac
await_build() {
    [ -n "$build" ] || return 0
    wait "$images" || true
    images=
    wait "$build" || echo "test.sh: the cluster's programs can't be built; the tests that need it are skipped, or fail if CI=true" >&2
    build=
}

if [ $# -gt 0 ]; then
    await_build
    $bin/pytest "$@"
    exit
fi

rm -f .coverage .coverage.*
failed=0
# a process for each core for what computes; more for what uses engines, since it mostly waits for them
echo "== unit tests =="
$bin/pytest -q -n 2 --dist loadfile --cov --cov-report= tests/unit || failed=1
rest=()
for folder in contract compat engines; do
    [ ! -d "tests/$folder" ] || rest+=("tests/$folder")
done
await_build
echo "== contract, compatibility, engines =="
$bin/pytest -q -n "$((2 * $(nproc) > 8 ? 8 : 2 * $(nproc)))" --dist loadfile --no-loadscope-reorder --durations=10 --cov --cov-append --cov-report= "${rest[@]}" || failed=1
echo "== coverage =="
$bin/coverage report --fail-under=90 || failed=1
exit $failed
