#!/bin/sh
# Every public header stands alone, in C and in C++ of several years, with two
# compilers, and without a warning; so do its macros and inline functions.
#
#   check.sh WARNING...
set -eu
: "${CC:=cc}" "${CXX:=g++}"
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
only_c='-Wstrict-prototypes|-Wmissing-prototypes'
cxx_warnings=$(printf '%s\n' "$@" | grep -Evx -e "$only_c")
status=0
compiled=0

compile() { # the compiler, its flags, the file
  compiled=$((compiled + 1))
  "$@" -Werror -pedantic -Iinclude -fsyntax-only || {
    echo "failed: $*"
    status=1
  }
}

# The chosen compiler, and others if they are there; each once.
compilers() {
  for compiler; do
    path=$(command -v "${compiler%% *}") || continue
    echo "$(readlink -f "$path") $compiler"
  done | sort -u -k1,1 | cut -d' ' -f2-
}

for header in include/anycable.h include/anycable/*.h; do
  name=${header#include/}
  # Twice, so that its guard is tried too.
  printf '#include <%s>\n#include <%s>\nextern int unused;\n' \
    "$name" "$name" >"$work/$(echo "$name" | tr '/.' '__').c"
done
cp "$here/use.c" "$work/use.c"
for c in "$work"/*.c; do cp "$c" "${c%.c}.cc"; done
for header in include/anycable.hpp include/anycable/*.hpp; do
  name=${header#include/}
  printf '#include <%s>\n#include <%s>\nextern int unused;\n' \
    "$name" "$name" >"$work/$(echo "$name" | tr '/.' '__').cpp"
done

compilers "$CC" gcc clang clang-14 clang-16 clang-19 >"$work/c"
compilers "$CXX" g++ clang++ clang++-14 clang++-16 clang++-19 >"$work/cxx"
for file in "$work"/*.c; do
  while read -r compiler; do
    for std in c99 c11; do
      # shellcheck disable=SC2086
      compile $compiler -std=$std "$@" -Wc++-compat "$file"
    done
  done <"$work/c"
done
for file in "$work"/*.cc; do
  while read -r compiler; do
    for std in c++11 c++17; do
      # shellcheck disable=SC2086
      compile $compiler -std=$std $cxx_warnings -Wold-style-cast "$file"
    done
  done <"$work/cxx"
done
# Of C++17, and also without exceptions and RTTI: headers and their users.
for file in "$work"/*.cpp test/cpp/*.cc src/examples/chat.cc; do
  while read -r compiler; do
    for std in c++17 c++20; do
      # shellcheck disable=SC2086
      compile $compiler -std=$std $cxx_warnings -Wold-style-cast "$file"
      case $file in */test_throw.cc) continue ;; esac
      # shellcheck disable=SC2086
      compile $compiler -std=$std -fno-exceptions -fno-rtti \
        $cxx_warnings -Wold-style-cast "$file"
    done
  done <"$work/cxx"
done
# What programs would find in their way.
macros() { # of the header |1|
  echo "#include <$1>" | $CXX -std=c++17 -Iinclude -xc++ -dM -E - |
    grep -i '^#define _*anycable' | sort
}
leaked=$(printf '%s\n%s\n' "$(macros anycable.h)" "$(macros anycable.hpp)" |
  sort | uniq -u | grep -v '_HPP $' || :)
[ -z "$leaked" ] || {
  echo "macros of anycable.hpp: $leaked"
  status=1
}
echo "$compiled times, with $(cat "$work/c" "$work/cxx" | tr '\n' ' ')"
exit $status
