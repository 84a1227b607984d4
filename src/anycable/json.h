/* JSON as files and as what people read; trees are cJSON's. */
#ifndef TOOL_JSON_H
#define TOOL_JSON_H

#include "text.h"

#include <cjson/cJSON.h>

/* Reads the file |path|, or standard input, if that is "-". NULL: |error| says
 * what is wrong and where. */
cJSON *json_read(const char *path, char error[ERROR_SIZE]);

/* Prints |value| with two spaces a level, and a newline at the end. */
void json_print(FILE *out, const cJSON *value);

#endif
