#!/usr/bin/env bash
# check-tree.sh: no committed file may hold a path of somebody's machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pattern='(^|[^A-Za-z0-9_.~}])/(work|root|farm|home/[a-z]+|Users/[A-Za-z]+)/'
if git grep -nIE "$pattern" -- . ; then
    echo "check-tree.sh: the lines above hold paths of a machine" >&2
    exit 1
fi
