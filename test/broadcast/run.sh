#!/bin/sh
# Runs tests of broadcasting, and shows what they measured. Those that need the
# AnyCable server are skipped where there is none, but never in CI.
#
#   run.sh BUILD FILES...
set -eu
exec 3>&1

here=$(dirname "$0")
build=$1
shift
logs=$build/broadcast
export BROADCAST_BUILD="$logs" PYTHONDONTWRITEBYTECODE=1

BROADCAST_SERVER=$(sh "$here/../e2e/server.sh" "${SERVER_BUILD:-$build}" \
  2>"$logs/reason") || BROADCAST_SERVER=
export BROADCAST_SERVER

for test; do
  if [ -z "$BROADCAST_SERVER" ] && grep -q '^import anycable$' "$test"; then
    echo "SKIPPED $test: $(tail -1 "$logs/reason")"
    [ "${CI-}" != true ] || exit 1
    continue
  fi
  echo "  TEST $test"
  log=$logs/$(basename "$test" .py).log
  # What was measured is always shown, what was tested where it failed.
  timeout 300 /usr/bin/python3 "$test" -v 2>"$log" || {
    cat "$log"
    exit 1
  }
done
