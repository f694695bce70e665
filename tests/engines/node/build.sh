#!/usr/bin/env bash
# build.sh [podman]: the image atomicapp-test/node, a Debian that boots systemd in a container, for the tests; with Podman
# it is atomicapp-test/node-podman.
#
# Its units run containers on the engine whose socket is mounted at /host-docker.sock: of Docker it holds the command
# alone. The root file system, which takes half a minute, is kept under a hash of all that it is made from, in
# ${ATOMICAPP_CACHE:-${XDG_CACHE_HOME:-~/.cache}/atomicapp-samples}; an image of the same files is left as it is.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${ATOMICAPP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/atomicapp-samples}
variant=${1:+-$1}
tag=atomicapp-test/node$variant:1
packages=systemd,systemd-sysv,dbus${1:+,$1,crun,netavark,aardvark-dns,iptables}
# shellcheck disable=SC2016  # $1 and the options of apt belong to the hook's own shell
client='cd "$1" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get download -qq -o APT::Sandbox::User=root docker.io &&
    dpkg-deb --fsys-tarfile docker.io_*.deb | tar -x ./usr/bin/docker && rm docker.io_*.deb'

for program in mmdebstrap docker flock; do
    command -v "$program" >/dev/null || { echo "build.sh: $program is missing (Debian, Ubuntu: apt-get install mmdebstrap docker.io util-linux)" >&2 && exit 1; }
done
mkdir -p "$cache"
key=$(echo "$packages $client" | sha256sum | cut -c1-16)
tar=$cache/node$variant-$key.tar
(
    flock 9
    [ ! -s "$tar" ] || exit 0
    echo "making the root file system of the node from Debian's packages"
    trap 'rm -f "$tar.part"' EXIT
    skip=--dpkgopt=path-exclude=/usr/share
    mmdebstrap --quiet --format=tar --variant=essential "$skip/doc/*" "$skip/man/*" "$skip/locale/*" "$skip/info/*" \
        --include="$packages" --customize-hook="$client" bookworm "$tar.part" </dev/null
    mv "$tar.part" "$tar"
    find "$cache" -maxdepth 1 -regex ".*/node$variant-[0-9a-f]*\.tar" ! -path "$tar" -delete
) 9>"$cache/node$variant.lock"

made_from=$({ echo "$key" && cat "$here"/*; } | sha256sum | cut -c1-16)
[ "$(docker image inspect --format '{{index .Config.Labels "io.atomicapp.sample"}}' "$tag" 2>/dev/null)" != "$made_from" ] || exit 0
context=$(mktemp -d "$cache/context.XXXXXX")
trap 'rm -rf "$context"' EXIT
cp "$here"/* "$context/"
ln "$tar" "$context/rootfs.tar" 2>/dev/null || cp "$tar" "$context/rootfs.tar"
# Debian's Docker has no BuildKit; a newer command warns of the old builder at length
DOCKER_BUILDKIT=0 docker build --quiet --label "io.atomicapp.sample=$made_from" --tag "$tag" "$context"
