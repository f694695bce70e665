#!/usr/bin/env bash
# build.sh [NAME...]: the container images that the samples use, made from Debian's packages.
#
# No registry is needed: each image is a root file system by mmdebstrap plus the few files of the folder NAME.
# Without arguments those of the samples are built; `python` is a base for the Dockerfile of the tool itself.
# They are tagged atomicapp-samples/NAME on the engine that the docker command talks to. The root file systems,
# which take a minute or two, are kept under a hash of all that they are made from, in
# ${ATOMICAPP_CACHE:-${XDG_CACHE_HOME:-~/.cache}/atomicapp-samples}.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${ATOMICAPP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/atomicapp-samples}

packages() {
    case $1 in
    mariadb) echo mariadb-server-core,mariadb-client-core ;;
    wordpress) echo wordpress,wordpress-theme-twentytwentythree,apache2,libapache2-mod-php,php-mysql,curl ;;
    httpd) echo apache2 ;;
    redis) echo redis-server ;;
    guestbook) echo python3,python3-redis ;;
    voting) echo python3,python3-redis,python3-pymysql ;;
    python) echo python3-venv,ca-certificates,git ;;
    *) echo "build.sh: no image named '$1'; known: mariadb wordpress httpd redis guestbook voting python" >&2 && return 1 ;;
    esac
}

tar_of() { # the place in the cache of an image's root file system
    local key
    key=$({ packages "$1" && cat "$here/rootfs.sh"; } | sha256sum | cut -c1-16)
    echo "$cache/$1-$key.tar"
}

rootfs() { # make it when it is not there; one process at a time for each
    local tar
    tar=$(tar_of "$1")
    (
        flock 9
        [ ! -s "$tar" ] || exit 0
        echo "making the root file system of $1 from Debian's packages"
        trap 'rm -f "$tar.part"' EXIT
        sh "$here/rootfs.sh" "$tar.part" "$(packages "$1")" </dev/null
        mv "$tar.part" "$tar"
        find "$cache" -maxdepth 1 -name "$1-*.tar" ! -path "$tar" -delete  # older ones of the same image
    ) 9>"$cache/$1.lock"
}

key_of() { # of all that an image is made from
    { basename "$(tar_of "$1")" && cat "$here/$1"/*; } | sha256sum | cut -c1-16
}

is_there() { # whether the engine has an image of the same files
    [ "$(docker image inspect --format '{{index .Config.Labels "io.atomicapp.sample"}}' "$(tag_of "$1")" 2>/dev/null)" = "$(key_of "$1")" ]
}

tag_of() { echo "atomicapp-samples/$1"; }

image() ( # build and tag; a shell of its own, so that the folder goes on every way out
    context=$(mktemp -d "$cache/context.XXXXXX")
    trap 'rm -rf "$context" "$context.log"' EXIT
    cp "$here/$1"/* "$context/"
    ln "$(tar_of "$1")" "$context/rootfs.tar" 2>/dev/null || cp "$(tar_of "$1")" "$context/rootfs.tar"
    # Debian's Docker has no BuildKit; a newer command warns of the old builder at length
    DOCKER_BUILDKIT=0 docker build --quiet --label "io.atomicapp.sample=$(key_of "$1")" --tag "$(tag_of "$1")" "$context" \
        >"$context.log" 2>&1 || { cat "$context.log" >&2 && exit 1; }
    echo "built $(tag_of "$1")"
)

[ $# -gt 0 ] || set -- mariadb wordpress httpd redis guestbook voting
for name in "$@"; do packages "$name" >/dev/null; done
for program in mmdebstrap docker flock; do
    command -v "$program" >/dev/null || { echo "build.sh: $program is missing (Debian, Ubuntu: apt-get install mmdebstrap docker.io util-linux)" >&2 && exit 1; }
done
mkdir -p "$cache"

wanted=()
for name in "$@"; do
    if is_there "$name"; then echo "$(tag_of "$name") is there already"; else wanted+=("$name"); fi
done

jobs=()
for name in "${wanted[@]}"; do
    rootfs "$name" &
    jobs+=($!)
done
failed=0
for job in "${jobs[@]}"; do wait "$job" || failed=1; done
[ $failed = 0 ] || { echo "build.sh: mmdebstrap failed, see above" >&2 && exit 1; }
for name in "${wanted[@]}"; do image "$name"; done
