# Reads the public headers for gen.awk: what they declare, each with the comment
# before it.
#
#   kind[i]          function, callback, inline, macro, handle, enum, struct
#   entry_name[i]    its name; entry[name] is i, for those with a page
#   entry_text[i]    its comment, without stars
#   entry_code[i]    how it is declared
#   entry_header[i]  in which header
#   return_type[i], arguments[i]      of functions
#   constant[name], constant_page[name]

FNR == 1 {
  header = FILENAME
  sub(/.*\//, "", header)
  sub(/\.h$/, "", header)
  head = ""
  comment = ""
  state = ""
}

state == "comment" { add_comment($0); next }
state == "function" || state == "enum" || state == "struct" {
  add_declaration($0)
  next
}
state == "body" { # of an inline function
  if ($0 == "}")
    state = ""
  next
}
/^\/\*/ {
  comment = ""
  is_doc = /^\/\*\*/
  state = "comment"
  add_comment($0)
  next
}
/^ANYCABLE_EXTERN / && is_doc && comment != "" { begin("function"); next }
/^static inline / && comment != "" { begin("function"); next }
/^typedef struct anycable_[a-z_]+ anycable_[a-z_]+;$/ {
  n = split($0, word, /[ ;]/)
  add_entry("handle", word[4], head, "")
  comment = ""
  next
}
/^typedef struct anycable_[a-z_]+ \{$/ { begin("struct"); next }
/^typedef .*\(\*anycable_[a-z_]+\)/ { begin("function"); next }
/^enum anycable_[a-z_]+ \{$/ { begin("enum"); next }
/^#define ANYCABLE_/ {
  name = $2
  sub(/\(.*/, "", name)
  constant[name] = 1
  if (comment != "" && $2 ~ /\(/) {
    add_entry("macro", name, comment, $2)
    comment = ""
  }
}
!/^#/ { comment = "" }

function begin(what) {
  state = what
  declaration = ""
  add_declaration($0)
}

# Without what makes it a comment, and without the space behind that.
function bare(line) {
  sub(/^ *\/\*\*? ?/, "", line)
  sub(/ *\*\/.*$/, "", line)
  sub(/^ *\* ?/, "", line)
  if (is_doc)
    sub(/^ /, "", line)
  return line
}

function add_comment(line) {
  comment = comment (comment == "" ? "" : "\n") bare(line)
  if (line ~ /\*\//) {
    state = ""
    sub(/\n+$/, "", comment)
    if (head == "")
      head = comment
  }
}

function add_declaration(line) {
  declaration = declaration line "\n"
  if (state == "function" && line ~ /;$/) {
    add_function()
  } else if (state == "function" && line ~ /\{$/) {
    add_function()
    state = "body"
    return
  } else if (state == "enum" && line == "};") {
    add_type("enum")
  } else if (state == "struct" && line ~ /^\}/) {
    add_type("struct")
  } else
    return
  state = ""
}

function add_entry(what, name, text, code) {
  entries++
  kind[entries] = what
  if (what != "inline" && what != "macro")
    entry[name] = entries
  entry_name[entries] = name
  entry_text[entries] = text
  entry_code[entries] = code
  entry_header[entries] = header
}

function add_type(what,    name, lines, n, i, word) {
  name = declaration
  sub(/^(typedef )?(enum|struct) /, "", name)
  sub(/ .*/, "", name)
  add_entry(what, name, comment == "" ? head : comment, declaration)
  if (what == "enum") {
    n = split(declaration, lines, "\n")
    for (i = 1; i <= n; i++)
      if (match(lines[i], /^ *ANYCABLE_[A-Z0-9_]+/)) {
        word = substr(lines[i], RSTART, RLENGTH)
        sub(/^ */, "", word)
        constant[word] = 1
        constant_page[word] = name
      }
  }
  comment = ""
}

function add_function(    text, name, what) {
  text = declaration
  gsub(/[ \n]+/, " ", text)
  what = text ~ /^static inline/ ? "inline" : "function"
  if (text ~ /^typedef/)
    what = "callback"
  sub(/(ANYCABLE_EXTERN|static inline) /, "", text)
  sub(/ ?\{ ?$/, "", text)
  sub(/;.*$/, "", text)
  sub(/ ANYCABLE_WARN_UNUSED/, "", text)
  sub(/ ANYCABLE_PRINTF\([^)]*\)/, "", text)
  if (!match(text, what == "callback" ? "\\(\\*anycable_[a-z0-9_]+\\)\\(" \
                                      : "anycable_[a-z0-9_]+\\("))
    return
  name = substr(text, RSTART, RLENGTH - 1)
  gsub(/[(*)]/, "", name)
  return_type[entries + 1] = substr(text, 1, RSTART - 1)
  arguments[entries + 1] = substr(text, RSTART + RLENGTH)
  sub(/\)$/, "", arguments[entries + 1])
  add_entry(what, name, comment, text)
  comment = ""
}
