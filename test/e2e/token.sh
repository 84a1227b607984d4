#!/bin/sh
# Holds what the library signs against the code of the real AnyCable server,
# which the go command fetches into BUILD. Where there is none, it is skipped,
# but never in CI.
#
#   token.sh BUILD
set -u

build=$(cd "$1" && pwd)
here=$(dirname "$0")/server

if ! command -v go >/dev/null; then
  echo "SKIPPED tests of tokens: there is no Go toolchain on the PATH"
  [ "${CI-}" != true ]
  exit
fi
GOMODCACHE=${GOMODCACHE:-$build/go}
GOFLAGS="${GOFLAGS-} -modcacherw"
export GOMODCACHE GOFLAGS
cd "$here" || exit 1
if ! go test -c -buildvcs=false -trimpath -o "$build/e2e/token" ./token \
    >"$build/token.log" 2>&1; then
  tail -3 "$build/token.log" >&2
  echo "SKIPPED tests of tokens: the server's code could not be built, see" \
    "$build/token.log"
  [ "${CI-}" != true ]
  exit
fi
ANYCABLE_TOOL=$build/bin/anycable exec timeout 120 "$build/e2e/token"
