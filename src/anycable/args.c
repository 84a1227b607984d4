/* The one place that reads argv, and that says what is wrong with it. */
#include "args.h"
#include "command.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool args_fail(struct args *args, const char *format, ...) {
  const char *name = args->command->name;
  va_list list;

  fprintf(stderr, "anycable %s: ", name);
  va_start(list, format);
  vfprintf(stderr, format, list);
  va_end(list);
  fprintf(stderr, "\nSee \"anycable %s --help\".\n", name);
  args->status = EXIT_USAGE;
  return false;
}

/* The flag number |index| of the command: its own, then the shared ones. NULL
 * where there are no more. */
static const struct flag *flag_at(const struct command *command, int index) {
  const struct flag *tables[] = {command->flags, command->more_flags};

  for (int t = 0; t < 2; t++)
    for (const struct flag *f = tables[t]; f && f->name; f++)
      if (index-- == 0)
        return f;
  return NULL;
}

static void flag_help(FILE *out, const struct flag *flag) {
  const char *line = flag->help;
  const char *space = flag->argument && flag->argument[0] != '[' ? " " : "";
  int width = fprintf(out, "  --%s%s%s", flag->name, space,
                      flag->argument ? flag->argument : "");

  /* A long name has a line of its own, the text stays in its column. */
  if (width > 24)
    width = fprintf(out, "\n") - 1;
  for (;;) {
    int len = (int)strcspn(line, "\n");
    fprintf(out, "%*s%.*s\n", 26 - width, "", len, line);
    line += len;
    if (*line++ == '\0')
      return;
    width = 0;
  }
}

void args_help(FILE *out, const struct command *command) {
  const struct flag *flag;

  fprintf(out, "usage: anycable %s %s\n\n%s\nflags:\n", command->name,
          command->operands, command->about);
  for (int i = 0; (flag = flag_at(command, i)); i++)
    flag_help(out, flag);
  fprintf(out, "  --help                  print this\n\n%s", command->more);
}

/* What read_next() returns besides ids of flags. */
enum {
  ARGS_END = -1,
  ARGS_OPERAND = -2,
  ARGS_STOP = -3 /* --help or a mistake, dealt with */
};

static int unknown_flag(struct args *args, const char *text) {
  char allowed[1024] = "";
  const struct flag *flag;
  size_t used = 0;

  for (int i = 0; (flag = flag_at(args->command, i)); i++) {
    int n = snprintf(allowed + used, sizeof allowed - used, "%s --%s",
                     i ? "," : "", flag->name);
    if (n < 0 || (size_t)n >= sizeof allowed - used)
      break;
    used += (size_t)n;
  }
  args_fail(args, "unknown flag %.*s; there are%s", (int)strcspn(text, "="),
            text, allowed);
  return ARGS_STOP;
}

/* |text| begins with a dash. Its value is what stands behind "=", or else the
 * next argument, whatever that looks like: JSON and URLs need no quoting. */
static int read_flag(struct args *args, const char *text, const char **value) {
  const char *name = text + 2;
  size_t len = strcspn(name, "=");
  const struct flag *flag;
  int i = 0;

  while ((flag = flag_at(args->command, i)) &&
         (strlen(flag->name) != len || memcmp(flag->name, name, len) != 0))
    i++;
  if (!flag)
    return unknown_flag(args, text);

  if (!flag->argument) {
    if (name[len] == '\0')
      return flag->id;
    args_fail(args, "--%s takes no value", flag->name);
    return ARGS_STOP;
  }
  if (name[len] == '=') {
    *value = name + len + 1;
  } else if (flag->argument[0] == '[') {
    *value = NULL;
  } else if (*args->argv) {
    *value = *args->argv++;
  } else {
    args_fail(args, "--%s needs a value: --%s %s", flag->name, flag->name,
              flag->argument);
    return ARGS_STOP;
  }
  return flag->id;
}

/* The id of the next flag, or one of the above; |value| is that of the flag or
 * the operand, and is left as it is where a flag takes none. */
static int read_next(struct args *args, const char **value) {
  const char *text = *args->argv;

  if (!text)
    return ARGS_END;
  args->argv++;
  if (!args->operands_only && strcmp(text, "--") == 0) {
    args->operands_only = true;
    return read_next(args, value);
  }
  if (args->operands_only || text[0] != '-' || text[1] == '\0') {
    *value = text;
    return ARGS_OPERAND;
  }
  if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) {
    args_help(stdout, args->command);
    args->status = EXIT_DONE;
    return ARGS_STOP;
  }
  if (text[1] != '-')
    return unknown_flag(args, text);
  return read_flag(args, text, value);
}

bool args_read(struct args *args, args_operand_fn *operand, args_flag_fn *flag,
               void *ctx) {
  for (;;) {
    const char *value = NULL;
    int id = read_next(args, &value);

    if (id == ARGS_END)
      return true;
    if (id == ARGS_STOP)
      return false;
    if (id == ARGS_OPERAND ? !operand(args, value, ctx)
                           : !flag(args, id, value, ctx))
      return false;
  }
}

/* A day; grpc-timeout has room for eight digits. */
enum { TIMEOUT_MAX_SECONDS = 86400 };

/* Seconds with up to three decimals, as milliseconds; -1 for anything else. */
static int64_t parse_seconds(const char *text) {
  size_t whole = strspn(text, "0123456789"), decimals = 0;
  int64_t ms;

  if (whole == 0 || whole > 5)
    return -1;
  ms = (int64_t)atoi(text) * 1000;
  text += whole;
  if (*text == '.') {
    int unit = 100;
    for (text++; isdigit((unsigned char)*text) && decimals < 3; decimals++) {
      ms += (*text++ - '0') * unit;
      unit /= 10;
    }
    if (decimals == 0)
      return -1;
  }
  if (*text || ms == 0 || ms > TIMEOUT_MAX_SECONDS * INT64_C(1000))
    return -1;
  return ms;
}

bool args_timeout(struct args *args, const char *value, int64_t *ms) {
  *ms = parse_seconds(value);
  return *ms >= 0 ||
         args_fail(args, "--timeout takes seconds, 0.001 to %d, not \"%s\"",
                   TIMEOUT_MAX_SECONDS, value);
}
