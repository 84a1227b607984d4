/* Reads files by cJSON's parser, with its gaps filled: NULs and positions. */
#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Enough for any request: the server accepts a quarter of it. */
enum { INPUT_MAX = 16 * 1024 * 1024 };

/* The whole text of |file|, NUL-terminated. */
static char *read_all(FILE *file, size_t *len, char error[ERROR_SIZE]) {
  size_t size = 4096, used = 0;
  char *text = text_must(malloc(size));

  for (;;) {
    used += fread(text + used, 1, size - used - 1, file);
    if (ferror(file)) {
      snprintf(error, ERROR_SIZE, "%s", strerror(errno));
      break;
    }
    if (feof(file)) {
      text[used] = '\0';
      *len = used;
      return text;
    }
    size *= 2;
    if (size > INPUT_MAX) {
      snprintf(error, ERROR_SIZE, "longer than %d bytes", INPUT_MAX);
      break;
    }
    text = text_must(realloc(text, size));
  }
  free(text);
  return NULL;
}

/* A string with a NUL in it would silently be cut: cJSON ends strings with
 * one. In JSON, a backslash stands nowhere but in strings. */
static const char *find_nul(const char *text, size_t len) {
  for (const char *s = text; s < text + len; s++) {
    if (*s == '\0' || strncmp(s, "\\u0000", 6) == 0)
      return s;
    if (*s == '\\')
      s++;
  }
  return NULL;
}

static void fail_at(char error[ERROR_SIZE], const char *reason,
                    const char *text, const char *at) {
  int line = 1, column = 1;

  for (const char *s = text; s < at; s++) {
    column = *s == '\n' ? 1 : column + 1;
    line += *s == '\n';
  }
  snprintf(error, ERROR_SIZE, "near line %d, column %d: %s", line, column,
           reason);
}

static cJSON *parse(const char *text, size_t len, char error[ERROR_SIZE]) {
  const char *end = NULL, *nul = find_nul(text, len);
  cJSON *value;

  if (nul) {
    fail_at(error, "a NUL character, which requests cannot hold", text, nul);
    return NULL;
  }
  value = cJSON_ParseWithLengthOpts(text, len, &end, false);
  if (value)
    end += strspn(end, " \t\r\n");
  if (value && end == text + len)
    return value;
  fail_at(error, "not valid JSON", text, end);
  cJSON_Delete(value);
  return NULL;
}

cJSON *json_read(const char *path, char error[ERROR_SIZE]) {
  bool is_stdin = strcmp(path, "-") == 0;
  FILE *file = is_stdin ? stdin : fopen(path, "r");
  size_t len = 0;
  char *text;
  cJSON *value;

  if (!file) {
    snprintf(error, ERROR_SIZE, "%s", strerror(errno));
    return NULL;
  }
  text = read_all(file, &len, error);
  if (!is_stdin)
    fclose(file);
  if (!text)
    return NULL;
  value = parse(text, len, error);
  free(text);
  return value;
}

static void print_scalar(FILE *out, const cJSON *value) {
  char *text = text_must(cJSON_PrintUnformatted(value));

  fputs(text, out);
  free(text);
}

static void print_name(FILE *out, const char *name) {
  cJSON *text = text_must(cJSON_CreateStringReference(name));

  print_scalar(out, text);
  fputs(": ", out);
  cJSON_Delete(text);
}

static void print_value(FILE *out, const cJSON *value, int indent) {
  const char *brackets = cJSON_IsObject(value) ? "{}" : "[]";

  /* Empty ones stay on their line. */
  if (!value->child) {
    print_scalar(out, value);
    return;
  }
  fprintf(out, "%c\n", brackets[0]);
  for (const cJSON *item = value->child; item; item = item->next) {
    fprintf(out, "%*s", indent + 2, "");
    if (item->string)
      print_name(out, item->string);
    print_value(out, item, indent + 2);
    fputs(item->next ? ",\n" : "\n", out);
  }
  fprintf(out, "%*s%c", indent, "", brackets[1]);
}

void json_print(FILE *out, const cJSON *value) {
  print_value(out, value, 0);
  fputc('\n', out);
}
