#!/usr/bin/env bash
# engine.sh up|down: see to a Docker Engine.
#
# `up` takes the engine that answers; else it starts the distribution's, by systemd where that runs the machine,
# else as a plain process whose pid is kept in ${ATOMICAPP_ENGINE_DIR} (default: below /run, or the user's runtime
# folder). `down` stops what `up` started and nothing else.
set -euo pipefail
# a daemon outlives the session whose runtime folder this is; runc would look for it at each exec
unset XDG_RUNTIME_DIR
PATH=$PATH:/usr/sbin:/sbin
me=$(id -u)
if [ "$me" = 0 ]; then sudo=() runtime=/run; else sudo=(sudo -n) runtime=${XDG_RUNTIME_DIR:-$HOME/.cache}; fi
dir=${ATOMICAPP_ENGINE_DIR:-$runtime/atomicapp-engine}

answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
say() { echo "engine.sh: $*" >&2; }

up() {
    command -v docker >/dev/null || { say "the docker command is missing (Debian, Ubuntu: apt-get install docker.io)"; return 1; }
    if answers; then return 0; fi
    if [ -n "${DOCKER_HOST:-}" ]; then say "the engine at DOCKER_HOST=$DOCKER_HOST does not answer"; return 1; fi
    if [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
        say "a Docker Engine may run, but $(id -un) may not talk to it: usermod -aG docker $(id -un) and log in again, or be root"
        return 1
    fi
    command -v dockerd >/dev/null || { say "no Docker Engine answers and dockerd is missing (Debian, Ubuntu: apt-get install docker.io)"; return 1; }
    if [ "$me" != 0 ] && ! sudo -n true 2>/dev/null; then
        say "no Docker Engine answers, and only root may start one"
        return 1
    fi
    mkdir -p -m 700 "$dir"
    if [ -d /run/systemd/system ]; then
        "${sudo[@]}" systemctl start docker
        echo systemd >"$dir/started"
        if [ ! -w /var/run/docker.sock ]; then
            say "the Docker Engine runs now, but $(id -un) may not talk to it: usermod -aG docker $(id -un) and log in again, or be root"
            return 1
        fi
    else
        local options=(-H unix:///var/run/docker.sock)
        # nested overlay mounts work where dockerd's own guess may be the slow vfs
        [ -e /etc/docker/daemon.json ] || options+=(--storage-driver=overlay2)
        [ "$me" = 0 ] || options+=(--group "$(id -gn)")
        # shellcheck disable=SC2016  # the inner shell expands these
        "${sudo[@]}" setsid bash -c 'echo $$ >"$1"; shift; exec dockerd "$@"' _ "$dir/started" "${options[@]}" \
            </dev/null >"$dir/dockerd.log" 2>&1 &
    fi
    for _ in $(seq 120); do
        if answers; then return 0; fi
        sleep 0.5
    done
    say "dockerd was started but does not answer; the end of its log:"
    tail -n 15 "$dir/dockerd.log" >&2 2>/dev/null || true
    down
    return 1
}

down() {
    [ -s "$dir/started" ] || return 0
    local what
    what=$(cat "$dir/started")
    rm -f "$dir/started"
    if [ "$what" = systemd ]; then
        "${sudo[@]}" systemctl stop docker.socket docker
        return
    fi
    [ "$(cat "/proc/$what/comm" 2>/dev/null)" = dockerd ] || return 0 # gone already, and the pid is another's now
    "${sudo[@]}" kill "$what"
    for _ in $(seq 120); do
        [ -d "/proc/$what" ] || return 0
        sleep 0.25
    done
    "${sudo[@]}" kill -9 "$what"
}

case ${1:-} in
up) up ;;
down) down ;;
*)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
