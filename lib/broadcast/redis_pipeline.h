/* Publishing what waits over one connection: many messages are under way at a
 * time, and each is settled when its reply comes, in their order.
 *
 * A message that Redis refuses for now, as it loads its data or is no master
 * any more, is held: if all that were sent are refused, they come again over
 * the next connection. If one behind it went through, it has FAILED, as it
 * would come out of its order. */
#ifndef AC_BROADCAST_REDIS_PIPELINE_H
#define AC_BROADCAST_REDIS_PIPELINE_H

#include <anycable/adapter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broadcast/redis_command.h"
#include "broadcast/redis_connection.h"

/* How many messages are under way at most; a power of two. */
enum { AC_REDIS_WINDOW = 1024 };

struct ac_redis_pipeline {
  const struct ac_redis_command *command;
  enum ac_redis_type success; /* the type of a good reply */
  bool again;                 /* messages whose fate is unknown come again */
  uint64_t patience;          /* ns, for a reply */

  /* Messages that were taken and are not settled, the oldest at |first|. Bytes
   * are counted from the connection's first. */
  size_t first;
  size_t taken;
  size_t count;      /* of them, sent over this connection, or about to be */
  size_t held;       /* of these, refused for now; the oldest */
  bool closing;      /* there was one: nothing more is taken */
  uint64_t begin;    /* where the oldest begins */
  uint64_t written;  /* what the socket has taken */
  uint64_t progress; /* when something went on last */
  uint64_t until;    /* when to come to an end */
  anycable_str messages[AC_REDIS_WINDOW];
  uint64_t ends[AC_REDIS_WINDOW];
  char refusal[AC_REDIS_REASON_SIZE]; /* of the first that was held */
};

/* To be called first in each publish: what was taken has been put back. */
void ac_redis_pipeline_begin(struct ac_redis_pipeline *pipeline);

/* Sends what was taken and is not settled, and what is in |outbox|, until there
 * is no more, or for half a second. ANYCABLE_OK, and the connection can be used
 * again; ANYCABLE_ERR_CANCELLED if publish is to return; another error with the
 * reason. After an error the connection must be closed.
 */
int ac_redis_pipeline_run(struct ac_redis_pipeline *pipeline,
                          struct ac_redis_connection *connection,
                          anycable_outbox *outbox, char *reason,
                          size_t reason_size);

#endif
