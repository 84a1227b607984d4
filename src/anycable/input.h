/* What commands read from standard input: a text as a whole, or line by line.
 * Both are bounded. */
#ifndef TOOL_INPUT_H
#define TOOL_INPUT_H

#include <anycable/str.h>

#include "args.h"

/* What |operand| stands for: itself, or standard input without the newline at
 * its end, if it is "-". Its ptr is NULL where the mistake has been told.
 * Borrowed: of the operand, or for ever. */
anycable_str input_text(struct args *args, const char *operand);

struct line_reader {
  FILE *file;
  size_t number; /* of the line, from 1 on */
  char *text;    /* of it, without its newline */
  size_t len;
  size_t room;
};

enum line_result { LINE_END, LINE_READ, LINE_TOO_LONG };

/* Reads the next line. One that is longer than |max| bytes is skipped. */
enum line_result line_next(struct line_reader *reader, size_t max);

void line_reader_deinit(struct line_reader *reader);

#endif
