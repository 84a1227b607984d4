#!/bin/sh
# Installs, builds and runs users' programs from what is installed alone, and
# uninstalls: nothing may be left behind.
#
#   check.sh VERSION, with MAKE, CC, CXX and BUILD in the environment
set -eu
: "${MAKE:=make}" "${CC:=cc}" "${CXX:=g++}" "${PKG_CONFIG:=pkg-config}"
version=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "installcheck: $*"
  exit 1
}

# What make says is of interest only where it fails.
make_quietly() {
  $MAKE --no-print-directory BUILD="$BUILD" "$@" >"$work/log" 2>&1 || {
    cat "$work/log"
    fail "make $* failed"
  }
}

is() { # what, a value, what it should be
  [ "$2" = "$3" ] || fail "$1 is \"$2\", not \"$3\""
}

build() { # the program, the compiler, pkg-config's flags
  program=$work/$1
  compiler=$2
  shift 2
  # shellcheck disable=SC2046,SC2086
  $compiler -Wall -Wextra -Werror "$here/program.c" -o "$program" \
    $($PKG_CONFIG "$@" --cflags --libs anycable)
}

build_publisher() { # the program, then more arguments
  program=$work/$1
  shift
  # shellcheck disable=SC2086
  $CC -std=c99 -Wall -Wextra -Werror "$here/publisher.c" -o "$program" "$@"
}

says() { # what it is to say, then a program that is to fail
  words=$1
  shift
  "$@" >"$work/said" && fail "$* does not fail"
  grep -qF -e "$words" "$work/said" ||
    fail "$* says \"$(cat "$work/said")\", not \"$words\""
}

needs_library() { readelf -d "$1" | grep -q 'NEEDED.*\[libanycable\.so\.'; }

no_files_in() {
  left=$(find "$1" ! -type d)
  [ -z "$left" ] || fail "left behind: $left"
  left=$(find "$1" -type d -name anycable)
  [ -z "$left" ] || fail "left behind: $left"
}

# --- a machine that lacks something -----------------------------------------

# Said before anything is compiled, with its cure.
lacks() { # a variable of make, the package that is missing then
  $MAKE --no-print-directory BUILD="$work/lacks" "$1" >"$work/log" 2>&1 &&
    fail "make $1 succeeds"
  grep -q "missing: .*$2.*Install with: apt-get install .*$2" "$work/log" ||
    fail "make $1 does not name $2"
  [ ! -e "$work/lacks" ] || fail "make $1 begins to build"
}
lacks PROTOC_C=no-such-program protobuf-c-compiler
lacks PKG_CONFIG=no-such-program pkg-config
lacks PKG_CONFIG=false libnghttp2-dev

# A module is left out where its library is not there, and make says so.
cat >"$work/no-nats" <<EOF
#!/bin/sh
case "\$*" in *libnats*) exit 1 ;; esac
exec $PKG_CONFIG "\$@"
EOF
chmod +x "$work/no-nats"
$MAKE --no-print-directory -n BUILD="$work/lacks" PKG_CONFIG="$work/no-nats" \
  >"$work/log" 2>&1 || fail "make needs libnats-dev"
grep -q 'LEFT OUT libanycable-nats:.*libnats-dev is missing' "$work/log" ||
  fail "make does not say that it leaves libanycable-nats out"
grep -q 'libanycable-curl.so.0' "$work/log" || fail "make leaves all modules out"

# --- a prefix ---------------------------------------------------------------

prefix=$work/prefix
make_quietly install prefix="$prefix"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"

is "the version" "$($PKG_CONFIG --modversion anycable)" "$version"
# Hosts get no folders and libraries of ours with it.
is "cflags" "$($PKG_CONFIG --cflags anycable | sed 's/ *$//')" \
  "-I$prefix/include"
is "libs" "$($PKG_CONFIG --libs anycable | sed 's/ *$//')" \
  "-L$prefix/lib -lanycable"
$PKG_CONFIG --validate anycable

[ -s "$prefix/share/man/man1/anycable.1" ] || fail "anycable(1) is missing"
for name in $(awk -f "$here/../abi/names.awk" include/anycable/*.h); do
  [ -s "$prefix/share/man/man3/$name.3" ] || fail "$name(3) is missing"
done
"$prefix/bin/anycable" --version | grep -qF "$version" ||
  fail "the tool does not run"

build shared-c "$CC -std=c99 -D_POSIX_C_SOURCE=200809L"
build shared-cxx "$CXX -x c++ -std=c++11"
for program in shared-c shared-cxx; do
  needs_library "$work/$program" || fail "$program is not linked"
  LD_LIBRARY_PATH=$prefix/lib "$work/$program" || fail "$program does not run"
done

# --- modules ----------------------------------------------------------------

modules="anycable-curl anycable-nats"
for module in $modules; do
  is "the version of $module" "$($PKG_CONFIG --modversion $module)" "$version"
  $PKG_CONFIG --validate $module
done
# shellcheck disable=SC2046,SC2086
build_publisher linked -DLINKED $($PKG_CONFIG --cflags --libs $modules)
# shellcheck disable=SC2046
build_publisher configured $($PKG_CONFIG --cflags --libs anycable)
for program in linked configured; do
  LD_LIBRARY_PATH=$prefix/lib "$work/$program" http nats ||
    fail "$program does not run"
done
readelf -d "$work/configured" | grep -q 'NEEDED.*libanycable-' &&
  fail "configured is linked with a module"

# The file, and the package that has it.
mkdir "$work/hidden"
mv "$prefix"/lib/libanycable-*.so* "$work/hidden"
for module in http=curl nats=nats; do
  package=libanycable-${module#*=}
  LD_LIBRARY_PATH=$prefix/lib:$work/hidden \
    says "$prefix/lib/$package.so.0 is missing; install the package $package" \
    "$work/configured" "${module%=*}"
done
# shellcheck disable=SC2046,SC2086
build_publisher linked-static -DLINKED \
  $($PKG_CONFIG --static --cflags --libs $modules)
readelf -d "$work/linked-static" | grep -q 'NEEDED.*libanycable-' &&
  fail "linked-static is linked with a shared module"
LD_LIBRARY_PATH=$prefix/lib "$work/linked-static" http nats ||
  fail "linked-static does not run"

# Where there is no shared library, the linker takes the other one.
rm "$prefix"/lib/libanycable.so*
build static-c "$CC -std=c99" --static
build static-cxx "$CXX -x c++ -std=c++11" --static
for program in static-c static-cxx; do
  needs_library "$work/$program" && fail "$program is linked dynamically"
  "$work/$program" || fail "$program does not run"
done

# shellcheck disable=SC2046,SC2086
build_publisher all-static -DLINKED \
  $($PKG_CONFIG --static --cflags --libs $modules)
needs_library "$work/all-static" && fail "all-static is linked dynamically"
"$work/all-static" http nats || fail "all-static does not run"
# shellcheck disable=SC2046
build_publisher configured-static \
  $($PKG_CONFIG --static --cflags --libs anycable)
says "must link libanycable-nats" "$work/configured-static" nats
mv "$work"/hidden/* "$prefix/lib"

make_quietly uninstall prefix="$prefix"
no_files_in "$prefix"

# --- a package --------------------------------------------------------------

dest=$work/dest
lib=/usr/lib/somewhere
make_quietly install prefix=/usr libdir=$lib DESTDIR="$dest"
export PKG_CONFIG_PATH="$dest$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$dest"
is "libdir" "$($PKG_CONFIG --variable=libdir anycable | sed "s|^$dest||")" $lib
grep -qF "$work" "$dest$lib/pkgconfig/anycable.pc" &&
  fail "anycable.pc speaks of where the package was made"
$CC -std=c99 "$here/program.c" -o "$work/packaged" -I"$dest/usr/include" \
  -L"$dest$lib" -lanycable
LD_LIBRARY_PATH=$dest$lib "$work/packaged" || fail "packaged does not run"
make_quietly uninstall prefix=/usr libdir=$lib DESTDIR="$dest"
no_files_in "$dest"

# --- a service --------------------------------------------------------------

# The program that the unit names is the user's.
units=$work/units
deploy=$here/../../src/deploy
mkdir "$units"
sed 's|/usr/local/bin/backend|/bin/true|' "$deploy/anycable.service" \
  >"$units/anycable.service"
cp "$deploy/anycable.socket" "$units"
if command -v systemd-analyze >/dev/null; then
  systemd-analyze verify --man=no --recursive-errors=no "$units"/* ||
    fail "the units in src/deploy are not right"
else
  echo "SKIPPED the units of systemd: there is no systemd-analyze"
  [ "${CI-}" != true ]
fi
