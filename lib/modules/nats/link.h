/* One connection to one server, once: it connects, is up, ends, and is closed.
 * Another one takes its place, so that what was handed to it went by it or got
 * lost with it, and never by a later one. (nats.c itself would keep messages
 * for the next connection, and tell nobody which these were.)
 *
 * A thread connects, as nats.c blocks in name lookups and TLS handshakes
 * without a bound, and then reads and writes. nats.c's own threads are not
 * used: a write that fails there is forgotten, and natsConnection_Flush()
 * reports success where its PING could not be written. */
#ifndef AC_NATS_LINK_H
#define AC_NATS_LINK_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/nats/servers.h"

struct ac_nats_link;

struct ac_nats_times {
  int64_t connect; /* ms, until it is up */
  int64_t answer;  /* ms, for what was sent to be received */
};

/* Begins to connect. NULL with the reason if that cannot be. */
struct ac_nats_link *ac_nats_link_open(const struct ac_nats_server *server,
                                       const struct ac_nats_times *times,
                                       char *reason, size_t reason_size);

/* Hangs up, without waiting for what hangs. NULL is fine. */
void ac_nats_link_close(struct ac_nats_link *link);

/* Waits until it is up or has ended, but not longer than its time to connect,
 * or until |end_fd| is readable. True if it is up. */
bool ac_nats_link_wait(struct ac_nats_link *link, int end_fd);

bool ac_nats_link_is_up(struct ac_nats_link *link);

/* Good while the link is up, and until it is closed. */
natsConnection *ac_nats_link_connection(struct ac_nats_link *link);

/* Why it has ended, or is not up yet. */
void ac_nats_link_reason(struct ac_nats_link *link, char *out, size_t size);

#endif
