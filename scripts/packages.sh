#!/usr/bin/env bash
# packages.sh venv|demo|test: see to the Debian packages that a target needs; on other systems say what to install.
#
# Looks first, and installs (with apt-get, as root or by sudo) only what is missing. Ends with 1 when something is
# missing and can't be installed.
set -euo pipefail

venv=(python3-venv)
demo=("${venv[@]}" docker.io containerd runc iptables iproute2 mmdebstrap debian-archive-keyring docker-registry curl util-linux)
test=("${demo[@]}" skopeo apache2-utils openssl podman busybox-static git zstd
    etcd-server containernetworking-plugins conntrack ethtool socat)

case ${1:-} in
venv) wanted=("${venv[@]}") ;;
demo) wanted=("${demo[@]}") ;;
test) wanted=("${test[@]}") ;;
*)
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
say() { echo "packages.sh: $*" >&2; }

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    [ "$1" != venv ] || exit 0 # the search for Python says what is missing
    say "this is no Debian or Ubuntu; see to these yourself:"
    say "  Python 3.11+ with venv, Docker Engine, mmdebstrap, docker-registry (distribution), curl"
    [ "$1" = demo ] || say "  and for all tests: skopeo, htpasswd, openssl, podman, runc, busybox (static), git, zstd;"
    [ "$1" = demo ] || say "  for the cluster: etcd, CNI's plugins in /usr/lib/cni, conntrack, ethtool, socat, Go 1.24+"
    exit 1
fi

missing=()
for package in "${wanted[@]}"; do
    # a Docker Engine or a Python from elsewhere will do
    case $package in
    docker.io | containerd | runc) ! command -v "${package/docker.io/dockerd}" >/dev/null || continue ;;
    python3-venv) ! python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue ;;
    esac
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
# newer releases have the docker command in a package of its own
if [ "$1" != venv ] && ! command -v docker >/dev/null && apt-cache show docker-cli >/dev/null 2>&1; then
    missing+=(docker-cli)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

install=(apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" = 0 ]; then
    sudo=()
elif sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null; }; then
    sudo=(sudo)
else
    say "missing: ${missing[*]}"
    say "install them as root: ${install[*]}"
    exit 1
fi
say "installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# the package lists of a new machine may be absent or old: a second try with fresh ones
if ! "${sudo[@]}" "${install[@]}" >"$log" 2>&1 </dev/null; then
    if ! { "${sudo[@]}" apt-get update && "${sudo[@]}" "${install[@]}"; } >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        say "apt-get could not install: ${missing[*]}"
        exit 1
    fi
fi
