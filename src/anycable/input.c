/* Reads standard input with a bound. */
#include "input.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Longer than any token, name or identifiers that there can be. */
enum { TEXT_MAX = 64 * 1024 };

anycable_str input_text(struct args *args, const char *operand) {
  static char text[TEXT_MAX + 1];
  anycable_str none = {NULL, 0}, read = {text, 0};

  if (strcmp(operand, "-") != 0)
    return anycable_str_of(operand);
  read.len = fread(text, 1, sizeof text, stdin);
  if (ferror(stdin)) {
    args_fail(args, "standard input: %s", strerror(errno));
    return none;
  }
  if (read.len > TEXT_MAX) {
    args_fail(args, "standard input is longer than %d bytes", TEXT_MAX);
    return none;
  }
  if (read.len > 0 && text[read.len - 1] == '\n')
    read.len--;
  return read;
}

static void append(struct line_reader *reader, int c) {
  if (reader->len == reader->room) {
    reader->room = reader->room ? 2 * reader->room : 256;
    reader->text = text_must(realloc(reader->text, reader->room));
  }
  reader->text[reader->len++] = (char)c;
}

enum line_result line_next(struct line_reader *reader, size_t max) {
  bool too_long = false;
  int c = getc(reader->file);

  if (c == EOF)
    return LINE_END;
  reader->number++;
  reader->len = 0;
  for (; c != EOF && c != '\n'; c = getc(reader->file)) {
    too_long = too_long || reader->len == max;
    if (!too_long)
      append(reader, c);
  }
  return too_long ? LINE_TOO_LONG : LINE_READ;
}

void line_reader_deinit(struct line_reader *reader) {
  free(reader->text);
  reader->text = NULL;
  reader->room = 0;
}
