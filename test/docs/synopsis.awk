# The SYNOPSIS of manual pages as C: a declaration again of what the header
# declares, which compiles if both say the same.

FNR == 1 { section = "" }
/^\.Sh / { section = substr($0, 5); next }
section != "SYNOPSIS" { next }

{ text = $0 }
# Macros' arguments: quoted where they have spaces.
function unquote(word) {
  gsub(/"/, "", word)
  return word
}
function place() { print "#line " FNR " \"" FILENAME "\"" }

/^\.Ft / { type = substr(text, 5) }
/^\.Fn / { # none has arguments but void
  split(text, words, " ")
  place()
  print type " " words[2] "(" words[3] ");"
}
/^\.Fo / { name = substr(text, 5); list = "" }
/^\.Fa / { list = list (list == "" ? "" : ", ") unquote(substr(text, 5)) }
/^\.Fc/ {
  place()
  print type " " name "(" list ");"
}
/^\.Vt typedef / { place(); print substr(text, 5) }
/^\.Vt enum / {
  sub(/;/, "", text)
  place()
  print "extern " substr(text, 5) " of_" $3
}
# A struct under another name, with the same members at the same places.
/^\.Ed/ {
  inside = 0
  print "_Static_assert(sizeof(" struct ") == sizeof(page_" struct \
        "), \"another size\");"
}
inside {
  if (match($0, /(\(\*|[ *])[a-z_]+(\)\(|;)/) && $0 !~ /^}/) {
    member = substr($0, RSTART, RLENGTH)
    gsub(/[^a-z_]/, "", member)
    members = members "_Static_assert(offsetof(" struct ", " member \
              ") == offsetof(page_" struct ", " member "), \"moved\");\n"
  }
  if (/^}/)
    text = "} page_" struct ";\n" members
  print text
}
/^typedef struct / && !inside {
  struct = $3
  members = ""
  place()
  print "typedef struct page_" struct " {"
  inside = 1
}
