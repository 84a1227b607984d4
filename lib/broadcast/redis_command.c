/* RESP has a length in front of each word, so nothing in a channel or a message
 * can become a command. */
#include "broadcast/redis_command.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* What an empty last word looks like. */
#define EMPTY "$0\r\n\r\n"

enum {
  WORDS_MAX = 8,
  LENGTH_SIZE = 24 /* "$", a number, "\r\n" */
};

bool ac_redis_command_init(struct ac_redis_command *command, int count,
                           const char **words) {
  const char *all[WORDS_MAX];
  int len = -1;
  *command = (struct ac_redis_command){0};
  if (count < WORDS_MAX) {
    memcpy(all, words, (size_t)count * sizeof(*words));
    all[count] = "";
    len = redisFormatCommandArgv(&command->prefix, count + 1, all, NULL);
  }
  if (len < 0)
    return false;
  command->len = (size_t)len - strlen(EMPTY);
  return true;
}

void ac_redis_command_deinit(struct ac_redis_command *command) {
  free(command->prefix);
  *command = (struct ac_redis_command){0};
}

/* Writes "$LENGTH\r\n"; returns where it ends. */
static char *put_length(char *at, size_t length) {
  char digits[LENGTH_SIZE];
  size_t n = 0;
  do
    digits[n++] = (char)('0' + length % 10);
  while ((length /= 10) > 0);
  *at++ = '$';
  while (n > 0)
    *at++ = digits[--n];
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

bool ac_redis_command_append(const struct ac_redis_command *command,
                             struct ac_buffer *out, anycable_str message) {
  char *room =
      ac_buffer_reserve(out, command->len + LENGTH_SIZE + message.len + 2);
  if (!room)
    return false;
  memcpy(room, command->prefix, command->len);
  char *at = put_length(room + command->len, message.len);
  if (message.len > 0)
    memcpy(at, message.ptr, message.len);
  at += message.len;
  *at++ = '\r';
  *at++ = '\n';
  ac_buffer_commit(out, (size_t)(at - room));
  return true;
}
