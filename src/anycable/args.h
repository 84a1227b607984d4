/* Reads a command's arguments: flags and operands, in any order. Every command
 * loops over args_next(), so that all of them treat --help, "--" and mistakes
 * alike. */
#ifndef TOOL_ARGS_H
#define TOOL_ARGS_H

#include <anycable/version.h>
#include <stdio.h>

struct command;

struct flag {
  int id;               /* not negative */
  const char *name;     /* without the dashes */
  const char *argument; /* what --help calls its value; NULL: it takes none */
  const char *help;     /* may have several lines */
};

struct args {
  const struct command *command;
  char **argv; /* what follows the command's name, ends with NULL */
  bool operands_only;
  int status; /* the exit status, once ARGS_STOP was returned */
};

enum {
  ARGS_END = -1,
  ARGS_OPERAND = -2,
  ARGS_STOP = -3 /* --help or a mistake, dealt with: return args->status */
};

/* The id of the next flag, or one of the above; |value| is that of the flag or
 * the operand, borrowed from argv. */
int args_next(struct args *args, const char **value);

/* Says on standard error what is wrong with the arguments, and where to read
 * more; sets args->status. Returns false, so that a mistake is told and
 * returned in one line. */
bool args_fail(struct args *args, const char *format, ...)
    ANYCABLE_PRINTF(2, 3);

/* Prints what `anycable COMMAND --help` shows. */
void args_help(FILE *out, const struct command *command);

#endif
