/* A socket, and TLS over it where that is asked for. */
#include "io/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/errors.h"
#include "io/fd.h"
#include "io/stream.h"
#include "io/tls_conn.h"

struct ac_link {
  int fd;
  struct ac_tls_conn *tls; /* NULL: plain */
  const char *error;
};

struct ac_link *ac_link_new(int fd, struct ac_tls *tls, const char *host) {
  struct ac_link *link = calloc(1, sizeof(*link));
  if (!link)
    goto fail;
  link->fd = fd;
  link->error = "";
  if (tls && !(link->tls = ac_tls_conn_new_client(tls, fd, host)))
    goto fail;
  return link;

fail:
  free(link);
  close(fd);
  return NULL;
}

void ac_link_free(struct ac_link *link) {
  if (!link)
    return;
  /* The other side hears that nothing was cut off, if there is room. */
  if (link->tls)
    ac_tls_conn_close_notify(link->tls);
  ac_tls_conn_free(link->tls);
  close(link->fd);
  free(link);
}

static ssize_t fail(struct ac_link *link, const char *error) {
  link->error = error;
  return AC_STREAM_FAILED;
}

/* The result of a call of TLS's. */
static ssize_t used_tls(struct ac_link *link, ssize_t n) {
  return n == AC_STREAM_FAILED ? fail(link, ac_tls_conn_error(link->tls)) : n;
}

bool ac_link_handshake(struct ac_link *link, const struct ac_wait *wait) {
  while (link->tls && !ac_tls_conn_established(link->tls)) {
    ssize_t n = used_tls(link, ac_tls_conn_handshake(link->tls));
    if (n == AC_STREAM_EOF)
      fail(link, "closed in the TLS handshake");
    if (n == AC_STREAM_EOF || n == AC_STREAM_FAILED)
      return false;
    enum ac_wait_end end =
        n == AC_STREAM_AGAIN ? ac_link_wait(link, wait, false) : AC_WAIT_READY;
    if (end != AC_WAIT_READY) {
      fail(link, end == AC_WAIT_TIMEOUT ? "the TLS handshake timed out"
                                        : ac_wait_text(end));
      return false;
    }
  }
  return true;
}

/* The result of a call of the system's. */
static ssize_t used_fd(struct ac_link *link, ssize_t n) {
  return n == AC_STREAM_FAILED ? fail(link, ac_errno_text(errno)) : n;
}

ssize_t ac_link_read(struct ac_link *link, void *data, size_t size) {
  if (link->tls)
    return used_tls(link, ac_tls_conn_read(link->tls, data, size));
  return used_fd(link, ac_fd_receive(link->fd, data, size));
}

ssize_t ac_link_write(struct ac_link *link, const void *data, size_t len) {
  if (link->tls)
    return used_tls(link, ac_tls_conn_write(link->tls, data, len));
  return used_fd(link, ac_fd_send(link->fd, data, len));
}

enum ac_wait_end ac_link_wait(struct ac_link *link, const struct ac_wait *wait,
                              bool room) {
  short events = POLLIN;
  if (link->tls && ac_tls_conn_pending(link->tls))
    return AC_WAIT_READY;
  if (room || (link->tls && ac_tls_conn_unsent(link->tls) > 0))
    events |= POLLOUT;
  return ac_wait_for(wait, link->fd, events);
}

const char *ac_link_error(const struct ac_link *link) {
  return link->error;
}
