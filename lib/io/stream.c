/* A connected socket in the loop. Owns the descriptor; its owner decides what
 * is waited for. */
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
#include "io/loop.h"

/* How long sent bytes may stay unacknowledged: a peer that vanished is found
 * although we only send. */
enum { USER_TIMEOUT_MS = 20000 };

struct ac_stream {
  struct ac_loop *loop;
  struct ac_stream_owner owner;
  struct ac_watch watch;
  bool want_read;
  bool want_write;
  bool ended; /* no more bytes will come: there is nothing to wait for */
  const char *error;
  char peer[AC_ADDRESS_SIZE];
};

static ssize_t fail(struct ac_stream *stream, const char *error) {
  stream->ended = true;
  stream->error = error;
  return AC_STREAM_FAILED;
}

/* Changing a registration does not fail; only adding one does. */
static void update_interest(struct ac_stream *stream) {
  uint32_t events = 0;
  if (stream->want_read && !stream->ended)
    events |= EPOLLIN;
  if (stream->want_write)
    events |= EPOLLOUT;
  /* A broken connection is reported whatever is waited for: where that is
   * nothing, once, or it would be reported for ever. */
  if (!events)
    events = EPOLLONESHOT;
  ac_loop_watch(stream->loop, &stream->watch, events);
}

/* One callback an event, as it may free the stream. What else is ready is
 * reported in the next round. */
static void ready(struct ac_watch *watch, uint32_t events) {
  struct ac_stream *stream = ac_container_of(watch, struct ac_stream, watch);
  bool broken = events & (EPOLLERR | EPOLLHUP);
  if (stream->want_write && (broken || events & EPOLLOUT))
    stream->owner.writable(stream->owner.owner);
  else if (stream->ended && watch->events & EPOLLIN)
    update_interest(stream);
  else
    stream->owner.readable(stream->owner.owner);
}

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
  stream->error = "";
  if (tls) {
    errno = ENOTSUP;
    goto fail;
  }
  if (!set_flags(fd))
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
  free(stream);
  close(fd);
  errno = error;
  return NULL;
}

void ac_stream_free(struct ac_stream *stream) {
  if (!stream)
    return;
  ac_loop_unwatch(stream->loop, &stream->watch);
  close(stream->watch.fd);
  free(stream);
}

ssize_t ac_stream_read(struct ac_stream *stream, void *data, size_t size) {
  if (size == 0)
    return AC_STREAM_AGAIN;
  ssize_t n;
  do
    n = recv(stream->watch.fd, data, size, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    return n;
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
    return AC_STREAM_AGAIN;
  if (n < 0)
    return fail(stream, ac_errno_text(errno));
  stream->ended = true;
  return AC_STREAM_EOF;
}

bool ac_stream_pending(const struct ac_stream *stream) {
  (void)stream;
  return false;
}

ssize_t ac_stream_write(struct ac_stream *stream, const void *data,
                        size_t len) {
  if (len == 0)
    return 0;
  ssize_t n;
  do
    n = send(stream->watch.fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n >= 0)
    return n;
  if (errno == EAGAIN || errno == EWOULDBLOCK)
    return AC_STREAM_AGAIN;
  return fail(stream, ac_errno_text(errno));
}

size_t ac_stream_unsent(const struct ac_stream *stream) {
  (void)stream;
  return 0;
}

void ac_stream_interest(struct ac_stream *stream, bool read, bool write) {
  stream->want_read = read;
  stream->want_write = write;
  update_interest(stream);
}

void ac_stream_shutdown(struct ac_stream *stream) {
  shutdown(stream->watch.fd, SHUT_WR);
}

const char *ac_stream_peer(const struct ac_stream *stream) {
  return stream->peer;
}

bool ac_stream_tls_ready(const struct ac_stream *stream) {
  (void)stream;
  return false;
}

anycable_str ac_stream_protocol(const struct ac_stream *stream) {
  (void)stream;
  return ac_str_empty();
}

const char *ac_stream_error(const struct ac_stream *stream) {
  return stream->error;
}
