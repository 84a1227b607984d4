/* The inside of h2: one connection and its streams. */
#ifndef AC_H2_CONNECTION_H
#define AC_H2_CONNECTION_H

#include <nghttp2/nghttp2.h>

#include "base/buffer.h"
#include "h2/guard.h"
#include "h2/h2.h"
#include "h2/pool.h"
#include "h2/rules.h"

enum {
  AC_H2_READ = 8 * 1024, /* at a time: answers go out before more is read */
  AC_H2_TURNS = 4,       /* of one connection, before the next one's */
  AC_H2_SCRATCH = 64 * 1024,
  AC_H2_WINDOW = 1 << 20 /* what one connection may send ahead */
};

struct ac_h2 {
  struct ac_h2_config config;
  const struct ac_h2_handler *handler;
  void *owner;
  struct ac_runtime runtime;
  struct ac_log log;
  nghttp2_session_callbacks *callbacks;
  nghttp2_option *option;
  struct ac_list connections;
  struct ac_list dirty; /* connections with answers to put out */
  uint32_t random;      /* for jitter */
  struct ac_traffic traffic;
  char in[AC_H2_READ];
  char out[AC_H2_SCRATCH];
};

/* How a connection ends: told to go, told where its last stream is, told
 * nothing more. */
enum ac_h2_phase {
  AC_H2_SERVING,
  AC_H2_NOTICE, /* GOAWAY 2^31-1 and a PING are out */
  AC_H2_LAST,   /* GOAWAY with the real last stream is out */
  AC_H2_LINGER, /* all said; waiting for the peer to close */
  AC_H2_DEAD    /* to be freed when the turn is over */
};

struct ac_h2_connection {
  struct ac_list link;  /* in ac_h2.connections */
  struct ac_list dirty; /* in ac_h2.dirty */
  struct ac_h2 *h2;
  struct ac_stream *stream;
  nghttp2_session *session;
  struct ac_h2_stream *current; /* the one the last callback was about */
  struct ac_list streams;
  struct ac_list ready; /* streams that asked for |ready| */
  struct ac_list gone;  /* streams that are closed */
  size_t n_streams;
  size_t consumed; /* bytes of DATA not yet given back to the window */
  struct ac_buffer out;
  enum ac_h2_phase phase;
  bool in_turn;
  bool greeted;         /* the peer's first SETTINGS came */
  bool blocked;         /* waits for room in the socket */
  bool ticking;         /* the timer looks after streams */
  bool pinged;          /* our keepalive ping is out, and nothing was read */
  uint32_t pings_out;   /* pings of ours without an answer */
  int32_t last_id;      /* of the newest stream */
  bool punished;        /* the last GOAWAY was for misbehaviour */
  const char *farewell; /* debug data of the last GOAWAY */
  struct ac_timer timer;
  uint64_t began;
  uint64_t last_read;
  uint64_t last_sent;   /* progress in writing */
  uint64_t last_active; /* a stream began or ended, or a ping came */
  uint64_t pinged_at;   /* if |pinged| */
  uint64_t read_since;  /* when it was last no longer blocked */
  size_t unsent;        /* in TLS, when the timer looked last */
  uint64_t aged;        /* when it is too old; 0: never */
  uint64_t phase_since;
  uint64_t close_at; /* when draining is over; 0: not draining by age */
  struct ac_h2_guard guard;
  struct ac_h2_pool pool;
};

struct ac_h2_stream {
  struct ac_list link;  /* in connection->streams, then ->gone */
  struct ac_list ready; /* in connection->ready */
  struct ac_h2_connection *connection;
  int32_t id;
  bool ended;     /* the request is complete */
  bool answering; /* a response was submitted */
  bool finishing; /* |body| is the last of it */
  bool deferred;  /* nghttp2 waits for more body */
  bool gone;      /* nghttp2 has closed it */
  bool trailers;  /* the request's trailers are being read */
  uint32_t header_count;
  size_t header_bytes;
  struct ac_h2_rules rules;
  uint64_t began;
  uint64_t progressed;
  anycable_str body; /* of the response, what is left */
  const struct ac_h2_field *tail;
  size_t n_tail;
  _Alignas(16) char data[];
};

/* The time at which the current turn began. */
static inline uint64_t ac_h2_now(const struct ac_h2 *h2) {
  return h2->runtime.now(h2->runtime.loop);
}

/* callbacks.c */
bool ac_h2_callbacks_init(struct ac_h2 *h2);

/* Has the connection's output put out by ac_h2_flush, unless its turn does. */
static inline void ac_h2_connection_touch(struct ac_h2_connection *connection) {
  if (!connection->in_turn && ac_list_empty(&connection->dirty))
    ac_list_append(&connection->h2->dirty, &connection->dirty);
}

/* Has it freed there. */
static inline void ac_h2_connection_kill(struct ac_h2_connection *connection) {
  connection->phase = AC_H2_DEAD;
  ac_h2_connection_touch(connection);
}

/* lifetime.c: everything about a connection that has to do with time. */
void ac_h2_lifetime_begin(struct ac_h2_connection *connection);
void ac_h2_lifetime_end(struct ac_h2_connection *connection);
/* What waited for the socket is gone, and reading begins again. */
void ac_h2_lifetime_unblocked(struct ac_h2_connection *connection);
/* After a turn: streams may have come, or the last may have gone. */
void ac_h2_lifetime_turn(struct ac_h2_connection *connection);
void ac_h2_lifetime_goodbye(struct ac_h2_connection *connection,
                            const char *farewell);
/* The first GOAWAY was sent; and the ping behind it came back. */
void ac_h2_lifetime_noticed(struct ac_h2_connection *connection);
void ac_h2_lifetime_last_goaway(struct ac_h2_connection *connection);
void ac_h2_lifetime_punish(struct ac_h2_connection *connection,
                           const char *farewell);

/* stream.c */
struct ac_h2_stream *ac_h2_stream_new(struct ac_h2_connection *connection,
                                      int32_t id);
void ac_h2_stream_close(struct ac_h2_stream *stream);
void ac_h2_streams_reap(struct ac_h2_connection *connection);

/* The opaque of the ping that asks whether the first GOAWAY arrived. */
extern const uint8_t ac_h2_drain_ping[8];

#endif
