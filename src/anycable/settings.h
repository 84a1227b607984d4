/* The library's settings as flags of commands: each command lists those that
 * it reads, the library takes and checks their values. */
#ifndef TOOL_SETTINGS_H
#define TOOL_SETTINGS_H

#include "args.h"

#include <anycable/token.h>

/* Flags of these tables have ids from here on. */
enum { SETTING_FLAGS = 1000 };

extern const struct flag publishing_flags[]; /* where to publish */
extern const struct flag stream_flags[];     /* what signs streams */
extern const struct flag jwt_flags[];        /* what signs tokens */

/* What --help says of flags with secrets. */
#define SETTINGS_ABOUT_SECRETS                                                 \
  "Flags can be seen by other users of the machine: a secret is better kept "  \
  "in\nthe environment.\n"

/* A config with the settings of the environment. NULL: the mistake has been
 * told. Free it with anycable_config_free(). */
anycable_config *settings_new(struct args *args);

/* Takes the flag |id| of the command's table. False: the mistake has been told.
 */
bool settings_set_flag(anycable_config *config, struct args *args, int id,
                       const char *value);

#endif
