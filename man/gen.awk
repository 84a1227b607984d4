# Manual pages from the comments of the public headers: one page a function
# and one a type, in mdoc.
#
#   awk -v out=FOLDER -v date="November 22, 2026" -v version=0.1.0 \
#     -f man/headers.awk -f man/gen.awk include/anycable/*.h
#
# With -v list=1 it prints their names, and makes none. -v modules="curl nats"
# names the headers that are not the library's own.
#
# A page is made for what is declared right behind a comment: functions whose
# comment begins with two stars, enums, structs, callbacks. Handles, which are
# declared without a body, get the comment at the head of their header and a
# list of its functions. Inline functions and macros with arguments stand on the
# page of their header's struct.
#
# In comments, |name| is an argument, name() a function, ANYCABLE_X a constant
# or a variable of the environment, `...` code; what is indented by two spaces
# more stays as it is. "Returns:", "Threads:" and "Ownership:" begin the last
# paragraphs.

# --- words -------------------------------------------------------------------

function escape(text) {
  gsub(/\\/, "\\e", text)
  return text
}

# A line that begins as a macro does is none.
function put_line(text) {
  print (text ~ /^[.']/ ? "\\&" : "") text > file
}

function flush_line() {
  if (line != "")
    put_line(line)
  line = ""
}

function put_word(word) {
  if (line != "" && length(line) + length(word) > 72)
    flush_line()
  line = line (line == "" ? "" : " ") word
  # mdoc wants sentences to begin lines.
  if (word ~ /[.?!][")]*$/)
    flush_line()
}

function put_macro(text) {
  flush_line()
  print "." text > file
}

# |macro| for |core|, which |before| and |behind| touch.
function put_marked(macro, core, before, behind,    text, closing) {
  text = macro " " core
  if (before == "(" || before == "[")
    text = macro " " before " " core
  else if (before != "")
    text = "No " escape(before) " Ns " text
  if (behind ~ /^[^.,:;)?!\]]/) {
    closing = ""
    if (match(behind, /[.,:;)?!\]]+$/)) {
      closing = substr(behind, RSTART)
      behind = substr(behind, 1, RSTART - 1)
    }
    text = text " Ns " escape(behind)
    behind = closing
  }
  for (; behind != ""; behind = substr(behind, 2))
    text = text " " substr(behind, 1, 1)
  put_macro(text)
}

# One word of a comment's text.
function put_text(word,    core, before, behind) {
  if (match(word, /\|[A-Za-z0-9_]+\|/)) {
    core = substr(word, RSTART + 1, RLENGTH - 2)
  } else if (match(word, /[a-z_][a-z0-9_]*\(\)/) ||
             match(word, /ANYCABLE_[A-Z0-9_]+/) ||
             (word !~ /__anycable__/ && match(word, /anycable_[a-z_]+/)) ||
             match(word, /NULL/) ||
             match(word, /SIG[A-Z]+/)) {
    core = substr(word, RSTART, RLENGTH)
  } else {
    put_word(escape(word))
    return
  }
  before = substr(word, 1, RSTART - 1)
  behind = substr(word, RSTART + RLENGTH)
  if (word ~ /\|[A-Za-z0-9_]+\|/)
    put_marked("Fa", core, before, behind)
  else if (core ~ /\(\)$/)
    put_function(core, before, behind)
  else if (core == "NULL" || core ~ /^SIG/ || core in constant)
    put_marked("Dv", core, before, behind)
  else if (core in entry && core != self)
    put_link(core, before, behind)
  else if (core ~ /^[A-Z]/)
    put_marked("Ev", core, before, behind)
  else
    put_marked("Vt", core, before, behind)
  if (core in constant_page)
    also[constant_page[core]] = 1
}

function put_function(core, before, behind) {
  sub(/\(\)$/, "", core)
  if (core in entry && core != self)
    put_link(core, before, behind)
  else
    put_marked("Fn", core, before, behind)
}

function put_link(core, before, behind) {
  put_marked("Xr", core " 3", before, behind)
  also[core] = 1
}

# Text between backticks, which may have spaces.
function put_code(text, behind) {
  gsub(/"/, "\\(dq", text)
  put_marked("Ql", "\"" text "\"", "", behind)
}

# --- paragraphs --------------------------------------------------------------

# What stands between the first two backticks from |from| on in words, as one.
function put_words(text,    words, n, i, code) {
  n = split(text, words, " ")
  for (i = 1; i <= n; i++) {
    if (words[i] !~ /^`/) {
      put_text(words[i])
      continue
    }
    code = escape(substr(words[i], 2))
    while (code !~ /`/ && i < n)
      code = code " " escape(words[++i])
    match(code, /`/)
    put_code(substr(code, 1, RSTART - 1), substr(code, RSTART + 1))
  }
}

# Prints lines[i] and what follows of a literal block, dedented; returns the
# last line of it. Wide ones are not moved to the right.
function put_literal(lines, i, n,    last, j, indent, width) {
  indent = 99
  for (j = i; j <= n && (lines[j] == "" || lines[j] ~ /^  /); j++)
    if (match(lines[j], /[^ ]/)) {
      last = j
      if (RSTART - 1 < indent)
        indent = RSTART - 1
      if (length(lines[j]) > width)
        width = length(lines[j])
    }
  put_macro("Bd -literal" (width - indent > 69 ? "" : " -offset indent"))
  for (j = i; j <= last; j++)
    put_line(escape(substr(lines[j], indent + 1)))
  put_macro("Ed")
  return last
}

# Paragraphs and literal blocks. |fresh| is true where a heading stands before.
function put_paragraphs(text, fresh,    lines, n, i, gap) {
  n = split(text, lines, "\n")
  for (i = 1; i <= n; i++) {
    if (lines[i] == "") {
      gap = 1
    } else if (lines[i] ~ /^  /) {
      i = put_literal(lines, i, n)
      # What follows is a paragraph of its own or goes on with the sentence.
      gap = 0
    } else {
      if (gap && !fresh)
        put_macro("Pp")
      put_words(lines[i])
      gap = fresh = 0
    }
  }
  flush_line()
}

# The first sentence.
function first_sentence(text,    end) {
  gsub(/\n/, " ", text)
  end = match(text, /\.( |$)/)
  return end ? substr(text, 1, end - 1) : text
}

function lower_first(text,    rest) {
  rest = substr(text, 2)
  # Not SIGTERM, not TLS.
  return rest ~ /^[A-Z]/ ? text : tolower(substr(text, 1, 1)) rest
}

function upper_first(text) {
  # Names stay as they are.
  if (text ~ /^[a-z]+_/)
    return text
  return toupper(substr(text, 1, 1)) substr(text, 2)
}

# Does the comment begin with what the function does?
function begins_with_verb(text,    word) {
  word = text
  sub(/[ \n].*/, "", word)
  return word ~ /^[A-Z][a-z]+s$/ && word !~ /^(This|Is|Was|Has|Yes|Its)$/
}

# What a page is about, in one line.
function one_line(i,    text) {
  text = first_sentence(entry_text[i])
  if (kind[i] != "handle")
    sub(/[:;].*/, "", text)
  gsub(/ \([^)]*\)/, "", text)
  gsub(/[|`"]/, "", text)
  if (length(text) > 64 && match(substr(text, 20), /, /))
    text = substr(text, 1, RSTART + 18)
  return escape(lower_first(text))
}

# Splits a function's comment into its parts: part["text"], part["Returns"]...
function split_parts(text, part,    lines, n, i, name) {
  part["text"] = part["Returns"] = part["Threads"] = part["Ownership"] = ""
  name = "text"
  n = split(text, lines, "\n")
  for (i = 1; i <= n; i++) {
    if (match(lines[i], /^(Returns|Threads|Ownership): /)) {
      name = substr(lines[i], 1, RLENGTH - 2)
      lines[i] = substr(lines[i], RLENGTH + 1)
    }
    part[name] = part[name] (part[name] == "" ? "" : "\n") lines[i]
  }
  sub(/\n+$/, "", part["text"])
}

# --- pages -------------------------------------------------------------------

function begin_page(i,    name) {
  self = entry_name[i]
  file = out "/" self ".3"
  line = ""
  for (name in also)
    delete also[name]
  print ".\\\" Made from include/anycable/" entry_header[i] ".h" > file
  print ".Dd " date > file
  print ".Dt " toupper(self) " 3" > file
  print ".Os libanycable " version > file
  print ".Sh NAME" > file
  print ".Nm " self names_beside(i) > file
  print ".Nd " one_line(i) > file
  put_library(entry_header[i])
}

# Headers of modules are those of libraries of their own.
function put_library(header_name,    of_module) {
  of_module = index(" " modules " ", " " header_name " ")
  print ".Sh LIBRARY" > file
  if (of_module)
    print "A module of the AnyCable library (libanycable-" header_name \
          ", \\-lanycable-" header_name ")" > file
  else
    print "The AnyCable library (libanycable, \\-lanycable)" > file
  print ".Sh SYNOPSIS" > file
  print ".In anycable" (of_module ? "/" header_name : "") ".h" > file
}

# Does entry |j| stand on the page of |i|?
function is_beside(i, j) {
  return kind[i] == "struct" && entry_header[j] == entry_header[i] &&
         (kind[j] == "inline" || kind[j] == "macro")
}

function names_beside(i,    text, j) {
  for (j = 1; j <= entries; j++)
    if (is_beside(i, j))
      text = text " ,\n.Nm " entry_name[j]
  return text
}

function macro_argument(code) {
  sub(/.*\(/, "", code)
  sub(/\).*/, "", code)
  return code
}

function put_things_beside(i,    j, any) {
  for (j = 1; j <= entries; j++) {
    if (!is_beside(i, j))
      continue
    if (!any++) {
      print ".Sh FUNCTIONS AND MACROS" > file
      put_macro("Bl -tag -width Ds")
    }
    if (kind[j] == "macro")
      put_macro("It Fn " entry_name[j] " " macro_argument(entry_code[j]))
    else
      put_macro("It Fn " entry_name[j])
    put_paragraphs(entry_text[j], 1)
  }
  if (any)
    put_macro("El")
}

# Functions beside which a type stands, and which speak of it.
function add_speakers(    j) {
  for (j = 1; j <= entries; j++)
    if (kind[j] == "function" && entry_header[j] == entry_header[entry[self]] &&
        index(entry_text[j] entry_code[j], self))
      also[entry_name[j]] = 1
}

# Pages in the order of their names, which is what mdoc wants.
function end_page(    names, n, name, i, j) {
  flush_line()
  if (kind[entry[self]] !~ /function|handle/)
    add_speakers()
  print ".Sh SEE ALSO" > file
  delete also[self]
  for (name in also) {
    for (j = n++; j > 0 && names[j] > name; j--)
      names[j + 1] = names[j]
    names[j + 1] = name
  }
  for (i = 1; i <= n; i++)
    print ".Xr " names[i] " 3 ," > file
  print ".Xr anycable 7" > file
  close(file)
}

# Arguments, split at the commas that separate them.
function put_prototype(i,    text, depth, c, j, argument) {
  sub(/ $/, "", return_type[i])
  print ".Ft " return_type[i] > file
  if (arguments[i] == "void") {
    print ".Fn " entry_name[i] " void" > file
    return
  }
  print ".Fo " (kind[i] == "callback" ? "(*" self ")" : entry_name[i]) > file
  text = arguments[i] ","
  argument = ""
  for (j = 1; j <= length(text); j++) {
    c = substr(text, j, 1)
    depth += (c == "(") - (c == ")")
    if (c == "," && depth == 0) {
      sub(/^ /, "", argument)
      print ".Fa \"" argument "\"" > file
      argument = ""
    } else
      argument = argument c
  }
  print ".Fc" > file
}

# "An error as above" is one that the header's head tells of.
function link_above(text, header_name) {
  if (("anycable_" header_name) in entry)
    gsub(/as above/, "of anycable_" header_name, text)
  return text
}

function put_function_page(i,    part, text) {
  begin_page(i)
  put_prototype(i)
  split_parts(entry_text[i], part)
  print ".Sh DESCRIPTION" > file
  text = part["text"]
  if (kind[i] == "function") {
    print ".Fn " self > file
    text = (begins_with_verb(text) ? "" : "gives ") lower_first(text)
  }
  put_paragraphs(text, 1)
  if (part["Returns"] != "") {
    print ".Sh RETURN VALUES" > file
    put_paragraphs(upper_first(link_above(part["Returns"], entry_header[i])), 1)
  }
  if (part["Threads"] != "") {
    print ".Sh THREADS" > file
    put_paragraphs("Threads that may call it: " part["Threads"], 1)
  }
  if (part["Ownership"] != "") {
    print ".Sh OWNERSHIP" > file
    put_paragraphs(upper_first(part["Ownership"]), 1)
  }
  if (("anycable_" entry_header[i]) in entry)
    also["anycable_" entry_header[i]] = 1
  end_page()
}

function put_handle_page(i,    j) {
  begin_page(i)
  print ".Vt typedef struct " self " " self ";" > file
  print ".Sh DESCRIPTION" > file
  put_paragraphs(entry_text[i], 1)
  print ".Sh FUNCTIONS" > file
  print ".Bl -tag -width Ds" > file
  for (j = 1; j <= entries; j++)
    if (kind[j] == "function" && entry_header[j] == entry_header[i]) {
      print ".It Xr " entry_name[j] " 3" > file
      put_words(upper_first(one_line(j)) ".")
      flush_line()
    }
  print ".El" > file
  end_page()
}

# Constants, each with the comment behind it, under those that stand alone.
function put_enum_page(i,    lines, n, j, text, value, in_list) {
  begin_page(i)
  print ".Vt enum " self ";" > file
  print ".Sh DESCRIPTION" > file
  put_paragraphs(entry_text[i], 1)
  n = split(entry_code[i], lines, "\n")
  for (j = 2; j < n - 1; j++) {
    if (lines[j] ~ /^ *$/)
      continue
    if (lines[j] ~ /^ *\/\*/) {
      if (in_list)
        put_macro("El")
      put_macro("Pp")
      in_list = 0
      put_paragraphs(whole_comment(lines, j), 1)
      j += comment_lines - 1
      continue
    }
    if (!in_list)
      put_macro("Bl -tag -width Ds")
    in_list = 1
    text = lines[j]
    if (text ~ /=$/)
      text = text lines[++j]
    gsub(/  +/, " ", text)
    sub(/^ /, "", text)
    put_macro("It Dv " constant_and_value(text))
    if (match(text, /\/\*/)) {
      lines[j] = substr(text, RSTART)
      put_paragraphs(upper_first(whole_comment(lines, j)) ".", 1)
      j += comment_lines - 1
    }
  }
  if (in_list)
    put_macro("El")
  end_page()
}

# "NAME = -1," as mdoc wants it behind a macro.
function constant_and_value(text,    name, value) {
  match(text, /^[A-Z0-9_]+/)
  name = substr(text, 1, RLENGTH)
  if (!match(text, /= -?[0-9]+/))
    return name
  value = substr(text, RSTART + 2, RLENGTH - 2)
  sub(/^-/, "\\-", value)
  return name " Pq " value
}

# The comment that begins in lines[j]; sets comment_lines.
function whole_comment(lines, j,    text, first) {
  first = j
  is_doc = 0
  text = bare(lines[j])
  while (lines[j] !~ /\*\//) {
    j++
    text = text "\n" bare(lines[j])
  }
  comment_lines = j - first + 1
  return text
}

# The struct as it is written, without comments; then each member's comment.
function put_struct_page(i,    lines, n, j, text, member) {
  begin_page(i)
  print ".Bd -literal" > file
  n = split(entry_code[i], lines, "\n")
  for (j = 1; j < n; j++) {
    if (lines[j] ~ /^ *\/\*/) {
      whole_comment(lines, j)
      j += comment_lines - 1
    } else if (lines[j] != "")
      print escape(lines[j]) > file
  }
  print ".Ed" > file
  for (j = 1; j <= entries; j++)
    if (is_beside(i, j) && kind[j] == "inline") {
      print ".Pp" > file
      put_prototype(j)
    }
  print ".Sh DESCRIPTION" > file
  put_paragraphs(entry_text[i], 1)
  text = ""
  for (j = 2; j < n; j++) {
    if (lines[j] ~ /^ *\/\*/) {
      text = whole_comment(lines, j)
      j += comment_lines - 1
    } else if (text != "") {
      if (!member)
        put_macro("Bl -tag -width Ds")
      member = lines[j]
      if (!sub(/^.*\(\*/, "", member))
        sub(/^.*[ *]/, "", member)
      sub(/[;)].*/, "", member)
      put_macro("It Fa " member)
      put_paragraphs(text, 1)
      text = ""
    }
  }
  if (member)
    put_macro("El")
  put_things_beside(i)
  end_page()
}

END {
  for (i = 1; i <= entries; i++) {
    if (list) {
      if (entry_name[i] in entry)
        print entry_name[i]
    } else if (kind[i] == "function" || kind[i] == "callback")
      put_function_page(i)
    else if (kind[i] == "handle")
      put_handle_page(i)
    else if (kind[i] == "enum")
      put_enum_page(i)
    else if (kind[i] == "struct")
      put_struct_page(i)
  }
}
