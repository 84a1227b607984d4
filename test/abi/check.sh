#!/bin/sh
# What a library exports: the functions that its headers mark, those in the
# linker's map, and the symbols of the shared library are the same; the static
# library has these alone as global symbols.
#
#   check.sh MAP LIBRARY.SO LIBRARY.A HEADER...
set -eu
export LC_ALL=C
: "${NM:=nm}"
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
map=$1
shared=$2
static=$3
shift 3

awk -f "$here/names.awk" "$@" | sort >"$work/headers"
sed -n 's/^ *\(anycable_[a-z0-9_]*\);$/\1/p' "$map" >"$work/map"
# Without the versions, and the symbols that name these.
$NM -D --defined-only "$shared" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
  sort >"$work/shared"
$NM --extern-only --defined-only "$static" | awk 'NF == 3 { print $3 }' |
  sort >"$work/static"

same() { # what, file, and the same again
  if ! diff -u "$work/$2" "$work/$4" >"$work/diff"; then
    echo "$1 (-) and $3 (+) differ:"
    grep '^[-+][^-+]' "$work/diff" || echo "  in their order"
    status=1
  fi
}

[ -s "$work/headers" ] || { echo "no functions in the headers"; exit 1; }
uniq -d "$work/headers" | sed 's/^/declared twice: /' >"$work/twice"
[ ! -s "$work/twice" ] || { cat "$work/twice"; status=1; }
same "headers" headers "$map" map
same "headers" headers "$shared" shared
same "headers" headers "$static" static
exit $status
