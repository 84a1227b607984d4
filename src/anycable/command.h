/* What a command of the tool is. Each command is a file of its own, which
 * defines one struct command; main.c holds the table of them. */
#ifndef TOOL_COMMAND_H
#define TOOL_COMMAND_H

#include "args.h"

/* Scripts rely on these; --help and anycable(1) document them. */
enum exit_status {
  EXIT_DONE = 0,
  EXIT_REFUSED = 1,  /* there is an answer, and it is not a yes */
  EXIT_USAGE = 2,    /* the arguments make no sense */
  EXIT_NO_ANSWER = 3 /* no connection, no answer, or gRPC says it failed */
};

struct command {
  const char *name;
  const char *operands;          /* what follows the name in the usage line */
  const char *summary;           /* its line in `anycable --help` */
  const char *about;             /* what --help says above the flags */
  const struct flag *flags;      /* ends with a flag without a name */
  const struct flag *more_flags; /* those it shares with others, or NULL */
  const char *more; /* what --help says below: exit status, example */
  int (*run)(struct args *args);
};

extern const struct command call_command;
extern const struct command health_command;
extern const struct command broadcast_command;
extern const struct command disconnect_command;
extern const struct command sign_command;
extern const struct command verify_command;
extern const struct command jwt_command;
extern const struct command secret_command;

#endif
