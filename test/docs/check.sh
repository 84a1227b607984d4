#!/bin/sh
# The manual pages: every function, type and constant has its place, links lead
# somewhere, what is shown as C compiles, and mandoc is content.
#
#   check.sh PAGE...
set -eu
export LC_ALL=C
: "${CC:=cc}"
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

complain() {
  echo "$*"
  status=1
}
complain_of_lines() { # what is wrong with the lines of a file
  while read -r line; do complain "$line: $1"; done <"$2"
}

awk -f "$here/../abi/names.awk" include/anycable/*.h | sort >"$work/functions"
sed -n 's/^  *\(ANYCABLE_[A-Z0-9_]*\)\( =.*\|,.*\|  *\/\*.*\)\{0,1\}$/\1/p' \
  include/anycable/*.h | sort >"$work/constants"
[ "$(wc -l <"$work/functions")" -gt 50 ] || complain "there are no functions"
[ "$(wc -l <"$work/constants")" -gt 50 ] || complain "there are no constants"

# --- names, links -------------------------------------------------------------

for page; do
  name=$(basename "$page")
  section=${name##*.}
  awk '/^\.Sh / { name = $2 == "NAME" }
    name && /^\.Nm / { sub(/ ,$/, ""); print $2 }' "$page" |
    sed "s/\$/ $section/"
done | sort >"$work/names"
uniq -d "$work/names" >"$work/twice"
complain_of_lines "has two pages" "$work/twice"
sed -n 's/ 3$//p' "$work/names" | sort >"$work/names3"
comm -23 "$work/functions" "$work/names3" >"$work/lost"
complain_of_lines "has no page" "$work/lost"

# Ours lead to ours, and the overview leads to all.
for page; do
  sed -n 's/^\.\(It \|Pq \)\{0,1\}Xr \([^ ]* [0-9]\).*/\2/p' "$page" |
    grep '^anycable' | sort -u >"$work/links"
  comm -23 "$work/links" "$work/names" >"$work/lost"
  complain_of_lines "is linked from $page, and is no page" "$work/lost"
  [ "$page" = man/anycable.3 ] && cp "$work/links" "$work/overview"
done
for page; do basename "$page"; done | grep '^anycable_.*\.3$' |
  sed 's/\.3$/ 3/' | sort | comm -13 "$work/overview" - >"$work/lost"
complain_of_lines "is not in man/anycable.3" "$work/lost"

cat "$@" | sed -n 's/^\.It Dv \([A-Z0-9_]*\).*/\1/p' | sort >"$work/described"
comm -23 "$work/constants" "$work/described" >"$work/lost"
complain_of_lines "is not described" "$work/lost"
uniq -d "$work/described" >"$work/twice"
complain_of_lines "is described twice" "$work/twice"

# The options of lib/server/options.c, as variables.
sed -n 's/^  OPTION("\([a-z-]*\)".*/\1/p' lib/server/options.c | tr a-z- A-Z_ |
  sed 's/^/ANYCABLE_/' | sort >"$work/variables"
[ -s "$work/variables" ] || complain "there are no options"
sed -n 's/^\.It Ev //p' man/anycable.7 | tr -d , | tr -s ' ' '\n' | sort |
  comm -3 "$work/variables" - >"$work/lost"
complain_of_lines "is in one of options.c and anycable.7 alone" "$work/lost"

# --- what pages of functions must have ----------------------------------------

while read -r name; do
  for page; do [ "$(basename "$page")" = "$name.3" ] && break; done
  grep -q '^\.Sh THREADS' "$page" || complain "$page: no THREADS"
  awk '/^\.Ft void$/ { void = 1 } /^\.Sh RETURN VALUES/ { returns = 1 }
    END { exit void != !returns }' "$page" ||
    complain "$page: RETURN VALUES where none are, or the reverse"
done <"$work/functions"

# --- C --------------------------------------------------------------------------

compile() { # a file, what it is
  $CC -std=c11 -Wall -Wextra -Wno-unused-parameter -Werror -Iinclude \
    -fsyntax-only "$1" || complain "$2 does not compile"
}
{
  echo '#include <anycable.h>'
  sed -n 's/^\.In \(anycable\/.*\)/#include <\1>/p' "$@" | sort -u
  awk -f "$here/synopsis.awk" "$@"
} >"$work/synopsis.c"
[ "$(grep -c '^#line' "$work/synopsis.c")" -gt 50 ] ||
  complain "there are no synopses"
compile "$work/synopsis.c" "a synopsis"

# Examples are marked by a comment.
for page; do
  awk -v out="$work/example" '
    /^\.\\" compile/ { marked = 1; next }
    marked && /^\.Bd/ { inside = 1; n++; file = out n ".c"; next }
    /^\.Ed/ { marked = inside = 0 }
    inside { gsub(/\\e/, "\\"); print > file }' "$page"
  for example in "$work"/example*.c; do
    [ -f "$example" ] || continue
    compile "$example" "an example in $page"
    rm "$example"
    examples=1
  done
done
[ "${examples-}" ] || complain "there are no examples"

# The program in README.md is the first that a user sees.
awk '/^    #include <anycable.h>/ { inside = 1 }
  inside && /^[^ ]/ { exit }
  inside' README.md >"$work/readme.c"
grep -q anycable_main "$work/readme.c" || complain "README.md has no program"
compile "$work/readme.c" "the program in README.md"

mandoc -Tlint -Wwarning "$@" || status=1
exit $status
