/* HTTP/1.1 connections, the server's side: one request after the other, each
 * answered before the next is looked at.
 *
 * Belongs to the loop's thread. */
#ifndef AC_HTTP_CONNECTION_H
#define AC_HTTP_CONNECTION_H

#include "base/clock.h"
#include "base/counter.h"
#include "base/log.h"
#include "base/runtime.h"
#include "http/reader.h"
#include "http/service.h"
#include "io/stream.h"

/* How long a server that drains is still there for requests that are on their
 * way, over connections where none is under way: a client knows no sooner that
 * its connection was closed, and may not repeat what it sent. */
#define AC_HTTP1_LAST_CALLS AC_SECOND

/* Times in nanoseconds; an |idle_time| of 0: none. */
struct ac_http1_config {
  struct ac_http_reader_limits limits;
  size_t arena_cap;        /* of one request and its call */
  uint64_t handshake_time; /* until the first request begins */
  uint64_t request_time;   /* until one is complete */
  uint64_t send_time;      /* without progress */
  uint64_t idle_time;      /* between requests */
  int chatter_level;       /* at which connections are logged */
};

struct ac_http1;

/* NULL without memory. |arenas| outlives it. */
struct ac_http1 *ac_http1_new(const struct ac_http1_config *config,
                              struct ac_arena_pool *arenas,
                              const struct ac_runtime *runtime,
                              const struct ac_log *log);

/* Closes all connections that are left. NULL is fine, here and below. */
void ac_http1_free(struct ac_http1 *http1);

/* Serves a connection, of which it takes |stream|, from a callback of that
 * too. False without memory. */
bool ac_http1_accept(struct ac_http1 *http1, struct ac_stream *stream,
                     struct ac_http_service *service);

size_t ac_http1_connections(const struct ac_http1 *http1);

/* Any thread may read what that counts. */
const struct ac_traffic *ac_http1_traffic(const struct ac_http1 *http1);

/* How many answers were of 400 and above. Any thread. */
uint64_t ac_http1_errors(const struct ac_http1 *http1);

/* Closes each connection behind its next answer, and those that wait for a
 * request when AC_HTTP1_LAST_CALLS are over. */
void ac_http1_drain(struct ac_http1 *http1);

void ac_http1_close_all(struct ac_http1 *http1);

/* Goes on with the connections whose calls were answered since. */
void ac_http1_flush(struct ac_http1 *http1);

#endif
