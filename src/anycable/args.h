/* Reads a command's arguments: flags and operands, in any order. Every command
 * has args_read() do it, so that all of them treat --help, "--" and mistakes
 * alike. */
#ifndef TOOL_ARGS_H
#define TOOL_ARGS_H

#include <anycable/version.h>
#include <stdint.h>
#include <stdio.h>

struct command;

struct flag {
  int id;               /* not negative */
  const char *name;     /* without the dashes */
  const char *argument; /* what --help calls its value; NULL: it takes none;
                           in brackets, "[=X]": it may, behind "=" alone */
  const char *help;     /* may have several lines */
};

struct args {
  const struct command *command;
  char **argv; /* what follows the command's name, ends with NULL */
  bool operands_only;
  int status; /* the exit status, once a function below returned false */
};

/* Take an operand, or the flag |id| of the command's tables. |value| is
 * borrowed from argv, and NULL for a flag without one; |ctx| is what
 * args_read() was given. False: the mistake has been told. */
typedef bool args_operand_fn(struct args *args, const char *value, void *ctx);
typedef bool args_flag_fn(struct args *args, int id, const char *value,
                          void *ctx);

/* Reads all arguments, and has |operand| and |flag| take each as it comes: what
 * only makes sense of all of them together is for the command to check
 * afterwards. False where there is nothing more to do, because --help was
 * answered or a mistake told: the command returns args->status. */
bool args_read(struct args *args, args_operand_fn *operand, args_flag_fn *flag,
               void *ctx);

/* Says on standard error what is wrong with the arguments, and where to read
 * more; sets args->status. Returns false, so that a mistake is told and
 * returned in one line. */
bool args_fail(struct args *args, const char *format, ...)
    ANYCABLE_PRINTF(2, 3);

/* Reads the value of --timeout, in seconds. False: the mistake has been told.
 */
bool args_timeout(struct args *args, const char *value, int64_t *ms);

/* Prints what `anycable COMMAND --help` shows. */
void args_help(FILE *out, const struct command *command);

#endif
