/* HTTP/2, the server's side: connections and their streams, on nghttp2, which
 * nobody else uses.
 *
 * A turn of a connection reads at most 8 KiB, lets nghttp2 take it, runs what
 * became ready, and puts all output out in one write. Nothing above is called
 * from inside an nghttp2 callback but |header|, |body| and |end|, which only
 * take notes; what they want to do they do in |ready|.
 *
 * Belongs to the loop's thread. */
#ifndef AC_H2_H2_H
#define AC_H2_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/list.h"
#include "base/log.h"
#include "base/runtime.h"
#include "base/str.h"
#include "io/stream.h"

struct ac_h2;
struct ac_h2_connection;
struct ac_h2_stream;

/* Times in nanoseconds; 0 switches off where anycable/config.h says so. */
struct ac_h2_config {
  size_t header_bytes;
  size_t header_count;
  uint32_t streams;
  uint64_t handshake_time;
  uint64_t request_time;
  uint64_t send_time;
  uint64_t idle_time;
  uint64_t age;
  uint64_t age_grace;
  uint64_t keepalive_time;
  uint64_t keepalive_timeout;
  uint64_t ping_interval;
  uint32_t ping_strikes;
  uint32_t pings_rate;
  uint32_t settings_rate;
  uint32_t resets;
  uint32_t resets_rate;
  uint32_t glitches;
  uint32_t glitches_rate;
  uint32_t empty_frames;
  int chatter_level; /* at which connections are logged */
};

/* A verdict on a request's headers. */
enum ac_h2_verdict {
  AC_H2_ACCEPT,
  AC_H2_TOO_LARGE, /* over the limits: 431 is the answer */
};

/* What the owner of streams is told; |data| is the stream's own memory. */
struct ac_h2_handler {
  size_t stream_size; /* of |data|, which comes zeroed */

  /* Inside nghttp2. A stream begins; |owner| is that of ac_h2_new. False:
   * without memory; the stream is reset. */
  bool (*begin)(void *owner, void *data, struct ac_h2_stream *stream);
  /* One header field; pseudo headers too, all valid, borrowed for the call. */
  bool (*header)(void *data, anycable_str name, anycable_str value);
  /* The headers are complete. */
  void (*headers_end)(void *data, enum ac_h2_verdict verdict);
  void (*body)(void *data, const char *bytes, size_t len);
  /* The request is complete. */
  void (*end)(void *data);

  /* Outside nghttp2, now and then, at least every second: the request is still
   * not complete at |now|. */
  void (*waiting)(void *data, uint64_t now);
  /* Outside nghttp2, after ac_h2_stream_schedule. */
  void (*ready)(void *data);
  /* Outside nghttp2: the stream is gone, |data| goes after this. */
  void (*closed)(void *data);
  /* A turn is over: what |ready| put aside may be passed on now. */
  void (*settled)(void *owner);
};

/* NULL without memory. |owner| is for the handler and the ops below. */
struct ac_h2 *ac_h2_new(const struct ac_h2_config *config,
                        const struct ac_h2_handler *handler, void *owner,
                        const struct ac_runtime *runtime,
                        const struct ac_log *log);

/* Closes all connections that are left. */
void ac_h2_free(struct ac_h2 *h2);

/* Serves a connection, of which it takes |stream|, from a callback of that too.
 * False without memory. */
bool ac_h2_accept(struct ac_h2 *h2, struct ac_stream *stream);

size_t ac_h2_connections(const struct ac_h2 *h2);

/* Any thread may read what that counts. */
const struct ac_traffic *ac_h2_traffic(const struct ac_h2 *h2);

/* Says goodbye to all connections, in two steps, and closes each when its
 * streams are done. */
void ac_h2_drain(struct ac_h2 *h2);

/* Closes all connections now; their streams are closed. */
void ac_h2_close_all(struct ac_h2 *h2);

/* Puts out what was answered since the last turn, on all connections. */
void ac_h2_flush(struct ac_h2 *h2);

/* --- one stream ---------------------------------------------------------- */

/* Has |ready| called, once, when nghttp2 is done with the bytes at hand. From
 * outside of nghttp2 that is in ac_h2_flush. */
void ac_h2_stream_schedule(struct ac_h2_stream *stream);

/* A header field to send; both borrowed until the stream is closed, or
 * constants. Names are lower case. */
struct ac_h2_field {
  anycable_str name;
  anycable_str value;
};

/* Answers with headers alone, which end the stream. */
bool ac_h2_stream_reject(struct ac_h2_stream *stream,
                         const struct ac_h2_field *fields, size_t n);

/* Answers with headers, then |body|, then |trailers|; all borrowed until
 * closed. False without memory. */
bool ac_h2_stream_respond(struct ac_h2_stream *stream,
                          const struct ac_h2_field *headers, size_t n_headers,
                          anycable_str body, const struct ac_h2_field *trailers,
                          size_t n_trailers);

/* The same for a stream that goes on: after ac_h2_stream_open, any number of
 * ac_h2_stream_push, each when the one before was sent (false if not yet), at
 * last ac_h2_stream_finish. */
bool ac_h2_stream_open(struct ac_h2_stream *stream,
                       const struct ac_h2_field *headers, size_t n);
bool ac_h2_stream_push(struct ac_h2_stream *stream, anycable_str body);
/* Is there something left of it? When there is not any more, |ready| is called.
 */
bool ac_h2_stream_is_sending(const struct ac_h2_stream *stream);
bool ac_h2_stream_finish(struct ac_h2_stream *stream,
                         const struct ac_h2_field *trailers, size_t n);

/* Tells the peer to stop, where it still sends (NO_ERROR), or gives the
 * stream up. |code| is HTTP/2's. */
void ac_h2_stream_reset(struct ac_h2_stream *stream, uint32_t code);

/* Lets the peer send |len| more bytes of this request: those taken. */
void ac_h2_stream_consumed(struct ac_h2_stream *stream, size_t len);

/* True of the first stream of its connection. */
bool ac_h2_stream_is_first(const struct ac_h2_stream *stream);

/* The peer's address, for logs. */
const char *ac_h2_stream_peer(const struct ac_h2_stream *stream);

enum {
  AC_H2_NO_ERROR = 0,
  AC_H2_PROTOCOL_ERROR = 1,
  AC_H2_INTERNAL_ERROR = 2,
  AC_H2_REFUSED_STREAM = 7,
  AC_H2_CANCEL = 8,
  AC_H2_ENHANCE_YOUR_CALM = 11
};

#endif
