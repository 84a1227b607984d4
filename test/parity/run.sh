#!/bin/sh
# Compares the node with the real AnyCable server; skipped where there is none,
# but never in CI.
#
#   run.sh BUILD
set -eu
exec 3>&1

here=$(dirname "$0")
build=$(cd "$1" && pwd)

skip() {
  echo "SKIPPED parity: $1"
  [ "${CI-}" != true ]
  exit
}

# The application publishes by HTTP.
[ -e "$build/libanycable-curl.so" ] || skip "there is no libanycable-curl"
PARITY_SERVER=$(sh "$here/../e2e/server.sh" "${SERVER_BUILD:-$build}" \
  2>"$build/parity/reason") || skip "$(tail -1 "$build/parity/reason")"
export PARITY_SERVER PYTHONDONTWRITEBYTECODE=1
exec timeout 240 /usr/bin/python3 "$here/run.py" "$build"
