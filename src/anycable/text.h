/* Small helps with text and memory, for every file of the tool. */
#ifndef TOOL_TEXT_H
#define TOOL_TEXT_H

#include <stdbool.h>
#include <stdio.h>

/* Room for the reason of a failure; longer ones are cut. */
enum { ERROR_SIZE = 512 };

/* True where |text| is valid UTF-8, as protobuf demands of every string. */
bool text_is_utf8(const char *text);

/* Prints what a peer said, with control characters as \x1b: a message must
 * not move the cursor, or look like two. */
void text_print_safe(FILE *out, const char *text);

/* |memory|, but ends the program where it is NULL: the tool has nothing to
 * save when memory is short. */
void *text_must(void *memory);

#endif
