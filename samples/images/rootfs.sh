#!/bin/sh
# rootfs.sh OUT.tar PACKAGES: a small Debian root file system, to be ADDed to an image FROM scratch.
#
# Documentation, translations, Perl and the tools of MariaDB that no sample uses are left out: the images get
# half as large by that. Needs mmdebstrap, and root or unprivileged user namespaces.
set -e
P="--dpkgopt=path-exclude=/usr/share"
# shellcheck disable=SC2016  # $1 belongs to the hook's own shell
exec mmdebstrap --quiet --format=tar --variant=essential "$P/doc/*" "$P/man/*" "$P/locale/*" "$P/info/*" "$P/lintian/*" \
    --include="$2" \
    --customize-hook='cd "$1" && rm -rf usr/share/perl usr/lib/*/perl usr/lib/*/libperl.* usr/share/mysql/*/ usr/bin/mariadb-[a-hj-z]* usr/bin/innochecksum usr/bin/perror usr/bin/resolve_stack_dump usr/bin/replace' \
    bookworm "$1"
