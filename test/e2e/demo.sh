#!/bin/sh
# make demo: with the real AnyCable server where there is one, else with the
# command-line tool.
#
#   demo.sh BUILD
set -u
exec 3>&1

build=$1
here=$(dirname "$0")
reason=$build/e2e/reason

if server=$(sh "$here/server.sh" "$build" 2>"$reason"); then
  "$server" --version | sed 's/^/AnyCable server /'
  set -- server "$server"
else
  tail -1 "$reason" | sed 's/^/No AnyCable server: /'
  echo "The command-line tool asks the backend in its place."
  set -- tool "$build/bin/anycable"
fi
exec "$build/e2e/demo" "$build/examples/factory" "$build/e2e" "$@"
