#!/usr/bin/env bash
# demo.sh up|down: WordPress from a registry on this machine, as the README tells; may be repeated.
#
# PORT=8090 serves the page elsewhere than on 8080. `down` removes the app with its data, and stops the registry
# and the Docker Engine when they were started here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PATH:/usr/sbin:/sbin
state=${XDG_STATE_HOME:-$HOME/.local/state}/atomicapp-demo
export ATOMICAPP_ENGINE_DIR=$state/engine
registry=localhost:5000
name=wordpress

say() { printf '\n== %s\n' "$*"; }
atomicapp() {
    printf '$ atomicapp %s\n' "$*"
    .venv/bin/atomicapp "$@"
}
registry_answers() { curl -fsS -o /dev/null --max-time 5 "http://$registry/v2/" 2>/dev/null; }
page() { curl -sL --max-time 10 "$1" 2>/dev/null; }

start_registry() {
    if registry_answers; then return; fi
    command -v docker-registry >/dev/null || { echo "demo.sh: docker-registry is missing (Debian, Ubuntu: apt-get install docker-registry)" >&2 && return 1; }
    mkdir -p "$state/registry"
    cat >"$state/registry.yml" <<CONFIG
version: 0.1
storage: {filesystem: {rootdirectory: "$state/registry"}, delete: {enabled: true}}
http: {addr: "127.0.0.1:5000", secret: demo}
CONFIG
    setsid docker-registry serve "$state/registry.yml" </dev/null >"$state/registry.log" 2>&1 &
    echo $! >"$state/registry.pid"
    for _ in $(seq 50); do
        if registry_answers; then return; fi
        sleep 0.2
    done
    tail -n 5 "$state/registry.log" >&2
    echo "demo.sh: the registry does not answer at $registry; does another program hold port 5000?" >&2
    return 1
}

stop_registry() {
    [ -s "$state/registry.pid" ] || return 0
    local pid
    pid=$(cat "$state/registry.pid")
    rm -f "$state/registry.pid"
    case $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") in
    *docker-registry*) kill "$pid" ;;
    esac
}

up() {
    local answers=samples/wordpress/answers.conf port=${PORT:-8080} address
    mkdir -p -m 700 "$state"
    if [ "$port" != 8080 ]; then
        sed "s/^hostport *=.*/hostport = $port/" "$answers" >"$state/answers.conf"
        answers=$state/answers.conf
    fi
    address=http://127.0.0.1:$port/

    say "A Docker Engine"
    if ! scripts/packages.sh demo; then
        command -v docker >/dev/null && command -v mmdebstrap >/dev/null && command -v curl >/dev/null || exit 1
    fi
    scripts/engine.sh up
    docker version --format 'Docker Engine {{.Server.Version}} answers'
    say "The container images, from Debian's packages (one to two minutes the first time)"
    samples/images/build.sh mariadb wordpress
    say "A registry at $registry"
    start_registry
    echo "it answers"
    say "The packages: MariaDB as an app of its own, and WordPress that refers to it"
    atomicapp build samples/mariadb -t $registry/mariadb-app
    atomicapp push $registry/mariadb-app
    atomicapp build samples/wordpress -t $registry/wordpress-app
    atomicapp push $registry/wordpress-app
    say "The app, run from the registry"
    atomicapp run $registry/wordpress-app -a "$answers" --provider docker
    atomicapp status $name

    say "Its page"
    local text=
    for _ in $(seq 30); do
        text=$(page "$address") || true
        case $text in *WordPress*) break ;; esac
        sleep 1
    done
    case $text in
    *WordPress*) grep -o '<title>.*</title>' <<<"$text" || true ;;
    *)
        echo "demo.sh: $address does not show WordPress; see: .venv/bin/atomicapp logs $name" >&2
        exit 1
        ;;
    esac
    cat <<TEXT

WordPress runs: $address

  look      .venv/bin/atomicapp status $name        .venv/bin/atomicapp logs $name
  change    edit $answers, then
            .venv/bin/atomicapp run $registry/wordpress-app -a $answers --provider docker
  stop      .venv/bin/atomicapp stop $name          (start it again: .venv/bin/atomicapp start $name)
  remove    .venv/bin/atomicapp uninstall $name     (keeps the database; --purge-data removes it too)
  all gone  make demo-down
TEXT
}

down() {
    [ -d "$state" ] || { echo "demo.sh: no demo was started" && return; }
    if [ -x .venv/bin/atomicapp ] && docker version >/dev/null 2>&1; then
        if .venv/bin/atomicapp status $name --provider docker >/dev/null 2>&1; then
            atomicapp uninstall $name --provider docker --purge-data || true
        fi
    fi
    stop_registry
    scripts/engine.sh down
    rm -rf "$state"
}

case ${1:-} in
up) up ;;
down) down ;;
*)
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
