/* A command of which nothing changes but its last word, the message: all before
 * that is formatted once. */
#ifndef AC_BROADCAST_REDIS_COMMAND_H
#define AC_BROADCAST_REDIS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/str.h"

struct ac_redis_command {
  char *prefix;
  size_t len;
};

/* |words| are all but the message. False without memory. */
bool ac_redis_command_init(struct ac_redis_command *command, int count,
                           const char **words);
void ac_redis_command_deinit(struct ac_redis_command *command);

/* Appends the command with |message|. False without memory. */
bool ac_redis_command_append(const struct ac_redis_command *command,
                             struct ac_buffer *out, anycable_str message);

#endif
