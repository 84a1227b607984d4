#!/bin/sh
# What the real grpcurl learns by reflection, and a call that it makes with that.
# It is built by the go command into BUILD/bin. Where there is no Go toolchain it
# is skipped, but never in CI.
#
#   grpcurl.sh BUILD
set -eu

build=$(cd "$1" && pwd)
here=$(dirname "$0")/grpcurl
if ! command -v go >/dev/null; then
  echo "SKIPPED grpcurl: there is no Go toolchain"
  [ "${CI-}" != true ]
  exit
fi
GOMODCACHE=${GOMODCACHE:-$build/go}
GOFLAGS="${GOFLAGS-} -modcacherw"
export GOMODCACHE GOFLAGS
mkdir -p "$build/bin" "$build/e2e"
(cd "$here" && go build -buildvcs=false -trimpath -o "$build/bin/grpcurl" \
  github.com/fullstorydev/grpcurl/cmd/grpcurl) >"$build/grpcurl.log" 2>&1 || {
  tail -3 "$build/grpcurl.log"
  exit 1
}

log=$build/e2e/reflection.log
start() { # flags; sets $address and $pid
  ANYCABLE_BROADCAST_ADAPTER=memory "$build/examples/chat" \
    --rpc-host=127.0.0.1:0 "$@" 2>"$log" &
  pid=$!
  for _ in $(seq 100); do
    address=$(sed -n 's/.*serves gRPC on \([^ ]*\).*/\1/p' "$log")
    [ -z "$address" ] || return 0
    sleep 0.05
  done
  cat "$log"
  return 1
}
trap 'kill "$pid" 2>/dev/null || :' EXIT

curl() { "$build/bin/grpcurl" -plaintext "$@" 2>&1 || :; }
expect() { # what, then the command
  what=$1
  shift
  got=$(curl "$@")
  case $got in
  *"$what"*) ;;
  *)
    echo "grpcurl $*: expected \"$what\", got: $got"
    exit 1
    ;;
  esac
}

start --rpc-reflection
expect "anycable.RPC
grpc.health.v1.Health" "$address" list
expect "anycable.RPC.Disconnect" "$address" list anycable.RPC
expect "rpc Connect ( .anycable.ConnectionRequest ) returns" \
  "$address" describe anycable.RPC.Connect
expect "map<string, string> cstate = 3" "$address" describe anycable.Env
expect "SERVICE_UNKNOWN = 3" \
  "$address" describe grpc.health.v1.HealthCheckResponse
expect "Symbol not found: anycable.Nothing" "$address" describe anycable.Nothing
expect '"status": "SERVING"' -d '{}' "$address" grpc.health.v1.Health/Check
expect '"status": "SUCCESS"' -H 'protov: v1' -H 'sid: s' \
  -d '{"env":{"url":"http://h/cable?user=jack"}}' \
  "$address" anycable.RPC/Connect
kill "$pid"
wait "$pid"
start
expect "does not support the reflection API" "$address" list
echo "grpcurl: 9 answers as they must be"
