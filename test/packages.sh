#!/bin/sh
# The Debian packages that the project needs, for what: `packages.sh missing
# build check` prints those that are not there, `packages.sh install ...`
# installs them.
set -u

: "${PKG_CONFIG:=pkg-config}" "${PROTOC_C:=protoc-c}"

# name: how to see that it is there
has_module() { $PKG_CONFIG --exists "$1" 2>/dev/null; }
has_program() { command -v "$1" >/dev/null 2>&1; }

lacks() { # package, then a command that succeeds where it is there
  package=$1
  shift
  "$@" >/dev/null 2>&1 || echo "$package"
}

build() {
  lacks pkg-config has_program "$PKG_CONFIG"
  lacks libprotobuf-c-dev has_module libprotobuf-c
  lacks libprotobuf-dev has_module protobuf # protoc-c reads its descriptor.proto
  lacks protobuf-c-compiler has_program "$PROTOC_C"
  lacks libnghttp2-dev has_module libnghttp2
  lacks libssl-dev has_module libssl
  lacks libcjson-dev has_module libcjson
  lacks libhiredis-dev has_module hiredis
}

modules() {
  lacks libcurl4-openssl-dev has_module libcurl
  lacks libnats-dev has_module libnats
  lacks nats-server test -x /usr/sbin/nats-server
}

header() { echo "#include <$1>" | ${CC:-cc} -E -xc - ; }
python() { /usr/bin/python3 -c "import $1"; }

# Debian's 1.52.0 can be made to abort by its peer before this revision
# (CVE-2026-27135); another version is for its distribution to mend.
sound_nghttp2() {
  version=$(dpkg-query -W -f '${Version}' libnghttp2-14 2>/dev/null) || return 0
  case $version in
  1.52.0-*) dpkg --compare-versions "$version" ge 1.52.0-1+deb12u3 ;;
  esac
}

cxx_header() { echo "#include <$1>" | ${CXX:-g++} -E -xc++ - ; }

check() {
  lacks libnghttp2-14 sound_nghttp2
  lacks libcmocka-dev has_module cmocka
  lacks g++ has_program "${CXX:-g++}"
  lacks python3 test -x /usr/bin/python3
  lacks python3-hpack python hpack
  lacks python3-prometheus-client python prometheus_client
  lacks python3-grpcio python grpc
  lacks python3-protobuf python google.protobuf
  lacks protobuf-compiler has_program protoc
  lacks clang-14 has_program clang-14
  lacks openssl has_program openssl
  lacks mandoc has_program mandoc
  lacks systemd has_program systemd-analyze
  lacks locales test -f /usr/share/i18n/locales/de_DE # for localedef
  lacks redis-server has_program redis-server
  loops
}

# Those of the examples.
loops() {
  lacks libuv1-dev has_module libuv
  lacks libevent-dev has_module libevent
  lacks libglib2.0-dev has_module glib-2.0
  lacks libasio-dev cxx_header asio/version.hpp
  lacks libmicrohttpd-dev has_module libmicrohttpd
  lacks libcpp-httplib-dev cxx_header httplib.h
}

bench() {
  lacks g++ has_program "${CXX:-g++}"
  lacks libgrpc++-dev has_module grpc++
  lacks protobuf-compiler has_program protoc
  lacks protobuf-compiler-grpc has_program grpc_cpp_plugin
  lacks nghttp2-client has_program h2load
  lacks valgrind has_program valgrind
  lacks strace has_program strace
  lacks openssl has_program openssl
  lacks redis-server has_program redis-server
  lacks redis-tools has_program redis-benchmark
  lacks python3 test -x /usr/bin/python3
}

interop() {
  lacks g++ has_program "${CXX:-g++}"
  lacks libgrpc++-dev has_module grpc++
  lacks protobuf-compiler has_program protoc
  lacks protobuf-compiler-grpc has_program grpc_cpp_plugin
  lacks python3-grpcio python grpc
  lacks python3-protobuf python google.protobuf
  lacks openssl has_program openssl
  lacks nodejs has_program node
  lacks npm has_program npm
}

e2e() {
  lacks nodejs has_program node
  lacks npm has_program npm
  lacks openssl has_program openssl
  lacks redis-server has_program redis-server
  lacks nginx-light has_program nginx
  lacks haproxy has_program haproxy
  loops
}

broadcast() {
  lacks redis-server has_program redis-server
  lacks redis-sentinel has_program redis-sentinel
  lacks nats-server test -x /usr/sbin/nats-server
  lacks openssl has_program openssl
  lacks python3 test -x /usr/bin/python3
}

demo() { :; } # what builds the library is enough

case ${1-} in
missing)
  shift
  for purpose; do $purpose; done | sort -u | tr '\n' ' ' | sed 's/ $//'
  ;;
install)
  shift
  missing=$(sh "$0" missing "$@")
  [ -z "$missing" ] && exit 0
  if [ "$(id -u)" = 0 ]; then sudo=; elif has_program sudo; then sudo=sudo
  else
    echo "missing: $missing. Install with: apt-get install $missing" >&2
    exit 1
  fi
  echo "installing Debian packages: $missing" >&2
  export DEBIAN_FRONTEND=noninteractive
  $sudo apt-get update -qq && $sudo apt-get install -y -qq $missing >/dev/null
  ;;
*)
  echo "usage: packages.sh missing|install build|check..." >&2
  exit 2
  ;;
esac
