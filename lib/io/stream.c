/* A connected socket in the loop, plain or with TLS (tls_conn.c). Owns the
 * descriptor; its owner decides what is waited for, but for what TLS waits for
 * itself: the handshake, and records that could not be sent. */
#include "io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "io/address.h"
#include "io/errors.h"
#include "io/fd.h"
#include "io/loop.h"
#include "io/tls_conn.h"

/* How long sent bytes may stay unacknowledged: a peer that vanished is found
 * although we only send. */
enum { USER_TIMEOUT_MS = 20000 };

struct ac_stream {
  struct ac_loop *loop;
  struct ac_stream_owner owner;
  struct ac_watch watch;
  struct ac_tls_conn *tls; /* NULL: plain */
  /* Fires at once while TLS holds bytes that the owner has not read. It is
   * always set, if only for never, as moving a timer cannot fail. */
  struct ac_timer again;
  bool want_read;
  bool want_write;
  bool ended;    /* no more bytes will come: there is nothing to wait for */
  bool shutting; /* the end is to be sent behind what waits */
  const char *error;
  char peer[AC_ADDRESS_SIZE];
};

static ssize_t fail(struct ac_stream *stream, const char *error) {
  stream->ended = true;
  stream->error = error;
  return AC_STREAM_FAILED;
}

/* --- what is waited for --------------------------------------------------- */

static bool in_handshake(const struct ac_stream *stream) {
  return stream->tls && !ac_tls_conn_established(stream->tls);
}

static bool waits_to_read(const struct ac_stream *stream) {
  if (stream->ended || (stream->tls && ac_tls_conn_clogged(stream->tls)))
    return false;
  return stream->want_read || in_handshake(stream);
}

static bool waits_to_write(const struct ac_stream *stream) {
  if (ac_stream_unsent(stream) > 0)
    return true;
  return stream->want_write && (stream->ended || !in_handshake(stream));
}

/* Changing a registration does not fail; only adding one does. */
static void update_interest(struct ac_stream *stream) {
  uint32_t events = 0;
  if (waits_to_read(stream))
    events |= EPOLLIN;
  if (waits_to_write(stream))
    events |= EPOLLOUT;
  /* A broken connection is reported whatever is waited for: where that is
   * nothing, once, or it would be reported for ever. */
  if (!events)
    events = EPOLLONESHOT;
  ac_loop_watch(stream->loop, &stream->watch, events);
}

/* Bytes that TLS has received already make no event. */
static void read_again(struct ac_stream *stream) {
  if (stream->want_read && stream->again.at == UINT64_MAX &&
      ac_stream_pending(stream))
    ac_loop_timer_set(stream->loop, &stream->again, ac_loop_now(stream->loop));
}

static void again(struct ac_timer *timer) {
  struct ac_stream *stream = ac_container_of(timer, struct ac_stream, again);
  ac_loop_timer_set(stream->loop, timer, UINT64_MAX);
  if (stream->want_read && ac_stream_pending(stream))
    stream->owner.readable(stream->owner.owner);
}

/* After each use of TLS: what it waits for may have changed. */
static ssize_t used_tls(struct ac_stream *stream, ssize_t n) {
  if (n == AC_STREAM_FAILED)
    fail(stream, ac_tls_conn_error(stream->tls));
  if (n == AC_STREAM_EOF)
    stream->ended = true;
  if (stream->shutting && ac_tls_conn_unsent(stream->tls) == 0) {
    stream->shutting = false;
    shutdown(stream->watch.fd, SHUT_WR);
  }
  update_interest(stream);
  read_again(stream);
  return n;
}

/* --- events --------------------------------------------------------------- */

static void call_owner(struct ac_stream *stream, bool read) {
  if (read)
    stream->owner.readable(stream->owner.owner);
  else
    stream->owner.writable(stream->owner.owner);
}

/* Goes on with what TLS does by itself; true if that is all there is to do. */
static bool tls_ready(struct ac_stream *stream) {
  if (in_handshake(stream) && !stream->ended) {
    if (used_tls(stream, ac_tls_conn_handshake(stream->tls)) == AC_STREAM_AGAIN)
      return true;
  } else if (ac_stream_unsent(stream) == 0 ||
             used_tls(stream, ac_tls_conn_flush(stream->tls)) !=
                 AC_STREAM_FAILED) {
    return false;
  }
  /* The handshake is over, or the connection: the owner has to look. */
  call_owner(stream, stream->want_read || !stream->want_write);
  return true;
}

/* One callback an event, as it may free the stream. What else is ready is
 * reported in the next round. */
static void ready(struct ac_watch *watch, uint32_t events) {
  struct ac_stream *stream = ac_container_of(watch, struct ac_stream, watch);
  if (stream->tls && tls_ready(stream))
    return;
  bool broken = events & (EPOLLERR | EPOLLHUP);
  if (stream->want_write && ac_stream_unsent(stream) == 0 &&
      (broken || events & EPOLLOUT))
    call_owner(stream, false);
  else if (stream->ended && watch->events & EPOLLIN)
    update_interest(stream);
  else if (broken || events & EPOLLIN)
    call_owner(stream, true);
}

/* --- life ----------------------------------------------------------------- */

/* What the kernel does not know of an option concerns other kinds of sockets:
 * failures are of no interest. */
static void set_options(int fd, sa_family_t family) {
  if (family != AF_INET && family != AF_INET6)
    return;
  int on = 1;
  unsigned timeout = USER_TIMEOUT_MS;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}

static bool set_flags(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
         fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static bool add_tls(struct ac_stream *stream, struct ac_tls *tls) {
  stream->tls = ac_tls_conn_new(tls, stream->watch.fd);
  if (stream->tls &&
      ac_loop_timer_set(stream->loop, &stream->again, UINT64_MAX) == 0)
    return true;
  errno = ENOMEM;
  return false;
}

/* Frees all but the descriptor. */
static void release(struct ac_stream *stream) {
  ac_loop_unwatch(stream->loop, &stream->watch);
  ac_loop_timer_clear(stream->loop, &stream->again);
  ac_tls_conn_free(stream->tls);
  free(stream);
}

struct ac_stream *ac_stream_new(struct ac_loop *loop, int fd,
                                struct ac_tls *tls,
                                const struct ac_stream_owner *owner) {
  struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
  socklen_t len = sizeof(address);
  struct ac_stream *stream = calloc(1, sizeof(*stream));
  if (!stream)
    goto fail;
  stream->loop = loop;
  stream->owner = *owner;
  stream->watch.fd = fd;
  stream->watch.ready = ready;
  stream->want_read = true;
  stream->again.fire = again;
  stream->again.at = UINT64_MAX;
  stream->error = "";
  if (!set_flags(fd) || (tls && !add_tls(stream, tls)))
    goto fail;
  /* A peer that is gone already is found by the first read. */
  getpeername(fd, (struct sockaddr *)&address, &len);
  set_options(fd, address.ss_family);
  ac_address_format(&address, len, stream->peer);
  if (!ac_loop_watch(loop, &stream->watch, EPOLLIN))
    goto fail;
  return stream;

fail:;
  int error = errno;
  if (stream)
    release(stream);
  close(fd);
  errno = error;
  return NULL;
}

void ac_stream_free(struct ac_stream *stream) {
  if (!stream)
    return;
  int fd = stream->watch.fd;
  release(stream);
  close(fd);
}

void ac_stream_set_owner(struct ac_stream *stream,
                         const struct ac_stream_owner *owner) {
  stream->owner = *owner;
  ac_stream_interest(stream, true, false);
}

void ac_stream_offer(struct ac_stream *stream, int protocols) {
  if (stream->tls)
    ac_tls_conn_offer(stream->tls, protocols);
}

/* --- use ------------------------------------------------------------------ */

ssize_t ac_stream_peek(struct ac_stream *stream, void *data, size_t size) {
  ssize_t n;
  do
    n = recv(stream->watch.fd, data, size, MSG_DONTWAIT | MSG_PEEK);
  while (n < 0 && errno == EINTR);
  return ac_fd_result(n);
}

ssize_t ac_stream_read(struct ac_stream *stream, void *data, size_t size) {
  if (size == 0)
    return AC_STREAM_AGAIN;
  if (stream->tls)
    return used_tls(stream, ac_tls_conn_read(stream->tls, data, size));
  ssize_t n = ac_fd_receive(stream->watch.fd, data, size);
  if (n == AC_STREAM_FAILED)
    return fail(stream, ac_errno_text(errno));
  if (n == AC_STREAM_EOF)
    stream->ended = true;
  return n;
}

bool ac_stream_pending(const struct ac_stream *stream) {
  return stream->tls && ac_tls_conn_pending(stream->tls);
}

ssize_t ac_stream_write(struct ac_stream *stream, const void *data,
                        size_t len) {
  if (len == 0)
    return 0;
  if (stream->tls)
    return used_tls(stream, ac_tls_conn_write(stream->tls, data, len));
  ssize_t n = ac_fd_send(stream->watch.fd, data, len);
  return n == AC_STREAM_FAILED ? fail(stream, ac_errno_text(errno)) : n;
}

size_t ac_stream_unsent(const struct ac_stream *stream) {
  return stream->tls ? ac_tls_conn_unsent(stream->tls) : 0;
}

void ac_stream_interest(struct ac_stream *stream, bool read, bool write) {
  stream->want_read = read;
  stream->want_write = write;
  update_interest(stream);
  read_again(stream);
}

void ac_stream_shutdown(struct ac_stream *stream) {
  if (!stream->tls) {
    shutdown(stream->watch.fd, SHUT_WR);
    return;
  }
  stream->shutting = true;
  ac_tls_conn_close_notify(stream->tls);
  used_tls(stream, AC_STREAM_AGAIN);
}

const char *ac_stream_peer(const struct ac_stream *stream) {
  return stream->peer;
}

bool ac_stream_tls_ready(const struct ac_stream *stream) {
  return stream->tls && ac_tls_conn_established(stream->tls);
}

anycable_str ac_stream_protocol(const struct ac_stream *stream) {
  return stream->tls ? ac_tls_conn_protocol(stream->tls) : ac_str_empty();
}

const char *ac_stream_error(const struct ac_stream *stream) {
  return stream->error;
}
