# The functions that headers mark with ANYCABLE_EXTERN, a name a line: the
# first name before a parenthesis of each such declaration.
/^#/ { next }
/ANYCABLE_EXTERN/ { declaration = ""; inside = 1 }
inside {
  declaration = declaration " " $0
  if (match(declaration, /anycable_[a-z0-9_]+\(/)) {
    print substr(declaration, RSTART, RLENGTH - 1)
    inside = 0
  }
}
