/* A connected socket, plain or TLS, never blocking, that tells its owner when
 * something can be done. Writes never raise SIGPIPE.
 *
 * Belongs to the loop's thread. */
#ifndef AC_IO_STREAM_H
#define AC_IO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/str.h"

struct ac_loop;
struct ac_stream;
struct ac_tls;

/* Results of read and write, besides a count of bytes. */
enum {
  AC_STREAM_EOF = 0,
  AC_STREAM_AGAIN = -1, /* the owner will be called */
  AC_STREAM_FAILED = -2
};

struct ac_stream_owner {
  void *owner;
  /* There may be bytes to read, or the end, or an error. */
  void (*readable)(void *owner);
  /* There is room again, after a write that was not taken in full. */
  void (*writable)(void *owner);
};

/* Takes |fd|, a connected socket of any kind (a test's socketpair too). With
 * |tls|, the server's side of the handshake happens inside reads, writes and
 * the loop; the owner is first called when it is done or has failed, or the
 * peer is gone. NULL, with errno; |fd| is then closed. */
struct ac_stream *ac_stream_new(struct ac_loop *loop, int fd,
                                struct ac_tls *tls,
                                const struct ac_stream_owner *owner);

/* Gives the stream another owner, from inside a callback of the one before too.
 * What there is to read already is reported to the new one. */
void ac_stream_set_owner(struct ac_stream *stream,
                         const struct ac_stream_owner *owner);

/* What may be spoken inside TLS, before the handshake: by default HTTP/2 alone,
 * for which clients must ask. A client that asks for nothing speaks HTTP/1.1.
 */
enum { AC_STREAM_HTTP2 = 1, AC_STREAM_HTTP1 = 2 };
void ac_stream_offer(struct ac_stream *stream, int protocols);

/* Copies bytes that can be read, and leaves them there; plain streams only. A
 * count, or as ac_stream_read. */
ssize_t ac_stream_peek(struct ac_stream *stream, void *data, size_t size);

/* Closes at once. Not inside a read or write of the same stream. */
void ac_stream_free(struct ac_stream *stream);

/* Reads up to |size| bytes: a count, AC_STREAM_EOF, _AGAIN or _FAILED. */
ssize_t ac_stream_read(struct ac_stream *stream, void *data, size_t size);

/* True if more can be read at once although the descriptor may not say so
 * (TLS keeps bytes of its own). The owner need not ask: |readable| is called
 * for these too. */
bool ac_stream_pending(const struct ac_stream *stream);

/* Writes in one system call where it can: a count, possibly short, _AGAIN or
 * _FAILED. With TLS, what was counted is taken, and sent by the stream itself
 * if it waits inside, as after a short count; |writable| is called when it has
 * gone. */
ssize_t ac_stream_write(struct ac_stream *stream, const void *data, size_t len);

/* Bytes written but still inside (TLS records). Who watches whether sending
 * makes progress counts them too. */
size_t ac_stream_unsent(const struct ac_stream *stream);

/* Asks to be called when there is something to read, when there is room, both
 * or neither. Default: reading only. A connection that breaks is told whatever
 * is asked for, as readable where writing is not: once, if reading is not
 * asked for. After the end, there is nothing to read any more. */
void ac_stream_interest(struct ac_stream *stream, bool read, bool write);

/* No more writes: the peer sees the end after what was written. */
void ac_stream_shutdown(struct ac_stream *stream);

/* "192.0.2.1:4711", "[::1]:4711", "unix:"; for logs. */
const char *ac_stream_peer(const struct ac_stream *stream);

/* True with TLS, once the handshake is done. |protocol| is what ALPN chose. */
bool ac_stream_tls_ready(const struct ac_stream *stream);
anycable_str ac_stream_protocol(const struct ac_stream *stream);

/* Why the stream failed, for logs; never NULL. */
const char *ac_stream_error(const struct ac_stream *stream);

#endif
