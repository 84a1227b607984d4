/* A connection to a Redis or a sentinel: opened, logged in, and asked. Nothing
 * here waits longer than it is told to. */
#ifndef AC_BROADCAST_REDIS_CONNECTION_H
#define AC_BROADCAST_REDIS_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "broadcast/redis_reply.h"
#include "broadcast/redis_url.h"
#include "io/wait.h"

struct ac_link;
struct ac_tls;

/* Room for "sentinel at " and a host. */
enum { AC_REDIS_NAME_SIZE = 288, AC_REDIS_REASON_SIZE = 512 };

struct ac_redis_connection {
  struct ac_link *link;
  struct ac_redis_reader *reader;
  struct ac_buffer out;          /* what is to be sent next */
  char name[AC_REDIS_NAME_SIZE]; /* "redis at 10.0.0.1:6379", for logs */
  const char *error;             /* why it broke */
};

/* Connects to |url|, a "redis" or a "sentinel" by |kind|, with |tls| where the
 * URL asks for it, logs in, and selects the database. NULL, with the reason,
 * which names the other side, in |reason|.
 */
struct ac_redis_connection *
ac_redis_connection_open(const char *kind, const struct ac_redis_url *url,
                         struct ac_tls *tls, const struct ac_wait *wait,
                         char *reason, size_t reason_size);
void ac_redis_connection_free(struct ac_redis_connection *connection);

/* Asks whether it is a master; false with the reason. */
bool ac_redis_connection_is_master(struct ac_redis_connection *connection,
                                   const struct ac_wait *wait, char *reason,
                                   size_t reason_size);

/* Asks whether it can be worked with now; false with the reason. */
bool ac_redis_connection_answers(struct ac_redis_connection *connection,
                                 const struct ac_wait *wait, char *reason,
                                 size_t reason_size);

/* Sends one command of |count| words and waits for its reply, which is valid
 * until the next one is read. NULL with the reason; the connection is then of
 * no use any more. */
const struct ac_redis_reply *
ac_redis_connection_ask(struct ac_redis_connection *connection, int count,
                        const char **words, const struct ac_wait *wait,
                        char *reason, size_t reason_size);

/* Is there still somebody, who says nothing? For one that was idle. */
bool ac_redis_connection_alive(struct ac_redis_connection *connection);

/* Sends of |out| what the socket takes: a count, AC_STREAM_AGAIN or _FAILED. */
ssize_t ac_redis_connection_send(struct ac_redis_connection *connection);

/* Receives what is there: a count, AC_STREAM_AGAIN or _FAILED, which the end is
 * here, too. Then the replies are to be read. */
ssize_t ac_redis_connection_receive(struct ac_redis_connection *connection);

/* Writes: the connection's name, ": ", |why|. */
void ac_redis_connection_explain(const struct ac_redis_connection *connection,
                                 const char *why, char *reason,
                                 size_t reason_size);

#endif
