#!/bin/sh
# Prints the path of an AnyCable server: $ANYCABLE_GO, or the anycable-go on the
# PATH, or the one that main.go and go.mod pin, built by the go command into
# BUILD/bin. Where there is none, it says why and fails. What takes time is
# announced on descriptor 3, if that is open.
#
#   server.sh BUILD
set -u

build=$1
here=$(dirname "$0")/server

if [ -n "${ANYCABLE_GO-}" ]; then
  if [ -x "$ANYCABLE_GO" ]; then echo "$ANYCABLE_GO"; exit; fi
  echo "ANYCABLE_GO=$ANYCABLE_GO is not a program" >&2
  exit 1
fi
command -v anycable-go && exit
if ! command -v go >/dev/null; then
  echo "neither anycable-go nor a Go toolchain is on the PATH" >&2
  exit 1
fi

mkdir -p "$build/bin"
build=$(cd "$build" && pwd)
# Modules stay in BUILD, unless the environment has a place for them.
GOMODCACHE=${GOMODCACHE:-$build/go}
GOFLAGS="${GOFLAGS-} -modcacherw"
export GOMODCACHE GOFLAGS
if [ ! -x "$build/bin/anycable-go" ]; then
  { echo "building the AnyCable server: once, a minute or two" >&3; } 2>/dev/null
fi
# The go command itself knows whether there is anything to do.
if ! (cd "$here" && go build -buildvcs=false -trimpath -o "$build/bin/anycable-go" .) \
    >"$build/anycable-go.log" 2>&1; then
  tail -3 "$build/anycable-go.log" >&2
  echo "the AnyCable server could not be built, see $build/anycable-go.log" >&2
  exit 1
fi
echo "$build/bin/anycable-go"
