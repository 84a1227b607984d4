#!/bin/sh
# Runs the end-to-end tests, all of them or the FILES named (session.test.mjs).
# Where the machine lacks something, they are skipped, but never in CI.
#
#   run.sh BUILD [FILES...]
set -u
exec 3>&1

here=$(dirname "$0")
e2e=$1/e2e
mkdir -p "$e2e"
e2e=$(cd "$e2e" && pwd)

skip() {
  echo "SKIPPED end-to-end tests: $1"
  [ "${CI-}" != true ]
  exit
}

server=$(sh "$here/server.sh" "$1" 2>"$e2e/reason") ||
  skip "$(tail -1 "$e2e/reason")"
command -v node >/dev/null || skip "there is no node"
command -v npm >/dev/null || skip "there is no npm"
shift

# Modules are found beside the files that import them.
rm -rf "$e2e"/*.mjs "$e2e/log"
cp "$here"/*.mjs "$here/package.json" "$here/package-lock.json" \
  "$here/.npmrc" "$e2e" || exit 1
cd "$e2e" || exit 1
if ! cmp -s package-lock.json node_modules/installed; then
  npm ci --loglevel=error >npm.log 2>&1 || skip "npm ci failed, see $e2e/npm.log"
  cp package-lock.json node_modules/installed
fi

[ $# -gt 0 ] || set -- *.test.mjs
"$server" --version | sed 's/^/AnyCable server /'
E2E_SERVER=$server E2E_BACKEND=$e2e/backend E2E_SUPERVISOR=$e2e/supervisor \
  E2E_CHANNELS=$e2e/channels E2E_EXAMPLES=$e2e/../examples \
  E2E_TOOL=$e2e/../bin/anycable \
  E2E_RPC=${E2E_RPC:-grpc} \
  exec timeout 240 node --test --test-concurrency=4 --test-reporter=spec "$@"
